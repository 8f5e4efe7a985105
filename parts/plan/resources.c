#include "plan/resources.h"

#include "base/arena.h"
#include "base/str.h"
#include "plan/cpuweight.h"

#include <stddef.h>
#include <string.h>

/* What becomes of a number on its way into a file */
enum as {
	AS_NUMBER, /* as it is */
	AS_SIGNED, /* the same, with a sign */
	AS_LIMIT,  /* negative: -1 on v1, max on v2 */
	AS_MAX,	   /* negative: max on both */
	AS_SWAP,   /* memory and swap on v1, swap alone on v2 (CM-3) */
	AS_SHARES, /* a weight on v2 (CC-1) */
	AS_PERIOD, /* on v2 both in one file */
	AS_QUOTA,
	AS_TEXT,
	AS_IOWEIGHT, /* 10 to 1000 become 1 to 10000 on v2 (CB-1) */
};

/* One row a limit, in the order in which the files are written; that of v1, that of v2, "" where
 * there is none.  A file's first word is its controller.  `set`: 0 where 0 stands for "not set". */
static const struct row {
	char property[24], v1[28], v2[16];
	uint8_t as, how; /* enum as, plan_limit_how */
	uint16_t at, size, set;
} rows[] = {
#define AT(member) \
	offsetof(struct spec_resources, member), sizeof(((struct spec_resources *)0)->member)
#define SET(member) offsetof(struct spec_resources, member)
	/* clang-format off */
	{ "memory.limit",	"memory.limit_in_bytes",	"memory.max",	 AS_LIMIT,   PLAN_LIMIT_AFTER_NEXT, AT(memory.limit), 0 },
	{ "memory.swap",	"memory.memsw.limit_in_bytes",	"memory.swap.max", AS_SWAP,  PLAN_LIMIT_MUST, AT(memory.swap), 0 },
	{ "memory.reservation",	"memory.soft_limit_in_bytes",	"memory.low",	 AS_LIMIT,   PLAN_LIMIT_MUST, AT(memory.reservation), 0 },
	{ "memory.swappiness",	"memory.swappiness",		"",		 AS_NUMBER,  PLAN_LIMIT_MUST, AT(memory.swappiness), SET(memory.swappiness_set) },
	{ "memory.disableOOMKiller", "memory.oom_control",	"",		 AS_NUMBER,  PLAN_LIMIT_MUST, AT(memory.disable_oom_killer), 0 },
	{ "cpu.shares",		"cpu.shares",			"cpu.weight",	 AS_SHARES,  PLAN_LIMIT_MUST, AT(cpu.shares), 0 },
	{ "cpu.period",		"cpu.cfs_period_us",		"cpu.max",	 AS_PERIOD,  PLAN_LIMIT_AFTER_NEXT, AT(cpu.period), 0 },
	{ "cpu.quota",		"cpu.cfs_quota_us",		"cpu.max",	 AS_QUOTA,   PLAN_LIMIT_MUST, AT(cpu.quota), 0 },
	{ "cpu.burst",		"cpu.cfs_burst_us",		"cpu.max.burst", AS_NUMBER,  PLAN_LIMIT_MUST, AT(cpu.burst), 0 },
	{ "cpu.realtimePeriod",	"cpu.rt_period_us",		"",		 AS_NUMBER,  PLAN_LIMIT_MUST, AT(cpu.realtime_period), 0 },
	{ "cpu.realtimeRuntime", "cpu.rt_runtime_us",		"",		 AS_SIGNED,  PLAN_LIMIT_MUST, AT(cpu.realtime_runtime), 0 },
	{ "cpu.idle",		"cpu.idle",			"cpu.idle",	 AS_NUMBER,  PLAN_LIMIT_MUST, AT(cpu.idle), SET(cpu.idle_set) }, /* CC-6: last */
	{ "cpu.cpus",		"cpuset.cpus",			"cpuset.cpus",	 AS_TEXT,    PLAN_LIMIT_MUST, AT(cpu.cpus), 0 },
	{ "cpu.mems",		"cpuset.mems",			"cpuset.mems",	 AS_TEXT,    PLAN_LIMIT_MUST, AT(cpu.mems), 0 },
	{ "pids.limit",		"pids.max",			"pids.max",	 AS_MAX,     PLAN_LIMIT_MUST, AT(pids.limit), SET(pids.limit_set) },
	{ "blockIO.weight",	"blkio.bfq.weight",		"io.bfq.weight", AS_NUMBER,  PLAN_LIMIT_OR_NEXT, AT(block_io.weight), 0 },
	{ "blockIO.weight",	"blkio.weight",			"io.weight",	 AS_IOWEIGHT, PLAN_LIMIT_MUST, AT(block_io.weight), 0 },
	{ "blockIO.leafWeight",	"blkio.leaf_weight",		"",		 AS_NUMBER,  PLAN_LIMIT_MUST, AT(block_io.leaf_weight), SET(block_io.leaf_weight_set) },
	{ "network.classID",	"net_cls.classid",		"",		 AS_NUMBER,  PLAN_LIMIT_MUST, AT(network.class_id), SET(network.class_id_set) },
/* clang-format on */
#undef AT
#undef SET
};

