"""Docker with userns-remap: the containers' root is an ordinary user of the host."""

import os
from pathlib import Path

import pytest

from engine_docker import Remapped
from place import cgroup_of, engine, eventually

ROOT = Remapped.ROOT


@pytest.fixture(scope="session")
def remapped_session(place, docker_session):
    with engine("docker with userns-remap", lambda: Remapped(place, docker_session)) as it:
        yield it


@pytest.fixture
def docker(remapped_session):
    yield remapped_session
    remapped_session.clear()


def test_info_says_so(docker):
    assert "name=userns" in docker.info()["SecurityOptions"]


def test_maps_of_ids(docker):
    text = docker.once("bb", "sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; stat -c %u:%g /etc/passwd")
    rows = [line.split() for line in text.splitlines()]
    assert rows == [["0", str(ROOT), "65536"]] * 2 + [["0"], ["0"], ["0:0"]]


def test_process_belongs_to_another_user(docker):
    name = docker.start("bb", "sleep", "1000")
    assert Path(f"/proc/{docker.pid(name)}").stat().st_uid == ROOT


def test_run_output_and_exit_code(docker):
    done = docker.run("run", "--rm", "--network", "none", "bb", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_run_of_a_missing_program(docker):
    code, err = docker.fails("bb", "/no/such")
    assert code == 127 and 'exec: "/no/such": stat /no/such: no such file or directory' in err


def test_another_user_and_groups(docker):
    out = docker.once("-u", "1000:1000", "--group-add", "2000", "-w", "/tmp", "bb", "sh", "-c",
                      "id -u; id -G; touch x; stat -c %u x; grep CapEff /proc/self/status")
    assert out.split() == ["1000", "1000", "2000", "1000", "CapEff:", "0" * 16]


def test_volumes(docker):
    for name, owner in (("mine", ROOT), ("hosts", 0)):
        (docker.home / name).mkdir(mode=0o755)
        os.chown(docker.home / name, owner, owner)
    out = docker.once("-v", f"{docker.home}/mine:/mine", "-v", f"{docker.home}/hosts:/hosts", "-v", "named:/data", "bb", "sh", "-c",
                      "touch /mine/x; stat -c %u /mine/x /hosts; touch /hosts/x 2>/dev/null || echo refused; cat /data/file")
    assert out.split() == ["0", "65534", "refused", "hello"]
    assert (docker.home / "mine/x").stat().st_uid == ROOT


def test_capabilities_of_its_root(docker):
    out = docker.once("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "bb", "sh", "-c",
                      "mount -t tmpfs none /tmp && echo mounted; chown 1000 /tmp && stat -c %u /tmp; cat /proc/kcore 2>/dev/null | wc -c")
    assert out.split() == ["mounted", "1000", "0"]


def test_read_only_tmpfs_and_shm(docker):
    out = docker.once("--read-only", "--tmpfs", "/t:size=1m", "--shm-size", "2m", "bb", "sh", "-c",
                      "touch /t/x && (touch /x) 2>/dev/null || echo refused; df -k /t /dev/shm | tail -2 | awk '{print $2}'")
    assert out.split() == ["refused", "1024", "2048"]


def test_device(docker):
    out = docker.once("--device", "/dev/zero:/dev/nought", "bb", "sh", "-c", "head -c 3 /dev/nought | wc -c; echo > /dev/null && ls -l /dev/ptmx")
    assert out.split()[0] == "3" and out.endswith("pts/ptmx")


def test_sysctl_and_hostname(docker):
    out = docker.once("--sysctl", "net.ipv4.ip_forward=1", "--hostname", "box", "bb", "sh", "-c",
                      "cat /proc/sys/net/ipv4/ip_forward; hostname")
    assert out.split() == ["1", "box"]


def test_terminal(docker):
    code, out = docker.terminal("run", "--rm", "-it", "--network", "none", "bb", "sh", feed=[(b"#", b"tty; stat -c %u $(tty); exit 3\n")])
    assert code == 3 and "/dev/pts/0\n0\n" in out


def test_exec(docker):
    name = docker.start("bb", "sleep", "1000")
    assert docker("exec", name, "sh", "-c", "id -u; cat /proc/self/uid_map; exit 4", code=4).split() == ["0", "0", str(ROOT), "65536"]
    assert docker("exec", "-u", "1000", name, "id", "-u") == "1000"
    code, out = docker.terminal("exec", "-it", name, "sh", feed=[(b"#", b"tty; exit 6\n")])
    assert code == 6 and "/dev/pts/" in out


def test_init(docker):
    """By init-path: its file has the name that dockerd's look at its version needs."""
    assert docker.once("--init", "bb", "sh", "-c", "tr '\\0' ' ' </proc/1/cmdline; exit 5", code=5).startswith("/sbin/docker-init -- sh")
    info, said = docker.info(), docker.place.call([docker.home / "docker-init", "--version"]).split()
    assert (info["InitBinary"], info["InitCommit"]["ID"]) == (str(docker.home / "docker-init"), said[4].removeprefix("git."))


def test_limits_and_update(docker):
    name = docker.start("--memory", "64m", "--memory-swap", "64m", "--pids-limit", "50", "bb", "sleep", "1000")
    memory = cgroup_of(docker.pid(name), "memory")
    limit = next(path for path in (memory / "memory.limit_in_bytes", memory / "memory.max") if path.exists())
    assert limit.read_text().strip() == str(64 << 20)
    docker("update", "--memory", "48m", "--memory-swap", "48m", name)
    assert limit.read_text().strip() == str(48 << 20)


def test_stop_pause_restart(docker):
    name = docker.start("bb", "sh", "-c", 'trap "exit 5" TERM; echo up; while :; do sleep 0.05; done')
    eventually(lambda: "up" in docker("logs", name))
    docker("pause", name)
    docker("unpause", name)
    docker("stop", "-t", "10", name)
    assert docker.inspect(name, ".State.ExitCode") == "5"
    docker("start", name)
    assert docker.inspect(name, ".State.Status") == "running"


def test_copy_and_commit(docker):
    name = docker.start("bb", "sleep", "1000")
    (docker.home / "file").write_text("carried\n")
    docker("cp", docker.home / "file", f"{name}:/tmp/file")
    assert docker("exec", name, "sh", "-c", "cat /tmp/file; stat -c %u /tmp/file").split() == ["carried", "0"]
    docker("commit", name, "other")
    assert docker.once("other", "cat", "/tmp/file") == "carried"


def test_namespaces_of_another_container(docker):
    name = docker.start("--ipc", "shareable", "bb", "sh", "-c", "touch /dev/shm/seen; sleep 1000")
    eventually(lambda: docker("exec", name, "ls", "/dev/shm") == "seen")
    both = f"container:{name}"
    out = docker("run", "--rm", "--network", both, "--pid", both, "--ipc", both, "bb", "sh", "-c", "ls /dev/shm; ps | grep -c sleep")
    assert out.split()[0] == "seen" and int(out.split()[1]) >= 1


def test_the_users_of_the_host(docker):
    """--userns host takes one container out of it."""
    name = docker.start("--userns", "host", "bb", "sleep", "1000")
    assert Path(f"/proc/{docker.pid(name)}").stat().st_uid == 0
    assert docker("exec", name, "cat", "/proc/self/uid_map").split() == ["0", "0", "4294967295"]


def test_zz_nothing_is_left(docker):
    docker.clear()
    assert docker.place.leaks(docker.seen, allowed=("dockerd", "containerd ")) == []
