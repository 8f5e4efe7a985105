#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "kernel/notify.h"
#include "roles/end.h"

#include <stdlib.h>

static struct held held BUFFER;

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
	const char *host = getenv("NOTIFY_SOCKET");
	FD_AUTO int notify = -1;
	int result;

	(void)argc;
	TRY(held_open(e, &held, g->root, argv[0], HELD_LOCKED));
	if (held.status == STATE_CREATED && host && *host)
		notify = notify_listen(e, held.dir);
	result = held.status == STATE_CREATED ? end_start(e, &held) : refuse(e, held.status);
	held_close(&held);
	/* Other verbs may come meanwhile.  That it cannot be told is no reason to fail. */
	if (result == 0 && notify >= 0 &&
		notify_wait(e, fd_keep(&notify), host, held.state.pid) < 0)
		log_warning("%s", e->text);
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
