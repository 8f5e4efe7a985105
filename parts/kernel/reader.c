#include "kernel/reader.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* execvp(3), smaller.  Only absolute directories count: we may be in a bundle by now, whose
 * programs are not the caller's. */
static void
execute(char *const argv[])
{
	const char *at = getenv("PATH");
	char path[PATH_MAX];

	for (at = at ? at : "/usr/bin:/bin"; *at; at += *at == ':') {
		size_t len = str_until(at, ":");

		if (*at == '/' &&
			str_format(path, sizeof path, "%.*s/%s", (int)len, at, argv[0]) > 0)
			(void)execve(path, argv, environ); /* not this one: the next */
		at += len;
	}
}

static _Noreturn void
become(char *const argv[], enum reader_stderr how, int out)
{
	if (how == READER_CLOSED)
		(void)close(2);
	else if (how == READER_JOINED)
		(void)dup2(out, 2);
	sig_default();
	if (dup2(out, 1) == 1)
		execute(argv);
	_exit(127);
}

int
reader_start(struct err *e, char *const argv[], enum reader_stderr how, pid_t *pid)
{
	int pair[2];

	IN(e, ROLE_HOST);
	sig_set(SIGCHLD, false, NULL); /* were it ignored, no status would ever come */
	if (sys_pipe2(pair, O_CLOEXEC) < 0)
		return fail_errno(e, "pipe");
	*pid = sys_clone(SIGCHLD, NULL);
	if (*pid == 0)
		become(argv, how, pair[1]);
	if (*pid < 0)
		(void)fail_errno(e, "clone");
	(void)close(pair[1]);
	if (*pid > 0)
		return pair[0];
	(void)close(pair[0]);
	return -1;
}

int
reader_end(pid_t pid)
{
	int status = 255 << 8; /* whose end is not to be had did not succeed */

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
