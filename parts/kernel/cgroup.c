/* Making and entering; what ends a cgroup is in cgroup_end.c, the device program in cgroup_bpf.c.
 */
#include "kernel/cgroup.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char trouble[] = "unable to apply cgroup configuration";

/* -- what is there ----------------------------------------------------------------------------- */

/* The longest leading part of dir, at least what is not ours to remove, that exists.  Looked for
 * from the end: of the usual path all but the last name is there. */
static const char *
existing_part(struct err *e, const struct plan_cgroup_dir *d)
{
	char *part = arena_string(e, "%s", d->dir);
	struct stat st;

	while (part && strlen(part) > d->keep && stat(part, &st) < 0)
		*strrchr(part, '/') = '\0';
	return part;
}

static int
check_empty(struct err *e, int dir)
{
	FD_AUTO int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[4096];
	uint32_t found = 0;
	ssize_t n;

	if (fd < 0)
		return fail_errno(e, "cgroup: open cgroup.procs");
	while ((n = read(fd, text, sizeof text)) > 0)
		for (ssize_t i = 0; i < n; i++)
			found += text[i] == '\n';
	if (n < 0 && errno != EOPNOTSUPP) /* a threaded cgroup */
		return fail_errno(e, "cgroup: read cgroup.procs");
	if (found > 0)
		return fail(e, "container's cgroup is not empty: %u process(es) found", found);
	return 0;
}

static int
survey_dir(struct err *e, const struct plan_cgroup_dir *p, struct cgroup_dir *d)
{
	FD_AUTO int dir = -1;
	uint32_t found;

	d->controllers = p->v2 ? "" : p->controllers;
	d->dir = p->dir;
	d->existed = existing_part(e, p);
	if (!d->existed)
		return -1;
	if (!str_equal(d->existed, d->dir))
		return 0;
	dir = openat(AT_FDCWD, d->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return fail_errno(e, "cgroup: open %s", d->dir);
	TRY(check_empty(e, dir));
	/* Sub-cgroups too: kill and delete would reach whoever is in them. */
	found = cgroup_count(d);
	if (found > 0)
		return fail(e, "container's cgroup is not empty: %u process(es) found", found);
	return 0;
}

int
cgroup_survey(struct err *e, const struct plan *p, struct cgroup_dirs *d)
{
	bool there = false;

	IN(e, ROLE_HOST);
	d->n = 0;
	for (uint32_t i = 0; i < p->cgroup.n_dirs && p->cgroup.used; i++) {
		TRY(survey_dir(e, &p->cgroup.dir[i], &d->at[i]));
		there |= str_equal(d->at[i].existed, d->at[i].dir);
		d->n++;
	}
	if (there && cgroup_frozen(d))
		return fail(e, "container's cgroup unexpectedly frozen");
	return 0;
}

/* -- making ------------------------------------------------------------------------------------ */

/* Copies one file of the parent where the child's is empty: without CPUs and memory nodes nobody
 * can enter a cpuset (cgroup-v1/cpusets).  *parent is opened when it is needed. */
static int
fill_from_parent(struct err *e, int *parent, int dir, const char *file)
{
	char text[4096];

	TRY(fd_read_file(e, dir, file, text, sizeof text));
	if (text[str_span(text, " \n")] != '\0')
		return 0;
	if (*parent < 0)
		*parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*parent < 0)
		return fail_errno(e, "open ..");
	TRY(fd_read_file(e, *parent, file, text, sizeof text));
	if (text[str_span(text, " \n")] == '\0')
		return fail(e, "%s is empty in the parent, too", file);
	return fd_write_file(e, dir, file, text);
}

static bool
is_cpuset(const struct plan_cgroup_dir *d)
{
	return !d->v2 && str_listed(d->controllers, "cpuset");
}

/* One component: made unless it is there. */
static int
make_component(struct err *e, const struct plan_cgroup_dir *d, const char *path)
{
	FD_AUTO int dir = -1;
	FD_AUTO int parent = -1;

	if (sys_mkdirat(AT_FDCWD, path, 0755) < 0 && errno != EEXIST)
		return fail_errno(e, "mkdir %s", path);
	if (!is_cpuset(d))
		return 0;
	dir = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_errno(e, "open %s", path);
	if (fill_from_parent(e, &parent, dir, "cpuset.cpus") < 0 ||
		fill_from_parent(e, &parent, dir, "cpuset.mems") < 0)
		return context(e, "%s", path);
	return 0;
}

