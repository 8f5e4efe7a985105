/* manifest: seal.json, which says what a bundle consists of.
 *
 * Contract: manifest_read() accepts a document with exactly the members of the rows in fields.def,
 * each of its type, and nothing besides, or fails with the path of the first property that is
 * wrong.  manifest_write() makes the one text that stands for a manifest.  Digests are texts of 64
 * hexadecimal digits in lower case.  The chapter "Signed bundles" of the README is the definition.
 *
 * Floor: spec (uses base, words).  Runs in: any process; pure.
 */
#ifndef SPEC_MANIFEST_H
#define SPEC_MANIFEST_H

#include "base/err.h"
#include "words/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_FILE "seal.json" /* its name in the bundle */
#define MANIFEST_SIGNATURE "seal.json.sig"

enum {
	MANIFEST_FORMAT = 1,
	MANIFEST_TEXT_MAX = 256 << 10, /* bytes of seal.json */
	MANIFEST_FILES_MAX = 128,
	MANIFEST_NAME_MAX = 128, /* bytes */
	MANIFEST_PATH_MAX = 4095,
	MANIFEST_DIGEST = 64,  /* hexadecimal digits of a SHA-256 */
	MANIFEST_BLOCK = 4096, /* bytes that a digest of dm-verity stands for */
};

/* The hash tree of dm-verity that lies behind the data in an image. */
struct manifest_verity {
	const char *root_hash; /* NULL: there is none, or it is not told */
	const char *salt;
	uint64_t data_blocks; /* of 4096 bytes; then comes the superblock, and then the tree */
};

/* A file or directory.  Its path is relative when it lies in the bundle, else absolute, and clean
 * by its letters: no `//`, `.`, `..` nor trailing `/`. */
struct manifest_object {
	const char *path;
	int kind;	       /* enum sealed_kind */
	const char *sha256;    /* of a file's bytes, of a directory's canonical listing */
	uint64_t size;	       /* bytes of a file; 0 for a directory */
	const char *fs_verity; /* the digest that the kernel measures of the file; NULL: not told */
	struct manifest_verity dm_verity;
	bool size_set;
};

struct manifest {
	uint32_t format;
	bool not_before_set;
	const char *name;    /* whose versions are compared; an id as of a container */
	uint64_t version;    /* at most 2^53 - 1, as the times */
	uint64_t created;    /* seconds since 1970 */
	uint64_t not_before; /* likewise; 0: any time */
	const char *config;  /* SHA-256 of config.json */
	struct manifest_object root;
	struct {
		struct manifest_object *at; /* sorted by path, each path once */
		uint32_t n;
	} files; /* hooks, sources of bind mounts, and what else was named to `seal` */
};

/* Reads len bytes of text, which is written to and must outlive m.  Errors begin with
 * "seal.json: " and the path of the property. */
int manifest_read(struct err *e, struct manifest *m, char *text, size_t len);

/* Writes the text of a manifest into out.  Returns its length. */
int manifest_write(struct err *e, char *out, size_t size, const struct manifest *m);

/* Which of the files has that path; -1: none. */
int manifest_find(const struct manifest *m, const char *path);

/* May a manifest have that name?  A name becomes one of a file. */
int manifest_check_name(struct err *e, const char *name);

#endif
