/* stats: what a container uses, as one line of JSON.
 *
 * Contract: reads the files of the container's cgroups; what has no file there is left out, as runc
 * leaves it out.  Nothing is changed.
 *
 * Floor: roles.  Runs in: host.
 * Spec: engines.md 3.4.  Kernel: cgroup-v1/, cgroup-v2.rst, proc_pid_stat(5).
 */
#ifndef ROLES_STATS_H
#define ROLES_STATS_H

#include "roles/end.h"

/* `{"type":"stats",...}` and a newline.  The text is good until the next call; NULL on failure. */
const char *stats_line(struct err *e, const struct held *h);

#endif
