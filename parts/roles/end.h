/* end: from a container that was created to nothing at all; and the way to it by `start`.
 *
 * Contract: a struct held is a container found on disk: its folder, its lock, its state, its
 * cgroups.  The verbs open one, and one at a time: there is one buffer for its text.  They look at
 * its true status, and act.  end_container() undoes everything
 * that create made, in the order of the specification: processes, cgroups, mounts, poststop hooks,
 * state.
 *
 * Floor: roles.  Runs in: host.
 * Spec: runtime.md#start, #kill, #delete, #lifecycle.
 */
#ifndef ROLES_END_H
#define ROLES_END_H

#include "kernel/cgroup.h"
#include "kernel/state.h"

#include <stdbool.h>

enum { END_PATIENCE_MS = 10000 }; /* how long a lock, a dying init or a busy cgroup is waited for */

struct held {
	int root_dir, dir, lock; /* -1: not open */
	struct state state;
	struct cgroup_dirs cgroups;
	enum state_status status;
};

/* Opens a container, takes its lock (waiting END_PATIENCE_MS), reads its state and computes its
 * status.  `container does not exist`.  HELD_ANYHOW goes on without a lock that it cannot get:
 * whoever has it may wait for just what is about to be killed (I2). */
enum held_lock { HELD_UNLOCKED, HELD_LOCKED, HELD_ANYHOW };
int held_open(struct err *e, struct held *h, const char *root, const char *id, enum held_lock lock);
void held_close(struct held *h);

/* Releases the start gate and runs poststart hooks; a failing one ends the container (HK-9). */
int end_start(struct err *e, struct held *h);

/* Kills every process of the container and waits for the init: `container init still running`. */
int end_kill(struct err *e, const struct state *s);

/* Removes the container; its processes are killed first. */
int end_container(struct err *e, int root_dir, int dir, const struct state *s,
	const struct spec_hooks *hooks);

/* Removes a held container, reading its hooks from its own copy of the config. */
int end_held(struct err *e, struct held *h);

/* Runs the poststop hooks; failures are warnings (HK-11). */
void end_poststop(const struct state *s, const struct spec_hooks *hooks);

#endif
