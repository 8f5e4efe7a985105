"""exec: EXE-1, OP-14, PR-*, LX-4, engines.md 2.5, S2, S6, S8."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness import Container, layout
from harness.bundle import mask, own_capabilities
from harness.container import alive, freeze, until
from test_stdio import use
from test_terminal import document, listening, on_a_pty, read_until

@contextmanager
def running(bundle, *program):
    with Container(bundle.args(*(program or ("sleep", "1000")))) as c:
        yield c.run()


def process(*args, **more):
    return {"args": list(args), "cwd": "/", "user": {"uid": 0, "gid": 0}, **more}


# -- the end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)])
def test_exe_1_exit_code(bundle, script, code):
    with running(bundle) as c:
        assert c.exec("/bin/sh", "-c", script).code == code
        assert c.exec_document(process("/bin/sh", "-c", script)).code == code
        assert c.status == "running"


def test_exe_1_detach(bundle):
    """Returns once the program runs; its pid is in the file; it is nobody's child of ours (P1, P5)."""
    file = bundle.host_file("exec.pid")
    with running(bundle) as c:
        result = c.exec("--detach", "--pid-file", file, "sleep", "1000", out=bundle.host_file("out")).ok()
        assert result.out == ""
        pid = int(file.read_text())
        assert file.read_text() == str(pid) and alive(pid)
        assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x001000\0"
        assert pid in c.processes() and pid != c.pid
        c.delete(force=True)
        assert not alive(pid)


def test_exe_1_stdio_goes_through(bundle):
    # covers: F1
    text = bundle.host_file("text")
    text.write_text("one\ntwo\n")
    with running(bundle) as c:
        with open(text, encoding="ascii") as stdin:
            result = c.exec("/bin/sh", "-c", "cat; echo error >&2", stdin=stdin).ok()
        assert result.out == "one\ntwo\n" and result.err == "error\n"


@pytest.mark.parametrize("sent", ["TERM", "USR1", "HUP"])
def test_p3_signals_are_forwarded(bundle, sent):
    script = f"trap 'echo got; exit 9' {sent}; echo ready; while :; do sleep 0.02; done"
    out = bundle.host_file("out")
    with running(bundle) as c:
        rt = c.runtime
        with open(out, "wb") as file, subprocess.Popen(
                [rt.path, "--root", str(rt.root), "exec", c.id, "/bin/sh", "-c", script], stdin=subprocess.DEVNULL,
                stdout=file) as child:
            until(lambda: "ready" in out.read_text(), "the program runs")
            child.send_signal(getattr(signal, f"SIG{sent}"))
            assert child.wait(10) == 9
        assert out.read_text() == "ready\ngot\n"
        assert c.status == "running"


# -- where it is --------------------------------------------------------------------------------------------------

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
SETS = {
    "usual": lambda b: b,
    "network and cgroup": lambda b: b.namespace("network").namespace("cgroup"),
    "user": lambda b: b.own_rootfs().user_namespace(),
    "user and network": lambda b: b.own_rootfs().user_namespace().namespace("network"),
    "no pid": lambda b: b.without_namespace("pid"),
    "none": lambda b: b.own_rootfs().without_namespace("pid", "ipc", "uts", "mount").set("linux.maskedPaths", []).set(
        "linux.readonlyPaths", []),
    "joined": lambda b: b.namespace("ipc", f"/proc/{os.getpid()}/ns/ipc"),
}


def opened(bundle):
    """The root filesystem of a user namespace is not root's."""
    if bundle.rootfs != type(bundle).shared_rootfs:
        os.chmod(bundle.rootfs, 0o755)
    return bundle


@pytest.mark.parametrize("kinds", SETS)
def test_exe_1_namespaces_and_cgroup_are_those_of_init(bundle, kinds):
    opened(SETS[kinds](bundle))
    with running(bundle) as c:
        seen = c.exec_report()
        for name in NAMESPACES:
            if os.path.exists(f"/proc/self/ns/{name}"):
                assert seen["ns"][name] == c.namespace(name), name
        if not any(n["type"] == "cgroup" for n in bundle.config["linux"]["namespaces"]):
            assert seen["cgroup"] == (c.proc / "cgroup").read_text()
        assert seen["uid_map"] == (c.proc / "uid_map").read_text()
        root = c.exec("stat", "-c", "%i", "/").ok().out
        assert int(root) == os.stat(c.inside("/")).st_ino


