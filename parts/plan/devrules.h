/* devrules: linux.resources.devices as one list of rules, for both cgroup versions.
 *
 * Contract: devrules_make() checks the config's rules and appends what every container needs
 * (LX-5).  A rule about everything ("a *:* rwm") replaces all before it, so what is left is a
 * verdict and the rules that come after it.  The list is to be read bit by bit: an access (read,
 * write, mknod) is allowed when the last rule that matches the device and has that bit allows it,
 * and a request when each of its bits is.
 *
 * Floor: plan (uses base, spec).  Runs in: host; pure.
 * Spec: config-linux.md#allowed-device-list.  Kernel: admin-guide/cgroup-v1/devices.
 */
#ifndef PLAN_DEVRULES_H
#define PLAN_DEVRULES_H

#include "base/err.h"
#include "spec/view.h"

#include <stdbool.h>
#include <stdint.h>

enum { DEVRULES_MAX = 350, DEVRULES_DEFAULTS = 10 }; /* rules: of a config, and ours */

struct devrule {
	bool allow;
	char type;	      /* 'a' (both), 'b', 'c' */
	int32_t major, minor; /* -1: any */
	uint8_t access;	      /* bits of enum device_access, never 0 */
	int32_t index;	      /* in linux.resources.devices; -1: one of ours */
};

struct devrules {
	bool allow;	    /* the verdict where no rule matches */
	struct devrule *at; /* later ones win */
	uint32_t n;
};

int devrules_make(struct err *e, struct devrules *d, const struct spec *s);

#endif
