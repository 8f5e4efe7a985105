#include "base/key.h"

#include "openssl.h"
#include "tap.h"

static struct err e;
static struct public_key k;
static char text[2 * PEM_TEXT_MAX];

static bool
make(const char *what, const char *command)
{
	return ok(shell("%s", command), "openssl: %s", what);
}

static int
read_key(const char *text_of_it, size_t len)
{
	e.text[0] = '\0';
	return public_key_read(&e, &k, text_of_it, len, "key.pem");
}

/* The file NAME is such a key. */
static void
reads(const char *name, enum key_kind kind, size_t size)
{
	char id[DIGEST_TEXT], want[DIGEST_TEXT];

	is_int(read_key(text, slurp(name, text, sizeof text)), 0, "%s", name);
	is_str(e.text, "", "no error");
	is_int(k.kind, kind, "its kind");
	is_int((long long)k.size, (long long)size, "its size");
	shell("openssl pkey -pubin -in %s -outform DER | sha256sum >id", name);
	slurp("id", want, sizeof want);
	public_key_id(&k, id);
	is_str(id, want, "its id");
}

static void
refuses(const char *name, const char *why)
{
	is_int(read_key(text, slurp(name, text, sizeof text)), -1, "%s is refused", name);
	is_str(e.text, why, "why");
}

/* A key made by `genpkey` with these options: refused. */
static void
refuses_kind(const char *options, const char *why)
{
	if (ok(shell("openssl genpkey %s | openssl pkey -pubout >other.pem", options), "%s",
		    options))
		refuses("other.pem", why);
}

/* The PEM text of DER bytes. */
static void
write_der(const uint8_t *bytes, size_t len)
{
	spill("x.der", bytes, len);
	shell("{ echo -----BEGIN PUBLIC KEY-----; base64 x.der; echo -----END PUBLIC KEY-----; } "
	      ">x.pem");
}

static void
other_kinds(void)
{
	refuses_kind("-algorithm ed25519", "key.pem: Ed25519: only P-256 and RSA keys can be used");
	refuses_kind("-algorithm ed448", "key.pem: Ed448: only P-256 and RSA keys can be used");
	refuses_kind("-algorithm x25519", "key.pem: X25519: only P-256 and RSA keys can be used");
	refuses_kind("-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
		"key.pem: P-384: only P-256 and RSA keys can be used");
	refuses_kind("-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
		"key.pem: P-521: only P-256 and RSA keys can be used");
	refuses_kind("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
		"key.pem: elliptic: only P-256 and RSA keys can be used");
	refuses_kind("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
		"key.pem: RSA-PSS: only P-256 and RSA keys can be used");
	refuses_kind("-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
		"key.pem: RSA: 1024 bits, and 2048 to 4096 can be used");
	refuses_kind("-algorithm RSA -pkeyopt rsa_keygen_bits:2047",
		"key.pem: RSA: 2047 bits, and 2048 to 4096 can be used");
}

static void
other_texts(void)
{
	shell("openssl req -x509 -key p256.key -subj /CN=x -out cert.pem");
	refuses("cert.pem", "key.pem: a certificate: `openssl x509 -noout -pubkey` writes its key");
	refuses("p256.key", "key.pem: a private key: `openssl pkey -pubout` writes the public one");
	shell("openssl ec -in p256.key -out ec.key");
	refuses("ec.key", "key.pem: a private key: `openssl pkey -pubout` writes the public one");
	shell("openssl rsa -in rsa.key -RSAPublicKey_out -out pkcs1.pem");
	refuses("pkcs1.pem", "key.pem: \"RSA PUBLIC KEY\" is not \"PUBLIC KEY\"");
	shell("openssl pkey -pubin -in p256.pem -outform DER -out p256.der");
	refuses("p256.der", "key.pem: not in PEM");
	shell("openssl ec -pubin -in p256.pem -conv_form compressed -out compressed.pem");
	refuses("compressed.pem", "key.pem: P-256: not an uncompressed point");
	shell("cat p256.pem p256.pem >two.pem");
	refuses("two.pem", "key.pem: 178 bytes too many after the key");
	shell("{ cat p256.pem; echo; } >trailing.pem");
	refuses("trailing.pem", "key.pem: 1 bytes too many after the key");
	shell("{ echo; cat p256.pem; } >leading.pem");
	refuses("leading.pem", "key.pem: not in PEM");
	refuses("absent.pem", "key.pem: not in PEM");
	is_int(read_key(text, PEM_TEXT_MAX + 1), -1, "too large");
	is_str(e.text, "key.pem: larger than 8192 bytes", "why");
}

