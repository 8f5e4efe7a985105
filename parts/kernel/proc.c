#include "kernel/proc.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/procstat.h"
#include "base/role.h"
#include "base/sys.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

enum { WAIT_STEP = 10 }; /* ms between two looks where there is no pidfd */

int
proc_start_time(struct err *e, pid_t pid, uint64_t *start)
{
	struct procstat p;

	IN(e, ROLE_HOST);
	TRY(procstat_read(e, pid, &p));
	*start = p.start;
	return 0;
}

/* Where it cannot be found out (no descriptor left), "lives" is the answer that destroys nothing.
 */
bool
proc_alive(const struct proc_identity *who)
{
	struct err ignored;

	return procstat_alive(&ignored, who->pid, who->start) != 0;
}

bool
proc_ending(pid_t pid)
{
	struct err unread;
	struct procstat p;

	return procstat_read(&unread, pid, &p) < 0 || procstat_dying(&p);
}

/* A pidfd, or -1 with the reason in errno. */
static int
open_pidfd(pid_t pid)
{
	if (pid <= 1) {
		errno = ESRCH;
		return -1;
	}
	return sys_pidfd_open(pid, 0);
}

/* S16: the identity is compared after the pidfd is open: from then on the number may be reused, the
 * descriptor is not. */
int
proc_hold(struct err *e, const struct proc_identity *who, int *pidfd)
{
	FD_AUTO int fd = -1;
	int alive, why;

	IN(e, ROLE_HOST);
	*pidfd = -1;
	fd = open_pidfd(who->pid);
	why = errno;
	TRY(alive = procstat_alive(e, who->pid, who->start));
	if (!alive)
		return fail(e, "container not running");
	errno = why;
	if (fd < 0 && errno != ENOSYS && errno != EPERM)
		return fail_errno(e, "unable to signal init");
	*pidfd = fd_keep(&fd);
	return 0;
}

int
proc_signal(struct err *e, const struct proc_identity *who, int signal)
{
	FD_AUTO int pidfd = -1;
	int r = -1;

	TRY(proc_hold(e, who, &pidfd));
	if (pidfd >= 0)
		r = sys_pidfd_send_signal(pidfd, signal, NULL, 0);
	if (pidfd < 0 || (r < 0 && errno == ENOSYS)) /* before Linux 5.3, or filtered */
		r = sys_kill(who->pid, signal);
	if (r < 0 && errno == ESRCH)
		return fail(e, "container not running");
	if (r < 0)
		return fail_errno(e, "unable to signal init");
	return 0;
}

int
proc_wait_gone(const struct proc_identity *who, int ms)
{
	FD_AUTO int pidfd = open_pidfd(who->pid);
	int64_t end = clock_ms() + ms;

	while (proc_alive(who)) {
		int64_t left = end - clock_ms();
		struct pollfd p = {.fd = pidfd, .events = POLLIN};

		if (left <= 0)
			return 0;
		if (pidfd < 0 && left > WAIT_STEP)
			left = WAIT_STEP;
		(void)poll(&p, pidfd < 0 ? 0 : 1, (int)left); /* EINTR: we look again */
	}
	return 1;
}
