#include "plan/facts.h"

#include "base/str.h"

#include <string.h>

const struct facts_hierarchy *
facts_controller(const struct facts *f, const char *controller)
{
	for (uint32_t i = 0; i < f->n_hierarchies; i++) {
		const struct facts_hierarchy *h = &f->hierarchy[i];

		if (*controller ? !h->v2 && str_listed(h->controllers, controller) : h->v2)
			return h;
	}
	return NULL;
}

bool
facts_cgroup2_only(const struct facts *f)
{
	return f->n_hierarchies == 1 && f->hierarchy[0].v2;
}

/* -- facts as text: only tests read it ------------------------------------------------------ */

enum { WORDS_MAX = 6 }; /* of one line, its name included */

/* Cuts a line at its blanks; returns the number of words, WORDS_MAX + 1 when there are more. */
static int
split(char *line, char *word[WORDS_MAX])
{
	int n = 0;

	for (;;) {
		line += str_span(line, " \t");
		if (*line == '\0')
			return n;
		if (n == WORDS_MAX)
			return WORDS_MAX + 1;
		word[n++] = line;
		line += str_until(line, " \t");
		if (*line != '\0')
			*line++ = '\0';
	}
}

static int
read_hex(const char *s, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t value = 0;
	size_t n;

	for (n = 0; s[n] != '\0' && n < 17; n++) {
		const char *digit = strchr(digits, s[n]);

		if (!digit)
			return -1;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	if (n == 0 || n > 16)
		return -1;
	*out = value;
	return 0;
}

static int
read_u32(const char *s, uint32_t *out)
{
	uint64_t value;

	if (str_u64(s, &value) < 0 || value > UINT32_MAX)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int
read_flag(const char *s, bool *out)
{
	*out = str_equal(s, "1");
	return *out || str_equal(s, "0") ? 0 : -1;
}

/* "v1 CONTROLLERS MOUNT_POINT MOUNT_ROOT OWN", "v2 MOUNT_POINT MOUNT_ROOT OWN" */
static int
read_hierarchy(struct facts *f, char **word, int n)
{
	bool v2 = str_equal(word[0], "v2");
	struct facts_hierarchy *h = &f->hierarchy[f->n_hierarchies];

	if (n != (v2 ? 4 : 5) || f->n_hierarchies == FACTS_HIERARCHIES_MAX)
		return -1;
	f->n_hierarchies++;
	h->v2 = v2;
	h->controllers = v2 ? "" : word[1];
	word += v2 ? 1 : 2;
	h->mount_point = word[0];
	h->mount_root = word[1];
	h->own = word[2];
	return 0;
}

static int
read_line(struct facts *f, char **word, int n)
{
	if (str_equal(word[0], "v1") || str_equal(word[0], "v2"))
		return read_hierarchy(f, word, n);
	if (str_equal(word[0], "manager") && n == 3) {
		f->manager = word[1];
		f->manager_cgroup = str_equal(word[2], "/") ? "" : word[2];
		return 0;
	}
	if (n != 2)
		return -1;
	if (str_equal(word[0], "euid"))
		return read_u32(word[1], &f->euid);
	if (str_equal(word[0], "egid"))
		return read_u32(word[1], &f->egid);
	if (str_equal(word[0], "user_namespace"))
		return read_flag(word[1], &f->user_namespace);
	if (str_equal(word[0], "cap_last"))
		return read_u32(word[1], &f->cap_last);
	if (str_equal(word[0], "cap_bounding"))
		return read_hex(word[1], &f->cap_bounding);
	if (str_equal(word[0], "cap_effective"))
		return read_hex(word[1], &f->cap_effective);
	if (str_equal(word[0], "apparmor"))
		return read_flag(word[1], &f->apparmor);
	if (str_equal(word[0], "selinux"))
		return read_flag(word[1], &f->selinux);
	if (str_equal(word[0], "resctrl"))
		f->resctrl = word[1];
	else if (str_equal(word[0], "image"))
		f->image = word[1];
	else
		return -1;
	return 0;
}

int
facts_read(struct err *e, struct facts *f, char *text)
{
	memset(f, 0, sizeof(*f));
	for (int number = 1; *text != '\0'; number++) {
		char *word[WORDS_MAX], *line = text;
		int n;

		text += str_until(text, "\n");
		if (*text != '\0')
			*text++ = '\0';
		n = split(line, word);
		if (n == 0 || *word[0] == '#')
			continue;
		if (n > WORDS_MAX || read_line(f, word, n) < 0)
			return fail(e, "facts: line %d: \"%s\" is not understood", number, word[0]);
	}
	return 0;
}
