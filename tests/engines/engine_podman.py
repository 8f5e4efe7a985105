"""Podman with storage, state and configuration of its own below the place."""

import json
import os
import subprocess

from place import Unavailable

CONFIG = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4000:4000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
events_logfile_path = "{home}/events.log"
runtime = "{name}"
runtime_supports_json = ["crun", "runc", "ocirt"]
runtime_supports_nocgroup = ["crun", "ocirt"]
runtime_supports_nocgroups = ["crun", "ocirt"]
[engine.runtimes]
{name} = ["{path}"]
"""


class Podman:
    def __init__(self, place):
        place.needs("podman", "conmon")
        self.place = place
        self.home = place.work / "podman"
        for name in ("root", "run", "tmp"):
            (self.home / name).mkdir(parents=True)
        config = self.home / "containers.conf"
        config.write_text(CONFIG.format(name=place.name, path=place.runtime, home=self.home))
        storage = self.home / "storage.conf"
        storage.write_text(f'[storage]\ndriver = "overlay"\nrunroot = "{self.home}/run"\ngraphroot = "{self.home}/root"\n')
        self.environment = {"CONTAINERS_CONF": str(config), "CONTAINERS_STORAGE_CONF": str(storage)}
        self.options = ["--root", self.home / "root", "--runroot", self.home / "run", "--tmpdir", self.home / "tmp",
                        "--storage-driver", "overlay"]
        done = self.run("import", "-q", "--change", "CMD=/bin/sh", "--change", "ENV=PATH=/bin", place.rootfs_tar, "bb")
        if done.returncode != 0:
            raise Unavailable(f"podman does not work here: {done.stderr.strip()[-300:]}")

    def argv(self, *words):
        return ["podman", *self.options, *words]

    def run(self, *words, more_env=None, **more):
        return self.place.run(self.argv(*words), env={**self.environment, **(more_env or {})}, **more)

    def __call__(self, *words, code=0, **more):
        """stdout of a podman command, without the last newline."""
        done = self.run(*words, **more)
        assert done.returncode == code, \
            f"podman {words[0]}: exit {done.returncode}, not {code}: {done.stderr[-1500:]} {done.stdout[-500:]}"
        return done.stdout.rstrip("\n")

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

    def ids(self):
        """Of every container and pod there ever was."""
        log = self.home / "events.log"
        rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return {row.get("ID", "") for row in rows if row.get("Type") in ("container", "pod")}

    def clear(self):
        """Removes what a failed case left."""
        if self("pod", "ps", "-q"):
            self.run("pod", "rm", "-fa", "-t", "0")
        if self.containers():
            self.run("rm", "-fa", "-t", "0")

    def end(self):
        self.clear()
        self.place.run(["umount", self.home / "root/overlay"])
