/* The configs of tests/golden/refuse and the manifests of tests/golden/unsealed: each must be
 * refused with exactly the line in its file `error`.  The names of the former begin with the row of
 * the checklist that they cover.  With --update the lines are written anew, to be read before they
 * are committed.  Runs at the top of the tree. */
#include "base/arena.h"
#include "base/err.h"
#include "spec/check.h"
#include "spec/manifest.h"
#include "spec/view.h"
#include "tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

struct kind {
	const char *dir, *file;
	int (*read)(size_t len);
};

static char text[1 << 20], wanted[4096];
static struct err e;
static struct spec spec;
static struct manifest manifest;

static int
read_config(size_t len)
{
	return spec_read(&e, &spec, text, len, "config.json") < 0 ? -1 : spec_check(&e, &spec);
}

static int
read_manifest(size_t len)
{
	return manifest_read(&e, &manifest, text, len);
}

/* The whole file as a string in buf, or NULL. */
static char *
read_file(const struct kind *k, const char *name, const char *file, char *buf, size_t size,
	size_t *len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", k->dir, name, file);
	f = fopen(path, "rb");
	if (!f)
		return NULL;
	*len = fread(buf, 1, size - 1, f);
	buf[*len] = '\0';
	fclose(f);
	return buf;
}

static bool
update(const struct kind *k, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/error", k->dir, name);
	f = fopen(path, "wb");
	return f && fprintf(f, "%s\n", e.text) > 0 && fclose(f) == 0;
}

static void
check_case(const struct kind *k, const char *name, bool updating)
{
	size_t len, wanted_len = 0;
	bool refused;

	arena_release(0);
	if (!read_file(k, name, k->file, text, sizeof(text), &len)) {
		ok(false, "%s has a %s", name, k->file);
		return;
	}
	refused = k->read(len) < 0;
	if (!ok(refused, "%s is refused", name))
		return;
	if (updating) {
		ok(update(k, name), "%s is written", name);
		return;
	}
	if (read_file(k, name, "error", wanted, sizeof(wanted), &wanted_len) && wanted_len > 0)
		wanted[wanted_len - 1] = '\0';
	is_str(e.text, wanted_len > 0 ? wanted : NULL, "%s: the message", name);
}

static int
is_case(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void
check_kind(const struct kind *k, bool updating)
{
	struct dirent **names;
	int n = scandir(k->dir, &names, is_case, alphasort);

	ok(n > 0, "there are cases in %s", k->dir);
	for (int i = 0; i < n; i++) {
		check_case(k, names[i]->d_name, updating);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

int
main(int argc, char **argv)
{
	static const struct kind configs = {"tests/golden/refuse", "config.json", read_config};
	static const struct kind manifests = {"tests/golden/unsealed", "seal.json", read_manifest};
	bool updating = argc > 1 && strcmp(argv[1], "--update") == 0;

	check_kind(&configs, updating);
	check_kind(&manifests, updating);
	return done_testing();
}
