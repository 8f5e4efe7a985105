#include "base/key.h"

#include "base/str.h"

#include <stdbool.h>
#include <string.h>

/* What stands in an AlgorithmIdentifier.  The first two are of enum key_kind; the others have a
 * name for the refusal, and may have parameters behind what is written here. */
/* clang-format off */
static const struct {
	char name[12];
	uint8_t size, bytes[19];
} algorithms[] = {
	{"P-256",   19, {6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}},
	{"RSA",     13, {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0}},
	{"P-384",   16, {6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22}},
	{"P-521",   16, {6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x23}},
	{"elliptic",  9, {6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1}}, /* another curve */
	{"RSA-PSS", 11, {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10}},
	{"DSA",      9, {6, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1}},
	{"X25519",   5, {6, 3, 0x2b, 0x65, 0x6e}},
	{"X448",     5, {6, 3, 0x2b, 0x65, 0x6f}},
	{"Ed25519",  5, {6, 3, 0x2b, 0x65, 0x70}},
	{"Ed448",    5, {6, 3, 0x2b, 0x65, 0x71}},
};
/* clang-format on */

static int
take_algorithm(struct err *e, struct der *from)
{
	struct der in;

	if (!der_take(from, DER_SEQUENCE, &in))
		return fail(e, "not a key in DER");
	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		if (in.len < algorithms[i].size ||
			memcmp(in.at, algorithms[i].bytes, algorithms[i].size) != 0)
			continue;
		if (i <= KEY_RSA && in.len == algorithms[i].size)
			return (int)i;
		if (i > KEY_RSA)
			return fail(
				e, "%s: only P-256 and RSA keys can be used", algorithms[i].name);
	}
	return fail(e, "unknown algorithm: only P-256 and RSA keys can be used");
}

int
key_check_rsa(struct err *e, const struct der *modulus, const struct der *exponent)
{
	size_t bits = modulus->len * 8;
	uint8_t last = exponent->len > 0 ? exponent->at[exponent->len - 1] : 0;

	for (uint8_t top = bits > 0 ? modulus->at[0] : 0x80; !(top & 0x80);
		top = (uint8_t)(top << 1))
		bits--;
	if (bits < KEY_RSA_MIN * 8 || bits > KEY_RSA_MAX * 8)
		return fail(e, "RSA: %zu bits, and 2048 to 4096 can be used", bits);
	if (!(modulus->at[modulus->len - 1] & 1))
		return fail(e, "RSA: the modulus is even");
	if (exponent->len > KEY_EXPONENT_MAX || !(last & 1) || (exponent->len == 1 && last < 3))
		return fail(e, "RSA: the exponent is not an odd number from 3 to 2^64");
	return 0;
}

static int
read_point(struct err *e, struct public_key *k, const struct der *bits)
{
	if (bits->len != KEY_P256_POINT || bits->at[0] != 4)
		return fail(e, "P-256: not an uncompressed point");
	memcpy(k->bytes, bits->at, k->size = bits->len);
	return 0;
}

static int
read_rsa(struct err *e, struct public_key *k, struct der *bits)
{
	struct der in, n, exponent;

	if (!der_take(bits, DER_SEQUENCE, &in) || bits->len > 0 || !der_take_unsigned(&in, &n) ||
		!der_take_unsigned(&in, &exponent) || in.len > 0)
		return fail(e, "RSA: not a modulus and an exponent in DER");
	TRY(key_check_rsa(e, &n, &exponent));
	memcpy(k->bytes, n.at, k->size = n.len);
	memcpy(k->exponent, exponent.at, k->exponent_size = exponent.len);
	return 0;
}

/* SubjectPublicKeyInfo: { algorithm, BIT STRING }, the latter beginning with its unused bits: 0. */
static int
read_info(struct err *e, struct public_key *k, struct der all)
{
	struct der in, bits;
	int kind;

	digest_of(all.at, all.len, k->id);
	if (!der_take(&all, DER_SEQUENCE, &in) || all.len > 0)
		return fail(e, "not a key in DER");
	TRY(kind = take_algorithm(e, &in));
	k->kind = (enum key_kind)kind;
	if (!der_take(&in, DER_BIT_STRING, &bits) || in.len > 0 || bits.len < 1 || bits.at[0] != 0)
		return fail(e, "not a key in DER");
	bits.at++;
	bits.len--;
	return kind == KEY_P256 ? read_point(e, k, &bits) : read_rsa(e, k, &bits);
}

static int
check_label(struct err *e, const char *label)
{
	if (str_equal(label, "PUBLIC KEY"))
		return 0;
	if (str_ends(label, "PRIVATE KEY"))
		return fail(e, "a private key: `openssl pkey -pubout` writes the public one");
	if (str_equal(label, "CERTIFICATE"))
		return fail(e, "a certificate: `openssl x509 -noout -pubkey` writes its key");
	return fail(e, "\"%s\" is not \"PUBLIC KEY\"", label);
}

static int
read_text(struct err *e, struct public_key *k, const char *text, size_t len)
{
	uint8_t bytes[PEM_BYTES_MAX];
	char label[PEM_LABEL_MAX];
	ssize_t n;

	if (len > PUBLIC_KEY_TEXT_MAX)
		return fail(e, "larger than %d bytes", PUBLIC_KEY_TEXT_MAX);
	n = pem_read(e, &text, &len, label, bytes);
	if (*label)
		TRY(check_label(e, label));
	TRY(n);
	if (len > 0)
		return fail(e, "%zu bytes too many after the key", len);
	return read_info(e, k, (struct der){bytes, (size_t)n});
}

int
public_key_read(struct err *e, struct public_key *k, const char *text, size_t len, const char *name)
{
	memset(k, 0, sizeof *k);
	return read_text(e, k, text, len) < 0 ? context(e, "%s", name) : 0;
}

void
public_key_id(const struct public_key *k, char id[DIGEST_TEXT])
{
	digest_text(k->id, id);
}
