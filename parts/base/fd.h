/* fd: whole-file reads and writes, directory walks.
 *
 * Contract: every descriptor made here is close-on-exec and opened relative to a directory fd
 * (AT_FDCWD is one).  Functions return an fd, a count or 0, or -1 with *e filled; e->number is then
 * the errno.  An fd that is returned belongs to the caller, one that is passed stays the caller's.
 * EINTR is retried here.  FD_AUTO, fd_close(), fd_keep() and fd_path() are in fdscope.h,
 * resolution inside a root is in fdroot.h, sockets are in fdsock.h; all come along with this
 * header.
 *
 * Floor: base (uses err, fdroot, fdscope, fdsock, str, sys).  Runs in: any process.
 * Spec: security.md S14 and section 6.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include "base/err.h"
#include "base/fdroot.h"
#include "base/fdscope.h"
#include "base/fdsock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads from fd until its end into buf (size bytes) and terminates it. Returns the bytes read; more
 * than size - 1 is the error "NAME: larger than N bytes". name is for messages only. */
ssize_t fd_read_all(struct err *e, int fd, char *buf, size_t size, const char *name);

/* The same for what somebody names on the command line: it may be a pipe, <(...) of a shell. */
ssize_t fd_read_given(struct err *e, const char *path, char *buf, size_t size);

/* The same for a regular file by path; FIFOs, devices and directories are refused. */
ssize_t fd_read_file(struct err *e, int dir, const char *path, char *buf, size_t size);

/* The first half of it: opens such a file for reading. */
int fd_open_file(struct err *e, int dir, const char *path);

/* Writes all of data. Returns 0. */
int fd_write(struct err *e, int fd, const void *data, size_t len, const char *name);

/* One write(2) of a line for whoever reads it, and none where that would have to wait: what cannot
 * be said is lost. */
void fd_say(int fd, const char *text, size_t len);

/* Writes text to an existing file in one write(2), as procfs and cgroup files want it; a short
 * write is an error. The last component is never followed as a symlink. Returns 0. */
int fd_write_file(struct err *e, int dir, const char *path, const char *text);

/* Puts data into a file in one step for every reader: temporary name beside it (O_EXCL), mode set
 * whatever the umask, fdatasync, rename. A symlink called name is replaced, not followed.
 * Returns 0; on failure the temporary file is gone and the old file untouched. */
int fd_replace(struct err *e, int dir, const char *name, mode_t mode, const char *data, size_t len);

/* One name of a directory; valid until the next call for the same walk. */
struct fd_entry {
	const char *name;
	uint8_t type; /* DT_REG, DT_DIR ... DT_UNKNOWN where the fs does not say */
};

/* A walk through one directory, without heap. */
struct fd_dir {
	int fd;		/* borrowed from the caller; its offset moves */
	int error;	/* errno that ended the walk early, else 0 */
	size_t at, len; /* position in and fill of buf */
	struct fd_entry entry;
	char buf[2048] __attribute__((aligned(8)));
};

/* Starts a walk of fd, which must be open for reading (not O_PATH), from its beginning. */
void fd_dir_open(struct fd_dir *d, int fd);

/* The next name, `.` and `..` left out; NULL at the end or on failure (then d->error is set). */
const struct fd_entry *fd_dir_next(struct fd_dir *d);

/* Marks every descriptor from first on close-on-exec. Returns 0, or -1 with errno. */
int fd_cloexec_from(int first);

/* Closes every descriptor from first on but the n in keep (any order, may hold -1). Returns 0, or
 * -1 with errno. */
int fd_close_except(int first, const int *keep, size_t n);

/* flock(2) of fd, exclusive, tried for ms milliseconds.  Returns 0, or -1 with errno: EWOULDBLOCK
 * where somebody else still holds it. */
int fd_lock(int fd, int ms);

/* Opens /dev/null on those of 0, 1 and 2 that are closed, so that no later open lands there. */
int fd_fill_stdio(struct err *e);

#endif