@pytest.mark.parametrize("how", ["no pivot", "joined mount namespace"])
def test_exe_1_root_is_that_of_init(bundle, how):
    if how != "no pivot" and not bundle.runtime.ours:
        pytest.skip("runc pivots in a mount namespace that it joins")
    holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sleep", "1000"])
    try:
        if how != "no pivot":
            until(lambda: os.stat(f"/proc/{holder.pid}/ns/mnt").st_ino != os.stat("/proc/self/ns/mnt").st_ino, "its namespace")
            bundle.own_rootfs().namespace("mount", f"/proc/{holder.pid}/ns/mnt")
            bundle.set("linux.maskedPaths", []).set("linux.readonlyPaths", [])
        with Container(bundle.args("sleep", "1000")) as c:
            c.run(*(["--no-pivot"] if how == "no pivot" else []))
            inode, mounts = os.stat(c.inside("/")).st_ino, c.exec("cat", "/proc/self/mountinfo").ok().out
            assert c.exec("stat", "-c", "%i", "/").ok().out == f"{inode}\n"
            assert c.exec("/bin/sh", "-c", "cd /; cd ..; stat -c %i .").ok().out == f"{inode}\n"
            assert mounts == (c.proc / "mountinfo").read_text()
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.parametrize("cgroups", ["v1", "v2", "none"])
def test_exe_1_cgroup_layouts(runtime, bundle, cgroups):
    where = {"v1": layout.v1(), "v2": layout.V2, "none": layout.NONE}[cgroups]
    if not where or (cgroups == "v2" and not layout.mount_point("")):
        pytest.skip(f"no cgroup {cgroups} on this machine")
    bundle.runtime = runtime.at(runtime.work, where)
    if cgroups == "none" and not runtime.ours:
        pytest.skip("runc needs cgroups")
    if cgroups == "none":
        bundle.drop("linux.resources")
    with running(bundle) as c:
        assert c.exec_report()["cgroup"] == (c.proc / "cgroup").read_text()


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/time"), reason="no time namespaces here")
def test_to_1_exec_sees_the_time_namespace(bundle):
    # covers: TO-1
    bundle.namespace("time").set("linux.timeOffsets", {"monotonic": {"secs": 100000}, "boottime": {"secs": 200000}})
    with running(bundle) as c:
        seen = c.exec_report()
        assert seen["ns"]["time"] == c.namespace("time")
        assert seen["boottime"] - time.clock_gettime(time.CLOCK_BOOTTIME) > 190000


def test_exe_1_in_a_created_container(bundle):
    mark = bundle.host_dir("mnt")
    bundle.bind("/mnt", mark)
    with Container(bundle.sh("echo x > /mnt/started")) as c:
        c.create()
        assert c.exec("/bin/sh", "-c", "echo from exec > /mnt/exec; echo $PPID; exit 3").code == 3
        assert (mark / "exec").read_text() == "from exec\n"
        assert c.status == "created" and not (mark / "started").exists()
        c.finish()
        assert (mark / "started").exists()


def test_2_5_sub_cgroups(bundle):
    """--cgroup: below the container's."""
    with running(bundle) as c:
        v1 = layout.mount_point("pids")
        for point, _, options in layout.mounted():
            if os.path.isdir(os.path.join(point, c.id)) and "cpuset" not in options:
                os.mkdir(os.path.join(point, c.id, "sub"))
        if v1:
            lines = c.exec("--cgroup", "pids:sub", "--cgroup", "freezer,devices:/sub", "cat", "/proc/self/cgroup").ok().out
            at = {line.split(":")[1]: line.split(":")[2] for line in lines.splitlines()}
            assert [at[name].endswith(f"/{c.id}/sub") for name in ("pids", "freezer", "devices")] == [True] * 3
            assert at["memory"].endswith(f"/{c.id}")
        for option, text in (("nope:sub", "unknown controller nope"), ("pids:../other", "bad sub cgroup path: ../other"),
                             ("missing", "to cgroups: ")):
            if option.endswith("other") and not c.runtime.ours:
                text = "../other is not a sub cgroup path"
            if v1 or option == "missing":
                c.exec("--cgroup", option, "true").fails(text, code=255, stage=None if c.runtime.ours else "process")
        if c.runtime.ours:
            c.exec("--cgroup", "sub", "--cgroup", "pids:sub", "true").fails("missing <controller>: prefix", code=255)
            c.exec("--cgroup", "pids:sub:x", "true").fails("invalid --cgroup argument", code=255)


