#include "commands/command.h"

#include "base/arena.h"
#include "roles/end.h"

#include <string.h>

static struct held held BUFFER;

static int
state_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	const char *text;

	(void)argc;
	TRY(held_open(e, &held, g->root, argv[0], HELD_UNLOCKED));
	text = state_document(e, &held.state, held.status, held.state.pid, "", 2);
	held_close(&held);
	return text ? command_print(e, text, strlen(text)) : -1;
}

const struct command command_state = {
	.name = "state",
	.operands = "<container-id>",
	.help = "print the state of a container",
	.min = 1,
	.max = 1,
	.main = state_main,
};
