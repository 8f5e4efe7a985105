#include "commands/command.h"

#include "roles/host.h"

static bool detach, keep;

/* clang-format off */
static const struct option row[] = {
	{ "bundle",         'b', OPTION_STRING, "DIR",    "bundle directory (default: the current one)", &request_options.bundle },
	{ "config",         'f', OPTION_STRING, "FILE",   "config, when it is not the bundle's config.json", &request_options.config },
	{ "console-socket", 0,   OPTION_STRING, "SOCKET", "socket that receives the terminal's master", &request_options.console_socket },
	{ "pidfd-socket",   0,   OPTION_STRING, "SOCKET", "socket that receives a pidfd of the init", &request_options.pidfd_socket },
	{ "pid-file",       0,   OPTION_STRING, "FILE",   "file to write the init's pid to", &request_options.pid_file },
	{ "preserve-fds",   0,   OPTION_COUNT,  "N",      "pass descriptors 3 to 2+N to the program", &request_options.preserve_fds },
	{ "detach",         'd', OPTION_FLAG,   NULL,     "return once the program runs", &detach },
	{ "keep",           0,   OPTION_FLAG,   NULL,     "do not delete the container when it ends", &keep },
	{ "no-pivot",       0,   OPTION_FLAG,   NULL,     "MS_MOVE and chroot instead of pivot_root", &request_options.no_pivot },
	{ "no-new-keyring", 0,   OPTION_FLAG,   NULL,     "keep the caller's session keyring", &request_options.no_new_keyring },
	{ "no-subreaper",   0,   OPTION_FLAG,   NULL,     "do not become a child subreaper while waiting", &request_options.no_subreaper },
	{ "dry-run",        0,   OPTION_FLAG,   NULL,     "print the plan and change nothing", &request_options.dry_run },
};
/* clang-format on */

static int
run_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	struct request q;

	(void)argc;
	TRY(request_make(e, &q, g, argv[0]));
	q.mode = detach ? RUN_DETACHED : RUN_FOREGROUND;
	q.keep = keep;
	return request_options.dry_run ? host_dry_run(e, &q) : host_create(e, &q);
}

const struct command command_run = {
	.name = "run",
	.operands = "<container-id>",
	.help = "create and start a container",
	.min = 1,
	.max = 1,
	.enters = true,
	.option = row,
	.n_options = sizeof row / sizeof *row,
	.main = run_main,
};
