#include "commands/command.h"

#include "roles/end.h"

static struct held held;

/* Only from `created` (runtime.md#start). */
static int
refuse(struct err *e, enum state_status status)
{
	switch (status) {
	case STATE_STOPPED:
		return fail(e, "cannot start a container that has stopped");
	case STATE_PAUSED:
		return fail(e, "cannot start a container in the paused state");
	case STATE_CREATING:
		return fail(e, "cannot start a container that is being created");
	default:
		return fail(e, "cannot start an already running container");
	}
}

static int
start_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	int result;

	(void)argc;
	TRY(held_open(e, &held, g->root, argv[0], HELD_LOCKED));
	result = held.status == STATE_CREATED ? end_start(e, &held) : refuse(e, held.status);
	held_close(&held);
	return result;
}

const struct command command_start = {
	.name = "start",
	.operands = "<container-id>",
	.help = "run the program of a created container",
	.min = 1,
	.max = 1,
	.main = start_main,
};
