"""events: engines.md 2.10, 3.4, OP-14."""

import json
import os
import re
import select
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import Container, layout
from harness.container import until

pytestmark = pytest.mark.skipif(not layout.mounted(), reason="no cgroup on this machine")


def needs(controller):
    v2 = layout.mount_point("")
    there = layout.has_v1(controller) or v2 and controller in (v2 / "cgroup.controllers").read_text().split()
    return pytest.mark.skipif(not there, reason=f"no {controller} controller here")


has_cpu, has_memory = needs("cpu"), needs("memory")


@contextmanager
def running(bundle, *args):
    bundle.args(*(args or ("sleep", "100")))
    with Container(bundle).create() as container:
        yield container.start()


def stats(c, *options):
    """The one line of `events --stats`, decoded."""
    out = c.runtime.call("events", "--stats", *options, c.id).ok().out
    assert out.startswith(f'{{"type":"stats","id":"{c.id}",') and out.endswith("}\n") and out.count("\n") == 1
    return json.loads(out)["data"]


@contextmanager
def events(c, *options):
    """The lines as they come: next() waits for one, and None is the end."""
    argv = [*c.runtime.layout.wrap, c.runtime.path, "--root", c.runtime.root, "events", *options, c.id]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0) as process:
        def lines():
            while select.select([process.stdout], [], [], 20)[0]:
                line = process.stdout.readline()
                if not line:
                    yield None
                    return
                yield json.loads(line)
            raise AssertionError("no line within 20 s")
        try:
            yield process, lines()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)


def test_op_14_stats(bundle):
    bundle.set("linux.resources", {"pids": {"limit": 50}})
    with running(bundle) as c:
        data = stats(c)
        assert data["pids"] == {"current": 1, "limit": 50}
        assert data["cpu"]["usage"]["total"] > 0
        assert {"kernel", "user"} <= set(data["cpu"]["usage"])
        assert data["network_interfaces"] is None and "intel_rdt" in data
        assert {"cpu_exclusive", "mem_hardwall", "sched_relax_domain_level"} <= set(data["cpuset"])


@pytest.mark.ours
def test_3_4_pressure(bundle):
    """Averages as Go and everybody writes them: 0.5, not 0.50."""
    with running(bundle, "/bin/sh", "-c", "while :; do :; done") as c:
        psi = stats(c)["cpu"].get("psi")
        if psi is None:
            pytest.skip("no pressure files here")
        text = c.runtime.call("events", "--stats", c.id).ok().out
        numbers = re.findall(r'"avg(?:10|60|300)":([^,}]*)', text)
        assert len(numbers) >= 6 and not [n for n in numbers if not re.fullmatch(r"0|[1-9]\d*|\d+\.\d*[1-9]", n)]
        assert set(psi["some"]) == {"avg10", "avg60", "avg300", "total"}


@has_memory
def test_op_14_memory(bundle):
    bundle.set("linux.resources", {"memory": {"limit": 1 << 25}})
    with running(bundle) as c:
        memory = stats(c)["memory"]
        assert memory["usage"]["limit"] == 1 << 25
        assert 0 < memory["usage"]["usage"] < 1 << 25 and memory["usage"]["failcnt"] == 0
        assert len(memory["raw"]) > 10 and all(isinstance(n, int) for n in memory["raw"].values())


@has_memory
def test_op_14_swap_is_memory_and_swap(bundle):
    """On v2, which counts swap by itself, as on v1 and with runc."""
    bundle.set("linux.resources", {"memory": {"limit": 1 << 25, "swap": 1 << 26}})
    with running(bundle) as c:
        memory = stats(c)["memory"]
        if "swap" not in memory:
            pytest.skip("swap is not counted here")
        assert memory["swap"]["limit"] == 1 << 26
        assert memory["swap"]["usage"] >= memory["usage"]["usage"] // 2 > 0


@pytest.mark.skipif(not layout.has_v1("cpuset"), reason="v2 shows none of it, as runc")
def test_op_14_cpuset_of_v1(bundle):
    bundle.set("linux.resources", {"cpu": {"cpus": "0"}})
    with running(bundle) as c:
        assert stats(c)["cpuset"]["cpus"] == [0] and stats(c)["cpuset"]["mems"] == [0]


def test_op_14_what_is_0_is_left_out(bundle):
    with running(bundle) as c:
        data = stats(c)
        assert "throttling" not in data["cpu"] or not any(data["cpu"]["throttling"].values())
        assert "limit" not in data["pids"]


@has_cpu
def test_op_14_throttling(bundle):
    bundle.set("linux.resources", {"cpu": {"quota": 5000, "period": 100000}})
    with running(bundle, "/bin/sh", "-c", "while :; do :; done") as c:
        until(lambda: stats(c)["cpu"].get("throttling", {}).get("throttledTime", 0) > 1000000, "throttled")
        throttling = stats(c)["cpu"]["throttling"]
        assert throttling["throttledPeriods"] <= throttling["periods"]


