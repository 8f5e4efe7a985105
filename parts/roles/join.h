/* join: a further process of a container, until it becomes its program.
 *
 * Contract: role_join() never returns.  In two processes where the container has a pid namespace:
 * the first enters the cgroups and every namespace, outside of the pid namespace, where nobody of
 * the container sees it; what it clones then as a child of host (CLONE_PARENT) is born inside, with
 * nothing of the host left to take.  Else the first goes on itself.  What fails is reported to host
 * over sync.
 *
 * Floor: roles.  Runs in: the process that host has just cloned, and its clone.
 * Spec: security.md S1, S2, 6.6, 6.7; CVE-2016-9962, CVE-2019-5736, CVE-2024-21626.
 */
#ifndef ROLES_JOIN_H
#define ROLES_JOIN_H

#include "roles/run.h"

_Noreturn void role_join(struct run *r);

#endif
