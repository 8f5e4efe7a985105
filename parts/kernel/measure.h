/* measure: digests of files and of directories.
 *
 * Contract: measure_file() reads a file through its descriptor; measure_directory() makes the
 * canonical listing of a directory and everything below it, which the chapter "Signed bundles" of
 * the README defines byte by byte, and digests it while it is made.  Below the descriptor nothing
 * is resolved by a path.  What a directory of the kernel says (its order, times, inodes, sizes of
 * directories) is not in a listing, so that a copy on another filesystem has the same.
 *
 * Floor: kernel (uses base).  Runs in: host.
 * Kernel: fs-verity (Documentation/filesystems/fsverity), dm-verity
 * (Documentation/admin-guide/device-mapper/verity), listxattr(2).
 */
#ifndef KERNEL_MEASURE_H
#define KERNEL_MEASURE_H

#include "base/digest.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	MEASURE_DEPTH_MAX = 128,       /* directories inside each other */
	MEASURE_NAMES_MAX = 262144,    /* names in one directory and all above it */
	MEASURE_NAMES_BYTES = 4 << 20, /* and their bytes, a NUL each */
};

struct measured {
	uint64_t size; /* bytes */
	char sha256[DIGEST_TEXT];
	char fs_verity[DIGEST_TEXT]; /* what the kernel would measure: SHA-256, blocks of 4096
				      * bytes, no salt */
};

/* Reads fd from its beginning to its end: a regular file, open for reading.  verity: is that digest
 * wanted, too?  name is for messages. */
int measure_file(struct err *e, int fd, const char *name, struct measured *m, bool verity);

/* Has the file fs-verity?  Then the digest that the kernel measured, without reading the file. */
bool measure_verity(int fd, char digest[DIGEST_TEXT]);

/* A tree of dm-verity. */
struct measured_tree {
	uint64_t blocks; /* of 4096 bytes that it stands for: given */
	char root_hash[DIGEST_TEXT], salt[DIGEST_TEXT];
};

/* The root of the tree that lies behind t->blocks of data, found by reading all of both; "" where
 * there is none: SHA-256, blocks of 4096 bytes, a salt of 32.  It is an error if it is not what the
 * data have. */
int measure_dm_verity(struct err *e, int fd, const char *name, struct measured_tree *t);

/* The digest of the listing of a directory that is open for reading. */
int measure_directory(struct err *e, int fd, const char *name, char digest[DIGEST_TEXT]);

#endif
