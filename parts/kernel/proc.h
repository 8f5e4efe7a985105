/* proc: processes, known by pid and start time.
 *
 * Contract: a pid alone is never trusted (S16): every function takes the identity that create
 * recorded, and compares it after a pidfd has been opened where the kernel has pidfds (5.3).
 *
 * Floor: kernel (uses base).  Runs in: host.
 * Kernel: proc_pid_stat(5) field 22, pidfd_open(2), pidfd_send_signal(2).
 */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_identity {
	pid_t pid;	/* 0: none */
	uint64_t start; /* clock ticks after boot */
};

/* The start time of a pid, from behind the last ')' of /proc/PID/stat.  Fails with ESRCH in
 * e->number when there is no such process. */
int proc_start_time(struct err *e, pid_t pid, uint64_t *start);

/* True when that very process lives; a zombie does not (P4). */
bool proc_alive(const struct proc_identity *who);

/* Is it gone, or on its way out?  What joins its pid namespace is killed then. */
bool proc_ending(pid_t pid);

/* A pidfd of that very process, which is the caller's; *pidfd is -1 where the kernel has none or
 * a filter forbids them.  A dead one: fails with the text `container not running`. */
int proc_hold(struct err *e, const struct proc_identity *who, int *pidfd);

/* Sends a signal to that very process.  A dead one: fails with the text `container not running`. */
int proc_signal(struct err *e, const struct proc_identity *who, int signal);

/* Waits until that process is gone (dead or a zombie), at most `ms`: 1 gone, 0 still there. */
int proc_wait_gone(const struct proc_identity *who, int ms);

#endif
