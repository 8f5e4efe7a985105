"""Images that the kernel checks while it reads them, by fs-verity and by dm-verity: what was signed starts without being
read as a whole, and a byte that was changed on the medium reaches no container."""

import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

from harness import images, sealed
from harness.container import until
from test_admit import OURS, UNVERIFIED, Gate
from test_seal import WRITABLE, Sealed

pytestmark = [pytest.mark.ours, pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")]

ENABLE_VERITY = 0x40806685  # FS_IOC_ENABLE_VERITY of every architecture that numbers ioctls as x86 does
LOOK = 2048  # bytes of an image that are always read: what it is
BIG = 300000  # bytes of the file in it
FS, DM = "fs-verity: cannot change", "dm-verity: changes cannot be read"


def enable_verity(path):
    """Skips where the kernel cannot."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, ENABLE_VERITY, struct.pack("<IIIIQIIQ88s", 1, 1, 4096, 0, 0, 0, 0, 0, b""))
    except OSError as e:
        pytest.skip(f"this kernel has no fs-verity: {e.strerror}")
    finally:
        os.close(fd)


class Medium:
    """An ext4 that allows fs-verity, in a file."""

    def __init__(self, work):
        self.disk, self.place = work / "disk", work / "ext4"
        self.place.mkdir()
        with open(self.disk, "wb") as f:
            f.truncate(64 << 20)
        if not shutil.which("mkfs.ext4"):
            pytest.skip("no mkfs.ext4 here")
        subprocess.run(["mkfs.ext4", "-q", "-O", "verity", "-b", "4096", self.disk], check=True)

    def mount(self):
        mounted = subprocess.run(["mount", "-o", "loop", self.disk, self.place], capture_output=True, text=True)
        if mounted.returncode:
            pytest.skip(f"ext4 cannot be mounted here: {mounted.stderr.strip()}")

    def umount(self):
        subprocess.run(["umount", self.place], check=True)
        images.all_free(self.disk)


@pytest.fixture
def ext4(work):
    medium = Medium(work)
    medium.mount()
    yield medium
    medium.umount()


class Imaged(Gate):
    """A signed bundle whose root is an image with a file that the program reads; it lies in the image as it is."""

    def __init__(self, bundle, directory, kind="squashfs"):
        super().__init__(bundle)
        images.image_of(kind)  # or it skips
        self.trust()
        self.policy(policy="required")
        self.data = os.urandom(BIG)
        (bundle.rootfs / "big").write_bytes(self.data)
        self.image = Path(directory) / "root.img"
        if kind == "ext4":
            subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-d", bundle.rootfs, self.image, "24M"], check=True)
        else:
            images.make(kind, bundle.rootfs, self.image)
        bundle.set("root.path", str(self.image)).sh("echo started; cat /big >/dev/null && echo read; echo ended")
        bundle.set("mounts", [m for m in bundle.config["mounts"] if m["destination"] != "/data"])

    def runs(self, *options, out="started\nread\nended\n", **more):
        return super().runs(*options, out=out, **more)

    def runs_into_it(self):
        """It starts, and reads up to what was changed."""
        result = self.runs(out="started\nended\n")
        assert "Input/output error" in result.err or "I/O error" in result.err, result

    def bytes_read(self):
        """Of the image, by ocirt, for a start."""
        if not shutil.which("strace"):
            pytest.skip("no strace here")
        calls = self.runtime.work / "calls"
        self.runs(wrap=("strace", "-qq", "-y", "-e", "trace=read,pread64,mmap", "-o", calls))
        lines = [line for line in calls.read_text().splitlines() if f"<{self.image}>" in line]
        assert not [line for line in lines if line.startswith("mmap")]
        return sum(int(line.rsplit("= ", 1)[1]) for line in lines)

    def strength(self):
        self.call("create").ok()
        annotations = self.runtime.state(self.bundle.id).ok().json["annotations"]
        self.runtime.delete(self.bundle.id, force=True).ok()
        told = self.call_verify().ok().out
        name = json.loads((self.dir / "seal.json").read_text())["root"]["path"]
        assert f"\n{name}: file, {annotations[OURS + 'strength']}\n" in told
        return annotations[OURS + "strength"]

    def call_verify(self):
        return self.runtime.call("verify", "--key", self.public, self.dir, root=False)

    def edit(self, change):
        m = json.loads((self.dir / "seal.json").read_text())
        change(m["root"])
        (self.dir / "seal.json").write_text(json.dumps(m))
        sealed.sign(self.dir, self.private)

    def flip_in(self, path):
        """One bit of that file's content, wherever it lies in `path`."""
        with open(path, "r+b") as f:
            at = f.read().index(self.data[100000:150000]) + 30000
            f.seek(at)
            was = f.read(1)
            f.seek(at)
            f.write(bytes([was[0] ^ 1]))
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# -- fs-verity ---------------------------------------------------------------------------------------------


def test_fs_verity_of_the_kernel(bundle, ext4):
    """The digest that `seal` foretold is the one that the kernel measures, and then nothing is read."""
    s = Sealed(bundle)
    image, hook = ext4.place / "root.img", ext4.place / "hook"
    image.write_bytes(os.urandom(700000))
    hook.write_text("#!/bin/sh\n")
    bundle.set("root.path", str(image)).hook("poststop", hook).write()
    s.seal("--key", s.private).ok()
    assert f"\n{image}: file, {WRITABLE}\n" in s.verify().ok().out
    enable_verity(image)
    enable_verity(hook)
    out = s.verify().ok().out
    assert f"\n{image}: file, {FS}\n" in out and f"\n{hook}: file, {FS}\n" in out
    s.edit(lambda m: m["root"].update(sha256="0" * 64))
    assert f"\n{image}: file, {FS}\n" in s.verify().ok().out, "it was read"
    s.edit(lambda m: m["root"].update(fsVerity="0" * 64))
    s.refused(f"{image}: not what was sealed")


def test_start_from_fs_verity_reads_nothing(bundle, ext4):
    g = Imaged(bundle, ext4.place)
    g.seal()
    assert g.bytes_read() == g.image.stat().st_size + LOOK and g.strength() == WRITABLE
    enable_verity(g.image)
    assert g.bytes_read() == LOOK and g.strength() == FS
    images.all_free(g.image)


def test_changed_byte_below_fs_verity(bundle, ext4):
    g = Imaged(bundle, ext4.place)
    g.seal()
    enable_verity(g.image)
    g.runs()
    ext4.umount()
    g.flip_in(ext4.disk)
    ext4.mount()
    g.runs_into_it()
    images.all_free(g.image)


def test_another_file_with_fs_verity(bundle, ext4):
    g = Imaged(bundle, ext4.place)
    g.seal()
    g.flip_in(g.image)
    enable_verity(g.image)
    g.refused(f"{g.image}: not what was sealed")
    images.all_free(g.image)


# -- dm-verity --------------------------------------------------------------------------------------------


DM_LIST_DEVICES = 0xc138fd02


def devices():
    """The names of all devices of device-mapper."""
    call = bytearray(struct.pack("<3I7IQ264s", 4, 0, 0, 8192, 312, 0, 0, 0, 0, 0, 0, b"").ljust(8192, b"\0"))
    fd = os.open("/dev/mapper/control", os.O_RDWR)
    fcntl.ioctl(fd, DM_LIST_DEVICES, call)
    os.close(fd)
    at, names = struct.unpack_from("<I", call, 16)[0], set()
    while True:
        dev, after = struct.unpack_from("<QI", call, at)
        if dev:
            names.add(bytes(call[at + 12:]).split(b"\0")[0].decode())
        if not after:
            return names
        at += after


def none_left():
    until(lambda: not devices(), "no device of dm-verity is left", 5)


@pytest.fixture
def mapper(bundle):
    try:
        os.close(os.open("/dev/mapper/control", os.O_RDWR))
    except OSError as e:
        pytest.skip(f"this kernel has no device-mapper: {e.strerror}")
    if not list(Path("/sys/module").glob("dm_verity")):
        subprocess.run(["modprobe", "-q", "dm-verity"], check=False)
        if not list(Path("/sys/module").glob("dm_verity")):
            pytest.skip("this kernel has no dm-verity")
    assert not devices()
    yield
    none_left()
    images.all_free(bundle.dir / "root.img")


@pytest.fixture
def dm(bundle, mapper):
    return Imaged(bundle, bundle.dir)


def test_start_from_dm_verity_reads_nothing(dm):
    dm.seal()
    assert dm.bytes_read() == dm.image.stat().st_size + LOOK and dm.strength() == WRITABLE
    sealed.add_tree(dm.image)
    dm.seal(version=2)
    assert dm.bytes_read() == LOOK and dm.strength() == DM


@pytest.mark.parametrize("kind", ["erofs", "ext4"])
def test_other_file_systems_on_dm_verity(mapper, bundle, kind):
    g = Imaged(bundle, bundle.dir, kind)
    sealed.add_tree(g.image)
    g.seal()
    assert g.bytes_read() == LOOK
    g.flip_in(g.image)
    g.runs_into_it()


def test_changed_byte_below_dm_verity(dm):
    sealed.add_tree(dm.image)
    dm.seal()
    dm.runs()
    dm.flip_in(dm.image)
    dm.runs_into_it()
    assert dm.call_verify().fails(code=UNVERIFIED).message == "root.img: not what was sealed"
    dm.policy(policy="warn")
    assert dm.runs().warnings == ["not verified: root.img: not what was sealed"]


def test_another_root_hash(dm):
    """Signed, and not of these data: nothing of the image can be read."""
    sealed.add_tree(dm.image)
    dm.seal()
    dm.edit(lambda root: root["dmVerity"].update(rootHash="0" * 64))
    dm.refused("dm-verity: root.path: mount squashfs: input/output error")
    none_left()
    dm.edit(lambda root: root["dmVerity"].update(salt="0" * 64))
    dm.refused("dm-verity: root.path: mount squashfs: input/output error")


def test_changed_superblock_below_dm_verity(dm):
    sealed.add_tree(dm.image)
    dm.seal()
    with open(dm.image, "r+b") as f:
        f.seek(20)
        f.write(b"\xff")
    dm.refused("dm-verity: root.path: mount squashfs: input/output error")


def test_two_from_one_image(dm):
    sealed.add_tree(dm.image)
    dm.bundle.args("sleep", "100")
    dm.bundle.config["linux"].pop("cgroupsPath", None)  # theirs would be the same
    dm.seal()
    ids = [dm.bundle.id, dm.bundle.id + "-two"]
    for id_ in ids:
        dm.call("create", id_=id_).ok()
    loops = sorted(name for name, file in images.busy().items() if file.endswith("root.img"))
    assert len(loops) == 2 and devices() == {f"ocirt-{name}" for name in loops}
    for id_ in ids:
        dm.runtime.start(id_).ok()
    dm.runtime.delete(ids[0], force=True).ok()
    until(lambda: len(devices()) == 1, "one device is left", 5)
    assert dm.runtime.call("exec", ids[1], "cat", "/data/file").ok().out == "hello\n"
    dm.runtime.delete(ids[1], force=True).ok()
    none_left()


def test_killed_at_every_call(dm):
    """Only before it is opened a device outlives who made it, and then not the next start."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    sealed.add_tree(dm.image)
    dm.seal()
    calls, left = dm.runtime.work / "calls", []
    for when in range(1, 40):
        result = dm.call("create", wrap=("strace", "-qq", "-o", calls, "-e", "trace=ioctl", "-e", f"inject=ioctl:signal=KILL:when={when}"))
        killed = "+++ killed by SIGKILL +++" in calls.read_text()
        dm.runtime.delete(dm.bundle.id, force=True)
        time.sleep(0.3)
        left.append(devices())
        if devices():
            dm.runs()
        none_left()
        if not killed:
            result.ok()
            break
    assert not killed and [d for d in left if d] == [{"ocirt-new"}] * 2, left  # at the second and the third call
