"""The init that stays: --init of run, create and exec, and the annotations (init.md, "injected"; security.md 7.5).

The helper is that of tests/init: the faults have the same numbers there.
"""

import contextlib
import ctypes
import json
import os
import pty
import random
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import Bundle, Container
from harness.container import alive, until
from harness.plugin import SESSION, TESTS
from test_notify import Manager, say
from test_rootless import rootless  # noqa: F401

pytestmark = pytest.mark.ours

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
PR_SET_CHILD_SUBREAPER = 36
STARTS = int(os.environ.get("OCIRT_INIT_STARTS", 60))
REAL = [s for s in range(1, 65) if s not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)]
BY = {"option": lambda b: ["--init"], "annotation": lambda b: b.annotate(**{"org.ocirt.init": "true"}) and []}
SHAPES = {
    "plain": lambda b: b,
    "user": lambda b: b.user_namespace(),
    "shared pid": lambda b: b.without_namespace("pid"),
    "bare": lambda b: b.set("root.readonly", True).set("mounts", []).set("linux.maskedPaths", []).set("linux.readonlyPaths", []),
    "filter": lambda b: b.set("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["rt_sigtimedwait", "wait4", "madvise"], "action": "SCMP_ACT_KILL_PROCESS"}]}),
    "pids": lambda b: b.set("linux.resources", {"pids": {"limit": 2}}),
    "nobody": lambda b: b.set("process.user", {"uid": 1000, "gid": 1000}),
}
OWN = [s for s in SHAPES if s != "shared pid"]


@pytest.fixture(scope="session")
def helper(tmp_path_factory):
    out = SESSION["work"] / "helper"
    subprocess.run(["gcc", "-O1", "-static", "-o", out, TESTS / "init/helper.c"], check=True)
    return out


@pytest.fixture
def make(work, runtime, helper):
    """make(SHAPE): a bundle with the helper in it."""
    def one(shape="plain"):
        bundle = Bundle(runtime).own_rootfs()
        shutil.copy(helper, bundle.rootfs / "bin/helper")
        return SHAPES[shape](bundle)
    return one


@pytest.fixture(params=SHAPES)
def shape(request):
    return request.param


def program_of(init):
    """The pid of its main program."""
    return int(until(lambda: Path(f"/proc/{init}/task/{init}/children").read_text().split(), "a child")[0])


class Created(Container):
    """A container with an init, whose end we are told: orphans come to us."""

    def __init__(self, bundle, *options):
        super().__init__(bundle)
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.code = None
        self.create("--init", *options)

    def __exit__(self, *error):
        super().__exit__(*error)
        if self.code is None:
            with contextlib.suppress(ChildProcessError):
                self.end()
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def signal(self, sig):
        os.kill(self.pid, sig)

    def end(self, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else f"signal {-code}"
                return self.code
            time.sleep(0.002)
        raise AssertionError("the init does not end")

    def begin(self, text="ready"):
        self.start()
        return self.wait_for_output(text)

    @property
    def program(self):
        return program_of(self.pid)


# -- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", BY)
def test_pid_1_is_the_init(make, by):
    # covers: init.md 1.1
    bundle = make().sh("tr '\\0' ' ' </proc/1/cmdline; cat /proc/1/comm; echo $$ $PPID")
    assert bundle.run(*BY[by](bundle)).ok().out == "ocirt init ocirt init\n2 1\n"


def test_options_win(make):
    bundle = make().annotate(**{"org.ocirt.init": "true", "org.ocirt.init.grace": "7", "org.ocirt.init.group": "true"})
    plan = bundle.run("--dry-run").ok().out
    assert "\ninit grace=7 group\n" in plan
    plan = bundle.run("--dry-run", "--init-grace", "2", "--init-group=false", "--init-stop-timeout=9", "--init-wait-all").ok().out
    assert "\ninit grace=2 stop_timeout=9 wait_all\n" in plan
    assert "\ninit " not in bundle.run("--dry-run", "--init=false").ok().out


@pytest.mark.parametrize("name, value, why", [
    ("", "yes", '"yes" is neither true nor false'),
    (".group", "", '"" is neither true nor false'),
    (".wait-all", "1", '"1" is neither true nor false'),
    (".grace", "1.5", '"1.5" is not a number of seconds'),
    (".stop-timeout", "-1", '"-1" is not a number of seconds'),
    (".grace", "1000001", '"1000001" is not a number of seconds'),
    (".stages", "true", "not available in this version"),
    ("ial", "true", "not available in this version"),
])
def test_bad_annotations(bundle, name, value, why):
    bundle.annotate(**{"org.ocirt.init": "true", f"org.ocirt.init{name}": value})
    assert bundle.refused().message == f'ocirt create failed: annotations["org.ocirt.init{name}"]: {why}'


@pytest.mark.parametrize("option", ["--init-grace", "--init-stop-timeout"])
@pytest.mark.parametrize("value", ["", "x", "-1", "1000001"])
def test_bad_options(bundle, option, value):
    result = bundle.refused(options=["--init", f"{option}={value}"])
    assert result.message == f'ocirt create failed: {option}: "{value}" is not a number of seconds'


def test_settings_without_an_init(bundle):
    why = "there is no init without --init or annotation org.ocirt.init"
    assert bundle.refused(options=["--init-grace", "3"]).message == f"ocirt create failed: --init-grace: {why}"
    bundle.annotate(**{"org.ocirt.init.group": "true"})
    assert bundle.refused().message == f'ocirt create failed: annotations["org.ocirt.init.group"]: {why}'
    bundle.args("true").run("--init=false").ok()


@pytest.mark.parametrize("limit", [0, 1])
def test_no_room_for_two(bundle, limit):
    # covers: init.md 4.4
    bundle.set("linux.resources", {"pids": {"limit": limit}})
    assert bundle.refused(options=["--init"]).message == (
        f"ocirt create failed: linux.resources.pids.limit: {limit} leaves no room for the program beside its init")


def test_features_list_the_annotations(runtime):
    listed = runtime.call("features", root=False).ok().json["potentiallyUnsafeConfigAnnotations"]
    assert [a for a in listed if a.startswith("org.ocirt.init")] == [
        f"org.ocirt.init{name}" for name in ("", ".grace", ".group", ".stop-timeout", ".wait-all")]


# -- exit status ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", BY)
def test_exit_status(make, shape, by):
    bundle = make(shape)
    options = BY[by](bundle)
    for code in (0, 1, 7, 143, 255):
        assert bundle.args("helper", "exit", str(code)).run(*options).code == code
    assert bundle.args("helper", "kill", "15").run(*options).code == 143
    assert bundle.args("helper", "kill", "64").run(*options).code == 192


def test_program_that_is_not_there(make, shape):
    bundle = make(shape).args("nothing-here")
    result = bundle.refused(options=["--init"])
    assert result.message.endswith('exec: "nothing-here": executable file not found in $PATH')


@pytest.mark.parametrize("by", ["run", "start"])
def test_program_that_cannot_be_executed(make, by):
    # covers: init.md 4.4, 5
    bundle = make()
    (bundle.rootfs / "bin/bad").write_text("#!/no/such\n")
    (bundle.rootfs / "bin/bad").chmod(0o755)
    bundle.args("/bin/bad")
    if by == "run":
        assert bundle.run("--init").fails().message.endswith("exec /bin/bad: no such file or directory")
        return
    with Created(bundle) as c:
        assert c.runtime.start(c.id).fails().message == "exec /bin/bad: no such file or directory"
        assert c.end() == 127


def test_filter_that_forbids_the_exec(make):
    bundle = make().set("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["execve"], "action": "SCMP_ACT_ERRNO"}]}).args("true")
    bundle.run("--init").fails("exec /bin/true: operation not permitted")
    with Created(bundle) as c:
        c.runtime.start(c.id).fails("exec /bin/true: operation not permitted")
        assert c.end() == 126


# -- the faults of other inits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["run", "create"])
def test_1_sigchld_ignored_by_the_caller(make, shape, mode):
    bundle = make(shape).args("helper", "status")
    before = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # noqa: E731
    if mode == "run":
        out = bundle.run("--init", before=before).ok().out
    else:
        bundle.write()
        with Container(bundle) as c:
            c.create("--init", before=before).start(before=before).wait()
            out = c.output
    if shape != "bare":
        assert "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n" in out


@pytest.mark.parametrize("kind, code", [("self", 7), ("term", 143), ("exec", 7)])
def test_2_traced_child(make, shape, kind, code):
    assert make(shape).args("helper", "traced", kind).run("--init").code == code


def delayed(c, call):
    """strace on the init, which holds `call` up for 300 ms in whoever comes from it."""
    tracer = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                               f"inject={call}:delay_enter=300000", "-p", str(c.pid)], stderr=subprocess.DEVNULL)
    until(lambda: "TracerPid:\t0" not in Path(f"/proc/{c.pid}/status").read_text(), "strace is there")
    return tracer


@pytest.mark.parametrize("call, options", [("setpgid", ["--init-group"]), ("setpgid", []), ("execve", [])])
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGUSR1])
def test_3_9_signal_before_the_program_is_there(make, call, options, sig):
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    with Created(make().args("sleep", "5"), *options) as c:
        tracer = delayed(c, call)
        starter = threading.Thread(target=lambda: c.runtime.start(c.id))
        starter.start()
        time.sleep(0.15)
        c.signal(sig)
        assert c.end(4) == 128 + sig
        starter.join()
        tracer.wait(5)


