"""Terminals, the console socket, the pidfd socket: PR-2, PR-3, CLI-5, engines.md 5.4, 5.5, S10."""

import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import Container


class Socket:
    """A listening socket that takes one message with descriptors."""

    def __init__(self, path):
        self.path = str(path)
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        where = os.open(os.path.dirname(self.path), os.O_PATH)
        self.server.bind(f"/proc/self/fd/{where}/{os.path.basename(self.path)}")
        os.close(where)
        self.server.listen()
        self.server.settimeout(10)

    def receive(self):
        """(payload, descriptors) of the one message."""
        peer, _ = self.server.accept()
        data, fds, _, _ = socket.recv_fds(peer, 4096, 16)
        rest = peer.recv(100)
        peer.close()
        assert rest == b"", "more than one message"
        return data.decode(), fds

    def close(self):
        self.server.close()


@contextmanager
def listening(bundle, path=None):
    sock = Socket(path or bundle.host_file("console.sock"))
    try:
        yield sock
    finally:
        sock.close()


@contextmanager
def terminal(bundle, path=None):
    """A created container with a terminal; yields (container, name, master)."""
    bundle.set("process.terminal", True)
    with listening(bundle, path) as sock, Container(bundle) as c:
        c.create("--console-socket", sock.path)
        name, fds = sock.receive()
        try:
            assert len(fds) == 1, "exactly one descriptor"
            yield c, name, fds[0]
        finally:
            for fd in fds:
                os.close(fd)


def read_until(fd, text, seconds=10):
    seen, end = b"", time.monotonic() + seconds
    while text not in seen:
        assert select.select([fd], [], [], max(0, end - time.monotonic()))[0], f"only {seen!r} came"
        try:
            part = os.read(fd, 65536)
        except OSError:  # EIO: the slave is closed
            part = b""
        if not part:
            break
        seen += part
    return seen.decode()


def document(fd):
    """The probe's JSON, which ends with `}` at the end of a line."""
    return json.loads(read_until(fd, b"}\r\n").replace("\r\n", "\n"))


def test_cli_5_console_socket(bundle):
    # covers: PR-2, CLI-5, LX-2
    with terminal(bundle.args("probe", "report")) as (c, name, master):
        assert name.startswith("/dev/pts/") or name == "/dev/ptmx"
        assert os.isatty(master)
        c.start()
        report = document(master)
        assert report["tty"] == [1, 1, 1] and report["controlling"]
        assert report["ttyname"].startswith("/dev/pts/") or report["ttyname"] == "/dev/console"
        assert report["sid"] == report["pgid"] == report["foreground_group"] == 1
        assert set(report["fds"]) == {"0", "1", "2"}
        console = [m for m in report["mountinfo"].splitlines() if " /dev/console " in m]
        assert len(console) == 1 and " - devpts " in console[0]


def test_pr_2_console_node(bundle):
    with terminal(bundle.args("probe", "stat", "/dev/console", "/dev/pts/0")) as (c, _, master):
        c.start()
        seen = document(master)
        assert seen["/dev/console"]["type"] == "c" and seen["/dev/console"]["rdev"][0] in range(136, 144)
        assert seen["/dev/console"]["rdev"] == seen["/dev/pts/0"]["rdev"]


def test_pr_2_terminal_belongs_to_the_user(bundle):
    bundle.set("process.user", {"uid": 1000, "gid": 1000}).sh("stat -c %u /dev/pts/0; echo x > /dev/tty; echo end")
    with terminal(bundle) as (c, _, master):
        c.start()
        assert read_until(master, b"end").split() == ["1000", "x", "end"]


def test_pr_2_job_control(bundle):
    with terminal(bundle.args("/bin/sh", "-i")) as (c, _, master):
        c.start()
        seen = read_until(master, b"# ")
        os.write(master, b"sleep 100\n")
        time.sleep(0.2)
        os.write(master, b"\x03")
        time.sleep(0.1)
        os.write(master, b"echo got$((1+1))\n")
        seen += read_until(master, b"got2\r")
        assert "can't access tty" not in seen
        os.write(master, b"exit\n")
        c.wait()


