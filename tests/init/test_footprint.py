"""What an idle init keeps (init.md 7); times are bench.py's."""

import os
import platform
import time

import pytest


def rollup(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return {line.split()[0][:-1]: int(line.split()[1]) for line in f if line.split()[-1] == "kB"}


def test_memory(native, started):
    """Beside the originals built static against musl: 72 to 84 resident, 68 to 80 proportional, in KiB.  A page more or
    less is where the stack begins."""
    if platform.machine() != "x86_64":
        pytest.skip("figures of x86-64")
    with started(native, [native.helper, "record", 3], pid1=True) as run:
        time.sleep(0.2)
        idle = rollup(run.pid)
        run.kill(10)
        run.kill(40)
        time.sleep(0.1)
        used = rollup(run.pid)
        run.kill(15)
        run.end()
    assert (idle["Rss"] <= 40, idle["Pss"] <= 40, used["Rss"] <= 44) == (True, True, True), (idle, used)


def test_descriptors(native, started):
    with started(native, [native.helper, "record", 1]) as run:
        time.sleep(0.2)
        assert sorted(os.listdir(f"/proc/{run.pid}/fd")) == ["0", "1", "2"]
        assert os.readlink(f"/proc/{run.pid}/fd/1") == "/dev/null"
        run.kill(15)
        run.end()
