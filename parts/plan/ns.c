#include "plan/plan.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/sys.h"
#include "words/words.h"

/* The cgroup namespace's root is the cgroup in which its maker is, so it comes after the move
 * (NS-5).  With cgroup v2 alone the child is born in its cgroup (CLONE_INTO_CGROUP) and the flag
 * can be in the same clone; with any v1 hierarchy the child moves itself first. */
static bool
is_late(const struct plan *p, enum namespace ns)
{
	return ns == NAMESPACE_CGROUP && !p->options.no_cgroups && p->facts->n_hierarchies > 0 &&
		!facts_cgroup2_only(p->facts);
}

static enum plan_root_mode
root_mode(const struct plan *p)
{
	const struct spec_namespace *mount = &p->spec->linux_.namespaces[NAMESPACE_MOUNT];

	/* DEC-23: in a mount namespace that is not the container's own, pivot_root would take the
	 * root away from everybody else in it. */
	if (!mount->listed || mount->path)
		return PLAN_ROOT_CHROOT;
	return p->options.no_pivot ? PLAN_ROOT_MOVE : PLAN_ROOT_PIVOT;
}

/* Whoever joins a user namespace has to make the others in it; and whoever is in a new one has no
 * rights over those that it joins, so they are joined before. */
static bool
needs_stage(const struct plan *p)
{
	for (enum namespace ns = 0; ns < NAMESPACES; ns++)
		if (p->ns.join[ns] &&
			(ns == NAMESPACE_USER || (p->ns.user_new && ns != NAMESPACE_PID)))
			return true;
	return false;
}

/* The offsets must be there before the first process is in the namespace, and a clone(2) that makes
 * it puts the child there at once: time_namespaces(7). */
static int
make_time_offsets(struct err *e, struct plan *p)
{
	char text[128] = "";
	struct str s = str_in(text, sizeof text);

	for (uint32_t i = 0; i < p->spec->linux_.time_offsets.n; i++) {
		const struct spec_time_offset *o = &p->spec->linux_.time_offsets.at[i];

		if (o->secs != 0 || o->nanosecs != 0)
			(void)str_add(
				&s, "%s %lld %u\n", o->clock, (long long)o->secs, o->nanosecs);
	}
	if (s.len == 0)
		return 0;
	p->ns.clone_flags &= ~words_namespace_flag(NAMESPACE_TIME);
	p->ns.time_offsets = arena_string(e, "%s", text);
	return p->ns.time_offsets ? 0 : -1;
}

/* user_namespaces(7): all that a process without privilege may map is its own id. */
static bool
maps_own(const struct spec_idmaps *maps, uint32_t id)
{
	return maps->n == 1 && maps->at[0].size == 1 && maps->at[0].host_id == id;
}

/* Whoever has no privilege leaves other ids than its own to newuidmap(1) and newgidmap(1). */
static void
choose_writers(struct plan *p)
{
	const struct spec_linux *l = &p->spec->linux_;
	bool rootless = p->ns.user_new && p->facts->euid != 0;

	p->ns.newuidmap = rootless && !maps_own(&l->uid_mappings, p->facts->euid);
	p->ns.newgidmap = rootless && !maps_own(&l->gid_mappings, p->facts->egid);
	/* Without CAP_SETGID in the parent namespace gid_map may be written only after setgroups
	 * has been denied. */
	p->ns.deny_setgroups = rootless && !p->ns.newgidmap;
}

int
plan_make_namespaces(struct err *e, struct plan *p)
{
	const struct spec_namespace *listed = p->spec->linux_.namespaces;
	const struct spec_namespace *user = &listed[NAMESPACE_USER];

	for (enum namespace ns = 0; ns < NAMESPACES; ns++) {
		if (!listed[ns].listed)
			continue;
		if (listed[ns].path)
			p->ns.join[ns] = listed[ns].path;
		else if (is_late(p, ns))
			p->ns.late_flags |= words_namespace_flag(ns);
		else
			p->ns.clone_flags |= words_namespace_flag(ns);
	}
	p->ns.user_new = user->listed && !user->path;
	p->ns.stage = needs_stage(p);
	choose_writers(p);
	p->root_mode = root_mode(p);
	p->loopback_up = listed[NAMESPACE_NETWORK].listed && !listed[NAMESPACE_NETWORK].path;
	return make_time_offsets(e, p);
}
