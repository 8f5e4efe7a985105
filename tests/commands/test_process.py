"""The process object: cwd, env, args, user, groups, umask, limits, oom score (PR-1 to PR-14), personality (MS-5)."""

import os
import resource
from pathlib import Path

import pytest

from harness import Container

INFINITY = 2**64 - 1


def test_pr_1_op_6_process_absent(bundle):
    bundle.drop("process").refused(text="process property must not be empty")


def test_op_6_process_null(bundle):
    bundle.set("process", None).refused(text="process property must not be empty")


# -- cwd ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cwd,seen", [("/tmp", "/tmp"), ("/", "/"), ("/tmp/../etc", "/etc"), ("/tmp//.", "/tmp")])
def test_pr_4_cwd(bundle, cwd, seen):
    assert bundle.set("process.cwd", cwd).report()["cwd"] == seen


@pytest.mark.parametrize("cwd,text", [("", "Cwd property must not be empty"), ("tmp", "Cwd must be an absolute path"),
                                      ("./", "Cwd must be an absolute path"), (None, "Cwd property must not be empty")])
def test_pr_4_bad_cwd(bundle, cwd, text):
    bundle.set("process.cwd", cwd).refused(text=text)


def test_pr_4_cwd_absent(bundle):
    bundle.drop("process.cwd").refused(text="Cwd property must not be empty")


def test_pr_4_missing_cwd_is_made(bundle):
    bundle.own_rootfs().set("process.cwd", "/new/deep/dir")
    assert bundle.report()["cwd"] == "/new/deep/dir"
    assert (bundle.rootfs / "new/deep/dir").is_dir()


def test_pr_4_cwd_is_a_link(bundle):
    bundle.own_rootfs()
    (bundle.rootfs / "link").symlink_to("/etc")
    assert bundle.set("process.cwd", "/link").report()["cwd"] == "/etc"


def test_pr_4_cwd_is_a_file(bundle):
    text = 'chdir to cwd ("/etc/passwd") set in config.json failed: not a directory' if bundle.runtime.ours else "not a directory"
    bundle.set("process.cwd", "/etc/passwd").refused(text=text, stage="init")


def test_pr_4_cwd_that_only_the_user_may_enter(bundle):
    """A directory on a mount where root has no rights: chdir as the target user."""
    bundle.own_rootfs()
    home = bundle.rootfs / "home/app"
    home.chmod(0o700)
    caps = {"bounding": [], "effective": [], "permitted": []}
    bundle.set("process.user", {"uid": 1000, "gid": 1000}).set("process.capabilities", caps).set("process.cwd", "/home/app")
    assert bundle.report()["cwd"] == "/home/app"


def test_pr_4_cwd_that_only_root_may_enter(bundle):
    """The caller's rights may open it (as with runc), or the user's rights decide (security.md 4, row 23); nothing else."""
    bundle.set("process.user", {"uid": 1000, "gid": 1000}).drop("process.capabilities").set("process.cwd", "/root")
    result = bundle.run()
    if result.code == 0:
        assert result.json["cwd"] == "/root"
    else:
        result.fails('chdir to cwd ("/root") set in config.json failed: permission denied', stage="init")


# -- env ------------------------------------------------------------------------------------------------------


def test_pr_5_exactly_this_environment(bundle):
    entries = ["PATH=/bin", "B=2", "A=1", "EMPTY=", "EQUALS=a=b", "SPACE=a b\n", "HOME=/tmp", "ä=ö"]
    bundle.set("process.env", entries)
    os.environ["LEAK"] = "x"
    try:
        env = bundle.report()["env"]
    finally:
        del os.environ["LEAK"]
    assert [e.encode("latin1").decode("utf-8") for e in env] == entries


def test_pr_5_home_from_passwd(bundle):
    assert bundle.report().environment["HOME"] == "/root"
    assert bundle.set("process.user", {"uid": 1000, "gid": 1000}).report().environment["HOME"] == "/home/app"
    assert bundle.set("process.user", {"uid": 4711, "gid": 1000}).report().environment["HOME"] == "/"


