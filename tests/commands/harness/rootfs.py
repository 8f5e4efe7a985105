"""The root filesystem of the tests: busybox, a handful of applets, the probe.  Made once a session."""

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "probe.c"
APPLETS = """sh ash cat chmod chown cp cut date dd echo env false grep head hostname id kill ln ls mkdir mkfifo mknod mount mv nc
od ping printf ps pwd readlink rm rmdir sed seq setsid sleep sort stat stty sync tail tee test timeout touch tr true tty umount
uname wc whoami""".split()
DIRECTORIES = ["bin", "dev", "etc", "home/app", "mnt", "opt", "proc", "root", "run", "sys", "tmp", "usr/bin", "var", "data"]
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1000:\nextra:x:2000:app\n"


def build_probe(target):
    subprocess.run(["gcc", "-static", "-O1", "-Wall", "-Wextra", "-o", str(target), str(SOURCE)], check=True)


def make(target):
    """Makes the tree at `target`, a path that does not exist yet."""
    root = Path(target)
    for name in DIRECTORIES:
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "root").chmod(0o700)
    os.chown(root / "home/app", 1000, 1000)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    (root / "data/file").write_text("hello\n")
    build_probe(root / "bin/probe")
    return root


def copy(source, target):
    """A tree of its own with the big files as hard links."""
    subprocess.run(["cp", "-a", "--link", str(source), str(target)], check=True)
    for name in ("etc/passwd", "etc/group", "data/file"):
        path = Path(target) / name
        text = path.read_bytes()
        path.unlink()
        path.write_bytes(text)
    return Path(target)


def fingerprint(root):
    """What must stay the same in a tree that is only looked at."""
    rows = {}
    for top, directories, files in os.walk(root):
        for name in directories + files:
            st = os.lstat(os.path.join(top, name))
            rows[os.path.join(top, name)] = (st.st_mode, st.st_uid, st.st_gid, st.st_rdev, st.st_size)
    return rows


def copy_plain(source, target):
    """A copy on another file system."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return Path(target)
