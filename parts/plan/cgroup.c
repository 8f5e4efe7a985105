#include "plan/plan.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "plan/path.h"
#include "plan/resources.h"
#include "plan/unit.h"

#include <string.h>

/* Where the container's cgroup lies, as the config says it. */
struct place {
	const char *path; /* "/edge/web1", cleaned */
	bool below_own;	  /* below the caller's own cgroup in each hierarchy */
};

/* CG-1: an absolute value is below the mount point of each hierarchy.
 * CG-2: so is a relative one.  runc takes it below the caller's own cgroup, but then the place
 * depends on who calls, and config-linux.md#cgroups-path has the same value always lead to the same
 * place.
 * CG-3: without a value it is the id, below the caller's own cgroup, where an unprivileged caller
 * may be allowed to make it.  What holds processes, as the caller's does, gives no controllers to
 * what is below it, cgroups(7), "no internal processes": with limits it is beside the caller's own,
 * as runc has it. */
static int
find_place(struct err *e, struct plan *p, struct place *place)
{
	const char *value = p->spec->linux_.cgroups_path;

	if (p->facts->manager) {
		place->path = unit_place(e, p);
		return place->path ? 0 : -1;
	}
	if (value && unit_form(value))
		return fail(e,
			"linux.cgroupsPath: \"%s\" has the form slice:prefix:name, which is for "
			"--systemd-cgroup",
			value);
	place->below_own = !value || *value == '\0';
	if (place->below_own)
		value = p->options.id;
	if (path_goes_up(value))
		return fail(e, "linux.cgroupsPath: \"%s\" has a \"..\" in it", value);
	place->path = path_inside(e, "linux.cgroupsPath", value);
	if (!place->path)
		return -1;
	if (place->path[1] == '\0')
		return fail(e,
			"linux.cgroupsPath: \"%s\" is the root of the hierarchy, not a container's "
			"cgroup",
			value);
	return 0;
}

/* The caller's own cgroup as seen below the mount point: "" is the mount point itself, also where
 * the own cgroup lies outside of what is visible there. */
static const char *
own_below_mount(const struct facts_hierarchy *h)
{
	const char *own = h->own;
	size_t root = strlen(h->mount_root);

	if (path_goes_up(own) || path_goes_up(h->mount_root))
		return "";
	if (root > 1) {
		if (strncmp(own, h->mount_root, root) != 0 ||
			(own[root] != '/' && own[root] != '\0'))
			return "";
		own += root;
	}
	return str_equal(own, "/") ? "" : own;
}

static int
add_dir(struct err *e, struct plan *p, const struct facts_hierarchy *h, const struct place *place)
{
	struct plan_cgroup *c = &p->cgroup;
	struct plan_cgroup_dir *d = &c->dir[c->n_dirs];
	const char *own = place->below_own ? own_below_mount(h) : "";
	size_t n = strlen(own);

	if (n > 0 && facts_cgroup2_only(p->facts) && plan_resources_any(&p->spec->linux_.resources))
		n = (size_t)(strrchr(own, '/') - own);
	d->dir = arena_string(e, "%s%.*s%s", h->mount_point, (int)n, own, place->path);
	if (!d->dir)
		return -1;
	if (strlen(d->dir) >= PLAN_PATH_MAX)
		return fail(e, "linux.cgroupsPath: the path is longer than %d bytes",
			PLAN_PATH_MAX - 1);
	d->v2 = h->v2;
	d->controllers = h->controllers;
	d->mount_point = h->mount_point;
	d->keep = (uint32_t)strlen(h->mount_point);
	/* Slices are systemd's; where it makes none, what we make is ours to remove. */
	if (p->facts->manager && (h->v2 || str_equal(h->controllers, "name=systemd")))
		d->keep = (uint32_t)(str_base(d->dir) - d->dir) - 1;
	c->n_dirs++;
	return 0;
}

