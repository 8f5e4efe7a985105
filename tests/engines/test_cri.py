"""containerd's CRI, as a kubelet of Kubernetes uses it: sandboxes, containers, exec, limits, CNI."""

import pytest

from engine_cri import CREATED, EXITED, POD, RUNNING, Cri, Refused
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
    name = cri.container(pod, "/bin/sh", "-c", 'trap "exit 5" TERM; while :; do sleep 0.05; done')
    cri.call("StopContainer", {1: name, 2: 10})
    assert cri.status(name)[:2] == (EXITED, 5)


def test_stop_of_the_deaf(cri):
    pod = cri.pod()
    name = cri.container(pod, "/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done")
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
    name = cri.container(cri.pod(), "/bin/tail", "/dev/zero", resources={4: 16 << 20})
    eventually(lambda: cri.status(name)[0] == EXITED)
    assert cri.status(name)[1:] == (137, "OOMKilled")


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


def test_zz_nothing_is_left(cri):
    cri.clear()
    assert cri.place.leaks(cri.seen, allowed=("dockerd", "containerd ")) == []
