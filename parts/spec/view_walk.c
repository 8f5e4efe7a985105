/* The walk through all rows, for `features`, the coverage table and the tests. */
#include "spec/view.h"

#include "base/str.h"
#include "spec/fields.h"

enum { PATH_SHOWN_MAX = 512 }; /* bytes of a property path */

typedef void walker(void *arg, const char *path, enum field_status status);

/* How a path goes on behind a property that has properties */
static const char *
path_suffix(enum kind kind)
{
	switch (kind) {
	case KIND_LIST:
	case KIND_NAMESPACES:
		return "[].";
	case KIND_MAP:
		return ".*.";
	default:
		return ".";
	}
}

static bool
has_rows(const struct field *row)
{
	return row->kind >= KIND_OBJECT;
}

/* Calls each for the rows of an object whose path, with its final separator, is `path`.  What lies
 * in something refused is refused with it. */
static void
walk(const struct object *o, const char *path, enum field_status outer, walker *each, void *arg)
{
	const struct field *row = fields_rows(o);
	const char *name = fields_names(o);
	char buf[PATH_SHOWN_MAX];

	for (uint32_t n = 0; n < o->n; n++, row++, name = str_after(name)) {
		enum field_status status = outer == FIELD_DONE ? row->status : outer;
		struct str s = str_in(buf, sizeof(buf));

		(void)str_add(&s, "%s%s", path, name); /* names are short: a test walks it */
		each(arg, buf, status);
		if (!has_rows(row))
			continue;
		(void)str_add(&s, "%s", path_suffix(row->kind));
		walk(fields_inner(row), buf, status, each, arg);
	}
}

void
spec_walk(walker *each, void *arg)
{
	walk(fields_config(), "", FIELD_DONE, each, arg);
}