@pytest.mark.ours
def test_pr_5_home_with_hardly_a_descriptor(bundle):
    bundle.args("sh", "-c", "echo $HOME").set("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 3, "hard": 3}])
    assert bundle.run().ok().out == "/root\n"


def test_pr_5_home_empty(bundle):
    assert bundle.env("HOME=").report().environment["HOME"] == "/root"


def test_pr_5_home_without_passwd(bundle):
    bundle.own_rootfs()
    (bundle.rootfs / "etc/passwd").unlink()
    assert bundle.report().environment["HOME"] == "/"


def test_pr_5_home_from_a_hostile_passwd(bundle):
    """A passwd that is a link out of the root is resolved inside, one without end is not read for ever."""
    bundle.own_rootfs()
    (bundle.rootfs / "etc/passwd").unlink()
    (bundle.rootfs / "etc/passwd").symlink_to("/dev/zero")
    assert bundle.run(timeout=10).code in (0, 1)


def test_pr_5_duplicates_last_wins(bundle):
    env = bundle.env("X=1", "Y=2", "X=3").report()["env"]
    assert [e for e in env if e.startswith("X=")] == ["X=3"]


@pytest.mark.parametrize("entry", ["NOEQUALS", "=value", "="])
def test_pr_5_bad_entry(bundle, entry):
    bundle.env(entry).refused("process.env")


def test_pr_5_env_absent(bundle):
    bundle.drop("process.env").args("/bin/probe")
    assert bundle.report()["env"] == ["HOME=/root"]


# -- args -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [[], None])
def test_pr_6_no_args(bundle, args):
    bundle.set("process.args", args).refused(text="args must not be empty")


def test_pr_6_args_absent(bundle):
    bundle.drop("process.args").refused(text="args must not be empty")


def test_pr_6_first_is_empty(bundle):
    bundle.args("").refused()


def test_pr_6_arguments_arrive(bundle):
    words = ["", "a b", "\"'\\$", "ä", "x" * 5000, "\n"]
    seen = bundle.args("probe", "report", *words).report()["args"]
    assert [w.encode("latin1").decode() for w in seen[1:]] == words


@pytest.mark.parametrize("path,ok", [("/nowhere:/bin", True), ("/etc:/bin", True), (":/bin", True), ("/usr/bin", False), ("", False)])
def test_pr_6_lookup_in_path(bundle, path, ok):
    bundle.set("process.env", [f"PATH={path}"]).args("probe")
    if ok:
        bundle.report()
    else:
        bundle.refused(text='exec: "probe": executable file not found in $PATH', stage="init")


def test_pr_6_path_is_that_of_the_config(bundle):
    """Not the caller's."""
    bundle.set("process.env", ["A=b"]).args("probe")
    bundle.create(env={"PATH": "/bin:/usr/bin"}).fails('exec: "probe": executable file not found in $PATH')


def test_pr_6_relative_to_cwd(bundle):
    bundle.set("process.cwd", "/bin").args("./probe")
    assert bundle.report()["args"] == ["./probe"]
    bundle.set("process.cwd", "/").args("bin/probe")
    assert bundle.report()["args"] == ["bin/probe"]


def test_pr_6_not_executable_in_path_is_skipped(bundle):
    bundle.own_rootfs()
    fake = bundle.rootfs / "opt/probe"
    fake.write_text("#!/bin/false\n")
    fake.chmod(0o644)
    bundle.set("process.env", ["PATH=/opt:/bin"]).args("probe").report()
    bundle.set("process.env", ["PATH=/opt"])
    text = 'exec: "probe": permission denied' if bundle.runtime.ours else 'exec: "probe"'
    bundle.refused(text=text, stage="init")


def test_pr_6_script(bundle):
    bundle.own_rootfs()
    script = bundle.rootfs / "bin/script"
    script.write_text("#!/bin/sh\necho $0 $1\n")
    script.chmod(0o755)
    assert bundle.args("script", "x").run().ok().out == "/bin/script x\n"


def test_pr_6_no_shell_for_a_text_file(bundle):
    bundle.own_rootfs()
    script = bundle.rootfs / "bin/script"
    script.write_text("echo no\n")
    script.chmod(0o755)
    result = bundle.args("script").run()
    assert result.code == 1 and result.out == ""
    assert "exec format error" in result.err


# -- user -----------------------------------------------------------------------------------------------------


def test_pr_13_user(bundle):
    report = bundle.set("process.user", {"uid": 10, "gid": 20}).report()
    assert report["uid"] == [10] * 3 and report["gid"] == [20] * 3


def test_pr_13_user_absent(bundle):
    # covers: PR-13, DEC-13
    report = bundle.drop("process.user").report()
    assert report["uid"] == [0] * 3 and report["gid"] == [0] * 3


def test_pr_13_big_ids(bundle):
    report = bundle.set("process.user", {"uid": 2**32 - 2, "gid": 2**31}).args("/bin/probe").report()
    assert report["uid"] == [2**32 - 2] * 3 and report["gid"] == [2**31] * 3


@pytest.mark.parametrize("name", ["uid", "gid"])
def test_pr_13_minus_one(bundle, name):
    bundle.set(f"process.user.{name}", 4294967295).refused(f"process.user.{name}")


def test_pr_13_not_mapped(bundle):
    bundle.own_rootfs().user_namespace(size=1000).set("process.user", {"uid": 1000, "gid": 0}).refused()


@pytest.mark.parametrize("groups,seen", [([5, 7], [5, 7]), ([7, 5, 7], [5, 7]), ([], []), (None, []), ([0], [0])])
def test_pr_14_additional_groups(bundle, groups, seen):
    if groups is None:
        bundle.drop("process.user.additionalGids")
    else:
        bundle.set("process.user.additionalGids", groups)
    report = bundle.report(before=lambda: os.setgroups([3, 4]))
    assert sorted(set(report["groups"])) == seen


@pytest.mark.ours
def test_keep_original_groups(bundle):
    # covers: engines.md 3.6
    bundle.annotate(**{"run.oci.keep_original_groups": "1"})
    assert bundle.report(before=lambda: os.setgroups([3, 4]))["groups"] == [3, 4]


@pytest.mark.parametrize("mask", [0, 0o22, 0o77, 0o777])
def test_pr_12_umask(bundle, mask):
    assert bundle.set("process.user.umask", mask).report()["umask"] == mask


@pytest.mark.parametrize("mask", [0o77, 0o22, 0])
def test_pr_12_umask_is_inherited(bundle, mask):
    # covers: PR-12, DEC-5
    assert bundle.report(before=lambda: os.umask(mask))["umask"] == mask


def test_pr_12_umask_too_big(bundle):
    bundle.set("process.user.umask", 0o1000).refused("process.user.umask")


# -- limits ---------------------------------------------------------------------------------------------------


LIMITS = {"RLIMIT_AS": 2**40, "RLIMIT_CORE": 5, "RLIMIT_CPU": 1000, "RLIMIT_DATA": 2**38, "RLIMIT_FSIZE": 2**33,
          "RLIMIT_LOCKS": 77, "RLIMIT_MEMLOCK": 4096, "RLIMIT_MSGQUEUE": 1000, "RLIMIT_NICE": 0, "RLIMIT_NOFILE": 100,
          "RLIMIT_NPROC": 1000, "RLIMIT_RSS": 2**30, "RLIMIT_RTPRIO": 0, "RLIMIT_RTTIME": 10**6, "RLIMIT_SIGPENDING": 50,
          "RLIMIT_STACK": 2**22}


@pytest.mark.parametrize("name", LIMITS)
def test_pr_7_each_limit(bundle, name):
    hard = LIMITS[name]
    soft = hard // 2
    bundle.set("process.rlimits", [{"type": name, "soft": soft, "hard": hard}])
    assert bundle.report()["rlimits"][name] == [soft, hard]


def test_pr_7_limits_not_named_stay(bundle):
    seen = bundle.set("process.rlimits", [{"type": "RLIMIT_CPU", "soft": 9, "hard": 10}]).report()["rlimits"]
    for name in set(LIMITS) - {"RLIMIT_CPU"}:
        number = getattr(resource, name, None)
        if number is not None:
            assert seen[name] == [v & INFINITY for v in resource.getrlimit(number)], name


def test_pr_7_unlimited(bundle):
    bundle.set("process.rlimits", [{"type": "RLIMIT_CPU", "soft": INFINITY, "hard": INFINITY}])
    assert bundle.report()["rlimits"]["RLIMIT_CPU"] == [INFINITY, INFINITY]


@pytest.mark.parametrize("limits", [
    [{"type": "RLIMIT_TEST", "soft": 1, "hard": 1}], [{"type": "NOFILE", "soft": 1, "hard": 1}],
    [{"type": "rlimit_nofile", "soft": 1, "hard": 1}], [{"soft": 1, "hard": 1}],
    [{"type": "RLIMIT_NOFILE", "soft": 9, "hard": 9}] * 2, [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 9}]],
    ids=["unknown", "no prefix", "lower case", "no type", "duplicate", "soft above hard"])
