/* pause and resume. */
#include "commands/command.h"

#include "base/arena.h"
#include "base/procstat.h"
#include "roles/end.h"

static struct held held BUFFER;

static int
pause_held(struct err *e, const struct held *h)
{
	struct procstat p;

	if (h->status != STATE_CREATED && h->status != STATE_RUNNING)
		return fail(e, "container not running");
	TRY(cgroup_freeze(e, &h->cgroups, true, END_PATIENCE_MS));
	/* A kill that came meanwhile has thawed it before we froze it: v1 would keep the init from
	 * dying. */
	if (procstat_read(e, h->state.pid, &p) < 0 || !procstat_dying(&p))
		return 0;
	cgroup_thaw(&h->cgroups);
	return fail(e, "container not running");
}

static int
resume_held(struct err *e, const struct held *h)
{
	if (h->status != STATE_PAUSED)
		return fail(e, "container not paused");
	return cgroup_freeze(e, &h->cgroups, false, END_PATIENCE_MS);
}

static int
change(struct err *e, const struct globals *g, const char *id,
	int (*go)(struct err *e, const struct held *h))
{
	int result;

	TRY(held_open(e, &held, g->root, id, HELD_LOCKED));
	result = go(e, &held);
	held_close(&held);
	return result;
}

static int
pause_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	(void)argc;
	return change(e, g, argv[0], pause_held);
}

static int
resume_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	(void)argc;
	return change(e, g, argv[0], resume_held);
}

const struct command command_pause = {
	.name = "pause",
	.operands = "<container-id>",
	.help = "freeze all processes of a container",
	.min = 1,
	.max = 1,
	.main = pause_main,
};

const struct command command_resume = {
	.name = "resume",
	.operands = "<container-id>",
	.help = "thaw the processes of a container",
	.min = 1,
	.max = 1,
	.main = resume_main,
};
