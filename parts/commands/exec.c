#include "commands/command.h"

#include "base/arena.h"
#include "roles/exec.h"

#include <string.h>

static struct given {
	struct request_options request;
	struct process_options process;
} given = {.request = REQUEST_OPTIONS_UNSET, .process.no_new_privs = PROCESS_UNSET};

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "process",         'p', STRING, "FILE",   "process document: then only those with * count", process.process) \
	ROW(T, "detach",          'd', FLAG,   "",       "* return once the program runs", request.detach) \
	ROW(T, "pid-file",        0,   STRING, "FILE",   "* file for the process's pid", request.pid_file) \
	ROW(T, "console-socket",  0,   STRING, "SOCKET", "* socket for the terminal's master", request.console_socket) \
	ROW(T, "pidfd-socket",    0,   STRING, "SOCKET", "* socket for a pidfd of the process", request.pidfd_socket) \
	ROW(T, "preserve-fds",    0,   COUNT,  "N",      "* pass descriptors 3 to 2+N to the program", request.preserve_fds) \
	INIT_ROWS(ROW, T, "* ", request.init) \
	ROW(T, "cgroup",          0,   LIST,   "PATH",   "* cgroup below the container's; v1: CONTROLLER:PATH", process.cgroups) \
	ROW(T, "ignore-paused",   0,   FLAG,   "",       "* allow it in a paused container", process.ignore_paused) \
	ROW(T, "cwd",             0,   STRING, "DIR",    "working directory", process.cwd) \
	ROW(T, "env",             'e', LIST,   "K=V",    "one more environment variable", process.env) \
	ROW(T, "tty",             't', FLAG,   "",       "give it a terminal", process.tty) \
	ROW(T, "user",            'u', STRING, "UID",    "UID[:GID] of the process", process.user) \
	ROW(T, "additional-gids", 'g', LIST,   "GID",    "one more group", process.gids) \
	ROW(T, "cap",             'c', LIST,   "CAP",    "one more capability", process.caps) \
	ROW(T, "no-new-privs",    0,   FLAG,   "",       "no program may gain privileges", process.no_new_privs) \
	ROW(T, "apparmor",        0,   STRING, "NAME",   "AppArmor profile", process.apparmor) \
	ROW(T, "process-label",   0,   STRING, "LABEL",  "SELinux label", process.label)
/* clang-format on */

static int
exec_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	static struct request q;

	TRY(request_make(e, &q, g, &given.request, argv[0]));
	q.mode = given.request.detach ? RUN_DETACHED : RUN_FOREGROUND;
	q.no_subreaper = true; /* P2: of what it leaves behind its container takes care */
	given.process.args.n = (uint32_t)argc - 1;
	given.process.args.present = true;
	given.process.args.at = arena_take(e, (size_t)argc, sizeof *given.process.args.at);
	if (!given.process.args.at)
		return -1;
	memcpy(given.process.args.at, argv + 1, given.process.args.n * sizeof *argv);
	return exec_process(e, &q, &given.process);
}

const struct command command_exec = {
	.name = "exec",
	.operands = "<container-id> [<command>]",
	.help = "run a process in a container",
	.min = 1,
	.max = COMMAND_ANY,
	.stop_at_operand = true,
	.enters = true,
	.is_exec = true,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = exec_main,
};
