"""The cross-built file as a plain init under qemu-user, with other numbers of signals and another order of bytes.

Its program is the machine's own: qemu translates what passes between them, as far as it can.
`./build.sh --target armhf --target mips ...` builds; those that are not built are left out.
"""

import os
import shutil
import signal
import subprocess

import pytest

from conftest import OCIRT, Init, Started

TARGETS = {"armhf": "arm", "arm64": "aarch64", "mips": "mips", "mipsel": "mipsel", "riscv64": "riscv64"}
TOP = OCIRT.parent
KEPT = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGSTKFLT,  # mips has no STKFLT
        signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGABRT, signal.SIGSYS, 32, 33}  # qemu's


class Emulated(Init):
    def __init__(self, target, place, helper, name="native"):
        super().__init__(f"ocirt-{name}", place, helper)
        self.target = target
        emulator, binary = shutil.which(f"qemu-{TARGETS[target]}-static"), TOP / "build" / target / "ocirt"
        if not emulator or not binary.exists():
            pytest.skip(f"qemu-{TARGETS[target]}-static is not installed, or {target} not built")
        self.command = [emulator, str(binary), "init"] + ([] if name == "native" else ["--as", name])


@pytest.fixture(params=TARGETS)
def emulated(request, place, helper):
    return Emulated(request.param, place, helper)


def test_exit_status(emulated):
    for code in (0, 1, 7, 143, 255):
        assert emulated.run(emulated.helper, "exit", code).returncode == code
    assert emulated.run("sh", "-c", "kill -TERM $PPID; sleep 5").returncode == 143
    assert emulated.run("no-such").returncode == 127
    assert emulated.run("sh", "-c", "kill -KILL $$", options=["-e", "137"]).returncode == 0


def test_killed_by_the_targets_number(emulated):
    """USR1 is 16 on mips and 10 elsewhere."""
    number = 16 if emulated.target.startswith("mips") else 10
    assert emulated.run(emulated.helper, "kill", int(signal.SIGUSR1)).returncode == 128 + number
    assert emulated.run(emulated.helper, "kill", int(signal.SIGHUP)).returncode == 129


def test_signals(emulated):
    """Each arrives once, real-time ones up to the last that qemu knows, before the next is sent."""
    real = [s for s in range(1, 63) if s not in KEPT]
    with Started(emulated, [emulated.helper, "record", len(real)]) as run:
        for sig in real:
            run.kill(sig)
            assert run.process.stdout.readline().split(" ")[0] == str(sig)
        assert run.end()[:2] == (0, "")


def test_rewrite_by_name(emulated):
    with Started(emulated, [emulated.helper, "record", 2], options=["-r", "USR1:HUP", "-r", "WINCH:none", "-r", "INT:USR2"]) as run:
        for sig, seen in ((signal.SIGUSR1, "1"), (signal.SIGWINCH, None), (signal.SIGINT, "12")):
            run.kill(sig)
            if seen:
                assert run.process.stdout.readline().split(" ")[0] == seen
        assert run.end()[:2] == (0, "")


def test_group_and_orphans(emulated):
    script = "trap 'exit 3' USR1; (trap 'echo other; exit' USR1; echo ready; while :; do sleep 0.02; done) & while :; do sleep 0.02; done"
    with Started(emulated, ["sh", "-c", script], options=["-g"]) as run:
        run.kill(signal.SIGUSR1)
        assert run.end()[:2] == (3, "other\n")
    if os.getuid() != 0:
        return  # this emulation knows no subreaper
    assert emulated.run(emulated.helper, "orphans", 100, 7, pid1=True, timeout=30).returncode == 7
    done = emulated.run("sh", "-c", "(sleep 0.1 &); sleep 0.5", options=["-w"], pid1=True)
    assert done.stderr.count("Reaped zombie process with pid=") == 1


@pytest.mark.parametrize("name, option", [("tini", "-h"), ("dumb-init", "-V"), ("catatonit", "-V"), ("native", "--version")])
def test_names(emulated, name, option, place, helper):
    one = Emulated(emulated.target, place, helper, name)
    assert one.raw(option).returncode == 0
    assert one.run("sh", "-c", "exit 6").returncode == 6


def test_what_it_said_after_the_start(emulated):
    """Its messages need nothing of the memory that it has given back."""
    done = emulated.run("sh", "-c", "kill -WINCH $PPID; exit 5", options=["-vvv"])
    assert (done.returncode, "process " in done.stderr, "exited with 5" in done.stderr) == (5, True, True)
