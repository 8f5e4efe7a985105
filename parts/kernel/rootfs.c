#include "kernel/rootfs.h"

#include "base/fd.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { INERT = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };

/* --- open ------------------------------------------------------------------------------------- */

/* Slave or private before the first mount, or mounts would reach the host. */
int
rootfs_isolate(struct err *e, const struct plan *p)
{
	uint32_t flags = p->root_propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE;

	IN(e, ROLE_INIT);
	/* The namespace is not ours: its `/` is not touched. */
	if (p->root_mode == PLAN_ROOT_CHROOT)
		return 0;
	if (sys_mount(NULL, "/", NULL, MS_REC | flags, NULL) < 0)
		return fail_errno(e, "mount propagation of /");
	return 0;
}

static int
open_rootfs(struct err *e, const char *path)
{
	int fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return fail_errno(e,
			"invalid rootfs: %s (every folder above it must be searchable for the "
			"mapped root)",
			path);
	return fd < 0 ? fail_errno(e, "invalid rootfs: stat %s", path) : fd;
}

int
rootfs_open(struct err *e, const struct plan *p)
{
	FD_AUTO int before = -1, root = -1;
	struct mnt_look old, new;

	IN(e, ROLE_INIT);
	TRY(rootfs_isolate(e, p));
	TRY(before = open_rootfs(e, p->rootfs));
	TRY(mnt_look(e, before, &old));
	if (mnt_bind(e, before, before, MS_REC) < 0)
		return context(e, "rootfs %s", p->rootfs);
	/* What is mounted on "/" itself is only seen through its "..". */
	TRY(root = open_rootfs(e, str_equal(p->rootfs, "/") ? "/.." : p->rootfs));
	TRY(mnt_look(e, root, &new));
	if (!mnt_look_same(&old, &new) || !mnt_look_appeared(&old, &new))
		return fail(e, "invalid rootfs: %s: exchanged while it was mounted on", p->rootfs);
	if (p->root_mode == PLAN_ROOT_CHROOT && mnt_propagate(e, root, MS_PRIVATE | MS_REC) < 0)
		return context(e, "rootfs %s", p->rootfs);
	return fd_keep(&root);
}

/* --- readonlyPaths, maskedPaths --------------------------------------------------------------- */

/* A descriptor and what it was when it was opened. */
struct seen {
	int fd;
	struct mnt_look look;
};

static int
see(struct err *e, int fd, struct seen *out)
{
	out->fd = fd;
	return fd < 0 ? -1 : mnt_look(e, fd, &out->look);
}

/* The filesystems of the kernel that most masks lie in. */
static const struct {
	char at[8];
	uint32_t magic;
} kernel_fs[] = {{"/proc", PROC_SUPER_MAGIC}, {"/sys", SYSFS_MAGIC}};

enum { KERNEL_FS = sizeof(kernel_fs) / sizeof(*kernel_fs) };

/* The container's tree, which of those the config mounts in it, and their roots once they are open.
 */
struct tree {
	struct seen root;
	bool mounted[KERNEL_FS];
	struct seen base[KERNEL_FS]; /* fd -1: not open */
};

static int
see_tree(struct err *e, const struct plan *p, int root_dir, struct tree *t)
{
	*t = (struct tree){0};
	for (int i = 0; i < KERNEL_FS; i++) {
		t->base[i].fd = -1;
		for (uint32_t m = 0; m < p->mounts.n; m++) /* the last one is on top */
			if (str_equal(p->mounts.at[m].destination, kernel_fs[i].at))
				t->mounted[i] = p->mounts.at[m].proc_or_sys;
	}
	return see(e, root_dir, &t->root);
}

static int
open_base(struct err *e, const struct tree *t, int i)
{
	FD_AUTO int base = fd_in_root(e, t->root.fd, kernel_fs[i].at, O_PATH | O_DIRECTORY);

	if (base < 0 || mnt_magic(base) != kernel_fs[i].magic)
		return fail(e, "%s was exchanged", kernel_fs[i].at);
	return fd_keep(&base);
}

/* Is it the same place in the same mount? */
static bool
is_same(const struct seen *a, const struct seen *b)
{
	return mnt_look_same(&a->look, &b->look) && a->look.mount == b->look.mount;
}

/* Opens a path of the container.  Who shares the rootfs may rename /proc away while we look, and
 * what is not found is not masked (I8): below a procfs or sysfs that was mounted, the way leads
 * through its verified root, or nowhere. */
