/* The start gate of kernel/state: a pair of FIFOs, one for the byte of `start`, one for the answer.
 */
#include "kernel/state.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static const char gate_name[] = "exec.fifo", hidden_name[] = ".exec.fifo",
		  answer_name[] = "exec.answer";

int
state_gate_make(struct err *e, int dir)
{
	IN(e, ROLE_HOST);
	if (sys_mknodat(dir, hidden_name, S_IFIFO | 0600, 0) < 0)
		return fail_errno(e, "create %s", gate_name);
	return 0;
}

static int
open_fifo(struct err *e, int dir, const char *name, int flags)
{
	FD_AUTO int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(e, "open %s", name);
	if (!S_ISFIFO(st.st_mode))
		return fail(e, "%s is not a FIFO", name);
	return fd_keep(&fd);
}

int
state_gate_open(struct err *e, int dir, struct state_gate *g)
{
	FD_AUTO int gate = -1, answer = -1;

	IN(e, ROLE_HOST);
	if (sys_fchmodat(dir, hidden_name, 0622) < 0) /* runc's mode, whatever the umask */
		return fail_errno(e, "create %s", gate_name);
	if (sys_mknodat(dir, answer_name, S_IFIFO | 0600, 0) < 0)
		return fail_errno(e, "create %s", answer_name);
	TRY(gate = open_fifo(e, dir, hidden_name, O_RDWR));
	TRY(answer = open_fifo(e, dir, answer_name, O_RDWR));
	g->gate = fd_keep(&gate);
	g->answer = fd_keep(&answer);
	return 0;
}

int
state_ready(struct err *e, int dir)
{
	IN(e, ROLE_HOST);
	if (sys_renameat(dir, hidden_name, dir, gate_name) < 0)
		return fail_errno(e, "show %s", gate_name);
	return 0;
}

/* Until end-of-file: nothing means that the program was executed, else it is the init's error text.
 */
static int
hear(struct err *e, int answer)
{
	char text[ERR_TEXT_MAX];
	struct pollfd p = {.fd = answer, .events = POLLIN};
	size_t len = 0;
	ssize_t n = 1;

	while (n != 0 && len < sizeof text - 1) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return fail_errno(e, "waiting for the container's answer");
		n = read(answer, text + len, sizeof text - 1 - len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail_errno(e, "reading the container's answer");
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	if (len == 0)
		return 0;
	(void)fail(e, "%s", text + (text[0] == STATE_BY_HOOK));
	e->number = text[0] == STATE_BY_HOOK ? ECANCELED : 0;
	return -1;
}

/* The answer is opened first: once the init, which holds both ends of both, has been seen at the
 * gate, its end cannot be missed.  Who removes the name is the one starter (S31). */
int
state_release(struct err *e, int dir)
{
	FD_AUTO int gate = -1, answer = -1;
	ssize_t n;

	IN(e, ROLE_HOST);
	answer = open_fifo(e, dir, answer_name, O_RDONLY | O_NONBLOCK);
	if (answer >= 0)
		gate = open_fifo(e, dir, gate_name, O_WRONLY | O_NONBLOCK);
	if (gate < 0 && e->number == ENXIO)
		return fail(e, "cannot start a container that has stopped");
	if (gate < 0 && e->number == ENOENT)
		return fail(e, "cannot start an already running container");
	TRY(gate);
	if (sys_unlinkat(dir, gate_name, 0) < 0)
		return fail_errno(e, "remove %s", gate_name);
	do
		n = write(gate, "", 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		return fail_errno(e, "open the start gate");
	fd_close(&gate);
	(void)sys_unlinkat(dir, answer_name, 0); /* its last use; delete looks again */
	return hear(e, answer);
}

void
state_gate_drop(int dir)
{
	(void)sys_unlinkat(dir, hidden_name, 0); /* delete looks again */
}

void
state_gate_remove(int dir)
{
	/* Each may be gone already. */
	(void)sys_unlinkat(dir, hidden_name, 0);
	(void)sys_unlinkat(dir, answer_name, 0);
	(void)sys_unlinkat(dir, gate_name, 0);
}

bool
state_gate_named(int dir, bool shown)
{
	struct stat st;

	return fstatat(dir, shown ? gate_name : hidden_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