@pytest.mark.patience(max(60, STARTS))
@pytest.mark.parametrize("by", BY)
def test_4_no_term_is_lost(make, by):
    """Before the start, and at random moments of it; OCIRT_INIT_STARTS says how often."""
    bundle = make().args("sleep", "30")
    options = BY[by](bundle)
    for n in range(STARTS):
        bundle.pid_file.unlink(missing_ok=True)
        with Created(bundle, *options) as c:
            if n % 4 == 0:
                c.signal(signal.SIGTERM)
            with subprocess.Popen([c.runtime.path, "--root", c.runtime.root, "start", c.id]) as start:
                if n % 4:
                    time.sleep(random.random() * 0.004)
                    c.signal(signal.SIGTERM)
                assert start.wait(10) == 0
            assert c.end() == 143, n


@pytest.mark.parametrize("shape", [s for s in SHAPES if s != "filter"])
def test_5_7_every_signal(make, shape):
    with Created(make(shape).args("helper", "record", str(len(REAL)))) as c:
        c.begin()
        for sig in REAL:
            c.signal(sig)
            until(lambda: f"\n{int(sig)} " in c.output, f"signal {sig}")  # one of those that stop would take CONT back
        assert c.end() == 0
        assert sorted(int(line.split()[0]) for line in c.output.splitlines()[1:]) == REAL


