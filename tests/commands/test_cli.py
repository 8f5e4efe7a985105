"""Calling ocirt: names, options, operands, help (CLI-1 to CLI-8, engines.md 1)."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from harness import Container, layout
from test_state import validate


# -- version, help --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--version", "-v"])
def test_version(runtime, option):
    # covers: engines.md 1.1
    out = runtime.call(option, root=False).ok().out
    lines = out.splitlines()
    assert re.match(r"\w+ version \d+\.\d+\.\d+", lines[0])
    assert lines[1].startswith("commit: ")
    assert lines[2].startswith("spec: 1.")
    assert out.count("version") == 1, "dockerd splits every line with this word"
    if runtime.ours:
        assert lines[0].startswith("ocirt version ") and lines[2] == "spec: 1.3.0"
        assert re.fullmatch(r"libraries: musl [\d.]+, jsmn [\d.]+, BearSSL [\d.]+", lines[3]) and len(lines) == 4
        assert runtime.call("-V", root=False).ok().out == out


@pytest.mark.ours
def test_version_as_runc_and_crun(runtime):
    own = runtime.call("--version", root=False).out.splitlines()[0].split()[-1]
    runc = runtime.call("--version", root=False, argv0="/usr/bin/runc").ok().out.splitlines()
    assert len(runc) == 3
    assert re.fullmatch(rf"runc version \d+\.\d+\.\d+\+ocirt\.{re.escape(own)}", runc[0])
    crun = runtime.call("--version", root=False, argv0="crun").ok().out.splitlines()
    assert len(crun) == 5
    assert re.fullmatch(rf"crun version \d+\.\d+\.\d+\+ocirt\.{re.escape(own)}", crun[0])
    assert crun[2] == "rundir: /run/crun"
    assert crun[3] == "spec: 1.3.0"
    assert crun[4] == "+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["h"], []], ids=str)
def test_top_help(runtime, words):
    out = runtime.call(*words, root=False).ok().out
    assert out.startswith(f"NAME:\n   {runtime.name} - Open Container Initiative runtime\n")
    if runtime.ours:
        assert "checkpoint" not in out


@pytest.mark.parametrize("verb", ["create", "run", "start", "state", "kill", "delete", "list", "spec"])
@pytest.mark.parametrize("form", ["{} --help", "{} -h", "help {}"])
def test_command_help(runtime, verb, form):
    out = runtime.call(*form.format(verb).split(), root=False).ok().out
    assert out.startswith(f"NAME:\n   {runtime.name} {verb} - ")


@pytest.mark.ours
@pytest.mark.parametrize("words", ["help init", "h init", "--debug help init", "init --help", "--debug init -h"])
def test_help_of_init(runtime, words):
    out = runtime.call(*words.split(), root=False).ok().out
    assert out.startswith("Usage: init [options] [--] program [arguments]\n")
    assert "\n   init       be the init of a container, with a program\n" in runtime.call("--help", root=False).ok().out


@pytest.mark.ours
def test_init_behind_global_options(runtime):
    assert runtime.call("--debug", "--log-format", "json", "init", "echo", "a", "b", root=False).ok().out == "a b\n"
    alone = runtime.call("--debug", "init", root=False)
    assert alone.code == 125 and alone.err.startswith("ocirt init: missing program name\n"), alone
    for name in ("tini", "x"):
        runtime.call("--debug", name, "init", "echo", root=False).fails(f"No help topic for '{name}'", code=3)
    runtime.call("x", "init", "echo", root=False).fails("No help topic for 'x'", code=3)


@pytest.mark.ours
def test_help_as_crun(runtime):
    top = runtime.call("--help", root=False, argv0="crun").ok().out
    assert top.startswith("Usage: crun [OPTION...] COMMAND [OPTION...]\n")
    create = runtime.call("create", "--help", root=False, argv0="crun").ok().out
    assert create.startswith("Usage: crun [OPTION...] create [OPTION]... CONTAINER\n")
    usage = {"run": "run [OPTION]... CONTAINER", "start": "start CONTAINER", "state": "state CONTAINER", "kill": "kill CONTAINER [SIGNAL]",
             "delete": "delete CONTAINER", "exec": "exec CONTAINER cmd", "list": "list", "ps": "ps", "spec": "spec",
             "pause": "pause CONTAINER", "resume": "resume CONTAINER", "update": "update [OPTION]... CONTAINER",
             "features": "features"}
    for verb, line in usage.items() if "+ocirt" in runtime.call("--version", root=False, argv0="crun").out else ():
        out = runtime.call("help", verb, root=False, argv0="crun").ok().out
        assert out.splitlines()[0] == f"Usage: crun [OPTION...] {line}"
    for option in ("-?", "--usage"):
        assert runtime.call(option, root=False, argv0="crun").code == 0


def test_default_roots_by_name(bundle):
    """A create under the name of runc or crun is found under that name's root."""
    if not bundle.runtime.ours:
        pytest.skip("behaviour of ocirt alone")
    bundle.args("true").write()
    for name in ("runc", "crun"):
        rt = bundle.runtime
        environment = {"PATH": os.environ["PATH"]}
        rt.call("create", "-b", bundle.dir, bundle.id, root=False, argv0=name, env=environment, out=bundle.dir / "o").ok()
        assert (Path("/run") / name / bundle.id / "state.json").exists()
        message = rt.call("create", "-b", bundle.dir, bundle.id, root=False, argv0=name, env=environment).message
        assert message == f"{name} create failed: container with given ID already exists"
        rt.call("delete", bundle.id, root=False, argv0=name, env=environment).ok()


