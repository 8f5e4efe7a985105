#include "base/json.h"
#include "base/str.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>

static struct err e;
static struct json j;

/* Reads a copy of exactly len bytes in memory of its own, so that a byte too far is seen. */
static int
read_n(const char *text, size_t len)
{
	static char *copy;

	free(copy);
	copy = malloc(len ? len : 1);
	memcpy(copy, text, len);
	memset(&e, 0, sizeof(e));
	return json_read(&e, &j, copy, len, "c.json");
}

static int
read_text(const char *text)
{
	return read_n(text, strlen(text));
}

static void
refuses(const char *text, const char *want)
{
	is_int(read_text(text), -1, "refuse %.60s", text);
	is_str(e.text, want, "and say why");
}

static void
grammar(void)
{
	refuses("", "c.json: line 1 column 1: expected an object, found the end");
	refuses("null", "c.json: line 1 column 1: expected an object, found 'n'");
	refuses("[]", "c.json: line 1 column 1: expected an object, found '['");
	refuses("\xef\xbb\xbf{}", "c.json: line 1 column 1: expected an object, found byte 0xef");
	refuses("{}{}", "c.json: line 1 column 3: expected the end of the document, found '{'");
	refuses("{} x", "c.json: line 1 column 4: expected the end of the document, found 'x'");
	refuses("{", "c.json: line 1 column 2: expected a member's name, found the end");
	refuses("{\n \"a\": 1,\n}", "c.json: line 3 column 1: expected a member's name, found '}'");
	refuses("{\"a\" 1}", "c.json: line 1 column 6: expected ':', found '1'");
	refuses("{\"a\":}", "c.json: line 1 column 6: expected a value, found '}'");
	refuses("{\"a\":1 \"b\":2}", "c.json: line 1 column 8: expected ',' or '}', found '\"'");
	refuses("{\"a\":[1,]}", "c.json: line 1 column 9: expected a value, found ']'");
	refuses("{\"a\":[,1]}", "c.json: line 1 column 7: expected a value, found ','");
	refuses("{\"a\":[1}", "c.json: line 1 column 8: expected ',' or ']', found '}'");
	refuses("{\"a\":01}", "c.json: line 1 column 7: expected ',' or '}', found '1'");
	refuses("{\"a\":+1}", "c.json: line 1 column 6: expected a value, found '+'");
	refuses("{\"a\":-}", "c.json: line 1 column 7: expected a digit, found '}'");
	refuses("{\"a\":1.}", "c.json: line 1 column 8: expected a digit, found '}'");
	refuses("{\"a\":1e+}", "c.json: line 1 column 9: expected a digit, found '}'");
	refuses("{\"a\":nul}", "c.json: line 1 column 9: expected true, false or null, found '}'");
	refuses("{\"a\":NaN}", "c.json: line 1 column 6: expected a value, found 'N'");
	refuses("{a:1}", "c.json: line 1 column 2: expected a member's name, found 'a'");
	refuses("{'a':1}", "c.json: line 1 column 2: expected a member's name, found '''");
	refuses("{/**/}", "c.json: line 1 column 2: expected a member's name, found '/'");
	refuses("{\"a\":\f1}", "c.json: line 1 column 6: expected a value, found byte 0x0c");
}

