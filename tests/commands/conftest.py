"""Black-box tests of the command line, on real containers.  Needs root.

    OCIRT_RUNTIME=./ocirt /usr/bin/python3 -m pytest tests/commands -q
    … -k hk_3            the tests of one requirement
    … -rs -rx            why tests were skipped, which failures are known

Debian packages: python3-pytest python3-jsonschema busybox-static gcc libc6-dev strace umoci iproute2 openssl
squashfs-tools erofs-utils e2fsprogs cryptsetup-bin.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from harness.plugin import *  # noqa: E402,F401,F403
