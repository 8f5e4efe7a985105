/* exec: a further process in a container, as the caller's own process does it.
 *
 * Contract: exec_process() starts the process, or leaves nothing behind but an error.  In
 * RUN_FOREGROUND it then lives as long as the process does.
 *
 * Floor: roles.  Runs in: host.
 * Spec: engines.md 2.5, section 5.
 */
#ifndef ROLES_EXEC_H
#define ROLES_EXEC_H

#include "roles/process.h"

/* Returns 0 (RUN_DETACHED), the program's exit status (RUN_FOREGROUND), or -1. */
int exec_process(struct err *e, const struct request *q, const struct process_options *o);

#endif
