#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "kernel/probe.h"
#include "spec/template.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char *bundle, *file = "config.json";
static bool rootless;

/* clang-format off */
static const struct option row[] = {
	{ "bundle",   'b', OPTION_STRING, "DIR",  "directory to write to (default: the current one)", &bundle },
	{ "file",     'f', OPTION_STRING, "PATH", "name of the file (default: config.json)", &file },
	{ "rootless", 0,   OPTION_FLAG,   "",     "a config that a user without privilege can run", &rootless },
};
/* clang-format on */

static int
spec_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	static char out[32768] BUFFER;
	static struct facts facts;
	FD_AUTO int fd = -1;
	int n;

	(void)argc;
	(void)argv;
	TRY(probe_facts(e, &facts));
	struct template_options o = {
		.name = g->name,
		.cgroup2 = facts_cgroup2_only(&facts),
		.rootless = rootless,
		.uid = facts.euid,
		.gid = facts.egid,
	};

	n = template_config(e, out, sizeof out, &o);
	TRY(n);
	if (bundle && chdir(bundle) < 0)
		return fail_errno(e, "chdir %s", bundle);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return fail(e, "File %s exists. Remove it first", file);
	if (fd < 0)
		return fail_errno(e, "open %s", file);
	return fd_write(e, fd, out, (size_t)n, file);
}

const struct command command_spec = {
	.name = "spec",
	.operands = "",
	.help = "write a config.json to start from",
	.min = 0,
	.max = 0,
	.option = row,
	.n_options = sizeof row / sizeof *row,
	.main = spec_main,
};
