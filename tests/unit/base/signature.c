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

static ssize_t
sign(const char *file, uint8_t out[SIGNATURE_MAX])
{
	e.text[0] = '\0';
	return signature_make(&e, text, slurp(file, text, sizeof text), file, digest, out);
}

/* The key in FILE signs; openssl and we say that NAME.pem fits. */
static void
signs(const char *file, const char *name)
{
	uint8_t out[SIGNATURE_MAX], again[SIGNATURE_MAX];
	ssize_t n = sign(file, out);

	ok(n > 0, "%s signs: %s", file, e.text);
	if (n <= 0)
		return;
	spill("ours.sig", out, (size_t)n);
	ok(shell("openssl dgst -sha256 -verify %s.pem -signature ours.sig message", name),
		"openssl finds it good");
	ok(sign(file, again) == n && memcmp(out, again, (size_t)n) == 0, "the same again");
	use_key(name);
	ok(good(digest, out, (size_t)n), "so do we");
}

static void
does_not_sign(const char *file, const char *why)
{
	uint8_t out[SIGNATURE_MAX];

	is_int(sign(file, out), -1, "%s does not sign", file);
	is_str(e.text, why, "why");
}

static void
made_by_us(void)
{
	shell("openssl ec -in p256.key -out ec.key; openssl rsa -in rsa.key -traditional -out "
	      "rsa1.key; { openssl ecparam -name prime256v1; cat ec.key; } >two.key");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char file[64];

		snprintf(file, sizeof file, "%s.key", names[i]);
		signs(file, names[i]);
	}
	signs("ec.key", "p256");
	signs("two.key", "p256");
	signs("rsa1.key", "rsa");
}

static void
not_made(void)
{
	static const char encrypted[] = "encrypted: sign with `openssl dgst -sha256 -sign` or "
					"`cosign sign-blob`";
	char why[256];

	shell("openssl pkcs8 -topk8 -in rsa.key -passout pass:x -out pkcs8.key; "
	      "openssl rsa -aes128 -traditional -in rsa.key -passout pass:x -out old.key; "
	      "{ echo '-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----'; echo eyJr; "
	      "echo '-----END ENCRYPTED COSIGN PRIVATE KEY-----'; } >cosign.key");
	snprintf(why, sizeof why, "pkcs8.key: %s", encrypted);
	does_not_sign("pkcs8.key", why);
	snprintf(why, sizeof why, "old.key: %s", encrypted);
	does_not_sign("old.key", why);
	snprintf(why, sizeof why, "cosign.key: %s", encrypted);
	does_not_sign("cosign.key", why);
	does_not_sign("p256.pem", "p256.pem: \"PUBLIC KEY\" is not \"PRIVATE KEY\"");
	does_not_sign("message", "message: not in PEM");
	shell("openssl genpkey -algorithm ed25519 -out ed.key; openssl ecparam -genkey -noout "
	      "-name "
	      "secp384r1 -out p384.key; openssl genpkey -algorithm RSA -pkeyopt "
	      "rsa_keygen_bits:1024 -out small.key; cat ec.key ec.key >twice.key");
	does_not_sign("ed.key", "ed.key: Ed25519: only P-256 and RSA keys can be used");
	does_not_sign("p384.key", "p384.key: not a P-256 key in DER");
	does_not_sign("small.key", "small.key: RSA: 1024 bits, and 2048 to 4096 can be used");
	does_not_sign("twice.key", "twice.key: 227 bytes too many after the key");
}

/* RSA with a part changed: the product of the primes, or what comes out, shows it. */
static void
faulty(void)
{
	uint8_t out[SIGNATURE_MAX], der[2400];
	size_t n;
	int given = 0;

	shell("openssl rsa -in rsa.key -traditional -outform DER -out rsa.der");
	n = slurp("rsa.der", der, sizeof der);
	for (size_t i = 540; i < n; i += 23) { /* p, q, dp, dq, iq */
		der[i] ^= 0x10;
		spill("x.der", der, n);
		der[i] ^= 0x10;
		shell("{ echo -----BEGIN RSA PRIVATE KEY-----; base64 x.der; echo -----END RSA "
		      "PRIVATE KEY-----; } >x.key");
		if (sign("x.key", out) > 0)
			given++;
		else
			for (size_t j = 0; j < sizeof out; j++)
				given += out[j] != 0;
	}
	is_int(given, 0, "a key with a fault gives no signature, and no byte of one");
}

/* RFC 6979, A.2.5: P-256 with SHA-256, message "sample" */
static void
rfc6979(void)
{
	static const char key[] =
		"-----BEGIN EC PRIVATE KEY-----\n"
		"MDECAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
		"AwEH\n"
		"-----END EC PRIVATE KEY-----\n";
	static const char want[] =
		"3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
		"022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
	uint8_t sample[DIGEST_SIZE], out[SIGNATURE_MAX];
	char hex[2 * SIGNATURE_MAX + 1] = "";
	ssize_t n;

	digest_of("sample", 6, sample);
	n = signature_make(&e, key, sizeof key - 1, "key", sample, out);
	for (ssize_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", out[i]);
	is_str(hex, want, "the example of RFC 6979");
}

int
main(void)
{
	rfc6979();
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
	made_by_us();
	not_made();
	faulty();
	scratch_end();
	return done_testing();
}
