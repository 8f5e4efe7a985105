/* rows: the plan's lists as plain data: mounts, devices and links, cgroup directories and writes.
 *
 * Contract: a row says one action completely; kernel/ carries rows out in the order of their list
 * and decides nothing.  Included through plan.h.
 *
 * Floor: plan (uses base).  Runs in: host; pure.
 * Spec: config.md#mounts, config-linux.md#devices, #control-groups.
 */
#ifndef PLAN_ROWS_H
#define PLAN_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/* -- mounts (plan/mounts) ------------------------------------------------------------------ */

enum plan_mount_kind {
	PLAN_MOUNT_FILESYSTEM, /* mount(2) of `type` with `flags` and `data` */
	PLAN_MOUNT_BIND,       /* MS_BIND, with MS_REC in flags for rbind */
	PLAN_MOUNT_REMOUNT,    /* an entry with the option "remount" */
	PLAN_MOUNT_SYMLINK,    /* no mount: `destination` becomes a link to `source` (cgroup v1) */
	PLAN_MOUNT_CGROUP2,    /* cgroup2; where the kernel refuses, a bind of `source` */
};

/* One action below the root filesystem, in the order of the list. */
struct plan_mount {
	enum plan_mount_kind kind;
	uint32_t index;		       /* of mounts[] in the config, for messages */
	const char *source;	       /* bind: absolute host path; else the device or a dummy */
	const char *destination;       /* absolute path inside the container, cleaned */
	const char *type;	       /* filesystem type, NULL for a bind */
	const char *data;	       /* filesystem data joined by commas, NULL when none */
	uint32_t flags;		       /* MS_* of the first call */
	uint32_t bind_set, bind_clear; /* bind: MS_* of the second call (MS_REMOUNT | MS_BIND);
					* no second call when both are 0.  Flags that the source has
					* are kept unless they are in bind_clear. */
	uint32_t attr_set, attr_clear; /* MOUNT_ATTR_* with AT_RECURSIVE; no call when both are 0 */
	uint32_t propagation;	       /* MS_SHARED and kin, with MS_REC; 0: none */
	bool read_only_after; /* turn read-only once everything below it is mounted (cgroup v1) */
	bool proc_or_sys;     /* proc, sysfs: the target must be a real directory (S3) */
	bool if_exists;	      /* bind: passed over where `source` is missing (rootless: a cgroup
			       * directory that could not be made) */
};

struct plan_mounts {
	struct plan_mount *at;
	uint32_t n;
};

/* -- devices --------------------------------------------------------------------------------- */

struct plan_device {
	const char *path;
	char type; /* 'c', 'b', 'p' */
	uint32_t major, minor, mode, uid, gid;
	bool is_default; /* one of LX-2: an existing equal node is fine */
};

struct plan_link {
	const char *path, *target; /* "/dev/fd" -> "/proc/self/fd" */
};

struct plan_devices {
	bool populate; /* false: /dev is a bind of the config's choosing (5.5) */
	struct plan_device *at;
	uint32_t n;
	struct plan_link *link;
	uint32_t n_links;
};

/* -- cgroups (plan/cgroup, plan/devbpf) ------------------------------------------------------ */

struct plan_write {
	const char *file, *value; /* "devices.deny", "a *:* rwm" */
};

/* What is done where the file of a limit is missing or does not take it */
enum plan_limit_how {
	PLAN_LIMIT_MUST,
	PLAN_LIMIT_IF_EXISTS, /* a missing file is none the worse */
	PLAN_LIMIT_OR_NEXT, /* a missing file: the next limit says the same for another one, and is
			     * passed over where this one is there */
	PLAN_LIMIT_AFTER_NEXT, /* EINVAL: the two depend on each other, so the next comes first */
};

/* One write to a file of the container's cgroup, from linux.resources but its devices. */
struct plan_limit {
	struct plan_limit *next;
	uint32_t dir; /* which of the directories */
	enum plan_limit_how how;
	const char *property;	  /* "linux.resources.memory.limit" */
	const char *file, *value; /* "memory.max", "1048576" */
};

/* The container's cgroup in one hierarchy. */
struct plan_cgroup_dir {
	bool v2;
	const char *controllers;  /* as in facts */
	const char *mount_point;  /* never removed, never created */
	const char *dir;	  /* absolute path below mount_point; never mount_point itself */
	struct plan_write *write; /* in this order, once the directory exists */
	uint32_t n_writes;
};

struct kabi_bpf_insn;

struct plan_cgroup {
	bool used;	  /* false: no cgroup is made or joined, nothing is limited */
	bool tolerate;	  /* rootless: a directory that may not be made is passed over */
	const char *path; /* the path as it is the same in every hierarchy: "/edge/web1" */
	struct plan_cgroup_dir *dir;
	uint32_t n_dirs;
	struct plan_limit *limits, *last_limit; /* in the order in which they are written */
	struct kabi_bpf_insn *devices;		/* program for the v2 directory; NULL: none */
	uint32_t n_devices;			/* instructions */
	int64_t owner; /* host uid to which the v2 directory is handed (CG-8); -1: to nobody */
};

#endif
