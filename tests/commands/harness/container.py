"""One container over its life."""

import errno
import json
import os
import select
import time
from pathlib import Path

from harness.bundle import Report, parse_mountinfo

PATIENCE = 10  # seconds
EXEC_VALUES = ("-e", "--env", "-u", "--user", "-g", "--additional-gids", "-c", "--cap", "--cwd", "--cgroup", "--pid-file",
               "--console-socket", "--pidfd-socket", "--preserve-fds", "--process", "-p", "--apparmor", "--process-label")


def until(condition, what, seconds=PATIENCE):
    """Polls until it holds and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.005)


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def freeze(cgroup):
    """Freezes a v1 cgroup, and waits until it is."""
    state = Path(cgroup) / "freezer.state"
    state.write_text("FROZEN")
    until(lambda: state.read_text() == "FROZEN\n", "the cgroup is frozen")


class Container:
    """with Container(bundle) as c: c.create(); c.start(); …  Leaving the block deletes it by force."""

    def __init__(self, bundle, id_=None):
        self.bundle, self.runtime = bundle, bundle.runtime
        self.id = id_ or bundle.id
        self.out = bundle.dir / f"out.{self.id}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        gone = self.runtime.delete(self.id, force=True)
        assert gone.code == 0 or error[0], gone

    def create(self, *options, **more):
        self.bundle.write()
        self.create_result = self.runtime.call("create", "--bundle", self.bundle.dir, "--pid-file", self.bundle.pid_file,
                                               *options, self.id, out=self.out, **more).ok()
        return self

    def run(self, *options, **more):
        """run --detach"""
        self.bundle.write()
        self.runtime.call("run", "--detach", "--bundle", self.bundle.dir, "--pid-file", self.bundle.pid_file, *options, self.id,
                          out=self.out, **more).ok()
        return self

    def start(self, **more):
        self.runtime.start(self.id, **more).ok()
        return self

    def exec(self, *words, **more):
        """The raw call: options and the command."""
        options, command = [], list(words)
        while command and str(command[0]).startswith("-"):
            options.append(command.pop(0))
            if options[-1] in EXEC_VALUES:
                options.append(command.pop(0))
        return self.runtime.call("exec", *options, self.id, *command, **more)

    def exec_report(self, *options, **more):
        """What the probe sees when it is exec'ed."""
        return Report(self.exec(*options, "probe", "report", **more).ok().json)

    def exec_document(self, document, *options, **more):
        """exec --process; a document that is not a str is written as JSON."""
        path = self.bundle.host_file("process.json")
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return self.exec("--process", path, *options, **more)

    def kill(self, *signal):
        self.runtime.kill(self.id, *signal).ok()
        return self

    def delete(self, force=False):
        self.runtime.delete(self.id, force).ok()
        return self

    def finish(self):
        """start, and wait for the end of the program."""
        return self.start().wait()

    def wait(self, seconds=PATIENCE):
        """Until init has ended."""
        try:
            fd = os.pidfd_open(self.pid)
        except OSError as error:
            assert error.errno in (errno.ESRCH, errno.EINVAL), error  # EINVAL: it is just ending, before Linux 6
            return self
        try:
            assert select.select([fd], [], [], seconds)[0], f"the container still runs after {seconds} s"
        finally:
            os.close(fd)
        return self

    @property
    def state(self):
        return self.runtime.state(self.id).ok().json

    @property
    def status(self):
        return self.state["status"]

    @property
    def pid(self):
        return int(self.bundle.pid_file.read_text())

    @property
    def output(self):
        return self.out.read_text()

    @property
    def json(self):
        return json.loads(self.output)

    def wait_for_output(self, text="ready"):
        until(lambda: text in self.output, f"{text!r} on stdout")
        return self

    # -- what /proc tells of init -----------------------------------------------------------------------------

    @property
    def proc(self):
        return Path(f"/proc/{self.pid}")

    def inside(self, path):
        """The host's way to a path of the container."""
        return Path(f"/proc/{self.pid}/root") / str(path).lstrip("/")

    def namespace(self, name):
        return os.stat(f"/proc/{self.pid}/ns/{name}").st_ino

    @property
    def mounts(self):
        return parse_mountinfo((self.proc / "mountinfo").read_text())

    def processes(self):
        """All living processes that share init's pid namespace, when that is its own."""
        mine = self.namespace("pid")
        found = []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.stat(f"/proc/{name}/ns/pid").st_ino == mine:
                    found.append(int(name))
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found
