#include "kernel/sysctl.h"

#include "base/fd.h"
#include "base/procfs.h"
#include "base/role.h"
#include "base/str.h"

enum { KEY_MAX = 256 };

static int
write_one(struct err *e, int proc, const char *path, const char *value)
{
	char name[KEY_MAX + 8];

	if (str_format(name, sizeof(name), "sys/%s", path) < 0)
		return fail(e, "longer than %d bytes", KEY_MAX);
	/* A write of nothing would change nothing. */
	return procfs_write(e, proc, name, *value ? value : "\n");
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
	if ((proc = procfs_open(e)) < 0)
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