/* Every component behind the first `at` bytes of the path, from the top. */
static int
make_path(struct err *e, const struct plan_cgroup_dir *d, size_t at)
{
	char path[PLAN_PATH_MAX];
	size_t len = strlen(d->dir);

	if (len >= sizeof path)
		return fail(e, "%s: longer than %d bytes", d->dir, PLAN_PATH_MAX - 1);
	memcpy(path, d->dir, len + 1);
	while (path[at] == '/') {
		at += 1 + str_until(path + at + 1, "/");
		path[at] = '\0';
		TRY(make_component(e, d, path));
		path[at] = d->dir[at];
	}
	return 0;
}

/* Below what the survey found.  From the top where that is no longer so, and where a cpuset that
 * was there already may be empty itself. */
static int
make_missing(struct err *e, const struct plan_cgroup_dir *d, const char *existed)
{
	bool all_there = str_equal(existed, d->dir);

	if (!(all_there && is_cpuset(d)) && make_path(e, d, strlen(existed)) == 0)
		return 0;
	return make_path(e, d, strlen(d->mount_point));
}

static bool
not_permitted(int number)
{
	return number == EPERM || number == EACCES || number == EROFS;
}

/* What the caller agreed to lose (CD-3, rootless) is lost with a warning; anything else fails. */
static int
lose_device_rules(const struct err *e, const struct plan *p)
{
	if (!p->cgroup.tolerate || !not_permitted(e->number))
		return -1;
	log_warning("device rules are not applied: %s", e->text);
	return 0;
}

