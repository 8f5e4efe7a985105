#include "base/fdroot.h"

#include "base/fdscope.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	LINKS_MAX = 40,	   /* symlinks of one path: MAXSYMLINKS of the kernel */
	AGAIN_MAX = 128,   /* EAGAIN of openat2 before we walk ourselves */
	RACES_MAX = 128,   /* names that vanish or appear between two of our calls */
	ON_THE_WAY = 0755, /* mode of a directory that was missing on the way */
};

enum { GO_ON = 0 }; /* errno of a step that did not end the walk */

static bool walk_only;

void
fd_force_walk(bool on)
{
	walk_only = on;
}

/* --- the own walk --------------------------------------------------------------------------- */

/* A walk in progress. The directory `at` is root followed by the names in `done`, none of which is
 * a symlink or `..`; `rest` is what is still to be resolved. */
struct walk {
	int root;  /* the caller's */
	int at;	   /* ours, or -1 while it is the root itself */
	int flags; /* of the last open; O_NOFOLLOW: a last symlink is not followed */
	uint64_t resolve;
	bool create;
	enum fd_kind kind;
	mode_t mode;
	int links, races;
	uint64_t mount; /* what the root lies on, for RESOLVE_NO_XDEV */
	char done[PATH_MAX], rest[PATH_MAX];
};

static int
here(const struct walk *w)
{
	return w->at >= 0 ? w->at : w->root;
}

static int
refuse(int number)
{
	errno = number;
	return -1;
}

/* The mount an fd lies on; the device where the kernel does not tell mounts (before 5.8). */
static int
mount_of(int fd, uint64_t *id)
{
	struct kabi_statx stx;
	struct stat st;

	memset(&stx, 0, sizeof(stx));
	/* An emulator may hand on the mask and not the member: no mount that we see has id 0. */
	if (sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) == 0 && stx.mask & STATX_MNT_ID &&
		stx.mnt_id != 0) {
		*id = stx.mnt_id;
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return -1;
	*id = (uint64_t)st.st_dev;
	return 0;
}

static int
check_mount(const struct walk *w, int fd)
{
	uint64_t id;

	if (!(w->resolve & RESOLVE_NO_XDEV))
		return 0;
	if (mount_of(fd, &id) < 0)
		return -1;
	return id == w->mount ? 0 : refuse(EXDEV);
}

/* Goes down again from the root to `done`. Every name was a directory a moment ago; a symlink that
 * has taken its place is refused, so no exchange leads out of the root. */
static int
walk_down(struct walk *w)
{
	const char *p = w->done;
	char name[NAME_MAX + 1];
	size_t n;
	int fd;

	fd_close(&w->at);
	while (*p) {
		n = str_until(p, "/");
		(void)str_format(name, sizeof(name), "%.*s", (int)n, p); /* was opened before */
		p += n + (p[n] == '/');
		fd = openat(here(w), name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		fd_close(&w->at);
		w->at = fd;
		if (check_mount(w, fd) < 0)
			return -1;
	}
	return 0;
}

/* `..`, n of them. Never openat(".."): the directory may have been moved out of the root. */
static int
go_up(struct walk *w, size_t n)
{
	char *slash;

	for (; n > 0; n--) {
		if (!w->done[0])
			return w->resolve & RESOLVE_BENEATH ? refuse(EXDEV) : walk_down(w);
		slash = strrchr(w->done, '/');
		*(slash ? slash : w->done) = '\0';
	}
	return walk_down(w);
}

/* The directory fd, called name here, becomes the place of the walk, which then owns it. */
static int
go_into(struct walk *w, int fd, const char *name)
{
	size_t len = strlen(w->done), n = strlen(name) + (len > 0);

	if (len + n >= sizeof(w->done)) {
		fd_close(&fd);
		return refuse(ENAMETOOLONG);
	}
	(void)str_format(w->done + len, sizeof(w->done) - len, "%s%s", len > 0 ? "/" : "", name);
	fd_close(&w->at);
	w->at = fd;
	w->races = 0;
	return 0;
}

/* Puts text in front of what is left to resolve. */
static int
put_in_front(struct walk *w, const char *text)
{
	size_t len = strlen(w->rest), n = strlen(text);

	if (n + len >= sizeof(w->rest))
		return refuse(ENAMETOOLONG);
	memmove(w->rest + n, w->rest, len + 1);
	memcpy(w->rest, text, n);
	return 0;
}

/* The same for a path or a link's target: an absolute one starts at the root again. */
static int
put_path(struct walk *w, const char *path)
{
	if (!*path)
		return refuse(ENOENT);
	if (*path == '/' && w->resolve & RESOLVE_BENEATH)
		return refuse(EXDEV);
	if (*path == '/') {
		fd_close(&w->at);
		w->done[0] = '\0';
	}
	return put_in_front(w, path);
}

/* The links of procfs that lead to an object and not to a name: what readlink(2) shows for them is
 * a path, "(unreachable)...", or like "pipe:[1]"; names in procfs are never like that. */
static bool
is_magic(int fd, const char *target)
{
	struct statfs fs;

	if (sys_fstatfs(fd, &fs) < 0)
		return true;
	return fs.f_type == PROC_SUPER_MAGIC && (strchr("/(", target[0]) || strchr(target, ':'));
}

static int
follow(struct walk *w, int link)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link, "", target, sizeof(target));

	if (n < 0)
		return -1;
	if ((size_t)n >= sizeof(target))
		return refuse(ENAMETOOLONG);
	target[n] = '\0';
	if (++w->links > LINKS_MAX || w->resolve & RESOLVE_NO_SYMLINKS || is_magic(link, target))
		return refuse(ELOOP);
	return put_path(w, target);
}