# -- usage errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["fly"], ["fly", "-h"], ["mounts"], ["version"]], ids=str)
def test_unknown_command(runtime, words):
    runtime.call(*words, root=False).fails(f"No help topic for '{words[0]}'", code=3)


@pytest.mark.parametrize("verb,operands,complaint", [
    ("create", 0, "exactly 1 argument(s)"), ("create", 2, "exactly 1 argument(s)"), ("run", 0, "exactly 1 argument(s)"),
    ("state", 0, "exactly 1 argument(s)"), ("state", 2, "exactly 1 argument(s)"), ("start", 0, "exactly 1 argument(s)"),
    ("start", 2, "exactly 1 argument(s)"), ("delete", 0, "exactly 1 argument(s)"), ("delete", 2, "exactly 1 argument(s)"),
    ("kill", 0, "a minimum of 1 argument(s)"), ("kill", 3, "a maximum of 2 argument(s)"), ("list", 1, "exactly 0 argument(s)"),
    ("spec", 1, "exactly 0 argument(s)")])
def test_wrong_number_of_operands(bundle, verb, operands, complaint):
    # covers: OP-1, OP-2, OP-5, OP-7, OP-9 (no id)
    bundle.write()
    result = bundle.runtime.call(verb, *["a b"] * operands, cwd=bundle.dir)
    result.fails(f'{bundle.runtime.path}: "{verb}" requires {complaint}')
    if bundle.runtime.ours:
        assert result.out.startswith(f"Incorrect Usage.\n\nNAME:\n   ocirt {verb} - ")
    assert not os.path.exists(bundle.runtime.root) or not os.listdir(bundle.runtime.root)


@pytest.mark.parametrize("words", [["state", "--fly", "x"], ["--fly", "state", "x"], ["create", "--bun", ".", "x"],
                                   ["delete", "--fly=1", "x"]], ids=str)
def test_unknown_option(runtime, words):
    (option,) = [w.split("=")[0] for w in words if w.startswith("--")]
    result = runtime.call(*words).fails()
    assert f"flag provided but not defined: -{option.lstrip('-')}" in result.out + result.err
    if runtime.ours:
        assert result.out.startswith(f"Incorrect Usage: flag provided but not defined: -{option.lstrip('-')}\n\n")


@pytest.mark.ours
@pytest.mark.parametrize("words", ["fly", "create --fly x", "create", "--fly create x", "checkpoint x", "check", "help fly"])
def test_usage_errors_go_to_the_log(bundle, words):
    # covers: L2, L3, L4 (an engine finds no log at all otherwise)
    log = bundle.host_file("log")
    result = bundle.runtime.call("--log-format=json", *words.split(), log=log)
    (record,) = result.log.splitlines()
    assert json.loads(record)["msg"] + "\n" == result.err
    assert result.code == (3 if words.endswith("fly") else 1)


@pytest.mark.ours
@pytest.mark.parametrize("words", ["--log-format=xml", "--rootless maybe", "--systemd-cgroup", "--root=/"])
def test_wrong_global_options_of_exec(runtime, words):
    # covers: 4.1: 255 is not for wrong arguments
    runtime.call(*words.split(), "exec", "x", "true", root=False, cwd="/").message
    assert runtime.call(*words.split(), "exec", "x", "true", root=False).code == 1


