/* fixture: a config, a host and a caller for the tests of plan/, to be changed by each test.
 *
 * fixture_start() gives: root on a cgroup v2 host that holds every capability; a config with a
 * rootfs, no namespaces and no mounts; the id "web1" in /srv/web.
 */
#ifndef TESTS_UNIT_PLAN_FIXTURE_H
#define TESTS_UNIT_PLAN_FIXTURE_H

#include "base/arena.h"
#include "base/log.h"
#include "plan/plan.h"

#include <string.h>

static struct spec spec;
static struct facts facts;
static struct plan_options options;
static struct plan plan;
static struct err e;

static inline void
fixture_start(void)
{
	arena_release(0);
	log_flush(false);
	memset(&spec, 0, sizeof(spec));
	memset(&facts, 0, sizeof(facts));
	memset(&plan, 0, sizeof(plan));
	memset(&e, 0, sizeof(e));
	spec.root.path = "rootfs";
	spec.process.cwd = "/";
	facts.cap_last = 40;
	facts.cap_bounding = facts.cap_effective = (UINT64_C(1) << 41) - 1;
	facts.hierarchy[0] = (struct facts_hierarchy){true, "", "/sys/fs/cgroup", "/", "/a"};
	facts.n_hierarchies = 1;
	options = (struct plan_options){.id = "web1", .bundle = "/srv/web", .name = "ocirt"};
}

/* Adds a v1 hierarchy; the first call takes the v2 one away. */
static inline void
fixture_v1(const char *controllers, const char *mount_point)
{
	if (facts.n_hierarchies == 1 && facts.hierarchy[0].v2)
		facts.n_hierarchies = 0;
	facts.hierarchy[facts.n_hierarchies++] =
		(struct facts_hierarchy){false, controllers, mount_point, "/", "/a"};
}

static inline int
fixture_plan(void)
{
	arena_release(0);
	e.text[0] = '\0';
	return plan_make(&e, &plan, &spec, &facts, &options);
}

/* The waiting warnings, each ended by "\n", which are forgotten thereby. */
static inline const char *
fixture_warnings(void)
{
	static char text[LOG_PENDING_MAX + 1];
	size_t n = log_pending(text, sizeof(text) - 1);

	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ')
			text[i] = '\n';
	log_flush(false);
	return text;
}

#endif
