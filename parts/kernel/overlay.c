#include "kernel/overlay.h"

#include "base/fd.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <unistd.h>

/* What is on top of the rootfs now: it must be what was just mounted. */
static int
open_top(struct err *e, const struct plan *p, uint32_t magic)
{
	const char *path = p->image || str_equal(p->rootfs, "/") ? "/.." : p->rootfs;
	FD_AUTO int fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(e, "open %s", path);
	if (mnt_magic(fd) != magic)
		return fail(e, "%s: exchanged while it was mounted on", path);
	return fd_keep(&fd);
}

static int
open_base(struct err *e, const struct plan *p, int root_dir)
{
	char path[32];
	int fd;

	if (p->overlay_tmpfs) {
		(void)fd_path(path, root_dir);
		if (sys_mount("tmpfs", path, "tmpfs", 0, p->overlay_tmpfs) < 0)
			return fail_errno(e, "mount tmpfs");
		return open_top(e, p, TMPFS_MAGIC);
	}
	fd = openat(AT_FDCWD, p->overlay_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail_errno(e, "open %s", p->overlay_dir) : fd;
}

/* The root of the overlay has owner and mode of its upper layer: a new one gets those of the rootfs
 * (an owner that is not mapped stays out). */
static int
make_layer(struct err *e, int base, const char *name, const struct stat *like)
{
	int fd = -1;

	if (sys_mkdirat(base, name, 0700) == 0) {
		(void)sys_fchownat(base, name, like->st_uid, like->st_gid, AT_SYMLINK_NOFOLLOW);
		(void)sys_fchmodat(base, name, like->st_mode & 07777);
	} else if (errno != EEXIST) {
		return fail_errno(e, "mkdir %s", name);
	}
	fd = openat(base, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail_errno(e, "open %s", name) : fd;
}

static int
mount_layers(struct err *e, const struct plan *p, int lower)
{
	FD_AUTO int base = open_base(e, p, lower), upper = -1, work = -1;
	bool user = p->facts->user_namespace || p->spec->linux_.namespaces[NAMESPACE_USER].listed;
	char path[32], data[128];
	struct stat like;

	TRY(base);
	if (fstat(lower, &like) < 0)
		return fail_errno(e, "stat");
	TRY(upper = make_layer(e, base, "upper", &like));
	TRY(work = make_layer(e, base, "work", &like));
	(void)fd_path(path, lower);
	(void)str_format(data, sizeof data, /* fits */
		"lowerdir=%s,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s", path, upper,
		work, user ? ",userxattr" : "");
	if (sys_mount("overlay", path, "overlay", 0, data) < 0)
		return fail_errno(e, "mount overlay");
	return open_top(e, p, OVERLAYFS_SUPER_MAGIC);
}

int
overlay_mount(struct err *e, const struct plan *p, int *root_dir)
{
	int fd;

	IN(e, ROLE_INIT);
	if (!p->overlay_tmpfs && !p->overlay_dir)
		return 0;
	fd = mount_layers(e, p, *root_dir);
	if (fd < 0)
		return context(e, "annotations: " PLAN_OVERLAY);
	fd_close(root_dir);
	*root_dir = fd;
	return 0;
}
