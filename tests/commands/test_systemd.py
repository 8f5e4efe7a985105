"""--systemd-cgroup: a unit for each container (CG-4, DEC-10), by a stand-in for systemd everywhere and by systemd itself where it
runs (stage vm)."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness import Container, layout
from harness.bundle import Bundle
from harness.container import alive, until
from harness.systemd import Systemd, answers, message

ON = ("--systemd-cgroup",)
UNLIMITED = 2**64 - 1
REAL = answers()  # before there is a stand-in
real = pytest.mark.skipif(not REAL, reason="no systemd runs here, or not in our pid namespace")
pretended = pytest.mark.skipif(REAL or not layout.mounted(), reason="systemd itself runs here, or no cgroups are here")


@pytest.fixture
def unit(bundle):
    """A bundle in a slice of its own; bundle.unit is its unit's name."""
    bundle.slice = bundle.id.replace("-", "") + ".slice"
    bundle.unit = f"test-{bundle.id}.scope"
    return bundle.set("linux.cgroupsPath", f"{bundle.slice}:test:{bundle.id}").args("sleep", "100")


@pytest.fixture
def systemd(unit):
    one = Systemd(unit.slice)
    yield one
    one.close()


class Scoped(Container):
    """Only create and run are told of systemd."""

    def create(self, *options, **more):
        self.create_result = self.bundle.create(*options, globals_=ON, out=self.out, **more).ok()
        return self

    def __exit__(self, *error):
        super().__exit__(*error)
        if REAL:  # slices stay, as those of an administrator would
            subprocess.run(["systemctl", "stop", self.bundle.slice], check=False)


def show(unit, *names, user=()):
    """{name: value} of systemctl show"""
    out = subprocess.run([*user, "systemctl", *(["--user"] if user else []), "show", unit, *(f"-p{n}" for n in names)],
                         capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in out.splitlines())


def loaded(pattern):
    return subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", pattern], capture_output=True,
                          text=True, check=True).stdout.split()


# -- without systemd ------------------------------------------------------------------------------------------


@pytest.mark.ours
@pytest.mark.skipif(os.path.exists("/run/systemd/system"), reason="systemd runs here")
@pytest.mark.parametrize("words", [("--systemd-cgroup",), ("--cgroup-manager", "systemd"), ("--cgroup-manager=systemd",)], ids=str)
def test_cg_4_refused_without_systemd(unit, words):
    # covers: CG-4, DEC-10
    result = unit.create(globals_=words)
    assert result.code == 1 and result.err.count("\n") == 1
    assert result.message == "ocirt create failed: systemd not running on this host, cannot use systemd cgroups manager"
    assert unit.runtime.state(unit.id).code == 1 and not layout.directories(unit.id)


@pytest.mark.ours
def test_cg_4_form_without_the_option(unit):
    unit.refused(text=f'linux.cgroupsPath: "{unit.get("linux.cgroupsPath")}" has the form slice:prefix:name, which is for '
                      "--systemd-cgroup")


# -- what systemd is told -------------------------------------------------------------------------------------


@pytest.mark.ours
@pretended
def test_life_of_a_unit(unit, systemd):
    with Scoped(unit).create() as c:
        assert [call.member for call in systemd.calls] == ["Get", "StartTransientUnit"]
        call = systemd.calls[1]
        name, mode, _, others = call.values
        assert (name, mode, others) == (unit.unit, "replace", [])
        holder, = call.properties["PIDs"][1]
        assert {k: v for k, v in call.properties.items() if k != "PIDs"} == {
            "Slice": ("s", unit.slice), "Description": ("s", f"ocirt container {unit.id}"), "Delegate": ("b", True),
            "DefaultDependencies": ("b", False), "MemoryAccounting": ("b", True), "CPUAccounting": ("b", True),
            "TasksAccounting": ("b", True), **{("IOAccounting" if systemd_v2() else "BlockIOAccounting"): ("b", True)}}
        assert c.pid != holder and not alive(holder), "who kept it open is gone"
        cgroup = systemd.cgroup(unit.unit)
        assert (cgroup / "cgroup.procs").read_text() == f"{c.pid}\n"
        assert all(line.endswith(f"/{unit.slice}/{unit.unit}") for line in (c.proc / "cgroup").read_text().splitlines()
                   if not systemd_v2())
        assert c.exec("cat", "/proc/self/cgroup").ok()
        own = json.loads((c.runtime.root / c.id / "state.json").read_text())["ocirt"]
        assert (own["unit"], own["manager"]) == (unit.unit, "/run/systemd/private")
        c.start().delete(force=True)
        assert [call.member for call in systemd.calls[2:]][:1] == ["StopUnit"]
        assert systemd.calls[2].values == [unit.unit, "replace"] and not systemd.units
        assert not layout.directories(unit.id)


