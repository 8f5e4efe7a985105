"""Cgroup layouts: which hierarchies a call of the runtime sees below /sys/fs/cgroup.

Every layout but the machine's own is made in a private mount namespace around each single call, so the machine's mounts
stay as they are.  The cgroups themselves are the machine's.
"""

import os
from pathlib import Path

import pytest

IN_NAMESPACE = ("unshare", "--mount", "--propagation", "private", "sh", "-c")


class Layout:
    def __init__(self, name, script=""):
        self.name = name
        self.wrap = (*IN_NAMESPACE, f'{script} && exec "$@"', "sh") if script else ()

    def __repr__(self):
        return self.name


def mounted():
    """[(mount point, type, options)] of the cgroup mounts, in the order of mountinfo."""
    rows = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        kind, _, options = right.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            rows.append((left.split()[4], kind, options.split(",")))
    return rows


def v2_options():
    """Those of the machine's v2 hierarchy: a mount with others would change them for the whole machine (cgroups(7))."""
    for _, kind, options in mounted():
        if kind == "cgroup2":
            return ",".join(o for o in options if o != "ro") or "rw"
    return "rw"


NATIVE = Layout("native")
V2 = Layout("v2", f"umount -R /sys/fs/cgroup && mount -t cgroup2 -o {v2_options()} cgroup2 /sys/fs/cgroup")
NONE = Layout("none", "{ ! mountpoint -q /sys/fs/cgroup || umount -R /sys/fs/cgroup; }")


def v1():
    """The v1 hierarchies alone, or None where there are none."""
    unified = [point for point, kind, _ in mounted() if kind == "cgroup2"]
    if not any(kind == "cgroup" for _, kind, _ in mounted()):
        return None
    return Layout("v1", " && ".join(f"umount {p}" for p in unified) or "true")


def v2():
    """The v2 hierarchy alone, or None where it is not mounted: what is left in it could not be seen."""
    return V2 if mount_point("") else None


def has_v1(controller):
    return any(kind == "cgroup" and controller in options for _, kind, options in mounted())


def mount_point(controller):
    """Where a v1 controller, or the v2 hierarchy for "", is mounted on this machine; None without it."""
    for point, kind, options in mounted():
        if (kind == "cgroup2") if controller == "" else (kind == "cgroup" and controller in options):
            return Path(point)
    return None


def directories(part):
    """All cgroup directories of the machine whose name contains `part`."""
    found = []
    for point, _, _ in mounted():
        for top, names, _ in os.walk(point):
            found += [Path(top) / n for n in names if part in n]
    return found


needs_cgroup = pytest.mark.skipif(not mounted(), reason="no cgroup on this machine")
