/* rootfs: the container's root directory, from the bind of rootfs onto itself to the switch.
 *
 * Contract: rootfs_open() prepares the mount namespace and gives the descriptor that every later
 * step works beneath; rootfs_masks() hides maskedPaths and fixes readonlyPaths; rootfs_switch()
 * makes it `/` and lets go of the host's tree.  All of it is done on descriptors.
 *
 * Floor: kernel (uses base, plan).  Runs in: init.
 * Spec: config.md#root, config-linux.md#masked-paths, #readonly-paths, #rootfs-mount-propagation.
 * Kernel: pivot_root(2), mount_namespaces(7).  CVE-2025-31133 (masks), S13.
 */
#ifndef KERNEL_ROOTFS_H
#define KERNEL_ROOTFS_H

#include "base/err.h"
#include "plan/plan.h"

/* With an own mount namespace makes `/` rslave (rprivate for rootfsPropagation private) so that
 * nothing reaches the host. */
int rootfs_isolate(struct err *e, const struct plan *p);

/* After rootfs_isolate(), which it does itself, binds a rootfs that is a directory onto itself
 * (recursively; private where the namespace is shared, PLAN_ROOT_CHROOT).  Returns an
 * O_PATH|O_DIRECTORY descriptor of it, or -1.
 * Not reachable (user namespaces): `invalid rootfs: PATH: permission denied (every folder above it
 * must be searchable for the mapped root)`. */
int rootfs_open(struct err *e, const struct plan *p);

/* A read-only tmpfs on /dev (see kernel/mounts), readonlyPaths, maskedPaths, then root.readonly:
 * `linux.maskedPaths[3]: ...`.  A missing path is fine (ENOENT), anything else is a failure.  Files
 * are masked by a bind of the verified /dev/null (character device 1:3) of the container,
 * directories by one empty read-only tmpfs. */
int rootfs_masks(struct err *e, const struct plan *p, int root_dir);

/* Makes root_dir the process's root: pivot_root(".", "."); where the kernel cannot (EINVAL on a
 * root that is rootfs or ramfs) or with PLAN_ROOT_MOVE: unmounts or covers every procfs and sysfs
 * below the old root, MS_MOVE and chroot; with PLAN_ROOT_CHROOT chroot alone.  Then `/` gets its
 * propagation.  The working directory is `/`.  root_dir is closed. */
int rootfs_switch(struct err *e, const struct plan *p, int root_dir);

/* For delete of a PLAN_ROOT_CHROOT container: the id of the mount at `path` now, in the caller's
 * mount namespace or in that of the file `mount_ns` (NULL: the caller's).  Create records it before
 * the bind; delete unmounts only when it has changed.  Runs in: host. */
int rootfs_mount_id(struct err *e, const char *path, const char *mount_ns, uint64_t *id);

/* Detaches the bind of `rootfs` and all below it if its mount id is no longer `before`; a namespace
 * that is gone took them along.  Runs in: host. */
int rootfs_undo(struct err *e, const char *rootfs, uint64_t before, const char *mount_ns);

#endif
