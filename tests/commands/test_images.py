"""A file with a file system as root, and org.ocirt.root.overlay: our own extension of config.md#root."""

import os
import shutil
import subprocess

import pytest

from harness import Bundle, Container, images
from harness.container import until

pytestmark = pytest.mark.ours

OVERLAY = "org.ocirt.root.overlay"
NO_IMAGE = "root.path: not a directory, and no squashfs, erofs or ext4 image"


@pytest.fixture(params=images.TYPES)
def imaged(request, runtime):
    """A bundle whose root is an image; afterwards no loop device has it any more."""
    path = images.image_of(request.param)
    bundle = Bundle(runtime).set("root.path", str(path))
    bundle.image, bundle.kind = path, request.param
    yield bundle
    images.all_free(path)


@pytest.fixture
def squashed(runtime):
    path = images.image_of("squashfs")
    bundle = Bundle(runtime).set("root.path", str(path))
    bundle.image, bundle.kind = path, "squashfs"
    yield bundle
    images.all_free(path)


def own_copy(bundle, name="root.image"):
    """A copy of the image in the bundle, by its relative path."""
    shutil.copy(bundle.image, bundle.dir / name)
    bundle.set("root.path", name)
    return bundle.dir / name


def injected(*faults):
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    return ("strace", "-f", "-qq", "-o", "/dev/null", *(word for f in faults for word in ("-e", f"inject={f}")))


# -- the image ------------------------------------------------------------------------------------------------------


def test_run(imaged):
    seen = imaged.report()
    root = seen.mount_at("/")
    assert root["type"] == imaged.kind and "ro" in root["options"] and seen["pid"] == 1
    assert [m["point"] for m in seen.mounts].count("/") == 1
    assert imaged.output("cat /data/file; stat -c '%u %a' /home/app") == "hello\n1000 755"


@pytest.mark.parametrize("kind", ["ext2"])
def test_older_ext(runtime, kind):
    bundle = Bundle(runtime).set("root.path", str(images.image_of(kind)))
    assert bundle.report().mount_at("/")["type"] == "ext4"
    images.all_free(images.image_of(kind))


def test_life(imaged):
    """create, start, exec, kill, delete; on the host nothing is mounted meanwhile."""
    mounts = open("/proc/self/mountinfo").read()
    with Container(imaged.args("sleep", "100")) as c:
        c.create()
        assert c.state["bundle"] == str(imaged.dir) and c.status == "created"
        assert open("/proc/self/mountinfo").read() == mounts
        c.start()
        assert c.exec("cat", "/data/file").ok().out == "hello\n"
        assert c.exec_report().mount_at("/")["type"] == imaged.kind
        c.kill("KILL").wait().delete()
    images.all_free(imaged.image)
    assert open("/proc/self/mountinfo").read() == mounts


@pytest.mark.parametrize("readonly", [False, True])
def test_read_only_enforced(imaged, readonly):
    before = imaged.image.read_bytes()
    imaged.set("root.readonly", readonly)
    assert imaged.probe("write", "/x", "/data/file", "/dev/shm/x") == {"/x": "EROFS", "/data/file": "EROFS", "/dev/shm/x": "OK"}
    assert imaged.output("mount -o remount,rw / 2>&1; touch /x 2>&1; true").endswith("Read-only file system")
    assert imaged.image.read_bytes() == before


def test_mount_point_that_the_image_has_not(imaged):
    imaged.tmpfs("/new").args("true").refused(
        text='error mounting "tmpfs" to rootfs at "/new": create /new: read-only file system', stage="init")


def test_masked_and_readonly_paths(imaged):
    imaged.set("linux.maskedPaths", ["/data/file"]).set("linux.readonlyPaths", ["/dev/shm"])
    assert imaged.probe("write", "/dev/shm/x") == {"/dev/shm/x": "EROFS"}
    assert imaged.output("cat /data/file") == ""


def test_link_to_an_image(squashed):
    (squashed.dir / "link").symlink_to(squashed.image)
    assert squashed.set("root.path", "link").output("cat /data/file") == "hello"


def test_no_pivot(imaged):
    assert imaged.sh("cat /data/file; mount").run("--no-pivot").ok().out.startswith("hello\n")


