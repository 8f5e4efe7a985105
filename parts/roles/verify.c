#include "roles/verify.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mnt.h"
#include "base/signature.h"
#include "base/str.h"
#include "kernel/image.h"
#include "kernel/measure.h"
#include "kernel/probe.h"
#include "roles/sealed.h"
#include "plan/cover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int
verify_refuse(struct err *e)
{
	e->number = ERR_UNVERIFIED;
	return -1;
}

/* -- what is the system's -----------------------------------------------------------------------
 */

int
verify_writers(struct err *e, const struct stat *s, const char *name)
{
	if ((s->st_uid == 0 || s->st_uid == geteuid()) && !(s->st_mode & S_IWOTH) &&
		(s->st_gid == 0 || !(s->st_mode & S_IWGRP)))
		return 0;
	if (probe_user_namespace())
		return 0;
	return fail(e, "%s: others than root can write to it: owner %u:%u, mode %o", name,
		s->st_uid, s->st_gid, s->st_mode & 07777);
}

ssize_t
verify_read(struct err *e, int dir, const char *path, char *buf, size_t size)
{
	FD_AUTO int fd = fd_open_file(e, dir, path);
	struct stat s;

	TRY(fd);
	if (fstat(fd, &s) < 0)
		return fail_errno(e, "stat %s", path);
	TRY(verify_writers(e, &s, path));
	return fd_read_all(e, fd, buf, size, path);
}

/* -- the manifest and who signed it ------------------------------------------------------------ */

/* What was signed, and by what. */
struct signed_text {
	uint8_t digest[DIGEST_SIZE];
	char signature[SIGNATURE_TEXT_MAX + 1];
	size_t len;
};

/* Did the key of this file sign it?  -1 also when it is no key; *is_key tells. */
static int
try_key(struct err *e, struct verified *v, const struct verify_keys *keys, int dir,
	const char *file, const struct signed_text *t, bool *is_key)
{
	static char text[PUBLIC_KEY_TEXT_MAX + 1] BUFFER;
	struct public_key key;
	ssize_t n = keys->of_system ? verify_read(e, dir, file, text, sizeof text)
				    : fd_read_file(e, dir, file, text, sizeof text);

	*is_key = false;
	TRY(n);
	TRY(public_key_read(e, &key, text, (size_t)n, file));
	*is_key = true;
	if (signature_check(e, &key, t->digest, t->signature, t->len) < 0)
		return context(e, MANIFEST_SIGNATURE);
	public_key_id(&key, v->key_id);
	return 0;
}

/* Tries every key of a directory: a signature does not say whose it is. */
static int
try_keys(struct err *e, struct verified *v, const struct verify_keys *keys,
	const struct signed_text *t)
{
	const char *dir = keys->dir ? keys->dir : VERIFY_KEYS;
	static struct fd_dir walk BUFFER;
	const struct fd_entry *entry;
	FD_AUTO int fd = openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool any = false, is_key;
	struct stat s;

	if (fd < 0 || fstat(fd, &s) < 0)
		return fail_errno(e, "open %s", dir);
	if (keys->of_system)
		TRY(verify_writers(e, &s, dir));
	fd_dir_open(&walk, fd);
	while ((entry = fd_dir_next(&walk))) {
		if (!str_ends(entry->name, ".pem"))
			continue;
		any = true;
		if (try_key(e, v, keys, fd, entry->name, t, &is_key) == 0) {
			v->key = arena_string(e, "%s/%s", dir, entry->name);
			return v->key ? 0 : -1;
		}
		if (!is_key)
			log_warning("%s: ignored: %s", dir, e->text);
	}
	errno = walk.error;
	if (errno)
		return fail_errno(e, "read directory %s", dir);
	return fail(e, any ? MANIFEST_SIGNATURE ": not made by a key of %s" : "no key *.pem in %s",
		dir);
}

static int
find_key(struct err *e, struct verified *v, const struct verify_keys *keys,
	const struct signed_text *t)
{
	bool is_key;

	v->key = keys->key;
	return v->key ? try_key(e, v, keys, AT_FDCWD, v->key, t, &is_key) : try_keys(e, v, keys, t);
}

static int
read_manifest(struct err *e, struct verified *v, int bundle_dir, const struct verify_keys *keys)
{
	static char text[MANIFEST_TEXT_MAX + 1] BUFFER;
	static struct signed_text t BUFFER;
	ssize_t n = fd_read_file(e, bundle_dir, MANIFEST_FILE, text, sizeof text), m;

	if (n < 0)
		return context(e, "not sealed");
	digest_of(text, (size_t)n, t.digest);
	memcpy(v->sha256, t.digest, sizeof v->sha256);
	digest_text(t.digest, v->digest);
	if (keys->digest && !str_equal(v->digest, keys->digest))
		return fail(e, MANIFEST_FILE ": not what it was when the container was created");
	if (!keys->digest) {
		m = fd_read_file(
			e, bundle_dir, MANIFEST_SIGNATURE, t.signature, sizeof t.signature);
		if (m < 0)
			return context(e, "not signed");
		t.len = (size_t)m;
		TRY(find_key(e, v, keys, &t));
	}
	return manifest_read(e, &v->manifest, text, (size_t)n);
}

int
verify_manifest(struct err *e, struct verified *v, int bundle_dir, const struct verify_keys *keys)
{
	memset(v, 0, sizeof *v);
	v->bundle_dir = bundle_dir;
	v->root.fd = -1;
	for (int i = 0; i < MANIFEST_FILES_MAX; i++)
		v->file[i].fd = -1;
	return read_manifest(e, v, bundle_dir, keys) < 0 ? verify_refuse(e) : 0;
}

