#include "roles/update.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "kernel/resctrl.h"
#include "kernel/systemd.h"
#include "plan/resources.h"
#include "plan/unit.h"
#include "spec/checkresources.h"
#include "spec/checktuning.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { VALUE_BYTES = 4096 };

/* -- what is in force -------------------------------------------------------------------------- */

/* The hierarchies in which the container is, as those of a host. */
static struct facts facts BUFFER;

static void
look(const struct held *h)
{
	facts.n_hierarchies = h->cgroups.n;
	for (uint32_t i = 0; i < h->cgroups.n; i++) {
		facts.hierarchy[i].v2 = cgroup_is_v2(&h->cgroups.at[i]);
		facts.hierarchy[i].controllers = h->cgroups.at[i].controllers;
	}
}

/* The directory of a controller of v1, of v2 for "".  NULL: none. */
static const struct cgroup_dir *
find_dir(const struct held *h, const char *controller)
{
	const struct facts_hierarchy *found = facts_controller(&facts, controller);

	return found ? &h->cgroups.at[found - facts.hierarchy] : NULL;
}

/* Reads a file of a cgroup; one that is missing is empty. */
static int
read_value(struct err *e, const struct cgroup_dir *d, const char *file, char *text)
{
	FD_AUTO int dir = openat(AT_FDCWD, d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	text[0] = '\0';
	if (dir < 0)
		return fail_errno(e, "open %s", d->dir);
	if (fd_read_file(e, dir, file, text, VALUE_BYTES) < 0 && e->number != ENOENT)
		return context(e, "%s", d->dir);
	return 0;
}

/* The number at the beginning of a text; "max" and what is no number are -1. */
static int64_t
number_in(const char *text)
{
	uint64_t value;

	if (str_u64_n(text, str_until(text, " \n"), &value) < 0 || value > INT64_MAX)
		return -1;
	return (int64_t)value;
}

/* U4: cpu.max holds quota and period. */
static int
keep_other_of_cpu(struct err *e, const struct held *h, struct spec_resources *r)
{
	const struct cgroup_dir *v2 = find_dir(h, "cpu") ? NULL : find_dir(h, "");
	char text[VALUE_BYTES];
	const char *period;

	if (!v2 || (r->cpu.quota != 0) == (r->cpu.period != 0))
		return 0;
	TRY(read_value(e, v2, "cpu.max", text));
	period = text + str_until(text, " ");
	if (r->cpu.quota == 0)
		r->cpu.quota = number_in(text);
	else if (*period)
		r->cpu.period = (uint64_t)number_in(period + 1);
	return 0;
}

/* CM-3: swap is what is left of the two together. */
static int
keep_limit_of_memory(struct err *e, const struct held *h, struct spec_resources *r)
{
	const struct cgroup_dir *v1 = find_dir(h, "memory"), *d = v1 ? v1 : find_dir(h, "");
	char text[VALUE_BYTES];

	if (!d || r->memory.swap <= 0 || r->memory.limit != 0)
		return 0;
	TRY(read_value(e, d, v1 ? "memory.limit_in_bytes" : "memory.max", text));
	r->memory.limit = number_in(text);
	return 0;
}

/* U3, CM-8: v1 refuses by itself. */
static int
check_usage(struct err *e, const struct held *h, const struct spec_resources *r)
{
	const struct cgroup_dir *v2 = find_dir(h, "memory") ? NULL : find_dir(h, "");
	char text[VALUE_BYTES];
	int64_t usage, swap;

	if (!v2 || !r->memory.check_before_update)
		return 0;
	TRY(read_value(e, v2, "memory.current", text));
	usage = number_in(text);
	if (r->memory.limit > 0 && r->memory.limit <= usage)
		return fail(e, "rejecting memory limit %lld <= usage %lld",
			(long long)r->memory.limit, (long long)usage);
	TRY(read_value(e, v2, "memory.swap.current", text));
	swap = number_in(text) > 0 ? number_in(text) : 0;
	if (r->memory.swap > 0 && r->memory.swap <= usage + swap)
		return fail(e, "rejecting memory+swap limit %lld <= usage %lld",
			(long long)r->memory.swap, (long long)(usage + swap));
	return 0;
}

/* -- writing ----------------------------------------------------------------------------------- */

/* The limits as they are now, in the opposite order: what takes an update back.  A file that holds
 * lines about devices is left out: its old lines do not say what to forget. */
static int
make_undo(
	struct err *e, const struct held *h, const struct plan_cgroup *c, struct plan_cgroup *undo)
{
	char text[VALUE_BYTES];

	*undo = (struct plan_cgroup){.n_dirs = c->n_dirs};
	for (const struct plan_limit *l = c->limits; l; l = l->next) {
		struct plan_limit *old;

		TRY(read_value(e, &h->cgroups.at[l->dir], l->file, text));
		text[str_until(text, "\n")] = '\0';
		if (text[0] == '\0' || strchr(text, ':'))
			continue;
		old = arena_take(e, 1, sizeof *old);
		if (!old)
			return -1;
		*old = *l;
		old->how = PLAN_LIMIT_AFTER_NEXT;
		old->value = arena_string(e, "%s", text);
		old->next = undo->limits;
		undo->limits = old;
		if (!old->value)
			return -1;
	}
	return 0;
}

static int
write_all(struct err *e, const struct held *h, const struct plan_cgroup *c)
{
	for (uint32_t i = 0; i < c->n_dirs; i++) {
		FD_AUTO int dir =
			openat(AT_FDCWD, h->cgroups.at[i].dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0)
			return fail_errno(e, "open %s", h->cgroups.at[i].dir);
		TRY(cgroup_limit(e, c->limits, i, dir));
	}
	return 0;
}

/* Systemd writes what it is told in its own way, so our values come behind it; and before it, where
 * the kernel's refusals are seen. */
static int
tell_systemd(struct err *e, const struct held *h, struct plan_cgroup *c)
{
	c->unit.manager = h->state.manager;
	c->unit.name = h->state.unit;
	if (!c->unit.name || !c->limits)
		return 0;
	TRY(unit_limits(e, c));
	TRY(systemd_set(e, &c->unit));
	return write_all(e, h, c);
}

/* The schemata as one text: the kernel takes all lines of a write or none.  NULL: none asked for.
 */
static int
join_schemata(
	struct err *e, const struct held *h, const struct update_schemata *s, const char **out)
{
	const char *l3 = s->l3_cache, *mb = s->mem_bw;

	if (!l3 && !mb)
		return 0;
	if (!h->state.rdt_group)
		return fail(e, "linux.intelRdt: the container has none");
	TRY(checktuning_schema(e, "l3-cache-schema", l3, "L3"));
	TRY(checktuning_schema(e, "mem-bw-schema", mb, "MB:"));
	*out = l3 && mb ? arena_string(e, "%s\n%s", l3, mb) : l3 ? l3 : mb;
	return *out ? 0 : -1;
}

static int
prepare_limits(struct err *e, const struct held *h, struct spec_resources *r, struct plan_cgroup *c,
	struct plan_cgroup *undo)
{
	if (!plan_resources_any(r))
		return 0;
	if (h->cgroups.n == 0)
		return fail(e, "the container is not using cgroups");
	c->n_dirs = h->cgroups.n;
	look(h);
	TRY(keep_other_of_cpu(e, h, r));
	TRY(keep_limit_of_memory(e, h, r));
	TRY(checkresources_all(e, r));
	TRY(check_usage(e, h, r));
	TRY(plan_resources(e, c, &facts, r));
	return make_undo(e, h, c, undo);
}

int
update_limits(struct err *e, const struct held *h, struct spec_resources *r,
	const struct update_schemata *s)
{
	struct plan_cgroup c = {.owner = -1}, undo = {0};
	const char *schemata = NULL;
	struct err ignored;

	if (h->status == STATE_STOPPED)
		return fail(e, "container not running");
	TRY(join_schemata(e, h, s, &schemata));
	TRY(prepare_limits(e, h, r, &c, &undo));
	if (write_all(e, h, &c) == 0 && tell_systemd(e, h, &c) == 0 &&
		resctrl_write(e, h->state.rdt_group, schemata) == 0)
		return 0;
	(void)write_all(&ignored, h, &undo); /* as far as it goes: U6 */
	return -1;
}
