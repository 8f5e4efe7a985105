#include "spec/cover.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/manifest.h"
#include "words/words.h"

#include <string.h>

static bool
goes_up(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (at[0] == '.' && at[1] == '.' && (at[2] == '/' || at[2] == '\0'))
			return true;
	}
	return false;
}

const char *
cover_path(struct err *e, const char *bundle, const char *path)
{
	size_t n = strlen(bundle);
	char *whole =
		*path == '/' ? arena_string(e, "%s", path) : arena_string(e, "%s/%s", bundle, path);

	if (!whole)
		return NULL;
	if (goes_up(path)) {
		(void)fail(e, "\"%s\" goes up by \"..\", which a sealed path may not", path);
		return NULL;
	}
	if (str_clean_path(whole, strlen(whole) + 1, whole) > MANIFEST_PATH_MAX) {
		(void)fail(e, "longer than %d bytes", MANIFEST_PATH_MAX);
		return NULL;
	}
	n -= bundle[n - 1] == '/'; /* the bundle is the root of the host */
	if (strncmp(whole, bundle, n) != 0 || (whole[n] != '/' && whole[n] != '\0'))
		return whole;
	whole += n;
	whole += *whole == '/';
	if (*whole)
		return whole;
	(void)fail(e, "\"%s\" is the bundle itself, which holds the seal", path);
	return NULL;
}

static int
add(struct err *e, struct covers *list, const char *bundle, const char *path, struct cover c)
{
	if (!c.property)
		return -1; /* of arena_string() */
	c.path = cover_path(e, bundle, path);
	if (!c.path)
		return context(e, "%s", c.property);
	c.needed = c.kind != COVER_MOUNT || *c.path != '/';
	list->at[list->n++] = c;
	return 0;
}

static bool
has_option(const struct spec_mount *m, const char *option)
{
	for (uint32_t i = 0; i < m->options.n; i++)
		if (str_equal(m->options.at[i], option))
			return true;
	return false;
}

static int
add_hooks(struct err *e, struct covers *list, const struct spec *s, const char *bundle)
{
	for (int kind = 0; kind < HOOKS; kind++)
		for (uint32_t i = 0; i < s->hooks.kind[kind].n; i++) {
			/* HK-4: these are programs of the container */
			if (kind == HOOK_START_CONTAINER)
				continue;
			TRY(add(e, list, bundle, s->hooks.kind[kind].at[i].path,
				(struct cover){.property = arena_string(e, "hooks.%s[%u].path",
						       words_name(WORDS_HOOK, kind), i),
					.kind = COVER_HOOK}));
		}
	return 0;
}

static int
add_mounts(struct err *e, struct covers *list, const struct spec *s, const char *bundle)
{
	for (uint32_t i = 0; i < s->mounts.n; i++) {
		const struct spec_mount *m = &s->mounts.at[i];

		if (!m->source || (!has_option(m, "bind") && !has_option(m, "rbind")))
			continue;
		TRY(add(e, list, bundle, m->source,
			(struct cover){.property = arena_string(e, "mounts[%u].source", i),
				.kind = COVER_MOUNT,
				.writable = !has_option(m, "ro") && !has_option(m, "rro")}));
	}
	return 0;
}

int
cover_list(struct err *e, struct covers *list, const struct spec *s, const char *bundle)
{
	size_t most = (size_t)1 + s->mounts.n;

	for (int kind = 0; kind < HOOKS; kind++)
		most += s->hooks.kind[kind].n;
	*list = (struct covers){.at = arena_take(e, most, sizeof *list->at)};
	if (!list->at)
		return -1;
	TRY(add(e, list, bundle, s->root.path,
		(struct cover){.property = "root.path",
			.kind = COVER_ROOT,
			.writable = !s->root.readonly}));
	TRY(add_hooks(e, list, s, bundle));
	return add_mounts(e, list, s, bundle);
}
