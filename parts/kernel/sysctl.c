#include "kernel/sysctl.h"

#include "base/fd.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <string.h>

enum { KEY_MAX = 256, PROC_ROOT_INO = 1 };

/* A whole procfs, and not a file or another filesystem in its place (CVE-2025-52881). */
static int
open_proc(struct err *e)
{
	FD_AUTO int proc = openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat s;

	if (proc < 0 || fstat(proc, &s) < 0)
		return fail_errno(e, "open /proc");
	if (mnt_magic(proc) != PROC_SUPER_MAGIC || s.st_ino != PROC_ROOT_INO)
		return fail(e, "/proc is not a procfs");
	return fd_keep(&proc);
}

static int
write_one(struct err *e, int proc, const char *path, const char *value)
{
	const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
	FD_AUTO int fd = -1;
	char name[KEY_MAX + 8];

	if (str_format(name, sizeof(name), "sys/%s", path) < 0)
		return fail(e, "longer than %d bytes", KEY_MAX);
	fd = fd_resolve(e, proc, name, O_WRONLY | O_NOFOLLOW, resolve);
	if (fd < 0)
		return fail(e, "%s", errno_text(e->number)); /* the key says it all */
	if (mnt_magic(fd) != PROC_SUPER_MAGIC)
		return fail(e, "not a file of procfs");
	if (*value == '\0')
		value = "\n"; /* a write of nothing would change nothing */
	if (fd_write(e, fd, value, strlen(value), name) < 0)
		return fail(e, "value \"%s\": %s", value, errno_text(e->number));
	return 0;
}

/* The key as sysctl(8) spells it: in the path dots and slashes are exchanged. */
static void
spell(char out[KEY_MAX], const char *path)
{
	size_t n = 0;

	for (; path[n] != '\0' && n < KEY_MAX - 1; n++)
		out[n] = path[n] == '/' ? '.' : path[n] == '.' ? '/' : path[n];
	out[n] = '\0';
}

int
sysctl_write(struct err *e, const struct plan *p)
{
	FD_AUTO int proc = -1;
	char key[KEY_MAX];

	IN(e, ROLE_INIT);
	if (p->sysctl.n == 0)
		return 0;
	if ((proc = open_proc(e)) < 0)
		return context(e, "linux.sysctl");
	for (uint32_t i = 0; i < p->sysctl.n; i++) {
		const struct pair *at = &p->sysctl.at[i];

		if (write_one(e, proc, at->name, at->value) == 0)
			continue;
		spell(key, at->name);
		return context(e, "linux.sysctl: %s", key);
	}
	return 0;
}