@pytest.mark.ours
@pytest.mark.parametrize("words", [["create", "--bundle"], ["kill", "--signal"], ["--root"], ["list", "--format"]], ids=str)
def test_option_without_its_value(runtime, words):
    runtime.call(*words, root=False).fails()


def test_environment_stands_for_no_option(bundle):
    environment = {"PATH": os.environ["PATH"], "BUNDLE": str(bundle.dir), "OCIRT_ROOT": "/nowhere", "ROOT": "/nowhere"}
    bundle.write().runtime.call("create", bundle.id, env=environment, cwd="/run/tmp").fails()


# -- forms of options -----------------------------------------------------------------------------------------


FORMS = {
    "two words": ("--bundle", "{dir}"), "equals": ("--bundle={dir}",), "short": ("-b", "{dir}"),
    "one dash": ("-bundle", "{dir}"), "one dash, equals": ("-bundle={dir}",), "short, equals": ("-b={dir}",),
    "last wins": ("-b", "/nowhere", "-b", "{dir}"),
}


@pytest.mark.parametrize("form", FORMS)
def test_option_forms(bundle, form):
    # covers: engines.md 1.2
    words = [w.format(dir=bundle.dir) for w in FORMS[form]]
    bundle.args("true").write()
    with Container(bundle) as c:
        bundle.runtime.call("create", *words, c.id, out=c.out).ok()
        assert c.status == "created"


@pytest.mark.ours
@pytest.mark.parametrize("form", ["glued", "dash dash", "after the operand", "after dash dash is an operand", "bundled flags"])
def test_own_option_forms(bundle, form):
    bundle.args("true").write()
    rt = bundle.runtime
    words = {"glued": (f"-b{bundle.dir}", bundle.id), "dash dash": ("-b", bundle.dir, "--", bundle.id),
             "after the operand": (bundle.id, "-b", bundle.dir),
             "after dash dash is an operand": ("--", bundle.id, "-b", bundle.dir),
             "bundled flags": ("-b", bundle.dir, bundle.id)}[form]
    with Container(bundle) as c:
        result = rt.call("create", *words, out=c.out)
        if form == "after dash dash is an operand":
            result.fails('"create" requires exactly 1 argument(s)')
            return
        result.ok()
        assert c.status == "created"
        if form == "bundled flags":
            assert rt.call("list", "-qfjson").ok().out == f"{c.id}\n"
            assert rt.call("list", "-qf", "json").ok().out == f"{c.id}\n"
        if form == "after the operand":
            rt.call("delete", c.id, "-f").ok()


@pytest.mark.ours
@pytest.mark.parametrize("value,wanted", [("true", True), ("1", True), ("yes", True), ("false", False), ("0", False), ("no", False)])
def test_flag_with_a_value(bundle, value, wanted):
    # delete --force of nothing succeeds, without force it fails
    assert (bundle.runtime.call("delete", f"--force={value}", "nothing").code == 0) == wanted


@pytest.mark.ours
def test_global_options_after_the_command(bundle):
    rt = bundle.runtime
    with Container(bundle.args("true")) as c:
        c.create()
        result = rt.call("state", "--root", rt.root, "--log", bundle.dir / "log", c.id, root=False).ok()
        assert result.json["id"] == c.id


def test_go_runc_single_dash_globals(bundle):
    # covers: engines.md 1.2 (go-runc uses it)
    rt = bundle.runtime
    with Container(bundle.args("true")) as c:
        c.create()
        assert rt.call("-root", rt.root, "state", c.id, root=False).ok().json["id"] == c.id


