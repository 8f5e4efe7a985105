#include "base/mnt.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/statfs.h>

enum {
	ATIME_MODE = MS_NOATIME | MS_RELATIME | MS_STRICTATIME,
	OWN = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NODIRATIME | MS_NOSYMFOLLOW |
		ATIME_MODE,
};

/* f_flags of statfs(2): those bits whose place differs from that of the MS_ flag */
enum { F_NOATIME = 1024, F_NODIRATIME = 2048, F_RELATIME = 4096, F_NOSYMFOLLOW = 8192 };

uint32_t
mnt_own_flags(void)
{
	return OWN;
}

/* Before Linux 3.12 fstatfs(2) refuses O_PATH. */
static int
stat_filesystem(int fd, struct statfs *s)
{
	char path[32];

	if (fstatfs(fd, s) == 0)
		return 0;
	if (errno != EBADF)
		return -1;
	(void)fd_path(path, fd);
	return statfs(path, s);
}

uint32_t
mnt_magic(int fd)
{
	struct statfs s;

	return stat_filesystem(fd, &s) < 0 ? 0 : (uint32_t)s.f_type;
}

int
mnt_flags(struct err *e, int fd, uint32_t *flags)
{
	struct statfs s;

	if (stat_filesystem(fd, &s) < 0)
		return fail_errno(e, "statfs");
	*flags = (uint32_t)s.f_flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
	if (s.f_flags & F_NODIRATIME)
		*flags |= MS_NODIRATIME;
	if (s.f_flags & F_NOSYMFOLLOW)
		*flags |= MS_NOSYMFOLLOW;
	if (s.f_flags & F_NOATIME)
		*flags |= MS_NOATIME;
	else if (s.f_flags & F_RELATIME)
		*flags |= MS_RELATIME;
	else
		*flags |= MS_STRICTATIME;
	return 0;
}

uint32_t
mnt_merge(uint32_t old, uint32_t set, uint32_t clear)
{
	uint32_t flags;

	if (set & ATIME_MODE)
		old &= ~(uint32_t)ATIME_MODE;
	flags = (set | (old & ~clear)) & OWN;
	if (!(flags & ATIME_MODE))
		flags |= clear & old & MS_RELATIME ? MS_STRICTATIME : MS_RELATIME;
	return flags;
}

int
mnt_change(struct err *e, int fd, uint32_t set, uint32_t clear)
{
	char path[32];
	uint32_t flags, now;

	TRY(mnt_flags(e, fd, &now));
	flags = mnt_merge(now, set, clear);
	(void)fd_path(path, fd);
	if (sys_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		return fail_errno(e, "remount");
	if (!(set & MS_NOSYMFOLLOW))
		return 0;
	/* The one flag that old kernels do not know and do not refuse. */
	TRY(mnt_flags(e, fd, &now));
	return now & MS_NOSYMFOLLOW ? 0 : fail(e, "nosymfollow needs Linux 5.10");
}

int
mnt_bind(struct err *e, int source, int target, uint32_t extra)
{
	char from[32], to[32];

	(void)fd_path(from, source);
	(void)fd_path(to, target);
	if (sys_mount(from, to, NULL, MS_BIND | extra, NULL) < 0)
		return fail_errno(e, "bind");
	return 0;
}

int
mnt_propagate(struct err *e, int fd, uint32_t propagation)
{
	char path[32];

	(void)fd_path(path, fd);
	if (sys_mount(NULL, path, NULL, propagation, NULL) < 0)
		return fail_errno(e, "mount propagation");
	return 0;
}

/* The line "mnt_id:\t27" of /proc/self/fdinfo/N. */
static uint64_t
id_from_fdinfo(int fd)
{
	char path[40], text[1024];
	const char *line;
	struct err ignored;
	uint64_t id;

	if (str_format(path, sizeof(path), "/proc/self/fdinfo/%d", fd) < 0 ||
		fd_read_file(&ignored, AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	line = str_find(text, "mnt_id:\t");
	if (!line)
		return 0;
	line += strlen("mnt_id:\t");
	return str_u64_n(line, strcspn(line, "\n"), &id) == 0 ? id : 0;
}

uint64_t
mnt_id(int fd)
{
	struct kabi_statx s;

	if (sys_statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &s) == 0 &&
		(s.mask & STATX_MNT_ID))
		return s.mnt_id;
	return id_from_fdinfo(fd);
}

/* False only when the kernel says that fd is not the root of its mount (Linux 5.8). */
static bool
may_be_root(int fd)
{
	struct kabi_statx s;

	return sys_statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &s) < 0 ||
		!(s.attributes_mask & STATX_ATTR_MOUNT_ROOT) ||
		(s.attributes & STATX_ATTR_MOUNT_ROOT);
}

bool
mnt_appeared(int before, int after)
{
	uint64_t old = mnt_id(before), new = mnt_id(after);
	struct stat a, b;

	if (!may_be_root(after))
		return false;
	if (old != 0 && new != 0)
		return old != new;
	return fstat(before, &a) == 0 && fstat(after, &b) == 0 && a.st_dev != b.st_dev;
}

bool
mnt_same(int a, int b)
{
	struct stat one, two;

	return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_dev == two.st_dev &&
		one.st_ino == two.st_ino;
}
