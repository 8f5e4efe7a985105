"""containerd with root, state and socket of its own below the place, and its client ctr.

The daemon finds the runtime under test as `runc` in its PATH too, as on a host where the name was given to it.
"""

import os

from place import Unavailable, eventually

IMAGE = "localhost/bb:latest"
CONFIG = """version = 2
root = "{home}/root"
state = "{home}/state"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "{home}/sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/opt"
"""


class Containerd:
    def __init__(self, place, home="containerd"):
        place.needs("containerd", "ctr", "containerd-shim-runc-v2")
        self.place = place
        self.home = place.work / home
        (self.home / "bin").mkdir(parents=True)
        os.symlink(place.runtime, self.home / "bin/runc")
        self.socket = self.home / "sock"
        config = self.home / "config.toml"
        config.write_text(CONFIG.format(home=self.home))
        place.parents |= {"default", "octr-own"}
        self.environment = {"PATH": f"{self.home}/bin:{place.environment['PATH']}"}
        place.daemon(["containerd", "-c", config], lambda: self.run("version").returncode == 0, env=self.environment)
        done = self.run("images", "import", "--snapshotter", "native", place.image)
        if done.returncode != 0:
            raise Unavailable(f"ctr cannot import an image: {done.stderr.strip()[-300:]}")
        self.number = 0

    def argv(self, *words):
        return ["ctr", "-a", self.socket, *words]

    def run(self, *words, **more):
        return self.place.run(self.argv(*words), **more)

    def __call__(self, *words, code=0, **more):
        """stdout of a ctr command, without the last newline."""
        return self.place.call(self.argv(*words), code=code, **more).rstrip("\n")

    def name(self):
        self.number += 1
        return f"octr{self.number}"

    def words(self, *options):
        return ["run", "--runc-binary", self.place.runtime, "--snapshotter", "native", *options, IMAGE]

    def once(self, *options, program, code=0, **more):
        """stdout of a program in a container that goes away by itself."""
        return self(*self.words("--rm", *options), self.name(), *program, code=code, **more)

    def start(self, *program, options=()):
        """A task that stays; its name."""
        name = self.name()
        self(*self.words("-d", *options), name, *program)
        return name

    def status(self, name):
        for line in self("task", "ls").splitlines()[1:]:
            if line.split()[0] == name:
                return line.split()[2]
        return "GONE"

    def pid(self, name):
        return int(next(line.split()[1] for line in self("task", "ls").splitlines()[1:] if line.split()[0] == name))

    def clear(self):
        for line in self("task", "ls").splitlines()[1:]:
            name, _, status = line.split()[:3]
            if status == "PAUSED":
                self.run("task", "resume", name)
            if status != "STOPPED":
                self.run("task", "kill", "-a", "-s", "KILL", name)
                eventually(lambda: self.status(name) in ("STOPPED", "GONE"))
            self.run("task", "delete", name)
        for name in self("containers", "ls", "-q").split():
            self.run("containers", "delete", name)

    def ids(self):
        return [f"octr{i + 1}" for i in range(self.number)]

    def end(self):
        self.clear()
