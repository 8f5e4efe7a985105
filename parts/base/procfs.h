/* procfs: write to files of procfs, and to nothing that was put in their place.
 *
 * Contract: whoever shares a mount namespace may mount another file or filesystem on /proc or below
 * it, and a label or a parameter would be written there and be in force nowhere (CVE-2019-16884,
 * CVE-2025-52881).  So every write goes through a descriptor of a whole procfs, leaves neither it
 * nor its mount, and is made to what was verified.
 *
 * Floor: base (uses err, fd, mnt, sys).  Runs in: any process.
 * Spec: security.md S3, S11, 5.1.  Kernel: openat2(2), proc(5).
 */
#ifndef BASE_PROCFS_H
#define BASE_PROCFS_H

#include "base/err.h"

/* Opens /proc, which must be the root of a procfs: "/proc is not a procfs".  Returns an O_PATH
 * descriptor that is the caller's. */
int procfs_open(struct err *e);

/* Writes text to the file at `path` below `proc`.  The kernel's own links ("self")
 * are followed, magic ones are not.  The error says nothing of the path: "no such file or
 * directory", or `value "TEXT": invalid argument` when the kernel refused the text.  e->number is
 * the errno; 0 when the file is none of procfs. */
int procfs_write(struct err *e, int proc, const char *path, const char *text);

#endif
