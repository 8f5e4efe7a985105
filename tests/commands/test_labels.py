"""Labels of AppArmor and SELinux: PR-8, PR-9, MS-4, DEC-2, DEC-30.

Which half of the tests runs is decided by the kernel.  A profile is loaded for them and removed again.  A SELinux policy
cannot be removed, so it is loaded on a machine without one only where OCIRT_LOAD_POLICY=1 says that the machine is a
throw-away one; another policy is left alone.  Debian packages: apparmor, checkpolicy.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import Container

APPARMOR = Path("/sys/module/apparmor/parameters/enabled")
SELINUX = Path("/sys/fs/selinux")
POLICY = Path(__file__).resolve().parents[1] / "data/selinux/policy.conf"
PROGRAM, OTHER, FILES = (f"ocirt_u:ocirt_r:{kind}_t" for kind in ("program", "other", "files"))
PROFILE = """profile {name} flags=(attach_disconnected,mediate_deleted) {{
  file, capability, network, signal, unix, ptrace, mount,
  deny /data/file r,
}}
"""
LOOK = "cat /proc/self/attr/current; cat /data/file 2>/dev/null || echo denied"

# Facts, read when a test begins: a fixture may have loaded a policy


def has_apparmor():
    return APPARMOR.exists() and APPARMOR.read_text().startswith("Y")


def has_selinux():
    return (SELINUX / "class/process").exists()


def document(*args, **more):
    return {"args": list(args), "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, **more}


# -- where the module is not enabled ----------------------------------------------------------------------------------

ABSENT = {"apparmorProfile": ("AppArmor", has_apparmor), "selinuxLabel": ("SELinux", has_selinux)}


@pytest.fixture(params=ABSENT)
def absent(request):
    """(property, the message) of a module that is not enabled."""
    module, enabled = ABSENT[request.param]
    if enabled():
        pytest.skip(f"{module} is enabled")
    return request.param, f"process.{request.param}: {module} is not enabled in this kernel"


def test_pr_8_pr_9_dec_2_label_without_its_module(bundle, absent):
    name, message = absent
    result = bundle.set(f"process.{name}", "some_label").refused(name)
    if bundle.runtime.ours:
        assert result.message == result.prefix + message


def test_pr_8_pr_9_exec_without_its_module(bundle, absent):
    name, message = absent
    text = f"exec failed: {message}" if bundle.runtime.ours else ""
    option = {"apparmorProfile": "--apparmor", "selinuxLabel": "--process-label"}[name]
    with Container(bundle.sh("sleep 60")) as c:
        c.run()
        c.exec(option, "some_label", "true").fails(text, code=255)
        c.exec_document(document("/bin/true", **{name: "some_label"})).fails(text, code=255)
        c.exec_document(document("/bin/true", **{name: ""})).ok()


def test_dec_2_mount_label_is_dropped_with_a_warning(bundle):
    if has_selinux():
        pytest.skip("SELinux is enabled")
    bundle.set("linux.mountLabel", "system_u:object_r:x_t:s0").mount("/dev/mqueue", "mqueue", kind="mqueue")
    result = bundle.args("true").run(log=bundle.host_file("log")).ok()
    assert result.warnings == ["linux.mountLabel: dropped: SELinux is not enabled in this kernel"]


@pytest.mark.parametrize("name", ["process.apparmorProfile", "process.selinuxLabel", "linux.mountLabel"])
def test_dec_30_empty_label_is_absent(bundle, name):
    result = bundle.set(name, "").args("true").run(log=bundle.host_file("log")).ok()
    assert not result.warnings


# -- AppArmor ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def profile():
    """The name of a profile that denies /data/file."""
    if not has_apparmor():
        pytest.skip("AppArmor is not enabled in this kernel")
    if not shutil.which("apparmor_parser"):
        pytest.skip("no apparmor_parser (Debian package apparmor)")
    name = f"ocirt-test-{os.getpid()}"

    def parser(option):
        subprocess.run(["apparmor_parser", "--skip-cache", option], input=PROFILE.format(name=name), text=True, check=True)
    parser("--add")
    yield name
    parser("--remove")


def confined(name):
    return [f"{name} (enforce)", "denied"]


FREE = ["unconfined", "hello"]


def test_pr_8_profile_is_in_force(bundle, profile):
    assert bundle.set("process.apparmorProfile", profile).output(LOOK).split("\n") == confined(profile)


def test_pr_8_unconfined(bundle, profile):
    assert bundle.set("process.apparmorProfile", "unconfined").output(LOOK).split("\n") == FREE


@pytest.mark.parametrize("no_new_privileges", [False, True])
def test_pr_8_user_without_capabilities(bundle, profile, no_new_privileges):
    bundle.set("process.user", {"uid": 1000, "gid": 1000}).drop("process.capabilities")
    bundle.set("process.noNewPrivileges", no_new_privileges).set("process.apparmorProfile", profile)
    bundle.set("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]})
    assert bundle.output(LOOK).split("\n") == confined(profile)


def test_pr_8_user_namespace(bundle, profile):
    assert bundle.user_namespace().set("process.apparmorProfile", profile).output(LOOK).split("\n") == confined(profile)


def test_pr_8_without_a_mount_namespace(bundle, profile):
    bundle.without_namespace("mount").drop("linux.maskedPaths").drop("linux.readonlyPaths")
    assert bundle.set("process.apparmorProfile", profile).output("cat /proc/self/attr/current") == f"{profile} (enforce)"


def test_pr_8_profile_that_is_not_loaded(bundle, profile):
    """Not the words by which engines know that a program was not found (engines.md 4.2)."""
    bundle.set("process.apparmorProfile", "ocirt-no-such")
    bundle.refused(text='process.apparmorProfile: profile "ocirt-no-such" is not loaded', stage="init")


def test_pr_8_profile_too_long(bundle, profile):
    bundle.set("process.apparmorProfile", "x" * 5000).refused("process.apparmorProfile: longer than 4090 bytes")


def test_pr_8_hooks(bundle, profile):
    """The label is the program's: host's hooks run without it, those that come from the image do not."""
    seen = {kind: bundle.host_file(kind) for kind in ("createRuntime", "createContainer")}
    for kind, path in seen.items():
        bundle.hook_sh(kind, f"cat /proc/self/attr/current > {path}")
    bundle.bind("/mnt", bundle.host_dir("out"), "bind", "rw").hook_sh("startContainer", f"({LOOK}) > /mnt/start")
    bundle.set("process.apparmorProfile", profile).args("true").run().ok()
    assert [path.read_text() for path in seen.values()] == ["unconfined\n"] * 2
    assert bundle.host_file("out/start").read_text().split("\n")[:2] == confined(profile)


def test_pr_8_exec_takes_that_of_the_container(bundle, profile):
    with Container(bundle.set("process.apparmorProfile", profile).sh("sleep 60")) as c:
        c.run()
        assert c.exec("/bin/sh", "-c", LOOK).ok().out.splitlines() == confined(profile)
        assert c.exec_document(document("/bin/sh", "-c", LOOK)).ok().out.splitlines() == confined(profile)
        unconfined = document("/bin/sh", "-c", LOOK, apparmorProfile="unconfined")
        assert c.exec_document(unconfined).ok().out.splitlines() == FREE
        assert c.exec("--apparmor", "unconfined", "/bin/sh", "-c", LOOK).ok().out.splitlines() == FREE


def test_pr_8_exec_with_a_profile(bundle, profile):
    with Container(bundle.sh("sleep 60")) as c:
        c.run()
        assert c.exec("/bin/sh", "-c", LOOK).ok().out.splitlines() == FREE
        assert c.exec("--apparmor", profile, "/bin/sh", "-c", LOOK).ok().out.splitlines() == confined(profile)
        assert c.exec_document(document("/bin/sh", "-c", LOOK, apparmorProfile=profile)).ok().out.splitlines() == confined(profile)
        text = 'process.apparmorProfile: profile "ocirt-no-such" is not loaded' if bundle.runtime.ours else ""
        c.exec("--apparmor", "ocirt-no-such", "true").fails(text, code=255)


FAKE = "mkdir -p /tmp/p/self/attr/apparmor; touch /tmp/p/self/attr/exec /tmp/p/self/attr/apparmor/exec; mount -o bind /tmp/p /proc"


@pytest.mark.parametrize("trick", ["mount -t tmpfs t /proc", FAKE], ids=["empty", "fake"])
def test_s3_s11_pr_8_exec_asks_nothing_of_the_containers_proc(bundle, profile, trick):
    """CVE-2019-16884: the label would have been written to a file of the container."""
    with Container(bundle.own_rootfs().sh(f"{trick}; echo ready; sleep 60")) as c:
        c.run().wait_for_output()
        assert c.exec("--apparmor", profile, "/bin/sh", "-c", "cat /data/file 2>&1").out.endswith("Permission denied\n")


# -- SELinux ----------------------------------------------------------------------------------------------------------


def is_valid(label):
    try:
        (SELINUX / "context").write_text(label)
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """Our own policy is in force, permissive: it is about labels, and denies nothing."""
    if not SELINUX.exists():
        pytest.skip("SELinux is not enabled in this kernel")
    if not (SELINUX / "load").exists():
        subprocess.run(["mount", "-t", "selinuxfs", "selinuxfs", SELINUX], check=True)
    if not has_selinux() and os.environ.get("OCIRT_LOAD_POLICY") == "1" and shutil.which("checkpolicy"):
        binary = tmp_path_factory.mktemp("policy") / "policy"
        (SELINUX / "enforce").write_text("0")
        subprocess.run(["checkpolicy", "-U", "allow", "-o", binary, POLICY], check=True, stdout=subprocess.DEVNULL)
        (SELINUX / "load").write_bytes(binary.read_bytes())
    if not has_selinux():
        pytest.skip("no SELinux policy is loaded (OCIRT_LOAD_POLICY=1 and checkpolicy load one)")
    if not all(map(is_valid, (PROGRAM, OTHER, FILES))):
        pytest.skip("another SELinux policy is in force")


def label_of(path):
    return os.getxattr(path, "security.selinux").rstrip(b"\0").decode()


def test_pr_9_label_is_in_force(bundle, policy):
    bundle.set("process.selinuxLabel", PROGRAM)
    report = bundle.report()
    assert report["label"] == PROGRAM
    assert report["key_label"] == PROGRAM, "the session keyring"
    assert bundle.report("--no-new-keyring")["key_label"] != PROGRAM


def test_pr_9_bad_label(bundle, policy):
    bundle.set("process.selinuxLabel", "a:b:c").refused('process.selinuxLabel: value "a:b:c": invalid argument')


def test_pr_9_exec(bundle, policy):
    with Container(bundle.set("process.selinuxLabel", PROGRAM).sh("sleep 60")) as c:
        c.run()
        assert c.exec_report()["label"] == PROGRAM
        other = c.exec_report("--process-label", OTHER)
        assert other["label"] == OTHER and other["key_label"] == OTHER
        assert c.exec_document(document("/bin/probe", selinuxLabel=OTHER)).ok().json["label"] == OTHER
        text = 'process.selinuxLabel: value "a:b:c": invalid argument' if bundle.runtime.ours else ""
        c.exec("--process-label", "a:b:c", "true").fails(text, code=255)


def test_ms_4_mount_label(bundle, policy):
    bundle.set("linux.mountLabel", FILES).set("linux.maskedPaths", ["/opt"]).tmpfs("/mnt", "tmpcopyup" if bundle.runtime.ours else "rw")
    bundle.mount("/dev/mqueue", "mqueue", kind="mqueue").namespace("ipc").bind("/data", bundle.host_dir("bound"))
    with Container(bundle.sh("echo x > /mnt/file; echo ready; sleep 60")) as c:
        c.run().wait_for_output()
        labelled = ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/mnt", "/mnt/file", "/opt"]
        assert {label_of(c.inside(path)) for path in labelled} == {FILES}
        assert FILES not in {label_of(c.inside(path)) for path in ("/proc", "/data", "/bin")}


def test_ms_4_user_namespace(bundle, policy):
    with Container(bundle.user_namespace().set("linux.mountLabel", FILES).sh("sleep 60")) as c:
        c.run()
        assert {label_of(c.inside(path)) for path in ("/dev", "/dev/pts", "/dev/shm")} == {FILES}


def test_ms_4_bad_label(bundle, policy):
    bundle.set("linux.mountLabel", "a:b:c").refused('context="a:b:c": invalid argument')
