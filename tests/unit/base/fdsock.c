#include "base/fd.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
count_fds(void)
{
	int n = 0;

	for (int i = 0; i < 300; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

/* A message with three descriptors, as a peer that does not keep to the protocol sends it. */
static void
send_three(int sock, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} control;
	int fds[3] = {fd, fd, fd};
	struct iovec iov = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	memset(&control, 0, sizeof(control));
	m.msg_control = &control;
	m.msg_controllen = sizeof(control);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	is_int(sendmsg(sock, &m, 0), 1, "a message with three descriptors is sent");
}

static void
messages(void)
{
	int pair[2], fd = -1, got = -1, before;
	struct stat a, b;
	char buf[16];

	is_int(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0, "a socket pair");
	before = count_fds();
	is_int(fd_send(pair[0], "hello", 5, -1), 0, "send without a descriptor");
	is_int(fd_recv(pair[1], buf, sizeof(buf), &got), 5, "receive it");
	ok(memcmp(buf, "hello", 5) == 0 && got == -1, "text and no descriptor");
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	is_int(fd_send(pair[0], "fd", 2, fd), 0, "send a descriptor");
	is_int(fd_recv(pair[1], buf, sizeof(buf), &got), 2, "receive it");
	ok(got >= 0 && got != fd, "a new number");
	fstat(fd, &a);
	fstat(got, &b);
	ok(a.st_rdev == b.st_rdev && a.st_ino == b.st_ino, "of the same file");
	ok(fcntl(got, F_GETFD) & FD_CLOEXEC, "close-on-exec");
	fd_close(&got);
	send_three(pair[0], fd);
	is_int(fd_recv(pair[1], buf, sizeof(buf), &got), 1, "three came along");
	is_int(count_fds(), before + 2, "one was kept");
	fd_close(&got);
	send_three(pair[0], fd);
	is_int(fd_recv(pair[1], buf, sizeof(buf), NULL), 1, "three that nobody wants");
	is_int(count_fds(), before + 1, "all are closed");
	is_int(fd_send(pair[0], "0123456789abcdefg", 17, fd), 0, "a message that is too long");
	is_int(fd_recv(pair[1], buf, sizeof(buf), &got), -1, "is refused");
	ok(errno == EMSGSIZE && got == -1, "and its descriptor closed");
	fd_close(&fd);
	is_int(count_fds(), before, "nothing is left open");
	fd_close(&pair[0]);
	is_int(fd_recv(pair[1], buf, sizeof(buf), &got), 0, "the end");
	is_int(fd_send(pair[1], "x", 1, -1), -1, "sending to nobody");
	is_int(errno, EPIPE, "is EPIPE and no signal");
	fd_close(&pair[1]);
}

/* A listener at the end of a path of any length. */
static int
listener(const char *dir)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "sock"};
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (chdir(dir) < 0 || bind(sock, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		listen(sock, 1) < 0)
		return -1;
	return sock;
}

static void
connections(void)
{
	char dir[512] = "/tmp/ocirt-test-XXXXXX", part[128], path[600];
	struct err e = {0};
	int sock, fd, before = count_fds();

	ok(mkdtemp(dir) != NULL, "a directory");
	memset(part, 'd', sizeof(part) - 1);
	part[sizeof(part) - 1] = '\0';
	part[0] = '/';
	strcat(dir, part);
	is_int(mkdir(dir, 0700), 0, "with a long name in it");
	sock = listener(dir);
	ok(sock >= 0, "a listener");
	snprintf(path, sizeof(path), "%s/sock", dir);
	fd = fd_connect_unix(&e, path, SOCK_STREAM);
	ok(fd >= 0, "connect to a path of %zu bytes: %s", strlen(path), e.text);
	fd_close(&fd);
	fd = fd_connect_unix(&e, "sock", SOCK_STREAM);
	ok(fd >= 0, "connect to a short path");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "close-on-exec");
	fd_close(&fd);
	is_int(fd_connect_unix(&e, "nobody", SOCK_STREAM), -1, "connect to nobody");
	is_str(e.text, "connect to nobody: no such file or directory", "says so");
	is_int(e.number, ENOENT, "with its errno");
	fd_close(&sock);
	is_int(fd_connect_unix(&e, path, SOCK_STREAM), -1, "connect to a dead socket");
	is_int(e.number, ECONNREFUSED, "is refused");
	is_int(fd_connect_unix(&e, "", SOCK_STREAM), -1, "connect to nothing");
	is_int(count_fds(), before, "nothing is left open");
	unlink("sock");
	ok(chdir("/") == 0 && rmdir(dir) == 0, "clean up");
	*strrchr(dir, '/') = '\0';
	rmdir(dir);
}

int
main(void)
{
	messages();
	connections();
	return done_testing();
}
