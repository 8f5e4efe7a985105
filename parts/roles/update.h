/* update: other limits for a container that exists.
 *
 * Contract: update_limits() writes everything that `r` sets to the files of the container's
 * cgroups, and `s` to its group of resctrl, which it must have then; or fails naming the property
 * and puts back what it had written already.  What is not set stays as it is; where one file or
 * rule holds two values, the other one is read from the cgroup, which is the record of what is in
 * force.  Device rules are never touched: engines send a deny-all with every update (engines.md
 * U2).
 *
 * Floor: roles.  Runs in: host.
 * Spec: engines.md 2.11; config-linux.md#control-groups, memory.checkBeforeUpdate.
 */
#ifndef ROLES_UPDATE_H
#define ROLES_UPDATE_H

#include "roles/end.h"
#include "spec/dataresources.h"

/* One line each for the container's group of resctrl; NULL: left alone. */
struct update_schemata {
	const char *l3_cache, *mem_bw;
};

int update_limits(struct err *e, const struct held *h, struct spec_resources *r,
	const struct update_schemata *s);

#endif
