"""linux.seccomp in real containers: actions, arguments, where the filter is loaded, the listener.  That the filters decide as
libseccomp's do is compared in tests/seccomp."""

import array
import errno
import json
import os
import platform
import re
import shutil
import signal
import socket
import threading

import pytest

from harness import Container

ALLOW, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")

NUMBERS = {"getpid": 39, "personality": 135, "clone": 56, "getcwd": 79, "clone3": 435, "sethostname": 170, "mkdir": 83,
           "setsid": 112, "getuid": 102, "umask": 95, "fchmod": 91}


@pytest.mark.ours
@pytest.mark.parametrize("flags, value", [(None, "0x0"), ([], "0x0"), (["SECCOMP_FILTER_FLAG_LOG"], "0x2")], ids=str)
def test_dec_25_no_flag_of_our_own(bundle, flags, value):
    """runc adds SECCOMP_FILTER_FLAG_SPEC_ALLOW where the profile names none."""
    bundle.set("linux.seccomp", profile(rule(ERRNO, "getpid"), **({} if flags is None else {"flags": flags})))
    plan = bundle.args("true").create("--dry-run").ok().out
    assert re.search(r"^seccomp \d+ flags=(\S+)$", plan, re.M)[1] == value


def profile(*rules, default=ALLOW, **more):
    return {"defaultAction": default, "syscalls": list(rules), **more}


def rule(action, *names, **more):
    return {"names": list(names), "action": action, **more}


def arg(index, op, value, two=None):
    return {"index": index, "op": f"SCMP_CMP_{op}", "value": value, **({} if two is None else {"valueTwo": two})}


def calls(bundle, filter_, *wanted, no_new_privileges=True):
    """errno of each call, a list of a name and its arguments."""
    words = []
    for name, *args in wanted:
        words += [",", str(NUMBERS[name]), *map(str, args)] if words else [str(NUMBERS[name]), *map(str, args)]
    bundle.set("linux.seccomp", filter_).set("process.noNewPrivileges", no_new_privileges)
    result = bundle.args("probe", "call", *words).run().ok()
    return [json.loads(line)["errno"] for line in result.out.splitlines()]


# -- actions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_sc_4_sc_6_errno(bundle, no_new_privileges):
    filter_ = profile(rule(ERRNO, "getpid"), rule(ERRNO, "getuid", errnoRet=errno.ENXIO), rule(ERRNO, "setsid", errnoRet=0))
    assert calls(bundle, filter_, ["getpid"], ["getuid"], ["setsid"], no_new_privileges=no_new_privileges) == [
        errno.EPERM, errno.ENXIO, 0]


def test_sc_2_default_errno(bundle):
    """Everything that the probe needs is allowed."""
    names = """execve exit exit_group write brk mmap munmap mprotect arch_prctl set_tid_address ioctl writev readlink read
        rt_sigaction rt_sigprocmask fstat newfstatat openat close prlimit64 set_robust_list rseq getrandom""".split()
    filter_ = profile(rule(ALLOW, *names), default=ERRNO, defaultErrnoRet=errno.ENXIO)
    assert calls(bundle, filter_, ["umask", 0]) == [errno.ENXIO]


@pytest.mark.parametrize("action", ["KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP"])
def test_sc_4_killed_by_sigsys(bundle, action):
    bundle.set("linux.seccomp", profile(rule(f"SCMP_ACT_{action}", "umask")))
    assert bundle.args("probe", "call", "95").run().code == 128 + signal.SIGSYS


def test_sc_4_log_lets_it_pass(bundle):
    assert calls(bundle, profile(rule("SCMP_ACT_LOG", "umask")), ["umask", 18]) == [0]


def test_sc_4_trace_without_a_tracer(bundle):
    assert calls(bundle, profile(rule("SCMP_ACT_TRACE", "umask")), ["umask", 18]) == [errno.ENOSYS]


@pytest.mark.ours
def test_sc_13_nothing_allowed(bundle):
    """The container is created; its program dies at its first system call."""
    bundle.set("linux.seccomp", {"defaultAction": "SCMP_ACT_KILL"})
    with Container(bundle) as c:
        c.create()
        c.start()
        c.wait()
        assert c.status == "stopped" and c.output == ""
        c.delete()


