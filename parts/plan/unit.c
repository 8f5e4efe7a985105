#include "plan/unit.h"

#include "base/arena.h"
#include "base/bits.h"
#include "base/str.h"

#include <string.h>

enum {
	UNIT_NAME_MAX = 255, /* bytes of a unit's name */
	QUOTA_STEP = 10000,  /* us: systemd counts in percent of a CPU */
	SECOND = 1000000,    /* us */
};

/* -- where it is ------------------------------------------------------------------------------- */

/* systemd.unit(5): all that a name may have; a slash would make it a path. */
static bool
is_unit_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!((name[i] | 32) >= 'a' && (name[i] | 32) <= 'z') &&
			!(name[i] >= '0' && name[i] <= '9') && !strchr(":-_.\\@", name[i]))
			return false;
	return n <= UNIT_NAME_MAX && *name != '.';
}

/* systemd.slice(5): "a-b.slice" is "/a.slice/a-b.slice", "-.slice" the root.  NULL: *e says why. */
static const char *
expand_slice(struct err *e, const char *slice)
{
	const char *path = "";
	size_t n = strlen(slice) - strlen(".slice");

	if (!str_ends(slice, ".slice") || n == 0 || !is_unit_name(slice))
		n = 0;
	if (n == 1 && *slice == '-')
		return path;
	for (size_t i = 0; i < n && path; i++) {
		if (slice[i] == '-' && (i == 0 || slice[i - 1] == '-'))
			n = 0;
		else if (slice[i] == '-')
			path = arena_string(e, "%s/%.*s.slice", path, (int)i, slice);
	}
	if (n > 0 && slice[n - 1] != '-')
		return path ? arena_string(e, "%s/%s", path, slice) : NULL;
	(void)fail(e, "linux.cgroupsPath: \"%s\" is not the name of a slice", slice);
	return NULL;
}

/* Appends a property; what else there is to say of it goes to u->last. */
static int
add(struct err *e, struct plan_unit *u, const char *name, const char *type, uint64_t number)
{
	struct plan_property *p = name ? arena_take(e, 1, sizeof *p) : NULL;

	if (!p)
		return -1;
	p->name = name;
	p->type = type;
	p->number = number;
	if (u->last)
		u->last->next = p;
	else
		u->properties = p;
	u->last = p;
	return 0;
}

static int
add_text(struct err *e, struct plan_unit *u, const char *name, const char *type, const char *text)
{
	TRY(add(e, u, name, type, 0));
	u->last->text = text;
	u->last->n = 1;
	return text ? 0 : -1;
}

static int
add_limit(struct err *e, struct plan_unit *u, const char *name, uint64_t number)
{
	TRY(add(e, u, name, "t", number));
	u->last->optional = true;
	return 0;
}

bool
unit_form(const char *path)
{
	const char *first = strchr(path, ':'), *second = first ? strchr(first + 1, ':') : NULL;

	return *path != '/' && second && !strchr(second + 1, ':');
}

/* The parts of "slice:prefix:name"; absent ones as the manager or our name has them. */
static int
take_apart(struct err *e, const struct plan *p, const char *part[3])
{
	const char *value = p->spec->linux_.cgroups_path;
	size_t first, second;

	part[0] = "";
	part[1] = p->options.name;
	part[2] = p->options.id;
	if (!value || !*value)
		return 0;
	first = str_until(value, ":");
	second = value[first] ? first + 1 + str_until(value + first + 1, ":") : first;
	if (!unit_form(value) || !value[second + 1])
		return fail(e,
			"linux.cgroupsPath: \"%s\": expected cgroupsPath to be of format "
			"\"slice:prefix:name\" for systemd cgroups",
			value);
	part[0] = arena_string(e, "%.*s", (int)first, value);
	part[1] = arena_string(e, "%.*s", (int)(second - first - 1), value + first + 1);
	part[2] = value + second + 1;
	return part[0] && part[1] ? 0 : -1;
}

const char *
unit_place(struct err *e, struct plan *p)
{
	struct plan_unit *u = &p->cgroup.unit;
	const char *part[3], *slices, *path;

	if (take_apart(e, p, part) < 0)
		return NULL;
	u->manager = p->facts->manager;
	u->slice = str_ends(part[2], ".slice");
	if (!*part[0])
		part[0] = str_equal(u->manager, "/run/systemd/private") ? "system.slice"
									: "user.slice";
	slices = expand_slice(e, part[0]);
	u->name = u->slice ? part[2]
			   : arena_string(e, "%s%s%s.scope", part[1], *part[1] ? "-" : "", part[2]);
	if (!slices || !u->name)
		return NULL;
	if (!is_unit_name(u->name)) {
		(void)fail(e, "linux.cgroupsPath: \"%s\" is not the name of a unit", u->name);
		return NULL;
	}
	path = u->slice ? expand_slice(e, u->name) : arena_string(e, "%s/%s", slices, u->name);
	if (!path ||
		add_text(e, u, u->slice ? "Wants" : "Slice", u->slice ? "as" : "s", part[0]) < 0)
		return NULL;
	return arena_string(e, "%s%s", p->facts->manager_cgroup, path);
}

