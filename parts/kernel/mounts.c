#include "kernel/mounts.h"

#include "base/fd.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "words/mountopt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	DATA_MAX = 4096, /* bytes; mount(2) takes one page and cuts the rest in silence */
	SEALS_MAX = 16,	 /* mounts waiting to turn read-only, inside each other */
	PROC_ROOT_INO = 1,
};

/* Security.md 5.2: what may be mounted on below /proc (lxcfs and the like). */
static const char below_proc[][24] = {
	/* clang-format off */
	"cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
	"sys/kernel/ns_last_pid", "sys/crypto/fips_enabled",
	/* clang-format on */
};

/* A mount that turns read-only once everything below it is there. */
struct seal {
	int fd;
	const char *destination;
};

/* What the functions of this file hand each other. */
struct job {
	const struct plan *plan;
	const struct mounts_taken *taken;
	uint32_t n_taken; /* that have been mounted */
	int root_dir;
	struct fd_parent parent; /* where the last missing target was made */
	struct seal seal[SEALS_MAX];
	uint32_t n_seals;
};

static bool
is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/* --- the target ------------------------------------------------------------------------------- */

static int
inside_proc(struct err *e, const struct plan_mount *m)
{
	return fail(e, "\"%s\" cannot be mounted because it is inside /proc", m->destination);
}

static int
not_ordinary(struct err *e, const struct plan_mount *m)
{
	return fail(e, "filesystem \"%s\" must be mounted on ordinary directory", m->type);
}

/* Where a row is mounted. */
struct target {
	int fd;
	bool literal; /* found without following a link: its path is that of the config */
	bool made;    /* by us */
};

/* The plan has cleaned it; here it must be so, or the path would not be what the kernel finds. */
static bool
is_clean(const char *path)
{
	return !str_find(path, "//") && !str_find(path, "/.") && !str_ends(path, "/");
}

