"""create, start, kill, delete: OP-1 to OP-14, GEN-8, GEN-10."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from harness import Container, layout
from harness.container import alive, freeze, until


def test_op_3_program_runs_at_start_not_before(bundle):
    mark = bundle.host_dir("out")
    bundle.bind("/mnt", mark).sh("echo x >> /mnt/ran")
    with Container(bundle) as c:
        c.create()
        time.sleep(0.05)
        assert not (mark / "ran").exists()
        assert c.status == "created"
        c.finish()
        assert (mark / "ran").read_text() == "x\n"


def test_op_3_config_is_in_force_after_create(bundle):
    bundle.tmpfs("/opt").namespace("network").set("linux.sysctl", {"net.ipv4.ip_forward": "1"})
    bundle.set("linux.devices", [{"path": "/dev/extra", "type": "c", "major": 1, "minor": 3}])
    with Container(bundle) as c:
        c.create()
        assert "/opt" in [m["point"] for m in c.mounts]
        assert (c.inside("/dev/extra")).is_char_device()
        hostname = subprocess.run(["nsenter", "-t", str(c.pid), "-u", "hostname"], capture_output=True, text=True, check=True)
        assert hostname.stdout == "inside\n"
        forward = subprocess.run(["nsenter", "-t", str(c.pid), "-n", "cat", "/proc/sys/net/ipv4/ip_forward"],
                                 capture_output=True, text=True, check=True)
        assert forward.stdout == "1\n"
        assert not layout.mounted() or bundle.id in (c.proc / "cgroup").read_text()


def test_gen_10_every_step_from_another_directory(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.create(cwd=bundle.dir)
        c.start(cwd="/tmp")
        bundle.runtime.kill(c.id, "KILL", cwd="/").ok()
        c.wait()
        bundle.runtime.delete(c.id, cwd="/dev").ok()


def test_gen_8_config_is_frozen_at_create(bundle):
    old, new = bundle.host_file("old"), bundle.host_file("new")
    bundle.sh("echo old").hook_sh("poststop", f"echo x >> {old}")
    with Container(bundle) as c:
        c.create()
        (bundle.dir / "config.json").write_text(json.dumps({
            "ociVersion": "1.0.0", "root": {"path": "/nowhere"},
            "hooks": {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"echo x >> {new}"]}]}}))
        c.finish()
        assert c.output == "old\n"
        c.delete()
    assert old.read_text() == "x\n"
    assert not new.exists()


def test_gen_8_bundle_is_gone_after_create(bundle):
    with Container(bundle.sh("echo alive")) as c:
        c.create()
        pid = c.pid
        (bundle.dir / "config.json").unlink()
        c.start()
        until(lambda: not alive(pid), "the program ends")
        assert c.output == "alive\n"
        c.delete()


# -- ids ------------------------------------------------------------------------------------------------------


def test_op_2_id_in_use_leaves_the_first_alone(bundle):
    with Container(bundle.sh("echo first")) as c:
        c.create()
        before = c.state
        bundle.sh("echo second").create().fails("container with given ID already exists")
        assert c.state == before
        c.finish()
        assert c.output == "first\n"
        bundle.create().fails("container with given ID already exists")


def test_op_2_same_id_in_another_root(bundle, runtime):
    other = runtime.at(bundle.host_dir("other"))
    with Container(bundle.set("linux.cgroupsPath", f"/{bundle.id}-a").args("pause")) as c:
        c.bundle.args("probe", "pause")
        c.create()
        bundle.set("linux.cgroupsPath", f"/{bundle.id}-b").write()
        other.call("create", "-b", bundle.dir, c.id, out=bundle.dir / "o").ok()
        other.delete(c.id).ok()
        assert c.status == "created"


BAD_IDS = ["", ".", "..", "../evil", "a/b", "/", "x y", "a\nb", "ä", "a:b", "x" * 2000, "a*", "a\\b"]


@pytest.mark.parametrize("id_", BAD_IDS, ids=[repr(i) if len(i) < 20 else "2000 bytes" for i in BAD_IDS])
def test_st_3_bad_id_for_create_and_run(bundle, id_):
    text = "container id cannot be empty" if id_ == "" else "invalid container ID format"
    bundle.write()
    for verb in ("create", "run"):
        bundle.runtime.call(verb, "--bundle", bundle.dir, "--", id_).fails(text)


@pytest.mark.parametrize("verb", ["state", "start", "kill", "delete"])
@pytest.mark.parametrize("id_", BAD_IDS, ids=[repr(i) if len(i) < 20 else "2000 bytes" for i in BAD_IDS])
def test_st_3_s17_bad_id_for_other_verbs(bundle, verb, id_):
    victim = bundle.runtime.work / "evil"
    victim.mkdir()
    bundle.runtime.root.mkdir(mode=0o700)
    result = bundle.runtime.call(verb, "--", id_)
    result.fails("container id cannot be empty" if id_ == "" else "invalid container ID format")
    assert result.out == ""
    assert victim.is_dir()


@pytest.mark.parametrize("id_", ["../evil", "a/b", ".."])
def test_s17_delete_force_of_a_bad_id(bundle, id_):
    victim = bundle.runtime.work / "evil"
    victim.mkdir()
    bundle.runtime.root.mkdir(mode=0o700)
    bundle.runtime.delete(id_, force=True).fails("invalid container ID format")
    assert victim.is_dir()


@pytest.mark.parametrize("suffix", ["A-Z_0.9+x", "..x", "-", "_" * 100])
def test_st_3_good_ids(bundle, suffix):
    bundle.id += suffix
    with Container(bundle.args("true")) as c:
        c.create()
        assert c.state["id"] == bundle.id


@pytest.mark.parametrize("verb", ["state", "start", "kill", "delete"])
def test_unknown_id(runtime, verb):
    # covers: OP-1, OP-5, OP-7, OP-9, CLI-8
    result = runtime.call(verb, "nothing-of-that-name").fails("container does not exist")
    assert result.out == ""


def test_cli_7_delete_force_of_nothing(runtime):
    result = runtime.delete("nothing-of-that-name", force=True).ok()
    assert result.out == "" and result.err == ""


# -- start ----------------------------------------------------------------------------------------------------


def test_op_5_start_only_from_created(bundle):
    out = bundle.host_dir("out")
    bundle.bind("/mnt", out).sh("echo x >> /mnt/ran; read line < /mnt/gate")
    os.mkfifo(out / "gate")
    with Container(bundle) as c:
        c.create()
        c.start()
        until(lambda: (out / "ran").exists(), "the program runs")
        bundle.runtime.start(c.id).fails("cannot start an already running container")
        assert c.status == "running"
        (out / "gate").write_text("go\n")
        c.wait()
        bundle.runtime.start(c.id).fails("cannot start a container that has stopped")
        assert (out / "ran").read_text() == "x\n"


def test_op_5_start_after_init_was_killed(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        os.kill(c.pid, signal.SIGKILL)
        c.wait()
        bundle.runtime.start(c.id).fails("cannot start a container that has stopped")
        assert c.status == "stopped"


def test_op_4_exec_failure_at_start(bundle):
    bundle.own_rootfs()
    program = bundle.rootfs / "bin/broken"
    program.write_text("no magic here\n")
    program.chmod(0o755)
    with Container(bundle.args("/bin/broken")) as c:
        c.create()
        bundle.runtime.start(c.id).fails("exec /bin/broken: exec format error")
        c.wait()
        assert c.status == "stopped"


# -- kill -----------------------------------------------------------------------------------------------------


def trapping(bundle):
    out = bundle.host_dir("signals")
    bundle.bind("/mnt", out).args("probe", "trap", "/mnt")
    return out


def test_op_7_delivers_exactly_this_signal(bundle):
    out = trapping(bundle)
    with Container(bundle) as c:
        c.create()
        c.start()
        until((out / "ready").exists, "the program listens")
        for name, number in (("TERM", 15), ("USR1", 10), ("USR2", 12)):
            c.kill(name)
            until((out / str(number)).exists, name)
        assert sorted(p.name for p in out.iterdir()) == ["10", "12", "15", "ready"]


SIGNALS = {"15": 15, "SIGTERM": 15, "TERM": 15, "term": 15, "sigterm": 15, "HUP": 1, "SIGINT": 2, "1": 1, "SIGUSR1": 10,
           "WINCH": 28, "SIGCHLD": 17, "34": 34, "64": 64, "SIGPWR": 30, "IO": 29}


@pytest.mark.parametrize("name", SIGNALS)
def test_op_8_signal_names(bundle, name):
    out = trapping(bundle)
    with Container(bundle) as c:
        c.create()
        c.start()
        until((out / "ready").exists, "the program listens")
        c.kill(name)
        until((out / str(SIGNALS[name])).exists, name)


@pytest.mark.parametrize("name,number", [("RTMIN+3", 37), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("SIGRTMAX", 64), ("RTMIN", 34)])
def test_op_8_real_time_signal_names(bundle, name, number):
    out = trapping(bundle)
    with Container(bundle) as c:
        c.create()
        c.start()
        until((out / "ready").exists, "the program listens")
        c.kill(name)
        until((out / str(number)).exists, name)


def test_op_8_default_is_term(bundle):
    out = trapping(bundle)
    with Container(bundle) as c:
        c.create()
        c.start()
        until((out / "ready").exists, "the program listens")
        c.kill()
        until((out / "15").exists, "TERM")


@pytest.mark.ours
def test_op_8_signal_as_option(bundle):
    out = trapping(bundle)
    with Container(bundle) as c:
        c.create()
        c.start()
        until((out / "ready").exists, "the program listens")
        bundle.runtime.call("kill", "--signal", "USR1", c.id).ok()
        until((out / "10").exists, "USR1")
        bundle.runtime.call("kill", "--signal=12", c.id).ok()
        until((out / "12").exists, "USR2")


def test_op_8_signal_0_probes(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        c.kill("0")
        assert c.status == "created"
        c.finish()
        bundle.runtime.kill(c.id, "0").fails("container not running")


@pytest.mark.parametrize("name", ["FOO", "SIGFOO", "RTMIN+99", "", "15x", "SIGSIGTERM"])
def test_op_8_unknown_signal_name(bundle, name):
    with Container(bundle.args("true")) as c:
        c.create()
        bundle.runtime.kill(c.id, name).fails(f'unknown signal "{name}"')
        assert c.status == "created"


def test_op_8_bad_signal_number(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        bundle.runtime.kill(c.id, "99").fails("unable to signal init: invalid argument")
        assert c.status == "created"


def test_op_7_kill_of_created(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        c.kill("KILL").wait()
        assert c.status == "stopped"


def test_op_7_kill_of_stopped_has_no_effect(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        c.finish()
        before = c.state
        bundle.runtime.kill(c.id, "TERM").fails("container not running")
        bundle.runtime.kill(c.id, "KILL").fails("container not running")
        assert c.state == before


def test_cli_7_kill_all_of_stopped(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        c.finish()
        bundle.runtime.call("kill", "--all", c.id, "KILL").ok()


@layout.needs_cgroup
@pytest.mark.parametrize("flag", ["--all", "-a"])
def test_op_8_kill_all_reaches_every_process(bundle, flag):
    out = bundle.host_dir("signals")
    bundle.bind("/mnt", out).sh("mkdir /mnt/a /mnt/b; probe trap /mnt/a & exec probe trap /mnt/b")
    with Container(bundle) as c:
        c.create()
        c.start()
        until(lambda: (out / "a/ready").exists() and (out / "b/ready").exists(), "both listen")
        bundle.runtime.call("kill", flag, c.id, "USR1").ok()
        until(lambda: (out / "a/10").exists() and (out / "b/10").exists(), "both hear")


@layout.needs_cgroup
def test_ns_6_kill_in_a_shared_pid_namespace(bundle):
    """KILL and delete reach what init leaves behind, through the cgroup."""
    bundle.without_namespace("pid").sh("sleep 1000 & sleep 1000 & wait")
    with Container(bundle) as c:
        c.create()
        c.start()
        procs = layout.mount_point("pids") or layout.mount_point("")
        until(lambda: len((procs / c.id / "cgroup.procs").read_text().split()) == 3, "three processes")
        c.kill("KILL").wait()
        until(lambda: not (procs / c.id / "cgroup.procs").read_text(), "all are gone")
        c.delete()


@layout.needs_cgroup
def test_ns_6_delete_of_stopped_with_children(bundle):
    bundle.without_namespace("pid").args("probe", "orphans", "3")
    with Container(bundle) as c:
        c.create()
        c.finish()
        assert c.status == "stopped"
        bundle.runtime.delete(c.id, force=True).ok()


# -- delete ---------------------------------------------------------------------------------------------------


def test_op_9_delete_of_stopped_frees_the_id(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        c.finish()
        c.delete()
        assert not layout.directories(c.id)
        assert not (bundle.runtime.root / c.id).exists()
        bundle.runtime.delete(c.id).fails("container does not exist")
        bundle.pid_file.unlink()
        c.create()
        c.finish()


def test_op_9_delete_of_running_has_no_effect(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        c.start()
        bundle.runtime.delete(c.id).fails(f"cannot delete container {c.id} that is not stopped: running")
        assert c.status == "running"
        assert alive(c.pid)


@pytest.mark.ours
def test_op_9_delete_right_after_the_kill(bundle):
    """The init may still be dying: that is waited for."""
    for _ in range(20):
        with Container(bundle.args("sleep", "100")) as c:
            c.create()
            c.start()
            bundle.runtime.call("kill", c.id, "KILL").ok()
            bundle.runtime.delete(c.id).ok()
            bundle.pid_file.unlink()


@pytest.mark.ours
def test_op_10_strict_delete_of_running(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        c.start()
        bundle.runtime.call("--strict", "delete", c.id).fails(f"cannot delete container {c.id} that is not stopped: running")
        assert c.status == "running"


def test_op_10_delete_of_created(bundle):
    # covers: OP-10, DEC-1
    ran, stopped = bundle.host_file("ran"), bundle.host_file("stopped")
    bundle.sh("echo x").hook_sh("poststop", f"echo x >> {stopped}")
    with Container(bundle) as c:
        c.create()
        pid = c.pid
        c.delete()
        assert not alive(pid)
        assert stopped.read_text() == "x\n"
        assert c.output == ""
        assert not ran.exists()
        assert not layout.directories(c.id)
        bundle.runtime.state(c.id).fails("container does not exist")


@pytest.mark.ours
def test_op_10_strict_delete_of_created(bundle):
    with Container(bundle.sh("echo later")) as c:
        c.create()
        bundle.runtime.call("--strict", "delete", c.id).fails(f"cannot delete container {c.id} that is not stopped: created")
        assert c.status == "created"
        c.finish()
        assert c.output == "later\n"
        bundle.runtime.call("--strict", "delete", c.id).ok()


def test_cli_7_delete_force_of_running(bundle):
    with Container(bundle.sh("trap '' TERM; sleep 1000 & wait")) as c:
        c.create()
        c.start()
        pid = c.pid
        c.delete(force=True)
        assert not alive(pid)
        bundle.runtime.state(c.id).fails("container does not exist")
        c.delete(force=True)


@layout.needs_cgroup
def test_op_9_delete_leaves_what_it_did_not_make(bundle):
    point = layout.mount_point("pids") or layout.mount_point("")
    parent = point / f"{bundle.id}-parent"
    foreign = point / f"{bundle.id}-foreign"
    parent.mkdir()
    foreign.mkdir()
    try:
        bundle.set("linux.cgroupsPath", f"/{parent.name}/child").args("sleep", "100")
        with Container(bundle) as c:
            c.create()
            c.start()
            assert (parent / "child").is_dir()
            (foreign / "cgroup.procs").write_text(str(c.pid))
            c.kill("KILL").wait()
            c.delete()
            assert parent.is_dir() and foreign.is_dir()
            assert not (parent / "child").exists()
    finally:
        for path in layout.directories(bundle.id):
            path.rmdir()


def test_op_12_delete_when_the_cgroup_is_gone(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        os.kill(c.pid, signal.SIGKILL)
        c.wait()
        for path in layout.directories(c.id):
            until(lambda p=path: not p.exists() or _removed(p), f"{path} can be removed")
        c.delete()


def _removed(path):
    try:
        path.rmdir()
        return True
    except OSError:
        return False


def test_op_12_delete_with_nested_cgroups(bundle):
    # covers: OP-12, S23
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        c.start()
        for path in layout.directories(c.id):
            (path / "a/b").mkdir(parents=True)
            (path / "c").mkdir()
        c.delete(force=True)
        assert not layout.directories(c.id)


def test_delete_force_of_a_frozen_container(bundle):
    # covers: S23, CLI-7
    freezer = layout.mount_point("freezer")
    if not freezer:
        pytest.skip("no v1 freezer")
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        c.start()
        freeze(freezer / c.id)
        assert c.status == "paused"
        bundle.runtime.delete(c.id).fails(f"cannot delete container {c.id} that is not stopped: paused")
        c.delete(force=True)


def test_r6_state_root_lost(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        os.kill(c.pid, signal.SIGKILL)
        c.wait()
        shutil.rmtree(bundle.runtime.root)
        bundle.runtime.state(c.id).fails("container does not exist")
        c.delete(force=True)
        for path in layout.directories(c.id):
            until(lambda p=path: _removed(p), f"{path} can be removed")


def test_op_14_run_is_create_start_delete(bundle):
    result = bundle.sh("echo out; echo err >&2; exit 7").run()
    assert (result.code, result.out, result.err) == (7, "out\n", "err\n")
    bundle.runtime.state(bundle.id).fails("container does not exist")
