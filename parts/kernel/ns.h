/* ns: make the child in its namespaces, and enter those given by path.
 *
 * Contract: ns_open() opens and checks the namespace files of the plan, ns_clone() makes the child
 * in one clone3(2), falling back to clone(2) where the kernel or a filter refuses clone3; the child
 * then calls ns_enter() for the namespaces that it joins, ns_late() for those that may only be made
 * once it is in its cgroups, ns_names() for what the UTS namespace holds.
 *
 * Floor: kernel (uses base, words, plan).  Runs in: see each function.
 * Spec: config-linux.md#namespaces, config.md#hostname.  Kernel: clone(2), setns(2), ioctl_ns(2).
 */
#ifndef KERNEL_NS_H
#define KERNEL_NS_H

#include "base/err.h"
#include "plan/plan.h"

#include <sys/types.h>

/* Open namespace files, by enum namespace; -1 where nothing is joined.  Close-on-exec. */
struct ns_fds {
	int fd[NAMESPACES];
};

/* Opens every path of plan->ns.join and checks with NS_GET_NSTYPE that it is a namespace of that
 * type (NS-3): `linux.namespaces: PATH is not a network namespace`.  Runs in: host. */
int ns_open(struct err *e, const struct plan *p, struct ns_fds *fds);
void ns_close(struct ns_fds *fds);

/* Refuses a config that would change the caller's own namespace, joined by its path: linux.sysctl,
 * linux.netDevices, hostname and domainname belong to the container (SY-2, ND-1, UT-1).  Runs in:
 * host. */
int ns_check_foreign(struct err *e, const struct plan *p, const struct ns_fds *fds);

/* Makes a child with the plan's clone_flags; a joined pid namespace is entered for the child alone
 * (the caller's own children afterwards are born where it was).  `cgroup_dir` is a cgroup v2
 * directory to be born in, or -1; *placed tells whether that was done (CLONE_INTO_CGROUP, Linux
 * 5.7), else the caller must move the child.  `extra` is 0 or CLONE_PARENT.  Returns like fork(2):
 * the pid as the caller sees it, 0 in the child, -1.  Runs in: host, stage. */
pid_t ns_clone(struct err *e, const struct plan *p, const struct ns_fds *fds, int cgroup_dir,
	uint64_t extra, bool *placed);

/* Enters the joined namespaces: user first, mount last, pid not (see ns_clone).  After a user
 * namespace was entered the caller is uid and gid 0 in it, without supplementary groups where that
 * is allowed.  Runs in: stage (user and all), init (all but user). */
int ns_enter(struct err *e, const struct plan *p, const struct ns_fds *fds, bool user);

/* A process whose namespaces are joined by exec. */
struct ns_target {
	pid_t pid;
	uint64_t start; /* its start time: proc_pid_stat(5) */
	int pidfd;	/* -1: the kernel has none */
};

/* Enters the namespaces `flags` (CLONE_NEW*) of a process, all in one setns(2) where the kernel
 * takes a pidfd (5.8), else by its files, which are opened before the first is entered and are its
 * own: it must live still.  Of the pid namespace only children are affected.  A user namespace
 * makes us root of it, see ns_enter().  `cannot exec in a stopped container` when it has ended
 * meanwhile.  Runs in: stage, join. */
int ns_join(struct err *e, const struct ns_target *t, uint64_t flags);

/* Makes the time namespace of a plan with offsets, writes them and enters it (TO-1).  After the
 * maps but before the change of ids, while we are dumpable: else the file is not ours.  Runs in:
 * init. */
int ns_time_offsets(struct err *e, const struct plan *p);

/* unshare(2) of plan->ns.late_flags: after the child is in its cgroups (NS-5).  Runs in: init. */
int ns_late(struct err *e, const struct plan *p, bool placed);

/* Writes the id maps of the new user namespace of `pid` to /proc/PID/{setgroups,gid_map,uid_map},
 * but those that newuidmap(1) and newgidmap(1) write.
 * Runs in: host, while the child waits.  Spec: config-linux.md#user-namespace-mappings. */
int ns_map_ids(struct err *e, const struct plan *p, pid_t pid);

/* A user namespace with these maps in which no process is left: for mount_setattr(2), which maps
 * the ids of a mount by it.  Returns its descriptor, the caller's to close, or -1.  Runs in: host.
 */
int ns_user(struct err *e, const struct spec_idmaps *uid_map, const struct spec_idmaps *gid_map);

/* Becomes uid 0 and gid 0 of the new user namespace, once its maps are there.  Runs in: init,
 * stage, join. */
int ns_become_root(struct err *e);

/* sethostname(2) and setdomainname(2) as configured; an empty string leaves the name alone
 * (UT-1, UT-2).  Runs in: init. */
int ns_names(struct err *e, const struct plan *p);

#endif
