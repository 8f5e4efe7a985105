"""What must be the same before and after every test (GEN-5, I3, I4)."""

import os
import signal
import stat
import time
from pathlib import Path

from harness import layout, rootfs
from harness.bundle import Bundle
from harness.container import alive

GRACE = 1.0  # seconds for processes that are on their way out
SYSCTLS = ["kernel/hostname", "kernel/domainname", "kernel/panic", "kernel/core_pattern", "kernel/msgmax", "kernel/shmmax",
           "net/ipv4/ip_forward", "fs/mqueue/msg_max"]


def processes():
    """Pids of living processes in the sandbox, ourselves left out."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid() and alive(name)
            and not of_kernel(name)}


def of_kernel(pid):
    """A thread of the kernel's own, as are seen outside of a pid namespace"""
    try:
        return bool(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[6]) & 0x200000)  # PF_KTHREAD
    except (FileNotFoundError, ProcessLookupError):
        return False


def null_device():
    st = os.stat("/dev/null")
    return stat.S_ISCHR(st.st_mode), st.st_mode, st.st_uid, st.st_gid, st.st_rdev


def sysctls():
    values = {}
    for name in SYSCTLS:
        try:
            values[name] = Path("/proc/sys", name).read_text()
        except OSError:
            pass
    return values


class Inventory:
    def __init__(self, work):
        self.work = Path(work)
        self.processes = processes()
        self.mounts = Path("/proc/self/mountinfo").read_text()
        self.rootfs = rootfs.fingerprint(Bundle.shared_rootfs)
        self.null = null_device()
        self.sysctls = sysctls()
        self.dev = sorted(os.listdir("/dev"))

    def leaks(self, grace=GRACE):
        """Everything that is not as it was, as lines; and it is cleaned up."""
        self.end = time.monotonic() + grace
        found = [*self._processes(), *self._cgroups(), *self._mounts(), *self._states()]
        after = rootfs.fingerprint(Bundle.shared_rootfs)
        for path in sorted(set(after.items()) ^ set(self.rootfs.items())):
            found.append(f"the shared root filesystem has changed at {path}")
        self.rootfs = after
        if null_device() != self.null:
            found.append(f"/dev/null has changed: {null_device()}")
        if sorted(os.listdir("/dev")) != self.dev:
            found.append(f"/dev has changed: {sorted(os.listdir('/dev'))}")
        for name, value in sysctls().items():
            if self.sysctls.get(name) != value:
                found.append(f"/proc/sys/{name} has changed to {value!r}")
        return found

    def _processes(self):
        while (left := processes() - self.processes) and time.monotonic() < self.end:
            time.sleep(0.005)
        for pid in left:
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                yield f"process {pid} is left: {line}"
                os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass

    def _cgroups(self):
        end = time.monotonic() + GRACE
        found = layout.directories(Bundle.token)
        for path in sorted(found, key=lambda p: -len(p.parts)):
            while path.exists():
                try:
                    path.rmdir()
                except FileNotFoundError:
                    pass
                except OSError:
                    if time.monotonic() > end:
                        break
                    for name in ("freezer.state", "cgroup.freeze"):
                        if (path / name).exists():
                            (path / name).write_text("THAWED" if name == "freezer.state" else "0")
                    time.sleep(0.01)
            yield f"cgroup {path} is left"

    def _mounts(self):
        now = Path("/proc/self/mountinfo").read_text()
        if now == self.mounts:
            return
        before = set(self.mounts.splitlines())
        for line in reversed([row for row in now.splitlines() if row not in before]):
            yield f"a mount is left: {line}"
            os.system(f"umount -l '{line.split()[4]}'")
        after = set(now.splitlines())
        for line in before - after:
            yield f"a mount of the host is gone: {line}"

    def _states(self):
        for root in [self.work / "root", *(Path("/run", n) for n in ("containers", "runc", "crun"))]:
            if root.is_dir():
                for name in os.listdir(root):
                    if name.startswith(Bundle.token) or root == self.work / "root":
                        yield f"state {root / name} is left"
                        os.system(f"rm -rf '{root / name}'")
