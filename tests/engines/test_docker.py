"""Docker: the life of containers, what they may do, what holds them."""

import json

import pytest

from place import cgroup_of, eventually

TRAPS = ("bb", "sh", "-c", 'trap "echo bye; exit 5" TERM; trap "echo usr; exit 9" USR1; echo up; while :; do sleep 0.05; done')


@pytest.fixture
def docker(docker_session):
    yield docker_session
    docker_session.clear()


def status(text, name):
    return next(line.split()[1] for line in text.splitlines() if line.startswith(name + ":"))


# --- running -----------------------------------------------------------------------------------


def test_info_knows_the_version(docker):
    info = docker.info()
    assert info["DefaultRuntime"] == "tested" and info["Runtimes"]["tested"]["path"] == str(docker.place.runtime)


def test_run_output(docker):
    done = docker.run("run", "--rm", "--network", "none", "bb", "sh", "-c", "echo out; echo err >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")


def test_run_exit_code(docker):
    docker.once("bb", "sh", "-c", "exit 7", code=7)


def test_run_of_a_missing_program(docker):
    code, err = docker.fails("bb", "/no/such")
    assert code == 127 and 'exec: "/no/such": stat /no/such: no such file or directory' in err


def test_run_of_a_name_not_in_the_path(docker):
    code, err = docker.fails("bb", "nosuch")
    assert code == 127 and 'exec: "nosuch": executable file not found in $PATH' in err


def test_run_of_what_is_not_executable(docker):
    assert docker.fails("bb", "/bin/plain")[0] == 126


def test_run_of_a_folder(docker):
    code, err = docker.fails("bb", "/bin")
    assert code == 126, err


def test_run_with_input(docker):
    assert docker.once("-i", "bb", "sed", "s/a/b/", input="banana\n") == "bbnana"


def test_run_with_a_megabyte_of_output(docker):
    assert len(docker.once("bb", "sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x")) == 1000000


def test_environment_directory_user_groups(docker):
    out = docker.once("-e", "A=b c", "-w", "/tmp", "-u", "1000:1000", "--group-add", "2000", "bb", "sh", "-c",
                      "echo $A; pwd; id -u; id -g; id -G")
    assert out.splitlines() == ["b c", "/tmp", "1000", "1000", "1000 2000"]


def test_host_and_domain_name(docker):
    out = docker.once("--hostname", "box", "--domainname", "dom", "bb", "sh", "-c", "hostname; cat /proc/sys/kernel/domainname")
    assert out == "box\ndom"


def test_init(docker):
    out = docker.once("--init", "bb", "cat", "/proc/1/cmdline")
    assert "docker-init" in out


def test_terminal(docker):
    code, out = docker.terminal("run", "--rm", "-it", "--network", "none", "bb", "sh", feed=[(b"#", b"tty; exit 3\n")], size=(33, 99))
    assert code == 3 and "/dev/pts/0" in out


def test_terminal_of_a_short_program(docker):
    code, out = docker.terminal("run", "--rm", "-t", "--network", "none", "bb", "echo", "gone")
    assert code == 0 and "gone" in out


# --- life --------------------------------------------------------------------------------------


def test_detached_logs_wait(docker):
    name = docker.start("bb", "sh", "-c", "echo one; sleep 0.2; exit 3")
    assert docker("wait", name) == "3"
    assert docker("logs", name) == "one"


def test_state_while_it_runs(docker):
    name = docker.start("bb", "sleep", "1000")
    assert docker.inspect(name, ".State.Status") == "running"
    assert docker.inspect(name, ".HostConfig.Runtime") == "tested"


def test_stop_with_term(docker):
    name = docker.start(*TRAPS)
    eventually(lambda: "up" in docker("logs", name))
    docker("stop", "-t", "10", name)
    assert docker.inspect(name, ".State.ExitCode") == "5"
    assert "bye" in docker("logs", name)


