"""mounts[]: MT-1 to MT-5, MT-8 to MT-10, the table of option strings."""

import os
import subprocess

import pytest

from harness import Container, layout


def test_mt_1_listed_order(bundle):
    bundle.host_dir("source")
    bundle.tmpfs("/opt").bind("/opt/b", bundle.dir / "source").tmpfs("/opt/b/../c", "size=1m")
    points = [m["point"] for m in bundle.report().mounts]
    listed = ["/proc", "/dev", "/dev/pts", "/dev/shm", "/opt", "/opt/b", "/opt/c"]
    assert [p for p in points if p in listed] == listed


def test_mt_1_later_covers_earlier(bundle):
    bundle.tmpfs("/opt", "size=1m").tmpfs("/opt", "size=2m")
    assert bundle.report().mount_at("/opt")["super"].count("size=2048k") == 1


def test_mt_2_relative_destination(bundle):
    bundle.tmpfs("tmp/x")
    bundle.own_rootfs()
    assert "/tmp/x" in [m["point"] for m in bundle.report().mounts]


def test_mt_2_destination_missing(bundle):
    bundle.config["mounts"].append({"type": "tmpfs", "source": "tmpfs"})
    bundle.refused("mounts[4].destination")


@pytest.mark.parametrize("destination", ["/new/deep/dir", "/opt/new"])
def test_mt_2_missing_directory_is_made(bundle, destination):
    bundle.own_rootfs().tmpfs(destination)
    bundle.report().mount_at(destination)
    assert (bundle.rootfs / destination[1:]).is_dir()


def test_mt_2_missing_file_is_made(bundle):
    source = bundle.host_file("text")
    source.write_text("bound")
    bundle.own_rootfs().bind("/new/deep/file", source)
    assert bundle.output("cat /new/deep/file") == "bound"
    assert (bundle.rootfs / "new/deep/file").is_file()


@pytest.mark.parametrize("target", ["../../../etc", "/etc", "/../etc"])
def test_mt_2_links_are_resolved_inside(bundle, target):
    # covers: MT-2, S4
    bundle.own_rootfs()
    (bundle.rootfs / "link").symlink_to(target)
    bundle.tmpfs("/link/sub")
    bundle.report().mount_at("/etc/sub")
    assert not os.path.exists("/etc/sub")


def test_s4_dangling_link_to_the_host(bundle):
    # covers: S4 (CVE-2024-45310): what is missing is made inside
    trap = bundle.host_dir("trap")
    source = bundle.host_file("resolv.conf")
    source.write_text("nameserver ::1\n")
    bundle.own_rootfs()
    (bundle.rootfs / "etc/resolv.conf").symlink_to(trap / "x")
    result = bundle.bind("/etc/resolv.conf", source).sh("cat /etc/resolv.conf").run()
    assert result.out == "nameserver ::1\n" or result.code == 1
    assert not os.listdir(trap)


def test_s4_mount_point_is_a_link_to_the_host(bundle):
    trap = bundle.host_dir("trap")
    bundle.own_rootfs()
    (bundle.rootfs / "link").symlink_to(trap)
    bundle.tmpfs("/link/sub").args("true").run()
    assert not os.listdir(trap)


@pytest.mark.parametrize("where", ["proc", "sys"])
@pytest.mark.parametrize("inside", [True, False])
def test_mt_2_s3_proc_or_sys_is_a_link(bundle, where, inside):
    # covers: MT-2, S3 (CVE-2019-19921)
    trap = bundle.host_dir("trap")
    bundle.own_rootfs()
    (bundle.rootfs / where).rmdir()
    (bundle.rootfs / where).symlink_to("/data" if inside else trap)
    if where == "sys":
        bundle.mount("/sys", "sysfs", "ro", kind="sysfs")
    kind = {"proc": "proc", "sys": "sysfs"}[where]
    text = f'filesystem "{kind}" must be mounted on ordinary directory'
    bundle.refused(text=text, stage="init")
    assert not os.listdir(trap)


@pytest.mark.parametrize("destination", ["/proc/self", "/proc/sys", "/proc/self/attr", "/proc/1/fd", "/proc/kcore"])
def test_s3_mount_below_proc(bundle, destination):
    bundle.tmpfs(destination).refused(text="because it is inside /proc")
    bundle.config["mounts"].pop()
    bundle.bind(destination, bundle.host_dir("source")).refused(text="because it is inside /proc")


