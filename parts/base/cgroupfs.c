#include "base/cgroupfs.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 2048 }; /* levels: half of the longest path */

bool
cgroupfs_is(const struct statfs *fs)
{
	return (unsigned long)fs->f_type == CGROUP_SUPER_MAGIC ||
		(unsigned long)fs->f_type == CGROUP2_SUPER_MAGIC;
}

int
cgroupfs_open(const char *path)
{
	FD_AUTO int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || sys_fstatfs(fd, &fs) < 0)
		return -1;
	if (!cgroupfs_is(&fs)) {
		errno = ENOENT;
		return -1;
	}
	return fd_keep(&fd);
}

int
cgroupfs_write(int dir, const char *file, const char *text)
{
	struct err ignored;

	return fd_write_file(&ignored, dir, file, text);
}

bool
cgroupfs_says(int dir, const char *file, const char *line)
{
	struct err ignored;
	char text[512];
	size_t len = strlen(line);
	ssize_t n = fd_read_file(&ignored, dir, file, text, sizeof text);

	for (const char *at = text; n > 0 && at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, len) == 0 && (at[len] == '\n' || at[len] == '\0'))
			return true;
	}
	return false;
}

bool
cgroupfs_next(int dir, int64_t *at, char name[NAME_MAX + 1])
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	if (lseek(dir, *at, SEEK_SET) < 0)
		return false;
	while ((n = sys_getdents64(dir, buf, sizeof buf)) > 0) {
		for (ssize_t i = 0; i < n;) {
			const struct kabi_dirent *entry = (const void *)(buf + i);

			i += entry->reclen;
			if (entry->type != DT_DIR || str_equal(entry->name, ".") ||
				str_equal(entry->name, ".."))
				continue;
			*at = entry->off;
			return str_format(name, NAME_MAX + 1, "%s", entry->name) > 0;
		}
	}
	return false;
}

int
cgroupfs_at(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool
cgroupfs_go(int *dir, const char *name)
{
	int other = cgroupfs_at(*dir, name);

	fd_close(dir);
	*dir = other;
	return other >= 0;
}

void
cgroupfs_walk(int *dir, void (*visit)(int dir, void *arg), void *arg)
{
	static int64_t position[DEPTH_MAX] BUFFER;
	char name[NAME_MAX + 1];
	int depth = 0;

	position[0] = 0;
	visit(*dir, arg);
	for (;;) {
		int child = -1;

		while (child < 0 && cgroupfs_next(*dir, &position[depth], name))
			child = cgroupfs_at(*dir, name);
		if (child >= 0 && depth + 1 < DEPTH_MAX) {
			fd_close(dir);
			*dir = child;
			position[++depth] = 0;
			visit(*dir, arg);
			continue;
		}
		fd_close(&child);
		if (depth == 0 || !cgroupfs_go(dir, ".."))
			break;
		depth--;
	}
	fd_close(dir);
}