static int
find(struct err *e, struct tree *t, const char *path)
{
	for (int i = 0; i < KERNEL_FS; i++) {
		const char *below = path + strlen(kernel_fs[i].at);

		if (!t->mounted[i] || !str_starts(path, kernel_fs[i].at) || *below != '/')
			continue;
		if (t->base[i].fd < 0)
			TRY(see(e, open_base(e, t, i), &t->base[i]));
		while (*below == '/')
			below++;
		return fd_beneath(e, t->base[i].fd, *below ? below : ".", O_PATH);
	}
	return fd_in_root(e, t->root.fd, path, O_PATH);
}

/* Closes what is open, to which its name must still lead. */
static int
close_bases(struct err *e, struct tree *t)
{
	for (int i = 0; i < KERNEL_FS; i++) {
		FD_AUTO int base = t->base[i].fd, again = -1;
		struct seen now;

		t->base[i].fd = -1;
		if (base < 0)
			continue;
		TRY(again = open_base(e, t, i));
		TRY(see(e, again, &now));
		if (!is_same(&now, &t->base[i]))
			return fail(e, "%s was exchanged", kernel_fs[i].at);
	}
	return 0;
}

/* Opens what will be mounted on.  What does not lie below an open root may lie above it, or be it,
 * and the mount cover it: then that is opened again. */
static int
find_target(struct err *e, struct tree *t, const char *path, struct seen *target)
{
	TRY(see(e, find(e, t, path), target));
	for (int i = 0; i < KERNEL_FS; i++)
		if (t->base[i].fd >= 0 && str_starts(path, kernel_fs[i].at) &&
			path[strlen(kernel_fs[i].at)] == '/' && !is_same(target, &t->base[i]))
			return 0;
	return close_bases(e, t);
}

/* Looks up again what was mounted on: a new mount must be there, and with `source` it must show
 * that.  Returns its descriptor. */
static int
look_again(struct err *e, struct tree *t, const char *path, const struct mnt_look *source,
	const struct seen *target)
{
	FD_AUTO int now = find(e, t, path);
	struct mnt_look look;

	TRY(now);
	TRY(mnt_look(e, now, &look));
	if ((source && !mnt_look_same(source, &look)) || !mnt_look_appeared(&target->look, &look))
		return fail(e, "exchanged while it was mounted on");
	return fd_keep(&now);
}

/* Binds source onto target, which was found by path, and gives the new mount. */
static int
cover(struct err *e, struct tree *t, const char *path, const struct seen *source,
	const struct seen *target)
{
	TRY(mnt_bind(e, source->fd, target->fd, source == target ? MS_REC : 0));
	return look_again(e, t, path, &source->look, target);
}

static int
make_read_only(struct err *e, struct tree *t, const char *path)
{
	FD_AUTO int fd = -1, now = -1;
	struct seen target = {.fd = -1};
	int found = find_target(e, t, path, &target);

	fd = target.fd;
	if (found < 0)
		return fd < 0 && e->number == ENOENT ? 0 : -1;
	if (is_same(&t->root, &target))
		return mnt_change(e, t->root.fd, MS_RDONLY, 0);
	TRY(now = cover(e, t, path, &target, &target));
	return mnt_change(e, now, MS_RDONLY, 0);
}

/* What masks are made of, opened when first needed. */
struct mask {
	struct tree *tree;
	const char *context; /* as the plan has it */
	struct seen null;    /* a verified /dev/null */
	struct seen empty;   /* a read-only tmpfs, bound on every masked directory */
};

static bool
is_null(const struct seen *s)
{
	return S_ISCHR(s->look.mode) && s->look.rdev == mnt_device(1, 3);
}

/* The container's /dev/null, or the host's where it has none.  An image may have a link there, or a
 * file: to bind that would show what it points to (CVE-2025-31133). */
