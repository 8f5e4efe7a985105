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

/* The listing at work: there is one at a time. */
static struct {
	struct err *e;
	struct digest sum;
	const char *name;
	uint64_t mount;	  /* of the whole */
	struct str path;  /* below it, of what is being listed; empty: itself */
	uint32_t n, used; /* of the names and of their bytes */
} job;

/* The names of the directory at work and of all above it, one behind another, and where each
 * begins. What lies below a directory goes behind its own names and is gone when its listing is
 * done. */
static char names[MEASURE_NAMES_BYTES] BUFFER;
static uint32_t order[MEASURE_NAMES_MAX] BUFFER;

_Static_assert(
	MEASURE_NAMES_MAX == 262144 && MEASURE_NAMES_BYTES == 4 << 20 && MEASURE_DEPTH_MAX == 128,
	"the messages say so");

static char path[PATH_MAX] BUFFER, value[XATTR_MAX] BUFFER;
static char self[32], scratch[24]; /* the name of a descriptor; a number */

/* -- errors ------------------------------------------------------------------------------------ */

/* Names what was being listed.  Of a path longer than an error the end is missing, not the reason.
 */
static int
name_it(void)
{
	return context(job.e, "%s%s%.1024s", job.name, job.path.len > 0 ? "/" : "", job.path.at);
}

static int
refuse(const char *why)
{
	(void)fail(job.e, "%s", why);
	return name_it();
}

/* The kernel has refused it. */
static int
failed(const char *what)
{
	(void)fail_errno(job.e, "%s", what);
	return name_it();
}

/* -- the stream -------------------------------------------------------------------------------- */

static void
put(const char *text)
{
	digest_add(&job.sum, text, strlen(text) + 1);
}

static void
put_number(uint64_t number)
{
	(void)str_format(scratch, sizeof scratch, "%llu", (unsigned long long)number); /* fits */
	put(scratch);
}

static void
put_hex(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)str_format(
			scratch, sizeof scratch, "%02x", (unsigned char)bytes[i]); /* fits */
		digest_add(&job.sum, scratch, 2);
	}
	put("");
}

/* -- names ------------------------------------------------------------------------------------- */

static int
push_name(const char *name)
{
	size_t size = strlen(name) + 1;

	if (job.n == MEASURE_NAMES_MAX || size > sizeof names - job.used)
		return refuse("more than 262144 names, or 4 MiB of them, in this directory and "
			      "those above it");
	memcpy(names + job.used, name, size);
	order[job.n++] = job.used;
	job.used += (uint32_t)size;
	return 0;
}

/* Bytewise, from `first` on: Shell's way, which needs no memory and, whatever the order was, no
 * more than n to the power of 1.5 comparisons. */
static void
sort_names(uint32_t first)
{
	uint32_t *at = order + first, n = job.n - first, gap = 1;

	while (gap < n)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3)
		for (uint32_t i = gap; i < n; i++) {
			uint32_t held = at[i], k = i;

			for (; k >= gap && strcmp(names + at[k - gap], names + held) > 0; k -= gap)
				at[k] = at[k - gap];
			at[k] = held;
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
list_xattrs(int fd)
{
	uint32_t first = job.n, used = job.used;
	ssize_t n;

	(void)fd_path(self, fd);
	n = sys_listxattr(self, value, sizeof value);
	if (n < 0 && errno != EOPNOTSUPP)
		return failed("extended attributes");
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(value + at) + 1)
		if (is_listed(value + at))
			TRY(push_name(value + at));
	sort_names(first);
	for (uint32_t i = first; i < job.n; i++) {
		n = sys_getxattr(self, names + order[i], value, sizeof value);
		if (n < 0)
			return failed("extended attributes");
		put(names + order[i]);
		put_hex(value, (size_t)n);
	}
	put("");
	job.n = first;
	job.used = used;
	return 0;
}

/* -- entries ----------------------------------------------------------------------------------- */

