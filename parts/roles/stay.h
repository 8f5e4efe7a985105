/* stay: the init that remains when the program starts (init.md, "injected").
 *
 * Contract: stay_clone() is one step of the tables in roles/init.c and roles/join.c.  Where the
 * plan has no init it does nothing.  Else it clones: the child goes on in the table and becomes the
 * program; the process itself gives up all that it does not need, supervises the child as `ocirt
 * init` does, and ends with its status.  No signal is lost: they have been blocked since before
 * the process was made (stay_hold()), and are the child's from here.
 *
 * Floor: roles.  Runs in: init, join.
 * Spec: init.md 2.3, 4.4; security.md 7.5.
 */
#ifndef ROLES_STAY_H
#define ROLES_STAY_H

#include "base/sig.h"
#include "roles/run.h"

/* Around the clone of a process that may stay: all signals are blocked, and in host as before
 * again.  Runs in: host. */
void stay_hold(const struct run *r, struct sig_mask *before);
void stay_release(const struct run *r, const struct sig_mask *before);

/* Returns in what becomes the program, or -1. */
int stay_clone(struct err *e, struct run *r);

/* The exit status of a process whose steps failed: a program that could not be executed is told
 * apart as by every init (init.md 5). */
int stay_failed(const struct run *r, const struct err *e);

#endif
