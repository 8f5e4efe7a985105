#include "spec/manifest.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "spec/check.h"
#include "spec/fields.h"
#include "spec/view.h"
#include "words/words.h"

#include <string.h>

/* -- rules of single values -------------------------------------------------------------------- */

/* Not cleaned but refused: two spellings of a path would be two files in the list. */
static bool
is_clean(const char *path)
{
	size_t n = strlen(path);

	if (n > MANIFEST_PATH_MAX)
		return false;
	for (path += *path == '/'; n > 0; path += n + 1) {
		n = str_until(path, "/");
		if (n == 0 || (*path == '.' && (n == 1 || (n == 2 && path[1] == '.'))))
			return false;
		if (!path[n])
			return true;
	}
	return false;
}

/* `at` is where in the document the object is. */
static int
check_object(struct err *e, const char *at, const struct manifest_object *o)
{
	bool file = o->kind == SEALED_FILE;

	if (!is_clean(o->path))
		return fail(e, "%s.path: \"%s\" is not a clean path", at, o->path);
	if (file != o->size_set || (!file && (o->fs_verity || o->dm_verity.root_hash)))
		return fail(e,
			"%s: a file has a size, a directory neither that nor fsVerity nor dmVerity",
			at);
	if (o->dm_verity.root_hash && o->dm_verity.data_blocks >= o->size / MANIFEST_BLOCK)
		return fail(e,
			"%s.dmVerity.dataBlocks: the file has no room for a tree behind them", at);
	return 0;
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
		if (o->dm_verity.root_hash)
			return fail(e, "%s.dmVerity: for the root alone", at);
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

/* As fields.c has it for KIND_LIST. */
struct list {
	const void *at;
	uint32_t n;
};

static void write_members(struct jsonw *w, const struct object *o, const char *from);

static void
write_object(struct jsonw *w, const char *name, const struct object *o, const char *from)
{
	jsonw_begin_object(w, name);
	write_members(w, o, from);
	jsonw_end_object(w);
}

static void
write_list(struct jsonw *w, const char *name, const struct object *o, const struct list *list)
{
	jsonw_begin_array(w, name);
	for (uint32_t i = 0; i < list->n; i++)
		write_object(w, NULL, o, (const char *)list->at + (size_t)i * o->size);
	jsonw_end_array(w);
}

/* The kinds of those rows that a manifest has. */
static void
write_value(struct jsonw *w, const struct field *row, const char *name, const void *from)
{
	switch (row->kind) {
	case KIND_U32:
		jsonw_u64(w, name, *(const uint32_t *)from);
		break;
	case KIND_U64:
		jsonw_u64(w, name, *(const uint64_t *)from);
		break;
	case KIND_WORD:
		jsonw_string(w, name, words_name(row->of, *(const int *)from));
		break;
	case KIND_OBJECT:
		write_object(w, name, fields_inner(row), from);
		break;
	case KIND_LIST:
		write_list(w, name, fields_inner(row), from);
		break;
	default:
		jsonw_string(w, name, *(const char *const *)from);
	}
}

/* What is optional is left out where it was not set: a text that is NULL. */
static void
write_members(struct jsonw *w, const struct object *o, const char *from)
{
	const struct field *row = fields_rows(o);
	const char *name = fields_names(o);

	for (uint32_t n = 0; n < o->n; n++, row++, name = str_after(name))
		if (row->need == NEED_required ||
			(row->set ? from[row->set - 1]
				  : *(const char *const *)(const void *)(from + row->at) != NULL))
			write_value(w, row, name, from + row->at);
}

int
manifest_write(struct err *e, char *out, size_t size, const struct manifest *m)
{
	struct jsonw w = jsonw_in(out, size - 1, 2); /* and the last newline */

	jsonw_begin_object(&w, NULL);
	write_members(&w, fields_manifest(), (const char *)m);
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