/* What is at work */
struct job {
	struct err *e;
	struct plan_cgroup *c;
	const struct facts *f;
	const struct spec_resources *r;
};

enum { NOWHERE = UINT32_MAX };

/* -- one file ---------------------------------------------------------------------------------- */

/* The hierarchy of a v1 file's controller, else the v2 one; NOWHERE. */
static uint32_t
find_dir(const struct facts *f, const char *v1)
{
	const struct facts_hierarchy *h;
	char controller[16];
	size_t n = str_until(v1, ".");

	(void)str_format(
		controller, sizeof controller, "%.*s", (int)n, v1); /* the rows are short */
	h = facts_controller(f, controller);
	if (!h)
		h = facts_controller(f, "");
	return h ? (uint32_t)(h - f->hierarchy) : NOWHERE;
}

/* Appends a limit; `value` is its text, or NULL with *e filled. */
static int
add(struct job *j, uint32_t dir, const char *property, const char *file, const char *value,
	enum plan_limit_how how)
{
	struct plan_limit *l = value && file ? arena_take(j->e, 1, sizeof *l) : NULL;
	struct plan_limit **end = &j->c->limits;

	if (!l)
		return -1;
	*l = (struct plan_limit){NULL, dir, how, property, file, value};
	if (j->c->last_limit)
		end = &j->c->last_limit->next;
	*end = j->c->last_limit = l;
	return 0;
}

/* Where a limit goes: *v2 says whether it is a directory of v2.  -1 with the reason when there is
 * no place for it. */
static int
place(struct job *j, const char *property, const char *v1, const char *v2, uint32_t *dir,
	bool *is_v2)
{
	*dir = find_dir(j->f, v1);
	if (*dir == NOWHERE)
		return fail(j->e, "%s: this host has no cgroup controller %.*s", property,
			(int)str_until(v1, "."), v1);
	*is_v2 = j->f->hierarchy[*dir].v2;
	if (*is_v2 && !*v2)
		return fail(j->e, "%s: cgroup v2 has nothing like it", property);
	return 0;
}

/* The same, and appends what was formatted for either. */
static int
add_either(struct job *j, const char *property, const char *v1, const char *v1_value,
	const char *v2, const char *v2_value, enum plan_limit_how how)
{
	uint32_t dir;
	bool is_v2;

	TRY(place(j, property, v1, v2, &dir, &is_v2));
	return add(j, dir, property, is_v2 ? v2 : v1, is_v2 ? v2_value : v1_value, how);
}

/* -- rows -------------------------------------------------------------------------------------- */

static uint64_t
number_at(const struct spec_resources *r, const struct row *row)
{
	const char *at = (const char *)r + row->at;
	uint64_t eight;
	uint32_t four;
	uint16_t two;

	switch (row->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		memcpy(&two, at, sizeof two);
		return two;
	case 4:
		memcpy(&four, at, sizeof four);
		return four;
	}
	memcpy(&eight, at, sizeof eight);
	return eight;
}

static const char *
text_at(const struct spec_resources *r, const struct row *row)
{
	const char *text;

	memcpy(&text, (const char *)r + row->at, sizeof text);
	return text;
}

static bool
is_set(const struct spec_resources *r, const struct row *row)
{
	if (row->as == AS_TEXT)
		return text_at(r, row);
	/* CM-3: who lifts the limit of memory lifts that of swap, too. */
	if (row->as == AS_SWAP && r->memory.swap == 0)
		return r->memory.limit == -1;
	return row->set ? *((const bool *)r + row->set) : number_at(r, row) != 0;
}

/* CM-3: what v2 limits is swap alone. */
static int64_t
swap_alone(const struct spec_resources *r)
{
	int64_t limit = r->memory.limit, swap = r->memory.swap;

	if (swap <= 0)
		return -1;
	return limit > 0 ? swap - limit : swap;
}

/* CC-2: what is not set is as the kernel has it at first. */
static const char *
cpu_max(struct job *j)
{
	uint64_t period = j->r->cpu.period ? j->r->cpu.period : 100000;

	if (j->r->cpu.quota <= 0)
		return arena_string(j->e, "max %llu", (unsigned long long)period);
	return arena_string(
		j->e, "%lld %llu", (long long)j->r->cpu.quota, (unsigned long long)period);
}

