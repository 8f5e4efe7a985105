"""A user without privilege: user namespaces by the user's own ids (UM-1) and by newuidmap(1), what is tolerated, what is not."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import Container, layout, rootfs

DAEMON = 1  # uid and gid of a user that every system has; newuidmap knows users by their names
FIRST = 200000  # of the ids that /etc/subuid gives it
RANGE = 65536
own_ids = [{"containerID": 0, "hostID": DAEMON, "size": 1}]
many_ids = [*own_ids, {"containerID": 1, "hostID": FIRST, "size": RANGE}]
needs_helpers = pytest.mark.skipif(not shutil.which("newuidmap"), reason="newuidmap is not installed")


@pytest.fixture
def rootless(bundle):
    """The bundle as `spec --rootless` of that user makes it, in directories of its own."""
    bundle.runtime = bundle.runtime.by(DAEMON)
    # its owner becomes another one: not even the big files are those of the session's root filesystem
    bundle.rootfs = rootfs.copy_plain(bundle.shared_rootfs, bundle.dir / "rootfs")
    os.chown(bundle.dir, DAEMON, DAEMON)
    bundle.runtime.call("spec", "--rootless", "-b", bundle.dir).ok()
    bundle.config = json.loads((bundle.dir / "config.json").read_text())
    bundle.set("process.terminal", False).set("root.readonly", False)
    subprocess.run(["chown", "-R", f"{DAEMON}:{DAEMON}", bundle.dir], check=True)
    return bundle


@pytest.fixture
def subordinate(tmp_path):
    """/etc/subuid and /etc/subgid of this test run alone."""
    for name in ("subuid", "subgid"):
        Path(f"/etc/{name}").touch()
        (tmp_path / name).write_text(f"daemon:{FIRST}:{RANGE}\n")
        subprocess.run(["mount", "--bind", tmp_path / name, f"/etc/{name}"], check=True)
    yield
    for name in ("subuid", "subgid"):
        subprocess.run(["umount", f"/etc/{name}"], check=True)


def extents(maps):
    return [[m["containerID"], m["hostID"], m["size"]] for m in maps]


def id_map(pid, name):
    return [[int(n) for n in line.split()] for line in Path(f"/proc/{pid}/{name}").read_text().splitlines()]


def test_um_1_own_ids(rootless):
    rootless.args("sleep", "100")
    with Container(rootless).create() as container:
        assert id_map(container.pid, "uid_map") == id_map(container.pid, "gid_map") == extents(own_ids)
        assert Path(f"/proc/{container.pid}/setgroups").read_text() == "deny\n"


def test_um_1_life_of_a_container(rootless):
    rootless.args("sleep", "100")
    with Container(rootless).create() as container:
        assert container.status == "created"
        container.start()
        assert container.status == "running"
        assert container.exec("id", "-u").ok().out == "0\n"
        assert container.exec("cat", "/proc/1/cmdline").ok().out == "sleep\x00100\x00"
        assert rootless.runtime.ids() == [container.id]
        container.kill("KILL").wait()
        assert container.status == "stopped"
        container.delete()


@pytest.mark.ours
def test_exec_before_start(rootless):
    """Nobody but root may enter the namespaces of a process that cannot be traced, which the init is until its exec (S2)."""
    with Container(rootless.args("sleep", "100")).create() as container:
        result = container.exec("true").fails(code=255)
        assert result.message == ("exec failed: cannot exec: until start, and with --init, the container's init is closed to "
                                  "callers without CAP_SYS_PTRACE: permission denied")
        assert container.start().exec("true").ok()


@pytest.mark.parametrize("script, out", [
    ("id -u; id -g", "0\n0"),
    ("touch /made && stat -c %u:%g /made", "0:0"),
    ("mount -t tmpfs tmpfs /opt 2>/dev/null || echo refused", "refused"),
], ids=str)
def test_um_1_inside(rootless, script, out):
    assert rootless.output(script) == out


def test_um_1_what_it_makes_is_the_users(rootless):
    rootless.output("touch /made")
    assert (rootless.rootfs / "made").stat().st_uid == DAEMON


@needs_helpers
def test_um_1_by_newuidmap(rootless, subordinate):
    rootless.set("linux.uidMappings", many_ids).set("linux.gidMappings", many_ids)
    rootless.set("process.user", {"uid": 7, "gid": 8, "additionalGids": [9]}).args("sleep", "100")
    with Container(rootless).create() as container:
        container.start()
        assert id_map(container.pid, "uid_map") == id_map(container.pid, "gid_map") == extents(many_ids)
        assert Path(f"/proc/{container.pid}/setgroups").read_text() == "allow\n"
        assert os.stat(f"/proc/{container.pid}").st_uid == FIRST + 6
        assert container.exec("id", "-G").ok().out == "8 9\n"
        container.kill("KILL").wait()


@needs_helpers
@pytest.mark.ours
def test_um_1_uids_by_newuidmap_gid_of_its_own(rootless, subordinate):
    """Then setgroups must be denied all the same."""
    rootless.set("linux.uidMappings", many_ids).args("sleep", "100")
    with Container(rootless).create() as container:
        assert id_map(container.pid, "uid_map") == extents(many_ids)
        assert id_map(container.pid, "gid_map") == extents(own_ids)
        assert Path(f"/proc/{container.pid}/setgroups").read_text() == "deny\n"


@needs_helpers
@pytest.mark.ours
@pytest.mark.parametrize("kind, helper", [("uid", "newuidmap"), ("gid", "newgidmap")])
def test_um_1_ids_that_are_somebody_elses(rootless, subordinate, kind, helper):
    rootless.set("linux.uidMappings", many_ids).set("linux.gidMappings", many_ids)
    rootless.set(f"linux.{kind}Mappings", [*own_ids, {"containerID": 1, "hostID": 300000, "size": 2}])
    rootless.refused(text=f"linux.{kind}Mappings: {helper}: {kind} range [1-3) -> [300000-300002) not allowed",
                     stage="process")


@pytest.mark.ours
def test_um_1_newuidmap_missing(rootless):
    rootless.set("linux.uidMappings", many_ids)
    rootless.refused(text="linux.uidMappings: newuidmap: not found: ids that are not the caller's own need it",
                     stage="process", env={"PATH": "/nonexistent"})


@pytest.mark.ours
def test_mt_6_needs_rights_over_the_filesystem(rootless):
    rootless.bind("/mnt", rootless.dir, "bind", "idmap")
    rootless.refused(text="mounts[7]: mapping its ids: write gid_map: operation not permitted")


def test_locked_flags_are_kept(rootless):
    # covers: MT-9, S24
    rootless.bind("/mnt", "/dev/shm", "rbind", "ro")
    assert {"ro", "nosuid", "nodev"} <= set(rootless.report().mount_at("/mnt")["options"])


# -- cgroups --------------------------------------------------------------------------------------------------------


def test_cgroup_that_may_not_be_made_is_passed_over(rootless):
    """Neither limits nor a path are asked for: runc's rule."""
    rootless.args("true").run().ok()


