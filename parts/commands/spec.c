#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "kernel/probe.h"
#include "spec/template.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct given {
	const char *bundle, *file;
	bool rootless;
} given = {.file = "config.json"};

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "bundle",   'b', STRING, "DIR",  "directory to write to (default: the current one)", bundle) \
	ROW(T, "file",     'f', STRING, "PATH", "name of the file (default: config.json)", file) \
	ROW(T, "rootless", 0,   FLAG,   "",     "a config for a user without privilege", rootless)
/* clang-format on */

static int
spec_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	static char out[32768] BUFFER;
	static struct facts facts BUFFER;
	FD_AUTO int fd = -1;
	int n;

	(void)argc;
	(void)argv;
	TRY(probe_facts(e, &facts));
	struct template_options o = {
		.name = g->name,
		.cgroup2 = facts_cgroup2_only(&facts),
		.rootless = given.rootless,
		.uid = facts.euid,
		.gid = facts.egid,
	};

	n = template_config(e, out, sizeof out, &o);
	TRY(n);
	if (given.bundle && chdir(given.bundle) < 0)
		return fail_errno(e, "chdir %s", given.bundle);
	fd = openat(
		AT_FDCWD, given.file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return fail(e, "File %s exists. Remove it first", given.file);
	if (fd < 0)
		return fail_errno(e, "open %s", given.file);
	return fd_write(e, fd, out, (size_t)n, given.file);
}

const struct command command_spec = {
	.name = "spec",
	.operands = "",
	.help = "write a config.json to start from",
	.min = 0,
	.max = 0,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = spec_main,
};
