/* The configs of tests/golden/refuse: each must be refused with exactly the line in its file
 * `error`.  The names begin with the row of the checklist that they cover.  With --update the lines
 * are written anew, to be read before they are committed.  Runs at the top of the tree. */
#include "base/arena.h"
#include "base/err.h"
#include "spec/check.h"
#include "spec/view.h"
#include "tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define DIR_OF_CASES "tests/golden/refuse"

static char text[1 << 20], wanted[4096];
static struct err e;
static struct spec spec;

/* The whole file as a string in buf, or NULL. */
static char *
read_file(const char *name, const char *file, char *buf, size_t size, size_t *len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", DIR_OF_CASES, name, file);
	f = fopen(path, "rb");
	if (!f)
		return NULL;
	*len = fread(buf, 1, size - 1, f);
	buf[*len] = '\0';
	fclose(f);
	return buf;
}

static bool
update(const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/error", DIR_OF_CASES, name);
	f = fopen(path, "wb");
	return f && fprintf(f, "%s\n", e.text) > 0 && fclose(f) == 0;
}

static void
check_case(const char *name, bool updating)
{
	size_t len, wanted_len = 0;
	bool refused;

	arena_release(0);
	if (!read_file(name, "config.json", text, sizeof(text), &len)) {
		ok(false, "%s has a config.json", name);
		return;
	}
	refused = spec_read(&e, &spec, text, len, "config.json") < 0 || spec_check(&e, &spec) < 0;
	if (!ok(refused, "%s is refused", name))
		return;
	if (updating) {
		ok(update(name), "%s is written", name);
		return;
	}
	if (read_file(name, "error", wanted, sizeof(wanted), &wanted_len) && wanted_len > 0)
		wanted[wanted_len - 1] = '\0';
	is_str(e.text, wanted_len > 0 ? wanted : NULL, "%s: the message", name);
}

static int
is_case(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	bool updating = argc > 1 && strcmp(argv[1], "--update") == 0;
	struct dirent **names;
	int n = scandir(DIR_OF_CASES, &names, is_case, alphasort);

	ok(n > 0, "there are cases in %s", DIR_OF_CASES);
	for (int i = 0; i < n; i++) {
		check_case(names[i]->d_name, updating);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return done_testing();
}
