#include "plan/plan.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/sys.h"
#include "plan/env.h"
#include "plan/path.h"

#include <string.h>

/* sysctl(8): the first separator of a key is the separator; where that is a dot, a slash stands for
 * a dot in a name ("net.ipv4.conf.eth0/1.forwarding").  spec_check() has refused what does not
 * belong to a namespace of the container. */
static const char *
sysctl_path(struct err *e, const char *key)
{
	char *path = arena_string(e, "%s", key);

	if (!path || path[str_until(path, "./")] != '.')
		return path;
	for (char *at = path; *at != '\0'; at++)
		*at = *at == '.' ? '/' : *at == '/' ? '.' : *at;
	return path;
}

/* Would the path leave /proc/sys?  Once more, because letters have been exchanged. */
static bool
is_plain(const char *path)
{
	return *path != '/' && *path != '\0' && !path_goes_up(path) && !str_find(path, "//") &&
		!str_find(path, "/./");
}

static int
make_sysctl(struct err *e, struct plan *p)
{
	const struct pairs *from = &p->spec->linux_.sysctl;

	p->sysctl.at = arena_take(e, from->n, sizeof(*p->sysctl.at));
	if (!p->sysctl.at)
		return -1;
	for (uint32_t i = 0; i < from->n; i++) {
		struct pair *to = &p->sysctl.at[p->sysctl.n++];

		to->name = sysctl_path(e, from->at[i].name);
		to->value = from->at[i].value;
		if (!to->name)
			return -1;
		if (!is_plain(to->name))
			return fail(e, "linux.sysctl: \"%s\" is not the name of a parameter",
				from->at[i].name);
	}
	return 0;
}

/* engines.md 3.6: an annotation of crun's that says yes */
static bool
annotated(const struct spec *s, const char *name)
{
	const char *value = spec_pair(&s->annotations, name);

	return value && str_equal(value, "1");
}

/* DEC-2 */
static int
check_labels(struct err *e, const struct plan *p)
{
	if (p->spec->process.apparmor_profile && !p->facts->apparmor)
		return fail(e, "process.apparmorProfile: AppArmor is not enabled in this kernel");
	if (p->spec->process.selinux_label && !p->facts->selinux)
		return fail(e, "process.selinuxLabel: SELinux is not enabled in this kernel");
	return 0;
}

/* What every process of a container gets. */
static int
make_process(struct err *e, struct plan *p)
{
	TRY(check_labels(e, p));
	if (!p->options.no_new_keyring) {
		p->keyring = arena_string(e, "_ses.%s", p->options.id);
		if (!p->keyring)
			return -1;
	}
	TRY(plan_seccomp(e, &p->seccomp, &p->spec->linux_.seccomp,
		annotated(p->spec, "run.oci.seccomp_fail_unknown_syscall")));
	TRY(plan_make_creds(e, p));
	return env_make(e, &p->env, &p->home_missing, &p->spec->process.env);
}

static int
make_rest(struct err *e, struct plan *p)
{
	if (p->spec->linux_.net_devices.n > 0 && !(p->facts->cap_effective >> CAP_NET_ADMIN & 1))
		return fail(e, "linux.netDevices: the caller has no CAP_NET_ADMIN to move them");
	return make_sysctl(e, p);
}

static void
begin(struct plan *p, const struct spec *s, const struct facts *f, const struct plan_options *o)
{
	memset(p, 0, sizeof(*p));
	p->spec = s;
	p->facts = f;
	p->options = *o;
}

int
plan_make(struct err *e, struct plan *p, const struct spec *s, const struct facts *f,
	const struct plan_options *o)
{
	begin(p, s, f, o);
	TRY(plan_make_namespaces(e, p));
	TRY(plan_make_cgroup(e, p));
	TRY(plan_make_rdt(e, p));
	TRY(plan_make_root(e, p));
	TRY(plan_make_mounts(e, p));
	TRY(plan_make_devices(e, p));
	TRY(make_process(e, p));
	TRY(plan_make_init(e, p, &s->annotations));
	return make_rest(e, p);
}

int
plan_make_process(struct err *e, struct plan *p, const struct spec *s, const struct facts *f,
	const struct plan_options *o)
{
	begin(p, s, f, o);
	TRY(plan_make_namespaces(e, p)); /* for the maps */
	p->ns.clone_flags = p->ns.late_flags = 0;
	TRY(make_process(e, p));
	return plan_make_init(e, p, NULL); /* the annotations are about the container's own */
}
