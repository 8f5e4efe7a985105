"""linux.intelRdt: RD-1 to RD-7, DEC-9, and update's two options.

Most machines have not the hardware.  What the kernel's filesystem does is played by a directory: the runtime's mountinfo
says that it is a mount of type resctrl, and what appears in a new group is put there while strace holds the runtime's mkdir(2).
What only the kernel can judge (which schemata it takes, whose task is where) is in test_rdt_kernel.py.
"""

import re
import shutil
import threading
import time

import pytest

from harness import Container
from harness.layout import Layout

from test_resources import Limits, needs

pytestmark = pytest.mark.ours
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


class Resctrl:
    """The root group, and a kernel that fills new groups."""

    def __init__(self, work):
        self.root = work / "resctrl"
        self.fill(self.root)
        (self.root / "mon_groups").mkdir()
        mountinfo = work / "mountinfo"
        lines = f"98 1 0:99 /web /bound rw - resctrl resctrl rw\\n99 1 0:99 / {self.root} rw - resctrl resctrl rw"
        # Written within: cgroup mounts are known by their ids there.
        self.layout = Layout("resctrl", f"{{ grep -v ' - resctrl ' /proc/self/mountinfo; printf '{lines}\\n'; }} > {mountinfo}"
                             f" && mount --bind {mountinfo} /proc/$$/mountinfo")
        self.stopped = False
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def fill(self, group):
        group.mkdir(exist_ok=True)
        for name in ("tasks", "schemata"):
            (group / name).touch()

    def watch(self):
        """A new directory has its files before mkdir(2) returns."""
        while not self.stopped:
            for top in (self.root, *self.root.glob("*/")):
                for group in (top / "mon_groups", *(top / "mon_groups").glob("*")) if top != self.root else top.glob("*/"):
                    if group.name != "mon_groups" and not (group / "tasks").exists():
                        try:
                            self.fill(group)
                            if group.parent == self.root:
                                (group / "mon_groups").mkdir(exist_ok=True)
                        except FileNotFoundError:
                            pass
            time.sleep(0.005)

    def text(self, *names):
        return self.root.joinpath(*names).read_text()

    def stop(self):
        self.stopped = True
        self.thread.join()


@pytest.fixture
def resctrl(work):
    one = Resctrl(work)
    yield one
    one.stop()


@pytest.fixture
def rdt(bundle, resctrl):
    """A bundle whose runtime sees the filesystem, waits a little after each mkdir(2), and whose writes are recorded."""
    bundle.runtime = bundle.runtime.at(bundle.runtime.work, resctrl.layout)
    resctrl.trace = bundle.runtime.work / "trace"
    bundle.runtime.user = ("strace", "-D", "-qq", "-f", "-A", "-s", "200", "-o", resctrl.trace, "-e", "trace=mkdirat,write,unlinkat",
                           "-e", "inject=mkdirat:delay_exit=50000")
    return bundle.args("sleep", "100")


def written(resctrl):
    """The lines that went to a `schemata`, in their order."""
    return re.findall(r'write\(\d+, "((?:L3|L2|MB)[^"]*?)\\n"', resctrl.trace.read_text())