def test_pr_7_bad_limits(bundle, limits):
    bundle.set("process.rlimits", limits).refused("process.rlimits")


def test_pr_7_refused_by_the_kernel(bundle):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if (Path("/proc/self/status").read_text().split("CapEff:\t")[1][:16]) and int(
            Path("/proc/self/status").read_text().split("CapEff:\t")[1][:16], 16) >> 24 & 1:
        pytest.skip("root may raise hard limits here")
    bundle.set("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": hard + 1, "hard": hard + 1}])
    result = bundle.refused()
    assert "operation not permitted" in result.message


# -- the rest -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [True, False])
def test_pr_10_no_new_privileges(bundle, wanted):
    report = bundle.set("process.noNewPrivileges", wanted).report()
    assert report.status("NoNewPrivs") == str(int(wanted))


def test_pr_10_setuid_program_gains_nothing(bundle):
    bundle.own_rootfs()
    (bundle.rootfs / "bin/suid").write_bytes((bundle.rootfs / "bin/probe").read_bytes())
    (bundle.rootfs / "bin/suid").chmod(0o4755)
    bundle.set("process.user", {"uid": 1000, "gid": 1000}).args("/bin/sh", "-c", "exec /bin/suid report probe")
    for wanted, euid in ((False, 0), (True, 1000)):
        assert bundle.set("process.noNewPrivileges", wanted).run().ok().json["uid"][1] == euid


