/* cgroup: make, fill, enter, empty and remove the container's cgroups.
 *
 * Contract: works on a list of absolute directories, one a hierarchy.  Whoever creates a container
 * calls survey (so that the state can say beforehand what will be made), make, open; its child
 * calls enter as its first act; delete calls kill and remove with what the state says.  Only
 * directories that cgroup_make() made are ever removed, from the leaf upwards.
 *
 * Floor: kernel (uses base, plan).  Runs in: host, but for cgroup_enter().
 * Spec: config-linux.md#control-groups.  Kernel: cgroups(7), admin-guide/cgroup-v1, cgroup-v2.
 */
#ifndef KERNEL_CGROUP_H
#define KERNEL_CGROUP_H

#include "base/err.h"
#include "plan/plan.h"

#include <sys/types.h>

/* One directory as the state records it. */
struct cgroup_dir {
	const char *controllers; /* "pids", "cpu,cpuacct", "name=systemd"; "" is cgroup v2 */
	const char *dir;	 /* absolute */
	const char *existed;	 /* the longest leading part of dir that was there before create;
				  * equal to dir when all of it was: then nothing is removed */
};

struct cgroup_dirs {
	struct cgroup_dir at[FACTS_HIERARCHIES_MAX];
	uint32_t n;
};

/* Fills `d` from the plan and what exists now; changes nothing.  Fails when the container's own
 * cgroup holds processes (`container's cgroup is not empty: N process(es) found`) or is frozen
 * (`container's cgroup unexpectedly frozen`) (CG-5, DEC-26). */
int cgroup_survey(struct err *e, const struct plan *p, struct cgroup_dirs *d);

/* How many processes are in one cgroup and below it, those that our pid namespace does not show
 * included. */
uint32_t cgroup_count(const struct cgroup_dir *d);

/* Makes the directories (0755; on v1 cpuset fills cpuset.cpus and cpuset.mems of new ones from
 * their parents), writes the plan's values, attaches the v2 device program.  Errors begin with
 * "unable to apply cgroup configuration: ".  With plan->cgroup.tolerate a directory that may not be
 * made is taken out of `d` with a debug record. */
int cgroup_make(struct err *e, const struct plan *p, struct cgroup_dirs *d);

/* Writes the limits of the plan's i-th directory to its open descriptor, in order.  Errors begin
 * with the property. */
int cgroup_limit(struct err *e, const struct plan_limit *l, uint32_t i, int dir);

/* Enables the controllers of the v2 hierarchy for the plan's i-th directory, from the mount point
 * down to its parent (cgroup-v2, "Top-down Constraint"): all that there are, so that usage can be
 * read; only for those that a limit needs it is an error when one cannot be enabled, with the
 * property in front.  Nothing is written where nothing is missing. */
int cgroup_enable(struct err *e, const struct plan_cgroup *c, uint32_t i);

/* Loads the plan's device program and attaches it to an open v2 directory
 * (config-linux.md#device-cgroup, CD-3).  RLIMIT_MEMLOCK is raised, for the moment, only where the
 * kernel asks for it (before 5.11). */
int cgroup_attach_devices(struct err *e, const struct plan_cgroup *c, int dir);

/* Has the kernel killed a process because of the memory limit?  How often, as an open memory.events
 * (v2) or memory.oom_control (v1, since Linux 4.13) says; -1: it does not. */
bool cgroup_out_of_memory(const struct cgroup_dirs *d);
int64_t cgroup_oom_kills(int fd);

/* What the child needs to move itself: the opened `tasks` files of v1, and of v2 the directory; all
 * close-on-exec. */
struct cgroup_door {
	int v2_dir; /* for CLONE_INTO_CGROUP, or to enter by; -1: no v2 hierarchy */
	int tasks[FACTS_HIERARCHIES_MAX];
	uint32_t n_tasks;
};
int cgroup_open(struct err *e, const struct cgroup_dirs *d, struct cgroup_door *door);
void cgroup_close(struct cgroup_door *door);

/* The calling single-threaded process moves itself into all v1 hierarchies by its `tasks`, which
 * takes no lock since Linux 5.5; and into v2 unless it was born there.  Runs in: init, first. */
int cgroup_enter(struct err *e, const struct cgroup_door *door, bool placed);

/* Sends `signal` to every process in the cgroups and below them (v2 cgroup.kill for SIGKILL where
 * the kernel has it, else freeze, signal, thaw; v1 freezer likewise, another hierarchy without it).
 * Repeats until no new process is found.  Never signals pids 0, 1 or the caller.  Returns the
 * number of processes met.  A missing directory holds nobody. */
uint32_t cgroup_signal(const struct cgroup_dirs *d, int signal);

/* Thaws the cgroup if it is frozen, so that a KILL takes effect on v1.  Is it? */
void cgroup_thaw(const struct cgroup_dirs *d);
bool cgroup_frozen(const struct cgroup_dirs *d);

/* Freezes or thaws the container's cgroup with all below it, and returns when the kernel reports
 * it; after `patience_ms` it is undone, and an error. */
int cgroup_freeze(struct err *e, const struct cgroup_dirs *d, bool on, int patience_ms);

/* At most `max` processes of the cgroup and below it, ascending.  Returns their number. */
uint32_t cgroup_pids(const struct cgroup_dirs *d, pid_t *list, uint32_t max);

/* Removes the directories bottom-up: sub-cgroups that the container made, the leaf, then the
 * parents that create had made and that are empty; EBUSY is retried for at most `patience_ms`.
 * "Already gone" is success.  Fails with `cgroup: rmdir DIR: device or resource busy`. */
int cgroup_remove(struct err *e, const struct cgroup_dirs *d, int patience_ms);

/* For cgroups in which nobody should be left: removes them as above, but gives up, with all that
 * cgroup_signal() needs still there, when the one that shows everybody is in use.  True when all
 * are gone. */
bool cgroup_remove_empty(const struct cgroup_dirs *d);

/* The hierarchy that shows everybody and can freeze them; that of a controller, or v2.  NULL: there
 * is none. */
const struct cgroup_dir *cgroup_best(const struct cgroup_dirs *d);
const struct cgroup_dir *cgroup_of(const struct cgroup_dirs *d, const char *controller);
bool cgroup_is_v2(const struct cgroup_dir *d);
bool cgroup_is_freezer(const struct cgroup_dir *d);

/* One directory: the request (0, or -1 with errno), and what the kernel says. */
int cgroup_freeze_dir(int dir, bool v2, bool on);
bool cgroup_frozen_dir(int dir, bool v2);

#endif
