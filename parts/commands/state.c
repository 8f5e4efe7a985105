#include "commands/command.h"

#include "roles/end.h"

static struct held held;

static int
state_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	static char out[STATE_JSON_MAX];
	int n;

	(void)argc;
	TRY(held_open(e, &held, g->root, argv[0], false));
	n = state_document(e, &held.state, held.status, held.state.pid, "", 2, out, sizeof out);
	held_close(&held);
	TRY(n);
	return command_print(e, out, (size_t)n);
}

const struct command command_state = {
	.name = "state",
	.operands = "<container-id>",
	.help = "print the state of a container",
	.min = 1,
	.max = 1,
	.main = state_main,
};
