/* jsoncheck: is this text JSON, exactly?
 *
 * Contract: json_check() accepts RFC 8259 and nothing else, with an object on top, valid UTF-8, at
 * most JSON_DEPTH_MAX levels, no \u0000 and no lone surrogate, and counts the tokens that jsmn will
 * make of it.  One pass, constant stack; the text is only read.
 *
 * Floor: base (uses err, str).  Runs in: any process; makes no system calls.
 * Spec: security.md section 8; RFC 8259, RFC 3629.
 */
#ifndef BASE_JSONCHECK_H
#define BASE_JSONCHECK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
	JSON_TEXT_MAX = 4 << 20,  /* bytes of a document */
	JSON_TOKENS_MAX = 262144, /* values and member names of a document */
	JSON_DEPTH_MAX = 64,	  /* arrays and objects inside each other */
};

/* Checks len bytes of text and sets *tokens to the number of values and member names. Returns 0,
 * or -1 and "NAME: line L column C: what was expected and found" (a column is a character). */
int json_check(struct err *e, const char *text, size_t len, const char *name, uint32_t *tokens);

#endif
