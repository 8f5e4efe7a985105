#include "base/jsonw.h"

#include "base/str.h"

#include <string.h>

struct jsonw
jsonw_in(char *buf, size_t size, int indent)
{
	buf[0] = '\0';
	return (struct jsonw){.at = buf, .max = size, .indent = indent, .empty = true};
}

static void
put(struct jsonw *w, const char *bytes, size_t n)
{
	struct str s = {.at = w->at, .len = w->len, .max = w->max, .cut = w->cut};

	(void)str_add_bytes(&s, bytes, n); /* w->cut remembers */
	w->len = s.len;
	w->cut = s.cut;
}

static void
put_text(struct jsonw *w, const char *text)
{
	put(w, text, strlen(text));
}

static void
new_line(struct jsonw *w)
{
	if (w->indent == JSONW_COMPACT)
		return;
	put_text(w, "\n");
	for (int i = 0; i < w->depth && !w->cut; i++) {
		if (w->indent == JSONW_TAB)
			put_text(w, "\t");
		else
			put(w, "        ", w->indent < 8 ? (size_t)w->indent : 8);
	}
}

/* --- strings -------------------------------------------------------------------------------- */

/* How the byte c is written inside a string; NULL: as it is. */
static const char *
escape_of(char c, char buf[8])
{
	static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *p = c ? strchr(special, c) : NULL;

	if (!p && (unsigned char)c >= ' ')
		return NULL;
	if (p)
		(void)str_format(buf, 8, "\\%c", letter[p - special]);
	else
		(void)str_format(buf, 8, "\\u%04x", (unsigned char)c);
	return buf;
}

static void
put_string(struct jsonw *w, const char *value, size_t len)
{
	size_t plain = 0, n;
	const char *escape;
	char buf[8];

	put_text(w, "\"");
	for (size_t i = 0; i < len && !w->cut; i += n) {
		n = str_utf8(value + i, len - i);
		escape = n == 0 ? "\xef\xbf\xbd" : escape_of(value[i], buf); /* U+FFFD: no UTF-8 */
		n = n == 0 ? 1 : n;
		if (!escape)
			continue;
		put(w, value + plain, i - plain);
		put_text(w, escape);
		plain = i + n;
	}
	put(w, value + plain, len - plain);
	put_text(w, "\"");
}

/* --- values --------------------------------------------------------------------------------- */

/* What stands before a value: comma, line, name. */
static void
before_n(struct jsonw *w, const char *key, size_t len)
{
	if (!w->empty)
		put_text(w, ",");
	if (w->depth > 0)
		new_line(w);
	w->empty = false;
	if (!key)
		return;
	put_string(w, key, len);
	put_text(w, w->indent == JSONW_COMPACT ? ":" : ": ");
}

static void
before(struct jsonw *w, const char *key)
{
	before_n(w, key, key ? strlen(key) : 0);
}

static void
begin(struct jsonw *w, const char *key, const char *bracket)
{
	before(w, key);
	put_text(w, bracket);
	w->depth++;
	w->empty = true;
}

static void
end(struct jsonw *w, const char *bracket)
{
	w->depth--;
	if (!w->empty)
		new_line(w);
	put_text(w, bracket);
	w->empty = false;
}

void
jsonw_begin_object(struct jsonw *w, const char *key)
{
	begin(w, key, "{");
}

void
jsonw_end_object(struct jsonw *w)
{
	end(w, "}");
}

void
jsonw_begin_array(struct jsonw *w, const char *key)
{
	begin(w, key, "[");
}

void
jsonw_end_array(struct jsonw *w)
{
	end(w, "]");
}

void
jsonw_string_n(struct jsonw *w, const char *key, const char *value, size_t len)
{
	before(w, key);
	put_string(w, value, len);
}

void
jsonw_string(struct jsonw *w, const char *key, const char *value)
{
	jsonw_string_n(w, key, value, strlen(value));
}

void
jsonw_i64(struct jsonw *w, const char *key, int64_t value)
{
	char text[24];

	before(w, key);
	(void)str_format(text, sizeof(text), "%lld", (long long)value); /* always fits */
	put_text(w, text);
}

void
jsonw_u64(struct jsonw *w, const char *key, uint64_t value)
{
	char text[24];

	before(w, key);
	(void)str_format(text, sizeof(text), "%llu", (unsigned long long)value); /* always fits */
	put_text(w, text);
}

void
jsonw_bool(struct jsonw *w, const char *key, bool value)
{
	jsonw_raw(w, key, value ? "true" : "false");
}

void
jsonw_raw(struct jsonw *w, const char *key, const char *json)
{
	before(w, key);
	put_text(w, json);
}

void
jsonw_text(struct jsonw *w, const char *text)
{
	const char *key = NULL;
	size_t key_len = 0, n;

	for (; *text; text += n) {
		char bracket[2] = {*text, '\0'};

		n = 1;
		if (*text == ',')
			continue;
		if (*text == '}' || *text == ']') {
			end(w, bracket);
			continue;
		}
		if (*text == '\'') {
			n += str_until(text + 1, "'") + 1;
			if (text[n] == ':') {
				key = text + 1;
				key_len = n++ - 2;
				continue;
			}
		}
		before_n(w, key, key_len);
		key = NULL;
		if (*text == '{' || *text == '[') {
			put_text(w, bracket);
			w->depth++;
			w->empty = true;
		} else if (*text == '\'') {
			put_string(w, text + 1, n - 2);
		} else {
			n = str_until(text, ",]}");
			put(w, text, n);
		}
	}
}
