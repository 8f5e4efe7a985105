"""The cross-built file as a plain init under qemu-user; its program is the machine's own.  ./build.sh --target armhf"""

import shutil
import subprocess

import pytest

from conftest import OCIRT


@pytest.mark.parametrize("target, emulator", [("armhf", "qemu-arm-static"), ("mips", "qemu-mips-static")])
def test_emulated(target, emulator):
    ocirt = OCIRT.parent / "build" / target / "ocirt"
    if not shutil.which(emulator) or not ocirt.exists():
        pytest.skip(f"no {emulator}, or {ocirt.name} is not built for {target}")
    for script, code in (("(true &); exit 7", 7), ("kill -TERM $PPID; sleep 5", 143)):
        done = subprocess.run([emulator, ocirt, "init", "--", "sh", "-c", script], timeout=20)
        assert done.returncode == code
