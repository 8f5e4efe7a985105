#include "roles/sealed.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/sys.h"
#include "kernel/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int
find(struct err *e, int bundle_dir, const char *path)
{
	int fd;

	if (*path == '/') {
		fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
		return fd < 0 ? fail_errno(e, "open %s", path) : fd;
	}
	fd = fd_resolve(e, bundle_dir, path, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0 && e->number == ELOOP)
		return fail(e, "%s: is, or leads over, a symbolic link", path);
	return fd;
}

int
sealed_open(struct err *e, int bundle_dir, const char *path, enum sealed_kind *kind)
{
	FD_AUTO int found = find(e, bundle_dir, path);
	struct stat s;
	static char self[32];
	int fd;

	if (found < 0)
		return -1;
	if (fstat(found, &s) < 0)
		return fail_errno(e, "stat %s", path);
	if (!S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode))
		return fail(e, "%s: neither a regular file nor a directory", path);
	*kind = S_ISDIR(s.st_mode) ? SEALED_DIRECTORY : SEALED_FILE;
	(void)fd_path(self, found); /* what was looked at, not what is there by now */
	fd = openat(AT_FDCWD, self, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? fail_errno(e, "open %s", path) : fd;
}

int
sealed_measure(struct err *e, int fd, struct manifest_object *o, bool verity)
{
	struct measured *m = arena_take(e, 1, sizeof *m);

	if (!m)
		return -1;
	o->sha256 = m->sha256;
	o->size_set = o->kind == SEALED_FILE;
	if (o->kind == SEALED_DIRECTORY)
		return measure_directory(e, fd, o->path, m->sha256);
	TRY(measure_file(e, fd, o->path, m, verity));
	o->size = m->size;
	o->fs_verity = verity ? m->fs_verity : NULL;
	return 0;
}
