"""The same id at once: one winner, clean losers (OP-13, S31, security.md 10 row 6)."""

import subprocess

import pytest

from harness import Bundle, Container
from harness.container import until
from harness.runtime import parse_record

AT_ONCE = 8


def together(rt, *lines):
    """Starts all at the same moment; [(exit code, last error message)]."""
    gate = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    children = [subprocess.Popen([rt.path, "--root", str(rt.root), *map(str, words)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for words in lines]
    gate.stdin.close()
    gate.wait()
    found = []
    for child in children:
        code = child.wait(30)
        child.stderr.close() if code == 0 else None
        records = [] if code == 0 else [parse_record(row) for row in child.stderr.read().splitlines()]
        found.append((code, [r[1] for r in records if r and r[0] == "error"][-1:]))
        child.stderr.close()
    return found


def winners(found):
    return [code for code, _ in found].count(0)


@pytest.mark.parametrize("round_", range(5))
def test_op_13_create(bundle, round_):
    bundle.args("true").write()
    words = ["create", "-b", bundle.dir, bundle.id]
    with Container(bundle) as c:
        found = together(bundle.runtime, *[words] * AT_ONCE)
        assert winners(found) == 1, found
        if bundle.runtime.ours:
            for code, message in found:
                assert code == 0 or "container with given ID already exists" in message[0]
        assert c.status == "created"


@pytest.mark.ours
@pytest.mark.parametrize("round_", range(5))
def test_op_13_start(bundle, round_):
    # covers: OP-5, S31: user code runs exactly once.  (runc 1.1.5 has no lock: losers may wait for ever on the fifo.)
    out = bundle.host_dir("out")
    bundle.bind("/mnt", out).sh("echo x >> /mnt/ran; sleep 100")
    with Container(bundle) as c:
        c.create()
        found = together(bundle.runtime, *[["start", c.id]] * AT_ONCE)
        assert winners(found) == 1, found
        until(lambda: (out / "ran").exists(), "the program runs")
        assert (out / "ran").read_text() == "x\n"


@pytest.mark.parametrize("round_", range(5))
def test_op_13_delete(bundle, round_):
    count = bundle.host_file("count")
    bundle.args("true").hook_sh("poststop", f"echo x >> {count}")
    with Container(bundle) as c:
        c.create()
        found = together(bundle.runtime, *[["delete", c.id]] * AT_ONCE)
        assert winners(found) >= 1, found
        assert bundle.runtime.state(c.id).code == 1
        if bundle.runtime.ours:
            assert winners(found) == 1 and count.read_text() == "x\n"
            for code, message in found:
                assert code == 0 or message == ["container does not exist"]


@pytest.mark.parametrize("round_", range(5))
def test_op_13_start_against_delete_force(bundle, round_):
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        found = together(bundle.runtime, ["start", c.id], ["delete", "--force", c.id], ["kill", c.id, "KILL"], ["state", c.id])
        assert found[1][0] == 0, found
        bundle.runtime.delete(c.id, force=True).ok()
        bundle.runtime.state(c.id).fails("container does not exist")


@pytest.mark.ours
@pytest.mark.parametrize("round_", range(5))
def test_op_13_exec_pause_and_resume_against_delete_force(bundle, round_):
    with Container(bundle.args("sleep", "100")) as c:
        c.run()
        found = together(bundle.runtime, *[["exec", c.id, "true"]] * 4, ["pause", c.id], ["resume", c.id], ["ps", c.id],
                         ["delete", "--force", c.id])
        assert found[-1][0] == 0, found
        for code, message in found[:4]:
            assert code in (0, 137) or code == 255 and message[0].startswith("exec failed: "), found
        bundle.runtime.state(c.id).fails("container does not exist")


def test_different_ids_do_not_disturb_each_other(runtime):
    bundles = [Bundle(runtime).args("true").write() for _ in range(AT_ONCE)]
    found = together(runtime, *[["create", "-b", b.dir, b.id] for b in bundles])
    assert winners(found) == AT_ONCE, found
    assert sorted(runtime.ids()) == sorted(b.id for b in bundles)
    found = together(runtime, *[["delete", b.id] for b in bundles])
    assert winners(found) == AT_ONCE, found
