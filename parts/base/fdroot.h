/* fdroot: open and create names below a directory that a hostile image or process may change.
 *
 * Contract: the kernel resolves the path where it can (openat2); on ENOSYS and EPERM, or when
 * renames keep disturbing it, an own walk does: one component at a time with O_NOFOLLOW on fds
 * already held, symlinks expanded by hand below the root, `..` by walking down again from the root,
 * at most 40 symlinks.  Neither way ever opens or creates anything outside the root, and magic
 * links of procfs are refused.  Every fd is close-on-exec; on failure -1, e->number is the errno
 * and the text is "open PATH: reason" or "create PATH: reason".
 *
 * Floor: base (uses err, fdscope, str, sys).  Runs in: any process.
 * Spec: security.md S4, S12 (CVE-2021-30465, CVE-2024-45310).  Kernel: openat2(2).
 */
#ifndef BASE_FDROOT_H
#define BASE_FDROOT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum fd_kind { FD_DIRECTORY, FD_FILE };

/* Opens path as if root_dir were `/`: absolute paths, absolute links and `..` stay inside. flags
 * are those of open(2) without O_CREAT and O_TRUNC; O_CLOEXEC is added. */
int fd_in_root(struct err *e, int root_dir, const char *path, int flags);

/* Opens a relative path that must not leave dir at any moment: an absolute path or link, or a `..`
 * above dir, is EXDEV. Symlinks inside dir are followed. For procfs and cgroup files. */
int fd_beneath(struct err *e, int dir, const char *path, int flags);

/* Either of the above with the kernel's own RESOLVE_ bits (kabi.h); exactly one of RESOLVE_IN_ROOT
 * and RESOLVE_BENEATH, and RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV at will; RESOLVE_NO_MAGICLINKS is
 * always added. Security.md S11 wants RESOLVE_BENEATH | RESOLVE_NO_XDEV for procfs. */
int fd_resolve(struct err *e, int dir, const char *path, int flags, uint64_t resolve);

/* Finds path inside root_dir and creates what is missing: directories 0755 on the way, the last
 * component as a directory or an empty regular file with mode (less the umask). A dangling symlink
 * resolves inside the root and its target is created there. Something that exists but is of the
 * other kind is ENOTDIR or EISDIR. Returns an O_PATH fd of the last component. */
int fd_make_in_root(struct err *e, int root_dir, const char *path, enum fd_kind kind, mode_t mode);

/* Opens the parent directory of path inside root_dir, creating missing directories (0755), and
 * points *last at the last component within path, which is not looked at. A path that ends in `/`,
 * `.` or `..` or is empty has none: EINVAL. Returns an O_PATH fd. */
int fd_parent_in_root(struct err *e, int root_dir, const char *path, const char **last);

/* The parent directory of the last path, kept for the next one: start with dir -1, end with
 * fd_close(&p->dir).  What was given as path must outlive it. */
struct fd_parent {
	int dir;
	const char *path;
	size_t len;
};

/* fd_parent_in_root() by that: all names in one directory are made through one descriptor of it,
 * which stays with `p`. */
int fd_parent_keep(
	struct err *e, int root_dir, const char *path, struct fd_parent *p, const char **last);

/* For tests: never use openat2, so that the own walk can be compared with the kernel's. */
void fd_force_walk(bool on);

#endif
