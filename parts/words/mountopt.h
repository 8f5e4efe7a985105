/* mountopt: what each mount option means.
 *
 * Contract: mountopt.def has one row an option; mountopt_find() says what it means, or that it is
 * filesystem data (config.md#mounts).  The meaning is split as the kernel needs it: bits of
 * mount(2) to set and to clear, attributes of mount_setattr(2) for the recursive forms, a
 * propagation change, and options that are ours.
 *
 * Floor: words (uses base).  Runs in: any process.
 * Spec: config.md#linux-mount-options.  Kernel: mount(2), mount_setattr(2), mount_namespaces(7).
 */
#ifndef WORDS_MOUNTOPT_H
#define WORDS_MOUNTOPT_H

#include <stdbool.h>
#include <stdint.h>

enum mountopt_ours {
	MOUNTOPT_IGNORED = 1, /* "defaults", "loud", "mand", ...: accepted, nothing to do */
	MOUNTOPT_TMPCOPYUP,   /* fill a new tmpfs with what lay below it */
	MOUNTOPT_IDMAP,	      /* "idmap" */
	MOUNTOPT_RIDMAP,      /* "ridmap" */
};

struct mountopt {
	uint32_t set, clear;	       /* MS_* of mount(2) */
	uint32_t attr_set, attr_clear; /* MOUNT_ATTR_*, to be applied with AT_RECURSIVE */
	uint32_t propagation;	       /* MS_SHARED and kin, with MS_REC in the r-forms; 0: none */
	uint32_t ours;		       /* enum mountopt_ours, 0: none */
};

/* What an option such as "nosuid" means; false and all zero: it is the filesystem's. */
bool mountopt_find(const char *name, struct mountopt *o);

/* The names, sorted: the first when `name` is NULL, else the one behind it; NULL at the end. */
const char *mountopt_next(const char *name);

#endif
