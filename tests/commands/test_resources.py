"""linux.resources read back from the files of the container's cgroup, on whatever hierarchy carries the controller."""

import math
from pathlib import Path

import pytest

from harness import Container, layout
from harness.kernel import RELEASE

PAGE = 4096


def directory(pid, controller):
    """The cgroup directory of a process in the hierarchy of a controller, and whether that is v2; (None, None) without one."""
    unified = None
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(",") and layout.has_v1(controller):
            return Path(f"{layout.mount_point(controller)}{path}"), False
        if names == "" and layout.mount_point(""):
            unified = Path(f"{layout.mount_point('')}{path}")
    if unified and controller_v2(controller) in (unified / "cgroup.controllers").read_text().split():
        return unified, True
    return None, None


def controller_v2(controller):
    return {"blkio": "io"}.get(controller, controller)


def available(controller):
    if layout.has_v1(controller):
        return True
    point = layout.mount_point("")
    return bool(point) and controller_v2(controller) in (point / "cgroup.controllers").read_text().split()


def needs(controller):
    if not available(controller):
        pytest.skip(f"no cgroup controller {controller} on this machine")


class Limits:
    """What the files of a container's cgroups said while it was there."""

    CONTROLLERS = ("memory", "cpu", "cpuset", "pids", "blkio", "hugetlb", "net_cls", "net_prio")

    def __init__(self, pid):
        self.files = {}
        for controller in self.CONTROLLERS:
            at, v2 = directory(pid, controller)
            if at:
                self.files[controller] = v2, {f.name: self.text(f) for f in at.iterdir() if f.is_file()}

    @staticmethod
    def text(file):
        try:
            return file.read_text().strip()
        except OSError:
            return None  # for writing only, or not read in this state

    def is_v2(self, controller):
        return self.files[controller][0]

    def read(self, controller, v1, v2):
        is_v2, files = self.files[controller]
        return files[v2 if is_v2 else v1]

    def number(self, controller, v1, v2):
        text = self.read(controller, v1, v2)
        return math.inf if text == "max" else int(text)


@pytest.fixture
def limits(bundle):
    """limits({"memory": {...}}): the files of a container with these resources, which is created and deleted again."""

    def create(resources, path=None):
        if resources is not None:
            bundle.set("linux.resources", resources)
        if path:
            bundle.set("linux.cgroupsPath", path)
        with Container(bundle.args("sleep", "100")) as c:
            c.create()
            files = Limits(c.pid)
            c.delete(force=True)
        bundle.pid_file.unlink()
        return files

    return create


# -- memory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("limit", [50593792, 151781376])
def test_cm_1_limit(bundle, limits, limit, relative):
    needs("memory")
    files = limits({"memory": {"limit": limit}}, bundle.id if relative else None)
    assert files.number("memory", "memory.limit_in_bytes", "memory.max") == limit


def test_cm_1_unlimited(limits):
    needs("memory")
    files = limits({"memory": {"limit": -1}})
    assert files.number("memory", "memory.limit_in_bytes", "memory.max") >= 2**62


def test_cm_2_reservation(limits):
    needs("memory")
    files = limits({"memory": {"reservation": 20 * PAGE}})
    assert files.number("memory", "memory.soft_limit_in_bytes", "memory.low") == 20 * PAGE


def test_cm_3_swap(limits):
    needs("memory")
    files = limits({"memory": {"limit": 50593792, "swap": 151781376}})
    assert files.number("memory", "memory.limit_in_bytes", "memory.max") == 50593792
    want = 151781376 - (50593792 if files.is_v2("memory") else 0)
    assert files.number("memory", "memory.memsw.limit_in_bytes", "memory.swap.max") == want


def test_cm_3_swap_equals_limit(limits):
    needs("memory")
    files = limits({"memory": {"limit": 50593792, "swap": 50593792}})
    want = 0 if files.is_v2("memory") else 50593792
    assert files.number("memory", "memory.memsw.limit_in_bytes", "memory.swap.max") == want


def test_cm_1_cm_3_of_an_existing_cgroup(bundle, limits):
    """The old limit of memory and swap is below the new one of memory: the two must be written in the right order."""
    if not layout.has_v1("memory"):
        pytest.skip("v1 alone has two limits that depend on each other")
    path = layout.mount_point("memory") / bundle.id
    path.mkdir()
    try:
        (path / "memory.limit_in_bytes").write_text(str(30 * 1024 * PAGE))
        (path / "memory.memsw.limit_in_bytes").write_text(str(30 * 1024 * PAGE))
        files = limits({"memory": {"limit": 60 * 1024 * PAGE, "swap": 90 * 1024 * PAGE}})
        assert files.number("memory", "memory.limit_in_bytes", "") == 60 * 1024 * PAGE
        assert files.number("memory", "memory.memsw.limit_in_bytes", "") == 90 * 1024 * PAGE
    finally:
        path.rmdir()


