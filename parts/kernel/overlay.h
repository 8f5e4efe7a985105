/* overlay: what the container writes goes elsewhere than to its rootfs.
 *
 * Contract: overlay_mount() puts an overlayfs upon the rootfs, whose lower layer it is; upper and
 * work lie in a tmpfs that nobody else sees, or below a directory of the host, where `upper` stays
 * after delete.  What is mounted below the rootfs on the host is not seen through it.
 *
 * Floor: kernel (uses base, plan).  Runs in: init, as root of the container's user namespace, in
 * its mount namespace, before anything is mounted below.
 * Kernel: Documentation/filesystems/overlayfs.rst (userxattr, and in user namespaces: 5.11).
 */
#ifndef KERNEL_OVERLAY_H
#define KERNEL_OVERLAY_H

#include "base/err.h"
#include "plan/plan.h"

/* *root_dir, the rootfs, is closed and becomes the root of the overlay; nothing is done where the
 * plan has none. */
int overlay_mount(struct err *e, const struct plan *p, int *root_dir);

#endif
