/* covers: PR-7, PR-12, PR-13, PR-14, CAP-1, CAP-2, CAP-3, PR-10, S6, I8 */
#include "kernel/creds.h"
#include "kernel/limits.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/sys.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err e;

static uint64_t
status_set(const char *name)
{
	char text[8192], want[32];
	char *at;

	fd_read_file(&e, AT_FDCWD, "/proc/self/status", text, sizeof text);
	snprintf(want, sizeof want, "\n%s:\t", name);
	at = strstr(text, want);
	return at ? strtoull(at + strlen(want), NULL, 16) : UINT64_MAX;
}

/* Each case in a child: what is given up does not come back. */
static void
in_child(const char *what, bool (*test)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		role_enter(ROLE_INIT);
		_exit(test() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(status == 0, "%s", what);
}

static bool
apply(struct plan_creds *c)
{
	if (creds_apply(&e, c) == 0)
		return true;
	printf("# %s\n", e.text);
	return false;
}

static bool
plain_user(void)
{
	static const uint32_t groups[] = {7, 3000000000U};
	struct plan_creds c = {.uid = 4000000000U,
		.gid = 10,
		.groups = groups,
		.n_groups = 2,
		.set_groups = true,
		.no_new_privileges = true};
	gid_t got[4];

	return apply(&c) && getuid() == 4000000000U && getegid() == 10 && getgroups(4, got) == 2 &&
		got[1] == 3000000000U && status_set("CapPrm") == 0 && status_set("CapEff") == 0 &&
		status_set("CapBnd") == 0 && status_set("CapInh") == 0 &&
		status_set("CapAmb") == 0 && status_set("NoNewPrivs") == 1;
}

static bool
no_groups(void)
{
	struct plan_creds c = {.uid = 1, .gid = 1, .set_groups = true};
	gid_t some[] = {1, 2, 3};

	return sys_setgroups(3, some) == 0 && apply(&c) && getgroups(0, NULL) == 0;
}

static bool
kept_groups(void)
{
	struct plan_creds c = {.uid = 1, .gid = 1, .set_groups = true, .keep_groups = true};
	gid_t some[] = {1, 2, 3};

	return sys_setgroups(3, some) == 0 && apply(&c) && getgroups(0, NULL) == 3;
}

enum { KILL = 1 << 5, CHOWN = 1 << 0, SETUID = 1 << 7 };

static bool
ambient_user(void)
{
	struct plan_creds c = {.uid = 1000, .gid = 1000, .set_groups = true};

	c.capabilities[CAPABILITY_BOUNDING] = KILL | CHOWN | SETUID;
	c.capabilities[CAPABILITY_PERMITTED] = KILL | CHOWN;
	c.capabilities[CAPABILITY_EFFECTIVE] = KILL;
	c.capabilities[CAPABILITY_INHERITABLE] = KILL;
	c.capabilities[CAPABILITY_AMBIENT] = KILL;
	return apply(&c) && status_set("CapBnd") == (KILL | CHOWN | SETUID) &&
		status_set("CapPrm") == (KILL | CHOWN) && status_set("CapEff") == KILL &&
		status_set("CapInh") == KILL && status_set("CapAmb") == KILL;
}

static bool
root_without_inheritable(void)
{
	struct plan_creds c = {.set_groups = true};

	c.capabilities[CAPABILITY_BOUNDING] = KILL;
	c.capabilities[CAPABILITY_PERMITTED] = KILL;
	c.capabilities[CAPABILITY_EFFECTIVE] = KILL;
	return apply(&c) && status_set("CapInh") == 0 && status_set("CapPrm") == KILL;
}

/* An ambient one that cannot be raised, one that nobody holds: warnings. */
static bool
warnings(void)
{
	struct plan_creds c = {.set_groups = true};
	char text[4096];

	c.capabilities[CAPABILITY_BOUNDING] = KILL;
	c.capabilities[CAPABILITY_PERMITTED] = KILL | 1ULL << 62;
	c.capabilities[CAPABILITY_AMBIENT] = CHOWN;
	return apply(&c) && log_pending(text, sizeof text) > 0 &&
		strstr(text, "can't raise ambient capability CAP_CHOWN: operation not permitted") &&
		strstr(text,
			"process.capabilities.permitted: unknown capability cannot be granted");
}

/* Without the right to drop the bounding set it is a refusal, not less. */
static bool
refusal(void)
{
	struct plan_creds user = {.uid = 1000, .gid = 1000, .set_groups = true};
	struct plan_creds c = {.uid = 1000, .gid = 1000};

	user.capabilities[CAPABILITY_BOUNDING] = KILL;
	return apply(&user) && creds_apply(&e, &c) < 0 &&
		strcmp(e.text,
			"process.capabilities.bounding: drop CAP_KILL: operation not permitted") ==
		0;
}

static bool
resources(void)
{
	struct spec_rlimit list[] = {{RLIMIT_NOFILE, 10, 20}, {RLIMIT_CORE, 0, UINT64_MAX}};
	struct spec_process p = {.rlimits = {list, 1}};
	struct rlimit got;

	if (limits_resources(&e, &p) < 0 || getrlimit(RLIMIT_NOFILE, &got) < 0)
		return false;
	if (got.rlim_cur != 10 || got.rlim_max != 20)
		return false;
	list[0].hard = 5;
	return limits_resources(&e, &p) < 0 &&
		strcmp(e.text, "process.rlimits[0]: RLIMIT_NOFILE: invalid argument") == 0;
}

static bool
masks(void)
{
	struct spec_process p = {.user = {.umask_set = true, .umask = 063}};

	limits_umask(&p, 022);
	if (umask(0) != 063)
		return false;
	p.user.umask_set = false;
	limits_umask(&p, 027);
	return umask(0) == 027;
}

static bool
keyrings(void)
{
	return limits_keyring(&e, NULL) == 0 && limits_keyring(&e, "_ses.test") == 0;
}

int
main(void)
{
	char text[32];
	struct spec_process p = {.oom_score_adj_set = true, .oom_score_adj = 555};

	is_int(limits_oom_score(&e, &p, getpid()), 0, "oom score: %s", e.text);
	fd_read_file(&e, AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof text);
	is_str(text, "555\n", "is in force");
	in_child("rlimits", resources);
	in_child("umask", masks);
	in_child("keyring", keyrings);
	if (geteuid() != 0)
		return done_testing();
	in_child("a user without anything", plain_user);
	in_child("the caller's groups are dropped", no_groups);
	in_child("the caller's groups are kept when asked for", kept_groups);
	in_child("a user with an ambient capability", ambient_user);
	in_child("root: nothing inheritable appears", root_without_inheritable);
	in_child("what cannot be granted is a warning", warnings);
	in_child("what cannot be dropped is a refusal", refusal);
	return done_testing();
}
