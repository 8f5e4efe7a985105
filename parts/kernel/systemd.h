/* systemd: ask a systemd for units, and wait until they are there.
 *
 * Contract: every function makes one connection to the private socket of a manager, asks, waits for
 * at most SYSTEMD_MS in all, and closes it.  The private socket, and not the bus: it is there
 * wherever systemd runs, also without a dbus-daemon as on small hosts and before one is up; it
 * needs no name, no match rule and no policy, since the manager sends its signals to all who are
 * connected; and the only one who can connect is the one whom the bus would let make units, root or
 * the manager's own user.  (sd-bus's server end, as systemctl uses it.)
 *
 * Floor: kernel (uses base, plan).  Runs in: host.
 * Kernel: org.freedesktop.systemd1(5), sd_booted(3).
 */
#ifndef KERNEL_SYSTEMD_H
#define KERNEL_SYSTEMD_H

#include "base/err.h"
#include "plan/facts.h"
#include "plan/rowscgroup.h"

#include <stdbool.h>
#include <sys/types.h>

enum { SYSTEMD_MS = 25000 };

/* Does systemd run this host?  sd_booted(3) */
bool systemd_runs(void);

/* Fills f->manager and f->manager_cgroup, with that of a user who has one: the caller is not root,
 * or is root in a user namespace.  It is below XDG_RUNTIME_DIR, or beside the socket that
 * DBUS_SESSION_BUS_ADDRESS names where that is not set.  "XDG_RUNTIME_DIR is not set". */
int systemd_find(struct err *e, struct facts *f);

/* Starts the unit with `pid` in it (0: nobody, a slice), and waits for its job.  A failed unit of
 * that name is forgotten first.  A manager that lacks an optional property gets none of them.
 * "it does not run in our pid namespace": its numbers are of other processes. */
int systemd_start(struct err *e, const struct plan_unit *u, pid_t pid);

/* Changes the optional properties of a unit until the next boot; a manager that lacks one is none
 * the worse. */
int systemd_set(struct err *e, const struct plan_unit *u);

/* Stops a unit, waits for its job and forgets that it failed; one that is not there is success. */
int systemd_stop(struct err *e, const char *manager, const char *unit);

/* Moves a process into a unit, as who has no right over both cgroups must ask for; refused in
 * another pid namespace, as by systemd_start(). */
int systemd_attach(struct err *e, const char *manager, const char *unit, pid_t pid);

#endif
