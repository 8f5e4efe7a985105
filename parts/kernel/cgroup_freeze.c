/* The freezers of v1 and v2. */
#include "kernel/cgroup.h"

#include "base/cgroupfs.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/role.h"
#include "base/str.h"

enum { PAUSE_MAX = 20 }; /* ms between two looks */

bool
cgroup_is_v2(const struct cgroup_dir *d)
{
	return *d->controllers == '\0';
}

bool
cgroup_is_freezer(const struct cgroup_dir *d)
{
	return str_listed(d->controllers, "freezer");
}

const struct cgroup_dir *
cgroup_best(const struct cgroup_dirs *d)
{
	const struct cgroup_dir *found = d->n > 0 ? &d->at[0] : NULL;

	for (uint32_t i = 0; i < d->n; i++) {
		if (cgroup_is_freezer(&d->at[i]))
			return &d->at[i];
		if (cgroup_is_v2(&d->at[i]))
			found = &d->at[i];
	}
	return found;
}

const struct cgroup_dir *
cgroup_of(const struct cgroup_dirs *d, const char *controller)
{
	const struct cgroup_dir *found = NULL;

	for (uint32_t i = 0; i < d->n; i++) {
		if (str_listed(d->at[i].controllers, controller))
			return &d->at[i];
		if (cgroup_is_v2(&d->at[i]))
			found = &d->at[i];
	}
	return found;
}

int
cgroup_freeze_dir(int dir, bool v2, bool on)
{
	if (v2)
		return cgroupfs_write(dir, "cgroup.freeze", on ? "1" : "0");
	return cgroupfs_write(dir, "freezer.state", on ? "FROZEN" : "THAWED");
}

bool
cgroup_frozen_dir(int dir, bool v2)
{
	if (v2)
		return cgroupfs_says(dir, "cgroup.events", "frozen 1");
	return cgroupfs_says(dir, "freezer.state", "FROZEN");
}

/* -1 where there is none in this hierarchy. */
static int
open_freezer(const struct cgroup_dir *d)
{
	return cgroup_is_v2(d) || cgroup_is_freezer(d) ? cgroupfs_open(d->dir) : -1;
}

static void
visit_thaw(int dir, void *arg)
{
	if (*(const bool *)arg)
		(void)cgroupfs_write(dir, "cgroup.freeze", "0");
	else
		(void)cgroupfs_write(dir, "freezer.state", "THAWED");
}

void
cgroup_thaw(const struct cgroup_dirs *d)
{
	for (uint32_t i = 0; i < d->n; i++) {
		bool v2 = cgroup_is_v2(&d->at[i]);
		FD_AUTO int dir = open_freezer(&d->at[i]);

		if (dir >= 0)
			cgroupfs_walk(&dir, visit_thaw, &v2);
	}
}

bool
cgroup_frozen(const struct cgroup_dirs *d)
{
	for (uint32_t i = 0; i < d->n; i++) {
		bool v2 = cgroup_is_v2(&d->at[i]);
		FD_AUTO int dir = open_freezer(&d->at[i]);

		if (dir >= 0 && cgroup_frozen_dir(dir, v2))
			return true;
	}
	return false;
}

/* On v1 who is just being forked gets away for a moment: asked again, until all are frozen. */
static int
change(struct err *e, const struct cgroup_dir *d, int dir, bool on, int patience_ms)
{
	int64_t end = clock_ms() + patience_ms;
	bool v2 = cgroup_is_v2(d);

	for (int pause = 1;; pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX) {
		if (cgroup_freeze_dir(dir, v2, on) < 0)
			return fail_errno(e, "cgroup: freezer of %s", d->dir);
		if (cgroup_frozen_dir(dir, v2) == on)
			return 0;
		if (clock_ms() >= end)
			break;
		clock_sleep(pause);
	}
	(void)cgroup_freeze_dir(dir, v2, !on); /* the error is told already */
	return fail(e, "cgroup: %s is still not %s", d->dir, on ? "frozen" : "thawed");
}

int
cgroup_freeze(struct err *e, const struct cgroup_dirs *d, bool on, int patience_ms)
{
	const struct cgroup_dir *best = cgroup_best(d);
	bool found = false;

	IN(e, ROLE_HOST);
	if (!best)
		return fail(e, "the container is not using cgroups");
	for (uint32_t i = 0; i < d->n; i++) {
		FD_AUTO int dir = !on || &d->at[i] == best ? open_freezer(&d->at[i]) : -1;

		if (dir < 0)
			continue;
		found = true;
		if (on || cgroup_frozen_dir(dir, cgroup_is_v2(&d->at[i])))
			TRY(change(e, &d->at[i], dir, on, patience_ms));
	}
	return found ? 0 : fail(e, "cgroup: %s has no freezer", best->dir);
}
