/* lsm: the label under which the program runs, and that of its keys (AppArmor, SELinux).
 *
 * Contract: what is set here takes effect at the next exec, or for a keyring at its creation, and
 * clones inherit it: nothing of the host may be exec'ed after lsm_program().  The files lie below
 * /proc/self, which is our only thread; /proc is the host's when we are called, or is at least
 * verified to be a procfs.  Without a label nothing is opened.  The plan has made sure that the
 * module is enabled.
 *
 * Floor: kernel (uses base, plan).  Runs in: init, before the root is switched; join, before the
 * container's namespaces.
 * Spec: config.md#linux-process.  Kernel: proc_pid_attr(5), security.md S11.
 */
#ifndef KERNEL_LSM_H
#define KERNEL_LSM_H

#include "base/err.h"
#include "plan/plan.h"

/* The SELinux label becomes that of the session keyring, where there is to be a new one.
 * `process.selinuxLabel: value "x": invalid argument`, as below. */
int lsm_keys(struct err *e, const struct plan *p);

/* The next exec of this process or a clone enters the AppArmor profile and the SELinux label.
 * `process.apparmorProfile: profile "NAME" is not loaded`. */
int lsm_program(struct err *e, const struct plan *p);

#endif
