/* key: public keys.
 *
 * Contract: a public key is the PEM text "PUBLIC KEY" that `openssl pkey -pubout` and
 * `cosign public-key` write: P-256, or RSA with 2048 to 4096 bits.  Whatever else it is, is refused
 * by name; nothing stands before or behind it.  Whether a point lies on the curve is looked at when
 * a signature is checked.
 *
 * Floor: base (uses der, digest, pem).  Runs in: any process; pure.
 * Spec: RFC 7468 section 13, RFC 5280 section 4.1.2.7, RFC 5480, RFC 3279 section 2.3.1.
 */
#ifndef BASE_KEY_H
#define BASE_KEY_H

#include "base/der.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/pem.h"

#include <stddef.h>
#include <stdint.h>

enum key_kind { KEY_P256, KEY_RSA };

enum {
	KEY_P256_SCALAR = 32,	/* bytes */
	KEY_P256_POINT = 65,	/* 4, X, Y */
	KEY_RSA_MIN = 2048 / 8, /* bytes of a modulus */
	KEY_RSA_MAX = 4096 / 8, /* likewise */
	KEY_EXPONENT_MAX = 8,	/* bytes; and it is odd and at least 3 */
	PUBLIC_KEY_TEXT_MAX = PEM_TEXT_MAX
};

struct public_key {
	enum key_kind kind;
	uint8_t id[DIGEST_SIZE]; /* SHA-256 of the SubjectPublicKeyInfo in DER */
	size_t size, exponent_size;
	uint8_t bytes[KEY_RSA_MAX]; /* the point; or the modulus */
	uint8_t exponent[KEY_EXPONENT_MAX];
};

/* Reads len bytes of text. Errors begin with name. */
int public_key_read(
	struct err *e, struct public_key *k, const char *text, size_t len, const char *name);

/* Its name in lists of revoked keys and in messages:
 * `openssl pkey -pubin -in KEY -outform DER | sha256sum`. */
void public_key_id(const struct public_key *k, char id[DIGEST_TEXT]);

/* Can modulus and exponent of an RSA key be used? */
int key_check_rsa(struct err *e, const struct der *modulus, const struct der *exponent);

#endif
