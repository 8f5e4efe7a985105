/* Joining all namespaces of a process (exec). */
#include "kernel/ns.h"

#include "base/fd.h"
#include "base/procstat.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

static int
gone(struct err *e)
{
	return fail(e, "cannot exec in a stopped container");
}

/* Before Linux 5.8.  S16: what was opened by number is that process's if it lives afterwards. */
static int
open_files(struct err *e, const struct ns_target *t, uint64_t flags, int fd[NAMESPACES])
{
	char path[48];
	int alive;

	for (enum namespace ns = 0; ns < NAMESPACES; ns++) {
		if (!(flags & words_namespace_flag(ns)))
			continue;
		(void)str_format(path, sizeof path, "/proc/%d/ns/%s", t->pid,
			words_namespace_file(ns)); /* fits */
		fd[ns] = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
		if (fd[ns] < 0)
			return errno == ENOENT ? gone(e) : fail_errno(e, "open %s", path);
	}
	TRY(alive = procstat_alive(e, t->pid, t->start));
	return alive ? 0 : gone(e);
}

/* The order of the enum: user first, mount last. */
static int
join_files(struct err *e, const struct ns_target *t, uint64_t flags)
{
	int fd[NAMESPACES], result;

	for (enum namespace ns = 0; ns < NAMESPACES; ns++)
		fd[ns] = -1;
	result = open_files(e, t, flags, fd);
	for (enum namespace ns = 0; ns < NAMESPACES; ns++) {
		if (result == 0 && fd[ns] >= 0 &&
			sys_setns(fd[ns], (int)words_namespace_flag(ns)) < 0)
			result = fail_errno(
				e, "joining the %s namespace", words_name(WORDS_NAMESPACE, ns));
		fd_close(&fd[ns]);
	}
	return result;
}

int
ns_join(struct err *e, const struct ns_target *t, uint64_t flags)
{
	IN(e, ROLE_STAGE | ROLE_JOIN);
	if (flags == 0)
		return 0;
	if (t->pidfd < 0) {
		TRY(join_files(e, t, flags));
	} else if (sys_setns(t->pidfd, (int)flags) < 0) {
		if (errno == ESRCH)
			return gone(e);
		if (errno != EINVAL)
			return fail_errno(e, "joining the container's namespaces");
		TRY(join_files(e, t, flags));
	}
	return flags & CLONE_NEWUSER ? ns_become_root(e) : 0;
}
