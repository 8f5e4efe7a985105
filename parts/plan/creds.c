#include "plan/plan.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "words/words.h"

enum { NAMES_MAX = 1536 }; /* bytes: all 41 names and their commas need about 900 */

/* Capabilities 0 .. last. */
static uint64_t
up_to(uint32_t last)
{
	return last >= 63 ? UINT64_MAX : (UINT64_C(1) << (last + 1)) - 1;
}

/* CAP-3: "SHOULD log a warning" and go on without what cannot be granted. */
static uint64_t
grant(const char *kind, uint64_t asked, uint64_t possible, const char *why)
{
	char names[NAMES_MAX];
	struct str list = str_in(names, sizeof(names));

	for (int bit = 0; bit < 64; bit++) {
		const char *name;

		if (!((asked & ~possible) >> bit & 1))
			continue;
		name = words_name(WORDS_CAPABILITY, bit);
		(void)str_add(&list, "%s%s", list.len > 0 ? ", " : "", name ? name : "?");
	}
	if (list.len > 0)
		log_warning("can't raise %s %s: %s", kind, names, why);
	return asked & possible;
}

static void
make_capabilities(struct plan *p)
{
	const uint64_t *asked = p->spec->process.capabilities;
	uint64_t *sets = p->creds.capabilities;
	uint64_t known = up_to(p->facts->cap_last), bounding = known, held = known;

	/* user_namespaces(7): whoever enters one holds every capability there. */
	if (!p->spec->linux_.namespaces[NAMESPACE_USER].listed) {
		bounding &= p->facts->cap_bounding;
		held &= p->facts->cap_effective;
	}
	sets[CAPABILITY_BOUNDING] = grant("capability", asked[CAPABILITY_BOUNDING], bounding,
		"not in the caller's bounding set");
	sets[CAPABILITY_PERMITTED] =
		grant("capability", asked[CAPABILITY_PERMITTED], held, "not held by the caller");
	sets[CAPABILITY_EFFECTIVE] = grant("capability", asked[CAPABILITY_EFFECTIVE],
		sets[CAPABILITY_PERMITTED], "not in the permitted set");
	sets[CAPABILITY_INHERITABLE] =
		grant("capability", asked[CAPABILITY_INHERITABLE], held, "not held by the caller");
	/* capabilities(7): ambient is always within permitted and inheritable. */
	sets[CAPABILITY_AMBIENT] = grant("ambient capability", asked[CAPABILITY_AMBIENT],
		sets[CAPABILITY_PERMITTED] & sets[CAPABILITY_INHERITABLE],
		"not both permitted and inheritable");
}

static bool
is_mapped(const struct spec_idmaps *maps, uint32_t id)
{
	for (uint32_t i = 0; i < maps->n; i++)
		if (id >= maps->at[i].container_id &&
			id - maps->at[i].container_id < maps->at[i].size)
			return true;
	return false;
}

/* PR-13.  (uint32_t)-1 means "leave it" to setuid(2) and can never be an id.  A joined user
 * namespace has maps that the plan does not see; the kernel refuses there. */
static int
check_id(struct err *e, const struct plan *p, const char *property, const struct spec_idmaps *maps,
	uint32_t id)
{
	if (id == UINT32_MAX)
		return fail(e, "%s: %u is not an id", property, id);
	if (p->ns.user_new && maps->n > 0 && !is_mapped(maps, id))
		return fail(e, "%s: %u is not mapped in the user namespace", property, id);
	return 0;
}

static int
check_ids(struct err *e, const struct plan *p)
{
	const struct spec_user *user = &p->spec->process.user;
	const struct spec_idmaps *gids = &p->spec->linux_.gid_mappings;
	char property[64];

	TRY(check_id(e, p, "process.user.uid", &p->spec->linux_.uid_mappings, user->uid));
	TRY(check_id(e, p, "process.user.gid", gids, user->gid));
	for (uint32_t i = 0; i < user->additional_gids.n && !p->creds.keep_groups; i++) {
		(void)str_format(property, sizeof(property), "process.user.additionalGids[%u]", i);
		TRY(check_id(e, p, property, gids, user->additional_gids.at[i]));
	}
	return 0;
}

/* engines.md 3.6 */
static bool
keeps_groups(const struct pairs *annotations)
{
	const char *value = spec_pair(annotations, "run.oci.keep_original_groups");

	return value && str_equal(value, "1");
}

int
plan_make_creds(struct err *e, struct plan *p)
{
	const struct spec_process *process = &p->spec->process;
	const struct spec_user *user = &process->user;
	struct plan_creds *c = &p->creds;

	c->uid = user->uid;
	c->gid = user->gid;
	c->no_new_privileges = process->no_new_privileges;
	c->keep_groups = keeps_groups(&p->spec->annotations);
	TRY(check_ids(e, p));
	if (!c->keep_groups) {
		/* PR-14 */
		if (p->ns.deny_setgroups && user->additional_gids.n > 0)
			return fail(e,
				"process.user.additionalGids: the user namespace of an "
				"unprivileged caller cannot set groups");
		c->groups = user->additional_gids.at;
		c->n_groups = user->additional_gids.n;
		c->set_groups = !p->ns.deny_setgroups;
	}
	make_capabilities(p);
	/* seccomp(2) wants one of the two; the kernel drops what is not in the bounding set. */
	c->keep_sys_admin = p->seccomp.n > 0 && !c->no_new_privileges;
	return 0;
}
