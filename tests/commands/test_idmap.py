"""Bind mounts with mapped ids: MT-6, MT-7.  The source lies on a tmpfs, which the kernel can map since 6.3."""

import os
import subprocess

import pytest

from harness import Bundle, Container
from harness.kernel import RELEASE

needs_tmpfs = pytest.mark.skipif(RELEASE < (6, 3), reason="a tmpfs can be mapped since Linux 6.3")


def maps(*extents):
    return [{"containerID": c, "hostID": h, "size": n} for c, h, n in extents]


def both(*extents):
    return {"uidMappings": maps(*extents), "gidMappings": maps(*extents)}


@pytest.fixture
def source(bundle):
    """A tmpfs with files of uid and gid 0, 5 and 500."""
    path = bundle.host_dir("source")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    for owner in (0, 5, 500):
        (path / str(owner)).write_text("")
        os.chown(path / str(owner), owner, owner)
    yield path
    subprocess.run(["umount", path], check=True)


def entry(bundle, source, *options, destination="/mnt", **more):
    bundle.config["mounts"].append(
        {"destination": destination, "source": str(source), "type": "none", "options": list(options), **more})
    return bundle


def owners(bundle, *paths):
    """What stat says inside of each path: "uid:gid"."""
    return bundle.output("stat -c %u:%g " + " ".join(paths)).split()


@needs_tmpfs
@pytest.mark.parametrize("options", [["bind", "idmap"], ["rbind", "ridmap"], ["bind"]], ids=str)
def test_mt_6_explicit_maps_without_a_user_namespace(bundle, source, options):
    entry(bundle, source, *options, **both((0, 1000, 10)))
    assert owners(bundle, "/mnt/0", "/mnt/5", "/mnt/500") == ["1000:1000", "1005:1005", "65534:65534"]


@needs_tmpfs
def test_mt_6_uid_and_gid_maps_differ(bundle, source):
    entry(bundle, source, "bind", "idmap", uidMappings=maps((0, 1000, 10)), gidMappings=maps((5, 7, 1), (0, 2000, 1)))
    assert owners(bundle, "/mnt/0", "/mnt/5") == ["1000:2000", "1005:7"]


@needs_tmpfs
def test_mt_6_two_mounts_with_maps_of_their_own(bundle, source):
    entry(bundle, source, "bind", "idmap", **both((0, 1000, 10)))
    entry(bundle, source, "bind", "idmap", destination="/opt", **both((0, 3000, 10)))
    entry(bundle, source, "bind", destination="/srv")
    bundle.own_rootfs()
    assert owners(bundle, "/mnt/5", "/opt/5", "/srv/5") == ["1005:1005", "3005:3005", "5:5"]


@needs_tmpfs
def test_mt_7_maps_of_the_container(bundle, source):
    bundle.own_rootfs().user_namespace()
    entry(bundle, source, "bind", "idmap")
    assert owners(bundle, "/mnt/0", "/mnt/5") == ["0:0", "5:5"]
    bundle.output("touch /mnt/new")
    assert os.stat(source / "new").st_uid == 0


@needs_tmpfs
def test_mt_7_explicit_maps_beside_a_user_namespace(bundle, source):
    bundle.own_rootfs().user_namespace()
    entry(bundle, source, "bind", "idmap", **both((0, 100007, 1)))
    assert owners(bundle, "/mnt/0", "/mnt/5") == ["7:7", "65534:65534"]


@needs_tmpfs
def test_mt_7_maps_of_a_joined_user_namespace(bundle, source):
    bundle.own_rootfs()
    other = Bundle(bundle.runtime)
    other.own_rootfs().user_namespace().args("sleep", "100")
    with Container(other).create() as container:
        bundle.namespace("user", f"/proc/{container.pid}/ns/user")
        entry(bundle, source, "bind", "idmap")
        assert owners(bundle, "/mnt/0", "/mnt/5") == ["0:0", "5:5"]


@needs_tmpfs
@pytest.mark.parametrize("option, below", [("idmap", "5:5"), ("ridmap", "1005:1005")])
def test_mt_7_what_lies_below(bundle, source, option, below):
    (source / "sub").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source / "sub"], check=True)
    (source / "sub/file").write_text("")
    os.chown(source / "sub/file", 5, 5)
    entry(bundle, source, "rbind", option, **both((0, 1000, 10)))
    assert owners(bundle, "/mnt/5", "/mnt/sub/file") == ["1005:1005", below]
    subprocess.run(["umount", source / "sub"], check=True)


