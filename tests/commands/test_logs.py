"""Messages, log records, exit codes: CLI-4, CLI-8, engines.md 3.7, 4."""

import json
import os
import re
import socket

import pytest

from harness import Container

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
MISSING = "container does not exist"


def test_l1_text_on_stderr(runtime):
    err = runtime.state("missing").fails(MISSING).err
    assert re.fullmatch(rf'time="{TIME}" level=error msg="{MISSING}"\n', err)


def test_l1_text_is_quoted(bundle):
    result = bundle.args('/no"such\\one').create().fails('exec: "/no"such\\one"' if bundle.runtime.ours else "")
    if bundle.runtime.ours:
        assert 'msg="ocirt create failed: ' in result.err
        assert '/no\\"such\\\\one' in result.err


def test_l1_json_on_stderr(runtime):
    line = runtime.call("--log-format", "json", "state", "missing").fails(MISSING).err
    record = json.loads(line)
    assert (record["level"], record["msg"]) == ("error", MISSING)
    assert re.fullmatch(TIME, record["time"])


@pytest.mark.parametrize("kind", ["text", "json"])
def test_l2_log_file_and_bare_stderr(bundle, kind):
    log = bundle.host_file("log")
    result = bundle.runtime.call("--log-format", kind, "state", "missing", log=log).fails(MISSING)
    assert result.err == f"{MISSING}\n"
    assert result.log.count("\n") == 1
    if kind == "json":
        assert json.loads(result.log)["msg"] == MISSING
    else:
        assert re.fullmatch(rf'time="{TIME}" level=error msg="{MISSING}"\n', result.log)


def test_l6_log_is_appended_to(bundle):
    log = bundle.host_file("log.json")
    rt = bundle.runtime
    for _ in range(3):
        rt.call("--log-format", "json", "state", "missing", log=log)
    with Container(bundle.args("true")) as c:
        rt.call("--log-format", "json", "create", "-b", bundle.write().dir, c.id, log=log, out=c.out).ok()
        rt.call("--log-format", "json", "start", c.id, log=log).ok()
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert [r["msg"] for r in records if r["level"] == "error"] == [MISSING] * 3
    for record in records:
        assert re.fullmatch(TIME, record["time"])


@pytest.mark.parametrize("kind", ["text", "json"])
def test_l4_create_failure_in_the_log(bundle, kind):
    log = bundle.host_file("log")
    result = bundle.args("/nonexistent").create(globals_=("--log-format", kind), log=log)
    result.fails('exec: "/nonexistent": stat /nonexistent: no such file or directory')
    if kind == "json":
        assert all(json.loads(line)["time"] for line in result.log.splitlines())
    if bundle.runtime.ours:
        assert result.log.count("\n") == 1
        assert result.err == ("ocirt create failed: unable to start container process: error during container init: "
                              'exec: "/nonexistent": stat /nonexistent: no such file or directory\n')


def test_l3_success_with_a_log_is_silent(bundle):
    bundle.set("process.capabilities.bounding", ["CAP_KILL", "CAP_TEST"]).sh("echo out; echo err >&2")
    result = bundle.run(log=bundle.host_file("log")).ok()
    assert (result.out, result.err) == ("out\n", "err\n")


@pytest.mark.parametrize("words", [("--debug",), ("--log-level", "debug")], ids=str)
def test_debug_is_logged(bundle, words):
    if words[0] == "--log-level" and not bundle.runtime.ours:
        pytest.skip("behaviour of ocirt alone")
    result = bundle.args("true").run(globals_=("--log-format", "json", *words), log=bundle.host_file("log")).ok()
    levels = {json.loads(line)["level"] for line in result.log.splitlines()}
    assert "debug" in levels and "error" not in levels


@pytest.mark.ours
@pytest.mark.parametrize("level,warns", [("error", False), ("warning", True)])
def test_log_level(bundle, level, warns):
    bundle.set("process.capabilities.bounding", ["CAP_TEST"]).args("true")
    result = bundle.run(globals_=("--log-level", level), log=bundle.host_file("log")).ok()
    assert bool(result.warnings) == warns


@pytest.mark.ours
def test_l5_no_warnings_beside_an_error(bundle):
    bundle.set("process.capabilities.bounding", ["CAP_TEST"]).args("/nonexistent")
    assert bundle.create(log=bundle.host_file("log")).fails().log.count("\n") == 1


@pytest.mark.ours
def test_log_file_prefix(bundle):
    log = bundle.host_file("log")
    bundle.runtime.call("--log", f"file:{log}", "state", "missing")
    assert MISSING in log.read_text()


@pytest.mark.ours
def test_log_file_mode(bundle):
    log = bundle.host_file("log")
    bundle.runtime.call("--log", log, "state", "missing", before=lambda: os.umask(0))
    assert log.stat().st_mode & 0o777 == 0o644


SINKS = {
    "journald": ("/run/systemd/journal/socket",
                 r"PRIORITY=3\nSYSLOG_IDENTIFIER=ocirt\nID=some-id\nMESSAGE=container does not exist\n"),
    "syslog": ("/dev/log", r"<27>[A-Z][a-z]{2} [ 1-3][0-9] [0-9:]{8} ocirt\[[0-9]+\]: some-id: container does not exist"),
}


