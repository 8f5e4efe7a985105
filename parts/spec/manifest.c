#include "spec/manifest.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "spec/check.h"
#include "spec/fields.h"
#include "spec/view.h"
#include "words/words.h"

#include <string.h>

/* -- rules of single values -------------------------------------------------------------------- */

static int
check_digest(struct err *e, const char *path, const char *name, const char *digest)
{
	if (strlen(digest) == MANIFEST_DIGEST &&
		str_span(digest, "0123456789abcdef") == MANIFEST_DIGEST)
		return 0;
	return fail(
		e, "%s.%s: not %d hexadecimal digits in lower case", path, name, MANIFEST_DIGEST);
}

/* Not cleaned but refused: two spellings of a path would be two files in the list. */
static bool
is_clean(const char *path)
{
	char clean[MANIFEST_PATH_MAX + 2];
	size_t skip = *path != '/';

	if (!*path || strlen(path) > MANIFEST_PATH_MAX)
		return false;
	(void)str_format(clean, sizeof clean, "/%s", path + !skip); /* fits */
	return str_clean_path(clean, sizeof clean, clean) > 1 && str_equal(clean + skip, path);
}

/* `at` is where in the document the object is. */
static int
check_object(struct err *e, const char *at, const struct manifest_object *o)
{
	if (!is_clean(o->path))
		return fail(e, "%s.path: \"%s\" is not a clean path", at, o->path);
	TRY(check_digest(e, at, "sha256", o->sha256));
	if (o->kind == SEALED_FILE && !o->size_set)
		return fail(e, "%s.size: missing", at);
	if (o->kind == SEALED_DIRECTORY && o->size_set)
		return fail(e, "%s.size: a directory has none", at);
	if (o->kind == SEALED_DIRECTORY && o->fs_verity)
		return fail(e, "%s.fsVerity: a directory has none", at);
	return o->fs_verity ? check_digest(e, at, "fsVerity", o->fs_verity) : 0;
}

static int
check_files(struct err *e, const struct manifest *m)
{
	char at[32];

	if (m->files.n > MANIFEST_FILES_MAX)
		return fail(e, "files: more than %d entries", MANIFEST_FILES_MAX);
	for (uint32_t i = 0; i < m->files.n; i++) {
		const struct manifest_object *o = &m->files.at[i];

		(void)str_format(at, sizeof at, "files[%u]", i); /* fits */
		TRY(check_object(e, at, o));
		if (i > 0 && strcmp(o[-1].path, o->path) >= 0)
			return fail(e, "%s.path: \"%s\" does not come after \"%s\"", at, o->path,
				o[-1].path);
	}
	return 0;
}

int
manifest_check_name(struct err *e, const char *name)
{
	struct err ignored;

	if (strlen(name) > MANIFEST_NAME_MAX || spec_check_id(&ignored, name) < 0)
		return fail(e, "name: \"%s\" is not 1 to %d of A-Z a-z 0-9 _ + . -", name,
			MANIFEST_NAME_MAX);
	return 0;
}

/* -- documents --------------------------------------------------------------------------------- */

static int
read_members(struct err *e, struct manifest *m, char *text, size_t len)
{
	const struct view_text t = {text, len, MANIFEST_FILE, true};

	TRY(view_document(e, fields_manifest(), m, NULL, &t));
	if (m->format != MANIFEST_FORMAT)
		return fail(e, "format: %u is not supported", m->format);
	TRY(manifest_check_name(e, m->name));
	TRY(check_digest(e, "config", "sha256", m->config));
	TRY(check_object(e, "root", &m->root));
	return check_files(e, m);
}

int
manifest_read(struct err *e, struct manifest *m, char *text, size_t len)
{
	if (read_members(e, m, text, len) == 0)
		return 0;
	return str_starts(e->text, MANIFEST_FILE ": ") ? -1 : context(e, MANIFEST_FILE);
}

static void
write_object(struct jsonw *w, const char *key, const struct manifest_object *o)
{
	jsonw_begin_object(w, key);
	jsonw_string(w, "path", o->path);
	jsonw_string(w, "kind", words_name(WORDS_SEALED_KIND, o->kind));
	if (o->size_set)
		jsonw_u64(w, "size", o->size);
	jsonw_string(w, "sha256", o->sha256);
	if (o->fs_verity)
		jsonw_string(w, "fsVerity", o->fs_verity);
	jsonw_end_object(w);
}

int
manifest_write(struct err *e, char *out, size_t size, const struct manifest *m)
{
	struct jsonw w = jsonw_in(out, size - 1, 2); /* and the last newline */

	jsonw_begin_object(&w, NULL);
	jsonw_u64(&w, "format", m->format);
	jsonw_string(&w, "name", m->name);
	jsonw_u64(&w, "version", m->version);
	jsonw_u64(&w, "created", m->created);
	if (m->not_before)
		jsonw_u64(&w, "notBefore", m->not_before);
	jsonw_begin_object(&w, "config");
	jsonw_string(&w, "sha256", m->config);
	jsonw_end_object(&w);
	write_object(&w, "root", &m->root);
	jsonw_begin_array(&w, "files");
	for (uint32_t i = 0; i < m->files.n; i++)
		write_object(&w, NULL, &m->files.at[i]);
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	if (w.cut)
		return fail(e, "the manifest is larger than %zu bytes", size - 2);
	out[w.len] = '\n';
	out[w.len + 1] = '\0';
	return (int)w.len + 1;
}

int
manifest_find(const struct manifest *m, const char *path)
{
	for (uint32_t i = 0; i < m->files.n; i++)
		if (str_equal(m->files.at[i].path, path))
			return (int)i;
	return -1;
}