def test_denied_devices(imaged):
    """The rules of the container are not for the loop device that its root lies on."""
    imaged.set("linux.resources", {"devices": [{"allow": False, "access": "rwm"}]})
    assert imaged.output("cat /data/file") == "hello"


def test_two_containers_of_one_image(imaged):
    other = Bundle(imaged.runtime).set("root.path", str(imaged.image)).args("sleep", "100")
    with Container(imaged.args("sleep", "100")) as a, Container(other) as b:
        a.create().start()
        b.create().start()
        a.delete(force=True)
        assert b.exec("cat", "/data/file").ok().out == "hello\n"


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_image_that_goes_after_the_open(imaged, how):
    path = own_copy(imaged)
    with Container(imaged.args("cat", "/data/file")) as c:
        c.create()
        path.unlink()
        if how == "replaced":
            path.write_text("another")
        c.finish()
        assert c.output == "hello\n"
    images.all_free(path)


def test_host_that_is_read_only(imaged):
    """Neither the image nor the place where it lies is written to."""
    point = imaged.host_dir("mnt")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point], check=True)
    try:
        shutil.copy(imaged.image, point / "root.image")
        subprocess.run(["mount", "-o", "remount,ro", point], check=True)
        assert imaged.set("root.path", "mnt/root.image").output("cat /data/file") == "hello"
        images.all_free("root.image")
    finally:
        subprocess.run(["umount", point], check=True)


def test_journal_that_was_not_replayed(runtime):
    """ext4 whose journal needs recovery is mounted as it is."""
    path = images.image_of("ext4")
    bundle = Bundle(runtime).set("root.path", "root.image")
    shutil.copy(path, bundle.dir / "root.image")
    subprocess.run(["debugfs", "-w", "-R", "feature needs_recovery", bundle.dir / "root.image"], check=True, capture_output=True)
    before = (bundle.dir / "root.image").read_bytes()
    assert bundle.output("cat /data/file") == "hello"
    assert (bundle.dir / "root.image").read_bytes() == before
    images.all_free("root.image")


# -- hooks ----------------------------------------------------------------------------------------------------------


def test_hooks(imaged):
    """createContainer hooks find the root as `/..`, those of the host as /proc/PID/root/.. of the state's pid."""
    seen = imaged.host_file()
    imaged.hook_sh("createContainer", f"cat /../data/file >> {seen}; test -d /..{imaged.dir} || echo root >> {seen}")
    script = "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')"
    imaged.hook_sh("createRuntime", f"{script}; cat /proc/$pid/root/../data/file >> {seen}")
    imaged.args("true").run().ok()
    assert seen.read_text() == "hello\nhello\nroot\n"


# -- user namespaces ------------------------------------------------------------------------------------------------

NOT_MAPPED = "root.path: mapping the ids of a {} image (ext4 needs Linux 5.12, erofs 5.19, squashfs 6.2): {}"


def in_user_namespace(bundle, *namespace):
    """Older kernels: refused, and the test is done."""
    bundle.namespace("user", *namespace) if namespace else bundle.user_namespace()
    if not images.can_map(bundle.kind):
        bundle.args("true").create().fails(NOT_MAPPED.format(bundle.kind, images.NOT_MAPPED_WHY))
    return images.can_map(bundle.kind)


def test_user_namespace(imaged):
    """The ids in the image are the container's; device nodes of the image are dead."""
    if in_user_namespace(imaged):
        seen = imaged.report()
        assert {"ro", "nodev"} <= set(seen.mount_at("/")["options"])
        assert imaged.output("stat -c '%u %g' /bin/busybox /home/app") == "0 0\n1000 1000"
        assert imaged.probe("write", "/x")["/x"] == "EROFS"


def test_joined_user_namespace(imaged):
    with Container(Bundle(imaged.runtime).own_rootfs().user_namespace().args("sleep", "100")) as c:
        c.create().start()
        if in_user_namespace(imaged, f"/proc/{c.pid}/ns/user"):
            assert imaged.output("stat -c '%u %g' /bin/busybox /home/app") == "0 0\n1000 1000"


