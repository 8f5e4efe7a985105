"""Fault injection and races on real containers; the same harness as tests/commands.

    OCIRT_RUNTIME=./ocirt /usr/bin/python3 -m pytest tests/fault -q
    OCIRT_FAULT_STRIDE=1 …      every system call instead of a sample
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "commands"))
sys.dont_write_bytecode = True

from harness.plugin import *  # noqa: E402,F401,F403
