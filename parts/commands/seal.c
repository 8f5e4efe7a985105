#include "commands/command.h"

#include "base/clock.h"
#include "base/str.h"
#include "roles/seal.h"

#include <stdlib.h>
#include <string.h>

static struct given {
	const char *bundle, *config, *key, *name, *version, *not_before;
	struct strings files;
} given = {.version = "1", .not_before = "0"};

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "bundle",     'b', STRING, "DIR",     "bundle (default: this directory)", bundle) \
	ROW(T, "config",     'f', STRING, "FILE",    "config (default: config.json)", config) \
	ROW(T, "key",        0,   STRING, "PEM",     "private key for openssl to sign with", key) \
	ROW(T, "name",       0,   STRING, "NAME",    "whose versions are compared (default: the bundle's)", name) \
	ROW(T, "version",    0,   STRING, "N",       "an older one is refused later (default: 1)", version) \
	ROW(T, "not-before", 0,   STRING, "SECONDS", "not valid before that time, since 1970", not_before) \
	ROW(T, "file",       0,   LIST,   "PATH",    "one more file or directory to seal", files)
/* clang-format on */

static int
number(struct err *e, const char *option, const char *text, uint64_t *out)
{
	if (str_u64(text, out) < 0 || *out >> 53)
		return fail(e, "%s: \"%s\" is not a number from 0 to 2^53 - 1", option, text);
	return 0;
}

/* reproducible-builds.org: a time that is given makes the same bytes of the same bundle. */
static int
creation(struct err *e, uint64_t *out)
{
	const char *given_time = getenv("SOURCE_DATE_EPOCH");

	*out = (uint64_t)clock_now().tv_sec;
	return given_time ? number(e, "SOURCE_DATE_EPOCH", given_time, out) : 0;
}

static int
seal_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	static const char how[] =
		"seal.json is written.  Sign it: openssl dgst -sha256 -sign KEY.pem "
		"-out seal.json.sig seal.json\n";
	struct seal_request q = {.bundle = given.bundle,
		.config = given.config,
		.name = given.name,
		.key = given.key,
		.files = given.files};

	(void)g;
	(void)argc;
	(void)argv;
	TRY(number(e, "--version", given.version, &q.version));
	TRY(number(e, "--not-before", given.not_before, &q.not_before));
	TRY(creation(e, &q.created));
	TRY(seal_bundle(e, &q));
	return given.key ? 0 : command_print(e, how, strlen(how));
}

const struct command command_seal = {
	.name = "seal",
	.operands = "",
	.help = "write down, and sign, what a bundle consists of",
	.min = 0,
	.max = 0,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = seal_main,
};
