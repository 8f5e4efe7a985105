"""A bundle: a directory with a config.json that a test edits in a few words."""

import copy
import itertools
import json
import os
from pathlib import Path

import pytest

from harness import layout, rootfs

COUNTER = itertools.count(1)

PROC = {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}
DEV = {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
       "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}
PTS = {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
       "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]}
SHM = {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
       "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]}
SYS = {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}

DENY_ALL = {"allow": False, "access": "rwm"}
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/proc/scsi"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CAPABILITIES = """CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID
CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER
CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE
CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP
CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF
CAP_CHECKPOINT_RESTORE""".split()


def own_capabilities():
    """Names of what this process may give away."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            bits = int(line.split()[1], 16)
    return [name for number, name in enumerate(CAPABILITIES) if bits >> number & 1]


def mask(names):
    """Capability names as the bits of /proc/PID/status."""
    return sum(1 << CAPABILITIES.index(n) for n in names)


def base_config(root):
    own = own_capabilities()
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": ["probe"],
            "env": [PATH, "TERM=xterm"],
            "cwd": "/",
            "capabilities": {"bounding": own, "effective": own, "permitted": own},
            "noNewPrivileges": False,
        },
        "root": {"path": str(root), "readonly": False},
        "hostname": "inside",
        "mounts": copy.deepcopy([PROC, DEV, PTS, SHM]),
        "linux": {
            "namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount")],
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READONLY),
        },
    }


