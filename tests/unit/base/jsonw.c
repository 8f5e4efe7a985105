#include "base/jsonw.h"
#include "tap.h"

#include <stdlib.h>

static void
document(struct jsonw *w)
{
	jsonw_begin_object(w, NULL);
	jsonw_string(w, "ociVersion", "1.3.0");
	jsonw_i64(w, "pid", -4711);
	jsonw_u64(w, "max", UINT64_MAX);
	jsonw_bool(w, "yes", true);
	jsonw_bool(w, "no", false);
	jsonw_raw(w, "none", "null");
	jsonw_begin_array(w, "list");
	jsonw_i64(w, NULL, 1);
	jsonw_raw(w, NULL, "0.5");
	jsonw_begin_object(w, NULL);
	jsonw_end_object(w);
	jsonw_end_array(w);
	jsonw_begin_object(w, "map");
	jsonw_string(w, "k", "v");
	jsonw_end_object(w);
	jsonw_begin_array(w, "empty");
	jsonw_end_array(w);
	jsonw_end_object(w);
}

static const char compact[] =
	"{\"ociVersion\":\"1.3.0\",\"pid\":-4711,\"max\":18446744073709551615,\"yes\":true,"
	"\"no\":false,\"none\":null,\"list\":[1,0.5,{}],\"map\":{\"k\":\"v\"},\"empty\":[]}";

static const char indented[] =
	"{\n  \"ociVersion\": \"1.3.0\",\n  \"pid\": -4711,\n  \"max\": 18446744073709551615,\n"
	"  \"yes\": true,\n  \"no\": false,\n  \"none\": null,\n  \"list\": [\n    1,\n    0.5,\n"
	"    {}\n  ],\n  \"map\": {\n    \"k\": \"v\"\n  },\n  \"empty\": []\n}";

/* Every buffer that is too small says so and is terminated; malloc: a byte too far is seen. */
static void
small_buffers(void)
{
	size_t wrong = 0;

	for (size_t size = 1; size < sizeof(compact) + 2; size++) {
		char *buf = malloc(size);
		struct jsonw w = jsonw_in(buf, size, JSONW_COMPACT);

		document(&w);
		wrong += w.cut != (size < sizeof(compact)) || strlen(buf) != w.len ||
			strncmp(buf, compact, w.len) != 0;
		free(buf);
	}
	is_int(wrong, 0, "each buffer that is too small is known to be");
}

static void
is_string(const char *value, size_t len, const char *want)
{
	char buf[128];
	struct jsonw w = jsonw_in(buf, sizeof(buf), JSONW_COMPACT);

	jsonw_string_n(&w, NULL, value, len);
	is_str(buf, want, "string %s", want);
}

int
main(void)
{
	char buf[1024];
	struct jsonw w = jsonw_in(buf, sizeof(buf), JSONW_COMPACT);

	document(&w);
	is_str(buf, compact, "compact");
	is_int(w.len, strlen(buf), "its length");
	ok(!w.cut, "not cut");
	w = jsonw_in(buf, sizeof(buf), 2);
	document(&w);
	is_str(buf, indented, "two blanks");
	w = jsonw_in(buf, sizeof(buf), JSONW_TAB);
	jsonw_begin_array(&w, NULL);
	jsonw_begin_array(&w, NULL);
	jsonw_raw(&w, NULL, "null");
	jsonw_end_array(&w);
	jsonw_end_array(&w);
	is_str(buf, "[\n\t[\n\t\tnull\n\t]\n]", "tabs");
	small_buffers();

	is_string("", 0, "\"\"");
	is_string("a/b", 3, "\"a/b\"");
	is_string("\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
	is_string("\0\1\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"");
	is_string("\xc3\xa4\xf0\x9f\x98\x80", 6, "\"\xc3\xa4\xf0\x9f\x98\x80\"");
	is_string("a\xff\xe2\x82z", 5, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
	return done_testing();
}
