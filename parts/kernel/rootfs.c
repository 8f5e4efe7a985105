#include "kernel/rootfs.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INERT = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };

/* --- open ------------------------------------------------------------------------------------- */

/* Slave or private before the first mount, or mounts would reach the host. */
static int
stop_propagation(struct err *e, const struct plan *p)
{
	uint32_t flags = p->root_propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE;

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
	TRY(stop_propagation(e, p));
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

/* The container's tree, and which of those the config mounts in it. */
struct tree {
	struct seen root;
	bool mounted[KERNEL_FS];
};

static int
see_tree(struct err *e, const struct plan *p, int root_dir, struct tree *t)
{
	*t = (struct tree){0};
	for (int i = 0; i < KERNEL_FS; i++)
		for (uint32_t m = 0; m < p->mounts.n; m++) /* the last one is on top */
			if (str_equal(p->mounts.at[m].destination, kernel_fs[i].at))
				t->mounted[i] = p->mounts.at[m].proc_or_sys;
	return see(e, root_dir, &t->root);
}

/* Opens a path of the container.  Who shares the rootfs may rename /proc away while we look, and
 * what is not found is not masked (I8): below a procfs or sysfs that was mounted, the way leads
 * through its verified root, or nowhere. */
static int
find(struct err *e, const struct tree *t, const char *path)
{
	for (int i = 0; i < KERNEL_FS; i++) {
		const char *below = path + strlen(kernel_fs[i].at);
		FD_AUTO int base = -1;

		if (!t->mounted[i] || !str_starts(path, kernel_fs[i].at) || *below != '/')
			continue;
		base = fd_in_root(e, t->root.fd, kernel_fs[i].at, O_PATH | O_DIRECTORY);
		if (base < 0 || mnt_magic(base) != kernel_fs[i].magic)
			return fail(e, "%s was exchanged", kernel_fs[i].at);
		while (*below == '/')
			below++;
		return fd_beneath(e, base, *below ? below : ".", O_PATH);
	}
	return fd_in_root(e, t->root.fd, path, O_PATH);
}

/* Looks up again what was mounted on: a new mount must be there, and with `source` it must show
 * that.  Returns its descriptor. */
static int
look_again(struct err *e, const struct tree *t, const char *path, const struct mnt_look *source,
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
cover(struct err *e, const struct tree *t, const char *path, const struct seen *source,
	const struct seen *target)
{
	TRY(mnt_bind(e, source->fd, target->fd, source == target ? MS_REC : 0));
	return look_again(e, t, path, &source->look, target);
}

static bool
is_root(const struct seen *root, const struct seen *s)
{
	return mnt_look_same(&root->look, &s->look) && root->look.mount == s->look.mount;
}

static int
make_read_only(struct err *e, const struct tree *t, const char *path)
{
	FD_AUTO int fd = find(e, t, path), now = -1;
	struct seen target;

	if (fd < 0)
		return e->number == ENOENT ? 0 : -1;
	TRY(see(e, fd, &target));
	if (is_root(&t->root, &target))
		return mnt_change(e, t->root.fd, MS_RDONLY, 0);
	TRY(now = cover(e, t, path, &target, &target));
	return mnt_change(e, now, MS_RDONLY, 0);
}

/* What masks are made of, opened when first needed. */
struct mask {
	const struct tree *tree;
	struct seen null;  /* a verified /dev/null */
	struct seen empty; /* a read-only tmpfs, bound on every masked directory */
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
	char fd[32];

	if (m->empty.fd >= 0) {
		TRY(now = cover(e, m->tree, path, &m->empty, target));
		return 0;
	}
	(void)fd_path(fd, target->fd);
	if (sys_mount("tmpfs", fd, "tmpfs", INERT, "nr_inodes=1,mode=755") < 0)
		return fail_errno(e, "mount tmpfs");
	TRY(now = look_again(e, m->tree, path, NULL, target));
	TRY(mnt_look(e, now, &m->empty.look));
	m->empty.fd = fd_keep(&now);
	return 0;
}

static int
mask_path(struct err *e, struct mask *m, const char *path)
{
	FD_AUTO int fd = find(e, m->tree, path);
	struct seen target;

	if (fd < 0)
		return e->number == ENOENT ? 0 : -1;
	TRY(see(e, fd, &target));
	if (is_root(&m->tree->root, &target))
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
	struct mask m = {.tree = &tree, .null.fd = -1, .empty.fd = -1};
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
	/* Last: mount points were made until now. */
	if (p->spec->root.readonly && mnt_change(e, root_dir, MS_RDONLY, 0) < 0)
		return context(e, "root.readonly");
	return 0;
}

/* --- the switch ------------------------------------------------------------------------------- */

/* /proc/self/mountinfo, byte by byte: its lines have no bound. */
struct mountinfo {
	int fd;
	size_t at, len;
	char buf[2048];
};

static int
next_byte(struct mountinfo *m)
{
	ssize_t n;

	if (m->at == m->len) {
		do
			n = read(m->fd, m->buf, sizeof(m->buf));
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return -1;
		m->at = 0;
		m->len = (size_t)n;
	}
	return (unsigned char)m->buf[m->at++];
}

/* Blanks and the like are written as a backslash and three octal digits. */
static int
next_octal(struct mountinfo *m)
{
	int c = 0;

	for (int i = 0; i < 3; i++)
		c = c * 8 + (next_byte(m) - '0');
	return c & 0xff;
}

/* One field; what does not fit is cut to nothing.  Returns the byte behind it: ' ', '\n' or -1. */
static int
next_field(struct mountinfo *m, char *out, size_t size)
{
	size_t n = 0;
	int c;

	while ((c = next_byte(m)) != ' ' && c != '\n' && c >= 0) {
		if (c == '\\')
			c = next_octal(m);
		if (n < size)
			out[n++] = (char)c;
	}
	out[n < size ? n : 0] = '\0';
	return c;
}

/* The next line: mount point and type.  0 at the end. */
static int
next_mount(struct mountinfo *m, char path[PLAN_PATH_MAX], char type[32])
{
	char field[32];
	int c;

	for (int i = 0; i < 4; i++)
		if (next_field(m, field, sizeof(field)) < 0)
			return 0;
	(void)next_field(m, path, PLAN_PATH_MAX);
	do
		c = next_field(m, field, sizeof(field));
	while (c == ' ' && !str_equal(field, "-"));
	c = next_field(m, type, 32);
	while (c != '\n' && c >= 0)
		c = next_byte(m);
	return 1;
}

/* Finds the procfs or sysfs number `skip` that is not below the new root. */
static int
find_exposed(struct err *e, struct mountinfo *m, const char *root, uint32_t skip,
	char path[PLAN_PATH_MAX])
{
	size_t n = strlen(root);
	char type[32];

	if (lseek(m->fd, 0, SEEK_SET) < 0)
		return fail_errno(e, "mountinfo");
	m->at = m->len = 0;
	while (next_mount(m, path, type)) {
		if (!str_equal(type, "proc") && !str_equal(type, "sysfs"))
			continue;
		if (strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0'))
			continue;
		if (skip-- == 0)
			return 1;
	}
	return 0;
}

/* With chroot(2) the old root stays below us, and a full procfs or sysfs in it would undo every
 * mask (S13).  Those that cannot be unmounted (locked by a user namespace) are covered. */
static int
hide_host(struct err *e, int root_dir)
{
	static const char text[] = "/proc/self/mountinfo";
	FD_AUTO int fd = openat(AT_FDCWD, text, O_RDONLY | O_CLOEXEC);
	struct mountinfo m = {.fd = fd};
	char path[PLAN_PATH_MAX], root[PLAN_PATH_MAX], link[32];
	uint32_t skip = 0;
	ssize_t n;
	int found;

	if (fd < 0)
		return fail_errno(e, "open %s", text);
	(void)fd_path(link, root_dir);
	n = readlink(link, root, sizeof(root));
	if (n < 0 || n == sizeof(root))
		return fail_errno(e, "readlink %s", link);
	root[n] = '\0';
	while ((found = find_exposed(e, &m, root, skip, path)) > 0) {
		if (sys_umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
			continue;
		if (sys_mount("tmpfs", path, "tmpfs", INERT, "nr_inodes=1,mode=755") < 0 &&
			errno != ENOENT && errno != ENOTDIR) /* hidden by another mount already */
			return fail_errno(e, "covering %s", path);
		skip++;
	}
	return found;
}

static int
change_root(struct err *e)
{
	if (sys_chroot(".") < 0)
		return fail_errno(e, "chroot");
	return sys_chdir("/") < 0 ? fail_errno(e, "chdir /") : 0;
}

static int
move_root(struct err *e, int root_dir)
{
	log_warning("rootfs: chroot instead of pivot_root: the isolation from the host's tree is "
		    "weaker");
	TRY(hide_host(e, root_dir));
	if (sys_mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return fail_errno(e, "moving the rootfs to /");
	return change_root(e);
}

/* The kernel's initial rootfs has no parent mount and cannot be pivoted away. */
static bool
is_initial_rootfs(int dir)
{
	uint32_t magic = mnt_magic(dir);

	return magic == RAMFS_MAGIC || magic == TMPFS_MAGIC;
}

static int
pivot(struct err *e, int root_dir)
{
	FD_AUTO int old = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0)
		return fail_errno(e, "open /");
	if (sys_pivot_root(".", ".") < 0) {
		if (errno == EINVAL && is_initial_rootfs(old))
			return move_root(e, root_dir);
		return fail_errno(e, "pivot_root");
	}
	/* The old root now lies upon the new one.  Slave, or the unmount would reach the host. */
	if (sys_fchdir(old) < 0)
		return fail_errno(e, "chdir to the old root");
	if (sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return fail_errno(e, "mount propagation of the old root");
	if (sys_umount2(".", MNT_DETACH) < 0)
		return fail_errno(e, "unmounting the old root");
	return sys_chdir("/") < 0 ? fail_errno(e, "chdir /") : 0;
}

int
rootfs_switch(struct err *e, const struct plan *p, int root_dir)
{
	FD_AUTO int root = root_dir;

	IN(e, ROLE_INIT);
	if (sys_fchdir(root) < 0)
		return fail_errno(e, "chdir to the rootfs");
	if (p->root_mode == PLAN_ROOT_PIVOT)
		TRY(pivot(e, root));
	else if (p->root_mode == PLAN_ROOT_MOVE)
		TRY(move_root(e, root));
	else
		TRY(change_root(e));
	/* After the switch: set earlier it is lost, or the root cannot be bound any more (MS-1). */
	if (p->root_propagation && sys_mount(NULL, "/", NULL, p->root_propagation, NULL) < 0)
		return fail_errno(e, "linux.rootfsPropagation");
	return 0;
}

/* --- delete of a container without a mount namespace of its own --------------------------------
 */

/* One look at the rootfs from the host's side; small, so that it fits through a pipe as a whole. */
struct look {
	uint64_t id; /* of the mount at the rootfs; 0: it cannot be told */
	int error;   /* errno of an unmount that failed */
};

/* With `before`, which is 0 when nothing is to be undone. */
static struct look
look_here(const char *rootfs, uint64_t before)
{
	FD_AUTO int fd = openat(AT_FDCWD, rootfs, O_PATH | O_CLOEXEC);
	struct look l = {.id = fd < 0 ? 0 : mnt_id(fd)};

	if (before == 0 || l.id == 0 || l.id == before)
		return l;
	if (sys_umount2(rootfs, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL)
		l.error = errno;
	return l;
}

/* The same in another mount namespace: by a child, since nobody comes back from one easily. */
static int
look_there(struct err *e, const char *rootfs, uint64_t before, int ns, struct look *l)
{
	int pair[2];
	ssize_t n;
	pid_t pid;

	if (sys_pipe2(pair, O_CLOEXEC) < 0)
		return fail_errno(e, "pipe");
	pid = sys_clone(SIGCHLD, NULL);
	if (pid == 0) {
		*l = (struct look){0};
		if (sys_setns(ns, CLONE_NEWNS) < 0)
			l->error = errno;
		else
			*l = look_here(rootfs, before);
		_exit(write(pair[1], l, sizeof *l) != sizeof *l);
	}
	(void)close(pair[1]);
	n = pid < 0 ? -1 : read(pair[0], l, sizeof *l);
	(void)close(pair[0]);
	if (pid < 0)
		return fail_errno(e, "clone");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return n == sizeof *l ? 0 : fail(e, "the look at the mount namespace was cut short");
}

static int
look(struct err *e, const char *rootfs, uint64_t before, const char *mount_ns, uint64_t *id)
{
	FD_AUTO int ns = mount_ns ? openat(AT_FDCWD, mount_ns, O_RDONLY | O_CLOEXEC) : -1;
	struct look l = {0};

	*id = 0;
	if (!mount_ns)
		l = look_here(rootfs, before);
	else if (ns >= 0)
		TRY(look_there(e, rootfs, before, ns, &l));
	else if (errno != ENOENT)
		return fail_errno(e, "linux.namespaces: open %s", mount_ns);
	*id = l.id;
	errno = l.error;
	return l.error ? fail_errno(e, "unmount %s", rootfs) : 0;
}

int
rootfs_mount_id(struct err *e, const char *path, const char *mount_ns, uint64_t *id)
{
	IN(e, ROLE_HOST);
	return look(e, path, 0, mount_ns, id);
}

int
rootfs_undo(struct err *e, const char *rootfs, uint64_t before, const char *mount_ns)
{
	uint64_t ignored;

	IN(e, ROLE_HOST);
	return before ? look(e, rootfs, before, mount_ns, &ignored) : 0;
}