class Bundle:
    """Its config uses the session's shared root filesystem, which must not be written to; own_rootfs() makes a private one.
    Edits return the bundle.  The config is written out before each call of the runtime."""

    token = None  # in every id, set by the session: tells our cgroups from those of another run
    shared_rootfs = None

    def __init__(self, runtime):
        self.runtime = runtime
        self.id = f"{Bundle.token}-{next(COUNTER)}"
        self.dir = runtime.work / f"bundle.{self.id}"
        self.dir.mkdir(mode=0o755)
        self.rootfs = Bundle.shared_rootfs
        self.config = base_config(self.rootfs)
        self.config["linux"]["cgroupsPath"] = f"/{self.id}"
        self.text = None  # instead of the config, when set

    # -- edits -------------------------------------------------------------------------------------------------

    def set(self, path, value):
        """set("process.user.uid", 5); missing objects on the way are made."""
        *parents, last = path.split(".")
        at = self.config
        for name in parents:
            at = at.setdefault(name, {})
        at[last] = value
        return self

    def get(self, path):
        at = self.config
        for name in path.split("."):
            at = at[name]
        return at

    def drop(self, path):
        *parents, last = path.split(".")
        at = self.config
        for name in parents:
            at = at.get(name, {})
        at.pop(last, None)
        return self

    def args(self, *args):
        return self.set("process.args", list(args))

    def sh(self, script):
        return self.args("/bin/sh", "-c", script)

    def env(self, *entries):
        self.config["process"]["env"] += entries
        return self

    def mount(self, destination, source=None, *options, kind=None):
        entry = {"destination": destination}
        if kind is not None:
            entry["type"] = kind
        if source is not None:
            entry["source"] = str(source)
        if options:
            entry["options"] = list(options)
        self.config["mounts"].append(entry)
        return self

    def bind(self, destination, source, *options):
        return self.mount(destination, source, *(options or ("bind",)), kind="bind")

    def tmpfs(self, destination, *options):
        return self.mount(destination, "tmpfs", *options, kind="tmpfs")

    def namespace(self, kind, path=None):
        """Adds an entry, or changes the one of that type."""
        spaces = self.config["linux"]["namespaces"]
        spaces[:] = [n for n in spaces if n["type"] != kind]
        spaces.append({"type": kind, **({"path": str(path)} if path else {})})
        return self

    def without_namespace(self, *kinds):
        spaces = self.config["linux"]["namespaces"]
        self.config["linux"]["namespaces"] = [n for n in spaces if n["type"] not in kinds]
        if "uts" in kinds:
            self.drop("hostname")
        return self

    def user_namespace(self, host_id=100000, size=65536):
        maps = [{"containerID": 0, "hostID": host_id, "size": size}]
        return self.namespace("user").set("linux.uidMappings", maps).set("linux.gidMappings", maps)

    def hook(self, kind, *argv, **more):
        """hook("prestart", "/bin/sh", "-c", "…", timeout=3, env=[…])"""
        entry = {"path": str(argv[0]), **more}
        if len(argv) > 1:
            entry.setdefault("args", [str(a) for a in argv])
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(entry)
        return self

    def hook_sh(self, kind, script, **more):
        return self.hook(kind, "/bin/sh", "-c", script, **more)

    def annotate(self, **pairs):
        self.config.setdefault("annotations", {}).update(pairs)
        return self

    def own_rootfs(self, name="rootfs"):
        self.rootfs = rootfs.copy(Bundle.shared_rootfs, self.dir / name)
        return self.set("root.path", name)

    def needs(self, path, value):
        """Skips the test where ocirt still refuses this property by its name."""
        if self.runtime.ours:
            other = Bundle(self.runtime).args("true").set(path, value).write()
            result = self.runtime.call("create", "--dry-run", "--bundle", other.dir, other.id)
            if result.code and path in result.message:
                pytest.skip(f"{path} belongs to a later version: {result.message}")
        return self

    def needs_refusal(self, path, value):
        """create fails and names the property, and nothing is left; passes where the property is carried out by now."""
        self.set(path, value).args("true")
        result = self.create()
        if result.code == 0:
            self.runtime.delete(self.id).ok()
            return
        self.refused(path)

    def raw(self, text):
        """Exactly this text, str or bytes, as config.json."""
        self.text = text
        return self

    # -- use ---------------------------------------------------------------------------------------------------

    def write(self):
        text = json.dumps(self.config, indent=1) if self.text is None else self.text
        (self.dir / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        return self

    @property
    def pid_file(self):
        return self.dir / "pid"

    def host_file(self, name="marker"):
        """A path on the host for hooks and binds to write to; nothing is there yet."""
        return self.dir / name

    def host_dir(self, name):
        path = self.dir / name
        path.mkdir(mode=0o777)
        path.chmod(0o777)
        return path

    def run(self, *options, globals_=(), **more):
        """Foreground run."""
        self.write()
        return self.runtime.call(*globals_, "run", "--bundle", self.dir, *options, self.id, **more)

    def report(self, *options, **more):
        """What the probe sees when it is the program of a foreground run."""
        if "probe" not in self.config["process"]["args"][0]:
            self.args("probe")
        return Report(self.run(*options, **more).ok().json)

    def probe(self, *words, **more):
        """The JSON answer of another word of the probe."""
        return self.args("probe", *map(str, words)).run(**more).ok().json

    def output(self, script, **more):
        """Stdout of a shell script inside, without the last newline."""
        return self.sh(script).run(**more).ok().out.rstrip("\n")

    def create(self, *options, globals_=(), **more):
        """The raw call, for tests of failures; what succeeds belongs in a Container."""
        self.write()
        return self.runtime.call(*globals_, "create", "--bundle", self.dir, "--pid-file", self.pid_file, *options, self.id,
                                 **more)

    def refused(self, *words, options=(), text=None, stage=None, **more):
        """create fails, says each of `words` (or exactly `text`, see Result.fails), and GEN-5 holds."""
        result = self.create(*options, **more)
        result.fails(text, stage=stage) if text else result.refused(*words)
        assert self.runtime.state(self.id).code != 0, "the refused container exists"
        assert not self.pid_file.exists(), "a pid file was left"
        assert not layout.directories(self.id), "a cgroup was left"
        assert not os.path.exists(self.runtime.root) or not os.listdir(self.runtime.root), "the state root is not empty"
        return result


class Report(dict):
    """The probe's report with the awkward parts taken apart."""

    def status(self, field):
        for line in self["status"].splitlines():
            name, value = line.split(":", 1)
            if name == field:
                return value.strip()
        raise KeyError(field)

    def caps(self, which):
        return int(self.status(f"Cap{which}"), 16)

    @property
    def environment(self):
        return dict(e.split("=", 1) for e in self["env"])

    @property
    def mounts(self):
        return parse_mountinfo(self["mountinfo"])

    def mount_at(self, point):
        """The topmost mount there."""
        return [m for m in self.mounts if m["point"] == point][-1]

    @property
    def cgroups(self):
        """{"pids": "/x", "": "/x"}"""
        found = {}
        for line in self["cgroup"].splitlines():
            _, controllers, path = line.split(":", 2)
            found[controllers] = path
        return found


def parse_mountinfo(text):
    rows = []
    for line in text.splitlines():
        left, right = line.split(" - ")
        ident, parent, dev, root, point, options, *tags = left.split()
        kind, source, super_options = (right.split(" ") + [""])[:3]
        rows.append({"id": int(ident), "parent": int(parent), "dev": dev, "root": root, "point": point,
                     "options": options.split(","), "tags": tags, "type": kind, "source": source,
                     "super": super_options.split(",")})
    return rows
