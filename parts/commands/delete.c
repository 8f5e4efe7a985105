#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "kernel/proc.h"
#include "roles/end.h"
#include "spec/check.h"

#include <errno.h>

static struct held held BUFFER;
static struct given {
	bool force;
} given;

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "force", 'f', FLAG,   "", "kill the container if it runs", force)
/* clang-format on */

/* There is no such container, or nobody can read what is known of it.  With --force neither is an
 * error: what a create left that was killed early (R3) goes, and so does a folder that is broken.
 */
static int
delete_unreadable(struct err *e, const struct globals *g, const char *id)
{
	FD_AUTO int root_dir = -1, dir = -1;
	struct err why = *e;

	/* A shortage of ours (EMFILE, ENOMEM, EIO) says nothing about the container. */
	if (!given.force || (why.number != 0 && why.number != ENOENT && why.number != EISDIR))
		return -1;
	TRY(spec_check_id(e, id));
	root_dir = state_root_open(e, g->root, false);
	if (root_dir < 0)
		return e->number == ENOENT ? 0 : -1;
	dir = state_open(e, root_dir, id);
	if (dir >= 0) {
		log_warning("container %s: %s", id, why.text);
		return state_remove(e, root_dir, id, dir);
	}
	if (e->number != ENOENT)
		return -1;
	state_remove_half(root_dir, id);
	return 0;
}

/* `kill` returns at once, and people write delete behind it: who is dying is waited for. */
static void
await_killed(struct held *h)
{
	const struct proc_identity init = {.pid = h->state.pid, .start = h->state.start};

	if (h->status == STATE_RUNNING && proc_ending(init.pid) &&
		proc_wait_gone(&init, END_PATIENCE_MS) == 1)
		h->status = STATE_STOPPED;
}

static int
delete_held(struct err *e, const struct globals *g, struct held *h)
{
	bool early = h->status == STATE_CREATED || h->status == STATE_CREATING;

	await_killed(h);
	if (!given.force && h->status != STATE_STOPPED && (g->strict || !early))
		return fail(e, "cannot delete container %s that is not stopped: %s", h->state.id,
			state_status_name(h->status));
	return end_held(e, h);
}

static int
delete_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	int result;

	(void)argc;
	if (held_open(e, &held, g->root, argv[0], given.force ? HELD_ANYHOW : HELD_LOCKED) < 0)
		return delete_unreadable(e, g, argv[0]);
	result = delete_held(e, g, &held);
	held_close(&held);
	return result;
}

const struct command command_delete = {
	.name = "delete",
	.operands = "<container-id>",
	.help = "delete a container",
	.min = 1,
	.max = 1,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = delete_main,
};