@needs_tmpfs
def test_mt_6_other_options_of_the_bind_count(bundle, source):
    bundle.own_rootfs().user_namespace()
    entry(bundle, source, "bind", "idmap", "ro", "nosuid", "noexec")
    options = bundle.report().mount_at("/mnt")["options"]
    assert {"ro", "nosuid", "noexec"} <= set(options)


@needs_tmpfs
def test_mt_6_of_a_file(bundle, source):
    bundle.own_rootfs()
    entry(bundle, source / "5", "bind", "idmap", destination="/etc/five", **both((0, 1000, 10)))
    assert owners(bundle, "/etc/five") == ["1005:1005"]


@pytest.mark.ours
@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_mt_7_neither_maps_nor_a_user_namespace(bundle, option):
    entry(bundle, bundle.host_dir("dir"), "bind", option)
    bundle.refused(text=f'mounts[4].uidMappings: missing: without a user namespace the option "{option}" needs them')


@pytest.mark.ours
@pytest.mark.parametrize("given, missing", [("uidMappings", "gidMappings"), ("gidMappings", "uidMappings")])
def test_mt_6_only_one_of_them(bundle, given, missing):
    entry(bundle, bundle.host_dir("dir"), "bind", "idmap", **{given: maps((0, 1000, 1))})
    bundle.refused(text=f"mounts[4].{missing}: missing: {given} needs it too")


@pytest.mark.ours
@pytest.mark.parametrize("extents, text", [
    ([(0, 1000, 2), (1, 3000, 1)], "mounts[4].uidMappings[1].containerID: overlaps entry 0"),
    ([(0, 1000, 2), (5, 1001, 1)], "mounts[4].uidMappings[1].hostID: overlaps entry 0"),
    ([(0, 4294967295, 1)], "mounts[4].uidMappings[0].hostID: the last id is out of range"),
    ([(0, 0, 0)], "mounts[4].uidMappings[0].size: 0 is out of range"),
], ids=str)
def test_mt_6_bad_maps(bundle, extents, text):
    entry(bundle, bundle.host_dir("dir"), "bind", "idmap", **both(*extents))
    bundle.refused(text=text)


@pytest.mark.ours
def test_mt_6_not_a_bind(bundle):
    entry(bundle, "tmpfs", "idmap", **both((0, 1000, 1)))
    bundle.config["mounts"][-1]["type"] = "tmpfs"
    bundle.refused(text="mounts[4]: only the ids of a bind mount can be mapped")


@pytest.mark.ours
def test_mt_6_a_filesystem_that_cannot(bundle):
    """Never silently unmapped."""
    entry(bundle, "/proc/sys", "bind", "idmap", **both((0, 1000, 1)))
    bundle.refused(text="mounts[4]: mapping its ids: mount_setattr /proc/sys: invalid argument")


@pytest.mark.ours
def test_mt_6_source_missing(bundle):
    entry(bundle, "/nowhere", "bind", "idmap", **both((0, 1000, 1)))
    bundle.refused(text="mounts[4]: mapping its ids: open /nowhere: no such file or directory")


@needs_tmpfs
def test_mt_6_nothing_reaches_the_host(bundle, source):
    """The copy is a peer of a shared source: what is mounted on it inside must not appear outside."""
    subprocess.run(["mount", "--make-shared", source], check=True)
    (source / "5").unlink()
    (source / "5").mkdir()
    bundle.own_rootfs().user_namespace(0, 65536)
    entry(bundle, source, "rbind", "idmap")
    entry(bundle, "tmpfs", destination="/mnt/5")
    bundle.config["mounts"][-1]["type"] = "tmpfs"
    bundle.args("sleep", "100")
    with Container(bundle).create() as container:
        assert " /mnt/5 " in open(f"/proc/{container.pid}/mountinfo").read()
        assert f" {source}/5 " not in open("/proc/self/mountinfo").read()
    subprocess.run(["mount", "--make-private", source], check=True)