int
verify_time(struct err *e, const struct verified *v, uint64_t earliest)
{
	const struct manifest *m = &v->manifest;
	int64_t clock = clock_now().tv_sec;
	uint64_t now = clock < 0 ? 0 : (uint64_t)clock;
	struct timespec t = {.tv_sec = (time_t)m->not_before};
	char text[STR_TIME_MAX];

	if (now < earliest)
		now = earliest;
	if (now < m->created)
		now = m->created;
	if (now >= m->not_before)
		return 0;
	(void)str_time(text, sizeof text, &t, false); /* fits */
	(void)fail(e, MANIFEST_FILE ": notBefore: %llu (%s) is %llu seconds from now",
		(unsigned long long)m->not_before, text, (unsigned long long)(m->not_before - now));
	return verify_refuse(e);
}

int
verify_config(
	struct err *e, const struct verified *v, const char *text, size_t len, const char *name)
{
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_TEXT];

	digest_of(text, len, digest);
	digest_text(digest, hex);
	if (str_equal(hex, v->manifest.config))
		return 0;
	(void)fail(e, "%s: not what was sealed", name);
	return verify_refuse(e);
}

/* -- files ------------------------------------------------------------------------------------- */

static int
set_strength(struct err *e, struct verified_object *o)
{
	uint32_t flags;

	TRY(mnt_flags(e, o->fd, &flags));
	o->strength = flags & MS_RDONLY ? VERIFY_READ_ONLY : VERIFY_WRITABLE;
	return 0;
}

static bool
has_verity(const struct verified_object *o)
{
	char digest[DIGEST_TEXT];

	return o->object->fs_verity && measure_verity(o->fd, digest) &&
		str_equal(digest, o->object->fs_verity);
}

static int
check_object(struct err *e, int bundle_dir, struct verified_object *o,
	const struct manifest_object *want)
{
	struct manifest_object is = {.path = want->path};
	enum sealed_kind kind = SEALED_FILE;
	struct stat s;

	o->object = want;
	TRY(o->fd = sealed_open(e, bundle_dir, want->path, &kind));
	is.kind = (int)kind;
	if (is.kind != want->kind)
		return fail(e, "%s: sealed as a %s, which it is not", want->path,
			words_name(WORDS_SEALED_KIND, want->kind));
	if (fstat(o->fd, &s) < 0)
		return fail_errno(e, "stat %s", want->path);
	if (kind == SEALED_FILE && (uint64_t)s.st_size != want->size)
		return fail(e, "%s: not what was sealed: %llu bytes instead of %llu", want->path,
			(unsigned long long)s.st_size, (unsigned long long)want->size);
	TRY(set_strength(e, o));
	if (has_verity(o)) {
		o->strength = VERIFY_FS_VERITY;
		return 0;
	}
	if (want->dm_verity.root_hash && image_can_verity()) {
		o->strength = VERIFY_DM_VERITY;
		if (o->mounted)
			return 0;
	}
	TRY(sealed_measure(e, o->fd, &is, false));
	if (str_equal(is.sha256, want->sha256))
		return 0;
	return fail(e, "%s: not what was sealed", want->path);
}

/* Does the manifest know all that the config means? */
static int
check_cover(struct err *e, const struct manifest *m, const char *bundle, const struct spec *s)
{
	struct covers list;

	TRY(cover_list(e, &list, s, bundle));
	if (!str_equal(list.at[0].path, m->root.path))
		return fail(e, "root.path: \"%s\" is not \"%s\", which was sealed", list.at[0].path,
			m->root.path);
	for (uint32_t i = 1; i < list.n; i++)
		if (list.at[i].needed && manifest_find(m, list.at[i].path) < 0)
			return fail(e, "%s: \"%s\" was not sealed", list.at[i].property,
				list.at[i].path);
	return 0;
}

static int
check_objects(
	struct err *e, struct verified *v, int bundle_dir, const char *bundle, const struct spec *s)
{
	const struct manifest *m = &v->manifest;

	TRY(check_cover(e, m, bundle, s));
	for (uint32_t i = 0; i < m->files.n; i++)
		TRY(check_object(e, bundle_dir, &v->file[i], &m->files.at[i]));
	return check_object(e, bundle_dir, &v->root, &m->root);
}

int
verify_objects(
	struct err *e, struct verified *v, int bundle_dir, const char *bundle, const struct spec *s)
{
	return check_objects(e, v, bundle_dir, bundle, s) < 0 ? verify_refuse(e) : 0;
}

int
verify_find(struct err *e, struct verified *v, const char *property, const char *bundle,
	const char *path, struct verified_object **o)
{
	const char *name = cover_path(e, property, bundle, path);
	int i = name ? manifest_find(&v->manifest, name) : -1;

	if (name && i < 0)
		i = manifest_find(&v->manifest, path); /* as a bind mount has it */
	*o = i < 0 ? NULL : &v->file[i];
	if (name && (i < 0 || (*o)->fd >= 0))
		return 0;
	return name && check_object(e, v->bundle_dir, *o, &v->manifest.files.at[i]) == 0
		? 0
		: verify_refuse(e);
}

const char *
verify_words(enum verify_strength strength)
{
	static const char words[][40] = {
		[VERIFY_WRITABLE] = "writable: can change after the check",
		[VERIFY_READ_ONLY] = "on a read-only mount",
		[VERIFY_DM_VERITY] = "dm-verity: changes cannot be read",
		[VERIFY_FS_VERITY] = "fs-verity: cannot change",
	};

	return words[strength];
}

void
verify_close(struct verified *v)
{
	fd_close(&v->root.fd);
	for (int i = 0; i < MANIFEST_FILES_MAX; i++)
		fd_close(&v->file[i].fd);
}
