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

static const uint8_t sizes[] = {
#define OPTION(name, how, bits) sizeof(name),
#include "words/mountopt.def"
#undef OPTION
};

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

bool
mountopt_find(const char *name, struct mountopt *o)
{
	int row;

	/* mount(8): names that begin so are comments for other programs */
	if (str_starts(name, "X-") || str_starts(name, "x-")) {
		*o = (struct mountopt){.ours = MOUNTOPT_IGNORED};
		return true;
	}
	row = str_index(names, sizes, sizeof(sizes), name);
	*o = row < 0 ? (struct mountopt){0} : meaning(hows[row], bits_of[row]);
	return row >= 0;
}