def test_pr_3_console_size(bundle):
    bundle.set("process.consoleSize", {"height": 33, "width": 77}).sh("stty size; echo end")
    with terminal(bundle) as (c, _, master):
        c.start()
        assert read_until(master, b"end").split()[:2] == ["33", "77"]


def test_pr_3_size_set_by_the_engine(bundle):
    with terminal(bundle.sh("stty size; echo end")) as (c, _, master):
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
        c.start()
        assert read_until(master, b"end").split()[:2] == ["20", "60"]


def test_pr_3_without_terminal_is_ignored(bundle):
    bundle.set("process.consoleSize", {"height": 1, "width": 2}).args("true").run().ok()


@pytest.mark.parametrize("size", [{"height": 5}, {"width": 5}, {"height": 65536, "width": 1}, {"height": -1, "width": 1}], ids=str)
def test_pr_3_bad_size(bundle, size):
    bundle.set("process.terminal", True).set("process.consoleSize", size)
    with listening(bundle) as sock:
        bundle.refused("process.consoleSize", options=("--console-socket", sock.path))


def test_q2_output_of_a_short_program_is_not_lost(bundle):
    # covers: engines.md 5.4 (handed over before the program can run)
    with terminal(bundle.sh("echo short")) as (c, _, master):
        c.finish()
        assert "short" in read_until(master, b"short")


def test_console_socket_with_a_long_path(bundle):
    """Longer than sun_path."""
    deep = bundle.dir
    for n in range(3):
        deep = deep / ("x" * 60 + str(n))
        deep.mkdir()
    with terminal(bundle.sh("echo long"), path=deep / "sock") as (c, _, master):
        c.finish()
        assert "long" in read_until(master, b"long")


def test_console_socket_relative_to_the_caller(bundle):
    bundle.set("process.terminal", True).args("true")
    with listening(bundle) as sock, Container(bundle) as c:
        c.create("--console-socket", "console.sock", cwd=bundle.dir)
        _, (fd,) = sock.receive()
        os.close(fd)


@pytest.mark.parametrize("verb", ["create", "run -d"])
def test_terminal_without_a_socket(bundle, verb):
    text = f"cannot allocate tty if {bundle.runtime.name} will detach without setting console socket"
    bundle.set("process.terminal", True).write()
    bundle.runtime.call(*verb.split(), "-b", bundle.dir, bundle.id).fails(text)


@pytest.mark.parametrize("verb", ["create", "run", "run -d"])
def test_socket_without_a_terminal(bundle, verb):
    text = f"cannot use console socket if {bundle.runtime.name} will not detach or allocate tty"
    bundle.write()
    bundle.runtime.call(*verb.split(), "--console-socket", "/nowhere", "-b", bundle.dir, bundle.id).fails(text)


def test_console_socket_missing(bundle):
    bundle.set("process.terminal", True).refused(text="no such file or directory", options=("--console-socket", "/nowhere/sock"))


def test_console_socket_is_just_closed_on_failure(bundle):
    bundle.set("process.terminal", True).args("/nonexistent")
    with listening(bundle) as sock:
        bundle.refused(options=("--console-socket", sock.path))


