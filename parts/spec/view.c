#include "spec/view.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "spec/fields.h"

#include <string.h>

enum { PATH_SHOWN_MAX = 512 }; /* bytes of a property path in a message */

struct decode {
	struct err *e;
	struct json j;
	uint32_t muted; /* inside something that is refused as one: check types only */
	bool strict;
};

static int read_object(struct decode *d, const struct object *o, uint32_t i, char *base);

/* -- errors ------------------------------------------------------------------------------------ */

/* Puts the path of token i in front of the error. */
static int
name_token(struct decode *d, uint32_t i)
{
	char path[PATH_SHOWN_MAX];

	(void)json_path(&d->j, i, path, sizeof(path)); /* a cut path is still the best there is */
	return *path ? context(d->e, "%s", path) : -1;
}

#define REFUSE(d, i, ...) (fail((d)->e, __VA_ARGS__), name_token((d), (i)))

/* Fails when token i is not of the type. */
static int
expect(struct decode *d, uint32_t i, enum json_type type)
{
	static const char noun[][10] = {
		[JSON_OBJECT] = "an object",
		[JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",
		[JSON_NUMBER] = "a number",
	};

	if (json_type(&d->j, i) == type)
		return 0;
	return REFUSE(d, i, "not %s", noun[type]);
}

/* -- readers of single values ------------------------------------------------------------------ */

/* Every member is written as bytes: the tables know its place, not its type. */
static void
store(char *to, const void *value, size_t size)
{
	if (to)
		memcpy(to, value, size);
}

static int
read_string(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	const char *text;

	TRY(expect(d, i, JSON_STRING));
	text = json_string(&d->j, i);
	if (row->kind == KIND_DIGEST &&
		(strlen(text) != MANIFEST_DIGEST ||
			str_span(text, "0123456789abcdef") != MANIFEST_DIGEST))
		return REFUSE(d, i, "not 64 hexadecimal digits in lower case");
	if (!*text && row->flags & FIELD_UNSET)
		text = NULL;
	store(to, &text, sizeof(text));
	return text && *text;
}

static int
read_bool(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	enum json_type type = json_type(&d->j, i);
	bool value = type == JSON_TRUE;

	(void)row;
	if (type != JSON_TRUE && type != JSON_FALSE)
		return REFUSE(d, i, "neither true nor false");
	store(to, &value, sizeof(value));
	return value;
}

/* Reads a number between the bounds; a negative one as two's complement. */
static int
read_bounded(struct decode *d, uint32_t i, int64_t min, uint64_t max, uint64_t *out)
{
	int64_t negative;

	TRY(expect(d, i, JSON_NUMBER));
	if (json_u64(&d->j, i, out) == 0) {
		if (*out > max || (min > 0 && *out < (uint64_t)min))
			return REFUSE(d, i, "%llu is out of range", (unsigned long long)*out);
		return 0;
	}
	if (json_i64(&d->j, i, &negative) < 0)
		return REFUSE(d, i, "not a whole number that 64 bits can hold");
	if (negative < min)
		return REFUSE(d, i, "%lld is out of range", (long long)negative);
	*out = (uint64_t)negative;
	return 0;
}

static int
read_number(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	struct fields_limits limits = fields_limits(row);
	uint64_t value;
	uint16_t half;
	uint32_t word;

	TRY(read_bounded(d, i, limits.min, limits.max, &value));
	half = (uint16_t)value;
	word = (uint32_t)value;
	if (row->kind == KIND_U64 || row->kind == KIND_I64)
		store(to, &value, sizeof(value));
	else
		store(to, row->kind == KIND_U16 ? (void *)&half : &word,
			row->kind == KIND_U16 ? sizeof(half) : sizeof(word));
	return value != 0;
}

static int
read_word(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	char letter;
	int value;

	TRY(expect(d, i, JSON_STRING));
	value = words_find(row->of, json_string(&d->j, i));
	if (value < 0)
		return REFUSE(d, i, "\"%s\" is not %s", json_string(&d->j, i), words_noun(row->of));
	letter = (char)value;
	if (row->kind == KIND_LETTER)
		store(to, &letter, sizeof(letter));
	else
		store(to, &value, sizeof(value));
	return 1;
}

static int
read_access(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	uint8_t access = 0;

	(void)row;
	TRY(expect(d, i, JSON_STRING));
	for (const char *c = json_string(&d->j, i); *c; c++) {
		if (*c != 'r' && *c != 'w' && *c != 'm')
			return REFUSE(d, i, "\"%s\" has other letters than r, w and m",
				json_string(&d->j, i));
		access |= *c == 'r' ? DEVICE_READ : *c == 'w' ? DEVICE_WRITE : DEVICE_MKNOD;
	}
	if (!access)
		return REFUSE(d, i, "empty: r, w, m or several of them are needed");
	store(to, &access, sizeof(access));
	return 1;
}

/* -- readers of arrays and maps ---------------------------------------------------------------- */

/* Every list in the structs of view.h begins so. */
struct list {
	void *at;
	uint32_t n;
};

/* Checks an array or object and takes room for its entries, if they are wanted. */
static int
take_list(struct decode *d, uint32_t i, enum json_type type, size_t size, bool wanted,
	struct list *list)
{
	TRY(expect(d, i, type));
	list->n = json_count(&d->j, i);
	list->at = NULL;
	if (list->n > SPEC_LIST_MAX)
		return REFUSE(d, i, "more than %d entries", SPEC_LIST_MAX);
	if (!wanted)
		return 0;
	list->at = arena_take(d->e, list->n + (size_t)1, size);
	return list->at ? 0 : name_token(d, i);
}

static void
store_list(char *to, const struct list *list)
{
	store(to, &list->at, sizeof(list->at));
	store(to ? to + sizeof(list->at) : NULL, &list->n, sizeof(list->n));
}

static int
read_strings(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	struct strings out = {.present = true};
	struct list list;
	uint32_t k = json_first(&d->j, i);

	(void)row;
	TRY(take_list(d, i, JSON_ARRAY, sizeof(const char *), to, &list));
	out.at = list.at;
	out.n = list.n;
	for (uint32_t n = 0; n < list.n; n++, k = json_next(&d->j, k)) {
		TRY(expect(d, k, JSON_STRING));
		if (to)
			out.at[n] = json_string(&d->j, k);
	}
	store(to, &out, sizeof(out));
	return out.n > 0;
}

static int
read_u32s(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	struct list list;
	uint32_t k = json_first(&d->j, i);

	TRY(take_list(d, i, JSON_ARRAY, sizeof(uint32_t), to, &list));
	for (uint32_t n = 0; n < list.n; n++, k = json_next(&d->j, k))
		TRY(read_number(d, row, k, to ? (char *)list.at + n * sizeof(uint32_t) : NULL));
	store_list(to, &list);
	return list.n > 0;
}

static int
read_words(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	uint64_t mask = 0;
	struct list list;
	uint32_t k = json_first(&d->j, i);
	int value;

	TRY(take_list(d, i, JSON_ARRAY, 0, false, &list));
	for (uint32_t n = 0; n < list.n; n++, k = json_next(&d->j, k)) {
		TRY(read_word(d, row, k, (char *)&value));
		mask |= UINT64_C(1) << value;
	}
	store(to, &mask, sizeof(mask));
	return list.n > 0;
}

/* CAP-3: a name that is not known is a warning, since newer kernels have more of them. */
static void
warn_capability(struct decode *d, uint32_t i)
{
	char path[PATH_SHOWN_MAX];

	(void)json_path(&d->j, i, path, sizeof(path)); /* may be cut */
	log_warning("%s: \"%s\" is not a known capability: ignored", path, json_string(&d->j, i));
}

static int
read_capabilities(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	uint64_t mask = 0;
	struct list list;
	uint32_t k = json_first(&d->j, i);

	(void)row;
	TRY(take_list(d, i, JSON_ARRAY, 0, false, &list));
	for (uint32_t n = 0; n < list.n; n++, k = json_next(&d->j, k)) {
		int capability;

		TRY(expect(d, k, JSON_STRING));
		capability = words_find(WORDS_CAPABILITY, json_string(&d->j, k));
		if (capability >= 0)
			mask |= UINT64_C(1) << capability;
		else
			warn_capability(d, k);
	}
	store(to, &mask, sizeof(mask));
	return 1;
}

static int
read_pairs(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	struct pair *pair;
	struct list list;
	uint32_t k = json_first(&d->j, i);

	(void)row;
	TRY(take_list(d, i, JSON_OBJECT, sizeof(*pair), to, &list));
	pair = list.at;
	for (uint32_t n = 0; n < list.n; n++, k = json_next(&d->j, k)) {
		TRY(expect(d, k + 1, JSON_STRING));
		if (to) {
			pair[n].name = json_string(&d->j, k);
			pair[n].value = json_string(&d->j, k + 1);
		}
	}
	store_list(to, &list);
	return list.n > 0;
}

/* An array of objects, or an object of them (KIND_MAP), whose key is the element's first member. */
static int
read_list(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	const struct object *o = fields_inner(row);
	bool map = row->kind == KIND_MAP;
	struct list list;
	uint32_t k = json_first(&d->j, i);

	TRY(take_list(d, i, map ? JSON_OBJECT : JSON_ARRAY, o->size, to, &list));
	for (uint32_t n = 0; n < list.n; n++, k = json_next(&d->j, k)) {
		char *element = to ? (char *)list.at + (size_t)n * o->size : NULL;
		const char *key = map ? json_string(&d->j, k) : NULL;

		if (to)
			fields_initial(o, element);
		if (map)
			store(element, &key, sizeof(key));
		TRY(read_object(d, o, map ? k + 1 : k, element));
	}
	store_list(to, &list);
	return list.n > 0;
}

/* NS-1: one entry a type, so the list is stored by type.  NS-3: its path is checked here, since
 * afterwards nobody knows which entry it was. */
static int
read_namespaces(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	struct spec_namespace *ns = (struct spec_namespace *)(void *)to;
	uint32_t k = json_first(&d->j, i);

	TRY(expect(d, i, JSON_ARRAY));
	for (uint32_t n = json_count(&d->j, i); n > 0; n--, k = json_next(&d->j, k)) {
		struct fields_namespace entry = {0};

		TRY(read_object(d, fields_inner(row), k, (char *)&entry));
		if (entry.path && *entry.path != '/')
			return REFUSE(d, (uint32_t)json_find(&d->j, k, "path"),
				"\"%s\" is not an absolute path", entry.path);
		if (ns[entry.type].listed)
			return REFUSE(d, k, "a second \"%s\" namespace",
				words_name(WORDS_NAMESPACE, entry.type));
		ns[entry.type] = (struct spec_namespace){true, entry.path};
	}
	return 1;
}

/* Checks the JSON of one property and stores it; `to` is the member, or NULL when the value is not
 * wanted.  Returns 1, or 0 for a value that may stand for "not set" (0, false, "", nothing in it),
 * or -1. */
static int
read_value(struct decode *d, const struct field *row, uint32_t i, char *to)
{
	switch ((enum kind)row->kind) {
	case KIND_STRING:
	case KIND_DIGEST:
		return read_string(d, row, i, to);
	case KIND_BOOL:
		return read_bool(d, row, i, to);
	case KIND_U16:
	case KIND_U32:
	case KIND_I32:
	case KIND_U64:
	case KIND_I64:
		return read_number(d, row, i, to);
	case KIND_WORD:
	case KIND_FLAGS:
	case KIND_LETTER:
		return read_word(d, row, i, to);
	case KIND_ACCESS:
		return read_access(d, row, i, to);
	case KIND_STRINGS:
		return read_strings(d, row, i, to);
	case KIND_WORDS:
		return read_words(d, row, i, to);
	case KIND_U32S:
		return read_u32s(d, row, i, to);
	case KIND_CAPABILITIES:
		return read_capabilities(d, row, i, to);
	case KIND_PAIRS:
		return read_pairs(d, row, i, to);
	case KIND_OBJECT:
		return read_object(d, fields_inner(row), i, to);
	case KIND_LIST:
	case KIND_MAP:
		return read_list(d, row, i, to);
	case KIND_NAMESPACES:
		return read_namespaces(d, row, i, to);
	case KINDS:
		break;
	}
	return -1;
}

/* -- objects ----------------------------------------------------------------------------------- */

/* Is a value of this row, there or "not set" as its reader said, an error because of the row? */
static bool
is_refused(const struct field *row, int there)
{
	if (row->status != FIELD_REFUSED)
		return false;
	if (row->flags & FIELD_WHOLE)
		return true;
	switch (row->kind) {
	case KIND_OBJECT: /* its members speak for themselves, so that {} is nothing */
		return false;
	case KIND_LIST:
	case KIND_MAP:
	case KIND_PAIRS:
		return there;
	default:
		return there || !(row->flags & FIELD_UNSET);
	}
}

/* Reads the value i of one row into the struct at base. */
static int
read_field(struct decode *d, const struct field *row, uint32_t i, char *base)
{
	static const bool yes = true;
	bool keep = base && row->status == FIELD_DONE;
	bool one = row->status == FIELD_REFUSED &&
		(row->flags & FIELD_WHOLE || row->kind == KIND_LIST || row->kind == KIND_MAP);
	int there;

	d->muted += one;
	there = read_value(d, row, i, keep ? base + row->at : NULL);
	d->muted -= one;
	if (there < 0)
		return -1;
	if (!d->muted && is_refused(row, there))
		return REFUSE(d, i, "not supported by this version of ocirt");
	if (keep && row->set)
		store(base + row->set - 1, &yes, sizeof(yes));
	return 0;
}

/* The row of a name, or -1.  security.md section 8: other runtimes accept a name in other letter
 * case, so what the author meant as a restriction could get lost without a word. */
static int
find_row(struct decode *d, const struct object *o, uint32_t token)
{
	const char *text = json_string(&d->j, token), *name = fields_names(o);
	char path[PATH_SHOWN_MAX];
	int found = fields_find(o, text);

	if (found >= 0)
		return found;
	for (int n = 0; n < o->n && !d->strict; n++, name = str_after(name))
		if (str_equal_case(name, text)) {
			(void)json_path(&d->j, token, path, sizeof(path)); /* may be cut */
			log_warning("%s: ignored: the property is spelled %s", path, name);
		}
	return -1;
}

/* Fails when a required row was not seen.  Nothing is required of what is not carried out. */
static int
check_required(
	struct decode *d, const struct object *o, uint32_t i, uint64_t seen, const char *base)
{
	const struct field *row = fields_rows(o);
	const char *name = fields_names(o);
	char path[PATH_SHOWN_MAX];

	for (uint32_t n = 0; base && n < o->n; n++, row++) {
		if (row->need != NEED_required || seen & UINT64_C(1) << n)
			continue;
		for (uint32_t before = 0; before < n; before++)
			name = str_after(name);
		(void)json_path(&d->j, i, path, sizeof(path)); /* may be cut */
		return fail(d->e, "%s%s%s: missing", path, *path ? "." : "", name);
	}
	return 0;
}

/* Reads an object into the struct at base; NULL: only checks it.  Returns 1, or 0 for {}. */
static int
read_object(struct decode *d, const struct object *o, uint32_t i, char *base)
{
	uint64_t seen = 0;
	uint32_t k = json_first(&d->j, i);

	TRY(expect(d, i, JSON_OBJECT));
	for (uint32_t n = json_count(&d->j, i); n > 0; n--, k = json_next(&d->j, k)) {
		int row = find_row(d, o, k);

		if (row < 0 && d->strict)
			return REFUSE(d, k, "not known");
		if (row < 0)
			continue;
		/* DEC-29: null is absent */
		if (json_type(&d->j, k + 1) == JSON_NULL && !d->strict)
			continue;
		TRY(read_field(d, &fields_rows(o)[row], k + 1, base));
		seen |= UINT64_C(1) << row;
	}
	TRY(check_required(d, o, i, seen, base));
	return json_count(&d->j, i) > 0;
}

/* -- documents --------------------------------------------------------------------------------- */

/* Is the whole text the word null, as an engine writes a config that it does not have? */
static bool
is_null(const char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	while (len > 0 && strchr(" \t\r\n", *text) && *text) {
		text++;
		len--;
	}
	return len == 4 && memcmp(text, "null", 4) == 0;
}

int
view_document(
	struct err *e, const struct object *o, void *to, struct json *j, const struct view_text *t)
{
	struct decode d = {.e = e, .strict = t->strict};

	memset(to, 0, o->size);
	if (!t->strict && is_null(t->text, t->len))
		return fail(e, "%s: config cannot be null", t->name);
	TRY(json_read(e, &d.j, t->text, t->len, t->name));
	TRY(read_object(&d, o, 0, to));
	if (j)
		*j = d.j;
	return 0;
}

const char *
spec_pair(const struct pairs *p, const char *name)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (str_equal(p->at[i].name, name))
			return p->at[i].value;
	return NULL;
}
