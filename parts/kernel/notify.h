/* notify: the socket that stands for a service manager's NOTIFY_SOCKET in the container.
 *
 * Contract: the container gets a socket of its own, in a directory that create makes in the state
 * folder and binds at /run/notify.  What the program says of itself is not handed on, but that it
 * is ready: the service manager hears it from us, and whose pid is the main one.
 *
 * Floor: kernel (uses base).  Runs in: host.
 * Spec: engines.md 5.3; sd_notify(3).
 */
#ifndef KERNEL_NOTIFY_H
#define KERNEL_NOTIFY_H

#include "base/err.h"

#include <sys/types.h>

/* Makes the directory in the state folder `dir`. */
int notify_make(struct err *e, int dir);

/* Makes the socket in it, for everybody to write to: returns its descriptor, the caller's, or -1
 * (ENOENT in e->number: that container has no such directory). */
int notify_listen(struct err *e, int dir);

/* Takes one message.  One with a line "READY=..." goes to the socket `host`: this line, then
 * "MAINPID=" with `pid`, then a barrier: *end, the caller's, is the pipe that hangs up once all of
 * it has been read.  Returns 1 when it was one, 0 when it was another, -1 when it could not be
 * handed on. */
int notify_pass(struct err *e, int fd, const char *host, pid_t pid, int *end);

/* Waits until that has come, and for the barrier, 30 s at most; or until process `pid` has ended.
 * Closes fd. */
int notify_wait(struct err *e, int fd, const char *host, pid_t pid);

#endif
