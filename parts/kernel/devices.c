#include "kernel/devices.h"

#include "base/fd.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What the functions of this file hand each other. */
struct job {
	const struct plan *plan;
	int root_dir;
	struct fd_parent parent; /* of the last device or link, mostly /dev */
	bool proc_known, proc;	 /* is /proc in the root a procfs? */
};

/* --- nodes ------------------------------------------------------------------------------------ */

static mode_t
kind_of(const struct plan_device *d)
{
	return d->type == 'c' ? S_IFCHR : d->type == 'b' ? S_IFBLK : S_IFIFO;
}

static dev_t
number_of(const struct plan_device *d)
{
	return d->type == 'p' ? 0 : makedev(d->major, d->minor);
}

/* Type and number: two files that are no devices have the same number too (S20). */
static bool
is_device(const struct stat *s, const struct plan_device *d)
{
	return (s->st_mode & S_IFMT) == kind_of(d) &&
		(d->type == 'p' || s->st_rdev == number_of(d));
}

/* Opens what has the name, never through a link, and tells what it is. */
static int
look(struct err *e, int dir, const char *name, struct stat *s)
{
	FD_AUTO int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(e, "open");
	if (fstat(fd, s) < 0)
		return fail_errno(e, "stat");
	return fd_keep(&fd);
}

/* DV-3: exactly what is configured, whatever the umask.  O_PATH has no fchmod(2), hence the path.
 */
