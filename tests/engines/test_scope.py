"""Podman where systemd is process 1 (stage vm): as root and as a user, to whom systemd delegates a part of the tree.

An emulated machine is slow, so one container serves many cases, in the order of this file."""

import json
import os
import signal
from pathlib import Path

import pytest

from engine_podman import NET, Podman, sh
from engine_systemd import TOP, WHO, make
from place import alive, engine, eventually

LIMITS = ("-m", "64m", "--memory-swap", "96m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "512",
          "--pids-limit", "33", "--health-cmd", "test -e /tmp/well", "--health-interval", "disable")
MORE = () if WHO == "user-cgroupfs" else ("--cgroup-parent", "ocirt-test.slice")
ROOTS = ("--cpuset-cpus", "0", "--device-read-bps", "/dev/vda:1mb", "--uidmap", "0:100000:5000")
ENDS = ("sh", "-c", "trap 'exit 0' TERM; tail -f /dev/null & while :; do wait; done")
MIB = 1 << 20


def only(*who):
    def mark(case):
        case.who = who
        return case
    return mark


def asked(_, case):
    return WHO in getattr(globals()[case], "who", [WHO])


root_alone = only("root")
with_units = once = only("root", "user")  # once: what the cgroup manager has no part in


@pytest.fixture(scope="session")
def podman(place):
    with engine("podman", lambda: make(place)) as it:
        yield it


@pytest.fixture(scope="session")
def one(podman):
    """The id of the container `one`, with limits, a device that may only be read, and an end by SIGTERM."""
    device = ("--device", "/dev/vda:/dev/mine:r") if WHO == "root" else ()
    return podman.stay("one", *LIMITS, *device, command=ENDS)


@pytest.fixture(scope="session")
def two(podman):
    """The id of the container `two`, which is elsewhere."""
    return podman.stay("two", *MORE, *(ROOTS if WHO == "root" else ()))


def unit(name):
    return f"libpod-{name}.scope"


# --- one container with limits -------------------------------------------------------------------------------------------


def test_run_output_and_exit_status(podman):
    assert sh(podman, "cat /proc/self/cgroup; exit 7", code=7) == "0::/"


@with_units
def test_its_scope(podman, one):
    # crun makes a cgroup of its own below the scope
    assert podman.cgroup("one").removesuffix("/container") == podman.path(one)
    about = podman.show(unit(one), "Slice", "ControlGroup", "Delegate", "ActiveState", "SubState")
    assert about == {"Slice": podman.slice.rpartition("/")[2], "ControlGroup": podman.path(one), "Delegate": "yes",
                     "ActiveState": "active", "SubState": "running"}


def test_memory_limits(podman, one):
    assert podman.cgroup("one").startswith(podman.path("one" if podman.manager == "cgroupfs" else one))
    assert [podman.limit("one", file) for file in ("memory.max", "memory.swap.max", "memory.low")] == \
        [str(64 * MIB), str(32 * MIB), str(32 * MIB)]


def test_pids_limit(podman, one):
    assert podman.limit("one", "pids.max") == "33"


def test_cpu_limits(podman, one):
    assert podman.limit("one", "cpu.max") == "50000 100000"
    assert podman.limit("one", "cpu.weight") in ("20", "59")  # old and new conversion


@with_units
def test_limits_as_properties(podman, one):
    about = podman.show(unit(one), "MemoryMax", "MemoryLow", "MemorySwapMax", "TasksMax", "CPUQuotaPerSecUSec", "CPUWeight")
    assert about.pop("CPUWeight") in ("20", "59")
    assert about == {"MemoryMax": str(64 * MIB), "MemoryLow": str(32 * MIB), "MemorySwapMax": str(32 * MIB), "TasksMax": "33",
                     "CPUQuotaPerSecUSec": "500ms"}



def test_exec(podman, one):
    assert podman("exec", "one", "sh", "-c", "cat /proc/self/cgroup; exit 9", code=9) in ("0::/", "0::/container")




def test_exec_is_in_its_cgroup_and_its_limit(podman, one):
    podman("exec", "one", "sh", "-c", "for i in $(seq 40); do sleep 5 & done 2>/dev/null", code=2)
    assert podman.limit("one", "pids.events") != "max 0"
    eventually(lambda: int(podman.limit("one", "pids.current")) < 5, 30)


