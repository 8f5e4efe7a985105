"""containerd's CRI, as a kubelet of Kubernetes uses it: sandboxes, containers, exec, limits, CNI."""

import json

import pytest

from engine_cri import CONTAINER, CREATED, EXITED, NODE, POD, RUNNING, Cri, Refused, Stream, decode
from place import cgroup_of, engine, eventually

LOOP = ("/bin/sleep", "1000")


@pytest.fixture(scope="session")
def cri_session(place):
    with engine("cri", lambda: Cri(place)) as it:
        yield it


@pytest.fixture
def cri(cri_session):
    yield cri_session
    cri_session.clear()


def pid_of(cri, name):
    for line in cri.place.call([*cri.ctr, "task", "ls"]).splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise AssertionError(f"no task {name}")


def test_sandbox(cri):
    pod = cri.pod()
    assert len(pod) == 64
    cri.call("StopPodSandbox", {1: pod})
    cri.call("StopPodSandbox", {1: pod})


def test_container_runs_and_ends(cri):
    pod = cri.pod()
    name = cri.container(pod, "/bin/sh", "-c", "echo $A; exit 3", environment={"A": "b c"})
    eventually(lambda: cri.status(name)[0] == EXITED)
    assert cri.status(name)[1] == 3
    assert cri.log(pod, name) == ["b c"]


def test_created_until_it_is_started(cri):
    pod = cri.pod()
    name = cri.container(pod, *LOOP, start=False)
    assert cri.status(name)[0] == CREATED
    cri.call("StartContainer", {1: name})
    assert cri.status(name)[0] == RUNNING


def test_missing_program(cri):
    pod = cri.pod()
    with pytest.raises(Refused) as caught:
        cri.container(pod, "/no/such")
    assert 'exec: "/no/such": stat /no/such: no such file or directory' in str(caught.value)


def test_stop_in_time(cri):
    pod = cri.pod()
    name = cri.container(pod, "/bin/sh", "-c", 'trap "exit 5" TERM; echo up; while :; do sleep 0.05; done')
    eventually(lambda: cri.log(pod, name))
    cri.call("StopContainer", {1: name, 2: 10})
    assert cri.status(name)[:2] == (EXITED, 5)


def test_stop_of_the_deaf(cri):
    pod = cri.pod()
    name = cri.container(pod, "/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done")
    eventually(lambda: cri.log(pod, name))
    cri.call("StopContainer", {1: name, 2: 1})
    assert cri.status(name)[:2] == (EXITED, 137)


def test_exec(cri):
    name = cri.container(cri.pod(), *LOOP)
    assert cri.execute(name, "/bin/sh", "-c", "echo out; echo err >&2; exit 4") == (4, "out\n", "err\n")


def test_exec_of_a_missing_program(cri):
    name = cri.container(cri.pod(), *LOOP)
    with pytest.raises(Refused) as caught:
        cri.execute(name, "/no/such")
    assert "no such file or directory" in str(caught.value)


def test_limits_and_update(cri):
    name = cri.container(cri.pod(), *LOOP, resources={2: 50000, 4: 64 << 20})
    memory = cgroup_of(pid_of(cri, name), "memory")
    limit = next(p for p in (memory / "memory.limit_in_bytes", memory / "memory.max") if p.exists())
    assert "/ocri/" in str(memory) and limit.read_text().strip() == str(64 << 20)
    cri.call("UpdateContainerResources", {1: name, 2: {4: 48 << 20}})
    assert limit.read_text().strip() == str(48 << 20)
    assert cri.execute(name, "/bin/sh", "-c", "echo > /dev/null")[0] == 0


def test_out_of_memory(cri):
    # On cgroup v1 the shim listens only once the start has come back: what is killed before that has no reason
    name = cri.container(cri.pod(), "/bin/sh", "-c", "sleep 2; exec tail /dev/zero", resources={4: 16 << 20})
    eventually(lambda: cri.status(name)[0] == EXITED)
    # containerd hears of the end and of its reason from two watchers, in either order
    eventually(lambda: cri.status(name)[1:] == (137, "OOMKilled"))


def test_read_only_and_user(cri):
    name = cri.container(cri.pod(), *LOOP, security={7: 1, 5: {1: 1000}})
    assert cri.execute(name, "/bin/sh", "-c", "id -u; touch /x")[:2] == (1, "1000\n")


