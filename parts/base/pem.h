/* pem: base64 texts, alone and between the lines of PEM.
 *
 * Contract: strict: the whole text is what was asked for, or it is refused.  Line ends (LF, CR LF)
 * may stand anywhere among the letters of base64, blanks nowhere; padding is complete and its spare
 * bits are zero, so that no two texts of letters mean the same bytes.
 *
 * Floor: base.  Runs in: any process; pure.
 * Spec: RFC 7468, RFC 4648 section 4.
 */
#ifndef BASE_PEM_H
#define BASE_PEM_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PEM_LABEL_MAX = 48,  /* bytes of a label, its NUL included */
	PEM_TEXT_MAX = 8192, /* bytes of a key's file: one of RSA with 4096 bits has 800 */
	PEM_BYTES_MAX = PEM_TEXT_MAX / 4 * 3 /* what can be in it */
};

/* Decodes len bytes of text, which are nothing but base64, into at most max bytes. Returns how
 * many, or -1. */
ssize_t base64_decode(const char *text, size_t len, uint8_t *out, size_t max);

/* Reads the block "-----BEGIN LABEL-----" that *text starts with and goes on behind its last line:
 * its label, which is "" when there is none, and the bytes in it. Returns how many, at least 1. */
ssize_t pem_read(struct err *e, const char **text, size_t *len, char label[PEM_LABEL_MAX],
	uint8_t out[PEM_BYTES_MAX]);

#endif
