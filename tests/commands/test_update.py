"""update: other limits for a container that exists (engines.md 2.11); each is read back from its cgroup."""

import json
import subprocess

import pytest

from harness import Container
from harness.container import until

from test_resources import Limits, needs

MIB = 1 << 20


class Updated(Container):
    def update(self, *options, **kw):
        return self.runtime.call("update", *options, self.id, **kw)

    def number(self, controller, v1, v2):
        return Limits(self.pid).number(controller, v1, v2)

    @property
    def memory(self):
        return self.number("memory", "memory.limit_in_bytes", "memory.max")

    @property
    def pids(self):
        return self.number("pids", "pids.max", "pids.max")

    @property
    def cpu_max(self):
        """(quota, period), "max" for none."""
        files = Limits(self.pid)
        if files.is_v2("cpu"):
            return tuple(files.read("cpu", "", "cpu.max").split())
        quota = files.read("cpu", "cpu.cfs_quota_us", "")
        return "max" if quota == "-1" else quota, files.read("cpu", "cpu.cfs_period_us", "")


@pytest.fixture
def updated(bundle):
    """With limits of memory, CPU and processes; to be run."""
    needs("memory")
    needs("pids")
    needs("cpu")
    limits = {"memory": {"limit": 64 * MIB}, "pids": {"limit": 40}, "cpu": {"quota": 20000, "period": 50000}}
    bundle.set("linux.resources", limits)
    return Updated(bundle.args("sleep", "100"))


# -- options ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, value",
    [
        ("50331648", 48 * MIB),
        ("48m", 48 * MIB),
        ("48MB", 48 * MIB),
        ("1.5g", 1536 * MIB),
    ],
)
def test_update_memory_is_a_size(updated, text, value):
    with updated:
        updated.run()
        updated.update("--memory", text).ok()
        assert updated.memory == value
        assert updated.pids == 40


@pytest.mark.parametrize("option", ["--pids-limit=30", "--pids-limit 30"])
def test_update_pids(updated, option):
    with updated:
        updated.run()
        updated.update(*option.split()).ok()
        assert updated.pids == 30
        assert updated.memory == 64 * MIB


def test_update_unlimited(updated):
    with updated:
        updated.run()
        updated.update("--memory", "-1", "--memory-swap", "-1", "--pids-limit", "-1").ok()
        assert updated.memory >= 2**62
        assert updated.pids == float("inf")


@pytest.mark.parametrize(
    "options, after",
    [
        (["--cpu-quota", "10000"], ("10000", "50000")),
        (["--cpu-period", "100000"], ("20000", "100000")),
        (["--cpu-quota", "-1"], ("max", "50000")),
        (["--cpu-quota", "30000", "--cpu-period", "60000"], ("30000", "60000")),
    ],
)
def test_update_u4_quota_and_period_keep_each_other(updated, options, after):
    with updated:
        updated.run()
        updated.update(*options).ok()
        assert updated.cpu_max == after


def test_update_u3_memory_and_swap_in_the_order_of_the_kernel(bundle):
    """On v1 the limit is never above that of both together, whichever way they go."""
    needs("memory")
    bundle.set("linux.resources", {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}})
    with Updated(bundle.args("sleep", "100")) as c:
        c.run()
        for size in (128 * MIB, 32 * MIB):
            c.update("--memory", str(size), "--memory-swap", str(size)).ok()
            assert c.memory == size