/* Device rules are many lines for one file: it stays open, with its name, for the next line. */
static int
write_value(
	struct err *e, int dir, const struct plan_device_rule *w, const char **open_file, int *fd)
{
	if (!*open_file || !str_equal(*open_file, w->file)) {
		fd_close(fd);
		*open_file = w->file;
		*fd = openat(dir, w->file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	}
	if (*fd < 0)
		return fail_errno(e, "open %s", w->file);
	return fd_write(e, *fd, w->value, strlen(w->value), w->file);
}

static int
write_device_rules(struct err *e, const struct plan *p, const struct plan_cgroup_dir *d, int dir)
{
	FD_AUTO int fd = -1;
	const char *open_file = NULL;

	for (uint32_t i = 0; i < d->n_device_rules; i++)
		if (write_value(e, dir, &d->device_rules[i], &open_file, &fd) < 0)
			return lose_device_rules(e, p) < 0 ? context(e, "%s", d->dir) : 0;
	if (!d->v2 || !p->cgroup.devices)
		return 0;
	if (cgroup_attach_devices(e, &p->cgroup, dir) < 0 && lose_device_rules(e, p) < 0)
		return context(e, "%s", d->dir);
	return 0;
}

static const struct plan_limit *
first_limit(const struct plan *p, uint32_t i)
{
	const struct plan_limit *l = p->cgroup.limits;

	while (l && l->dir != i)
		l = l->next;
	return l;
}

/* Not where a limit would be lost (I8), or a path was named. */
static int
pass_over(struct err *e, const struct plan *p, const struct plan_limit *limit)
{
	if (!p->cgroup.tolerate || !not_permitted(e->number))
		return -1;
	if (limit)
		(void)context(e, "cannot set %.*s limit: container could not join or create cgroup",
			(int)str_until(limit->file, "."), limit->file);
	if (limit || p->spec->linux_.cgroups_path)
		return context(e,
			"rootless needs no limits + no cgrouppath when no permission is "
			"granted for cgroups");
	log_debug("cgroup: passed over: %s", e->text);
	return 0;
}

/* Hands the directory to its owner, with the files that the kernel names for it, and no other
 * (config-linux.md#cgroup-ownership).  One that does not exist is passed over. */
static int
hand_over(struct err *e, const struct plan_cgroup *c, const struct plan_cgroup_dir *d, int dir)
{
	static const char names[] = "/sys/kernel/cgroup/delegate";
	static const char usual[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads";
	char text[4096] = "";

	if (fd_read_file(e, AT_FDCWD, names, text, sizeof text) < 0 && e->number != ENOENT)
		return -1;
	if (text[0] == '\0') /* before Linux 4.15 */
		memcpy(text, usual, sizeof usual);
	if (sys_fchown(dir, (uid_t)c->owner, (gid_t)-1) < 0)
		return fail_errno(e, "chown %s", d->dir);
	for (char *name = text; *name != '\0';) {
		size_t len = str_until(name, "\n");
		bool last = name[len] == '\0';

		name[len] = '\0';
		if (strchr(name, '/') ||
			(sys_fchownat(dir, name, (uid_t)c->owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) <
					0 &&
				errno != ENOENT))
			return fail_errno(e, "chown %s/%s", d->dir, name);
		name += len + !last;
	}
	return 0;
}

/* Returns 1, or 0 when it is passed over. */
static int
make_one(struct err *e, const struct plan *p, uint32_t i, const char *existed)
{
	const struct plan_cgroup_dir *d = &p->cgroup.dir[i];
	const struct plan_limit *limit = first_limit(p, i);
	FD_AUTO int dir = -1;

	if (make_missing(e, d, existed) < 0)
		return pass_over(e, p, limit);
	if (d->v2)
		TRY(cgroup_enable(e, &p->cgroup, i));
	if (!limit && d->n_device_rules == 0 &&
		!(d->v2 && (p->cgroup.devices || p->cgroup.owner >= 0)))
		return 1;
	dir = openat(AT_FDCWD, d->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return fail_errno(e, "open %s", d->dir);
	TRY(cgroup_limit(e, p->cgroup.limits, i, dir));
	TRY(write_device_rules(e, p, d, dir));
	if (d->v2 && p->cgroup.owner >= 0)
		TRY(hand_over(e, &p->cgroup, d, dir));
	return 1;
}

int
cgroup_make(struct err *e, const struct plan *p, struct cgroup_dirs *d)
{
	uint32_t kept = 0;

	IN(e, ROLE_HOST);
	for (uint32_t i = 0; i < d->n; i++) {
		int made = make_one(e, p, i, d->at[i].existed);

		if (made < 0) {
			/* The rest stays on the list: what was made of it is for remove. */
			for (; i < d->n; i++)
				d->at[kept++] = d->at[i];
			d->n = kept;
			return context(e, "%s", trouble);
		}
		if (made)
			d->at[kept++] = d->at[i];
	}
	d->n = kept;
	return 0;
}

/* -- entering ---------------------------------------------------------------------------------- */

static int
open_door(struct err *e, const char *dir, const char *file, int flags)
{
	char path[PLAN_PATH_MAX];
	int fd;

	if (str_format(path, sizeof path, "%s/%s", dir, file) < 0)
		return fail(e, "%s: %s: path too long", trouble, dir);
	fd = openat(AT_FDCWD, path, flags | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail_errno(e, "%s: open %s", trouble, path) : fd;
}

static int
open_doors(struct err *e, const struct cgroup_dir *d, struct cgroup_door *door)
{
	int fd;

	if (*d->controllers) {
		TRY(fd = open_door(e, d->dir, "tasks", O_WRONLY));
		door->tasks[door->n_tasks++] = fd;
		return 0;
	}
	TRY(door->v2_dir = open_door(e, d->dir, "", O_PATH | O_DIRECTORY));
	return 0;
}

int
cgroup_open(struct err *e, const struct cgroup_dirs *d, struct cgroup_door *door)
{
	IN(e, ROLE_HOST);
	door->v2_dir = -1;
	door->n_tasks = 0;
	for (uint32_t i = 0; i < d->n; i++) {
		if (open_doors(e, &d->at[i], door) < 0) {
			cgroup_close(door);
			return -1;
		}
	}
	return 0;
}

/* The doors were opened one after the other: their numbers mostly are in a row. */
static bool
close_row(const struct cgroup_door *door)
{
	uint32_t n = door->n_tasks;

	for (uint32_t i = 1; i < n; i++)
		if (door->tasks[i] != door->tasks[0] + (int)i)
			return false;
	return n > 1 &&
		sys_close_range((unsigned)door->tasks[0], (unsigned)door->tasks[n - 1], 0) == 0;
}

void
cgroup_close(struct cgroup_door *door)
{
	fd_close(&door->v2_dir);
	if (close_row(door))
		door->n_tasks = 0;
	for (uint32_t i = 0; i < door->n_tasks; i++)
		fd_close(&door->tasks[i]);
	door->n_tasks = 0;
}

/* The digit zero means the writer. */
static int
move_self(struct err *e, int fd)
{
	char link[32], path[256];
	ssize_t n;
	int why;

	do
		n = write(fd, "0", 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	why = errno;
	(void)fd_path(link, fd); /* cannot be cut: 32 bytes hold any number */
	n = readlinkat(AT_FDCWD, link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	errno = why;
	return fail_errno(e, "%s: enter %s", trouble, path);
}

/* Where the kernel knows no CLONE_INTO_CGROUP (before 5.7). */
static int
enter_v2(struct err *e, int dir)
{
	FD_AUTO int fd = openat(dir, "cgroup.procs", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? fail_errno(e, "%s: open cgroup.procs", trouble) : move_self(e, fd);
}

int
cgroup_enter(struct err *e, const struct cgroup_door *door, bool placed)
{
	IN(e, ROLE_STAGE | ROLE_INIT | ROLE_JOIN);
	for (uint32_t i = 0; i < door->n_tasks; i++)
		TRY(move_self(e, door->tasks[i]));
	if (door->v2_dir >= 0 && !placed)
		return enter_v2(e, door->v2_dir);
	return 0;
}
