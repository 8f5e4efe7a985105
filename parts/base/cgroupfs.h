/* cgroupfs: directories of cgroups, and the trees that they are.
 *
 * Contract: nothing but a cgroup is ever opened by cgroupfs_open().  A hostile container may nest
 * cgroups as deep as paths allow, so trees are walked with one descriptor: down by name, up by
 * "..".  A file that is missing says something, so it is no error with a text.
 *
 * Floor: base (uses err, fd, str, sys).  Runs in: any process.
 * Kernel: cgroups(7).
 */
#ifndef BASE_CGROUPFS_H
#define BASE_CGROUPFS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/vfs.h>

bool cgroupfs_is(const struct statfs *fs);

/* Opens a directory if it is a cgroup; -1 with errno.  What a path means may have changed since it
 * was recorded. */
int cgroupfs_open(const char *path);

/* Writes a file of a cgroup: 0, or -1 with errno.  Does a file have that line? */
int cgroupfs_write(int dir, const char *file, const char *text);
bool cgroupfs_says(int dir, const char *file, const char *line);

/* Finds the next sub-cgroup from directory position *at on, and moves *at behind it. */
bool cgroupfs_next(int dir, int64_t *at, char name[NAME_MAX + 1]);

/* Opens a sub-cgroup.  Goes to another directory: what was there before is closed, also when the
 * other cannot be had. */
int cgroupfs_at(int dir, const char *name);
bool cgroupfs_go(int *dir, const char *name);

/* Visits a cgroup and everything below it; *dir is the caller's and ends closed.  `visit` may
 * change anything but the tree. */
void cgroupfs_walk(int *dir, void (*visit)(int dir, void *arg), void *arg);

#endif
