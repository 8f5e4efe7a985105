"""dockerd on a containerd of the test, and its client; no bridge, no iptables."""

import json

from engine_containerd import Containerd
from place import Unavailable


class Docker:
    def __init__(self, place):
        place.needs("dockerd", "docker")
        self.place = place
        self.containerd = Containerd(place, "containerd-for-docker")
        self.home = place.work / "docker"
        self.home.mkdir()
        self.environment = {"DOCKER_HOST": f"unix://{self.home}/sock"}
        place.daemon(["dockerd", "--data-root", self.home / "root", "--exec-root", self.home / "exec", "--pidfile", self.home / "pid",
                      "-H", f"unix://{self.home}/sock", "--containerd", self.containerd.socket,
                      "--add-runtime", f"tested={place.runtime}", "--default-runtime", "tested",
                      "--exec-opt", "native.cgroupdriver=cgroupfs", "--storage-driver", "overlay2", "--iptables=false",
                      "--ip6tables=false", "--bridge=none", "--oom-score-adjust", "0"],
                     lambda: self.run("version").returncode == 0, seconds=60)
        done = self.run("import", "-c", 'CMD ["/bin/sh"]', "-c", "ENV PATH=/bin", place.rootfs_tar, "bb")
        if done.returncode != 0:
            raise Unavailable(f"docker cannot import an image: {done.stderr.strip()[-300:]}")
        self.seen = set()

    def argv(self, *words):
        return ["docker", *words]

    def run(self, *words, **more):
        return self.place.run(self.argv(*words), env=self.environment, **more)

    def __call__(self, *words, code=0, **more):
        """stdout of a docker command, without the last newline."""
        return self.place.call(self.argv(*words), code=code, env=self.environment, **more).rstrip("\n")

    def once(self, *words, code=0, **more):
        """stdout of a container that goes away by itself."""
        return self("run", "--rm", "--network", "none", *words, code=code, **more)

    def fails(self, *words):
        """(exit status, stderr)"""
        done = self.run("run", "--rm", "--network", "none", *words)
        return done.returncode, done.stderr

    def start(self, *words):
        """A container that stays; its id."""
        name = self("run", "-d", "--network", "none", *words)
        self.seen.add(name)
        return name

    def inspect(self, name, member):
        return self("inspect", "-f", "{{" + member + "}}", name)

    def pid(self, name):
        return int(self.inspect(name, ".State.Pid"))

    def info(self):
        return json.loads(self("info", "--format", "{{json .}}"))

    def terminal(self, *words, **more):
        return self.place.terminal(self.argv(*words), env=self.environment, **more)

    def clear(self):
        names = self("ps", "-aq").split()
        if names:
            self.run("rm", "-f", *names)

    def end(self):
        self.clear()
        self.place.stop(self.place.daemons[-1])
        self.place.run(["umount", self.home / "exec/netns/default"])
        self.place.run(["umount", "-R", self.home / "root/overlay2"])
        self.containerd.end()
