"""The sandbox of a whole test run.

enter() replaces the process by the same command in private mount, pid, uts, ipc and network namespaces; run as a
program this file is the reaping pid 1 in there: it gives the run a /proc, /dev and /run of its own and ends with the
status of the command.  Whatever a failing test leaves behind dies with it, and the machine's own mounts, devices and
names are out of reach.  The cgroup tree is the machine's: its mounts are never changed here.
"""

import ctypes
import fcntl
import os
import shutil
import socket
import stat
import struct
import sys

MARK = "OCIRT_TESTS_SANDBOX"
LIBC = ctypes.CDLL(None, use_errno=True)
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
LOOPS = 16
NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def inside():
    return os.environ.get(MARK) == "1"


def enter(argv):
    """Does not return."""
    os.environ[MARK] = "1"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    unshare = shutil.which("unshare")
    os.execv(unshare, [unshare, "--mount", "--propagation", "private", "--uts", "--ipc", "--net", "--pid", "--fork",
                       "--kill-child", sys.executable, "-B", os.path.abspath(__file__), *argv])


def mount(source, target, kind, flags=0, data=""):
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount {kind} on {target}")


def private_dev():
    mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755")
    for name, (major, minor) in NODES.items():
        os.mknod(f"/dev/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))
        os.chmod(f"/dev/{name}", 0o666)
    os.mknod("/dev/loop-control", stat.S_IFCHR | 0o660, os.makedev(10, 237))
    for n in range(LOOPS):
        os.mknod(f"/dev/loop{n}", stat.S_IFBLK | 0o660, os.makedev(7, n))
    mapper = [int(line.split()[0]) for line in open("/proc/devices") if line.endswith(" device-mapper\n")]
    for major in mapper:
        os.mkdir("/dev/mapper")
        os.mknod("/dev/mapper/control", stat.S_IFCHR | 0o600, os.makedev(10, 236))
        for n in range(8):
            os.mknod(f"/dev/dm-{n}", stat.S_IFBLK | 0o660, os.makedev(major, n))
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"/dev/{name}")
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")
    mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    os.symlink("pts/ptmx", "/dev/ptmx")
    os.symlink("/proc/self/fd", "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"/dev/{name}")


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        up = 1
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", up))  # SIOCSIFFLAGS


def main(argv):
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    private_dev()
    loopback_up()
    os.mkdir("/run/tmp", 0o755)
    os.environ["TMPDIR"] = "/run/tmp"
    child = os.fork()
    if child == 0:
        os.execv(argv[0], argv)
    while True:
        pid, status = os.wait()
        if pid == child:
            sys.exit(os.waitstatus_to_exitcode(status) % 256)


if __name__ == "__main__":
    main(sys.argv[1:])
