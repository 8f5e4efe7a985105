"""The ten faults of existing inits (init.md 6), and the lesser ones.  known.txt says who fails which."""

import ctypes
import os
import shutil
import signal
import subprocess
import time

import pytest

from conftest import wait_for

REAL = [s for s in range(1, 65) if s not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)]
DROPPED = {  # by name: what the original does not forward, and its users rely upon
    "tini": {signal.SIGTTIN, signal.SIGTTOU},
    "catatonit": {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU},
    "dumb-init": {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU},  # it stops itself and the child
}


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_1_sigchld_ignored_by_the_caller(init, pid1):
    start = time.monotonic()
    done = subprocess.run([init.helper, "ignore", str(int(signal.SIGCHLD)), *init.argv("true", pid1=pid1)], timeout=min(5, init.most))
    assert (done.returncode, time.monotonic() - start < 2) == (0, True)


def test_1_the_child_still_ignores_it(init):
    done = init.run(init.helper, "status", before=[init.helper, "ignore", int(signal.SIGCHLD)], timeout=5)
    ignored = int(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("SigIgn")), 16)
    assert bool(ignored >> (signal.SIGCHLD - 1) & 1) == (init.name != "dumb-init")


@pytest.mark.parametrize("kind, code", [("self", 7), ("term", 143), ("exec", 7)])
@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_2_traced_child(init, kind, code, pid1):
    assert init.run(init.helper, "traced", kind, pid1=pid1, timeout=3).returncode == code


@pytest.mark.parametrize("call", ["setpgid", "setsid"])
def test_3_signal_before_the_child_is_in_its_place(init, call):
    if (call == "setsid") != (init.name == "dumb-init"):
        pytest.skip("not its call")
    for _ in range(3):
        tracer = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                   f"inject={call}:delay_enter=300000", *init.argv("sleep", "5", options=init.group())])
        pid = traced_init(tracer, init)
        os.kill(pid, signal.SIGTERM)
        start = time.monotonic()
        assert tracer.wait(timeout=8) in (143, -15)
        assert time.monotonic() - start < 3


def traced_init(tracer, init):
    """The pid of the init below strace, which has children of its own at first, once it has forked."""
    found = []

    def look():
        pid = child_of(tracer.pid)
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                words = f.read().split("\0")
        except OSError:
            return False
        if words[:len(init.command)] != init.command or not child_of(pid):
            return False
        found[:] = [pid]
        return True

    assert wait_for(look)
    return found[0]


def child_of(pid):
    found = []

    def look():
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                found[:] = f.read().split()
        except OSError:
            found[:] = []
        return found

    wait_for(look, 0.3)
    return int(found[0]) if found else None


def lost_terms(init):
    lost = 0
    for i in range(60):
        with subprocess.Popen([init.helper, "pid1", str(100 + i * 33), "15", *init.command, "--", "sleep", "0.3" if init.ours else "0.1"]) as p:
            lost += p.wait(timeout=5) != 143
    return lost


def test_4_term_at_the_very_beginning(init):
    """Between its exec and its first system call nobody can hold a signal; a busy machine may stop it just there."""
    assert lost_terms(init) <= 1 or lost_terms(init) <= 1


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_5_real_time_signals_once_each(init, started, pid1):
    with started(init, [init.helper, "record", 31], pid1=pid1) as run:
        for sig in range(34, 65):
            run.kill(sig)
        code, out, _ = run.end()
    assert (code, [int(line.split()[0]) for line in out.splitlines()]) == (0, list(range(34, 65)))


def test_6_mask_of_the_child(init):
    done = init.run(init.helper, "status", before=[init.helper, "block", int(signal.SIGUSR1)])
    blocked = int(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("SigBlk")), 16)
    assert blocked == (0 if init.name == "dumb-init" else 1 << (signal.SIGUSR1 - 1))


def test_6_mask_with_a_signal_of_the_library(init):
    done = init.run(init.helper, "status", before=[init.helper, "block", 34])
    blocked = int(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("SigBlk")), 16)
    assert blocked == (0 if init.name == "dumb-init" else 1 << 33)


@pytest.mark.parametrize("mode", ["child", "group"])
@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_7_every_signal(init, started, pid1, mode):
    options = init.group() if mode == "group" else ["-c"] if init.name == "dumb-init" else []
    dropped, seen = DROPPED.get(init.name, set()), []
    with started(init, [init.helper, "record", len(REAL) - len(dropped)], options=options, pid1=pid1) as run:
        for sig in REAL:
            if sig not in dropped:
                run.kill(sig)
                seen.append(run.process.stdout.readline().split(" ")[0])  # before the next: they may arrive in any order
        assert (run.end()[:2], seen) == ((0, ""), [str(s) for s in REAL if s not in dropped])


def test_8_file_without_interpreter_line(init, tmp_path):
    script = tmp_path / "script"
    script.write_text('echo "$@"; exit 9\n')
    script.chmod(0o755)
    done = init.run(script, "a b", "c")
    assert (done.returncode, done.stdout) == (9, "a b c\n")


