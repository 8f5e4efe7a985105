/* devices: device nodes and links below the container's root.
 *
 * Contract: devices_make() creates plan->devices on directory descriptors inside root_dir: mknod,
 * then fstat of the new node (type and number) before fchmod and fchown; where mknod is refused
 * (user namespace) a bind of the host's node, of the same path or of the name that the kernel gives
 * the device, opened O_PATH|O_NOFOLLOW and checked first.  An existing node of the same type and
 * number is fine, anything else in its place is an error (DV-1).
 *
 * Floor: kernel (uses base, plan).  Runs in: init, before the root is switched.
 * Spec: config-linux.md#devices, #default-devices, runtime-linux.md#dev-symbolic-links.
 * CVE-2026-41579: a /dev that is a symlink.
 */
#ifndef KERNEL_DEVICES_H
#define KERNEL_DEVICES_H

#include "base/err.h"
#include "plan/plan.h"

/* Makes nodes and links.  Links whose target is below /proc are made only where the container has a
 * /proc (LX-3).  Errors begin with `linux.devices: PATH: ` for configured nodes. */
int devices_make(struct err *e, const struct plan *p, int root_dir);

#endif
