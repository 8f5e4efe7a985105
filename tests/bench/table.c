/* table: print one table for each timed step of a scenario.
 *
 * CPU and wall are in ms; /base and p10/b. divide the median CPU and the p10 wall by the base's.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column { WALL, CPU, BUSY };

struct figures {
	int n;
	double min, p10, median, p95, mean; /* ms */
};

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t
cell(const struct sample *s, enum column column)
{
	switch (column) {
	case WALL:
		return s->wall_us;
	case CPU:
		return s->cpu_us;
	default:
		return s->busy_ms * 1000u;
	}
}

static struct figures
figures(const struct target *t, int name, enum column column)
{
	static uint32_t v[SAMPLES_MAX];
	struct figures f = {0};
	double sum = 0;

	for (int i = 0; i < n_samples; i++) {
		const struct sample *s = &samples[i];

		if (s->target != t - targets || s->name != name)
			continue;
		v[f.n] = cell(s, column);
		sum += v[f.n++];
	}
	if (!f.n)
		return f;
	qsort(v, (size_t)f.n, sizeof *v, compare);
	f.min = v[0] / 1e3;
	f.p10 = v[(f.n - 1) / 10] / 1e3;
	f.median = (v[(f.n - 1) / 2] + v[f.n / 2]) / 2e3;
	f.p95 = v[(f.n - 1) * 95 / 100] / 1e3;
	f.mean = sum / f.n / 1e3;
	return f;
}

static bool
has_step(const struct target *t, int name)
{
	for (int i = 0; i < t->n_steps; i++)
		if (t->steps[i].kind == TIMED && t->steps[i].name == name)
			return true;
	return false;
}

static int
first_step(const struct target *t)
{
	for (int i = 0; i < t->n_steps; i++)
		if (t->steps[i].kind == TIMED)
			return t->steps[i].name;
	die("a target without timed steps");
}

const struct target *
base_target(void)
{
	for (int i = 0; i < n_targets; i++)
		if (strcmp(targets[i].name, options.base) == 0)
			return &targets[i];
	die("the base is no target of the scenario");
}

static int
base_step(int name)
{
	return has_step(base_target(), name) ? name : first_step(base_target());
}

bool
tells_busy(void)
{
	for (int i = 0; i < n_targets; i++)
		if (targets[i].n_steps != 1)
			return false;
	return is_idle();
}

static void
print_head(int name)
{
	struct figures wall = figures(base_target(), base_step(name), WALL);
	bool is_void = wall.median > 2 * wall.min;

	dprintf(options.table_fd, "\n%s %s: %s%s\n", options.title, options.rhythm, names[name],
		is_void ? "   VOID: the base's median wall exceeds twice its minimum" : "");
	dprintf(options.table_fd, "%-14s %5s %4s | %8s %8s %7s | %8s %8s %8s %8s %7s |%s%s\n", "",
		"n", "fail", "CPU med", "min ms", "/base", "wall min", "p10", "med", "p95 ms",
		"p10/b.", tells_busy() ? " busy ms |" : "",
		options.peak ? " RSS KB anon+pt  calls" : "");
}

static void
print_memory(const struct memory *m)
{
	dprintf(options.table_fd, " %6ld %7ld %6ld", m->rss_kb, m->memory_kb, m->calls);
}

/* Returns whether every cell that should be filled is.  */
static bool
print_row(const struct target *t, int name, bool is_base)
{
	struct figures base_cpu = figures(base_target(), base_step(name), CPU);
	struct figures base_wall = figures(base_target(), base_step(name), WALL);
	int own = is_base ? base_step(name) : name;
	struct figures cpu = figures(t, own, CPU), wall = figures(t, own, WALL);

	dprintf(options.table_fd, "%-14s ", t->name);
	if (!wall.n) {
		dprintf(options.table_fd, "%5s %4d | %s\n", "-", t->n_fail, t->reason);
		return t->refused && !t->n_fail;
	}
	dprintf(options.table_fd, "%5d %4d | %8.3f %8.3f %7.2f | %8.3f %8.3f %8.3f %8.3f %7.2f |",
		wall.n, t->n_fail, cpu.median, cpu.min, cpu.median / base_cpu.median, wall.min,
		wall.p10, wall.median, wall.p95, wall.p10 / base_wall.p10);
	if (tells_busy())
		dprintf(options.table_fd, " %7.2f |", figures(t, own, BUSY).mean);
	if (options.peak)
		print_memory(&t->memory[own]);
	dprintf(options.table_fd, "%s%s\n", t->n_fail ? " | " : "", t->n_fail ? t->reason : "");
	return base_wall.n && (!options.peak || t->memory[own].calls || t->peer);
}

static bool
print_table(int name)
{
	bool filled = true;

	print_head(name);
	for (int i = 0; i < n_targets; i++) {
		bool is_base = &targets[i] == base_target();

		if (is_base || has_step(&targets[i], name))
			filled &= print_row(&targets[i], name, is_base);
	}
	return filled;
}

bool
print_tables(void)
{
	bool filled = true;

	for (int name = 0; name < n_names; name++) {
		bool only_base = true;

		for (int i = 0; i < n_targets; i++)
			if (&targets[i] != base_target() && has_step(&targets[i], name))
				only_base = false;
		if (!only_base)
			filled &= print_table(name);
	}
	return filled;
}
