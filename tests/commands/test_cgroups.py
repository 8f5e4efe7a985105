"""Placement in cgroups and device rules: CG-1 to CG-11, CD-1 to CD-3, LX-5, on the machine's layout, v1 alone and v2 alone."""

from pathlib import Path

import pytest

from harness import Bundle, Container, layout
from harness.container import freeze

LAYOUTS = {"native": lambda: layout.NATIVE if layout.mounted() else None, "v1": layout.v1, "v2": layout.v2}


@pytest.fixture(params=LAYOUTS)
def anywhere(request, runtime):
    """A bundle whose runtime sees one of the layouts."""
    cgroups = LAYOUTS[request.param]()
    if cgroups is None:
        pytest.skip(f"no cgroup {request.param}".removesuffix(" native") + " on this machine")
    if request.param != "native" and len({kind for _, kind, _ in layout.mounted()}) == 1:
        pytest.skip("the machine's own layout is that one")
    if runtime.kind == "crun" and request.param == "native":
        pytest.skip("crun refuses hybrid hosts")
    return Bundle(runtime.at(runtime.work, cgroups))


def paths(pid):
    found = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        found[controllers] = path
    return found


def seen_by(bundle, found):
    """The hierarchies that the runtime of this layout can see."""
    if bundle.runtime.layout.name == "v2":
        return {c: p for c, p in found.items() if c == ""}
    if bundle.runtime.layout.name == "v1":
        return {c: p for c, p in found.items() if c != ""}
    return {c: p for c, p in found.items() if layout.mount_point(c.split(",")[0])}


# -- placement ----------------------------------------------------------------------------------------------------


def test_cg_1_cg_6_absolute_path_in_every_hierarchy(anywhere):
    bundle = anywhere.set("linux.cgroupsPath", f"/{anywhere.id}/deep/er").args("sleep", "100")
    with Container(bundle) as c:
        c.create()
        seen = seen_by(bundle, paths(c.pid))
        assert seen and set(seen.values()) == {f"/{bundle.id}/deep/er"}
        c.delete()
    for path in layout.directories(bundle.id):  # what was made on the way may stay
        assert not (path / "deep/er").exists()
        if (path / "deep").exists():
            (path / "deep").rmdir()
        path.rmdir()


def test_cg_1_in_force_in_run(anywhere):
    found = seen_by(anywhere, anywhere.report().cgroups)
    assert set(found.values()) == {f"/{anywhere.id}"}


@pytest.mark.ours
@pytest.mark.parametrize("path", ["/a/../b", "/..", "../x", "/a/./b", "/a//b", "/", "."])
def test_cg_1_refused_paths(bundle, path):
    """`..` and empty components; the root cgroup is never the container's (security.md 9).  Asked by --dry-run alone: a
    runtime that took the root cgroup would act on the whole machine."""
    bundle.set("linux.cgroupsPath", path).write()
    bundle.runtime.call("create", "--dry-run", "-b", bundle.dir, bundle.id).refused("linux.cgroupsPath")


def test_cg_2_relative_path(anywhere):
    bundle = anywhere.set("linux.cgroupsPath", f"{anywhere.id}").args("sleep", "100")
    places = []
    for _ in range(2):
        with Container(bundle) as c:
            c.create()
            places.append(seen_by(bundle, paths(c.pid)))
            assert all(p.endswith(f"/{bundle.id}") for p in places[-1].values())
            c.delete(force=True)
            bundle.pid_file.unlink()
    assert places[0] == places[1]


@pytest.mark.parametrize("how", ["absent", "empty"])
def test_cg_3_default_path(anywhere, how):
    anywhere.drop("linux.cgroupsPath") if how == "absent" else anywhere.set("linux.cgroupsPath", "")
    with Container(anywhere.args("sleep", "100")) as c:
        c.create()
        assert all(p.endswith(f"/{c.id}") for p in seen_by(anywhere, paths(c.pid)).values())


