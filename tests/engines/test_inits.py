"""ocirt as the init that an engine puts into a container, and Debian's tini and catatonit beside it: docker-init,
podman-init, the program of a pod's first container, a user's pause process; and as the first program of a root filesystem
that holds nothing else but one more."""

import json
import os
import shutil
from pathlib import Path

import pytest

from engine_podman import NET
from place import alive, eventually, not_possible

TRAPS = 'trap "echo bye; exit 5" TERM; trap "echo usr; exit 9" USR1; echo up; while :; do sleep 0.05; done'


def asked(column, case):
    """Debian's inits under ocirt alone; ocirt's also under the pairs that most hosts have, Docker with runc and Podman with
    crun."""
    other = {"crun": "[docker-", "runc": "[podman-"}.get(column, "")
    return column == "ocirt" or not ("debian" in case or other in case or "bare" in case and "native" not in case)


class Box:
    """An engine that gives its containers the init of somebody."""

    def __init__(self, engine, options, path):
        self.engine = engine
        self.options = [*NET, "--init", *options]
        self.path = path  # of the init in the container

    def fails(self, *words, code):
        done = self.engine.run("run", "--rm", *self.options, *words)
        assert done.returncode == code, done.stderr
        return done.stderr

    def once(self, *words, code=0):
        return self.engine("run", "--rm", *self.options, *words, code=code)

    def start(self, *words):
        name = self.engine("run", "-d", *self.options, *words)
        if hasattr(self.engine, "seen"):
            self.engine.seen.add(name)
        return name

    def up(self):
        """A container whose program is ready for signals."""
        name = self.start("bb", "sh", "-c", TRAPS)
        eventually(lambda: "up" in self.engine("logs", name))
        return name

    def exit_code(self, name):
        return self.engine.inspect(name, ".State.ExitCode")


@pytest.fixture(params=["docker-ocirt", "docker-debian", "podman-ocirt", "podman-debian"])
def box(request, place):
    kind, whose = request.param.split("-")
    if kind == "docker":
        # dockerd's own choice is what it finds as docker-init in its PATH
        engine = request.getfixturevalue("docker_found_session" if whose == "ocirt" else "docker_session")
        yield Box(engine, [], "/sbin/docker-init")
    else:
        engine = request.getfixturevalue("podman_session")
        if whose == "debian" and not engine.has_init():
            not_possible("catatonit is not installed")
        yield Box(engine, ["--init-path", engine.place.ocirt] if whose == "ocirt" else [], "/run/podman-init")
    engine.clear()


def test_it_is_the_first_process(box):
    name = box.start("bb", "sleep", "1000")
    line = box.engine("exec", name, "cat", "/proc/1/cmdline").rstrip("\0").split("\0")
    assert line == [box.path, "--", "sleep", "1000"]
    assert box.engine("exec", name, "sh", "-c", "ps -o args | grep -c ^sleep") == "1"


def test_exit_status(box):
    box.once("bb", "sh", "-c", "exit 7", code=7)
    box.once("bb", "sh", "-c", "kill -SEGV $$", code=139)
    assert "exec" in box.fails("bb", "/no/such", code=1 if box.path.endswith("podman-init") else 127)


def test_signals(box):
    name = box.up()
    box.engine("kill", "-s", "USR1", name)
    assert box.engine("wait", name) == "9"
    assert "usr" in box.engine("logs", name)


def test_stop(box):
    name = box.up()
    box.engine("stop", "-t", "10", name)
    assert box.exit_code(name) == "5" and "bye" in box.engine("logs", name)


def test_stop_of_a_program_without_handlers(box):
    """As pid 1 it would not have died of it."""
    name = box.start("bb", "sleep", "1000")
    eventually(lambda: "sleep 1000" in box.engine("exec", name, "ps", "-o", "args").splitlines())
    box.engine("stop", "-t", "10", name)
    assert box.exit_code(name) == "143"


def test_orphans_are_reaped(box):
    script = "for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.1 & sleep 0.1 &) ; done; sleep 0.4; ps -o ppid,stat,args"
    rows = [line.split(None, 2) for line in box.once("bb", "sh", "-c", script).splitlines()[1:]]
    assert len(rows) <= 3 and not [row for row in rows if "Z" in row[1] or row[2] == "sleep 0.1"], rows


def test_terminal(box):
    code, text = box.engine.terminal("run", "--rm", "-it", *box.options, "bb", "sh", "-c",
                                     "tty; trap 'exit 8' INT; echo on; while :; do sleep 0.05; done", feed=[(b"on", b"\x03")])
    assert code == 8 and text.startswith("/dev/pts/0\n")


def test_another_user_of_a_read_only_root(box):
    assert box.once("-u", "1000", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "bb", "sh", "-c",
                    "id -u; exit 6", code=6) == "1000"


def test_docker_knows_the_version(docker_found_session):
    """dockerd takes version and commit from what the init prints under its name."""
    docker = docker_found_session
    said = docker.place.call([docker.home / "bin/docker-init", "--version"]).split()
    assert said[:2] == ["tini", "version"] and said[4].startswith("git.")
    assert (docker.info()["InitBinary"], docker.info()["InitCommit"]["ID"]) == ("docker-init", said[4].removeprefix("git."))
    details = docker("version", "--format",
                     '{{range .Server.Components}}{{if eq .Name "docker-init"}}{{.Version}} {{.Details.GitCommit}}{{end}}{{end}}')
    assert details.split() == [said[2], said[4].removeprefix("git.")]
    assert "unknown output format" not in (docker.place.work / "dockerd.log").read_text()


