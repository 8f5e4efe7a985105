"""Options, environment, exit codes and messages by name (init.md 1 and 5)."""

import re
import signal
import subprocess

import pytest

OWN = {"native": 125}
MISSING = {"native": 127, "tini": 127, "dumb-init": 2, "catatonit": 1}
DENIED = {"native": 126, "tini": 126, "dumb-init": 2, "catatonit": 1}
OTHER = {"native": 126, "tini": 1, "dumb-init": 2, "catatonit": 1}


def test_exit_codes(init):
    for code in (0, 1, 2, 3, 7, 42, 125, 126, 127, 128, 130, 143, 200, 254, 255):
        assert init.run(init.helper, "exit", code).returncode == code


@pytest.mark.parametrize("sig", ["HUP", "INT", "QUIT", "KILL", "USR1", "SEGV", "TERM", "34", "64"])
def test_ended_by_a_signal(init, sig):
    number = int(sig) if sig.isdigit() else getattr(signal, "SIG" + sig)
    assert init.run(init.helper, "kill", number).returncode == 128 + number


def test_missing_program(init):
    done = init.run("no-such-program")
    assert done.returncode == MISSING[init.name]
    assert "No such file or directory" in done.stderr


def test_forbidden_program(init, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    for path in (plain, tmp_path):
        done = init.run(path)
        assert done.returncode == DENIED[init.name]
        assert "Permission denied" in done.stderr


def test_too_long_arguments(init):
    done = init.run("sh", "-c", f"exec {' '.join(init.argv('true'))} $(head -c 100 /dev/zero | tr '\\0' x)")
    assert done.returncode == 0
    junk = init.helper + "-busy"
    subprocess.run(["cp", init.helper, junk], check=True)
    with open(junk, "r+b"):  # ETXTBSY
        assert init.run(junk).returncode == OTHER[init.name]


def test_interpreter_is_missing(native, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/no/such\n")
    script.chmod(0o755)
    done = native.run(script)
    assert (done.returncode, done.stderr) == (
        127, f"ocirt init: exec {script} failed: its interpreter: No such file or directory\n")


def test_messages_of_a_missing_program(init):
    text = {
        "native": r"ocirt init: exec no-such failed: No such file or directory\n",
        "tini": r"(?s).*\[FATAL tini \(\d+\)\] exec no-such failed: No such file or directory\n",
        "dumb-init": r"\[dumb-init\] no-such: No such file or directory\n",
        "catatonit": r"ERROR \(catatonit:\d+\): failed to exec pid1: No such file or directory\n",
    }[init.name]
    assert re.fullmatch(text, init.run("no-such").stderr)


@pytest.mark.parametrize("words", [[], ["--zz"], ["-Z"]])
def test_usage_errors(init, words):
    done = init.raw(*words)
    assert (done.returncode, done.stdout) == (OWN.get(init.name, 1), "")
    assert done.stderr


@pytest.mark.parametrize("name, words, code, stream, text", [
    ("tini", ["-h"], 0, "stdout", "Usage: "),
    ("tini", ["--version"], 0, "stdout", "tini version 0.19.0"),
    ("tini", ["-l"], 0, "stdout", "MIT License"),
    ("tini", ["--version", "true"], 1, "stderr", "Usage: "),
    ("tini", ["-e", "300", "true"], 1, "stderr", "Not a valid option for -e"),
    ("tini", ["-p", "15", "true"], 1, "stderr", "Not a valid option for -p"),
    ("dumb-init", ["-h"], 0, "stderr", "Usage: "),
    ("dumb-init", ["--help"], 0, "stderr", "Usage: "),
    ("dumb-init", ["-V"], 0, "stderr", "dumb-init v1.2.5\n"),
    ("dumb-init", ["--version"], 0, "stderr", "dumb-init v1.2.5\n"),
    ("dumb-init", ["-r", "15", "true"], 1, "stderr", "where <signum> is between 1 and 31."),
    ("dumb-init", ["-r", "15::12", "true"], 1, "stderr", "where <signum> is between 1 and 31."),
    ("dumb-init", ["-r", "x:y", "true"], 1, "stderr", "where <signum> is between 1 and 31."),
    ("dumb-init", ["-r", "1:32", "true"], 1, "stderr", "where <signum> is between 1 and 31."),
    ("catatonit", ["-h"], 0, "stderr", "usage: catatonit"),
    ("catatonit", ["-V"], 0, "stdout", "_catatonit\n"),
    ("catatonit", ["--version"], 0, "stdout", "_catatonit\n"),
    ("catatonit", ["-L"], 0, "stdout", ""),
    ("catatonit", [], 1, "stderr", "missing program name"),
    ("native", ["-h"], 0, "stdout", "Usage: "),
    ("native", ["--help"], 0, "stdout", "Usage: "),
    ("native", ["-V"], 0, "stdout", "ocirt init version "),
    ("native", ["--version"], 0, "stdout", "ocirt init version "),
    ("native", ["--grace", "x", "true"], 125, "stderr", "Not a valid option for --grace"),
    ("native", ["--grace"], 125, "stderr", "ocirt init: option '--grace' requires an argument\n"),
    ("native", ["-r", "TERM:NIX", "true"], 125, "stderr", "Not a valid option for -r"),
])
def test_texts(init, name, words, code, stream, text):
    if init.name != name:
        pytest.skip("of another name")
    done = init.raw(*words)
    assert done.returncode == code
    assert text in getattr(done, stream)
    assert getattr(done, "stderr" if stream == "stdout" else "stdout") == ""


@pytest.mark.parametrize("words, text", [
    ([], "Usage: {0} [option] program [args]\nTry {0} --help for full usage.\n"),
    (["--yolo", "true"], "{0}: unrecognized option '--yolo'\n"),
    (["-cz", "true"], "{0}: invalid option -- 'z'\n"),
    (["-r"], "{0}: option requires an argument -- 'r'\n"),
    (["--rewrite"], "{0}: option '--rewrite' requires an argument\n"),
])
def test_misuse_of_dumb_init(init, words, text):
    if init.name != "dumb-init":
        pytest.skip("dumb-init's")
    done = init.raw(*words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", text.format(init.command[0]))


@pytest.mark.parametrize("words, text", [(["-z"], "invalid option -- 'z'"), (["-se"], "option requires an argument -- 'e'")])
def test_misuse_of_the_others(init, words, text):
    if init.name not in ("tini", "catatonit") or (init.name == "catatonit" and "-z" not in words):
        pytest.skip("of other names")
    done = init.raw(*words)
    assert (done.returncode, done.stdout, done.stderr.split("\n")[0]) == (1, "", f"{init.command[0]}: {text}")


def test_engines_parse_the_version(place, helper):
    from conftest import Init
    out = Init("ocirt-tini", place, helper).raw("--version").stdout
    assert re.fullmatch(r"tini version [\d.]+ - git\.[^.\s]+\n", out)  # dockerd takes no commit from more than one dot


def test_options_end_at_the_program(init):
    assert init.raw("echo", "-v", "--", "-h").stdout == "-v -- -h\n"
    assert init.raw("--", "echo", "--", "x").stdout == "-- x\n"


def test_bundled_and_glued(native):
    assert native.raw("-gse3", "sh", "-c", "exit 3").returncode == 0
    assert native.raw("--grace=0", "--stop-timeout", "1", "-r", "USR1:TERM", "sh", "-c", "exit 4").returncode == 4


def test_remapped(init):
    if init.name not in ("tini", "native"):
        pytest.skip("has no -e")
    assert init.raw("-e", "143", "-e", "7", "--", "sh", "-c", "kill $$").returncode == 0
    assert init.raw("-e143", "-e", "7", "--", "sh", "-c", "exit 7").returncode == 0
    assert init.raw("-e143", "-e", "7", "--", "sh", "-c", "exit 8").returncode == 8


def test_environment_of_tini(init):
    if init.name != "tini":
        pytest.skip("tini's")
    assert "zombie reaping won't work" in init.raw("true").stderr
    assert init.raw("true", env={"TINI_SUBREAPER": ""}).stderr == ""
    assert init.raw("-vvv", "true", env={"TINI_VERBOSITY": "0"}).stdout == ""
    loud = init.raw("-s", "true", env={"TINI_VERBOSITY": "3"})
    assert (loud.stderr, "Received SIGCHLD" in loud.stdout, "Spawned child process 'true' with pid" in loud.stdout) == (
        "", True, True)


def test_warn_of_reaped(init):
    if init.name not in ("tini", "native"):
        pytest.skip("has no -w")
    done = init.raw("-s", "-w", "--", "sh", "-c", "(true &); sleep 0.2")
    assert len(re.findall(r"Reaped zombie process with pid=\d+\n", done.stderr)) == 1


def test_lines_of_dumb_init(init):
    if init.name != "dumb-init":
        pytest.skip("dumb-init's")
    for done in (init.raw("-v", "sh", "-c", "exit 3"), init.raw("sh", "-c", "exit 3", env={"DUMB_INIT_DEBUG": "1"})):
        lines = done.stderr.splitlines()
        pid = re.search(r"Child spawned with PID (\d+)\.", done.stderr).group(1)
        for line in (f"Child spawned with PID {pid}.", "setsid complete.", "Received signal 17.",
                     f"A child with PID {pid} exited with exit status 3.", "Forwarded signal 15 to children.",
                     "Child exited with status 3. Goodbye."):
            assert "[dumb-init] " + line in lines


def test_log_of_catatonit(place, helper):
    from conftest import Init
    done = Init("ocirt-catatonit", place, helper).raw("true", env={"CATATONIT_LOG": "/x"})
    assert (done.returncode, "CATATONIT_LOG is not supported" in done.stderr) == (1, True)


def test_places(init):
    def of(*options):
        return dict(line.split(" ", 1) for line in init.raw(*options, init.helper, "status").stdout.splitlines()
                    if " " in line)

    seen = of()
    assert seen["pgid"] == seen["pid"]
    assert (seen["sid"] == seen["pid"]) == (init.name == "dumb-init")
    if init.name == "dumb-init":
        assert of("-c")["pgid"] != of("-c")["pid"]
    if init.name == "native":
        seen = of("--setsid")
        assert seen["sid"] == seen["pid"]


@pytest.mark.parametrize("rule, sent, seen", [("15:3", 15, 3), ("15:0", 15, None), ("10:12", 10, 12)])
def test_rewrite(init, started, rule, sent, seen):
    if init.name not in ("dumb-init", "native"):
        pytest.skip("has no -r")
    with started(init, [init.helper, "record", 1], options=["-r", rule]) as run:
        run.kill(sent)
        if seen is None:
            run.kill(1)
        assert run.end()[1].split()[0] == str(seen or 1)


def test_rewrite_by_name(native, started):
    with started(native, [native.helper, "record", 2],
                 options=["-r", "TERM:RTMIN+3", "-r", "SIGHUP:none", "-r", "RTMIN+1:USR1"]) as run:
        run.kill(1)
        run.kill(35)
        assert run.process.stdout.readline().split()[0] == "10"
        run.kill(15)
        assert run.end()[1].split()[0] == "37"


def test_as_another(native):
    assert native.raw("--as", "dumb-init", "-V").stderr == "dumb-init v1.2.5\n"
    assert native.raw("--as", "tini", "no-such").returncode == 127


@pytest.mark.parametrize("name", ["docker-init", "tini-static", "podman-init", "init"])
def test_other_names(native, place, name):
    from conftest import OCIRT
    link = place / name
    if not link.exists():
        link.symlink_to(OCIRT)
    assert subprocess.run([link, "--", "sh", "-c", "exit 6"]).returncode == 6
