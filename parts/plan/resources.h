/* resources: linux.resources as writes to files of the container's cgroups.
 *
 * Contract: plan_resources() turns every limit that is set into one plan_limit for the hierarchy
 * that carries its controller, v1 before v2 (CU-5), in an order in which the kernel accepts them.
 * It fails with the property's path where no hierarchy can carry it out: a limit is never passed
 * over (CG-10).  Device rules are not its business.
 *
 * Floor: plan (uses base, spec).  Runs in: host; pure.
 * Spec: config-linux.md#control-groups.  Kernel: admin-guide/cgroup-v1, admin-guide/cgroup-v2.
 */
#ifndef PLAN_RESOURCES_H
#define PLAN_RESOURCES_H

#include "base/err.h"
#include "plan/facts.h"
#include "plan/rowscgroup.h"
#include "spec/dataresources.h"

#include <stdbool.h>

/* Is there anything but device rules? */
bool plan_resources_any(const struct spec_resources *r);

/* Appends to c->limits.  c->dir must lie in the order of the hierarchies in `f`. */
int plan_resources(struct err *e, struct plan_cgroup *c, const struct facts *f,
	const struct spec_resources *r);

#endif
