#include "plan/devrules.h"

#include "base/arena.h"
#include "base/str.h"
#include "plan/plan.h"

/* -- the list ------------------------------------------------------------------------------- */

/* LX-5: nodes of any kind may be made, and these used, whatever the config denies */
static const struct {
	char type;
	int16_t major, minor;
	uint8_t access;
} defaults[DEVRULES_DEFAULTS] = {
	/* clang-format off */
	{ 'b',  -1, -1, DEVICE_MKNOD },
	{ 'c',  -1, -1, DEVICE_MKNOD },
	{ 'c',   1,  3, DEVICE_ALL },	/* null */
	{ 'c',   1,  5, DEVICE_ALL },	/* zero */
	{ 'c',   1,  7, DEVICE_ALL },	/* full */
	{ 'c',   1,  8, DEVICE_ALL },	/* random */
	{ 'c',   1,  9, DEVICE_ALL },	/* urandom */
	{ 'c',   5,  0, DEVICE_ALL },	/* tty */
	{ 'c',   5,  2, DEVICE_ALL },	/* ptmx */
	{ 'c', 136, -1, DEVICE_ALL },	/* pts/N */
	/* clang-format on */
};

static int
check_number(struct err *e, uint32_t index, const char *name, int64_t number)
{
	if (number >= -1 && number <= INT32_MAX)
		return 0;
	return fail(e, "linux.resources.devices[%u].%s: %lld is not a device number", index, name,
		(long long)number);
}

static int
add_rule(struct err *e, struct devrules *d, const struct spec_device_rule *s, uint32_t index)
{
	bool everything = s->type == 'a' && s->major == -1 && s->minor == -1;

	TRY(check_number(e, index, "major", s->major));
	TRY(check_number(e, index, "minor", s->minor));
	if (everything && s->access == DEVICE_ALL) {
		d->allow = s->allow;
		d->n = 0;
		return 0;
	}
	if (s->access != 0)
		d->at[d->n++] = (struct devrule){
			.allow = s->allow,
			.type = s->type,
			.major = (int32_t)s->major,
			.minor = (int32_t)s->minor,
			.access = s->access,
			.index = (int32_t)index,
		};
	return 0;
}

int
devrules_make(struct err *e, struct devrules *d, const struct spec *s)
{
	uint32_t n = s->linux_.resources.devices.n;

	if (n > DEVRULES_MAX)
		return fail(e, "linux.resources.devices: %u rules, and %d are the most", n,
			DEVRULES_MAX);
	d->allow = false; /* CD-3: without a rule about everything the rest is denied */
	d->n = 0;
	d->at = arena_take(e, (size_t)n + DEVRULES_DEFAULTS, sizeof(*d->at));
	if (!d->at)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		TRY(add_rule(e, d, &s->linux_.resources.devices.at[i], i));
	if (d->allow && d->n == 0)
		return 0;
	for (uint32_t i = 0; i < DEVRULES_DEFAULTS; i++)
		d->at[d->n++] = (struct devrule){
			.allow = true,
			.type = defaults[i].type,
			.major = defaults[i].major,
			.minor = defaults[i].minor,
			.access = defaults[i].access,
			.index = -1,
		};
	return 0;
}

/* -- cgroup v1 ------------------------------------------------------------------------------- */

/* The v1 controller knows a default and exceptions from it, and no order:
 *   deny by default: a request passes when one exception matches the device and has all its bits;
 *   allow by default: a request fails when an exception matches the device and has any of its bits.
 * So the list is taken apart into patterns, each with what is allowed in the end for a device that
 * fits it and no narrower one.  Each pattern becomes one exception; that says the same exactly when
 * no wider pattern has more exceptions than a narrower one inside it. */
struct pattern {
	char type;	      /* 'b', 'c' */
	int32_t major, minor; /* -1: any */
	uint8_t allowed;      /* bits of enum device_access */
};

enum { PATTERNS_MAX = 2 + 2 * (DEVRULES_MAX + DEVRULES_DEFAULTS) + 256 };

struct patterns {
	struct pattern at[PATTERNS_MAX];
	uint32_t n;
};
_Static_assert(sizeof(struct patterns) < 16384, "lies on the stack");

static bool
covers(const struct pattern *wide, const struct pattern *narrow)
{
	return wide->type == narrow->type && (wide->major == -1 || wide->major == narrow->major) &&
		(wide->minor == -1 || wide->minor == narrow->minor);
}

static bool
matches(const struct devrule *r, const struct pattern *p)
{
	struct pattern wide = {
		.type = r->type == 'a' ? p->type : r->type,
		.major = r->major,
		.minor = r->minor,
	};

	return covers(&wide, p);
}

static uint8_t
allowed_for(const struct devrules *d, const struct pattern *p)
{
	uint8_t allowed = d->allow ? DEVICE_ALL : 0;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct devrule *r = &d->at[i];

		if (matches(r, p))
			allowed = (uint8_t)(r->allow ? allowed | r->access : allowed & ~r->access);
	}
	return allowed;
}

