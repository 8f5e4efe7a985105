#include "roles/sync.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

int
sync_pair(struct err *e, int pair[2])
{
	if (sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_errno(e, "socketpair");
	return 0;
}

/* What of a message is sent: everything up to the NUL of its text. */
static size_t
length(const struct sync_message *m)
{
	return offsetof(struct sync_message, err.text) + strlen(m->err.text) + 1;
}

int
sync_send(struct err *e, int sock, enum sync_kind kind, const char *text, int fd)
{
	struct sync_message m;
	size_t n = text ? strlen(text) : 0;

	m.kind = kind;
	m.err.number = 0;
	if (n >= sizeof m.err.text)
		n = sizeof m.err.text - 1;
	if (n > 0)
		memcpy(m.err.text, text, n);
	m.err.text[n] = '\0';
	if (fd_send(sock, &m, length(&m), fd) < 0)
		return fail_errno(e, "sync: send");
	return 0;
}

void
sync_fail(int sock, const struct err *failure)
{
	struct sync_message m = {.kind = SYNC_FAIL, .err = *failure};

	(void)fd_send(sock, &m, length(&m), -1); /* nobody is left to be told */
}

int
sync_receive(struct err *e, int sock, struct sync_message *m, int *fd)
{
	ssize_t n = fd_recv(sock, m, sizeof *m, fd);

	/* A peer that ended without reading everything: the kernel tells that first (unix(7)), and
	 * what the peer had sent, its FAIL, only to those who ask again. */
	if (n < 0 && errno == ECONNRESET)
		n = fd_recv(sock, m, sizeof *m, fd);
	if (n < 0)
		return fail_errno(e, "sync: receive");
	if (n == 0) {
		m->kind = SYNC_END;
		return 0;
	}
	if ((size_t)n <= offsetof(struct sync_message, err.text) || m->kind > SYNC_FAIL)
		return fail(e, "sync: a message of %zd bytes", n);
	((char *)m)[n - 1] = '\0';
	return 0;
}

/* The order of the enum.  The end, and a failure, may come at any time. */
bool
sync_in_order(unsigned asked, unsigned *last, unsigned kind)
{
	bool good = kind > *last && asked >> kind & 1;

	*last = kind;
	return good || kind == SYNC_END || kind == SYNC_FAIL;
}

int
sync_expect(struct err *e, int sock, enum sync_kind want, char *text, size_t size)
{
	struct sync_message m;

	TRY(sync_receive(e, sock, &m, NULL));
	if (m.kind == want && size > 0)
		(void)str_format(
			text, size, "%s", m.err.text); /* what is longer was not asked for */
	if (m.kind == want)
		return 0;
	if (m.kind == SYNC_FAIL) {
		*e = m.err;
		return -1;
	}
	if (m.kind == SYNC_END)
		return fail(e, "the runtime has ended");
	return fail(e, "sync: message %u where %u was due", m.kind, want);
}