def test_s3_bind_on_proc_that_is_no_procfs(bundle):
    bundle.config["mounts"].pop(0)
    bundle.bind("/proc", bundle.host_dir("source")).refused(text="because it is not of type proc")


def test_s3_twin_bind_on_meminfo(bundle):
    source = bundle.host_file("meminfo")
    source.write_text("MemTotal: 1 kB\n")
    assert bundle.bind("/proc/meminfo", source).output("cat /proc/meminfo") == "MemTotal: 1 kB"


def test_s3_through_a_link(bundle):
    bundle.own_rootfs()
    (bundle.rootfs / "foo").symlink_to("/proc/self/attr")
    bundle.tmpfs("/foo").refused(text="inside /proc")


# -- source and type --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bind", "none", "", None, "ext4"])
@pytest.mark.parametrize("option", ["bind", "rbind"])
def test_mt_4_options_decide(bundle, kind, option):
    (bundle.host_dir("source") / "f").write_text("bound")
    bundle.mount("/mnt", bundle.dir / "source", option, kind=kind)
    assert bundle.output("cat /mnt/f") == "bound"


def test_mt_4_type_bind_without_the_option(bundle):
    bundle.mount("/mnt", bundle.host_dir("source"), "ro", kind="bind").refused(text="no such device")


def test_mt_4_unknown_filesystem(bundle):
    result = bundle.mount("/mnt", "none", kind="flyfs").refused(text="no such device")
    assert 'error mounting "none" to rootfs at "/mnt"' in result.message


def test_mt_3_source_of_a_bind_is_missing(bundle):
    bundle.bind("/mnt", "/nowhere/at/all").refused(text="no such file or directory")


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_mt_3_relative_source(bundle, kind):
    (bundle.host_dir("source") / "f").write_text("bound")
    if kind == "file":
        bundle.own_rootfs().bind("/new", "source/f")
        assert bundle.output("cat /new", cwd="/") == "bound"
    else:
        assert bundle.bind("/mnt", "source").output("cat /mnt/f", cwd="/") == "bound"


def test_mt_3_source_is_a_link(bundle):
    (bundle.host_dir("source") / "f").write_text("bound")
    (bundle.dir / "link").symlink_to("source")
    assert bundle.bind("/mnt", bundle.dir / "link").output("cat /mnt/f") == "bound"


def test_mt_3_bind_of_a_file_on_a_directory(bundle):
    bundle.host_file("text").write_text("x")
    bundle.bind("/mnt", bundle.host_file("text")).refused(text="not a directory")


def test_bind_of_a_socket_and_a_device(bundle):
    bundle.own_rootfs().bind("/mnt/null", "/dev/null")
    assert bundle.probe("stat", "/mnt/null")["/mnt/null"]["rdev"] == [1, 3]


def test_mt_1_root_as_a_target(bundle):
    # covers: S4 (refuse the root itself as a target)
    for destination in ("/", "/.", "/opt/.."):
        bundle.config["mounts"] = bundle.config["mounts"][:4]
        assert bundle.tmpfs(destination).run().code == 1


# -- options ----------------------------------------------------------------------------------------------------


FLAGS = {"ro": "ro", "nosuid": "nosuid", "nodev": "nodev", "noexec": "noexec", "noatime": "noatime",
         "nodiratime": "nodiratime", "relatime": "relatime", "nosymfollow": "nosymfollow"}
SUPER = {"sync": "sync", "dirsync": "dirsync", "lazytime": "lazytime"}
OPPOSITE = {"ro": "rw", "nosuid": "suid", "nodev": "dev", "noexec": "exec", "noatime": "atime", "nodiratime": "diratime",
            "nosymfollow": "symfollow", "sync": "async", "lazytime": "nolazytime"}


@pytest.mark.parametrize("option", FLAGS)
def test_mt_5_flag_of_a_new_mount(bundle, option):
    assert FLAGS[option] in bundle.tmpfs("/opt", option).report().mount_at("/opt")["options"]


@pytest.mark.parametrize("option", SUPER)
def test_mt_5_flag_of_a_new_filesystem(bundle, option):
    seen = bundle.tmpfs("/opt", option).report().mount_at("/opt")
    assert SUPER[option] in seen["super"] + seen["options"]


@pytest.mark.parametrize("option", OPPOSITE)
def test_mt_5_later_option_clears(bundle, option):
    seen = bundle.tmpfs("/opt", option, OPPOSITE[option]).report().mount_at("/opt")
    assert option not in seen["options"] + seen["super"]