def test_7_every_signal_before_the_start(make):
    """The kernel keeps one of CONT and those that stop."""
    some = [s for s in REAL if s not in (signal.SIGCONT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)]
    quiet = [s for s in some if s >= 34 or s == signal.SIGURG or s == signal.SIGWINCH]
    with Created(make().args("helper", "block-all", "helper", "record", "0")) as c:
        for sig in quiet:
            c.signal(sig)
        pending = Path(f"/proc/{c.pid}/status").read_text()
    bits = int(next(line.split()[1] for line in pending.splitlines() if line.startswith("ShdPnd")), 16)
    assert bits == sum(1 << (s - 1) for s in quiet)


@pytest.mark.parametrize("options", [[], ["--init-group"]])
def test_queued_value(make, options):
    with Created(make().args("helper", "record", "1"), *options) as c:
        c.begin()
        assert LIBC.sigqueue(c.pid, 40, 0x1122334455667788) == 0
        assert c.end() == 0
        assert c.output.splitlines()[1] == "40 -1 1122334455667788"


def test_500_queued_in_order(make):
    with Created(make().args("helper", "record", "500")) as c:
        c.begin()
        for i in range(500):
            assert LIBC.sigqueue(c.pid, 41, i) == 0
        assert c.end() == 0
        assert c.output.splitlines()[1:] == [f"41 -1 {i:x}" for i in range(500)]


@pytest.mark.parametrize("shape", [s for s in SHAPES if s != "pids"])
def test_8_file_without_interpreter_line(make, shape):
    bundle = make(shape)
    (bundle.rootfs / "bin/script").write_text('echo "$@"; exit 9\n')
    (bundle.rootfs / "bin/script").chmod(0o755)
    result = bundle.args("script", "a b", "c").run("--init")
    assert (result.code, result.out) == (9, "a b c\n")
    bundle.run().fails("exec format error")  # without an init as ever
    (bundle.rootfs / "bin/sh").unlink()
    bundle.run("--init").fails("exec /bin/script: exec format error")


@pytest.mark.parametrize("shape", ["plain", "user", "shared pid", "bare", "nobody"])
def test_10_nobody_reads_what_it_says(make, helper, shape):
    bundle = make(shape).args("helper", "orphans", "50", "7").write()
    done = subprocess.run([helper, "nobody", bundle.runtime.path, "--root", bundle.runtime.root, "run", "--init", "-b", bundle.dir,
                           bundle.id], timeout=10)
    assert done.returncode == 7


@pytest.mark.parametrize("shape", ["plain", "user", "shared pid", "bare"])
def test_storm_of_orphans(make, shape):
    assert make(shape).args("helper", "orphans", "2000", "7").run("--init").code == 7


