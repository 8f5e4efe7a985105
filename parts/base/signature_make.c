#include "base/signature.h"

#include "base/der.h"
#include "base/key.h"
#include "base/pem.h"
#include "base/str.h"

#include <bearssl_ec.h>
#include <bearssl_rsa.h>
#include <string.h>

struct output {
	const uint8_t *digest;
	uint8_t *at;
	size_t len;
};

/* Signs, and gives the public half. */
static int
sign_p256(struct err *e, const struct der *secret, struct output *out, struct public_key *k)
{
	br_ec_private_key key = {
		BR_EC_secp256r1, (unsigned char *)(uintptr_t)secret->at, secret->len};

	out->len = br_ecdsa_i31_sign_asn1(
		&br_ec_prime_i31, &br_sha256_vtable, out->digest, &key, out->at);
	if (out->len == 0)
		return fail(e, "P-256: not a secret of this curve");
	k->kind = KEY_P256;
	k->size = br_ec_prime_i31.mulgen(k->bytes, key.x, key.xlen, key.curve);
	return 0;
}

/* ECPrivateKey: { 1, OCTET STRING, [0] curve, [1] point }.  The curve is named where no
 * AlgorithmIdentifier stands around; the point is not needed. */
static int
sign_ec(struct err *e, struct der all, bool named, struct output *out, struct public_key *k)
{
	static const uint8_t p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
	struct der in, one, secret, curve = {p256, named ? sizeof p256 : 0}, point;

	if (!der_take(&all, DER_SEQUENCE, &in) || all.len > 0 || !der_take_unsigned(&in, &one) ||
		!der_is(&one, "\1", 1) || !der_take(&in, DER_OCTET_STRING, &secret) ||
		secret.len != KEY_P256_SECRET)
		return fail(e, "not a P-256 key in DER");
	(void)der_take(&in, DER_CONTEXT_0, &curve); /* may be absent, as may the point */
	(void)der_take(&in, DER_CONTEXT_1, &point);
	if (in.len > 0 || (curve.len > 0 && !der_is(&curve, p256, sizeof p256)))
		return fail(e, "not a P-256 key in DER");
	return sign_p256(e, &secret, out, k);
}

/* RSAPrivateKey: { 0, n, e, d, p, q, dp, dq, iq } */
static int
sign_rsa(struct err *e, struct der all, struct output *out, struct public_key *k)
{
	struct der in, part[9];
	br_rsa_private_key key;

	if (!der_take(&all, DER_SEQUENCE, &in) || all.len > 0)
		return fail(e, "not an RSA key in DER");
	for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
		if (!der_take_unsigned(&in, &part[i]))
			return fail(e, "not an RSA key in DER");
	if (in.len > 0 || part[0].len > 0)
		return fail(e, "not an RSA key in DER");
	TRY(key_check_rsa(e, &part[1], &part[2]));
	k->kind = KEY_RSA;
	memcpy(k->bytes, part[1].at, k->size = part[1].len);
	memcpy(k->exponent, part[2].at, k->exponent_size = part[2].len);
	key.n_bitlen = (uint32_t)(k->size * 8);
#define PART(member, i) \
	key.member = (unsigned char *)(uintptr_t)part[i].at; \
	key.member##len = part[i].len
	PART(p, 4);
	PART(q, 5);
	PART(dp, 6);
	PART(dq, 7);
	PART(iq, 8);
#undef PART
	out->len = k->size;
	if (!br_rsa_i31_pkcs1_sign(BR_HASH_OID_SHA256, out->digest, DIGEST_SIZE, &key, out->at))
		return fail(e, "RSA: the parts of the key do not fit each other");
	return 0;
}

/* PrivateKeyInfo: { 0, algorithm, OCTET STRING, [0] attributes } */
static int
sign_pkcs8(struct err *e, struct der all, struct output *out, struct public_key *k)
{
	struct der in, zero, key, attributes;
	int kind;

	if (!der_take(&all, DER_SEQUENCE, &in) || all.len > 0 || !der_take_unsigned(&in, &zero) ||
		zero.len > 0)
		return fail(e, "not a key in DER");
	TRY(kind = key_algorithm(e, &in));
	if (!der_take(&in, DER_OCTET_STRING, &key))
		return fail(e, "not a key in DER");
	(void)der_take(&in, DER_CONTEXT_0, &attributes); /* may be absent */
	if (in.len > 0)
		return fail(e, "not a key in DER");
	return kind == KEY_P256 ? sign_ec(e, key, false, out, k) : sign_rsa(e, key, out, k);
}

static int
sign_der(struct err *e, const char *label, struct der all, struct output *out)
{
	struct public_key k = {0};
	struct err no;

	if (str_equal(label, "PRIVATE KEY"))
		TRY(sign_pkcs8(e, all, out, &k));
	else if (str_equal(label, "EC PRIVATE KEY"))
		TRY(sign_ec(e, all, true, out, &k));
	else if (str_equal(label, "RSA PRIVATE KEY"))
		TRY(sign_rsa(e, all, out, &k));
	else
		return fail(e, "\"%s\" is not \"PRIVATE KEY\"", label);
	/* A fault while signing with RSA's parts would give away the key. */
	if (signature_check(&no, &k, out->digest, out->at, out->len) < 0)
		return fail(e, "the signature does not fit the key");
	return 0;
}

/* `openssl ecparam -genkey` writes a block with the curve in front. */
static ssize_t
next_block(struct err *e, const char **pem, size_t *len, char label[PEM_LABEL_MAX],
	uint8_t bytes[PEM_BYTES_MAX])
{
	ssize_t n = pem_read(e, pem, len, label, bytes);

	return n > 0 && str_equal(label, "EC PARAMETERS") ? pem_read(e, pem, len, label, bytes) : n;
}

static int
sign(struct err *e, const char *pem, size_t len, uint8_t bytes[PEM_BYTES_MAX], struct output *out)
{
	char label[PEM_LABEL_MAX];
	ssize_t n;

	if (len > PEM_TEXT_MAX)
		return fail(e, "larger than %d bytes", PEM_TEXT_MAX);
	if (str_find(pem, "ENCRYPTED"))
		return fail(e,
			"encrypted: sign with `openssl dgst -sha256 -sign` or `cosign sign-blob`");
	TRY(n = next_block(e, &pem, &len, label, bytes));
	if (len > 0)
		return fail(e, "%zu bytes too many after the key", len);
	return sign_der(e, label, (struct der){bytes, (size_t)n}, out);
}

ssize_t
signature_make(struct err *e, const char *pem, size_t len, const char *name,
	const uint8_t digest[DIGEST_SIZE], uint8_t out[SIGNATURE_MAX])
{
	struct output o = {digest, out, 0};
	uint8_t bytes[PEM_BYTES_MAX];
	int result = sign(e, pem, len, bytes, &o);

	explicit_bzero(bytes, sizeof bytes);
	if (result == 0)
		return (ssize_t)o.len;
	explicit_bzero(out, SIGNATURE_MAX);
	return context(e, "%s", name);
}