def test_user_namespace_without_fsopen(squashed):
    squashed.user_namespace().args("true").refused(
        text="root.path: fsopen squashfs: function not implemented", wrap=injected("fsopen:error=ENOSYS"))


def test_ids_that_cannot_be_mapped(squashed):
    squashed.user_namespace().args("true").refused(
        text=NOT_MAPPED.format("squashfs", "invalid argument"), wrap=injected("mount_setattr:error=EINVAL"))


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", images.TYPES)
def test_truncated(runtime, kind):
    path = images.image_of(kind)
    bundle = Bundle(runtime).set("root.path", "root.image").args("true")
    data = path.read_bytes()
    cut = len(data) // 2
    (bundle.dir / "root.image").write_bytes(data[:cut])
    message = bundle.refused(text=f"root.path: the {kind} image is cut short: {cut} of ").message
    assert message.endswith(" bytes") and cut < int(message.split()[-2]) <= len(data)


@pytest.mark.parametrize("content", [b"", b"hello", b"hsq", bytes(4096)], ids=["empty", "text", "short", "zeros"])
def test_no_image(bundle, content):
    (bundle.dir / "root.image").write_bytes(content)
    bundle.set("root.path", "root.image").args("true").refused(text=NO_IMAGE)


@pytest.mark.parametrize("kind", ["fifo", "device", "socket", "link to a fifo"])
def test_no_file(bundle, kind):
    """Nobody waits for a writer of the fifo."""
    path = bundle.dir / "root.image"
    if kind == "device":
        path = "/dev/null"
    elif kind == "socket":
        os.mknod(path, 0o140600)
    else:
        os.mkfifo(bundle.dir / "fifo")
        path = bundle.dir / "fifo"
        if kind != "fifo":
            (bundle.dir / "link").symlink_to("fifo")
            path = bundle.dir / "link"
    bundle.set("root.path", str(path)).args("true").refused(text=NO_IMAGE)


def test_dangling_link(bundle):
    (bundle.dir / "link").symlink_to("nowhere")
    bundle.set("root.path", "link").args("true").refused(
        text=f"invalid rootfs: stat {bundle.dir}/link: no such file or directory")


@pytest.mark.parametrize("damage", ["squashfs", "erofs", "ext4"])
def test_damaged(runtime, damage):
    """A superblock that the kernel does not take: its reason, and no loop device left."""
    bundle = Bundle(runtime).set("root.path", "root.image").args("true")
    data = bytearray(images.image_of(damage).read_bytes())
    at, value = {"squashfs": (28, b"\x09"), "erofs": (1024 + 80, b"\xff\xff\xff\xff"), "ext4": (1024 + 96, b"\xff\xff\xff\xff")}[damage]
    data[at:at + len(value)] = value
    (bundle.dir / "root.image").write_bytes(data)
    reason = "invalid argument" if damage == "squashfs" else "bad message"
    bundle.refused(text=f"root.path: mount {damage}: {reason}")
    images.all_free("root.image")


def test_without_a_mount_namespace(squashed):
    squashed.without_namespace("mount").args("true").refused(text="root.path: a squashfs image needs a new mount namespace")


def test_without_privilege(squashed):
    bundle = Bundle(squashed.runtime.by(1000))
    os.chmod(squashed.image, 0o644)
    bundle.user_namespace(1000, 1).set("root.path", str(squashed.image)).args("true").drop("linux.cgroupsPath")
    bundle.refused(text="root.path: only root of the host can mount a squashfs image (needs CAP_SYS_ADMIN)")


def test_file_that_cannot_be_read(squashed):
    path = own_copy(squashed)
    path.chmod(0)
    os.chmod(squashed.dir, 0o755)
    bundle = squashed
    bundle.runtime = bundle.runtime.by(1000)
    bundle.user_namespace(1000, 1).args("true").refused(text=f"root.path: {path}: permission denied")


def test_no_loop_control(squashed):
    os.rename("/dev/loop-control", "/dev/loop-hidden")
    try:
        squashed.args("true").refused(
            text="root.path: an image needs a loop device: /dev/loop-control: no such file or directory")
    finally:
        os.rename("/dev/loop-hidden", "/dev/loop-control")