def test_coalesced_children(make):
    bundle = make().sh("for i in 1 2 3 4 5 6; do (true &) ; done; exit 7")
    for _ in range(10):
        assert bundle.run("--init").code == 7


# -- stopping ------------------------------------------------------------------------------------------------------

LOUD = "trap \"echo $0; exit\" TERM; while :; do sleep 0.02; done"


@pytest.mark.parametrize("shape", ["plain", "user", "shared pid"])
def test_all_are_asked(make, shape):
    script = (f"sh -c '{LOUD}' group & setsid sh -c '{LOUD}' session & (setsid sh -c '{LOUD}' daemon &); sleep 0.3; exit 6")
    result = make(shape).sh(script).run("--init")
    assert (result.code, sorted(result.out.split())) == (6, ["daemon", "group", "session"])


def test_processes_of_exec_are_asked(make):
    with Created(make().sh("trap 'exit 4' TERM; echo ready; while :; do sleep 0.02; done"), "--init-grace", "5") as c:
        c.begin()
        out = c.bundle.host_file("exec.out")
        file = c.bundle.host_file("exec.pid")
        c.exec("--detach", "--pid-file", file, "sh", "-c", f"echo up; {LOUD}", "joined", out=out).ok()
        until(lambda: "up" in out.read_text(), "exec")
        c.signal(signal.SIGTERM)
        os.waitpid(int(file.read_text()), 0)  # its namespace ends after everybody in it
        assert c.end() == 4
        assert out.read_text() == "up\njoined\n"


@pytest.mark.parametrize("shape", ["plain", "shared pid"])
def test_stop_timeout_and_grace(make, shape):
    bundle = make(shape).sh("trap '' TERM; echo ready; while :; do sleep 0.1; done")
    with Created(bundle, "--init-stop-timeout", "1", "--init-grace", "1") as c:
        c.begin().signal(signal.SIGTERM)
        start = time.monotonic()
        assert c.end() == 137
        assert 1.8 < time.monotonic() - start < 3


def test_grace_0(make):
    start = time.monotonic()
    assert make().sh("setsid sleep 30 & exit 4").run("--init", "--init-grace", "0").code == 4
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("shape", ["plain", "shared pid"])
def test_wait_for_all(make, shape):
    start = time.monotonic()
    assert make(shape).sh("(setsid sleep 0.7 &); exit 8").run("--init", "--init-wait-all").code == 8
    assert 0.6 < time.monotonic() - start < 5


def test_group(make):
    script = f"sh -c '{LOUD}' member & echo ready; trap 'sleep 0.3; exit 3' TERM; while :; do wait; done"
    for options, got in ((["--init-group"], "member"), ([], "")):
        bundle = make().sh(script)
        with Created(bundle, "--init-grace", "0", *options) as c:
            c.begin()
            time.sleep(0.1)
            c.signal(signal.SIGTERM)
            assert c.end() == 3
            assert c.output.split() == ["ready", *got.split()]


@pytest.mark.parametrize("shape", ["plain", "shared pid"])
@pytest.mark.parametrize("moment", ["created", "running"])
def test_killed_init(make, shape, moment):
    """Nobody is left."""
    with Created(make(shape).sh("echo ready; sleep 300")) as c:
        program = None
        if moment == "running":
            c.begin()
            program = c.program
        c.signal(signal.SIGKILL)
        assert c.end() == "signal 9"
        if program:
            until(lambda: not alive(program), "the program is gone")
        assert c.status == "stopped"


@pytest.mark.parametrize("shape", ["plain", "shared pid", "user"])
def test_killed_program(make, shape):
    with Created(make(shape).sh("echo ready; sleep 300")) as c:
        c.begin()
        os.kill(c.program, 9)
        assert c.end() == 137


CALLS = ("prctl pipe2 clone setpgid capget madvise write openat dup3 close_range chdir seccomp rt_sigtimedwait wait4").split()


