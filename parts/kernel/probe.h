/* probe: find out what the plan must know about this host.
 *
 * Contract: probe_facts() fills a struct facts from /proc/self (status, mountinfo, cgroup, uid_map)
 * and nothing else, probe_labels() from /sys; a file that is missing means that the thing is
 * missing.  Strings live in the arena.  It changes nothing.
 *
 * Floor: kernel (uses base, plan).  Runs in: host, before the plan.
 * Kernel: proc_pid_mountinfo(5), proc_pid_cgroup(5), proc_pid_status(5), user_namespaces(7).
 */
#ifndef KERNEL_PROBE_H
#define KERNEL_PROBE_H

#include "base/err.h"
#include "plan/facts.h"
#include "spec/view.h"

#include <stdint.h>

#include <stdbool.h>

/* One line of mountinfo, its octal escapes undone. */
struct probe_mount {
	uint64_t id;
	const char *root, *point, *type, *options; /* options: of the filesystem */
};

/* Takes a line apart in place.  Returns 0, or -1 when it is no such line.  Pure. */
int probe_parse_mount(char *line, struct probe_mount *m);

/* Fills `f`.  A host without any cgroup mount gives n_hierarchies == 0, which is no error. */
int probe_facts(struct err *e, struct facts *f);

/* Fills only what is about the caller: ids, user namespace, capabilities. */
int probe_caller(struct err *e, struct facts *f);

/* Fills whether AppArmor and SELinux are enabled, where `s` has a label; else they are false. */
void probe_labels(struct facts *f, const struct spec *s);

/* Is this process in a user namespace other than the initial one?  Told by /proc/self/uid_map: the
 * initial one maps every id to itself. */
bool probe_user_namespace(void);

#endif
