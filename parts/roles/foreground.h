/* foreground: what `run` without --detach needs beyond create: the caller's terminal, signals that
 * are not lost, and the wait for the program.
 *
 * Contract: foreground_check() before anything is made, foreground_prepare() before the clone,
 * foreground_run() once the program runs.  In the other modes the first two do nothing.
 *
 * Floor: roles.  Runs in: host.
 * Spec: engines.md 5.4, 5.7 P2, P3.
 */
#ifndef ROLES_FOREGROUND_H
#define ROLES_FOREGROUND_H

#include "roles/run.h"

/* With process.terminal: finds the caller's terminal, on 2, 1 or 0, else /dev/tty; none is an
 * error. */
int foreground_check(struct err *e, struct run *r);

/* Holds all signals, becomes subreaper, and makes a pipe for each of 0-2 that is a terminal of the
 * caller's which the program must not get. */
int foreground_prepare(struct err *e, struct run *r);

/* Copies, forwards and waits; the container's lock is free meanwhile.  Returns the program's exit
 * status, 128 + n when signal n ended it. */
int foreground_run(struct err *e, struct run *r);

#endif
