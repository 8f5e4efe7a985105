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

/* The parts of it, for those who want no plan.  Enters the bundle (NULL: we are there) and gives
 * its absolute path; any name of a config but config.json is relative to where we came from.  Reads
 * a config.  Decodes and checks what was read last. */
int load_bundle(struct err *e, const char *bundle, const char **config, const char **absolute);
int load_config(struct err *e, const char *path, const char **config, size_t *len);
int load_decode(struct err *e, struct spec *s, size_t len, const char *path);

/* Reads the config that a container was created with (GEN-8): for start, delete and hooks. */
int load_copy(struct err *e, int dir, struct spec *s);

/* Reads the document of exec --process; `defaults` as in spec_read_process().  Strings of an
 * earlier load_copy() stay good. */
int load_process(struct err *e, const char *path, struct spec_process *p,
	const struct spec_process *defaults);

/* Nothing is open yet: -1 in every descriptor. */
void load_reset(struct run *r);

/* Are the descriptors there that the caller wants to be preserved?  Before any is opened by us. */
int load_check_preserved(struct err *e, uint32_t n);

/* The console socket that the caller gave, or did not, against process.terminal. */
int load_check_terminal(struct err *e, const struct request *q, const struct spec_process *process);

/* process.env to r->env, with room behind it for what only the process itself can know. */
int load_environment(struct err *e, struct run *r);

/* `path` made absolute against the current directory, in the arena; NULL stays NULL. */
int load_absolute(struct err *e, const char **path);

#endif