# -- names ------------------------------------------------------------------------------------------------------


def test_sc_5_dec_20_unknown_name_is_ignored(bundle):
    assert calls(bundle, profile(rule(ERRNO, "no_such_call", "getpid")), ["getpid"]) == [errno.EPERM]


@pytest.mark.ours
def test_sc_5_unknown_name_is_an_error_when_asked_for(bundle):
    bundle.annotate(**{"run.oci.seccomp_fail_unknown_syscall": "1"})
    bundle.set("linux.seccomp", profile(rule(ERRNO, "getpid", "no_such_call")))
    bundle.refused(text='linux.seccomp.syscalls[0].names[1]: "no_such_call" is not a system call')


def test_sc_15_newer_calls_get_enosys(bundle):
    """The newest call that the profile names is openat2 (437): faccessat2 (439) is newer."""
    names = """execve exit exit_group write brk mmap munmap mprotect arch_prctl set_tid_address ioctl writev readlink read
        rt_sigaction rt_sigprocmask fstat newfstatat openat openat2 close prlimit64 set_robust_list rseq getrandom""".split()
    filter_ = profile(rule(ALLOW, *names), default=ERRNO)
    bundle.set("linux.seccomp", filter_).set("process.noNewPrivileges", True)
    result = bundle.args("probe", "call", "439", ",", "435", ",", "39").run().ok()
    assert [json.loads(line)["errno"] for line in result.out.splitlines()] == [errno.ENOSYS, errno.EPERM, errno.EPERM]


# -- arguments --------------------------------------------------------------------------------------------------

BIG = 2**53 + 1

CASES = [
    ("EQ", 8, None, [(8, True), (7, False), (2**32 + 8, False)]),
    ("NE", 8, None, [(8, False), (7, True), (2**32 + 8, True)]),
    ("LT", 2**32, None, [(2**32 - 1, True), (2**32, False), (0, True), (2**33, False)]),
    ("LE", 2**32, None, [(2**32, True), (2**32 + 1, False), (5, True)]),
    ("GT", BIG, None, [(BIG, False), (BIG + 1, True), (2**63, True), (2**52, False)]),
    ("GE", BIG, None, [(BIG, True), (BIG - 1, False), (2**64 - 1, True)]),
    ("MASKED_EQ", 0xFF000000FF, 0x0100000002, [(0x0100000002, True), (0x01AAAAAA02, True), (0x0200000002, False), (2, False)]),
    ("EQ", 2**64 - 1, None, [(2**64 - 1, True), (2**63 - 1, False), (2**32 - 1, False)]),
]


@pytest.mark.parametrize("op, value, two, expected", CASES)
def test_sc_7_operators(bundle, op, value, two, expected):
    """The first argument of umask is what is compared; the call itself always succeeds."""
    filter_ = profile(rule(ERRNO, "umask", errnoRet=errno.ENXIO, args=[arg(0, op, value, two)]))
    found = calls(bundle, filter_, *(["umask", number] for number, _ in expected))
    assert [number == errno.ENXIO for number in found] == [match for _, match in expected]


def test_sc_7_several_arguments_are_anded(bundle):
    filter_ = profile(rule(ERRNO, "umask", errnoRet=errno.ENXIO, args=[arg(0, "GE", 1000), arg(1, "EQ", 7)]))
    assert calls(bundle, filter_, ["umask", 1000, 7], ["umask", 1000, 8], ["umask", 999, 7]) == [
        errno.ENXIO, 0, 0]


def test_sc_7_an_index_twice_is_ored(bundle):
    filter_ = profile(rule(ERRNO, "umask", errnoRet=errno.ENXIO, args=[arg(0, "EQ", 1000), arg(0, "EQ", 2000)]))
    assert calls(bundle, filter_, ["umask", 1000], ["umask", 2000], ["umask", 1500]) == [
        errno.ENXIO, errno.ENXIO, 0]


# -- architectures, flags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [True, False])
def test_sc_3_int80(bundle, listed):
    archs = ["SCMP_ARCH_X86_64"] + ["SCMP_ARCH_X86"] * listed
    bundle.set("linux.seccomp", profile(rule(ERRNO, "umask"), architectures=archs))
    result = bundle.args("probe", "int80").run()
    assert (result.code == 0) if listed else (result.code == 128 + signal.SIGSYS), result