/* -- limits ------------------------------------------------------------------------------------ */

/* What a file's text is, the file, its property: a number, a count, a list of bits; period and
 * quota are one. */
/* clang-format off */
static const char rows[] =
	"n" "memory.max\0"		"MemoryMax\0"
	"n" "memory.low\0"		"MemoryLow\0"
	"n" "memory.high\0"		"MemoryHigh\0"
	"n" "memory.swap.max\0"		"MemorySwapMax\0"
	"n" "memory.limit_in_bytes\0"	"MemoryLimit\0"
	"n" "cpu.weight\0"		"CPUWeight\0"
	"n" "cpu.shares\0"		"CPUShares\0"
	"p" "cpu.cfs_period_us\0"	"\0"
	"q" "cpu.cfs_quota_us\0"	"\0"
	"q" "cpu.max\0"			"\0"
	"l" "cpuset.cpus\0"		"AllowedCPUs\0"
	"l" "cpuset.mems\0"		"AllowedMemoryNodes\0"
	"c" "pids.max\0"		"TasksMax\0";
/* clang-format on */

/* The number that a text begins with; "max", "-1" and what is none: no limit. */
static uint64_t
number_in(const char *text)
{
	uint64_t value = UINT64_MAX;

	(void)str_u64_n(text, str_until(text, " "), &value);
	return value;
}

/* The bits of a list as bytes */
static int
add_list(struct err *e, struct plan_unit *u, const char *name, const char *list)
{
	uint8_t *bytes = arena_take(e, BITS_MAX / 8, 1);
	struct bits b;
	if (bits_read(&b, list) <= 0)
		return 0; /* what the kernel says to it is told by its file */
	TRY(add_text(e, u, name, "ay", (const char *)bytes));
	u->last->optional = true;
	for (uint32_t i = 0; i < BITS_MAX; i++)
		if (b.at[i / BITS_LONG] >> i % BITS_LONG & 1) {
			bytes[i / 8] |= (uint8_t)(1 << i % 8);
			u->last->n = i / 8 + 1;
		}
	return 0;
}

