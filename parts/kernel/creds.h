/* creds: become the user of the container's process.
 *
 * Contract: creds_apply() drops the bounding set, sets groups, ids and the other four capability
 * sets in the one order that the kernel allows (bounding needs CAP_SETPCAP, groups CAP_SETGID,
 * ambient needs permitted and inheritable), and no_new_privs first when asked for.  Never returns 0
 * with less restriction than the plan says.
 *
 * Floor: kernel (uses base, plan).  Runs in: init, join; last before the program.
 * Spec: config.md#user, #linux-process (capabilities, noNewPrivileges).  Kernel: capabilities(7),
 * credentials(7), PR_SET_KEEPCAPS.
 */
#ifndef KERNEL_CREDS_H
#define KERNEL_CREDS_H

#include "base/err.h"
#include "plan/plan.h"

int creds_apply(struct err *e, const struct plan_creds *c);

/* Takes keep_sys_admin back from a process that executes nothing, and lets it gain nothing more. */
int creds_settle(struct err *e, const struct plan_creds *c);

/* Who of us is killed when its parent dies, and whom nobody may trace or look into: the change of
 * ids resets both (PR_SET_PDEATHSIG(2const), PR_SET_DUMPABLE(2const)).  Runs in: stage, init, join.
 */
int creds_die_with_parent(struct err *e, bool yes);
int creds_hide(struct err *e);

#endif
