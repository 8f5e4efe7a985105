/* json: bytes against the reader of base/json.
 *
 * Oracle: a second strict checker, recursive and written from RFC 8259's grammar without a look at
 * the first, gives the same verdict; what was accepted prints to a text that reads to the same.
 */
#include "base/json.h"
#include "base/jsonw.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* --- the second checker: each function returns what follows its rule, or NULL ---------------- */

static const char *end_of_text;
static int tokens;

static const char *value(const char *p, int depth);

static const char *
blanks(const char *p)
{
	while (p < end_of_text && memchr(" \t\r\n", *p, 4))
		p++;
	return p;
}

static const char *
literal(const char *p, const char *word)
{
	size_t n = strlen(word);

	return p && (size_t)(end_of_text - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const char *
digits(const char *p)
{
	const char *start = p;

	while (p < end_of_text && *p >= '0' && *p <= '9')
		p++;
	return p > start ? p : NULL;
}

static const char *
number(const char *p)
{
	const char *q;

	if (*p == '-')
		p++;
	if (p < end_of_text && *p == '0')
		p++;
	else if (!(p = digits(p)))
		return NULL;
	if ((q = literal(p, ".")) && !(p = digits(q)))
		return NULL;
	if (p < end_of_text && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end_of_text && (*p == '+' || *p == '-'))
			p++;
		p = digits(p);
	}
	return p;
}

/* Four digits of hexadecimal at p, or -1. */
static long
four(const char *p)
{
	char text[5] = {0};

	if (end_of_text - p < 4)
		return -1;
	memcpy(text, p, 4);
	return strspn(text, "0123456789abcdefABCDEF") == 4 ? strtol(text, NULL, 16) : -1;
}

static const char *
escape(const char *p)
{
	long a, b;

	if (p < end_of_text && memchr("\"\\/bfnrt", *p, 8))
		return p + 1;
	if (!(p = literal(p, "u")) || (a = four(p)) <= 0)
		return NULL;
	p += 4;
	if (a < 0xd800 || a > 0xdfff)
		return p;
	if (a > 0xdbff || !(p = literal(p, "\\u")))
		return NULL;
	b = four(p);
	return b >= 0xdc00 && b <= 0xdfff ? p + 4 : NULL;
}

/* One character of UTF-8 by its definition: decode, then look whether it was the shortest form. */
static const char *
character(const char *p)
{
	unsigned char c = (unsigned char)*p;
	int more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : -1;
	static const uint32_t least[] = {0x20, 0x80, 0x800, 0x10000};
	uint32_t code;

	if (more < 0 || end_of_text - p <= more)
		return NULL;
	code = more ? c & (0x3fu >> more) : c;
	for (int i = 1; i <= more; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return NULL;
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return NULL;
	return p + 1 + more;
}

static const char *
string(const char *p)
{
	if (!(p = literal(p, "\"")))
		return NULL;
	while (p && p < end_of_text && *p != '"')
		p = *p == '\\' ? escape(p + 1) : character(p);
	tokens++;
	return literal(p, "\"");
}

static const char *
members(const char *p, int depth, char close)
{
	p = blanks(p);
	if (p < end_of_text && *p == close)
		return p + 1;
	for (;;) {
		p = blanks(p);
		if (close == '}' && (!(p = string(p)) || !(p = literal(blanks(p), ":"))))
			return NULL;
		if (!(p = value(blanks(p), depth)))
			return NULL;
		p = blanks(p);
		if (p < end_of_text && *p == close)
			return p + 1;
		if (!(p = literal(p, ",")))
			return NULL;
	}
}

static const char *
value(const char *p, int depth)
{
	if (p == end_of_text)
		return NULL;
	if (*p == '"')
		return string(p);
	tokens++;
	if (*p == '{' || *p == '[')
		return depth == JSON_DEPTH_MAX ? NULL
					       : members(p + 1, depth + 1, *p == '{' ? '}' : ']');
	if (*p == 't' || *p == 'f' || *p == 'n')
		return literal(p, *p == 't' ? "true" : *p == 'f' ? "false" : "null");
	return number(p);
}

static int
is_json(const char *text, size_t size)
{
	const char *p;

	end_of_text = text + size;
	tokens = 0;
	p = blanks(text);
	if (p == end_of_text || *p != '{')
		return 0;
	p = value(p, 0);
	return p && blanks(p) == end_of_text;
}

/* --- the reader ------------------------------------------------------------------------------ */

static void
demand(int good)
{
	if (!good)
		abort();
}

/* No object has two names that are equal; quadratic, for the inputs are small. */
static int
names_twice(const struct json *j, uint32_t i)
{
	uint32_t n = json_count(j, i), k = json_first(j, i), twice = 0;

	for (; n > 0; n--, k = json_next(j, k)) {
		if (json_type(j, i) == JSON_OBJECT)
			twice |= json_find(j, i, json_string(j, k)) != (int64_t)k + 1;
	}
	return twice;
}

static void
print(struct jsonw *w, const struct json *j, uint32_t i, const char *key)
{
	uint32_t n = json_count(j, i), k = json_first(j, i);
	int object = json_type(j, i) == JSON_OBJECT;
	int64_t number_i;
	uint64_t number_u;

	switch (json_type(j, i)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		(object ? jsonw_begin_object : jsonw_begin_array)(w, key);
		for (; n > 0; n--, k = json_next(j, k)) {
			demand(k > i && k < j->n);
			print(w, j, object ? k + 1 : k, object ? json_string(j, k) : NULL);
		}
		demand(k == json_next(j, i) || (i > 0 && json_next(j, i) == k));
		(object ? jsonw_end_object : jsonw_end_array)(w);
		return;
	case JSON_STRING:
		demand(strlen(json_string(j, i)) <= j->len);
		jsonw_string(w, key, json_string(j, i));
		return;
	case JSON_NUMBER:
		if (json_u64(j, i, &number_u) == 0)
			jsonw_u64(w, key, number_u);
		else if (json_i64(j, i, &number_i) == 0)
			jsonw_i64(w, key, number_i);
		else
			jsonw_raw(w, key, "0.5");
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		jsonw_bool(w, key, json_type(j, i) == JSON_TRUE);
		return;
	case JSON_NULL:
		jsonw_raw(w, key, "null");
	}
}

static char *
copy_of(const void *data, size_t size)
{
	char *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	return copy;
}

/* What was accepted, printed and read again, prints the same. */
static void
round_trip(const struct json *j, size_t size)
{
	char *first = malloc(6 * size + 64), *second = malloc(6 * size + 64), *copy;
	struct jsonw a = jsonw_in(first, 6 * size + 64, JSONW_COMPACT), b;
	struct json again;
	struct err e;
	char path[32];

	print(&a, j, 0, NULL);
	for (uint32_t i = 0; i < j->n && i < 64; i++) {
		demand(json_path(j, i, path, sizeof(path)) < (int)sizeof(path));
		demand(!names_twice(j, i));
	}
	demand(!a.cut);
	copy = copy_of(first, a.len);
	demand(json_read(&e, &again, copy, a.len, "again") == 0);
	b = jsonw_in(second, 6 * size + 64, JSONW_COMPACT);
	print(&b, &again, 0, NULL);
	demand(strcmp(first, second) == 0);
	free(first);
	free(second);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_of(data, size);
	int want = is_json(text, size), n = tokens;
	struct err e = {0};
	struct json j;
	int got = json_read(&e, &j, text, size, "f") == 0;

	if (!got) {
		demand(e.text[0] == 'f' && e.text[1] == ':' && strlen(e.text) < sizeof(e.text));
		demand(!want || strstr(e.text, ": given twice") || n > JSON_TOKENS_MAX);
	} else {
		demand(want && j.n == (uint32_t)n);
		round_trip(&j, size);
	}
	free(text);
	return 0;
}
