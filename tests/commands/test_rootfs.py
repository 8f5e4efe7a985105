"""root, rootfsPropagation, masked and read-only paths, pivot_root: RO-1 to RO-3, MS-1 to MS-3, MS-7, UM-2."""

import os
import stat
import subprocess

import pytest

from harness import Container, rootfs


def test_ro_1_root_absent(bundle):
    # covers: RO-1, DEC-15
    bundle.drop("root").refused("root")


def test_ro_1_root_path_absent(bundle):
    bundle.set("root", {}).refused("root")


@pytest.mark.parametrize("path", ["rootfs", "./rootfs", "rootfs/", "link", "../{name}/rootfs", "{dir}/rootfs", "{dir}/link/"])
def test_ro_2_path(bundle, path):
    bundle.own_rootfs()
    (bundle.dir / "link").symlink_to("rootfs")
    bundle.set("root.path", path.format(name=bundle.dir.name, dir=bundle.dir))
    assert bundle.report(cwd="/")["pid"] == 1


def test_ro_2_path_is_the_bundle(bundle):
    rootfs.copy(bundle.rootfs, bundle.dir / "tree")
    bundle.rootfs = bundle.dir = bundle.dir / "tree"
    assert bundle.set("root.path", ".").report()["pid"] == 1


def test_ro_3_readonly(bundle):
    bundle.set("root.readonly", True).tmpfs("/tmp")
    assert bundle.probe("write", "/x", "/etc/passwd", "/tmp/x", "/dev/shm/x") == {
        "/x": "EROFS", "/etc/passwd": "EROFS", "/tmp/x": "OK", "/dev/shm/x": "OK"}


@pytest.mark.parametrize("value", [False, None, "absent"])
def test_ro_3_writable(bundle, value):
    bundle.own_rootfs()
    bundle.drop("root.readonly") if value == "absent" else bundle.set("root.readonly", value)
    assert bundle.probe("write", "/x")["/x"] == "OK"
    assert (bundle.rootfs / "x").read_text() == "x"


def test_ro_3_readonly_does_not_reach_the_host(bundle):
    bundle.own_rootfs().set("root.readonly", True)
    with Container(bundle.args("true")) as c:
        c.create()
        (bundle.rootfs / "host").write_text("still writable")


def test_ro_3_flags_of_the_mount_are_kept(bundle):
    """Read-only root on a nosuid,nodev mount in a user namespace: the locked flags stay."""
    point = bundle.host_dir("mnt")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,mode=755", "tmpfs", point], check=True)
    try:
        rootfs.copy_plain(bundle.rootfs, point / "rootfs")
        bundle.user_namespace().set("root.path", str(point / "rootfs")).set("root.readonly", True)
        options = bundle.report().mount_at("/")["options"]
        assert {"ro", "nosuid", "nodev"} <= set(options)
    finally:
        subprocess.run(["umount", point], check=True)


def test_um_2_ownership_of_the_rootfs_stays(bundle):
    before = rootfs.fingerprint(bundle.own_rootfs().rootfs)
    bundle.user_namespace().args("true").run().ok()
    assert rootfs.fingerprint(bundle.rootfs) == before


# -- masked and read-only paths ---------------------------------------------------------------------------------


