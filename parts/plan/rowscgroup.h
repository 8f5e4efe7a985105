/* rowscgroup: the plan's lists as plain data: cgroup directories, limits and writes.
 *
 * Contract: as in rows.h.  Included through plan.h.
 *
 * Floor: plan (uses base).  Runs in: host; pure.
 * Spec: config-linux.md#control-groups.
 */
#ifndef PLAN_ROWSCGROUP_H
#define PLAN_ROWSCGROUP_H

#include <stdbool.h>
#include <stdint.h>

struct plan_device_rule {
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
	const char *controllers; /* as in facts */
	const char *mount_point; /* never removed, never created */
	const char *dir;	 /* absolute path below mount_point; never mount_point itself */
	uint32_t keep;		 /* bytes of `dir` that are never removed */
	struct plan_device_rule *device_rules; /* in this order, once the directory exists */
	uint32_t n_device_rules;
};

/* A property of a unit of systemd, by the types of D-Bus (plan/unit). */
struct plan_property {
	struct plan_property *next;
	const char *name; /* "MemoryMax" */
	const char *type; /* "b", "y", "n", "q", "i", "u", "x", "t"; "s", "as", "a(ss)"; "ay" */
	uint64_t number;
	const char *text; /* as, a(ss): n strings one behind another; ay: n bytes */
	uint32_t n;
	bool optional; /* what it says is written to the cgroup's files, too */
};

struct plan_unit {
	const char *manager; /* its socket */
	const char *name;    /* "ocirt-web1.scope"; NULL: no unit is made */
	bool slice;	     /* it is a slice: nobody need be in it */
	struct plan_property *properties, *last;
};

struct kabi_bpf_insn;
struct spec_intel_rdt;

struct plan_cgroup {
	bool used;	  /* false: no cgroup is made or joined, nothing is limited */
	bool tolerate;	  /* rootless: a directory that may not be made is passed over */
	const char *path; /* the path as it is the same in every hierarchy: "/edge/web1" */
	struct plan_cgroup_dir *dir;
	uint32_t n_dirs;
	struct plan_limit *limits, *last_limit; /* in the order in which they are written */
	struct kabi_bpf_insn *devices;		/* program for the v2 directory; NULL: none */
	uint32_t n_devices;			/* instructions */
	struct plan_unit unit;
	int64_t owner; /* host uid to which the v2 directory is handed (CG-8); -1: to nobody */
};

/* -- resctrl (plan/rdt) ----------------------------------------------------------------------- */

/* The directory of the container below the mount point of resctrl. */
struct plan_rdt {
	const char *group;   /* absolute; NULL: linux.intelRdt is absent */
	const char *monitor; /* of mon_groups, absolute; NULL: none */
	bool own;	     /* it must be new, and delete removes it (RD-6) */
	bool must_exist;     /* nothing says what would be in it (RD-5) */
	const struct spec_intel_rdt *spec;
};

#endif
