#include "base/fdsock.h"

#include "base/fdscope.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { FDS_MAX = 253 }; /* SCM_MAX_FD: no message carries more */

/* Room for control data, aligned as it wants to be. */
union control {
	struct cmsghdr header;
	char one[CMSG_SPACE(sizeof(int))];
	char all[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* The address of path; a longer one goes through *link, an O_PATH fd that must stay open. */
static int
address(struct sockaddr_un *to, const char *path, int *link)
{
	char short_path[32];

	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	if (str_format(to->sun_path, sizeof(to->sun_path), "%s", path) >= 0)
		return 0;
	*link = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
	if (*link < 0)
		return -1;
	(void)fd_path(short_path, *link); /* always fits */
	return str_format(to->sun_path, sizeof(to->sun_path), "%s", short_path);
}

int
fd_connect_unix(struct err *e, const char *path, int type)
{
	FD_AUTO int sock = -1, link = -1;
	struct sockaddr_un to;
	socklen_t size = sizeof(to);
	int r;

	if (!*path)
		return fail(e, "connect: the path of the socket is empty");
	sock = sys_socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (sock < 0 || address(&to, path, &link) < 0)
		return fail_errno(e, "connect to %s", path);
	if (*to.sun_path == '@') { /* a name without a file, as long as it is written */
		*to.sun_path = '\0';
		size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	}
	do
		r = connect(sock, (struct sockaddr *)&to, size);
	while (r < 0 && errno == EINTR);
	/* EISCONN: a signal interrupted us after the connection was made */
	if (r < 0 && errno != EISCONN)
		return fail_errno(e, "connect to %s", path);
	return fd_keep(&sock);
}

int
fd_send(int sock, const void *data, size_t len, int fd)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control;
	ssize_t n;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control.one));
		m.msg_control = control.one;
		m.msg_controllen = sizeof(control.one);
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	}
	do
		n = sys_sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n != len) {
		errno = EMSGSIZE;
		return -1;
	}
	return n < 0 ? -1 : 0;
}

/* CMSG_NXTHDR of musl does not compile without a warning about signs. */
static struct cmsghdr *
next_header(struct msghdr *m, struct cmsghdr *c)
{
	char *start = m->msg_control;
	size_t at = (size_t)((char *)c - start) + CMSG_ALIGN(c->cmsg_len);

	if (c->cmsg_len < sizeof(*c) || at + sizeof(*c) > m->msg_controllen)
		return NULL;
	return (void *)(start + at);
}

/* Takes the descriptors out of a message: the first into *kept, the others are closed. */
static void
take_descriptors(struct msghdr *m, int *kept)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = next_header(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*kept < 0)
				*kept = fd;
			else
				fd_close(&fd);
		}
	}
}

ssize_t
fd_recv(int sock, void *data, size_t len, int *fd)
{
	FD_AUTO int first = -1;
	union control control; /* room for all, so that those we do not want are seen and closed */
	struct iovec iov = {.iov_base = data, .iov_len = len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (fd)
		*fd = -1;
	do {
		m.msg_control = control.all;
		m.msg_controllen = sizeof(control.all);
		n = sys_recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	take_descriptors(&m, &first);
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		errno = EMSGSIZE;
		return -1;
	}
	if (fd)
		*fd = fd_keep(&first);
	return n;
}
