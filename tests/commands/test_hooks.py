"""The six kinds of hooks: HK-1 to HK-16, OP-11."""

import json
import os
import time

import pytest

from harness import Container, layout
from harness.container import alive

CREATE = ["prestart", "createRuntime", "createContainer"]
ALL = [*CREATE, "startContainer", "poststart", "poststop"]
HOST = ["prestart", "createRuntime", "poststart", "poststop"]
FAILURES = {"exit 3": "exit 3", "killed": "kill -9 $$"}


@pytest.fixture
def trace(bundle):
    """A directory that host hooks reach by its path and startContainer hooks (and the program) as /mnt; `log` in it is the
    file that every step appends to."""
    path = bundle.host_dir("trace")
    bundle.bind("/mnt", path)
    bundle.trace = path
    return path


def where(bundle, kind):
    """The trace directory as the hook sees it."""
    return "/mnt" if kind == "startContainer" else str(bundle.trace)


def steps(bundle):
    path = bundle.trace / "log"
    return path.read_text().split() if path.exists() else []


def add(bundle, kind, word, then="", **more):
    """A hook that writes `word` to the log and then does `then`."""
    return bundle.hook_sh(kind, f"echo {word} >> {where(bundle, kind)}/log; {then}", **more)


def test_hk_2_order(bundle, trace):
    for kind in reversed(ALL):
        add(bundle, kind, f"{kind}1")
        add(bundle, kind, f"{kind}2")
    bundle.sh("echo program >> /mnt/log; cat /mnt/gate")
    os.mkfifo(trace / "gate")
    created = [f"{k}{n}" for k in CREATE for n in "12"]
    with Container(bundle) as c:
        c.create()
        assert steps(bundle) == created
        c.start()
        (trace / "gate").write_text("go")
        c.wait()
        started = steps(bundle)[len(created):]
        assert started[:2] == ["startContainer1", "startContainer2"]
        assert sorted(started[2:]) == ["poststart1", "poststart2", "program"]
        assert started.index("poststart1") < started.index("poststart2")
        before = len(steps(bundle))
        c.delete()
        assert steps(bundle)[before:] == ["poststop1", "poststop2"]


@pytest.mark.parametrize("hooks", [{}, None, {"poststop": []}, {k: [] for k in ALL}, {k: None for k in ALL}], ids=str)
def test_hk_13_no_hooks(bundle, hooks):
    bundle.set("hooks", hooks).args("true").run().ok()


# -- the entry ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
def test_hk_1_args_are_the_whole_argv(bundle, trace, kind):
    script = f'printf "%s|" "$0" "$@" > {where(bundle, kind)}/argv'
    bundle.hook(kind, "/bin/sh", args=["sh", "-c", script, "a", "b c", ""]).args("true")
    life(bundle)
    assert (trace / "argv").read_text() == "a|b c||"


def life(bundle):
    """From create to delete."""
    with Container(bundle) as c:
        c.create()
        c.finish()
        c.delete()


def test_hk_1_argv0_is_the_path_when_absent(bundle, trace):
    script = bundle.host_file("hook.sh")
    script.write_text(f'#!/bin/sh\necho "$0 $#" > {trace}/argv\n')
    script.chmod(0o755)
    bundle.hook("prestart", script).args("true").run().ok()
    assert (trace / "argv").read_text() == f"{script} 0\n"


@pytest.mark.parametrize("kind", HOST)
def test_hk_1_env(bundle, trace, kind):
    dump = f"/usr/bin/tr '\\0' '\\n' < /proc/self/environ > {trace}"
    for name, env in (("some", ["A=1", "B=b b"]), ("none", [])):
        bundle.hook_sh(kind, f"{dump}/{name}", env=env)
    bundle.hook_sh(kind, f"{dump}/inherited")
    bundle.args("true")
    os.environ["OF_THE_CALLER"] = "yes"
    try:
        life(bundle)
    finally:
        del os.environ["OF_THE_CALLER"]
    assert {"A=1", "B=b b"} <= set((trace / "some").read_text().splitlines())
    assert "OF_THE_CALLER" not in (trace / "some").read_text()
    assert "OF_THE_CALLER=yes" in (trace / "inherited").read_text().splitlines()
    if bundle.runtime.ours:
        assert "OF_THE_CALLER" not in (trace / "none").read_text()


def test_hk_14_env_of_start_container(bundle, trace):
    bundle.env("OF_THE_PROCESS=yes")
    for name, more in (("own", {"env": ["A=1", "PATH=/bin"]}), ("absent", {})):
        bundle.hook_sh("startContainer", f"env > /mnt/{name}", **more)
    life(bundle.args("true"))
    assert "OF_THE_PROCESS=yes" in (trace / "absent").read_text()
    assert "OF_THE_PROCESS" not in (trace / "own").read_text() and "A=1" in (trace / "own").read_text()