@pytest.mark.ours
def test_kill_operands_end_the_options(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        bundle.runtime.call("kill", c.id, "-9").ok()
        c.wait()


def test_criu_is_accepted(bundle):
    with Container(bundle.args("true")) as c:
        c.create()
        assert bundle.runtime.call("--criu", "/usr/sbin/criu", "state", c.id).ok().json["id"] == c.id


@pytest.mark.ours
def test_criu_is_ignored_with_a_warning(bundle):
    warned = bundle.args("true").run(globals_=("--criu=/usr/sbin/criu",)).ok()
    assert warned.warnings == ["--criu: ignored: checkpoint is not supported"]


@pytest.mark.parametrize("words", [("--rootless", "auto"), ("--rootless=false",), ("--rootless", "true")], ids=str)
def test_rootless_option(bundle, words):
    bundle.args("true").run(globals_=words).ok()


@pytest.mark.ours
def test_cgroup_manager_disabled(bundle):
    # covers: engines.md 1.3
    bundle.drop("linux.cgroupsPath").set("linux.resources", {"devices": [{"allow": False, "access": "rwm"}]})
    report = bundle.report(globals_=("--cgroup-manager", "disabled"))
    assert report["cgroup"] == Path("/proc/self/cgroup").read_text()


@pytest.mark.ours
def test_cgroup_manager_unknown(bundle):
    bundle.create(globals_=("--cgroup-manager", "fly")).fails()


# -- options of create ----------------------------------------------------------------------------------------


@pytest.mark.ours
def test_config_option(bundle):
    # covers: engines.md 2.1 (relative to the caller's directory)
    bundle.sh("echo other").write()
    (bundle.dir / "config.json").rename(bundle.runtime.work / "other.json")
    rt = bundle.runtime
    result = rt.call("run", "-b", bundle.dir, "-f", "other.json", bundle.id, cwd=rt.work).ok()
    assert result.out == "other\n"
    assert rt.call("run", "-b", bundle.dir, f"--config={rt.work}/other.json", bundle.id).ok().out == "other\n"


def test_pid_file_is_relative_to_the_caller(bundle):
    bundle.args("true").write()
    with Container(bundle) as c:
        bundle.runtime.call("create", "-b", bundle.dir, "--pid-file", "the pid", c.id, cwd=bundle.runtime.work, out=c.out).ok()
        assert (bundle.runtime.work / "the pid").read_text() == str(c.state["pid"])


def test_s14_pid_file_does_not_follow_links(bundle):
    victim = bundle.host_file("victim")
    victim.write_text("precious")
    bundle.pid_file.symlink_to(victim)
    with Container(bundle.args("true")) as c:
        c.create()
        assert victim.read_text() == "precious"
        assert bundle.pid_file.read_text() == str(c.state["pid"])


def test_pid_file_replaces_an_old_one(bundle):
    bundle.pid_file.write_text("1234567890")
    with Container(bundle.args("true")) as c:
        c.create()
        assert bundle.pid_file.read_text() == str(c.state["pid"])


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["create", "run -d", "run", "exec -d"])
@pytest.mark.parametrize("what", ["device", "fifo", "link", "directory"])
def test_pid_file_in_the_place_of_something_else(bundle, verb, what):
    """A rename would replace /dev/null for everybody (or /dev/stdout, a link)."""
    path = bundle.host_file("thing")
    if what == "device":
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    elif what == "directory":
        path.mkdir()
    elif what == "link":
        path.symlink_to("/dev/null")
    else:
        os.mkfifo(path)
    before = os.lstat(path)
    with Container(bundle.args("sleep", "100")) as c:
        if verb.startswith("exec"):
            c.create()
            result = bundle.runtime.call(*verb.split(), "--pid-file", path, c.id, "true").fails(code=255)
        else:
            result = bundle.write().runtime.call(*verb.split(), "-b", bundle.dir, "--pid-file", path, c.id).fails()
            bundle.runtime.state(c.id).fails("container does not exist")
        assert result.message.endswith(f" failed: --pid-file {path}: not a regular file")
        assert os.lstat(path) == before


@pytest.mark.parametrize("option", ["--pid-file", "--console-socket", "--bundle"])
def test_empty_path_is_none(bundle, option):
    """As Go's flags have it."""
    bundle.args("true").write()
    with Container(bundle) as c:
        bundle.runtime.call("create", f"{option}=", c.id, cwd=bundle.dir, out=c.out).ok()
        assert c.state["bundle"] == str(bundle.dir)
        bundle.runtime.call("--log", "", "state", "missing").fails("does not exist")


def test_pid_file_in_no_directory(bundle):
    bundle.args("true").write()
    bundle.runtime.call("create", "-b", bundle.dir, "--pid-file", "/nowhere/pid", bundle.id).fails("no such file or directory")
    bundle.runtime.state(bundle.id).fails("container does not exist")


@pytest.mark.parametrize("option", ["--no-pivot", "--no-new-keyring"])
def test_cli_2_options_of_the_shim(bundle, option):
    bundle.sh("echo fine")
    with Container(bundle) as c:
        c.create(option)
        c.finish()
        assert c.output == "fine\n"


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["create", "run"])
def test_dry_run(bundle, verb):
    # covers: engines.md 2.15
    result = bundle.write().runtime.call(verb, "--dry-run", "-b", bundle.dir, bundle.id).ok()
    assert f"/{bundle.id}" in result.out
    assert not bundle.runtime.root.exists() or not os.listdir(bundle.runtime.root)


