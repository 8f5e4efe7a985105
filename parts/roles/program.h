/* program: the steps by which init and join become the program that they were made for.
 *
 * Contract: each function is one step of the tables in roles/init.c and roles/join.c, and works on
 * r->spec.process and r->plan alone: a property of the process that is added here holds for create
 * and for exec.  All run inside the container, in the order of this header.
 *
 * Floor: roles.  Runs in: init, join.
 * Spec: config.md#process; EXE-1 of the checklist.
 */
#ifndef ROLES_PROGRAM_H
#define ROLES_PROGRAM_H

#include "roles/run.h"

/* The host has recorded us, placed us and written our maps; or it has died, and so shall we. */
int program_await_placed(struct err *e, struct run *r);

/* A terminal of the devpts beneath r->rootfs_dir: the slave to r->slave, the master to the host.
 * With `console` it becomes /dev/console, too. */
int program_terminal(struct err *e, struct run *r, bool console);

/* Descriptors 0-2, rlimits, scheduler, memory policy, personality, umask. */
int program_limits(struct err *e, struct run *r);

/* User, groups, capabilities, noNewPrivileges. */
int program_creds(struct err *e, struct run *r);

/* Everything but what the program gets, and what is still to be told, is closed. */
int program_descriptors(struct err *e, struct run *r);

/* Enters process.cwd, completes the environment and looks the program up. */
int program_find(struct err *e, struct run *r);

/* Signals, and the seccomp filter: after it nothing but the exec is left to do (SC-12). */
int program_filter(struct err *e, struct run *r);

/* Returns only on failure. */
int program_execute(struct err *e, struct run *r);

#endif