static int
open_null(struct err *e, int root_dir, struct seen *out)
{
	FD_AUTO int dev = fd_in_root(e, root_dir, "/dev", O_PATH | O_DIRECTORY), null = -1;
	struct seen s;

	if (dev < 0 && e->number != ENOENT)
		return -1;
	if (dev >= 0)
		null = openat(dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (null < 0 && (dev < 0 || errno == ENOENT))
		null = openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (null < 0)
		return fail_errno(e, "open /dev/null");
	TRY(see(e, null, &s));
	if (!is_null(&s))
		return fail(e, "/dev/null is not the character device 1:3");
	*out = s;
	(void)fd_keep(&null); /* it is out->fd now */
	return 0;
}

static int
mask_file(struct err *e, struct mask *m, const char *path, const struct seen *target)
{
	FD_AUTO int now = -1;

	if (m->null.fd < 0)
		TRY(open_null(e, m->tree->root.fd, &m->null));
	if (is_null(target))
		return 0;
	TRY(now = cover(e, m->tree, path, &m->null, target));
	return 0;
}

/* The first directory gets the tmpfs, the others a bind of it, which is three times as cheap and
 * inherits read-only. */
static int
mask_directory(struct err *e, struct mask *m, const char *path, const struct seen *target)
{
	FD_AUTO int now = -1;
	char fd[32], data[PLAN_PATH_MAX];

	if (m->empty.fd >= 0) {
		TRY(now = cover(e, m->tree, path, &m->empty, target));
		return 0;
	}
	(void)fd_path(fd, target->fd);
	if (str_format(data, sizeof data, "nr_inodes=1,mode=755%s", m->context ? m->context : "") <
			0 ||
		sys_mount("tmpfs", fd, "tmpfs", INERT, data) < 0)
		return fail_errno(e, "mount tmpfs");
	TRY(now = look_again(e, m->tree, path, NULL, target));
	TRY(mnt_look(e, now, &m->empty.look));
	m->empty.fd = fd_keep(&now);
	return 0;
}

static int
mask_path(struct err *e, struct mask *m, const char *path)
{
	FD_AUTO int fd = -1;
	struct seen target = {.fd = -1};
	int found = find_target(e, m->tree, path, &target);

	fd = target.fd;
	if (found < 0)
		return fd < 0 && e->number == ENOENT ? 0 : -1;
	if (is_same(&m->tree->root, &target))
		return fail(e, "the root filesystem itself cannot be masked");
	return S_ISDIR(target.look.mode) ? mask_directory(e, m, path, &target)
					 : mask_file(e, m, path, &target);
}

/* A tmpfs on /dev with the option "ro": kernel/mounts leaves it writable for nodes and console. */
static int
close_dev(struct err *e, const struct plan *p, int root_dir)
{
	FD_AUTO int dev = -1;
	bool wanted = false;

	for (uint32_t i = 0; i < p->mounts.n; i++) {
		const struct plan_mount *m = &p->mounts.at[i];

		wanted |= p->devices.populate && m->kind == PLAN_MOUNT_FILESYSTEM &&
			(m->flags & MS_RDONLY) && str_equal(m->type, "tmpfs") &&
			str_equal(m->destination, "/dev");
	}
	if (!wanted)
		return 0;
	TRY(dev = fd_in_root(e, root_dir, "/dev", O_PATH | O_DIRECTORY));
	return mnt_change(e, dev, MS_RDONLY, 0);
}

static int
mask_all(struct err *e, struct mask *m, const struct strings *paths)
{
	for (uint32_t i = 0; i < paths->n; i++)
		if (mask_path(e, m, paths->at[i]) < 0)
			return context(e, "linux.maskedPaths[%u]: %s", i, paths->at[i]);
	return 0;
}

int
rootfs_masks(struct err *e, const struct plan *p, int root_dir)
{
	const struct strings *paths = &p->spec->linux_.readonly_paths;
	struct tree tree;
	struct mask m = {
		.tree = &tree, .context = p->mounts.context, .null.fd = -1, .empty.fd = -1};
	int done;

	IN(e, ROLE_INIT);
	TRY(see_tree(e, p, root_dir, &tree));
	if (close_dev(e, p, root_dir) < 0)
		return context(e, "making /dev read-only");
	for (uint32_t i = 0; i < paths->n; i++)
		if (make_read_only(e, &tree, paths->at[i]) < 0)
			return context(e, "linux.readonlyPaths[%u]: %s", i, paths->at[i]);
	/* After readonlyPaths: their recursive binds would otherwise take the masks along. */
	done = mask_all(e, &m, &p->spec->linux_.masked_paths);
	fd_close(&m.null.fd);
	fd_close(&m.empty.fd);
	TRY(done);
	if (close_bases(e, &tree) < 0)
		return context(e, "linux.maskedPaths");
	/* Last: mount points were made until now. */
	if (p->spec->root.readonly && mnt_change(e, root_dir, MS_RDONLY, 0) < 0)
		return context(e, "root.readonly");
	return 0;
}
