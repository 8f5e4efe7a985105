/* The canonical listing: a stream of texts, each with a NUL behind it. */
#include "kernel/measure.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/mnt.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { XATTR_MAX = 64 << 10 }; /* bytes of a value, and of all names: linux/limits.h */

struct job {
	struct err *e;
	struct digest sum;
	const char *name;
	uint64_t mount;	  /* of the whole */
	struct str path;  /* below it, of what is being listed; empty: itself */
	uint32_t n, used; /* of the names and of their bytes */
};

/* The names of the directory at work and of all above it, one behind another, and where each
 * begins. What lies below a directory goes behind its own names and is gone when its listing is
 * done. */
static char names[MEASURE_NAMES_BYTES] BUFFER;
static uint32_t order[MEASURE_NAMES_MAX] BUFFER;

static char path[PATH_MAX], value[XATTR_MAX] BUFFER;

/* -- errors ------------------------------------------------------------------------------------ */

/* Names what was being listed, with a colon behind it. */
#define REFUSE(j, ...) (fail((j)->e, __VA_ARGS__), name_it(j))
#define REFUSE_ERRNO(j, what) (fail_errno((j)->e, what), name_it(j))

static int
name_it(struct job *j)
{
	return context(j->e, "%s%s%s", j->name, j->path.len > 0 ? "/" : "", j->path.at);
}

/* -- the stream -------------------------------------------------------------------------------- */

static void
put(struct job *j, const char *text)
{
	digest_add(&j->sum, text, strlen(text) + 1);
}

static void
put_number(struct job *j, uint64_t number)
{
	char text[24];

	(void)str_format(text, sizeof text, "%llu", (unsigned long long)number); /* fits */
	put(j, text);
}

static void
put_hex(struct job *j, const char *bytes, size_t n)
{
	char text[3];

	for (size_t i = 0; i < n; i++) {
		(void)str_format(text, sizeof text, "%02x", (unsigned char)bytes[i]); /* fits */
		digest_add(&j->sum, text, 2);
	}
	put(j, "");
}

/* -- names ------------------------------------------------------------------------------------- */

static int
push_name(struct job *j, const char *name)
{
	size_t size = strlen(name) + 1;

	if (j->n == MEASURE_NAMES_MAX || size > sizeof names - j->used)
		return REFUSE(j,
			"this directory and those above it have more than %d names or %d bytes of "
			"them",
			MEASURE_NAMES_MAX, MEASURE_NAMES_BYTES);
	memcpy(names + j->used, name, size);
	order[j->n++] = j->used;
	j->used += (uint32_t)size;
	return 0;
}

static void
sink(uint32_t *at, uint32_t i, uint32_t n)
{
	for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
		uint32_t held = at[i];

		if (child + 1 < n && strcmp(names + at[child], names + at[child + 1]) < 0)
			child++;
		if (strcmp(names + held, names + at[child]) >= 0)
			return;
		at[i] = at[child];
		at[child] = held;
	}
}

/* Bytewise, from `first` on.  A heap: it needs no memory, and no order of names makes it slow. */
static void
sort_names(const struct job *j, uint32_t first)
{
	uint32_t *at = order + first, n = j->n - first;

	for (uint32_t i = n / 2; i-- > 0;)
		sink(at, i, n);
	while (n-- > 1) {
		uint32_t last = at[n];

		at[n] = at[0];
		at[0] = last;
		sink(at, 0, n);
	}
}

/* -- extended attributes ----------------------------------------------------------------------- */

/* What gives rights, and what users store.  Labels of security modules differ from host to host for
 * the same file, and trusted.* shows itself to the privileged alone. */
static bool
is_listed(const char *name)
{
	return str_starts(name, "user.") || str_equal(name, "security.capability") ||
		str_equal(name, "system.posix_acl_access") ||
		str_equal(name, "system.posix_acl_default");
}

/* Whatever it is, symbolic link or device, the kernel reaches it by its descriptor's name alone. */
static int
list_xattrs(struct job *j, int fd)
{
	uint32_t first = j->n, used = j->used;
	char self[32];
	ssize_t n;

	(void)fd_path(self, fd);
	n = sys_listxattr(self, value, sizeof value);
	if (n < 0 && errno != EOPNOTSUPP)
		return REFUSE_ERRNO(j, "extended attributes");
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(value + at) + 1)
		if (is_listed(value + at))
			TRY(push_name(j, value + at));
	sort_names(j, first);
	for (uint32_t i = first; i < j->n; i++) {
		n = sys_getxattr(self, names + order[i], value, sizeof value);
		if (n < 0)
			return REFUSE_ERRNO(j, "extended attributes");
		put(j, names + order[i]);
		put_hex(j, value, (size_t)n);
	}
	put(j, "");
	j->n = first;
	j->used = used;
	return 0;
}

