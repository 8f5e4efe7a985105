/* The argument rules of engines.md 1.2. */
#include "commands/parse.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/data.h"

#include <string.h>

/* One argument vector while it is read. */
struct reader {
	const struct options *own, *global; /* NULL: there are none */
	int argc, at;
	char **argv;
	enum parsed found;
};

/* An option of a table. */
struct found {
	const struct option *row; /* NULL: there is none */
	const char *name;
	char *into; /* where its value goes */
};

/* The option of that name, or of that letter where the name is NULL. */
static struct found
find_in(const struct options *o, const char *name, size_t len, char letter)
{
	const char *at = o ? o->text : NULL;

	for (size_t i = 0; o && i < o->n; i++, at = str_after(str_after(str_after(at)))) {
		const struct option *row = &o->row[i];

		if (name ? strlen(at) == len && memcmp(at, name, len) == 0
			 : letter && row->letter == letter)
			return (struct found){row, at, (char *)o->into + row->at};
	}
	return (struct found){NULL, NULL, NULL};
}

static struct found
find(const struct reader *r, const char *name, size_t len, char letter)
{
	struct found f = find_in(r->own, name, len, letter);

	return f.row ? f : find_in(r->global, name, len, letter);
}

static int
set_flag(struct err *e, struct found o, const char *value)
{
	static const char yes[][5] = {"true", "1", "yes"}, no[][6] = {"false", "0", "no"};

	for (size_t i = 0; i < 3; i++) {
		if (value && !str_equal(value, yes[i]) && !str_equal(value, no[i]))
			continue;
		*(bool *)(void *)o.into = !value || str_equal(value, yes[i]);
		return 0;
	}
	return fail(e, "invalid boolean value \"%s\" for -%s", value, o.name);
}

static int
set_count(struct err *e, struct found o, const char *value)
{
	uint64_t n;

	if (str_u64(value, &n) < 0 || n > 65536)
		return fail(e, "invalid value \"%s\" for flag -%s", value, o.name);
	*(uint32_t *)(void *)o.into = (uint32_t)n;
	return 0;
}

/* Room is taken in doubling steps: a list has at most as many entries as the command line. */
static int
add(struct err *e, struct strings *list, const char *value)
{
	const char **at = list->at;

	if ((list->n & (list->n - 1)) == 0) {
		at = arena_take(e, 2 * (size_t)list->n + 2, sizeof *at);
		if (!at)
			return -1;
		for (uint32_t i = 0; i < list->n; i++)
			at[i] = list->at[i];
	}
	at[list->n++] = value;
	list->at = at;
	return 0;
}

/* Stores a value; where none is glued to the option the next argument is taken. */
static int
set(struct err *e, struct reader *r, struct found o, const char *value)
{
	if (o.row->kind == OPTION_FLAG)
		return set_flag(e, o, value);
	if (!value) {
		if (r->at + 1 >= r->argc)
			return fail(e, "flag needs an argument: -%s", o.name);
		value = r->argv[++r->at];
	}
	if (o.row->kind == OPTION_COUNT)
		return set_count(e, o, value);
	if (o.row->kind == OPTION_LIST)
		return add(e, (void *)o.into, value);
	*(const char **)(void *)o.into = value;
	return 0;
}

/* Is the word one of those that ask for help or the version instead of anything else? */
static bool
special(struct reader *r, const char *name, size_t len)
{
	static const struct {
		char word[8];
		enum parsed found;
	} row[] = {
		{"h", PARSED_HELP},
		{"help", PARSED_HELP},
		{"?", PARSED_HELP},
		{"usage", PARSED_HELP},
		{"v", PARSED_VERSION},
		{"V", PARSED_VERSION},
		{"version", PARSED_VERSION},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (strlen(row[i].word) == len && memcmp(row[i].word, name, len) == 0) {
			if (row[i].found == PARSED_VERSION && r->global)
				return false; /* only before the command */
			r->found = row[i].found;
			return true;
		}
	return false;
}

/* No such option: one of engines.md 2.15, perhaps. */
static int
unknown(struct err *e, const char *name, size_t len)
{
	static const char later[] = " degrade ";
	char word[16];
	int n = str_format(word, sizeof word, " %.*s ", (int)len, name);

	if (n > 0 && str_find(later, word))
		return fail(e, "\"--%.*s\" is not available in this version", (int)len, name);
	return fail(e, "flag provided but not defined: -%.*s", (int)len, name);
}

/* "-qf json", "-fjson": flags, then at most one option with a value. */
static int
cluster(struct err *e, struct reader *r, const char *letters, size_t len)
{
	for (const char *at = letters; *at; at++) {
		struct found o = find(r, NULL, 0, *at);

		if (!o.row)
			return unknown(e, letters, len);
		if (o.row->kind != OPTION_FLAG)
			return set(e, r, o, at[1] ? at + 1 : NULL);
		TRY(set_flag(e, o, NULL));
	}
	return 0;
}

/* One argument that begins with a dash: a long name with one dash or two, else letters. */
static int
option(struct err *e, struct reader *r, const char *arg)
{
	const char *name = arg + (arg[1] == '-' ? 2 : 1), *equal = strchr(name, '=');
	size_t len = equal ? (size_t)(equal - name) : strlen(name);
	struct found o = find(r, name, len, 0);

	if (o.row)
		return set(e, r, o, equal ? equal + 1 : NULL);
	if (special(r, name, len))
		return 0;
	if (arg[1] != '-' && len == 1 && equal) {
		o = find(r, NULL, 0, *name);
		if (o.row)
			return set(e, r, o, equal + 1);
	}
	if (arg[1] != '-')
		return cluster(e, r, name, len);
	return unknown(e, name, len);
}

int
command_parse(struct err *e, const struct options *own, const struct options *global,
	bool first_only, int argc, char **argv, int *operands, enum parsed *found)
{
	struct reader r = {.own = own, .global = global, .argc = argc, .argv = argv};
	int kept = 0;
	bool rest = false;

	for (; r.at < argc; r.at++) {
		char *arg = argv[r.at];

		if (!rest && str_equal(arg, "--")) {
			rest = true;
			continue;
		}
		if (rest || arg[0] != '-' || arg[1] == '\0') {
			argv[kept++] = arg;
			rest = rest || first_only;
			continue;
		}
		TRY(option(e, &r, arg));
		if (r.found != PARSED_OK)
			break;
	}
	*operands = kept;
	*found = r.found;
	return 0;
}
