/* cgroupmount: a mount of type "cgroup", which is a different thing on every host.
 *
 * Contract: cgroupmount_add() appends the rows that show the container its cgroups: on cgroup v2
 * one mount, on v1 and hybrid hosts a tmpfs with one mount a hierarchy (as runc, the unified one is
 * left out) and a link for each co-mounted controller, elsewhere an empty read-only tmpfs.  Without
 * a cgroup namespace only the container's own directories are bound, never a whole hierarchy (S7).
 * plan_make_cgroup() must have run.
 *
 * Floor: plan (uses base, spec).  Runs in: host; pure.
 * Kernel: cgroup_namespaces(7).  CVE-2023-25809.
 */
#ifndef PLAN_CGROUPMOUNT_H
#define PLAN_CGROUPMOUNT_H

#include "base/err.h"
#include "plan/mounting.h"
#include "plan/plan.h"

#include <stddef.h>

int cgroupmount_add(struct err *e, struct plan *p, const struct mounting *m);

/* The most rows that one such entry becomes. */
size_t cgroupmount_rows(const struct plan *p);

#endif