def systemd_v2():
    return [kind for _, kind, _ in layout.mounted()] == ["cgroup2"]


@pytest.mark.ours
@pretended
def test_foreground_run(unit, systemd):
    unit.args("true").run(globals_=("--cgroup-manager", "systemd")).ok()
    assert [c.member for c in systemd.calls][:3] == ["Get", "StartTransientUnit", "StopUnit"]
    assert not systemd.units and not layout.directories(unit.id)


@pytest.mark.ours
@pretended
def test_default_unit(unit, systemd):
    """Below no slice of ours; nothing is started, since the stand-in has no other slice."""
    unit.drop("linux.cgroupsPath")
    systemd.refusals["StartTransientUnit"] = ["org.example.Enough"] * 2
    unit.create(globals_=ON).fails(f"systemd: start ocirt-{unit.id}.scope: StartTransientUnit is refused")
    call = systemd.named("StartTransientUnit")[0]
    assert call.values[0] == f"ocirt-{unit.id}.scope" and call.properties["Slice"] == ("s", "system.slice")


@pytest.mark.ours
@pretended
@layout.needs_cgroup
def test_limits_and_properties(unit, systemd):
    unit.set("linux.resources", {"pids": {"limit": 77}}).annotate(**{
        "org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'inactive-or-failed'",
        "org.systemd.property.Documentation": "['man:a(1)', 'man:b(1)']"})
    with Scoped(unit).create() as c:
        told = systemd.named("StartTransientUnit")[0].properties
        assert told["TasksMax"] == ("t", 77)
        assert told["TimeoutStopUSec"] == ("t", 7_000_000) and told["CollectMode"] == ("s", "inactive-or-failed")
        assert told["Documentation"] == ("as", ["man:a(1)", "man:b(1)"])
        c.runtime.call("update", "--pids-limit", "-1", c.id).ok()
        call, = systemd.named("SetUnitProperties")
        assert call.values == [unit.unit, True, [("TasksMax", ("t", UNLIMITED))]]


@pytest.mark.ours
@pretended
def test_update_that_systemd_refuses(unit, systemd):
    with Scoped(unit.set("linux.resources", {"pids": {"limit": 77}})).create() as c:
        systemd.refusals["SetUnitProperties"] = ["org.freedesktop.DBus.Error.PropertyReadOnly", "org.example.No"]
        c.runtime.call("update", "--pids-limit", "5", c.id).ok()
        file, = [d / "pids.max" for d in layout.directories(unit.unit) if (d / "pids.max").exists()]
        assert file.read_text() == "5\n"
        c.runtime.call("update", "--pids-limit", "9", c.id).fails(f"systemd: change {unit.unit}: SetUnitProperties is refused")
        assert file.read_text() == "5\n", "taken back"


@pytest.mark.ours
@pretended
def test_properties_that_an_older_systemd_lacks(unit, systemd):
    systemd.refusals["StartTransientUnit"] = ["org.freedesktop.DBus.Error.PropertyReadOnly"]
    with Scoped(unit.set("linux.resources", {"pids": {"limit": 77}})).create():
        first, second = systemd.named("StartTransientUnit")
        assert "TasksMax" in first.properties and "TasksMax" not in second.properties
        assert "Slice" in second.properties


@pytest.mark.ours
@pretended
def test_failed_unit_of_that_name(unit, systemd):
    systemd.refusals["StartTransientUnit"] = ["org.freedesktop.systemd1.UnitExists"]
    with Scoped(unit).create():
        assert [c.member for c in systemd.calls[1:]] == ["StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"]


