/* fdsock: Unix sockets: connect by a path of any length, pass one descriptor with a message.
 *
 * Contract: nothing here raises SIGPIPE; EINTR is retried; what is received is close-on-exec, and
 * of several descriptors in one message only the first is kept (CVE class S28).
 *
 * Floor: base (uses err, fdscope, str).  Runs in: any process.
 * Spec: security.md S28, 6.3.  Kernel: unix(7).
 */
#ifndef BASE_FDSOCK_H
#define BASE_FDSOCK_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Connects a new socket of type (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET) to path. Returns it. */
int fd_connect_unix(struct err *e, const char *path, int type);

/* Sends len bytes as one message, with fd unless that is negative; fd stays the caller's. Returns
 * 0, or -1 with errno (a short send is EMSGSIZE). len must not be 0 when an fd goes along. */
int fd_send(int sock, const void *data, size_t len, int fd);

/* Receives one message of at most len bytes. Returns its length, 0 at the end, or -1 with errno (a
 * message that is longer is EMSGSIZE and dropped whole). *fd is the descriptor that came along,
 * now the caller's, or -1; fd may be NULL: then all are closed. */
ssize_t fd_recv(int sock, void *data, size_t len, int *fd);

#endif
