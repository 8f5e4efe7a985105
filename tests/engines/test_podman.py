"""Podman: what people do with it, and what it asks of a runtime."""

import concurrent.futures
import json
import os
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from engine_podman import NET, sh, stay
from place import alive, cgroup_of, eventually, not_possible

STAY = "trap 'exit 0' TERM; echo on; while :; do sleep 0.1; done"


@pytest.fixture
def podman(podman_session):
    yield podman_session
    podman_session.clear()


def limit(podman, name, controller, v1, v2):
    """What a cgroup file of a container holds, by its name on v1 or v2."""
    directory = cgroup_of(podman.pid(name), controller)
    path = directory / v2
    return (path if path.exists() else directory / v1).read_text().strip()


# --- life --------------------------------------------------------------------------------------------------------------


def test_info_shows_the_runtime(podman):
    assert podman("info", "--format", "{{.Host.OCIRuntime.Name}}") == podman.place.name
    assert f"{podman.place.name} version" in podman("info", "--format", "{{.Host.OCIRuntime.Version}}")


def test_run_output_and_exit_status(podman):
    assert podman("run", "--rm", *NET, "bb", "echo", "hi") == "hi"
    assert sh(podman, "echo out; echo err >&2; exit 7", code=7) == "out"


def test_runtime_by_its_path(podman):
    assert podman("--runtime", podman.place.runtime, "run", "--rm", *NET, "bb", "echo", "hi") == "hi"
    assert "/no/such" in podman.fails("--runtime", "/no/such", "run", "--rm", *NET, "bb", "true")[1]


def test_run_killed_by_a_signal(podman):
    sh(podman, "kill -SEGV $$", "--init", code=139) if podman.has_init() else sh(podman, "sh -c 'kill -SEGV $$'", code=139)


def test_missing_program_is_127(podman):
    code, text = podman.fails("run", "--rm", *NET, "bb", "/no/such")
    assert code == 127 and "attempted to invoke a command that was not found" in text
    code, text = podman.fails("run", "--rm", *NET, "bb", "nosuch")
    assert code == 127 and "executable file" in text


def test_program_that_is_none_is_126(podman):
    code, text = podman.fails("run", "--rm", *NET, "bb", "/bin/plain")
    assert code == 126 and "permission denied" in text.lower()


def test_directory_as_program_is_126(podman):
    assert podman.fails("run", "--rm", *NET, "bb", "/data")[0] == 126


def test_create_start_attached(podman):
    name = podman("create", *NET, "bb", "sh", "-c", "echo one; exit 4")
    assert podman("start", "-a", name, code=4) == "one"
    assert podman.inspect(name, ".State.ExitCode") == "4"


def test_init_then_start(podman):
    name = podman("create", *NET, "bb", "sleep", "1000")
    podman("init", name)
    assert podman.inspect(name, ".State.Status") == "initialized"
    assert alive(podman.pid(name))
    podman("start", name)
    assert podman.inspect(name, ".State.Status") == "running"


def test_init_then_remove(podman):
    name = podman("create", *NET, "bb", "sleep", "1000")
    podman("init", name)
    pid = podman.pid(name)
    podman("rm", "-f", "-t", "0", name)
    assert not alive(pid)


def test_detached_and_stop(podman):
    name = stay(podman)
    assert podman.inspect(name, ".State.Status") == "running"
    podman("stop", "-t", "0", name)
    assert podman.inspect(name, ".State.Status") == "exited"
    assert podman.inspect(name, ".State.ExitCode") == "137"
    podman("rm", name)