@pytest.mark.parametrize("evil", ["console", "pts", "ptmx"])
def test_s10_console_of_a_hostile_image(bundle, evil):
    # covers: S10 (CVE-2025-52565)
    bundle.own_rootfs()
    victim = bundle.rootfs / "victim"
    victim.write_text("precious")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    dev = bundle.rootfs / "dev"
    if evil == "console":
        (dev / "console").symlink_to("/proc/sys/kernel/core_pattern")
    elif evil == "pts":
        (dev / "pts").mkdir()
        (dev / "pts/0").symlink_to("/victim")
    else:
        (dev / "ptmx").write_text("fake")
    bundle.set("process.terminal", True).args("probe")
    core = Path("/proc/sys/kernel/core_pattern").read_text()
    with listening(bundle) as sock, Container(bundle) as c:
        if bundle.create("--console-socket", sock.path).code == 0:
            points = [m["point"] for m in c.mounts]
            assert "/proc/sys/kernel/core_pattern" not in points and "/victim" not in points
    assert victim.read_text() == "precious" and Path("/proc/sys/kernel/core_pattern").read_text() == core


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["create", "run -d"])
def test_pidfd_socket(bundle, verb):
    # covers: engines.md 5.5
    bundle.args("sleep", "100").write()
    with listening(bundle) as sock, Container(bundle) as c:
        bundle.runtime.call(*verb.split(), "-b", bundle.dir, "--pid-file", bundle.pid_file, "--pidfd-socket", sock.path, c.id,
                            out=c.out).ok()
        _, (fd,) = sock.receive()
        assert f"Pid:\t{c.pid}\n" in Path(f"/proc/self/fdinfo/{fd}").read_text()
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        c.wait()
        os.close(fd)


# -- the foreground -----------------------------------------------------------------------------------------------


def on_a_pty(bundle, typed=b"", size=(24, 80), words=None):
    """A foreground run, or the given command, with its stdio on a new pty.  Returns (exit code, what came, whether the
    settings are restored)."""
    rt = bundle.write().runtime
    words = words or ["run", "-b", bundle.dir, bundle.id]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    before = termios.tcgetattr(slave)
    with subprocess.Popen([*rt.layout.wrap, rt.path, "--root", rt.root, *words], stdin=slave,
                          stdout=slave, stderr=slave, start_new_session=True,
                          preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as run:
        seen = read_until(master, b"ready")
        os.write(master, typed)
        if typed:
            seen += read_until(master, b"end")
        code = run.wait(10)
    restored = before == termios.tcgetattr(slave)
    while select.select([master], [], [], 0)[0]:
        seen += os.read(master, 65536).decode()
    os.close(slave)
    os.close(master)
    return code, seen, restored


def test_foreground_terminal(bundle):
    # covers: engines.md 5.4
    bundle.set("process.terminal", True).sh("tty; stty size; echo ready; read x; echo got-$x; echo end; exit 4")
    code, seen, restored = on_a_pty(bundle, b"word\r", size=(31, 91))
    assert code == 4
    assert "31 91" in seen and "got-word" in seen and "/dev/" in seen
    assert restored, "the terminal's settings are not restored"


def test_foreground_without_terminal_gets_none(bundle):
    """terminal false: the caller's terminal must not reach the program."""
    bundle.sh("test -t 0 && echo tty0; test -t 1 && echo tty1; test -t 2 && echo tty2; echo ready")
    code, seen, restored = on_a_pty(bundle)
    assert code == 0 and "tty" not in seen and restored


@pytest.mark.ours
def test_foreground_terminal_without_one(bundle):
    """Needs a terminal on 2, 1 or 0, else /dev/tty, else error."""
    bundle.set("process.terminal", True).args("true").run(wrap=("setsid", "--wait")).fails()


@contextmanager
def in_front(bundle, *words, out=None):
    """A foreground command whose stdio is a pty; yields (process, master, slave, the settings before)."""
    rt = bundle.write().runtime
    words = words or ("run", "-b", bundle.dir, bundle.id)
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    with subprocess.Popen([*rt.layout.wrap, rt.path, "--root", rt.root, *words], stdin=slave, stdout=out or slave, stderr=slave,
                          start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as process:
        try:
            yield process, master, slave, before
        finally:
            process.kill()
            os.close(slave)
            os.close(master)


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_5_4_size_and_keys_reach_the_program(bundle, verb):
    """SIGWINCH copies the size; the interrupt key is the container's terminal's."""
    script = "trap 'stty size; echo changed' WINCH; trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done"
    with Container(bundle) as c:
        if verb == "exec":
            bundle.args("sleep", "100")
            c.run()
            words = ("exec", "-t", c.id, "sh", "-c", script)
        else:
            bundle.set("process.terminal", True).sh(script)
            words = ()
        with in_front(bundle, *words) as (process, master, slave, before):
            read_until(master, b"ready")
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))
            assert "50 132" in read_until(master, b"changed")
            os.write(master, b"\x03")
            assert process.wait(10) == 7
            assert termios.tcgetattr(slave) == before