def test_cm_4_kernel_memory_is_ignored(limits):
    needs("memory")
    files = limits({"memory": {"limit": 50593792, "kernel": 40000000, "kernelTCP": 40000000}})
    assert files.number("memory", "memory.limit_in_bytes", "memory.max") == 50593792


@pytest.mark.parametrize("swappiness", [0, 10, 50, 100])
def test_cm_5_dec_28_swappiness(bundle, limits, swappiness):
    if not layout.has_v1("memory"):
        bundle.set("linux.resources", {"memory": {"swappiness": swappiness}}).refused("memory.swappiness")
        return
    files = limits({"memory": {"swappiness": swappiness}})
    assert files.number("memory", "memory.swappiness", "") == swappiness


def test_cm_6_disable_oom_killer(bundle, limits):
    if not layout.has_v1("memory"):
        bundle.set("linux.resources", {"memory": {"disableOOMKiller": True}}).refused("memory.disableOOMKiller")
        return
    files = limits({"memory": {"limit": 50593792, "disableOOMKiller": True}})
    assert "oom_kill_disable 1" in files.read("memory", "memory.oom_control", "")


@pytest.mark.ours
def test_cm_7_use_hierarchy(limits):
    needs("memory")
    files = limits({"memory": {"useHierarchy": True}})
    if not files.is_v2("memory"):
        assert files.number("memory", "memory.use_hierarchy", "") == 1


def test_cm_8_check_before_update_means_nothing_to_create(limits):
    needs("memory")
    files = limits({"memory": {"limit": 50593792, "checkBeforeUpdate": True}})
    assert files.number("memory", "memory.limit_in_bytes", "memory.max") == 50593792


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["create", "run"])
@pytest.mark.parametrize("pages", [1, 4])
def test_cm_1_too_small_for_a_process(bundle, pages, verb):
    """The limit is in force before the first process: there is a message, and nothing is left."""
    needs("memory")
    bundle.set("linux.resources", {"memory": {"limit": pages * PAGE, "swap": pages * PAGE}})
    result = getattr(bundle, verb)().fails("container init was OOM-killed (memory limit too low?)", stage="process")
    assert result.message.endswith("process: container init was OOM-killed (memory limit too low?)")


def test_memory_limit_is_enforced(bundle):
    needs("memory")
    limit = 20 * 1024 * 1024
    bundle.set("linux.resources", {"memory": {"limit": limit, "swap": limit}})
    result = bundle.sh("head -c 100000000 /dev/zero | tail -c 90000000 | wc -c; echo survived").run()
    assert "90000000" not in result.out


# -- cpu --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shares, weight", [(2, 1), (1024, 100), (512, 59), (262144, 10000)])
def test_cc_1_shares(limits, shares, weight):
    needs("cpu")
    files = limits({"cpu": {"shares": shares}})
    assert files.number("cpu", "cpu.shares", "cpu.weight") == (weight if files.is_v2("cpu") else shares)


@pytest.mark.parametrize("quota, period", [(50000, 100000), (10000, 20000), (50000, None), (None, 50000)])
def test_cc_2_quota_and_period(limits, quota, period):
    needs("cpu")
    files = limits({"cpu": {k: v for k, v in {"quota": quota, "period": period}.items() if v}})
    if files.is_v2("cpu"):
        assert files.read("cpu", "", "cpu.max") == f"{quota or 'max'} {period or 100000}"
    else:
        assert files.number("cpu", "cpu.cfs_quota_us", "") == (quota or -1)
        assert files.number("cpu", "cpu.cfs_period_us", "") == (period or 100000)


@pytest.mark.ours
def test_cc_3_burst(bundle, limits):
    needs("cpu")
    resources = {"cpu": {"quota": 50000, "burst": 20000}}
    if RELEASE < (5, 14):
        bundle.set("linux.resources", resources).refused("cpu.burst")
        return
    files = limits(resources)
    assert files.number("cpu", "cpu.cfs_burst_us", "cpu.max.burst") == 20000


