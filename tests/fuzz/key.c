/* key: bytes as a public key's file.
 *
 * Oracle: what was accepted, encoded again by the rules of DER, has the digest that the reader took
 * of the bytes it was given; so each key has one encoding.  The keys of the corpus are nobody's.
 */
#include "base/key.h"

#include <stdlib.h>
#include <string.h>

static uint8_t built[2048];
static size_t size; /* written from the end of built */

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
put(const void *bytes, size_t n)
{
	size += n;
	memcpy(built + sizeof built - size, bytes, n);
}

/* Tag and length of what lies behind, which is n bytes. */
static void
head(uint8_t tag, size_t n)
{
	if (n < 0x80)
		put((uint8_t[]){tag, (uint8_t)n}, 2);
	else if (n < 0x100)
		put((uint8_t[]){tag, 0x81, (uint8_t)n}, 3);
	else
		put((uint8_t[]){tag, 0x82, (uint8_t)(n >> 8), (uint8_t)n}, 4);
}

static void
integer(const uint8_t *bytes, size_t n)
{
	must(n > 0 && bytes[0] != 0);
	put(bytes, n);
	if (bytes[0] & 0x80)
		put("", 1);
	head(DER_INTEGER, n + (bytes[0] >> 7));
}

static void
encode(const struct public_key *k)
{
	static const uint8_t ec[] = {0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
	static const uint8_t rsa[] = {
		0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0};

	size = 0;
	if (k->kind == KEY_RSA) {
		integer(k->exponent, k->exponent_size);
		integer(k->bytes, k->size);
		head(DER_SEQUENCE, size);
	} else {
		put(k->bytes, k->size);
	}
	put("", 1);
	head(DER_BIT_STRING, size);
	put(k->kind == KEY_RSA ? rsa : ec, k->kind == KEY_RSA ? sizeof rsa : sizeof ec);
	head(DER_SEQUENCE, size);
}

static void public(const char *text, size_t len)
{
	static struct err e;
	struct public_key k;
	uint8_t id[DIGEST_SIZE];

	e.text[0] = '\0';
	if (public_key_read(&e, &k, text, len, "f") < 0) {
		must(memcmp(e.text, "f: ", 3) == 0);
		return;
	}
	must(e.text[0] == '\0');
	encode(&k);
	digest_of(built + sizeof built - size, size, id);
	must(memcmp(id, k.id, sizeof id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	memcpy(text, data, len);
	text[len] = '\0';
	public(text, len);
	free(text);
	return 0;
}
