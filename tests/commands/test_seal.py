"""Signed bundles: ocirt seal and ocirt verify.  Keys and signatures are openssl's, the format is written a second time in
harness/sealed.py."""

import base64
import datetime
import hashlib
import json
import os
import re
import shutil
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from harness import sealed

pytestmark = [pytest.mark.ours, pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")]

UNVERIFIED = 77
WRITABLE = "writable: can change after the check"


class Sealed:
    """A bundle with one file of each kind, sealed and signed."""

    def __init__(self, bundle, kind="ec"):
        self.bundle, self.runtime, self.dir = bundle, bundle.runtime, bundle.dir
        self.rootfs = self.dir / "rootfs"
        (self.rootfs / "etc").mkdir(parents=True)
        (self.rootfs / "etc/conf").write_text("a=1\n")
        (self.rootfs / "bin").mkdir()
        (self.rootfs / "bin/app").write_bytes(bytes(range(256)) * 40)
        (self.rootfs / "bin/app").chmod(0o4755)
        os.symlink("app", self.rootfs / "bin/sh")
        os.link(self.rootfs / "etc/conf", self.rootfs / "etc/conf.hard")
        os.mknod(self.rootfs / "null", 0o20666, os.makedev(1, 3))
        os.mkfifo(self.rootfs / "fifo", 0o600)
        os.chown(self.rootfs / "fifo", 12, 34)
        (self.dir / "hook").write_text("#!/bin/sh\n")
        (self.dir / "hook").chmod(0o755)
        (self.dir / "data").mkdir()
        (self.dir / "data/file").write_text("data\n")
        (self.dir / "one").write_text("")
        for point in ("proc", "dev", "sys", "data"):
            (self.rootfs / point).mkdir()
        (self.rootfs / "one").touch()
        bundle.set("root", {"path": "rootfs", "readonly": True})
        bundle.hook("prestart", self.dir / "hook").hook("startContainer", "/bin/app")
        bundle.bind("/data", "data", "rbind", "ro").bind("/one", "one", "bind", "ro")
        bundle.write()
        self.private, self.public = sealed.make_key(bundle.runtime.work, kind)
        self.manifest, self.signature = self.dir / "seal.json", self.dir / "seal.json.sig"

    def seal(self, *options, **more):
        more.setdefault("env", {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
        return self.runtime.call("seal", "-b", self.dir, "--name", "app", *options, root=False, **more)

    def verify(self, *options, **more):
        return self.runtime.call("verify", *(options or ("--key", self.public)), self.dir, root=False, **more)

    def refused(self, text, *options):
        result = self.verify(*options).fails(text, code=UNVERIFIED)
        assert result.message == text and result.out == "", result

    def edit(self, change):
        """Another manifest, with a good signature."""
        m = json.loads(self.manifest.read_text())
        change(m)
        self.manifest.write_text(json.dumps(m))
        sealed.sign(self.dir, self.private)


def set_user(path, name, value):
    """A user's attribute, which a tmpfs has since Linux 6.6."""
    try:
        os.setxattr(path, f"user.{name}", value)
    except OSError as e:
        pytest.skip(f"no user.* attributes on this filesystem: {e.strerror}")


@pytest.fixture
def signed(bundle):
    s = Sealed(bundle)
    s.seal("--key", s.private).ok()
    return s


# -- the format --------------------------------------------------------------------------------------------


def test_another_implementation_makes_the_same_bytes(bundle):
    s = Sealed(bundle)
    set_user(s.rootfs / "etc/conf", "b", b"\0\xff")
    set_user(s.rootfs / "etc/conf", "a", b"")
    set_user(s.rootfs / "etc", "dir", b"x" * 3000)
    os.setxattr(s.rootfs / "bin/app", "security.capability", struct.pack("<5I", 0x2000001, 1 << 10, 0, 0, 0))
    os.setxattr(s.rootfs / "bin/sh", "trusted.not-listed", b"x", follow_symlinks=False)
    acl = struct.pack("<I" + "HHI" * 5, 2, 1, 6, 0xffffffff, 2, 4, 55, 4, 4, 0xffffffff, 0x10, 4, 0xffffffff, 0x20, 4, 0xffffffff)
    os.setxattr(s.rootfs / "null", "system.posix_acl_access", acl)
    os.setxattr(s.rootfs / "etc", "system.posix_acl_default", acl)
    for name in ("a", "a-b", "a.b", "a b", "ä", "\udcff\udcfe", "new\nline", "A", "0"):
        (s.rootfs / name).mkdir()
        (s.rootfs / name / "x").write_text(name[0:1].encode("utf-8", "replace").decode())
    s.seal("--version", "9007199254740991", "--not-before", "1700000001", "--file", "hook", "--file", "more").fails("open more: no such file or directory")
    (s.dir / "more").write_bytes(b"m" * 4097)
    result = s.seal("--version", "9007199254740991", "--not-before", "1700000001", "--file", "./more").ok()
    assert result.out == ("seal.json is written.  Sign it: openssl dgst -sha256 -sign KEY.pem -out seal.json.sig seal.json\n")
    wanted = sealed.manifest(s.dir, "app", 2**53 - 1, 1700000000, "rootfs", ["data", "hook", "more", "one"], 1700000001)
    assert s.manifest.read_text() == wanted
    assert not s.signature.exists()
    sealed.sign(s.dir, s.private)
    s.verify().ok()


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 128 * 4096, 128 * 4096 + 1, 129 * 4096, 65536 * 3 + 5, 16385 * 4096 - 7])
def test_fs_verity_digest(bundle, size):
    s = Sealed(bundle)
    data = (hashlib.sha256(b"x").digest() * (size // 32 + 1))[:size]
    (s.dir / "one").write_bytes(data)
    s.seal().ok()
    one = next(o for o in json.loads(s.manifest.read_text())["files"] if o["path"] == "one")
    assert one == {"path": "one", "kind": "file", "size": size, "sha256": sealed.sha256(data), "fsVerity": sealed.fs_verity(data)}
    if shutil.which("fsverity"):
        digest = subprocess.run(["fsverity", "digest", s.dir / "one"], capture_output=True, text=True, check=True).stdout
        assert digest.split()[0] == "sha256:" + one["fsVerity"]


def test_known_digests(bundle):
    """Numbers that no program of this project has made: an empty file, and one of a zero byte, by fsverity-utils."""
    s = Sealed(bundle)
    s.seal().ok()
    one = next(o for o in json.loads(s.manifest.read_text())["files"] if o["path"] == "one")
    assert one["sha256"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert one["fsVerity"] == "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95"


def test_same_bundle_same_bytes(bundle):
    """Whatever the order of the directories, and on another filesystem."""
    s = Sealed(bundle)
    for i in range(500):
        (s.rootfs / f"etc/{i * 7919 % 500}").write_text("")
    first = s.seal().ok() and s.manifest.read_bytes()
    assert s.seal().ok() and s.manifest.read_bytes() == first
    other = s.dir / "tmpfs"
    other.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", other], check=True)
    try:
        subprocess.run(["cp", "-a", s.rootfs, s.dir / "data", s.dir / "one", s.dir / "hook", s.dir / "config.json", other],
                       check=True)
        text = json.loads((other / "config.json").read_text())
        text["hooks"]["prestart"][0]["path"] = str(other / "hook")
        (other / "config.json").write_text(json.dumps(text))
        s.runtime.call("seal", "-b", other, "--name", "app", root=False).ok()
        there, here = (json.loads((d / "seal.json").read_text()) for d in (other, s.dir))
        assert (there["root"], there["files"]) == (here["root"], here["files"])
    finally:
        subprocess.run(["umount", other], check=True)


def test_time_and_name_by_default(bundle):
    s = Sealed(bundle)
    s.runtime.call("seal", cwd=s.dir, root=False, env={"PATH": os.environ["PATH"]}).ok()
    m = json.loads(s.manifest.read_text())
    assert m["name"] == s.dir.name and m["version"] == 1 and "notBefore" not in m
    assert abs(m["created"] - os.stat(s.manifest).st_mtime) < 5


# -- signatures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("by", ["ocirt", "openssl", "base64"])
def test_signature_is_accepted(bundle, kind, by):
    s = Sealed(bundle, kind)
    if by == "ocirt":
        s.seal("--key", s.private).ok()
        subprocess.run(["openssl", "dgst", "-sha256", "-verify", s.public, "-signature", s.signature, s.manifest], check=True)
    else:
        s.seal().ok()
        sealed.sign(s.dir, s.private)
    if by == "base64":
        s.signature.write_bytes(base64.b64encode(s.signature.read_bytes()) + b"\n")
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", s.public, "-outform", "DER"], check=True, capture_output=True).stdout
    assert s.verify().ok().out.splitlines() == [
        f"seal.json: app, version 1 of 2023-11-14T22:13:20Z, signed by key {sealed.sha256(der)} ({s.public})",
        "config.json: as sealed", f"rootfs: directory, {WRITABLE}", f"data: directory, {WRITABLE}", f"hook: file, {WRITABLE}",
        f"one: file, {WRITABLE}"]


def test_directory_of_keys(signed):
    keys = signed.runtime.work / "keys"
    keys.mkdir()
    signed.refused(f"no key *.pem in {keys}", "--keys", keys)
    other = signed.runtime.work / "other"
    other.mkdir()
    shutil.copy(sealed.make_key(other)[1], keys / "other.pem")
    shutil.copy(sealed.make_key(other, "rsa")[1], keys / "rsa.pem")
    shutil.copy(signed.public, keys / "revoked")
    signed.refused(f"seal.json.sig: not made by a key of {keys}", "--keys", keys)
    (keys / "no.pem").write_text("x")
    signed.refused(f"seal.json.sig: not made by a key of {keys}", "--keys", keys)
    shutil.copy(signed.public, keys / "good.pem")
    result = signed.verify("--keys", keys).ok()
    assert f"({keys}/good.pem)" in result.out
    assert result.warnings in ([], [f"{keys}: ignored: no.pem: not in PEM"])  # it may come behind the good one
    signed.refused(f"open {keys}/none: no such file or directory", "--keys", keys / "none")


def test_keys_by_default(signed):
    """From /etc/ocirt/keys: here a mount of the test's own, where there is such a directory."""
    if not Path("/etc/ocirt/keys").is_dir():
        signed.refused("open /etc/ocirt/keys: no such file or directory", "--config", "config.json")


def test_keys_of_no_name(signed):
    signed.refused("--key: no file is named", "--key", "")
    shutil.copy(signed.public, signed.runtime.work / "here.pem")
    result = signed.verify("--keys", "", cwd=signed.runtime.work).fails(code=UNVERIFIED)
    assert result.message == "--keys: no directory is named"


def test_wrong_keys(signed):
    other = signed.runtime.work / "other"
    other.mkdir()
    signed.refused("seal.json.sig: not made by this key", "--key", sealed.make_key(other)[1])
    rsa = sealed.make_key(other, "rsa")[1]
    signed.refused("seal.json.sig: not a signature for an RSA key of 2048 bits", "--key", rsa)
    signed.refused(f"{signed.private}: a private key: `openssl pkey -pubout` writes the public one", "--key", signed.private)
    signed.refused(f"open {other}/none: no such file or directory", "--key", other / "none")


def test_wrong_signatures(signed):
    good = signed.signature.read_bytes()
    for bad in (good[:-1], b"", good + b"\0", base64.b64encode(good)[:-4]):
        signed.signature.write_bytes(bad)
        signed.refused("seal.json.sig: not a signature for a P-256 key")
    signed.signature.write_bytes(bytes([*good[:-1], good[-1] ^ 1]))
    signed.refused("seal.json.sig: not made by this key")
    signed.signature.unlink()
    signed.refused("not signed: open seal.json.sig: no such file or directory")
    signed.manifest.unlink()
    signed.refused("not sealed: open seal.json: no such file or directory")


def test_every_byte_of_the_manifest_counts(signed):
    good = signed.manifest.read_bytes()
    for text in (good + b"\n", good[:-1], good + b" ", good.replace(b"app", b"apq"), b""):
        signed.manifest.write_bytes(text)
        signed.refused("seal.json.sig: not made by this key")


@pytest.mark.parametrize("change,message", [
    (lambda m: m.update(format=2), "format: 2 is not supported"),
    (lambda m: m.update(extra=1), "extra: not known"),
    (lambda m: m.update(version="1"), "version: not a number"),
    (lambda m: m.pop("config"), "config: missing"),
    (lambda m: m["root"].update(sha256="0" * 63), "root.sha256: not 64 hexadecimal digits in lower case"),
    (lambda m: m["files"].reverse(), 'files[1].path: "hook" does not come after "one"')])
def test_signed_but_no_manifest(signed, change, message):
    signed.edit(change)
    signed.refused(f"seal.json: {message}")


@pytest.mark.parametrize("text,message", [
    (lambda t: t.replace('"version": 1,', '"version": 1, "version": 1,'), "version: given twice"),
    (lambda t: t + "x", "line 36 column 1: expected the end of the document, found 'x'")])
def test_signed_but_no_json(signed, text, message):
    signed.manifest.write_text(text(signed.manifest.read_text()))
    sealed.sign(signed.dir, signed.private)
    signed.refused(f"seal.json: {message}")


# -- what is not as it was sealed --------------------------------------------------------------------------


CHANGES = {
    "content": lambda r: (r / "etc/conf").write_text("a=2\n"),
    "size": lambda r: (r / "etc/conf").write_text("a=1\n\n"),
    "mode": lambda r: (r / "etc/conf").chmod(0o600),
    "setuid": lambda r: (r / "bin/app").chmod(0o755),
    "mode of a directory": lambda r: (r / "etc").chmod(0o700),
    "mode of itself": lambda r: r.chmod(0o700),
    "owner": lambda r: os.chown(r / "etc/conf", 1, 0),
    "group": lambda r: os.chown(r / "etc/conf", 0, 1),
    "owner of a link": lambda r: os.lchown(r / "bin/sh", 1, 0),
    "added": lambda r: (r / "etc/new").write_text(""),
    "added directory": lambda r: (r / "new").mkdir(),
    "removed": lambda r: (r / "etc/conf.hard").unlink(),
    "renamed": lambda r: (r / "etc/conf").rename(r / "etc/cong"),
    "moved": lambda r: (r / "etc/conf").rename(r / "conf"),
    "swapped": lambda r: ((r / "bin/sh").unlink(), os.symlink("zpp", r / "bin/sh")),
    "link for a file": lambda r: ((r / "etc/conf").unlink(), os.symlink("conf.hard", r / "etc/conf")),
    "file for a link": lambda r: ((r / "bin/sh").unlink(), (r / "bin/sh").write_text("app")),
    "device": lambda r: ((r / "null").unlink(), os.mknod(r / "null", 0o20666, os.makedev(1, 1))),
    "device for a fifo": lambda r: ((r / "fifo").unlink(), os.mknod(r / "fifo", 0o20600, 0), os.chown(r / "fifo", 12, 34)),
    "xattr": lambda r: set_user(r / "etc/conf", "x", b""),
    "capability": lambda r: os.setxattr(r / "bin/app", "security.capability", struct.pack("<5I", 0x2000001, 1, 0, 0, 0)),
    "xattr of a directory": lambda r: set_user(r, "x", b""),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changed_root(signed, what):
    signed.verify().ok()
    CHANGES[what](signed.rootfs)
    signed.refused("rootfs: not what was sealed")


def test_times_and_links_do_not_count(signed):
    os.utime(signed.rootfs / "etc/conf", (0, 0))
    (signed.rootfs / "etc/conf.hard").unlink()
    shutil.copy2(signed.rootfs / "etc/conf", signed.rootfs / "etc/conf.hard")
    os.setxattr(signed.rootfs / "etc/conf", "trusted.x", b"1")
    signed.verify().ok()


@pytest.mark.parametrize("change,message", [
    (lambda d: (d / "config.json").write_text((d / "config.json").read_text() + " "), "config.json: not what was sealed"),
    (lambda d: (d / "config.json").write_text("{"), "config.json: not what was sealed"),
    (lambda d: (d / "hook").write_text("#!/bin/ls\n"), "hook: not what was sealed"),
    (lambda d: (d / "hook").write_text("#!/bin/bash\n"), "hook: not what was sealed: 12 bytes instead of 10"),
    (lambda d: (d / "hook").unlink(), "open hook: no such file or directory"),
    (lambda d: (d / "one").write_text("x"), "one: not what was sealed: 1 bytes instead of 0"),
    (lambda d: (d / "data/file").write_text("datA\n"), "data: not what was sealed"),
    (lambda d: (d / "data/more").write_text(""), "data: not what was sealed"),
    (lambda d: (shutil.rmtree(d / "data"), (d / "data").write_text("")), "data: sealed as a directory, which it is not"),
    (lambda d: ((d / "one").unlink(), (d / "one").mkdir()), "one: sealed as a file, which it is not"),
    (lambda d: ((d / "one").unlink(), os.mkfifo(d / "one")), "one: neither a regular file nor a directory"),
    (lambda d: ((d / "one").rename(d / "two"), os.symlink("two", d / "one")), "one: is, or leads over, a symbolic link"),
    (lambda d: ((d / "rootfs").rename(d / "r"), os.symlink("r", d / "rootfs")), "rootfs: is, or leads over, a symbolic link")])
def test_changed_file(signed, change, message):
    change(signed.dir)
    signed.refused(message)


def test_what_the_config_means_must_be_sealed(signed):
    """Signed by a good key, but not whole."""
    signed.edit(lambda m: m["files"].pop(1))
    signed.refused('hooks.prestart[0].path: "hook" was not sealed')
    signed.edit(lambda m: m["files"].pop(0))
    signed.refused('hooks.prestart[0].path: "hook" was not sealed')
    signed.edit(lambda m: m["files"].clear())
    signed.refused('hooks.prestart[0].path: "hook" was not sealed')
    signed.edit(lambda m: m["root"].update(path="data"))
    signed.refused('root.path: "rootfs" is not "data", which was sealed')


def test_more_than_the_config_means_is_verified_too(bundle):
    s = Sealed(bundle)
    (s.dir / "lib").mkdir()
    s.seal("--key", s.private, "--file", "lib", "--file", "lib", "--file", s.dir / "one").ok()
    s.verify().ok()
    (s.dir / "lib/x").write_text("")
    s.refused("lib: not what was sealed")


def test_hook_outside_the_bundle(bundle):
    s = Sealed(bundle)
    elsewhere = bundle.runtime.work / "hook"
    elsewhere.write_text("1")
    bundle.hook("poststop", elsewhere).write()
    s.seal("--key", s.private).ok()
    assert f"\n{elsewhere}: file, {WRITABLE}\n" in s.verify().ok().out
    elsewhere.write_text("2")
    s.refused(f"{elsewhere}: not what was sealed")


def test_mount_from_outside_is_told(bundle):
    s = Sealed(bundle)
    (s.rootfs / "srv").mkdir()
    bundle.bind("/srv", bundle.runtime.work, "bind", "ro").write()
    result = s.seal("--key", s.private).ok()
    name = f"mounts[{len(bundle.config['mounts']) - 1}].source"
    assert result.warnings == [f'{name}: "{bundle.runtime.work}" lies outside the bundle: it is not sealed']
    assert s.verify().ok().out.endswith(f"\n{bundle.runtime.work}: NOT verified: outside the bundle ({name})\n")


def test_mount_from_outside_can_be_sealed(bundle):
    s = Sealed(bundle)
    outside = bundle.runtime.work / "outside"
    outside.write_text("1")
    (s.rootfs / "outside").touch()
    bundle.bind("/outside", outside, "bind", "ro").write()
    assert s.seal("--key", s.private, "--file", outside).ok().warnings == []
    out = s.verify().ok().out
    assert f"\n{outside}: file, {WRITABLE}\n" in out and "NOT verified" not in out
    outside.write_text("2")
    s.refused(f"{outside}: not what was sealed")


def test_words_that_name_the_bundle_are_told(bundle):
    """A script that a shell is told to read, a layer: nobody but those who get them knows what they mean."""
    s = Sealed(bundle)
    script = s.dir / "script"
    script.write_text(":\n")
    (s.rootfs / "o").mkdir()
    bundle.hook("poststop", "/bin/sh", args=["sh", str(script)])
    bundle.config["mounts"].append({"destination": "/o", "type": "overlay", "source": "overlay",
                                    "options": [f"lowerdir={s.dir}/data:/srv", "ro"]})
    bundle.write()
    layer, n = f"lowerdir={s.dir}/data:/srv", len(bundle.config["mounts"]) - 1
    told = f'mounts[{n}].options[0]: "{layer}" lies in the bundle: it is not sealed'
    assert s.seal("--key", s.private).ok().warnings == ['hooks.poststop[0].args[1]: "script" lies in the bundle: it is not sealed', told]
    assert s.verify().ok().out.endswith("\nscript: NOT verified: in the bundle (hooks.poststop[0].args[1])\n"
                                        f"{layer}: NOT verified: in the bundle (mounts[{n}].options[0])\n")
    assert s.seal("--key", s.private, "--file", "script").ok().warnings == [told]
    script.write_text("!\n")
    s.refused("script: not what was sealed")


def test_absolute_source_of_a_mount_keeps_its_name(bundle):
    """Where the bundle is moved to, it is still compared."""
    s = Sealed(bundle)
    bundle.bind("/three", s.dir / "one", "bind", "ro").write()
    s.seal("--key", s.private).ok()
    paths = [o["path"] for o in json.loads(s.manifest.read_text())["files"]]
    assert paths == [f"{s.dir}/one", "data", "hook", "one"]
    s.verify().ok()


def test_writable_is_warned_of(bundle):
    s = Sealed(bundle)
    bundle.set("root.readonly", False).bind("/w", "data", "bind").write()
    name = f"mounts[{len(bundle.config['mounts']) - 1}].source"
    text = "is sealed, but the container can write there: then the bundle is refused from the next start on"
    assert s.seal().ok().warnings == [f'{name}: "data" {text}', f'root.path: "rootfs" {text}']


def test_what_create_makes_is_warned_of(bundle):
    """Not what lies in a mount of its own, nor in a link, nor of an image or below an overlay."""
    s = Sealed(bundle)
    (s.rootfs / "var").mkdir()
    (s.rootfs / "var/run").symlink_to("/run")
    (s.rootfs / "run").mkdir()
    for path in ("/new", "/new/inside", "/newer", "/var/run"):
        bundle.tmpfs(path)
    bundle.set("process.cwd", "/srv").write()
    mounts = [m["destination"] for m in bundle.config["mounts"]]
    text = "is missing in the root filesystem, where create makes it: then the bundle is refused from the next start on"
    wanted = [f'mounts[{mounts.index(m)}].destination: "{m}" {text}' for m in ("/new", "/newer")] + [f'process.cwd: "/srv" {text}']
    assert s.seal().ok().warnings == wanted
    bundle.annotate(**{"org.ocirt.root.overlay": "tmpfs"}).set("root.readonly", False).write()
    assert s.seal().ok().warnings == []
    del bundle.config["annotations"]
    (s.dir / "image").write_bytes(b"image")
    bundle.set("root", {"path": "image"}).write()
    assert s.seal().ok().warnings == []


def test_read_only_mount_is_told(signed):
    subprocess.run(["mount", "--bind", signed.rootfs, signed.rootfs], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", signed.rootfs], check=True)
        assert "\nrootfs: directory, on a read-only mount\n" in signed.verify().ok().out
    finally:
        subprocess.run(["umount", signed.rootfs], check=True)


def test_image_as_root(bundle):
    s = Sealed(bundle)
    bundle.set("root.path", "root.img").write()
    (s.dir / "root.img").write_bytes(os.urandom(300000))
    s.seal("--key", s.private).ok()
    assert json.loads(s.manifest.read_text())["root"] == sealed.described(s.dir, "root.img")
    assert f"\nroot.img: file, {WRITABLE}\n" in s.verify().ok().out
    with open(s.dir / "root.img", "r+b") as f:
        f.seek(299999)
        last = f.read(1)
        f.seek(299999)
        f.write(bytes([last[0] ^ 1]))
    s.refused("root.img: not what was sealed")


# -- the tree of dm-verity -----------------------------------------------------------------------------------

def squashed(size):
    """Bytes that say to be a squashfs of that size."""
    return (b"hsqs".ljust(40, b"\0") + struct.pack("<Q", size)).ljust(size, b"x")


@pytest.mark.parametrize("size", [48, 4096, 4097, 128 * 4096, 129 * 4096 - 5, 300 * 4096, (128 * 128 + 1) * 4096])
def test_tree_is_sealed(bundle, size):
    s = Sealed(bundle)
    image = s.dir / "root.img"
    image.write_bytes(squashed(size))
    root = sealed.add_tree(image)
    bundle.set("root.path", "root.img").write()
    s.seal("--key", s.private).ok()
    one = json.loads(s.manifest.read_text())["root"]
    assert one == sealed.described(s.dir, "root.img", True)
    assert one["dmVerity"] == {"rootHash": root, "salt": bytes(range(32)).hex(), "dataBlocks": -(-size // 4096)}
    assert "\nroot.img: file, " in s.verify().ok().out


def test_tree_of_veritysetup(bundle):
    if not shutil.which("veritysetup"):
        pytest.skip("no veritysetup here")
    s = Sealed(bundle)
    image = s.dir / "root.img"
    image.write_bytes(squashed(200 * 4096))
    made = subprocess.run(["veritysetup", "format", f"--hash-offset={200 * 4096}", "--data-blocks=200", image, image],
                          capture_output=True, text=True, check=True).stdout
    bundle.set("root.path", "root.img").write()
    s.seal("--key", s.private).ok()
    one = json.loads(s.manifest.read_text())["root"]["dmVerity"]
    told = dict(re.findall(r"^(.*?): +\t?(\S+)$", made, re.M))
    assert one == {"rootHash": told["Root hash"], "salt": told["Salt"], "dataBlocks": int(told["Data blocks"])}


@pytest.mark.parametrize("at", [0, 5000, -1, -4096 - 1])
def test_tree_of_other_data_is_not_sealed(bundle, at):
    """A byte of the data, or in the tree: its first level, the root's block."""
    s = Sealed(bundle)
    image = s.dir / "root.img"
    image.write_bytes(squashed(200 * 4096))
    sealed.add_tree(image)
    data = bytearray(image.read_bytes())
    data[at if at else 50] ^= 1
    image.write_bytes(data)
    bundle.set("root.path", "root.img").write()
    result = s.seal("--key", s.private).fails()
    assert result.message == "root.img: its dm-verity tree is not one of its data", result
    assert not s.manifest.exists() and not s.signature.exists()


@pytest.mark.parametrize("field,value", [(0, b"V"), (8, b"\2"), (12, b"\0"), (32, b"sha512"), (64, b"\0\x04"), (68, b"\0\x04"),
                                         (72, b"\7"), (80, b"\x10")])
def test_other_trees_are_not_known(bundle, field, value):
    s = Sealed(bundle)
    image = s.dir / "root.img"
    image.write_bytes(squashed(8 * 4096))
    sealed.add_tree(image)
    with open(image, "r+b") as f:
        f.seek(8 * 4096 + field)
        f.write(value)
    bundle.set("root.path", "root.img").write()
    s.seal("--key", s.private).ok()
    one = json.loads(s.manifest.read_text())["root"]
    assert "dmVerity" not in one and one == sealed.described(s.dir, "root.img", True)


@pytest.mark.parametrize("offset,ok", [(-10, True), (3600, False)])
def test_not_before(bundle, offset, ok):
    s = Sealed(bundle)
    now = int(os.stat(s.dir / "one").st_mtime)
    s.seal("--key", s.private, "--not-before", now + offset).ok()
    if ok:
        s.verify().ok()
    else:
        message = s.verify().fails(f"seal.json: notBefore: {now + offset} (", code=UNVERIFIED).message
        when = datetime.datetime.fromtimestamp(now + offset, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert re.search(rf"{now + offset} \({when}\) is 3[0-9]{{3}} seconds from now$", message)


def test_creation_is_past_where_the_clock_is_not_set(bundle):
    """A board without a clock: what was signed later than it believes tells it the time."""
    s = Sealed(bundle)
    later = int(os.stat(s.dir / "one").st_mtime) + 100000
    s.seal("--key", s.private, "--not-before", later, env={**os.environ, "SOURCE_DATE_EPOCH": str(later)}).ok()
    s.verify().ok()


# -- limits and refusals of seal ---------------------------------------------------------------------------


def test_socket(bundle):
    s = Sealed(bundle)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(s.rootfs / "etc/s"))
    s.seal().fails("rootfs/etc/s: a socket, or of a type that is not known")
    assert not s.manifest.exists()


def test_mount_below_the_root(bundle):
    s = Sealed(bundle)
    for target in (s.rootfs / "etc", s.rootfs / "etc/conf"):
        subprocess.run(["mount", "--bind", target, target], check=True)
        try:
            s.seal().fails(f"{target.relative_to(s.dir)}: another mount lies there")
        finally:
            subprocess.run(["umount", target], check=True)
    s.seal().ok()


def test_depth(bundle):
    s = Sealed(bundle)
    deep = s.rootfs / "etc" / "/".join("d" * 126)
    deep.mkdir(parents=True)
    s.seal().ok()
    (deep / "d").mkdir()
    s.seal().fails(f"{(deep / 'd').relative_to(s.dir)}: more than 128 directories inside each other")


def test_long_path(bundle):
    s = Sealed(bundle)
    fd = os.open(s.rootfs, os.O_RDONLY)
    for i in range(16):
        name = ("x" if i < 15 else "y") * 255
        os.mkdir(name, dir_fd=fd)
        fd = (os.open(name, os.O_RDONLY, dir_fd=fd), os.close(fd))[0]
    s.seal().ok()
    os.mkdir("z", dir_fd=fd)
    os.close(fd)
    assert s.seal().fails("rootfs/xxx").message.endswith("x/: the path is too long")


def test_many_names(bundle):
    s = Sealed(bundle)
    for i in range(16800):
        os.mkdir(s.rootfs / "etc" / f"{i:0250}")
    s.seal().fails("rootfs/etc: more than 262144 names, or 4 MiB of them, in this directory and those above it")


def test_many_files(bundle):
    s = Sealed(bundle)
    for i in range(126):
        (s.dir / f"f{i}").write_text("")
    more = [word for i in range(126) for word in ("--file", f"f{i}")]
    s.seal(*more).fails("more than 128 files to seal besides the root")
    s.seal("--key", s.private, *more[:-2]).ok()
    assert len(s.verify().ok().out.splitlines()) == 3 + 128


@pytest.mark.parametrize("options,message", [
    (["--version", "-1"], '--version: "-1" is not a number from 0 to 2^53 - 1'),
    (["--version", 2**53], f'--version: "{2**53}" is not a number from 0 to 2^53 - 1'),
    (["--not-before", "now"], '--not-before: "now" is not a number from 0 to 2^53 - 1'),
    (["--name", "a/b"], 'name: "a/b" is not 1 to 128 of A-Z a-z 0-9 _ + . -'),
    (["--file", "../x"], '--file: "../x" cannot be sealed: it has ".." or is the bundle itself'),
    (["--file", "."], '--file: "." cannot be sealed: it has ".." or is the bundle itself'),
    (["--config", "none.json"], "JSON specification file //none.json not found"),
    (["--key", "/dev/null"], "/dev/null: openssl, status 1: "),
    (["--key", "/none/such"], "/none/such: openssl, status 1: ")])
def test_refusals(bundle, options, message):
    s = Sealed(bundle)
    s.seal(*options).fails(message)
    assert not s.manifest.exists() and not s.signature.exists()
    assert not list(s.dir.glob("*.tmp"))


def test_bad_epoch(bundle):
    s = Sealed(bundle)
    s.seal(env={**os.environ, "SOURCE_DATE_EPOCH": "x"}).fails('SOURCE_DATE_EPOCH: "x" is not a number from 0 to 2^53 - 1')


@pytest.mark.parametrize("make", [
    "openssl ecparam -name prime256v1 -genkey -noout", "openssl ecparam -name prime256v1 -genkey",
    "openssl genpkey -algorithm RSA | openssl rsa -traditional", "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096"])
def test_keys_in_every_form(bundle, make):
    s = Sealed(bundle)
    subprocess.run(f"{make} >k && openssl pkey -in k -pubout -out k.pem", shell=True, check=True, cwd=s.runtime.work,
                   stderr=subprocess.DEVNULL)
    s.seal("--key", "k", cwd=s.runtime.work).ok()
    s.verify("--key", s.runtime.work / "k.pem").ok()


@pytest.mark.parametrize("make,message", [
    ("openssl genpkey -algorithm ed25519", "Ed25519: only P-256 and RSA keys can be used"),
    ("openssl ecparam -name secp384r1 -genkey -noout", "P-384: only P-256 and RSA keys can be used"),
    ("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", "RSA: 1024 bits, and 2048 to 4096 can be used"),
    ("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkey -pubout", "openssl, status 1: "),
    ("echo nonsense", "openssl, status 1: ")])
def test_key_that_cannot_sign_leaves_the_old_seal(signed, make, message):
    before = signed.manifest.read_bytes(), signed.signature.read_bytes()
    key = signed.runtime.work / "k"
    subprocess.run(f"{make} >{key}", shell=True, check=True, stderr=subprocess.DEVNULL)
    result = signed.seal("--version", "2", "--key", key).fails(f"{key}: {message}")
    assert result.message == f"{key}: {message}" or message.endswith(": ")  # what openssl says is its own
    assert (signed.manifest.read_bytes(), signed.signature.read_bytes()) == before


@pytest.mark.parametrize("openssl,message", [
    (None, "openssl: not found: --key needs it"),
    ('[ $1 = pkey ] && exec {real} "$@"; echo no >&2; echo not; exit 3', "{key}: openssl, status 3: no"),
    ('[ $1 = pkey ] && exec {real} "$@"; echo x', "{key}: not a signature for a P-256 key"),
    ('[ $1 = pkey ] && exec {real} "$@"; cat >/dev/null; head -c 32 /dev/zero | exec {real} "$@"', "{key}: not made by this key"),
    ("exec head -c 100000 /dev/zero", "openssl: larger than 8192 bytes")])
def test_what_openssl_signs_is_verified_before_it_is_written(bundle, openssl, message):
    s = Sealed(bundle)
    path = s.runtime.work / "bin"
    path.mkdir()
    if openssl:
        (path / "openssl").write_text("#!/bin/sh\nPATH=/usr/bin:/bin\n" + openssl.replace("{real}", shutil.which("openssl")))
        (path / "openssl").chmod(0o755)
    result = s.seal("--key", s.private, env={**os.environ, "PATH": str(path)}).fails(message.replace("{key}", str(s.private)))
    assert result.message == message.replace("{key}", str(s.private))
    assert not s.manifest.exists() and not s.signature.exists()


@pytest.mark.parametrize("path", [".", "bin", ".:bin"])
def test_openssl_is_none_of_the_bundle(bundle, path):
    """PATH may have relative directories, and seal works in the bundle's."""
    s = Sealed(bundle)
    (s.dir / "bin").mkdir()
    for name in ("openssl", "bin/openssl"):
        (s.dir / name).write_text(f"#!/bin/sh\n: >{s.dir}/called\n")
        (s.dir / name).chmod(0o755)
    result = s.seal("--key", s.private, env={**os.environ, "PATH": path}).fails("openssl: not found: --key needs it")
    assert result.message == "openssl: not found: --key needs it" and not (s.dir / "called").exists()


def test_passphrase_is_not_waited_for_without_a_terminal(bundle):
    """Whatever stdin is."""
    s = Sealed(bundle)
    key = s.runtime.work / "k"
    subprocess.run(["openssl", "pkey", "-in", s.private, "-aes256", "-passout", "pass:secret", "-out", key], check=True)
    theirs, ours = os.pipe()
    try:
        result = s.seal("--key", key, stdin=theirs, wrap=("setsid", "--wait"), timeout=10)
    finally:
        os.close(theirs)
        os.close(ours)
    assert result.code == 1 and result.message == f"{key}: openssl, status 1: Enter pass phrase for {key}:", result
    assert not s.manifest.exists() and not s.signature.exists()


def test_config_is_checked_before_it_is_sealed(bundle):
    s = Sealed(bundle)
    bundle.drop("process.cwd").write()
    s.seal().fails("process.cwd")
    assert not s.manifest.exists()


def test_config_of_another_name(bundle):
    """As with create: relative to the caller's directory."""
    s = Sealed(bundle)
    other = s.runtime.work / "other.json"
    (s.dir / "config.json").rename(other)
    s.seal("--key", s.private).fails("JSON specification file config.json not found")
    s.seal("--key", s.private, "-f", "other.json", cwd=s.runtime.work).ok()
    options = ["--key", s.public, "-f", "other.json"]
    assert f"\n{other}: as sealed\n" in s.verify(*options, cwd=s.runtime.work).ok().out
    other.write_text(other.read_text() + " ")
    s.verify(*options, cwd=s.runtime.work).fails(f"{other}: not what was sealed", code=UNVERIFIED)


def test_nothing_to_verify(signed):
    s = signed
    s.runtime.call("verify", "--key", s.public, s.dir / "not", root=False).fails(
        f"chdir {s.dir}/not: no such file or directory", code=UNVERIFIED)
    (s.dir / "config.json").unlink()
    s.refused("JSON specification file config.json not found")


def test_bundle_that_cannot_be_listed(signed):
    s = signed
    s.dir.chmod(0o711)
    (s.rootfs / "fifo").unlink()
    (s.rootfs / "fifo").touch()
    s.seal("--key", s.private).ok()
    result = s.runtime.by(1000).call("verify", "--key", s.public, s.dir, root=False).ok()
    assert f"\nrootfs: directory, {WRITABLE}\n" in result.out


def test_unreadable(bundle):
    s = Sealed(bundle)
    (s.rootfs / "etc/conf").chmod(0)
    user = s.runtime.by(1000)
    os.chmod(s.dir, 0o777)
    user.call("seal", "-b", s.dir, "--name", "x", root=False).fails("rootfs/etc/conf: open: permission denied")
