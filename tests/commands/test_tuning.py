"""How a process is scheduled and where its memory lies: SCH, IOP, EXA, MP, MS-5 in exec, TO-1."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from harness import Container, layout
from harness.kernel import RELEASE

pytestmark = pytest.mark.ours  # runc 1.1.5 knows none of these properties


def sleeping(bundle):
    return Container(bundle.args("sleep", "100"))


def policy(pid):
    """(policy, priority, nice, reset on fork) of a process."""
    out = subprocess.run(["chrt", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    name = re.search(r"policy: (\S+)", out)[1]
    return name.split("|")[0], int(re.search(r"priority: (\d+)", out)[1]), int(stat[16]), "RESET_ON_FORK" in name


def io_class(pid):
    return subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True, check=True).stdout.strip()


# -- the scheduler ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler, expected", [
    ({"policy": "SCHED_OTHER", "nice": 5}, ("SCHED_OTHER", 0, 5, False)),
    ({"policy": "SCHED_BATCH", "nice": 19}, ("SCHED_BATCH", 0, 19, False)),
    ({"policy": "SCHED_OTHER", "nice": -5}, ("SCHED_OTHER", 0, -5, False)),
    ({"policy": "SCHED_IDLE"}, ("SCHED_IDLE", 0, 0, False)),
    ({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}, ("SCHED_OTHER", 0, 0, True)),
])
def test_sch_1_sch_2_sch_3(bundle, scheduler, expected):
    with sleeping(bundle.set("process.scheduler", scheduler)) as c:
        c.create()
        c.start()
        assert policy(c.pid) == expected
        c.delete(force=True)


@pytest.mark.parametrize("kind", ["FIFO", "RR"])
def test_sch_1_sch_4_realtime(bundle, kind):
    """In a v1 cgroup without runtime of its own it is refused (SCH-4), with it carried out."""
    bundle.set("process.scheduler", {"policy": f"SCHED_{kind}", "priority": 7})
    groups = layout.has_v1("cpu") and (layout.mount_point("cpu") / "cpu.rt_runtime_us").exists()
    if groups:
        bundle.refused("process.scheduler: SCHED_" + kind)
        bundle.set("linux.resources", {"cpu": {"realtimeRuntime": 10000}})
    with sleeping(bundle) as c:
        c.create()
        c.start()
        assert policy(c.pid)[:2] == (f"SCHED_{kind}", 7)
        c.delete(force=True)


def test_sch_2_refused_by_the_kernel(bundle):
    bundle.set("process.scheduler", {"policy": "SCHED_FIFO", "priority": 100}).refused("process.scheduler: SCHED_FIFO")


@pytest.mark.parametrize("priority, text", [
    ({"class": "IOPRIO_CLASS_BE", "priority": 6}, "best-effort: prio 6"),
    ({"class": "IOPRIO_CLASS_BE"}, "best-effort: prio 0"),
    ({"class": "IOPRIO_CLASS_IDLE"}, "idle"),
    ({"class": "IOPRIO_CLASS_RT", "priority": 3}, "realtime: prio 3"),
])
def test_iop_1_dec_14(bundle, priority, text):
    with sleeping(bundle.set("process.ioPriority", priority)) as c:
        c.create()
        c.start()
        assert io_class(c.pid) == text
        pid_file = bundle.dir / "exec.pid"
        bundle.runtime.call("exec", "-d", "--pid-file", pid_file, c.id, "sleep", "100").ok()
        assert io_class(int(pid_file.read_text())) == text
        c.delete(force=True)


# -- affinity of exec --------------------------------------------------------------------------------------------


def allowed(pid):
    return re.search(r"Cpus_allowed_list:\t(\S+)", Path(f"/proc/{pid}/status").read_text())[1]


def kept_in_a_cpuset():
    """Linux 6.2 keeps what a process asked for when it enters another cpuset; before, it got every CPU of that one."""
    top = layout.mount_point("")
    v2 = top and "cpuset" in (top / "cgroup.subtree_control").read_text().split()
    moved = v2 or layout.has_v1("cpuset")
    return not moved or RELEASE >= (6, 2)


@pytest.mark.parametrize("affinity, expected", [({"initial": "0"}, "0"), ({"initial": "0", "final": "1"}, "1"), ({"final": "1"}, "1")])
def test_exa_1(bundle, affinity, expected):
    if os.cpu_count() < 2:
        pytest.skip("one CPU alone")
    with sleeping(bundle.set("process.execCPUAffinity", affinity)) as c:
        c.create()
        c.start()
        assert allowed(c.pid) == allowed(os.getpid())
        pid_file = bundle.dir / "exec.pid"
        bundle.runtime.call("exec", "-d", "--pid-file", pid_file, c.id, "sleep", "100").ok()
        assert allowed(int(pid_file.read_text())) == (expected if "final" in affinity or kept_in_a_cpuset() else allowed(c.pid))
        c.delete(force=True)


def test_exa_1_absent_cpu(bundle):
    with sleeping(bundle.set("process.execCPUAffinity", {"initial": "1000"})) as c:
        c.create()
        c.start()
        bundle.runtime.call("exec", c.id, "true").fails("process.execCPUAffinity.initial: 1000: invalid argument", code=255)
        c.delete(force=True)


# -- memory policy ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy_, text", [
    ({"mode": "MPOL_INTERLEAVE", "nodes": "0"}, "interleave:0"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "bind=static:0"),
    ({"mode": "MPOL_PREFERRED", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]}, "prefer=relative:0"),
    ({"mode": "MPOL_DEFAULT"}, "default"),
    ({"mode": "MPOL_DEFAULT", "nodes": ""}, "default"),
    ({"mode": "MPOL_LOCAL"}, "local"),
])
def test_mp_1(bundle, policy_, text):
    if not Path("/proc/self/numa_maps").exists():
        pytest.skip("this kernel has no NUMA")
    with sleeping(bundle.set("linux.memoryPolicy", policy_)) as c:
        c.create()
        c.start()
        stack = [line for line in Path(f"/proc/{c.pid}/numa_maps").read_text().splitlines() if "stack" in line or "heap" in line]
        assert all(line.split()[1] == text for line in stack) and stack
        c.delete(force=True)


@pytest.mark.parametrize("policy_", [{"mode": "MPOL_BIND"}, {"mode": "MPOL_BIND", "nodes": "1023"},
                                     {"mode": "MPOL_INTERLEAVE", "nodes": ""}])
def test_mp_1_refused_by_the_kernel(bundle, policy_):
    if not Path("/proc/self/numa_maps").exists():
        pytest.skip("this kernel has no NUMA")
    bundle.set("linux.memoryPolicy", policy_).refused(f"linux.memoryPolicy: {policy_['mode']}: invalid argument")


# -- personality, time -------------------------------------------------------------------------------------------


def test_ms_5_in_exec(bundle):
    with sleeping(bundle.set("linux.personality", {"domain": "LINUX32"})) as c:
        c.create()
        c.start()
        assert bundle.runtime.call("exec", c.id, "uname", "-m").ok().out.strip() == "i686"
        c.delete(force=True)


@pytest.mark.parametrize("user", [False, True])
def test_to_1_offsets(bundle, user):
    """Days away: /proc/uptime and the monotonic clock inside are ours and the offset."""
    if user:
        bundle.user_namespace()
    offsets = {"monotonic": {"secs": 172800, "nanosecs": 5}, "boottime": {"secs": 604800}}
    bundle.namespace("time").set("linux.timeOffsets", offsets)
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    out = bundle.sh("cat /proc/uptime; cat /proc/self/timens_offsets").run().ok().out.splitlines()
    assert abs(float(out[0].split()[0]) - uptime - 604800) < 60
    assert out[1].split() == ["monotonic", "172800", "5"] and out[2].split() == ["boottime", "604800", "0"]


def test_to_1_in_exec(bundle):
    with sleeping(bundle.namespace("time").set("linux.timeOffsets", {"boottime": {"secs": 604800}})) as c:
        c.create()
        c.start()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        inside = float(bundle.runtime.call("exec", c.id, "cat", "/proc/uptime").ok().out.split()[0])
        assert abs(inside - uptime - 604800) < 60
        c.delete(force=True)


def test_to_1_refused_by_the_kernel(bundle):
    """Before the boot of the machine there is no time."""
    bundle.namespace("time").set("linux.timeOffsets", {"boottime": {"secs": -9000000000}})
    bundle.refused("linux.timeOffsets: ")