/* What is in the key, changed: a byte more, a byte less, each bit. */
static void
other_bytes(void)
{
	uint8_t der[1024], id[DIGEST_SIZE];
	size_t n = slurp("p256.der", der, sizeof der);
	int same = 0;

	der[n] = 0;
	write_der(der, n + 1);
	refuses("x.pem", "key.pem: not a key in DER");
	write_der(der, n - 1);
	refuses("x.pem", "key.pem: not a key in DER");
	der[25] = 1; /* the unused bits of the BIT STRING */
	write_der(der, n);
	refuses("x.pem", "key.pem: not a key in DER");
	der[25] = 0;
	read_key(text, slurp("p256.pem", text, sizeof text));
	memcpy(id, k.id, sizeof id);
	for (size_t i = 10; i < strlen(text) - 1; i++)
		for (int bit = 0; bit < 8; bit++) {
			text[i] ^= (char)(1 << bit);
			same += read_key(text, strlen(text)) == 0 &&
				memcmp(id, k.id, sizeof id) == 0;
			text[i] ^= (char)(1 << bit);
		}
	is_int(same, 0, "no bit can be flipped and the key stays the same");
}

static void
rsa_numbers(void)
{
	uint8_t n[KEY_RSA_MAX + 1], exponent[9] = {1, 0, 0, 0, 0, 0, 0, 0, 1};

	memset(n, 0xff, sizeof n);
#define RSA(n_len, e_at, e_len) \
	key_check_rsa(&e, &(struct der){n, n_len}, &(struct der){e_at, e_len})
	is_int(RSA(256, exponent + 8, 1), -1, "exponent 1");
	is_str(e.text, "RSA: the exponent is not an odd number from 3 to 2^64", "why");
	is_int(RSA(256, exponent, 9), -1, "exponent above 2^64");
	is_int(RSA(256, exponent + 8, 0), -1, "exponent 0");
	is_int(RSA(256, exponent, 8), -1, "an even exponent");
	is_int(RSA(256, (const uint8_t *)"\3", 1), 0, "exponent 3");
	is_int(RSA(256, exponent + 1, 8), 0,
		"an exponent with zeros, which der_take_unsigned() "
		"never gives");
	is_int(RSA(512, n, 1), 0, "4096 bits");
	is_int(RSA(513, n, 1), -1, "more bits");
	is_str(e.text, "RSA: 4104 bits, and 2048 to 4096 can be used", "why");
	is_int(RSA(0, n, 1), -1, "no modulus");
	is_str(e.text, "RSA: 0 bits, and 2048 to 4096 can be used", "why");
	n[255] = 0xfe;
	is_int(RSA(256, n, 1), -1, "an even modulus");
	is_str(e.text, "RSA: the modulus is even", "why");
}

int
main(void)
{
	rsa_numbers();
	if (!scratch_begin()) {
		ok(true, "keys # SKIP no openssl");
		return done_testing();
	}
	make("P-256",
		"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key");
	make("RSA", "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key");
	make("RSA with 3",
		"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 "
		"-pkeyopt rsa_keygen_pubexp:3 -out rsa3.key");
	shell("for k in p256 rsa rsa3; do openssl pkey -in $k.key -pubout -out $k.pem; done");
	reads("p256.pem", KEY_P256, 65);
	reads("rsa.pem", KEY_RSA, 256);
	reads("rsa3.pem", KEY_RSA, 384);
	shell("sed 's/$/\\r/' rsa.pem >dos.pem");
	reads("dos.pem", KEY_RSA, 256);
	other_kinds();
	other_texts();
	other_bytes();
	scratch_end();
	return done_testing();
}
