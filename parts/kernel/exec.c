#include "kernel/exec.h"

#include "base/fd.h"
#include "base/passwd.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

int
exec_home(struct err *e, uint32_t uid, char *out, size_t size)
{
	int n = str_format(out, size, "HOME=/");

	IN(e, ROLE_INIT | ROLE_JOIN);
	if (n < 0)
		return fail(e, "HOME: too long");
	if (!passwd_find(uid, PASSWD_DIRECTORY, out + n - 1, size - (size_t)(n - 1)))
		memcpy(out + n - 1, "/", 2);
	return 0;
}

/* -- the end ----------------------------------------------------------------------------------- */

int
exec_program(struct err *e, const char *path, const char *const *argv, const char *const *env)
{
	IN(e, ROLE_INIT | ROLE_JOIN);
	(void)execve(path, (char *const *)argv, (char *const *)env);
	return fail_errno(e, "exec %s", path);
}
