/* selfexe: keep the container's hands off our own binary (CVE-2019-5736).
 *
 * Contract: selfexe_protect() returns at once when the running executable cannot be written through
 * /proc/PID/exe: it lies on a filesystem that cannot be written, or we are already running from a
 * read-only clone or a sealed copy.  Else it re-executes itself, once, from the first of: a
 * detached read-only clone of its mount (Linux 5.12), a sealed memfd, an unlinked copy.  "Already
 * protected" is decided by properties alone, never by an argument or the environment.
 *
 * Floor: kernel (uses base).  Runs in: host of create, run and exec, before anything else.
 * Kernel: open_tree(2), mount_setattr(2), execveat(2), memfd_create(2), F_GET_SEALS.
 */
#ifndef KERNEL_SELFEXE_H
#define KERNEL_SELFEXE_H

#include "base/err.h"

/* argv and the environment are passed on unchanged, so that dispatch by argv[0] still works. */
int selfexe_protect(struct err *e, char *const argv[]);

#endif
