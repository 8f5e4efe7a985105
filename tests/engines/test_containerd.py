"""containerd and ctr: the life of a task, what it may do, what holds it."""

import pytest

from engine_containerd import IMAGE, Containerd
from place import cgroup_of, engine, eventually

TRAPS = ("sh", "-c", 'trap "exit 6" TERM; echo up; while :; do sleep 0.05; done')


@pytest.fixture(scope="session")
def containerd_session(place):
    with engine("containerd", lambda: Containerd(place)) as it:
        yield it


@pytest.fixture
def ctr(containerd_session):
    yield containerd_session
    containerd_session.clear()


def test_run_output(ctr):
    assert ctr.once(program=("echo", "hi")) == "hi"


def test_run_exit_code(ctr):
    ctr.once(program=("sh", "-c", "exit 7"), code=7)


def test_run_of_a_killed_program(ctr):
    ctr.once(program=("sh", "-c", "sh -c 'kill -9 $$'; exit $?"), code=137)


def test_run_of_a_missing_program(ctr):
    done = ctr.run(*ctr.words("--rm"), ctr.name(), "/no/such")
    assert done.returncode == 1 and 'exec: "/no/such": stat /no/such: no such file or directory' in done.stderr


def test_run_of_a_name_not_in_the_path(ctr):
    done = ctr.run(*ctr.words("--rm"), ctr.name(), "nosuch")
    assert done.returncode == 1 and 'exec: "nosuch": executable file not found in $PATH' in done.stderr


def test_run_of_what_is_not_executable(ctr):
    done = ctr.run(*ctr.words("--rm"), ctr.name(), "/bin/plain")
    assert done.returncode == 1 and "permission denied" in done.stderr


def test_run_by_the_name_runc(ctr):
    name = ctr.name()
    assert ctr("run", "--rm", "--snapshotter", "native", IMAGE, name, "echo", "by name") == "by name"


def test_run_with_input(ctr):
    assert ctr.once(program=("sh", "-c", "read a; echo got $a"), input="this\n") == "got this"


def test_run_of_a_directory(ctr):
    """--rootfs: no image, a tree on the disk."""
    tree = ctr.home / "tree"
    tree.mkdir()
    ctr.place.call(["tar", "-C", tree, "-xf", ctr.place.rootfs_tar])
    name = ctr.name()
    assert ctr("run", "--rm", "--runc-binary", ctr.place.runtime, "--rootfs", tree, name, "/bin/echo", "tree") == "tree"


def test_environment_and_directory(ctr):
    assert ctr.once("--env", "A=b c", "--cwd", "/tmp", program=("sh", "-c", "echo $A; pwd")) == "b c\n/tmp"


def test_network_of_the_host(ctr):
    assert "lo" in ctr.once("--net-host", program=("ls", "/sys/class/net"))


def test_terminal(ctr):
    code, out = ctr.place.terminal(ctr.argv(*ctr.words("--rm", "-t"), ctr.name(), "sh", "-c", "tty; exit 3"))
    assert (code, out.replace("\0", "").strip()) == (3, "/dev/pts/0")


# --- life --------------------------------------------------------------------------------------


def test_detached_and_term(ctr):
    name = ctr.start(*TRAPS)
    assert ctr.status(name) == "RUNNING"
    ctr("task", "kill", "-s", "TERM", name)
    eventually(lambda: ctr.status(name) == "STOPPED")
    done = ctr.run("task", "delete", name)
    assert "exit with non-zero exit code 6" in done.stderr


def test_kill(ctr):
    name = ctr.start("sleep", "1000")
    ctr("task", "kill", "-s", "KILL", name)
    eventually(lambda: ctr.status(name) == "STOPPED")


def test_kill_of_a_stopped_task(ctr):
    name = ctr.start("true")
    eventually(lambda: ctr.status(name) == "STOPPED")
    assert "not found" in ctr.run("task", "kill", "-s", "KILL", name).stderr


def test_kill_all(ctr):
    name = ctr.start("sh", "-c", "sleep 1000 & sleep 1000")
    ctr("task", "kill", "-a", "-s", "KILL", name)
    eventually(lambda: ctr.status(name) == "STOPPED")


def test_pause_and_resume(ctr):
    name = ctr.start(*TRAPS)
    ctr("task", "pause", name)
    assert ctr.status(name) == "PAUSED"
    ctr("task", "resume", name)
    assert ctr.status(name) == "RUNNING"


def test_processes(ctr):
    name = ctr.start("sh", "-c", "sleep 1000 & wait")
    eventually(lambda: len(ctr("task", "ps", name).splitlines()) == 3)


def test_metrics(ctr):
    name = ctr.start("sleep", "1000", options=["--memory-limit", str(64 << 20)])
    out = ctr("task", "metrics", name)
    assert "memory.usage" in out and "pids.current" in out


def test_a_second_with_the_same_name(ctr):
    name = ctr.start("sleep", "1000")
    assert "already exists" in ctr.run(*ctr.words("-d"), name, "sleep", "1").stderr


# --- exec --------------------------------------------------------------------------------------


def test_exec_output_and_code(ctr):
    name = ctr.start("sleep", "1000")
    assert ctr("task", "exec", "--exec-id", "e", name, "sh", "-c", "echo inside; exit 4", code=4) == "inside"


