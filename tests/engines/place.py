"""Where an engine runs: one Place a runtime, with what all engines need.

Everything happens in the sandbox of tests/commands (private mount, pid, uts, ipc and network namespaces, own /run, /dev
and /proc); a Place adds a mount namespace of its own in there, because Podman's locks lie in /dev/shm and because
crun refuses hybrid cgroups, so the unified tree is unmounted for it.  What is under test is `place.runtime`: a copy
of the program whose base name is the name of the column.

How to add an engine:

  1. engine_NAME.py: a class whose constructor takes the Place, checks with `place.needs("program", …)` that it is
     installed, keeps every file below `place.work / NAME` and runs commands by `place.run(argv)` or
     `place.call(argv)`.  A daemon is started by `place.daemon(argv, ready=…)`, which ends with the place at the
     latest.  What cannot be had here is `raise Unavailable("reason")`.
  2. test_NAME.py (conftest.py, when more than one file uses it): a fixture of scope session that builds it and ends it,

         @pytest.fixture(scope="session")
         def thing(place):
             with engine("thing", lambda: Thing(place)) as it:
                 yield it

     and one function a case, which takes `thing` (and so runs once for each runtime).  The name of the function is the
     row of the table.  `not_possible("reason")` inside a case is for what the engine or this machine cannot do.
  3. Images: `place.rootfs_tar` (a root filesystem of busybox), `place.image` (the same as a docker-archive,
     localhost/bb:latest), both made once.
  4. `place.leaks(ids)` in the last case: processes, mounts, cgroups and state folders that are left.
  5. build.sh: the packages, in packages_of engines.
  6. known/crun.txt, known/runc.txt: why a reference fails a case, `test_file.py::test_case  reason`; known/ocirt.txt: why
     all three do.
  7. `place.parents`: the cgroups that the engine makes for its containers; the place removes them at its end, those that
     were there before excepted.
"""

import contextlib
import ctypes
import hashlib
import io
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
SHARED = Path(os.environ.get("OCIRT_ENGINES_WORK", "/run/engines"))
LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH, CLONE_NEWNS, MS_PRIVATE_REC = 2, 0x20000, (1 << 18) | (1 << 14)
IMAGE = "localhost/bb:latest"
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1000:\nextra:x:2000:app\n"
DIRECTORIES = {"bin": 0o755, "etc": 0o755, "proc": 0o755, "sys": 0o755, "dev": 0o755, "tmp": 0o1777, "root": 0o755,
               "run": 0o755, "data": 0o755, "home": 0o755, "home/app": 0o755, "var": 0o755, "var/tmp": 0o1777}
NOTES = []  # lines for the end of the run


class Unavailable(Exception):
    """The engine cannot be had here."""


def not_possible(reason):
    pytest.skip(reason)


@contextlib.contextmanager
def engine(name, make):
    """Makes an engine for the length of the with, ends it by its end(); says once why it cannot be had."""
    try:
        it = make()
    except Unavailable as why:
        line = f"{name}: {why}"
        if line not in NOTES:
            NOTES.append(line)
        pytest.skip(line)
    try:
        yield it
    finally:
        it.end()


def find_runtime(name):
    """The program behind a column, or None."""
    where = os.environ.get(f"OCIRT_ENGINES_{name.upper()}") or (str(CHECKOUT / "ocirt") if name == "ocirt" else name)
    return shutil.which(where, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def add(tar, name, data=None, mode=0o644, link=None, kind=tarfile.REGTYPE, uid=0):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = kind, mode, uid, uid
    if link:
        info.type, info.linkname = tarfile.SYMTYPE, link
    if data is not None:
        info.size = len(data)
    tar.addfile(info, io.BytesIO(data) if data is not None else None)


def make_rootfs(path):
    busybox = shutil.which("busybox")
    if not busybox:
        raise Unavailable("busybox is not installed")
    with tarfile.open(path, "w") as tar:
        for name, mode in DIRECTORIES.items():
            add(tar, name, mode=mode, kind=tarfile.DIRTYPE, uid=1000 if name == "home/app" else 0)
        add(tar, "bin/busybox", Path(busybox).read_bytes(), 0o755)
        for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
            if applet != "busybox":
                add(tar, f"bin/{applet}", link="busybox")
        add(tar, "etc/passwd", PASSWD.encode())
        add(tar, "etc/group", GROUP.encode())
        add(tar, "data/file", b"hello\n")
        add(tar, "bin/plain", b"not a program\n", 0o644)
    return path


def make_image(layer, path, command=("/bin/sh",), name=IMAGE):
    """A docker-archive of one layer."""
    data = layer.read_bytes()
    sum_of = hashlib.sha256(data).hexdigest()
    config = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "arm"), "os": "linux",
        "config": {"Cmd": list(command), "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sum_of}"]}, "history": [{"created_by": "test"}]}).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{sum_of}/layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        add(tar, config_name, config)
        add(tar, f"{sum_of}", mode=0o755, kind=tarfile.DIRTYPE)
        add(tar, f"{sum_of}/layer.tar", data)
        add(tar, "manifest.json", json.dumps(manifest).encode())
    return path


