#include "base/fd.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	LAST_RESORT_FDS = 1 << 20, /* fs.nr_open, unless an administrator raised it */
	REPLACE_TRIES = 8,
	LOCK_STEP_MAX = 20, /* ms between two tries for a lock */
};

/* --- whole files ---------------------------------------------------------------------------- */

static ssize_t
read_some(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n;
}

ssize_t
fd_read_all(struct err *e, int fd, char *buf, size_t size, const char *name)
{
	size_t len = 0;
	ssize_t n;

	if (size == 0)
		return fail(e, "%s: no room to read it", name);
	/* One byte more than fits is asked for: so a full buffer and its end are told apart. */
	while ((n = read_some(fd, buf + len, size - len)) > 0) {
		len += (size_t)n;
		if (len == size) {
			buf[0] = '\0';
			return fail(e, "%s: larger than %zu bytes", name, size - 1);
		}
	}
	if (n < 0)
		return fail_errno(e, "read %s", name);
	buf[len] = '\0';
	return (ssize_t)len;
}

ssize_t
fd_read_given(struct err *e, const char *path, char *buf, size_t size)
{
	FD_AUTO int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? fail_errno(e, "open %s", path) : fd_read_all(e, fd, buf, size, path);
}

int
fd_open_file(struct err *e, int dir, const char *path)
{
	/* Not blocking: opening a FIFO would wait for its writer before we could refuse it. */
	FD_AUTO int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(e, "open %s", path);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return fail_errno(e, "read %s", path);
	}
	if (!S_ISREG(st.st_mode))
		return fail(e, "%s: not a regular file", path);
	return fd_keep(&fd);
}

ssize_t
fd_read_file(struct err *e, int dir, const char *path, char *buf, size_t size)
{
	FD_AUTO int fd = fd_open_file(e, dir, path);

	TRY(fd);
	return fd_read_all(e, fd, buf, size, path);
}

int
fd_write(struct err *e, int fd, const void *data, size_t len, const char *name)
{
	const char *at = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_errno(e, "write %s", name);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

void
fd_say(int fd, const char *text, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (poll(&p, 1, 0) == 1 && p.revents & POLLOUT)
		(void)!write(fd, text, len);
}

int
fd_write_file(struct err *e, int dir, const char *path, const char *text)
{
	FD_AUTO int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return fail_errno(e, "open %s", path);
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_errno(e, "write %s", path);
	if ((size_t)n != len)
		return fail(e, "write %s: only %zd of %zu bytes were taken", path, n, len);
	return 0;
}

/* A new file called name. One that is there is a leftover of a dead process with our pid. */
static int
create_temporary(int dir, const char *name)
{
	int fd = -1;

	for (int i = 0; i < REPLACE_TRIES && fd < 0; i++) {
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && (errno != EEXIST || sys_unlinkat(dir, name, 0) < 0))
			return -1;
	}
	return fd;
}

static int
fill_temporary(struct err *e, int fd, mode_t mode, const char *data, size_t len, const char *name)
{
	TRY(fd_write(e, fd, data, len, name));
	if (sys_fchmod(fd, mode) < 0)
		return fail_errno(e, "change mode of %s", name);
	if (fdatasync(fd) < 0 && errno != EINVAL && errno != EROFS) /* a fs that cannot sync */
		return fail_errno(e, "sync %s", name);
	return 0;
}

int
fd_replace(struct err *e, int dir, const char *name, mode_t mode, const char *data, size_t len)
{
	FD_AUTO int fd = -1;
	const char *base = str_base(name);
	char temporary[PATH_MAX];

	if (str_format(temporary, sizeof(temporary), "%.*s.%s.%d.tmp", (int)(base - name), name,
		    base, (int)getpid()) < 0)
		return fail(e, "write %s: %s", name, errno_text(ENAMETOOLONG));
	fd = create_temporary(dir, temporary);
	if (fd < 0)
		return fail_errno(e, "create %s", name);
	if (fill_temporary(e, fd, mode, data, len, name) < 0) {
		(void)sys_unlinkat(dir, temporary, 0); /* the first error is the one to tell */
		return -1;
	}
	if (renameat(dir, temporary, dir, name) < 0) {
		(void)fail_errno(e, "replace %s", name);
		(void)sys_unlinkat(dir, temporary, 0);
		return -1;
	}
	return 0;
}

/* --- directories ---------------------------------------------------------------------------- */

void
fd_dir_open(struct fd_dir *d, int fd)
{
	d->fd = fd;
	d->error = 0;
	d->at = d->len = 0;
	if (lseek(fd, 0, SEEK_SET) < 0)
		d->error = errno;
}