def test_exec_of_a_missing_program(ctr):
    name = ctr.start("sleep", "1000")
    done = ctr.run("task", "exec", "--exec-id", "e", name, "/no/such")
    assert done.returncode == 1 and "no such file or directory" in done.stderr


def test_exec_with_a_terminal(ctr):
    name = ctr.start("sleep", "1000")
    code, out = ctr.place.terminal(ctr.argv("task", "exec", "-t", "--exec-id", "e", name, "sh", "-c", "tty; exit 5"))
    assert code == 5 and "/dev/pts/" in out


def test_exec_as_another_user(ctr):
    name = ctr.start("sleep", "1000")
    assert ctr("task", "exec", "--exec-id", "e", "--user", "1000", "--cwd", "/tmp", name, "sh", "-c", "id -u; pwd") == "1000\n/tmp"


# --- limits and confinement --------------------------------------------------------------------


def read(ctr, name, controller, v1, v2):
    directory = cgroup_of(ctr.pid(name), controller)
    return ((directory / v1) if (directory / v1).exists() else (directory / v2)).read_text().strip()


def test_limits_in_the_cgroup(ctr):
    name = ctr.start("sleep", "1000", options=["--memory-limit", str(64 << 20), "--cpus", "0.5", "--cpu-shares", "512"])
    assert read(ctr, name, "memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert read(ctr, name, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    assert read(ctr, name, "cpu", "cpu.shares", "cpu.weight") in ("512", "59")


def test_own_cgroup(ctr):
    name = ctr.start("sleep", "1000", options=["--cgroup", "/octr-own"])
    assert str(cgroup_of(ctr.pid(name), "memory")).endswith("/octr-own")


def test_out_of_memory(ctr):
    ctr.once("--memory-limit", str(8 << 20), program=("tail", "/dev/zero"), code=137)


def test_read_only(ctr):
    assert "Read-only file system" in ctr.run(*ctr.words("--rm", "--read-only"), ctr.name(), "touch", "/x").stderr


def test_capabilities(ctr):
    out = ctr.once("--cap-drop", "CAP_CHOWN", "--cap-add", "CAP_SYS_NICE", program=("grep", "CapEff", "/proc/self/status"))
    value = int(out.split()[1], 16)
    assert not value & 1 and value >> 23 & 1


def test_privileged(ctr):
    assert ctr.once("--privileged", program=("sh", "-c", "mount -t tmpfs none /tmp && echo mounted")) == "mounted"


def test_seccomp(ctr):
    assert ctr.once("--seccomp", program=("grep", "Seccomp:", "/proc/self/status")).split() == ["Seccomp:", "2"]


def test_no_new_privileges(ctr):
    assert ctr.once(program=("grep", "NoNewPrivs", "/proc/self/status")).split() == ["NoNewPrivs:", "1"]


def test_device(ctr):
    assert ctr.once("--device", "/dev/zero", program=("sh", "-c", "head -c 3 /dev/zero | wc -c")) == "3"


def test_mounts(ctr):
    (ctr.home / "volume").mkdir(exist_ok=True)
    (ctr.home / "volume/f").write_text("host\n")
    done = ctr.run(*ctr.words("--rm", "--mount", f"type=bind,src={ctr.home}/volume,dst=/v,options=rbind:ro"), ctr.name(),
                   "sh", "-c", "cat /v/f; touch /v/x")
    assert done.stdout == "host\n" and "Read-only file system" in done.stderr


def test_joined_network(ctr):
    first = ctr.start("sleep", "1000")
    out = ctr.once("--with-ns", f"network:/proc/{ctr.pid(first)}/ns/net", program=("readlink", "/proc/self/ns/net"))
    assert out == ctr("task", "exec", "--exec-id", "e", first, "readlink", "/proc/self/ns/net")


# --- many --------------------------------------------------------------------------------------


@pytest.mark.patience(240)
def test_a_hundred_at_once(ctr):
    number = 100 if ctr.place.name == "ocirt" else 20
    names = [ctr.name() for _ in range(number)]
    script = 'n=$1; shift; for i in $n; do "$@" $i sleep 1000 || echo failed $i & done; wait'
    done = ctr.place.run(["sh", "-c", script, "sh", " ".join(names), *ctr.argv(*ctr.words("-d"))], timeout=200)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[-1000:]
    assert ctr("task", "ls").count("RUNNING") == number
    script = 'n=$1; shift; for i in $n; do "$@" $i & done; wait'
    ctr.place.call(["sh", "-c", script, "sh", " ".join(names), *ctr.argv("task", "kill", "-s", "KILL")], timeout=200)
    eventually(lambda: "RUNNING" not in ctr("task", "ls"), 60)
    ctr.place.call(["sh", "-c", script, "sh", " ".join(names), *ctr.argv("task", "delete")], timeout=200)
    ctr("containers", "delete", *names)
    assert len(ctr("task", "ls").splitlines()) == 1


def test_zz_nothing_is_left(ctr):
    ctr.clear()
    assert ctr.place.leaks(ctr.ids(), allowed=("dockerd", "containerd ")) == []