@pytest.mark.ours
def test_dry_run_of_a_bad_config(bundle):
    bundle.set("linux.namespaces", [{"type": "pig"}]).write()
    bundle.runtime.call("create", "--dry-run", "-b", bundle.dir, bundle.id).refused("linux.namespaces[0].type")


# -- refused and reserved commands ----------------------------------------------------------------------------


@pytest.mark.ours
@pytest.mark.parametrize("words", ["checkpoint", "checkpoint --help", "checkpoint -h", "help checkpoint", "checkpoint a b c",
                                   "checkpoint --image-path D --work-path W x", "restore", "restore --help"])
def test_checkpoint_and_restore_are_refused(runtime, words):
    name = "restore" if "restore" in words else "checkpoint"
    result = runtime.call(*words.split(), root=False).fails(f"{name} is not supported")
    assert result.out == ""


@pytest.mark.ours
@pytest.mark.parametrize("name", ["check"])
def test_reserved_commands(runtime, name):
    result = runtime.call(name, root=False).fails(f'"{name}" is not available in this version')
    assert name not in runtime.call("--help", root=False).out.split()
    assert result.out == ""


@pytest.mark.ours
@pytest.mark.parametrize("verb", ["create", "run"])
@pytest.mark.parametrize("option", ["degrade"])
def test_reserved_options(bundle, verb, option):
    # covers: engines.md 2.15
    result = bundle.write().runtime.call(verb, f"--{option}", "x", "-b", bundle.dir, bundle.id)
    result.fails(f'"--{option}" is not available in this version')
    assert f"--{option}" not in bundle.runtime.call("help", verb, root=False).ok().out
    bundle.runtime.call(verb, f"--{option}x", bundle.id).fails() # a word of its own


# -- spec and features ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [None, "-b", "--bundle"])
def test_spec_writes_a_config(bundle, option):
    # covers: engines.md 2.13
    words = ["spec"] + ([option, bundle.dir] if option else [])
    bundle.runtime.call(*words, cwd="/" if option else bundle.dir, before=lambda: os.umask(0o027)).ok()
    path = bundle.dir / "config.json"
    config = json.loads(path.read_text())
    validate(config, "config-schema.json")
    process, linux = config["process"], config["linux"]
    assert process["terminal"] is True and process["args"] == ["sh"] and process["cwd"] == "/"
    assert process["noNewPrivileges"] is True
    assert process["rlimits"] == [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]
    for which in ("bounding", "effective", "permitted"):
        assert sorted(process["capabilities"][which]) == ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    assert not process["capabilities"].get("inheritable")  # S6
    assert config["root"] == {"path": "rootfs", "readonly": True}
    assert config["hostname"] == bundle.runtime.name
    assert {n["type"] for n in linux["namespaces"]} >= {"pid", "network", "ipc", "uts", "mount"}
    assert linux["resources"]["devices"] == [{"allow": False, "access": "rwm"}]
    assert "/proc/kcore" in linux["maskedPaths"] and "/proc/sys" in linux["readonlyPaths"]
    if bundle.runtime.ours:
        assert config["ociVersion"] == "1.3.0"
        assert not process["capabilities"].get("ambient")
        assert path.stat().st_mode & 0o777 == 0o640
        assert "\n\t\"ociVersion\"" in path.read_text()


def test_spec_does_not_overwrite(bundle):
    bundle.raw("precious").write()
    bundle.runtime.call("spec", "-b", bundle.dir).fails("File config.json exists. Remove it first")
    assert (bundle.dir / "config.json").read_text() == "precious"


@pytest.mark.ours
def test_s14_spec_does_not_follow_links(bundle):
    victim = bundle.host_file("victim")
    (bundle.dir / "config.json").symlink_to(victim)
    bundle.runtime.call("spec", "-b", bundle.dir).fails()
    assert not victim.exists()


def test_spec_rootless(bundle):
    bundle.runtime.call("spec", "--rootless", "-b", bundle.dir).ok()
    linux = json.loads((bundle.dir / "config.json").read_text())["linux"]
    assert "user" in [n["type"] for n in linux["namespaces"]]
    assert "network" not in [n["type"] for n in linux["namespaces"]]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 0, "size": 1}]
    assert "resources" not in linux


