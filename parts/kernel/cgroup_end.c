/* Signals to everybody in the cgroups, and the removal.
 *
 * A hostile container may nest cgroups as deep as paths allow, so trees are walked with one
 * descriptor: down by name, up by "..". */
#include "kernel/cgroup.h"

#include "base/cgroupfs.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum {
	KILL_PASSES = 60,  /* about a second with the pauses below */
	FREEZE_AFTER = 3,  /* passes without the freezer: the usual container is dead by then */
	PAUSE_MAX = 20,	   /* ms */
	FREEZE_WAIT = 200, /* ms until everybody is frozen; then it is done without */
	EMPTY_WAIT = 5,	   /* ms for the dead to leave a cgroup */
};

/* -- signals ----------------------------------------------------------------------------------- */

struct delivery {
	int signal; /* -1: only count */
	uint32_t met, hidden;
	bool self;   /* we are one of them */
	bool thaw;   /* v1: a killed process dies once it is thawed */
	pid_t *list; /* gets those that are met, and us; NULL: not wanted */
	uint32_t n, max;
};

static void
deliver(struct delivery *v, pid_t pid)
{
	if (v->n < v->max && pid > 1)
		v->list[v->n++] = pid;
	if (pid == getpid()) {
		v->self = true;
		return;
	}
	if (pid <= 1) { /* 0: a process that our pid namespace does not show */
		v->hidden++;
		return;
	}
	v->met++;
	if (v->signal >= 0)
		(void)sys_kill(pid, v->signal); /* gone already: as good as delivered */
}

/* Reads cgroup.procs, a number a line. */
static void
visit_processes(int dir, void *arg)
{
	struct delivery *v = arg;
	FD_AUTO int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n;
	pid_t pid = 0;

	while (fd >= 0 && (n = read(fd, text, sizeof text)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (text[i] - '0');
			} else {
				deliver(v, pid);
				pid = 0;
			}
		}
	}
	if (v->thaw)
		(void)cgroupfs_write(dir, "freezer.state", "THAWED");
}

/* The processes of one hierarchy's cgroup and below it. */
static void
deliver_in(const struct cgroup_dir *d, struct delivery *v)
{
	FD_AUTO int dir = cgroupfs_open(d->dir);

	if (dir >= 0)
		cgroupfs_walk(&dir, visit_processes, v);
}

uint32_t
cgroup_count(const struct cgroup_dir *d)
{
	struct delivery look = {.signal = -1};

	deliver_in(d, &look);
	return look.met + look.hidden + look.self;
}

/* Ascending: by shells, since the lists of several cgroups follow each other. */
static void
sort(pid_t *at, uint32_t n)
{
	for (uint32_t gap = n / 2; gap > 0; gap /= 2)
		for (uint32_t i = gap; i < n; i++)
			for (uint32_t k = i; k >= gap && at[k - gap] > at[k]; k -= gap) {
				pid_t other = at[k];

				at[k] = at[k - gap];
				at[k - gap] = other;
			}
}

uint32_t
cgroup_pids(const struct cgroup_dirs *d, pid_t *list, uint32_t max)
{
	struct delivery look = {.signal = -1, .list = list, .max = max};
	const struct cgroup_dir *in = cgroup_best(d);

	if (in)
		deliver_in(in, &look);
	sort(list, look.n);
	return look.n;
}

/* Freezes for the time of a delivery, so that nobody forks away from it.  False when it was not
 * possible, or had been done by somebody who wants it to stay so. */
static bool
freeze_for_now(int dir, bool v2)
{
	if (cgroup_frozen_dir(dir, v2) || cgroupfs_says(dir, "cgroup.freeze", "1") ||
		cgroup_freeze_dir(dir, v2, true) < 0)
		return false;
	for (int ms = 0; ms < FREEZE_WAIT && !cgroup_frozen_dir(dir, v2); ms++)
		clock_sleep(1);
	return true;
}

/* Each process once. */
static uint32_t
signal_once(const struct cgroup_dirs *d, int signal)
{
	const struct cgroup_dir *in = cgroup_best(d);
	struct delivery look = {.signal = -1}, v = {.signal = signal};
	FD_AUTO int dir = in ? cgroupfs_open(in->dir) : -1;
	bool thaw;

	if (dir < 0)
		return 0;
	deliver_in(in, &look);
	thaw = !look.self && (cgroup_is_v2(in) || cgroup_is_freezer(in)) &&
		freeze_for_now(dir, cgroup_is_v2(in));
	deliver_in(in, &v);
	if (thaw)
		(void)cgroup_freeze_dir(dir, cgroup_is_v2(in), false);
	return v.met;
}

/* One round of SIGKILL through every hierarchy: nobody is out of all of them.  Returns how many
 * processes are left to die. */
static uint32_t
kill_pass(const struct cgroup_dirs *d, bool with_freezer)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < d->n; i++) {
		struct delivery look = {.signal = -1};
		struct delivery v = {.signal = SIGKILL, .thaw = cgroup_is_freezer(&d->at[i])};
		FD_AUTO int dir = cgroupfs_open(d->at[i].dir);

		if (dir < 0)
			continue;
		deliver_in(&d->at[i], &look);
		if (cgroup_is_v2(&d->at[i]) && look.met > 0 && !look.self &&
			cgroupfs_write(dir, "cgroup.kill", "1") == 0) {
			most = look.met > most ? look.met : most; /* Linux 5.14 */
			continue;
		}
		if (with_freezer && look.met > 0 && !look.self && v.thaw)
			(void)freeze_for_now(dir, false);
		if (look.met > 0 || v.thaw)
			deliver_in(&d->at[i], &v);
		most = v.met > most ? v.met : most;
	}
	return most;
}

