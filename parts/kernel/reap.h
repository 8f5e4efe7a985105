/* reap: wait for one child, hand on signals, reap everybody else.
 *
 * Contract: reap_run() is the whole life of a foreground runtime, and the core of the container
 * init: one poll(2) loop over a signalfd, and over the container's terminal where there is one.  It
 * forwards every signal that can be caught except SIGCHLD, SIGWINCH and those the kernel raises for
 * our own faults, copies window sizes, never blocks on a reader that stalls, and ends when its own
 * child has ended, the terminal's output having been drained.
 *
 * Floor: kernel (uses base).  Runs in: host.
 * Kernel: signalfd(2), waitid(2), prctl(PR_SET_CHILD_SUBREAPER), pty(7).
 */
#ifndef KERNEL_REAP_H
#define KERNEL_REAP_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

enum { REAP_FLOWS = 3 };

struct reap {
	pid_t child;   /* whose end is our end */
	int signal_fd; /* from reap_block(); -1 before it */
	int console;   /* master of the container's terminal, -1: none */
	int watched;   /* -1: none; on_input() is called when there is something to read */
	bool (*on_input)(void *arg); /* false: no more of it */
	void *arg;
	int terminal; /* the caller's terminal in raw mode, -1: none; sizes are copied from it */
	struct reap_flow {
		int from, to;
		bool used;
	} flow[REAP_FLOWS]; /* what is copied meanwhile; [0] is the program's input, whose end is
			     * handed on by closing `to`, unless that is the console */
};

/* Blocks all signals that will be forwarded and opens the signalfd: before the clone, so that none
 * is lost.  The child gets an empty mask by exec_program(). */
int reap_block(struct err *e, struct reap *r);

/* Becomes child subreaper (P2). */
int reap_subreaper(struct err *e);

/* Runs until the child has ended; returns its exit status, or 128 + n when signal n ended it. */
int reap_run(struct err *e, struct reap *r);

#endif
