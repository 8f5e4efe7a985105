"""SIGKILL of the runtime at its system calls; `delete --force` then converges (I1 to I3, I7, OP-12, security.md 10 row 1)."""

import json
import os
import re
import shutil
import subprocess
import time
from collections import Counter

import pytest

from harness import Bundle, images, layout
from harness.container import alive, until
from harness.inventory import processes
from harness.plugin import NOTES

BUDGET = 45.0  # seconds for one verb; the stride is chosen to fit
CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\(")


def need_strace():
    if not shutil.which("strace"):
        pytest.skip("no strace here")


def trace(bundle, words):
    """The runtime's own system calls during a command that succeeds, as [(name, which one of that name)]."""
    rt, log = bundle.runtime, bundle.dir / "strace"
    subprocess.run(["strace", "-qq", "-o", log, rt.path, "--root", str(rt.root), *map(str, words)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
    seen, calls = Counter(), []
    for line in log.read_text().splitlines():
        m = CALL.match(line)
        if m and m[1] not in ("execve", "exit", "exit_group"):  # strace hangs on a kill at the execve that it makes itself
            seen[m[1]] += 1
            calls.append((m[1], seen[m[1]]))
    return calls


def killed_at(bundle, call, words, signal="KILL"):
    """Runs the command and sends the runtime a signal as it enters that call.  The traced process is the runtime alone:
    children are not followed."""
    rt = bundle.runtime
    name, which = call
    out = subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:signal={signal}:when={which}",
                          rt.path, "--root", str(rt.root), *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, timeout=15)  # no pipe: a container would keep it open
    return out.returncode


def create_words(bundle):
    bundle.write()
    return ["create", "--bundle", bundle.dir, "--pid-file", bundle.pid_file, bundle.id]


def status(bundle):
    """What `state` says; it must parse, or say that there is no container (I1, I7)."""
    result = bundle.runtime.state(bundle.id)
    if result.code:
        assert "container does not exist" in result.message, result
        return None
    return json.loads(result.out)["status"]


def converges(bundle, before, where):
    """delete --force twice, then nothing is left."""
    for _ in range(2):
        result = bundle.runtime.delete(bundle.id, force=True)
        assert result.code == 0, (where, result)
    assert status(bundle) is None, where
    root = bundle.runtime.root
    left = [n for n in os.listdir(root)] if root.is_dir() else []
    assert not left, (where, left)
    end = time.monotonic() + 1
    while (extra := processes() - before) and time.monotonic() < end:
        time.sleep(0.002)
    assert not extra, (where, [open(f"/proc/{p}/cmdline").read() for p in extra if alive(p)])
    assert not layout.directories(bundle.id), (where, layout.directories(bundle.id))


def sample(calls, cost, what):
    """Every call, or every n-th where that would take too long; OCIRT_FAULT_STRIDE wins."""
    stride = int(os.environ.get("OCIRT_FAULT_STRIDE", 0)) or max(1, int(len(calls) * cost / BUDGET + 0.999))
    NOTES.append(f"{what}: {len(calls)} system calls, a kill at every {stride}.")
    return calls[::stride]


pytestmark = pytest.mark.patience(240)


def imaged(bundle, kind="squashfs"):
    return bundle.set("root.path", str(images.image_of(kind)))


def loops():
    """Those of our images, from now on: none, after a moment."""
    images.all_free("image.squashfs", "image.erofs", "image.ext4")


CONFIGS = {
    "plain": lambda b: b,
    "hooks": lambda b: b.hook("createRuntime", "/bin/true").hook("createContainer", "/bin/true"),
    "user namespace": lambda b: b.own_rootfs().user_namespace(),
    "init": lambda b: b.annotate(**{"org.ocirt.init": "true"}),
    "no mount namespace": lambda b: b.own_rootfs().without_namespace("mount").set("linux.maskedPaths", []).set(
        "linux.readonlyPaths", []),
    "image": imaged,
    "image that is a file": lambda b: imaged(b, "erofs"),
    "image in a user namespace": lambda b: imaged(b, "ext4").user_namespace(),
    "image and overlay": lambda b: imaged(b).annotate(**{"org.ocirt.root.overlay": "tmpfs"}),
}


@pytest.mark.ours
@pytest.mark.parametrize("config", CONFIGS)
def test_create_killed_at_every_call(runtime, config):
    need_strace()
    bundle = CONFIGS[config](Bundle(runtime)).args("true")
    before = processes()
    begin = time.monotonic()
    calls = trace(bundle, create_words(bundle))
    converges(bundle, before, "no fault")
    cost = 3 * (time.monotonic() - begin)
    mounts = open("/proc/self/mountinfo").read()
    killed = 0
    for call in sample(calls, cost, f"create, {config}"):
        bundle.pid_file.unlink(missing_ok=True)
        killed += killed_at(bundle, call, create_words(bundle)) != 0
        assert status(bundle) in (None, "creating", "created", "stopped"), call
        converges(bundle, before, call)
        assert open("/proc/self/mountinfo").read() == mounts, call
        loops()
    assert killed


@pytest.mark.ours
@pytest.mark.parametrize("config", ["hooks", "init", "no mount namespace"])
def test_create_told_to_end_at_every_call(runtime, config):
    """SIGTERM: create has done all, or nothing; nobody has to clean up behind it."""
    need_strace()
    bundle = CONFIGS[config](Bundle(runtime)).args("true")
    before = processes()
    begin = time.monotonic()
    calls = trace(bundle, create_words(bundle))
    converges(bundle, before, "no fault")
    cost, ended = 2 * (time.monotonic() - begin), 0
    mounts = open("/proc/self/mountinfo").read()
    for call in sample(calls, cost, f"create told to end, {config}"):
        bundle.pid_file.unlink(missing_ok=True)
        if killed_at(bundle, call, create_words(bundle), "TERM") == 0:
            assert status(bundle) == "created" and bundle.pid_file.exists(), call
            converges(bundle, before, call)
            continue
        ended += 1
        left = [n for n in os.listdir(bundle.runtime.root)] if bundle.runtime.root.is_dir() else []
        assert not left and not layout.directories(bundle.id) and not bundle.pid_file.exists(), (call, left)
        assert not processes() - before, call
        assert open("/proc/self/mountinfo").read() == mounts, call
    assert ended


@pytest.mark.ours
@pytest.mark.parametrize("mode", ["detached", "foreground", "detached, init", "foreground, init"])
def test_run_killed_at_every_call(runtime, mode):
    """A program that runs already lives on, as a container that every verb knows."""
    need_strace()
    bundle = Bundle(runtime).args("sleep", "1000" if "detached" in mode else "0.02")
    if "init" in mode:
        CONFIGS["init"](bundle)
    before = processes()
    bundle.write()
    words = ["run", *(["--detach"] if "detached" in mode else []), "--bundle", bundle.dir, "--pid-file", bundle.pid_file, bundle.id]
    begin = time.monotonic()
    calls = trace(bundle, words)
    converges(bundle, before, "no fault")
    cost, killed = 3 * (time.monotonic() - begin), 0
    for call in sample(calls, cost, f"run, {mode}"):
        bundle.pid_file.unlink(missing_ok=True)
        killed += killed_at(bundle, call, words) != 0
        assert status(bundle) in (None, "creating", "created", "running", "stopped"), call
        converges(bundle, before, call)
    assert killed


@pytest.mark.ours
def test_create_again_after_a_kill(runtime):
    """The id is free again, or says that it is in use; never half and half."""
    need_strace()
    bundle = Bundle(runtime).args("true")
    before = processes()
    calls = trace(bundle, create_words(bundle))
    converges(bundle, before, "no fault")
    for call in calls[::max(1, len(calls) // 25)]:
        bundle.pid_file.unlink(missing_ok=True)
        killed_at(bundle, call, create_words(bundle))
        result = bundle.create()
        assert result.code == 0 or "already exists" in result.message, (call, result)
        converges(bundle, before, call)


@pytest.mark.ours
@pytest.mark.parametrize("config", ["plain", "init"])
@pytest.mark.parametrize("verb", ["start", "delete"])
def test_start_and_delete_killed_at_every_call(runtime, verb, config):
    need_strace()
    bundle = CONFIGS[config](Bundle(runtime)).args("sleep", "1000")
    before = processes()
    bundle.create().ok()
    begin = time.monotonic()
    calls = trace(bundle, [verb, bundle.id])
    converges(bundle, before, "no fault")
    cost = 4 * (time.monotonic() - begin)
    for call in sample(calls, cost, verb):
        bundle.pid_file.unlink(missing_ok=True)
        bundle.create().ok()
        killed_at(bundle, call, [verb, bundle.id])
        assert status(bundle) in (None, "created", "running", "stopped"), call
        converges(bundle, before, call)


def inside(pid):
    """{pid: cmdline} of who is in the pid namespace of that init beside it."""
    mine, found = os.stat(f"/proc/{pid}/ns/pid").st_ino, {}
    for other in processes() - {pid}:
        try:
            if os.stat(f"/proc/{other}/ns/pid").st_ino == mine and alive(other):
                found[other] = open(f"/proc/{other}/cmdline").read()
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


EXECS = {
    "plain": lambda b: b,
    "user namespace": lambda b: b.own_rootfs().user_namespace(),
}


@pytest.mark.ours
@pytest.mark.parametrize("config", EXECS)
def test_exec_killed_at_every_call(runtime, config):
    """Nothing of ours is left in the container: at most the program, where the kill came after it had been executed."""
    need_strace()
    bundle = EXECS[config](Bundle(runtime)).args("sleep", "1000")
    before = processes()
    bundle.create().ok()
    runtime.start(bundle.id).ok()
    init, file = int(bundle.pid_file.read_text()), bundle.host_file("exec.pid")
    words = ["exec", "--detach", "--pid-file", file, bundle.id, "sleep", "999"]
    begin = time.monotonic()
    calls = trace(bundle, words)
    os.kill(int(file.read_text()), 9)
    killed = 0
    for call in sample(calls, 3 * (time.monotonic() - begin), f"exec, {config}"):
        file.unlink(missing_ok=True)
        killed += killed_at(bundle, call, words) != 0
        until(lambda: set(inside(init).values()) <= {"sleep\0999\0"}, f"only the program is left after {call}", 5)
        for pid in inside(init):
            os.kill(pid, 9)
        assert not file.exists() or file.read_text().isdigit(), call
        assert status(bundle) == "running", call
    assert killed
    converges(bundle, before, "at the end")


LIMITS = ["--pids-limit", "30", "--memory", "32m", "--cpu-quota", "20000"]
UNDER_WAY = {  # of a running container: (what makes it ready, the verb under the fault, what must still work then)
    "update": ([], ["update", *LIMITS], ["update", *LIMITS]),
    "pause": ([], ["pause"], None),
    "resume": (["pause"], ["resume"], None),
    "kill": ([], ["kill", "--all", "CONT"], ["kill", "--all", "CONT"]),
}


def limits(bundle):
    """What is in force of LIMITS, whichever hierarchies carry it."""
    names = ("pids.max", "memory.limit_in_bytes", "memory.max", "cpu.cfs_quota_us", "cpu.max")
    return {(str(d), name): (d / name).read_text() for d in layout.directories(bundle.id) for name in names if (d / name).exists()}


@pytest.mark.ours
@pytest.mark.parametrize("verb", UNDER_WAY)
def test_verbs_of_a_running_container_killed_at_every_call(runtime, verb):
    """The container lives on, its state can be read, the verb can be given again, and nothing is left by delete."""
    need_strace()
    before_words, words, again = UNDER_WAY[verb]
    bundle = Bundle(runtime).args("sleep", "1000")
    bundle.set("linux.resources", {"memory": {"limit": 64 << 20}, "pids": {"limit": 40}, "cpu": {"quota": 50000, "period": 100000}})
    before = processes()
    bundle.create().ok()
    runtime.start(bundle.id).ok()
    state_file = runtime.root / bundle.id / "state.json"

    def give(some):
        if some:
            runtime.call(some[0], *some[1:2] if some[0] == "kill" else some[1:], bundle.id, *some[2:] if some[0] == "kill" else ()).ok()

    def line(some):
        return [*some[:2], bundle.id, *some[2:]] if some[0] == "kill" else [*some, bundle.id]

    give(before_words)
    begin = time.monotonic()
    calls = trace(bundle, line(words))
    whole = limits(bundle)
    killed = 0
    for call in sample(calls, 5 * (time.monotonic() - begin), verb):
        if status(bundle) == "paused":
            runtime.call("resume", bundle.id).ok()
        runtime.call("update", "--pids-limit", "40", "--memory", "64m", "--cpu-quota", "50000", bundle.id).ok()
        give(before_words)
        killed += killed_at(bundle, call, line(words)) != 0
        assert status(bundle) in ("running", "paused"), call
        assert json.loads(state_file.read_text())["id"] == bundle.id, call
        assert sorted(os.listdir(state_file.parent)) == ["config.json", "lock", "state.json"], call
        if again:
            give(again)
            assert limits(bundle) == whole or verb != "update", call
    assert killed
    converges(bundle, before, "at the end")


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["update", "pause", "kill"])
def test_delete_after_a_verb_that_was_killed(runtime, verb):
    """delete --force ends the container at whatever call the verb before it was killed."""
    need_strace()
    words = [w for w in ({"kill": ["kill"]}.get(verb) or UNDER_WAY[verb][1])]
    bundle = Bundle(runtime).args("sleep", "1000")
    before = processes()
    bundle.create().ok()
    begin = time.monotonic()
    calls = trace(bundle, [*words, bundle.id])
    converges(bundle, before, "no fault")
    for call in sample(calls, 8 * (time.monotonic() - begin), f"{verb}, then delete"):
        bundle.pid_file.unlink(missing_ok=True)
        bundle.create().ok()
        runtime.start(bundle.id).ok()
        killed_at(bundle, call, [*words, bundle.id])
        converges(bundle, before, call)


@pytest.mark.ours
def test_poststop_hooks_run_once_whenever_delete_is_killed(runtime):
    # covers: HK-12
    need_strace()
    bundle = Bundle(runtime).args("true")
    before = processes()
    count = bundle.host_file("count")
    bundle.hook_sh("poststop", f"echo x >> {count}")
    bundle.create().ok()
    calls = trace(bundle, ["delete", bundle.id])
    for call in calls[::max(1, len(calls) // 25)]:
        bundle.pid_file.unlink(missing_ok=True)
        count.unlink(missing_ok=True)
        bundle.create().ok()
        killed_at(bundle, call, ["delete", bundle.id])
        converges(bundle, before, call)
        assert count.read_text().count("x") <= 2, call


@pytest.mark.ours
@pytest.mark.parametrize("delay", range(0, 20))
def test_runtime_killed_after_a_while(bundle, delay):
    """The coarse form: SIGKILL at a moment of create.  (runc 1.1.5 leaves cgroups at two moments of three.)"""
    before = processes()
    rt = bundle.args("true").runtime
    with subprocess.Popen([rt.path, "--root", str(rt.root), *map(str, create_words(bundle))], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as create:
        time.sleep(delay * 0.0002)
        create.kill()
    converges(bundle, before, delay)


@pytest.mark.parametrize("verb", ["start", "delete"])
def test_init_killed_under_a_verb(bundle, verb):
    # covers: security.md 10 row 2
    for n in range(10):
        bundle.pid_file.unlink(missing_ok=True)
        before = processes()
        bundle.args("true").create().ok()
        pid = int(bundle.pid_file.read_text())
        with subprocess.Popen([bundle.runtime.path, "--root", str(bundle.runtime.root), verb, bundle.id], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(n * 0.0005)
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
            process.wait(20)
        until(lambda p=pid: not alive(p), "init is gone")
        converges(bundle, before, n)


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["create", "exec"])
def test_the_process_that_joins_killed_before_it_names_its_clone(runtime, verb):
    """The clone holds the other end of the channel: nobody waits for that end, and the clone is gone at once."""
    need_strace()
    other = Bundle(runtime).own_rootfs().user_namespace().args("sleep", "1000")
    before = processes()
    other.create().ok()
    runtime.start(other.id).ok()
    pid, mine = other.pid_file.read_text(), processes()
    bundle = Bundle(runtime).own_rootfs().namespace("user", f"/proc/{pid}/ns/user").drop("process.rlimits")
    words = create_words(bundle) if verb == "create" else ["exec", other.id, "true"]
    begin = time.monotonic()
    out = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", "inject=sendmsg:signal=KILL:when=1",
                          runtime.path, "--root", str(runtime.root), *map(str, words)], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=15)
    assert time.monotonic() - begin < 5, "nobody waited"
    assert "the process that joins namespaces died" in out.stderr and out.returncode == {"create": 1, "exec": 255}[verb], out
    assert status(bundle) is None and not layout.directories(bundle.id)
    until(lambda: not processes() - mine, "the clone is gone", 2)
    converges(other, before, verb)
