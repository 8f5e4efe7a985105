/* cover: which files of the host a config means.
 *
 * Contract: cover_list() names the root filesystem, every hook that runs outside the container, the
 * program of the annotation org.ocirt.attest and the source of every bind mount, each with the
 * property that means it and the path by which a manifest names it: relative when it lies in the
 * bundle, else absolute; of a bind mount as the config has it, for an absolute one means the same
 * when the bundle is moved.  Paths are taken by their letters; one with a `..` has no such name and
 * is an error.  What else has the bundle's path in it, an argument of a hook or an overlay's layer,
 * is named as it is: nobody knows what it means.
 *
 * Floor: plan (uses base, spec, plan/path).  Runs in: host; pure.
 * Spec: config.md#root, #mounts, #posix-platform-hooks.
 */
#ifndef PLAN_COVER_H
#define PLAN_COVER_H

#include "base/err.h"
#include "spec/view.h"

#include <stdbool.h>
#include <stdint.h>

#define COVER_ATTEST "org.ocirt.attest" /* the annotation that names a program for roles/attest */

struct cover {
	const char *property; /* "hooks.prestart[0].path" */
	const char *path;
	bool needed; /* a manifest must have it: all but what is mounted from outside the bundle */
	bool writable; /* the container can write there */
	bool inside;   /* not needed, but it seems to lie in the bundle */
};

struct covers {
	struct cover *at; /* in the arena; the root first */
	uint32_t n;
};

/* `bundle` is the absolute, clean path of the bundle. */
int cover_list(struct err *e, struct covers *list, const struct spec *s, const char *bundle);

/* The name in a manifest of a path that a property of the config has; NULL and *e when it has none.
 */
const char *cover_path(struct err *e, const char *property, const char *bundle, const char *path);

#endif
