#include "plan/path.h"

#include "base/arena.h"
#include "base/str.h"
#include "plan/plan.h"

#include <string.h>

bool
path_goes_up(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (at[0] == '.' && at[1] == '.' && (at[2] == '/' || at[2] == '\0'))
			return true;
	}
	return false;
}

/* Cleans in place where the path, which starts with "/", allows it. */
static const char *
checked(struct err *e, const char *property, char *path, bool clean)
{
	if (!path)
		return NULL;
	if (strlen(path) >= PLAN_PATH_MAX ||
		(clean && str_clean_path(path, PLAN_PATH_MAX, path) < 0)) {
		(void)fail(e, "%s: the path is longer than %d bytes", property, PLAN_PATH_MAX - 1);
		return NULL;
	}
	return path;
}

const char *
path_below(struct err *e, const char *property, const char *base, const char *path)
{
	char *whole =
		*path == '/' ? arena_string(e, "%s", path) : arena_string(e, "%s/%s", base, path);

	return checked(e, property, whole, !path_goes_up(path));
}

const char *
path_inside(struct err *e, const char *property, const char *path)
{
	return checked(e, property, arena_string(e, "/%s", path), true);
}