def test_kernel_without_the_file_system(squashed):
    squashed.args("true").refused(text="root.path: this kernel has no squashfs", wrap=injected("fsopen:error=ENODEV"))


def test_loop_device_that_somebody_else_takes(squashed):
    """The second ioctl is that which takes it; the device may also just be going."""
    for error in ("EBUSY", "ENXIO"):
        assert squashed.sh("cat /data/file").run(wrap=injected(f"ioctl:error={error}:when=2..20+2")).ok().out == "hello\n"
    squashed.args("true").refused("root.path: an image needs a loop device: /dev/loop", wrap=injected("ioctl:error=EBUSY:when=2+2"))


def test_no_free_loop_device(squashed):
    squashed.args("true").refused(text="root.path: an image needs a loop device: no space left on device",
                                  wrap=injected("ioctl:error=ENOSPC:when=1"))


# -- older kernels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("devices", [None, [{"allow": False, "access": "rwm"}]], ids=["any device", "no device"])
def test_without_fsopen(imaged, devices):
    """Linux before 5.2.  It has no CLONE_INTO_CGROUP either, which is why the device rules are not yet those of init."""
    if devices:
        imaged.set("linux.resources", {"devices": devices})
    result = imaged.sh("cat /data/file; mount").run(
        wrap=injected("fsopen,fsmount,move_mount,open_tree,mount_setattr,clone3,openat2:error=ENOSYS"))
    assert result.ok().out.startswith("hello\n/dev/loop") and f" on / type {imaged.kind} (ro," in result.out


def test_without_loop_configure(squashed):
    result = squashed.sh("cat /data/file").run(wrap=injected("ioctl:error=EINVAL:when=2"))
    assert result.ok().out == "hello\n"


def test_erofs_that_the_kernel_reads_from_a_disk_alone(runtime):
    bundle = Bundle(runtime).set("root.path", str(images.image_of("erofs")))
    result = bundle.sh("mount").run(wrap=injected("fsconfig:error=ENOTBLK:when=3"))
    assert result.ok().out.startswith("/dev/loop")
    images.all_free("image.erofs")


# -- org.ocirt.root.overlay -----------------------------------------------------------------------------------------


def overlaid(bundle, value):
    return bundle.annotate(**{OVERLAY: str(value)})


def test_overlay_tmpfs(imaged):
    before = imaged.image.read_bytes()
    overlaid(imaged, "tmpfs")
    assert imaged.probe("write", "/x", "/data/file", "/new") == {"/x": "OK", "/data/file": "OK", "/new": "OK"}
    assert imaged.output("cat /data/file; ls -d /x; stat -c %a /; rm /data/file; test -e /data/file || echo gone; mkdir /a; mv /a /b; "
                         "ls -d /b") .startswith("hello\n")
    assert imaged.image.read_bytes() == before


def test_overlay_is_all_that_is_seen(imaged):
    """Neither the layers nor the host's tree can be reached; the root is one mount."""
    seen = overlaid(imaged, "tmpfs").report()
    assert [m["type"] for m in seen.mounts if m["point"] == "/"] == ["overlay"]
    assert not [m for m in seen.mounts if m["type"] == imaged.kind]


def test_overlay_exec_and_new_mount_points(imaged):
    overlaid(imaged, "tmpfs").tmpfs("/made/by/mount").args("sleep", "100")
    with Container(imaged) as c:
        c.create().start()
        assert c.exec("sh", "-c", "echo x > /x; cat /x; ls -d /made/by/mount").ok().out == "x\n/made/by/mount\n"


def test_overlay_size(imaged):
    overlaid(imaged, "tmpfs,size=1m")
    script = "dd if=/dev/zero of=/big bs=1M count=4 2>&1; stat -c %s /big"
    assert "No space left on device" in imaged.output(script)


def test_overlay_directory(imaged):
    """What is written stays there, for the next container."""
    mounts = open("/proc/self/mountinfo").read()
    place = imaged.host_dir("place")
    overlaid(imaged, place)
    imaged.sh("echo mine > /data/file; rm /etc/group; echo more > /more").run().ok()
    assert (place / "upper/data/file").read_text() == "mine\n" and (place / "upper/more").read_text() == "more\n"
    assert sorted(os.listdir(place)) == ["upper", "work"] and open("/proc/self/mountinfo").read() == mounts
    again = overlaid(Bundle(imaged.runtime).set("root.path", str(imaged.image)), place)
    assert again.output("cat /data/file; test -e /etc/group || echo gone") == "mine\ngone"