def test_ms_2_masked_paths(bundle):
    bundle.own_rootfs()
    tree = bundle.rootfs / "data"
    (tree / "dir/sub").mkdir(parents=True)
    (tree / "dir/secret").write_text("secret")
    (tree / "dir/sub/secret").write_text("secret")
    os.mkfifo(tree / "fifo")
    os.mknod(tree / "node", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    bundle.set("linux.maskedPaths", ["/data/file", "/data/dir", "/data/dir/secret", "/data/fifo", "/data/node", "/missing"])
    seen = bundle.probe("read", "/data/file", "/data/dir/secret", "/data/dir/sub/secret", "/data/fifo", "/data/node")
    assert seen == {"/data/file": 0, "/data/dir/secret": "ENOENT", "/data/dir/sub/secret": "ENOENT", "/data/fifo": 0,
                    "/data/node": 0}
    assert bundle.output("ls -A /data/dir; touch /data/dir/x 2>&1; true").endswith("Read-only file system")


@pytest.mark.parametrize("name", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize("path", ["etc/passwd", "./x", ""])
def test_ms_2_ms_3_relative_path(bundle, name, path):
    bundle.set(f"linux.{name}", [path]).refused(f"linux.{name}")


def test_ms_2_link_to_a_file_is_masked_inside(bundle):
    """A masked path that is a link masks nothing outside the root."""
    bundle.own_rootfs()
    trap = bundle.host_file("trap")
    trap.write_text("host")
    (bundle.rootfs / "out").symlink_to(trap)
    bundle.set("linux.maskedPaths", ["/out"])
    result = bundle.args("true").run()
    assert trap.read_text() == "host" and result.code in (0, 1)


@pytest.mark.parametrize("kind", ["link", "file"])
def test_s9_null_device_of_the_image(bundle, kind):
    # covers: S9 (CVE-2025-31133), MS-2
    bundle.own_rootfs()
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    null = bundle.rootfs / "dev/null"
    victim = bundle.rootfs / "victim"
    victim.write_text("precious")
    null.symlink_to("/victim") if kind == "link" else null.write_text("fake")
    bundle.set("linux.maskedPaths", ["/data/file"]).set("linux.readonlyPaths", [])
    result = bundle.args("probe", "read", "/data/file").run()
    if result.code == 0:
        assert result.json == {"/data/file": 0}
    assert victim.read_text() == "precious"


def test_ms_3_readonly_paths(bundle):
    bundle.own_rootfs()
    (bundle.rootfs / "data/dir").mkdir()
    (bundle.rootfs / "data/dir/f").write_text("text")
    os.mkfifo(bundle.rootfs / "data/fifo")
    bundle.set("linux.readonlyPaths", ["/data/file", "/data/dir", "/data/fifo", "/missing", "/proc/sys"])
    paths = ["/data/file", "/data/dir/f", "/data/dir/new", "/data/new"]
    assert bundle.probe("write", *paths) == {"/data/file": "EROFS", "/data/dir/f": "EROFS", "/data/dir/new": "EROFS",
                                             "/data/new": "OK"}
    assert bundle.probe("read", "/data/file", "/data/dir/f") == {"/data/file": 6, "/data/dir/f": 4}
    assert bundle.probe("open", "w", "/proc/sys/kernel/hostname") == {"/proc/sys/kernel/hostname": "EROFS"}


def test_ms_3_keeps_the_flags_below(bundle):
    bundle.tmpfs("/opt", "nosuid", "nodev", "noexec").set("linux.readonlyPaths", ["/opt"])
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(bundle.report().mount_at("/opt")["options"])


def test_ms_2_ms_3_empty_lists(bundle):
    bundle.set("linux.maskedPaths", []).set("linux.readonlyPaths", [])
    points = [m["point"] for m in bundle.report().mounts]
    assert not [p for p in points if p.startswith("/proc/")]


# -- propagation ------------------------------------------------------------------------------------------------


def host_groups():
    with open("/proc/self/mountinfo") as f:
        return {tag for line in f for tag in line.split(" - ")[0].split()[6:]}


@pytest.mark.parametrize("word", ["shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"])
def test_ms_1_type_of_the_root(bundle, word):
    tags = bundle.set("linux.rootfsPropagation", word).report().mount_at("/")["tags"]
    kind = word.removeprefix("r")
    if kind == "shared":
        (tag,) = [t for t in tags if t.startswith("shared:")]
        assert tag not in host_groups()
    elif kind == "unbindable":
        assert tags == ["unbindable"]
    else:
        assert not [t for t in tags if t.startswith(("shared:", "unbindable"))]


def test_ms_1_default_is_not_shared(bundle):
    tags = bundle.report().mount_at("/")["tags"]
    assert not [t for t in tags if t.startswith(("shared:", "unbindable"))]


def test_ms_1_unknown(bundle):
    bundle.set("linux.rootfsPropagation", "fly").refused("linux.rootfsPropagation")


def test_ms_1_unbindable_root_cannot_be_bound(bundle):
    bundle.set("linux.rootfsPropagation", "unbindable").args("probe", "mount", "/", "/mnt", "none", str(0x1000))
    assert bundle.run().ok().json == {"mount": "EINVAL"}


@pytest.mark.parametrize("word,seen", [("slave", True), ("rslave", True), ("private", False), ("rprivate", False)])
def test_ms_1_events_of_the_host(bundle, word, seen):
    """A mount below the rootfs on a shared host mount shows up inside for slave only; never the other way round."""
    point = bundle.host_dir("shared")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point], check=True)
    subprocess.run(["mount", "--make-shared", point], check=True)
    try:
        rootfs.copy_plain(bundle.rootfs, point / "rootfs")
        bundle.set("root.path", str(point / "rootfs")).set("linux.rootfsPropagation", word).args("sleep", "100")
        with Container(bundle) as c:
            c.create()
            c.start()
            subprocess.run(["mount", "-t", "tmpfs", "event", point / "rootfs/mnt"], check=True)
            assert ("event" in [m["source"] for m in c.mounts]) == seen
            subprocess.run(["umount", point / "rootfs/mnt"], check=True)
            subprocess.run(["nsenter", "-t", str(c.pid), "-m", "mount", "-t", "tmpfs", "inside", "/opt"], check=True)
            assert "inside" not in open("/proc/self/mountinfo").read()
    finally:
        subprocess.run(["umount", "-R", point], check=True)


# -- pivot_root -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [(), ("--no-pivot",)], ids=["pivot", "no pivot"])
def test_ms_7_host_mounts_are_out_of_sight(bundle, option):
    points = [m["point"] for m in bundle.report(*option).mounts]
    allowed = {"/", "/proc", "/dev", "/dev/pts", "/dev/shm"}
    assert {p for p in points if not p.startswith(("/proc/", "/sys/"))} <= allowed
    assert "/run" not in points


def test_s13_chroot_walk(bundle):
    # covers: S13, MS-7
    marker = bundle.host_file("marker")
    marker.write_text("host")
    bundle.tmpfs("/tmp")
    assert bundle.probe("chroot-walk", marker) == {"seen": False}


def test_s13_chroot_walk_without_pivot(bundle):
    marker = bundle.host_file("marker")
    marker.write_text("host")
    bundle.tmpfs("/tmp").args("probe", "chroot-walk", str(marker))
    assert bundle.run("--no-pivot").ok().json == {"seen": False}


def test_s13_without_pivot_no_foreign_proc_shows_up(bundle):
    bundle.sh("umount -l /proc 2>/dev/null; umount -l /proc 2>/dev/null; ls /proc")
    assert bundle.run("--no-pivot").ok().out == ""


def test_root_is_its_own_mount(bundle):
    assert bundle.report().mount_at("/")["root"].endswith("/rootfs")


def test_init_of_created_holds_no_host_directory(bundle):
    # covers: S8, security.md 6.6
    with Container(bundle.args("true")) as c:
        c.create()
        for fd in (c.proc / "fd").iterdir():
            target = os.readlink(fd)
            assert not (target.startswith("/") and os.path.isdir(fd)), f"{fd} -> {target}"