static int
open_literal(struct err *e, const struct job *j, const char *path, int flags)
{
	return fd_resolve(
		e, j->root_dir, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

/* Makes what is missing.  The usual case, only the last name is, takes fewer steps; what goes wrong
 * there is left to the walk, which can follow links and says what the matter is. */
static int
make_target(struct err *e, struct job *j, const struct plan_mount *m, enum fd_kind kind,
	struct target *t)
{
	const char *last;
	t->made = true;
	int dir =
		t->literal ? fd_parent_keep(e, j->root_dir, m->destination, &j->parent, &last) : -1;
	int made = -1;

	if (dir >= 0 && kind == FD_DIRECTORY)
		made = sys_mkdirat(dir, last, 0755);
	else if (dir >= 0)
		made = sys_mknodat(dir, last, S_IFREG | 0644, 0);
	if (made == 0)
		t->fd = open_literal(e, j, m->destination, 0);
	if (t->fd >= 0)
		return 0;
	t->literal = false;
	t->fd = fd_make_in_root(
		e, j->root_dir, m->destination, kind, kind == FD_DIRECTORY ? 0755 : 0644);
	return t->fd < 0 ? -1 : 0;
}

/* proc and sysfs: no component of the target may be a link, or a process of the image could make
 * label writes and masks land elsewhere (CVE-2019-19921, CVE-2023-27561). */
static int
open_plain_directory(struct err *e, struct job *j, const struct plan_mount *m, struct target *t)
{
	const int flags = O_DIRECTORY | O_NOFOLLOW;

	t->fd = open_literal(e, j, m->destination, flags);
	if (t->fd < 0 && e->number == ENOENT) {
		TRY(make_target(e, j, m, FD_DIRECTORY, t));
		fd_close(&t->fd);
		t->literal = is_clean(m->destination);
		t->fd = open_literal(e, j, m->destination, flags);
	}
	if (t->fd < 0 && (e->number == ELOOP || e->number == ENOTDIR))
		return not_ordinary(e, m);
	return t->fd < 0 ? -1 : 0;
}

/* What is there is taken as it is: the kernel refuses a directory on a file and the reverse.
 * `source` is what is bound, or NULL. */
static int
open_target(struct err *e, struct job *j, const struct plan_mount *m, const struct mnt_look *source,
	struct target *t)
{
	*t = (struct target){.fd = -1, .literal = is_clean(m->destination)};
	if (m->proc_or_sys)
		return open_plain_directory(e, j, m, t);
	if (t->literal)
		t->fd = open_literal(e, j, m->destination, 0);
	if (!t->literal || (t->fd < 0 && e->number == ELOOP)) {
		t->literal = false;
		t->fd = fd_in_root(e, j->root_dir, m->destination, O_PATH);
	}
	if (t->fd >= 0)
		return 0;
	if (e->number != ENOENT || m->kind == PLAN_MOUNT_REMOUNT)
		return -1;
	if (is_below(m->destination, "/proc"))
		return inside_proc(e, m); /* nothing can be made there */
	return make_target(e, j, m, !source || S_ISDIR(source->mode) ? FD_DIRECTORY : FD_FILE, t);
}

/* The path by which the kernel knows an open file. */
static int
read_path(struct err *e, int fd, char out[PLAN_PATH_MAX])
{
	char link[32];
	ssize_t n;

	(void)fd_path(link, fd);
	n = readlinkat(AT_FDCWD, link, out, PLAN_PATH_MAX);
	if (n < 0)
		return fail_errno(e, "readlink %s", link);
	if (n == PLAN_PATH_MAX)
		return fail(e, "its path is longer than %d bytes", PLAN_PATH_MAX - 1);
	out[n] = '\0';
	return 0;
}

/* Judged on the descriptors, not on the words of the config: the path of the target as the
 * container will see it, "" for the root itself. */
static int
path_in_root(struct err *e, int root_dir, int target, char path[PLAN_PATH_MAX])
{
	char root[PLAN_PATH_MAX];
	size_t n;

	TRY(read_path(e, root_dir, root));
	TRY(read_path(e, target, path));
	n = strlen(root);
	if (root[n - 1] == '/')
		n--; /* the host's own root */
	if (strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return fail(e, "the target leaves the root filesystem");
	memmove(path, path + n, strlen(path + n) + 1);
	return 0;
}

/* A whole procfs, not a directory of one. */
static bool
is_proc_root(int fd)
{
	struct stat s;

	return fd >= 0 && mnt_magic(fd) == PROC_SUPER_MAGIC && fstat(fd, &s) == 0 &&
		s.st_ino == PROC_ROOT_INO;
}

static int
check_proc(struct err *e, const struct plan_mount *m, const char *path, int source)
{
	if (str_equal(path, "/proc")) {
		if (m->kind == PLAN_MOUNT_BIND ? is_proc_root(source) : str_equal(m->type, "proc"))
			return 0;
		return fail(e, "\"%s\" cannot be mounted because it is not of type proc",
			m->destination);
	}
	if (!is_below(path, "/proc"))
		return 0;
	for (size_t i = 0; i < sizeof(below_proc) / sizeof(*below_proc); i++)
		if (str_equal(path + strlen("/proc/"), below_proc[i]))
			return 0;
	return inside_proc(e, m);
}

/* Security.md S3, S4, 5.2.  A target that was found without following a link is where the config
 * says; the path of any other one is asked of the kernel. */
static int
check_target(struct err *e, const struct job *j, const struct plan_mount *m, int source,
	const struct target *t)
{
	char resolved[PLAN_PATH_MAX];
	const char *path = m->destination;

	if (!t->literal) {
		TRY(path_in_root(e, j->root_dir, t->fd, resolved));
		path = resolved;
	}
	if (path[0] == '\0' || str_equal(path, "/"))
		return fail(e, "the target is the root filesystem itself");
	/* A remount puts nothing in place of what is there. */
	return m->kind == PLAN_MOUNT_REMOUNT ? 0 : check_proc(e, m, path, source);
}

/* --- the calls -------------------------------------------------------------------------------- */

/* Further targets have to be made inside a tmpfs, and in /dev the nodes, before it is read-only. */
static bool
is_late(const struct plan_mount *m)
{
	return m->kind == PLAN_MOUNT_FILESYSTEM && (m->flags & MS_RDONLY) &&
		str_equal(m->type, "tmpfs");
}

static int
mount_filesystem(struct err *e, const struct plan_mount *m, const struct target *t, uint32_t mode)
{
	uint32_t flags = is_late(m) ? m->flags & ~(uint32_t)MS_RDONLY : m->flags;
	char path[32], buffer[DATA_MAX];
	struct str data = str_in(buffer, sizeof(buffer));

	if (m->keep_mode && !t->made)
		(void)str_add(&data, "mode=%o,", mode & 07777);
	(void)str_add(&data, "%s", m->data ? m->data : "");
	if (data.cut)
		return fail(e, "options: longer than %d bytes", DATA_MAX - 1);
	(void)fd_path(path, t->fd);
	if (sys_mount(m->source ? m->source : "none", path, m->type, flags, buffer) < 0)
		return fail_errno(e, "mount %s%s%s", m->type ? m->type : "",
			m->data ? " with options " : "", m->data ? m->data : "");
	return 0;
}

/* MT-9: where the kernel says EPERM the flags that the mount has are locked; they are kept. */
static int
remount(struct err *e, const struct plan_mount *m, int target)
{
	uint32_t own = mnt_own_flags(), old, flags = m->flags & ~(uint32_t)MS_REMOUNT;
	char path[32];
	int done;

	if (flags & MS_BIND)
		return mnt_change(e, target, flags & own, m->bind_clear);
	(void)fd_path(path, target);
	done = sys_mount(m->source, path, m->type, MS_REMOUNT | flags, m->data);
	if (done < 0 && errno == EPERM) {
		TRY(mnt_flags(e, target, &old));
		flags = (flags & ~own) | mnt_merge(old, flags & own, m->bind_clear);
		done = sys_mount(m->source, path, m->type, MS_REMOUNT | flags, m->data);
	}
	return done < 0 ? fail_errno(e, "remount") : 0;
}

static int
first_call(struct err *e, const struct plan_mount *m, int source, const struct target *t,
	const struct mnt_look *known)
{
	switch (m->kind) {
	case PLAN_MOUNT_BIND:
		return m->by_host ? mnt_move(e, source, t->fd)
				  : mnt_bind(e, source, t->fd, m->flags & MS_REC);
	case PLAN_MOUNT_REMOUNT:
		return remount(e, m, t->fd);
	default:
		return mount_filesystem(e, m, t, known->mode);
	}
}

/* Looks the target up again: what is there now must be what was mounted (CVE-2021-30465: a link
 * that is exchanged meanwhile sends one of the two lookups elsewhere).  `known` is a look at the
 * source of a bind, else at the target before the mount.  Where no link was met at first, none may
 * be now. */
static int
look_again(struct err *e, const struct job *j, const struct plan_mount *m, bool literal,
	const struct mnt_look *known)
{
	FD_AUTO int now = literal ? open_literal(e, j, m->destination, 0)
				  : fd_in_root(e, j->root_dir, m->destination, O_PATH);
	struct mnt_look look;
	bool good;

	TRY(now);
	TRY(mnt_look(e, now, &look));
	if (m->kind == PLAN_MOUNT_FILESYSTEM || m->kind == PLAN_MOUNT_CGROUP2)
		good = mnt_look_appeared(known, &look);
	else
		good = mnt_look_same(known, &look);
	if (!good)
		return fail(e, "the target was exchanged while it was mounted on");
	return fd_keep(&now);
}

/* The option that asks for a recursive attribute, as the user wrote it. */
static const char *
attribute_option(const struct plan *p, const struct plan_mount *m)
{
	const struct spec *s = p->spec;

	if (!s || m->index >= s->mounts.n)
		return "recursive attribute";
	for (uint32_t i = 0; i < s->mounts.at[m->index].options.n; i++) {
		const char *name = s->mounts.at[m->index].options.at[i];
		struct mountopt o;

		if (mountopt_find(name, &o) && (o.attr_set | o.attr_clear))
			return name;
	}
	return "recursive attribute";
}

static int
set_attributes(struct err *e, const struct plan *p, const struct plan_mount *m, int fd)
{
	const struct kabi_mount_attr attr = {.attr_set = m->attr_set, .attr_clr = m->attr_clear};

	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) == 0)
		return 0;
	if (errno == ENOSYS)
		return fail(e, "option \"%s\" needs Linux 5.12 (mount_setattr)",
			attribute_option(p, m));
	return fail_errno(e, "option \"%s\"", attribute_option(p, m));
}

/* What follows the first call, on the new mount itself. */
static int
finish(struct err *e, const struct plan *p, const struct plan_mount *m, int fd)
{
	uint32_t flags;
	char path[32];

	if (m->kind == PLAN_MOUNT_BIND && (m->bind_set | m->bind_clear))
		TRY(mnt_change(e, fd, m->bind_set, m->bind_clear));
	if (m->kind != PLAN_MOUNT_BIND && (m->flags & MS_NOSYMFOLLOW)) {
		TRY(mnt_flags(e, fd, &flags));
		if (!(flags & MS_NOSYMFOLLOW))
			return fail(e, "option \"nosymfollow\" needs Linux 5.10");
	}
	(void)fd_path(path, fd);
	if (m->label &&
		sys_setxattr(path, "security.selinux", m->label, strlen(m->label) + 1, 0) < 0)
		return fail_errno(e, "linux.mountLabel \"%s\"", m->label);
	if (m->attr_set | m->attr_clear)
		TRY(set_attributes(e, p, m, fd));
	if (m->propagation)
		TRY(mnt_propagate(e, fd, m->propagation));
	return 0;
}

static int
mount_on(struct err *e, struct job *j, const struct plan_mount *m, int source,
	struct mnt_look *known)
{
	struct target t;
	FD_AUTO int target = -1, now = -1;
	int opened = open_target(e, j, m, source >= 0 ? known : NULL, &t);

	target = t.fd;
	TRY(opened);
	TRY(check_target(e, j, m, source, &t));
	if (m->kind != PLAN_MOUNT_BIND)
		TRY(mnt_look(e, target, known));
	TRY(first_call(e, m, source, &t, known));
	TRY(now = look_again(e, j, m, t.literal, known));
	if (m->copy_up && mounts_copy_up(e, target, now) < 0)
		return context(e, "tmpcopyup");
	TRY(finish(e, j->plan, m, now));
	return fd_keep(&now);
}

/* One row; returns the descriptor of the new mount's root. */
static int
mount_row(struct err *e, struct job *j, const struct plan_mount *m)
{
	FD_AUTO int source = -1;
	struct mnt_look known;

	if (m->by_host) {
		source = sys_fcntl(j->taken->fd[j->n_taken++], F_DUPFD_CLOEXEC, 3);
		if (source < 0)
			return fail_errno(e, "a copy of the mount");
	} else if (m->kind == PLAN_MOUNT_BIND) {
		source = openat(AT_FDCWD, m->source, O_PATH | O_CLOEXEC);
		if (source < 0)
			return fail_errno(e, "open %s", m->source);
	}
	if (m->kind == PLAN_MOUNT_BIND)
		TRY(mnt_look(e, source, &known));
	if (m->ino && (known.dev != m->dev || known.ino != m->ino)) {
		(void)fail(e, "exchanged after it was verified");
		e->number = ERR_UNVERIFIED;
		return -1;
	}
	return mount_on(e, j, m, source, &known);
}

/* Security.md 5.3: the kernel refuses the mount (EPERM in a user namespace without a cgroup
 * namespace of its own, EBUSY): bind the container's own directory.  Neither: an empty tmpfs. */
static int
mount_cgroup2(struct err *e, struct job *j, const struct plan_mount *m)
{
	struct plan_mount row = *m;
	int fd = mount_row(e, j, &row);

	if (fd < 0 && (e->number == EPERM || e->number == EBUSY)) {
		row.kind = PLAN_MOUNT_BIND;
		row.source = j->plan->cgroup.dir[0].dir; /* v2 alone: there is one */
		row.flags = MS_BIND;
		row.bind_set = m->flags & mnt_own_flags();
		fd = mount_row(e, j, &row);
	}
	if (fd >= 0 || (e->number != ENOENT && e->number != ENODEV))
		return fd;
	row.kind = PLAN_MOUNT_FILESYSTEM;
	row.source = row.type = "tmpfs";
	row.data = "mode=755";
	row.flags = (m->flags & mnt_own_flags()) | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	fd = mount_row(e, j, &row);
	if (fd >= 0 && mnt_change(e, fd, MS_RDONLY, 0) < 0)
		fd_close(&fd);
	return fd;
}

/* A co-mounted name of cgroup v1, "cpu" -> "cpu,cpuacct", in the tmpfs that was just mounted. */
static int
make_link(struct err *e, const struct job *j, const struct plan_mount *m)
{
	char old[256];
	const char *last;
	FD_AUTO int dir = fd_parent_in_root(e, j->root_dir, m->destination, &last);
	ssize_t n;

	TRY(dir);
	if (sys_symlinkat(m->source, dir, last) == 0)
		return 0;
	if (errno != EEXIST)
		return fail_errno(e, "symlink %s", m->destination);
	n = readlinkat(dir, last, old, sizeof(old));
	if (n < 0 || strlen(m->source) != (size_t)n || memcmp(old, m->source, (size_t)n) != 0)
		return fail(e, "%s exists and is another file", m->destination);
	return 0;
}

/* --- the list --------------------------------------------------------------------------------- */

/* Closes the mounts that `next`, the coming destination, is not below; NULL: all. */
static int
seal_before(struct err *e, struct job *j, const char *next)
{
	while (j->n_seals > 0) {
		struct seal *s = &j->seal[j->n_seals - 1];

		if (next && is_below(next, s->destination))
			return 0;
		if (mnt_change(e, s->fd, MS_RDONLY, 0) < 0)
			return context(e, "making %s read-only", s->destination);
		fd_close(&s->fd);
		j->n_seals--;
	}
	return 0;
}

/* Takes fd.  kernel/rootfs closes a tmpfs on /dev: the nodes and the console come first. */
static int
seal_later(struct err *e, struct job *j, const struct plan_mount *m, int fd)
{
	FD_AUTO int mine = fd;
	bool dev = j->plan->devices.populate && str_equal(m->destination, "/dev");

	if (!m->read_only_after && (!is_late(m) || dev))
		return 0;
	if (j->n_seals == SEALS_MAX)
		return fail(e, "more than %d read-only mounts inside each other", SEALS_MAX);
	j->seal[j->n_seals++] = (struct seal){fd_keep(&mine), m->destination};
	return 0;
}

static int
apply(struct err *e, struct job *j, const struct plan_mount *m)
{
	int fd;

	if (m->kind == PLAN_MOUNT_SYMLINK)
		return make_link(e, j, m);
	if (m->kind == PLAN_MOUNT_BIND && m->if_exists && access(m->source, F_OK) < 0)
		return 0;
	fd = m->kind == PLAN_MOUNT_CGROUP2 ? mount_cgroup2(e, j, m) : mount_row(e, j, m);
	TRY(fd);
	return seal_later(e, j, m, fd);
}

static int
apply_list(struct err *e, struct job *j)
{
	const struct plan_mounts *list = &j->plan->mounts;

	for (uint32_t i = 0; i < list->n; i++) {
		const struct plan_mount *m = &list->at[i];

		TRY(seal_before(e, j, m->destination));
		if (apply(e, j, m) < 0)
			return context(e, "error mounting \"%s\" to rootfs at \"%s\"",
				m->source ? m->source : "", m->destination);
	}
	return seal_before(e, j, NULL);
}

int
mounts_apply(struct err *e, const struct plan *p, const struct mounts_taken *taken, int root_dir)
{
	struct job j = {.plan = p, .taken = taken, .root_dir = root_dir, .parent.dir = -1};
	int done;

	IN(e, ROLE_INIT);
	done = apply_list(e, &j);
	while (j.n_seals > 0)
		fd_close(&j.seal[--j.n_seals].fd);
	fd_close(&j.parent.dir);
	return done;
}
