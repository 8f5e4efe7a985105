"""Signed bundles as the README defines them, written from that chapter alone: an implementation beside ocirt's."""

import hashlib
import json
import os
import stat
import struct
import subprocess
from pathlib import Path

XATTRS = ("security.capability", "system.posix_acl_access", "system.posix_acl_default")
TYPES = {stat.S_IFREG: b"f", stat.S_IFDIR: b"d", stat.S_IFLNK: b"l", stat.S_IFCHR: b"c", stat.S_IFBLK: b"b",
         stat.S_IFIFO: b"p"}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def fields(path, name):
    """The texts of one path of a listing."""
    st = os.lstat(path)
    kind = TYPES[stat.S_IFMT(st.st_mode)]
    mode = 0o777 if kind == b"l" else stat.S_IMODE(st.st_mode)
    yield from (name, kind, b"%o" % mode, b"%d" % st.st_uid, b"%d" % st.st_gid)
    if kind == b"f":
        yield from (b"%d" % st.st_size, sha256(Path(os.fsdecode(path)).read_bytes()).encode())
    elif kind == b"l":
        yield os.readlink(path)
    elif kind in b"cb":
        yield from (b"%d" % os.major(st.st_rdev), b"%d" % os.minor(st.st_rdev))
    for key in sorted(os.listxattr(path, follow_symlinks=False), key=os.fsencode):
        if key.startswith("user.") or key in XATTRS:
            yield from (os.fsencode(key), os.getxattr(path, key, follow_symlinks=False).hex().encode())
    yield b""


def listing(top):
    top = os.fsencode(str(top))
    paths = []
    for at, dirs, files in os.walk(top):
        paths += [os.path.relpath(os.path.join(at, name), top) for name in dirs + files]
    out = b"ocirt listing 1\0"
    for path in [b".", *sorted(paths, key=lambda p: p.split(b"/"))]:
        out += b"".join(text + b"\0" for text in fields(os.path.join(top, path), path))
    return sha256(out)


def fs_verity(data):
    """What `fsverity digest` prints."""
    size, level = len(data), data
    while len(level) > 4096 or level is data:
        blocks = [level[i:i + 4096].ljust(4096, b"\0") for i in range(0, len(level), 4096)]
        level = b"".join(hashlib.sha256(block).digest() for block in blocks)
        if len(blocks) <= 1:
            break
    else:
        level = hashlib.sha256(level.ljust(4096, b"\0")).digest()
    return sha256(struct.pack("<BBBBIQ64s176s", 1, 1, 12, 0, 0, size, level or b"", b""))


def described(bundle, path):
    """An object of a manifest."""
    place = Path(bundle, path)
    if place.is_dir():
        return {"path": path, "kind": "directory", "sha256": listing(place)}
    data = place.read_bytes()
    return {"path": path, "kind": "file", "size": len(data), "sha256": sha256(data), "fsVerity": fs_verity(data)}


def manifest(bundle, name, version, created, root, files, not_before=0):
    """The text that `ocirt seal` writes."""
    m = {"format": 1, "name": name, "version": version, "created": created}
    if not_before:
        m["notBefore"] = not_before
    m["config"] = {"sha256": sha256(Path(bundle, "config.json").read_bytes())}
    m["root"] = described(bundle, root)
    m["files"] = [described(bundle, path) for path in sorted(files, key=os.fsencode)]
    return json.dumps(m, indent=2, ensure_ascii=False) + "\n"


def make_key(directory, kind="ec"):
    """A key pair by openssl: the files of the private and of the public key."""
    private, public = Path(directory, f"{kind}.key"), Path(directory, f"{kind}.pem")
    how = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind != "rsa" else ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", *how, "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


def sign(bundle, private):
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", private, "-out", Path(bundle, "seal.json.sig"),
                    Path(bundle, "seal.json")], check=True)