# -- what systemd answers -------------------------------------------------------------------------------------


def noise():
    """A signal of everybody's and an answer to nobody, before each answer; one is longer than any buffer."""
    fields = [(1, "o", "/o"), (2, "s", "i.f"), (3, "s", "UnitNew")]
    return [message(4, 90, fields, "so", ["x.scope", "/x"]), message(4, 91, fields, "s", ["x" * 100_000]),
            message(2, 92, [(5, "u", 4711)])]


@pytest.mark.ours
@pretended
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_answers_among_others(unit, systemd, order):
    systemd.noise, systemd.order = noise(), order
    with Scoped(unit).create() as c:
        assert c.status == "created"


WRONG = {
    "job failed": (lambda s: setattr(s, "result", "failed"), 'systemd: start {unit}: its job ended as "failed"'),
    "error": (lambda s: s.refusals.update(StartTransientUnit=["org.example.No"]),
              "systemd: start {unit}: StartTransientUnit is refused"),
    "garbage": (lambda s: s.raw.update(StartTransientUnit=b"HTTP/1.1 400 Bad Request\r\n\r\n"),
                "systemd: start {unit}: a malformed message"),
    "lengths": (lambda s: s.raw.update(StartTransientUnit=b"l\2\1\1" + b"\xff" * 12), "systemd: start {unit}: a malformed message"),
}


@pytest.mark.ours
@pretended
@pytest.mark.parametrize("how", WRONG)
def test_wrong_answers(unit, systemd, how):
    change, text = WRONG[how]
    change(systemd)
    unit.create(globals_=ON).fails(text.format(unit=unit.unit))
    assert unit.runtime.state(unit.id).code == 1 and os.listdir(unit.runtime.root) == []
    holder, = systemd.named("StartTransientUnit")[0].properties["PIDs"][1]
    assert not alive(holder)


@pytest.mark.ours
@pretended
def test_no_socket(unit, systemd):
    os.unlink("/run/systemd/private")
    unit.create(globals_=ON).fails("systemd: connect to /run/systemd/private: no such file or directory")


BUS = "DBUS_SESSION_BUS_ADDRESS"
WHERE = {"by nothing": ({}, "XDG_RUNTIME_DIR is not set"),
         "by its directory": ({"XDG_RUNTIME_DIR": "/run/a", BUS: "unix:path=/run/b/bus"}, "/run/a"),
         "by its bus": ({BUS: "unix:path=/run/b/bus"}, "/run/b"),
         "by more of its bus": ({"XDG_RUNTIME_DIR": "", BUS: "unix:path=/run/b/bus,guid=00ff;tcp:host=x"}, "/run/b"),
         "not by another bus": ({BUS: "unix:path=/run/b/bus2"}, "XDG_RUNTIME_DIR is not set"),
         "not by an abstract one": ({BUS: "unix:abstract=/run/b/bus"}, "XDG_RUNTIME_DIR is not set")}


@pytest.mark.ours
@pretended
@pytest.mark.parametrize("how", WHERE)
def test_where_the_users_manager_is(unit, systemd, how):
    env, where = WHERE[how]
    unit.runtime = unit.runtime.by(UID)
    unit.create(globals_=ON, env={"PATH": os.environ["PATH"], **env}).fails(
        "systemd: " + (where if where[0] == "X" else f"connect to {where}/systemd/private: no such file or directory"))
    assert not systemd.calls


@pytest.mark.ours
@pretended
def test_another_pid_namespace(unit, systemd):
    """Its numbers are those of others, whom systemd would move."""
    unit.create(globals_=ON, wrap=("unshare", "--pid", "--fork", "--mount-proc")).fails(
        "systemd: /run/systemd/private: it does not run in our pid namespace")
    assert not systemd.named("StartTransientUnit") and not layout.directories(unit.unit)


@pytest.mark.ours
@pretended
def test_delete_without_systemd(unit, systemd):
    """The processes and the cgroups are gone all the same."""
    with Scoped(unit).create() as c:
        os.rename("/run/systemd/private", "/run/systemd/away")
        result = c.runtime.delete(c.id, force=True).ok()
        assert result.warnings == ["systemd: connect to /run/systemd/private: no such file or directory"]
        assert not layout.directories(unit.unit)
        systemd.prune()