uint32_t
cgroup_signal(const struct cgroup_dirs *d, int signal)
{
	uint32_t most = 0;
	int pause = 1;

	if (signal != SIGKILL)
		return signal_once(d, signal);
	for (int pass = 0; pass < KILL_PASSES; pass++) {
		uint32_t met = kill_pass(d, pass >= FREEZE_AFTER);

		most = met > most ? met : most;
		if (met == 0)
			break;
		clock_sleep(pause);
		pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
	}
	return most;
}

/* -- removal ----------------------------------------------------------------------------------- */

static bool
has_child(int dir)
{
	char name[NAME_MAX + 1];
	int64_t at = 0;

	return cgroupfs_next(dir, &at, name);
}

/* Removes the children of *dir that have none themselves.  Returns 0 when no child is left, 1 when
 * it has gone down into one, -1 with EBUSY when one is in use. */
static int
remove_children(int *dir)
{
	char name[NAME_MAX + 1];
	int64_t at = 0;

	while (cgroupfs_next(*dir, &at, name)) {
		FD_AUTO int child = -1;

		if (sys_unlinkat(*dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if (errno != EBUSY)
			return -1;
		child = cgroupfs_at(*dir, name);
		if (child < 0)
			continue;
		if (!has_child(child)) {
			errno = EBUSY;
			return -1;
		}
		fd_close(dir);
		*dir = fd_keep(&child);
		return 1;
	}
	return 0;
}

/* Removes everything below *dir, bottom-up.  *dir is the caller's. */
static int
remove_below(int *dir)
{
	int depth = 0;

	for (;;) {
		int r = remove_children(dir);

		if (r < 0)
			return -1;
		if (r == 0 && depth == 0)
			return 0;
		if (r == 0 && !cgroupfs_go(dir, "..")) {
			errno = EBUSY; /* somebody else removes, too: look again */
			return -1;
		}
		depth += r > 0 ? 1 : -1;
	}
}

/* Removes a cgroup that has neither processes nor children: 0, or -1 with errno. */
static int
remove_leaf(const char *path)
{
	struct statfs fs;

	if (sys_statfs(path, &fs) < 0)
		return -1;
	if (!cgroupfs_is(&fs)) {
		errno = ENOENT;
		return -1;
	}
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* The leaf, and when it is in use what the container made below it first. */
static int
remove_tree(const char *path)
{
	FD_AUTO int dir = -1;

	if (remove_leaf(path) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -1;
	dir = cgroupfs_open(path);
	if (dir < 0)
		return errno == ENOENT ? 0 : -1;
	if (!has_child(dir)) {
		errno = EBUSY;
		return -1;
	}
	if (remove_below(&dir) < 0)
		return -1;
	return remove_leaf(path) < 0 && errno != ENOENT ? -1 : 0;
}

/* One try: the tree, then what create had made above it.  0, or -1 with errno. */
static int
remove_once(const struct cgroup_dir *d)
{
	size_t kept = strlen(d->existed);
	char path[PLAN_PATH_MAX];

	if (remove_tree(d->dir) < 0)
		return -1;
	if (str_format(path, sizeof path, "%s", d->dir) < 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *end = strrchr(path, '/'); end > path + kept; end = strrchr(path, '/')) {
		*end = '\0';
		if (remove_leaf(path) < 0 && errno != ENOENT)
			return errno == EBUSY || errno == ENOTEMPTY ? 0
								    : -1; /* used by others now */
	}
	return 0;
}

static int
remove_one(struct err *e, const struct cgroup_dir *d, int64_t deadline)
{
	size_t kept = strlen(d->existed);

	if (str_equal(d->existed, d->dir))
		return 0;
	if (kept == 0 || strncmp(d->dir, d->existed, kept) != 0 || d->dir[kept] != '/')
		return fail(e, "cgroup: %s is not below %s", d->dir, d->existed);
	for (int pause = 1; remove_once(d) < 0;
		pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX) {
		if (errno != EBUSY || clock_ms() >= deadline)
			return fail_errno(e, "cgroup: rmdir %s", d->dir);
		clock_sleep(pause);
	}
	return 0;
}

int
cgroup_remove(struct err *e, const struct cgroup_dirs *d, int patience_ms)
{
	int64_t deadline = clock_ms() + patience_ms;
	int r = 0;

	IN(e, ROLE_HOST);
	for (uint32_t i = 0; i < d->n; i++)
		if (remove_one(e, &d->at[i], deadline) < 0)
			r = -1; /* the others all the same */
	return r;
}

bool
cgroup_remove_empty(const struct cgroup_dirs *d)
{
	const struct cgroup_dir *first = cgroup_best(d);
	struct err ignored;

	for (uint32_t i = 0; i < d->n; i++)
		if (str_equal(d->at[i].existed, d->at[i].dir))
			return false; /* it is not ours to remove, so this would tell nothing */
	if (!first)
		return true;
	return remove_one(&ignored, first, clock_ms() + EMPTY_WAIT) == 0 &&
		cgroup_remove(&ignored, d, EMPTY_WAIT) == 0;
}
