"""linux.intelRdt on the kernel's own resctrl, where the machine has it mounted; test_rdt.py has what needs none.

Each group is one of the test's own, with the schemata of the root group or fewer bits, and is removed again.
"""

import re
from pathlib import Path

import pytest

from harness import Container
from harness.container import until

pytestmark = pytest.mark.ours


class Resctrl:
    def __init__(self, root):
        self.root = root
        line = re.search(r"^ *L3:(\d+)=([0-9a-f]+)", self.text("schemata"), re.M)
        if not line:
            pytest.skip("resctrl has no L3 allocation on this machine")
        self.domain, self.full = line[1], int(line[2], 16)

    def schema(self, value):
        return f"L3:{self.domain}={value:x}"

    def value(self, *group):
        """The bits of the first domain."""
        return int(re.search(rf"^ *L3:.*?\b{self.domain}=([0-9a-f]+)", self.text(*group, "schemata"), re.M)[1], 16)

    def text(self, *names):
        return self.root.joinpath(*names).read_text()

    def tasks(self, *group):
        return [int(line) for line in self.text(*group, "tasks").split()]


@pytest.fixture
def resctrl():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if " - resctrl " in line and line.split()[3] == "/":
            return Resctrl(Path(line.split()[4]))
    pytest.skip("no resctrl is mounted on this machine")


@pytest.fixture
def gold(resctrl, bundle):
    """A group of others, with fewer bits than all."""
    path = resctrl.root / f"{bundle.id}-gold"
    path.mkdir()
    (path / "schemata").write_text(resctrl.schema(0xF) + "\n")
    yield path
    if path.exists():
        path.rmdir()


def test_rd_2_a_group_of_its_own(bundle, resctrl):
    # covers: RD-3, RD-6
    bundle.args("sleep", "100").set("linux.intelRdt", {"l3CacheSchema": resctrl.schema(0x3), "schemata": [resctrl.schema(0x7)]})
    with Container(bundle).create() as container:
        assert resctrl.tasks(container.id) == [container.pid] and container.pid not in resctrl.tasks()
        assert resctrl.value(container.id) == 0x7  # the line of `schemata` came later
        container.start()
        assert resctrl.tasks(container.id) == [container.pid]
        container.kill("KILL").wait().delete()
    assert not (resctrl.root / bundle.id).exists()


def test_rd_2_the_children_are_in_it(bundle, resctrl):
    bundle.args("sh", "-c", "sleep 100 & wait").set("linux.intelRdt", {})
    with Container(bundle).create() as container:
        container.start()
        container.exec("-d", "sleep", "100").ok()
        until(lambda: len(resctrl.tasks(container.id)) == 3, "init, its child and the exec are in the group")


def test_rd_2_the_root_group(bundle, resctrl):
    bundle.args("sleep", "100").set("linux.intelRdt", {"closID": "/"})
    with Container(bundle).create() as container:
        assert container.pid in resctrl.tasks() and not (resctrl.root / container.id).exists()
    assert resctrl.root.is_dir() and resctrl.value() == resctrl.full


@pytest.mark.parametrize("text", ["{:x}", "{:X}", "{:06x}"], ids=["f", "F", "00000f"])
def test_rd_4_the_same_schema(bundle, resctrl, gold, text):
    # covers: RD-5, RD-6
    schema = f"L3:{resctrl.domain}={text.format(0xF)}"
    bundle.args("sleep", "100").set("linux.intelRdt", {"closID": gold.name, "l3CacheSchema": schema})
    with Container(bundle).create() as container:
        assert resctrl.tasks(gold.name) == [container.pid] and resctrl.value(gold.name) == 0xF
    assert gold.is_dir()


def test_rd_4_another_schema(bundle, resctrl, gold):
    bundle.set("linux.intelRdt", {"closID": gold.name, "l3CacheSchema": resctrl.schema(0x7)})
    bundle.refused(text=f'linux.intelRdt: {gold} exists, and "{resctrl.schema(0x7)}" is not among its schemata')
    assert resctrl.value(gold.name) == 0xF


def test_rd_4_a_new_group_stays(bundle, resctrl):
    name = f"{bundle.id}-new"
    bundle.args("sleep", "100").set("linux.intelRdt", {"closID": name, "l3CacheSchema": resctrl.schema(0x7)})
    try:
        with Container(bundle).create() as container:
            assert resctrl.tasks(name) == [container.pid] and resctrl.value(name) == 0x7
        assert resctrl.value(name) == 0x7
    finally:
        (resctrl.root / name).rmdir()


@pytest.mark.parametrize("more", [{}, {"closID": "new"}], ids=["own", "closID"])
@pytest.mark.parametrize("bad", ["L3:77=f", "L3:0=0", "XX:0=1"])
def test_gen_5_a_schema_that_the_kernel_refuses(bundle, resctrl, bad, more):
    more = {name: f"{bundle.id}-{value}" for name, value in more.items()}
    group = resctrl.root / more.get("closID", bundle.id)
    bundle.set("linux.intelRdt", {"schemata": [bad], **more})
    bundle.refused(text=f"linux.intelRdt: {group}: write schemata: invalid argument")
    assert not group.exists()


@pytest.mark.parametrize("closid", [False, True])
def test_rd_7_monitoring(bundle, resctrl, gold, closid):
    group = gold.name if closid else bundle.id
    if not (resctrl.root / "mon_groups").is_dir():
        pytest.skip("resctrl has no monitoring on this machine")
    bundle.args("sleep", "100").set("linux.intelRdt", {"enableMonitoring": True, **({"closID": group} if closid else {})})
    with Container(bundle).create() as container:
        assert resctrl.tasks(group) == resctrl.tasks(group, "mon_groups", container.id) == [container.pid]
    assert (resctrl.root / group).exists() == closid
    assert not closid or not any((gold / "mon_groups").iterdir())


def test_update_schemata(bundle, resctrl):
    bundle.args("sleep", "100").set("linux.intelRdt", {})
    with Container(bundle).create() as container:
        update = lambda *words: container.runtime.call("update", *words, container.id)
        update("--l3-cache-schema", resctrl.schema(0x3)).ok()
        assert resctrl.value(container.id) == 0x3
        group = resctrl.root / container.id
        # The kernel takes all lines or none.
        update("--l3-cache-schema", resctrl.schema(0x7), "--mem-bw-schema", "MB:0=bad").fails(
            f"linux.intelRdt: {group}: write schemata: invalid argument")
        assert resctrl.value(container.id) == 0x3