def test_cc_4_realtime(bundle, limits):
    if not layout.has_v1("cpu"):
        bundle.set("linux.resources", {"cpu": {"realtimeRuntime": 1000}}).refused("cpu.realtimeRuntime")
        return
    if not (layout.mount_point("cpu") / "cpu.rt_runtime_us").exists():
        bundle.set("linux.resources", {"cpu": {"realtimeRuntime": 1000}}).refused()
        return
    files = limits({"cpu": {"realtimePeriod": 500000, "realtimeRuntime": 1000}})
    assert files.number("cpu", "cpu.rt_runtime_us", "") == 1000


def test_cc_5_cpuset(limits):
    needs("cpuset")
    files = limits({"cpu": {"cpus": "0", "mems": "0"}})
    assert files.read("cpuset", "cpuset.cpus", "cpuset.cpus") == "0"
    assert files.read("cpuset", "cpuset.mems", "cpuset.mems") == "0"


@pytest.mark.parametrize("member, value", [("cpus", "4095"), ("mems", "1000")])
def test_cc_5_absent_cpu_or_node(bundle, member, value):
    needs("cpuset")
    bundle.set("linux.resources", {"cpu": {member: value}}).refused()


@pytest.mark.ours
def test_cc_6_idle(bundle, limits):
    needs("cpu")
    resources = {"cpu": {"shares": 512, "idle": 1}}
    if RELEASE < (5, 15):
        bundle.set("linux.resources", resources).refused("cpu.idle")
        return
    files = limits(resources)
    assert files.number("cpu", "cpu.idle", "cpu.idle") == 1


# -- the others -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [32, 1])
def test_cp_1_limit(limits, limit):
    needs("pids")
    assert limits({"pids": {"limit": limit}}).number("pids", "pids.max", "pids.max") == limit


@pytest.mark.parametrize("limit", [-1, -7])
def test_cp_1_unlimited(limits, limit):
    needs("pids")
    assert limits({"pids": {"limit": limit}}).number("pids", "pids.max", "pids.max") == math.inf


@pytest.mark.ours
def test_cp_1_dec_12_zero_is_a_limit(limits):
    """One process is there already: a limit of 0 lets no second one come."""
    needs("pids")
    assert limits({"pids": {"limit": 0}}).number("pids", "pids.max", "pids.max") == 0


def test_cp_1_enforced(bundle):
    needs("pids")
    bundle.set("linux.resources", {"pids": {"limit": 1}})
    result = bundle.sh("/bin/true; echo $?").run()
    assert result.code != 0 or "fork" in result.err or result.out.strip() != "0"


def disk():
    for line in Path("/proc/partitions").read_text().splitlines()[2:]:
        major, minor, _, name = line.split()
        if Path("/sys/block", name).exists() and int(major) not in (1, 7):
            return int(major), int(minor)
    pytest.skip("no disk on this machine")


@pytest.mark.parametrize("kind, v1, v2", [
    ("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"),
    ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"),
    ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"),
    ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"),
])
def test_cb_4_throttle(limits, kind, v1, v2):
    needs("blkio")
    major, minor = disk()
    files = limits({"blockIO": {kind: [{"major": major, "minor": minor, "rate": 1048576}]}})
    if files.is_v2("blkio"):
        assert f"{v2}=1048576" in files.read("blkio", "", "io.max")
    else:
        assert files.read("blkio", v1, "") == f"{major}:{minor} 1048576"


def test_cb_4_unknown_device(bundle):
    needs("blkio")
    bundle.set("linux.resources", {"blockIO": {"throttleReadBpsDevice": [{"major": 4000, "minor": 77, "rate": 1}]}})
    bundle.refused("throttle" if bundle.runtime.kind == "ocirt" else "")


@pytest.mark.ours
def test_cb_1_cb_3_weight(bundle, limits):
    """Where no scheduler knows weights there is no file, and the error says so."""
    needs("blkio")
    _, files = limits({"pids": {}}).files["blkio"]
    major, minor = disk()
    if any(name in files for name in ("blkio.bfq.weight", "blkio.weight", "io.bfq.weight", "io.weight")):
        limits({"blockIO": {"weight": 100}})
    else:
        bundle.set("linux.resources", {"blockIO": {"weight": 100}}).refused("linux.resources.blockIO.weight")
    scheduler = Path(f"/sys/dev/block/{major}:{minor}/queue/scheduler").read_text()
    bundle.set("linux.resources", {"blockIO": {"weightDevice": [{"major": major, "minor": minor, "weight": 100}]}})
    if "[bfq]" not in scheduler:
        bundle.refused("linux.resources.blockIO.weightDevice[0]")


