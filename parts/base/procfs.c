#include "base/procfs.h"

#include "base/fd.h"
#include "base/mnt.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>

enum { PROC_ROOT_INO = 1 };

int
procfs_open(struct err *e)
{
	FD_AUTO int proc = openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat s;

	if (proc < 0 || fstat(proc, &s) < 0)
		return fail_errno(e, "open /proc");
	if (mnt_magic(proc) != PROC_SUPER_MAGIC || s.st_ino != PROC_ROOT_INO)
		return fail(e, "/proc is not a procfs");
	return fd_keep(&proc);
}

int
procfs_write(struct err *e, int proc, const char *path, const char *text)
{
	FD_AUTO int fd =
		fd_resolve(e, proc, path, O_WRONLY | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	int number = e->number;

	if (fd < 0) {
		(void)fail(e, "%s", errno_text(number));
		e->number = number;
		return -1;
	}
	if (mnt_magic(fd) != PROC_SUPER_MAGIC)
		return fail(e, "not a file of procfs");
	if (fd_write(e, fd, text, strlen(text), path) == 0)
		return 0;
	errno = e->number;
	return fail_errno(e, "value \"%s\"", text);
}
