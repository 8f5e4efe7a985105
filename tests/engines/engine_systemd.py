"""Podman where systemd is process 1: whose containers are scopes of it, and whose user has cgroups delegated to him.

Only in a machine of its own (stage vm), whose /etc/passwd, /etc/subuid and /etc/subgid know the user, and whose user's
manager has a session bus.  OCIRT_ENGINES_AS says who runs it, and with which cgroup manager."""

import os
import shutil
import time
from pathlib import Path

from engine_podman import Podman, Rootless
from place import Unavailable, cgroup_directories

TOP = Path("/sys/fs/cgroup")
WHO = os.environ.get("OCIRT_ENGINES_AS", "root")


class Managed(Podman):
    """Root's, with the manager of the machine."""

    manager = "systemd"
    slice, pods = "/machine.slice", "/machine.slice/machine-libpod_pod_{}.slice"

    def path(self, name, parent=None):
        """Where the cgroup of a container is."""
        return f"{parent or self.slice}/libpod-{name}.scope"

    def systemctl(self, *words):
        return self.place.run([*self.prefix, "systemctl", *(["--user"] if self.prefix else []), *words], env=self.environment)

    def show(self, unit, *names):
        """{name: value} of the properties of a unit"""
        rows = self.systemctl("show", unit, *(f"-p{name}" for name in names)).stdout.splitlines()
        return dict(row.split("=", 1) for row in rows)

    def left(self, *names):
        """Units, cgroups and folders of state that are left of containers, or pods."""
        found = [row.split()[0] for row in self.systemctl("list-units", "--all", "--plain", "--no-legend", "*libpod*").stdout.splitlines()]
        found += [str(path) for path in cgroup_directories()]
        found += [str(path) for top in self.roots() for path in top.glob("*")]
        return [path for path in found if any(name in path for name in names)]

    def gone(self, *names, seconds=20):
        """Waits until nothing is left of them."""
        end = time.monotonic() + seconds
        while found := self.left(*names):
            assert time.monotonic() < end, found
            time.sleep(0.3)

    def roots(self):
        """Where the runtime keeps its state."""
        return [Path("/run") / name for name in ("containers", "crun")]

    def pid_of(self, name):
        """By the file that `podman run --pidfile` has written."""
        return int((self.home / f"{name}.pid").read_text())

    def stay(self, name, *options, command=("sleep", "1000")):
        """A container of that name, by its id."""
        return self("run", "-d", "--network", "none", "--name", name, "--pidfile", self.home / f"{name}.pid", *options, "bb", *command)

    def cgroup(self, name):
        """What the process of a container is in."""
        return Path(f"/proc/{self.pid_of(name)}/cgroup").read_text().strip().removeprefix("0::")

    def limit(self, name, file):
        return (TOP / self.cgroup(name).lstrip("/") / file).read_text().strip()

    def end(self):
        self.clear()
        self.place.run(["umount", self.home / "root/overlay"])


class Delegated(Rootless, Managed):
    """An ordinary user's, with his own manager; storage of the kind that works on any filesystem."""

    driver, processes = "vfs", 2000  # a user may not have more in a small machine
    manager = "cgroupfs" if WHO == "user-cgroupfs" else "systemd"
    UID = 4243 if WHO == "user-cgroupfs" else 4242
    own = f"/user.slice/user-{UID}.slice/user@{UID}.service"
    slice, pods = f"{own}/user.slice", f"{own}/user.slice/user-libpod_pod_{{}}.slice"

    def __init__(self, place):
        place.needs("setpriv", "newuidmap", "newgidmap", "systemd-run")
        Podman.__init__(self, place)

    def set_up(self):
        environment = super().set_up()
        self.runtime_dir = Path(f"/run/user/{self.UID}")
        if not (self.runtime_dir / "bus").exists():
            raise Unavailable("the user has no manager with a bus")
        environment |= {"USER": f"rl{self.UID}", "XDG_RUNTIME_DIR": str(self.runtime_dir),
                        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.runtime_dir}/bus"}
        if self.manager == "cgroupfs":
            top = self.delegate(environment)
            self.prefix = ["sh", "-c", f'echo 0 >{top}/caller/cgroup.procs && exec "$@"', "sh", *self.prefix]
        return environment

    def stay(self, name, *options, **more):
        """Podman gives a user's container a cgroup only where it is told of one."""
        parent = () if self.manager == "systemd" else ("--cgroup-parent", self.path(name))
        return super().stay(name, *parent, *options, **more)

    def delegate(self, environment):
        """What a service of the user has: a cgroup of his own, with `caller` for Podman beside those of containers."""
        top = TOP / f"{self.own}/app.slice/box.service".lstrip("/")
        if not top.exists():
            service = ["systemd-run", "--quiet", "--user", "--unit=box", "--property=Delegate=yes", "sleep", "9999"]
            self.place.call([*self.prefix, *service], env=environment)
            (top / "caller").mkdir()
            for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
                os.chown(top / "caller" / name, self.UID, self.UID)
            for pid in (top / "cgroup.procs").read_text().split():
                (top / "caller/cgroup.procs").write_text(pid)
            (top / "cgroup.subtree_control").write_text("+cpu +memory +pids")
        return top

    def path(self, name, parent=None):
        return super().path(name, parent) if self.manager == "systemd" else f"{self.own}/app.slice/box.service/{name}"

    def roots(self):
        return [self.runtime_dir / name for name in ("containers", "crun")]


def make(place):
    if not os.path.isdir("/run/systemd/system") or not shutil.which("systemctl"):
        raise Unavailable("systemd does not run here")
    it = (Managed if WHO == "root" else Delegated)(place)
    place.parents.clear()  # systemd's, or another one's who is at work beside us
    return it
