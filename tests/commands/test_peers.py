"""The same probe in the same bundle sees the same under the runtime, Debian's runc and Debian's crun.

What differs is in PEERS, and in the README for people.
"""

import json
import os
import shutil
import subprocess

import pytest

from harness import layout
from harness.bundle import parse_mountinfo
from harness.layout import IN_NAMESPACE

PROFILE = {"defaultAction": "SCMP_ACT_ALLOW",
           "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}
OWN_ID = "octestpeers"  # the container's: of all three, since paths and names hold it

# Of /proc/self/status: what a config decides
STATUS = ("Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")

# What may differ: (member of the report, name in it) -> (ours, theirs)
PEERS = {
    "runc": {},
    # Made read-only, a path keeps the other flags of its mount under ocirt and runc.
    "crun": {("mountinfo", "/proc/sys"): (("proc", ["nodev", "noexec", "nosuid", "relatime", "ro"]),
                                          ("proc", ["relatime", "ro"]))},
}


def crun_wrap():
    """Debian's crun refuses a host whose unified hierarchy has controllers beside v1."""
    unified = [point for point, kind, _ in layout.mounted() if kind == "cgroup2"]
    if not unified or not any(kind == "cgroup" for _, kind, _ in layout.mounted()):
        return ()
    return (*IN_NAMESPACE, " && ".join(f"umount {p}" for p in unified) + ' && exec "$@"', "sh")


def look(bundle, argv):
    """The probe's report, without what is another one in each container."""
    bundle.write()
    out = subprocess.run([*argv, "--root", bundle.runtime.work / "peers", "run", "-b", bundle.dir, OWN_ID],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert out.returncode == 0, out
    return normal(json.loads(out.stdout))


def normal(report):
    """One flat dictionary; what is another one in every container is left out: numbers of pipes, mounts, keys."""
    flat = {}
    for key, value in report.items():
        if key == "ns":
            value = {kind: "own" if inode != os.stat(f"/proc/self/ns/{kind}").st_ino else "the caller's"
                     for kind, inode in value.items()}
        elif key == "status":
            lines = dict(line.split(":\t", 1) for line in value.splitlines() if ":\t" in line)
            value = {name: lines[name].strip() for name in STATUS}
        elif key == "mountinfo":
            value = {m["point"]: (m["type"], sorted(m["options"])) for m in parse_mountinfo(value)}
        elif key == "fds":
            value = sorted(value)
        elif key in ("keyring", "monotonic", "boottime"):
            continue
        flat.update({(key, name): inner for name, inner in value.items()} if isinstance(value, dict) else {(key, ""): value})
    return flat


@pytest.fixture
def rich(bundle):
    """A bundle that asks for something of every kind."""
    bundle.own_rootfs().args("probe", "report").env("A=1", "A=2", "B=3")
    bundle.set("process.user", {"uid": 1000, "gid": 1001, "umask": 0o027, "additionalGids": [7, 8]})
    bundle.set("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}])
    bundle.set("process.capabilities", {k: ["CAP_KILL", "CAP_CHOWN"] for k in ("bounding", "effective", "permitted")})
    bundle.set("process.noNewPrivileges", True).set("process.oomScoreAdj", 500)
    bundle.set("linux.seccomp", PROFILE).set("hostname", "peer")
    bundle.set("linux.resources", {"pids": {"limit": 33}, "memory": {"limit": 1 << 26}})
    bundle.set("linux.maskedPaths", ["/proc/kcore"]).set("linux.readonlyPaths", ["/proc/sys"])
    bundle.tmpfs("/scratch", "size=1m", "nosuid", "noexec", "mode=700")
    return bundle


@pytest.mark.ours
@pytest.mark.parametrize("peer", sorted(PEERS))
def test_peers_see_the_same(rich, peer):
    path = shutil.which(peer, path="/usr/sbin:/usr/bin")
    if not path:
        pytest.skip(f"no {peer} here")
    wrap = crun_wrap() if peer == "crun" else ()
    ours, theirs = look(rich, [*wrap, rich.runtime.path]), look(rich, [*wrap, path])
    assert len(ours) > 60 and ("rlimits", "RLIMIT_NOFILE") in ours and ("ns", "pid") in ours
    differ = {key: (ours.get(key), theirs.get(key)) for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)}
    assert differ == PEERS[peer]
