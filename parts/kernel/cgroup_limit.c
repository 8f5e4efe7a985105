/* The limits, and on v2 the controllers that they need. */
#include "kernel/cgroup.h"

#include "base/cgroupfs.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* -- limits ------------------------------------------------------------------------------------ */

/* Writes one limit, or two that belong together.  Returns how many of them are done with. */
static int
write_limits(struct err *e, int dir, const struct plan_limit *l)
{
	const struct plan_limit *next = l->next && l->next->dir == l->dir ? l->next : NULL;

	if (fd_write_file(e, dir, l->file, l->value) == 0)
		return l->how == PLAN_LIMIT_OR_NEXT ? 2 : 1;
	if (e->number == ENOENT && (l->how == PLAN_LIMIT_OR_NEXT || l->how == PLAN_LIMIT_IF_EXISTS))
		return 1;
	if (e->number != EINVAL || l->how != PLAN_LIMIT_AFTER_NEXT || !next)
		return context(e, "%s", l->property);
	if (fd_write_file(e, dir, next->file, next->value) < 0)
		return context(e, "%s", next->property);
	if (fd_write_file(e, dir, l->file, l->value) < 0)
		return context(e, "%s", l->property);
	return 2;
}

int
cgroup_limit(struct err *e, const struct plan_limit *l, uint32_t i, int dir)
{
	int done;

	IN(e, ROLE_HOST);
	for (; l; l = l->next) {
		if (l->dir != i)
			continue;
		TRY(done = write_limits(e, dir, l));
		if (done == 2)
			l = l->next;
	}
	return 0;
}

int64_t
cgroup_oom_kills(int fd)
{
	char text[512];
	const char *at;
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	uint64_t killed;

	text[n < 0 ? 0 : n] = '\0';
	at = str_find(text, "oom_kill ");
	if (!at || str_u64_n(at + 9, str_until(at + 9, "\n"), &killed) < 0)
		return -1;
	return (int64_t)killed;
}

/* Before Linux 4.13 v1 says only how often the limit was reached. */
bool
cgroup_out_of_memory(const struct cgroup_dirs *d)
{
	const struct cgroup_dir *memory = cgroup_of(d, "memory");
	FD_AUTO int dir = memory ? cgroupfs_open(memory->dir) : -1;
	FD_AUTO int fd = -1;
	int64_t killed;

	if (dir < 0)
		return false;
	fd = openat(dir, cgroup_is_v2(memory) ? "memory.events" : "memory.oom_control",
		O_RDONLY | O_CLOEXEC);
	killed = cgroup_oom_kills(fd);
	return killed > 0 ||
		(killed < 0 && !cgroup_is_v2(memory) && !cgroupfs_says(dir, "memory.failcnt", "0"));
}

/* -- controllers of cgroup v2 ------------------------------------------------------------------ */

enum { CONTROLLERS_BYTES = 512 };

/* What a cgroup has and what it hands on, as the words of two files. */
struct controllers {
	char has[CONTROLLERS_BYTES], enabled[CONTROLLERS_BYTES];
};

static int
read_controllers(struct err *e, int dir, struct controllers *c)
{
	TRY(fd_read_file(e, dir, "cgroup.controllers", c->has, sizeof c->has));
	TRY(fd_read_file(e, dir, "cgroup.subtree_control", c->enabled, sizeof c->enabled));
	return 0;
}

/* Is the word, of n bytes, among those of a line? */
static bool
has_word(const char *line, const char *word, size_t n)
{
	while (*line) {
		size_t length = str_until(line, " \n");

		if (length == n && strncmp(line, word, n) == 0)
			return true;
		line += length;
		line += str_span(line, " \n");
	}
	return false;
}

/* The controller of a file: its first word.  Those of the core have none. */
static size_t
controller_of(const struct plan_limit *l)
{
	size_t n = str_until(l->file, ".");

	return n == 6 && strncmp(l->file, "cgroup", n) == 0 ? 0 : n;
}

/* The first limit of a directory whose controller is not among the words; NULL: none. */
static const struct plan_limit *
find_missing(const struct plan_limit *l, uint32_t i, const char *words)
{
	for (; l; l = l->next) {
		size_t n = controller_of(l);

		if (l->dir == i && n > 0 && !has_word(words, l->file, n))
			return l;
	}
	return NULL;
}

/* All at once; where one of them is refused, one by one, as far as it goes: what is needed and
 * still missing is noticed at the end.  Not where it is busy: of what holds processes those that
 * know threads would make a threaded domain, below which nobody can live, cgroups(7). */
static void
hand_on(int dir, const struct controllers *c)
{
	char all[CONTROLLERS_BYTES * 2];
	struct str s = str_in(all, sizeof all);
	struct err ignored;
	const char *word;
	size_t n;

	for (word = c->has; *word; word += n, word += str_span(word, " \n")) {
		n = str_until(word, " \n");
		if (!has_word(c->enabled, word, n))
			(void)str_add(&s, "+%.*s ", (int)n, word); /* room for all of c->has */
	}
	if (s.len == 0 || fd_write_file(&ignored, dir, "cgroup.subtree_control", all) == 0 ||
		ignored.number == EBUSY)
		return;
	for (char *at = all; *at;) {
		char *end = at + str_until(at, " ");

		*end = '\0';
		if (fd_write_file(&ignored, dir, "cgroup.subtree_control", at) < 0)
			log_debug("cgroup: %s", ignored.text);
		at = end + 1;
	}
}

static int
open_part(struct err *e, const char *path, size_t n)
{
	char part[PLAN_PATH_MAX];
	int fd;

	if (str_format(part, sizeof part, "%.*s", (int)n, path) < 0)
		return fail(e, "%s: longer than %d bytes", path, PLAN_PATH_MAX - 1);
	fd = openat(AT_FDCWD, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail_errno(e, "open %s", part) : fd;
}

/* How much of its path is that of its parent. */
static size_t
parent_of(const struct plan_cgroup_dir *d)
{
	return (size_t)(strrchr(d->dir, '/') - d->dir);
}

/* From the mount point down to the parent, whose controllers are left in *c. */
static int
hand_down(struct err *e, const struct plan_cgroup_dir *d, struct controllers *c)
{
	size_t n = strlen(d->mount_point), last = parent_of(d);

	for (;;) {
		FD_AUTO int dir = -1;

		TRY(dir = open_part(e, d->dir, n));
		TRY(read_controllers(e, dir, c));
		hand_on(dir, c);
		if (n >= last)
			return read_controllers(e, dir, c);
		n += 1 + str_until(d->dir + n + 1, "/");
	}
}

int
cgroup_enable(struct err *e, const struct plan_cgroup *c, uint32_t i)
{
	const struct plan_cgroup_dir *d = &c->dir[i];
	const struct plan_limit *missing;
	struct controllers there;
	FD_AUTO int parent = -1;

	IN(e, ROLE_HOST);
	TRY(parent = open_part(e, d->dir, parent_of(d)));
	TRY(read_controllers(e, parent, &there));
	if (str_equal(there.has, there.enabled) && !find_missing(c->limits, i, there.enabled))
		return 0;
	TRY(hand_down(e, d, &there));
	missing = find_missing(c->limits, i, there.enabled);
	if (!missing)
		return 0;
	return fail(e, "%s: the cgroup controller %.*s is not available in %.*s", missing->property,
		(int)controller_of(missing), missing->file, (int)parent_of(d), d->dir);
}