BAD = {"no path": {}, "relative": {"path": "bin/true"}, "empty": {"path": ""}, "timeout 0": {"path": "/bin/true", "timeout": 0},
       "timeout -1": {"path": "/bin/true", "timeout": -1}, "args no list": {"path": "/bin/true", "args": "x"},
       "env no list": {"path": "/bin/true", "env": {"A": "1"}}, "no object": "/bin/true"}


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("entry", BAD)
def test_hk_1_bad_entry(bundle, kind, entry):
    bundle.set(f"hooks.{kind}", [{"path": "/bin/true"}, BAD[entry]])
    bundle.refused(f"hooks.{kind}[1]")


# -- stdin --------------------------------------------------------------------------------------------------------


STATUS = {"prestart": "creating", "createRuntime": "creating", "createContainer": "creating", "startContainer": "created",
          "poststart": "running", "poststop": "stopped"}


@pytest.mark.parametrize("kind", ALL)
def test_hk_3_state_on_stdin(bundle, trace, kind):
    # covers: HK-3, ST-5, ST-7, DEC-19
    bundle.hook_sh(kind, f"cat > {where(bundle, kind)}/state").annotate(unit="7").args("sleep", "100")
    with Container(bundle) as c:
        c.create()
        pid = c.pid
        c.start()
        c.kill("KILL").wait()
        c.delete()
    state = json.loads((trace / "state").read_text())
    assert (state["id"], state["bundle"], state["annotations"]) == (bundle.id, str(bundle.dir), {"unit": "7"})
    assert state["status"] == STATUS[kind]
    assert state["ociVersion"].startswith("1.")
    if kind == "poststop":
        assert state.get("pid", 0) == 0
    elif kind in ("createContainer", "startContainer"):
        assert state["pid"] in (1, pid)
        if bundle.runtime.ours:
            assert state["pid"] == 1, "as seen in the container's pid namespace"
    else:
        assert state["pid"] == pid


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("how", ["/bin/true", "exec <&-; exit 0"])
def test_hk_3_no_stdin_reader(bundle, kind, how):
    """A hook that never reads its stdin breaks nothing; the state is bigger than a pipe when annotations are."""
    for _ in range(20):
        bundle.hook_sh(kind, how)
    life(bundle.annotate(big="x" * 100000).args("true"))


# -- failure ------------------------------------------------------------------------------------------------------


def fail_by(bundle, kind, how):
    if how == "missing":
        bundle.hook(kind, "/nowhere/at/all")
    else:
        bundle.hook_sh(kind, FAILURES[how])


@pytest.mark.parametrize("kind", CREATE)
@pytest.mark.parametrize("how", [*FAILURES, "missing"])
def test_hk_7_failure_in_create(bundle, trace, kind, how):
    # covers: HK-4, HK-7, HK-12, OP-11
    add(bundle, kind, "first")
    fail_by(bundle, kind, how)
    for later in ALL[ALL.index(kind):-1]:
        add(bundle, later, f"later-{later}")
    add(bundle, "poststop", "poststop")
    bundle.args("true").refused(text=f"error running {kind} hook #1" if bundle.runtime.ours else "hook #1")
    assert steps(bundle) == ["first", "poststop"]
    bundle.runtime.delete(bundle.id, force=True).ok()
    assert steps(bundle) == ["first", "poststop"], "poststop hooks run exactly once"
    bundle.drop("hooks").args("true").run().ok()


@pytest.mark.parametrize("how", [*FAILURES, "missing"])
def test_hk_8_failure_of_start_container(bundle, trace, how):
    add(bundle, "startContainer", "first")
    fail_by(bundle, "startContainer", how)
    add(bundle, "startContainer", "later")
    add(bundle, "poststart", "later")
    add(bundle, "poststop", "poststop")
    bundle.sh("echo program >> /mnt/log")
    with Container(bundle) as c:
        c.create()
        result = bundle.runtime.start(c.id)
        assert result.code == 1, result
        assert "startContainer hook #1" in result.message or not bundle.runtime.ours
        c.wait()
        assert steps(bundle) == ["first", "poststop"]
        bundle.runtime.state(c.id).fails("container does not exist")
        assert not layout.directories(c.id)


@pytest.mark.parametrize("how", [*FAILURES, "missing"])
def test_hk_9_failure_of_poststart(bundle, trace, how):
    # covers: HK-9, DEC-18
    add(bundle, "poststart", "first")
    fail_by(bundle, "poststart", how)
    add(bundle, "poststart", "later")
    add(bundle, "poststop", "poststop")
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        pid = c.pid
        result = bundle.runtime.start(c.id)
        assert result.code == 1, result
        assert "poststart hook #1" in result.message or not bundle.runtime.ours
        assert not alive(pid)
        assert steps(bundle) == ["first", "poststop"]
        bundle.runtime.state(c.id).fails("container does not exist")


