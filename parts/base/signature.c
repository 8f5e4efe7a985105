#include "base/signature.h"

#include "base/der.h"
#include "base/pem.h"

#include <bearssl_ec.h>
#include <bearssl_rsa.h>
#include <string.h>

/* An integer of a signature, as many bytes as the order of the curve has. */
static bool
take_scalar(struct der *from, uint8_t out[KEY_P256_SCALAR])
{
	struct der in;

	if (!der_take_unsigned(from, &in) || in.len > KEY_P256_SCALAR)
		return false;
	memset(out, 0, KEY_P256_SCALAR - in.len);
	memcpy(out + KEY_P256_SCALAR - in.len, in.at, in.len);
	return true;
}

static int
check_p256(struct err *e, const struct public_key *k, const uint8_t *digest, struct der all)
{
	br_ec_public_key key = {BR_EC_secp256r1, (unsigned char *)(uintptr_t)k->bytes, k->size};
	uint8_t raw[2 * KEY_P256_SCALAR];
	struct der in;

	if (!der_take(&all, DER_SEQUENCE, &in) || all.len > 0 || !take_scalar(&in, raw) ||
		!take_scalar(&in, raw + KEY_P256_SCALAR) || in.len > 0)
		return fail(e, "not a signature for a P-256 key");
	if (!br_ecdsa_i31_vrfy_raw(&br_ec_prime_i31, digest, DIGEST_SIZE, &key, raw, sizeof raw))
		return fail(e, "not made by this key");
	return 0;
}

static int
check_rsa(struct err *e, const struct public_key *k, const uint8_t *digest, struct der s)
{
	br_rsa_public_key key = {(unsigned char *)(uintptr_t)k->bytes, k->size,
		(unsigned char *)(uintptr_t)k->exponent, k->exponent_size};
	uint8_t signed_digest[DIGEST_SIZE];

	if (s.len != k->size)
		return fail(e, "not a signature for an RSA key of %zu bits", k->size * 8);
	if (!br_rsa_i31_pkcs1_vrfy(
		    s.at, s.len, BR_HASH_OID_SHA256, DIGEST_SIZE, &key, signed_digest) ||
		memcmp(signed_digest, digest, DIGEST_SIZE) != 0)
		return fail(e, "not made by this key");
	return 0;
}

/* The bytes of an RSA signature are as many as the key's, those of an ECDSA signature begin with
 * the tag of a SEQUENCE, which is '0'; base64 of such a tag begins with 'M'. */
int
signature_check(struct err *e, const struct public_key *k, const uint8_t digest[DIGEST_SIZE],
	const void *signature, size_t len)
{
	const uint8_t *first = signature;
	struct der s = {signature, len};
	uint8_t bytes[SIGNATURE_MAX];
	ssize_t n;

	if (k->kind == KEY_RSA ? len != k->size : len == 0 || *first != DER_SEQUENCE) {
		n = base64_decode(signature, len, bytes, sizeof bytes);
		s = (struct der){bytes, n < 0 ? 0 : (size_t)n};
	}
	return k->kind == KEY_P256 ? check_p256(e, k, digest, s) : check_rsa(e, k, digest, s);
}
