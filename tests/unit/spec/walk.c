/* Every property that the decoder knows, one line each; tests/golden/coverage.py reads the lines
 * "PATH DONE" and "PATH REFUSED" and compares them with the schemas. */
#include "base/str.h"
#include "spec/fields.h"
#include "spec/view.h"

#include "tap.h"

#include <strings.h>

enum { PATHS_MAX = 512 };

static char seen[PATHS_MAX][128];
static size_t n_seen;

static void
each(void *arg, const char *path, enum field_status status)
{
	bool unique = true;

	ok(arg == seen, "%s %s", path, status == FIELD_DONE ? "DONE" : "REFUSED");
	for (size_t i = 0; i < n_seen; i++)
		unique = unique && strcmp(seen[i], path) != 0;
	if (!unique || n_seen == PATHS_MAX || strlen(path) >= sizeof(seen[0]))
		ok(false, "%s comes once", path);
	else
		strcpy(seen[n_seen++], path);
}

/* The decoder marks rows in 64 bits, and a row stands for one name whatever its letter case. */
static void
check_object(const struct object *o)
{
	const struct field *row = fields_rows(o);
	const char *name = fields_names(o), *first = name;
	bool distinct = true;

	for (uint32_t i = 0; i < o->n; i++, row++, name = str_after(name)) {
		const char *other = first;

		for (uint32_t k = 0; k < i; k++, other = str_after(other))
			distinct = distinct && strcasecmp(other, name) != 0;
		if (row->kind >= KIND_OBJECT)
			check_object(fields_inner(row));
		if (row->kind == KIND_WORD || row->kind == KIND_FLAGS || row->kind == KIND_LETTER)
			ok(words_count(row->of) > 0, "%s has words", name);
	}
	ok(o->n > 0 && o->n <= 64 && distinct, "an object of %u rows from %s", o->n, first);
}

int
main(void)
{
	spec_walk(each, seen);
	check_object(fields_config());
	return done_testing();
}