@pytest.mark.parametrize("how", [*FAILURES, "missing"])
def test_hk_11_failure_of_poststop_is_a_warning(bundle, trace, how):
    fail_by(bundle, "poststop", how)
    add(bundle, "poststop", "second")
    with Container(bundle.args("true")) as c:
        c.create()
        c.finish()
        result = bundle.runtime.delete(c.id).ok()
        assert steps(bundle) == ["second"]
        bundle.runtime.state(c.id).fails("container does not exist")
        if bundle.runtime.ours:
            (warning,) = result.warnings
            assert warning.startswith("error running poststop hook #0: ")
            if how == "exit 3":
                assert warning == "error running poststop hook #0: poststop hook failed with exit code 3"


def test_hook_failure_shows_its_output(bundle):
    # covers: engines.md 4.3 (hook fails)
    bundle.hook_sh("createRuntime", "echo to-stdout; echo to-stderr >&2; exit 3")
    message = bundle.refused(text="hook #0").message
    if bundle.runtime.ours:
        assert "error running createRuntime hook #0: " in message and "3" in message
        assert "to-stdout" in message and "to-stderr" in message


@pytest.mark.ours
def test_hook_output_is_bounded(bundle):
    # covers: S21, I5
    bundle.hook_sh("createRuntime", "dd if=/dev/zero bs=1M count=20 2>/dev/null | tr '\\0' x; exit 3")
    assert len(bundle.refused(text="hook #0").message) < 20000


@pytest.mark.parametrize("kind", [*CREATE, "startContainer"])
def test_hk_5_timeout(bundle, kind):
    bundle.hook_sh(kind, "sleep 100 & sleep 100", timeout=1).args("true")
    begin = time.monotonic()
    with Container(bundle) as c:
        if kind in CREATE:
            assert bundle.create(timeout=6).code == 1
        else:
            c.create()
            assert bundle.runtime.start(c.id, timeout=6).code == 1
    assert 0.9 < time.monotonic() - begin < 4


def test_hk_5_timeout_of_poststop(bundle, trace):
    bundle.hook_sh("poststop", "sleep 100", timeout=1)
    add(bundle, "poststop", "second")
    with Container(bundle.args("true")) as c:
        c.create()
        c.finish()
        begin = time.monotonic()
        bundle.runtime.delete(c.id, timeout=6).ok()
    assert 0.9 < time.monotonic() - begin < 4
    assert steps(bundle) == ["second"]


def test_hk_5_within_the_timeout(bundle, trace):
    add(bundle, "prestart", "done", then="sleep 0.3", timeout=5)
    bundle.args("true").run().ok()
    assert steps(bundle) == ["done"]


# -- what hooks may rely on ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["prestart", "createRuntime"])
def test_hk_6_create_time(bundle, trace, kind):
    """All namespaces exist, init is in its cgroup, we are in the runtime's namespaces."""
    bundle.namespace("network").hook_sh(kind, f"""
        pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' | head -n 1)
        for n in mnt net ipc uts; do readlink /proc/$pid/ns/$n /proc/self/ns/$n; done > {trace}/ns
        cat /proc/$pid/cgroup > {trace}/cgroup""")
    life(bundle.args("true"))
    lines = (trace / "ns").read_text().split()
    assert len(lines) == 8
    for theirs, ours, name in zip(lines[::2], lines[1::2], ("mnt", "net", "ipc", "uts")):
        assert theirs != ours
        assert ours == os.readlink(f"/proc/self/ns/{name}")
    assert f"/{bundle.id}" in (trace / "cgroup").read_text()


def test_hk_6_create_container_mounts_are_seen_inside(bundle):
    bundle.own_rootfs()
    source = bundle.host_dir("late")
    (source / "f").write_text("late")
    bundle.hook_sh("createContainer", f"mount --bind {source} {bundle.rootfs}/opt")
    assert bundle.output("cat /opt/f") == "late"
    assert not (bundle.rootfs / "opt/f").exists()


def test_hk_6_create_container_sees_the_mounts_and_the_host(bundle, trace):
    bundle.tmpfs("/opt", "size=1m").hook_sh("createContainer", f"cat /proc/self/mountinfo > {trace}/mountinfo; hostname > {trace}/h")
    life(bundle.args("true"))
    assert f" {bundle.rootfs}/opt " in (trace / "mountinfo").read_text()


def test_hk_10_poststart_after_exec(bundle, trace):
    bundle.hook_sh("poststart", f"""
        pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' | head -n 1)
        readlink /proc/$pid/exe > {trace}/exe""")
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        assert not (trace / "exe").exists()
        c.start()
        assert (trace / "exe").read_text().strip().endswith("/bin/busybox")


