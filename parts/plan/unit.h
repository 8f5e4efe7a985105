/* unit: the container as a unit of systemd: its slice, name, properties and cgroup.
 *
 * Contract: with facts->manager, `linux.cgroupsPath` is "slice:prefix:name" (CG-4).  The slice is
 * by default system.slice, of a user's manager user.slice; the unit is prefix-name.scope, or name
 * when that ends in ".slice".  What linux.resources says becomes properties, too, derived from the
 * rows that plan/resources has made, because systemd writes its own idea into the same files when
 * it is reloaded.  Annotations "org.systemd.property.NAME" are properties in the text form of
 * GVariant.
 *
 * Floor: plan (uses base, spec).  Runs in: host; pure.
 * Kernel: org.freedesktop.systemd1(5), systemd.slice(5), systemd.unit(5),
 * systemd.resource-control(5).
 */
#ifndef PLAN_UNIT_H
#define PLAN_UNIT_H

#include "base/err.h"
#include "plan/plan.h"

#include <stdbool.h>

/* Has a cgroupsPath the form "slice:prefix:name"? */
bool unit_form(const char *path);

/* Fills p->cgroup.unit but its properties.  Returns the path of its cgroup below the root of each
 * hierarchy, or NULL: `linux.cgroupsPath: "x": expected cgroupsPath to be of format
 * "slice:prefix:name" for systemd cgroups`. */
const char *unit_place(struct err *e, struct plan *p);

/* Adds the properties with which the unit is started; nothing where there is none. */
int unit_properties(struct err *e, struct plan *p);

/* Adds those that the limits of `c` ask for: all of them are optional. */
int unit_limits(struct err *e, struct plan_cgroup *c);

#endif
