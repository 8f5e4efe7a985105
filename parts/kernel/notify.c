#include "kernel/notify.h"

#include "base/fd.h"
#include "base/fdsock.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	MESSAGE_MAX = 4096,
	BARRIER_MS = 30000,
	SEND_MS = 3000,
	LOOK_MS = 1000, /* how often to look for the end of a process where there is no pidfd */
};

static const char name[] = "notify/notify.sock";

int
notify_make(struct err *e, int dir)
{
	IN(e, ROLE_HOST);
	return sys_mkdirat(dir, "notify", 0755) < 0 ? fail_errno(e, "mkdir notify") : 0;
}

int
notify_listen(struct err *e, int dir)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	FD_AUTO int fd = -1;

	IN(e, ROLE_HOST);
	fd = sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_errno(e, "socket");
	(void)fd_path(at.sun_path, dir);
	strcat(at.sun_path, "/notify/notify.sock"); /* fits */
	(void)sys_unlinkat(dir, name, 0);	    /* of a start that was killed */
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || sys_fchmodat(dir, name, 0777) < 0)
		return fail_errno(e, "%s", name);
	return fd_keep(&fd);
}

/* A full queue is waited for, but not for ever: signals wait, too. */
static int
say(int sock, const char *text, size_t len, int fd)
{
	struct pollfd p = {.fd = sock, .events = POLLOUT};

	(void)poll(&p, 1, SEND_MS);
	return fd_send(sock, text, len, fd);
}

/* The service manager closes its end of the pipe once it has read everything before.  Returns
 * ours. */
static int
barrier(struct err *e, int sock)
{
	static const char text[] = "BARRIER=1";
	FD_AUTO int mine = -1, theirs = -1;
	int pair[2];

	if (sys_pipe2(pair, O_CLOEXEC) < 0)
		return fail_errno(e, "pipe");
	mine = pair[0];
	theirs = pair[1];
	if (say(sock, text, sizeof text - 1, theirs) < 0)
		return fail_errno(e, "send");
	return fd_keep(&mine);
}

static int
tell(struct err *e, const char *host, const char *line, size_t len, pid_t pid)
{
	FD_AUTO int sock = fd_connect_unix(e, host, SOCK_DGRAM | SOCK_NONBLOCK);
	char text[24];
	int n = str_format(text, sizeof text, "MAINPID=%d", pid);

	TRY(sock);
	if (say(sock, line, len, -1) < 0 || say(sock, text, (size_t)n, -1) < 0)
		return fail_errno(e, "send");
	return barrier(e, sock);
}

int
notify_pass(struct err *e, int fd, const char *host, pid_t pid, int *end)
{
	char text[MESSAGE_MAX + 1];
	ssize_t n = recv(fd, text, MESSAGE_MAX, MSG_DONTWAIT);

	IN(e, ROLE_HOST);
	text[n < 0 ? 0 : n] = '\0';
	for (char *line = text; *line; line += line[str_until(line, "\n")] != '\0') {
		size_t len = str_until(line, "\n");

		if (str_starts(line, "READY=")) {
			*end = tell(e, host, line, len, pid);
			return *end < 0 ? context(e, "NOTIFY_SOCKET") : 1;
		}
		line += len;
	}
	return 0;
}

int
notify_wait(struct err *e, int fd, const char *host, pid_t pid)
{
	FD_AUTO int mine = fd;
	FD_AUTO int pidfd = sys_pidfd_open(pid, 0);
	FD_AUTO int end = -1;
	struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
	int done = 0;

	while (done == 0 && sys_kill(pid, 0) == 0) {
		p[0].revents = p[1].revents = 0;
		(void)poll(p, 2, LOOK_MS);
		if (p[0].revents)
			done = notify_pass(e, fd, host, pid, &end);
		else if (p[1].revents)
			break;
	}
	p[0] = (struct pollfd){.fd = end};
	if (end >= 0)
		(void)poll(p, 2, BARRIER_MS);
	return done < 0 ? -1 : 0;
}