def test_overlay_root_has_the_mode_of_the_rootfs(bundle):
    bundle.own_rootfs()
    os.chmod(bundle.rootfs, 0o751)
    os.chown(bundle.rootfs, 12, 34)
    assert overlaid(bundle, "tmpfs").output("stat -c '%a %u %g' /") == "751 12 34"


@pytest.mark.parametrize("place", ["tmpfs", "directory"])
def test_overlay_of_a_directory(bundle, place):
    overlaid(bundle, bundle.host_dir("place") if place == "directory" else place)  # the shared rootfs: a write to it fails the test
    assert bundle.probe("write", "/x", "/data/file") == {"/x": "OK", "/data/file": "OK"}
    assert (bundle.dir / "place/upper/x").exists() == (place == "directory")


def test_overlay_and_root_readonly(imaged):
    """Mount points can be made all the same."""
    overlaid(imaged, "tmpfs").set("root.readonly", True).tmpfs("/new")
    assert imaged.probe("write", "/x", "/new/x") == {"/x": "EROFS", "/new/x": "OK"}


@pytest.mark.parametrize("place", ["image", "overlay"])
def test_exec_without_pivot(imaged, place):
    if place == "overlay":
        overlaid(imaged, "tmpfs")
    with Container(imaged.sh("echo x > /dev/shm/x; echo y > /y; exec sleep 100")) as c:
        c.create("--no-pivot").start()
        until(lambda: (c.inside("/dev/shm/x")).exists(), "it is there")
        seen = c.exec("sh", "-c", "cat /dev/shm/x; cat /y; ls -d /run/tests").out
        assert seen == ("x\ny\n" if place == "overlay" else "x\n")


@pytest.mark.parametrize("place", ["tmpfs", "directory"])
def test_overlay_in_a_user_namespace(imaged, place):
    where = "tmpfs"
    if place == "directory":
        where = imaged.host_dir("place")
        os.chown(where, 100000, 100000)
    if not in_user_namespace(overlaid(imaged, where)):
        return
    assert imaged.output("echo x > /x; cp /bin/busybox /copy; stat -c %u /x /copy /data/file; echo y >> /data/file; stat -c %u /data/file"
                         ) == "0\n0\n0\n0"
    if place == "directory":
        assert (where / "upper/x").stat().st_uid == 100000


@pytest.mark.parametrize("value", ["", "ramfs", "tmpfs,", "tmpfs,size=", "tmpfs,size=1x", "tmpfs,size=1mm", "tmpfs,mode=777",
                                   "tmpfs,size=1m,mode=777", "relative", "./x"])
def test_overlay_bad_value(bundle, value):
    overlaid(bundle, value).args("true").refused(
        text=f'annotations: {OVERLAY}: "{value}" is not tmpfs, tmpfs,size=N or an absolute path')


def test_overlay_directory_that_is_not_there(bundle):
    overlaid(bundle, bundle.dir / "missing").args("true").refused(
        text=f"annotations: {OVERLAY}: open {bundle.dir}/missing: no such file or directory", stage="init")


def test_overlay_layer_that_is_a_link(bundle):
    """Nobody is led elsewhere by who may write to the directory."""
    place, other = bundle.host_dir("place"), bundle.host_dir("other")
    (place / "upper").symlink_to(other)
    overlaid(bundle, place).args("true").refused(text=f"annotations: {OVERLAY}: open upper: not a directory", stage="init")
    assert not os.listdir(other)


def test_overlay_without_a_mount_namespace(bundle):
    overlaid(bundle.without_namespace("mount"), "tmpfs").args("true").refused(
        text=f"annotations: {OVERLAY}: needs a new mount namespace")


def test_features(runtime):
    # covers: AN-4
    assert OVERLAY in runtime.call("features").ok().json["potentiallyUnsafeConfigAnnotations"]
