#include "base/jsoncheck.h"

#include "base/str.h"

#include <stdbool.h>
#include <string.h>

/* What the grammar allows next. */
enum expect { VALUE, VALUE_OR_END, NAME, NAME_OR_END, AFTER_VALUE };

struct scan {
	struct err *e;
	const char *text, *name; /* the document; the file's name */
	size_t len, at;
	uint64_t objects; /* one bit a level: is it an object? */
	int depth;
	uint32_t tokens;
};

_Static_assert(JSON_DEPTH_MAX <= 64, "a level is a bit of scan.objects");

/* The byte at a place, or -1 at the end. */
static int
peek(const struct scan *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

/* The error at s->at: line and column are counted only now. */
static int
bad(const struct scan *s, const char *what)
{
	unsigned int line = 1, column = 1;

	for (size_t i = 0; i < s->at; i++) {
		if (s->text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)s->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return fail(s->e, "%s: line %u column %u: %s", s->name, line, column, what);
}

/* "expected WHAT, found ..." */
static int
expected(const struct scan *s, const char *what)
{
	int c = peek(s);
	char text[96];

	if (c < 0)
		(void)str_format(text, sizeof(text), "expected %s, found the end", what);
	else if (c > ' ' && c < 0x7f)
		(void)str_format(text, sizeof(text), "expected %s, found '%c'", what, c);
	else
		(void)str_format(text, sizeof(text), "expected %s, found byte 0x%02x", what, c);
	return bad(s, text);
}

static void
skip_blanks(struct scan *s)
{
	int c = peek(s);

	while (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
		s->at++;
		c = peek(s);
	}
}

static int
count(struct scan *s)
{
	char text[64];

	if (s->tokens++ < JSON_TOKENS_MAX)
		return 0;
	(void)str_format(text, sizeof(text), "more than %d values and names", JSON_TOKENS_MAX);
	return bad(s, text);
}

/* --- strings -------------------------------------------------------------------------------- */

static int
hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits. Returns their value or -1. */
static int
scan_hex(struct scan *s)
{
	int value = 0, digit;

	for (int i = 0; i < 4; i++, s->at++) {
		digit = peek(s) < 0 ? -1 : hex_digit(peek(s));
		if (digit < 0)
			return expected(s, "four hexadecimal digits");
		value = value * 16 + digit;
	}
	return value;
}

/* What follows `\u`: a character, or the two halves of one. */
static int
scan_unicode(struct scan *s)
{
	size_t start = s->at - 2;
	int high, low;

	TRY(high = scan_hex(s));
	if (high >= 0xd800 && high <= 0xdbff && s->len - s->at >= 2 && s->text[s->at] == '\\' &&
		s->text[s->at + 1] == 'u') {
		s->at += 2;
		TRY(low = scan_hex(s));
		if (low >= 0xdc00 && low <= 0xdfff)
			return 0;
	}
	if (high != 0 && (high < 0xd800 || high > 0xdfff))
		return 0;
	s->at = start;
	return bad(
		s, high == 0 ? "\\u0000 cannot be part of a string" : "half of a surrogate pair");
}

static int
scan_escape(struct scan *s)
{
	int c;

	s->at++;
	c = peek(s);
	if (c <= 0 || !strchr("\"\\/bfnrtu", c))
		return expected(s, "an escaped character");
	s->at++;
	return c == 'u' ? scan_unicode(s) : 0;
}

/* Passes over what needs no second look: ASCII, but for quotes, escapes and control characters. */
static void
skip_plain(struct scan *s)
{
	const char *p = s->text + s->at, *end = s->text + s->len;

	/* As signed ones the bytes from 0x80 on are below the blank, too. */
	while (p < end && (signed char)*p >= ' ' && *p != '"' && *p != '\\')
		p++;
	s->at = (size_t)(p - s->text);
}

/* From the opening quote to behind the closing one. */
static int
scan_string(struct scan *s)
{
	size_t n;
	int c;

	for (s->at++, skip_plain(s); (c = peek(s)) != '"'; skip_plain(s)) {
		if (c < 0)
			return expected(s, "the end of a string");
		if (c < ' ')
			return expected(s, "an escape for a control character");
		if (c == '\\') {
			TRY(scan_escape(s));
			continue;
		}
		n = str_utf8(s->text + s->at, s->len - s->at);
		if (n == 0)
			return expected(s, "valid UTF-8");
		s->at += n;
	}
	s->at++;
	return count(s);
}

/* --- numbers and words ---------------------------------------------------------------------- */

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int
scan_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return expected(s, "a digit");
	while (is_digit(peek(s)))
		s->at++;
	return 0;
}

static int
scan_number(struct scan *s)
{
	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else
		TRY(scan_digits(s));
	if (peek(s) == '.') {
		s->at++;
		TRY(scan_digits(s));
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		TRY(scan_digits(s));
	}
	return count(s);
}

static int
scan_word(struct scan *s, const char *word)
{
	for (; *word; word++, s->at++) {
		if (peek(s) != *word)
			return expected(s, "true, false or null");
	}
	return count(s);
}

/* --- structure ------------------------------------------------------------------------------ */

static bool
in_object(const struct scan *s)
{
	return s->objects & 1;
}

static int
open_container(struct scan *s, bool object, enum expect *next)
{
	char text[48];

	if (s->depth == JSON_DEPTH_MAX) {
		(void)str_format(
			text, sizeof(text), "nested deeper than %d levels", JSON_DEPTH_MAX);
		return bad(s, text);
	}
	s->depth++;
	s->objects = s->objects << 1 | object;
	s->at++;
	*next = object ? NAME_OR_END : VALUE_OR_END;
	return count(s);
}

static void
close_container(struct scan *s, enum expect *next)
{
	s->depth--;
	s->objects >>= 1;
	s->at++;
	*next = AFTER_VALUE;
}

static int
scan_value(struct scan *s, enum expect *next)
{
	int c = peek(s);

	*next = AFTER_VALUE;
	if (c == '{' || c == '[')
		return open_container(s, c == '{', next);
	if (c == '"')
		return scan_string(s);
	if (c == '-' || is_digit(c))
		return scan_number(s);
	if (c == 't')
		return scan_word(s, "true");
	if (c == 'f')
		return scan_word(s, "false");
	if (c == 'n')
		return scan_word(s, "null");
	return expected(s, "a value");
}

static int
scan_name(struct scan *s, enum expect *next)
{
	if (peek(s) != '"')
		return expected(s, "a member's name");
	TRY(scan_string(s));
	skip_blanks(s);
	if (peek(s) != ':')
		return expected(s, "':'");
	s->at++;
	*next = VALUE;
	return 0;
}

static int
scan_after(struct scan *s, enum expect *next)
{
	if (peek(s) == ',') {
		s->at++;
		*next = in_object(s) ? NAME : VALUE;
		return 0;
	}
	if (peek(s) != (in_object(s) ? '}' : ']'))
		return expected(s, in_object(s) ? "',' or '}'" : "',' or ']'");
	close_container(s, next);
	return 0;
}

static int
scan_next(struct scan *s, enum expect *next)
{
	int c = peek(s);

	if ((*next == NAME_OR_END && c == '}') || (*next == VALUE_OR_END && c == ']')) {
		close_container(s, next);
		return 0;
	}
	if (*next == AFTER_VALUE)
		return scan_after(s, next);
	return *next == NAME || *next == NAME_OR_END ? scan_name(s, next) : scan_value(s, next);
}

int
json_check(struct err *e, const char *text, size_t len, const char *name, uint32_t *tokens)
{
	struct scan s = {.e = e, .text = text, .name = name, .len = len};
	enum expect next = VALUE;

	if (len > JSON_TEXT_MAX)
		return fail(e, "%s: larger than %d bytes", name, JSON_TEXT_MAX);
	skip_blanks(&s);
	if (peek(&s) != '{')
		return expected(&s, "an object");
	do {
		TRY(scan_next(&s, &next));
		skip_blanks(&s);
	} while (s.depth > 0);
	if (s.at < s.len)
		return expected(&s, "the end of the document");
	*tokens = s.tokens;
	return 0;
}