static const char *
value_of(struct job *j, const struct row *row, bool v2)
{
	uint64_t number = number_at(j->r, row);

	switch ((enum as)row->as) {
	case AS_TEXT:
		return text_at(j->r, row);
	case AS_SWAP:
		number = v2 ? (uint64_t)swap_alone(j->r) : number ? number : UINT64_MAX;
		break;
	case AS_SHARES:
		number = v2 ? cpuweight_of_shares(number) : number;
		break;
	case AS_IOWEIGHT:
		number = !v2 ? number : number < 10 ? 1 : 1 + (number - 10) * 9999 / 990;
		break;
	case AS_PERIOD:
	case AS_QUOTA:
		if (v2)
			return cpu_max(j);
		break;
	default:
		break;
	}
	if ((int64_t)number < 0 && (row->as == AS_MAX || (v2 && row->as != AS_NUMBER)))
		return "max";
	if (row->as == AS_NUMBER || row->as == AS_SHARES || row->as == AS_PERIOD)
		return arena_string(j->e, "%llu", (unsigned long long)number);
	return arena_string(j->e, "%lld", (long long)number);
}

static int
add_row(struct job *j, const struct row *row)
{
	const char *property = arena_string(j->e, "linux.resources.%s", row->property);
	uint32_t dir;
	bool v2;

	if (!property)
		return -1;
	TRY(place(j, property, row->v1, row->v2, &dir, &v2));
	if (v2 && row->as == AS_PERIOD && j->r->cpu.quota != 0)
		return 0; /* with the quota */
	return add(j, dir, property, v2 ? row->v2 : row->v1, value_of(j, row, v2), row->how);
}

/* CM-7: v2 is always so, and so are newer kernels, where the file is gone. */
static int
add_use_hierarchy(struct job *j)
{
	const char *property = "linux.resources.memory.useHierarchy";
	bool yes = j->r->memory.use_hierarchy, v2;
	uint32_t dir;

	if (!j->r->memory.use_hierarchy_set)
		return 0;
	TRY(place(j, property, "memory.", "-", &dir, &v2));
	if (v2)
		return yes ? 0 : fail(j->e, "%s: cgroup v2 has no other way", property);
	return add(j, dir, property, "memory.use_hierarchy", yes ? "1" : "0",
		yes ? PLAN_LIMIT_IF_EXISTS : PLAN_LIMIT_MUST);
}

/* -- lists ------------------------------------------------------------------------------------- */

/* CB-2, CB-3 */
static int
add_weight_devices(struct job *j)
{
	for (uint32_t i = 0; i < j->r->block_io.weight_device.n; i++) {
		const struct spec_weight_device *d = &j->r->block_io.weight_device.at[i];
		const char *property =
			arena_string(j->e, "linux.resources.blockIO.weightDevice[%u]", i);
		const char *weight =
			arena_string(j->e, "%d:%d %u", (int)d->major, (int)d->minor, d->weight);
		const char *leaf = arena_string(
			j->e, "%d:%d %u", (int)d->major, (int)d->minor, d->leaf_weight);

		if (!property || !weight || !leaf)
			return -1;
		if (d->weight_set) {
			TRY(add_either(j, property, "blkio.bfq.weight_device", weight,
				"io.bfq.weight", weight, PLAN_LIMIT_OR_NEXT));
			TRY(add_either(j, property, "blkio.weight_device", weight, "io.bfq.weight",
				weight, PLAN_LIMIT_MUST));
		}
		if (d->leaf_weight_set)
			TRY(add_either(j, property, "blkio.leaf_weight_device", leaf, "", NULL,
				PLAN_LIMIT_MUST));
	}
	return 0;
}

/* CB-4 */
static int
add_throttles(struct job *j)
{
	static const struct {
		char property[24], v1[36], v2[6];
	} kinds[THROTTLES] = {
		{"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"},
		{"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"},
		{"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"},
		{"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"},
	};

	for (int kind = 0; kind < THROTTLES; kind++)
		for (uint32_t i = 0; i < j->r->block_io.throttle[kind].n; i++) {
			const struct spec_throttle_device *d = &j->r->block_io.throttle[kind].at[i];
			const char *property = arena_string(
				j->e, "linux.resources.blockIO.%s[%u]", kinds[kind].property, i);

			if (!property)
				return -1;
			TRY(add_either(j, property, kinds[kind].v1,
				arena_string(j->e, "%d:%d %llu", (int)d->major, (int)d->minor,
					(unsigned long long)d->rate),
				"io.max",
				arena_string(j->e, "%d:%d %s=%llu", (int)d->major, (int)d->minor,
					kinds[kind].v2, (unsigned long long)d->rate),
				PLAN_LIMIT_MUST));
		}
	return 0;
}

