/* cover: which files of the host a config means.
 *
 * Contract: cover_list() names the root filesystem, every hook that runs outside the container and
 * the source of every bind mount, each with the property that means it and the path by which a
 * manifest names it: relative when it lies in the bundle, else absolute.  Paths are taken by their
 * letters; one with a `..` has no such name and is an error.
 *
 * Floor: spec (uses base).  Runs in: host; pure.
 * Spec: config.md#root, #mounts, #posix-platform-hooks.
 */
#ifndef SPEC_COVER_H
#define SPEC_COVER_H

#include "base/err.h"
#include "spec/view.h"

#include <stdbool.h>
#include <stdint.h>

enum cover_kind { COVER_ROOT, COVER_HOOK, COVER_MOUNT };

struct cover {
	const char *property; /* "hooks.prestart[0].path" */
	const char *path;
	enum cover_kind kind;
	bool needed; /* a manifest must have it: all but what is mounted from outside the bundle */
	bool writable; /* the container can write there */
};

struct covers {
	struct cover *at; /* in the arena; the root first */
	uint32_t n;
};

/* `bundle` is the absolute, clean path of the bundle. */
int cover_list(struct err *e, struct covers *list, const struct spec *s, const char *bundle);

/* The name of a path of the config in a manifest; NULL and *e when it has none. */
const char *cover_path(struct err *e, const char *bundle, const char *path);

#endif