@pytest.mark.ours
@pretended
def test_silent_systemd(unit, systemd):
    systemd.silent.add("Get")
    began = time.monotonic()
    unit.create(globals_=ON).fails("systemd: ask ControlGroup: no answer: connection timed out")
    assert 20 < time.monotonic() - began < 29


@pytest.mark.ours
@pretended
def test_killed_while_it_waits(unit, systemd):
    """Who holds the scope open dies with the runtime: the scope ends by itself."""
    systemd.silent.add("StartTransientUnit")
    unit.write()
    with subprocess.Popen([unit.runtime.path, "--root", unit.runtime.root, *ON, "create", "-b", unit.dir, unit.id]) as child:
        holder, = systemd.wait_for("StartTransientUnit").properties["PIDs"][1]
        assert alive(holder)
        child.send_signal(signal.SIGKILL)
        child.wait()
    until(lambda: not alive(holder), "the holder is gone")
    unit.runtime.delete(unit.id, force=True).ok()
    assert systemd.named("StopUnit")[0].values[0] == unit.unit


# -- systemd itself -------------------------------------------------------------------------------------------

LIMITS = {"memory": {"limit": 33554432, "reservation": 16777216}, "cpu": {"shares": 512, "quota": 50000, "period": 100000},
          "pids": {"limit": 77}}


@real
def test_real_life_of_a_unit(unit):
    unit.set("linux.resources", LIMITS)
    with Scoped(unit).create() as c:
        about = show(unit.unit, "Slice", "ControlGroup", "Delegate", "ActiveState", "TasksMax", "CPUQuotaPerSecUSec",
                     "MemoryMax", "MemoryLimit")
        path = f"/{unit.slice}/{unit.unit}"
        assert about["Slice"] == unit.slice and about["ControlGroup"] == path
        assert about["Delegate"] == "yes" and about["ActiveState"] == "active"
        assert about["TasksMax"] == "77" and about["CPUQuotaPerSecUSec"] == "500ms"
        assert "33554432" in (about["MemoryMax"], about["MemoryLimit"])
        assert {line.split(":", 2)[2] for line in (c.proc / "cgroup").read_text().splitlines()} - {"/"} <= {path}
        c.start()
        assert c.exec("true").ok()
        c.runtime.call("update", "--pids-limit", "9", "--memory", "40000000", c.id).ok()
        about = show(unit.unit, "TasksMax", "MemoryMax", "MemoryLimit")
        assert about["TasksMax"] == "9" and "40000000" in (about["MemoryMax"], about["MemoryLimit"])
        c.delete(force=True)
    assert not loaded(unit.unit) and not layout.directories(unit.unit)


@real
def test_real_end_of_the_program(unit):
    with Scoped(unit.args("sleep", "100")).create() as c:
        c.start().kill("KILL").wait()
        until(lambda: not loaded(unit.unit), "the scope ended by itself")
        c.delete()
        unit.args("true").run(globals_=ON).ok()
        assert not loaded(unit.unit) and not layout.directories(unit.unit)


@real
@pytest.mark.ours
def test_real_properties(unit):
    unit.annotate(**{"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'inactive-or-failed'",
                     "org.systemd.property.Documentation": "['man:a(1)', 'man:b(1)']"})
    with Scoped(unit).create():
        about = show(unit.unit, "TimeoutStopUSec", "CollectMode", "Documentation")
        assert about == {"TimeoutStopUSec": "7s", "CollectMode": "inactive-or-failed", "Documentation": '"man:a(1)" "man:b(1)"'}
    other = Bundle(unit.runtime).annotate(**{"org.systemd.property.NoSuchThing": "1"}).args("true").set("linux.cgroupsPath", "")
    other.create(globals_=ON).fails(f"systemd: start ocirt-{other.id}.scope: Cannot set property NoSuchThing, or unknown property.")
    assert not loaded(f"*{other.id}*")


