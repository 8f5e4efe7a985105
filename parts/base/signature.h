/* signature: check signatures.
 *
 * Contract: a signature is over a SHA-256 digest, by P-256 (ECDSA) or RSA (PKCS#1 v1.5), in the
 * bytes that `openssl dgst -sha256 -sign` writes or in the base64 that `cosign sign-blob` writes.
 * ECDSA is DER in its shortest form.
 *
 * Floor: base (uses digest, key, pem).  Runs in: any process; makes no system calls.
 * Spec: FIPS 186-4, SEC 1, RFC 8017 section 8.2.
 */
#ifndef BASE_SIGNATURE_H
#define BASE_SIGNATURE_H

#include "base/digest.h"
#include "base/err.h"
#include "base/key.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SIGNATURE_MAX = KEY_RSA_MAX,	       /* bytes of a signature */
	SIGNATURE_TEXT_MAX = 2 * SIGNATURE_MAX /* bytes of one in base64, with its line ends */
};

/* Did this key sign this digest? Returns 0; *e says whether the bytes are no signature for such a
 * key at all, or a signature by another key or over something else. */
int signature_check(struct err *e, const struct public_key *k, const uint8_t digest[DIGEST_SIZE],
	const void *signature, size_t len);

#endif