def test_sc_3_sc_4_rules_hold_for_i386(bundle):
    filter_ = profile(rule(ERRNO, "getpid", errnoRet=errno.ENXIO), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
    bundle.set("linux.seccomp", filter_)
    assert json.loads(bundle.args("probe", "int80").run().ok().out)["result"] == -errno.ENXIO


@pytest.mark.ours
@pytest.mark.parametrize("arch", ["SCMP_ARCH_S390X", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SHEB"])
def test_sc_3_foreign_architectures_are_accepted(bundle, arch):
    assert calls(bundle, profile(rule(ERRNO, "getpid"), architectures=[arch]), ["getpid"]) == [errno.EPERM]


@pytest.mark.ours
@pytest.mark.parametrize("flags", [[], ["SPEC_ALLOW"], ["LOG", "TSYNC"], ["SPEC_ALLOW", "LOG", "TSYNC"]])
def test_sc_8_flags(bundle, flags):
    filter_ = profile(rule(ERRNO, "umask"), flags=[f"SECCOMP_FILTER_FLAG_{f}" for f in flags])
    bundle.set("linux.seccomp", filter_)
    report = bundle.report()
    assert report.status("Seccomp") == "2" and report.status("Seccomp_filters") == "1"


def test_sc_8_exec_is_filtered_too(bundle):
    """By the filter of the config, loaded once."""
    bundle.set("linux.seccomp", profile(rule(ERRNO, "umask")))
    with Container(bundle.args("sleep", "100")) as c:
        c.run()
        report = c.exec_report()
        assert report.status("Seccomp") == "2" and report.status("Seccomp_filters") == "1"


# -- where it is loaded -----------------------------------------------------------------------------------------

# What a static program of glibc needs to start and to print
FEW = """execve exit_group exit write brk mmap mprotect arch_prctl set_tid_address set_robust_list rseq prlimit64 readlink
    readlinkat getrandom newfstatat fstat ioctl""".split()


@pytest.mark.ours
@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("caps", [["CAP_KILL"], ["CAP_KILL", "CAP_SYS_ADMIN"], []])
def test_sc_12_nothing_but_the_exec_is_needed(bundle, no_new_privileges, uid, caps):
    """No prctl, no capset, no close, no read: what the program and its libc need is all that is allowed."""
    bundle.set("process.user", {"uid": uid, "gid": uid}).set("process.noNewPrivileges", no_new_privileges)
    bundle.set("process.capabilities", {"bounding": caps, "effective": caps, "permitted": caps})
    bundle.set("linux.seccomp", profile(rule(ALLOW, *FEW), default="SCMP_ACT_KILL_PROCESS"))
    result = bundle.args("probe", "call", str(NUMBERS["getpid"])).run()
    assert result.code == 128 + signal.SIGSYS and result.out == "", result
    bundle.set("linux.seccomp", profile(rule(ALLOW, *FEW, "getpid"), default="SCMP_ACT_KILL_PROCESS"))
    assert json.loads(bundle.run().ok().out) == {"errno": 0}


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_pr_4_sc_12_getcwd_denied(bundle, no_new_privileges):
    assert calls(bundle, profile(rule(ERRNO, "getcwd")), ["getcwd", 0, 0], no_new_privileges=no_new_privileges) == [errno.EPERM]


@pytest.mark.ours
@pytest.mark.parametrize("uid", [0, 1000])
def test_sc_12_cap_1_capabilities_are_those_of_the_config(bundle, uid):
    """CAP_SYS_ADMIN is needed to load the filter, and gone with the exec."""
    caps = ["CAP_KILL", "CAP_CHOWN"]
    bundle.set("process.user", {"uid": uid, "gid": uid}).set("process.noNewPrivileges", False)
    bundle.set("process.capabilities", {k: caps for k in ("bounding", "effective", "permitted", "inheritable", "ambient")})
    sets = ("Inh", "Prm", "Eff", "Bnd", "Amb")
    report = bundle.report()
    without = [report.status(f"Cap{s}") for s in sets]
    bundle.set("linux.seccomp", profile(rule(ERRNO, "umask")))
    report = bundle.report()
    assert [report.status(f"Cap{s}") for s in sets] == without and report.status("Seccomp") == "2"


@pytest.mark.ours
def test_sc_12_hooks_are_not_filtered(bundle):
    out = bundle.host_file()
    bundle.own_rootfs()
    bundle.hook_sh("startContainer", "umask 077; umask > /marker").set("linux.seccomp", profile(rule("SCMP_ACT_KILL", "umask")))
    bundle.args("true").run().ok()
    assert (bundle.rootfs / "marker").read_text().strip() == "0077"
    assert out


# -- the listener -----------------------------------------------------------------------------------------------


class Agent:
    """Takes connections: what came with each, and how many descriptors."""

    def __init__(self, path):
        self.messages = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(path))
        self.socket.listen()
        self.socket.settimeout(20)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.socket.accept()
        connection.settimeout(20)
        text, fds = b"", array.array("i")
        while True:
            data, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(64))
            if not data:
                break
            text += data
            for level, kind, value in control:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(value[: len(value) - len(value) % fds.itemsize])
        self.messages.append((text, list(fds)))
        for fd in fds:  # nobody answers: the call fails with ENOSYS
            os.close(fd)

    def close(self):
        self.thread.join(20)
        self.socket.close()


@pytest.mark.ours
@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_sc_9_sc_10_sc_11_listener(bundle, no_new_privileges):
    path = bundle.dir / "agent.sock"
    agent = Agent(path)
    bundle.set("process.noNewPrivileges", no_new_privileges).annotate(color="blue")
    bundle.set("linux.seccomp", profile(rule("SCMP_ACT_NOTIFY", "mkdir"), listenerPath=str(path), listenerMetadata="a \"b\""))
    with Container(bundle.args("probe", "call", str(NUMBERS["mkdir"]), "0", "0")) as c:
        c.create()
        pid = c.pid
        c.start()
        c.wait()
        agent.close()
        assert c.json == {"errno": errno.ENOSYS}
        c.delete()
    assert len(agent.messages) == 1
    text, fds = agent.messages[0]
    state = json.loads(text)
    assert len(fds) == 1
    assert state["ociVersion"] == "1.3.0" and state["fds"] == ["seccompFd"] and state["pid"] == pid
    assert state["metadata"] == 'a "b"'
    assert state["state"]["status"] == "creating" and state["state"]["pid"] == pid and state["state"]["id"] == bundle.id
    assert state["state"]["annotations"] == {"color": "blue"}


@pytest.mark.ours
def test_sc_9_no_agent(bundle):
    path = bundle.dir / "nobody.sock"
    bundle.set("linux.seccomp", profile(rule("SCMP_ACT_NOTIFY", "mkdir"), listenerPath=str(path)))
    bundle.refused(text=f"failed to connect with seccomp agent {path}: connect to {path}: no such file or directory")


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_sc_9_kernel_without_listeners(bundle):
    """Before Linux 5.0; the flags of a profile have their own text."""
    path = bundle.dir / "agent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
        agent.bind(str(path))
        agent.listen()
        bundle.set("linux.seccomp", profile(rule("SCMP_ACT_NOTIFY", "mkdir"), listenerPath=str(path)))
        wrap = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=seccomp:error=EINVAL")
        result = bundle.args("true").run(wrap=wrap).fails(stage="init")
        assert result.message.endswith("linux.seccomp: seccomp notify unsupported: not known to this kernel")


@pytest.mark.ours
def test_sc_9_path_without_a_rule_is_ignored(bundle):
    bundle.set("linux.seccomp", profile(rule(ERRNO, "umask"), listenerPath="/nonexistent.sock"))
    bundle.args("true").run().ok()


@pytest.mark.ours
def test_sc_14_too_many_instructions(bundle):
    rules = [rule(ERRNO, "fchmod", args=[arg(0, "EQ", i), arg(1, "EQ", i), arg(2, "EQ", i)]) for i in range(1000)]
    bundle.set("linux.seccomp", profile(*rules))
    bundle.refused(text="linux.seccomp: the filter has more than 4096 instructions")
