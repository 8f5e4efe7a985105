#include "commands/command.h"

#include "base/arena.h"
#include "roles/exec.h"

#include <string.h>

static struct process_options options = {.no_new_privs = PROCESS_UNSET};

/* clang-format off */
static const struct option row[] = {
	{ "process",         'p', OPTION_STRING, "FILE",   "process document: then the options marked * count", &options.process },
	{ "detach",          'd', OPTION_FLAG,   "",       "* return once the program runs", &request_options.detach },
	{ "pid-file",        0,   OPTION_STRING, "FILE",   "* file to write the process's pid to", &request_options.pid_file },
	{ "console-socket",  0,   OPTION_STRING, "SOCKET", "* socket that receives the terminal's master", &request_options.console_socket },
	{ "pidfd-socket",    0,   OPTION_STRING, "SOCKET", "* socket that receives a pidfd of the process", &request_options.pidfd_socket },
	{ "preserve-fds",    0,   OPTION_COUNT,  "N",      "* pass descriptors 3 to 2+N to the program", &request_options.preserve_fds },
	{ "cgroup",          0,   OPTION_LIST,   "PATH",   "* cgroup below the container's; v1: CONTROLLER:PATH", &options.cgroups },
	{ "ignore-paused",   0,   OPTION_FLAG,   "",       "* allow it in a paused container", &options.ignore_paused },
	{ "cwd",             0,   OPTION_STRING, "DIR",    "working directory in the container", &options.cwd },
	{ "env",             'e', OPTION_LIST,   "K=V",    "one more environment variable", &options.env },
	{ "tty",             't', OPTION_FLAG,   "",       "give it a terminal", &options.tty },
	{ "user",            'u', OPTION_STRING, "UID",    "UID[:GID] of the process", &options.user },
	{ "additional-gids", 'g', OPTION_LIST,   "GID",    "one more group", &options.gids },
	{ "cap",             'c', OPTION_LIST,   "CAP",    "one more capability", &options.caps },
	{ "no-new-privs",    0,   OPTION_FLAG,   "",       "no program may gain privileges", &options.no_new_privs },
	{ "apparmor",        0,   OPTION_STRING, "NAME",   "AppArmor profile", &options.apparmor },
	{ "process-label",   0,   OPTION_STRING, "LABEL",  "SELinux label", &options.label },
};
/* clang-format on */

static int
exec_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	static struct request q;

	TRY(request_make(e, &q, g, argv[0]));
	q.mode = request_options.detach ? RUN_DETACHED : RUN_FOREGROUND;
	q.no_subreaper = true; /* P2: of what it leaves behind its container takes care */
	options.args.n = (uint32_t)argc - 1;
	options.args.present = true;
	options.args.at = arena_take(e, (size_t)argc, sizeof *options.args.at);
	if (!options.args.at)
		return -1;
	memcpy(options.args.at, argv + 1, options.args.n * sizeof *argv);
	return exec_process(e, &q, &options);
}

const struct command command_exec = {
	.name = "exec",
	.operands = "<container-id> [<command>]",
	.help = "run a further process in a container",
	.min = 1,
	.max = 1 << 20,
	.stop_at_operand = true,
	.enters = true,
	.is_exec = true,
	.option = row,
	.n_options = sizeof row / sizeof *row,
	.main = exec_main,
};