def test_mounts(cri):
    (cri.home / "volume").mkdir(exist_ok=True)
    (cri.home / "volume/f").write_text("host\n")
    name = cri.container(cri.pod(), *LOOP, mounts=[("/v", cri.home / "volume", True)])
    assert cri.execute(name, "/bin/sh", "-c", "cat /v/f; touch /v/x")[:2] == (1, "host\n")


def test_network_by_cni(cri):
    pod = cri.pod(network=POD)
    first = cri.container(pod, *LOOP)
    second = cri.container(pod, *LOOP)
    address = cri.execute(first, "/bin/sh", "-c", "ip -4 addr show eth0 | grep -o 'inet [0-9.]*'")[1]
    assert address.startswith("inet 10.99.0.")
    assert cri.execute(second, "/bin/sh", "-c", "ip -4 addr show eth0 | grep -o 'inet [0-9.]*'")[1] == address
    assert cri.execute(first, "/bin/hostname")[1].startswith("host")
    assert cri.execute(first, "/bin/ping", "-c", "1", "-w", "5", "10.99.0.1")[0] == 0


def test_pids_of_the_pod(cri):
    pod = cri.pod(pid=POD)
    first = cri.container(pod, *LOOP)
    cri.container(pod, "/bin/sleep", "2000")
    assert "sleep 2000" in cri.execute(first, "/bin/ps")[1]
    cri.call("StopContainer", {1: first, 2: 0})
    assert cri.status(first)[0] == EXITED


def test_pids_of_the_host(cri):
    name = cri.container(cri.pod(pid=NODE), "/bin/sh", "-c", "sleep 1000 & sleep 1000")
    assert "containerd" in cri.execute(name, "/bin/ps")[1]
    cri.call("StopContainer", {1: name, 2: 0})
    assert cri.status(name)[0] == EXITED


# --- what a kubelet asks besides ---------------------------------------------------------------------------------------------


def test_version_and_status(cri):
    assert cri.text(cri.call("Version", {1: "v1"}), 2) == "containerd"
    conditions = [decode(one) for one in decode(cri.call("Status", {})[1][0])[1]]
    assert {one[1][0].decode(): one.get(2, [0])[0] for one in conditions} == {"RuntimeReady": 1, "NetworkReady": 1}


def test_lists(cri):
    pod = cri.pod(network=POD)
    name = cri.container(pod, *LOOP)
    assert pod in [cri.text(decode(one), 1) for one in cri.call("ListPodSandbox", {})[1]]
    assert name in [cri.text(decode(one), 1) for one in cri.call("ListContainers", {1: {3: pod}})[1]]
    status = decode(cri.call("PodSandboxStatus", {1: pod})[1][0])
    assert status.get(3, [0]) == [0] and cri.text(decode(status[5][0]), 1).startswith("10.99.0.")


def test_stats(cri):
    name = cri.container(cri.pod(), "/bin/sh", "-c", "x=$(head -c 3000000 /dev/zero | tr '\\0' x); while :; do :; done")
    stats = lambda: decode(cri.call("ContainerStats", {1: name})[1][0])  # noqa: E731
    number = lambda message, field: decode(decode(message[0])[field][0]).get(1, [0])[0]  # noqa: E731
    eventually(lambda: number(stats()[2], 2) > 10_000_000 and number(stats()[3], 2) > 1_000_000)


def test_a_container_that_is_started_again(cri):
    """After an exit a kubelet makes another container in the same pod, and removes the old one later."""
    pod = cri.pod(network=POD)
    first = cri.container(pod, "/bin/sh", "-c", "exit 1")
    eventually(lambda: cri.status(first)[0] == EXITED)
    second = cri.container(pod, *LOOP)
    cri.call("RemoveContainer", {1: first})
    assert cri.status(second)[0] == RUNNING
    cri.call("RemoveContainer", {1: second})  # it is killed
    with pytest.raises(Refused, match="not found"):
        cri.status(second)


def test_log_that_is_turned(cri):
    pod = cri.pod()
    name = cri.container(pod, "/bin/sh", "-c", "while :; do echo tick; sleep 0.05; done")
    eventually(lambda: cri.log(pod, name))
    path = cri.home / "logs" / f"c{cri.number}.log"
    path.rename(path.with_suffix(".old"))
    cri.call("ReopenContainerLog", {1: name})
    eventually(lambda: "tick" in cri.log(pod, name))


def test_exec_that_takes_too_long(cri):
    name = cri.container(cri.pod(), *LOOP)
    with pytest.raises(Refused, match="timeout 1s exceeded"):
        cri.execute(name, "/bin/sleep", "77", seconds=1)
    eventually(lambda: "sleep 77" not in cri.execute(name, "/bin/ps")[1])


