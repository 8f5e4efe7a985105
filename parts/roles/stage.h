/* stage: the one more process that some joined namespaces demand.
 *
 * Contract: role_stage() enters the cgroups and the joined namespaces, clones the init as a child
 * of host (CLONE_PARENT), tells host the pid, and ends.  It is needed where a user namespace is
 * joined, since new namespaces must belong to it, and where one is made and others are joined,
 * since its root has no rights over those.  Other containers never pay for it.
 *
 * Floor: roles.  Runs in: a plain clone of host, but for stage_wait().
 * Kernel: user_namespaces(7): a namespace belongs to the user namespace of its maker.
 */
#ifndef ROLES_STAGE_H
#define ROLES_STAGE_H

#include "roles/run.h"

_Noreturn void role_stage(struct run *r);

/* In host: waits for a stage's end and reads its message.  r->init is the pid of what it has
 * cloned.  On failure that is not known: it lives until r->sync is closed. */
int stage_wait(struct err *e, struct run *r, pid_t stage);

#endif
