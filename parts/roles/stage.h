/* stage: the one more process that a joined user namespace demands.
 *
 * Contract: role_stage() enters the joined namespaces, clones the init as a child of host
 * (CLONE_PARENT) so that the new namespaces belong to the joined user namespace, tells host the
 * pid, and ends.  Containers that join no user namespace never pay for it.
 *
 * Floor: roles.  Runs in: a plain clone of host.
 * Kernel: user_namespaces(7): a namespace belongs to the user namespace of its maker.
 */
#ifndef ROLES_STAGE_H
#define ROLES_STAGE_H

#include "roles/run.h"

_Noreturn void role_stage(struct run *r);

#endif
