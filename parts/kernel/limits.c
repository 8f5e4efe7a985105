#include "kernel/limits.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* RLIM_INFINITY is all ones, as the specification's unlimited. */
int
limits_resources(struct err *e, const struct spec_process *process)
{
	IN(e, ROLE_INIT | ROLE_JOIN);
	for (uint32_t i = 0; i < process->rlimits.n; i++) {
		const struct spec_rlimit *l = &process->rlimits.at[i];
		const struct rlimit limit = {.rlim_cur = l->soft, .rlim_max = l->hard};
		const char *name = words_name(WORDS_RLIMIT, l->resource);

		if (sys_prlimit(0, l->resource, &limit, NULL) < 0)
			return fail_errno(e, "process.rlimits[%u]: %s", i, name ? name : "unknown");
	}
	return 0;
}

void
limits_umask(const struct spec_process *process, unsigned caller)
{
	const struct spec_user *user = &process->user;

	(void)umask(
		(mode_t)(user->umask_set ? user->umask : caller)); /* the old one is of no use */
}

/* The new ring belongs to whoever makes it, and its possessor may do all: nothing else is needed
 * for the program to have one that is not the caller's (S15). */
int
limits_keyring(struct err *e, const char *name)
{
	long key;

	IN(e, ROLE_INIT | ROLE_JOIN);
	if (!name)
		return 0;
	key = sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)name, 0, 0, 0);
	if (key >= 0)
		return 0;
	if (errno != ENOSYS && errno != EDQUOT && errno != EPERM)
		return fail_errno(e, "session keyring %s", name);
	log_debug("session keyring %s: %s", name, errno_text(errno));
	return 0;
}

int
limits_oom_score(struct err *e, const struct spec_process *process, pid_t pid)
{
	char path[48], text[16];

	IN(e, ROLE_HOST | ROLE_STAGE);
	if (!process->oom_score_adj_set)
		return 0;
	if (str_format(path, sizeof path, "/proc/%d/oom_score_adj", pid) < 0 ||
		str_format(text, sizeof text, "%d", process->oom_score_adj) < 0)
		return fail(e, "process.oomScoreAdj: pid %d", pid);
	if (fd_write_file(e, AT_FDCWD, path, text) < 0) {
		errno = e->number;
		return fail_errno(e, "process.oomScoreAdj: %d", process->oom_score_adj);
	}
	return 0;
}
