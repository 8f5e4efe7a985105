/* host: create and run, as the caller's own process does them.
 *
 * Contract: host_create() takes a request from config to a created (or, for the run modes, running)
 * container, or leaves nothing behind but an error.  In foreground mode it then lives as long as
 * the program does, and deletes the container.
 *
 * Floor: roles.  Runs in: host.
 * Spec: runtime.md#create, #start, #lifecycle.
 */
#ifndef ROLES_HOST_H
#define ROLES_HOST_H

#include "roles/run.h"

/* Returns 0 (create, run --detach), the program's exit status (run), or -1. */
int host_create(struct err *e, const struct request *q);

/* Prints the plan on stdout and changes nothing (create --dry-run). */
int host_dry_run(struct err *e, const struct request *q);

#endif
