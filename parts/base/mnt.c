#include "base/mnt.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

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

	if (sys_fstatfs(fd, s) == 0)
		return 0;
	if (errno != EBADF)
		return -1;
	(void)fd_path(path, fd);
	return sys_statfs(path, s);
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

/* The attributes of mount_setattr(2) for flags of mount(2), all but the atime mode. */
static uint64_t
attributes(uint32_t flags)
{
	static const struct {
		uint32_t flag, attribute;
	} row[] = {
		{MS_RDONLY, MOUNT_ATTR_RDONLY},
		{MS_NOSUID, MOUNT_ATTR_NOSUID},
		{MS_NODEV, MOUNT_ATTR_NODEV},
		{MS_NOEXEC, MOUNT_ATTR_NOEXEC},
		{MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
		{MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
	};
	uint64_t found = 0;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (flags & row[i].flag)
			found |= row[i].attribute;
	return found;
}

/* One call where the kernel has it (5.12): it touches nothing but what it is told, and refuses what
 * it does not know.  The atime mode has other rules. */
static bool
change_attributes(int fd, uint32_t set, uint32_t clear)
{
	const struct kabi_mount_attr attr = {
		.attr_set = attributes(set), .attr_clr = attributes(clear & ~set)};

	return !((set | clear) & ATIME_MODE) &&
		sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) == 0;
}

int
mnt_change(struct err *e, int fd, uint32_t set, uint32_t clear)
{
	char path[32];
	uint32_t flags, now;

	if (change_attributes(fd, set, clear))
		return 0;
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
mnt_move(struct err *e, int tree, int target)
{
	if (sys_move_mount(
		    tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail_errno(e, "move_mount");
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
	return str_u64_n(line, str_until(line, "\n"), &id) == 0 ? id : 0;
}

/* Before Linux 4.11. */
static int
look_by_stat(struct err *e, int fd, struct mnt_look *l)
{
	struct stat s;

	if (fstat(fd, &s) < 0)
		return fail_errno(e, "stat");
	*l = (struct mnt_look){id_from_fdinfo(fd), mnt_device(major(s.st_dev), minor(s.st_dev)),
		mnt_device(major(s.st_rdev), minor(s.st_rdev)), s.st_ino, s.st_mode, true};
	return 0;
}

int
mnt_look(struct err *e, int fd, struct mnt_look *l)
{
	const unsigned int wanted = STATX_BASIC_STATS | STATX_MNT_ID;
	struct kabi_statx s;

	if (sys_statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &s) < 0)
		return look_by_stat(e, fd, l);
	/* 0 is no id: an emulation that copies the mask and not the member */
	l->mount = s.mask & STATX_MNT_ID && s.mnt_id ? s.mnt_id : id_from_fdinfo(fd);
	l->dev = mnt_device(s.dev_major, s.dev_minor);
	l->rdev = mnt_device(s.rdev_major, s.rdev_minor);
	l->ino = s.ino;
	l->mode = s.mode;
	l->may_be_root = !(s.attributes_mask & STATX_ATTR_MOUNT_ROOT) ||
		(s.attributes & STATX_ATTR_MOUNT_ROOT);
	return 0;
}

uint64_t
mnt_id(int fd)
{
	struct mnt_look l;
	struct err ignored;

	return mnt_look(&ignored, fd, &l) < 0 ? 0 : l.mount;
}

bool
mnt_look_appeared(const struct mnt_look *before, const struct mnt_look *after)
{
	if (!after->may_be_root)
		return false;
	if (before->mount != 0 && after->mount != 0)
		return before->mount != after->mount;
	return before->dev != after->dev;
}

bool
mnt_look_same(const struct mnt_look *a, const struct mnt_look *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

bool
mnt_same(int a, int b)
{
	struct stat one, two;

	return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_dev == two.st_dev &&
		one.st_ino == two.st_ino;
}