@pytest.mark.ours
@pytest.mark.parametrize("path, value", [("linux.cgroupsPath", "/octest/denied"), ("linux.resources", {"pids": {"limit": 9}})])
def test_cgroup_that_is_asked_for_is_not_passed_over(rootless, path, value):
    if not layout.mounted():
        pytest.skip("no cgroup is mounted here")
    result = rootless.set(path, value).refused()
    text = "rootless needs no limits + no cgrouppath when no permission is granted for cgroups: "
    if path == "linux.resources":
        text += "cannot set pids limit: container could not join or create cgroup: "
    assert text in result.message and result.message.endswith("permission denied")


@pytest.fixture
def delegated():
    """A v2 cgroup that belongs to the user (cgroups(7), delegation); its path below the mount point."""
    kinds = {kind for _, kind, _ in layout.mounted()}
    if kinds != {"cgroup2"}:
        pytest.skip("rootless limits need pure cgroup v2")
    top = layout.mount_point("")
    if "pids" not in (top / "cgroup.controllers").read_text().split():
        pytest.skip("no pids controller here")
    (top / "cgroup.subtree_control").write_text("+pids +memory")
    mine = top / "octest-user"
    mine.mkdir()
    (mine / "cgroup.subtree_control").write_text("+pids +memory")
    (mine / "caller").mkdir()
    for path in (mine, mine / "cgroup.procs", mine / "cgroup.subtree_control", mine / "cgroup.threads",
                 mine / "caller", mine / "caller/cgroup.procs"):
        os.chown(path, DAEMON, DAEMON)
    yield mine
    (mine / "caller").rmdir()
    mine.rmdir()


