"""Terminals and job control (init.md 3)."""

import os
import pty
import select
import signal
import time

import pytest


class Terminal:
    """The leader of a session on a new pty."""

    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["PS1"] = "$ "
            os.environ["ENV"] = ""
            os.execvp(argv[0], argv)
        self.text = ""

    def until(self, what, seconds=5):
        end = time.monotonic() + seconds
        while what not in self.text:
            left = end - time.monotonic()
            assert left > 0, f"no {what!r} in {self.text!r}"
            if select.select([self.fd], [], [], left)[0]:
                try:
                    self.text += os.read(self.fd, 4096).decode()
                except OSError:
                    break
        assert what in self.text
        self.text = self.text.split(what, 1)[1]

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        end = time.monotonic() + 5
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            if select.select([self.fd], [], [], 0.01)[0]:
                try:
                    os.read(self.fd, 4096)
                except OSError:
                    time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError("does not end")


def shell(init, pid1):
    return Terminal(init.argv("bash", "--norc", "-i", pid1=pid1))


@pytest.mark.parametrize("pid1", [False, True], ids=["plain", "pid1"])
def test_job_control_of_a_shell(init, pid1):
    t = shell(init, pid1)
    t.type("echo re''ady\n")
    t.until("ready")
    t.type("sleep 30\n")
    time.sleep(0.4)
    t.type("\x1a")
    t.until("Stopped")
    t.type("fg\n")
    time.sleep(0.4)
    t.type("\x03")
    time.sleep(0.1)
    t.type("echo code $?\n")
    t.until("code 130")
    t.type("exit 5\n")
    assert t.end() == 5


def test_interrupt_reaches_the_child_once(init):
    script = "trap 'echo got' INT; echo re''ady; i=0; while [ $i -lt 10 ]; do i=$((i+1)); sleep 0.1; done; echo end"
    t = Terminal(init.argv("sh", "-c", script))
    t.until("ready")
    t.type("\x03")
    t.until("end")
    assert t.end() == 0


def test_in_the_background_the_terminal_is_left_alone(init):
    if init.name == "dumb-init":
        pytest.skip("has a session of its own")
    t = Terminal(["bash", "--norc", "-i"])
    t.type("set +m; set -m; " + " ".join(init.argv("sleep", "0.5")) + " 2>/dev/null &\n")
    time.sleep(0.3)
    t.type("echo fore''ground\n")
    t.until("foreground")
    t.type("exit 0\n")
    assert t.end() == 0
