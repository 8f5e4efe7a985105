/* Any bytes as a manifest: accepted or refused with a message, and what is accepted is one of the
 * kind that `seal` writes: written and read again it is the same. */
#include "base/arena.h"
#include "base/log.h"
#include "spec/manifest.h"

#include <stdlib.h>
#include <string.h>

static char text[MANIFEST_TEXT_MAX + 1], once[2 * MANIFEST_TEXT_MAX], twice[2 * MANIFEST_TEXT_MAX];
static struct err e;

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check_object(const struct manifest_object *o)
{
	must(*o->path && strlen(o->path) <= MANIFEST_PATH_MAX && !strstr(o->path, "//"));
	must(strlen(o->sha256) == MANIFEST_DIGEST && o->size_set == (o->kind == SEALED_FILE));
	must(!o->dm_verity.root_hash ||
		(strlen(o->dm_verity.root_hash) == MANIFEST_DIGEST &&
			strlen(o->dm_verity.salt) == MANIFEST_DIGEST &&
			o->dm_verity.data_blocks < o->size / MANIFEST_BLOCK));
	must(!o->fs_verity || strlen(o->fs_verity) == MANIFEST_DIGEST);
}

static int
write_again(const struct manifest *m, char *out)
{
	must(!strchr(m->name, '/') && strlen(m->name) <= MANIFEST_NAME_MAX);
	must(m->files.n <= MANIFEST_FILES_MAX && strlen(m->config) == MANIFEST_DIGEST);
	check_object(&m->root);
	for (uint32_t i = 0; i < m->files.n; i++)
		check_object(&m->files.at[i]);
	return manifest_write(&e, out, sizeof once, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest m;
	int n;

	if (size > MANIFEST_TEXT_MAX / 8)
		return 0;
	arena_release(0);
	memcpy(text, data, size);
	text[size] = '\0';
	e.text[0] = '\0';
	if (manifest_read(&e, &m, text, size) < 0) {
		must(strncmp(e.text, "seal.json: ", 11) == 0);
		return 0;
	}
	n = write_again(&m, once);
	must(n > 0);
	memcpy(text, once, (size_t)n + 1);
	must(manifest_read(&e, &m, text, (size_t)n) == 0 && write_again(&m, twice) == n);
	must(strcmp(once, twice) == 0);
	log_flush(false);
	return 0;
}
