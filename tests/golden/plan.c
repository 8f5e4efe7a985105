/* Golden plans: each folder of tests/golden/plan has a config.json, the facts of a host, sometimes
 * the caller's options, and the plan that must come out of them, or the error.
 *
 * usage: PROGRAM [--update] [NAME]...   from the top of the source tree.  With --update the
 * folders' plans are written instead of compared: then `git diff` is the review.
 */
#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "plan/plan.h"
#include "spec/check.h"
#include "spec/view.h"
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TOP "tests/golden/plan"

enum { FILE_MAX = 65536, NAMES_MAX = 256, NAME_BYTES = 64 };

/* A whole file as a string; -1 when there is none. */
static ssize_t
read_file(const char *name, const char *file, char *out, size_t size)
{
	char path[256];
	ssize_t n, len = 0;
	int fd;

	snprintf(path, sizeof(path), TOP "/%s/%s", name, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	while ((n = read(fd, out + len, size - 1 - (size_t)len)) > 0)
		len += n;
	close(fd);
	out[len] = '\0';
	return len;
}

static bool
write_plan(const char *name, const char *text)
{
	char path[256];
	size_t len = strlen(text);
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), TOP "/%s/plan", name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return false;
	n = write(fd, text, len);
	return close(fd) == 0 && n == (ssize_t)len;
}

/* Lines of "id X", "name X", "bundle X", "preserve_fds N", "init_grace S", or the name of a flag */
static bool
read_options(struct plan_options *o, char *text)
{
	*o = (struct plan_options){.id = "web1", .bundle = "/srv/web", .name = "ocirt"};
	o->init = (struct plan_init_options){PLAN_UNSET, PLAN_UNSET, PLAN_UNSET, NULL, NULL};
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *value = strchr(line, ' ');

		if (value)
			*value++ = '\0';
		if (value && str_equal(line, "id"))
			o->id = value;
		else if (value && str_equal(line, "name"))
			o->name = value;
		else if (value && str_equal(line, "bundle"))
			o->bundle = value;
		else if (value && str_equal(line, "preserve_fds"))
			o->preserve_fds = (uint32_t)atoi(value);
		else if (value && str_equal(line, "init_grace"))
			o->init.grace = value;
		else if (str_equal(line, "init"))
			o->init.used = true;
		else if (str_equal(line, "no_pivot"))
			o->no_pivot = true;
		else if (str_equal(line, "no_new_keyring"))
			o->no_new_keyring = true;
		else if (str_equal(line, "no_cgroups"))
			o->no_cgroups = true;
		else if (str_equal(line, "rootless"))
			o->rootless = true;
		else
			return false;
	}
	return true;
}

/* The plan's text into `out`, or -1 and *e.  Everything before the plan is in static memory, as it
 * is in the program. */
static int
make(struct err *e, const char *name, char *out, size_t size)
{
	static char config[FILE_MAX], facts_text[FILE_MAX], options_text[FILE_MAX];
	static struct spec spec;
	static struct facts facts;
	static struct plan plan;
	struct plan_options options;
	ssize_t len = read_file(name, "config.json", config, sizeof(config));

	memset(&spec, 0, sizeof(spec));
	arena_release(0);
	if (len < 0 || read_file(name, "facts", facts_text, sizeof(facts_text)) < 0)
		return fail(e, "no config.json or no facts in " TOP "/%s", name);
	if (read_file(name, "options", options_text, sizeof(options_text)) < 0)
		options_text[0] = '\0';
	if (!read_options(&options, options_text))
		return fail(e, "options of " TOP "/%s", name);
	TRY(facts_read(e, &facts, facts_text));
	TRY(spec_read(e, &spec, config, (size_t)len, "config.json"));
	TRY(spec_check(e, &spec));
	TRY(plan_make(e, &plan, &spec, &facts, &options));
	return plan_print(e, &plan, out, size);
}

/* The waiting warnings, "warning: TEXT\n" each; log_pending() ends each with a control byte. */
static void
print_warnings(char *out, size_t size)
{
	static char pending[LOG_PENDING_MAX + 1];
	size_t n = log_pending(pending, sizeof(pending));
	char *text = pending;

	log_flush(false);
	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)pending[i] < ' ') {
			size_t len = strlen(out);

			pending[i] = '\0';
			snprintf(out + len, size - len, "warning: %s\n", text);
			text = pending + i + 1;
		}
}

static void
run(const char *name, bool update)
{
	static char got[2 * FILE_MAX], want[FILE_MAX], text[FILE_MAX];
	struct err e = {0};
	int n = make(&e, name, text, sizeof(text));

	print_warnings(got, FILE_MAX);
	if (n < 0)
		snprintf(got, sizeof(got), "error: %s\n", e.text);
	else
		strcat(got, text);
	if (update) {
		ok(write_plan(name, got), "%s: written", name);
		return;
	}
	if (read_file(name, "plan", want, sizeof(want)) < 0)
		strcpy(want, "(there is no plan in " TOP ")");
	if (strcmp(got, want) == 0)
		ok(true, "%s", name);
	else
		is_str(got, want, "%s", name);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The folders in the order of their names */
static size_t
find_names(char names[NAMES_MAX][NAME_BYTES])
{
	DIR *dir = opendir(TOP);
	struct dirent *entry;
	size_t n = 0;

	while (dir && n < NAMES_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(names[n++], NAME_BYTES, "%.63s", entry->d_name);
	if (dir)
		closedir(dir);
	qsort(names, n, NAME_BYTES, compare);
	return n;
}

int
main(int argc, char **argv)
{
	static char names[NAMES_MAX][NAME_BYTES];
	bool update = argc > 1 && strcmp(argv[1], "--update") == 0;
	int first = update ? 2 : 1;
	size_t n = first < argc ? 0 : find_names(names);

	ok(n > 0 || first < argc, "there are folders in " TOP);
	for (int i = first; i < argc; i++)
		run(argv[i], update);
	for (size_t i = 0; i < n; i++)
		run(names[i], update);
	return done_testing();
}
