#include "plan/cover.h"

#include "base/arena.h"
#include "base/str.h"
#include "plan/path.h"

#include <string.h>

const char *
cover_path(struct err *e, const char *property, const char *bundle, const char *path)
{
	const char *whole = path_below(e, property, bundle, path);
	size_t n = strlen(bundle);

	n -= bundle[n - 1] == '/'; /* the bundle is the root of the host */
	if (!whole)
		return NULL;
	if (!path_goes_up(whole)) {
		if (strncmp(whole, bundle, n) != 0 || (whole[n] != '/' && whole[n] != '\0'))
			return whole;
		whole += n;
		whole += *whole == '/';
		if (*whole)
			return whole;
	}
	(void)fail(e, "%s: \"%s\" cannot be sealed: it has \"..\" or is the bundle itself",
		property, path);
	return NULL;
}

static int
add(struct err *e, struct covers *list, const char *bundle, const char *path, const char *property)
{
	struct cover *c = &list->at[list->n++];

	c->property = property;
	c->path = property ? cover_path(e, property, bundle, path) : NULL;
	return c->path ? 0 : -1;
}

static bool
has_option(const struct spec_mount *m, const char *one, const char *other)
{
	for (uint32_t i = 0; i < m->options.n; i++)
		if (str_equal(m->options.at[i], one) || str_equal(m->options.at[i], other))
			return true;
	return false;
}

static bool
names_bundle(const char *text, const char *bundle)
{
	size_t n = strlen(bundle);

	for (const char *at = text; n > 1 && (at = str_find(at, bundle)); at += n)
		if (at[n] == '/' && (at == text || strchr("=:, '\"", at[-1])))
			return true;
	return false;
}

/* Arguments of a hook, or options of a mount that binds nothing. */
static int
add_words(struct err *e, struct covers *list, const char *bundle, const struct strings *words,
	const char *property)
{
	size_t n = strlen(bundle);

	for (uint32_t i = 0; property && i < words->n; i++) {
		struct cover *c = &list->at[list->n];
		const char *text = words->at[i];

		if (!names_bundle(text, bundle))
			continue;
		list->n++;
		c->inside = true;
		c->path = strncmp(text, bundle, n) == 0 && text[n] == '/' ? text + n + 1 : text;
		c->property = arena_string(e, "%s[%u]", property, i);
		if (!c->property)
			return -1;
	}
	return property ? 0 : -1;
}

static size_t
most(const struct spec *s)
{
	size_t n = (size_t)2 + s->mounts.n; /* root, annotation, ... */

	for (int kind = 0; kind < HOOKS; kind++)
		for (uint32_t i = 0; i < s->hooks.kind[kind].n; i++)
			n += 1 + s->hooks.kind[kind].at[i].args.n;
	for (uint32_t i = 0; i < s->mounts.n; i++)
		n += s->mounts.at[i].options.n;
	return n;
}

int
cover_list(struct err *e, struct covers *list, const struct spec *s, const char *bundle)
{
	struct cover *c = arena_take(e, most(s), sizeof *c);
	const char *attest = spec_pair(&s->annotations, COVER_ATTEST);

	*list = (struct covers){.at = c};
	if (!c)
		return -1;
	c->needed = true;
	c->writable = !s->root.readonly;
	TRY(add(e, list, bundle, s->root.path, "root.path"));
	if (attest) {
		c[1].needed = true;
		TRY(add(e, list, bundle, attest, "annotations: " COVER_ATTEST));
	}
	for (int kind = 0; kind < HOOKS; kind++)
		for (uint32_t i = 0; i < s->hooks.kind[kind].n; i++) {
			/* HK-4: these are programs of the container */
			if (kind == HOOK_START_CONTAINER)
				continue;
			c[list->n].needed = true;
			TRY(add(e, list, bundle, s->hooks.kind[kind].at[i].path,
				arena_string(
					e, "hooks.%s[%u].path", words_name(WORDS_HOOK, kind), i)));
			TRY(add_words(e, list, bundle, &s->hooks.kind[kind].at[i].args,
				arena_string(
					e, "hooks.%s[%u].args", words_name(WORDS_HOOK, kind), i)));
		}
	for (uint32_t i = 0; i < s->mounts.n; i++) {
		const struct spec_mount *m = &s->mounts.at[i];

		if (!m->source || !has_option(m, "bind", "rbind")) {
			TRY(add_words(e, list, bundle, &m->options,
				arena_string(e, "mounts[%u].options", i)));
			continue;
		}
		TRY(add(e, list, bundle, m->source, arena_string(e, "mounts[%u].source", i)));
		c[list->n - 1].needed = *c[list->n - 1].path != '/';
		/* Where the bundle is moved to, this would not be of it any more. */
		if (c[list->n - 1].needed && *m->source == '/')
			c[list->n - 1].path =
				path_below(e, c[list->n - 1].property, bundle, m->source);
		c[list->n - 1].writable = !has_option(m, "ro", "rro");
	}
	return 0;
}
