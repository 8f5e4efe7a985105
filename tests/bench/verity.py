"""Turns on fs-verity for a file: SHA-256, blocks of 4096 bytes, no salt."""

import fcntl
import os
import struct
import sys

ENABLE = 0x40806685  # FS_IOC_ENABLE_VERITY of every architecture that numbers ioctls as x86 does
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), ENABLE, struct.pack("<IIIIQIIQ88s", 1, 1, 4096, 0, 0, 0, 0, 0, b""))
