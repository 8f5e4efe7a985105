#include "kernel/limits.h"

#include "base/role.h"
#include "tap.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err e;
static struct spec_process process;

static void
umasks(void)
{
	process.user.umask_set = false;
	limits_umask(&process, 027);
	is_int(umask(0), 027, "the caller's");
	process.user.umask_set = true;
	process.user.umask = 077;
	limits_umask(&process, 027);
	is_int(umask(022), 077, "the config's");
}

static void
resources(void)
{
	struct spec_rlimit limit[] = {{.resource = RLIMIT_CORE, .soft = 0, .hard = 0},
		{.resource = RLIMIT_NOFILE, .soft = 20, .hard = 10}};
	struct rlimit now;

	process.rlimits.at = limit;
	process.rlimits.n = 1;
	is_int(limits_resources(&e, &process), 0, "set: %s", e.text);
	ok(getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max == 0, "indeed");
	process.rlimits.n = 2;
	is_int(limits_resources(&e, &process), -1, "soft above hard");
	is_str(e.text, "process.rlimits[1]: RLIMIT_NOFILE: invalid argument", "says which");
	process.rlimits.n = 0;
}

static void
oom_scores(void)
{
	pid_t gone = fork();

	if (gone == 0)
		_exit(0);
	waitpid(gone, NULL, 0);
	process.oom_score_adj_set = false;
	is_int(limits_oom_score(&e, &process, gone), 0, "nothing is asked for");
	process.oom_score_adj_set = true;
	process.oom_score_adj = 1000;
	is_int(limits_oom_score(&e, &process, gone), -1, "nobody is there");
	is_str(e.text, "process.oomScoreAdj: 1000: no such file or directory", "says so");
	is_int(limits_oom_score(&e, &process, getpid()), 0, "set: %s", e.text);
}

int
main(void)
{
	umasks();
	role_enter(ROLE_INIT);
	resources();
	role_enter(ROLE_HOST);
	oom_scores();
	return done_testing();
}
