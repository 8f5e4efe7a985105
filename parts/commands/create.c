#include "commands/command.h"

#include "roles/host.h"

static struct request_options given = REQUEST_OPTIONS_UNSET;

static int
create_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	struct request q;

	(void)argc;
	TRY(request_make(e, &q, g, &given, argv[0]));
	q.mode = RUN_CREATE;
	return given.dry_run ? host_dry_run(e, &q) : host_create(e, &q);
}

const struct command command_create = {
	.name = "create",
	.operands = "<container-id>",
	.help = "create a container",
	.min = 1,
	.max = 1,
	.enters = true,
	.options = {request_option, request_text, &given, REQUEST_CREATE_OPTIONS},
	.main = create_main,
};
