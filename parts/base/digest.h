/* digest: SHA-256.
 *
 * Contract: digest_begin(), any number of digest_add(), digest_end(): the digest of all the bytes
 * added.  Nothing fails.  Uses the processor's own instructions where it has them, else BearSSL's
 * code; which of them is decided once, at the first digest_begin().
 *
 * Floor: base (uses digestblocks).  Runs in: any process; makes no system calls.
 * Spec: FIPS 180-4.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum {
	DIGEST_SIZE = 32,		   /* bytes of a digest */
	DIGEST_BLOCK = 64,		   /* bytes that are mixed in at once */
	DIGEST_TEXT = 2 * DIGEST_SIZE + 1, /* bytes of digest_text(), its NUL included */
};

/* A digest that grows.  Its members are digest.c's. */
struct digest {
	uint8_t state[DIGEST_SIZE];  /* big-endian words, as they come out at the end */
	uint8_t block[DIGEST_BLOCK]; /* bytes that do not fill a block yet */
	uint64_t size;		     /* bytes added so far */
};

void digest_begin(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t len);
void digest_end(struct digest *d, uint8_t out[DIGEST_SIZE]); /* then d may begin again */

/* All three for one piece of memory. */
void digest_of(const void *data, size_t len, uint8_t out[DIGEST_SIZE]);

/* Lower-case hexadecimal. */
void digest_text(const uint8_t digest[DIGEST_SIZE], char out[DIGEST_TEXT]);

#endif