@pytest.mark.parametrize("option", [o for o in FLAGS if o not in ("relatime", "nodiratime")])
def test_mt_5_flag_of_a_bind(bundle, option):
    bundle.bind("/mnt", bundle.host_dir("source"), "bind", option)
    assert FLAGS[option] in bundle.report().mount_at("/mnt")["options"]


@pytest.mark.parametrize("option", ["defaults", "rw", "suid", "dev", "exec", "async", "atime", "diratime", "norelatime",
                                    "strictatime", "nostrictatime", "nolazytime", "silent", "loud", "symfollow", "nomand",
                                    "mand", "noiversion"])
def test_mt_5_option_without_a_visible_flag(bundle, option):
    options = bundle.tmpfs("/opt", option).report().mount_at("/opt")["options"]
    assert options[0] == "rw" and not {"nosuid", "nodev", "noexec", "nosymfollow"} & set(options)


def test_mt_5_strictatime(bundle):
    options = bundle.tmpfs("/opt", "strictatime").report().mount_at("/opt")["options"]
    assert not {"noatime", "relatime"} & set(options)


def test_mt_5_filesystem_data(bundle):
    seen = bundle.tmpfs("/opt", "nosuid", "size=1m", "mode=700", "uid=5", "gid=6").report().mount_at("/opt")
    assert {"size=1024k", "mode=700", "uid=5", "gid=6"} <= set(seen["super"])


def test_mt_5_overlay(bundle):
    lower, upper, work = (bundle.host_dir(n) for n in ("lower", "upper", "work.d"))
    (lower / "f").write_text("below")
    bundle.mount("/mnt", "overlay", f"lowerdir={lower}", f"upperdir={upper}", f"workdir={work}", kind="overlay")
    assert bundle.output("cat /mnt/f; echo up > /mnt/g") == "below"
    assert (upper / "g").read_text() == "up\n"
    subprocess.run(["rm", "-rf", work], check=True)


def test_mt_5_unknown_option_of_a_filesystem(bundle):
    result = bundle.tmpfs("/opt", "nonsense=1").refused(text="invalid argument")
    assert 'error mounting "tmpfs" to rootfs at "/opt"' in result.message


def test_dec_24_unknown_option_of_a_bind(bundle):
    # covers: MT-5, DEC-24
    bundle.bind("/mnt", bundle.host_dir("source"), "bind", "nonsense=1").refused()


PROPAGATION = ["private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable"]


@pytest.mark.parametrize("word", PROPAGATION)
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_mt_5_propagation(bundle, word, kind):
    if kind == "bind":
        bundle.bind("/mnt", bundle.host_dir("source"), "rbind", word)
    else:
        bundle.tmpfs("/mnt", word)
    tags = bundle.report().mount_at("/mnt")["tags"]
    if word.endswith("shared"):
        assert [t for t in tags if t.startswith("shared:")]
    elif word.endswith("unbindable"):
        assert tags == ["unbindable"]
    else:
        assert not [t for t in tags if t.startswith(("shared:", "unbindable"))]


def test_mt_5_remount(bundle):
    bundle.tmpfs("/opt", "size=1m").mount("/opt", "tmpfs", "remount", "ro", kind="tmpfs")
    assert bundle.report().mount_at("/opt")["options"][0] == "ro"


RECURSIVE = {"rro": "ro", "rnosuid": "nosuid", "rnodev": "nodev", "rnoexec": "noexec", "rnodiratime": "nodiratime",
             "rnoatime": "noatime", "rrelatime": "relatime", "rnosymfollow": "nosymfollow"}
CLEARED = {"rrw": "ro", "rsuid": "nosuid", "rdev": "nodev", "rexec": "noexec", "rdiratime": "nodiratime",
           "rsymfollow": "nosymfollow", "ratime": "noatime", "rstrictatime": "relatime"}


