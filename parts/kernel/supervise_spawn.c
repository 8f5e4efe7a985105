/* The main program: its place, what it inherits, and its execution (init.md 2.3, 2.4, 3, 5). */
#include "base/clock.h"
#include "base/arena.h"
#include "base/fd.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

void
supervise_begin(struct supervise *s)
{
	sig_block(&s->mask_before);
	sig_set(SIGCHLD, false, &s->chld_before); /* ignored: the kernel would reap in our place */
	for (int sig = 1; sig < SIG_END; sig++)
		s->route[sig].to = (uint8_t)sig;
	s->self = getpid();
}

int
supervise_subreaper(struct err *e)
{
	if (sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return fail_errno(e, "child subreaper");
	return 0;
}

/* -- in the child ------------------------------------------------------------------------------ */

/* Only from whoever has it: a job in the background must not take the terminal (3.3).  That there
 * is none, or that it is another session's, is no error. */
static void
take_foreground(const struct supervise *s)
{
	FD_AUTO int own = -1;
	int fd = 0;
	pid_t group;

	if (ioctl(fd, TIOCGPGRP, &group) < 0)
		fd = own = openat(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TIOCGPGRP, &group) < 0 || group != s->group_before)
		return;
	group = getpid();
	(void)ioctl(fd, (int)TIOCSPGRP, &group);
}

static void
take_place(const struct supervise *s)
{
	if (s->setsid) {
		(void)sys_setsid();
		(void)ioctl(0, TIOCSCTTY, 0);
	} else if (!s->same_place) {
		(void)setpgid(0, 0);
		take_foreground(s);
	}
}

/* NAME=pid-of-ours becomes NAME=pid-of-the-child; room for the text is the caller's. */
static void
readdress(const struct supervise *s, const char *name, char *text, size_t size)
{
	(void)str_format(text, size, "%s%d", name, s->self);
	for (char **at = environ; at && *at; at++)
		if (str_equal(*at, text)) {
			(void)str_format(text, size, "%s%d", name, getpid());
			*at = text;
			return;
		}
}

/* A file without `#!` is the shell's, as execvp(3) has it.  Returns only on failure. */
static void
execute(char **argv, char *path)
{
	(void)execve(path, argv, environ);
	if (errno != ENOEXEC)
		return;
	argv[0] = path;
	argv[-1] = (char[]){"sh"};
	(void)execve("/bin/sh", argv - 1, environ);
	errno = ENOEXEC;
}

/* execvp(3): what may not be executed is remembered, what is not there passed over. */
static void
search(char **argv)
{
	static char path[4096] BUFFER;
	const char *dirs = getenv("PATH"), *name = argv[0];
	int error = ENOENT;

	if (strchr(name, '/')) {
		execute(argv, argv[0]);
		return;
	}
	for (const char *at = dirs ? dirs : "/usr/local/bin:/bin:/usr/bin"; *name; at++) {
		int len = (int)str_until(at, ":");

		errno = ENOENT;
		if (str_format(path, sizeof path, "%.*s%s%s", len, at, len ? "/" : "", name) >= 0)
			execute(argv, path);
		if (errno == EACCES)
			error = errno;
		else if (errno != ENOENT && errno != ENOTDIR)
			return;
		at += len;
		if (!*at)
			break;
	}
	errno = error;
}

static _Noreturn void
become(const struct supervise *s)
{
	char listen[32], watchdog[32], *name = s->argv[0];

	sig_set_back(SIGCHLD, &s->chld_before);
	if (s->default_child)
		sig_default(); /* the mask, too: that is opened once more, in a moment */
	readdress(s, "LISTEN_PID=", listen, sizeof listen);
	readdress(s, "WATCHDOG_PID=", watchdog, sizeof watchdog);
	/* Last of all.  Every disposition is the program's by now, so a signal ends us properly or
	 * waits for the program. */
	if (!s->default_child)
		sig_restore(&s->mask_before);
	search(s->argv);

	int number = errno;
	bool there = number == ENOENT && strchr(name, '/') && access(name, F_OK) == 0;

	sig_set(SIGPIPE, true, NULL); /* nobody may be there to read it */
	s->tell(there ? SUPERVISE_NO_INTERPRETER : SUPERVISE_NOT_EXECUTED, number, 0, name);
	_exit(number == ENOENT ? s->missing : number == EACCES ? s->denied : s->failed);
}

/* -- in the init ------------------------------------------------------------------------------- */

/* What we keep open or stay in would keep others waiting: the reader of a pipe, umount(2).  What
 * the image has as /dev/null is never used, and must not become our terminal. */
void
supervise_let_go(const struct supervise *s, int kept)
{
	if (s->null_stdio) {
		FD_AUTO int fd =
			openat(AT_FDCWD, "/dev/null", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

		for (int i = 0; i < 2; i++)
			if (fd < 0 || sys_dup3(fd, i, 0) < 0)
				(void)close(i);
	}
	(void)fd_close_except(3, &kept, 1);
	(void)sys_chdir("/");
}

pid_t
supervise_fork(struct err *e, struct supervise *s)
{
	int report[2] = {-1, -1};
	char byte;

	s->group_before = getpgid(0);
	/* The terminal is the new session's; a leader that gives it up gets HUP and CONT. */
	if (s->setsid && ioctl(0, TIOCNOTTY) == 0 && getsid(0) == s->self)
		s->route[SIGHUP].once = s->route[SIGCONT].once = true;
	(void)sys_pipe2(report, O_CLOEXEC); /* without it a signal may come too early */
	s->child = sys_clone(SIGCHLD, NULL);
	if (s->child < 0)
		return fail_errno(e, "fork");
	if (s->child == 0) {
		take_place(s);
		(void)write(report[1], "", 1); /* nobody reads: then we shall be killed, too */
	} else {
		(void)close(report[1]);
		if (s->loud)
			s->tell(SUPERVISE_SPAWNED, s->child, 0, s->argv[0]);
		if (!s->setsid && !s->same_place)
			(void)setpgid(s->child, s->child);
		if (read(report[0], &byte, 1) == 1 && s->setsid &&
			s->loud) /* all signals wait meanwhile: no EINTR */
			s->tell(SUPERVISE_PLACED, s->child, 0, NULL);
	}
	(void)close(report[0]);
	if (s->child == 0)
		(void)close(report[1]);
	return s->child;
}

int
supervise_spawn(struct err *e, struct supervise *s)
{
	pid_t parent = getppid();

	IN(e, ROLE_HOST);
	if (s->parent_signal &&
		sys_prctl(PR_SET_PDEATHSIG, (unsigned)s->parent_signal, 0, 0, 0) < 0)
		return fail_errno(e, "parent death signal");
	TRY(supervise_fork(e, s));
	if (s->child == 0)
		become(s);
	supervise_let_go(s, -1);
	if (s->parent_signal && getppid() != parent)
		(void)sys_kill(s->child, s->parent_signal);
	return 0;
}
