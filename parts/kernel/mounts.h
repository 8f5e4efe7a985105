/* mounts: carry out a compiled list of mounts under one root directory.
 *
 * Contract: mounts_apply() performs plan->mounts in order, resolving every target inside root_dir
 * (fd_make_in_root: openat2 RESOLVE_IN_ROOT or our own walk) and mounting onto the descriptor,
 * never onto a path; after each mount the target is looked up again and must be the root of the new
 * mount. It stops at the first failure and undoes nothing, because the mount namespace dies with
 * the process.  It decides nothing: flags and attributes come ready-made from plan/mounts.
 *
 * Floor: kernel (uses base, plan).  Runs in: init, before the root is switched; the host's /proc is
 * still there, which gives descriptors a path.
 * Spec: config.md#mounts.  Kernel: mount(2), mount_setattr(2), openat2(2).  CVE-2021-30465,
 * CVE-2019-19921, CVE-2023-27561, CVE-2024-45310.
 */
#ifndef KERNEL_MOUNTS_H
#define KERNEL_MOUNTS_H

#include "base/err.h"
#include "plan/plan.h"

/* Performs the list.  A tmpfs on /dev with the option "ro" stays writable for kernel/devices and
 * kernel/tty: rootfs_masks() turns it read-only.  Messages: `error mounting "SRC" to rootfs at
 * "DST": ...`, and those of engines.md 4.3 for targets at or below /proc. */
int mounts_apply(struct err *e, const struct plan *p, int root_dir);

#endif