@pytest.mark.ours
@pytest.mark.skipif(not layout.mount_point(""), reason="no cgroup v2 on this machine")
def test_2_5_sub_cgroups_of_v2(runtime, bundle):
    bundle.runtime = runtime.at(runtime.work, layout.V2)
    with running(bundle) as c:
        (layout.mount_point("") / c.id / "sub/below").mkdir(parents=True)
        for path, seen in (("sub", "/sub"), ("/sub", "/sub"), ("sub/below", "/sub/below"), ("/", "/")):
            lines = c.exec("--cgroup", path, "cat", "/proc/self/cgroup").ok().out.splitlines()
            (unified,) = [line for line in lines if line.startswith("0::")]
            assert (unified + "/").endswith(f"/{c.id}{seen}".rstrip("/") + "/")
        for path, text in (("../x", "bad sub cgroup path: ../x"), ("sub/../../x", "bad sub cgroup path: "), ("/missing", "to cgroups: "),
                           ("pids:sub", "unknown controller pids")):
            c.exec("--cgroup", path, "true").fails(text, code=255)


@pytest.mark.ours
@pytest.mark.skipif(not layout.has_v1("cpuset"), reason="needs cgroup v1 with cpuset")
def test_4_3_cgroup_that_takes_nobody(bundle):
    """A cpuset without CPUs is found, but cannot be entered."""
    with running(bundle) as c:
        for point, _, options in layout.mounted():
            if "cpuset" in options:
                os.mkdir(os.path.join(point, c.id, "sub"))
        failed = c.exec("--cgroup", "cpuset:/sub", "true").fails(code=255)
        assert re.fullmatch(r"exec failed: error adding pid \d+ to cgroups: .*: no space left on device", failed.message)


@contextmanager
def delegating(runtime, bundle):
    """A container whose init is in a sub-cgroup, and whose own v2 cgroup hands a controller on."""
    top = layout.mount_point("")
    controllers = (top / "cgroup.subtree_control").read_text().split()
    if not controllers:
        pytest.skip("no v2 controller on this machine")
    bundle.runtime = runtime.at(runtime.work, layout.V2)
    with running(bundle) as c:
        own = top / c.id
        (own / "sub").mkdir()
        (own / "sub/cgroup.procs").write_text(str(c.pid))
        (own / "cgroup.subtree_control").write_text(f"+{controllers[0]}")
        yield c


@pytest.mark.skipif(not layout.mount_point(""), reason="no cgroup v2 on this machine")
def test_2_5_delegated_cgroup(runtime, bundle):
    """The container's v2 cgroup takes no process any more (EBUSY): exec goes where its init is."""
    with delegating(runtime, bundle) as c:
        assert f"0::/{c.id}/sub\n" in c.exec("cat", "/proc/self/cgroup").ok().out
        c.exec("--cgroup", "/", "true").fails("busy", code=255, stage="process" if not c.runtime.ours else None)


# -- what it is ---------------------------------------------------------------------------------------------------


def test_pr_5_env(bundle):
    # covers: PR-5, EXE-1
    bundle.env("A=config", "B=config")
    with running(bundle) as c:
        seen = c.exec_report("-e", "A=first", "-e", "C=1,D=2", "-e", "A=last").environment
        assert seen == {"PATH": seen["PATH"], "TERM": "xterm", "A": "last", "B": "config", "C": "1,D=2", "HOME": seen["HOME"]}
        if c.runtime.ours:
            c.exec("-e", "nonsense", "true").fails("process.env[4]: not of the form NAME=VALUE", code=255)


def test_pr_13_user(bundle):
    # covers: PR-13, PR-14
    bundle.set("process.user.additionalGids", [40])
    with running(bundle) as c:
        seen = c.exec_report("--user", "5:6", "-g", "7", "-g", "8")
        assert (seen["uid"], seen["gid"]) == ([5, 5, 5], [6, 6, 6]) if isinstance(seen["uid"], list) else (5, 6)
        assert sorted(seen["groups"]) == [7, 8, 40]
        assert c.exec_report("-u", "5").status("Gid").split() == ["0"] * 4
        for option, text in (("x", "bad uid: "), ("5:x", "bad gid: "), ("5:", "bad gid: ")):
            c.exec("--user", option, "true").fails(text if c.runtime.ours else "", code=255)
        c.exec("-g", "-1", "true").fails("additional-gids must be a positive number", code=255)
        if c.runtime.ours:
            for option in ("4294967295", "", "-1", " 5", "0x5"):
                c.exec("-u", option, "true").fails("bad uid: ", code=255)


def test_pr_4_cwd(bundle):
    # covers: PR-4
    bundle.set("process.cwd", "/tmp")
    with running(bundle) as c:
        assert c.exec("pwd").ok().out == "/tmp\n"
        assert c.exec("--cwd", "/bin/../etc", "pwd").ok().out == "/etc\n"
        c.exec("--cwd", "/nowhere", "true").fails('chdir to cwd ("/nowhere") set in config.json failed: no such file or directory',
                                                  code=255, stage="process") if c.runtime.ours else None
        c.exec("--cwd", "relative", "true").fails("Cwd must be an absolute path", code=255)


