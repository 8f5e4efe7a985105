/* procstat: one process as /proc/PID/stat shows it.
 *
 * Contract: a process is known by its pid and its start time together: the number alone may belong
 * to somebody else by now.  The second field of the line is the process's own business and may hold
 * any byte, so everything is counted from behind its last ')'.
 *
 * Floor: base (uses err, fd, str).  Runs in: any process.
 * Spec: security.md S16, section 8 (other texts).  Kernel: proc_pid_stat(5).
 */
#ifndef BASE_PROCSTAT_H
#define BASE_PROCSTAT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PROCSTAT_EXITING = 0x4,		/* PF_EXITING */
	PROCSTAT_NEVER_EXECUTED = 0x40, /* PF_FORKNOEXEC: cloned, and has not called execve(2) */
};

/* The name (PR_SET_NAME) of a process of ours that has cloned the program and stays as its init. */
#define PROCSTAT_STAYS "ocirt init"

struct procstat {
	char state;	  /* 'R', 'S', 'Z' ... */
	uint64_t flags;	  /* PF_* of the kernel, field 9 */
	uint64_t threads; /* of its thread group; more than 1 in a 'Z' whose threads live */
	uint64_t start;	  /* clock ticks after boot, field 22 */
	bool stays;	  /* calls itself PROCSTAT_STAYS */
	uint64_t pending; /* signals up to 31 that wait for it, field 31; 0 where it is missing */
};

/* Field n of a line, as proc_pid_stat(5) counts; n is at least 3.  NULL: there is none.  Pure. */
const char *procstat_field(const char *line, int n);

/* Takes a line apart. Returns 0, or -1 when it is no such line. Pure. */
int procstat_parse(const char *line, struct procstat *p);

/* Is it on its way out, or will it be because of a SIGKILL?  Pure. */
bool procstat_dying(const struct procstat *p);

/* Is there a program?  The process is it, or stays as its init.  Pure. */
bool procstat_has_program(const struct procstat *p);

/* Reads the line of a pid; e->number is ESRCH when there is no such process. */
int procstat_read(struct err *e, pid_t pid, struct procstat *p);

/* 1 when the process with that pid and start time lives; 0 when it does not, or is a zombie; -1
 * when that could not be found out. Pids 0 and 1 never live: no state file may name them. */
int procstat_alive(struct err *e, pid_t pid, uint64_t start);

#endif
