"""Root filesystems as image files, and the loop devices that they take."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.bundle import Bundle
from harness.container import until
from harness.kernel import RELEASE

TYPES = ("squashfs", "erofs", "ext4")
TOOLS = {"squashfs": "mksquashfs", "erofs": "mkfs.erofs", "ext4": "mkfs.ext4", "ext2": "mkfs.ext2"}


def make(kind, tree, target):
    """An image of that tree."""
    words = {
        "squashfs": ["mksquashfs", tree, target, "-quiet", "-no-progress", "-noD", "-noF"],
        "erofs": ["mkfs.erofs", target, tree],
    }.get(kind) or [TOOLS[kind], "-q", "-d", tree, target, "24M"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return target


def loops_here():
    try:
        os.close(os.open("/dev/loop-control", os.O_RDWR))
    except OSError as e:
        pytest.skip(f"this kernel has no loop devices: {e.strerror}")


def image_of(kind):
    """The session's image of the shared root filesystem; skips where it cannot be made or mounted."""
    tool = TOOLS[kind]
    if not shutil.which(tool):
        pytest.skip(f"no {tool} here")
    filesystem = "ext4" if kind == "ext2" else kind
    if f"\t{filesystem}\n" not in Path("/proc/filesystems").read_text():
        if shutil.which("modprobe"):
            subprocess.run(["modprobe", "-q", filesystem], check=False)
        if f"\t{filesystem}\n" not in Path("/proc/filesystems").read_text():
            pytest.skip(f"this kernel has no {filesystem}")
    loops_here()
    path = Bundle.shared_rootfs.parent / f"image.{kind}"
    return path if path.exists() else make(kind, Bundle.shared_rootfs, path)


NOT_MAPPED_WHY = "invalid argument" if RELEASE >= (5, 12) else "function not implemented"  # mount_setattr(2)


def can_map(kind):
    """Has this kernel mounts of that file system with mapped ids?"""
    return RELEASE >= {"ext4": (5, 12), "erofs": (5, 19), "squashfs": (6, 2)}[kind]


def busy():
    """{loop device: its file}"""
    found = {}
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            found[path.parts[3]] = path.read_text().strip()
        except OSError:  # it goes just now
            pass
    return found


def all_free(*files):
    """Waits until no loop device has one of them: the kernel lets go when the last mount has."""
    names = [os.path.basename(f) for f in files]
    until(lambda: not [f for f in busy().values() if any(n in f for n in names)], "no loop device is left", 3)
