"""The end: of the main program, of the others, by a signal, and pause mode (init.md 4.2)."""

import os
import signal
import subprocess
import time

import pytest

from conftest import wait_for

MAIN = {
    "obeys": "sleep 20",
    "ignores": "trap '' TERM; while :; do sleep 0.1; done",
    "exits 3": "trap 'exit 3' TERM; while :; do sleep 0.02; done",
}
OTHER = {
    "obeys": "setsid sh -c 'trap \"echo bye; exit\" TERM; echo up; while :; do sleep 0.02; done' &",
    "ignores": "setsid sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.1; done' &",
}


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
@pytest.mark.parametrize("other", OTHER)
@pytest.mark.parametrize("main", ["obeys", "exits 3"])
def test_after_the_main_program(native, started, main, other, pid1):
    with started(native, ["sh", "-c", OTHER[other] + MAIN[main]], pid1=pid1) as run:
        time.sleep(0.2)
        start = time.monotonic()
        run.kill(15)
        code, out, _ = run.end()
    took = time.monotonic() - start
    assert code == (3 if main == "exits 3" else 143)
    assert out == ("bye\n" if other == "obeys" else "")
    assert took < 0.6 if other == "obeys" else 0.9 < took < 1.6


def test_grace_0_waits_for_nobody(native, started):
    with started(native, ["sh", "-c", OTHER["obeys"] + "exit 4"], options=["--grace", "0"], pid1=True) as run:
        assert run.end()[0] == 4


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_stop_timeout(native, started, pid1):
    with started(native, ["sh", "-c", "echo up; " + MAIN["ignores"]], options=["--stop-timeout", "1", "--grace=1"],
                 pid1=pid1) as run:
        time.sleep(0.2)
        start = time.monotonic()
        run.kill(15)
        assert run.end()[0] == 137
    assert 1.8 < time.monotonic() - start < 2.8


def test_stop_signal_by_name(native, started):
    with started(native, ["sh", "-c", "echo up; trap '' INT TERM; while :; do sleep 0.1; done"],
                 options=["--stop-timeout", "1", "--grace", "0", "--stop-signal", "INT"]) as run:
        time.sleep(0.2)
        run.kill(2)
        assert run.end()[0] == 137


def test_limits_from_the_environment(native, started):
    more = {"OCIRT_INIT_STOP_TIMEOUT": "1", "OCIRT_INIT_GRACE": "0"}
    with started(native, ["sh", "-c", "echo up; " + MAIN["ignores"]], env={**os.environ, **more}) as run:
        time.sleep(0.2)
        run.kill(15)
        assert run.end()[0] == 137


def test_stopped_process_is_continued(native, started):
    with started(native, ["sh", "-c", "setsid sh -c 'echo up; kill -STOP $$; exit' & sleep 0.3; exit 5"], pid1=True) as run:
        start = time.monotonic()
        assert run.end()[0] == 5
    assert time.monotonic() - start < 0.9


def test_all_are_asked(native, started):
    """The child's group, a session of its own, a daemon."""
    one = "trap \"echo $0; exit\" TERM; while :; do sleep 0.02; done"
    script = f"sh -c '{one}' group & setsid sh -c '{one}' session & (setsid sh -c '{one}' daemon &); sleep 0.3; echo up; exit 6"
    for pid1 in (False, True):
        with started(native, ["sh", "-c", script], pid1=pid1) as run:
            code, out, _ = run.end()
        assert (code, sorted(out.split())) == (6, ["daemon", "group", "session"])


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_wait_for_all(native, started, pid1):
    with started(native, ["sh", "-c", "echo up; (setsid sleep 0.7 &); exit 8"], options=["--wait-all"], pid1=pid1) as run:
        start = time.monotonic()
        assert run.end()[0] == 8
    assert 0.5 < time.monotonic() - start < 2


def test_wait_for_all_until_it_is_stopped(native, started):
    with started(native, ["sh", "-c", "echo up; (setsid sleep 30 &); exit 8"], options=["--wait-all"], pid1=True) as run:
        time.sleep(0.3)
        run.kill(15)
        assert run.end(5)[0] == 8


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_die_alike(native, pid1):
    done = subprocess.run([*([native.helper, "pid1", "0", "0"] if pid1 else []), *native.command, "--die-alike", "sh", "-c",
                           "kill -USR1 $$"])
    assert done.returncode == (128 + 10 if pid1 else -10)


def test_child_that_is_stopped_has_not_ended(init, started):
    with started(init, ["sh", "-c", "echo up; kill -STOP $$; exit 9"]) as run:
        time.sleep(0.3)
        assert run.process.poll() is None
        run.kill(signal.SIGCONT)
        assert run.end()[0] == 9


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_pause(init, sig):
    if init.name not in ("native", "catatonit"):
        pytest.skip("has no -P")
    with subprocess.Popen([*init.command, "-P"]) as p:
        try:
            assert wait_for(lambda: os.readlink(f"/proc/{p.pid}/cwd") == "/")
            time.sleep(0.1)
            p.send_signal(signal.SIGUSR1)
            p.send_signal(signal.SIGHUP)
            time.sleep(0.1)
            assert p.poll() is None
            p.send_signal(sig)
            assert p.wait(timeout=3) == 0
        finally:
            p.kill()  # or the end of `with` waits for ever


@pytest.mark.parametrize("shape", ["0<&- 1>&- 2>&-", "2>/dev/full", "</dev/null"])
def test_broken_descriptors(init, shape):
    done = subprocess.run(["sh", "-c", 'exec "$@" ' + shape, "sh", *init.argv("sh", "-c", "exit 7")], timeout=5)
    assert done.returncode == 7


def test_few_descriptors(init):
    done = subprocess.run(["bash", "-c", 'ulimit -n 3; exec "$@"', "sh", *init.argv(init.helper, "exit", "7")], timeout=5)
    assert done.returncode == 7


def test_nothing_but_two_programs(native, tmp_path):
    """A root file system that holds nothing but the init and one static program."""
    from conftest import OCIRT
    for source, name in ((OCIRT, "init"), (native.helper, "prog")):
        subprocess.run(["cp", source, tmp_path / name], check=True)
    for words, code in ((["exit", "7"], 7), (["orphans", "100", "5"], 5), (["traced", "self"], 7)):
        done = subprocess.run(["unshare", "--pid", "--fork", "chroot", tmp_path, "/init", "/prog", *words],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
        assert (done.returncode, done.stdout) == (code, "")


def test_nobody_waits_for_a_full_stderr(init):
    """What it says is lost, and the program's end is seen."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    loud = {"tini": ["-vvv", "-w"], "native": ["-vvv", "-w"], "dumb-init": ["-v"], "catatonit": []}[init.name]
    done = subprocess.run(init.argv(init.helper, "orphans", "3", "7", options=loud), timeout=5, stdout=subprocess.DEVNULL, stderr=write,
                          env={**os.environ, "CATATONIT_DEBUG": "1"})
    assert done.returncode == 7
    os.close(read)
    os.close(write)