def empty(group):
    """So that rmdir(2) succeeds, as it does for a group of the kernel's."""
    for path in sorted(group.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.fixture
def group_of_others(resctrl):
    path = resctrl.root / "gold"
    resctrl.fill(path)
    (path / "mon_groups").mkdir(exist_ok=True)
    (path / "schemata").write_text("    L3:0=f;1=f\n    MB:0=50\n")
    return path


ALL = {"l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=50", "schemata": ["L2:0=3", "MB:1=20"]}


@needs_strace
def test_rd_2_a_group_of_its_own(rdt, resctrl):
    # covers: RD-2, RD-3, RD-6
    rdt.set("linux.intelRdt", ALL)
    with Container(rdt).create() as container:
        group = resctrl.root / container.id
        assert resctrl.text(container.id, "tasks") == str(container.pid)
        assert written(resctrl) == ["L3:0=f", "MB:0=50", "L2:0=3", "MB:1=20"]
        resctrl.stop()
        empty(group)
        container.delete()
        assert not group.exists()


@needs_strace
def test_rd_2_the_root_group(rdt, resctrl):
    rdt.set("linux.intelRdt", {"closID": "/"})
    with Container(rdt).create() as container:
        assert resctrl.text("tasks") == str(container.pid)
        container.delete()
        assert resctrl.root.is_dir() and written(resctrl) == []


@needs_strace
@pytest.mark.parametrize("there", [False, True])
def test_rd_4_closid_and_schemata(rdt, resctrl, group_of_others, there):
    """A group that is there has them already, but for the lines of `schemata`."""
    name = "gold" if there else "new"
    rdt.set("linux.intelRdt", {"closID": name, "l3CacheSchema": "L3:0=f;1=f", "memBwSchema": "MB:0=50", "schemata": ["L2:0=3"]})
    with Container(rdt).create() as container:
        assert resctrl.text(name, "tasks") == str(container.pid)
        assert written(resctrl) == (["L2:0=3"] if there else ["L3:0=f;1=f", "MB:0=50", "L2:0=3"])
        container.delete()
        assert (resctrl.root / name).is_dir()  # RD-6


@needs_strace
@pytest.mark.parametrize("more, schema", [({"l3CacheSchema": "L3:0=1"}, "L3:0=1"), ({"memBwSchema": "MB:0=20"}, "MB:0=20")], ids=str)
def test_rd_4_other_schemata(rdt, resctrl, group_of_others, more, schema):
    rdt.set("linux.intelRdt", {"closID": "gold", **more})
    rdt.refused(text=f'linux.intelRdt: {group_of_others} exists, and "{schema}" is not among its schemata')
    assert group_of_others.is_dir() and written(resctrl) == []


@needs_strace
@pytest.mark.parametrize("more", [
    {"l3CacheSchema": "L3:0=f;1=FF"}, {"l3CacheSchema": "L3:1=0ff;0=f;"}, {"l3CacheSchema": "L3:0=f"},
    {"memBwSchema": "MB:0=50;1=100"}, {"memBwSchema": "MB:1=100"},
], ids=str)
def test_rd_4_as_the_kernel_writes_them(rdt, resctrl, group_of_others, more):
    """Linux 6.1 pads masks with zeros and numbers with blanks; a domain that is not named may be anything."""
    (group_of_others / "schemata").write_text("    L3:0=00f;1=0ff\n    MB:0= 50;1=100\n")
    rdt.set("linux.intelRdt", {"closID": "gold", **more})
    with Container(rdt).create() as container:
        assert resctrl.text("gold", "tasks") == str(container.pid)


@needs_strace
@pytest.mark.parametrize("more, schema", [
    ({"l3CacheSchema": "L3:0=f0"}, "L3:0=f0"), ({"l3CacheSchema": "L3:0=f;2=f"}, "L3:0=f;2=f"),
    ({"l3CacheSchema": "L3:0=ff;1=f"}, "L3:0=ff;1=f"), ({"memBwSchema": "MB:0=5"}, "MB:0=5"), ({"memBwSchema": "MB:0=0"}, "MB:0=0"),
    ({"memBwSchema": "MB:1=0100;0=100"}, "MB:1=0100;0=100"),
], ids=str)
def test_rd_4_other_than_the_kernel_writes_them(rdt, resctrl, group_of_others, more, schema):
    (group_of_others / "schemata").write_text("    L3:0=00f;1=0ff\n    MB:0= 50;1=100\n")
    rdt.set("linux.intelRdt", {"closID": "gold", **more})
    rdt.refused(text=f'linux.intelRdt: {group_of_others} exists, and "{schema}" is not among its schemata')
    assert written(resctrl) == []


@needs_strace
def test_rd_5_closid_without_schemata(rdt, resctrl, group_of_others):
    rdt.set("linux.intelRdt", {"closID": "gold"})
    with Container(rdt).create() as container:
        assert resctrl.text("gold", "tasks") == str(container.pid)
        container.delete()
        assert group_of_others.is_dir() and written(resctrl) == []


def test_rd_5_group_missing(rdt, resctrl):
    rdt.set("linux.intelRdt", {"closID": "gold"})
    rdt.refused(text=f"linux.intelRdt.closID: {resctrl.root}/gold: no such file or directory")
    assert not (resctrl.root / "gold").exists()


@needs_strace
@pytest.mark.parametrize("more", [{}, {"closID": "gold"}], ids=str)
def test_rd_7_monitoring(rdt, resctrl, group_of_others, more):
    rdt.set("linux.intelRdt", {"enableMonitoring": True, **more})
    with Container(rdt).create() as container:
        group = resctrl.root / more.get("closID", container.id)
        monitor = group / "mon_groups" / container.id
        assert (monitor / "tasks").read_text() == (group / "tasks").read_text() == str(container.pid)
        resctrl.stop()
        empty(monitor if more else group)
        container.delete()
        assert not monitor.exists() and group.exists() == bool(more)


@needs_strace
def test_rd_2_exec_joins(rdt, resctrl, group_of_others):
    rdt.set("linux.intelRdt", {"closID": "gold"})
    with Container(rdt).create() as container:
        container.start()
        (group_of_others / "tasks").write_text("")
        container.exec("true").ok()
        assert (group_of_others / "tasks").read_text() == "0"


@needs_strace
def test_gen_5_a_later_failure_takes_it_back(rdt, resctrl):
    rdt.set("linux.intelRdt", {"closID": "new", "l3CacheSchema": "L3:0=f", "enableMonitoring": True})
    rdt.hook_sh("createRuntime", f"rm -r {resctrl.root}/new/*; mkdir -p {resctrl.root}/new/mon_groups; exit 1")
    rdt.create().fails()
    removed = re.findall(r'unlinkat\(AT_FDCWD, "([^"]*)", AT_REMOVEDIR', resctrl.trace.read_text())
    new = resctrl.root / "new"
    assert [p for p in removed if "resctrl" in p][-2:] == [str(new / "mon_groups" / rdt.id), str(new)]


@needs_strace
def test_update_schemata(rdt, resctrl, group_of_others):
    rdt.set("linux.intelRdt", {"closID": "gold"})
    with Container(rdt).create() as container:
        call = lambda *words: rdt.runtime.call("update", *words, container.id)
        resctrl.trace.write_text("")
        call("--l3-cache-schema", "L3:0=3", "--mem-bw-schema", "MB:0=10").ok()
        assert written(resctrl) == [r"L3:0=3\nMB:0=10"]  # one write: the kernel takes both or none
        resctrl.trace.write_text("")
        call("--mem-bw-schema", "MB:0=20").ok()
        assert written(resctrl) == ["MB:0=20"]


@needs_strace
@pytest.mark.parametrize("schema, text", [
    ("0=10", 'mem-bw-schema: "0=10" does not begin with "MB:"'),
    ("MB:0=10", "linux.intelRdt: {group}: open schemata: is a directory"),
], ids=["found before", "found by the kernel"])
def test_update_schemata_all_or_nothing(rdt, resctrl, group_of_others, schema, text):
    """A limit that went with them is as it was (U6)."""
    needs("pids")
    rdt.set("linux.resources", {"pids": {"limit": 40}})
    rdt.set("linux.intelRdt", {"closID": "gold"})
    with Container(rdt).create() as container:
        resctrl.stop()
        (group_of_others / "schemata").unlink()
        (group_of_others / "schemata").mkdir()
        rdt.runtime.call("update", "--pids-limit", "50", "--mem-bw-schema", schema, container.id).fails(
            text.format(group=group_of_others))
        assert Limits(container.pid).number("pids", "pids.max", "pids.max") == 40


@needs_strace
def test_update_with_a_document_leaves_schemata(rdt, resctrl, group_of_others, work):
    (work / "limits").write_text("{}")
    rdt.set("linux.intelRdt", {"closID": "gold"})
    with Container(rdt).create() as container:
        resctrl.trace.write_text("")
        rdt.runtime.call("update", "--resources", work / "limits", "--mem-bw-schema", "MB:0=20", container.id).ok()
        assert written(resctrl) == []


def test_update_schemata_of_a_container_without(bundle):
    bundle.args("sleep", "100")
    with Container(bundle).create() as container:
        bundle.runtime.call("update", "--l3-cache-schema", "L3:0=3", container.id).fails(
            "linux.intelRdt: the container has none")


def test_rd_2_a_group_that_is_there(rdt, resctrl):
    """It would be removed by delete."""
    (resctrl.root / rdt.id).mkdir()
    rdt.set("linux.intelRdt", {})
    rdt.refused(text=f"linux.intelRdt: {resctrl.root}/{rdt.id} exists already")
    assert (resctrl.root / rdt.id).is_dir()


@pytest.mark.parametrize("value, text", [
    ({"closID": "a/b"}, 'linux.intelRdt.closID: "a/b" is not the name of a directory'),
    ({"closID": ".."}, 'linux.intelRdt.closID: ".." is not the name of a directory'),
    ({"memBwSchema": "0=20"}, 'linux.intelRdt.memBwSchema: "0=20" does not begin with "MB:"'),
    ({"l3CacheSchema": "0=f"}, 'linux.intelRdt.l3CacheSchema: "0=f" does not begin with "L3"'),
    ({"l3CacheSchema": "L3:0=f\nMB:0=1"}, "linux.intelRdt.l3CacheSchema: more than one line"),
    ({"schemata": ["L2:0=1", "a\nb"]}, "linux.intelRdt.schemata: more than one line"),
    ({"enableMonitoring": 1}, "linux.intelRdt.enableMonitoring: neither true nor false"),
], ids=str)
def test_rd_3_bad_values(rdt, value, text):
    rdt.set("linux.intelRdt", value).refused(text=text)


def test_dec_9_no_resctrl(bundle):
    bundle.runtime = bundle.runtime.at(
        bundle.runtime.work, Layout("no resctrl", "{ ! mountpoint -q /sys/fs/resctrl || umount /sys/fs/resctrl; }"))
    bundle.set("linux.intelRdt", {"closID": "gold"})
    bundle.refused(text="linux.intelRdt: no resctrl filesystem is mounted on this host")


@needs_strace
def test_rd_1_absent(rdt, resctrl):
    with Container(rdt).create():
        assert "resctrl" not in resctrl.trace.read_text()
