"""Descriptors, environment and surroundings of the caller, foreground run: LX-4, CLI-3, CLI-6, engines.md 5, S8, S19, S29."""

import fcntl
import json
import os
import resource
import select
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import Container
from harness.container import until


def use(wanted, *sources):
    """For `before`: makes the files of `sources` the descriptors `wanted`…, inheritable."""
    def before():
        safe = [fcntl.fcntl(s, fcntl.F_DUPFD, 100) for s in sources]
        for number, fd in enumerate(safe):
            os.dup2(fd, wanted + number, inheritable=True)
            os.close(fd)
    return before


def create_line(bundle):
    rt = bundle.write().runtime
    return [*rt.layout.wrap, rt.path, "--root", str(rt.root), "create", "-b", str(bundle.dir), "--pid-file", str(bundle.pid_file),
            bundle.id]


# -- 0, 1, 2 ------------------------------------------------------------------------------------------------------


def test_f1_stdin_goes_through_untouched(bundle):
    # covers: F1, CLI-3
    text = bundle.host_file("text")
    text.write_text("one\ntwo\nthree\n")
    with open(text, encoding="ascii") as stdin:
        os.lseek(stdin.fileno(), 4, os.SEEK_SET)
        with Container(bundle.args("cat")) as c:
            c.create(stdin=stdin)
            assert os.lseek(stdin.fileno(), 0, os.SEEK_CUR) == 4
            c.finish()
            assert c.output == "two\nthree\n"


def test_f1_stdout_pipe_ends_with_the_program(bundle):
    """Nobody but the program keeps the caller's pipe open: the engine sees EOF when the program closes it."""
    bundle.args("/bin/sh", "-c", "echo hello; exec sleep 100 >&-")
    with Container(bundle) as c:
        read, write = os.pipe()
        subprocess.run(create_line(bundle), stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.DEVNULL, check=True)
        os.close(write)
        c.start()
        seen, part = b"", b"x"
        while part and select.select([read], [], [], 10)[0]:
            part = os.read(read, 100)
            seen += part
        os.close(read)
        assert (seen, part) == (b"hello\n", b"")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_6_1_closed_descriptors_become_null(bundle, closed):
    # covers: security.md 6.1, S29
    mark = bundle.host_dir("mnt")
    bundle.bind("/mnt", mark).sh('exec 9> /mnt/fds; for n in 0 1 2; do t=$(readlink /proc/1/fd/$n); echo "$t" >&9; done')
    with Container(bundle) as c:
        c.create(before=lambda: [os.close(fd) for fd in closed])
        c.finish()
    targets = (mark / "fds").read_text().splitlines()
    assert len(targets) == 3
    for fd in closed:
        assert targets[fd] == "/dev/null"


@pytest.mark.parametrize("verb", ["start", "state", "kill", "delete", "list"])
def test_f5_stdin_is_never_read(bundle, verb):
    read, write = os.pipe()
    os.write(write, b"precious")
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        words = {"kill": ("kill", c.id, "0"), "list": ("list",)}.get(verb, (verb, c.id))
        bundle.runtime.call(*words, stdin=read).ok()
    os.close(write)
    assert os.read(read, 100) == b"precious"
    os.close(read)


def test_s19_owner_of_a_host_file_stays(bundle):
    # covers: S19, F4
    bundle.set("process.user", {"uid": 1000, "gid": 1000}).args("true")
    with Container(bundle) as c:
        c.create()
        c.finish()
        if bundle.runtime.ours:
            assert c.out.stat().st_uid == 0
    assert os.stat("/dev/null").st_uid == 0


def test_f4_pipe_belongs_to_the_user(bundle):
    """A program that re-opens its stdout by /dev/stdout works as a plain user."""
    bundle.set("process.user", {"uid": 1000, "gid": 1000}).sh("echo hello > /dev/stdout")
    read, write = os.pipe()
    with Container(bundle) as c:
        subprocess.run(create_line(bundle), stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.DEVNULL, check=True)
        os.close(write)
        c.finish()
        assert os.read(read, 100) == b"hello\n"
    os.close(read)


