/* mnt: the mount behind a descriptor: which one it is, which flags it has, how to change them.
 *
 * Contract: every function takes an open (usually O_PATH) descriptor and reaches its mount through
 * it, never through a path that somebody else may change; /proc/self/fd must be the host's.  A
 * change of flags keeps every flag that it was not told to clear, because in a user namespace the
 * inherited ones are locked and dropping them is refused (MT-9, S24).
 *
 * Floor: base (uses err, fd, str, sys).  Runs in: any process.
 * Kernel: mount(2), statfs(2), statx(2), mount_namespaces(7).
 */
#ifndef BASE_MNT_H
#define BASE_MNT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* The flags of mount(2) that belong to a mount, not to its filesystem. */
uint32_t mnt_own_flags(void);

/* The f_type of the filesystem; 0 when it cannot be told. */
uint32_t mnt_magic(int fd);

/* The MS_* flags of the mount, those of its filesystem included. */
int mnt_flags(struct err *e, int fd, uint32_t *flags);

/* What a remount must be given so that a mount with the flags `old` has `set`, loses `clear` and
 * keeps the rest.  Pure.  One atime mode is always named: without any the kernel would keep the old
 * one, be it cleared or not. */
uint32_t mnt_merge(uint32_t old, uint32_t set, uint32_t clear);

/* Sets and clears flags of the mount whose root fd is (MS_REMOUNT | MS_BIND).  A flag in `set` that
 * the kernel passed over in silence is an error. */
int mnt_change(struct err *e, int fd, uint32_t set, uint32_t clear);

/* Binds source onto target; both may be files.  extra is MS_REC or 0. */
int mnt_bind(struct err *e, int source, int target, uint32_t extra);

/* Mounts what open_tree(2) has copied onto target (Linux 5.2). */
int mnt_move(struct err *e, int tree, int target);

/* MS_SHARED and kin, with MS_REC at will. */
int mnt_propagate(struct err *e, int fd, uint32_t propagation);

/* The id of the mount (Linux 5.8, else from fdinfo, 3.15); 0 when it cannot be told. */
uint64_t mnt_id(int fd);

/* What one look at a descriptor tells.  Linux 4.11 tells all of it with one call, but the
 * mount 5.8. */
struct mnt_look {
	uint64_t mount;	    /* as mnt_id() */
	uint64_t dev, rdev; /* as mnt_device() */
	uint64_t ino;
	uint32_t mode;
	bool may_be_root; /* of its mount; false only when the kernel says no */
};

int mnt_look(struct err *e, int fd, struct mnt_look *l);

static inline uint64_t
mnt_device(uint32_t major, uint32_t minor)
{
	return (uint64_t)major << 32 | minor;
}

/* Did a mount appear on `before`, and is `after` its root?  Both were opened by the same path. */
bool mnt_look_appeared(const struct mnt_look *before, const struct mnt_look *after);

/* mnt_same() for looks that were taken anyway. */
bool mnt_look_same(const struct mnt_look *a, const struct mnt_look *b);

/* Do both descriptors show the same file? */
bool mnt_same(int a, int b);

#endif
