/* sync: the messages between the processes of one create, and their legal order.
 *
 * Contract: one SOCK_SEQPACKET socketpair between host and init; one message is a kind, an errno, a
 * text and at most one descriptor.  Nothing is sent that nobody asked for:
 *
 *     kind      from   when                                              answer
 *     PLACED    host   once: id maps are written, the cgroups are        none
 *                      entered and the init's pid is on record
 *     PID       stage  once, where there is a stage: text is the pid;    none
 *                      before PLACED, for which what it cloned waits
 *     HOOKS     init   when there are prestart or createRuntime hooks    HOOKS
 *     CONSOLE   init   when process.terminal: the master, text its name  none
 *     WARNINGS  init   when some are waiting: text for log_adopt()       none
 *     READY     init   create only: everything but the program is done   none
 *     FAIL      init   instead of anything: errno and text               none
 *
 * Those of the init come in this order, each at most once: sync_in_order() holds it to that.
 *
 * End-of-file without FAIL: after PLACED of a `run` it means that the program was executed (the
 * socket is close-on-exec), else that the init died.
 *
 * Floor: roles (uses base).  Runs in: host, stage, init.
 * Spec: security.md S5, S28.
 */
#ifndef ROLES_SYNC_H
#define ROLES_SYNC_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sync_kind {
	SYNC_END, /* the other side is gone: never sent */
	SYNC_PLACED,
	SYNC_PID,
	SYNC_HOOKS,
	SYNC_CONSOLE,
	SYNC_WARNINGS,
	SYNC_READY,
	SYNC_FAIL,
};

struct sync_message {
	uint32_t kind;	/* enum sync_kind */
	struct err err; /* errno and text */
};

/* A connected pair, both ends close-on-exec and the caller's. */
int sync_pair(struct err *e, int pair[2]);

/* Sends a message; `text` may be NULL, `fd` -1.  A peer that is gone is an error, not a signal. */
int sync_send(struct err *e, int sock, enum sync_kind kind, const char *text, int fd);

/* Sends *failure as FAIL.  Nothing can be done where that does not work. */
void sync_fail(int sock, const struct err *failure);

/* Receives one message into *m; kind is SYNC_END at the end.  *fd gets the descriptor that came
 * along (the caller's) or -1; NULL: none is taken. */
int sync_receive(struct err *e, int sock, struct sync_message *m, int *fd);

/* May the init send `kind` now?  `asked` has a bit for each kind that somebody has asked for; *last
 * is the one before, SYNC_END at first, and becomes this one. */
bool sync_in_order(unsigned asked, unsigned *last, unsigned kind);

/* Receives until `want` comes: anything else is a failure (FAIL's own text, or what is missing).
 * The text of the message goes to `text`, unless size is 0. */
int sync_expect(struct err *e, int sock, enum sync_kind want, char *text, size_t size);

#endif