def test_8_in_the_path(init, tmp_path):
    script = tmp_path / "script-without"
    script.write_text('exit $1\n')
    script.chmod(0o755)
    done = init.run("script-without", 9, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 9


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGUSR1])
def test_9_signal_before_the_exec(init, sig):
    tracer = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-e", "trace=execve", "-e",
                               "inject=execve:delay_enter=300000:when=1+", *init.argv("sleep", "5")])
    pid = traced_init(tracer, init)
    time.sleep(0.1)
    os.kill(pid, sig)
    assert tracer.wait(timeout=8) in (128 + sig, -sig)


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_10_nobody_reads_what_it_says(init, pid1):
    loud = {"tini": ["-vvv", "-w"], "native": ["-vvv", "-w"], "dumb-init": ["-v"], "catatonit": []}[init.name]
    done = init.run(init.helper, "orphans", 50, 7, options=loud, pid1=pid1, before=[init.helper, "nobody"], timeout=5,
                    env={**os.environ, "CATATONIT_DEBUG": "1"})
    assert done.returncode == 7


@pytest.mark.parametrize("mode", ["child", "group"])
def test_queued_value(init, started, mode):
    options = init.group() if mode == "group" else ["-c"] if init.name == "dumb-init" else []
    with started(init, [init.helper, "record", 1], options=options) as run:
        libc = ctypes.CDLL(None)
        libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
        assert libc.sigqueue(run.pid, 40, 0x1122334455667788) == 0
        assert run.end()[:2] == (0, "40 -1 1122334455667788\n")


def test_500_queued_in_order(native, started):
    with started(native, [native.helper, "record", 500]) as run:
        libc = ctypes.CDLL(None)
        libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
        for i in range(500):
            assert libc.sigqueue(run.pid, 41, i) == 0
        code, out, _ = run.end()
    assert (code, out) == (0, "".join(f"41 -1 {i:x}\n" for i in range(500)))


def test_no_wakeups(init, started):
    def wakeups(pid):
        with open(f"/proc/{pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("voluntary"))

    with started(init, [init.helper, "record", 1]) as run:
        for _ in range(20):  # until it has settled down, on a busy machine, too
            before = wakeups(run.pid)
            time.sleep(0.3)
            if wakeups(run.pid) == before:
                break
        time.sleep(3)
        assert wakeups(run.pid) == before
        run.kill(15)
        run.end()


def test_inherited_descriptors_are_let_go(init, started):
    done = subprocess.run(["timeout", "1", init.helper, "fd5", *init.argv("sh", "-c", "exec 5>&-; sleep 3")],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert done.stdout == "closed\n"


def test_directory_is_let_go(init, started, tmp_path):
    with started(init, ["sh", "-c", "echo ready; exec sleep 3"], cwd=tmp_path) as run:
        assert wait_for(lambda: os.readlink(f"/proc/{run.pid}/cwd") == "/", 1)
        assert os.readlink(f"/proc/{child_of(run.pid)}/cwd") == str(tmp_path)
        run.kill(15)
        run.end()


def test_ignored_signals_reach_the_child(init):
    done = init.run(init.helper, "status", before=[init.helper, "ignore", int(signal.SIGPIPE)])
    ignored = int(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("SigIgn")), 16)
    assert bool(ignored >> (signal.SIGPIPE - 1) & 1) == (init.name != "dumb-init")


def test_service_manager_variables(init):
    done = init.run(init.helper, "status", before=[init.helper, "listen"])
    seen = dict(line.split(" ", 1) for line in done.stdout.splitlines() if "_PID " in line or line.startswith("pid"))
    assert seen["LISTEN_PID"] == seen["WATCHDOG_PID"] == seen["pid"]


def test_service_manager_variables_of_others(init):
    done = init.run(init.helper, "status", env={**os.environ, "LISTEN_PID": "77", "WATCHDOG_PID": "x"})
    assert "LISTEN_PID 77\nWATCHDOG_PID x\n" in done.stdout


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_storm_of_orphans(init, pid1):
    done = init.run(init.helper, "orphans", 2000, 7, pid1=pid1, options=init.subreaper(), timeout=60)
    assert done.returncode == 7


def test_stop_signal_in_a_storm(init, started):
    storm = f"echo ready; for i in 1 2 3 4; do {init.helper} orphans 1000 0 & done; trap 'exit 5' TERM; while :; do wait; done"
    with started(init, ["sh", "-c", storm], pid1=True) as run:
        time.sleep(0.1)
        run.kill(15)
        start = time.monotonic()
        assert run.end()[0] == 5
        assert time.monotonic() - start < 3


def test_coalesced_children(init):
    for _ in range(20):
        done = init.run("sh", "-c", "for i in 1 2 3 4 5 6; do (true &) ; done; exit 7", options=init.subreaper())
        assert done.returncode == 7


def test_parent_death_is_checked(native):
    """The parent has gone before the init asks to be told."""
    helper = native.helper
    script = f"strace -f -o /dev/null -e trace=prctl -e inject=prctl:delay_exit=1 true; echo {helper}"
    if subprocess.run(["sh", "-c", script], stdout=subprocess.DEVNULL).returncode:
        pytest.skip("strace cannot inject")
    read, write = os.pipe()
    words = " ".join(native.argv("sh", "-c", "'trap \"echo term; exit\" TERM; echo up; while :; do sleep 0.05; done'",
                                 options=["-p", "TERM"]))
    parent = subprocess.Popen(["sh", "-c", f"{words} & sleep 0.4"], stdout=write)
    os.close(write)
    parent.wait()
    with os.fdopen(read) as out:
        assert out.read() == "up\nterm\n"
