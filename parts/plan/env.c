#include "plan/env.h"

#include "base/arena.h"
#include "base/str.h"

#include <string.h>

/* Names seen, as indices of `env` plus one in an open hash table at most half full. */
struct seen {
	const struct strings *env;
	uint32_t *slot;
	uint32_t mask;
};

static size_t
name_length(const char *entry)
{
	return str_until(entry, "=");
}

/* FNV-1a */
static uint32_t
hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	while (n-- > 0)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h;
}

/* Adds the name of entry `i`; false when it was there. */
static bool
add(struct seen *seen, uint32_t i)
{
	const char *entry = seen->env->at[i];
	size_t n = name_length(entry);

	for (uint32_t at = hash(entry, n);; at++) {
		uint32_t *slot = &seen->slot[at & seen->mask];
		const char *other;

		if (*slot == 0) {
			*slot = i + 1;
			return true;
		}
		other = seen->env->at[*slot - 1];
		if (name_length(other) == n && memcmp(other, entry, n) == 0)
			return false;
	}
}

int
env_make(struct err *e, struct strings *out, bool *home_missing, const struct strings *env)
{
	struct seen seen = {.env = env, .mask = 1};
	uint32_t first = env->n;

	while (seen.mask < 2 * (size_t)env->n)
		seen.mask = seen.mask << 1 | 1;
	seen.slot = arena_take(e, (size_t)seen.mask + 1, sizeof(*seen.slot));
	out->at = arena_take(e, (size_t)env->n + 1, sizeof(*out->at));
	if (!seen.slot || !out->at)
		return -1;
	*home_missing = true;
	/* From behind, so that the last of a name is the first to be seen. */
	for (uint32_t i = env->n; i > 0; i--) {
		const char *entry = env->at[i - 1];

		if (!add(&seen, i - 1) || str_equal(entry, "HOME="))
			continue;
		if (str_starts(entry, "HOME="))
			*home_missing = false;
		out->at[--first] = entry;
	}
	out->n = env->n - first;
	memmove(out->at, out->at + first, out->n * sizeof(*out->at));
	out->at[out->n] = NULL;
	out->present = true;
	return 0;
}
