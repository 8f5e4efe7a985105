"""create and run that are told to end before the program runs: they undo all, as after any failure (GEN-5, GEN-9).

runc and crun are no measure here: they take no notice of the signal."""

import os
import signal
import subprocess
import time

import pytest

from harness import Container, layout
from harness.container import alive, until
from harness.runtime import Result, read_text

ENDING = ["TERM", "INT", "HUP", "QUIT"]
CREATE = ["create"]
DETACHED = ["run", "--detach"]
FOREGROUND = ["run"]
MODES = pytest.mark.parametrize("words", [CREATE, DETACHED, FOREGROUND], ids=" ".join)


class Command:
    """The runtime at work, until what it waits for has written a line to the mark."""

    def __init__(self, bundle, words, before=None):
        rt = bundle.runtime
        bundle.write()
        self.rt, self.words = rt, words
        self.err = bundle.host_file("stderr")
        self.argv = [rt.path, "--root", str(rt.root), *words, "--bundle", str(bundle.dir), "--pid-file", str(bundle.pid_file), bundle.id]
        with open(self.err, "wb") as err:
            self.child = subprocess.Popen([*rt.layout.wrap, *self.argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                          stderr=err, preexec_fn=before, process_group=0)

    def tell(self, name):
        self.child.send_signal(getattr(signal, f"SIG{name}"))

    def result(self):
        code = self.child.wait(20)
        return Result(self.rt, self.words[0], self.argv, code, "", read_text(self.err), None)


@pytest.fixture
def mark(bundle):
    path = bundle.host_dir("trace")
    bundle.bind("/mnt", path)
    return path / "mark"


def stuck(bundle, kind, mark, then="exec sleep 1000"):
    """A hook that says who it is and does not end."""
    path = "/mnt/mark" if kind == "startContainer" else mark
    return bundle.hook_sh(kind, f"echo $$ > {path}.new; mv {path}.new {path}; {then}").args("sleep", "1000")


def nothing_left(bundle):
    assert bundle.runtime.ids() == []
    assert not layout.directories(bundle.id)
    assert not bundle.pid_file.exists()


@pytest.mark.ours
@pytest.mark.parametrize("name", ENDING)
def test_by_which_signal(bundle, mark, name):
    command = Command(stuck(bundle, "createRuntime", mark), CREATE)
    hook = int(until(lambda: mark.exists() and mark.read_text(), "the hook runs"))
    command.tell(name)
    number = getattr(signal, f"SIG{name}")
    result = command.result().fails(f"error running createRuntime hook #0: interrupted by signal {number}, stdout: , stderr: ",
                                    code=128 + number, stage="process")
    assert result.message.endswith("stderr: ")
    until(lambda: not alive(hook), "the hook is gone")
    nothing_left(bundle)
    bundle.drop("hooks")
    with Container(bundle) as c:  # the id can be used again
        c.create()


@pytest.mark.ours
@MODES
@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer", "startContainer", "poststart"])
def test_during_which_hook(bundle, mark, words, kind):
    if words == CREATE and kind in ("startContainer", "poststart"):
        return
    ended = bundle.host_file("ended")
    stuck(bundle, kind, mark).hook_sh("poststop", f"echo poststop >> {ended}")
    command = Command(bundle, words)
    until(mark.exists, "the hook runs")
    command.tell("TERM")
    in_host = kind in ("prestart", "createRuntime", "poststart")
    text = f"error running {kind} hook #0: interrupted by signal 15, stdout: , stderr: " if in_host else "interrupted by signal 15"
    result = command.result().fails(text, code=143, stage="process")
    assert result.message == f"{result.prefix}unable to start container process: {text}"
    nothing_left(bundle)
    assert ended.read_text() == "poststop\n"


@pytest.mark.ours
def test_a_second_signal_ends_the_poststop_hooks(bundle, mark):
    last = bundle.host_file("last")
    stuck(bundle, "createRuntime", mark).hook_sh("poststop", f"echo > {last}; exec sleep 1000")
    command = Command(bundle, CREATE)
    until(mark.exists, "the hook runs")
    command.tell("TERM")
    until(last.exists, "the poststop hook runs")
    command.tell("INT")
    command.result().fails("error running createRuntime hook #0: interrupted by signal 15, stdout: , stderr: ", code=130)
    nothing_left(bundle)


@MODES
def test_what_the_caller_ignores(bundle, mark, words):
    """nohup(1)"""
    def nohup():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    gate = bundle.host_file("gate")
    os.mkfifo(gate)
    command = Command(stuck(bundle, "createRuntime", mark, then=f"cat {gate}").args("true"), words, before=nohup)
    try:
        until(mark.exists, "the hook runs")
        command.tell("HUP")
        time.sleep(0.05)
        gate.write_text("go")
        assert command.result().code == 0
    finally:
        bundle.runtime.delete(bundle.id, force=True)


def test_a_waiting_init_has_the_callers_mask(bundle):
    """What the runtime holds back for itself ends the init of a container that shares the pid namespace."""
    with Container(bundle.without_namespace("pid")) as c:
        c.create()
        pid = c.pid
        status = dict(line.split(":\t", 1) for line in (c.proc / "status").read_text().splitlines() if ":\t" in line)
        if bundle.runtime.ours:
            assert int(status["SigBlk"], 16) == 0 and int(status["SigPnd"], 16) == 0
        os.kill(pid, signal.SIGTERM)
        until(lambda: not alive(pid), "the init is gone")
