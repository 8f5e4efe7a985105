/* sysctl: write kernel parameters of the container's own namespaces.
 *
 * Contract: sysctl_write() writes plan->sysctl below /proc/sys, from inside the namespaces that the
 * keys belong to.  The file is reached beneath a checked procfs descriptor, never by a joined
 * string (CVE-2025-52881); plan and check have already refused keys of the host.
 *
 * Floor: kernel (uses base, plan).  Runs in: init, before the root is switched.
 * Spec: config-linux.md#sysctl.  Kernel: proc_sys(5).
 */
#ifndef KERNEL_SYSCTL_H
#define KERNEL_SYSCTL_H

#include "base/err.h"
#include "plan/plan.h"

/* `linux.sysctl: net.ipv4.ip_forward: no such file or directory` and the like.  Does nothing, not
 * even opening /proc, when there are none. */
int sysctl_write(struct err *e, const struct plan *p);

#endif