# -- other descriptors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["run", "create"])
def test_lx_4_stray_descriptors(bundle, how):
    """The caller holds 3 to 50 without close-on-exec: the program sees only 0 to 2."""
    etc = os.open("/etc", os.O_RDONLY)
    more = {"before": use(3, *[etc] * 48), "close_fds": False}
    bundle.args("probe")
    if how == "run":
        fds = bundle.run(**more).ok().json["fds"]
    else:
        with Container(bundle) as c:
            c.create(**more)
            held = [os.readlink(f) for f in (c.proc / "fd").iterdir()]
            assert not [t for t in held if t.startswith("/etc")], "a waiting init holds it"
            c.finish()
            fds = c.json["fds"]
    os.close(etc)
    assert set(fds) == {"0", "1", "2"}


@pytest.mark.parametrize("number", range(3, 16))
def test_s8_cwd_through_a_descriptor(bundle, number):
    # covers: S8 (CVE-2024-21626), PR-4
    root = os.open("/", os.O_RDONLY)
    bundle.set("process.cwd", f"/proc/self/fd/{number}").sh("ls -d run/tests 2>/dev/null; true")
    result = bundle.run(before=use(7, root, root), close_fds=False)
    os.close(root)
    assert "run/tests" not in result.out
    assert result.code == 1, result


@pytest.mark.parametrize("number", [3, 7, 8])
def test_s8_program_through_a_descriptor(bundle, number):
    root = os.open("/", os.O_RDONLY)
    result = bundle.args(f"/proc/self/fd/{number}/bin/cat", "/etc/hostname").run(before=use(7, root, root), close_fds=False)
    os.close(root)
    assert result.code == 1 and result.out == ""


@pytest.mark.parametrize("count", [1, 3])
def test_f3_preserve_fds(bundle, count):
    files = [os.memfd_create(f"keep{n}") for n in range(4)]
    result = bundle.args("probe").run("--preserve-fds", str(count), before=use(3, *files), close_fds=False)
    for fd in files:
        os.close(fd)
    fds = result.ok().json["fds"]
    assert set(fds) == {"0", "1", "2", *(str(3 + n) for n in range(count))}
    assert all("keep" in fds[str(3 + n)] for n in range(count))


def test_f3_preserved_descriptor_is_missing(bundle):
    bundle.args("true").create("--preserve-fds", "2").fails("unable to stat preserved-fd")


@pytest.mark.parametrize("pid", ["unset", "ours", "other"])
def test_cli_6_listen_fds(bundle, pid):
    # covers: CLI-6, LX-4, engines.md 5.3
    files = [os.memfd_create(f"listen{n}") for n in range(2)]
    env = {"PATH": os.environ["PATH"], "LISTEN_FDS": "2"}
    rt = bundle.write().runtime
    words = [*rt.layout.wrap, rt.path, "--root", str(rt.root), "run", "-b", str(bundle.dir), bundle.id]
    if pid == "ours":
        words = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *words]
    elif pid == "other":
        env["LISTEN_PID"] = "1"
    out = subprocess.run(words, env=env, preexec_fn=use(3, *files), close_fds=False, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, check=True)
    for fd in files:
        os.close(fd)
    report = json.loads(out.stdout)
    names = {e for e in report["env"] if e.startswith("LISTEN")}
    if pid == "other":
        assert set(report["fds"]) == {"0", "1", "2"} and not names
    else:
        assert "listen0" in report["fds"]["3"] and "listen1" in report["fds"]["4"] and "5" not in report["fds"]
        assert names == {"LISTEN_FDS=2", "LISTEN_PID=1"}


def test_no_environment_of_the_caller(bundle):
    # covers: engines.md 5.3
    env = {"PATH": os.environ["PATH"], "_OCI_SYNCPIPE": "3", "_CONTAINERS_X": "1", "SECRET": "x"}
    assert set(bundle.report(env=env).environment) == {"PATH", "TERM", "HOME"}


# -- the caller's surroundings ------------------------------------------------------------------------------------


