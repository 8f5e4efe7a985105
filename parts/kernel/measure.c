#include "kernel/measure.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/mnt.h"
#include "base/sys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* -- the trees of fs-verity and dm-verity ------------------------------------------------------ */

enum {
	BLOCK = 4096, /* bytes that one digest of the tree stands for, in every level */
	BRANCHES = BLOCK / DIGEST_SIZE,
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
} levels[LEVELS_MAX] BUFFER;

/* What dm-verity has besides: salt before each block, and a tree that is already there. */
static struct tree {
	const uint8_t *salt; /* DIGEST_SIZE bytes; NULL: no dm-verity */
	int fd;
	uint64_t place[LEVELS_MAX]; /* byte where the next block of each level lies */
	bool differs;
} tree;

/* A block is digested as if zeros filled it up. */
static void
digest_block(const uint8_t *block, size_t len, uint8_t out[DIGEST_SIZE])
{
	static uint8_t zeros[BLOCK] BUFFER; /* never written to */
	struct digest d;

	digest_begin(&d);
	if (tree.salt)
		digest_add(&d, tree.salt, DIGEST_SIZE);
	digest_add(&d, block, len);
	digest_add(&d, zeros, BLOCK - len);
	digest_end(&d, out);
}

/* A block of the tree is complete: what lies there must be the same. */
static void
compare(struct level *l)
{
	static uint8_t there[BLOCK] BUFFER;
	uint64_t *place = &tree.place[l - levels];

	if (!tree.salt)
		return;
	memset(l->at + l->used, 0, BLOCK - l->used);
	if (pread(tree.fd, there, BLOCK, (off_t)*place) != BLOCK ||
		memcmp(there, l->at, BLOCK) != 0)
		tree.differs = true;
	*place += BLOCK;
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
		compare(l);
		block = l->at;
		len = BLOCK;
		l->used = 0;
	}
}

/* Closes level after level until one has a single digest: the root. */
static void
finish_tree(uint8_t root[DIGEST_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	for (struct level *l = levels; l < levels + LEVELS_MAX && l->digests > 0; l++) {
		if (l->digests == 1) {
			memcpy(root, l->at, DIGEST_SIZE);
			break;
		}
		if (l->used == 0)
			continue;
		compare(l);
		digest_block(l->at, l->used, digest);
		memcpy(l[1].at + l[1].used, digest, sizeof digest);
		l[1].used += sizeof digest;
		l[1].digests++;
	}
}

static void
finish_verity(uint64_t size, char text[DIGEST_TEXT])
{
	struct descriptor d = {.version = 1, .algorithm = SHA256, .log_block = 12};
	uint8_t digest[DIGEST_SIZE];

	for (int i = 0; i < 8; i++)
		d.size[i] = (uint8_t)(size >> 8 * i);
	finish_tree(d.root);
	digest_of(&d, sizeof d, digest);
	digest_text(digest, text);
}

bool
measure_verity(int fd, char text[DIGEST_TEXT])
{
	struct kabi_verity_digest d = {.size = sizeof d.digest};
	uint32_t magic = mnt_magic(fd);

	/* A filesystem in user space, or one behind a network, could say anything. */
	if (magic != EXT4_SUPER_MAGIC && magic != F2FS_SUPER_MAGIC && magic != BTRFS_SUPER_MAGIC)
		return false;
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
		finish_verity(m->size, m->fs_verity);
	return 0;
}

/* -- dm-verity --------------------------------------------------------------------------------- */

/* What veritysetup(8) writes before the tree; numbers are little-endian. */
struct superblock {
	char head[16]; /* "verity", version and type of the tree, both 1 */
	uint8_t uuid[16];
	char algorithm[32];
	uint8_t blocks[16]; /* bytes of a block of data and of the tree, how many of data */
	uint8_t salt_size[8];
	uint8_t salt[256];
	uint8_t rest[168];
};

_Static_assert(sizeof(struct superblock) == 512, "veritysetup(8)");

/* Is it of the one kind that we know? */
static bool
is_known(const struct superblock *s, uint64_t blocks)
{
	struct superblock want = {.head = "verity\0\0\1\0\0\0\1",
		.algorithm = "sha256",
		.blocks = {0, BLOCK >> 8, 0, 0, 0, BLOCK >> 8},
		.salt_size = {DIGEST_SIZE}};

	memcpy(want.uuid, s->uuid, sizeof want.uuid);
	for (int i = 0; i < 8; i++)
		want.blocks[8 + i] = (uint8_t)(blocks >> 8 * i);
	return memcmp(s, &want, offsetof(struct superblock, salt)) == 0;
}

/* The levels lie behind the superblock, the one below the root first. */
static void
place_levels(uint64_t blocks)
{
	uint64_t n[LEVELS_MAX], place = blocks + 1;
	int l = 0;

	for (; blocks > 1 && l < LEVELS_MAX; l++)
		n[l] = blocks = (blocks + BRANCHES - 1) / BRANCHES;
	while (l-- > 0) {
		tree.place[l] = place * BLOCK;
		place += n[l];
	}
}

int
measure_dm_verity(struct err *e, int fd, const char *name, struct measured_tree *t)
{
	static uint8_t block[BLOCK] BUFFER;
	static struct superblock s;
	uint8_t root[DIGEST_SIZE] = {0};

	*t->root_hash = '\0';
	if (pread(fd, &s, sizeof s, (off_t)(t->blocks * BLOCK)) != sizeof s ||
		!is_known(&s, t->blocks))
		return 0;
	memset(levels, 0, sizeof levels);
	tree = (struct tree){.salt = s.salt, .fd = fd};
	place_levels(t->blocks);
	for (uint64_t i = 0; i < t->blocks; i++) {
		if (pread(fd, block, BLOCK, (off_t)(i * BLOCK)) != BLOCK)
			return fail_errno(e, "read %s", name);
		add_block(block, BLOCK);
	}
	finish_tree(root);
	tree.salt = NULL;
	if (tree.differs)
		return fail(e, "%s: its dm-verity tree is not one of its data", name);
	digest_text(root, t->root_hash);
	digest_text(s.salt, t->salt);
	return 0;
}
