"""Device nodes and links: LX-2, LX-3, DV-1 to DV-6, S12."""

import os
import stat

import pytest

DEFAULTS = {"/dev/null": [1, 3], "/dev/zero": [1, 5], "/dev/full": [1, 7], "/dev/random": [1, 8], "/dev/urandom": [1, 9],
            "/dev/tty": [5, 0]}
LINKS = {"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1",
         "/dev/stderr": "/proc/self/fd/2", **({"/dev/core": "/proc/kcore"} if os.path.exists("/proc/kcore") else {})}


def without(bundle, place):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith(place)]
    return bundle


@pytest.mark.parametrize("mask", [0o22, 0o77])
def test_lx_2_default_devices(bundle, mask):
    bundle.args("probe", "stat", *DEFAULTS, "/dev/ptmx", "/dev/console")
    seen = bundle.run(before=lambda: os.umask(mask)).ok().json
    for path, numbers in DEFAULTS.items():
        assert (seen[path]["type"], seen[path]["rdev"], seen[path]["mode"]) == ("c", numbers, 0o666), path
        assert (seen[path]["uid"], seen[path]["gid"]) == (0, 0)
    assert seen["/dev/ptmx"]["target"] in ("pts/ptmx", "/dev/pts/ptmx") or seen["/dev/ptmx"]["rdev"] == [5, 2]
    assert seen["/dev/console"] == "ENOENT"


def test_lx_2_in_the_rootfs_itself(bundle):
    """No mount on /dev: the nodes are made in the root filesystem, once more without harm."""
    without(bundle.own_rootfs(), "/dev")
    for _ in range(2):
        seen = bundle.probe("stat", *DEFAULTS)
        assert {p: s["rdev"] for p, s in seen.items()} == DEFAULTS


def test_lx_3_links(bundle):
    seen = bundle.probe("stat", *LINKS)
    assert {p: s["target"] for p, s in seen.items()} == LINKS


def test_lx_3_links_that_exist_already(bundle):
    without(bundle.own_rootfs(), "/dev")
    for path, target in LINKS.items():
        (bundle.rootfs / path[1:]).symlink_to(target)
    assert bundle.probe("stat", "/dev/fd")["/dev/fd"]["target"] == "/proc/self/fd"


def test_lx_3_no_links_without_proc(bundle):
    bundle.own_rootfs().set("linux.maskedPaths", []).set("linux.readonlyPaths", [])
    seen = without(bundle, "/proc").probe("stat", "/dev/fd", "/dev/core")
    assert seen == {"/dev/fd": "ENOENT", "/dev/core": "ENOENT"}


def device(path, kind="c", major=1, minor=3, **more):
    return {"path": path, "type": kind, **({} if kind == "p" else {"major": major, "minor": minor}), **more}


NODES = {"c": ("c", [10, 200]), "u": ("c", [10, 200]), "b": ("b", [10, 200]), "p": ("p", [0, 0])}


@pytest.mark.parametrize("kind", NODES)
@pytest.mark.parametrize("where", ["/dev/x", "/opt/deep/x"])
def test_dv_1_node(bundle, kind, where):
    bundle.tmpfs("/opt").set("linux.devices", [device(where, kind, 10, 200)])
    seen = bundle.probe("stat", where)[where]
    assert (seen["type"], seen["rdev"]) == NODES[kind]
    assert (seen["mode"], seen["uid"], seen["gid"]) == (0o666, 0, 0)


@pytest.mark.parametrize("mode", [438, 432, 0, 0o600, 0o777])
def test_dv_3_mode_and_owner(bundle, mode):
    bundle.set("linux.devices", [device("/dev/x", fileMode=mode, uid=10, gid=20),
                                 device("/dev/p", "p", fileMode=mode, uid=1, gid=2)])
    seen = bundle.args("probe", "stat", "/dev/x", "/dev/p").run(before=lambda: os.umask(0o77)).ok().json
    assert (seen["/dev/x"]["mode"], seen["/dev/x"]["uid"], seen["/dev/x"]["gid"]) == (mode, 10, 20)
    assert (seen["/dev/p"]["mode"], seen["/dev/p"]["uid"], seen["/dev/p"]["gid"]) == (mode, 1, 2)


def test_dv_3_mode_with_the_type_in_it(bundle):
    """As podman writes it, from stat(2)."""
    bundle.set("linux.devices", [device("/dev/x", fileMode=stat.S_IFCHR | 0o640), device("/dev/p", "p", fileMode=stat.S_IFIFO | 0o600)])
    seen = bundle.probe("stat", "/dev/x", "/dev/p")
    assert (seen["/dev/x"]["type"], seen["/dev/x"]["mode"]) == ("c", 0o640)
    assert (seen["/dev/p"]["type"], seen["/dev/p"]["mode"]) == ("p", 0o600)


