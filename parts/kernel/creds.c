#include "kernel/creds.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "words/words.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CAPABILITIES = 64 }; /* bits of a set */

static const char *
capability(unsigned cap)
{
	const char *name = words_name(WORDS_CAPABILITY, (int)cap);

	return name ? name : "unknown capability";
}

/* -- sets -------------------------------------------------------------------------------------- */

static int
read_sets(struct err *e, struct kabi_cap_data data[2])
{
	struct kabi_cap_header header = {.version = _LINUX_CAPABILITY_VERSION_3};

	if (sys_capget(&header, data) < 0)
		return fail_errno(e, "capget");
	return 0;
}

static uint64_t
set_of(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

/* What a process does not hold it cannot give: a warning (CAP-3), and never less restricted. */
static uint64_t
cut(uint64_t want, uint64_t have, const char *set)
{
	for (unsigned cap = 0; cap < CAPABILITIES; cap++)
		if ((want & ~have) >> cap & 1)
			log_warning("process.capabilities.%s: %s cannot be granted", set,
				capability(cap));
	return want & have;
}

/* What stays until the exec, of permitted and effective alone.  The exec takes it: a new permitted
 * set is made of inheritable, ambient and bounding capabilities, and not of the old one
 * (capabilities(7)). */
static uint64_t
kept(const struct plan_creds *c)
{
	return c->keep_sys_admin ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
}

static int
write_sets(struct err *e, const struct plan_creds *c)
{
	const uint64_t *want = c->capabilities;
	struct kabi_cap_header header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct kabi_cap_data data[2];
	uint64_t permitted, effective, inheritable, have, old;

	TRY(read_sets(e, data));
	have = set_of(data[0].permitted, data[1].permitted);
	old = set_of(data[0].inheritable, data[1].inheritable);
	permitted = cut(want[CAPABILITY_PERMITTED], have, "permitted");
	effective = cut(want[CAPABILITY_EFFECTIVE], permitted, "effective");
	permitted |= have & kept(c);
	effective |= have & kept(c);
	inheritable = cut(want[CAPABILITY_INHERITABLE], old | (have & want[CAPABILITY_BOUNDING]),
		"inheritable");
	for (int i = 0; i < 2; i++) {
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	if (sys_capset(&header, data) < 0)
		return fail_errno(e, "process.capabilities: capset");
	return 0;
}

/* Every capability but those to keep: dropped by a call that succeeded, or found to be absent.  A
 * number that the kernel does not know ends the list, and that it does not know it is asked twice.
 */
static int
drop_bounding(struct err *e, uint64_t keep)
{
	for (unsigned cap = 0; cap < CAPABILITIES; cap++) {
		int why;

		if (keep >> cap & 1 || sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		why = errno;
		switch (sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) {
		case 0:
			continue;
		case -1:
			if (why == EINVAL && errno == EINVAL && cap > 0)
				return 0;
		}
		errno = why;
		return fail_errno(e, "process.capabilities.bounding: drop %s", capability(cap));
	}
	return 0;
}

/* Nothing ambient is left of the caller's; what cannot be raised is a warning (CAP-3). */
static int
set_ambient(struct err *e, uint64_t want)
{
	if (sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) {
		if (errno != EINVAL) /* before Linux 4.3: there are none */
			return fail_errno(e, "process.capabilities.ambient: clear");
		if (want)
			log_warning("process.capabilities.ambient: not known to this kernel");
		return 0;
	}
	for (unsigned cap = 0; cap < CAPABILITIES; cap++)
		if (want >> cap & 1 &&
			sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			log_warning("can't raise ambient capability %s: %s", capability(cap),
				errno_text(errno));
	return 0;
}

/* -- ids --------------------------------------------------------------------------------------- */

/* A joined user namespace may deny setgroups(2) (user_namespaces(7)).  That is harmless where no
 * groups are asked for and there are none to drop but the one that the process is to have. */
static int
set_groups(struct err *e, const struct plan_creds *c)
{
	gid_t own[2];
	int n;

	if (!c->set_groups || c->keep_groups || sys_setgroups(c->n_groups, c->groups) == 0)
		return 0;
	(void)fail_errno(e, "process.user.additionalGids: setgroups");
	if (e->number != EPERM || c->n_groups > 0)
		return -1;
	n = getgroups(2, own); /* EINVAL: more than two */
	return n == 0 || (n == 1 && own[0] == c->gid) ? 0 : -1;
}

static int
set_ids(struct err *e, const struct plan_creds *c)
{
	TRY(set_groups(e, c));
	if (sys_setresgid(c->gid, c->gid, c->gid) < 0)
		return fail_errno(e, "process.user.gid: setgid to %u", c->gid);
	if (sys_setresuid(c->uid, c->uid, c->uid) < 0)
		return fail_errno(e, "process.user.uid: setuid to %u", c->uid);
	return 0;
}

/* -- the proof --------------------------------------------------------------------------------- */

static int
check_ids(struct err *e, const struct plan_creds *c)
{
	uid_t r, eff, s;

	if (getresuid(&r, &eff, &s) < 0 || r != c->uid || eff != c->uid || s != c->uid)
		return fail(e, "process.user.uid: still not %u", c->uid);
	if (getresgid(&r, &eff, &s) < 0 || r != c->gid || eff != c->gid || s != c->gid)
		return fail(e, "process.user.gid: still not %u", c->gid);
	return 0;
}

/* I8: nothing beyond what the plan has, whatever a kernel module or a filter answered.  The
 * bounding set has been settled bit by bit. */
static int
check_sets(struct err *e, const struct plan_creds *c)
{
	const uint64_t *want = c->capabilities;
	struct kabi_cap_data d[2];

	TRY(read_sets(e, d));
	if (set_of(d[0].permitted, d[1].permitted) & ~(want[CAPABILITY_PERMITTED] | kept(c)) ||
		set_of(d[0].effective, d[1].effective) & ~(want[CAPABILITY_EFFECTIVE] | kept(c)) ||
		set_of(d[0].inheritable, d[1].inheritable) & ~want[CAPABILITY_INHERITABLE])
		return fail(e, "process.capabilities: more than configured are left");
	if (c->no_new_privileges && sys_prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return fail(e, "process.noNewPrivileges: not in force");
	return 0;
}

/* The kernel forces the order: bounding while CAP_SETPCAP is effective, groups and ids while
 * CAP_SETGID and CAP_SETUID are, the sets last; ambient after permitted and inheritable.  The
 * change of ids would clear the permitted set but for KEEPCAPS, unless it is to root. */
int
creds_apply(struct err *e, const struct plan_creds *c)
{
	const uint64_t *want = c->capabilities;

	IN(e, ROLE_INIT | ROLE_JOIN);
	if (c->no_new_privileges && sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_errno(e, "process.noNewPrivileges");
	TRY(drop_bounding(e, want[CAPABILITY_BOUNDING]));
	if (c->uid != 0 && sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail_errno(e, "keep capabilities");
	TRY(set_ids(e, c));
	if (c->uid != 0 && sys_prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return fail_errno(e, "keep capabilities");
	TRY(write_sets(e, c));
	TRY(set_ambient(e, want[CAPABILITY_AMBIENT]));
	TRY(check_ids(e, c));
	return check_sets(e, c);
}

int
creds_settle(struct err *e, const struct plan_creds *c)
{
	struct plan_creds settled = *c;

	IN(e, ROLE_INIT | ROLE_JOIN);
	settled.keep_sys_admin = false;
	settled.no_new_privileges = true;
	if (sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_errno(e, "no new privileges");
	if (c->keep_sys_admin)
		TRY(write_sets(e, &settled));
	return check_sets(e, &settled);
}

int
creds_die_with_parent(struct err *e, bool yes)
{
	IN(e, ROLE_STAGE | ROLE_INIT | ROLE_JOIN);
	if (sys_prctl(PR_SET_PDEATHSIG, yes ? SIGKILL : 0, 0, 0, 0) < 0)
		return fail_errno(e, "parent death signal");
	return 0;
}

int
creds_hide(struct err *e)
{
	IN(e, ROLE_STAGE | ROLE_INIT | ROLE_JOIN);
	if (sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail_errno(e, "dumpable");
	return 0;
}
