#include "roles/seal.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/signature.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/image.h"
#include "kernel/measure.h"
#include "kernel/reader.h"
#include "plan/cover.h"
#include "plan/plan.h"
#include "roles/load.h"
#include "roles/sealed.h"
#include "spec/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Puts a path among the others, unless it is there. */
static int
add_path(struct err *e, struct manifest *m, const char *path)
{
	uint32_t i = m->files.n;

	if (manifest_find(m, path) >= 0)
		return 0;
	if (i == MANIFEST_FILES_MAX)
		return fail(e, "more than %d files to seal besides the root", MANIFEST_FILES_MAX);
	for (; i > 0 && strcmp(m->files.at[i - 1].path, path) > 0; i--)
		m->files.at[i] = m->files.at[i - 1];
	m->files.at[i] = (struct manifest_object){.path = path};
	m->files.n++;
	return 0;
}

/* What is not what was sealed when the container starts again. */
static void
warn_change(const char *property, const char *path, const char *why)
{
	log_warning("%s: \"%s\" is %s: then the bundle is refused from the next start on", property,
		path, why);
}

static const char writes[] = "sealed, but the container can write there";

static void
warn_writable(const struct manifest *m, const struct cover *c)
{
	if (c->writable && c->needed)
		warn_change(c->property, c->path, writes);
	if (!c->needed && manifest_find(m, c->path) < 0)
		log_warning("%s: \"%s\" lies %s the bundle: it is not sealed", c->property, c->path,
			c->inside ? "in" : "outside");
}

/* Will create have to make this path in the root, of which it knows all but the first n mounts? */
static bool
is_missing(int root, const struct spec *s, uint32_t n, const char *path)
{
	FD_AUTO int fd = -1;
	struct err e;

	for (uint32_t i = 0; i < n; i++) {
		const char *upper = s->mounts.at[i].destination;
		size_t len = strlen(upper);

		if (str_starts(path, upper) && (path[len] == '/' || path[len] == '\0'))
			return false; /* there, and gone with it */
	}
	fd = fd_resolve(&e, root, path, O_PATH, RESOLVE_IN_ROOT);
	return fd < 0 && e.number == ENOENT;
}

static void
warn_missing(int root, const struct spec *s)
{
	static const char why[] = "missing in the root filesystem, where create makes it";
	char property[48];

	for (uint32_t i = 0; i < s->mounts.n; i++) {
		const char *path = s->mounts.at[i].destination;

		(void)str_format(property, sizeof property, "mounts[%u].destination", i); /* fits */
		if (is_missing(root, s, i, path))
			warn_change(property, path, why);
	}
	if (is_missing(root, s, s->mounts.n, s->process.cwd))
		warn_change("process.cwd", s->process.cwd, why);
}

/* Nobody can write to an image; an overlay takes what is written. */
static int
warn_root(struct err *e, int bundle_dir, const struct manifest *m, const struct spec *s)
{
	enum sealed_kind kind = SEALED_FILE;
	FD_AUTO int root = sealed_open(e, bundle_dir, m->root.path, &kind);

	if (root < 0)
		return -1;
	if (spec_pair(&s->annotations, PLAN_OVERLAY))
		return 0;
	if (kind == SEALED_DIRECTORY && !s->root.readonly)
		warn_change("root.path", m->root.path, writes);
	else if (kind == SEALED_DIRECTORY)
		warn_missing(root, s);
	return 0;
}

static int
add_paths(struct err *e, struct manifest *m, const struct spec *s, const char *bundle,
	const struct strings *more)
{
	struct covers list;

	m->files.at = arena_take(e, MANIFEST_FILES_MAX, sizeof *m->files.at);
	if (!m->files.at)
		return -1;
	TRY(cover_list(e, &list, s, bundle));
	m->root.path = list.at[0].path;
	for (uint32_t i = 0; i < more->n; i++) {
		const char *path = cover_path(e, "--file", bundle, more->at[i]);

		if (!path)
			return -1;
		TRY(add_path(e, m, path));
	}
	for (uint32_t i = 1; i < list.n; i++) { /* behind the root */
		warn_writable(m, &list.at[i]);
		if (list.at[i].needed)
			TRY(add_path(e, m, list.at[i].path));
	}
	return 0;
}

/* What kernels can check while they read an image. */
static int
measure_tree(struct err *e, int fd, struct manifest_object *o)
{
	static struct measured_tree t;

	t.blocks = o->kind == SEALED_FILE ? image_blocks(fd) : 0;
	if (t.blocks == 0)
		return 0;
	TRY(measure_dm_verity(e, fd, o->path, &t));
	if (*t.root_hash)
		o->dm_verity = (struct manifest_verity){t.root_hash, t.salt, t.blocks};
	return 0;
}