@pytest.mark.parametrize("number", range(3, 13))
def test_s8_cwd_and_program_through_descriptors(bundle, number):
    # covers: S8 (CVE-2024-21626)
    fds = [os.open(p, os.O_PATH | os.O_DIRECTORY) for p in ("/", "/etc")]
    with running(bundle) as c:
        result = c.exec("--cwd", f"/proc/self/fd/{number}", "cat", "../../../../../../proc/self/cgroup", before=use(7, *fds))
        assert result.code != 0
        result = c.exec(f"/proc/self/fd/{number}/bin/cat", "/proc/self/cgroup", before=use(7, *fds))
        assert result.code == 255
    for fd in fds:
        os.close(fd)


def test_cap_capabilities(bundle):
    """The config's by default; --cap adds, and never inheritable ones (S6, CVE-2022-29162)."""
    few = ["CAP_CHOWN", "CAP_KILL"]
    bundle.set("process.capabilities", {"bounding": few, "effective": few, "permitted": few})
    with running(bundle) as c:
        seen = c.exec_report()
        assert [seen.caps(s) for s in ("Bnd", "Eff", "Prm", "Inh", "Amb")] == [mask(few)] * 3 + [0, 0]
        seen = c.exec_report("--cap", "CAP_NET_RAW", "--cap", "CAP_FOWNER")
        more = mask(few + ["CAP_NET_RAW", "CAP_FOWNER"])
        assert [seen.caps(s) for s in ("Bnd", "Eff", "Prm", "Inh", "Amb")] == [more] * 3 + [0, 0]
        assert c.exec("--cap", "CAP_NO_SUCH", "true").code == 0


def test_cap_ambient_only_with_inheritable(bundle):
    few = ["CAP_CHOWN", "CAP_NET_RAW"]
    bundle.set("process.capabilities", {"bounding": few, "effective": few[:1], "permitted": few[:1], "inheritable": few[1:]})
    with running(bundle) as c:
        seen = c.exec_report("--cap", "CAP_NET_RAW")
        assert (seen.caps("Inh"), seen.caps("Amb")) == (mask(few[1:]), mask(few[1:]))
        assert c.exec_report().caps("Amb") == 0