static int
add_quota(struct err *e, struct plan_unit *u, uint64_t quota, uint64_t period)
{
	uint64_t second = UINT64_MAX;

	if (quota < UINT64_MAX / SECOND && period > 0)
		second = (quota * SECOND / period + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP;
	TRY(add_limit(e, u, "CPUQuotaPeriodUSec", period));
	return add_limit(e, u, "CPUQuotaPerSecUSec", second);
}

static int
add_row(struct err *e, struct plan_unit *u, const struct plan_limit *l, const char *row,
	uint64_t *period)
{
	const char *property = str_after(row), *more = strchr(l->value, ' ');
	uint64_t number = number_in(l->value);

	switch (*row) {
	case 'l':
		return add_list(e, u, property, l->value);
	case 'p':
		*period = number;
		return 0;
	case 'q':
		return add_quota(e, u, number, more ? number_in(more + 1) : *period);
	case 'c': /* systemd has no limit of 0 tasks: 1 is as good */
		number += number == 0;
	}
	return add_limit(e, u, property, number);
}

int
unit_limits(struct err *e, struct plan_cgroup *c)
{
	uint64_t period = 100000; /* us: the kernel's own */

	for (const struct plan_limit *l = c->limits; l; l = l->next)
		for (const char *row = rows; *row; row = str_after(str_after(row)))
			if (str_equal(row + 1, l->file))
				TRY(add_row(e, &c->unit, l, row, &period));
	return 0;
}

/* -- annotations ------------------------------------------------------------------------------- */

/* Moves a string in quotes to `to`; returns what follows it, NULL where it has no end. */
static const char *
unquote(const char *at, char **to)
{
	char quote = *at++;

	for (; *at != quote; *(*to)++ = *at++)
		if (*at == '\0' || (*at == '\\' && !strchr("\\'\"", *++at)) || *at == '\0')
			return NULL;
	*(*to)++ = '\0';
	return at + 1;
}

static const char *
blanks(const char *at)
{
	return at + str_span(at, " \t\n");
}

/* ['a', "b"] */
static bool
read_list(const char *at, char *to, uint32_t *n)
{
	if (*at++ != '[')
		return false;
	for (at = blanks(at); at && (*at == '\'' || *at == '"'); ++*n) {
		at = unquote(at, &to);
		at = at ? blanks(at) : NULL;
		if (at && *at == ',')
			at = blanks(at + 1);
		else if (at && *at != ']')
			at = NULL;
	}
	return at && *at == ']' && at[1] == '\0';
}

/* An integer, by default of 32 bits, or with the word of its type in front */
static bool
read_number(const char *at, struct plan_property *p)
{
	static const struct {
		char word[8], type[2];
		uint8_t bits;
		bool sign;
	} types[] = {
		{"byte ", "y", 8, false},
		{"int16 ", "n", 16, true},
		{"uint16 ", "q", 16, false},
		{"int32 ", "i", 32, true},
		{"uint32 ", "u", 32, false},
		{"int64 ", "x", 64, true},
		{"uint64 ", "t", 64, false},
	};
	size_t i = 0;
	int64_t value;

	while (i < sizeof types / sizeof *types && !str_starts(at, types[i].word))
		i++;
	if (i < sizeof types / sizeof *types)
		at = blanks(at + strlen(types[i].word));
	else
		i = 3;
	p->type = types[i].type;
	if (!types[i].sign)
		return str_u64(at, &p->number) == 0 &&
			(types[i].bits == 64 || !(p->number >> types[i].bits));
	if (str_i64(at, &value) < 0 ||
		(types[i].bits < 64 &&
			((uint64_t)value + (UINT64_C(1) << (types[i].bits - 1))) >> types[i].bits))
		return false;
	p->number = (uint64_t)value;
	return true;
}

static bool
read_value(const char *at, char *to, struct plan_property *p)
{
	const char *end = NULL;

	p->text = NULL;
	p->n = 0;
	p->type = "b";
	p->number = str_equal(at, "true");
	if (p->number || str_equal(at, "false"))
		return true;
	if (*at == '\'' || *at == '"') {
		p->type = "s";
		p->text = to;
		p->n = 1;
		end = unquote(at, &to);
		return end && *end == '\0';
	}
	if (*at != '[' && !str_starts(at, "@as "))
		return read_number(at, p);
	p->type = "as";
	p->text = to;
	if (*at == '@')
		at = blanks(at + 4);
	return read_list(at, to, &p->n);
}

/* What is given in seconds systemd has in microseconds, as a uint64. */
static int
convert_seconds(struct err *e, struct plan_property *p)
{
	size_t n = strlen(p->name);

	if (!str_ends(p->name, "Sec") || p->name[n - 4] < 'a' || p->name[n - 4] > 'z')
		return 0;
	if (strchr("sab", *p->type) || p->number > INT64_MAX / SECOND)
		return -1;
	p->type = "t";
	p->number *= SECOND;
	p->name = arena_string(e, "%.*sUSec", (int)n - 3, p->name);
	return p->name ? 0 : -1;
}

static int
add_annotation(struct err *e, struct plan_unit *u, const struct pair *a, const char *name)
{
	char *to = arena_string(e, "%s", a->value);
	size_t n = 0;

	TRY(add_text(e, u, name, "", to));
	while ((name[n] | 32) >= 'a' && (name[n] | 32) <= 'z')
		n++;
	if (n < 4 || name[n] || !read_value(blanks(a->value), to, u->last) ||
		convert_seconds(e, u->last) < 0)
		return fail(e, "annotations: %s: \"%s\" is not the value of a property", a->name,
			a->value);
	return 0;
}

/* -- the whole --------------------------------------------------------------------------------- */

int
unit_properties(struct err *e, struct plan *p)
{
	static const char prefix[] = "org.systemd.property.",
			  flags[] = "MemoryAccounting\0CPUAccounting\0TasksAccounting\0Delegate\0";
	const struct pairs *annotations = &p->spec->annotations;
	struct plan_unit *u = &p->cgroup.unit;

	if (!u->name)
		return 0;
	TRY(add_text(e, u, "Description", "s",
		arena_string(e, "%s container %s", p->options.name, p->options.id)));
	TRY(add(e, u, "DefaultDependencies", "b", 0));
	TRY(add(e, u, facts_cgroup2_only(p->facts) ? "IOAccounting" : "BlockIOAccounting", "b", 1));
	for (const char *flag = flags; *flag; flag = str_after(flag))
		if (!u->slice || *flag != 'D')
			TRY(add(e, u, flag, "b", 1));
	TRY(unit_limits(e, &p->cgroup));
	for (uint32_t i = 0; i < annotations->n; i++)
		if (str_starts(annotations->at[i].name, prefix))
			TRY(add_annotation(e, u, &annotations->at[i],
				annotations->at[i].name + sizeof prefix - 1));
	return 0;
}
