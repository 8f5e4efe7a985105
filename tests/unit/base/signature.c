#include "base/signature.h"

#include "openssl.h"
#include "tap.h"

static struct err e;
static struct public_key k;
static uint8_t digest[DIGEST_SIZE], other[DIGEST_SIZE];
static char text[PEM_TEXT_MAX + 2];
static uint8_t bytes[2 * SIGNATURE_TEXT_MAX];

static const char *const names[] = {"p256", "rsa", "rsa4096"};

static void
use_key(const char *name)
{
	char file[64];

	snprintf(file, sizeof file, "%s.pem", name);
	is_int(public_key_read(&e, &k, text, slurp(file, text, sizeof text), file), 0, "%s", file);
}

static bool
good(const uint8_t *what, const void *signature, size_t len)
{
	e.text[0] = '\0';
	return signature_check(&e, &k, what, signature, len) == 0;
}

static void
keys(void)
{
	ok(shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key"),
		"openssl: P-256");
	ok(shell("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key"),
		"openssl: RSA");
	ok(shell("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out rsa4096.key"),
		"openssl: RSA with 4096 bits");
	shell("for k in p256 rsa rsa4096; do openssl pkey -in $k.key -pubout -out $k.pem; "
	      "openssl dgst -sha256 -sign $k.key -out $k.sig message; "
	      "openssl dgst -sha512 -sign $k.key -out $k.sha512 message; "
	      "base64 -w 0 $k.sig >$k.b64; base64 $k.sig >$k.lines; done");
}

/* What openssl signed, as it is and in base64; and all that is a bit different. */
static void
made_by_openssl(const char *name)
{
	size_t n;
	char file[64];
	int accepted = 0;

	use_key(name);
	snprintf(file, sizeof file, "%s.b64", name);
	n = slurp(file, bytes, sizeof bytes);
	ok(good(digest, bytes, n), "%s", file);
	snprintf(file, sizeof file, "%s.lines", name);
	n = slurp(file, bytes, sizeof bytes);
	ok(good(digest, bytes, n), "%s", file);
	bytes[n] = ' ';
	ok(!good(digest, bytes, n + 1), "a blank behind it");
	snprintf(file, sizeof file, "%s.sha512", name);
	n = slurp(file, bytes, sizeof bytes);
	ok(!good(digest, bytes, n), "over another digest");
	snprintf(file, sizeof file, "%s.sig", name);
	n = slurp(file, bytes, sizeof bytes);
	ok(good(digest, bytes, n), "%s: %s", file, e.text);
	ok(!good(other, bytes, n), "over something else");
	is_str(e.text, "not made by this key", "why");
	for (size_t i = 0; i <= n + 1; i++)
		accepted += i != n && good(digest, bytes, i);
	is_int(accepted, 0, "cut or longer");
	for (size_t i = 0; i < n; i++) {
		if (k.kind == KEY_RSA && i % 16 != 0 && i != n - 1)
			continue; /* one bit is like another, and each takes 0.5 ms */
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] ^= (uint8_t)(1 << bit);
			accepted += good(digest, bytes, n);
			bytes[i] ^= (uint8_t)(1 << bit);
		}
	}
	is_int(accepted, 0, "a flipped bit");
}

/* The signature of one kind of key, and of another key of the same kind. */
static void
other_keys(void)
{
	size_t n = slurp("rsa.sig", bytes, sizeof bytes);

	use_key("p256");
	ok(!good(digest, bytes, n), "RSA's for P-256");
	is_str(e.text, "not a signature for a P-256 key", "why");
	use_key("rsa4096");
	ok(!good(digest, bytes, n), "of 2048 bits for 4096");
	is_str(e.text, "not a signature for an RSA key of 4096 bits", "why");
	use_key("rsa");
	n = slurp("p256.sig", bytes, sizeof bytes);
	ok(!good(digest, bytes, n), "P-256's for RSA");
	ok(!good(digest, "", 0), "an empty one");
	shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | "
	      "openssl pkey -pubout -out another.pem");
	use_key("another");
	ok(!good(digest, bytes, n), "another key's");
	is_str(e.text, "not made by this key", "why");
	ok(!good(digest, "", 0), "an empty one");
	k.bytes[64] ^= 1;
	ok(!good(digest, bytes, n), "a point beside the curve");
}

/* The same numbers in other forms of ASN.1 */
static void
other_forms(void)
{
	uint8_t forms[128], was[128];
	size_t n = slurp("p256.sig", was, sizeof was), r = was[3];

	use_key("p256");
	ok(good(digest, was, n), "p256.sig");
	memcpy(forms, was, 3);
	forms[1]++;
	forms[3] = (uint8_t)(r + 1);
	forms[4] = 0;
	memcpy(forms + 5, was + 4, n - 4);
	ok(!good(digest, forms, n + 1), "a zero too many in front of r");
	forms[0] = was[0];
	forms[1] = 0x81;
	memcpy(forms + 2, was + 1, n - 1);
	ok(!good(digest, forms, n + 1), "a length in two bytes");
	memcpy(forms, was, n);
	memset(forms + 4, 0, r);
	ok(!good(digest, forms, n), "r = 0 in many bytes");
	ok(!good(digest, "\x30\x06\x02\x01\x00\x02\x01\x00", 8), "r = s = 0");
	is_str(e.text, "not made by this key", "why");
	ok(!good(digest, "\x30\x06\x02\x01\x01\x02\x01\x01", 8), "r = s = 1");
	ok(!good(digest, "\x30\x06\x02\x01\xff\x02\x01\x01", 8), "r = -1");
}

int
main(void)
{
	if (!scratch_begin()) {
		ok(true, "signatures # SKIP no openssl");
		return done_testing();
	}
	spill("message", "what is signed\n", 15);
	digest_of("what is signed\n", 15, digest);
	digest_of("what is not", 11, other);
	keys();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		made_by_openssl(names[i]);
	other_keys();
	other_forms();
	scratch_end();
	return done_testing();
}