/* Makes the missing name. Who came before us is as good: the name is looked up again. */
static int
make(struct walk *w, const char *name, bool last, bool slash)
{
	int fd, r;

	if (last && slash && w->kind == FD_FILE)
		return refuse(EISDIR);
	if (last && w->kind == FD_FILE) {
		fd = openat(here(w), name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, w->mode);
		r = fd < 0 ? -1 : 0;
		fd_close(&fd);
	} else {
		r = sys_mkdirat(here(w), name, last ? w->mode : (mode_t)ON_THE_WAY);
	}
	return r < 0 && errno != EEXIST ? -1 : 0;
}

/* Opens the end of the path as the caller wants it. fd is the O_PATH fd that was looked at, or -1
 * for the directory of the walk itself. */
static int
finish(struct walk *w, int fd, const char *name, bool is_dir)
{
	if (w->create && is_dir != (w->kind == FD_DIRECTORY))
		return refuse(is_dir ? EISDIR : ENOTDIR);
	if (w->flags & O_DIRECTORY && !is_dir)
		return refuse(ENOTDIR);
	if (w->flags & O_PATH && fd >= 0)
		return sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return openat(here(w), name, w->flags | O_NOFOLLOW | O_CLOEXEC);
}

/* The next name of a path. */
struct name {
	char text[NAME_MAX + 1];
	bool slash; /* a `/` followed it: it must be a directory */
	bool last;
};

/* Takes the next name out of `rest`: 1, or 0 at the end, or -1. */
static int
next_name(struct walk *w, struct name *name)
{
	const char *p = w->rest + str_span(w->rest, "/");
	size_t n = str_until(p, "/"), skip = str_span(p + n, "/");

	if (n == 0)
		return 0;
	if (str_format(name->text, sizeof(name->text), "%.*s", (int)n, p) < 0)
		return refuse(ENAMETOOLONG);
	name->slash = skip > 0;
	name->last = p[n + skip] == '\0';
	memmove(w->rest, p + n + skip, strlen(p + n + skip) + 1);
	return 1;
}

/* How many `..` stand at the head of `rest`; they are taken out. */
static size_t
more_up(struct walk *w)
{
	size_t n = 0, at = 0;

	while (w->rest[at] == '.' && w->rest[at + 1] == '.' &&
		(w->rest[at + 2] == '/' || w->rest[at + 2] == '\0')) {
		n++;
		at += 2;
		at += str_span(w->rest + at, "/");
	}
	memmove(w->rest, w->rest + at, strlen(w->rest + at) + 1);
	return n;
}

/* Makes a missing name and puts it back, to be looked up again. */
static int
make_and_return(struct walk *w, const struct name *name)
{
	if (w->races++ >= RACES_MAX || make(w, name->text, name->last, name->slash) < 0)
		return -1;
	if (name->slash && put_in_front(w, "/") < 0)
		return -1;
	return put_in_front(w, name->text) < 0 ? -1 : refuse(GO_ON);
}

/* One name that is neither `.` nor `..`. Returns the fd of the end of the path, or -1 with errno,
 * which is GO_ON when the walk has not ended. */
