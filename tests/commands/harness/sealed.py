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


def blocks_of(data):
    return [data[i:i + 4096].ljust(4096, b"\0") for i in range(0, len(data), 4096)]


def dm_superblock(blocks, salt):
    return struct.pack("<8sII16s32sIIQH6s256s168s", b"verity", 1, 1, bytes(16), b"sha256", 4096, 4096, blocks, len(salt), b"", salt, b"")


def dm_verity(data, salt):
    """What `veritysetup format` writes behind the data, and what it prints as the root hash."""
    tree, level = b"", data
    while True:
        digests = [hashlib.sha256(salt + block).digest() for block in blocks_of(level)]
        if len(digests) == 1:
            break
        level = b"".join(blocks_of(b"".join(digests)))
        tree = level + tree
    return dm_superblock(len(blocks_of(data)), salt).ljust(4096, b"\0") + tree, digests[0].hex()


def filesystem_size(data):
    """In bytes, where it can lie on a device with blocks of 4096."""
    if data[:4] == b"hsqs":
        return int.from_bytes(data[40:48], "little")
    if data[1024:1028] == b"\xe2\xe1\xf5\xe0":
        return int.from_bytes(data[1060:1064], "little") << data[1036] if data[1036] >= 12 else 0
    if data[1080:1082] == b"\x53\xef":
        return int.from_bytes(data[1028:1032], "little") << 10 + data[1048] if data[1048] >= 2 else 0
    return 0


def fs_verity(data):
    """What `fsverity digest` prints: the root of the same tree, without a salt, is a part of what is digested."""
    root = bytes.fromhex(dm_verity(data, b"")[1]) if data else b""
    return sha256(struct.pack("<BBBBIQ64s176s", 1, 1, 12, 0, 0, len(data), root, b""))


def dm_member(data):
    """The member of an image that has a tree behind it."""
    blocks = -(-filesystem_size(data) // 4096)
    s, known = data[blocks * 4096:][:512], dm_superblock(blocks, bytes(32))
    if not blocks or len(s) < 512 or s[:16] + s[32:88] != known[:16] + known[32:88]:
        return {}
    salt = s[88:120]
    return {"dmVerity": {"rootHash": dm_verity(data[:blocks * 4096], salt)[1], "salt": salt.hex(), "dataBlocks": blocks}}


def add_tree(image, salt=bytes(range(32))):
    """Behind the file system; the root hash."""
    data = image.read_bytes()
    size = filesystem_size(data)
    data = data[:size].ljust(-(-size // 4096) * 4096, b"\0")
    tree, root = dm_verity(data, salt)
    image.write_bytes(data + tree)
    return root


def described(bundle, path, root=False):
    """An object of a manifest."""
    place = Path(bundle, path)
    if place.is_dir():
        return {"path": path, "kind": "directory", "sha256": listing(place)}
    data = place.read_bytes()
    return {"path": path, "kind": "file", "size": len(data), "sha256": sha256(data), "fsVerity": fs_verity(data),
            **(dm_member(data) if root else {})}


def manifest(bundle, name, version, created, root, files, not_before=0):
    """The text that `ocirt seal` writes."""
    m = {"format": 1, "name": name, "version": version, "created": created}
    if not_before:
        m["notBefore"] = not_before
    m["config"] = {"sha256": sha256(Path(bundle, "config.json").read_bytes())}
    m["root"] = described(bundle, root, True)
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
