#include "kernel/tty.h"

#include "base/fd.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

enum {
	PTMX_INO = 2,		 /* of every devpts: fs/devpts/inode.c */
	SLAVE_MAJOR_FIRST = 136, /* Documentation/admin-guide/devices.txt */
	SLAVE_MAJOR_LAST = 143,
};

/* --- a new terminal --------------------------------------------------------------------------- */

static bool
is_ptmx(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISCHR(s.st_mode) && s.st_rdev == makedev(5, 2) &&
		s.st_ino == PTMX_INO && mnt_magic(fd) == DEVPTS_SUPER_MAGIC;
}

static bool
is_slave(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISCHR(s.st_mode) && major(s.st_rdev) >= SLAVE_MAJOR_FIRST &&
		major(s.st_rdev) <= SLAVE_MAJOR_LAST;
}

/* Opens name in dir for reading and writing, if it is what `good` says: looked at before, because
 * to open a foreign device may do something or block, and after, because it may have changed. */
static int
open_terminal(struct err *e, int dir, const char *name, bool (*good)(int fd))
{
	FD_AUTO int seen = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd = -1;

	if (seen < 0)
		return fail_errno(e, "open %s", name);
	if (!good(seen))
		return fail(e, "%s is not a terminal of a devpts", name);
	fd = openat(dir, name, O_RDWR | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(e, "open %s", name);
	if (!good(fd) || !mnt_same(seen, fd))
		return fail(e, "%s was exchanged", name);
	if (sys_fcntl(fd, F_SETFL, O_RDWR) < 0)
		return fail_errno(e, "%s: flags", name);
	return fd_keep(&fd);
}

/* The container's devpts, or -1 with ENOENT where /dev/pts is none. */
static int
open_devpts(struct err *e, int root_dir)
{
	FD_AUTO int pts = fd_in_root(e, root_dir, "/dev/pts", O_PATH | O_DIRECTORY);

	TRY(pts);
	if (mnt_magic(pts) == DEVPTS_SUPER_MAGIC)
		return fd_keep(&pts);
	(void)fail(e, "/dev/pts is not a devpts");
	e->number = ENOENT;
	return -1;
}

/* pts may be -1: then /dev/ptmx itself has to be the ptmx of a devpts, bound there. */
static int
open_master(struct err *e, int root_dir, int pts)
{
	FD_AUTO int dev = -1;
	int master;

	if (pts >= 0) {
		master = open_terminal(e, pts, "ptmx", is_ptmx);
		return master < 0 ? context(e, "/dev/pts") : master;
	}
	TRY(dev = fd_in_root(e, root_dir, "/dev", O_PATH | O_DIRECTORY));
	master = open_terminal(e, dev, "ptmx", is_ptmx);
	return master < 0 ? context(e, "/dev/pts is not a devpts; /dev") : master;
}

/* TIOCGPTPEER (Linux 4.13) needs no name; without it the number below the checked devpts does. */
static int
open_slave(struct err *e, int master, int pts, unsigned int number)
{
	int fd = ioctl(master, (int)TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[16];

	if (fd >= 0)
		return fd;
	if (pts < 0 || (errno != EINVAL && errno != ENOTTY))
		return fail_errno(e, "open the terminal's other side");
	if (str_format(name, sizeof(name), "%u", number) < 0)
		return fail(e, "terminal number %u", number);
	return open_terminal(e, pts, name, is_slave);
}

static int
set_up_slave(struct err *e, const struct spec_process *process, int slave)
{
	const struct winsize size = {
		.ws_row = (unsigned short)process->console_size.height,
		.ws_col = (unsigned short)process->console_size.width,
	};
	struct stat s;

	if (process->console_size.present && ioctl(slave, (int)TIOCSWINSZ, &size) < 0)
		return fail_errno(e, "process.consoleSize");
	if (fstat(slave, &s) < 0)
		return fail_errno(e, "stat");
	/* The group stays what the devpts gave it, usually that of terminals. */
	if (s.st_uid != process->user.uid && sys_fchown(slave, process->user.uid, (gid_t)-1) < 0)
		return fail_errno(e, "change owner to %u", process->user.uid);
	if ((s.st_mode & 07777) != 0620 && sys_fchmod(slave, 0620) < 0)
		return fail_errno(e, "change mode");
	return 0;
}

static int
make_pair(struct err *e, int root_dir, int *master, int *slave, unsigned int *number)
{
	FD_AUTO int pts = open_devpts(e, root_dir), mine = -1;
	int unlocked = 0;

	if (pts < 0 && e->number != ENOENT)
		return -1;
	TRY(mine = open_master(e, root_dir, pts));
	if (ioctl(mine, (int)TIOCSPTLCK, &unlocked) < 0)
		return fail_errno(e, "unlock");
	if (ioctl(mine, (int)TIOCGPTN, number) < 0)
		return fail_errno(e, "number");
	TRY(*slave = open_slave(e, mine, pts, *number));
	*master = fd_keep(&mine);
	return 0;
}

int
tty_make(struct err *e, const struct spec_process *process, int root_dir, int *master, int *slave,
	char name[TTY_NAME_MAX])
{
	FD_AUTO int m = -1, s = -1;
	unsigned int number = 0;

	IN(e, ROLE_INIT | ROLE_JOIN);
	if (make_pair(e, root_dir, &m, &s, &number) < 0)
		return context(e, "terminal");
	if (str_format(name, TTY_NAME_MAX, "/dev/pts/%u", number) < 0)
		return fail(e, "terminal number %u", number);
	if (set_up_slave(e, process, s) < 0)
		return context(e, "terminal %s", name);
	*master = fd_keep(&m);
	*slave = fd_keep(&s);
	return 0;
}

/* --- /dev/console ----------------------------------------------------------------------------- */

/* The placeholder: a new file, or one that is there if it is a plain file or a device.  A link is
 * neither followed nor replaced, and nothing of procfs or sysfs is covered (CVE-2025-52565). */
static int
open_placeholder(struct err *e, int dir, const char *name)
{
	FD_AUTO int fd = -1;
	struct stat s;
	uint32_t magic;

	if (sys_mknodat(dir, name, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return fail_errno(e, "create");
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0)
		return fail_errno(e, "open");
	if (!S_ISREG(s.st_mode) && !S_ISCHR(s.st_mode))
		return fail(e, "exists and is neither a file nor a device");
	magic = mnt_magic(fd);
	if (magic == PROC_SUPER_MAGIC || magic == SYSFS_MAGIC)
		return fail(e, "lies in procfs or sysfs");
	return fd_keep(&fd);
}

static int
bind_console(struct err *e, int root_dir, int slave)
{
	const char *name;
	FD_AUTO int dir = fd_parent_in_root(e, root_dir, "/dev/console", &name);
	FD_AUTO int target = -1, now = -1;

	TRY(dir);
	TRY(target = open_placeholder(e, dir, name));
	TRY(mnt_bind(e, slave, target, 0));
	now = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (now < 0)
		return fail_errno(e, "open");
	if (!is_slave(now) || !mnt_same(slave, now))
		return fail(e, "exchanged while it was mounted on");
	return 0;
}

int
tty_console(struct err *e, int root_dir, int slave)
{
	IN(e, ROLE_INIT);
	if (bind_console(e, root_dir, slave) < 0)
		return context(e, "/dev/console");
	return 0;
}

/* --- descriptors ------------------------------------------------------------------------------ */

int
tty_attach(struct err *e, int slave)
{
	FD_AUTO int mine = slave;

	IN(e, ROLE_INIT | ROLE_JOIN);
	if (ioctl(mine, TIOCSCTTY, 0) < 0)
		return fail_errno(e, "controlling terminal");
	for (int fd = 0; fd <= 2; fd++)
		if (fd != mine && sys_dup3(mine, fd, 0) < 0)
			return fail_errno(e, "terminal on descriptor %d", fd);
	if (mine <= 2 && sys_fcntl(fd_keep(&mine), F_SETFD, 0) < 0)
		return fail_errno(e, "terminal on descriptor %d", slave);
	return 0;
}

static bool
is_terminal(int fd)
{
	struct winsize size;

	return ioctl(fd, (int)TIOCGWINSZ, &size) == 0;
}

void
tty_own_stdio(uint32_t uid, uint32_t gid)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat s;

		if (fstat(fd, &s) < 0 || s.st_uid == uid)
			continue;
		/* A failure is no reason to stop: the program inherits the open file anyway. */
		if (S_ISCHR(s.st_mode) && is_terminal(fd))
			(void)sys_fchown(fd, uid, (gid_t)-1);
		else if (S_ISFIFO(s.st_mode))
			(void)sys_fchown(fd, uid, gid);
	}
}

/* --- the other end ---------------------------------------------------------------------------- */

int
tty_send(struct err *e, const char *path, const char *payload, int fd)
{
	FD_AUTO int sock = -1;

	IN(e, ROLE_HOST);
	TRY(sock = fd_connect_unix(e, path, SOCK_STREAM));
	if (fd_send(sock, payload, strlen(payload), fd) < 0)
		return fail_errno(e, "send to %s", path);
	return 0;
}

int
tty_raw(struct err *e, int fd, struct termios *saved)
{
	struct termios raw;

	IN(e, ROLE_HOST);
	if (tcgetattr(fd, saved) < 0)
		return fail_errno(e, "terminal");
	raw = *saved;
	cfmakeraw(&raw);
	/* Line ends are made here: the master is to have no ONLCR (engines.md 5.4). */
	raw.c_oflag |= saved->c_oflag & OPOST;
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return fail_errno(e, "terminal to raw mode");
	return 0;
}

void
tty_restore(int fd, const struct termios *saved)
{
	(void)tcsetattr(fd, TCSANOW, saved); /* the terminal may be gone: nothing to restore then */
}

void
tty_no_crlf(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return;
	t.c_oflag &= ~(tcflag_t)ONLCR;
	(void)tcsetattr(
		fd, TCSANOW, &t); /* without it lines end in two carriage returns, no more */
}

void
tty_copy_size(int from, int to)
{
	struct winsize size;

	if (ioctl(from, (int)TIOCGWINSZ, &size) == 0)
		(void)ioctl(to, (int)TIOCSWINSZ, &size); /* a terminal that is gone needs no size */
}