@once
def test_stats(podman, one):
    row = json.loads(podman("stats", "--no-stream", "--format", "json", "one"))[0]
    assert int(row["pids"]) > 0 and "67.11MB" in row["mem_usage"]


@once
def test_top(podman, one):
    assert podman("top", "one", "pid", "user", "args").splitlines()[1].split()[:4] == ["1", "root", "sh", "-c"]



@once
def test_health_check(podman, one):
    assert podman.run("healthcheck", "run", "one").returncode == 1


def test_pause_and_unpause(podman, one):
    held = TOP / podman.cgroup("one").lstrip("/")
    podman("pause", "one")
    assert "frozen 1" in (held / "cgroup.events").read_text()
    assert podman.inspect("one", ".State.Status") == "paused"
    podman("unpause", "one")
    assert "frozen 0" in (held / "cgroup.events").read_text()


def test_update(podman, one):
    podman("update", "-m", "48m", "--cpus", "0.25", "one")
    assert [podman.limit("one", file) for file in ("memory.max", "cpu.max", "pids.max")] == [str(48 * MIB), "25000 100000", "33"]



@with_units
def test_limits_after_a_reload(podman, one):
    """The manager writes then what it knows of its units into their cgroups."""
    assert podman.show(unit(one), "MemoryMax", "CPUQuotaPerSecUSec") == {"MemoryMax": str(48 * MIB), "CPUQuotaPerSecUSec": "250ms"}
    assert podman.systemctl("daemon-reload").returncode == 0
    assert podman.systemctl("set-property", "--runtime", unit(one), "TasksMax=34").returncode == 0
    assert [podman.limit("one", file) for file in ("memory.max", "cpu.max", "pids.max")] == [str(48 * MIB), "25000 100000", "34"]


@root_alone
def test_devices_after_a_reload(podman, one):
    """So it would with its own idea of the rules."""
    check = "(: </dev/mine) && (: >/dev/null) && echo yes; (: >/dev/mine) 2>/dev/null || echo refused"
    assert podman("exec", "one", "sh", "-c", check) == "yes\nrefused"


@once
def test_killed_from_outside(podman, one):
    os.kill(podman.pid_of("one"), signal.SIGKILL)
    eventually(lambda: podman.inspect("one", ".State.Status") == "exited", 20)
    assert podman.inspect("one", ".State.ExitCode") == "137"
    podman.gone(unit(one))


def test_restart(podman, one):
    first = podman.pid_of("one")
    podman("restart", "-t", "0", "one")
    assert podman.pid_of("one") != first and not alive(first)
    assert podman.limit("one", "pids.max") == "33"



@root_alone
def test_kill_and_wait(podman, one):
    podman("kill", "-s", "KILL", "one")
    assert podman("wait", "one") == "137"


@once
def test_stop_by_systemd(podman, one):
    podman("start", "one")
    podman.systemctl("stop", unit(one))
    eventually(lambda: podman.inspect("one", ".State.Status") == "exited", 20)
    assert podman.inspect("one", ".State.ExitCode") in ("0", "137", "143")


def test_rm_leaves_nothing(podman, one):
    podman("rm", "-f", "-t", "0", "one")
    podman.gone(one)


# --- other containers ----------------------------------------------------------------------------------------------------



@with_units
def test_cgroup_parent(podman, two):
    top = "" if WHO == "root" else podman.own
    assert podman.cgroup("two").removesuffix("/container") == podman.path(two, f"{top}/ocirt.slice/ocirt-test.slice")


@root_alone
def test_cpuset_and_io(podman, two):
    disk = os.stat("/dev/vda").st_rdev
    assert podman.limit("two", "cpuset.cpus.effective") == "0"
    assert podman.limit("two", "io.max") == f"{os.major(disk)}:{os.minor(disk)} rbps={MIB} wbps=max riops=max wiops=max"


@root_alone
def test_user_namespace(podman, two):
    assert Path(f"/proc/{podman.pid_of('two')}/uid_map").read_text().split() == ["0", "100000", "5000"]


