"""Podman of an ordinary user, who has ids from newuidmap and no cgroup of his own."""

import os
import subprocess
from pathlib import Path

import pytest

from engine_podman import NET, Rootless, sh, stay
from place import alive, eventually


@pytest.fixture
def podman(rootless_session):
    yield rootless_session
    rootless_session.clear()


def test_info(podman):
    assert podman("info", "--format", "{{.Host.Security.Rootless}} {{.Host.OCIRuntime.Name}}") == f"true {podman.place.name}"


def test_run_output_and_exit_status(podman):
    assert sh(podman, "echo hi; exit 7", code=7) == "hi"


def test_maps_of_ids(podman):
    text = sh(podman, "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; stat -c %u:%g /etc/passwd")
    rows = [line.split() for line in text.splitlines()]
    assert rows[:4] == [["0", "4242", "1"], ["1", "300000", "65536"]] * 2 and rows[4:] == [["0"], ["0"], ["0:0"]]


def test_another_user_and_groups(podman):
    assert sh(podman, "id -u; id -G; touch /tmp/x; stat -c %u /tmp/x", "-u", "app", "--group-add", "extra") == "1000\n1000 2000\n1000"


def test_keep_id(podman):
    assert sh(podman, "id -u; id -g", "--userns", "keep-id") == "4242\n4242"


def test_process_belongs_to_the_user(podman):
    name = stay(podman)
    assert Path(f"/proc/{podman.pid(name)}").stat().st_uid == Rootless.UID


def test_missing_program_is_127(podman):
    assert podman.fails("run", "--rm", *NET, "bb", "/no/such")[0] == 127


def test_program_that_is_none_is_126(podman):
    assert podman.fails("run", "--rm", *NET, "bb", "/bin/plain")[0] == 126


def test_detached_stop_and_rm(podman):
    name = stay(podman)
    pid = podman.pid(name)
    podman("stop", "-t", "0", name)
    assert not alive(pid)
    assert podman.inspect(name, ".State.ExitCode") == "137"
    podman("rm", name)


def test_kill_with_a_signal(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", "trap 'exit 5' USR1; echo on; while :; do sleep 0.1; done")
    eventually(lambda: podman("logs", name) == "on")
    podman("kill", "-s", "USR1", name)
    assert podman("wait", name) == "5"


def test_exec(podman):
    name = stay(podman)
    assert podman("exec", name, "sh", "-c", "id -u; cat /proc/1/cmdline | tr '\\0' ' '") == "0\nsleep 1000 "
    assert podman("exec", "-u", "app", "-w", "/data", name, "sh", "-c", "id -u; pwd") == "1000\n/data"
    assert podman.fails("exec", name, "sh", "-c", "exit 9")[0] == 9
    assert podman.fails("exec", name, "/no/such")[0] == 127


def test_exec_stdin(podman):
    name = stay(podman)
    assert podman("exec", "-i", name, "cat", input="typed\n") == "typed"


def test_terminal(podman):
    wait = "until [ \"$(stty size 2>/dev/null)\" = '33 101' ]; do sleep 0.05; done; tty; exit 3"
    assert podman.terminal("run", "--rm", "-it", *NET, "bb", "sh", "-c", wait, size=(33, 101)) == (3, "/dev/pts/0\n")


def test_exec_terminal(podman):
    name = stay(podman)
    code, text = podman.terminal("exec", "-it", name, "sh", "-c", "tty; exit 4")
    assert code == 4 and text.startswith("/dev/pts/")


def test_stdin_is_piped(podman):
    text = "".join(f"line {n}\n" for n in range(5000))
    assert podman("run", "--rm", "-i", *NET, "bb", "cat", input=text) == text.rstrip("\n")


def test_volume(podman):
    host = podman.home / "volume"
    host.mkdir()
    os.chown(host, Rootless.UID, Rootless.UID)
    assert sh(podman, "echo made >/v/file; stat -c %u /v/file", "-v", f"{host}:/v") == "0"
    assert (host / "file").stat().st_uid == Rootless.UID
    assert sh(podman, "(echo x >/v/other) 2>/dev/null || echo refused", "-v", f"{host}:/v:ro") == "refused"


def test_tmpfs_and_read_only(podman):
    assert sh(podman, "(: >/data/x) 2>/dev/null || echo refused; echo y >/t/y; cat /t/y", "--read-only", "--tmpfs", "/t") == "refused\ny"


def test_capabilities(podman):
    rows = dict(line.split() for line in sh(podman, "grep Cap /proc/self/status", "--cap-drop", "ALL", "--cap-add", "CHOWN").splitlines())
    assert rows["CapEff:"] == rows["CapBnd:"] == f"{1:016x}"


def test_device(podman):
    assert sh(podman, "head -c 2 /dev/mine | wc -c", "--device", "/dev/zero:/dev/mine") == "2"


def test_hostname_and_sysctl(podman):
    assert sh(podman, "hostname; cat /proc/sys/kernel/msgmax", "--hostname", "box", "--sysctl", "kernel.msgmax=9000") == "box\n9000"


def test_privileged(podman):
    assert int(sh(podman, "grep CapEff /proc/self/status", "--privileged").split()[1], 16) & 1 << 21


def test_init(podman):
    assert "podman-init" in sh(podman, "cat /proc/1/cmdline | tr '\\0' ' '", "--init")


def test_pod(podman):
    name = podman("pod", "create", "--infra-image", "bb", "--infra-command", "/bin/sleep 1000", *NET)
    one = podman("run", "-d", "--pod", name, "bb", "sleep", "1000")
    spaces = "for n in net ipc uts; do readlink /proc/self/ns/$n; done"
    assert podman("exec", one, "sh", "-c", spaces) == podman("run", "--rm", "--pod", name, "bb", "sh", "-c", spaces)
    podman("pod", "rm", "-f", "-t", "0", name)


def test_restart(podman):
    name = stay(podman)
    first = podman.pid(name)
    podman("restart", "-t", "0", name)
    assert podman.pid(name) != first


def test_killed_with_its_children(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", "sleep 995 & sleep 994 & wait")
    mine = eventually(lambda: [int(row.split()[0]) for row in podman("top", name, "hpid", "args").splitlines()[1:]
                               if "99" in row][1:] or None)
    podman("rm", "-f", "-t", "0", name)
    assert not any(alive(pid) for pid in mine)


def test_ten_at_once(podman):
    running = [podman.start("run", "--rm", *NET, "bb", "echo", n, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for n in range(10)]
    assert [process.communicate(timeout=120)[0].decode().strip() for process in running] == [str(n) for n in range(10)]


def test_zz_nothing_is_left(podman):
    podman.clear()
    assert podman.place.leaks(podman.ids(), allowed=("catatonit -P", "podman pause", "podman")) == []
    for top in ("containers", "crun", "runc"):
        root = podman.runtime_dir / top
        assert not root.is_dir() or [name for name in os.listdir(root) if name not in ("storage", "networks")] == []