def cgroup_directories():
    """Every cgroup of the machine."""
    for top, names, _ in os.walk("/sys/fs/cgroup", onerror=lambda _: None):
        for name in names:
            yield Path(top, name)


def cgroup_of(pid, controller):
    """The directory that holds the files of a controller for a process, on any layout."""
    unified = None
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return Path("/sys/fs/cgroup", names) / path.lstrip("/")
        if not names:
            unified = path
    return Path("/sys/fs/cgroup" + unified)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes():
    """{pid: command line} of what lives in the sandbox."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and alive(name):
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(name)] = line.strip()
    return found


def eventually(what, seconds=10.0, every=0.05):
    """Waits until what() is true and returns it."""
    end = time.monotonic() + seconds
    while not (result := what()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {getattr(what, '__doc__', None) or what}")
        time.sleep(every)
    return result


class Place:
    def __init__(self, name):
        """The place of the column `name`; Unavailable where its runtime is missing."""
        program = find_runtime(name)
        if not program:
            raise Unavailable(f"{name} is not installed")
        self.name = name
        self.work = SHARED / name
        (self.work / "bin").mkdir(parents=True)
        self.runtime = self.work / "bin" / name
        shutil.copy(program, self.runtime)
        self.ocirt = self.work / "bin" / "ocirt"  # as an init, in every column
        if name != "ocirt":
            shutil.copy(find_runtime("ocirt"), self.ocirt)
        self.daemons = []
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.work), "LC_ALL": "C",
                            "TMPDIR": str(self.work / "tmp")}
        (self.work / "tmp").mkdir()
        self._namespace()
        self.rootfs_tar = SHARED / "rootfs.tar"
        self.image = SHARED / "bb.tar"
        if not self.image.exists():
            make_image(make_rootfs(self.rootfs_tar), self.image)
        self.before = set(processes())
        self.cgroups_before = set(cgroup_directories())
        self.parents = set()  # names

    def _namespace(self):
        """Keeps a new mount namespace by a descriptor: no process has to stay in it."""
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            bad = LIBC.unshare(CLONE_NEWNS) or LIBC.mount(None, b"/", None, MS_PRIVATE_REC, None)
            bad = bad or LIBC.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"mode=1777")
            if self.name == "crun" and os.path.ismount("/sys/fs/cgroup/unified"):
                bad = bad or LIBC.umount2(b"/sys/fs/cgroup/unified", MNT_DETACH)
            os.write(ready[1], b"x" if bad else b"y")
            os.read(go[0], 1)
            os._exit(0)
        word = os.read(ready[0], 1)
        self.namespace = os.open(f"/proc/{child}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        os.write(go[1], b"x")
        os.waitpid(child, 0)
        for end in (*ready, *go):
            os.close(end)
        if word != b"y":
            raise Unavailable(f"{self.name}: no mount namespace of its own can be made")

    def _enter(self):
        if LIBC.setns(self.namespace, CLONE_NEWNS) != 0:
            os._exit(99)
        os.chdir(self.work)  # setns(2) has made it `/`, and conmon writes files where podman was called

    def add_user(self, name, uid, ids, home="/"):
        """Makes a user with 65536 subordinate ids from `ids` on known to this place alone, by an /etc of its own."""
        etc = self.work / "etc"
        if not etc.exists():
            shutil.copytree("/etc", etc, symlinks=True)
            self.call(["mount", "--bind", etc, "/etc"])
        for file, row in (("passwd", f"{name}:x:{uid}:{uid}::{home}:/bin/sh"), ("group", f"{name}:x:{uid}:"),
                          ("subuid", f"{name}:{ids}:65536"), ("subgid", f"{name}:{ids}:65536")):
            with open(etc / file, "a") as table:
                table.write(row + "\n")

    def needs(self, *programs):
        for program in programs:
            if not shutil.which(program, path=self.environment["PATH"]):
                raise Unavailable(f"{program} is not installed")

    def run(self, argv, timeout=120, env=None, input=None, **more):
        """The finished process, with returncode, stdout and stderr as text."""
        if input is None:
            more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=timeout, input=input,
                              env={**self.environment, **(env or {})}, preexec_fn=self._enter, **more)

    def call(self, argv, code=0, **more):
        """stdout, when the exit status is `code`."""
        done = self.run(argv, **more)
        assert done.returncode == code, f"exit {done.returncode}, not {code}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def start(self, argv, env=None, **more):
        """A Popen in this place."""
        return subprocess.Popen([str(word) for word in argv], env={**self.environment, **(env or {})},
                                preexec_fn=self._enter, **more)

    def daemon(self, argv, ready, seconds=30, env=None):
        """Starts a program that stays, its output in work/NAME.log, and waits until ready() is true."""
        log = self.work / f"{Path(argv[0]).name}.log"
        with open(log, "ab") as out:
            process = self.start(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.daemons.append(process)
        end = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > end:
                self.stop(process)
                last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
                raise Unavailable(f"{Path(argv[0]).name} does not start: {last[0][:300]}")
            time.sleep(0.1)
        return process

    def stop(self, process, seconds=20):
        """Ends a daemon: SIGTERM, and SIGKILL when that does not help."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.daemons:
            self.daemons.remove(process)

    def terminal(self, argv, feed=b"", size=(24, 80), timeout=60, resize=None, env=None):
        """Runs argv on a new terminal of `size` (rows, columns); (exit status, all output).

        `feed` is a list of (text to wait for, bytes to write then) or bytes to write at once; `resize` (text to wait
        for, size)."""
        steps = [(b"", feed)] if isinstance(feed, bytes) else list(feed)
        pid, master = pty.fork()
        if pid == 0:
            try:
                self._enter()
                os.execvpe(str(argv[0]), [str(word) for word in argv],
                           {**self.environment, "TERM": "vt100", **(env or {})})
            finally:
                os._exit(98)
        set_size(master, size)
        output, seen, end = b"", 0, time.monotonic() + timeout
        try:
            while time.monotonic() < end:
                if resize and resize[0] in output:
                    set_size(master, resize[1])
                    resize = None
                while steps and steps[0][0] in output[seen:]:
                    seen = output.index(steps[0][0], seen) + len(steps[0][0])
                    os.write(master, steps.pop(0)[1])
                if not select.select([master], [], [], 0.2)[0]:
                    continue
                try:
                    data = os.read(master, 65536)
                except OSError:
                    data = b""
                if not data:
                    break
                output += data
            else:
                os.kill(pid, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        finally:
            os.close(master)
        return status, output.decode(errors="replace").replace("\r\n", "\n")

    @contextlib.contextmanager
    def shared(self, directory, *names):
        """A tmpfs with these directories, whose mounts other mount namespaces are to see."""
        directory.mkdir(exist_ok=True)
        self.call(["mount", "-t", "tmpfs", "shared", directory])
        self.call(["mount", "--make-shared", directory])
        try:
            self.call(["mkdir", *(directory / name for name in names)])
            yield directory
        finally:
            self.call(["umount", "-R", directory])

    def mounts(self):
        """mountinfo of this place."""
        return self.call(["cat", "/proc/self/mountinfo"])

    def remove_cgroups(self, names):
        """Removes the cgroups of these names, and what is below them, that were not there before; returns those that a
        process of this sandbox keeps."""
        kept = []
        for directory in sorted(set(cgroup_directories()) - self.cgroups_before, key=lambda path: -len(path.parts)):
            if names & set(directory.parts):
                try:
                    directory.rmdir()
                except FileNotFoundError:
                    pass
                except OSError:  # of another run on this machine, when none of its processes can be seen here
                    if (directory / "cgroup.procs").read_text().replace("0\n", "").strip():
                        kept.append(str(directory))
        return kept

    def leaks(self, ids, allowed=(), seconds=5):
        """What is left of the containers `ids` and of everything started here, as lines.  Processes whose command line
        holds a word of `allowed` may stay."""
        end = time.monotonic() + seconds
        while found := list(self._left([name for name in ids if name], allowed)):
            if time.monotonic() > end:
                return found
            time.sleep(0.1)
        return []

    def _left(self, ids, allowed):
        daemons = {process.pid for process in self.daemons}
        for pid, line in processes().items():
            if pid not in self.before | daemons and pid != os.getpid() and not any(word in line for word in allowed):
                yield f"process {pid}: {line[:200]}"
        for directory in cgroup_directories():
            if any(name in directory.name for name in ids):
                yield f"cgroup {directory}"
        mounts = self.mounts().splitlines()
        for line in mounts:
            if any(name in line for name in ids):
                yield f"mount {line}"
        for top in ("containers", "ocirt", "crun", "runc"):
            for name in os.listdir(f"/run/{top}") if os.path.isdir(f"/run/{top}") else ():
                if name != "storage":
                    yield f"state folder /run/{top}/{name}"

    def end(self):
        for process in list(reversed(self.daemons)):
            self.stop(process)
        os.close(self.namespace)
        kept = self.remove_cgroups(self.parents)
        assert not kept, f"left behind: {kept}"


def set_size(master, size):
    import fcntl
    import struct
    import termios
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