def test_cg_8_delegated_cgroup(rootless, delegated):
    rootless.set("linux.cgroupsPath", f"/{delegated.name}/box")
    rootless.set("linux.resources", {"pids": {"limit": 9}, "memory": {"limit": 1 << 25}}).args("sleep", "100")

    def enter():
        (delegated / "caller/cgroup.procs").write_text("0")

    with Container(rootless).create(before=enter) as container:
        container.start()
        box = delegated / "box"
        assert (box / "pids.max").read_text() == "9\n"
        assert (box / "memory.max").read_text() == f"{1 << 25}\n"
        assert str(container.pid) in (box / "cgroup.procs").read_text().split()
        container.kill("KILL").wait()
        rootless.runtime.delete(container.id, before=enter).ok()
        assert not box.exists()


@pytest.mark.ours
def test_cg_3_limits_beside_the_callers_own(rootless, delegated):
    """What holds the caller gives no controllers to what is below it, and is what it was: not a threaded domain."""
    rootless.drop("linux.cgroupsPath")
    rootless.set("linux.resources", {"pids": {"limit": 9}, "memory": {"limit": 1 << 25}}).args("sleep", "100")

    def enter():
        (delegated / "caller/cgroup.procs").write_text("0")

    with Container(rootless).create(before=enter) as container:
        box = delegated / container.id
        assert (box / "pids.max").read_text() == "9\n" and (box / "memory.max").read_text() == f"{1 << 25}\n"
        assert str(container.pid) in (box / "cgroup.procs").read_text().split()
        container.kill("KILL").wait()
        rootless.runtime.delete(container.id, before=enter).ok()
        assert not box.exists()


@pytest.mark.ours
def test_cg_8_below_a_cgroup_with_processes(rootless, delegated):
    """It is not made a threaded domain, in which no container could live."""
    rootless.set("linux.cgroupsPath", f"/{delegated.name}/caller/box").set("linux.resources", {"pids": {"limit": 9}})
    os.chown(delegated / "caller/cgroup.subtree_control", DAEMON, DAEMON)

    def enter():
        (delegated / "caller/cgroup.procs").write_text("0")

    text = f"linux.resources.pids.limit: the cgroup controller pids is not available in {delegated}/caller"
    result = rootless.create(before=enter)
    assert result.code == 1 and result.message.endswith(text), result.message
    assert (delegated / "caller/cgroup.subtree_control").read_text().strip() == ""


@pytest.mark.ours
def test_cg_8_who_may_not_leave_his_cgroup(rootless, delegated):
    """cgroups(7), delegation: cgroup.procs of what is above both has to be writable."""
    rootless.drop("linux.cgroupsPath").set("linux.resources", {"pids": {"limit": 9}})
    os.chown(delegated / "cgroup.procs", 0, 0)

    def enter():
        (delegated / "caller/cgroup.procs").write_text("0")

    result = rootless.create(before=enter)
    assert result.code == 1 and result.message.endswith(
        "unable to apply cgroup configuration: clone into the cgroup (cgroup.procs above it and ours is not writable): "
        "permission denied"), result.message
    assert sorted(p.name for p in delegated.iterdir() if p.is_dir()) == ["caller"]
