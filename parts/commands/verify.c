#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "roles/admit.h"
#include "roles/load.h"
#include "roles/verify.h"
#include "plan/cover.h"

#include <fcntl.h>

static struct given {
	const char *key, *keys, *config;
} given = {.config = "config.json"};

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "key",    0,   STRING, "PEM",  "public key that counts", key) \
	ROW(T, "keys",   0,   STRING, "DIR",  "keys that count, *.pem (default: " VERIFY_KEYS ")", keys) \
	ROW(T, "config", 'f', STRING, "FILE", "config (default: config.json)", config)
/* clang-format on */

static char text[32768] BUFFER;

static void
tell_object(struct str *s, const struct verified_object *o)
{
	const struct manifest_object *is = o->object;

	(void)str_add(s, "%s: %s, %s\n", is->path, words_name(WORDS_SEALED_KIND, is->kind),
		verify_words(o->strength));
}

/* What was verified, and what was not. */
static int
tell(struct err *e, const struct verified *v, const struct spec *spec, const char *bundle)
{
	const struct manifest *m = &v->manifest;
	struct timespec t = {.tv_sec = (time_t)m->created};
	struct str s = str_in(text, sizeof text);
	static char made[STR_TIME_MAX];
	struct covers list;

	(void)str_time(made, sizeof made, &t, false); /* fits */
	(void)str_add(&s, "seal.json: %s, version %llu of %s, signed by key %s (%s)\n", m->name,
		(unsigned long long)m->version, made, v->key_id, v->key);
	(void)str_add(&s, "%s: as sealed\n", given.config);
	tell_object(&s, &v->root);
	for (uint32_t i = 0; i < m->files.n; i++)
		tell_object(&s, &v->file[i]);
	TRY(cover_list(e, &list, spec, bundle));
	for (uint32_t i = 0; i < list.n; i++)
		if (!list.at[i].needed && manifest_find(m, list.at[i].path) < 0)
			(void)str_add(&s, "%s: NOT verified: %s the bundle (%s)\n", list.at[i].path,
				list.at[i].inside ? "in" : "outside", list.at[i].property);
	return command_print(
		e, s.at, s.len); /* what is cut is a list that nobody reads to its end */
}

static int
verify(struct err *e, const char *path)
{
	struct verify_keys keys = {.key = given.key, .dir = given.keys};
	static struct verified v BUFFER;
	static struct spec spec BUFFER;
	const char *bundle, *config;
	FD_AUTO int dir = -1;
	size_t len;

	if (keys.key && !*keys.key)
		return fail(e, "--key: no file is named");
	if (keys.dir && !*keys.dir) /* the keys of the current directory are not meant */
		return fail(e, "--keys: no directory is named");
	if (keys.key && keys.dir)
		return fail(e, "--key and --keys: one of them");
	TRY(load_absolute(e, &keys.key));
	TRY(load_absolute(e, &keys.dir));
	TRY(load_bundle(e, path, &given.config, &bundle));
	dir = openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_errno(e, "open %s", bundle);
	TRY(admit_keys(e, &keys));
	TRY(verify_manifest(e, &v, dir, &keys));
	TRY(admit_manifest(e, &v));
	TRY(load_config(e, given.config, &config, &len));
	TRY(verify_config(e, &v, config, len, given.config));
	TRY(load_decode(e, &spec, len, given.config));
	TRY(verify_objects(e, &v, dir, bundle, &spec));
	TRY(tell(e, &v, &spec, bundle));
	verify_close(&v);
	return 0;
}

static int
verify_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	(void)g;
	(void)argc;
	return verify(e, argv[0]) < 0 ? verify_refuse(e) : 0;
}

const struct command command_verify = {
	.name = "verify",
	.operands = "<bundle>",
	.help = "is a bundle what somebody signed?",
	.min = 1,
	.max = 1,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = verify_main,
};