# --- pods ----------------------------------------------------------------------------------------------------------------


def same_file(pid, path):
    return Path(f"/proc/{pid}/exe").read_bytes() == Path(path).read_bytes()


@pytest.fixture(params=["ocirt", "debian"])
def pods(request, podman_session):
    """(podman, the pause program that it puts into an image of its own when a pod is made)"""
    podman = podman_session
    if not podman.has_init():
        not_possible("catatonit is not installed")
    program, environment = "/usr/bin/catatonit", {}
    if request.param == "ocirt":
        helpers = podman.home / "helpers"
        helpers.mkdir(exist_ok=True)
        program = helpers / "catatonit"
        if not program.exists():
            program.symlink_to(podman.place.ocirt)
        config = podman.home / "pods.conf"
        text = Path(podman.environment["CONTAINERS_CONF"]).read_text()
        config.write_text(text.replace("[engine]\n", f'[engine]\nhelper_binaries_dir = ["{helpers}"]\n'))
        environment = {"CONTAINERS_CONF": str(config)}
    with podman.with_environment(environment):
        yield podman, program
        podman.clear()
        for image in podman("images", "-q", "--filter", "reference=localhost/podman-pause").split():
            podman("rmi", image)


def test_first_container_of_a_pod(pods):
    podman, program = pods
    name = podman("pod", "create", *NET, "--share", "pid,net,ipc,uts")
    one = podman("run", "-d", "--pod", name, "bb", "sh", "-c", "(sleep 0.1 & sleep 0.1 &); sleep 1000")
    infra = podman("pod", "inspect", "--format", "{{.InfraContainerID}}", name)
    pid = podman.pid(infra)
    assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"/catatonit\0-P\0" and same_file(pid, program)
    eventually(lambda: [line.split()[:2] for line in podman("exec", one, "ps", "-o", "ppid,stat,args").splitlines()[1:]
                        if "Z" in line or "0.1" in line.split()] == [])
    podman("pod", "stop", "-t", "10", name)
    assert (podman.inspect(infra, ".State.ExitCode"), alive(pid)) == ("0", False)
    podman("pod", "start", name)
    podman("pod", "rm", "-f", "-t", "10", name)


# --- the pause process of a user -------------------------------------------------------------------------------------------


def test_pause_process_of_a_user(rootless_session, place):
    """The process that keeps a user's namespaces; podman looks for its program in fixed places."""
    podman, program = rootless_session, "/usr/bin/catatonit"
    if not os.path.exists(program):
        not_possible("catatonit is not installed")
    podman.end_pause()
    place.call(["mount", "--bind", place.ocirt, program])
    try:
        name = podman("run", "-d", *NET, "bb", "sleep", "1000")
        pid = podman.pause()
        assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"catatonit\0-P\0" and same_file(pid, place.ocirt)
        assert os.stat(f"/proc/{pid}").st_uid == podman.UID
        assert podman("exec", name, "echo", "in") == "in"
        podman("rm", "-f", "-t", "0", name)
        podman("system", "migrate")  # ends it
        eventually(lambda: not alive(pid))
    finally:
        podman.end_pause()
        place.call(["umount", program])


# --- a root filesystem that holds nothing but an init and one program --------------------------------------------------------


BARE = {"native": "/ocirt init", "tini": "/tini", "dumb-init": "/dumb-init", "catatonit": "/catatonit", "debian-tini": "/tini",
        "debian-catatonit": "/catatonit"}


def bare_tree(place, whose, tree):
    """/NAME and /prog, which is busybox: a shell under the name ash."""
    tree.mkdir()
    file = {"debian-tini": "/usr/bin/tini-static", "debian-catatonit": "/usr/bin/catatonit"}.get(whose, place.ocirt)
    if not os.path.exists(file):
        not_possible(f"{file} is not installed")
    for source, name in ((file, BARE[whose].split()[0]), ("/bin/busybox", "/ash")):
        shutil.copy(source, tree / name[1:])
    return BARE[whose].split()


@pytest.mark.parametrize("whose", list(BARE))
def test_bare_root_filesystem(podman_session, place, whose):
    podman = podman_session
    tree = podman.home / f"bare-{whose}"
    entry = json.dumps(bare_tree(place, whose, tree))
    try:
        run = ("run", *NET, "--rootfs", "--entrypoint", entry)
        done = podman.run(*run[:1], "--rm", *run[1:], tree, "--", "/ash", "-c", "echo in; (exit 3) & wait; kill -9 $$")
        assert (done.returncode, done.stdout) == (137, "in\n"), done.stderr
        name = podman(*run[:1], "-d", *run[1:], tree, "--", "/ash", "-c", TRAPS.replace("sleep 0.05", ":"))
        eventually(lambda: "up" in podman("logs", name))
        podman("stop", "-t", "10", name)
        assert podman.inspect(name, ".State.ExitCode") == "5"
    finally:
        podman.clear()
        shutil.rmtree(tree)


def test_zz_nothing_is_left(place, docker_session, docker_found_session, podman_session, rootless_session):
    for engine in (docker_session, docker_found_session, podman_session, rootless_session):
        engine.clear()
    rootless_session.end_pause()
    ids = {*docker_session.seen, *docker_found_session.seen, *podman_session.ids(), *rootless_session.ids()}
    assert place.leaks(ids, allowed=("dockerd", "containerd ")) == []