@pytest.mark.parametrize("out", ["terminal", "pipe"])
@pytest.mark.parametrize("wanted", [True, False], ids=["tty", "pipes"])
def test_5_4_a_stalled_reader_holds_up_neither_signals_nor_the_end(bundle, wanted, out):
    bundle.without_namespace("pid").set("process.terminal", wanted).sh("echo ready >&2; while :; do echo aaaaaaaaaaaaaaaa; done")
    read, write = os.pipe()
    with in_front(bundle, out=write if out == "pipe" else None) as (process, master, slave, before):
        os.close(write)
        if not (wanted and out == "pipe"):
            read_until(master, b"ready")
        time.sleep(0.3)  # all buffers are full
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
        assert termios.tcgetattr(slave) == before
    os.close(read)


@pytest.mark.parametrize("wanted", [True, False], ids=["tty", "pipes"])
def test_5_4_the_last_output_arrives(bundle, wanted):
    """However much of it there is, and with the line ends of one terminal."""
    bundle.set("process.terminal", wanted).sh("i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done; echo end")
    with in_front(bundle) as (process, master, _, __):
        seen = read_until(master, b"end", 20)
        assert process.wait(10) == 0
        assert seen == "".join(f"line-{i}\r\n" for i in range(20000)) + "end" + seen[seen.rindex("end") + 3:]


@pytest.mark.parametrize("args, text", [(["/missing"], "no such file or directory"), (["/data/bad"], "exec format error")])
def test_5_4_the_terminal_is_restored_when_nothing_runs(bundle, args, text):
    bundle.own_rootfs().set("process.terminal", True).args(*args)
    bad = Path(bundle.rootfs) / "data/bad"
    bad.write_text("no program")
    bad.chmod(0o755)
    with in_front(bundle) as (process, master, slave, before):
        assert text in read_until(master, text.encode())
        assert process.wait(10) == 1
        assert termios.tcgetattr(slave) == before


def test_5_4_the_terminal_goes_away(bundle):
    """SIGHUP is handed on like any other signal."""
    bundle.without_namespace("pid").set("process.terminal", True).sh("echo ready; while :; do sleep 0.1; done")
    rt = bundle.write().runtime
    master, slave = pty.openpty()
    with subprocess.Popen([*rt.layout.wrap, rt.path, "--root", rt.root, "run", "-b", bundle.dir, bundle.id], stdin=slave,
                          stdout=slave, stderr=slave, start_new_session=True,
                          preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as process:
        os.close(slave)
        read_until(master, b"ready")
        os.close(master)
        assert process.wait(10) == 129


def test_5_4_end_of_the_input_is_passed_on(bundle):
    bundle.sh("echo ready; cat; echo behind")
    with in_front(bundle) as (process, master, _, __):
        read_until(master, b"ready")
        os.write(master, b"abc\n\x04")
        assert "abc" in read_until(master, b"behind")
        assert process.wait(10) == 0


def test_5_4_the_controlling_terminal_does(bundle):
    """Where none of 2, 1, 0 is one."""
    bundle.set("process.terminal", True).sh("tty; exit 5")
    rt = bundle.write().runtime
    master, slave = pty.openpty()

    def control():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    done = subprocess.run([*rt.layout.wrap, rt.path, "--root", rt.root, "run", "-b", bundle.dir, bundle.id], pass_fds=[slave],
                          stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=control, timeout=20)
    os.close(slave)
    os.close(master)
    assert done.returncode == 5 and done.stdout.startswith(b"/dev/") and done.stderr == b""