@pytest.mark.parametrize("maker", ["the runtime", "runc"])
def test_bundle_of_spec_runs(bundle, maker):
    program = bundle.runtime.path if maker == "the runtime" else "/usr/sbin/runc"
    if not os.access(program, os.X_OK):
        pytest.skip(f"no {program} here")
    subprocess.run([program, "spec"], cwd=bundle.dir, check=True)
    bundle.config = json.loads((bundle.dir / "config.json").read_text())
    bundle.own_rootfs().set("process.terminal", False).set("linux.cgroupsPath", f"/{bundle.id}")
    report = bundle.args("probe").report()
    assert report["pid"] == 1 and report["no_new_privs"] == 1
    assert report.mount_at("/")["options"][0] == "ro"


def test_ft_5_ft_8_features(runtime):
    features = runtime.call("features", root=False).ok().json
    validate(features, "features-schema.json")
    assert features["ociVersionMin"] and features["ociVersionMax"]
    assert features["hooks"] == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    assert {"ro", "rbind", "rro", "rprivate"} <= set(features["mountOptions"])
    if runtime.ours:
        assert features["ociVersionMin"] == "1.0.0" and features["ociVersionMax"] == "1.3.0"
        assert features["linux"]["cgroup"]["systemd"] is features["linux"]["cgroup"]["systemdUser"] is True
        assert features["linux"]["apparmor"] == features["linux"]["selinux"] == {"enabled": True}
        assert features["annotations"]["org.opencontainers.runc.checkpoint.enabled"] == "false"
        assert features["mountOptions"] == sorted(features["mountOptions"])


def test_ft_2_facts_of_the_build(runtime):
    """The same on every host and for every caller; what is listed is not null."""
    as_root = runtime.call("features", root=False).ok().json
    assert runtime.by(1).call("features", root=False).ok().json == as_root
    assert runtime.at(runtime.work, layout.NONE).call("features", root=False).ok().json == as_root

    def null_free(value):
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return value is not None and all(null_free(v) for v in values)
    assert null_free(as_root)


@pytest.mark.ours
def test_ft_7_annotations(runtime):
    features = runtime.call("features", root=False).ok().json
    assert all(isinstance(value, str) for value in features["annotations"].values())
    assert "org.opencontainers.runc.version" in features["annotations"]
    unsafe = features["potentiallyUnsafeConfigAnnotations"]
    assert {"bundle", "org.systemd.property.", "run.oci."} <= set(unsafe)  # those that end in a dot are prefixes


@pytest.mark.parametrize("words", [
    ("--debug",), ("--log-format", "json"), ("--log-format=text",), ("--rootless", "auto"), ("--root", "ROOT"),
], ids=str)
def test_cli_1_global_options(bundle, words):
    words = [str(bundle.runtime.root) if w == "ROOT" else w for w in words]
    bundle.args("true").write()
    bundle.runtime.call(*words, "run", "-b", bundle.dir, bundle.id).ok()


def test_cli_1_unknown_command(runtime):
    assert runtime.call("frobnicate").code != 0


@pytest.mark.parametrize("bound", ["ociVersionMin", "ociVersionMax"])
def test_ft_1_both_versions_are_accepted(bundle, bound):
    features = bundle.runtime.call("features", root=False).ok().json
    result = bundle.set("ociVersion", features[bound]).args("true").run().ok()
    assert not result.warnings or not bundle.runtime.ours


def test_ft_6_supported_flags_are_known(runtime):
    seccomp = runtime.call("features", root=False).ok().json["linux"]["seccomp"]
    assert seccomp["enabled"] is True
    assert set(seccomp["supportedFlags"]) <= set(seccomp["knownFlags"])


def test_ft_3_every_listed_mount_option_is_accepted(bundle):
    # covers: FT-3, FT-8
    options = bundle.runtime.call("features", root=False).ok().json["mountOptions"]
    later = {"idmap", "ridmap", "tmpcopyup", "remount", "bind", "rbind", "mand", "iversion"}
    for n, option in enumerate(sorted(set(options) - later)):
        bundle.tmpfs(f"/tmp/{n}", option)
    bundle.config["mounts"].insert(3, {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
    bundle.args("true").run().ok()


def test_ft_4_every_listed_capability_is_known(bundle):
    names = bundle.runtime.call("features", root=False).ok().json["linux"]["capabilities"]
    bundle.set("process.capabilities", {"bounding": names}).args("true")
    result = bundle.run().ok()
    assert not [w for w in result.warnings if "unknown" in w]