def test_command_arguments_and_directory(cri):
    pod = cri.pod()
    name = cri.container(pod, "/bin/sh", "-c", more={4: ["pwd; echo $0 $1", "a b", "c"], 5: "/data"})
    eventually(lambda: cri.status(name)[0] == EXITED)
    assert cri.log(pod, name) == ["/data", "a b c"]


# `kubectl exec`, `kubectl attach`


def test_exec_by_streams(cri):
    name = cri.container(cri.pod(), *LOOP)
    stream = cri.stream("Exec", {1: name, 2: ["/bin/sh", "-c", "read a; echo out $a; echo err >&2; exit 3"], 4: 1, 5: 1, 6: 1})
    stream.send(Stream.STDIN, b"typed\n")
    found = stream.all()
    stream.close()
    assert (found[Stream.STDOUT], found[Stream.STDERR]) == (b"out typed\n", b"err\n")
    assert json.loads(found[Stream.ERROR])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


def test_exec_with_a_terminal(cri):
    name = cri.container(cri.pod(), *LOOP)
    wait = "until [ \"$(stty size 2>/dev/null)\" = '33 101' ]; do sleep 0.05; done; tty; read a; exit 4"
    stream = cri.stream("Exec", {1: name, 2: ["/bin/sh", "-c", wait], 3: 1, 4: 1, 5: 1})
    stream.send(Stream.RESIZE, b'{"Width":101,"Height":33}')
    assert stream.all(until=b"\n")[Stream.STDOUT] == b"/dev/pts/0\r\n"
    stream.send(Stream.STDIN, b"\n")
    assert json.loads(stream.all()[Stream.ERROR])["details"]["causes"] == [{"reason": "ExitCode", "message": "4"}]
    stream.close()


def test_attach_to_a_terminal(cri):
    name = cri.container(cri.pod(), "/bin/sh", more={12: 1, 14: 1})
    stream = cri.stream("Attach", {1: name, 2: 1, 3: 1, 4: 1})
    stream.send(Stream.STDIN, b"echo $((40+2)); tty; exit 5\n")
    assert b"42\r\n/dev/pts/0\r\n" in stream.all()[Stream.STDOUT]
    stream.close()
    eventually(lambda: cri.status(name)[:2] == (EXITED, 5))


# What a pod's securityContext says


def lines_of(cri, name, path, *names):
    """The values of lines `name: value` of a file in the container."""
    rows = dict(line.split(":", 1) for line in cri.execute(name, "/bin/cat", path)[1].splitlines() if ":" in line)
    return [rows[one].strip() for one in names]


DEFAULT, UNCONFINED, LOCALHOST = 0, 1, 2


def test_seccomp_of_the_runtime(cri):
    name = cri.container(cri.pod(security={9: {1: DEFAULT}}), *LOOP, security={15: {1: DEFAULT}})
    assert lines_of(cri, name, "/proc/self/status", "Seccomp", "NoNewPrivs") == ["2", "0"]
    assert cri.execute(name, "/bin/unshare", "-U", "/bin/true")[0] == 1  # EPERM of the profile: a user may, without one


def test_seccomp_of_a_file(cri):
    profile = cri.home / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}))
    name = cri.container(cri.pod(), *LOOP, security={15: {1: LOCALHOST, 2: str(profile)}, 5: {1: 1000}})
    assert lines_of(cri, name, "/proc/self/status", "Seccomp") == ["2"]
    assert cri.execute(name, "/bin/mkdir", "/tmp/x")[2] == "mkdir: can't create directory '/tmp/x': No space left on device\n"


def test_seccomp_unconfined(cri):
    name = cri.container(cri.pod(security={9: {1: UNCONFINED}}), *LOOP, security={15: {1: UNCONFINED}})
    assert lines_of(cri, name, "/proc/self/status", "Seccomp") == ["0"]
    assert cri.execute(name, "/bin/unshare", "-U", "/bin/true")[0] == 0


def test_capabilities(cri):
    pod = cri.pod()
    name = cri.container(pod, *LOOP, security={1: {1: ["NET_ADMIN"], 2: ["ALL"]}})
    assert lines_of(cri, name, "/proc/1/status", "CapEff", "CapBnd", "CapInh") == [f"{1 << 12:016x}"] * 2 + ["0" * 16]
    name = cri.container(pod, *LOOP, security={1: {2: ["CHOWN"]}})
    value = int(lines_of(cri, name, "/proc/1/status", "CapEff")[0], 16)
    assert not value & 1 and value & 2


