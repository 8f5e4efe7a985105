/* update: other limits for a container that exists.
 *
 * Contract: update_limits() writes everything that `r` sets to the files of the container's
 * cgroups, or fails naming the property and puts back what it had written already.  What is not set
 * stays as it is; where one file or rule holds two values, the other one is read from the cgroup,
 * which is the record of what is in force.  Device rules are never touched: engines send a deny-all
 * with every update (engines.md U2).
 *
 * Floor: roles.  Runs in: host.
 * Spec: engines.md 2.11; config-linux.md#control-groups, memory.checkBeforeUpdate.
 */
#ifndef ROLES_UPDATE_H
#define ROLES_UPDATE_H

#include "roles/end.h"
#include "spec/dataresources.h"

int update_limits(struct err *e, const struct held *h, struct spec_resources *r);

/* Writes the schemata of a container that has linux.intelRdt; NULL: left alone. */
int update_schemata(struct err *e, const struct held *h, const char *l3_cache, const char *mem_bw);

#endif