@pytest.mark.parametrize("shape", ["plain", "shared pid"])
@pytest.mark.parametrize("call", CALLS)
def test_init_killed_at_every_call_of_the_start(make, call, shape):
    """Whoever started it is told or sees it stopped, and nobody is left."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    with Created(make(shape).args("sleep", "300")) as c:
        before = c.processes() if shape == "plain" else []
        tracer = subprocess.Popen(["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL", "-p",
                                   str(c.pid)], stderr=subprocess.DEVNULL)
        until(lambda: "TracerPid:\t0" not in Path(f"/proc/{c.pid}/status").read_text(), "strace is there")
        c.runtime.start(c.id)
        assert c.end() == "signal 9"
        tracer.wait(5)
        assert c.status == "stopped"
        assert not [p for p in before if alive(p)]


def test_program_killed_at_its_exec(make):
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    with Created(make().args("sleep", "300")) as c:
        tracer = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-e", "trace=execve", "-e", "inject=execve:signal=KILL", "-p",
                                   str(c.pid)], stderr=subprocess.DEVNULL)
        until(lambda: "TracerPid:\t0" not in Path(f"/proc/{c.pid}/status").read_text(), "strace is there")
        c.runtime.start(c.id)
        assert c.end() == 137
        tracer.wait(5)


def test_nobody_waits_for_a_full_stderr(make):
    """The one warning: the init may not send a signal to whom it has no rights over."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    os.set_blocking(write, True)
    bundle = make("nobody").set("process.capabilities", {}).args("helper", "as-root", "helper", "record", "1").write()
    (bundle.rootfs / "bin/helper").chmod(0o4755)
    with Container(bundle) as c, open(c.out, "wb") as out:
        subprocess.run([c.runtime.path, "--root", c.runtime.root, "run", "--init", "--detach", "--pid-file", bundle.pid_file, "-b",
                        bundle.dir, c.id], stdin=subprocess.DEVNULL, stdout=out, stderr=write, check=True, timeout=10)
        c.wait_for_output()
        os.kill(c.pid, signal.SIGUSR1)
        time.sleep(0.1)
        assert Path(f"/proc/{c.pid}/wchan").read_text() != "pipe_write"
        os.kill(program_of(c.pid), signal.SIGUSR1)
        c.wait()
    os.close(read)
    os.close(write)


# -- other verbs ---------------------------------------------------------------------------------------------------


def test_verbs(make):
    # covers: init.md 4.4
    with Created(make().sh("echo ready; sleep 300")) as c:
        assert c.status == "created"
        before = c.state
        c.begin()
        assert (c.status, c.state["pid"], c.pid) == ("running", before["pid"], before["pid"])
        assert json.loads(c.runtime.call("ps", "--format", "json", c.id).ok().out) == sorted(c.processes())
        assert c.runtime.call("events", "--stats", c.id).ok().json["data"]["pids"]["current"] == 2
        c.runtime.call("pause", c.id).ok()
        assert c.status == "paused"
        c.runtime.call("resume", c.id).ok()
        assert c.exec("sh", "-c", "exit 3").code == 3
        c.runtime.kill(c.id, "TERM").ok()
        assert c.end() == 143
        assert c.status == "stopped"


def test_kill_of_a_created_container(make):
    with Created(make().args("sleep", "300")) as c:
        c.kill("TERM")
        assert c.status == "created"
        c.start()
        assert c.end() == 143


@pytest.mark.parametrize("shape", ["plain", "shared pid"])
def test_kill_all(make, shape):
    with Created(make(shape).sh("(setsid sleep 300 &); echo ready; sleep 300")) as c:
        c.begin()
        c.runtime.call("kill", "--all", c.id, "KILL").ok()
        assert c.end() == "signal 9"


def test_delete_by_force(make, shape):
    bundle = make(shape).args("sleep", "300")
    for start in (False, True):
        bundle.pid_file.unlink(missing_ok=True)
        with Created(bundle) as c:
            if start:
                c.start()
            c.delete(force=True)
            assert c.end() == "signal 9"


def test_pidfd_and_readiness(make, work):
    manager = Manager(work / "manager.sock")
    bundle = make().sh("echo $NOTIFY_SOCKET; sleep 300").write()
    with Container(bundle) as c:
        c.create("--init", env=manager.env)
        starter = threading.Thread(target=lambda: c.start(env=manager.env))
        starter.start()
        until(lambda: c.status == "running", "it runs")
        until(lambda: os.path.exists(f"/proc/{c.pid}/root/run/notify/notify.sock"), "the socket")
        say(c.pid, "READY=1")
        starter.join()
        assert manager.told[:2] == ["READY=1", f"MAINPID={c.pid}"]
    manager.close()


