/* rootfs, second source: the switch of the root, and what delete has to undo of a shared one. */
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
#include <unistd.h>

enum { INERT = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };

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
	n = readlinkat(AT_FDCWD, link, root, sizeof(root));
	if (n < 0)
		return fail_errno(e, "readlink %s", link);
	if (n == sizeof(root))
		return fail(e, "the path of the root is longer than %zu bytes", sizeof(root) - 1);
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
	/* ELOOP: it is upon `/` already (an image; a rootfs that is `/`). */
	if (sys_mount(".", "/", NULL, MS_MOVE, NULL) < 0 && errno != ELOOP)
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
	/* What was mounted upon it went first (layers of an overlay); EINVAL: all is gone. */
	while (sys_umount2(".", MNT_DETACH) == 0)
		continue;
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
	int error;   /* errno of what failed: entering the namespace, or the unmount */
	bool entered;
};

/* With `before`, which is 0 when nothing is to be undone. */
static struct look
look_here(const char *rootfs, uint64_t before)
{
	FD_AUTO int fd = openat(AT_FDCWD, rootfs, O_PATH | O_CLOEXEC);
	struct look l = {.id = fd < 0 ? 0 : mnt_id(fd), .entered = true};

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
	sys_reap(pid);
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
	if (!l.error)
		return 0;
	if (!l.entered)
		return fail_errno(e, "linux.namespaces: joining the mount namespace %s", mount_ns);
	return fail_errno(e, "unmount %s", rootfs);
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
