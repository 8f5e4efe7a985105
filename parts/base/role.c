#include "base/role.h"

#include "base/str.h"
#include "base/sys.h"

static enum role now = ROLE_HOST;

void
role_enter(enum role role)
{
	char comm[16]; /* the kernel's own limit, the NUL included */

	now = role;
	if (role == ROLE_HOST)
		return;
	(void)str_format(comm, sizeof(comm), "ocirt:%s", role_name()); /* at most 11 letters */
	(void)sys_prctl(PR_SET_NAME, (unsigned long)comm, 0, 0, 0);    /* for ps(1) only */
}

enum role
role_now(void)
{
	return now;
}

const char *
role_name(void)
{
	switch (now) {
	case ROLE_HOST:
		return "host";
	case ROLE_STAGE:
		return "stage";
	case ROLE_INIT:
		return "init";
	case ROLE_JOIN:
		return "join";
	}
	return "nobody";
}

int
role_check(struct err *e, unsigned int mask, const char *function)
{
	if (mask & (unsigned int)now)
		return 0;
	return fail(e, "internal order: %s called in %s", function, role_name());
}