@pytest.mark.ours
@pytest.mark.parametrize("path", ["system.slice:docker:1", ":a:b", "a:b:"])
def test_cg_4_systemd_form(bundle, path):
    # covers: CG-4, DEC-10
    assert "systemd" in bundle.set("linux.cgroupsPath", path).refused("linux.cgroupsPath").message


@layout.needs_cgroup
def test_cg_5_not_empty(bundle):
    # covers: CG-5, DEC-26
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        other = Bundle(bundle.runtime).set("linux.cgroupsPath", f"/{c.id}").args("true")
        other.create().fails("container's cgroup is not empty: 1 process(es) found")
        assert bundle.runtime.state(other.id).code == 1
        assert c.status == "created", "the first container lives on"


def test_cg_5_frozen(bundle):
    freezer = layout.mount_point("freezer")
    if not freezer:
        pytest.skip("no v1 freezer")
    path = freezer / bundle.id
    path.mkdir()
    try:
        freeze(path)
        bundle.args("true").create().fails("container's cgroup unexpectedly frozen")
    finally:
        if path.exists():
            (path / "freezer.state").write_text("THAWED")
            path.rmdir()


def test_cg_7_cgroup_namespace_starts_here(anywhere):
    found = seen_by(anywhere, anywhere.namespace("cgroup").report().cgroups)
    assert set(found.values()) == {"/"}


DELEGATE = Path("/sys/kernel/cgroup/delegate")


@pytest.fixture
def delegating(runtime):
    """A bundle that meets each condition of CG-8."""
    bundle = Bundle(runtime.at(runtime.work, layout.V2))
    bundle.own_rootfs().user_namespace().namespace("cgroup")
    for point in ("sys/fs/cgroup", "cgroup"):  # its root is not the root of the user namespace
        (bundle.rootfs / point).mkdir(parents=True, exist_ok=True)
    return bundle.mount("/sys/fs/cgroup", "cgroup", "rw", kind="cgroup").args("sleep", "100")


def owners(bundle):
    """The uids that own the container's v2 cgroup and its files."""
    if not layout.v2():
        pytest.skip("no cgroup v2 on this machine")
    with Container(bundle) as c:
        c.create()
        top = layout.mount_point("") / c.id
        return {".": top.stat().st_uid, **{f.name: f.stat().st_uid for f in top.iterdir()}}


@pytest.mark.parametrize("uid", [0, 7])
def test_cg_8_handed_to_the_user(delegating, uid):
    """The directory and what the kernel lists, with names in the list that are not there; nothing else."""
    found = owners(delegating.set("process.user", {"uid": uid, "gid": 0}))
    names = {".", *DELEGATE.read_text().split()} & set(found)
    assert names >= {".", "cgroup.procs"} and len(names) < len(found)
    assert {name for name, owner in found.items() if owner == 100000 + uid} == names
    assert {owner for name, owner in found.items() if name not in names} == {0}


def test_cg_8_without_a_user_namespace(delegating):
    found = owners(delegating.without_namespace("user").drop("linux.uidMappings").drop("linux.gidMappings").set(
        "process.user", {"uid": 1234, "gid": 0}))
    assert found["."] == found["cgroup.procs"] == 1234 and found["cgroup.events"] == 0


@pytest.mark.parametrize("missing", ["cgroup namespace", "mount", "rw", "source", "destination"])
def test_cg_8_one_condition_is_missing(delegating, missing):
    mount = next(m for m in delegating.config["mounts"] if m["destination"] == "/sys/fs/cgroup")
    if missing == "cgroup namespace":
        delegating.without_namespace("cgroup")
    elif missing == "mount":
        delegating.config["mounts"].remove(mount)
    elif missing == "rw":
        mount["options"] = ["ro"]
    elif missing == "source":
        mount["source"] = "cgroup2"
    else:
        mount["destination"] = "/cgroup"
    assert set(owners(delegating).values()) == {0}


def test_cg_8_never_on_v1(delegating):
    cgroups = layout.v1()
    if not cgroups:
        pytest.skip("no v1 on this machine")
    delegating.runtime.layout = cgroups
    with Container(delegating) as c:
        c.create()
        assert (layout.mount_point("pids") / c.id).stat().st_uid == 0