static int
list_content(int fd, const struct stat *s)
{
	static struct measured m;

	(void)fd_path(self, fd);
	FD_AUTO int file = openat(AT_FDCWD, self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file < 0)
		return failed("open");
	if (measure_file(job.e, file, "it", &m, false) < 0)
		return name_it();
	if (m.size != (uint64_t)s->st_size)
		return refuse("changed while it was read");
	put_number(m.size);
	put(m.sha256);
	return 0;
}

static int
list_target(int fd)
{
	ssize_t n = readlinkat(fd, "", value, sizeof value - 1);

	if (n < 0)
		return failed("read link");
	value[n] = '\0';
	put(value);
	return 0;
}

/* What belongs to one path.  fd may be O_PATH. */
static int
list_one(int fd, const struct stat *s)
{
	static const char letters[] = "?pc?d?b?f?l?????"; /* by the type's bits, S_IFMT >> 12 */
	const char type = letters[(s->st_mode & S_IFMT) >> 12];

	if (type == '?')
		return refuse("a socket, or of a type that is not known");
	if (mnt_id(fd) != job.mount)
		return refuse("another mount lies there");
	put(job.path.len > 0 ? job.path.at : ".");
	(void)str_format(scratch, sizeof scratch, "%c", type); /* fits */
	put(scratch);
	(void)str_format(scratch, sizeof scratch, "%o", type == 'l' ? 0777 : s->st_mode & 07777);
	put(scratch);
	put_number(s->st_uid);
	put_number(s->st_gid);
	if (type == 'f')
		TRY(list_content(fd, s));
	if (type == 'l')
		TRY(list_target(fd));
	if (type == 'c' || type == 'b') {
		put_number(major(s->st_rdev));
		put_number(minor(s->st_rdev));
	}
	return list_xattrs(fd);
}

static int
read_names(int dir)
{
	static struct fd_dir d BUFFER;
	const struct fd_entry *entry;

	fd_dir_open(&d, dir);
	while ((entry = fd_dir_next(&d)))
		TRY(push_name(entry->name));
	errno = d.error;
	return d.error ? failed("read directory") : 0;
}

static int list_below(int dir, int depth);

/* One name of a directory, and what is below it. */
static int
list_name(int dir, const char *name, int depth)
{
	size_t len = job.path.len;
	struct stat s;

	if (str_add(&job.path, "%s%s", len > 0 ? "/" : "", name) < 0)
		return refuse("the path is too long");
	FD_AUTO int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0)
		return failed("open");
	TRY(list_one(fd, &s));
	if (S_ISDIR(s.st_mode)) {
		FD_AUTO int below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (below < 0)
			return failed("open");
		TRY(list_below(below, depth + 1));
	}
	job.path.len = len;
	path[len] = '\0';
	return 0;
}

static int
list_below(int dir, int depth)
{
	uint32_t first = job.n, used = job.used, n;

	if (depth > MEASURE_DEPTH_MAX)
		return refuse("more than 128 directories inside each other");
	TRY(read_names(dir));
	sort_names(first);
	n = job.n;
	for (uint32_t i = first; i < n; i++)
		TRY(list_name(dir, names + order[i], depth));
	job.n = first;
	job.used = used;
	return 0;
}

int
measure_directory(struct err *e, int fd, const char *name, char hex[DIGEST_TEXT])
{
	uint8_t digest[DIGEST_SIZE];
	struct stat s;

	job.e = e;
	job.name = name;
	job.mount = mnt_id(fd);
	job.path = str_in(path, sizeof path);
	job.n = job.used = 0;
	if (fstat(fd, &s) < 0)
		return failed("stat");
	digest_begin(&job.sum);
	put("ocirt listing 1");
	TRY(list_one(fd, &s));
	TRY(list_below(fd, 1));
	digest_end(&job.sum, digest);
	digest_text(digest, hex);
	return 0;
}