def test_stop_of_the_deaf(docker):
    name = docker.start("bb", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done")
    eventually(lambda: "up" in docker("logs", name))
    docker("stop", "-t", "1", name)
    assert docker.inspect(name, ".State.ExitCode") == "137"


def test_kill_with_a_signal(docker):
    name = docker.start(*TRAPS)
    eventually(lambda: "up" in docker("logs", name))
    docker("kill", "-s", "USR1", name)
    assert docker("wait", name) == "9"


def test_restart(docker):
    name = docker.start("bb", "sleep", "1000")
    before = docker.pid(name)
    docker("restart", "-t", "0", name)
    assert docker.inspect(name, ".State.Status") == "running" and docker.pid(name) != before


def test_pause(docker):
    name = docker.start("bb", "sleep", "1000")
    docker("pause", name)
    assert docker.inspect(name, ".State.Status") == "paused"
    docker("unpause", name)
    assert docker("exec", name, "echo", "awake") == "awake"


def test_remove_while_it_is_paused(docker):
    name = docker.start("bb", "sleep", "1000")
    docker("pause", name)
    docker("rm", "-f", name)
    assert docker("ps", "-aq") == ""


def test_restart_policy(docker):
    name = docker.start("--restart", "on-failure:2", "bb", "sh", "-c", "echo again; exit 1")
    eventually(lambda: docker.inspect(name, ".RestartCount") == "2" and docker.inspect(name, ".State.Status") == "exited", 20)
    assert docker("logs", name).split() == ["again"] * 3


def test_healthcheck(docker):
    name = docker.start("--health-cmd", "test -e /tmp/well", "--health-interval", "1s", "bb", "sh", "-c", "touch /tmp/well; sleep 1000")
    eventually(lambda: docker.inspect(name, ".State.Health.Status") == "healthy", 20)


def test_attach_to_a_terminal(docker):
    name = docker.start("-it", "bb", "sh")
    code, out = docker.terminal("attach", name, feed=[(b"", b"echo $((40+2)); exit 4\n")])
    assert code == 4 and "42" in out


def test_copy_and_commit(docker):
    name = docker.start("bb", "sleep", "1000")
    (docker.home / "file").write_text("carried\n")
    docker("cp", docker.home / "file", f"{name}:/tmp/file")
    assert docker("exec", name, "cat", "/tmp/file") == "carried"
    docker("commit", name, "other")
    assert docker.once("other", "cat", "/tmp/file") == "carried"


# --- exec --------------------------------------------------------------------------------------


def test_exec_output_and_code(docker):
    name = docker.start("bb", "sleep", "1000")
    assert docker("exec", name, "sh", "-c", "echo inside; exit 4", code=4) == "inside"
    assert docker("exec", "-i", name, "cat", input="in and out") == "in and out"


def test_exec_of_a_missing_program(docker):
    name = docker.start("bb", "sleep", "1000")
    assert docker.run("exec", name, "/no/such").returncode == 126  # dockerd's, whatever the text


def test_exec_options(docker):
    name = docker.start("-e", "A=1", "bb", "sleep", "1000")
    assert docker("exec", "-e", "B=2", "-w", "/tmp", "-u", "1000", name, "sh", "-c", "echo $A$B; pwd; id -u").split() \
        == ["12", "/tmp", "1000"]


def test_exec_with_a_terminal(docker):
    name = docker.start("bb", "sleep", "1000")
    code, out = docker.terminal("exec", "-it", name, "sh", feed=[(b"#", b"tty; exit 6\n")])
    assert code == 6 and "/dev/pts/" in out


# --- looking -----------------------------------------------------------------------------------


def test_top(docker):
    name = docker.start("bb", "sh", "-c", "sleep 1000 & wait")
    eventually(lambda: len(docker("top", name).splitlines()) == 3)


def test_stats(docker):
    name = docker.start("bb", "sleep", "1000")
    assert docker("stats", "--no-stream", "--format", "{{.PIDs}}", name) == "1"


# --- limits ------------------------------------------------------------------------------------


def read(docker, name, controller, v1, v2):
    directory = cgroup_of(docker.pid(name), controller)
    return ((directory / v1) if (directory / v1).exists() else (directory / v2)).read_text().strip()


def test_limits_in_the_cgroup(docker):
    name = docker.start("--memory", "64m", "--pids-limit", "50", "--cpus", "0.5", "--cpuset-cpus", "0", "bb", "sleep", "1000")
    assert read(docker, name, "memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert read(docker, name, "pids", "pids.max", "pids.max") == "50"
    assert read(docker, name, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    assert read(docker, name, "cpuset", "cpuset.cpus", "cpuset.cpus") == "0"


def test_update(docker):
    name = docker.start("--memory", "64m", "--memory-swap", "128m", "bb", "sleep", "1000")
    docker("update", "--memory", "48m", "--memory-swap", "96m", "--cpus", "0.7", "--pids-limit", "30", name)
    assert read(docker, name, "memory", "memory.limit_in_bytes", "memory.max") == str(48 << 20)
    assert read(docker, name, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "70000"
    assert read(docker, name, "pids", "pids.max", "pids.max") == "30"
    assert docker("exec", name, "sh", "-c", "echo > /dev/null && echo devices") == "devices"


def test_out_of_memory(docker):
    name = docker.start("--memory", "16m", "--memory-swap", "16m", "bb", "tail", "/dev/zero")
    assert docker("wait", name) == "137"
    assert docker.inspect(name, ".State.OOMKilled") == "true"


def test_rlimits(docker):
    assert docker.once("--ulimit", "nofile=100:200", "bb", "sh", "-c", "ulimit -n; ulimit -Hn") == "100\n200"


def test_parent_cgroup(docker):
    name = docker.start("--cgroup-parent", "/odocker", "bb", "sleep", "1000")
    assert "/odocker/" in str(cgroup_of(docker.pid(name), "memory"))


def test_cgroup_namespace(docker):
    assert docker.once("--cgroupns", "private", "bb", "sh", "-c", "cut -d: -f3 /proc/self/cgroup | sort -u") == "/"


# --- confinement -------------------------------------------------------------------------------


def test_read_only(docker):
    code, err = docker.fails("--read-only", "--tmpfs", "/t", "bb", "sh", "-c", "touch /t/x && touch /x")
    assert (code, err) == (1, "touch: /x: Read-only file system\n")


def test_capabilities(docker):
    out = docker.once("--cap-drop", "all", "--cap-add", "chown", "bb", "cat", "/proc/self/status")
    assert (status(out, "CapEff"), status(out, "CapBnd")) == ("0000000000000001", "0000000000000001")


def test_default_profile(docker):
    assert status(docker.once("bb", "cat", "/proc/self/status"), "Seccomp") == "2"


def test_own_profile(docker):
    profile = docker.home / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}))
    code, err = docker.fails("--security-opt", f"seccomp={profile}", "bb", "mkdir", "/tmp/x")
    assert code == 1 and "not supported" in err


def test_no_new_privileges(docker):
    assert status(docker.once("--security-opt", "no-new-privileges", "bb", "cat", "/proc/self/status"), "NoNewPrivs") == "1"


def test_privileged(docker):
    assert docker.once("--privileged", "bb", "sh", "-c", "mount -t tmpfs none /tmp && echo mounted") == "mounted"


def test_sysctl(docker):
    assert docker.once("--sysctl", "net.ipv4.ip_forward=1", "bb", "cat", "/proc/sys/net/ipv4/ip_forward") == "1"


def test_oom_score(docker):
    assert docker.once("--oom-score-adj", "300", "bb", "cat", "/proc/self/oom_score_adj") == "300"


# --- mounts, devices, namespaces ---------------------------------------------------------------


def test_volumes(docker):
    for name in ("rw", "ro"):
        (docker.home / name).mkdir(exist_ok=True)
    (docker.home / "ro/file").write_text("host\n")
    done = docker.run("run", "--rm", "--network", "none", "-v", f"{docker.home}/rw:/rw", "-v", f"{docker.home}/ro:/ro:ro", "bb",
                      "sh", "-c", "cat /ro/file; echo new > /rw/file; touch /ro/x")
    assert (done.returncode, done.stdout, done.stderr) == (1, "host\n", "touch: /ro/x: Read-only file system\n")
    assert (docker.home / "rw/file").read_text() == "new\n"


def test_volume_that_is_shared(docker):
    with docker.place.shared(docker.home / "shared", "a", "b") as shared:
        name = docker.start("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "-v", f"{shared}:/s:rshared", "bb",
                            "sleep", "1000")
        docker.place.call(["mount", "-t", "tmpfs", "later", shared / "a"])
        docker("exec", name, "mount", "-t", "tmpfs", "mine", "/s/b")
        assert docker("exec", name, "grep", "-cE", "^(later|mine) ", "/proc/mounts") == "2"
        assert f"{shared}/b" in docker.place.mounts()
        docker.clear()


def test_tmpfs_options(docker):
    out = docker.once("--mount", "type=tmpfs,dst=/q,tmpfs-size=1m,tmpfs-mode=700", "bb", "sh", "-c", "df -k /q | tail -1; stat -c %a /q")
    assert out.split()[1] == "1024" and out.split()[-1] == "700"


def test_device(docker):
    out = docker.once("--device", "/dev/zero:/dev/nought", "bb", "sh", "-c", "head -c 3 /dev/nought | wc -c")
    assert out == "3"


def test_pid_of_the_host(docker):
    name = docker.start("--pid", "host", "bb", "sh", "-c", "sleep 1000 & sleep 1000")
    docker("stop", name)
    assert docker.inspect(name, ".State.ExitCode") == "143"


def test_namespaces_of_another_container(docker):
    name = docker.start("--ipc", "shareable", "bb", "sh", "-c", "touch /dev/shm/seen; sleep 1000")
    both = f"container:{name}"
    out = docker("run", "--rm", "--network", both, "--pid", both, "--ipc", both, "bb", "sh", "-c", "ls /dev/shm; ps | grep -c sleep")
    assert out.split()[0] == "seen" and int(out.split()[1]) >= 1


def test_network_of_the_host(docker):
    assert docker("run", "--rm", "--network", "host", "bb", "ls", "/sys/class/net") == "lo"


# --- many --------------------------------------------------------------------------------------


@pytest.mark.patience(240)
def test_thirty_at_once(docker):
    number = 30 if docker.place.name == "ocirt" else 10
    script = 'n=$1; shift; for i in $(seq $n); do "$@" || echo failed $i & done; wait'
    done = docker.place.run(["sh", "-c", script, "sh", number, *docker.argv("run", "-d", "--network", "none", "bb", "sleep", "1000")],
                            env=docker.environment, timeout=200)
    assert done.returncode == 0 and "failed" not in done.stdout, done.stderr[-1000:]
    docker.seen.update(done.stdout.split())
    assert len(docker("ps", "-q").split()) == number
    docker("rm", "-f", *done.stdout.split(), timeout=200)
    assert docker("ps", "-aq") == ""


def test_zz_nothing_is_left(docker):
    docker.clear()
    assert docker.place.leaks(docker.seen, allowed=("dockerd", "containerd ")) == []
