"""pause and resume: engines.md 2.12, OP-14."""

import os
import signal
import subprocess
import time

import pytest

from harness import Container, layout
from harness.container import alive, freeze, until

COUNT = "echo ready; while :; do echo x; sleep 0.01; done"


def freezer(c):
    """The directory whose freezer is used, and its file."""
    v1 = c.runtime.layout is not layout.V2 and layout.mount_point("freezer")
    return (v1 / c.id, "freezer.state") if v1 else (layout.mount_point("") / c.id, "cgroup.freeze")


def stands_still(c):
    first = c.out.stat().st_size
    time.sleep(0.15)
    return c.out.stat().st_size == first


@pytest.fixture(params=["native", "v2"])
def anywhere(request, runtime):
    if request.param == "v2":
        if not layout.mount_point(""):
            pytest.skip("no cgroup v2 on this machine")
        runtime.layout = layout.V2
    return runtime


@pytest.fixture
def counter(anywhere, bundle):
    bundle.runtime.layout = anywhere.layout
    return bundle.sh(COUNT)


def test_op_14_pause_and_resume(counter):
    with Container(counter) as c:
        c.run().wait_for_output()
        c.runtime.call("pause", c.id).ok()
        assert c.status == "paused"
        assert stands_still(c)
        c.runtime.call("resume", c.id).ok()
        assert c.status == "running"
        until(lambda: not stands_still(c), "it goes on")


def test_op_14_pause_reaches_sub_cgroups(counter):
    """Recursive."""
    with Container(counter) as c:
        c.run().wait_for_output()
        top, _ = freezer(c)
        sub = top / "sub"
        sub.mkdir()
        (sub / "cgroup.procs").write_text(str(c.pid))
        c.runtime.call("pause", c.id).ok()
        assert c.status == "paused" and stands_still(c)
        c.runtime.call("resume", c.id).ok()
        until(lambda: not stands_still(c), "it goes on")


def test_op_14_pause_of_a_created_container(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        c.runtime.call("pause", c.id).ok()
        assert c.status == "paused"
        c.runtime.start(c.id).fails("cannot start a container in the paused state")
        c.runtime.call("resume", c.id).ok()
        assert c.status == "created"
        c.start()
        assert c.status == "running"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_op_14_wrong_states(bundle, verb):
    text = "container not running" if verb == "pause" else "container not paused"
    rt = bundle.runtime
    rt.call(verb, bundle.id).fails("container does not exist")
    rt.call(verb).fails("requires exactly 1 argument")
    with Container(bundle.args("sleep", "100")) as c:
        c.run()
        if verb == "resume":
            rt.call(verb, c.id).fails(text)
        else:
            rt.call(verb, c.id).ok()
            rt.call(verb, c.id).fails(text)
        c.kill("KILL")
        if verb == "pause":
            rt.call("resume", c.id)
        c.wait()
        rt.call(verb, c.id).fails(text)


def test_resume_of_what_somebody_else_froze(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.run()
        top, name = freezer(c)
        if name == "freezer.state":
            freeze(top)
        else:
            (top / name).write_text("1")
        until(lambda: c.status == "paused", "it is paused")
        c.runtime.call("resume", c.id).ok()
        assert c.status == "running"


def test_kill_and_delete_of_a_paused_container(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.run()
        c.runtime.call("pause", c.id).ok()
        c.runtime.delete(c.id).fails(f"cannot delete container {c.id} that is not stopped: paused" if c.runtime.ours else "")
        c.delete(force=True)
        assert not alive(c.pid)


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["pause", "resume", "ps"])
def test_without_cgroups(bundle, verb):
    bundle.drop("linux.cgroupsPath")
    with Container(bundle.args("sleep", "100")) as c:
        bundle.write()
        c.runtime.call("--cgroup-manager", "disabled", "run", "-d", "-b", bundle.dir, "--pid-file", bundle.pid_file, c.id,
                       out=c.out).ok()
        c.runtime.call(verb, c.id).fails("container not paused" if verb == "resume" else "the container is not using cgroups")


@pytest.mark.ours
@pytest.mark.patience(40)
def test_resume_that_cannot_be_is_undone(bundle):
    """Somebody has frozen the cgroup above."""
    above = f"{bundle.id}.above"
    with Container(bundle.set("linux.cgroupsPath", f"/{above}/{bundle.id}").args("sleep", "100")) as c:
        c.run()
        top, name = freezer(c)
        top = top.parent / above / c.id
        if name != "freezer.state":
            pytest.skip("only written for the freezer of v1")
        c.runtime.call("pause", c.id).ok()
        freeze(top.parent)
        began = time.monotonic()
        c.runtime.call("resume", c.id).fails(f"cgroup: {top} is still not thawed")
        assert 9 < time.monotonic() - began < 15
        assert c.status == "paused"
        (top.parent / name).write_text("THAWED")
        assert (top / "freezer.self_freezing").read_text() == "1\n"
        c.runtime.call("resume", c.id).ok()
        assert c.status == "running"


@pytest.mark.ours
@pytest.mark.skipif(not layout.has_v1("freezer"), reason="frozen processes die on v2")
def test_pause_of_what_is_being_killed(bundle):
    """A KILL waits for an init that the freezer of a sub-cgroup holds, as it would for one that a pause froze behind the
    thaw of `kill`: pause gives way."""
    with Container(bundle.args("sleep", "100")) as c:
        c.run()
        top, _ = freezer(c)
        sub = top / "sub"
        sub.mkdir()
        (sub / "cgroup.procs").write_text(str(c.pid))
        freeze(sub)
        os.kill(c.pid, signal.SIGKILL)
        assert c.status == "running"
        c.runtime.call("pause", c.id).fails("container not running")
        (sub / "freezer.state").write_text("THAWED")
        c.wait()
        assert c.status == "stopped"


@pytest.mark.ours
@pytest.mark.patience(180)  # an emulated machine takes a second for each of the hundred calls
def test_pause_and_kill_at_once(counter):
    """Whoever comes first: the container ends."""
    for n in range(20):
        counter.pid_file.unlink(missing_ok=True)
        with Container(counter) as c:
            c.run()
            line = [*c.runtime.layout.wrap, c.runtime.path, "--root", c.runtime.root]
            with subprocess.Popen([*line, "pause", c.id], stderr=subprocess.DEVNULL):
                time.sleep(n % 10 * 0.0002)
                c.runtime.call("kill", c.id, "KILL").ok()
            c.wait()
            assert c.status == "stopped"
