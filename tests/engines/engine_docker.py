"""dockerd on a containerd of the test, and its client; no bridge, no iptables."""

import json
import os

from engine_containerd import Containerd
from place import Unavailable


class Docker:
    name = "docker"

    def __init__(self, place, first=None):
        """`first`: another one, whose containerd serves this one too."""
        place.needs("dockerd", "docker")
        self.place = place
        self.own_containerd = None if first else Containerd(place, "containerd-for-docker")
        self.containerd = first.containerd if first else self.own_containerd
        space = self.name if first else "moby"
        self.home = place.work / self.name
        self.home.mkdir()
        place.parents |= {"docker", "odocker"}
        self.environment = {"DOCKER_HOST": f"unix://{self.home}/sock"}
        self.daemon = place.daemon(["dockerd", "--data-root", self.home / "root", "--exec-root", self.home / "exec", "--pidfile", self.home / "pid",
                      "-H", f"unix://{self.home}/sock", "--containerd", self.containerd.socket,
                      "--containerd-namespace", space, "--containerd-plugins-namespace", f"plugins.{space}",
                      *self.options(), "--exec-opt", "native.cgroupdriver=cgroupfs", "--storage-driver", "overlay2", "--iptables=false",
                      "--ip6tables=false", "--bridge=none", "--oom-score-adjust", "0"],
                     lambda: self.run("version").returncode == 0, seconds=60, env=self.daemon_environment())
        done = self.run("import", "-c", 'CMD ["/bin/sh"]', "-c", "ENV PATH=/bin", place.rootfs_tar, "bb")
        if done.returncode != 0:
            raise Unavailable(f"docker cannot import an image: {done.stderr.strip()[-300:]}")
        self.seen = set()

    def options(self):
        return ["--add-runtime", f"tested={self.place.runtime}", "--default-runtime", "tested"]

    def daemon_environment(self):
        return {}

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
        self.place.stop(self.daemon)
        self.place.run(["umount", self.home / "exec/netns/default"])
        self.place.run(["umount", "-R", self.home / "root/overlay2"])
        if self.own_containerd:
            self.own_containerd.end()


class AsFound(Docker):
    """No runtime and no init is configured: dockerd finds `runc` and `docker-init` in its PATH, links to the runtime under
    test and to ocirt."""

    name = "docker-as-found"

    def options(self):
        return []

    def daemon_environment(self):
        (self.home / "bin").mkdir()
        os.symlink(self.place.runtime, self.home / "bin/runc")
        os.symlink(self.place.ocirt, self.home / "bin/docker-init")
        return {"PATH": f"{self.home}/bin:{self.place.environment['PATH']}"}


class Remapped(Docker):
    """userns-remap: the containers' root is an ordinary user of the host.  The init is ocirt, by init-path."""

    name = "docker-remapped"
    ROOT = 400000

    def options(self):
        self.place.add_user("remapped", 4243, self.ROOT)
        os.symlink(self.place.ocirt, self.home / "docker-init")
        return [*super().options(), "--userns-remap", "remapped", "--init-path", self.home / "docker-init"]

    def end(self):
        super().end()
        self.place.run(["umount", "-R", self.home / f"root/{self.ROOT}.{self.ROOT}/overlay2"])
