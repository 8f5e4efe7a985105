/* scope: the container's unit, where systemd makes its cgroups.
 *
 * Contract: systemd starts no scope without a process, and ends one that is empty.  So a holder, a
 * clone of ours that only sleeps, is in it until the init is; it dies with us, so that a create
 * which is killed leaves a scope that ends by itself.
 *
 * Floor: roles.  Runs in: host; the holder is a plain clone of it.
 * Spec: engines.md 1.3.  Kernel: org.freedesktop.systemd1(5).
 */
#ifndef ROLES_SCOPE_H
#define ROLES_SCOPE_H

#include "kernel/state.h"
#include "roles/run.h"

/* Starts the unit of the plan, if there is one, with a holder in it. */
int scope_make(struct err *e, struct run *r);

/* Ends the holder, and the unit. */
void scope_drop(struct run *r);
void scope_end(const struct state *s);

/* Somebody else is in the unit, or nobody shall be: ends the holder. */
void scope_release(struct run *r);

/* May the init not be born in its cgroup?  A user has no right over what is above his session and
 * his manager: then it is born outside and the manager moves it. */
int scope_clone(struct err *e, struct run *r);

#endif