def test_sockets_of_a_service_manager(make):
    # covers: init.md 4.3
    with socket.socket() as s:
        s.listen()
        os.set_inheritable(s.fileno(), True)
        bundle = make().sh("echo $LISTEN_FDS $LISTEN_PID $$; ls -l /proc/self/fd/3 | grep -c socket; ls /proc/1/fd | wc -l")
        bundle.env("LISTEN_PID=77", "WATCHDOG_PID=x").write()
        done = subprocess.run(["sh", "-c", 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"', "sh", bundle.runtime.path, "--root",
                               bundle.runtime.root, "run", "--init", "-b", bundle.dir, bundle.id], close_fds=False,
                              preexec_fn=lambda: os.dup2(s.fileno(), 3), stdout=subprocess.PIPE, text=True, timeout=10)
    assert done.stdout == "1 2 2\n1\n3\n"


def test_variables_of_the_config_stay(make):
    bundle = make().env("LISTEN_PID=1", "WATCHDOG_PID=1").sh("echo $LISTEN_PID $WATCHDOG_PID")
    assert bundle.run("--init").ok().out == "1 1\n"


def test_start_hooks_run_before(make):
    bundle = make().hook_sh("startContainer", "echo hook $$ $PPID >/tmp/hook; cat /proc/1/comm >>/tmp/hook").sh("cat /tmp/hook")
    assert bundle.run("--init").ok().out == "hook 2 1\nocirt:init\n"


def test_descriptors_are_let_go(make):
    """The end of the program's own pipe is seen while it lives."""
    read, write = os.pipe()
    bundle = make().sh("exec 3>&- >/dev/null; sleep 3").write()
    with subprocess.Popen([bundle.runtime.path, "--root", bundle.runtime.root, "run", "--init", "--detach", "--preserve-fds", "1",
                           "-b", bundle.dir, bundle.id], preexec_fn=lambda: os.dup2(write, 3), close_fds=False,
                          stdout=subprocess.DEVNULL) as run:
        run.wait(5)
    os.close(write)
    assert select.select([read], [], [], 1)[0] and os.read(read, 1) == b""
    os.close(read)
    bundle.runtime.delete(bundle.id, force=True).ok()


# -- what it keeps (security.md 7.5) -------------------------------------------------------------------------------


def memory_holds(pid, what):
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            if "r" not in line.split()[1] or "[v" in line:
                continue
            mem.seek(start)
            with contextlib.suppress(OSError):
                if what in mem.read(end - start):
                    return line
    return None


