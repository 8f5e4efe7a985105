/* load: from a bundle to a plan.
 *
 * Contract: load_run() does everything of create that can be done without changing anything:
 * bundle, config, facts, plan, and the checks of what the caller asked for.  Whatever it refuses
 * leaves no trace (GEN-5, GEN-9).
 *
 * Floor: roles.  Runs in: host, first.
 * Spec: bundle.md, config.md.
 */
#ifndef ROLES_LOAD_H
#define ROLES_LOAD_H

#include "roles/run.h"

/* Fills r->spec, facts, plan, config and the descriptors with -1.  Changes the working directory to
 * the bundle. */
int load_run(struct err *e, struct run *r, const struct request *q);

/* Reads the config that a container was created with (GEN-8): for start, delete and hooks. */
int load_copy(struct err *e, int dir, struct spec *s);

/* `path` made absolute against the current directory, in the arena; NULL stays NULL. */
int load_absolute(struct err *e, const char **path);

#endif