@pytest.mark.ours
def test_cb_2_leaf_weight_is_gone(bundle):
    needs("blkio")
    bundle.set("linux.resources", {"blockIO": {"leafWeight": 100}}).refused("linux.resources.blockIO.leafWeight")


def test_ch_1_hugepages(bundle, limits):
    needs("hugetlb")
    sizes = sorted(Path("/sys/kernel/mm/hugepages").iterdir())
    kilobytes = int(sizes[0].name.split("-")[1].removesuffix("kB"))
    size = f"{kilobytes // 1024}MB" if kilobytes < 1048576 else f"{kilobytes // 1048576}GB"
    files = limits({"hugepageLimits": [{"pageSize": size, "limit": kilobytes * 1024}]})
    for part in ("", ".rsvd"):
        assert files.number("hugetlb", f"hugetlb.{size}{part}.limit_in_bytes", f"hugetlb.{size}{part}.max") == kilobytes * 1024


@pytest.mark.ours
def test_ch_1_size_that_the_kernel_lacks(bundle):
    needs("hugetlb")
    bundle.set("linux.resources", {"hugepageLimits": [{"pageSize": "3MB", "limit": 3145728}]})
    bundle.refused("linux.resources.hugepageLimits[0]")


@pytest.mark.ours
@pytest.mark.parametrize("controller, resources, path", [
    ("net_cls", {"network": {"classID": 1048577}}, "linux.resources.network.classID"),
    ("net_prio", {"network": {"priorities": [{"name": "lo", "priority": 5}]}}, "linux.resources.network.priorities[0]"),
    ("rdma", {"rdma": {"mlx5_1": {"hcaHandles": 1}}}, 'linux.resources.rdma["mlx5_1"]'),
])
def test_cg_10_cn_1_cn_2_cr_1_controller_is_missing(bundle, limits, controller, resources, path):
    if layout.has_v1(controller) and controller != "rdma":
        limits(resources)
        return
    bundle.set("linux.resources", resources).refused(path)


# -- unified ----------------------------------------------------------------------------------------------------


@pytest.mark.ours
def test_cu_1_cu_4_cu_5_unified(bundle, limits):
    """On the hierarchy that carries the controller; on a hybrid host that may be hugetlb alone.  It comes after what is
    converted, so that it wins."""
    point = layout.mount_point("")
    if not point:
        bundle.set("linux.resources", {"unified": {"pids.max": "5"}}).refused("cannot use unified on cgroup v1")
        return
    controllers = (point / "cgroup.controllers").read_text().split()
    if "pids" in controllers:
        files = limits({"unified": {"pids.max": "20"}, "pids": {"limit": 10}})
        assert files.number("pids", "", "pids.max") == 20
    elif "hugetlb" in controllers:
        converted = [] if layout.has_v1("hugetlb") else [{"pageSize": "2MB", "limit": 4194304}]
        files = limits({"unified": {"hugetlb.2MB.max": "2097152"}, "hugepageLimits": converted})
        assert files.number("hugetlb", "", "hugetlb.2MB.max") == 2097152
    else:
        pytest.skip("no controller on the unified hierarchy")


@pytest.mark.ours
@pytest.mark.parametrize("key", ["nonsense.max", "cgroup.nonsense"])
def test_cu_2_cu_3_unknown_key(bundle, key):
    if not layout.mount_point(""):
        pytest.skip("no cgroup v2 on this machine")
    bundle.set("linux.resources", {"unified": {key: "1"}}).refused(f'linux.resources.unified["{key}"]')


# -- existing cgroups, no resources ------------------------------------------------------------------------------


def test_cg_9_no_resources_leaves_limits_alone(bundle, limits):
    needs("pids")
    point = layout.mount_point("pids") or layout.mount_point("")
    path = point / bundle.id
    path.mkdir()
    try:
        if not layout.has_v1("pids"):
            (point / "cgroup.subtree_control").write_text("+pids")
        (path / "pids.max").write_text("77")
        bundle.drop("linux.resources")
        assert limits(None).number("pids", "pids.max", "pids.max") == 77
    finally:
        path.rmdir()


@pytest.mark.ours
def test_no_cgroups_refuses_limits(bundle):
    """covers: CG-10, I8"""
    at = bundle.runtime.at(bundle.runtime.work, layout.NONE)
    bundle.runtime = at
    bundle.drop("linux.resources").set("linux.resources", {"pids": {"limit": 5}})
    bundle.refused("linux.resources.pids.limit")
    bundle.run(globals_=("--cgroup-manager", "disabled")).ok()