/* Device rules go to the v1 controller where there is one, else to a program on the v2 directory.
 */
static int
add_device_rules(struct err *e, struct plan *p)
{
	struct plan_cgroup *c = &p->cgroup;
	const struct facts_hierarchy *v1 = facts_controller(p->facts, "devices");

	if (v1) {
		struct plan_cgroup_dir *d = &c->dir[v1 - p->facts->hierarchy];

		return plan_devrules(e, p->spec, &d->device_rules, &d->n_device_rules);
	}
	if (facts_controller(p->facts, ""))
		return plan_device_program(e, p->spec, &c->devices, &c->n_devices);
	if (!p->options.rootless)
		/* CG-10, I8: what restricts is not passed over in silence. */
		return fail(e,
			"linux.resources.devices: this host has no cgroup that could enforce "
			"them (--cgroup-manager disabled goes without)");
	log_warning("linux.resources.devices: no cgroup enforces them here");
	return 0;
}

/* Is there a mount by which the container can write to its cgroup? */
static bool
mounts_it_writable(const struct spec_mounts *mounts)
{
	for (uint32_t i = 0; i < mounts->n; i++) {
		const struct spec_mount *m = &mounts->at[i];
		bool writable = m->source && str_equal(m->source, "cgroup") &&
			str_equal(m->destination, "/sys/fs/cgroup");

		for (uint32_t k = 0; k < m->options.n && writable; k++)
			writable = !str_equal(m->options.at[k], "ro") &&
				!str_equal(m->options.at[k], "rro");
		if (writable)
			return true;
	}
	return false;
}

/* CG-8: a container that sees nothing but its own cgroup manages it itself.  Whom the ids of a user
 * namespace that is joined belong to is not known here: then nothing is handed over. */
static void
find_owner(struct plan *p)
{
	const struct spec_linux *l = &p->spec->linux_;
	const struct spec_namespace *cgroup = &l->namespaces[NAMESPACE_CGROUP];
	const struct spec_namespace *user = &l->namespaces[NAMESPACE_USER];
	uint32_t uid = p->spec->process.user.uid;

	p->cgroup.owner = -1;
	if (!facts_cgroup2_only(p->facts) || !cgroup->listed || cgroup->path || user->path ||
		!mounts_it_writable(&p->spec->mounts))
		return;
	if (!user->listed)
		p->cgroup.owner = uid;
	for (uint32_t i = 0; i < l->uid_mappings.n; i++) {
		const struct spec_idmap *map = &l->uid_mappings.at[i];

		if (uid >= map->container_id && uid - map->container_id < map->size)
			p->cgroup.owner = map->host_id + (uid - map->container_id);
	}
}

int
plan_make_cgroup(struct err *e, struct plan *p)
{
	const struct facts *f = p->facts;
	struct plan_cgroup *c = &p->cgroup;
	const struct spec_resources *r = &p->spec->linux_.resources;
	bool rules = r->devices.present;
	struct place place = {.path = NULL};

	if (p->options.no_cgroups) {
		if (rules || plan_resources_any(r))
			log_debug("linux.resources is not applied: cgroups are disabled");
		return 0;
	}
	TRY(find_place(e, p, &place));
	c->used = f->n_hierarchies > 0;
	c->tolerate = c->used && p->options.rootless;
	c->path = c->used ? place.path : NULL;
	if (!c->used)
		c->unit.name = NULL;
	c->dir = arena_take(e, f->n_hierarchies, sizeof(*c->dir));
	if (!c->dir)
		return -1;
	/* CG-6: all of them, also the named ones and the unified one of a hybrid host. */
	for (uint32_t i = 0; i < f->n_hierarchies; i++)
		TRY(add_dir(e, p, &f->hierarchy[i], &place));
	find_owner(p);
	TRY(plan_resources(e, c, f, r));
	if (rules)
		TRY(add_device_rules(e, p));
	return unit_properties(e, p);
}