def test_stop(podman, two):
    pid = podman.pid_of("two")
    podman("stop", "-t", "0", "two")
    assert not alive(pid)
    podman("rm", "two")
    podman.gone(two)


@once
def test_out_of_memory(podman):
    """Not .State.OOMKilled: conmon does not notice it here, under either runtime."""
    sh(podman, "tail /dev/zero", "-m", "16m", "--memory-swap", "16m", code=137)


@root_alone
def test_init_then_remove(podman):
    name = podman("create", *NET, "bb", "sleep", "1000")
    podman("init", name)
    assert podman.inspect(name, ".State.Status") == "initialized"
    podman("rm", "-f", "-t", "0", name)
    podman.gone(name)



@once
def test_missing_program_is_127(podman):
    code, text = podman.fails("run", "--rm", "--name", "none", *NET, "bb", "/no/such")
    assert code == 127 and "attempted to invoke a command that was not found" in text
    assert podman.left("libpod-none") == []



@root_alone
def test_systemd_mode(podman):
    """A systemd inside may make cgroups."""
    text = sh(podman, "grep -cE ' (/run|/run/lock|/tmp) tmpfs' /proc/mounts; mkdir /sys/fs/cgroup/init && cat /proc/self/cgroup && "
              "echo 0 >/sys/fs/cgroup/init/cgroup.procs && cat /proc/self/cgroup", "--systemd", "always")
    assert text.replace("/container", "/").replace("//", "/").splitlines() == ["3", "0::/", "0::/init"]




@root_alone
def test_without_cgroups(podman):
    podman.stay("bare", "--cgroups", "disabled")
    assert "libpod-" not in podman.cgroup("bare").replace("libpod-conmon", "")
    podman("rm", "-f", "-t", "0", "bare")


@root_alone
def test_split_cgroups_in_a_service(podman):
    """As units that podman generate systemd writes."""
    argv = lambda *words: Podman.argv(podman, *words)[len(podman.prefix):]  # noqa: E731
    words = [*podman.prefix, "systemd-run", *(["--user"] if podman.prefix else []), "--scope", "--quiet", "--property=Delegate=yes",
             "--unit=split", *argv("run", "-d", "--cgroups", "split", *NET, "--name", "split", "--pidfile",
             podman.home / "split.pid", "-m", "64m", "bb", "sleep", "1000")]
    podman.place.call(words, env=podman.environment)
    assert "/split.scope/libpod-payload-" in podman.cgroup("split")
    assert podman.limit("split", "memory.max") == str(64 * MIB)
    podman("rm", "-f", "-t", "0", "split")





@only("user-cgroupfs")
def test_limits_without_a_parent(podman):
    """Then the config says no cgroup, and Podman's own limit of processes is one."""
    podman("run", "-d", *NET, "--pidfile", podman.home / "alone.pid", "--name", "alone", "-m", "64m", "bb", "sleep", "1000")
    assert podman.limit("alone", "memory.max") == str(64 * MIB)
    podman("rm", "-f", "-t", "0", "alone")


@only("user")
def test_maps_of_ids(podman):
    rows = [line.split() for line in sh(podman, "cat /proc/self/uid_map").splitlines()]
    assert rows == [["0", str(podman.UID), "1"], ["1", "300000", "65536"]]


# --- pods ----------------------------------------------------------------------------------------------------------------


@with_units
def test_pod(podman):
    name = podman("pod", "create", "--infra-image", "bb", "--infra-command", "/bin/sleep 1000", *NET, "--name", "pod", "-m", "96m")
    member = podman.stay("member", "--pod", "pod", "-m", "64m")
    parent = podman.pods.format(name)
    assert podman.cgroup("member").removesuffix("/container") == podman.path(member, parent)
    assert (TOP / parent.lstrip("/") / "memory.max").read_text().strip() == str(96 * MIB)
    assert podman.limit("member", "memory.max") == str(64 * MIB)
    podman("pod", "rm", "-f", "-t", "0", "pod")
    podman.gone(member, name)


def test_zz_nothing_is_left(podman):
    assert podman.left(*podman.ids(), *podman.ids("pod")) == []
