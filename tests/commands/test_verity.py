"""Images that the kernel checks while it reads them, by fs-verity: what was signed starts without being
read as a whole, and a byte that was changed on the medium reaches no container."""

import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from harness import images
from test_admit import OURS, Gate
from test_seal import WRITABLE, Sealed

pytestmark = [pytest.mark.ours, pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")]

ENABLE_VERITY = 0x40806685  # FS_IOC_ENABLE_VERITY of every architecture that numbers ioctls as x86 does
LOOK = 2048  # bytes of an image that are always read: what it is
BIG = 300000  # bytes of the file in it
FS = "fs-verity: cannot change"


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

    def __init__(self, bundle, directory):
        super().__init__(bundle)
        images.image_of("squashfs")  # or it skips
        self.trust()
        self.policy(policy="required")
        self.data = os.urandom(BIG)
        (bundle.rootfs / "big").write_bytes(self.data)
        self.image = Path(directory) / "root.img"
        images.make("squashfs", bundle.rootfs, self.image)
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
        assert f"\n{self.image}: file, {annotations[OURS + 'strength']}\n" in told
        return annotations[OURS + "strength"]

    def call_verify(self):
        return self.runtime.call("verify", "--key", self.public, self.dir, root=False)

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