def test_hk_11_poststop_after_the_undo(bundle, trace):
    dirs = " ".join(f"{point}/{bundle.id}" for point, _, _ in layout.mounted())
    bundle.hook_sh("poststop", f"ls -d {dirs} > {trace}/left 2>/dev/null; true")
    life(bundle.args("true"))
    assert (trace / "left").read_text() == ""


def test_hk_8_start_container_runs_inside(bundle, trace):
    bundle.hook_sh("startContainer", "hostname > /mnt/hostname; ls -d /etc/passwd /host-only > /mnt/ls 2>&1; cat /proc/self/cgroup "
                                     "> /mnt/cgroup")
    life(bundle.args("true"))
    assert (trace / "hostname").read_text() == "inside\n"
    assert bundle.id in (trace / "cgroup").read_text()


@pytest.mark.parametrize("kind", HOST)
def test_hk_16_working_directory(bundle, trace, kind):
    bundle.hook_sh(kind, f"pwd > {trace}/pwd")
    life(bundle.args("true"))
    if bundle.runtime.ours:
        assert (trace / "pwd").read_text() == f"{bundle.dir}\n"


@pytest.mark.parametrize("kind", ALL)
def test_hk_15_s21_descriptors_and_output(bundle, trace, kind):
    """Nothing but 0 to 2 is open in a hook, and its output never lands on the container's stdout."""
    bundle.hook_sh(kind, f"echo noise; ls -l /proc/self/fd > {where(bundle, kind)}/fd").sh("echo program")
    stray = [os.open("/etc", os.O_RDONLY) for _ in range(3)]
    for fd in stray:
        os.set_inheritable(fd, True)
    try:
        with Container(bundle) as c:
            c.create(close_fds=False)
            c.finish()
            assert c.output == "program\n"
            c.delete()
    finally:
        for fd in stray:
            os.close(fd)
    targets = [line.split(" -> ")[1] for line in (trace / "fd").read_text().splitlines() if " -> " in line]
    assert not [t for t in targets if t.startswith("/etc")]
    assert len(targets) <= 4  # 0, 1, 2 and the directory that ls reads


@pytest.mark.ours
def test_hooks_stdout_annotation(bundle):
    # covers: engines.md 3.6
    out, err = bundle.host_file("out.txt"), bundle.host_file("err.txt")
    bundle.annotate(**{"run.oci.hooks.stdout": str(out), "run.oci.hooks.stderr": str(err)})
    bundle.hook_sh("prestart", "echo one; echo two >&2").hook_sh("poststop", "echo three").args("true").run().ok()
    assert (out.read_text(), err.read_text()) == ("one\nthree\n", "two\n")


def test_s21_hook_that_leaves_processes(bundle):
    """Children of a hook in its process group are gone after a timeout; the hook's mask and dispositions are defaults."""
    mark = bundle.host_file("status")
    bundle.hook_sh("prestart", f"cat /proc/self/status > {mark}").args("true")
    import signal
    bundle.run(before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])).ok()
    if bundle.runtime.ours:
        lines = dict(line.split(":\t") for line in mark.read_text().splitlines() if line.startswith("Sig") and "Q" not in line)
        assert int(lines["SigBlk"], 16) == 0


def test_hooks_of_a_foreground_run(bundle, trace):
    for kind in ALL:
        add(bundle, kind, kind)
    bundle.sh("sleep 0.2; echo program >> /mnt/log").run().ok()
    assert steps(bundle)[:4] == [*CREATE, "startContainer"]
    assert steps(bundle)[-1] == "poststop"
    assert set(steps(bundle)) == {*ALL, "program"}


def test_hk_1_docker_prestart(bundle):
    """As dockerd gives it (engines.md 5.8): its own executable by /proc, to act on the namespaces of the pid in the state,
    without env and timeout."""
    out = bundle.host_file("seen.json")
    script = (f"import json, os, sys; s = json.load(sys.stdin); ns = '/proc/%d/ns/' % s['pid']; "
              f"json.dump([s, sys.argv[1:], {{n: os.readlink(ns + n) for n in ('net', 'mnt', 'pid_for_children', 'uts', 'ipc')}}, "
              f"os.readlink('/proc/%d/root' % s['pid'])], open({str(out)!r}, 'w'))")
    bundle.namespace("network").set("hooks.prestart", [
        {"path": f"/proc/{os.getpid()}/exe", "args": ["libnetwork-setkey", "-c", script, "-exec-root=/run/docker", bundle.id, "b1"]}])
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        state, args, namespaces, _ = json.loads(out.read_text())
        assert args == ["-exec-root=/run/docker", bundle.id, "b1"]
        assert (state["id"], state["pid"], state["bundle"]) == (c.id, c.pid, str(bundle.dir))
        for name, link in namespaces.items():
            assert link == os.readlink(f"/proc/{c.pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
