"""Podman with storage, state and configuration of its own below the place."""

import contextlib
import json
import os
import signal
import subprocess

from place import Unavailable

CONFIG = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "{manager}"
events_logger = "file"
events_logfile_path = "{home}/events.log"
runtime = "{name}"
runtime_supports_json = ["crun", "runc", "ocirt"]
runtime_supports_nocgroup = ["crun", "ocirt"]
runtime_supports_nocgroups = ["crun", "ocirt"]
[engine.runtimes]
{name} = ["{path}"]
"""

NET = ("--network", "none")


def sh(podman, script, *options, code=0, **more):
    """stdout of a script in a container that goes away by itself."""
    return podman("run", "--rm", *NET, *options, "bb", "sh", "-c", script, code=code, **more)


def stay(podman, *options):
    """The id of a container that stays until it is stopped."""
    return podman("run", "-d", *NET, *options, "bb", "sleep", "1000")


class Podman:
    manager, driver, processes = "cgroupfs", "overlay", 4000

    def __init__(self, place):
        place.needs("podman", "conmon")
        self.place = place
        self.environment = self.set_up()
        config = self.home / "containers.conf"
        config.write_text(CONFIG.format(name=place.name, path=place.runtime, home=self.home, manager=self.manager, processes=self.processes))
        storage = self.home / "storage.conf"
        storage.write_text(f'[storage]\ndriver = "{self.driver}"\nrunroot = "{self.home}/run"\ngraphroot = "{self.home}/root"\n')
        self.environment |= {"CONTAINERS_CONF": str(config), "CONTAINERS_STORAGE_CONF": str(storage)}
        # A pod's directory in a hierarchy without controllers comes with the first container in it; Podman knows only
        # those with controllers, so it stays behind below libpod_parent under every runtime.
        place.parents |= {"libpod_parent", "ocirt-engines-parent"}
        self.options = ["--root", self.home / "root", "--runroot", self.home / "run", "--tmpdir", self.home / "tmp",
                        "--storage-driver", self.driver]
        done = self.run("import", "-q", "--change", "CMD=/bin/sh", "--change", "ENV=PATH=/bin", place.rootfs_tar, "bb")
        if done.returncode != 0:
            raise Unavailable(f"podman does not work here: {done.stderr.strip()[-300:]}")

    def set_up(self):
        """Makes the directories; the environment of its commands."""
        self.prefix = []
        self.home = self.place.work / "podman"
        for name in ("root", "run", "tmp"):
            (self.home / name).mkdir(parents=True)
        return {}

    def argv(self, *words):
        return [*self.prefix, "podman", *self.options, *words]

    def run(self, *words, more_env=None, **more):
        return self.place.run(self.argv(*words), env={**self.environment, **(more_env or {})}, **more)

    def __call__(self, *words, code=0, **more):
        """stdout of a podman command, without the last newline."""
        done = self.run(*words, **more)
        assert done.returncode == code, \
            f"podman {words[0]}: exit {done.returncode}, not {code}: {done.stderr[-1500:]} {done.stdout[-500:]}"
        return done.stdout.rstrip("\n")

    @contextlib.contextmanager
    def with_environment(self, more):
        before = self.environment
        self.environment = {**before, **more}
        try:
            yield
        finally:
            self.environment = before

    def bytes(self, *words):
        """stdout that is no text."""
        process = self.start(*words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        return process.communicate(timeout=60)[0]

    def has_init(self):
        return any(os.path.exists(f"{top}/catatonit") for top in ("/usr/bin", "/usr/libexec/podman", "/usr/lib/podman"))

    def start(self, *words, **more):
        return self.place.start(self.argv(*words), env=self.environment, **more)

    def terminal(self, *words, **more):
        return self.place.terminal(self.argv(*words), env=self.environment, **more)

    def fails(self, *words, **more):
        """(exit status, stderr) of a command that must not succeed."""
        done = self.run(*words, **more)
        assert done.returncode != 0, done.stdout
        return done.returncode, done.stderr

    def inspect(self, name, member):
        return self("inspect", "--format", "{{" + member + "}}", name)

    def pid(self, name):
        return int(self.inspect(name, ".State.Pid"))

    def containers(self):
        return self("ps", "-aq", "--no-trunc").split()

    def ids(self, kind="container"):
        """Of every container there ever was."""
        log = self.home / "events.log"
        rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return {row.get("ID", "") for row in rows if row.get("Type") == kind}

    def clear(self):
        """Removes what a failed case left."""
        if self("pod", "ps", "-q"):
            self.run("pod", "rm", "-fa", "-t", "0")
        if self.containers():
            self.run("rm", "-fa", "-t", "0")

    def end(self):
        self.clear()
        self.place.run(["umount", self.home / "root/overlay"])


class Rootless(Podman):
    """The same for an ordinary user, whom a private /etc makes known."""

    UID = 4242

    def __init__(self, place):
        place.needs("setpriv", "newuidmap", "newgidmap")
        place.add_user("rl", self.UID, 300000, place.work / "rootless")
        super().__init__(place)

    def set_up(self):
        self.home = self.place.work / "rootless"
        self.runtime_dir = self.home / "xdg"
        for name in ("root", "run", "tmp", "xdg"):
            (self.home / name).mkdir(parents=True)
        for path in (self.home, *self.home.iterdir()):
            os.chown(path, self.UID, self.UID)
        self.prefix = ["setpriv", "--reuid", self.UID, "--regid", self.UID, "--init-groups", "env", "-C", self.home]
        return {"HOME": str(self.home), "USER": "rl", "XDG_RUNTIME_DIR": str(self.runtime_dir), "TMPDIR": str(self.home / "tmp")}

    def pause(self):
        """The process that keeps the user's namespaces, or None."""
        for path in (self.runtime_dir / "libpod/tmp/pause.pid", self.home / "tmp/pause.pid"):
            if path.exists():
                return int(path.read_text())
        return None

    def end_pause(self):
        pid = self.pause()
        if pid:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def end(self):
        self.clear()
        self.end_pause()
