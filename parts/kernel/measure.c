#include "kernel/measure.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* -- fs-verity --------------------------------------------------------------------------------- */

enum {
	BLOCK = 4096,	/* bytes that one digest of the tree stands for, in every level */
	LEVELS_MAX = 9, /* 128 digests a block: 2^63 bytes have so many */
	SHA256 = 1,	/* FS_VERITY_HASH_ALG_SHA256 */
};

/* What the kernel digests as the digest of the file (struct fsverity_descriptor). */
struct descriptor {
	uint8_t version, algorithm, log_block, salt_size;
	uint8_t reserved[4];
	uint8_t size[8]; /* little-endian */
	uint8_t root[64];
	uint8_t rest[176]; /* no salt */
};

_Static_assert(sizeof(struct descriptor) == 256, "linux/fsverity.h");

/* The block of each level that is not full yet. */
static struct level {
	uint8_t at[BLOCK];
	uint32_t used;
	uint64_t digests; /* that ever came here */
} levels[LEVELS_MAX];

/* A block is digested as if zeros filled it up. */
static void
digest_block(const uint8_t *block, size_t len, uint8_t out[DIGEST_SIZE])
{
	static uint8_t zeros[BLOCK] BUFFER; /* never written to */
	struct digest d;

	digest_begin(&d);
	digest_add(&d, block, len);
	digest_add(&d, zeros, BLOCK - len);
	digest_end(&d, out);
}

static void
add_block(const uint8_t *block, size_t len)
{
	uint8_t digest[DIGEST_SIZE];

	for (struct level *l = levels; l < levels + LEVELS_MAX; l++) {
		digest_block(block, len, digest);
		memcpy(l->at + l->used, digest, sizeof digest);
		l->used += sizeof digest;
		l->digests++;
		if (l->used < BLOCK)
			return;
		block = l->at;
		len = BLOCK;
		l->used = 0;
	}
}

/* Closes level after level until one has a single digest: the root. */
static void
finish_tree(uint64_t size, char text[DIGEST_TEXT])
{
	struct descriptor d = {.version = 1, .algorithm = SHA256, .log_block = 12};
	uint8_t digest[DIGEST_SIZE];

	for (int i = 0; i < 8; i++)
		d.size[i] = (uint8_t)(size >> 8 * i);
	for (struct level *l = levels; l < levels + LEVELS_MAX && l->digests > 0; l++) {
		if (l->digests == 1) {
			memcpy(d.root, l->at, DIGEST_SIZE);
			break;
		}
		if (l->used == 0)
			continue;
		digest_block(l->at, l->used, digest);
		memcpy(l[1].at + l[1].used, digest, sizeof digest);
		l[1].used += sizeof digest;
		l[1].digests++;
	}
	digest_of(&d, sizeof d, digest);
	digest_text(digest, text);
}

bool
measure_verity(int fd, char text[DIGEST_TEXT])
{
	struct kabi_verity_digest d = {.size = sizeof d.digest};

	if (ioctl(fd, (int)FS_IOC_MEASURE_VERITY, &d) < 0 || d.algorithm != SHA256 ||
		d.size != DIGEST_SIZE)
		return false;
	digest_text(d.digest, text);
	return true;
}

/* -- files ------------------------------------------------------------------------------------- */

int
measure_file(struct err *e, int fd, const char *name, struct measured *m, bool verity)
{
	static uint8_t buf[64 << 10] BUFFER;
	uint8_t digest[DIGEST_SIZE];
	struct digest d;
	size_t len;

	m->size = 0;
	memset(levels, 0, sizeof levels);
	digest_begin(&d);
	do {
		ssize_t n = 0;

		/* Whole blocks, whatever a read gives: the tree is made of those. */
		for (len = 0; len < sizeof buf; len += (size_t)n) {
			n = pread(fd, buf + len, sizeof buf - len, (off_t)(m->size + len));
			if (n < 0 && errno == EINTR)
				n = 0;
			else if (n < 0)
				return fail_errno(e, "read %s", name);
			else if (n == 0)
				break;
		}
		digest_add(&d, buf, len);
		for (size_t at = 0; verity && at < len; at += BLOCK)
			add_block(buf + at, len - at < BLOCK ? len - at : BLOCK);
		m->size += len;
	} while (len == sizeof buf);
	digest_end(&d, digest);
	digest_text(digest, m->sha256);
	if (verity)
		finish_tree(m->size, m->fs_verity);
	return 0;
}