static int
measure(struct err *e, int bundle_dir, struct manifest_object *o, bool root)
{
	enum sealed_kind kind = SEALED_FILE;
	FD_AUTO int fd = sealed_open(e, bundle_dir, o->path, &kind);

	if (fd < 0)
		return -1;
	o->kind = (int)kind;
	TRY(sealed_measure(e, fd, o, true));
	return root ? measure_tree(e, fd, o) : 0;
}

static int
make_manifest(struct err *e, struct manifest *m, const struct seal_request *q)
{
	static struct spec spec BUFFER;
	static char hex[DIGEST_TEXT];
	const char *bundle, *text, *config = q->config ? q->config : "config.json";
	uint8_t digest[DIGEST_SIZE];
	FD_AUTO int dir = -1;
	size_t len;

	TRY(load_bundle(e, q->bundle, &config, &bundle));
	TRY(load_config(e, config, &text, &len));
	digest_of(text, len, digest);
	digest_text(digest, hex);
	TRY(load_decode(e, &spec, len, config));
	m->config = hex;
	m->name = q->name ? q->name : str_base(bundle);
	TRY(manifest_check_name(e, m->name));
	dir = openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_errno(e, "open %s", bundle);
	TRY(add_paths(e, m, &spec, bundle, &q->files));
	TRY(warn_root(e, dir, m, &spec));
	for (uint32_t i = 0; i < m->files.n; i++)
		TRY(measure(e, dir, &m->files.at[i], false));
	return measure(e, dir, &m->root, true);
}

/* What openssl said last. */
static char answer[PUBLIC_KEY_TEXT_MAX + 1] BUFFER;

/* Runs openssl, args[4] being the key.  Returns the length of the answer; its first line is why it
 * failed. */
static ssize_t
ask_openssl(struct err *e, const char *const args[])
{
	FD_AUTO int from = -1;
	pid_t child;
	ssize_t n;
	int status;

	TRY(from = reader_start(e, (char *const *)(uintptr_t)args, READER_JOINED, &child));
	n = fd_read_all(e, from, answer, sizeof answer, args[0]);
	fd_close(&from);
	status = reader_end(child);
	if (status == 127)
		return fail(e, "openssl: not found: --key needs it");
	if (n < 0 || status == 0)
		return n;
	answer[str_until(answer, "\n")] = '\0';
	return fail(e, "%s: openssl, status %d: %s", args[4], status, answer);
}

/* Its stdin, which it hashes no more.  Where it has no terminal it asks there for a passphrase, and
 * must not wait for one. */
static int
hand_over(struct err *e, const uint8_t digest[DIGEST_SIZE])
{
	int pair[2], result;

	if (sys_pipe2(pair, O_CLOEXEC) < 0)
		return fail_errno(e, "pipe");
	result = write(pair[1], digest, DIGEST_SIZE) == DIGEST_SIZE && dup2(pair[0], 0) == 0
		? 0
		: fail_errno(e, "pipe");
	(void)close(pair[0]);
	(void)close(pair[1]);
	return result;
}

/* The private key is openssl's alone; what it has made of it counts if it would at the start. */
static ssize_t
sign(struct err *e, const char *key, const char *text, size_t len)
{
	const char *const find[] = {"openssl", "pkey", "-pubout", "-in", key, NULL};
	const char *const make[] = {
		"openssl", "pkeyutl", "-sign", "-inkey", key, "-pkeyopt", "digest:sha256", NULL};
	uint8_t digest[DIGEST_SIZE];
	struct public_key k;
	ssize_t n;

	digest_of(text, len, digest);
	TRY(hand_over(e, digest));
	TRY(n = ask_openssl(e, find));
	TRY(public_key_read(e, &k, answer, (size_t)n, key));
	TRY(n = ask_openssl(e, make));
	return signature_check(e, &k, digest, answer, (size_t)n) < 0 ? context(e, "%s", key) : n;
}

/* The signature is made before anything is written: a key that is none leaves the bundle as it was.
 */
int
seal_bundle(struct err *e, const struct seal_request *q)
{
	static char text[MANIFEST_TEXT_MAX + 1] BUFFER;
	struct manifest m = {.format = MANIFEST_FORMAT,
		.version = q->version,
		.created = q->created,
		.not_before = q->not_before,
		.not_before_set = q->not_before > 0};
	const char *key = q->key;
	ssize_t n = 0;
	int len;

	TRY(load_absolute(e, &key));
	TRY(make_manifest(e, &m, q));
	TRY(len = manifest_write(e, text, sizeof text, &m));
	if (key)
		TRY(n = sign(e, key, text, (size_t)len));
	TRY(fd_replace(e, AT_FDCWD, MANIFEST_FILE, 0644, text, (size_t)len));
	if (!key)
		return 0;
	return fd_replace(e, AT_FDCWD, MANIFEST_SIGNATURE, 0644, answer, (size_t)n);
}
