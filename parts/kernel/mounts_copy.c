/* The mount option tmpcopyup.  What is copied belongs to the image and may be hostile: no link is
 * followed, nothing but directories and regular files is opened. */
#include "kernel/mounts.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DEPTH_MAX = 128, /* directories inside each other */
	CHUNK = 1 << 20, /* bytes of a sendfile(2) */
	NAMES_MAX = 4096,
	VALUE_MAX = 4096, /* bytes: the names of a file's attributes, and each value */
};

static int copy_directory(struct err *e, int from, int to, int depth);

/* An attribute that a tmpfs does not keep is left out: user.* before Linux 6.6. */
static int
copy_attributes(struct err *e, int from, int to)
{
	char names[NAMES_MAX], value[VALUE_MAX];
	ssize_t n = sys_flistxattr(from, names, sizeof(names)), size;

	for (const char *at = names; n > 0 && at < names + n; at += strlen(at) + 1) {
		size = sys_fgetxattr(from, at, value, sizeof(value));
		if (size < 0 ||
			(sys_fsetxattr(to, at, value, (size_t)size, 0) < 0 && errno != EOPNOTSUPP))
			return fail_errno(e, "attribute %s", at);
	}
	return n < 0 && errno != EOPNOTSUPP ? fail_errno(e, "attributes") : 0;
}

/* The owner first: a change of it takes the set-user-ID bit away. */
static int
copy_inode(struct err *e, int from, int to, const struct stat *s)
{
	if (sys_fchown(to, s->st_uid, s->st_gid) < 0 || sys_fchmod(to, s->st_mode & 07777) < 0)
		return fail_errno(e, "owner and mode");
	return copy_attributes(e, from, to);
}

static int
copy_file(struct err *e, int source, int to, const char *name, const struct stat *s)
{
	FD_AUTO int in = -1, out = -1;
	char path[32];
	ssize_t n;

	(void)fd_path(path, source);
	in = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	out = in < 0 ? -1 : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return fail_errno(e, "open");
	do
		n = sendfile(out, in, NULL, CHUNK);
	while (n > 0);
	return n < 0 ? fail_errno(e, "copy") : copy_inode(e, in, out, s);
}

static int
copy_below(struct err *e, int source, int to, const char *name, const struct stat *s, int depth)
{
	FD_AUTO int in = -1, out = -1;

	if (depth == DEPTH_MAX)
		return fail(e, "more than %d directories inside each other", DEPTH_MAX);
	if (sys_mkdirat(to, name, 0700) < 0)
		return fail_errno(e, "mkdir");
	in = openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0 || out < 0)
		return fail_errno(e, "open");
	TRY(copy_directory(e, in, out, depth + 1));
	return copy_inode(e, in, out, s);
}

/* Links, nodes, fifos, sockets */
static int
copy_other(struct err *e, int source, int to, const char *name, const struct stat *s)
{
	char text[PLAN_PATH_MAX];
	ssize_t n;
	int made;

	if (S_ISLNK(s->st_mode)) {
		n = readlinkat(source, "", text, sizeof(text) - 1);
		text[n < 0 ? 0 : n] = '\0';
		made = n < 0 ? -1 : sys_symlinkat(text, to, name);
	} else {
		made = sys_mknodat(to, name, s->st_mode, s->st_rdev);
		if (made == 0)
			made = sys_fchmodat(to, name, s->st_mode & 07777); /* without the umask */
	}
	if (made < 0 || sys_fchownat(to, name, s->st_uid, s->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(e, "make");
	return 0;
}

static int
copy_entry(struct err *e, int from, int to, const char *name, int depth)
{
	FD_AUTO int source = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat s;

	if (source < 0 || fstat(source, &s) < 0)
		return fail_errno(e, "open");
	if (S_ISDIR(s.st_mode))
		return copy_below(e, source, to, name, &s, depth);
	if (S_ISREG(s.st_mode))
		return copy_file(e, source, to, name, &s);
	return copy_other(e, source, to, name, &s);
}

static int
copy_directory(struct err *e, int from, int to, int depth)
{
	const struct fd_entry *entry;
	struct fd_dir d;

	fd_dir_open(&d, from);
	while ((entry = fd_dir_next(&d)))
		if (copy_entry(e, from, to, entry->name, depth) < 0)
			return context(e, "%s", entry->name);
	errno = d.error;
	return d.error ? fail_errno(e, "read directory") : 0;
}

int
mounts_copy_up(struct err *e, int from, int to)
{
	FD_AUTO int in = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	IN(e, ROLE_INIT);
	if (in < 0)
		return fail_errno(e, "open");
	return copy_directory(e, in, to, 0);
}
