#include "commands/command.h"

#include "roles/host.h"

static int
run_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	struct request q;

	(void)argc;
	TRY(request_make(e, &q, g, argv[0]));
	q.mode = request_options.detach ? RUN_DETACHED : RUN_FOREGROUND;
	q.keep = request_options.keep;
	return request_options.dry_run ? host_dry_run(e, &q) : host_create(e, &q);
}

const struct command command_run = {
	.name = "run",
	.operands = "<container-id>",
	.help = "create and start a container",
	.min = 1,
	.max = 1,
	.enters = true,
	.option = request_option,
	.n_options = REQUEST_OPTIONS,
	.main = run_main,
};