def test_dv_3_mode_with_another_type_in_it(bundle):
    bundle.set("linux.devices", [device("/dev/x", fileMode=stat.S_IFBLK | 0o640)]).refused(
        "linux.devices[0].fileMode: 24992 is more than 511 (octal 777)")


def test_dv_1_in_a_user_namespace(bundle):
    bundle.own_rootfs().user_namespace().set("linux.devices", [device("/dev/null", major=1, minor=3)])
    assert bundle.probe("stat", "/dev/null")["/dev/null"]["rdev"] == [1, 3]


def test_dv_1_in_a_user_namespace_under_another_name(bundle):
    """The host has the device under the name that the kernel gives it."""
    bundle.own_rootfs().user_namespace().set("linux.devices", [device("/dev/nought", minor=5), device("/dev/nil")])
    found = bundle.probe("stat", "/dev/nought", "/dev/nil")
    assert (found["/dev/nought"]["rdev"], found["/dev/nil"]["rdev"]) == ([1, 5], [1, 3])


def test_dv_1_in_a_user_namespace_a_node_that_the_host_has_not(bundle):
    bundle.own_rootfs().user_namespace().set("linux.devices", [device("/dev/absent", "b", 250, 3)]).refused(
        "linux.devices: /dev/absent: mknod is not permitted, and the host's /dev/absent: open: no such file or directory")


def test_dv_1_the_same_node_exists(bundle):
    bundle.own_rootfs()
    os.mknod(bundle.rootfs / "opt/x", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    bundle.set("linux.devices", [device("/opt/x")])
    assert bundle.probe("stat", "/opt/x")["/opt/x"]["rdev"] == [1, 3]


@pytest.mark.parametrize("there", ["file", "directory", "other node"])
def test_dv_1_another_file_exists(bundle, there):
    path = bundle.own_rootfs().rootfs / "opt/x"
    if there == "file":
        path.write_text("precious")
    elif there == "directory":
        path.mkdir()
    else:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    bundle.set("linux.devices", [device("/opt/x")]).refused()
    if there == "file":
        assert path.read_text() == "precious"


@pytest.mark.parametrize("entry,word", [
    ({"path": "/dev/x", "type": "x", "major": 1, "minor": 3}, "type"), ({"path": "/dev/x", "major": 1, "minor": 3}, "type"),
    ({"type": "c", "major": 1, "minor": 3}, "path"), ({"path": "dev/x", "type": "c", "major": 1, "minor": 3}, "path"),
    ({"path": "/dev/x", "type": "c", "minor": 3}, "major"), ({"path": "/dev/x", "type": "c", "major": 1}, "minor"),
    ({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 512}, "fileMode"),
    ({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": "0666"}, "fileMode"),
    ({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "uid": -1}, "uid"),
    ({"path": "/dev/x", "type": "c", "major": -1, "minor": 3}, "major")], ids=str)
def test_dv_2_bad_entries(bundle, entry, word):
    # covers: DV-1, DV-2, DV-3, DEC-16
    bundle.set("linux.devices", [device("/dev/ok"), entry]).refused("linux.devices[1]", word)


def test_dv_4_the_same_numbers_twice(bundle):
    bundle.set("linux.devices", [device("/dev/x"), device("/dev/y")])
    assert {tuple(s["rdev"]) for s in bundle.probe("stat", "/dev/x", "/dev/y").values()} == {(1, 3)}


def test_dv_6_default_devices_listed_again(bundle):
    entries = [device(p, "c", *numbers) for p, numbers in DEFAULTS.items()]
    bundle.set("linux.devices", [*entries, device("/dev/ptmx", "c", 5, 2)])
    assert bundle.probe("stat", "/dev/null")["/dev/null"]["rdev"] == [1, 3]


@pytest.mark.parametrize("populated", [True, False], ids=["tmpfs on dev", "no mount on dev"])
def test_s12_dev_is_a_link_to_the_host(bundle, populated):
    # covers: S12 (CVE-2026-41579)
    trap = bundle.host_dir("trap")
    (trap / "ptmx").write_text("precious")
    bundle.own_rootfs()
    (bundle.rootfs / "dev/pts").rmdir() if (bundle.rootfs / "dev/pts").exists() else None
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to(trap)
    (bundle.rootfs / "d").symlink_to(trap)
    if not populated:
        without(bundle, "/dev")
    bundle.set("linux.devices", [device("/d/evil", "p")]).args("true").run()
    assert os.listdir(trap) == ["ptmx"] and (trap / "ptmx").read_text() == "precious"