@pytest.fixture
def tree(bundle):
    """A tmpfs with a tmpfs mounted below it, and a way to see the options of both inside."""
    point = bundle.host_dir("tree")

    def make(options="rw"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", point], check=True)
        subprocess.run(["mount", "-o", "remount,rw", point], check=True)
        (point / "sub").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", point / "sub"], check=True)
        subprocess.run(["mount", "-o", f"remount,{options}", point], check=True)
        return point

    return make


def both(bundle, *options):
    bundle.bind("/mnt", bundle.dir / "tree", *options)
    report = bundle.report()
    return report.mount_at("/mnt")["options"], report.mount_at("/mnt/sub")["options"]


@pytest.mark.parametrize("option", RECURSIVE)
def test_mt_5_recursive_set(bundle, tree, option):
    tree()
    try:
        for options in both(bundle, "rbind", option):
            assert RECURSIVE[option] in options
    finally:
        subprocess.run(["umount", "-R", bundle.dir / "tree"], check=True)


@pytest.mark.parametrize("option", CLEARED)
def test_mt_5_recursive_clear(bundle, tree, option):
    tree("ro,nosuid,nodev,noexec,nodiratime,noatime,nosymfollow" if CLEARED[option] != "relatime" else "relatime")
    try:
        for options in both(bundle, "rbind", option):
            assert CLEARED[option] not in options
    finally:
        subprocess.run(["umount", "-R", bundle.dir / "tree"], check=True)


@pytest.mark.parametrize("option", ["rnostrictatime", "rnorelatime"])
def test_mt_5_recursive_without_a_visible_flag(bundle, tree, option):
    tree("nodev")
    try:
        for options in both(bundle, "rbind", option):
            assert "nodev" in options and "noatime" not in options
    finally:
        subprocess.run(["umount", "-R", bundle.dir / "tree"], check=True)


def test_mt_5_ro_is_not_recursive(bundle, tree):
    tree()
    try:
        top, below = both(bundle, "rbind", "ro")
        assert top[0] == "ro" and below[0] == "rw"
    finally:
        subprocess.run(["umount", "-R", bundle.dir / "tree"], check=True)


def test_mt_5_bind_is_not_recursive(bundle, tree):
    tree()
    try:
        bundle.bind("/mnt", bundle.dir / "tree", "bind")
        assert "/mnt/sub" not in [m["point"] for m in bundle.report().mounts]
    finally:
        subprocess.run(["umount", "-R", bundle.dir / "tree"], check=True)


@pytest.mark.parametrize("root,word,user,seen", [
    ("rshared", "rshared", False, True), ("shared", "shared", False, True), ("rshared", "rslave", False, False),
    (None, "rshared", False, False), ("rslave", "rshared", False, False), ("rshared", "rshared", True, False)])
def test_ms_1_mounts_of_the_container_on_the_host(bundle, root, word, user, seen):
    """Kubernetes' Bidirectional and Docker's rshared: both the mount and rootfsPropagation say shared.  What the host
    mounts is seen inside in any case."""
    point = bundle.host_dir("shared")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point], check=True)
    subprocess.run(["mount", "--make-shared", point], check=True)
    try:
        for name in ("ours", "theirs", "deep"):
            (point / name).mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point / "deep"], check=True)
        (point / "deep/theirs").mkdir()
        if user:
            bundle.own_rootfs().user_namespace()
        bundle.set("linux.rootfsPropagation", root).bind("/mnt", point, "rbind", word, "nosuid").args("sleep", "100")
        with Container(bundle) as c:
            c.create()
            c.start()
            subprocess.run(["mount", "-t", "tmpfs", "ours", point / "ours"], check=True)
            for path in ("/mnt/theirs", "/mnt/deep/theirs", "/opt"):
                subprocess.run(["nsenter", "-t", str(c.pid), "-m", "mount", "-t", "tmpfs", f"theirs{path}", path], check=True)
            assert "ours" in [m["source"] for m in c.mounts]
            assert "nosuid" in next(m for m in c.mounts if m["point"] == "/mnt")["options"]
            rows = [line.split() for line in open("/proc/self/mountinfo")]
            there = {row[-2]: row[4] for row in rows if row[-2].startswith("theirs")}
            assert there == ({f"theirs/mnt/{name}": f"{point}/{name}" for name in ("theirs", "deep/theirs")} if seen else {})
            assert "nosuid" not in next(row for row in rows if row[4] == str(point))[5]
    finally:
        subprocess.run(["umount", "-R", point], check=True)


def test_mt_3_missing_source_of_a_shared_bind(bundle):
    """The host copies it, and says what init would say."""
    source = bundle.dir / "none"
    bundle.set("linux.rootfsPropagation", "shared").bind("/mnt", source, "rbind", "rshared").refused(
        f'error mounting "{source}" to rootfs at "/mnt": open {source}: no such file or directory')


