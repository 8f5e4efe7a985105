"""The five capability sets: CAP-1 to CAP-3."""

import pytest

from harness.bundle import CAPABILITIES, mask, own_capabilities
from harness.container import Container

SETS = {"bounding": "Bnd", "effective": "Eff", "permitted": "Prm", "inheritable": "Inh", "ambient": "Amb"}
SOME = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"]


def user(bundle, **sets):
    return bundle.set("process.user", {"uid": 1000, "gid": 1000}).set("process.capabilities", sets)


def test_cap_1_root(bundle):
    report = bundle.set("process.capabilities", {"bounding": SOME, "effective": SOME, "permitted": SOME}).report()
    for which in ("Bnd", "Eff", "Prm"):
        assert report.caps(which) == mask(SOME), which
    assert report.caps("Inh") == report.caps("Amb") == 0


def test_cap_1_all_five_sets_of_a_user(bundle):
    inheritable = ["CAP_CHOWN", "CAP_KILL"]
    bundle = user(bundle, bounding=SOME, permitted=SOME, effective=SOME, inheritable=inheritable, ambient=["CAP_KILL"])
    report = bundle.report()
    assert report.caps("Bnd") == mask(SOME)
    assert report.caps("Inh") == mask(inheritable)
    assert report.caps("Amb") == mask(["CAP_KILL"])
    # what execve leaves to a user without file capabilities is the ambient set: capabilities(7)
    assert report.caps("Prm") == report.caps("Eff") == mask(["CAP_KILL"])


def test_cap_1_user_without_ambient_has_none(bundle):
    report = user(bundle, bounding=SOME, permitted=SOME, effective=SOME).report()
    assert report.caps("Prm") == report.caps("Eff") == report.caps("Amb") == 0
    assert report.caps("Bnd") == mask(SOME)


def test_cap_1_each_set_before_exec(bundle):
    """The waiting init of a created container already has the sets of the config."""
    from harness import Container
    bundle = user(bundle, bounding=SOME, permitted=SOME, effective=["CAP_KILL"], inheritable=SOME).args("true")
    with Container(bundle) as c:
        c.create()
        status = (c.proc / "status").read_text()
        value = lambda name: int(status.split(f"Cap{name}:\t")[1][:16], 16)
        assert value("Bnd") == mask(SOME)
        assert value("Inh") == mask(SOME)


@pytest.mark.parametrize("absent", ["object", "null", "empty"])
def test_cap_1_absent_object_drops_everything(bundle, absent):
    # covers: CAP-1, DEC-6
    if absent == "object":
        bundle.drop("process.capabilities")
    else:
        bundle.set("process.capabilities", None if absent == "null" else {})
    report = bundle.report()
    for which in SETS.values():
        assert report.caps(which) == 0, which


@pytest.mark.parametrize("name", [n for n in CAPABILITIES if n in own_capabilities()])
def test_cap_1_every_name(bundle, name):
    bundle.set("process.capabilities", {"bounding": [name], "effective": [name], "permitted": [name]})
    assert bundle.report().caps("Eff") == mask([name])


def test_cap_2_ambient_binds_a_low_port(bundle):
    need = ["CAP_NET_BIND_SERVICE"]
    bundle.namespace("network")
    sets = {"bounding": need, "permitted": need, "effective": need, "inheritable": need, "ambient": need}
    assert user(bundle, **sets).probe("listen", "80") == {"bind": "OK"}
    assert user(bundle, bounding=need, permitted=need, effective=need).probe("listen", "80") == {"bind": "EACCES"}


def test_cap_3_unknown_name_is_a_warning(bundle):
    bundle.set("process.capabilities", {"bounding": [*SOME, "CAP_TEST"], "effective": [*SOME, "CAP_TEST"], "permitted": SOME})
    result = bundle.run(log=bundle.host_file("log")).ok()
    assert any("CAP_TEST" in w for w in result.warnings)
    assert int(result.json["status"].split("CapEff:\t")[1][:16], 16) == mask(SOME)


def test_cap_3_cannot_be_granted_is_a_warning(bundle):
    missing = [n for n in CAPABILITIES if n not in own_capabilities()]
    if not missing:
        pytest.skip("the caller has every capability")
    names = [*SOME, missing[0]]
    bundle.set("process.capabilities", {"bounding": names, "effective": names, "permitted": names})
    result = bundle.run(log=bundle.host_file("log")).ok()
    assert any(missing[0] in w for w in result.warnings)
    assert int(result.json["status"].split("CapEff:\t")[1][:16], 16) == mask(SOME)


@pytest.mark.parametrize("name", ["cap_kill", "KILL", ""])
def test_cap_3_names_are_exact(bundle, name):
    result = bundle.set("process.capabilities", {"bounding": [name]}).run(log=bundle.host_file("log")).ok()
    assert int(result.json["status"].split("CapBnd:\t")[1][:16], 16) == 0


def test_cap_ambient_without_inheritable_is_a_warning(bundle):
    bundle = user(bundle, bounding=SOME, permitted=SOME, effective=SOME, ambient=["CAP_KILL"])
    result = bundle.run(log=bundle.host_file("log")).ok()
    assert int(result.json["status"].split("CapAmb:\t")[1][:16], 16) == 0
    assert any("can't raise ambient capability CAP_KILL" in w for w in result.warnings) or not bundle.runtime.ours


@pytest.mark.ours
def test_cap_3_a_warning_is_told_once(bundle):
    # covers: CAP-3, L5: by create, not by its init once more, nor by every later verb that reads the config
    bundle.set("process.capabilities", {"bounding": [*SOME, "CAP_TEST"], "effective": SOME, "permitted": SOME})
    with Container(bundle.args("true")) as c:
        c.create()
        assert [w for w in c.create_result.warnings if "CAP_TEST" in w] == c.create_result.warnings
        assert len(c.create_result.warnings) == 1
        assert not bundle.runtime.start(c.id).ok().warnings
        c.wait()
        assert not bundle.runtime.delete(c.id).ok().warnings


@pytest.mark.ours
def test_cap_3_a_foreground_run_warns_at_once(bundle):
    bundle.set("process.capabilities", {"bounding": [*SOME, "CAP_TEST"], "effective": SOME, "permitted": SOME})
    bundle.sh("sleep 0.3; echo program >&2")
    lines = bundle.run().err.splitlines()
    assert "CAP_TEST" in lines[0] and lines[1:] == ["program"]
