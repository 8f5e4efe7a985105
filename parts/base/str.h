/* str: bounded formatting and strict parsing of numbers.
 *
 * Contract: every function writes at most the size it was given, always leaves a terminated string
 * and reports truncation; nothing is cut silently.  Formats are the part of printf that a runtime
 * needs: %s %c %d %i %u %x %X %o %% with the lengths hh h l ll j z t, a width (also `*`), `-`, `0`
 * and for %s a precision (also `.*`).  No floating point, no %p, no %n.  Parsing accepts a whole
 * string or nothing.
 *
 * Floor: base.  Runs in: any process; makes no system calls.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { STR_TIME_MAX = 40 }; /* bytes that the longest str_time() needs */

/* Formats into buf. Returns the length without the NUL, or -1 when it did not fit; buf then holds
 * the part that did, terminated (a size of 0 writes nothing). An argument must not point into buf.
 */
int str_format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int str_vformat(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* Decimal numbers, the whole string: no sign (str_i64: one `-`), no blank, no leading zero, in
 * range. Returns 0, or -1 and leaves *out alone. */
int str_u64(const char *s, uint64_t *out);
int str_i64(const char *s, int64_t *out);
int str_u64_n(const char *s, size_t len, uint64_t *out); /* exactly len bytes of s */
int str_i64_n(const char *s, size_t len, int64_t *out);

bool str_equal(const char *a, const char *b);
bool str_equal_case(const char *a, const char *b); /* ASCII letters: any case */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* How many bytes s begins with that are, or are not, in the set: strspn() and strcspn(), smaller.
 */
size_t str_span(const char *s, const char *set);
size_t str_until(const char *s, const char *set);

/* The first place of `what` in s, or NULL. */
const char *str_find(const char *s, const char *what);

/* Is the name a member of a list with commas? */
bool str_listed(const char *list, const char *name);

/* What follows the last `/` of a path; the whole path when there is none. */
const char *str_base(const char *path);

/* The text behind this one, where several stand one behind another: "one\0two\0". */
const char *str_after(const char *s);

/* Which of n such strings is `name`; -1: none.  sizes[i] is that of string i with its NUL, so that
 * all but the likely ones are passed over without a look. */
int str_index(const char *s, const uint8_t *sizes, size_t n, const char *name);

/* A text that grows in the caller's buffer. `cut` remembers that something did not fit; then only
 * the part that did is there, terminated. Check it once, at the end. */
struct str {
	char *at;
	size_t len, max; /* bytes used without the NUL; bytes of the buffer */
	bool cut;
};

/* An empty text in buf, which must have at least one byte. */
struct str str_in(char *buf, size_t size);

/* Append; both return 0, or -1 when the text is or already was cut. */
int str_add(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int str_add_bytes(struct str *s, const void *bytes, size_t n);

/* Cleans an absolute path by its letters alone: `//`, `/./`, `..` and a trailing `/` go, `..` at
 * the root stays there. out may be path itself. Returns the length, or -1 when path is not absolute
 * or does not fit. */
int str_clean_path(char *out, size_t size, const char *path);

/* Writes RFC 3339 in UTC, "2026-03-01T10:00:00.5Z": the fraction only if nanoseconds is set, and
 * without its trailing zeros. Returns the length or -1. Years 0 to 9999; others are clamped. */
int str_time(char *buf, size_t size, const struct timespec *t, bool nanoseconds);

/* The length of the well-formed UTF-8 sequence that starts at s, which has n bytes left: 1 to 4,
 * or 0 when there is none (overlong forms, surrogates and values above U+10FFFF are none). */
size_t str_utf8(const char *s, size_t n);

#endif
