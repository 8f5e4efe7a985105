"""Docker with nothing configured: the runtime is what `runc` is in its PATH, the init of `--init` what `docker-init` is."""

import pytest

from place import eventually

TRAPS = 'trap "echo bye; exit 5" TERM; trap "echo usr; exit 9" USR1; echo up; while :; do sleep 0.05; done'


@pytest.fixture
def docker(docker_found_session):
    yield docker_found_session
    docker_found_session.clear()


def test_info_and_version(docker):
    """dockerd takes a version and a commit from what `runc --version` prints; a runtime that is not asked says N/A."""
    info = docker.info()
    assert (info["DefaultRuntime"], info["Runtimes"]["runc"]["path"]) == ("runc", "runc")
    said = docker.place.call([docker.home / "bin/runc", "--version"])
    version = next(line.split("version", 1)[1].strip() for line in said.splitlines() if "version" in line)
    engine_says = docker("version", "--format", '{{range .Server.Components}}{{if eq .Name "runc"}}{{.Version}} {{.Details.GitCommit}}{{end}}{{end}}')
    assert engine_says.split()[0] == version
    commit = next((line.split(":", 1)[1].strip() for line in said.splitlines() if line.startswith("commit:")), "")
    assert info["RuncCommit"]["ID"] == commit


def test_run(docker):
    done = docker.run("run", "--rm", "--network", "none", "bb", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_run_of_a_missing_program(docker):
    code, err = docker.fails("bb", "nosuch")
    assert code == 127 and 'exec: "nosuch": executable file not found in $PATH' in err


def test_terminal(docker):
    code, out = docker.terminal("run", "--rm", "-it", "--network", "none", "bb", "sh", feed=[(b"#", b"tty; exit 3\n")])
    assert code == 3 and "/dev/pts/0" in out


def test_exec_stop_restart(docker):
    name = docker.start("bb", "sh", "-c", TRAPS)
    assert docker("exec", name, "echo", "in") == "in"
    eventually(lambda: "up" in docker("logs", name))
    docker("stop", "-t", "10", name)
    assert docker.inspect(name, ".State.ExitCode") == "5"
    docker("restart", "-t", "0", name)
    assert docker.inspect(name, ".State.Status") == "running"


def test_update_and_top(docker):
    name = docker.start("bb", "sleep", "1000")
    docker("update", "--memory", "48m", "--memory-swap", "96m", name)
    assert "sleep 1000" in docker("top", name)


def test_zz_nothing_is_left(docker):
    docker.clear()
    assert docker.place.leaks(docker.seen, allowed=("dockerd", "containerd ")) == []