/* -- entries ----------------------------------------------------------------------------------- */

static int
list_content(struct job *j, int fd, const struct stat *s)
{
	struct measured m;
	char self[32];

	(void)fd_path(self, fd);
	FD_AUTO int file = openat(AT_FDCWD, self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file < 0)
		return REFUSE_ERRNO(j, "open");
	if (measure_file(j->e, file, "it", &m, false) < 0)
		return name_it(j);
	if (m.size != (uint64_t)s->st_size)
		return REFUSE(j, "changed while it was read");
	put_number(j, m.size);
	put(j, m.sha256);
	return 0;
}

static int
list_target(struct job *j, int fd)
{
	ssize_t n = readlinkat(fd, "", value, sizeof value - 1);

	if (n < 0)
		return REFUSE_ERRNO(j, "read link");
	value[n] = '\0';
	put(j, value);
	return 0;
}

/* What belongs to one path.  fd may be O_PATH. */
static int
list_one(struct job *j, int fd, const struct stat *s)
{
	static const char letters[] = "?pc?d?b?f?l?????"; /* by the type's bits, S_IFMT >> 12 */
	char type[2] = {letters[(s->st_mode & S_IFMT) >> 12], '\0'}, mode[8];

	if (*type == '?')
		return REFUSE(j, "a socket, or of a type that is not known");
	if (mnt_id(fd) != j->mount)
		return REFUSE(j, "another mount lies there");
	(void)str_format(mode, sizeof mode, "%o", *type == 'l' ? 0777 : s->st_mode & 07777);
	put(j, j->path.len > 0 ? j->path.at : ".");
	put(j, type);
	put(j, mode);
	put_number(j, s->st_uid);
	put_number(j, s->st_gid);
	if (*type == 'f')
		TRY(list_content(j, fd, s));
	if (*type == 'l')
		TRY(list_target(j, fd));
	if (*type == 'c' || *type == 'b') {
		put_number(j, major(s->st_rdev));
		put_number(j, minor(s->st_rdev));
	}
	return list_xattrs(j, fd);
}

static int
read_names(struct job *j, int dir)
{
	static struct fd_dir d;
	const struct fd_entry *entry;

	fd_dir_open(&d, dir);
	while ((entry = fd_dir_next(&d)))
		TRY(push_name(j, entry->name));
	errno = d.error;
	return d.error ? REFUSE_ERRNO(j, "read directory") : 0;
}

static int list_below(struct job *j, int dir, int depth);

/* One name of a directory, and what is below it. */
static int
list_name(struct job *j, int dir, const char *name, int depth)
{
	size_t len = j->path.len;
	struct stat s;

	if (str_add(&j->path, "%s%s", len > 0 ? "/" : "", name) < 0)
		return REFUSE(j, "the path is too long");
	FD_AUTO int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0)
		return REFUSE_ERRNO(j, "open");
	TRY(list_one(j, fd, &s));
	if (S_ISDIR(s.st_mode)) {
		FD_AUTO int below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (below < 0)
			return REFUSE_ERRNO(j, "open");
		TRY(list_below(j, below, depth + 1));
	}
	j->path.len = len;
	path[len] = '\0';
	return 0;
}

static int
list_below(struct job *j, int dir, int depth)
{
	uint32_t first = j->n, used = j->used, n;

	if (depth > MEASURE_DEPTH_MAX)
		return REFUSE(j, "more than %d directories inside each other", MEASURE_DEPTH_MAX);
	TRY(read_names(j, dir));
	sort_names(j, first);
	n = j->n;
	for (uint32_t i = first; i < n; i++)
		TRY(list_name(j, dir, names + order[i], depth));
	j->n = first;
	j->used = used;
	return 0;
}

int
measure_directory(struct err *e, int fd, const char *name, char text[DIGEST_TEXT])
{
	struct job j = {
		.e = e, .name = name, .mount = mnt_id(fd), .path = str_in(path, sizeof path)};
	uint8_t digest[DIGEST_SIZE];
	struct stat s;

	if (fstat(fd, &s) < 0)
		return REFUSE_ERRNO(&j, "stat");
	digest_begin(&j.sum);
	put(&j, "ocirt listing 1");
	TRY(list_one(&j, fd, &s));
	TRY(list_below(&j, fd, 1));
	digest_end(&j.sum, digest);
	digest_text(digest, text);
	return 0;
}
