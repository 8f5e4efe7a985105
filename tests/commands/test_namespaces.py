"""Namespaces and id mappings (NS-1 to NS-6, UM-1 to UM-3), hostname and domainname (UT-1, UT-2), sysctl (SY-1, SY-2)."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import Bundle, Container, layout
from harness.container import until

FILES = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user", "cgroup": "cgroup",
         "time": "time"}
FLAGS = {"pid": "--pid", "network": "--net", "mount": "--mount", "ipc": "--ipc", "uts": "--uts", "user": "--user",
         "cgroup": "--cgroup", "time": "--time"}


def own(kind):
    return os.stat(f"/proc/self/ns/{FILES[kind]}").st_ino


@contextmanager
def holder(*kinds):
    """A process in new namespaces of these kinds; yields its pid."""
    words = [FLAGS[k] for k in kinds] + (["--map-root-user"] if "user" in kinds else [])
    fork = {"pid", "time"} & set(kinds)
    with subprocess.Popen(["unshare", *words, *(["--fork", "--kill-child"] if fork else []), "/bin/sleep", "1000"]) as process:
        def ready():
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            pid = int(children[0]) if fork and children else None if fork else process.pid
            return pid and Path(f"/proc/{pid}/comm").read_text() == "sleep\n" and pid
        try:
            yield until(ready, "the holder of the namespaces")
        finally:
            process.kill()


@pytest.mark.parametrize("kind", FILES)
def test_ns_2_new(bundle, kind):
    if kind == "user":
        bundle.own_rootfs().user_namespace()
    elif kind == "time":
        bundle.namespace(kind).needs("linux.namespaces", bundle.get("linux.namespaces"))
    else:
        bundle.namespace(kind)
    assert bundle.report()["ns"][FILES[kind]] != own(kind)


@pytest.mark.parametrize("kind", [k for k in FILES if k not in ("mount", "user")])
def test_ns_4_not_listed_is_shared(bundle, kind):
    bundle.without_namespace(kind)
    assert bundle.report()["ns"][FILES[kind]] == own(kind)


def test_ns_4_no_new_user_namespace(bundle):
    assert bundle.report()["ns"]["user"] == own("user")


@pytest.mark.parametrize("kind", ["network", "ipc", "uts", "pid", "cgroup", "time"])
def test_ns_3_joined_by_path(bundle, kind):
    with holder(kind) as pid:
        path = f"/proc/{pid}/ns/{FILES[kind]}"
        bundle.namespace(kind, path)
        if kind == "time":
            bundle.needs("linux.namespaces", bundle.get("linux.namespaces"))
        with Container(bundle.args("sleep", "1000")) as c:
            c.create()
            assert c.namespace(FILES[kind]) == os.stat(path).st_ino
            c.start()
            assert c.namespace(FILES[kind]) == os.stat(path).st_ino
            c.delete(force=True)


def test_ns_3_bound_file(bundle):
    """The way of CNI: a namespace file bound to a path."""
    path = bundle.host_file("netns")
    path.write_text("")
    with holder("network") as pid:
        subprocess.run(["mount", "--bind", f"/proc/{pid}/ns/net", path], check=True)
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
    try:
        assert bundle.namespace("network", path).report()["ns"]["net"] == inode
    finally:
        subprocess.run(["umount", path], check=True)


def test_ns_3_joined_mount_namespace(bundle):
    with holder("mount") as pid:
        bundle.namespace("mount", f"/proc/{pid}/ns/mnt")
        before = Path(f"/proc/{pid}/mountinfo").read_text()
        with Container(bundle.args("sleep", "1000")) as c:
            c.create()
            assert c.namespace("mnt") == os.stat(f"/proc/{pid}/ns/mnt").st_ino
            c.delete()
        assert Path(f"/proc/{pid}/mountinfo").read_text() == before


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
@pytest.mark.skipif(not layout.mount_point(""), reason="no cgroup v2 on this machine")
def test_ns_1_time_namespace_where_clone3_knows_no_cgroup(bundle):
    """Linux 5.6: a time namespace needs clone3, which refuses the longer arguments for the cgroup."""
    if not os.path.exists("/proc/self/ns/time"):
        pytest.skip("no time namespaces here")
    bundle.namespace("time").sh("readlink /proc/self/ns/time")
    wrap = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=clone3:error=E2BIG:when=1")
    assert bundle.run(wrap=wrap).ok().out.strip() not in ("", os.readlink("/proc/self/ns/time"))


def test_ns_5_all_namespaces_of_another_container(bundle, runtime):
    kinds = ["pid", "network", "ipc", "uts", "cgroup"]
    for kind in kinds:
        bundle.namespace(kind)
    with Container(bundle.args("sleep", "1000")) as pod:
        pod.create()
        pod.start()
        other = Bundle(runtime).drop("hostname")
        for kind in kinds:
            other.namespace(kind, f"/proc/{pod.pid}/ns/{FILES[kind]}")
        report = other.report()
        for kind in kinds:
            assert report["ns"][FILES[kind]] == pod.namespace(FILES[kind]), kind
        assert report["hostname"] == "inside"


def test_ns_5_joined_user_namespace(bundle):
    bundle.own_rootfs()
    bundle.config["mounts"][2]["options"].remove("gid=5")  # the holder maps root alone
    with holder("user", "network") as pid:
        bundle.namespace("user", f"/proc/{pid}/ns/user").namespace("network", f"/proc/{pid}/ns/net")
        report = bundle.report()
        assert report["ns"]["user"] == os.stat(f"/proc/{pid}/ns/user").st_ino
        assert report["ns"]["net"] == os.stat(f"/proc/{pid}/ns/net").st_ino
        assert report["uid"] == [0] * 3


def test_ns_4_without_a_mount_namespace(bundle):
    # covers: NS-4, DEC-23
    bundle.own_rootfs().without_namespace("mount").set("linux.maskedPaths", []).set("linux.readonlyPaths", [])
    before = Path("/proc/self/mountinfo").read_text()
    with Container(bundle.args("probe")) as c:
        c.create()
        c.finish()
        assert c.json["ns"]["mnt"] == own("mount")
        c.delete()
    assert Path("/proc/self/mountinfo").read_text() == before


def test_ns_4_without_a_mount_namespace_failed_create(bundle):
    bundle.own_rootfs().without_namespace("mount").set("linux.maskedPaths", []).set("linux.readonlyPaths", [])
    bundle.tmpfs("/opt").mount("/mnt", "none", kind="flyfs").refused(text="no such device")


# -- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [{"type": "foo"}, {"type": ""}, {}, {"type": "PID"}, {"type": 1}, "pid"], ids=str)
def test_ns_1_unknown_type(bundle, entry):
    bundle.config["linux"]["namespaces"].append(entry)
    bundle.refused("linux.namespaces[4]")


@pytest.mark.parametrize("kind", ["pid", "mount", "uts"])
def test_ns_1_duplicate_type(bundle, kind):
    bundle.config["linux"]["namespaces"].append({"type": kind})
    bundle.refused("linux.namespaces")


@pytest.mark.parametrize("path,word", [("proc/self/ns/net", "linux.namespaces"), ("/nowhere", ""), ("/etc/passwd", ""),
                                       ("/proc/self/ns/nothing", ""), ("/etc", "")])
def test_ns_3_bad_path(bundle, path, word):
    bundle.namespace("network", path).refused(*([word] if word else []))


@pytest.mark.parametrize("kind", FILES)
def test_ns_3_path_of_another_type(bundle, kind):
    wrong = "uts" if kind != "uts" else "ipc"
    with holder(wrong) as pid:
        bundle.drop("hostname").namespace(kind, f"/proc/{pid}/ns/{FILES[wrong]}").refused()


# -- user namespaces ------------------------------------------------------------------------------------------------


def test_um_1_mappings(bundle):
    bundle.own_rootfs().user_namespace()
    bundle.set("linux.uidMappings", [{"containerID": 0, "hostID": 100000, "size": 1000},
                                     {"containerID": 1000, "hostID": 300000, "size": 2},
                                     {"containerID": 5000, "hostID": 400000, "size": 10}])
    report = bundle.report()
    assert [list(map(int, row.split())) for row in report["uid_map"].splitlines()] == [
        [0, 100000, 1000], [1000, 300000, 2], [5000, 400000, 10]]
    assert report["gid_map"].split() == ["0", "100000", "65536"]
    assert report["uid"] == [0] * 3 and report["setgroups"] == "allow\n"


def test_um_1_host_sees_mapped_ids(bundle):
    bundle.own_rootfs().user_namespace().set("process.user", {"uid": 7, "gid": 8, "additionalGids": [9]}).args("sleep", "100")
    with Container(bundle) as c:
        c.create()
        c.start()
        status = (c.proc / "status").read_text()
        assert "Uid:\t100007\t100007\t100007\t100007" in status
        assert "Groups:\t100009 " in status


def test_um_1_many_extents(bundle):
    # covers: UM-1, S5
    # the kernel also wants the text of the map below one page: short numbers
    maps = [{"containerID": n, "hostID": 2 * n, "size": 1} for n in range(340)]
    bundle.own_rootfs().user_namespace().set("linux.uidMappings", maps).set("linux.gidMappings", maps)
    assert len(bundle.report()["uid_map"].splitlines()) == 340


@pytest.mark.parametrize("name", ["uidMappings", "gidMappings"])
@pytest.mark.parametrize("maps", [[{"containerID": 0, "hostID": 1}], [{"containerID": 0, "size": 1}], [{"hostID": 0, "size": 1}],
                                  [{"containerID": 0, "hostID": 100000, "size": 0}],
                                  [{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 5, "hostID": 200000, "size": 10}],
                                  [{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 50, "hostID": 100005, "size": 10}],
                                  [{"containerID": 0, "hostID": 4294967295, "size": 10}], [{"containerID": -1, "hostID": 0, "size": 1}]],
                         ids=["no size", "no hostID", "no containerID", "size 0", "overlap inside", "overlap outside", "overflow",
                              "negative"])
def test_um_1_bad_mappings(bundle, name, maps):
    bundle.own_rootfs().user_namespace().set(f"linux.{name}", maps).refused(f"linux.{name}")


def test_um_1_too_many_extents(bundle):
    maps = [{"containerID": n, "hostID": 200000 + 2 * n, "size": 1} for n in range(341)]
    bundle.own_rootfs().user_namespace().set("linux.uidMappings", maps).refused("linux.uidMappings")


def test_um_1_mappings_without_a_user_namespace(bundle):
    bundle.user_namespace().without_namespace("user").refused("linux.uidMappings")


def test_um_1_user_namespace_without_mappings(bundle):
    bundle.namespace("user").refused("Mappings")


def test_um_3_rootfs_below_a_private_directory(bundle):
    """Works through a descriptor, or says clearly that it cannot."""
    bundle.own_rootfs().user_namespace()
    bundle.dir.chmod(0o700)
    try:
        result = bundle.args("true").run()
    finally:
        bundle.dir.chmod(0o755)
    assert result.code == 0 or "permission denied" in result.message


def test_user_namespace_capabilities_and_devices(bundle):
    # covers: LX-2 in a user namespace: nodes are bound where mknod is refused
    bundle.own_rootfs().user_namespace()
    seen = bundle.probe("stat", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
    assert {p: s["rdev"] for p, s in seen.items()} == {"/dev/null": [1, 3], "/dev/zero": [1, 5], "/dev/full": [1, 7],
                                                       "/dev/random": [1, 8], "/dev/urandom": [1, 9], "/dev/tty": [5, 0]}
    report = bundle.args("probe").report()
    assert report.caps("Eff")


# -- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["box", "a.b.example", "x" * 64, "ÄÖ"])
def test_ut_1_hostname(bundle, name):
    seen = bundle.set("hostname", name).report()["hostname"]
    assert seen.encode("latin1").decode() == name


@pytest.mark.parametrize("how", ["absent", "empty"])
def test_ut_1_no_hostname(bundle, how):
    bundle.drop("hostname") if how == "absent" else bundle.set("hostname", "")
    assert bundle.report()["hostname"] == os.uname().nodename


def test_ut_1_too_long(bundle):
    bundle.set("hostname", "x" * 65).refused("hostname")


def test_ut_1_without_uts_namespace(bundle):
    # covers: UT-1, DEC-22
    bundle.without_namespace("uts").set("hostname", "x").refused("hostname" if bundle.runtime.ours else "")


def test_ut_1_in_a_joined_namespace(bundle):
    with holder("uts") as pid:
        bundle.namespace("uts", f"/proc/{pid}/ns/uts").set("hostname", "joined")
        assert bundle.report()["hostname"] == "joined"


def test_ut_2_domainname(bundle):
    assert bundle.set("domainname", "example.org").report()["domainname"] == "example.org"


def test_ut_2_errors(bundle):
    bundle.set("domainname", "x" * 65).refused("domainname")
    bundle.without_namespace("uts").set("domainname", "x").refused("domainname")


# -- sysctl -----------------------------------------------------------------------------------------------------------


SYSCTLS = {"net.ipv4.ip_forward": "1", "net.ipv4.ping_group_range": "1\t5", "kernel.msgmax": "9000", "kernel.sem": "100\t200\t30\t40",
           "kernel.shmmax": "100000", "fs.mqueue.msg_max": "5", "kernel.shm_rmid_forced": "1"}


@pytest.mark.parametrize("key", SYSCTLS)
@pytest.mark.parametrize("form", ["dots", "slashes"])
def test_sy_1_value_inside(bundle, key, form):
    bundle.namespace("network")
    path = "/proc/sys/" + key.replace(".", "/")
    bundle.set("linux.sysctl", {key if form == "dots" else key.replace(".", "/"): SYSCTLS[key]})
    assert bundle.output(f"cat {path}") == SYSCTLS[key]


def test_sy_1_interface_name_with_a_dot(bundle):
    """In the form with slashes a component may hold a dot (sysctl.d(5))."""
    bundle.namespace("network").set("linux.sysctl", {"net/ipv4/conf/lo/forwarding": "1"})
    assert bundle.output("cat /proc/sys/net/ipv4/conf/lo/forwarding") == "1"


REFUSED = ["kernel.panic", "kernel.core_pattern", "vm.swappiness", "kernel.hostname", "fs.file-max", "kernel.nothing", "",
           "kernel.shm/../panic", "net.ipv4.../../../../tmp/x", "../../etc/passwd", "kernel/../../../tmp/x", "net", "net..ipv4",
           "/net/ipv4/ip_forward", "net.ipv4.nothing_of_that_name"]


@pytest.mark.parametrize("key", REFUSED)
def test_sy_2_refused_keys(bundle, key):
    # covers: SY-1, SY-2, S11
    bundle.namespace("network").set("linux.sysctl", {key: "1"})
    bundle.refused("linux.sysctl" if key != REFUSED[-1] else "nothing_of_that_name")


@pytest.mark.parametrize("key,kind", [("net.ipv4.ip_forward", "network"), ("kernel.msgmax", "ipc"), ("fs.mqueue.msg_max", "ipc"),
                                      ("kernel.domainname", "uts")])
def test_sy_2_without_the_namespace(bundle, key, kind):
    bundle.without_namespace(kind).set("linux.sysctl", {key: "1"}).refused("linux.sysctl")


def test_sy_2_the_hosts_namespace_by_path(bundle):
    bundle.namespace("network", f"/proc/{os.getpid()}/ns/net").set("linux.sysctl", {"net.ipv4.ip_forward": "1"})
    bundle.refused("linux.sysctl" if bundle.runtime.ours else "")


def test_sy_2_joined_namespace(bundle):
    with holder("network") as pid:
        bundle.namespace("network", f"/proc/{pid}/ns/net").set("linux.sysctl", {"net.ipv4.ip_forward": "1"})
        assert bundle.output("cat /proc/sys/net/ipv4/ip_forward") == "1"


def test_sy_2_domainname_twice(bundle):
    bundle.set("domainname", "a").set("linux.sysctl", {"kernel.domainname": "b"})
    bundle.refused("kernel.domainname")


def test_sy_1_value_refused_by_the_kernel(bundle):
    bundle.namespace("network").set("linux.sysctl", {"net.ipv4.ip_forward": "nonsense"}).refused("invalid argument")


@pytest.mark.parametrize("value", [1, True, ["1"]], ids=str)
def test_sy_1_value_is_no_string(bundle, value):
    bundle.namespace("network").set("linux.sysctl", {"net.ipv4.ip_forward": value}).refused("linux.sysctl")