def test_bind_leaves_the_source_as_it_was(bundle):
    """I4: a bind with ro, and with propagation, changes nothing at the source."""
    source = bundle.host_dir("source")
    with Container(bundle.bind("/mnt", source, "rbind", "ro", "rslave").args("true")) as c:
        c.create()
        (source / "f").write_text("writable")


# -- MT-8 to MT-10 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False], ids=["cgroup namespace", "host cgroup namespace"])
@pytest.mark.parametrize("ro", [True, False], ids=["ro", "rw"])
def test_mt_8_cgroup_mount(bundle, own, ro):
    bundle.mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro", kind="sysfs")
    bundle.mount("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", *(["ro"] if ro else []), kind="cgroup")
    if own:
        bundle.namespace("cgroup")
    report = bundle.report()
    if not layout.has_v1("pids"):
        assert report.mount_at("/sys/fs/cgroup")["type"] == "cgroup2"
        return
    assert report.mount_at("/sys/fs/cgroup")["type"] == "tmpfs"
    pids = report.mount_at("/sys/fs/cgroup/pids")
    assert pids["type"] == "cgroup" and "pids" in pids["super"]
    assert pids["options"][0] == ("ro" if ro else "rw")
    script = "cat /sys/fs/cgroup/pids/cgroup.procs | wc -l; ls -d /sys/fs/cgroup/*"
    lines = bundle.output(script).splitlines()
    assert 1 <= int(lines[0]) <= 8, "the container's own cgroup is what it sees"
    for point, kind, options in layout.mounted():
        if kind == "cgroup":
            assert f"/sys/fs/cgroup/{os.path.basename(point)}" in lines


@pytest.mark.ours
def test_mt_8_without_cgroups(bundle):
    """A host without any cgroup mount: an empty read-only tmpfs (engines.md 6.3)."""
    bundle.runtime = bundle.runtime.at(bundle.runtime.work, layout.NONE)
    bundle.mount("/sys", "sysfs", "ro", kind="sysfs").mount("/sys/fs/cgroup", "cgroup", "ro", kind="cgroup")
    bundle.drop("linux.cgroupsPath")
    seen = bundle.report().mount_at("/sys/fs/cgroup")
    assert seen["type"] == "tmpfs" and seen["options"][0] == "ro"


@pytest.mark.parametrize("options,allowed", [(("rbind", "ro"), True), (("rbind",), True), (("rbind", "dev"), False)], ids=str)
def test_mt_9_locked_flags_in_a_user_namespace(bundle, options, allowed):
    # covers: MT-9, S24
    point = bundle.host_dir("locked")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,mode=777", "tmpfs", point], check=True)
    try:
        bundle.own_rootfs().user_namespace().bind("/mnt", point, *options)
        if not allowed:
            bundle.args("true").refused(text="operation not permitted")
            return
        seen = bundle.report().mount_at("/mnt")["options"]
        assert {"nosuid", "nodev", "noexec"} <= set(seen)
        assert seen[0] == ("ro" if "ro" in options else "rw")
    finally:
        subprocess.run(["umount", point], check=True)


