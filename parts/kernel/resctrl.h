/* resctrl: the container's directories in the kernel's filesystem for cache and memory bandwidth.
 *
 * Contract: what is made is on record before, in the state; a group that others made is joined and
 * never removed.
 *
 * Floor: kernel (uses base, plan).  Runs in: host, join.
 * Spec: config-linux.md#intelrdt.  Kernel: Documentation/arch/x86/resctrl.rst.
 */
#ifndef KERNEL_RESCTRL_H
#define KERNEL_RESCTRL_H

#include "base/err.h"
#include "plan/plan.h"

/* Refuses a group of the container's own name that is there already: delete would remove it.  Runs
 * in: host. */
int resctrl_survey(struct err *e, const struct plan_rdt *p);

/* Makes the group, or looks whether one that is there has the schemata that are asked for (RD-4:
 * the domains that they name have the same values, however the kernel pads them); writes its
 * schemata; makes the monitoring group.  *made: the group is new, also when it fails.  Without
 * linux.intelRdt it does nothing.  Runs in: host. */
int resctrl_make(struct err *e, const struct plan_rdt *p, bool *made);

/* Moves a process, "0" is the caller, into the group and into the monitoring group (NULL or "":
 * none).  Runs in: host, join. */
int resctrl_enter(struct err *e, const char *group, const char *monitor, const char *pid);

/* Removes the monitoring group and the group (NULL or "": none).  Who is in them goes to the root
 * group.  Runs in: host. */
void resctrl_remove(const char *group, const char *monitor);

/* Writes to the schemata of a group: one line or several, without the last newline; NULL: nothing.
 * The kernel applies all of them or none.  Runs in: host. */
int resctrl_write(struct err *e, const char *group, const char *schema);

#endif
