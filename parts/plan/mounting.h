/* mounting: one entry of mounts[] while it is compiled.
 *
 * Contract: plain data, filled by plan/mounts from the entry's options and read by it and by
 * plan/cgroupmount, which turns an entry of type "cgroup" into many rows.
 *
 * Floor: plan (uses base, spec).  Runs in: host; pure.
 * Spec: config.md#linux-mount-options.
 */
#ifndef PLAN_MOUNTING_H
#define PLAN_MOUNTING_H

#include "base/sys.h"
#include "plan/plan.h"

/* What a remount of a bind can change: the mount's own flags, not the filesystem's. */
enum {
	MOUNTING_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME |
		MS_RELATIME | MS_STRICTATIME | MS_NOSYMFOLLOW,
};

struct mounting {
	const struct spec_mount *spec;
	uint32_t index;		       /* in mounts[] */
	const char *destination;       /* absolute, cleaned */
	uint32_t set, clear;	       /* MS_* */
	uint32_t attr_set, attr_clear; /* MOUNT_ATTR_*, recursive */
	uint32_t propagation;	       /* MS_SHARED and kin; 0: none */
	const char *data;	       /* options that are the filesystem's, NULL: none */
	const char *left_over;	       /* the first of them */
	enum plan_idmap idmap;
	bool copy_up, has_mode; /* tmpcopyup; mode= among the data */
};

/* What every row of an entry has in common. */
static inline void
mounting_start(struct plan_mount *row, const struct mounting *m, enum plan_mount_kind kind)
{
	*row = (struct plan_mount){
		.kind = kind,
		.index = m->index,
		.destination = m->destination,
		.attr_set = m->attr_set,
		.attr_clear = m->attr_clear,
		.propagation = m->propagation,
	};
}

#endif
