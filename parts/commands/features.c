#include "commands/command.h"

#include "base/arena.h"
#include "spec/features.h"

static int
features_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	static char out[32768] BUFFER;
	int n = features_write(e, out, sizeof out, OCIRT_VERSION, OCIRT_COMMIT,
		OCIRT_RUNC_LEVEL "+ocirt." OCIRT_VERSION);

	(void)g;
	(void)argc;
	(void)argv;
	TRY(n);
	return command_print(e, out, (size_t)n);
}

const struct command command_features = {
	.name = "features",
	.operands = "",
	.help = "print what this build can do",
	.min = 0,
	.max = 0,
	.main = features_main,
};