static int
set_owner(struct err *e, const struct plan_device *d, int fd, const struct stat *s)
{
	char path[32];

	(void)fd_path(path, fd);
	if ((s->st_uid != d->uid || s->st_gid != d->gid) &&
		sys_fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
		return fail_errno(e, "change owner to %u:%u", d->uid, d->gid);
	if ((s->st_mode & 07777) != d->mode && sys_fchmodat(AT_FDCWD, path, d->mode) < 0)
		return fail_errno(e, "change mode to %o", d->mode);
	return 0;
}

/* The new node is looked at again before it gets a mode: a process that shares the directory may
 * have put another file in its place (S12).  Mostly it has all it needs already. */
static int
finish_node(struct err *e, const struct plan_device *d, int dir, const char *name)
{
	FD_AUTO int fd = -1;
	struct stat s;

	if (fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0 && is_device(&s, d) &&
		s.st_uid == d->uid && s.st_gid == d->gid && (s.st_mode & 07777) == d->mode)
		return 0;
	TRY(fd = look(e, dir, name, &s));
	if (!is_device(&s, d))
		return fail(e, "exchanged while it was made");
	return set_owner(e, d, fd, &s);
}

/* Opens the host's node by the name that the kernel has for the device (sysfs(5)): an engine's
 * `--device /dev/a:/dev/b` asks for it under another. */
static int
look_by_number(struct err *e, const struct plan_device *d, struct stat *s)
{
	char path[48], text[256], *name;
	const char *found;

	(void)str_format(path, sizeof path, "/sys/dev/%s/%u:%u/uevent", /* fits */
		d->type == 'c' ? "char" : "block", d->major, d->minor);
	TRY(fd_read_file(e, AT_FDCWD, path, text, sizeof text));
	found = str_find(text, "NAME=");
	if (!found)
		return fail(e, "%s: no name", path);
	name = text + (found - text);
	memcpy(name, "/dev/", sizeof "/dev/" - 1); /* as long as `NAME=` */
	name[str_until(name, "\n")] = 0;
	return look(e, AT_FDCWD, name, s);
}

/* The node on the host: that of the same path, if it is the same device, else that of any name. */
static int
host_node(struct err *e, const struct plan_device *d)
{
	struct err ignored;
	struct stat s;
	FD_AUTO int fd = look(e, AT_FDCWD, d->path, &s), other = -1;

	if (fd >= 0 && is_device(&s, d))
		return fd_keep(&fd);
	other = look_by_number(&ignored, d, &s);
	if (other >= 0 && is_device(&s, d))
		return fd_keep(&other);
	if (fd < 0)
		return context(e, "mknod is not permitted, and the host's %s", d->path);
	return fail(e, "mknod is not permitted, and the host's %s is another file", d->path);
}

/* Where mknod(2) is refused: the host's node is bound.  An empty file may be there already, made
 * for an earlier container. */
static int
bind_node(struct err *e, const struct plan_device *d, int dir, const char *name)
{
	FD_AUTO int source = -1, target = -1, now = -1;
	struct stat s;

	TRY(source = host_node(e, d));
	if (sys_mknodat(dir, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
		return fail_errno(e, "create");
	TRY(target = look(e, dir, name, &s));
	if (!S_ISREG(s.st_mode))
		return fail(e, "exists and is another file");
	TRY(mnt_bind(e, source, target, 0));
	TRY(now = look(e, dir, name, &s));
	if (!is_device(&s, d))
		return fail(e, "exchanged while it was mounted on");
	return 0;
}

/* mknod(2) needs CAP_MKNOD in the initial user namespace. */
static bool
in_user_namespace(const struct plan *p)
{
	return p->ns.user_new || p->ns.join[NAMESPACE_USER] ||
		(p->facts && p->facts->user_namespace);
}

/* DV-1: the same device is fine as it is. */
static int
accept_existing(
	struct err *e, const struct plan *p, const struct plan_device *d, int dir, const char *name)
{
	struct stat s;
	FD_AUTO int fd = look(e, dir, name, &s);

	TRY(fd);
	if (is_device(&s, d))
		return 0;
	if (S_ISREG(s.st_mode) && s.st_size == 0 && in_user_namespace(p))
		return bind_node(e, d, dir, name);
	return fail(e, "exists and is another file");
}

static int
make_node(struct err *e, struct job *j, const struct plan_device *d)
{
	const struct plan *p = j->plan;
	const char *name;
	int dir = fd_parent_keep(e, j->root_dir, d->path, &j->parent, &name);

	TRY(dir);
	if (sys_mknodat(dir, name, kind_of(d) | d->mode, number_of(d)) == 0)
		return finish_node(e, d, dir, name);
	if (errno == EEXIST)
		return accept_existing(e, p, d, dir, name);
	if (errno == EPERM && d->type != 'p')
		return bind_node(e, d, dir, name);
	return fail_errno(e, "mknod");
}

/* --- links ------------------------------------------------------------------------------------ */

static bool
has_procfs(struct job *j)
{
	struct err ignored;
	FD_AUTO int proc = -1;

	if (!j->proc_known) {
		proc = fd_in_root(&ignored, j->root_dir, "/proc", O_PATH | O_DIRECTORY);
		j->proc = proc >= 0 && mnt_magic(proc) == PROC_SUPER_MAGIC;
		j->proc_known = true;
	}
	return j->proc;
}

/* LX-3: the target must be there.  /proc/self is ours, whatever its number in the container. */
static bool
target_exists(struct job *j, const char *target)
{
	struct err ignored;
	FD_AUTO int file = -1;

	if (!str_starts(target, "/proc/"))
		return true;
	if (!has_procfs(j))
		return false;
	if (str_starts(target, "/proc/self/"))
		return true;
	file = fd_in_root(&ignored, j->root_dir, target, O_PATH);
	return file >= 0;
}

static bool
links_to(int dir, const char *name, const char *target)
{
	char old[64];
	ssize_t n = readlinkat(dir, name, old, sizeof(old));

	return n >= 0 && (size_t)n == strlen(target) && memcmp(old, target, (size_t)n) == 0;
}

/* ptmx must lead into the container's own devpts: another link, or a node 5:2, which before Linux
 * 4.7 means the host's devpts, gives way. */
static int
replace_ptmx(struct err *e, const struct plan_link *l, int dir, const char *name)
{
	struct stat s;
	FD_AUTO int fd = look(e, dir, name, &s);

	TRY(fd);
	if (!S_ISLNK(s.st_mode) && !(S_ISCHR(s.st_mode) && s.st_rdev == makedev(5, 2)))
		return fail(e, "exists and is another file");
	/* EBUSY: a pts/ptmx is bound there, which is as good. */
	if (sys_unlinkat(dir, name, 0) < 0)
		return errno == EBUSY ? 0 : fail_errno(e, "remove");
	if (sys_symlinkat(l->target, dir, name) < 0)
		return fail_errno(e, "symlink");
	return 0;
}

static int
make_link(struct err *e, struct job *j, const struct plan_link *l)
{
	const char *name;
	int dir;

	if (!target_exists(j, l->target))
		return 0;
	TRY(dir = fd_parent_keep(e, j->root_dir, l->path, &j->parent, &name));
	if (sys_symlinkat(l->target, dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return fail_errno(e, "symlink");
	/* LX-3: what is there is tolerated. */
	if (!str_equal(l->path, "/dev/ptmx") || links_to(dir, name, l->target))
		return 0;
	return replace_ptmx(e, l, dir, name);
}

/* --- all -------------------------------------------------------------------------------------- */

/* A /dev that the config binds from elsewhere is not ours to fill (5.5), not even through a
 * directory of the image that leads into it. */
static bool
is_foreign(const struct plan *p, int root_dir, const char *path)
{
	struct err ignored;
	FD_AUTO int dev = -1, dir = -1;
	const char *name;

	if (p->devices.populate)
		return false;
	if (str_starts(path, "/dev/"))
		return true;
	dev = fd_in_root(&ignored, root_dir, "/dev", O_PATH | O_DIRECTORY);
	dir = fd_parent_in_root(&ignored, root_dir, path, &name);
	return dev >= 0 && dir >= 0 && mnt_id(dev) == mnt_id(dir);
}

static int
make_all(struct err *e, struct job *j)
{
	const struct plan_devices *d = &j->plan->devices;

	for (uint32_t i = 0; i < d->n; i++)
		if (!is_foreign(j->plan, j->root_dir, d->at[i].path) &&
			make_node(e, j, &d->at[i]) < 0)
			return context(e, "%s%s",
				d->at[i].is_default ? "" : "linux.devices: ", d->at[i].path);
	for (uint32_t i = 0; i < d->n_links; i++)
		if (!is_foreign(j->plan, j->root_dir, d->link[i].path) &&
			make_link(e, j, &d->link[i]) < 0)
			return context(e, "%s", d->link[i].path);
	return 0;
}

/* Without a umask the nodes are born with their mode. */
int
devices_make(struct err *e, const struct plan *p, int root_dir)
{
	struct job j = {.plan = p, .root_dir = root_dir, .parent.dir = -1};
	mode_t mask;
	int done;

	IN(e, ROLE_INIT);
	mask = umask(0);
	done = make_all(e, &j);
	(void)umask(mask);
	fd_close(&j.parent.dir);
	return done;
}