def test_users_and_groups(cri):
    name = cri.container(cri.pod(security={3: {1: 1000}, 5: [3000]}), *LOOP, security={5: {1: 1000}, 12: {1: 2000}, 8: [3000, 3001]})
    assert cri.execute(name, "/bin/sh", "-c", "id -u; id -g; id -G")[1].split() == ["1000", "2000", "2000", "3000", "3001"]


def test_no_new_privileges(cri):
    name = cri.container(cri.pod(), *LOOP, security={11: 1})
    assert lines_of(cri, name, "/proc/1/status", "NoNewPrivs") == ["1"]


def test_masked_and_read_only_paths(cri):
    name = cri.container(cri.pod(), *LOOP, security={13: ["/data/file", "/home"], 14: ["/tmp"]})
    script = "cat /data/file | wc -c; ls /home | wc -l; touch /tmp/x || touch /data/x && echo there"
    code, out, err = cri.execute(name, "/bin/sh", "-c", script)
    assert (code, out.split(), err) == (0, ["0", "0", "there"], "touch: /tmp/x: Read-only file system\n")


def test_privileged(cri):
    name = cri.container(cri.pod(security={6: 1}), *LOOP, security={2: 1})
    assert cri.execute(name, "/bin/sh", "-c", "mount -t tmpfs none /tmp && echo mounted; head -c 1 /dev/full | wc -c")[1].split() \
        == ["mounted", "1"]


def test_sysctls(cri):
    pod = cri.pod(network=POD, sysctls={"net.ipv4.ip_default_ttl": "77", "kernel.msgmax": "9000"})
    name = cri.container(pod, *LOOP)
    assert cri.execute(name, "/bin/cat", "/proc/sys/net/ipv4/ip_default_ttl", "/proc/sys/kernel/msgmax")[1].split() == ["77", "9000"]


# Volumes, devices, limits


def test_mounts_of_the_host_that_come_later(cri):
    """mountPropagation: HostToContainer, and Bidirectional for what the container mounts."""
    with cri.place.shared(cri.home / "shared", "a", "b") as shared:
        pod = cri.pod(security={6: 1})
        name = cri.container(pod, *LOOP, mounts=[("/s", shared, False, 1)])
        both = cri.container(pod, *LOOP, mounts=[("/s", shared, False, 2)], security={2: 1})
        cri.place.call(["mount", "-t", "tmpfs", "later", shared / "a"])
        assert cri.execute(both, "/bin/mount", "-t", "tmpfs", "mine", "/s/b") == (0, "", "")
        for one in (name, both):
            assert cri.execute(one, "/bin/sh", "-c", "awk '{print $1}' /proc/mounts | grep -xE 'later|mine' | sort")[1].split() \
                == ["later", "mine"]
        assert f"{shared}/b" in cri.place.mounts()
        cri.clear()


def test_devices(cri):
    name = cri.container(cri.pod(), *LOOP, more={8: [{1: "/dev/nought", 2: "/dev/zero", 3: "r"}]})
    assert cri.execute(name, "/bin/sh", "-c", "head -c 3 /dev/nought | wc -c")[1] == "3\n"


def test_more_limits(cri):
    name = cri.container(cri.pod(), *LOOP, resources={2: 50000, 5: 400, 6: "0"})
    pid = pid_of(cri, name)
    assert (cgroup_of(pid, "cpuset") / "cpuset.cpus").read_text() == "0\n"
    assert cri.execute(name, "/bin/cat", "/proc/1/oom_score_adj")[1] == "400\n"
    cpu = cgroup_of(pid, "cpu")
    quota = next(path for path in (cpu / "cpu.cfs_quota_us", cpu / "cpu.max") if path.exists())
    assert quota.read_text().split()[0] == "50000"


def test_two_pods_reach_each_other(cri):
    one, two = (cri.container(cri.pod(network=POD), *LOOP) for _ in range(2))
    address = cri.execute(one, "/bin/sh", "-c", "ip -4 addr show eth0 | grep -o '10[0-9.]*' | head -1")[1].strip()
    cri.place.call(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])
    assert cri.execute(two, "/bin/ping", "-c", "1", "-w", "5", address)[0] == 0


def test_zz_nothing_is_left(cri):
    cri.clear()
    assert cri.place.leaks(cri.seen, allowed=("dockerd", "containerd ")) == []
