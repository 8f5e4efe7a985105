#include "commands/command.h"

#include "base/arena.h"
#include "base/str.h"
#include "kernel/proc.h"
#include "roles/end.h"
#include "words/words.h"

#include <signal.h>

static struct held held BUFFER;
static struct given {
	bool all;
	const char *signal;
} given;

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "all",    'a', FLAG,   "",       "signal every process of the container", all) \
	ROW(T, "signal", 's', STRING, "SIGNAL", "the signal (default: SIGTERM)", signal)
/* clang-format on */

/* Without a pid namespace of its own the death of the init leaves its children alive (NS-5). */
static int
send(struct err *e, const struct held *h, int number)
{
	struct proc_identity init = {.pid = h->state.pid, .start = h->state.start};
	bool whole = given.all || (number == SIGKILL && !h->state.own_pid_namespace);

	if (h->status == STATE_STOPPED && !given.all)
		return fail(e, "container not running");
	if (whole)
		(void)cgroup_signal(&h->cgroups, number); /* nobody there is as good */
	if (h->status != STATE_STOPPED && (!whole || h->cgroups.n == 0))
		TRY(proc_signal(e, &init, number));
	if (number == SIGKILL)
		cgroup_thaw(&h->cgroups); /* a frozen v1 process does not die */
	return 0;
}

static int
kill_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : given.signal ? given.signal : "SIGTERM";
	int number, result;
	uint64_t value;

	TRY(held_open(e, &held, g->root, argv[0], HELD_UNLOCKED));
	if (*name == '-')
		name++; /* "kill ID -9", as kill(1) has it */
	number = words_signal_number(name);
	if (number >= 0)
		result = send(e, &held, number);
	else if (str_u64(name, &value) == 0)
		result = fail(e, "unable to signal init: invalid argument");
	else
		result = fail(e, "unknown signal \"%s\"", name);
	held_close(&held);
	return result;
}

const struct command command_kill = {
	.name = "kill",
	.operands = "<container-id> [<signal>]",
	.help = "send a signal to a container",
	.min = 1,
	.max = 2,
	.stop_at_operand = true,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = kill_main,
};