def test_update_u3_no_limit_is_none_of_swap_either(bundle):
    needs("memory")
    bundle.set("linux.resources", {"memory": {"limit": 64 * MIB, "swap": 128 * MIB}})
    with Updated(bundle.args("sleep", "100")) as c:
        c.run()
        c.update("--memory", "-1").ok()
        assert c.memory >= 2**62
        swap = c.number("memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
        assert swap >= 2**62


def test_update_of_a_created_and_of_a_paused_container(bundle):
    needs("pids")
    with Updated(bundle.args("sleep", "100")) as c:
        c.create()
        c.update("--pids-limit", "20").ok()
        assert c.pids == 20
        c.start()
        c.runtime.call("pause", c.id).ok()
        c.update("--pids-limit", "21").ok()
        assert c.pids == 21 and c.status == "paused"
        c.runtime.call("resume", c.id).ok()


@pytest.mark.ours
@pytest.mark.parametrize(
    "option, value",
    [
        ("memory", "lots"),
        ("memory", "1.x"),
        ("memory", "9999999999999999999999"),
        ("memory", "16777216p"),
        ("cpu-share", "-3"),
        ("cpu-quota", "1e3"),
        ("cpu-idle", "2"),
        ("pids-limit", ""),
        ("blkio-weight", "65536"),
    ],
)
def test_update_bad_value(updated, option, value):
    with updated:
        updated.run()
        updated.update(f"--{option}={value}").fails(f'invalid value for {option}: "{value}"')
        assert (updated.memory, updated.pids) == (64 * MIB, 40)


# -- documents --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["file", "stdin", "pipe"])
def test_update_u1_zero_leaves_as_it_is(updated, tmp_path, by):
    """What Docker sends."""
    with updated:
        updated.run()
        document = {
            "memory": {"limit": 48 * MIB, "reservation": 0, "swap": 0, "kernel": 0},
            "cpu": {"shares": 0, "quota": 0, "period": 0},
            "pids": {"limit": 50},
            "blockIO": {"weight": 0},
        }
        file = tmp_path / "resources.json"
        file.write_text(json.dumps(document))
        with file.open() as stdin, subprocess.Popen(["cat", file], stdout=subprocess.PIPE) as cat:
            given = {"stdin": "-", "pipe": "/dev/stdin"}.get(by, file)
            updated.update("--resources", given, stdin=cat.stdout if by == "pipe" else stdin).ok()
        assert (updated.memory, updated.pids) == (48 * MIB, 50)
        assert updated.cpu_max == ("20000", "50000")


@pytest.mark.ours
def test_update_u2_devices_are_not_touched(updated, tmp_path):
    """What Kubernetes sends with every update; runc 1.1.5 carries it out."""
    with updated:
        updated.run()
        file = tmp_path / "resources.json"
        file.write_text(json.dumps({"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 30}}))
        updated.update("--resources", str(file)).ok()
        updated.runtime.call("exec", updated.id, "/bin/sh", "-c", "echo still > /dev/null").ok()
        assert updated.pids == 30


@pytest.mark.ours
@pytest.mark.parametrize(
    "text, message",
    [
        ('{"memory": {"limit": "x"}}', "memory.limit: not a number"),
        ("{", ""),
        ('{"unified": {"no.such": "1"}}', "unified"),
    ],
)
def test_update_u6_bad_document_changes_nothing(updated, tmp_path, text, message):
    with updated:
        updated.run()
        file = tmp_path / "resources.json"
        file.write_text(text)
        result = updated.update("--resources", str(file))
        assert result.code == 1 and message in result.err
        assert (updated.memory, updated.pids) == (64 * MIB, 40)


@pytest.mark.ours
def test_update_u6_is_taken_back(updated):
    """The kernel refuses the quota after memory and processes were written."""
    with updated:
        updated.run()
        updated.update("--memory", "48m", "--pids-limit", "30", "--cpu-quota", "5").fails("")
        assert (updated.memory, updated.pids) == (64 * MIB, 40)
        assert updated.cpu_max == ("20000", "50000")


@pytest.mark.parametrize("by", ["=FILE", " FILE", "-"])
def test_update_document(updated, by):
    """As Podman and Docker call it; the options beside it count for nothing."""
    document = updated.bundle.host_file("limits.json")
    document.write_text(json.dumps({"memory": {"limit": 32 * MIB}, "pids": {"limit": 7}}))
    with updated, open(document) as stdin:
        updated.run()
        words = {"=FILE": [f"--resources={document}"], " FILE": ["-r", document], "-": ["--resources", "-"]}[by]
        updated.update(*words, "--pids-limit", "3", stdin=stdin).ok()
        assert (updated.memory, updated.pids) == (32 * MIB, 7)


@pytest.mark.ours
@pytest.mark.parametrize("option", ["--kernel-memory", "--kernel-memory-tcp"])
def test_update_of_kernel_memory_is_a_warning(updated, option):
    with updated:
        updated.run()
        warnings = updated.update(option, "5m", "--pids-limit", "30").ok().warnings
        assert warnings == ["kernel-memory, kernel-memory-tcp: ignored: they have no effect"]
        assert updated.pids == 30


@pytest.mark.ours
def test_update_u3_check_before_update(updated, tmp_path):
    """On v1 the kernel refuses a limit that is in use already, on v2 we do."""
    with updated:
        updated.run()
        document = tmp_path / "limits.json"
        document.write_text(json.dumps({"memory": {"limit": 4096, "checkBeforeUpdate": True}, "pids": {"limit": 7}}))
        text = "rejecting memory limit 4096 <= usage " if Limits(updated.pid).is_v2("memory") else "linux.resources.memory.limit: "
        assert updated.update("-r", document).fails().message.startswith(text)
        document.write_text(json.dumps({"memory": {"limit": 8192, "swap": 8192, "checkBeforeUpdate": True}}))
        updated.update("-r", document).fails()
        assert (updated.memory, updated.pids) == (64 * MIB, 40)


# -- what cannot be updated -------------------------------------------------------------------------------------


@pytest.mark.ours
def test_update_stopped(bundle):
    with Updated(bundle.args("true")) as c:
        c.run()
        until(lambda: c.status == "stopped", "it stops")
        c.update("--pids-limit", "20").fails("container not running")


@pytest.mark.ours
def test_update_without_a_container(runtime):
    runtime.call("update", "--pids-limit", "1", "none").fails("container does not exist")