static int
add_pattern(struct err *e, struct patterns *all, const struct devrules *d, char type, int32_t major,
	int32_t minor)
{
	struct pattern *p = &all->at[all->n];

	for (uint32_t i = 0; i < all->n; i++)
		if (all->at[i].type == type && all->at[i].major == major &&
			all->at[i].minor == minor)
			return 0;
	if (all->n == PATTERNS_MAX)
		return fail(e, "linux.resources.devices: too many wildcards that overlap");
	*p = (struct pattern){.type = type, .major = major, .minor = minor};
	p->allowed = allowed_for(d, p);
	all->n++;
	return 0;
}

/* "c 10:*" and "c *:3" meet in 10:3, which has to be a pattern of its own. */
static int
add_crossings(struct err *e, struct patterns *all, const struct devrules *d)
{
	uint32_t n = all->n;

	for (uint32_t i = 0; i < n; i++) {
		const struct pattern *row = &all->at[i];

		if (row->major == -1 || row->minor != -1)
			continue;
		for (uint32_t k = 0; k < n; k++) {
			const struct pattern *column = &all->at[k];

			if (column->type == row->type && column->major == -1 && column->minor != -1)
				TRY(add_pattern(e, all, d, row->type, row->major, column->minor));
		}
	}
	return 0;
}

static int
take_apart(struct err *e, struct patterns *all, const struct devrules *d)
{
	all->n = 0;
	TRY(add_pattern(e, all, d, 'b', -1, -1));
	TRY(add_pattern(e, all, d, 'c', -1, -1));
	for (uint32_t i = 0; i < d->n; i++) {
		const struct devrule *r = &d->at[i];

		if (r->type != 'c')
			TRY(add_pattern(e, all, d, 'b', r->major, r->minor));
		if (r->type != 'b')
			TRY(add_pattern(e, all, d, 'c', r->major, r->minor));
	}
	return add_crossings(e, all, d);
}

static uint8_t
exceptions(const struct pattern *p, bool allow)
{
	return (uint8_t)(allow ? DEVICE_ALL & ~p->allowed : p->allowed);
}

/* The pattern whose exceptions a wider one would overrule, or NULL: then the default `allow` will
 * do. */
static const struct pattern *
find_hole(const struct patterns *all, bool allow)
{
	for (uint32_t i = 0; i < all->n; i++)
		for (uint32_t k = 0; k < all->n; k++)
			if (covers(&all->at[k], &all->at[i]) &&
				exceptions(&all->at[k], allow) & ~exceptions(&all->at[i], allow))
				return &all->at[i];
	return NULL;
}

/* Does a wider pattern say the same already? */
static bool
is_needless(const struct patterns *all, uint32_t i, bool allow)
{
	for (uint32_t k = 0; k < all->n; k++)
		if (k != i && covers(&all->at[k], &all->at[i]) &&
			exceptions(&all->at[k], allow) == exceptions(&all->at[i], allow))
			return true;
	return false;
}

/* The config's last denial of devices of this pattern: what v1 has no words for. */
static int
refuse(struct err *e, const struct devrules *d, const struct pattern *hole)
{
	int32_t index = 0;

	for (uint32_t i = 0; i < d->n; i++)
		if (d->at[i].index >= 0 && !d->at[i].allow && matches(&d->at[i], hole))
			index = d->at[i].index;
	return fail(e,
		"linux.resources.devices[%d]: cgroup v1 cannot express this exception from a "
		"wildcard",
		index);
}

static const char *
number_text(struct err *e, int32_t number)
{
	return number == -1 ? "*" : arena_string(e, "%d", number);
}

/* "c 1:3 rwm" */
static const char *
rule_text(struct err *e, const struct pattern *p, uint8_t access)
{
	const char *major = number_text(e, p->major), *minor = number_text(e, p->minor);

	if (!major || !minor)
		return NULL;
	return arena_string(e, "%c %s:%s %s%s%s", p->type, major, minor,
		access & DEVICE_READ ? "r" : "", access & DEVICE_WRITE ? "w" : "",
		access & DEVICE_MKNOD ? "m" : "");
}

int
plan_devrules(struct err *e, const struct spec *s, struct plan_device_rule **out, uint32_t *n)
{
	const char *files[] = {"devices.deny", "devices.allow"};
	const struct pattern *hole;
	struct patterns all;
	struct devrules d;
	bool allow;

	TRY(devrules_make(e, &d, s));
	TRY(take_apart(e, &all, &d));
	hole = find_hole(&all, d.allow);
	if (hole && find_hole(&all, !d.allow))
		return refuse(e, &d, hole);
	allow = hole ? !d.allow : d.allow;
	*out = arena_take(e, (size_t)all.n + 1, sizeof(**out));
	if (!*out)
		return -1;
	/* The kernel forgets all older exceptions of the cgroup with this. */
	(*out)[0] = (struct plan_device_rule){files[allow], "a *:* rwm"};
	*n = 1;
	for (uint32_t i = 0; i < all.n; i++) {
		uint8_t bits = exceptions(&all.at[i], allow);
		const char *text;

		if (bits == 0 || is_needless(&all, i, allow))
			continue;
		text = rule_text(e, &all.at[i], bits);
		if (!text)
			return -1;
		(*out)[(*n)++] = (struct plan_device_rule){files[!allow], text};
	}
	return 0;
}
