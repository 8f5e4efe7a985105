#include "plan/plan.h"

#include "base/arena.h"
#include "base/str.h"

int
plan_make_rdt(struct err *e, struct plan *p)
{
	const struct spec_intel_rdt *s = &p->spec->linux_.intel_rdt;
	struct plan_rdt *r = &p->rdt;
	const char *root = p->facts->resctrl;

	if (!s->present)
		return 0;
	if (!root) /* DEC-9 */
		return fail(e, "linux.intelRdt: no resctrl filesystem is mounted on this host");
	r->spec = s;
	r->own = !s->clos_id;
	r->must_exist =
		s->clos_id && !s->l3_cache_schema && !s->mem_bw_schema && s->schemata.n == 0;
	r->group = r->own || s->clos_id[0] != '/'
		? arena_string(e, "%s/%s", root, r->own ? p->options.id : s->clos_id)
		: root;
	if (s->enable_monitoring && r->group)
		r->monitor = arena_string(e, "%s/mon_groups/%s", r->group, p->options.id);
	return r->group && (r->monitor || !s->enable_monitoring) ? 0 : -1;
}
