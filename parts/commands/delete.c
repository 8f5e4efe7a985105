#include "commands/command.h"

#include "base/fd.h"
#include "base/str.h"
#include "roles/end.h"

static struct held held;
static bool force;

/* clang-format off */
static const struct option row[] = {
	{ "force", 'f', OPTION_FLAG, NULL, "kill the container if it runs; no error if there is none", &force },
};
/* clang-format on */

/* What a create left that was killed before it could give the folder its name (R3). */
static int
delete_half(struct err *e, const struct globals *g, const char *id)
{
	int root_dir = state_root_open(e, g->root, false);

	if (root_dir >= 0) {
		state_remove_half(root_dir, id);
		fd_close(&root_dir);
	}
	return 0;
}

static int
delete_held(struct err *e, const struct globals *g, struct held *h)
{
	const char *status = state_status_name(h->status);
	bool early = h->status == STATE_CREATED || h->status == STATE_CREATING;

	if (!force && h->status != STATE_STOPPED && (g->strict || !early))
		return fail(e, "cannot delete container %s that is not stopped: %s", h->state.id,
			status);
	return end_held(e, h);
}

static int
delete_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	int result;

	(void)argc;
	if (held_open(e, &held, g->root, argv[0], true) < 0) {
		if (force && str_equal(e->text, "container does not exist"))
			return delete_half(e, g, argv[0]);
		return -1;
	}
	result = delete_held(e, g, &held);
	held_close(&held);
	return result;
}

const struct command command_delete = {
	.name = "delete",
	.operands = "<container-id>",
	.help = "delete a container and everything that was made for it",
	.min = 1,
	.max = 1,
	.option = row,
	.n_options = sizeof row / sizeof *row,
	.main = delete_main,
};
