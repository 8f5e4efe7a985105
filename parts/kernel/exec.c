#include "kernel/exec.h"

#include "base/fd.h"
#include "base/lines.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PASSWD_BYTES = 1 << 20, /* a larger /etc/passwd is not read */
	PASSWD_LINES = 1 << 16,
	PASSWD_LINE = 2048, /* a longer line is passed over */
};

/* -- directory --------------------------------------------------------------------------------- */

void
exec_directory_early(const char *cwd)
{
	(void)sys_chdir(cwd); /* the rights of the target user decide, later */
}

/* A descriptor that leads out of the container answers ENOENT or "(unreachable)..." (S8). */
int
exec_directory(struct err *e, const char *cwd)
{
	char path[PLAN_PATH_MAX];
	ssize_t n;

	IN(e, ROLE_INIT | ROLE_JOIN);
	if (sys_chdir(cwd) < 0)
		return fail_errno(e, "chdir to cwd (\"%s\") set in config.json failed", cwd);
	n = sys_getcwd(path, sizeof path);
	if (n < 0 && errno != ENOENT)
		return fail_errno(e, "current working directory");
	if (n < 2 || path[0] != '/')
		return fail(e,
			"current working directory is outside of container mount namespace "
			"root -- possible container breakout detected");
	return 0;
}

/* -- the program ------------------------------------------------------------------------------- */

enum verdict { IS_PROGRAM, IS_MISSING, IS_DIRECTORY, IS_FORBIDDEN };

/* May the effective user execute it?  A filter or an old kernel may not know faccessat2(2): the
 * ids are equal, so the older call says the same but for capabilities. */
static bool
executable(const char *path)
{
	if (sys_faccessat2(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
		return true;
	return (errno == EPERM || errno == ENOSYS) && access(path, X_OK) == 0;
}

/* errno says why it is IS_MISSING. */
static enum verdict
judge(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == EACCES ? IS_FORBIDDEN : IS_MISSING;
	if (S_ISDIR(st.st_mode))
		return IS_DIRECTORY;
	return executable(path) ? IS_PROGRAM : IS_FORBIDDEN;
}

static int
find_by_path(struct err *e, const char *name, char *out, size_t size)
{
	switch (judge(name)) {
	case IS_MISSING:
		return fail_errno(e, "exec: \"%s\": stat %s", name, name);
	case IS_DIRECTORY:
		/* execve(2) says EACCES; docker before version 23 knows no other word for it. */
		return fail(e, "exec: \"%s\": is a directory: %s", name, errno_text(EACCES));
	case IS_FORBIDDEN:
		return fail(e, "exec: \"%s\": permission denied", name);
	case IS_PROGRAM:
		break;
	}
	if (str_format(out, size, "%s", name) < 0)
		return fail(e, "exec: \"%s\": %s", name, errno_text(ENAMETOOLONG));
	return 0;
}

/* The last one wins, as in the plan's list; NULL when there is none. */
static const char *
find_variable(const struct strings *env, const char *name)
{
	const char *found = NULL;
	size_t len = strlen(name);

	for (uint32_t i = 0; i < env->n; i++)
		if (strncmp(env->at[i], name, len) == 0 && env->at[i][len] == '=')
			found = env->at[i] + len + 1;
	return found;
}

/* PR-6: what may not be executed is passed over, and the answer only if nothing else fits.  An
 * empty entry of PATH is the current directory; without PATH nothing is found (as runc, Q12). */
static int
find_in_path(struct err *e, const char *name, const char *path, char *out, size_t size)
{
	bool forbidden = false;

	for (const char *at = path, *next; at; at = next) {
		size_t len = str_until(at, ":");
		enum verdict v;

		next = at[len] ? at + len + 1 : NULL;
		if (str_format(out, size, "%.*s/%s", len ? (int)len : 1, len ? at : ".", name) < 0)
			continue;
		v = judge(out);
		if (v == IS_PROGRAM)
			return 0;
		forbidden |= v == IS_FORBIDDEN;
	}
	if (forbidden)
		return fail(e, "exec: \"%s\": permission denied", name);
	return fail(e, "exec: \"%s\": executable file not found in $PATH", name);
}

int
exec_find(struct err *e, const char *name, const struct strings *env, char *out, size_t size)
{
	const char *path = find_variable(env, "PATH");

	IN(e, ROLE_INIT | ROLE_JOIN);
	if (strchr(name, '/'))
		return find_by_path(e, name, out, size);
	return find_in_path(e, name, path && *path ? path : NULL, out, size);
}

/* -- HOME -------------------------------------------------------------------------------------- */

/* Field number n, counted from 0, of "name:password:uid:gid:gecos:directory:shell". */
static const char *
passwd_field(const char *line, int n, size_t *len)
{
	while (n-- > 0) {
		line = strchr(line, ':');
		if (!line)
			return NULL;
		line++;
	}
	*len = str_until(line, ":");
	return line;
}

/* Does the line belong to uid, with a directory that can be one? */
static bool
is_home(const char *line, uint32_t uid, const char **home, size_t *len)
{
	uint64_t number;
	const char *field = passwd_field(line, 2, len);

	if (!field || str_u64_n(field, *len, &number) < 0 || number != uid)
		return false;
	*home = passwd_field(line, 5, len);
	return *home && **home == '/';
}

/* The image is hostile: a FIFO, a device or a file without end are passed over, too. */
static int
open_passwd(void)
{
	FD_AUTO int fd =
		openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > PASSWD_BYTES)
		return -1;
	return fd_keep(&fd);
}

int
exec_home(struct err *e, uint32_t uid, char *out, size_t size)
{
	FD_AUTO int fd = -1;
	char buf[PASSWD_LINE];
	struct lines l;

	IN(e, ROLE_INIT | ROLE_JOIN);
	fd = open_passwd();
	l = lines_in(fd, buf, sizeof buf);
	for (int i = 0; fd >= 0 && i < PASSWD_LINES; i++) {
		const char *line = lines_next(&l), *home;
		size_t len;

		if (!line)
			break;
		if (is_home(line, uid, &home, &len) &&
			str_format(out, size, "HOME=%.*s", (int)len, home) >= 0)
			return 0;
	}
	return str_format(out, size, "HOME=/") < 0 ? fail(e, "HOME: too long") : 0;
}

/* -- the end ----------------------------------------------------------------------------------- */

int
exec_program(struct err *e, const char *path, const char *const *argv, const char *const *env)
{
	IN(e, ROLE_INIT | ROLE_JOIN);
	(void)execve(path, (char *const *)argv, (char *const *)env);
	return fail_errno(e, "exec %s", path);
}
