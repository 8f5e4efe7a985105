/* template: the config that `ocirt spec` writes, and `features`: documents made from the tables.
 *
 * Contract: both write whole JSON documents into the caller's buffer and fail, naming the size,
 * when it is too small.
 *
 * Floor: spec (uses base, words, spec/view).  Runs in: any process; pure.
 * Spec: config.md, features.md, features-linux.md.
 */
#ifndef SPEC_TEMPLATE_H
#define SPEC_TEMPLATE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct template_options {
	const char *name; /* hostname: the name we were called by */
	bool cgroup2;	  /* list a cgroup namespace (engines.md 2.13) */
	bool rootless;
	uint32_t uid, gid; /* of the caller, mapped to 0 when rootless */
};

/* Writes a config.json, indented by tabs, with a final newline.  Returns its length in bytes. */
int template_config(struct err *e, char *out, size_t size, const struct template_options *o);

#endif