/* CH-1: reservations are accounted apart, where the kernel can (5.7). */
static int
add_hugepages(struct job *j)
{
	for (uint32_t i = 0; i < j->r->hugepage_limits.n; i++) {
		const struct spec_hugepage_limit *l = &j->r->hugepage_limits.at[i];
		const char *property = arena_string(j->e, "linux.resources.hugepageLimits[%u]", i);
		const char *value = arena_string(j->e, "%llu", (unsigned long long)l->limit);

		if (!property || !value)
			return -1;
		for (int rsvd = 0; rsvd < 2; rsvd++) {
			const char *part = rsvd ? ".rsvd" : "";

			TRY(add_either(j, property,
				arena_string(
					j->e, "hugetlb.%s%s.limit_in_bytes", l->page_size, part),
				value, arena_string(j->e, "hugetlb.%s%s.max", l->page_size, part),
				value, rsvd ? PLAN_LIMIT_IF_EXISTS : PLAN_LIMIT_MUST));
		}
	}
	return 0;
}

/* CN-2 */
static int
add_priorities(struct job *j)
{
	for (uint32_t i = 0; i < j->r->network.priorities.n; i++) {
		const struct spec_priority *p = &j->r->network.priorities.at[i];
		const char *property =
			arena_string(j->e, "linux.resources.network.priorities[%u]", i);

		if (!property)
			return -1;
		TRY(add_either(j, property, "net_prio.ifpriomap",
			arena_string(j->e, "%s %u", p->name, p->priority), "", NULL,
			PLAN_LIMIT_MUST));
	}
	return 0;
}

/* CR-1 */
static int
add_rdma(struct job *j)
{
	for (uint32_t i = 0; i < j->r->rdma.n; i++) {
		const struct spec_rdma *d = &j->r->rdma.at[i];
		const char *property =
			arena_string(j->e, "linux.resources.rdma[\"%s\"]", d->device);
		char line[128];
		struct str s = str_in(line, sizeof line);
		const char *value;

		(void)str_add(&s, "%s", d->device); /* what is cut is noticed at the end */
		if (d->hca_handles_set)
			(void)str_add(&s, " hca_handle=%u", d->hca_handles);
		if (d->hca_objects_set && str_add(&s, " hca_object=%u", d->hca_objects) < 0)
			return fail(j->e, "%s: the name is too long", property);
		value = arena_string(j->e, "%s", line);
		if (!property || !value)
			return -1;
		TRY(add_either(j, property, "rdma.max", value, "rdma.max", value, PLAN_LIMIT_MUST));
	}
	return 0;
}

/* CU-1, CU-3: whatever v2 has a file for; one write a line.  CU-4: last, so it wins. */
static int
add_unified(struct job *j)
{
	const struct facts_hierarchy *h = facts_controller(j->f, "");

	if (j->r->unified.n > 0 && !h)
		return fail(j->e, "invalid configuration: cannot use unified on cgroup v1");
	for (uint32_t i = 0; i < j->r->unified.n; i++) {
		const struct pair *p = &j->r->unified.at[i];
		const char *property =
			arena_string(j->e, "linux.resources.unified[\"%s\"]", p->name);
		const char *line = p->value;

		do {
			size_t n = str_until(line, "\n");

			if (!property)
				return -1;
			TRY(add(j, (uint32_t)(h - j->f->hierarchy), property, p->name,
				arena_string(j->e, "%.*s", (int)n, line), PLAN_LIMIT_MUST));
			line += n;
		} while (*line++ && *line);
	}
	return 0;
}

/* -- the whole --------------------------------------------------------------------------------- */

bool
plan_resources_any(const struct spec_resources *r)
{
	bool any = r->hugepage_limits.n + r->network.priorities.n + r->rdma.n + r->unified.n +
				r->block_io.weight_device.n >
			0 ||
		r->memory.use_hierarchy_set;

	for (int kind = 0; kind < THROTTLES; kind++)
		any |= r->block_io.throttle[kind].n > 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		any |= is_set(r, &rows[i]);
	return any;
}

int
plan_resources(
	struct err *e, struct plan_cgroup *c, const struct facts *f, const struct spec_resources *r)
{
	struct job j = {e, c, f, r};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (is_set(r, &rows[i]))
			TRY(add_row(&j, &rows[i]));
	TRY(add_use_hierarchy(&j));
	TRY(add_weight_devices(&j));
	TRY(add_throttles(&j));
	TRY(add_hugepages(&j));
	TRY(add_priorities(&j));
	TRY(add_rdma(&j));
	return add_unified(&j);
}