def test_cg_9_limits_of_an_existing_cgroup_stay(bundle):
    pids = layout.mount_point("pids")
    if not pids:
        pytest.skip("no v1 pids")
    path = pids / bundle.id
    path.mkdir()
    try:
        (path / "pids.max").write_text("77")
        with Container(bundle.args("true")) as c:
            c.create()
            assert (path / "pids.max").read_text() == "77\n"
    finally:
        if path.exists():
            path.rmdir()


def test_cg_11_every_hierarchy_of_a_hybrid_host(bundle):
    if not (layout.mount_point("") and layout.has_v1("pids")):
        pytest.skip("no hybrid host")
    if bundle.runtime.kind == "crun":
        pytest.skip("crun refuses hybrid hosts")
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        for point, _, _ in layout.mounted():
            assert str(c.pid) in (Path(point) / c.id / "cgroup.procs").read_text().split(), point
        c.delete()
        assert not layout.directories(c.id)


@pytest.mark.ours
def test_host_without_cgroups(runtime):
    bundle = Bundle(runtime.at(runtime.work, layout.NONE)).drop("linux.cgroupsPath")
    assert bundle.report()["pid"] == 1
    bundle.set("linux.resources", {"devices": [{"allow": False, "access": "rwm"}]})
    bundle.args("true").refused("linux.resources")


# -- device rules -------------------------------------------------------------------------------------------------


DENY = {"allow": False, "access": "rwm"}
PERM = "EPERM"
NULL, ZERO, KMSG, LOOP = "c:1:3", "c:1:5", "c:1:11", "b:7:9"


def rules(bundle, *entries):
    return bundle.set("linux.resources", {"devices": list(entries)})


def rule(allow, kind=None, major=None, minor=None, access=None):
    entry = {"allow": allow, "type": kind, "major": major, "minor": minor, "access": access}
    return {name: value for name, value in entry.items() if value is not None}


def try_nodes(bundle, *nodes):
    """{"c:1:3": (mknod, read, write)}"""
    if "/opt" not in [m["destination"] for m in bundle.config["mounts"]]:
        bundle.tmpfs("/opt", "mode=755")
    return {n: tuple(v) for n, v in bundle.probe("mknod", "/opt", *nodes).items()}


def test_cd_1_deny_all(anywhere):
    # covers: CD-1, CD-2, CD-3, LX-5: the default devices and mknod of anything stay
    seen = try_nodes(rules(anywhere, DENY), NULL, KMSG, LOOP)
    assert seen[NULL] == ("OK", "OK", "OK")
    assert seen[KMSG] == ("OK", PERM, PERM)
    assert seen[LOOP] == ("OK", PERM, PERM)


def test_lx_5_default_devices_work_under_deny_all(anywhere):
    devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/ptmx"]
    seen = rules(anywhere, DENY).probe("open", "rw", *devices)
    assert set(seen.values()) == {"OK"}, seen


def test_lx_5_no_rules_is_no_policy_of_ours(anywhere):
    """Without resources.devices: on v2 no program at all, on v1 what the parent has."""
    if anywhere.runtime.layout.name != "v2":
        pytest.skip("v1 keeps its own default")
    assert try_nodes(anywhere, KMSG)[KMSG][1] == "OK"


def test_cd_1_allow_single_devices(anywhere):
    seen = try_nodes(rules(anywhere, DENY, rule(True, "c", 1, 11, "r"), rule(True, "b", 7, 9, "rw")), KMSG, LOOP, "c:7:9")
    assert seen[KMSG] == ("OK", "OK", PERM)
    assert PERM not in seen[LOOP], "another errno means that the rule let it pass"
    assert seen["c:7:9"][1] == PERM, "the type counts"