@real
@pytest.mark.ours
def test_real_slices(unit):
    inner = f"{unit.slice[:-6]}-a-b.slice"
    with Scoped(unit.set("linux.cgroupsPath", f"{inner}:test:{unit.id}")).create():
        stem = unit.slice[:-6]
        assert show(unit.unit, "ControlGroup")["ControlGroup"] == f"/{unit.slice}/{stem}-a.slice/{inner}/{unit.unit}"
    with Scoped(unit.set("linux.cgroupsPath", f"system.slice:x:{inner}")).create() as c:
        assert show(inner, "ActiveState")["ActiveState"] == "active"
        assert (c.proc / "cgroup").read_text().splitlines()[-1].endswith(f"/{inner}")
    until(lambda: not loaded(inner), "the slice is gone")


@real
def test_real_devices_after_a_reload(unit):
    """Systemd writes its own idea of the rules then; the container keeps what it had, and no more."""
    unit.set("linux.resources", {"devices": [{"allow": False, "access": "rwm"}]}).own_rootfs()
    check = ("sh", "-c", "echo >/dev/null && mknod /made c 1 1 && ! cat /made >/made2")
    with Scoped(unit).create() as c:
        c.start()
        assert c.exec(*check).ok()
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        subprocess.run(["systemctl", "set-property", "--runtime", unit.unit, "CPUWeight=50"], check=True)
        c.exec("sh", "-c", "echo >/dev/null && ! head -c 1 /made >/made2").ok()


@real
@pytest.mark.ours
def test_real_pids_limit_of_one(unit):
    with Scoped(unit.set("linux.resources", {"pids": {"limit": 1}})).create() as c:
        assert c.start().status == "running"


@real
@pytest.mark.ours
def test_real_kill_of_create(unit):
    """Wherever it dies: after delete --force there is neither unit nor cgroup."""
    unit.write()
    argv = [unit.runtime.path, "--root", unit.runtime.root, *ON, "create", "-b", unit.dir, unit.id]
    for ms in (20, 60, 100, 140, 180, 220, 260, 300, 400):
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            time.sleep(ms / 1000)
            child.send_signal(signal.SIGKILL)
        unit.runtime.delete(unit.id, force=True).ok()
        until(lambda: not loaded(unit.unit), f"no unit after {ms} ms")
        assert not layout.directories(unit.unit)
    subprocess.run(["systemctl", "stop", unit.slice], check=True)


UID = 65534
AS_USER = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", f"XDG_RUNTIME_DIR=/run/user/{UID}")


@pytest.fixture
def own_unit(unit):
    """A user's, who has a manager of his own."""
    subprocess.run(["systemctl", "start", f"user@{UID}.service"], check=True)
    unit.runtime = unit.runtime.by(UID)
    unit.runtime.user = AS_USER
    unit.dir.mkdir(exist_ok=True)
    unit.own_rootfs()
    os.chown(unit.dir, UID, UID)
    unit.runtime.call("spec", "--rootless", "-b", unit.dir).ok()
    unit.config = json.loads((unit.dir / "config.json").read_text())
    return unit.set("process.terminal", False).args("sleep", "100")


@real
@pytest.mark.ours
@pytest.mark.skipif(not systemd_v2(), reason="users have no controllers on v1")
@pytest.mark.parametrize("where", ["session", "manager"])
def test_real_user(own_unit, where):
    """The user's own manager; from a place of which the user has no right over what is above, too."""
    unit = own_unit
    if where == "manager":
        unit.runtime.user += ("systemd-run", "--quiet", "--user", "--scope")
    scope = f"ocirt-{unit.id}.scope"
    with Scoped(unit).create() as c:
        path = f"/user.slice/user-{UID}.slice/user@{UID}.service/user.slice/{scope}"
        assert show(scope, "ControlGroup", "Slice", user=AS_USER) == {"ControlGroup": path, "Slice": "user.slice"}
        assert (c.proc / "cgroup").read_text() == f"0::{path}\n"
        c.start()
        c.exec("true").ok()
        c.runtime.call("update", "--pids-limit", "9", c.id).ok()
        assert show(scope, "TasksMax", user=AS_USER)["TasksMax"] == "9"
        assert Path(f"/sys/fs/cgroup{path}/pids.max").read_text() == "9\n"
        c.delete(force=True)
        assert show(scope, "LoadState", user=AS_USER)["LoadState"] == "not-found"
