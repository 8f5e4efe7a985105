"""ps: engines.md 2.9, 3.3, OP-14."""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import Container, layout
from harness.container import until

pytestmark = pytest.mark.skipif(not shutil.which("ps"), reason="no ps here (package procps)")


def pids(c, *options, **more):
    return c.runtime.call("ps", "-f", "json", *options, c.id, **more).ok().json


@contextmanager
def family_of(bundle):
    """Three processes: a shell and two children of its own."""
    with Container(bundle.sh("sleep 100 & sleep 101 & echo ready; wait")) as c:
        c.run().wait_for_output()
        until(lambda: len(c.processes()) == 3, "three processes")
        until(lambda: sum(b"sleep" == Path(f"/proc/{pid}/cmdline").read_bytes()[:5] for pid in c.processes()) == 2, "two are executed")
        yield c


def test_op_14_ps_json(bundle):
    with family_of(bundle) as family:
        result = family.runtime.call("ps", "--format", "json", family.id).ok()
        assert result.out == json.dumps(sorted(family.processes()), separators=(",", ":")) + ("\n" if family.runtime.ours else "")\
            or not family.runtime.ours and sorted(result.json) == sorted(family.processes())


def test_op_14_ps_json_has_sub_cgroups(bundle):
    with family_of(bundle) as family:
        for point, _, _ in layout.mounted():
            sub = os.path.join(point, family.id, "sub")
            if os.path.isdir(os.path.dirname(sub)) and "cpuset" not in str(point):
                os.mkdir(sub)
                with open(os.path.join(sub, "cgroup.procs"), "w", encoding="ascii") as file:
                    file.write(str(max(family.processes())))
        assert sorted(pids(family)) == sorted(family.processes())


def test_op_14_ps_table(bundle):
    with family_of(bundle) as family:
        lines = family.runtime.call("ps", family.id).ok().out.splitlines()
        assert "PID" in lines[0].split() and "CMD" in lines[0]
        column = lines[0].split().index("PID")
        assert sorted(int(line.split()[column]) for line in lines[1:]) == sorted(family.processes())
        assert any("sleep 101" in line for line in lines)


def test_op_14_ps_with_arguments(bundle):
    """They are the host's ps's own, also where they look like ours."""
    with family_of(bundle) as family:
        lines = family.runtime.call("ps", family.id, "-e", "-o", "comm,pid,ppid").ok().out.splitlines()
        assert lines[0].split() == ["COMMAND", "PID", "PPID"]
        assert sorted(int(line.split()[-2]) for line in lines[1:]) == sorted(family.processes())


@pytest.mark.ours
def test_ps_with_bad_arguments(bundle):
    with family_of(bundle) as family:
        result = family.runtime.call("ps", family.id, "--nonsense")
        assert result.code == 1 and result.message == "ps: exit status 1", result


@pytest.mark.ours
@pytest.mark.parametrize("how", ["no ps", "ps without pids", "ps that cannot"])
def test_ps_own_table(bundle, how):
    with family_of(bundle) as family:
        path = bundle.host_dir("bin")
        if how != "no ps":
            script = "echo UID TTY; echo 0 ?" if how == "ps without pids" else "exit 3"
            (path / "ps").write_text(f"#!/bin/sh\n{script}\n")
            (path / "ps").chmod(0o755)
        result = family.runtime.call("ps", family.id, env={"PATH": str(path)}).ok()
        lines = result.out.splitlines()
        assert lines[0].split() == "UID PID PPID C STIME TTY TIME CMD".split()
        assert [int(line.split()[1]) for line in lines[1:]] == sorted(family.processes())
        rows = {int(line.split()[1]): line.split(None, 7) for line in lines[1:]}
        children = [row for row in rows.values() if row[7].startswith("sleep")]
        assert {row[7] for row in children} == {"sleep 100", "sleep 101"}
        assert all(row[0] == "0" and int(row[2]) == family.pid and row[6] == "00:00:00" for row in children)


def test_ps_of_a_stopped_container(bundle):
    with Container(bundle.args("true")) as c:
        c.create().finish()
        assert pids(c) is None
        lines = c.runtime.call("ps", c.id).ok().out.splitlines()
        assert len(lines) == 1 and "PID" in lines[0]


def test_ps_errors(bundle):
    rt = bundle.runtime
    rt.call("ps", bundle.id).fails("container does not exist")
    rt.call("ps").fails("requires a minimum of 1 argument")
    with Container(bundle.args("sleep", "100")) as c:
        c.run()
        rt.call("ps", "-f", "yaml", c.id).fails("invalid format option")


def test_ps_of_a_created_container(bundle):
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        assert pids(c) == [c.pid]