@pytest.mark.skipif(not layout.has_v1("hugetlb"), reason="needs cgroup v1 with hugetlb")
def test_op_14_huge_pages(bundle):
    with running(bundle) as c:
        assert all("failcnt" in entry for entry in stats(c)["hugetlb"].values())
        assert "2MB" in stats(c)["hugetlb"]


def test_2_10_a_line_each_interval(bundle):
    with running(bundle) as c, events(c, "--interval", "200ms") as (process, lines):
        begin = time.monotonic()
        assert [next(lines)["type"] for _ in range(3)] == ["stats"] * 3
        assert time.monotonic() - begin >= 0.35
        c.kill("KILL").wait()
        c.delete()
        assert list(lines)[-1] is None
        assert process.wait(10) == 0 and process.stderr.read() == ""


def test_2_10_the_end_does_not_wait_for_the_interval(bundle):
    with running(bundle) as c, events(c, "--interval", "1h") as (process, lines):
        time.sleep(0.3)  # until it watches
        assert process.poll() is None
        c.kill("KILL").wait()
        c.delete()
        assert next(lines) is None
        assert process.wait(10) == 0 and process.stderr.read() == ""


def test_2_10_the_end_in_a_cgroup_that_stays(bundle):
    """What was there before create outlives the container: what ends events is the end of the container."""
    made = [Path(point) / bundle.id for point, _, options in layout.mounted() if "cpuset" not in options]
    for path in made:
        path.mkdir()
    try:
        with running(bundle) as c, events(c, "--interval", "200ms") as (process, lines):
            assert next(lines)["type"] == "stats"
            c.kill("KILL").wait()
            c.delete()
            assert not bundle.runtime.ours or all(path.exists() for path in made)
            assert process.wait(10) == 0 and process.stderr.read() == ""
    finally:
        for path in made:
            if path.exists():
                path.rmdir()


@has_memory
def test_2_10_out_of_memory(bundle):
    bundle.set("linux.resources", {"memory": {"limit": 1 << 24}})
    script = "read x < /go; (tail -c 100m /dev/zero; true); sleep 100"
    bundle.own_rootfs()
    os.mkfifo(bundle.rootfs / "go")
    with running(bundle, "/bin/sh", "-c", script) as c, events(c, "--interval", "1h") as (_, lines):
        time.sleep(0.3)  # until it watches
        (bundle.rootfs / "go").write_text("\n")
        assert next(lines) == {"type": "oom", "id": c.id} or bundle.runtime.ours is False


@pytest.mark.ours
def test_2_10_another_of_the_same_id(bundle):
    """Its cgroup has the same path; of the one that was watched nothing comes any more."""
    with running(bundle) as c, events(c, "--interval", "1h") as (process, lines):
        time.sleep(0.3)  # until it watches
        process.send_signal(signal.SIGSTOP)
        c.delete(force=True)
        c.create().start()
        process.send_signal(signal.SIGCONT)
        assert next(lines) is None
        assert process.wait(10) == 0 and c.status == "running"


def test_2_10_stopped(bundle):
    bundle.args("true")
    with Container(bundle).create() as c:
        c.finish()
        for options in ((), ("--stats",)):
            result = c.runtime.call("events", *options, c.id)
            result.fails(f"container with id {c.id} is not running")


@pytest.mark.parametrize("interval", ["0", "-0", "0s", "-1s", "-5m"])
def test_2_10_interval_of_nothing(bundle, interval):
    with running(bundle) as c:
        c.runtime.call("events", f"--interval={interval}", c.id).fails("duration interval must be greater than 0")


@pytest.mark.parametrize("interval", ["5", "x", "-x", "5x", "1s2", "", "-", "s", ".s", "1..5s", "--1s", "1 s", "5S",
                                      "99999999999999999999s", "99999999999999999999ns", "18446744073709551615h",
                                      "2562048h", "1h2562047h"])
def test_2_10_no_interval(bundle, interval):
    with running(bundle) as c:
        c.runtime.call("events", f"--interval={interval}", c.id).fails(
            f'invalid value "{interval}" for flag -interval: parse error')


@pytest.mark.parametrize("interval", ["0.1s", "100000us", "150.5ms", ".2s", "+1s", "1.s", "007ms", "9000000ns", "100000µs",
                                      "100000μs", "0.0001h", "1s1ms1us1ns", "0.1234567891234s"])
def test_2_10_short_intervals(bundle, interval):
    with running(bundle) as c, events(c, "--interval", interval) as (_, lines):
        assert next(lines)["type"] == "stats"


@pytest.mark.parametrize("interval", ["1m30s", "1h", "3600000ms", "5000000us", "2562047h", "5.000001h"])
def test_2_10_long_intervals(bundle, interval):
    with running(bundle) as c, events(c, "--interval", interval) as (process, _):
        assert not select.select([process.stdout], [], [], 0.4)[0] and process.poll() is None


def test_2_10_no_such_container(bundle):
    bundle.runtime.call("events", "--stats", "nobody").fails()


@pytest.mark.ours
def test_2_10_paused(bundle):
    with running(bundle) as c:
        c.runtime.call("pause", c.id).ok()
        assert stats(c)["pids"]["current"] == 1
        c.runtime.call("resume", c.id).ok()
