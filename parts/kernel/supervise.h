/* supervise: one main program, and everybody whom it leaves behind.
 *
 * Contract: supervise_begin() blocks every signal and undoes an ignored SIGCHLD, supervise_spawn()
 * starts the main program with what our own caller had set, supervise_run() hands signals on,
 * reaps, and stops the rest when the time has come.  There is one blocking call, no handler, no
 * timer unless something is being stopped, and no error that ends us before the main program does.
 * What is asked for stands in struct supervise; nothing is chosen here.
 *
 * Floor: kernel (uses base).  Runs in: the container's init, or any process (`ocirt init`).
 * Spec: init.md 2 to 5.  Kernel: signal(7), rt_sigtimedwait(2), rt_sigqueueinfo(2), ptrace(2),
 * credentials(7).
 */
#ifndef KERNEL_SUPERVISE_H
#define KERNEL_SUPERVISE_H

#include "base/err.h"
#include "base/sig.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What happens, for whoever wants to tell it.  The number is a pid, a signal or a status.  Those
 * from SUPERVISE_FORBIDDEN on are always told, the others when `loud` is set. */
enum supervise_event {
	SUPERVISE_SPAWNED,	  /* pid; the text is the program */
	SUPERVISE_PLACED,	  /* in the child: its session is made */
	SUPERVISE_CHILD_SIGNAL,	  /* SIGCHLD has come */
	SUPERVISE_RECEIVED,	  /* signal */
	SUPERVISE_FORWARDED,	  /* signal, as it was rewritten */
	SUPERVISE_NOT_FORWARDED,  /* signal */
	SUPERVISE_HANDED_OFF,	  /* signal that our own giving up of the terminal caused */
	SUPERVISE_SUSPENDED,	  /* we stop ourselves */
	SUPERVISE_REAPED,	  /* pid; the other number is its status */
	SUPERVISE_REAPED_KILLED,  /* the same; a signal */
	SUPERVISE_EXITED,	  /* status of the main program */
	SUPERVISE_KILLED,	  /* signal that ended the main program */
	SUPERVISE_ENDED,	  /* status that we end with */
	SUPERVISE_FORBIDDEN,	  /* signal that may not be sent; once for each */
	SUPERVISE_LOST,		  /* somebody else has taken the main program's status */
	SUPERVISE_NOT_EXECUTED,	  /* in the child: errno; the text is the program */
	SUPERVISE_NO_INTERPRETER, /* the same, when the file is there */
	SUPERVISE_EVENTS,
};

/* A signal's row. */
struct supervise_route {
	uint8_t to;	   /* what is sent instead; 0: nothing */
	bool rewritten;	   /* `to` was asked for by name */
	bool not_from_tty; /* passed over when the kernel sends it, as a terminal does */
	bool suspends;	   /* afterwards we stop ourselves */
	bool once;	   /* passed over once */
	bool stops;	   /* begins the end, see stop_ms */
	bool told;	   /* SUPERVISE_FORBIDDEN was */
};

struct supervise {
	/* Set by the caller after supervise_begin(). */
	char **argv;	    /* the main program; NULL: there is none, stop signals end us with 0.
			     * argv[-1] must be ours to write */
	bool group;	    /* signals go to its process group */
	bool setsid;	    /* it gets a session, and our terminal */
	bool same_place;    /* it stays in our process group */
	bool default_child; /* it gets no ignored signals and an empty mask */
	bool null_stdio;    /* /dev/null instead of our 0 and 1 */
	bool leave;	    /* the main program's end is ours; no sweep */
	bool last_term;	    /* before that its group gets SIGTERM */
	bool wait_all;	    /* its end is not ours: wait for the others */
	bool die_alike;	    /* end by the signal that ended it */
	uint8_t missing, denied, failed; /* exit status when it cannot be executed */
	uint8_t own_error;		 /* ... when it cannot be cloned */
	int parent_signal;		 /* when our parent ends; 0: none */
	int stop_ms;	   /* from the stop signal to SIGTERM for all; 0: no such limit */
	int grace_ms;	   /* from there to SIGKILL */
	uint8_t remap[32]; /* bits of statuses that become 0 */
	struct supervise_route route[SIG_END];
	bool loud;
	void (*tell)(enum supervise_event event, int number, int other, const char *text);

	/* Ours. */
	pid_t self, group_before, child;
	bool ended;
	int status; /* wait status of the main program */
	struct sig_mask mask_before;
	struct sig_action chld_before;
};

/* Before anything else: from here no signal is lost.  Routes are set one to one. */
void supervise_begin(struct supervise *s);

/* Becomes child subreaper. */
int supervise_subreaper(struct err *e);

/* Clones what is to be the main program, and returns when it is in its place, that is when its
 * group can be sent signals: the pid, or 0 in the child, whose signals are all blocked still.  `no
 * fork` is the one error: -1. */
pid_t supervise_fork(struct err *e, struct supervise *s);

/* Closes our descriptors from 3 on but `kept` (-1: none), and enters `/`; see null_stdio. */
void supervise_let_go(const struct supervise *s, int kept);

/* Both, and the child becomes s->argv.  It reports its own failure, by tell() and its exit status.
 */
int supervise_spawn(struct err *e, struct supervise *s);

/* Returns the exit status; or ends by a signal, see die_alike. */
int supervise_run(struct supervise *s);

#endif
