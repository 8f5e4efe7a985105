"""state and list, the state directory: ST-1 to ST-8, engines.md 1.4, 3.1, 3.2, 3.8."""

import contextlib
import ctypes
import json
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jsonschema
import pytest

from harness import Bundle, Container, layout
from harness.container import freeze, until

SCHEMAS = Path(__file__).resolve().parents[1] / "data/oci-schema"


def validate(document, name):
    schema = json.loads((SCHEMAS / name).read_text())
    resolver = jsonschema.RefResolver(f"file://{SCHEMAS}/{name}", schema)
    jsonschema.Draft4Validator(schema, resolver=resolver).validate(document)


def test_st_1_valid_in_every_status(bundle):
    with Container(bundle.annotate(**{"org.example.unit": "7"}).args("sleep", "100")) as c:
        c.create()
        for step, status in ((lambda: None, "created"), (c.start, "running"), (lambda: c.kill("KILL").wait(), "stopped")):
            step()
            state = c.state
            validate(state, "state-schema.json")
            assert state["status"] == status
            assert state["id"] == c.id


def test_st_2_version_is_that_of_the_state(bundle):
    with Container(bundle.set("ociVersion", "1.0.2").args("true")) as c:
        c.create()
        version = c.state["ociVersion"]
        assert version == ("1.3.0" if bundle.runtime.ours else version)
        assert re.fullmatch(r"1\.\d+\.\d+(-\w+)?", version)


