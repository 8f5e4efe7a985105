"""The kernel that runs here."""

import os
import re

RELEASE = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])
