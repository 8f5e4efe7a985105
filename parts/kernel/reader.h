/* reader: run a program of the host and read what it writes.
 *
 * Contract: reader_start() executes argv[0], found by the absolute directories in PATH of our own
 * environment, with default signals and our own stdin; its stdout is the pipe that is returned.
 * reader_end() waits for it.
 *
 * Floor: kernel (uses base).  Runs in: host.
 * Spec: engines.md 2.9.
 */
#ifndef KERNEL_READER_H
#define KERNEL_READER_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* What becomes of its stderr */
enum reader_stderr { READER_OURS, READER_CLOSED, READER_JOINED }; /* the last: into the pipe, too */

/* Returns the reading end of the pipe (the caller's), and the child's pid.  A program that cannot
 * be executed ends with status 127. */
int reader_start(struct err *e, char *const argv[], enum reader_stderr how, pid_t *pid);

/* Returns its exit status, or 128 + n when signal n ended it. */
int reader_end(pid_t pid);

#endif
