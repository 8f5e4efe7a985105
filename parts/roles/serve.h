/* serve: what the host does for the process that it has cloned, until that is the program.
 *
 * Contract: serve_init() answers the messages of roles/sync until nothing more will come; the
 * others hand over what was asked for on the command line.  All work on the one struct run of
 * create, run or exec.
 *
 * Floor: roles.  Runs in: host.
 * Spec: engines.md 5.4 to 5.6.
 */
#ifndef ROLES_SERVE_H
#define ROLES_SERVE_H

#include "kernel/state.h"
#include "roles/run.h"

/* Runs hooks that see the host's root: prestart, createRuntime, poststart. */
int serve_hooks(struct err *e, struct run *r, enum hook kind, enum state_status status);

/* Serves r->init until it is ready (RUN_CREATE) or has become the program; its own failure is the
 * error. */
int serve_init(struct err *e, struct run *r);

/* Has a signal come that tells us to end (base/sig)?  `interrupted by signal 15`. */
int serve_signals(struct err *e, struct run *r);

/* Connects to the agent of the seccomp filter, if it has one, before anything is cloned (SC-9). */
int serve_agent(struct err *e, struct run *r);

/* Sends PLACED, for a seccomp agent with the pid of r->init as we see it (SC-11). */
int serve_placed(struct err *e, struct run *r);

/* Sends a pidfd of r->init, writes its pid: where the request has a socket or a file for it. */
int serve_pidfd(struct err *e, struct run *r);
int serve_pid_file(struct err *e, struct run *r);

#endif