static const struct kabi_dirent *
next_record(struct fd_dir *d)
{
	const struct kabi_dirent *record;
	ssize_t n;

	if (d->at >= d->len) {
		n = d->error ? -1 : sys_getdents64(d->fd, d->buf, sizeof(d->buf));
		if (n < 0 && !d->error)
			d->error = errno;
		if (n <= 0)
			return NULL;
		d->at = 0;
		d->len = (size_t)n;
	}
	/* The kernel aligns the records to 8, and so is buf. */
	record = (const void *)(d->buf + d->at);
	d->at += record->reclen;
	return record;
}

const struct fd_entry *
fd_dir_next(struct fd_dir *d)
{
	const struct kabi_dirent *record;

	do {
		record = next_record(d);
		if (!record)
			return NULL;
	} while (str_equal(record->name, ".") || str_equal(record->name, ".."));
	d->entry = (struct fd_entry){.name = record->name, .type = record->type};
	return &d->entry;
}

/* --- many descriptors ----------------------------------------------------------------------- */

static bool
listed(int fd, const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (keep[i] == fd)
			return true;
	}
	return false;
}

/* Closes fd, or marks it close-on-exec. */
static void
drop(int fd, bool hard)
{
	if (hard)
		(void)close(fd);
	else
		(void)sys_fcntl(fd, F_SETFD, FD_CLOEXEC); /* EBADF: it was not open */
}

/* Every open descriptor from first on by the list in procfs; -1 when there is no real procfs. */
static int
drop_listed(int first, const int *keep, size_t n, bool hard)
{
	FD_AUTO int fd = openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct fd_entry *entry;
	struct statfs fs;
	struct fd_dir d;
	uint64_t number;

	if (fd < 0 || sys_fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return -1;
	fd_dir_open(&d, fd);
	while ((entry = fd_dir_next(&d))) {
		if (str_u64(entry->name, &number) < 0 || number > INT_MAX)
			return -1;
		if ((int)number >= first && (int)number != fd && !listed((int)number, keep, n))
			drop((int)number, hard);
	}
	return d.error ? -1 : 0;
}

/* Every number that may be open, one by one. */
static int
drop_all(int first, const int *keep, size_t n, bool hard)
{
	struct rlimit limit;
	rlim_t last = LAST_RESORT_FDS;

	if (sys_prlimit(0, RLIMIT_NOFILE, NULL, &limit) < 0)
		return -1;
	if (limit.rlim_max < last) /* descriptors may lie above a lowered soft limit */
		last = limit.rlim_max;
	for (int fd = first; fd < (int)last; fd++) {
		if (!listed(fd, keep, n))
			drop(fd, hard);
	}
	return 0;
}

int
fd_cloexec_from(int first)
{
	if (sys_close_range((unsigned int)first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
	if (drop_listed(first, NULL, 0, false) == 0)
		return 0;
	return drop_all(first, NULL, 0, false);
}

/* The lowest of keep that is at least first; -1 when there is none. */
static int
next_kept(int first, const int *keep, size_t n)
{
	int lowest = -1;

	for (size_t i = 0; i < n; i++) {
		if (keep[i] >= first && (lowest < 0 || keep[i] < lowest))
			lowest = keep[i];
	}
	return lowest;
}

static int
close_gaps(int first, const int *keep, size_t n)
{
	int kept = next_kept(first, keep, n);

	for (; kept >= 0; first = kept + 1, kept = next_kept(first, keep, n)) {
		if (kept == first)
			continue;
		if (sys_close_range((unsigned int)first, (unsigned int)kept - 1, 0) < 0)
			return -1;
	}
	return sys_close_range((unsigned int)first, UINT_MAX, 0);
}

int
fd_close_except(int first, const int *keep, size_t n)
{
	if (close_gaps(first, keep, n) == 0)
		return 0;
	if (drop_listed(first, keep, n, true) == 0)
		return 0;
	return drop_all(first, keep, n, true);
}

int
fd_fill_stdio(struct err *e)
{
	int fd;

	for (int i = 0; i <= 2; i++) {
		if (sys_fcntl(i, F_GETFD, 0) >= 0 || errno != EBADF)
			continue;
		/* The lowest free number is i, for those below it are open. No O_CLOEXEC: 0 to 2
		 * are handed on. */
		fd = openat(AT_FDCWD, "/dev/null", O_RDWR);
		if (fd < 0)
			return fail_errno(e, "open /dev/null for descriptor %d", i);
		if (fd != i) {
			fd_close(&fd);
			return fail(e, "open /dev/null for descriptor %d: another was given", i);
		}
	}
	return 0;
}

int
fd_lock(int fd, int ms)
{
	int64_t end = clock_ms() + ms;

	for (int step = 1;; step = step < LOCK_STEP_MAX ? step * 2 : LOCK_STEP_MAX) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (clock_ms() >= end) {
			errno = EWOULDBLOCK;
			return -1;
		}
		clock_sleep(step);
	}
}
