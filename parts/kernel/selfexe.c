#include "kernel/selfexe.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

extern char **environ;

static const char self[] = "/proc/self/exe";

enum {
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
	COPY_MODE = 0500, /* of the unlinked copy */
};

/* -- is it protected already? ------------------------------------------------------------------ */

/* Filesystems that have no way of writing at all.  A read-only mount is not among them: an update
 * may remount it while a container keeps a descriptor (security.md 7, method 1). */
static bool
never_writable(uint32_t magic)
{
	static const uint32_t list[] = {
		SQUASHFS_MAGIC,
		EROFS_SUPER_MAGIC_V1,
		KABI_ROMFS_MAGIC,
		CRAMFS_MAGIC,
		ISOFS_SUPER_MAGIC,
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (magic == list[i])
			return true;
	return false;
}

/* execveat(2) of a descriptor names the program so. */
static bool
executed_by_descriptor(void)
{
	static const char form[] = "/dev/fd/";
	const char *name = (const char *)getauxval(AT_EXECFN);
	uint64_t number;

	return name && str_starts(name, form) && str_u64(name + sizeof form - 1, &number) == 0;
}

/* On a filesystem that cannot be written, sealed, or executed by descriptor from one of the other
 * two things that are made below. */
static bool
is_protected(const struct statfs *fs)
{
	bool by_descriptor = executed_by_descriptor();
	FD_AUTO int fd = -1;
	struct stat st;
	int seals;

	if (never_writable((uint32_t)fs->f_type))
		return true;
	if (by_descriptor && (unsigned long)fs->f_flags & ST_RDONLY)
		return true;
	if (!by_descriptor && (uint32_t)fs->f_type != TMPFS_MAGIC) /* no memfd is elsewhere */
		return false;
	fd = openat(AT_FDCWD, self, O_RDONLY | O_CLOEXEC);
	seals = sys_fcntl(fd, F_GET_SEALS, 0);
	if (seals >= 0 && (seals & SEALS) == SEALS)
		return true;
	return by_descriptor && fstat(fd, &st) == 0 && st.st_nlink == 0 &&
		(st.st_mode & 07777) == COPY_MODE;
}

/* -- the methods: each gives a descriptor to execute, or -1 -------------------------------------
 */

/* A clone of the mount that belongs to no namespace; once the descriptor is closed, by the exec, it
 * can be neither cloned nor made writable again.  No copy is made. */
static int
clone_mount(void)
{
	const struct kabi_mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	FD_AUTO int fd = sys_open_tree(AT_FDCWD, self, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH, &read_only) < 0)
		return -1;
	if (sys_fstatfs(fd, &fs) < 0 || !((unsigned long)fs.f_flags & ST_RDONLY))
		return -1;
	return fd_keep(&fd);
}

static int
copy_to(int to)
{
	FD_AUTO int from = openat(AT_FDCWD, self, O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t at = 0;

	if (from < 0 || fstat(from, &st) < 0)
		return -1;
	while (at < st.st_size) {
		ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
	}
	return 0;
}

static int
make_memfd(void)
{
	int fd = sys_memfd_create("ocirt", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = sys_memfd_create("ocirt", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int
sealed_copy(void)
{
	FD_AUTO int fd = make_memfd();

	if (fd < 0 || copy_to(fd) < 0)
		return -1;
	(void)sys_fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC); /* Linux 6.3; more, not instead */
	if (sys_fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -1;
	return fd_keep(&fd);
}

/* Without a name, so that nobody finds it, and never executed again.  It is executed through
 * another descriptor: a file open for writing cannot be. */
static int
unlinked_copy(void)
{
	static const char place[][10] = {"/run", "/tmp", "/var/tmp"};
	FD_AUTO int fd = -1;
	struct statfs fs;
	char path[32];

	for (size_t i = 0; i < sizeof place / sizeof *place && fd < 0; i++)
		if (sys_statfs(place[i], &fs) == 0 && !((unsigned long)fs.f_flags & ST_NOEXEC))
			fd = openat(AT_FDCWD, place[i], O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC,
				COPY_MODE);
	if (fd < 0 || copy_to(fd) < 0 || sys_fchmod(fd, COPY_MODE) < 0)
		return -1;
	(void)fd_path(path, fd); /* cannot be cut */
	return openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

/* -- choosing ---------------------------------------------------------------------------------- */

/* Nothing worked.  An ordinary caller's container has his ids alone, so where he may not write to
 * the file no container may; else it would lie open to it. */
static int
without(struct err *e)
{
	struct stat st;

	if (stat(self, &st) == 0 && geteuid() != 0 && st.st_uid != geteuid() &&
		!(st.st_mode & (S_IWGRP | S_IWOTH))) {
		log_debug("selfexe: not protected, but no id of a container may write to it");
		return 0;
	}
	return fail(e,
		"cannot protect our own executable from the container: neither open_tree(2), "
		"memfd_create(2) nor an unlinked copy is possible");
}

int
selfexe_protect(struct err *e, char *const argv[])
{
	static int (*const method[])(void) = {clone_mount, sealed_copy, unlinked_copy};
	struct statfs fs;

	IN(e, ROLE_HOST);
	if (sys_statfs(self, &fs) < 0)
		return fail_errno(e, "%s", self);
	if (is_protected(&fs))
		return 0;
	for (size_t i = 0; i < sizeof method / sizeof *method; i++) {
		FD_AUTO int fd = method[i]();

		if (fd < 0)
			continue;
		(void)sys_execveat(fd, "", argv, environ, AT_EMPTY_PATH);
		log_debug("selfexe: method %zu: %s", i + 2, errno_text(errno));
	}
	return without(e);
}
