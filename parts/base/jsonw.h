/* jsonw: write JSON into a fixed buffer.
 *
 * Contract: calls in document order make a well-formed text; commas, line ends and indentation are
 * the writer's business.  Strings are escaped per RFC 8259: `/` is not, non-ASCII is copied, bytes
 * that are no UTF-8 become U+FFFD, so the text always parses.  What does not fit is remembered in
 * w->cut, and the text is then useless; the buffer is terminated at every moment.
 *
 * Floor: base (uses str).  Runs in: any process; makes no system calls.
 * Spec: engines.md section 3.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JSONW_COMPACT = 0, /* no blank anywhere */
	JSONW_TAB = -1,	   /* indent with one tab a level; else the number of blanks */
};

struct jsonw {
	char *at;
	size_t len, max; /* bytes used without the NUL; bytes of the buffer */
	int indent;
	int depth;
	bool empty; /* nothing was written since the last begin */
	bool cut;   /* the buffer was too small */
};

/* A writer into buf (size >= 1) with indent JSONW_COMPACT, 2, 4 or JSONW_TAB. */
struct jsonw jsonw_in(char *buf, size_t size, int indent);

/* In an object `key` is the member's name, in an array and at the top it must be NULL. */
void jsonw_begin_object(struct jsonw *w, const char *key);
void jsonw_end_object(struct jsonw *w);
void jsonw_begin_array(struct jsonw *w, const char *key);
void jsonw_end_array(struct jsonw *w);
void jsonw_string(struct jsonw *w, const char *key, const char *value);
void jsonw_string_n(struct jsonw *w, const char *key, const char *value, size_t len);
void jsonw_i64(struct jsonw *w, const char *key, int64_t value);
void jsonw_u64(struct jsonw *w, const char *key, uint64_t value);
void jsonw_bool(struct jsonw *w, const char *key, bool value);

/* Text that is JSON already, copied as it is: a decimal fraction, a document made elsewhere. */
void jsonw_raw(struct jsonw *w, const char *key, const char *json);

/* JSON written out in the program, laid out as the rest: with ' for ", without blanks and escapes.
 * It may stop and go on anywhere between two values or members, so that other calls come between:
 *     jsonw_text(w, "'user':{'uid':0,"), jsonw_u64(w, "gid", gid), jsonw_text(w, "}") */
void jsonw_text(struct jsonw *w, const char *text);

#endif
