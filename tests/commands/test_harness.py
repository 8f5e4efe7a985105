"""The tests of the tests: a leak is seen, whatever it is."""

import importlib.util
import subprocess
from pathlib import Path

from harness.inventory import Inventory


def test_gen_5_leaks_are_found(bundle):
    before = Inventory(bundle.runtime.work)
    bundle.args("true").create().ok()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", bundle.host_dir("mnt")], check=True)
    Path(bundle.rootfs, "leak").write_text("x")
    found = "\n".join(before.leaks(grace=0))
    for what in ("process ", "cgroup ", "a mount is left", "state ", "the shared root filesystem has changed"):
        assert what in found, what
    Path(bundle.rootfs, "leak").unlink()
    assert not [line for line in before.leaks() if "shared root" not in line], "found once, cleaned up"


def engines_table():
    spec = importlib.util.spec_from_file_location("table", Path(__file__).resolve().parents[1] / "engines/table.py")
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    return table


def test_what_fails_a_run_under_engines(tmp_path):
    table = engines_table()
    table.KNOWN = tmp_path
    (tmp_path / "ocirt.txt").write_text("test_x.py::test_known  the kernel cannot\ntest_x.py::test_passed_by_one  no reason to fail\n")
    for case, words in {"alone": ("FAIL", "ok", "FAIL"), "untried": ("FAIL", "not possible", "-"), "all": ("FAIL", "FAIL", "FAIL"),
                        "known": ("FAIL", "FAIL", "not possible"), "passed_by_one": ("FAIL", "ok", "FAIL"),
                        "fine": ("ok", "FAIL", "FAIL"), "left_out": ("not possible", "ok", "ok")}.items():
        for column, word in zip(table.COLUMNS, words):
            table.record("test_x.py", f"test_{case}", column, word)
    assert list(table.failures()) == [
        "ocirt alone fails: x: alone", "ocirt alone fails: x: untried", "all fail, and known/ocirt.txt does not say why: x: all",
        "ocirt alone fails: x: passed by one"]
