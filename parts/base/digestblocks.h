/* digestblocks: the inner loop of SHA-256, once per processor.
 *
 * Contract: a digest_blocks mixes n blocks of DIGEST_BLOCK bytes, at any alignment, into a state of
 * big-endian words.  All of them give the same result.  digest_native() is in the file of the
 * target's processor: digest_amd64.c, digest_arm64.c or digest_other.c.
 *
 * Floor: base.  Runs in: any process; makes no system calls.
 * Spec: FIPS 180-4, 6.2.2.
 */
#ifndef BASE_DIGESTBLOCKS_H
#define BASE_DIGESTBLOCKS_H

#include "base/digest.h"

typedef void digest_blocks(uint8_t state[DIGEST_SIZE], const uint8_t *data, size_t n);

/* The function that uses the processor's instructions for SHA-256; NULL: this one has none. */
digest_blocks *digest_native(void);

/* BearSSL's, which runs everywhere. */
digest_blocks digest_portable;

/* The constants K, for those that need them aligned to 16 bytes. */
extern const uint32_t digest_constants[64];

#endif
