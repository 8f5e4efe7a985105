"""NOTIFY_SOCKET: a service manager hears that the program is ready (engines.md 5.3; sd_notify(3))."""

import os
import socket
import subprocess
import threading

import pytest

from harness import Container
from harness.container import until

INSIDE = "/run/notify/notify.sock"


class Manager:
    """The service manager's end: what it is told, in order; it answers barriers."""

    def __init__(self, path):
        self.path, self.told, self.closed = str(path), [], False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.05)
        self.env = {**os.environ, "NOTIFY_SOCKET": self.path}
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while not self.closed:
            try:
                text, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
            except TimeoutError:
                continue
            self.told.append(text.decode())
            for fd in fds:
                os.close(fd)

    def close(self):
        self.closed = True
        self.thread.join()
        self.socket.close()


@pytest.fixture
def manager(work):
    one = Manager(work / "manager.sock")
    yield one
    one.close()


def say(pid, text):
    """As the program would."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(text.encode(), f"/proc/{pid}/root{INSIDE}")


def in_background(call):
    thread = threading.Thread(target=call)
    thread.start()
    return thread


@pytest.mark.parametrize("user_namespace", [False, True])
def test_start_waits_for_ready(bundle, manager, user_namespace):
    bundle.own_rootfs().tmpfs("/run").args("sleep", "100")
    if user_namespace:
        bundle.user_namespace()
    with Container(bundle).create(env=manager.env) as container:
        start = in_background(lambda: container.start(env=manager.env))
        until(lambda: os.path.exists(f"/proc/{container.pid}/root{INSIDE}"), "the socket")
        until(lambda: container.status == "running", "running")
        say(container.pid, "STATUS=soon")
        say(container.pid, "WATCHDOG=1\nSTOPPING=0")
        start.join(0.2)
        assert start.is_alive() and manager.told == []
        say(container.pid, "STATUS=now\nREADY=1\nMAINPID=1")
        start.join(10)
        assert not start.is_alive()
        assert manager.told == ["READY=1", f"MAINPID={container.pid}", "BARRIER=1"]
        assert container.status == "running"


def test_what_the_program_sees(bundle, manager):
    bundle.config["process"]["env"].append("NOTIFY_SOCKET=/of/the/config")
    bundle.sh(f"echo $NOTIFY_SOCKET; test -S {INSIDE} && stat -c %a {INSIDE}; touch /run/notify/x 2>/dev/null || echo refused; "
              "grep ' /run/notify ' /proc/self/mountinfo | cut -d' ' -f6")
    bundle.own_rootfs()
    lines = bundle.run(env=manager.env).ok().out.splitlines()
    assert lines[:3] == [INSIDE, "777", "refused"]
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(lines[3].split(","))
    assert manager.told == []


def test_start_ends_with_the_program(bundle, manager):
    bundle.own_rootfs().args("sleep", "0.3")
    with Container(bundle).create(env=manager.env) as container:
        container.start(env=manager.env)
        assert container.status == "stopped" and manager.told == []


@pytest.mark.parametrize("detach", [False, True])
def test_run_passes_it_on(bundle, manager, detach):
    bundle.own_rootfs().args("sleep", "100").write()
    container = Container(bundle)
    words = ["run", *(["--detach"] if detach else []), "--bundle", bundle.dir, "--pid-file", bundle.pid_file, container.id]
    result = []
    with container:
        run = in_background(lambda: result.append(
            bundle.runtime.call(*words, env=manager.env, out=container.out)))
        until(bundle.pid_file.exists, "the pid file")
        pid = container.pid
        say(pid, "READY=1")
        until(lambda: len(manager.told) == 3, "what the manager is told")
        assert manager.told == ["READY=1", f"MAINPID={pid}", "BARRIER=1"]
        if not detach:
            assert run.is_alive()
            container.kill("KILL")
        run.join(10)
        assert not run.is_alive() and result[0].code == (0 if detach else 137)


def test_not_set(bundle):
    bundle.own_rootfs().sh("echo ${NOTIFY_SOCKET-none}; ls -d /run/notify 2>/dev/null")
    for value in (None, ""):
        env = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
        if value is not None:
            env["NOTIFY_SOCKET"] = value
        assert bundle.run(env=env).out == "none\n"


def test_exec_does_not_pass_it(bundle, manager):
    bundle.own_rootfs().args("sleep", "100")
    with Container(bundle).create() as container:
        container.start()
        assert container.exec("env", env=manager.env).ok().out.count("NOTIFY_SOCKET") == 0


@pytest.mark.ours
def test_nobody_listens_any_more(bundle, manager):
    """The program runs: start does not fail for it, and says so."""
    bundle.own_rootfs().args("sleep", "100")
    env = {**manager.env, "NOTIFY_SOCKET": str(bundle.dir / "nobody.sock")}
    with Container(bundle).create(env=env) as container:
        result = []
        start = in_background(lambda: result.append(bundle.runtime.start(container.id, env=env)))
        until(lambda: os.path.exists(f"/proc/{container.pid}/root{INSIDE}"), "the socket")
        say(container.pid, "READY=1")
        start.join(10)
        assert result[0].ok().warnings == [f"NOTIFY_SOCKET: connect to {env['NOTIFY_SOCKET']}: no such file or directory"]
        assert container.status == "running"


@pytest.mark.ours
def test_a_start_that_is_killed_while_it_waits(bundle, manager):
    bundle.own_rootfs().args("sleep", "100")
    with Container(bundle).create(env=manager.env) as container:
        with subprocess.Popen([bundle.runtime.path, "--root", bundle.runtime.root, "start", container.id], env=manager.env) as start:
            until(lambda: container.status == "running", "running")
            start.kill()
        assert container.status == "running"
        container.kill("KILL").wait()
        container.delete()


@pytest.mark.ours
@pytest.mark.parametrize("detach", [False, True])
def test_a_queue_that_stays_full(bundle, detach):
    """A service manager that reads no more holds up neither the verb nor the signals for the program."""
    bundle.own_rootfs().args("sleep", "100").write()
    container, path, result = Container(bundle), bundle.dir / "full.sock", []
    words = ["run", *(["--detach"] if detach else []), "--bundle", bundle.dir, "--pid-file", bundle.pid_file, container.id]
    with container, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
        full.bind(str(path))
        filler.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                filler.sendto(b"x", str(path))
        run = in_background(lambda: result.append(
            bundle.runtime.call(*words, env={**os.environ, "NOTIFY_SOCKET": str(path)}, out=container.out)))
        until(bundle.pid_file.exists, "the pid file")
        say(container.pid, "READY=1")
        if not detach:
            container.kill("KILL")
        run.join(10)
        hangs = run.is_alive()
        full.close()  # what waits for its queue goes on
        run.join(10)
        assert not hangs
        assert result[0].code == (0 if detach else 137)
        assert result[0].warnings == ["NOTIFY_SOCKET: send: resource temporarily unavailable"]


class Deaf(Manager):
    """It reads, and keeps the pipe of a barrier."""

    def listen(self):
        self.kept = []
        while not self.closed:
            try:
                text, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
            except TimeoutError:
                continue
            self.told.append(text.decode())
            self.kept += fds
        for fd in self.kept:
            os.close(fd)


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["start", "run"])
def test_a_barrier_that_stays_closed(bundle, work, verb):
    """It holds up neither the end of the container nor, of a run in the foreground, signals."""
    deaf = Deaf(work / "deaf.sock")
    bundle.own_rootfs().without_namespace("pid").args("sleep", "100").write()
    words = ["run", "--bundle", bundle.dir, "--pid-file", bundle.pid_file, bundle.id] if verb == "run" else ["start", bundle.id]
    with Container(bundle) as container:
        if verb == "start":
            container.create(env=deaf.env)
        with subprocess.Popen([bundle.runtime.path, "--root", bundle.runtime.root, *words], env=deaf.env,
                              stdout=subprocess.DEVNULL) as process:
            until(lambda: bundle.pid_file.exists() and container.status == "running", "running")
            until(lambda: os.path.exists(f"/proc/{container.pid}/root{INSIDE}"), "the socket")
            say(container.pid, "READY=1")
            until(lambda: len(deaf.told) == 3, "what the manager is told")
            if verb == "run":
                process.terminate()
            else:
                assert process.poll() is None
                container.kill("TERM")
            assert process.wait(10) == (143 if verb == "run" else 0)
    deaf.close()


@pytest.mark.ours
def test_an_abstract_socket(bundle):
    """sd_notify(3): "@" stands for the NUL byte of a socket without a file."""
    name = f"{bundle.id}-manager"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(10)
        env = {**os.environ, "NOTIFY_SOCKET": "@" + name}
        bundle.own_rootfs().args("sleep", "100")
        with Container(bundle).create(env=env) as container:
            result = []
            start = in_background(lambda: result.append(bundle.runtime.start(container.id, env=env)))
            until(lambda: os.path.exists(f"/proc/{container.pid}/root{INSIDE}"), "the socket")
            say(container.pid, "READY=1")
            assert [manager.recv(100).decode() for _ in range(2)] == ["READY=1", f"MAINPID={container.pid}"]
            _, fds, _, _ = socket.recv_fds(manager, 100, 4)
            os.close(fds[0])
            start.join(10)
            assert result[0].ok().warnings == []
