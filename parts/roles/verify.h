/* verify: is a bundle what somebody signed?
 *
 * Contract: verify_manifest() reads seal.json and its signature and looks for a key that made it,
 * before a byte of it is parsed; verify_config() compares the bytes of a config that was already
 * read, before they are parsed; verify_objects() opens the root filesystem, hooks and bind sources
 * that this config means and compares them with the manifest.  What is to be used is what was
 * opened: the descriptors are given back.  A caller calls them in this order.  Every failure has
 * e->number ERR_UNVERIFIED, and leaves what is open to verify_close().  Nothing is changed
 * anywhere.
 *
 * Floor: roles (uses base, spec, plan, kernel).  Runs in: host.
 * Spec: the chapter "Signed bundles" of the README.
 */
#ifndef ROLES_VERIFY_H
#define ROLES_VERIFY_H

#include "base/digest.h"
#include "base/err.h"
#include "spec/manifest.h"
#include "spec/view.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define VERIFY_KEYS "/etc/ocirt/keys" /* where *.pem are the keys that count */

/* How far what was checked can still change under a descriptor of it. */
enum verify_strength {
	VERIFY_WRITABLE,  /* it lies on a mount that can be written */
	VERIFY_READ_ONLY, /* on a read-only mount */
	VERIFY_DM_VERITY, /* it does so where an image is mounted: what was changed is not read */
	VERIFY_FS_VERITY, /* the kernel itself checks what is read: the content cannot change */
};

struct verified_object {
	const struct manifest_object *object; /* NULL: not looked at yet */
	int fd; /* open for reading: the file, or the directory.  Ours until verify_close(), or
		 * until the caller takes it by fd_keep(&o->fd) */
	enum verify_strength strength;
	bool mounted; /* given: will it be, through dm-verity if that is the strength?  Then it is
		       * not read */
};

struct verified {
	int bundle_dir; /* the caller's, as long as verify_find() is called */
	struct manifest manifest;
	uint8_t sha256[DIGEST_SIZE]; /* of seal.json */
	char digest[DIGEST_TEXT];    /* that in hexadecimal digits */
	char key_id[DIGEST_TEXT];    /* of the key that signed it: public_key_id() */
	const char *key;	     /* the file that it was found in */
	struct verified_object root;
	struct verified_object file[MANIFEST_FILES_MAX]; /* as manifest.files.at */
};

struct verify_keys {
	const char *key;    /* one PEM file; NULL: those of the directory */
	const char *dir;    /* of *.pem; NULL: VERIFY_KEYS */
	const char *digest; /* in place of a signature: that of seal.json, found good before */
	bool of_system;	    /* the directory counts only as far as verify_writers() allows */
};

/* Whatever kept us from verifying, nothing was verified: e->number becomes ERR_UNVERIFIED.  Returns
 * -1. */
int verify_refuse(struct err *e);

/* Fails where others than root, or the caller himself, can write to what s is about.  In a user
 * namespace nothing fails: there the ids of others cannot be told apart. */
int verify_writers(struct err *e, const struct stat *s, const char *name);

/* fd_read_file() of what nobody else can write to. */
ssize_t verify_read(struct err *e, int dir, const char *path, char *buf, size_t size);

int verify_manifest(
	struct err *e, struct verified *v, int bundle_dir, const struct verify_keys *keys);

/* Is it too early for this manifest?  The time is the latest of the clock, the manifest's creation
 * and `earliest` (seconds since 1970), which is what the caller knows to be past. */
int verify_time(struct err *e, const struct verified *v, uint64_t earliest);

/* `text` is the config as it was read, byte for byte; name is for the message. */
int verify_config(
	struct err *e, const struct verified *v, const char *text, size_t len, const char *name);

/* `bundle` is the absolute path of bundle_dir, as the config means it. */
int verify_objects(struct err *e, struct verified *v, int bundle_dir, const char *bundle,
	const struct spec *s);

/* What stands for a path that a property of the config has: a hook's, or the source of a bind
 * mount; opened and compared now where verify_objects() has not done it.  *o is NULL when the
 * manifest does not have it: a source outside the bundle, never a hook outside the container. */
int verify_find(struct err *e, struct verified *v, const char *property, const char *bundle,
	const char *path, struct verified_object **o);

/* For the user: "fs-verity: cannot change". */
const char *verify_words(enum verify_strength strength);

void verify_close(struct verified *v);

#endif
