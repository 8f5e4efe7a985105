#include "spec/checktuning.h"

#include "base/bits.h"
#include "base/str.h"
#include "base/sys.h"
#include "words/words.h"

#include <string.h>

#include <sched.h>

enum { NICE_MIN = -20, NICE_MAX = 19 };

/* -- process ----------------------------------------------------------------------------------- */

static bool
is_realtime(const struct spec_scheduler *s)
{
	return s->policy == SCHED_FIFO || s->policy == SCHED_RR;
}

/* SCH-2 */
static int
check_scheduler(struct err *e, const struct spec_scheduler *s, const char *prefix)
{
	if (!s->present)
		return 0;
	if (s->nice < NICE_MIN || s->nice > NICE_MAX)
		return fail(e, "%sscheduler.nice: %d is out of range", prefix, s->nice);
	if (s->priority != 0 && !is_realtime(s))
		return fail(e, "%sscheduler.priority: %d is for SCHED_FIFO and SCHED_RR alone",
			prefix, s->priority);
	if ((s->runtime | s->deadline | s->period) != 0 && s->policy != SCHED_DEADLINE)
		return fail(e,
			"%sscheduler.runtime, deadline and period are for SCHED_DEADLINE alone",
			prefix);
	return 0;
}

/* EXA-1 */
static int
check_affinity(struct err *e, const char *list, const char *name, const char *prefix)
{
	struct bits b;

	if (list && bits_read(&b, list) <= 0)
		return fail(e, "%sexecCPUAffinity.%s: \"%s\" is not a list of CPUs", prefix, name,
			list);
	return 0;
}

int
checktuning_process(struct err *e, const struct spec_process *p, const char *prefix)
{
	TRY(check_scheduler(e, &p->scheduler, prefix));
	TRY(check_affinity(e, p->exec_cpu_affinity.initial, "initial", prefix));
	return check_affinity(e, p->exec_cpu_affinity.final, "final", prefix);
}

/* -- linux ------------------------------------------------------------------------------------- */

/* MP-1 */
static int
check_memory_policy(struct err *e, const struct spec_memory_policy *m)
{
	const char *list = m->nodes ? m->nodes : "";
	struct bits b;
	int mode, nodes;

	if (!m->present)
		return 0;
	mode = words_find(WORDS_MEMORY_MODE, m->mode);
	if (mode < 0)
		return fail(
			e, "linux.memoryPolicy.mode: invalid memory policy mode \"%s\"", m->mode);
	for (uint32_t i = 0; i < m->flags.n; i++)
		if (words_find(WORDS_MEMORY_FLAG, m->flags.at[i]) < 0)
			return fail(e,
				"linux.memoryPolicy.flags[%u]: invalid memory policy flag \"%s\"",
				i, m->flags.at[i]);
	nodes = bits_read(&b, list);
	if (nodes < 0)
		return fail(e,
			"linux.memoryPolicy.nodes: invalid memory policy nodes \"%s\": not a list "
			"of "
			"numbers below %d",
			list, BITS_MAX);
	if (nodes > 0 && (mode == MPOL_DEFAULT || mode == MPOL_LOCAL))
		return fail(e,
			"linux.memoryPolicy.nodes: memory policy mode requires 0 nodes but got %d",
			nodes);
	return 0;
}

/* TO-1: those of a namespace that is joined cannot change any more. */
static int
check_time_offsets(struct err *e, const struct spec_linux *l)
{
	const struct spec_namespace *time = &l->namespaces[NAMESPACE_TIME];

	for (uint32_t i = 0; i < l->time_offsets.n; i++)
		if (!str_equal(l->time_offsets.at[i].clock, "monotonic") &&
			!str_equal(l->time_offsets.at[i].clock, "boottime"))
			return fail(e,
				"linux.timeOffsets: \"%s\" is not a clock that has an offset",
				l->time_offsets.at[i].clock);
	if (l->time_offsets.n > 0 && (!time->listed || time->path))
		return fail(e, "linux.timeOffsets: needs a new \"time\" namespace");
	return 0;
}

int
checktuning_schema(struct err *e, const char *property, const char *schema, const char *begin)
{
	if (!schema)
		return 0;
	if (strchr(schema, '\n'))
		return fail(e, "%s: more than one line", property);
	if (!str_starts(schema, begin))
		return fail(e, "%s: \"%s\" does not begin with \"%s\"", property, schema, begin);
	return 0;
}

/* RD-2, RD-3 */
static int
check_intel_rdt(struct err *e, const struct spec_intel_rdt *r)
{
	const char *id = r->clos_id;

	if (id && strcmp(id, "/") != 0 &&
		(strchr(id, '/') || str_equal(id, ".") || str_equal(id, "..")))
		return fail(e, "linux.intelRdt.closID: \"%s\" is not the name of a directory", id);
	TRY(checktuning_schema(e, "linux.intelRdt.l3CacheSchema", r->l3_cache_schema, "L3"));
	TRY(checktuning_schema(e, "linux.intelRdt.memBwSchema", r->mem_bw_schema, "MB:"));
	for (uint32_t i = 0; i < r->schemata.n; i++)
		TRY(checktuning_schema(e, "linux.intelRdt.schemata", r->schemata.at[i], ""));
	return 0;
}

int
checktuning_linux(struct err *e, const struct spec *s)
{
	TRY(check_memory_policy(e, &s->linux_.memory_policy));
	TRY(check_intel_rdt(e, &s->linux_.intel_rdt));
	if (s->process.scheduler.present && s->process.scheduler.policy == SCHED_DEADLINE &&
		s->linux_.resources.cpu.cpus)
		return fail(e,
			"process.scheduler: process scheduler can't be used together with "
			"AllowedCPUs");
	return check_time_offsets(e, &s->linux_);
}
