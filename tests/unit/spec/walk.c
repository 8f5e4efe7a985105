/* Every property that the decoder knows, one line each; tests/golden/coverage.py reads the lines
 * "PATH DONE" and "PATH REFUSED" and compares them with the schemas. */
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
	bool distinct = true;

	for (uint32_t i = 0; i < o->n; i++) {
		const struct field *row = &o->row[i];

		for (uint32_t k = 0; k < i; k++)
			distinct = distinct && strcasecmp(o->row[k].name, row->name) != 0;
		if (row->kind >= KIND_OBJECT)
			check_object(row->object);
		if (row->kind == KIND_WORD || row->kind == KIND_FLAGS || row->kind == KIND_LETTER)
			ok(row->words, "%s has words", row->name);
	}
	ok(o->n > 0 && o->n <= 64 && distinct, "an object of %u rows from %s", o->n,
		o->row[0].name);
}

int
main(void)
{
	spec_walk(each, seen);
	check_object(&fields_config);
	return done_testing();
}
