/* process: from a container on disk and a request of exec to a plan.
 *
 * Contract: process_load() does everything of exec that changes nothing: the container's state, its
 * own copy of the config (GEN-8), the process document or the options, the checks, the plan; and
 * opens what the process will need of the container: its init, the doors of its cgroups.  After it
 * no directory of the host is open but those doors.
 *
 * Floor: roles.  Runs in: host, first.
 * Spec: engines.md 2.5; EXE-1 of the checklist.
 */
#ifndef ROLES_PROCESS_H
#define ROLES_PROCESS_H

#include "roles/run.h"

/* Options of exec beside those that it shares with run.  Strings: NULL where not given. */
struct process_options {
	const char *process; /* a process document: nothing but ignore_paused and cgroups counts */
	const char *cwd, *user, *apparmor, *label;
	struct strings env, gids, caps, cgroups;
	struct strings args; /* NULL behind them */
	bool tty, ignore_paused;
	uint8_t no_new_privs; /* PROCESS_UNSET: as the config has it */
};

enum { PROCESS_UNSET = 2 };

int process_load(
	struct err *e, struct run *r, const struct request *q, const struct process_options *o);

/* The container's own v2 cgroup delegates controllers and takes no process (EBUSY): the doors are
 * opened again, beside its init.  Fails with *e as it is when the caller named the cgroup. */
int process_other_door(struct err *e, struct run *r, const struct process_options *o);

#endif