@pytest.mark.parametrize("how", ["run", "create", "exec"])
def test_no_secret_stays(make, how):
    secret = "zq" + "7XsecretX7"
    bundle = make().env(f"TOKEN={secret}").sh("sleep 300")
    env = {**os.environ, "CALLER": secret}
    with Container(bundle) as c:
        if how == "run":
            c.run("--init", env=env)
        elif how == "create":
            c.create("--init", env=env).start(env=env)
        else:
            c.run()
            file = bundle.host_file("exec.pid")
            c.exec("--init", "--detach", "--pid-file", file, "--env", f"MORE={secret}", "sleep", "300", env=env).ok()
        pid = int(file.read_text()) if how == "exec" else c.pid
        until(lambda: (c.proc.parent / str(pid) / "comm").read_text() == "ocirt init\n", "it stays")
        until(lambda: "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text(), "its filter is there")
        assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"ocirt init\0"
        assert Path(f"/proc/{pid}/environ").read_bytes().strip(b"\0") == b""
        assert secret.encode() in Path(f"/proc/{program_of(pid)}/environ").read_bytes()
        assert memory_holds(pid, secret.encode()) is None


def test_image_with_a_fifo_for_a_stat(make):
    """Without a procfs, and in a shared pid namespace, where it looks for its descendants."""
    bundle = make("shared pid").set("mounts", []).set("linux.maskedPaths", []).set("linux.readonlyPaths", [])
    place = bundle.dir / "rootfs/proc/123456789"
    place.mkdir(parents=True)
    os.mkfifo(place / "stat")
    with Created(bundle.sh("sleep 300 & exit 5")) as c:
        c.start()
        assert c.end() == 5


@pytest.mark.parametrize("call", ["close_range", "seccomp"])
def test_program_begins_when_the_init_is_poor(make, call):
    """Without descriptors of the host's, and with its filter, however long that takes it."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    bundle = make().set("process.capabilities", {k: ["CAP_SYS_PTRACE"] for k in ("bounding", "permitted", "effective")}).sh(
        "grep Seccomp: /proc/1/status; ls /proc/1/fd")
    with Created(bundle) as c:
        tracer = delayed(c, call)
        c.start()
        assert c.end() == 0
        tracer.wait(5)
        assert c.output.split() == ["Seccomp:", "2", "0", "1", "2"], c.output


def test_without_madvise(make):
    """A small kernel may have none: the memory is given back all the same."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    secret = "zq" + "8XsecretX8"
    with Created(make().env(f"TOKEN={secret}").sh("echo ready; sleep 300")) as c:
        tracer = subprocess.Popen(["strace", "-o", "/dev/null", "-e", "trace=madvise", "-e", "inject=madvise:error=ENOSYS", "-p",
                                   str(c.pid)], stderr=subprocess.DEVNULL)
        until(lambda: "TracerPid:\t0" not in Path(f"/proc/{c.pid}/status").read_text(), "strace is there")
        c.begin()
        tracer.terminate()
        tracer.wait(5)
        resident = next(line for line in (c.proc / "status").read_text().splitlines() if line.startswith("RssAnon"))
        assert int(resident.split()[1]) < 200
        assert memory_holds(c.pid, secret.encode()) is None
        c.signal(signal.SIGTERM)
        assert c.end() == 143


def test_few_descriptors(make):
    bundle = make().set("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 3, "hard": 3}]).args("helper", "exit", "7")
    assert bundle.run("--init").code == 7
    with Created(bundle) as c:
        c.start()
        assert c.end() == 7


@pytest.mark.parametrize("caps", [["CAP_KILL", "CAP_NET_BIND_SERVICE"], []])
@pytest.mark.parametrize("filtered", [True, False])
def test_credentials_are_the_programs(make, caps, filtered):
    """CAP_SYS_ADMIN, which loads the program's filter, goes."""
    bundle = make("filter" if filtered else "plain")
    bundle.set("process.capabilities", {"bounding": caps, "permitted": caps, "effective": caps}).set(
        "process.user", {"uid": 1000, "gid": 1000, "additionalGids": [2000]}).set("process.rlimits", [
            {"type": "RLIMIT_NOFILE", "soft": 40, "hard": 50}]).sh("echo ready; sleep 300")
    with Created(bundle) as c:
        c.begin()
        until(lambda: "Seccomp:\t2" in (c.proc / "status").read_text(), "its filter is there")
        mine = dict(line.split(":\t", 1) for line in (c.proc / "status").read_text().splitlines())
        its = dict(line.split(":\t", 1) for line in Path(f"/proc/{c.program}/status").read_text().splitlines())
        for field in ("Uid", "Gid", "Groups", "CapBnd", "CapInh", "CapAmb"):
            assert mine[field] == its[field], field
        want = sum({"CAP_KILL": 1 << 5, "CAP_NET_BIND_SERVICE": 1 << 10}[name] for name in caps)
        assert (int(mine["CapPrm"], 16), int(mine["CapEff"], 16)) == (want, want)
        assert mine["NoNewPrivs"] == "1" and mine["Seccomp"] == "2"
        assert (its["NoNewPrivs"], its["Seccomp"]) == ("0", "2" if filtered else "0")
        for name in ("limits", "cgroup", "uid_map"):
            assert (c.proc / name).read_text() == Path(f"/proc/{c.program}/{name}").read_text()
        assert os.stat(c.proc / "environ").st_uid == 0  # nobody may trace it


def test_what_it_keeps_open(make):
    with Created(make().sh("echo ready; sleep 300")) as c:
        c.begin()
        until(lambda: (c.proc / "comm").read_text() == "ocirt init\n", "it stays")
        fds = {name: os.readlink(c.proc / "fd" / name) for name in os.listdir(c.proc / "fd")}
        assert sorted(fds) == ["0", "1", "2"] and fds["0"].endswith("/null") and fds["1"].endswith("/null")
        assert os.readlink(c.proc / "cwd") == "/"


def test_nothing_to_put_in_their_place(make):
    with Created(make("bare").args("helper", "record", "1")) as c:
        (c.bundle.rootfs / "dev/null").unlink(missing_ok=True)
        c.begin()
        c.signal(15)
        assert c.end() == 0


def test_idle_memory(make):
    if os.uname().machine != "x86_64":
        pytest.skip("figures of x86-64")
    with Created(make().sh("echo ready; sleep 300")) as c:
        c.begin()
        time.sleep(0.3)
        rollup = {line.split()[0][:-1]: int(line.split()[1]) for line in (c.proc / "smaps_rollup").read_text().splitlines()
                  if line.endswith("kB")}
        assert rollup["Private_Clean"] + rollup["Private_Dirty"] <= 44, rollup  # by where the stack begins

        def wakeups():
            return next(line for line in (c.proc / "status").read_text().splitlines() if line.startswith("voluntary"))

        before = wakeups()
        time.sleep(2)
        assert wakeups() == before


# -- without privilege ---------------------------------------------------------------------------------------------


def test_rootless(rootless):  # noqa: F811
    for code in (0, 7):
        assert rootless.args("sh", "-c", f"cat /proc/1/comm; exit {code}").run("--init").code == code
    rootless.args("sh", "-c", "echo ready; trap 'exit 3' TERM; while :; do sleep 0.02; done")
    with Created(rootless) as c:
        c.begin()
        assert c.exec("true").fails(code=255).message == (
            "exec failed: cannot exec: until start, and with --init, the container's init is closed to callers without "
            "CAP_SYS_PTRACE: permission denied")
        c.kill("TERM")
        assert c.end() == 3


# -- terminal ------------------------------------------------------------------------------------------------------


def test_job_control(make):
    # covers: init.md 3.4
    bundle = make().set("process.terminal", True).args("sh", "-i").env("PS1=$ ").write()
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(bundle.runtime.path, [bundle.runtime.path, "--root", str(bundle.runtime.root), "run", "--init", "-b",
                                       str(bundle.dir), bundle.id])
    seen = ""

    def wait(text):
        nonlocal seen
        end = time.monotonic() + 5
        while text not in seen:
            assert select.select([fd], [], [], max(0, end - time.monotonic()))[0], (text, seen)
            seen += os.read(fd, 4096).decode()
        seen = seen.split(text, 1)[1]

    os.write(fd, b"echo re''ady $$ `cat /proc/$$/stat | cut -d' ' -f5,6,8`\n")
    wait("ready 2 2 1 2")  # its own group, in the session of the init, and in the foreground
    os.write(fd, b"sleep 30\n")
    time.sleep(0.4)
    os.write(fd, b"\x1a")
    wait("Stopped")
    os.write(fd, b"fg\n")
    time.sleep(0.4)
    os.write(fd, b"\x03")
    time.sleep(0.1)
    os.write(fd, b"echo code $?\n")
    wait("code 130")
    os.write(fd, b"exit 5\n")
    while True:
        try:
            if not os.read(fd, 4096):
                break
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    os.close(fd)


# -- exec ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["plain", "user", "shared pid", "filter", "nobody"])
def test_exec(make, shape):
    with Container(make(shape).sh("sleep 300")) as c:
        c.run()
        assert c.exec("--init", "helper", "exit", "9").code == 9
        assert c.exec("--init", "helper", "kill", "15").code == 143
        assert c.exec("--init", "helper", "traced", "self").code == 7
        assert c.exec("--init", "--init-grace=0", "sh", "-c", "cat /proc/$PPID/comm").ok().out == "ocirt init\n"
        c.exec("--init", "nothing-here").fails('exec: "nothing-here": executable file not found in $PATH', code=255)
        if shape == "filter":
            return  # no shell can wait there
        result = c.exec("--init", "sh", "-c", "(setsid sh -c 'trap \"echo bye; exit\" TERM; while :; do sleep 0.02; done' &) ; "
                        "sleep 0.3; exit 3")
        assert (result.code, result.out) == (3, "bye\n")


def test_exec_is_signalled(make):
    with Container(make().sh("sleep 300")) as c:
        c.run()
        file, out = c.bundle.host_file("exec.pid"), c.bundle.host_file("exec.out")
        c.exec("--init", "--detach", "--pid-file", file, "sh", "-c", "trap 'echo term; exit 1' TERM; echo up; while :; do sleep 0.02; done",
               out=out).ok()
        until(lambda: "up" in out.read_text(), "it runs")
        os.kill(int(file.read_text()), signal.SIGTERM)
        until(lambda: out.read_text() == "up\nterm\n", "it hears")


def test_exec_goes_with_its_init(make):
    with Container(make().sh("sleep 300")) as c:
        c.run()
        file = c.bundle.host_file("exec.pid")
        c.exec("--init", "--detach", "--pid-file", file, "sleep", "300").ok()
        assert len(c.processes()) == 3
        os.kill(int(file.read_text()), signal.SIGKILL)
        until(lambda: len([p for p in c.processes() if alive(p)]) == 1, "both are gone")


def test_exec_of_the_annotations(make):
    """They are about the container's own program."""
    with Container(make().annotate(**{"org.ocirt.init": "true", "org.ocirt.init.grace": "2"}).sh("sleep 300")) as c:
        c.run()
        assert c.exec("sh", "-c", "echo $PPID").ok().out == "0\n"
        result = c.exec("--init-grace=2", "true")
        assert "--init-grace: there is no init without --init" in result.fails(code=255).message