def test_exe_1_options_of_the_config(bundle):
    # covers: EXE-1, PR-7, PR-10, PR-12
    bundle.set("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 77, "hard": 88}])
    bundle.set("process.noNewPrivileges", True).set("process.user.umask", 0o27).set("process.oomScoreAdj", 321)
    with running(bundle) as c:
        seen = c.exec_report()
        assert seen["rlimits"]["RLIMIT_CORE"] == [77, 88] and seen["no_new_privs"] == 1 and seen["umask"] == 0o27
        if c.runtime.ours:
            assert seen["oom_score_adj"].strip() == "321"


@pytest.mark.parametrize("option, value", [((), 0), (("--no-new-privs",), 1), (("--no-new-privs=false",), 0)], ids=str)
def test_pr_10_no_new_privs(bundle, option, value):
    with running(bundle) as c:
        assert c.exec_report(*option)["no_new_privs"] == value


@pytest.mark.ours
def test_exec_own_state_is_like_that_of_init(bundle):
    """Nothing of how it was made stays on the program."""
    with running(bundle) as c:
        seen = c.exec_report()
        assert (seen["pdeathsig"], seen["keepcaps"], seen["securebits"]) == (0, 0, 0)
        assert seen["sid"] == seen["pid"] and seen["ppid"] == 0
        assert set(seen["fds"]) == {"0", "1", "2"}
        assert seen.status("SigBlk") == seen.status("SigIgn") == "0" * 16
        assert seen.status("SigCgt") == "0" * 16


def test_gen_8_defaults_come_from_create(bundle):
    # covers: GEN-8
    bundle.env("A=old")
    with running(bundle) as c:
        bundle.config["process"]["env"][-1] = "A=new"
        bundle.write()
        assert c.exec_report().environment["A"] == "old"


def test_lx_4_descriptors(bundle):
    # covers: LX-4
    file = bundle.host_file("x")
    file.write_text("x")
    fd = os.open(file, os.O_RDONLY)
    with running(bundle) as c:
        many = use(3, *[fd] * 20)
        assert set(c.exec_report(before=many, close_fds=False)["fds"]) == {"0", "1", "2"}
        assert set(c.exec_report("--preserve-fds", "2", before=many, close_fds=False)["fds"]) == {"0", "1", "2", "3", "4"}
        c.exec("--preserve-fds", "100", "true").fails("unable to stat preserved-fd 1 (of 100): no such file or directory",
                                                      code=255) if c.runtime.ours else None
        seen = c.exec_report(before=many, close_fds=False, env={"LISTEN_FDS": "1", "PATH": os.environ["PATH"]})
        assert set(seen["fds"]) == {"0", "1", "2", "3"}
        assert seen.environment["LISTEN_FDS"] == "1" and seen.environment["LISTEN_PID"] == str(seen["pid"])
    os.close(fd)


@pytest.mark.parametrize("umask", [0o022, 0o077])
@pytest.mark.ours
def test_pr_12_umask_of_the_caller(bundle, umask):
    with running(bundle) as c:
        assert c.exec_report(before=lambda: os.umask(umask) and None)["umask"] == umask


# -- the process document -----------------------------------------------------------------------------------------


def test_exe_1_process_document(bundle):
    bundle.env("A=config")
    with running(bundle) as c:
        few = ["CAP_CHOWN"]
        seen = c.exec_document(process(
            "probe", "report", cwd="/tmp", env=["PATH=/bin", "X=1"], user={"uid": 5, "gid": 6, "additionalGids": [9], "umask": 7},
            capabilities={"bounding": few, "permitted": few}, noNewPrivileges=True,
            rlimits=[{"type": "RLIMIT_CORE", "soft": 3, "hard": 4}])).ok().json
        assert [e for e in seen["env"] if not e.startswith("HOME=")] == ["PATH=/bin", "X=1"]
        assert seen["cwd"] == "/tmp" and seen["umask"] == 7 and seen["no_new_privs"] == 1
        assert seen["rlimits"]["RLIMIT_CORE"] == [3, 4] and seen["groups"] == [9]
        status = dict(line.split(":\t", 1) for line in seen["status"].splitlines() if ":\t" in line)
        assert int(status["CapBnd"], 16) == mask(few)
        assert status["Uid"].split()[0] == "5" and status["Gid"].split()[0] == "6"


def test_exe_1_document_inherits(bundle):
    """What the document leaves out of capabilities, rlimits, labels stays the config's."""
    few = ["CAP_CHOWN", "CAP_KILL"]
    bundle.set("process.capabilities", {"bounding": few, "effective": few, "permitted": few}).env("A=config")
    bundle.set("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 77, "hard": 88}])
    with running(bundle) as c:
        seen = c.exec_document(process("/bin/probe", "report")).ok().json
        assert f"CapEff:\t{mask(few):016x}" in seen["status"]
        assert seen["rlimits"]["RLIMIT_CORE"] == [77, 88]
        if c.runtime.ours:
            assert "A=config" in seen["env"]


def test_exe_1_only_marked_options_count_beside_a_document(bundle):
    with running(bundle) as c:
        seen = c.exec_document(process("/bin/probe", "report", env=["A=1"]), "--env", "B=2", "--cwd", "/tmp", "-u", "5").ok().json
        assert not [e for e in seen["env"] if e.startswith("B=")] and seen["cwd"] == "/"
        assert "Uid:\t0" in seen["status"]


BAD = {
    "no cwd": ('{"args":["true"]}', "Cwd property must not be empty"),
    "relative": ('{"args":["true"],"cwd":"x"}', "Cwd must be an absolute path"),
    "no args": ('{"cwd":"/"}', "args must not be empty"),
    "null": ("null", "config cannot be null"),
    "malformed": ('{"cwd":', "process.json"),
    "wrong type": ('{"cwd":"/","args":["true"],"terminal":1}', "terminal"),
    "twice": ('{"cwd":"/","args":["true"],"cwd":"/tmp"}', "cwd"),
    "two rlimits": ('{"cwd":"/","args":["true"],"rlimits":[{"type":"RLIMIT_CPU","soft":1,"hard":1},'
                    '{"type":"RLIMIT_CPU","soft":1,"hard":1}]}', "rlimits[1].type: a second RLIMIT_CPU"),
}


@pytest.mark.ours
@pytest.mark.parametrize("name", BAD)
def test_exe_1_bad_documents(bundle, name):
    with running(bundle) as c:
        before = c.processes()
        c.exec_document(BAD[name][0]).fails(BAD[name][1], code=255)
        assert c.processes() == before


@pytest.mark.ours
def test_exe_1_missing_document(bundle):
    with running(bundle) as c:
        c.exec("--process", "/nowhere/process.json").fails("/nowhere/process.json: no such file or directory", code=255)


# -- terminals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["option", "document"])
def test_5_4_console_socket(bundle, by):
    # covers: PR-2, PR-3, CLI-5
    with running(bundle) as c, listening(bundle) as sock:
        size = {"height": 33, "width": 99}
        options = ("--detach", "--console-socket", sock.path)
        if by == "option":
            c.exec("--tty", *options, "probe", "report").ok()
        else:
            c.exec_document(process("/bin/probe", "report", terminal=True, consoleSize=size), *options).ok()
        name, (master,) = sock.receive()
        seen = document(master)
        assert name.startswith("/dev/pts/") or name == "/dev/ptmx"
        assert seen["tty"] == [1, 1, 1] and seen["controlling"] and seen["ttyname"].startswith("/dev/pts/")
        assert seen["sid"] == seen["pgid"] == seen["pid"] and set(seen["fds"]) == {"0", "1", "2"}
        if by == "document" and c.runtime.ours:
            assert seen["winsize"] == [33, 99] if "winsize" in seen else True
        os.close(master)


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_5_4_process_outruns_who_cloned_it(bundle):
    """Its terminal is not offered before its pid is known."""
    slow = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=clone,clone3:delay_exit=300000")
    with running(bundle) as c, listening(bundle) as sock:
        c.exec("--tty", "--detach", "--console-socket", sock.path, "probe", "report", wrap=slow).ok()
        _, (master,) = sock.receive()
        assert document(master)["controlling"]
        os.close(master)


def test_5_4_terminal_belongs_to_the_user(bundle):
    with running(bundle) as c, listening(bundle) as sock:
        c.exec("-t", "-d", "-u", "7:8", "--console-socket", sock.path, "/bin/sh", "-c", "stat -c 'owner %u' $(tty); sleep 1").ok()
        _, (master,) = sock.receive()
        assert "owner 7" in read_until(master, b"owner 7")
        os.close(master)


def test_5_4_foreground_terminal(bundle):
    with running(bundle) as c:
        words = ["exec", "-t", c.id, "/bin/sh", "-c", "tty; stty size; echo ready; read x; echo got-$x; echo end; exit 4"]
        code, seen, restored = on_a_pty(bundle, b"word\r", size=(31, 91), words=words)
    assert code == 4 and restored
    assert "31 91" in seen and "got-word" in seen and "/dev/pts/" in seen


def test_5_4_foreground_without_terminal_gets_none(bundle):
    with running(bundle) as c:
        words = ["exec", c.id, "/bin/sh", "-c", "test -t 0 && echo tty0; test -t 1 && echo tty1; test -t 2 && echo tty2; echo ready"]
        code, seen, restored = on_a_pty(bundle, words=words)
    assert code == 0 and restored and "tty" not in seen


@pytest.mark.ours
def test_5_4_terminal_refusals(bundle):
    name = bundle.runtime.name
    with running(bundle) as c, listening(bundle) as sock:
        c.exec("-t", "-d", "true").fails(f"cannot allocate tty if {name} will detach without setting console socket", code=255)
        for options in ((), ("-d",), ("-t",)):
            c.exec(*options, "--console-socket", sock.path, "true").fails(
                f"cannot use console socket if {name} will not detach or allocate tty", code=255)
        c.exec("-t", "true", wrap=("setsid", "--wait")).fails("no terminal: /dev/tty", code=255)


@pytest.mark.ours
@pytest.mark.parametrize("how", [(), ("-d",)], ids=str)
def test_5_5_pidfd_socket(bundle, how):
    file = bundle.host_file("exec.pid")
    with running(bundle) as c, listening(bundle) as sock:
        c.exec(*how, "--pidfd-socket", sock.path, "--pid-file", file, "sleep", "0.2").ok()
        _, (fd,) = sock.receive()
        state = [line for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines() if line.startswith("Pid:")]
        assert state in ([f"Pid:\t{file.read_text()}"], ["Pid:\t-1"])
        os.close(fd)


# -- refusals -----------------------------------------------------------------------------------------------------

PROGRAMS = {
    "missing": ("/nonexistent", 'exec: "/nonexistent": stat /nonexistent: no such file or directory'),
    "not in PATH": ("nonexistent", 'exec: "nonexistent": executable file not found in $PATH'),
    "not executable": ("/etc/passwd", 'exec: "/etc/passwd": permission denied'),
    "directory": ("/etc", "" if os.environ.get("OCIRT_RUNTIME", "").endswith("runc") else 'exec: "/etc": is a directory'),
}


@pytest.mark.parametrize("detach", [(), ("--detach",)], ids=str)
@pytest.mark.parametrize("name", PROGRAMS)
def test_4_3_program(bundle, name, detach):
    program, text = PROGRAMS[name]
    file = bundle.host_file("exec.pid")
    with running(bundle) as c:
        before = c.processes()
        c.exec(*detach, "--pid-file", file, program).fails(text, code=255, stage="process")
        assert c.processes() == before and not file.exists()


def test_4_3_exec_format_error(bundle):
    bundle.own_rootfs()
    (bundle.rootfs / "bad").write_text("no program")
    (bundle.rootfs / "bad").chmod(0o755)
    with running(bundle) as c:
        c.exec("/bad").fails("exec format error", code=255 if c.runtime.ours else 1, stage="process")


def test_4_3_states(bundle):
    rt = bundle.runtime
    rt.call("exec", bundle.id, "true").fails("container does not exist", code=255)
    rt.call("exec").fails("requires a minimum of 1 argument")
    with Container(bundle.args("sleep", "1000")) as c:
        c.run()
        c.exec().fails("exec args cannot be empty" if c.runtime.ours else "args cannot be empty", code=255)
        rt.call("pause", c.id).ok()
        c.exec("true").fails("cannot exec in a paused container", code=255)
        rt.call("resume", c.id).ok()
        c.kill("KILL").wait()
        c.exec("true").fails("cannot exec in a stopped container", code=255)


def piped(text):
    """The reading end of a pipe that holds that."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as file:
        file.write(text)
    return os.fdopen(reader)


def test_2_5_process_document_from_a_pipe(bundle):
    """<(...) of a shell."""
    with running(bundle) as c, piped(json.dumps(process("/bin/sh", "-c", "echo $((6 * 7))"))) as document:
        assert c.exec("--process", "/dev/stdin", stdin=document).ok().out == "42\n"


def beside(pid):
    """Those in the pid namespace of an init, but for itself."""
    mine, found = os.readlink(f"/proc/{pid}/ns/pid"), []
    for other in os.listdir("/proc"):
        with suppress(OSError):
            if other.isdigit() and int(other) != pid and os.readlink(f"/proc/{other}/ns/pid") == mine:
                found.append(other)
    return found


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_4_3_init_that_ends_under_an_exec(bundle):
    """The kernel kills what has joined the pid namespace of an init that dies; the reason is told."""
    with running(bundle) as c:
        line = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", "inject=sendmsg:delay_enter=1000000:when=1",
                c.runtime.path, "--root", str(c.runtime.root), "exec", c.id, "true"]
        with subprocess.Popen(line, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as exec_:
            until(lambda: beside(c.pid), "the process of the exec is there", 10)
            os.kill(c.pid, signal.SIGKILL)
            assert exec_.communicate(timeout=20)[1].endswith('msg="exec failed: cannot exec in a stopped container"\n')
            assert exec_.returncode == 255


def test_2_5_ignore_paused(bundle):
    """It is frozen with the others, and goes on with them."""
    out = bundle.host_file("out")
    with running(bundle) as c:
        rt = c.runtime
        rt.call("pause", c.id).ok()
        with open(out, "wb") as file, subprocess.Popen([rt.path, "--root", str(rt.root), "exec", "--ignore-paused", c.id, "echo", "x"],
                                                       stdin=subprocess.DEVNULL, stdout=file) as child:
            time.sleep(0.1)
            assert child.poll() is None and out.read_text() == ""
            rt.call("resume", c.id).ok()
            assert child.wait(10) == 0
        assert out.read_text() == "x\n"


@pytest.mark.ours
@pytest.mark.parametrize("option, text", [(("--nonsense",), "flag provided but not defined: -nonsense"),
                                          (("--user",), "flag needs an argument: -user"),
                                          (("--tty=maybe",), 'invalid boolean value "maybe" for -tty')], ids=str)
def test_1_2_usage(bundle, option, text):
    bundle.runtime.call("exec", *option).fails(text)


def test_1_2_words_behind_the_id(bundle):
    """The first operand ends the options; -- behind it is the program's."""
    with running(bundle) as c:
        assert c.exec("echo", "-d", "--", "-t").ok().out == "-d -- -t\n"
        assert c.runtime.call("exec", "--", c.id, "echo", "--").ok().out == "--\n"


# -- other kernels --------------------------------------------------------------------------------------------------

OLDER = {
    "5.2": ("clone3,pidfd_open,close_range,openat2,faccessat2:error=ENOSYS",),
    "5.4, setns knows no pidfd": ("setns:error=EINVAL:when=1", "clone3,close_range:error=ENOSYS"),
    "filtered": ("clone3,pidfd_open:error=EPERM",),
}


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
@pytest.mark.parametrize("kinds", ["usual", "user and network", "no pid"])
@pytest.mark.parametrize("kernel", OLDER)
def test_cg_7_older_kernels(bundle, kernel, kinds):
    # covers: CG-7
    opened(SETS[kinds](bundle))
    inject = [word for fault in OLDER[kernel] for word in ("-e", f"inject={fault}")]
    with running(bundle) as c:
        # The first call of a name in each process is the one that fails.
        seen = c.exec_report(wrap=("strace", "-f", "-qq", "-o", "/dev/null", *inject))
        for name in NAMESPACES:
            if os.path.exists(f"/proc/self/ns/{name}"):
                assert seen["ns"][name] == c.namespace(name), name
        assert seen["cgroup"] == (c.proc / "cgroup").read_text()
        c.exec("/nonexistent", wrap=("strace", "-f", "-qq", "-o", "/dev/null", *inject)).fails(
            'exec: "/nonexistent": stat /nonexistent: no such file or directory', code=255, stage="process")


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("strace") or not layout.mount_point(""), reason="no strace or no cgroup v2 here")
def test_2_5_delegated_cgroup_of_an_older_kernel(runtime, bundle):
    """Without CLONE_INTO_CGROUP it is the process itself that is told EBUSY."""
    with delegating(runtime, bundle) as c:
        seen = c.exec("cat", "/proc/self/cgroup",
                      wrap=("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=clone3:error=ENOSYS")).ok().out
        assert f"0::/{c.id}/sub\n" in seen


# -- hostile neighbours, and many ---------------------------------------------------------------------------------


@pytest.mark.parametrize("capabilities", [[], ["CAP_SYS_PTRACE"]], ids=["none", "ptrace"])
def test_s2_nothing_of_the_host_can_be_seen(bundle, capabilities):
    # covers: S2 (CVE-2016-9962)
    marker = bundle.host_file("secret")
    marker.write_text("x")
    mnt = bundle.host_dir("mnt")
    bundle.bind("/mnt", mnt)
    held = [n for n in capabilities if n in own_capabilities()]
    bundle.set("process.capabilities", {"bounding": held, "effective": held, "permitted": held})
    with running(bundle, "probe", "spy", str(marker), "/mnt/stop") as c:
        for _ in range(25):
            c.exec("true").ok()
        (mnt / "stop").write_text("")
        c.wait()
        seen = json.loads(c.output)
        assert seen["hits"] == 0, seen


@pytest.mark.parametrize("program", ["true", "/proc/self/exe", "/script"])
def test_s1_our_binary_cannot_be_written(bundle, program):
    # covers: S1 (CVE-2019-5736)
    mnt = bundle.host_dir("mnt")
    bundle.own_rootfs().bind("/mnt", mnt)
    (bundle.rootfs / "script").write_text("#!/proc/self/exe\n")
    (bundle.rootfs / "script").chmod(0o755)
    for name in ("busybox", "probe"):  # not those that all tests share: they may be written to
        file = bundle.rootfs / "bin" / name
        text = file.read_bytes()
        file.unlink()
        file.write_bytes(text)
        file.chmod(0o755)
    binary = Path(bundle.runtime.path)
    before = binary.read_bytes()
    with running(bundle, "probe", "overwrite", "/mnt/stop") as c:
        for _ in range(8):
            c.exec(program)
        time.sleep(0.05)
        assert binary.read_bytes() == before
        (mnt / "stop").write_text("")
        c.wait()
        assert c.json["seen"] > 0
    assert binary.read_bytes() == before


@pytest.mark.patience(120)
def test_op_13_a_hundred_at_once(bundle):
    # covers: OP-13
    with running(bundle) as c:
        rt = c.runtime
        line = [rt.path, "--root", str(rt.root), "exec", c.id, "/bin/sh", "-c"]
        children = [subprocess.Popen([*line, f"exit {n}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for n in range(100)]
        assert [child.wait(100) for child in children] == list(range(100))
        until(lambda: c.processes() == [c.pid], "only init is left")


@pytest.mark.ours
def test_s16_delete_while_execs_come(bundle):
    """Whatever the order: nothing is left, and every exec ends with its own status or 255."""
    with running(bundle) as c:
        rt = c.runtime
        line = [rt.path, "--root", str(rt.root), "exec", c.id, "sleep", "1000"]
        children = [subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    for _ in range(10)]
        c.delete(force=True)
        assert {child.wait(20) for child in children} <= {137, 255}