def test_pr_11_oom_score(bundle):
    assert bundle.set("process.oomScoreAdj", 500).report()["oom_score_adj"] == "500\n"


def test_pr_11_oom_score_zero_is_a_value(bundle):
    """The caller's own score is higher; back to 0 needs no capability when it was 0 at the start."""
    def raised():
        Path("/proc/self/oom_score_adj").write_text("1")
    assert bundle.set("process.oomScoreAdj", 0).report(before=raised)["oom_score_adj"] == "0\n"


def test_pr_11_oom_score_is_inherited(bundle):
    def raised():
        Path("/proc/self/oom_score_adj").write_text("123")
    assert bundle.report(before=raised)["oom_score_adj"] == "123\n"


@pytest.mark.parametrize("value", [1001, -1001, 10**6])
def test_pr_11_oom_score_out_of_range(bundle, value):
    bundle.set("process.oomScoreAdj", value).refused("process.oomScoreAdj")


def test_pr_11_oom_score_refused_by_the_kernel(bundle):
    try:
        Path("/proc/self/oom_score_adj").write_text("-5")
        Path("/proc/self/oom_score_adj").write_text("0")
        pytest.skip("root may lower the score here")
    except PermissionError:
        pass
    assert "permission denied" in bundle.set("process.oomScoreAdj", -5).refused().message


def test_ms_5_personality(bundle):
    bundle.needs("linux.personality", {"domain": "LINUX32"})
    assert bundle.set("linux.personality", {"domain": "LINUX32"}).report()["machine"] == "i686"
    assert bundle.set("linux.personality", {"domain": "LINUX"}).report()["machine"] == os.uname().machine


@pytest.mark.parametrize("value,word", [({"domain": "BSD"}, "linux.personality.domain"), ({}, "linux.personality.domain"),
                                        ({"domain": "LINUX", "flags": ["X"]}, "linux.personality.flags")], ids=str)
def test_ms_5_ms_6_bad_personality(bundle, value, word):
    bundle.needs("linux.personality", {"domain": "LINUX32"})
    bundle.set("linux.personality", value).refused(word)


def test_signals_and_death_signal_are_defaults(bundle):
    """Dispositions and masks of the caller do not reach the program (engines.md 5.2)."""
    import signal
    def before():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
    report = bundle.report(before=before)
    assert int(report.status("SigBlk"), 16) == 0
    assert int(report.status("SigIgn"), 16) == 0
    assert report["pdeathsig"] == 0
    assert report["dumpable"] == 1


def test_session(bundle):
    """The container's process leads a session of its own."""
    report = bundle.report()
    assert report["sid"] == report["pgid"] == 1


def test_personal_keyring(bundle):
    # covers: S15
    assert f"_ses.{bundle.id}" in bundle.report()["keyring"]
    assert f"_ses.{bundle.id}" not in bundle.report("--no-new-keyring")["keyring"]


def test_process_of_created_container_shows_its_limits(bundle):
    # covers: OP-3: the init of a created container is already in its cgroup
    with Container(bundle.args("true")) as c:
        c.create()
        assert all(line.endswith(f"/{c.id}") for line in (c.proc / "cgroup").read_text().splitlines() if "pids" in line)
