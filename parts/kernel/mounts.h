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

enum { MOUNTS_TAKEN_MAX = 32 };

/* Copies of what the bind mounts of the plan show that host takes, not mounted yet, in the order of
 * the list. */
struct mounts_taken {
	int fd[MOUNTS_TAKEN_MAX];
	uint32_t n;
};

/* Adds the copy for row `m`.  Its ids are mapped by the user namespace `user` where the row says so
 * (MT-6): mount_setattr(2) wants rights over the filesystem, which nobody in the container's user
 * namespace has; a filesystem that cannot do it is an error (EINVAL).  Linux 5.12.  Runs in: host.
 */
int mounts_take(struct err *e, struct mounts_taken *taken, const struct plan_mount *m, int user);
void mounts_taken_close(struct mounts_taken *taken);

/* Performs the list.  `taken` is what host has made of the same list.  A tmpfs on /dev
 * with the option "ro" stays writable for kernel/devices and kernel/tty: rootfs_masks() turns it
 * read-only.  Messages: `error mounting "SRC" to rootfs at "DST": ...`, and those of engines.md 4.3
 * for targets at or below /proc. */
int mounts_apply(
	struct err *e, const struct plan *p, const struct mounts_taken *taken, int root_dir);

/* Copies what is in the directory `from` into the new filesystem `to`: directories, files, links,
 * nodes, with modes, owners and extended attributes (tmpcopyup).  The descriptors remain the
 * caller's.  Runs in: init. */
int mounts_copy_up(struct err *e, int from, int to);

#endif
