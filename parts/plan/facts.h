/* facts: what the plan has to know about the host, as plain data.
 *
 * Contract: kernel/probe fills this once, before anything is decided; the plan floor only reads it,
 * so that a golden test can describe any host in a few lines (facts_read).  What can be found out
 * by trying and falling back (clone3, openat2, mount_setattr) is not here.
 *
 * Floor: plan (uses base).  Runs in: host; pure.
 * Kernel: cgroups(7), proc_pid_mountinfo(5), capabilities(7).
 */
#ifndef PLAN_FACTS_H
#define PLAN_FACTS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FACTS_HIERARCHIES_MAX = 24 };

/* One mounted cgroup hierarchy. */
struct facts_hierarchy {
	bool v2;
	const char *controllers; /* v1: "cpu,cpuacct", "name=systemd"; v2: "" */
	const char *mount_point; /* "/sys/fs/cgroup/pids" */
	const char *mount_root;	 /* which cgroup is seen there: "/" but in nested mounts */
	const char *own;	 /* the caller's cgroup as /proc/self/cgroup writes it */
};

struct facts {
	uint32_t euid, egid;	/* of the caller */
	bool user_namespace;	/* the caller is in a user namespace of its own */
	uint32_t cap_last;	/* highest capability number of this kernel */
	uint64_t cap_bounding;	/* the caller's bounding set */
	uint64_t cap_effective; /* the caller's effective set */
	const char *image;	/* root.path is a file with this file system: "squashfs", "erofs",
				 * "ext4" (ext2 and ext3, too); NULL: a directory */
	bool apparmor, selinux; /* enabled in this kernel; SELinux: with a policy */
	struct facts_hierarchy hierarchy[FACTS_HIERARCHIES_MAX];
	uint32_t n_hierarchies; /* 0: a host without cgroups */
	const char *resctrl;	/* where it is mounted; NULL: nowhere */
	const char *manager; /* socket of the systemd that makes our units; NULL: not asked for */
	const char *manager_cgroup; /* below which it makes them: "" is the root */
};

/* The hierarchy that carries `controller` ("devices"), or NULL; "" asks for the v2 one. */
const struct facts_hierarchy *facts_controller(const struct facts *f, const char *controller);

/* True when the only hierarchy is cgroup v2. */
bool facts_cgroup2_only(const struct facts *f);

/* Reads facts from lines of "name value..." (tests/golden): euid N, egid N, user_namespace 0|1,
 * cap_last N, cap_bounding HEX, cap_effective HEX, image TYPE, apparmor 0|1, selinux 0|1, v1
 * CONTROLLERS MOUNT_POINT MOUNT_ROOT OWN, v2 MOUNT_POINT MOUNT_ROOT OWN, resctrl MOUNT_POINT,
 * manager SOCKET CGROUP ("/" is the root).  `text` is written to and must outlive `f`.
 */
int facts_read(struct err *e, struct facts *f, char *text);

#endif
