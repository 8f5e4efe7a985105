/* seccomp: load the plan's filter, and hand its listener to an agent.
 *
 * Contract: the host connects to the agent before anything is cloned, so that a missing one is an
 * error in time; the process that becomes the program loads the filter as the last thing before its
 * exec, and after that makes no call but the sendmsg(2) of the listener, execve(2) and exit.  What
 * it needs for the load beside no_new_privs is CAP_SYS_ADMIN (plan_creds.keep_sys_admin).
 *
 * Floor: kernel (uses base, plan).
 * Spec: config-linux.md#seccomp, #containerprocessstate.  Kernel: seccomp(2), seccomp_unotify(2).
 */
#ifndef KERNEL_SECCOMP_H
#define KERNEL_SECCOMP_H

#include "base/err.h"
#include "plan/seccomp.h"

#include <stddef.h>

/* Connects to listenerPath where the filter has a listener: *agent is the caller's socket,
 * close-on-exec, or -1.  Fails with `failed to connect with seccomp agent PATH`.  Runs in: host. */
int seccomp_connect(struct err *e, const struct plan_filter *f, int *agent);

/* Loads the filter.  *listener is its descriptor, close-on-exec, or -1.  A flag that the kernel
 * does not know is an error that names linux.seccomp.flags.  Runs in: init, join. */
int seccomp_load(struct err *e, const struct plan_filter *f, int *listener);

/* Sends the container process state with the listener in one message (SC-9).  Runs in: init, join.
 */
int seccomp_hand_over(struct err *e, int agent, const char *state, size_t len, int listener);

/* The own filter of a process of ours that stays as an init: it may wait, send signals, look into
 * /proc, write, and end (security.md 7.5).  Needs no_new_privs.  Where the kernel has no filters
 * there is none: it is a second line of defence.  Runs in: init, join. */
void seccomp_confine(void);

#endif
