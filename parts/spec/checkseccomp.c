#include "spec/checkseccomp.h"

#include "base/str.h"
#include "base/sys.h"

/* What the kernel takes: seccomp(2), SECCOMP_RET_ERRNO and SECCOMP_RET_TRACE */
enum { ERRNO_RET_MAX = 4095, TRACE_RET_MAX = 65535 };

/* SC-2, SC-6 */
static int
check_errno_ret(struct err *e, const char *path, int action, uint32_t value)
{
	uint32_t max = action == SECCOMP_ERRNO ? ERRNO_RET_MAX : TRACE_RET_MAX;

	if (action != SECCOMP_ERRNO && action != SECCOMP_TRACE)
		return fail(e, "%s: the action carries no number", path);
	if (value > max)
		return fail(e, "%s: %u is out of range", path, value);
	return 0;
}

/* SC-9: we need them to hand the listener over, and nobody would answer us. */
static int
check_notified(struct err *e, const struct spec_syscall_rule *r, uint32_t i)
{
	static const char ours[][8] = {"write", "sendmsg"};

	for (uint32_t n = 0; n < r->names.n; n++)
		for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
			if (str_equal(r->names.at[n], ours[k]))
				return fail(e,
					"linux.seccomp.syscalls[%u]: SCMP_ACT_NOTIFY cannot be "
					"used for "
					"the %s syscall",
					i, ours[k]);
	return 0;
}

static int
check_rule(struct err *e, const struct spec_syscall_rule *r, uint32_t i)
{
	char path[64];

	(void)str_format(path, sizeof path, "linux.seccomp.syscalls[%u].errnoRet", i);
	if (r->names.n == 0)
		return fail(e, "linux.seccomp.syscalls[%u].names: empty", i);
	if (r->errno_ret_set)
		TRY(check_errno_ret(e, path, r->action, r->errno_ret));
	for (uint32_t n = 0; n < r->args.n; n++)
		if (r->args.at[n].index >= SPEC_SECCOMP_ARGS)
			return fail(e,
				"linux.seccomp.syscalls[%u].args[%u].index: %u is out of range", i,
				n, r->args.at[n].index);
	return r->action == SECCOMP_NOTIFY ? check_notified(e, r, i) : 0;
}

bool
checkseccomp_notifies(const struct spec_seccomp *s)
{
	for (uint32_t i = 0; i < s->syscalls.n; i++)
		if (s->syscalls.at[i].action == SECCOMP_NOTIFY)
			return true;
	return false;
}

/* SC-8 to SC-10 */
static int
check_listener(struct err *e, const struct spec_seccomp *s)
{
	bool notifies = checkseccomp_notifies(s);

	if (s->listener_metadata && !s->listener_path)
		return fail(e, "linux.seccomp.listenerMetadata: needs listenerPath");
	if (s->listener_path && *s->listener_path != '/')
		return fail(e, "linux.seccomp.listenerPath: \"%s\" is not an absolute path",
			s->listener_path);
	if (notifies && !s->listener_path)
		return fail(e, "linux.seccomp.listenerPath: missing: SCMP_ACT_NOTIFY needs it");
	if (s->flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !notifies)
		return fail(e,
			"linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule "
			"with "
			"SCMP_ACT_NOTIFY");
	return 0;
}

int
checkseccomp_all(struct err *e, const struct spec_seccomp *s)
{
	if (!s->present)
		return 0;
	if (s->default_action == SECCOMP_NOTIFY)
		return fail(
			e, "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default");
	if (s->default_errno_ret_set)
		TRY(check_errno_ret(e, "linux.seccomp.defaultErrnoRet", s->default_action,
			s->default_errno_ret));
	for (uint32_t i = 0; i < s->syscalls.n; i++)
		TRY(check_rule(e, &s->syscalls.at[i], i));
	return check_listener(e, s);
}