def test_st_4_init_killed(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        os.kill(c.pid, signal.SIGKILL)
        c.wait()
        assert c.status == "stopped"


def test_st_4_paused(bundle):
    freezer = layout.mount_point("freezer")
    if not freezer:
        pytest.skip("no v1 freezer")
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        c.start()
        freeze(freezer / c.id)
        assert c.status == "paused"
        (freezer / c.id / "freezer.state").write_text("THAWED")
        assert c.status == "running"


def test_st_5_pid(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        assert c.state["pid"] == c.pid
        assert bundle.pid_file.read_text() == str(c.pid)  # CLI-2: no newline
        assert (c.proc / "status").read_text().split("NSpid:")[1].split("\n")[0].split()[-1] == "1"
        c.start()
        assert c.state["pid"] == c.pid
        c.kill("KILL").wait()
        assert c.state.get("pid", 0) == 0


@pytest.mark.parametrize("given", [".", "./", "../{name}", "{path}/../{name}/"])
def test_st_6_bundle_is_absolute(bundle, given):
    bundle.args("true").write()
    given = given.format(name=bundle.dir.name, path=bundle.dir)
    with Container(bundle) as c:
        bundle.runtime.call("create", "--bundle", given, "--pid-file", bundle.pid_file, c.id, cwd=bundle.dir, out=c.out).ok()
        assert c.state["bundle"] == str(bundle.dir)


def test_st_6_bundle_defaults_to_the_current_directory(bundle):
    bundle.args("true").write()
    with Container(bundle) as c:
        bundle.runtime.call("create", c.id, cwd=bundle.dir, out=c.out).ok()
        assert c.state["bundle"] == str(bundle.dir)


def test_st_7_annotations(bundle):
    # covers: ST-7, AN-1, AN-2
    pairs = {"org.example.unknown": "x", "com.example.empty": "", "with\"quote": "a\nb\\ä"}
    with Container(bundle.annotate(**pairs).args("true")) as c:
        c.create()
        assert c.state["annotations"] == pairs


def test_st_7_no_annotations(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        assert not c.state.get("annotations")


@pytest.mark.ours
def test_state_form(bundle):
    # covers: CLI-4, engines.md 3.1
    with Container(bundle.annotate(a="/b").args("sleep", "100")) as c:
        before = time.time()
        c.create()
        c.start()
        text = bundle.runtime.state(c.id).ok().out
        state = json.loads(text)
        assert list(state) == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"]
        assert text == json.dumps(state, indent=2)  # so no newline at the end
        assert state["rootfs"] == str(bundle.rootfs)
        assert state["owner"] == ""
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z", state["created"])
        assert abs(before - time.time()) < 60


def test_cli_4_state_prints_only_json(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        result = bundle.runtime.call("--debug", "--log", bundle.dir / "log", "state", c.id).ok()
        assert json.loads(result.out)["id"] == c.id
        assert result.err == ""


ZOMBIE = """
    import ctypes, os, subprocess, sys
    ctypes.CDLL(None).prctl(36, 1)   # PR_SET_CHILD_SUBREAPER: init becomes our child, and nobody reaps it
    pid_file, state, *create = sys.argv[1:]
    subprocess.run(create, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    pid = int(open(pid_file).read())
    os.kill(pid, 9)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z"
    os.system(state)
"""


def test_st_8_zombie_is_stopped(bundle):
    # covers: ST-8, P4, P1: the init becomes the child of the caller's subreaper
    rt = bundle.args("true").runtime
    bundle.write()
    base = [rt.path, "--root", str(rt.root)]
    verbs = f"{rt.path} --root {rt.root} state {bundle.id}; {rt.path} --root {rt.root} kill {bundle.id} TERM 2>&1"
    with Container(bundle):
        out = subprocess.run([sys.executable, "-c", textwrap.dedent(ZOMBIE), str(bundle.pid_file), verbs, *rt.layout.wrap, *base,
                              "create", "--bundle", str(bundle.dir), "--pid-file", str(bundle.pid_file), bundle.id],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=20).stdout
        assert json.JSONDecoder().raw_decode(out)[0]["status"] == "stopped"
        assert "container not running" in out


def test_st_8_pid_reuse(bundle):
    # covers: ST-8, S16, I6: a process that got init's pid is neither init nor a target
    last = Path("/proc/sys/kernel/ns_last_pid")
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        c.start()
        pid = c.pid
        time.sleep(0.03)  # start times count clock ticks of 10 ms: the other one must be younger
        c.kill("KILL").wait()
        until(lambda: not Path(f"/proc/{pid}").exists(), "init is reaped")
        try:
            last.write_text(str(pid - 1))
        except PermissionError:
            pytest.skip("ns_last_pid cannot be written")
        with subprocess.Popen(["/bin/sleep", "100"]) as other:
            try:
                if other.pid != pid:
                    pytest.skip(f"the pid {pid} was not given out again")
                assert c.status == "stopped"
                bundle.runtime.kill(c.id, "KILL").fails("container not running")
                c.delete(force=True)
                assert other.poll() is None, "a foreign process was killed"
            finally:
                other.kill()


# -- list -----------------------------------------------------------------------------------------------------


def listed(runtime):
    return runtime.list("--format", "json").ok().json or []


def test_list_json(bundle):
    # covers: engines.md 3.2
    with Container(bundle.annotate(a="b").args("sleep", "100")) as c:
        c.create()
        c.start()
        result = bundle.runtime.list("-f", "json").ok()
        assert result.out.count("\n") == 1 and result.out.endswith("]\n")
        (entry,) = result.json
        state = c.state
        assert entry["owner"] == "root"
        for name in ("id", "pid", "status", "bundle", "rootfs", "created", "annotations"):
            assert entry[name] == state[name]


def test_list_empty_json(runtime):
    runtime.root.mkdir(mode=0o700)
    assert runtime.list("--format=json").ok().out == "null\n" or not runtime.ours and listed(runtime) == []


def test_list_quiet_and_order(runtime):
    bundles = [Bundle(runtime) for _ in range(3)]
    for prefix, b in zip("bca", bundles):
        b.id = f"{b.token}-{prefix}"
        b.set("linux.cgroupsPath", f"/{b.id}").args("true")
    with Container(bundles[0]) as x, Container(bundles[1]) as y, Container(bundles[2]) as z:
        for c in (x, y, z):
            c.create()
        assert runtime.list("-q").ok().out == "".join(f"{Bundle.token}-{p}\n" for p in "abc")


def test_list_table(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        head, row = bundle.runtime.list().ok().out.splitlines()
        assert head.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
        assert row.split()[:4] == [c.id, str(c.pid), "created", str(bundle.dir)]
        assert row.split()[-1] == "root"
        if bundle.runtime.ours:
            assert head.index("STATUS") - head.index("PID") == 12
            assert head.index("PID") == max(12, len(c.id) + 3)
            assert not row.endswith(" ")


def test_list_of_many_annotations(runtime):
    """What one container says takes no room from the next."""
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            b = Bundle(runtime).args("true").annotate(**{f"org.example.number{i}": "x" * 20 for i in range(2000)})
            stack.enter_context(Container(b)).create()
        done = runtime.list().ok()
        assert len(done.out.splitlines()) == 31 and done.err == ""
        assert len(listed(runtime)) == 30


def test_list_table_empty(runtime):
    runtime.root.mkdir(mode=0o700)
    assert runtime.list().ok().out.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]


def test_list_bad_format(runtime):
    runtime.root.mkdir(mode=0o700)
    runtime.list("--format", "xml").fails("invalid format option")


@pytest.mark.ours
def test_list_missing_roots(runtime):
    runtime.list().fails(f"{runtime.root}")
    assert runtime.call("list", "-f", "json", root=False).ok().out == "null\n"


def test_list_pid_0_when_stopped(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        c.finish()
        (entry,) = listed(bundle.runtime)
        assert (entry["pid"], entry["status"]) == (0, "stopped")


@pytest.mark.ours
def test_r3_list_passes_over_foreign_folders(bundle):
    root = bundle.runtime.root
    (root / "storage").mkdir(parents=True)
    root.chmod(0o700)
    (root / "a file").write_text("x")
    try:
        with Container(bundle.args("true")) as c:
            c.create()
            result = bundle.runtime.list("-q").ok()
            assert result.out == f"{c.id}\n" and result.err == ""
    finally:
        (root / "storage").rmdir()
        (root / "a file").unlink()


@pytest.mark.ours
@pytest.mark.parametrize("text", ["", "{", "null", '{"ociVersion":"1.3.0"}', "\0" * 300])
def test_list_and_verbs_with_a_broken_state(bundle, text):
    # covers: engines.md 2.8, I2, security.md 8
    rt = bundle.runtime
    (rt.root / "broken").mkdir(parents=True)
    rt.root.chmod(0o700)
    (rt.root / "broken/state.json").write_text(text)
    with Container(bundle.args("true")) as c:
        c.create()
        result = rt.list("-q").ok()
        assert result.out == f"{c.id}\n"
        assert "load container broken: " in result.err
        assert rt.state("broken").code == 1
        assert rt.start("broken").code == 1
        rt.delete("broken", force=True).ok()
        assert not (rt.root / "broken").exists()


# -- the state directory --------------------------------------------------------------------------------------


@pytest.mark.ours
def test_r1_r5_modes(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.create(before=lambda: os.umask(0))
        root = bundle.runtime.root
        mode = lambda p: stat.S_IMODE(p.lstat().st_mode)
        assert mode(root) == 0o700
        assert mode(root / c.id) == 0o711
        assert mode(root / c.id / "state.json") == 0o600
        assert mode(root / c.id / "config.json") == 0o600
        assert stat.S_ISFIFO((root / c.id / "exec.fifo").lstat().st_mode)
        assert mode(root / c.id / "exec.fifo") == 0o622
        c.start()
        assert not (root / c.id / "exec.fifo").exists()
        assert set(os.listdir(root / c.id)) <= {"state.json", "config.json", "lock", "notify"}


@pytest.mark.ours
@pytest.mark.parametrize("fault", ["foreign owner", "writable by others", "symlink", "file"])
def test_s30_hostile_state_root(bundle, fault):
    root = bundle.runtime.root
    real = bundle.host_dir("real")
    if fault == "symlink":
        real.chmod(0o777)
        root.symlink_to(real)
    elif fault == "file":
        root.write_text("")
    else:
        root.mkdir(mode=0o700)
        if fault == "foreign owner":
            os.chown(root, 1000, 1000)
        else:
            root.chmod(0o777)
    bundle.args("true").create().fails(str(root))
    assert not os.listdir(real)
    os.unlink(root) if fault in ("symlink", "file") else root.rmdir()


@pytest.mark.ours
def test_r2_storage_is_reserved_in_the_default_root(bundle):
    bundle.id, rt = "storage", bundle.runtime
    bundle.args("true").write()
    reserved = 'container id "storage" is reserved'
    rt.call("create", "-b", bundle.dir, "storage", root=False).fails(reserved)
    rt.call("--root", "/run/containers", "create", "-b", bundle.dir, "storage", root=False).fails(reserved)


@pytest.mark.ours
def test_r4_delete_force_storage(runtime):
    storage = Path("/run/containers/storage/deep")
    storage.mkdir(parents=True, exist_ok=True)
    os.chmod("/run/containers", 0o700)
    try:
        runtime.call("delete", "--force", "storage", root=False).ok()
        assert storage.is_dir()
    finally:
        storage.rmdir()
        storage.parent.rmdir()


@pytest.mark.ours
def test_r4_delete_removes_only_what_it_made(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        mine = bundle.runtime.root / c.id / "foreign"
        mine.write_text("x")
        result = bundle.runtime.delete(c.id, force=True).ok()
        (kept,) = [name for name in os.listdir(bundle.runtime.root) if name != bundle.id]
        assert kept.startswith(f",left,{c.id},")
        assert result.warnings == [f"state folder {c.id}: foreign is not ours, and is kept in {kept}"]
        mine = bundle.runtime.root / kept / "foreign"
        assert mine.read_text() == "x" and len(os.listdir(mine.parent)) == 1
        c.create().finish().delete()  # the id can be used again, and nobody complains once more
        assert bundle.runtime.delete(c.id, force=True).ok().err == ""
        mine.unlink()
        mine.parent.rmdir()


@pytest.mark.ours
def test_r2_existing_folder_is_an_id_in_use(bundle):
    folder = bundle.runtime.root / bundle.id
    folder.mkdir(parents=True)
    bundle.runtime.root.chmod(0o700)
    bundle.args("true").create().fails("container with given ID already exists")
    assert folder.is_dir() and not os.listdir(folder)
    folder.rmdir()


def default_root_list(bundle, env):
    """Ids in the default root, by a create and a list without --root."""
    bundle.args("true").write()
    environment = {"PATH": os.environ["PATH"], **env}
    rt = bundle.runtime
    rt.call("create", "-b", bundle.dir, bundle.id, root=False, env=environment, out=bundle.dir / "o").ok()
    try:
        return rt.call("list", "-q", root=False, env=environment).ok().out.split()
    finally:
        rt.call("delete", "-f", bundle.id, root=False, env=environment).ok()


@pytest.mark.ours
@pytest.mark.parametrize("xdg", [None, "", "/run/xdg"])
def test_default_root_of_root(bundle, xdg):
    # covers: engines.md 1.4
    assert default_root_list(bundle, {} if xdg is None else {"XDG_RUNTIME_DIR": xdg}) == [bundle.id]
    assert Path("/run/containers").is_dir()
    assert not Path("/run/xdg/containers").exists()


@pytest.mark.parametrize("root", ["/", "", "//", "/run/.."])
@pytest.mark.ours
def test_root_option_must_not_be_slash(bundle, root):
    bundle.write().runtime.call("--root", root, "list", root=False).fails("Option --root argument should not be set to /")


def test_root_relative(bundle):
    bundle.args("true").write()
    rt = bundle.runtime
    rt.call("--root", "root", "create", "-b", bundle.dir, bundle.id, root=False, cwd=rt.work, out=bundle.dir / "o").ok()
    assert rt.ids() == [bundle.id]
    rt.delete(bundle.id).ok()


@pytest.mark.ours
@pytest.mark.parametrize("status", ["created", "running", "stopped", "paused"])
def test_runc_lists_our_containers(bundle, status):
    # covers: engines.md 3.8
    runc = "/usr/sbin/runc"
    if not os.access(runc, os.X_OK):
        pytest.skip("no runc here")
    run = lambda *args: subprocess.run([runc, "--root", str(bundle.runtime.root), *args], capture_output=True, text=True)
    freezer = layout.mount_point("freezer")
    with Container(bundle.annotate(unit="7").args("sleep", "100")) as c:
        c.create()
        if status != "created":
            c.start()
        if status == "stopped":
            c.kill("KILL").wait()
        if status == "paused":
            if not freezer:
                pytest.skip("no v1 freezer")
            freeze(freezer / c.id)
        out = run("list", "-f", "json")
        assert out.returncode == 0, out
        (entry,) = json.loads(out.stdout)
        mine = c.state
        for name in ("id", "pid", "status", "bundle", "rootfs", "annotations"):
            assert entry[name] == mine[name]
        assert json.loads(run("state", c.id).stdout)["status"] == status
        if status == "running":
            assert json.loads(run("ps", "-f", "json", c.id).stdout) == [c.pid]
            assert run("kill", c.id, "0").returncode == 0


@pytest.mark.ours
def test_state_json_members(bundle):
    # covers: engines.md 3.8
    bundle.annotate(unit="7", bundle="nonsense").namespace("network").args("sleep", "100")
    with Container(bundle) as c:
        c.create()
        c.start()
        state = json.loads((bundle.runtime.root / c.id / "state.json").read_text())
        start = int((c.proc / "stat").read_text().rpartition(")")[2].split()[19])
        assert (state["init_process_pid"], state["init_process_start"]) == (c.pid, start)
        assert state["config"]["labels"] == ["unit=7", f"bundle={bundle.dir}"]
        assert state["config"]["rootfs"] == str(bundle.rootfs)
        assert state["config"]["version"] == "1.3.0"
        assert {"type": "NEWPID"} in state["config"]["namespaces"]
        assert state["config"]["cgroups"]["path"] == f"/{c.id}"
        assert state["config"]["cgroups"]["devices"] == []
        assert state["namespace_paths"]["NEWNS"] == f"/proc/{c.pid}/ns/mnt"
        assert state["ocirt"]["format"] == 1
        for controller, path in state["cgroup_paths"].items():
            assert os.path.isdir(path), controller
        if layout.has_v1("freezer"):
            assert state["cgroup_paths"]["freezer"] == str(layout.mount_point("freezer") / c.id)


@pytest.mark.ours
def test_r1_cleaners_leave_it(bundle):
    """Below XDG_RUNTIME_DIR the root has the sticky bit; what holds it need not be there to look."""
    rt, xdg = bundle.runtime.by(1000), bundle.runtime.work / "xdg"
    xdg.mkdir(mode=0o700)
    os.chown(xdg, 1000, 1000)
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(xdg)}
    bundle.args("true").write()
    rt.call("create", "-b", bundle.dir, "storage", root=False, env=environment).fails('container id "storage" is reserved')
    rt.call("create", "-b", bundle.dir, bundle.id, root=False, env=environment)
    assert (xdg / "containers").stat().st_mode & 0o7777 == 0o1700
    nowhere = {**environment, "XDG_RUNTIME_DIR": "/nowhere"}
    assert rt.call("list", "-q", root=False, env=nowhere).ok().out == ""
    rt.call("create", "-b", bundle.dir, bundle.id, root=False, env=nowhere).fails("--root and XDG_RUNTIME_DIR")