@pytest.mark.ours
@pytest.mark.parametrize("sink", SINKS)
def test_log_datagrams(runtime, sink):
    # covers: engines.md 1.3
    path, expected = SINKS[sink]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        try:
            server.settimeout(5)
            result = runtime.call("--log", f"{sink}:some-id", "state", "missing")
            assert result.code == 1 and result.err == "container does not exist\n"
            assert re.fullmatch(expected, server.recv(4096).decode())
        finally:
            os.unlink(path)
    runtime.call("--log", f"{sink}:some-id", "state", "missing").fails(f"log: connect to {path}: no such file or directory")


def test_log_sink_cannot_be_opened(bundle):
    bundle.args("true").write()
    result = bundle.runtime.call("--log", "/nowhere/log", "create", "-b", bundle.dir, bundle.id)
    assert result.code == 1 and "no such file or directory" in result.err
    bundle.runtime.state(bundle.id).fails(MISSING)


def test_log_format_invalid(runtime):
    runtime.call("--log-format", "xml", "state", "x").fails("invalid log-format: xml" if runtime.ours else "")


@pytest.mark.ours
def test_log_level_invalid(runtime):
    runtime.call("--log-level", "shout", "state", "x").fails()


@pytest.mark.ours
def test_long_and_strange_messages_stay_one_line(bundle):
    # covers: L1, I5
    log = bundle.host_file("log")
    name = "/" + "x\n\t\x01\"\\é" * 200
    result = bundle.args(name).create(globals_=("--log-format", "json"), log=log)
    assert result.code == 1
    assert len(result.log.splitlines()) == 1 and json.loads(result.log)["level"] == "error"


# -- the program cannot be started: T3, OP-4, DEC-11 ------------------------------------------------------------


def test_op_4_missing_with_a_slash(bundle):
    bundle.args("/nonexistent").refused(
        text='exec: "/nonexistent": stat /nonexistent: no such file or directory', stage="init")


def test_op_4_missing_without_a_slash(bundle):
    bundle.args("nonexistent").refused(text='exec: "nonexistent": executable file not found in $PATH', stage="init")


def test_op_4_not_executable(bundle):
    bundle.args("/etc/passwd").refused(text='exec: "/etc/passwd": permission denied', stage="init")


def test_op_4_directory(bundle):
    text = 'exec: "/bin": is a directory' if bundle.runtime.ours else 'exec: "/bin":'
    bundle.args("/bin").refused(text=text, stage="init")


def test_op_4_unreachable_for_the_user(bundle):
    bundle.own_rootfs()
    (bundle.rootfs / "root/prog").write_text("#!/bin/sh\n")
    (bundle.rootfs / "root/prog").chmod(0o755)
    bundle.set("process.user", {"uid": 1000, "gid": 1000}).drop("process.capabilities").args("/root/prog")
    bundle.refused(text='exec: "/root/prog":', stage="init")


@pytest.mark.parametrize("args,text", [
    (["/nonexistent"], 'exec: "/nonexistent": stat /nonexistent: no such file or directory'),
    (["nonexistent"], 'exec: "nonexistent": executable file not found in $PATH')])
def test_run_failure_before_the_program(bundle, args, text):
    bundle.args(*args).run().fails(text, stage="init")
    bundle.runtime.state(bundle.id).fails(MISSING)


# -- bundle and rootfs ------------------------------------------------------------------------------------------


def test_bundle_missing(bundle):
    bundle.runtime.call("create", "-b", "/nowhere/at/all", bundle.id).fails(
        "chdir /nowhere/at/all: no such file or directory")


def test_gen_1_config_missing(bundle):
    bundle.runtime.call("create", "-b", bundle.dir, bundle.id).fails(
        "JSON specification file config.json not found")


def test_gen_1_config_renamed(bundle):
    bundle.write()
    (bundle.dir / "config.json").rename(bundle.dir / "Config.json")
    bundle.runtime.call("create", "-b", bundle.dir, bundle.id).fails("JSON specification file config.json not found")


def test_gen_1_config_is_a_directory(bundle):
    (bundle.dir / "config.json").mkdir()
    bundle.runtime.call("create", "-b", bundle.dir, bundle.id).fails("config.json" if bundle.runtime.ours else "")


@pytest.mark.ours
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_gen_1_config_is_no_file(bundle, kind):
    # covers: security.md 8 (FIFOs and devices refused for config)
    os.mkfifo(bundle.dir / "config.json") if kind == "fifo" else (bundle.dir / "config.json").symlink_to("/dev/zero")
    bundle.runtime.call("create", "-b", bundle.dir, bundle.id, timeout=5).fails("config.json")


@pytest.mark.parametrize("path", ["nowhere", "/nowhere"])
def test_ro_2_rootfs_missing(bundle, path):
    full = path if path[0] == "/" else f"{bundle.dir}/{path}"
    text = f"invalid rootfs: stat {full}: no such file or directory" if bundle.runtime.ours else "no such file or directory"
    bundle.set("root.path", path).refused(text=text)


def test_ro_2_rootfs_is_a_file(bundle):
    bundle.host_file("file").write_text("")
    bundle.set("root.path", "file").refused("root.path: not a directory")


def test_ro_2_rootfs_is_a_dangling_link(bundle):
    (bundle.dir / "link").symlink_to("nowhere")
    bundle.set("root.path", "link").refused(text="no such file or directory")
