#include "base/digest.h"

#include "base/digestblocks.h"
#include "base/str.h"

#include <bearssl_hash.h>
#include <string.h>

/* FIPS 180-4, 5.3.3 */
static const uint8_t initial[DIGEST_SIZE] = {0x6a, 0x09, 0xe6, 0x67, 0xbb, 0x67, 0xae, 0x85, 0x3c,
	0x6e, 0xf3, 0x72, 0xa5, 0x4f, 0xf5, 0x3a, 0x51, 0x0e, 0x52, 0x7f, 0x9b, 0x05, 0x68, 0x8c,
	0x1f, 0x83, 0xd9, 0xab, 0x5b, 0xe0, 0xcd, 0x19};

static digest_blocks *blocks;

void
digest_portable(uint8_t state[DIGEST_SIZE], const uint8_t *data, size_t n)
{
	br_sha256_context c;

	br_sha256_init(&c);
	br_sha256_set_state(&c, state, 0);
	br_sha256_update(&c, data, n * DIGEST_BLOCK);
	(void)br_sha256_state(&c, state); /* its count is ours */
}

void
digest_begin(struct digest *d)
{
	if (!blocks)
		blocks = digest_native();
	if (!blocks)
		blocks = digest_portable;
	memcpy(d->state, initial, sizeof initial);
	d->size = 0;
}

void
digest_add(struct digest *d, const void *data, size_t len)
{
	size_t have = d->size % DIGEST_BLOCK, part;
	const uint8_t *at = data;

	d->size += len;
	if (have > 0) {
		part = len < DIGEST_BLOCK - have ? len : DIGEST_BLOCK - have;
		memcpy(d->block + have, at, part);
		if (have + part < DIGEST_BLOCK)
			return;
		blocks(d->state, d->block, 1);
		at += part;
		len -= part;
	}
	blocks(d->state, at, len / DIGEST_BLOCK);
	memcpy(d->block, at + len / DIGEST_BLOCK * DIGEST_BLOCK, len % DIGEST_BLOCK);
}

/* A bit that is set, zeros, and the number of bits in the last 8 bytes of a block. */
void
digest_end(struct digest *d, uint8_t out[DIGEST_SIZE])
{
	const uint8_t padding[DIGEST_BLOCK] = {0x80};
	uint64_t bits = d->size * 8;
	uint8_t size[8];

	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)(bits >> (56 - 8 * i));
	digest_add(d, padding, 1 + (DIGEST_BLOCK - 9 - d->size) % DIGEST_BLOCK);
	digest_add(d, size, sizeof size);
	memcpy(out, d->state, DIGEST_SIZE);
}

void
digest_of(const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
	struct digest d;

	digest_begin(&d);
	digest_add(&d, data, len);
	digest_end(&d, out);
}

void
digest_text(const uint8_t digest[DIGEST_SIZE], char out[DIGEST_TEXT])
{
	struct str s = str_in(out, DIGEST_TEXT);

	for (int i = 0; i < DIGEST_SIZE; i++)
		(void)str_add(&s, "%02x", digest[i]); /* fits */
}