@pytest.mark.parametrize("minor", [None, -1])
def test_cd_1_wildcards(anywhere, minor):
    seen = try_nodes(rules(anywhere, DENY, rule(True, "c", 1, minor, "rwm")), KMSG, "c:10:229")
    assert seen[KMSG] == ("OK", "OK", "OK") and seen["c:10:229"][1] == PERM


@pytest.mark.parametrize("allow_all", [rule(True, "a", access="rwm"), rule(True, access="rwm"), rule(True)], ids=str)
def test_cd_1_type_a_allows_all(anywhere, allow_all):
    assert try_nodes(rules(anywhere, DENY, allow_all), KMSG)[KMSG] == ("OK", "OK", "OK")


def test_cd_1_order_later_wins(anywhere):
    allow, deny = rule(True, "c", 1, 11, "rwm"), rule(False, "c", 1, 11, "rw")
    assert try_nodes(rules(anywhere, DENY, allow, deny), KMSG)[KMSG][1:] == (PERM, PERM)
    assert try_nodes(rules(anywhere, DENY, deny, allow), KMSG)[KMSG][1:] == ("OK", "OK")
    assert try_nodes(rules(anywhere, allow, DENY), KMSG)[KMSG][1:] == (PERM, PERM)


def test_cd_1_deny_after_allow_all(anywhere):
    seen = try_nodes(rules(anywhere, rule(True, access="rwm"), rule(False, "c", 1, 11, "w")), KMSG, ZERO)
    assert seen[KMSG][1:] == ("OK", PERM) and seen[ZERO][1:] == ("OK", "OK")


def test_cd_2_deny_a_part_of_a_wildcard(anywhere):
    """v1 cannot express it: carried out all the same, or refused; never a rule that means something else."""
    rules(anywhere, DENY, rule(True, "c", 1, None, "rw"), rule(False, "c", 1, 11, "rw")).tmpfs("/opt")
    result = anywhere.args("probe", "mknod", "/opt", KMSG, "c:1:4").run()
    if result.code == 0:
        assert result.json[KMSG][1:] == [PERM, PERM] and result.json["c:1:4"][1] != PERM
    else:
        assert "device" in result.message


def test_cd_2_devices_list(bundle):
    devices = layout.mount_point("devices")
    if not devices:
        pytest.skip("no v1 devices")
    with Container(rules(bundle, DENY, rule(True, "c", 10, 229, "rwm")).args("true")) as c:
        c.create()
        listed = (devices / c.id / "devices.list").read_text().splitlines()
        assert "a *:* rwm" not in listed
        for line in ("c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm",
                     "c *:* m", "b *:* m", "c 10:229 rwm"):
            assert line in listed, line


def test_cd_1_terminal_devices(anywhere):
    seen = try_nodes(rules(anywhere, DENY), "c:5:2")
    assert seen["c:5:2"][0] == "OK" and PERM not in seen["c:5:2"]


@pytest.mark.parametrize("entry,word", [
    ({"access": "rwm"}, "allow"), ({"allow": True, "type": "x"}, "type"), ({"allow": True, "type": "p"}, "type"),
    ({"allow": True, "access": "rwx"}, "access"), ({"allow": True, "access": "R"}, "access"),
    ({"allow": True, "type": "c", "major": "1"}, "major"), ({"allow": True, "type": "c", "minor": -2}, "minor")], ids=str)
def test_cd_1_bad_rules(bundle, entry, word):
    rules(bundle, DENY, entry).refused("linux.resources.devices[1]", word)


@pytest.mark.parametrize("kind,access", [("c", "rwm"), ("c", "mwr"), ("b", "r"), ("a", "rwm"), ("c", "rr")])
def test_cd_1_good_forms(anywhere, kind, access):
    rules(anywhere, DENY, {"allow": True, "type": kind, "major": 10, "minor": 200, "access": access}).args("true").run().ok()


def test_cd_1_many_rules(anywhere):
    rules(anywhere, DENY, *[rule(True, "c", 10, n, "rwm") for n in range(200)], rule(True, "c", 1, 11, "r"))
    assert try_nodes(anywhere, KMSG)[KMSG] == ("OK", "OK", PERM)