SURROUNDINGS = {
    "small files": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, -1)),
    "32 descriptors": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
    "SIGCHLD ignored": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    "all signals blocked": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)),
    "SIGPIPE ignored": lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN),
    "umask 777": lambda: os.umask(0o777),
}


@pytest.mark.parametrize("what", SURROUNDINGS)
def test_s29_surroundings(bundle, what):
    bundle.set("process.user.umask", 0o22)
    with Container(bundle.sh("echo fine")) as c:
        c.create(before=SURROUNDINGS[what])
        c.start(before=SURROUNDINGS[what])
        c.wait()
        assert c.output == "fine\n"
        bundle.runtime.call("delete", c.id, before=SURROUNDINGS[what]).ok()


def test_s29_deleted_directory(bundle):
    gone = bundle.host_dir("gone")

    def before():
        os.chdir(gone)
        os.rmdir(gone)

    bundle.args("true").run(before=before).ok()


# -- the foreground -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 7, 127, 255])
def test_run_exit_code(bundle, code):
    # covers: engines.md 4.1, 5.7
    assert bundle.sh(f"exit {code}").run().code == code


@pytest.mark.parametrize("number", [9, 15, 6, 10])
def test_run_code_of_a_signal(bundle, number):
    """128 + n when a signal ended the program; without a pid namespace of its own any signal can."""
    bundle.without_namespace("pid").args("probe", "die", str(number))
    assert bundle.run().code == 128 + number


@contextmanager
def foreground(bundle):
    """A foreground run under way, ended for sure."""
    rt = bundle.write().runtime
    run = subprocess.Popen([*rt.layout.wrap, rt.path, "--root", rt.root, "run", "-b", bundle.dir, bundle.id],
                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield run
    finally:
        rt.delete(bundle.id, force=True)
        run.kill()
        run.wait()


@pytest.mark.parametrize("name", ["TERM", "HUP", "USR1", "USR2", "INT", "CONT"])
def test_p3_run_forwards_signals(bundle, name):
    out = bundle.host_dir("signals")
    number = getattr(signal, f"SIG{name}")
    with foreground(bundle.bind("/mnt", out).args("probe", "trap", "/mnt")) as run:
        until((out / "ready").exists, "the program listens")
        run.send_signal(number)
        until((out / str(int(number))).exists, name)
        bundle.runtime.kill(bundle.id, "KILL").ok()
        assert run.wait(10) == 137
        bundle.runtime.state(bundle.id).fails("container does not exist")


def test_run_detach(bundle):
    with Container(bundle.sh("echo ready; sleep 100")) as c:
        c.run()
        c.wait_for_output()
        assert c.status == "running" and c.state["pid"] == c.pid


def test_p1_detached_init_goes_to_the_callers_subreaper(bundle):
    """No process of ours is left: the parent is the reaping pid 1 of the sandbox, not something in between."""
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        assert int((c.proc / "stat").read_text().rpartition(")")[2].split()[1]) == 1
        lines = [Path("/proc", p, "cmdline").read_text() for p in os.listdir("/proc") if p.isdigit() and int(p) != c.pid]
        assert not [line for line in lines if c.id in line]


@pytest.mark.ours
@pytest.mark.parametrize("code", [0, 5])
def test_run_keep(bundle, code):
    # covers: engines.md 2.2
    with Container(bundle.sh(f"exit {code}")) as c:
        assert bundle.run("--keep").code == code
        assert c.status == "stopped"
        c.delete()


def test_run_stdin(bundle):
    read, write = os.pipe()
    os.write(write, b"through\n")
    os.close(write)
    assert bundle.args("cat").run(stdin=read).ok().out == "through\n"
    os.close(read)


def test_run_no_subreaper(bundle):
    assert bundle.sh("exit 3").run("--no-subreaper").code == 3


def test_p2_run_ends_with_its_own_child(bundle):
    """Not with the last orphan."""
    begin = time.monotonic()
    bundle.args("probe", "orphans", "3").run().ok()
    assert time.monotonic() - begin < 5
