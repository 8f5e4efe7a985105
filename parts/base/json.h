/* json: strict reader of one JSON document into tokens.
 *
 * Contract: json_read() accepts exactly RFC 8259 with an object on top, in UTF-8, within the limits
 * of jsoncheck.h, without \u0000, without a lone surrogate and without a name given twice in one
 * object; anything else is one error with a position or a property path.  Time is linear, the stack
 * constant.  The text is changed in place: every string is unescaped and NUL-terminated, so a
 * token's string is a C string inside the text and lives as long as it does.  The tokens live until
 * the next json_read(), which reuses their storage; strings got before remain valid.
 *
 * Floor: base (uses err, jsoncheck, str).  Runs in: any process.
 * Spec: security.md section 8; build.md section 9.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/err.h"
#include "base/jsoncheck.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_TOKENS_STATIC = 8192 }; /* up to here no mapping is made; the limits: jsoncheck.h */

enum json_type {
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

/* A document. Token 0 is the top object; the tokens of a member are its name and then its value. */
struct json {
	char *text; /* the caller's */
	size_t len;
	uint32_t n;	  /* tokens */
	void *tokens;	  /* json.c's own business */
	const char *name; /* of the file, for messages */
};

/* Reads len bytes of text, which must be writable and stay. Errors start with name: "NAME: line L
 * column C: what" for the grammar, "NAME: PATH: given twice" for names. Returns 0 or -1. */
int json_read(struct err *e, struct json *j, char *text, size_t len, const char *name);

/* What token i is. A member's name is a string. */
enum json_type json_type(const struct json *j, uint32_t i);

/* The first child of an object (a name) or array; when it is empty, the token behind it. */
uint32_t json_first(const struct json *j, uint32_t i);

/* The token behind i and everything in it; for a member's name, behind its value: so the loop
 *     for (k = json_first(j, i), n = json_count(j, i); n > 0; n--, k = json_next(j, k))
 * visits the elements of an array, or the names of an object (the value is k + 1). O(1). */
uint32_t json_next(const struct json *j, uint32_t i);

/* Members of an object or elements of an array; 0 for all else. */
uint32_t json_count(const struct json *j, uint32_t i);

/* The unescaped text of a string or name; NULL when i is no string. */
const char *json_string(const struct json *j, uint32_t i);

/* Integers: digits only, one `-` where signed, no fraction, no exponent, in range; -0 is 0.
 * Return 0, or -1 when i is not such a number (*out is left alone). */
int json_i64(const struct json *j, uint32_t i, int64_t *out);
int json_u64(const struct json *j, uint32_t i, uint64_t *out);

/* The token of the value of a member, or -1 when the object has none of that name or is none. */
int64_t json_find(const struct json *j, uint32_t object, const char *name);

/* Writes the property path of token i, such as `linux.namespaces[2].type`; a name that is no
 * identifier appears as ["NAME"]. The top object is the empty path. Returns the length, or -1 when
 * it was cut; buf is always terminated. */
int json_path(const struct json *j, uint32_t i, char *buf, size_t size);

#endif
