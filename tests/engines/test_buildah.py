"""buildah: RUN and its options."""

import pytest

from engine_buildah import Buildah
from place import engine

NET = ("--network", "none")


@pytest.fixture(scope="session")
def buildah_session(place):
    with engine("buildah", lambda: Buildah(place)) as it:
        yield it


@pytest.fixture
def buildah(buildah_session):
    yield buildah_session
    buildah_session.clear()


@pytest.fixture
def box(buildah):
    """A working container."""
    return buildah("from", buildah.image)


def bud(buildah, text, *options, **more):
    directory = buildah.home / "context"
    directory.mkdir(exist_ok=True)
    (directory / "Containerfile").write_text(text.replace("IMAGE", buildah.image))
    (directory / "given").write_text("given\n")
    return buildah("bud", "-q", *NET, *options, directory, **more)


def test_the_runtime_is_the_one_asked_for(buildah, box):
    done = buildah.run("run", "--runtime", "/no/such", *NET, box, "true")
    assert done.returncode != 0 and "/no/such" in done.stderr


def test_run_output_and_exit_status(buildah, box):
    assert buildah("run", *NET, box, "echo", "hi") == "hi"
    done = buildah.run("run", *NET, box, "sh", "-c", "echo out; echo err >&2; exit 7")
    # In front of it may stand a warning: buildah asks for ambient capabilities that are not inheritable (CAP-3).
    assert (done.returncode, done.stdout) == (7, "out\n") and "err\nError: " in done.stderr


def test_run_missing_program(buildah, box):
    done = buildah.run("run", *NET, box, "/no/such")
    assert done.returncode != 0 and "no such file or directory" in done.stderr.lower()


def test_run_stdin(buildah, box):
    text = "".join(f"{n}\n" for n in range(5000))
    assert buildah("run", *NET, box, "cat", input=text) == text.rstrip("\n")


def test_run_terminal(buildah, box):
    code, text = buildah.place.terminal(buildah.argv("run", "-t", *NET, box, "sh", "-c", "tty; exit 3"), env=buildah.environment)
    assert code == 3 and "/dev/pts/0\n" in text


def test_run_user_workdir_environment(buildah, box):
    buildah("config", "--workingdir", "/data", "--env", "A=b", "--user", "app", box)
    assert buildah("run", *NET, box, "sh", "-c", "pwd; echo $A; id -u") == "/data\nb\n1000"


def test_run_hostname_and_namespaces(buildah, box):
    assert buildah("run", *NET, "--hostname", "box", box, "sh", "-c", "hostname; ls /sys/class/net") == "box\nlo"


def test_run_volumes(buildah, box):
    host = buildah.home / "volume"
    host.mkdir(exist_ok=True)
    (host / "file").write_text("there\n")
    assert buildah("run", *NET, "-v", f"{host}:/v:ro", box, "sh", "-c", "cat /v/file; (: >/v/x) 2>/dev/null || echo refused") \
        == "there\nrefused"
    assert "1024k" in buildah("run", *NET, "--mount", "type=tmpfs,dst=/t,tmpfs-size=1m", box, "grep", " /t ", "/proc/mounts")


def test_run_capabilities(buildah, box):
    status = ("grep", "Cap", "/proc/self/status")
    rows = dict(line.split() for line in buildah("run", *NET, "--cap-drop", "ALL", box, *status).splitlines())
    assert rows["CapEff:"] == rows["CapBnd:"] == "0" * 16
    eff = dict(line.split() for line in buildah("run", *NET, "--cap-add", "CAP_NET_ADMIN", box, *status).splitlines())["CapEff:"]
    assert int(eff, 16) & 1 << 12


def test_run_seccomp_is_on(buildah, box):
    assert buildah("run", *NET, box, "grep", "Seccomp:", "/proc/self/status").split()[1] == "2"


def test_run_in_a_user_namespace(buildah):
    box = buildah("from", "--userns-uid-map", "0:100000:5000", "--userns-gid-map", "0:100000:5000", buildah.image)
    assert buildah("run", *NET, box, "cat", "/proc/self/uid_map").split() == ["0", "100000", "5000"]


def test_changes_are_committed(buildah, box):
    buildah("run", *NET, box, "sh", "-c", "echo made >/data/made")
    image = buildah("commit", "-q", box)
    other = buildah("from", image)
    assert buildah("run", *NET, other, "cat", "/data/made") == "made"
    buildah("rm", box, other)
    buildah("rmi", image)


def test_build_from_a_file(buildah):
    image = bud(buildah, "FROM IMAGE\nENV A=b\nWORKDIR /srv\nCOPY given /srv/\nRUN cat given >copy && echo $A >>copy\n"
                         "USER app\nRUN id -u >/tmp/id\n").splitlines()[-1]
    box = buildah("from", image)
    assert buildah("run", *NET, box, "sh", "-c", "cat copy /tmp/id") == "given\nb\n1000"
    buildah("rm", box)
    buildah("rmi", image)


def test_build_in_two_stages(buildah):
    image = bud(buildah, "FROM IMAGE AS one\nRUN echo first >/made\nFROM IMAGE\nCOPY --from=one /made /made\n"
                         "RUN echo second >>/made\n").splitlines()[-1]
    box = buildah("from", image)
    assert buildah("run", *NET, box, "cat", "/made") == "first\nsecond"
    buildah("rm", box)
    buildah("rmi", image)


def test_build_that_fails(buildah):
    done = buildah.run("bud", "-q", *NET, "-f", "-", buildah.home, input=f"FROM {buildah.image}\nRUN exit 9\n")
    assert done.returncode == 9 and "exit status 9" in done.stderr


def test_build_with_mounts_and_limits(buildah):
    image = bud(buildah, "FROM IMAGE\nRUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t "
                         "grep -E ' /(c|t) ' /proc/mounts >/rows; ulimit -n >>/rows\n", "--ulimit", "nofile=123:123").splitlines()[-1]
    box = buildah("from", image)
    rows = buildah("run", *NET, box, "cat", "/rows").splitlines()
    assert len(rows) == 3 and rows[2] == "123"
    buildah("rm", box)
    buildah("rmi", image)


def test_zz_nothing_is_left(buildah):
    buildah.clear()
    assert buildah.place.leaks(["buildah-buildah"]) == []