def test_mt_10_bind_of_the_hosts_dev(bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    bundle.set("linux.devices", []).bind("/dev", "/dev", "rbind")
    before = {n: os.lstat(f"/dev/{n}") for n in os.listdir("/dev")}
    bundle.args("true").run().ok()
    after = {n: os.lstat(f"/dev/{n}") for n in os.listdir("/dev")}
    assert {n: (s.st_mode, s.st_ino, s.st_rdev) for n, s in before.items()} == {
        n: (s.st_mode, s.st_ino, s.st_rdev) for n, s in after.items()}


def test_mt_10_bind_of_a_directory_on_dev(bundle):
    source = bundle.host_dir("dev.d")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    bundle.bind("/dev", source).args("/bin/probe", "stat", "/dev/null").run()
    assert not os.listdir(source)


# -- LX-1 -------------------------------------------------------------------------------------------------------


def test_lx_1_default_filesystems(bundle):
    bundle.mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro", kind="sysfs").mount("/dev/mqueue", "mqueue", kind="mqueue")
    kinds = {m["point"]: m["type"] for m in bundle.report().mounts}
    wanted = {"/proc": "proc", "/dev": "tmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs", "/sys": "sysfs",
              "/dev/mqueue": "mqueue"}
    assert {p: kinds.get(p) for p in wanted} == wanted


def test_lx_1_nothing_is_added(bundle):
    bundle.own_rootfs().set("mounts", []).set("linux.maskedPaths", []).set("linux.readonlyPaths", [])
    bundle.args("/bin/probe", "stat", "/proc/self", "/sys/kernel", "/dev/pts/ptmx", "/dev/shm")
    seen = bundle.run().ok().json
    assert set(seen.values()) == {"ENOENT"}


def test_s27_tmpfs_mode_is_verbatim(bundle):
    bundle.tmpfs("/tmp", "mode=1777")
    assert bundle.probe("stat", "/tmp")["/tmp"]["mode"] == 0o1777


# -- tmpfs ----------------------------------------------------------------------------------------------------------


def test_tmpfs_keeps_the_mode_of_its_directory(bundle):
    """As runc and crun do: a mode is the filesystem's own only where the directory was not there."""
    bundle.own_rootfs()
    (bundle.rootfs / "here").mkdir()
    os.chmod(bundle.rootfs / "here", 0o2751)
    bundle.tmpfs("/here").tmpfs("/made").tmpfs("/opt", "mode=700")
    assert bundle.output("stat -c %a /here /made /opt").split() == ["2751", "1777", "700"]


def filled(bundle):
    """A directory of the image with one of everything."""
    bundle.own_rootfs()
    top = bundle.rootfs / "full"
    (top / "sub/deep").mkdir(parents=True)
    (top / "file").write_text("text " * 100000)
    os.chown(top / "file", 5, 6)
    os.chmod(top / "file", 0o4711)
    (top / "sub/deep/empty").write_text("")
    os.chmod(top / "sub", 0o1770)
    os.chown(top / "sub", 7, 8)
    (top / "link").symlink_to("/etc/shadow")
    os.lchown(top / "link", 9, 10)
    os.mkfifo(top / "fifo", 0o622)
    os.mknod(top / "null", 0o020666, os.makedev(1, 3))
    os.setxattr(top / "file", "trusted.test", b"value")
    return top


def listing(top):
    """Path -> mode, owner, what is in it or where it points to."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            s = os.lstat(path)
            content = os.readlink(path) if os.path.islink(path) else open(path).read() if os.path.isfile(path) else s.st_rdev
            found[os.path.relpath(path, top)] = (oct(s.st_mode), s.st_uid, s.st_gid, content)
    return found


@pytest.mark.parametrize("options", [(), ("ro",), ("nosuid", "nodev", "size=8m")], ids=str)
def test_mt_5_tmpcopyup(bundle, options):
    top = filled(bundle)
    bundle.tmpfs("/full", "tmpcopyup", *options).args("sleep", "100")
    with Container(bundle).create() as container:
        inside = f"/proc/{container.pid}/root/full"
        assert listing(inside) == listing(top) != {}
        assert os.stat(inside).st_dev != os.stat(top).st_dev
        assert ("ro" in bundle_options(container, "/full")) == ("ro" in options)


def bundle_options(container, point):
    for line in open(f"/proc/{container.pid}/mountinfo"):
        fields = line.split()
        if fields[4] == point:
            return fields[5].split(",")
    raise AssertionError(f"{point} is not mounted")


@pytest.mark.ours
def test_mt_5_tmpcopyup_keeps_attributes(bundle):
    filled(bundle)
    bundle.tmpfs("/full", "tmpcopyup").args("sleep", "100")
    with Container(bundle).create() as container:
        assert os.getxattr(f"/proc/{container.pid}/root/full/file", "trusted.test") == b"value"


def test_mt_5_tmpcopyup_of_nothing(bundle):
    bundle.own_rootfs().tmpfs("/made", "tmpcopyup")
    assert bundle.output("ls -A /made") == ""


@pytest.mark.ours
def test_mt_5_tmpcopyup_that_does_not_fit(bundle):
    filled(bundle)
    bundle.tmpfs("/full", "tmpcopyup", "size=64k")
    bundle.refused("tmpcopyup: file: copy: no space left on device")


@pytest.mark.ours
@pytest.mark.parametrize("kind, options", [("proc", ["tmpcopyup"]), ("none", ["bind", "tmpcopyup"])])
def test_mt_5_tmpcopyup_of_another_filesystem(bundle, kind, options):
    bundle.config["mounts"].append(
        {"destination": "/opt", "type": kind, "source": str(bundle.host_dir("dir")), "options": options})
    bundle.refused(text='mounts[4].options: "tmpcopyup" is an option of tmpfs alone')
