/* options: what the caller asked for beside the config.
 *
 * Contract: filled by the commands, read by the plan alone.
 *
 * Floor: plan (uses nothing).  Runs in: host; pure.
 * Spec: engines.md 2.1, 2.2; init.md 1.1.
 */
#ifndef PLAN_OPTIONS_H
#define PLAN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { PLAN_UNSET = 2 }; /* of a flag that may be true, false, or not given */

/* --init and its kin; the annotations org.ocirt.init* count where an option is not given. */
struct plan_init_options {
	uint8_t used, group, wait_all;	  /* or PLAN_UNSET */
	const char *stop_timeout, *grace; /* NULL: not given */
};

struct plan_options {
	const char *id, *name; /* name: by which we were called */
	const char *bundle;    /* absolute */
	bool no_pivot, no_new_keyring;
	bool no_cgroups;    /* --cgroup-manager disabled */
	bool rootless;	    /* tolerate missing cgroup permission */
	const char *notify; /* directory of the socket that stands for NOTIFY_SOCKET; NULL: none */
	uint32_t preserve_fds; /* descriptors 3 .. 2 + n reach the program */
	struct plan_init_options init;
};

#endif