def test_stop_by_term(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", STAY)
    eventually(lambda: podman("logs", name) == "on")
    podman("stop", "-t", "20", name)
    assert podman.inspect(name, ".State.ExitCode") == "0"


def test_stop_signal(podman):
    name = podman("run", "-d", "--stop-signal", "USR2", *NET, "bb", "sh", "-c",
                  "trap 'exit 9' USR2; echo on; while :; do sleep 0.1; done")
    eventually(lambda: podman("logs", name) == "on")
    podman("stop", "-t", "20", name)
    assert podman.inspect(name, ".State.ExitCode") == "9"


def test_kill_with_a_signal(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", "trap 'exit 5' USR1; echo on; while :; do sleep 0.1; done")
    eventually(lambda: podman("logs", name) == "on")
    podman("kill", "-s", "USR1", name)
    assert podman("wait", name) == "5"


def test_kill_of_a_stopped_container(podman):
    name = podman("run", "-d", *NET, "bb", "true")
    podman("wait", name)
    code, text = podman.fails("kill", name)
    assert code == 125 and "can only kill running containers" in text


def test_wait(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", "sleep 0.3; exit 42")
    assert podman("wait", name) == "42"


def test_restart(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", "echo up; sleep 1000")
    first = podman.pid(name)
    podman("restart", "-t", "0", name)
    assert podman.pid(name) != first and not alive(first)
    eventually(lambda: podman("logs", name) == "up\nup")


def test_pause_and_unpause(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", "while :; do echo x; sleep 0.05; done")
    podman("pause", name)
    assert podman.inspect(name, ".State.Status") == "paused"
    before = podman("logs", name)
    time.sleep(0.3)
    assert podman("logs", name) == before
    code, text = podman.fails("exec", name, "true")
    assert code == 255 and "can only create exec sessions on running containers" in text
    podman("unpause", name)
    eventually(lambda: podman("logs", name) != before)


def test_rm_f_of_a_paused_container(podman):
    name = stay(podman)
    pid = podman.pid(name)
    podman("pause", name)
    podman("rm", "-f", "-t", "0", name)
    assert not alive(pid) and podman.containers() == []


def test_rm_f_of_a_running_container(podman):
    name = stay(podman)
    pid = podman.pid(name)
    podman("rm", "-f", "-t", "0", name)
    assert not alive(pid)


def test_rm_of_a_running_container_is_refused(podman):
    name = stay(podman)
    assert "without force" in podman.fails("rm", name)[1]
    assert podman.inspect(name, ".State.Status") == "running"


def test_rm_leaves_nothing(podman):
    sh(podman, "true")
    assert podman.containers() == []
    root = Path("/run") / {"ocirt": "containers"}.get(podman.place.name, podman.place.name)
    assert not root.is_dir() or [name for name in os.listdir(root) if name != "storage"] == []


def test_killed_from_outside(podman):
    name = stay(podman)
    os.kill(podman.pid(name), signal.SIGKILL)
    eventually(lambda: podman.inspect(name, ".State.Status") == "exited")
    assert podman.inspect(name, ".State.ExitCode") == "137"
    podman("start", name)
    assert podman.inspect(name, ".State.Status") == "running"


def test_restart_policy(podman):
    name = podman("run", "-d", "--restart", "on-failure:2", *NET, "bb", "sh", "-c", "echo x; exit 3")
    eventually(lambda: podman("logs", name) == "x\nx\nx")
    eventually(lambda: podman.inspect(name, ".State.Status") == "exited")
    assert podman.inspect(name, ".RestartCount") == "2"
    assert podman.inspect(name, ".State.ExitCode") == "3"


def test_run_timeout(podman):
    began = time.monotonic()
    podman.fails("run", "--rm", "--timeout", "1", *NET, "bb", "sleep", "1000")
    assert time.monotonic() - began < 20


def test_inspect_pid_and_state(podman):
    name = stay(podman)
    state = json.loads(podman("inspect", name))[0]
    assert state["State"]["Running"] is True and state["OCIRuntime"] == podman.place.name
    line = Path(f"/proc/{state['State']['Pid']}/cmdline").read_bytes()
    assert line == b"sleep\0001000\000"
    assert Path(state["PidFile"]).read_text() == str(state["State"]["Pid"])


def test_rename_and_commands_by_name(podman):
    stay(podman, "--name", "first")
    podman("rename", "first", "second")
    assert podman("exec", "second", "echo", "yes") == "yes"


def test_commit_and_diff(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", "echo new >/data/made; rm /data/file; sleep 1000")
    eventually(lambda: "A /data/made" in podman("diff", name).splitlines())
    assert "D /data/file" in podman("diff", name).splitlines()
    podman("commit", "-q", name, "made")
    assert podman("run", "--rm", *NET, "made", "cat", "/data/made") == "new"
    podman("rm", "-f", "-t", "0", name)
    podman("rmi", "made")


def test_cp_to_and_from_a_running_container(podman):
    name = stay(podman)
    source = podman.home / "source"
    source.write_text("copied\n")
    podman("cp", source, f"{name}:/data/target")
    assert podman("exec", name, "cat", "/data/target") == "copied"
    podman("cp", f"{name}:/data/target", podman.home / "back")
    assert (podman.home / "back").read_text() == "copied\n"


def test_export(podman):
    name = stay(podman)
    done = subprocess.run(["tar", "-tf", "-"], input=podman.bytes("export", name), capture_output=True, check=True)
    assert b"bin/busybox\n" in done.stdout


# --- input, output, terminals ---------------------------------------------------------------------------------------------


def test_stdin_is_piped(podman):
    text = "".join(f"line {n}\n" for n in range(20000))
    assert podman("run", "--rm", "-i", *NET, "bb", "cat", input=text) == text.rstrip("\n")


def test_much_output(podman):
    assert len(sh(podman, "head -c 3000000 /dev/zero | tr '\\0' x")) == 3000000


def test_stdout_and_stderr_apart(podman):
    done = podman.run("run", "--rm", *NET, "bb", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_attach(podman):
    name = podman("run", "-d", "-i", *NET, "bb", "sh", "-c", "read word; echo got $word; exit 6")
    assert podman("attach", name, input="it\n") == "got it"
    assert podman("wait", name) == "6"


def test_terminal(podman):
    code, text = podman.terminal("run", "--rm", "-it", *NET, "bb", "sh", "-c", "tty; test -t 0 -a -t 1 -a -t 2; exit $?")
    assert (code, text) == (0, "/dev/pts/0\n")


def test_terminal_of_a_short_program(podman):
    for number in range(5):
        assert podman.terminal("run", "--rm", "-it", *NET, "bb", "echo", f"n{number}") == (0, f"n{number}\n")


def test_terminal_is_typed_on(podman):
    code, text = podman.terminal("run", "--rm", "-it", *NET, "bb", "sh",
                                 feed=[(b"# ", b"echo $((6*7))\n"), (b"42", b"exit 3\n")])
    assert code == 3 and "42" in text


def test_terminal_size(podman):
    wait = "until [ \"$(stty size 2>/dev/null)\" = '%d %d' ]; do sleep 0.05; done; echo sized%d;"
    code, text = podman.terminal("run", "--rm", "-it", *NET, "bb", "sh", "-c", wait % (33, 101, 1) + wait % (44, 55, 2),
                                 size=(33, 101), resize=(b"sized1", (44, 55)))
    assert code == 0 and "sized2" in text


def test_terminal_interrupt_key(podman):
    code, _ = podman.terminal("run", "--rm", "-it", *NET, "bb", "sh", "-c", "trap 'exit 8' INT; echo on; while :; do sleep 0.1; done",
                              feed=[(b"on", b"\x03")])
    assert code == 8


def test_terminal_detached_then_attached(podman):
    name = podman("run", "-d", "-it", *NET, "bb", "sh", "-c", "read x; echo got $x")
    code, text = podman.terminal("attach", name, feed=b"typed\n")
    assert code == 0 and "got typed\n" in text


def test_logs(podman):
    name = podman("run", "-d", *NET, "bb", "sh", "-c", "echo one; echo two >&2; echo three")
    podman("wait", name)
    done = podman.run("logs", name)
    assert (done.stdout, done.stderr) == ("one\nthree\n", "two\n")


def test_log_driver_none(podman):
    name = podman("run", "-d", "--log-driver", "none", *NET, "bb", "echo", "x")
    podman("wait", name)
    assert "this container is using the 'none' log driver" in podman.fails("logs", name)[1]


def test_log_driver_passthrough(podman):
    out = podman.home / "passed"
    with open(out, "wb") as file:
        process = podman.start("run", "--rm", "--log-driver", "passthrough", *NET, "bb", "sh", "-c", "echo out; echo err >&2",
                               stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    assert process.wait(30) == 0
    eventually(lambda: out.read_text() == "out\nerr\n")


def test_preserved_descriptors(podman):
    words = podman.argv("run", "--rm", "--preserve-fds", "1", *NET, "bb", "sh", "-c", "cat <&3")
    assert podman.place.call(["sh", "-c", 'echo through | "$@" 3<&0', "sh", *words], env=podman.environment) == "through\n"


# --- exec --------------------------------------------------------------------------------------------------------------


def test_exec(podman):
    name = stay(podman)
    assert podman("exec", name, "echo", "in") == "in"
    done = podman.run("exec", name, "sh", "-c", "echo out; echo err >&2; exit 11")
    assert (done.returncode, done.stdout, done.stderr) == (11, "out\n", "err\n")


def test_exec_by_a_signal(podman):
    name = stay(podman)
    assert podman.fails("exec", name, "sh", "-c", "kill -TERM $$")[0] == 143


def test_exec_missing_program_is_127(podman):
    name = stay(podman)
    code, text = podman.fails("exec", name, "/no/such")
    assert code == 127 and "attempted to invoke a command that was not found" in text
    assert podman.fails("exec", name, "nosuch")[0] == 127


def test_exec_program_that_is_none_is_126(podman):
    name = stay(podman)
    code, text = podman.fails("exec", name, "/bin/plain")
    assert code == 126 and "permission denied" in text.lower()


def test_exec_options(podman):
    name = stay(podman)
    assert podman("exec", "-e", "A=b", "-w", "/data", "-u", "app", name, "sh", "-c", "echo $A $PWD; id -u; id -gn") == "b /data\n1000\napp"
    assert podman("exec", "-u", "7:8", name, "id").startswith("uid=7 gid=8")


def test_exec_stdin(podman):
    name = stay(podman)
    text = "".join(f"{n}\n" for n in range(30000))
    assert podman("exec", "-i", name, "wc", "-l", input=text) == "30000"


def test_exec_terminal(podman):
    name = stay(podman)
    wait = "until [ \"$(stty size 2>/dev/null)\" = '31 99' ]; do sleep 0.05; done; tty; exit 4"
    code, text = podman.terminal("exec", "-it", name, "sh", "-c", wait, size=(31, 99))
    assert code == 4 and text.startswith("/dev/pts/")


def test_exec_detached(podman):
    name = stay(podman)
    podman("exec", "-d", name, "sh", "-c", "echo done >/tmp/flag")
    eventually(lambda: podman.run("exec", name, "cat", "/tmp/flag").stdout == "done\n")


def test_exec_privileged(podman):
    name = stay(podman, "--cap-drop", "ALL")
    assert podman("exec", name, "grep", "CapEff", "/proc/self/status").split()[1] == "0" * 16
    more = podman("exec", "--privileged", name, "grep", "CapEff", "/proc/self/status").split()[1]
    assert int(more, 16) & 1 << 21  # CAP_SYS_ADMIN


def test_exec_many_at_once(podman):
    name = stay(podman)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda n: podman("exec", name, "echo", str(n)), range(18))) == [str(n) for n in range(18)]


def test_exec_ends_with_the_container(podman):
    name = stay(podman)
    process = podman.start("exec", name, "sleep", "999", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    eventually(lambda: "sleep 999" in podman("top", name, "args"))
    podman("stop", "-t", "0", name)
    process.communicate(timeout=20)
    assert process.returncode == 137


# --- what is in the container --------------------------------------------------------------------------------------------


def test_environment_workdir_user_groups(podman):
    text = sh(podman, "echo $A $PWD $HOME; id", "-e", "A=b c", "-w", "/data", "-u", "app", "--group-add", "extra")
    assert text.splitlines() == ["b c /data /home/app", "uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)"]


def test_entrypoint(podman):
    assert podman("run", "--rm", *NET, "--entrypoint", '["/bin/echo", "-n"]', "bb", "a  b") == "a  b"


def test_workdir_that_is_missing(podman):
    code, text = podman.fails("run", "--rm", *NET, "-w", "/new/deep", "bb", "pwd")
    assert code == 126 and 'workdir "/new/deep" does not exist' in text


def test_hostname(podman):
    assert sh(podman, "hostname; cat /etc/hostname", "--hostname", "box.example") == "box.example\nbox.example"


def test_uts_host(podman):
    assert sh(podman, "hostname", "--uts", "host") == socket.gethostname()


def test_umask(podman):
    assert sh(podman, "umask") == "0022"
    assert sh(podman, "umask", "--umask", "0077") == "0077"


def test_init(podman):
    if not podman.has_init():
        not_possible("catatonit is not installed")
    assert "podman-init" in sh(podman, "cat /proc/1/cmdline | tr '\\0' ' '; exit 3", "--init", code=3)


def test_capabilities(podman):
    status = "grep Cap /proc/self/status"
    assert {line.split()[1] for line in sh(podman, status, "--cap-drop", "ALL").splitlines()} == {"0" * 16}
    text = sh(podman, status, "--cap-drop", "ALL", "--cap-add", "NET_ADMIN")
    rows = dict(line.split() for line in text.splitlines())
    assert rows["CapEff:"] == rows["CapPrm:"] == rows["CapBnd:"] == f"{1 << 12:016x}"
    assert rows["CapInh:"] == "0" * 16 and rows["CapAmb:"] in ("0" * 16, f"{1 << 12:016x}")


def test_capabilities_of_a_user(podman):
    rows = dict(line.split() for line in sh(podman, "grep Cap /proc/self/status", "-u", "app").splitlines())
    assert rows["CapEff:"] == "0" * 16 and rows["CapBnd:"] != "0" * 16


def test_privileged(podman):
    eff = int(sh(podman, "grep CapEff /proc/self/status", "--privileged").split()[1], 16)
    assert eff & 1 << 21
    assert sh(podman, "test -w /sys && mount -t tmpfs t /mnt 2>/dev/null || mkdir /x && mount -t tmpfs t /x && echo yes",
              "--privileged") == "yes"


def test_no_new_privileges(podman):
    assert sh(podman, "grep NoNewPrivs /proc/self/status", "--security-opt", "no-new-privileges").split()[1] == "1"


def test_seccomp_default_and_unconfined(podman):
    assert sh(podman, "grep Seccomp: /proc/self/status").split()[1] == "2"
    assert sh(podman, "grep Seccomp: /proc/self/status", "--security-opt", "seccomp=unconfined").split()[1] == "0"


def test_seccomp_profile(podman):
    profile = podman.home / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}))
    text = sh(podman, "mkdir /tmp/x 2>&1; echo still", "--security-opt", f"seccomp={profile}")
    assert "No space left on device" in text and text.endswith("still")


def test_masked_and_read_only_paths(podman):
    assert sh(podman, "cat /proc/kcore | wc -c; echo 1 2>/dev/null >/proc/sys/kernel/panic || echo ro") == "0\nro"
    assert sh(podman, "grep -c proc/kcore /proc/self/mountinfo", "--security-opt", "unmask=ALL", code=1) == "0"


def test_device(podman):
    node = podman.home / "node"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 11))  # not one of those that every container has
    script = "stat -c %t:%T /dev/mine; (: >/dev/mine) 2>/dev/null && echo writable || echo refused"
    assert sh(podman, script, "--device", f"{node}:/dev/mine:r").split() == ["1:b", "refused"]
    assert sh(podman, script, "--device", f"{node}:/dev/mine:rw").split() == ["1:b", "writable"]
    node.unlink()


def test_device_cgroup_rule(podman):
    make = "mknod /tmp/f c 1 7 && head -c 1 /tmp/f | wc -c"
    assert sh(podman, make, "--device-cgroup-rule", "c 1:7 rwm") == "1"
    assert sh(podman, "mknod /tmp/f b 250 3 2>/dev/null || echo refused") in ("refused", "")


def test_volumes(podman):
    host = podman.home / "volume"
    host.mkdir(exist_ok=True)
    (host / "given").write_text("given\n")
    assert sh(podman, "cat /v/given; echo made >/v/made", "-v", f"{host}:/v") == "given"
    assert (host / "made").read_text() == "made\n"
    assert sh(podman, "echo x 2>/dev/null >/v/other || echo refused", "-v", f"{host}:/v:ro") == "refused"


def test_volume_that_is_shared(podman):
    with podman.place.shared(podman.home / "shared", "a", "b") as shared:
        name = stay(podman, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "-v", f"{shared}:/s:rshared")
        podman.place.call(["mount", "-t", "tmpfs", "later", shared / "a"])
        podman("exec", name, "mount", "-t", "tmpfs", "mine", "/s/b")
        assert podman("exec", name, "grep", "-cE", "^(later|mine) ", "/proc/mounts") == "2"
        assert f"{shared}/b" in podman.place.mounts()
        podman.clear()


def test_volume_of_one_file(podman):
    host = podman.home / "one"
    host.write_text("one\n")
    assert sh(podman, "cat /etc/new/one", "-v", f"{host}:/etc/new/one:ro") == "one"


def test_named_volume_copies_up(podman):
    assert sh(podman, "cat /data/file; echo more >>/data/file", "-v", "named:/data") == "hello"
    assert sh(podman, "cat /data/file", "-v", "named:/data") == "hello\nmore"
    podman("volume", "rm", "named")


def test_volume_overlay(podman):
    host = podman.home / "lower"
    host.mkdir(exist_ok=True)
    (host / "a").write_text("a\n")
    assert sh(podman, "cat /v/a; echo b >/v/a; cat /v/a", "-v", f"{host}:/v:O") == "a\nb"
    assert (host / "a").read_text() == "a\n"


def test_volumes_from(podman):
    name = stay(podman, "-v", "/shared")
    podman("exec", name, "sh", "-c", "echo s >/shared/f")
    assert sh(podman, "cat /shared/f", "--volumes-from", name) == "s"
    podman("rm", "-f", "-v", "-t", "0", name)


def test_tmpfs(podman):
    text = sh(podman, "grep ' /t ' /proc/mounts; stat -c %a /t; cat /data/file", "--tmpfs", "/t:size=1m,noexec,mode=700",
              "--tmpfs", "/data")
    mount, mode, content = text.splitlines()
    assert "size=1024k" in mount and "noexec" in mount and (mode, content) == ("700", "hello")


def test_mount_option(podman):
    host = podman.home / "bound"
    host.mkdir(exist_ok=True)
    text = sh(podman, "grep -E ' /(b|t) ' /proc/mounts | sort -k 2", "--mount", f"type=bind,src={host},dst=/b,ro",
              "--mount", "type=tmpfs,tmpfs-size=2m,dst=/t")
    one, two = text.splitlines()
    assert one.split()[3].startswith("ro") and "size=2048k" in two


def test_read_only(podman):
    assert sh(podman, "echo x 2>/dev/null >/data/x || echo refused; echo y >/tmp/y; cat /tmp/y", "--read-only") == "refused\ny"


def test_shm_size(podman):
    assert "size=3072k" in sh(podman, "grep ' /dev/shm ' /proc/mounts", "--shm-size", "3m")


def test_rootfs_without_an_image(podman):
    root = podman.home / "tree"
    root.mkdir(exist_ok=True)
    subprocess.run(["tar", "-C", root, "-xf", podman.place.rootfs_tar], check=True)
    assert podman("run", "--rm", *NET, "--rootfs", root, "/bin/cat", "/data/file") == "hello"


def test_user_namespace(podman):
    text = sh(podman, "cat /proc/self/uid_map; id -u; stat -c %u /data/file", "--uidmap", "0:100000:5000", "--gidmap", "0:200000:5000")
    assert text.split() == ["0", "100000", "5000", "0", "0"]


def test_user_namespace_auto_exec(podman):
    name = stay(podman, "--uidmap", "0:100000:5000")
    assert podman("exec", name, "cat", "/proc/self/uid_map").split() == ["0", "100000", "5000"]
    assert Path(f"/proc/{podman.pid(name)}").stat().st_uid == 100000


def test_ulimits(podman):
    assert sh(podman, "ulimit -Sn; ulimit -Hn", "--ulimit", "nofile=100:200", "--ulimit", "nproc=3000") == "100\n200"


def test_sysctl(podman):
    text = sh(podman, "cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax", "--sysctl", "net.ipv4.ip_default_ttl=77",
              "--sysctl", "kernel.msgmax=9000")
    assert text == "77\n9000"


def test_oom_score(podman):
    assert sh(podman, "cat /proc/self/oom_score_adj", "--oom-score-adj", "500") == "500"


def test_network_none_and_host(podman):
    assert sh(podman, "ls /sys/class/net") == "lo"
    host = podman("run", "--rm", "--network", "host", "bb", "readlink", "/proc/self/ns/net")
    assert host == os.readlink("/proc/self/ns/net")


def test_namespaces_of_another_container(podman):
    name = stay(podman)
    script = "for n in pid net ipc; do readlink /proc/self/ns/$n; done"
    joined = [word for kind in ("pid", "network", "ipc") for word in (f"--{kind}", f"container:{name}")]
    assert podman("exec", name, "sh", "-c", script) == podman("run", "--rm", *joined, "bb", "sh", "-c", script)


def test_pid_host_and_kill(podman):
    name = podman("run", "-d", "--pid", "host", *NET, "bb", "sh", "-c", "sleep 997 & sleep 996; true")
    pid = podman.pid(name)
    mine = eventually(lambda: [int(p) for p in (cgroup_of(pid, "pids") / "cgroup.procs").read_text().split()] if
                      len((cgroup_of(pid, "pids") / "cgroup.procs").read_text().split()) == 3 else None)
    podman("stop", "-t", "0", name)
    eventually(lambda: not any(alive(p) for p in mine))
    podman("rm", name)


def test_annotations_and_labels(podman):
    name = stay(podman, "--annotation", "org.example.key=value", "--label", "a=b")
    assert json.loads(podman("inspect", name))[0]["Config"]["Annotations"]["org.example.key"] == "value"


def test_timezone_and_secret(podman):
    done = podman.run("secret", "create", "word", "-", input="hush")
    assert done.returncode == 0, done.stderr
    assert sh(podman, "cat /run/secrets/word", "--secret", "word") == "hush"
    podman("secret", "rm", "word")


def test_hooks(podman):
    hooks = podman.home / "hooks"
    hooks.mkdir(exist_ok=True)
    for stage in ("prestart", "createRuntime", "createContainer", "poststart", "poststop"):
        (hooks / f"{stage}.json").write_text(json.dumps({
            "version": "1.0.0", "when": {"annotations": {"^org.example.hook$": "yes"}}, "stages": [stage],
            "hook": {"path": "/bin/sh", "args": ["sh", "-c", f"cat >{hooks}/{stage}.state"]}}))
    podman("--hooks-dir", hooks, "run", "--rm", *NET, "--annotation", "org.example.hook=yes", "bb", "true")
    for stage, status in (("prestart", "creat"), ("createRuntime", "creat"), ("poststart", ""), ("poststop", "stopped")):
        state = eventually(lambda: (hooks / f"{stage}.state").exists() and (hooks / f"{stage}.state").read_text())
        assert json.loads(state)["status"].startswith(status), stage


def test_systemd_mode(podman):
    text = sh(podman, "grep -cE ' (/run|/run/lock|/tmp|/var/log/journal) tmpfs' /proc/mounts; cat /proc/1/environ | tr '\\0' '\\n'",
              "--systemd", "always")
    assert text.splitlines()[0] == "4" and "container=podman" in text


# --- cgroups -----------------------------------------------------------------------------------------------------------


def test_memory_limit(podman):
    name = stay(podman, "-m", "64m", "--memory-swap", "64m", "--memory-reservation", "32m")
    assert limit(podman, name, "memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert limit(podman, name, "memory", "memory.soft_limit_in_bytes", "memory.low") == str(32 << 20)


def test_cpu_limits(podman):
    name = stay(podman, "--cpus", "0.5", "--cpu-shares", "512")
    assert limit(podman, name, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    assert limit(podman, name, "cpu", "cpu.shares", "cpu.weight") in ("512", "20", "59")  # v2: old and new conversion


def test_cpuset(podman):
    name = stay(podman, "--cpuset-cpus", "0")
    assert limit(podman, name, "cpuset", "cpuset.cpus", "cpuset.cpus") == "0"
    assert podman("exec", name, "grep", "Cpus_allowed_list", "/proc/self/status").split()[1] == "0"


def test_pids_limit(podman):
    name = stay(podman, "--pids-limit", "33")
    assert limit(podman, name, "pids", "pids.max", "pids.max") == "33"


def test_update(podman):
    name = stay(podman, "-m", "64m", "--cpus", "0.5")
    podman("update", "-m", "32m", "--cpus", "0.25", name)
    assert limit(podman, name, "memory", "memory.limit_in_bytes", "memory.max") == str(32 << 20)
    assert limit(podman, name, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "25000"


def test_out_of_memory(podman):
    name = podman("run", "-d", "-m", "16m", "--memory-swap", "16m", *NET, "bb", "tail", "/dev/zero")
    assert podman("wait", name) == "137"
    # conmon has seen it by the container's cgroup.  .State.OOMKilled stays false under every runtime: podman 4.3 looks for
    # this file in the bundle, conmon 2.1.6 makes it where podman was called.
    flag = podman.place.work / "oom"
    eventually(flag.exists)
    flag.unlink()


def test_stats(podman):
    name = stay(podman, "-m", "64m")
    row = json.loads(podman("stats", "--no-stream", "--format", "json", name))[0]
    assert row["pids"] == "1" and "67.11MB" in row["mem_usage"]


def test_top(podman):
    name = stay(podman)
    assert podman("top", name, "pid", "user", "args").splitlines()[1].split() == ["1", "root", "sleep", "1000"]


def test_cgroup_parent(podman):
    name = stay(podman, "--cgroup-parent", "/ocirt-engines-parent")
    directory = cgroup_of(podman.pid(name), "pids")
    assert "/ocirt-engines-parent/" in str(directory)


def test_cgroup_namespace(podman):
    assert sh(podman, "grep -c libpod /proc/self/cgroup", "--cgroupns", "host") != "0"
    assert sh(podman, "grep -c libpod /proc/self/cgroup", "--cgroupns", "private", code=1) == "0"


def test_without_cgroups(podman):
    done = podman.run("run", "-d", "--cgroups", "disabled", *NET, "bb", "sleep", "1000")
    if "NoCgroups" in done.stderr:
        not_possible("podman refuses --cgroups=disabled for runc")
    assert done.returncode == 0, done.stderr
    name = done.stdout.strip()
    assert Path(f"/proc/{podman.pid(name)}/cgroup").read_text() == Path("/proc/self/cgroup").read_text()
    podman("exec", name, "true")
    podman("stop", "-t", "0", name)


# --- pods, health, many ----------------------------------------------------------------------------------------------------


def pod(podman, *options):
    return podman("pod", "create", "--infra-image", "bb", "--infra-command", "/bin/sleep 1000", *NET, *options)


def test_pod(podman):
    name = pod(podman, "--name", "pod", "--hostname", "podhost")
    one = podman("run", "-d", "--pod", name, "bb", "sleep", "1000")
    spaces = "for n in net ipc uts; do readlink /proc/self/ns/$n; done; hostname"
    mine = podman("exec", one, "sh", "-c", spaces)
    assert mine == podman("run", "--rm", "--pod", name, "bb", "sh", "-c", spaces)
    assert mine.endswith("podhost")
    podman("pod", "stop", "-t", "0", name)
    assert podman.inspect(one, ".State.Status") == "exited"
    podman("pod", "rm", name)
    assert podman.containers() == []


def test_pod_pause_restart_kill(podman):
    name = pod(podman)
    one = podman("run", "-d", "--pod", name, "bb", "sleep", "1000")
    podman("pod", "pause", name)
    assert podman.inspect(one, ".State.Status") == "paused"
    podman("pod", "unpause", name)
    first = podman.pid(one)
    podman("pod", "kill", name)
    eventually(lambda: not alive(first))
    podman("pod", "start", name)
    assert podman.pid(one) != first
    podman("pod", "rm", "-f", "-t", "0", name)


def test_pod_shares_the_pid_namespace(podman):
    name = pod(podman, "--share", "pid,net")
    podman("run", "-d", "--pod", name, "bb", "sleep", "998")
    assert "sleep 998" in podman("run", "--rm", "--pod", name, "bb", "ps")
    podman("pod", "rm", "-f", "-t", "0", name)


def test_health_check(podman):
    name = stay(podman, "--health-cmd", "test -e /tmp/well", "--health-interval", "disable")
    assert podman.run("healthcheck", "run", name).returncode == 1
    podman("exec", name, "touch", "/tmp/well")
    podman("healthcheck", "run", name)


def test_notify_socket(podman):
    path = podman.home / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        server.settimeout(20)
        name = podman("run", "-d", "--sdnotify", "conmon", *NET, "bb", "sleep", "1000", more_env={"NOTIFY_SOCKET": str(path)})
        text = server.recv(4096).decode()
        while "READY=1" not in text:
            text += server.recv(4096).decode()
    path.unlink()
    assert f"MAINPID={podman.inspect(name, '.State.ConmonPid')}" in text


@pytest.mark.patience(300)
def test_a_hundred_at_once(podman):
    number = 100 if podman.place.name == "ocirt" else 20
    running = [podman.start("run", "-d", *NET, "bb", "sleep", "1000", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
               for _ in range(number)]
    names = [process.communicate(timeout=240)[0].decode().strip() for process in running]
    assert len(set(names)) == number and all(process.returncode == 0 for process in running)
    pids = [int(word) for word in podman("inspect", "--format", "{{.State.Pid}}", *names).split()]
    assert all(alive(pid) for pid in pids)
    podman("stop", "-t", "0", "-a")
    assert not any(alive(pid) for pid in pids)
    podman("rm", "-a")
    assert podman.containers() == []
    assert podman.place.leaks(names) == []


def test_zz_nothing_is_left(podman):
    podman.clear()
    assert podman.place.leaks(podman.ids()) == []