static int
step(struct walk *w, const struct name *name)
{
	FD_AUTO int fd = openat(here(w), name->text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool follows = !name->last || name->slash || !(w->flags & O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT && w->create ? make_and_return(w, name) : -1;
	if (check_mount(w, fd) < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode) && follows) {
		if (name->slash && put_in_front(w, "/") < 0)
			return -1;
		return follow(w, fd) < 0 ? -1 : refuse(GO_ON);
	}
	if (S_ISLNK(st.st_mode) && !(w->flags & (O_PATH | O_DIRECTORY)))
		return refuse(ELOOP);
	if (name->slash && !S_ISDIR(st.st_mode))
		return refuse(ENOTDIR);
	if (name->last)
		return finish(w, fd, name->text, S_ISDIR(st.st_mode));
	return go_into(w, fd_keep(&fd), name->text) < 0 ? -1 : refuse(GO_ON);
}

/* The walk from its first to its last name. Returns an fd, or -1 with errno. */
static int
walk_names(struct walk *w)
{
	struct name name;
	int fd, r;

	while ((r = next_name(w, &name)) > 0) {
		if (str_equal(name.text, "."))
			continue;
		if (str_equal(name.text, "..")) {
			if (go_up(w, 1 + more_up(w)) < 0)
				return -1;
			continue;
		}
		fd = step(w, &name);
		if (fd >= 0 || errno != GO_ON)
			return fd;
	}
	return r < 0 ? -1 : finish(w, -1, ".", true);
}

static int
walk_run(struct walk *w, const char *path)
{
	int fd;

	w->at = -1;
	w->links = w->races = 0;
	w->done[0] = w->rest[0] = '\0';
	if (w->resolve & RESOLVE_NO_XDEV && mount_of(w->root, &w->mount) < 0)
		return -1;
	if (put_path(w, path) < 0)
		return -1;
	fd = walk_names(w);
	fd_close(&w->at);
	return fd;
}

/* Not by initializers: they would clear the two paths as well. */
static int
walk_open(int dir, const char *path, int flags, uint64_t resolve)
{
	struct walk w;

	w.root = dir;
	w.flags = flags;
	w.resolve = resolve;
	w.create = false;
	return walk_run(&w, path);
}

static int
walk_make(int dir, const char *path, enum fd_kind kind, mode_t mode)
{
	struct walk w;

	w.root = dir;
	w.flags = O_PATH;
	w.resolve = RESOLVE_IN_ROOT;
	w.create = true;
	w.kind = kind;
	w.mode = mode;
	return walk_run(&w, path);
}

/* --- the kernel's walk ---------------------------------------------------------------------- */

static int
resolve_errno(int dir, const char *path, int flags, uint64_t resolve)
{
	struct kabi_open_how how = {.resolve = resolve | RESOLVE_NO_MAGICLINKS};
	int fd = -1;

	if (flags & (O_CREAT | O_TRUNC))
		return refuse(EINVAL);
	how.flags =
		(uint64_t)(unsigned int)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_LARGEFILE));
	for (int i = 0; i < AGAIN_MAX && !walk_only; i++) {
		fd = sys_openat2(dir, path, &how);
		if (fd >= 0 ||
			(errno != EAGAIN && errno != EINTR && errno != ENOSYS && errno != EPERM))
			return fd;
		if (errno == ENOSYS || errno == EPERM)
			break;
	}
	return walk_open(dir, path, flags, resolve);
}

int
fd_resolve(struct err *e, int dir, const char *path, int flags, uint64_t resolve)
{
	int fd = resolve_errno(dir, path, flags, resolve);

	return fd < 0 ? fail_errno(e, "open %s", path) : fd;
}

int
fd_in_root(struct err *e, int root_dir, const char *path, int flags)
{
	return fd_resolve(e, root_dir, path, flags, RESOLVE_IN_ROOT);
}

int
fd_beneath(struct err *e, int dir, const char *path, int flags)
{
	return fd_resolve(e, dir, path, flags, RESOLVE_BENEATH);
}

/* --- creation ------------------------------------------------------------------------------- */

static bool
fits(int fd, enum fd_kind kind)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) == (kind == FD_DIRECTORY);
}

int
fd_make_in_root(struct err *e, int root_dir, const char *path, enum fd_kind kind, mode_t mode)
{
	FD_AUTO int fd = resolve_errno(root_dir, path, O_PATH, RESOLVE_IN_ROOT);

	if (fd < 0 && errno == ENOENT)
		fd = walk_make(root_dir, path, kind, mode);
	if (fd < 0)
		return fail_errno(e, "create %s", path);
	if (!fits(fd, kind)) {
		errno = kind == FD_DIRECTORY ? ENOTDIR : EISDIR;
		return fail_errno(e, "create %s", path);
	}
	return fd_keep(&fd);
}

int
fd_parent_in_root(struct err *e, int root_dir, const char *path, const char **last)
{
	const char *base = str_base(path);
	char parent[PATH_MAX];

	if (!*base || str_equal(base, ".") || str_equal(base, "..")) {
		errno = EINVAL;
		return fail_errno(e, "create %s", path);
	}
	if (str_format(parent, sizeof(parent), "/%.*s", (int)(base - path), path) < 0) {
		errno = ENAMETOOLONG;
		return fail_errno(e, "create %s", path);
	}
	*last = base;
	return fd_make_in_root(e, root_dir, parent, FD_DIRECTORY, ON_THE_WAY);
}

int
fd_parent_keep(
	struct err *e, int root_dir, const char *path, struct fd_parent *p, const char **last)
{
	size_t len = (size_t)(str_base(path) - path);

	*last = path + len;
	if (p->dir >= 0 && len == p->len && strncmp(p->path, path, len) == 0)
		return p->dir;
	fd_close(&p->dir);
	p->path = path;
	p->len = len;
	return p->dir = fd_parent_in_root(e, root_dir, path, last);
}
