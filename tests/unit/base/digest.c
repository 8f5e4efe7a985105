#include "base/digest.h"
#include "base/digestblocks.h"
#include "tap.h"

#include <bearssl_hash.h>
#include <stdlib.h>

enum { MOST = 400 }; /* six blocks and a bit */

static uint8_t bytes[16 + 4096];

static void
is_digest(const char *text, size_t len, const char *want)
{
	uint8_t out[DIGEST_SIZE];
	char hex[DIGEST_TEXT];

	digest_of(text, len, out);
	digest_text(out, hex);
	is_str(hex, want, "%zu bytes", len);
}

/* FIPS 180-4's examples */
static void
examples(void)
{
	static char million[1000000];

	is_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	is_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	is_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof million);
	is_digest(million, sizeof million,
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static bool
like_bearssl(const uint8_t *data, size_t len)
{
	uint8_t ours[DIGEST_SIZE], theirs[DIGEST_SIZE];
	br_sha256_context c;

	br_sha256_init(&c);
	br_sha256_update(&c, data, len);
	br_sha256_out(&c, theirs);
	digest_of(data, len, ours);
	return memcmp(ours, theirs, DIGEST_SIZE) == 0;
}

static void
lengths_and_alignments(void)
{
	int bad = 0;

	for (size_t from = 0; from < 16; from++)
		for (size_t len = 0; len <= MOST; len++)
			bad += !like_bearssl(bytes + from, len);
	is_int(bad, 0, "lengths 0 to %d at 16 alignments: as BearSSL's", MOST);
	for (size_t from = 0; from < 16; from++)
		bad += !like_bearssl(bytes + from, 4096);
	is_int(bad, 0, "4096 bytes at 16 alignments: as BearSSL's");
}

/* Every way to cut a text in three. */
static void
pieces(void)
{
	uint8_t whole[DIGEST_SIZE], cut[DIGEST_SIZE];
	enum { LENGTH = 150 };
	struct digest d;
	int bad = 0;

	digest_of(bytes, LENGTH, whole);
	for (size_t a = 0; a <= LENGTH; a++)
		for (size_t b = a; b <= LENGTH; b++) {
			digest_begin(&d);
			digest_add(&d, bytes, a);
			digest_add(&d, bytes + a, b - a);
			digest_add(&d, bytes + b, LENGTH - b);
			digest_end(&d, cut);
			bad += memcmp(cut, whole, DIGEST_SIZE) != 0;
		}
	is_int(bad, 0, "in three pieces, cut anywhere");
}

/* The length is counted in bits: 2^29 bytes are the first that need more than 32 of them. */
static void
more_than_32_bits(void)
{
	static uint8_t zeros[1 << 16];
	uint8_t out[DIGEST_SIZE];
	struct digest d;
	char hex[DIGEST_TEXT];

	digest_begin(&d);
	for (int i = 0; i < 1 << 13; i++)
		digest_add(&d, zeros, sizeof zeros);
	digest_end(&d, out);
	digest_text(out, hex);
	is_str(hex, "9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767",
		"512 MiB of zeros");
}

static void
native(void)
{
	digest_blocks *blocks = digest_native();
	uint8_t ours[DIGEST_SIZE], theirs[DIGEST_SIZE];
	int bad = 0;

	if (!blocks) {
		ok(true, "digest_native() # SKIP this processor has no instructions for SHA-256");
		return;
	}
	for (int round = 0; round < 1000; round++) {
		size_t n = (size_t)rand() % 8, from = (size_t)rand() % 16;

		for (size_t i = 0; i < sizeof ours; i++)
			ours[i] = (uint8_t)rand();
		memcpy(theirs, ours, sizeof ours);
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (uint8_t)rand();
		blocks(ours, bytes + from, n);
		digest_portable(theirs, bytes + from, n);
		bad += memcmp(ours, theirs, sizeof ours) != 0;
	}
	is_int(bad, 0, "the processor's instructions: as the portable code, from 1000 states");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	examples();
	lengths_and_alignments();
	pieces();
	more_than_32_bits();
	native();
	return done_testing();
}
