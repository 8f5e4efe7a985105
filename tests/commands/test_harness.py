"""The tests of the tests: a leak is seen, whatever it is."""

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
