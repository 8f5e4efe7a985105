#include "words/mountopt.h"

#include "base/str.h"
#include "base/sys.h"

#include <sys/mount.h>

/* What an option does with its bits */
enum how { SET, CLEAR, ATTR, UNATTR, TIME, SPREAD, OURS };

/* The columns of mountopt.def.  The names stand one behind another, and an empty one ends them. */
static const char names[] =
#define OPTION(name, how, bits) name "\0"
#include "words/mountopt.def"
#undef OPTION
	;

static const uint8_t hows[] = {
#define OPTION(name, how, bits) how,
#include "words/mountopt.def"
#undef OPTION
};

static const uint32_t bits_of[] = {
#define OPTION(name, how, bits) bits,
#include "words/mountopt.def"
#undef OPTION
};

const char *
mountopt_next(const char *name)
{
	name = name ? str_after(name) : names;
	return *name ? name : NULL;
}

static struct mountopt
meaning(enum how how, uint32_t bits)
{
	switch (how) {
	case SET:
		return (struct mountopt){.set = bits};
	case CLEAR:
		return (struct mountopt){.clear = bits};
	case ATTR:
		return (struct mountopt){.attr_set = bits};
	case UNATTR:
		return (struct mountopt){.attr_clear = bits};
	case TIME:
		/* mount_setattr(2): a change of the access time must clear all of them first, and 0
		 * is relatime. */
		return (struct mountopt){.attr_set = bits, .attr_clear = MOUNT_ATTR__ATIME};
	case SPREAD:
		return (struct mountopt){.propagation = bits};
	case OURS:
		break;
	}
	return (struct mountopt){.ours = bits};
}

/* Is the name that *at points to the one that is looked for?  Moves on to the next one. */
static bool
is_name(const char **at, const char *name)
{
	const char *a = *at;
	bool same;

	for (; *a && *a == *name; a++)
		name++;
	same = *a == *name;
	while (*a)
		a++;
	*at = a + 1;
	return same;
}

bool
mountopt_find(const char *name, struct mountopt *o)
{
	const char *at = names;

	/* mount(8): names that begin so are comments for other programs */
	if (str_starts(name, "X-") || str_starts(name, "x-")) {
		*o = (struct mountopt){.ours = MOUNTOPT_IGNORED};
		return true;
	}
	for (size_t i = 0; *at; i++)
		if (is_name(&at, name)) {
			*o = meaning(hows[i], bits_of[i]);
			return true;
		}
	*o = (struct mountopt){0};
	return false;
}