static void
strings(void)
{
	refuses("{\"a", "c.json: line 1 column 4: expected the end of a string, found the end");
	refuses("{\"a\nb\":1}",
		"c.json: line 1 column 4: expected an escape for a control "
		"character, found byte 0x0a");
	refuses("{\"\\x\":1}", "c.json: line 1 column 4: expected an escaped character, found 'x'");
	refuses("{\"\\", "c.json: line 1 column 4: expected an escaped character, found the end");
	refuses("{\"\\u12g4\":1}",
		"c.json: line 1 column 7: expected four hexadecimal digits, found 'g'");
	refuses("{\"\\u12",
		"c.json: line 1 column 7: expected four hexadecimal digits, found the end");
	refuses("{\"\\u0000\":1}", "c.json: line 1 column 3: \\u0000 cannot be part of a string");
	refuses("{\"\\ud800\":1}", "c.json: line 1 column 3: half of a surrogate pair");
	refuses("{\"\\udc00\":1}", "c.json: line 1 column 3: half of a surrogate pair");
	refuses("{\"\\ud800\\ud800\":1}", "c.json: line 1 column 3: half of a surrogate pair");
	refuses("{\"\\ud800\\n\":1}", "c.json: line 1 column 3: half of a surrogate pair");
	refuses("{\"\xc3\xa4\xc0\x80\":1}",
		"c.json: line 1 column 4: expected valid UTF-8, found byte 0xc0");
	refuses("{\"\xed\xa0\x80\":1}",
		"c.json: line 1 column 3: expected valid UTF-8, found byte 0xed");
	is_int(read_n("{\"a\0\":1}", 8), -1, "a NUL byte in a string");
	is_int(read_n("{}\0", 3), -1, "a NUL byte after the text");

	is_int(read_text("{\"\\u0061\\\"\\\\\\/\\b\\f\\n\\r\\t\":"
			 "\"\\u00e4\\u20AC\\ud83d\\uDE00\x7f-\xc3\xa4\"}"),
		0, "every escape: %s", e.text);
	is_str(json_string(&j, 1), "a\"\\/\b\f\n\r\t", "short ones");
	is_str(json_string(&j, 2), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f-\xc3\xa4", "and \\u");
	is_int(read_text("{\"\":\"\"}"), 0, "empty strings");
	is_str(json_string(&j, 1), "", "a name");
	is_str(json_string(&j, 2), "", "a value");
}

static void
structure(void)
{
	static const char text[] =
		" { \"a\" : [ 1, [ ], {\"x\": [ [2] ] }, \"s\" ] ,\t\"b\":{}, \"c\": "
		"true,\r\n\"d\":false,\"e\":null,\"f\":-1.5e3 } ";
	static const enum json_type types[] = {
		JSON_ARRAY, JSON_OBJECT, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_NUMBER};
	uint32_t k, n, i;

	is_int(read_text(text), 0, "a document: %s", e.text);
	is_int(j.n, 21, "its tokens");
	is_int(json_type(&j, 0), JSON_OBJECT, "the top is an object");
	is_int(json_count(&j, 0), 6, "of six members");
	is_int(json_next(&j, 0), j.n, "which are all");
	for (k = json_first(&j, 0), n = json_count(&j, 0), i = 0; n > 0;
		n--, k = json_next(&j, k), i++) {
		ok(json_type(&j, k) == JSON_STRING && *json_string(&j, k) == "abcdef"[i], "name %u",
			i);
		is_int(json_type(&j, k + 1), types[i], "type of its value");
	}
	is_int(k, j.n, "the walk ends at the end");
	k = (uint32_t)json_find(&j, 0, "a");
	is_int(k, 2, "find");
	is_int(json_count(&j, k), 4, "four elements");
	k = json_first(&j, k);
	is_int(json_type(&j, k), JSON_NUMBER, "the first");
	k = json_next(&j, k);
	ok(json_type(&j, k) == JSON_ARRAY && json_count(&j, k) == 0, "the second is empty");
	k = json_next(&j, k);
	is_int(json_type(&j, k), JSON_OBJECT, "the third");
	k = json_next(&j, k);
	is_str(json_string(&j, k), "s", "the fourth, behind a nest");
	ok(!json_string(&j, 3), "a number is no string");
	is_int(json_count(&j, 3), 0, "and has no elements");
	is_int(json_find(&j, 0, "x"), -1, "a name of another object");
	is_int(json_find(&j, 2, "a"), -1, "an array has no names");
	is_int(json_find(&j, (uint32_t)json_find(&j, 0, "b"), "c"), -1, "nor has an empty object");
	is_int(read_text("{}"), 0, "an empty object");
	ok(j.n == 1 && json_count(&j, 0) == 0 && json_next(&j, 0) == 1, "has nothing");
}

static void
numbers(void)
{
	int64_t i = 7;
	uint64_t u = 7;

	is_int(read_text("{\"l\":[0,-0,-1,18446744073709551615,-9223372036854775808,"
			 "9223372036854775808,-9223372036854775809,18446744073709551616,1.0,1e3,"
			 "1E0,0.0,true,\"1\",[1]]}"),
		0, "numbers");
	ok(json_i64(&j, 3, &i) == 0 && i == 0, "0");
	i = 7;
	ok(json_i64(&j, 4, &i) == 0 && i == 0 && json_u64(&j, 4, &u) == 0 && u == 0, "-0 is 0");
	ok(json_i64(&j, 5, &i) == 0 && i == -1 && json_u64(&j, 5, &u) < 0, "-1 is signed");
	ok(json_u64(&j, 6, &u) == 0 && u == UINT64_MAX && json_i64(&j, 6, &i) < 0, "2^64 - 1");
	ok(json_i64(&j, 7, &i) == 0 && i == INT64_MIN, "-2^63");
	ok(json_u64(&j, 8, &u) == 0 && u == 1ULL << 63 && json_i64(&j, 8, &i) < 0, "2^63");
	for (uint32_t k = 9; k < 18; k++)
		ok(json_i64(&j, k, &i) < 0 && json_u64(&j, k, &u) < 0, "token %u is refused", k);
	ok(i == INT64_MIN && u == 1ULL << 63, "and leaves the result alone");
}

static void
duplicates(void)
{
	char path[64];

	refuses("{\"a\":1,\"a\":2}", "c.json: a: given twice");
	refuses("{\"a\":1,\"\\u0061\":2}", "c.json: a: given twice");
	refuses("{\"linux\":{\"namespaces\":[{},[],{\"type\":1,\"x\":{},\"type\":2}]}}",
		"c.json: linux.namespaces[2].type: given twice");
	refuses("{\"annotations\":{\"a.b/c\":1,\"a.b/c\":2}}",
		"c.json: annotations[\"a.b/c\"]: given twice");
	refuses("{\"a\":[[0,{\"b\":{\"\":1,\"\":2}}]]}", "c.json: a[0][1].b[\"\"]: given twice");
	is_int(read_text("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1},\"A\":[{\"a\":1},{\"a\":1}]}"),
		0, "the same name in several objects");
	is_int(json_path(&j, 0, path, sizeof(path)), 0, "the path of the top");
	is_str(path, "", "is empty");
	json_path(&j, 6, path, sizeof(path));
	is_str(path, "a.a.a", "the path of a value");
	is_int(json_path(&j, 6, path, 4), -1, "a path that does not fit");
	is_str(path, "a.a", "is cut");
}

/* A text of `n` times `unit` between head and tail; the caller frees it. */
static char *
repeat(const char *head, const char *unit, size_t n, const char *tail)
{
	char *text = malloc(strlen(head) + n * strlen(unit) + strlen(tail) + 1), *p = text;

	p = stpcpy(p, head);
	while (n-- > 0)
		p = stpcpy(p, unit);
	strcpy(p, tail);
	return text;
}

static void
nested(int depth, int want, const char *why)
{
	char *open = repeat("{\"a\":", "[", (size_t)depth - 1, "");
	char *all = repeat(open, "]", (size_t)depth - 1, "}");

	is_int(read_text(all), want, "depth %d", depth);
	is_str(e.text, why, "its reason");
	free(open);
	free(all);
}

static void
listed(size_t n, int want, const char *why)
{
	char *text = repeat("{\"a\":[0", ",0", n - 4, "]}");

	is_int(read_text(text), want, "%zu tokens", n);
	is_str(e.text, why, "its reason");
	if (want == 0)
		is_int(j.n, n, "are counted");
	free(text);
}

static void
limits(void)
{
	char *text;

	nested(64, 0, "");
	nested(65, -1, "c.json: line 1 column 69: nested deeper than 64 levels");
	nested(200000, -1, "c.json: line 1 column 69: nested deeper than 64 levels");
	listed(JSON_TOKENS_STATIC, 0, "");
	listed(JSON_TOKENS_STATIC + 1, 0, "");
	listed(JSON_TOKENS_MAX, 0, "");
	listed(JSON_TOKENS_MAX + 1, -1,
		"c.json: line 1 column 524290: more than 262144 values and names");
	is_int(read_text("{\"small\":1}"), 0, "a small document after a large one");
	text = repeat("{", " ", JSON_TEXT_MAX - 2, "}");
	is_int(read_text(text), 0, "4 MiB of blanks");
	free(text);
	text = repeat("{", " ", JSON_TEXT_MAX - 1, "}");
	is_int(read_text(text), -1, "one byte more");
	is_str(e.text, "c.json: larger than 4194304 bytes", "is refused");
	free(text);
}

/* Every prefix of a document is refused and none is read past its end. */
static void
prefixes(void)
{
	static const char text[] =
		"{\"a\":[true,false,null,-1.5e+3,\"\\ud83d\\ude00\xe2\x82\xac\"],"
		"\"b\":{\"\\u0063\":{}}}";
	int accepted = 0;

	for (size_t n = 0; n < sizeof(text) - 1; n++)
		accepted += read_n(text, n) == 0;
	is_int(accepted, 0, "no prefix is accepted");
	is_int(read_text(text), 0, "the whole is");
}

/* 100,000 flat names; each is found, in linear time, and a second one of the last too. */
static void
many_names(void)
{
	size_t n = 100000, size = n * 16 + 16;
	char *text = malloc(size);
	struct str s = str_in(text, size);
	clock_t start = clock();

	str_add(&s, "{\"x\":0");
	for (size_t i = 0; i < n; i++)
		str_add(&s, ",\"k%zu\":0", i);
	str_add(&s, "}");
	is_int(read_text(text), 0, "%zu names", n);
	s.len--;
	str_add(&s, ",\"k99999\":0}");
	is_int(read_text(text), -1, "one of them twice");
	is_str(e.text, "c.json: k99999: given twice", "is refused");
	ok((clock() - start) / CLOCKS_PER_SEC < 5, "in no more than linear time");
	free(text);
}

int
main(void)
{
	grammar();
	strings();
	structure();
	numbers();
	duplicates();
	limits();
	prefixes();
	many_names();
	return done_testing();
}
