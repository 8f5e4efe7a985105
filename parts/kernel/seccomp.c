#include "kernel/seccomp.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>

int
seccomp_connect(struct err *e, const struct plan_filter *f, int *agent)
{
	IN(e, ROLE_HOST);
	*agent = -1;
	if (!f->listener_path)
		return 0;
	*agent = fd_connect_unix(e, f->listener_path, SOCK_STREAM);
	return *agent < 0 ? context(e, "failed to connect with seccomp agent %s", f->listener_path)
			  : 0;
}

/* Before Linux 3.17 there is no seccomp(2), and no flag. */
static int
load(const struct plan_filter *f, const struct kabi_sock_fprog *program)
{
	uint32_t flags = f->flags;
	int result;

	if (f->notify)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (f->notify && flags & SECCOMP_FILTER_FLAG_TSYNC)
		flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	result = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, (void *)program);
	if (result < 0 && errno == ENOSYS && flags == 0)
		result = sys_prctl(
			PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (unsigned long)program, 0, 0);
	return result;
}

int
seccomp_load(struct err *e, const struct plan_filter *f, int *listener)
{
	struct kabi_sock_fprog program = {.len = (unsigned short)f->n, .filter = f->at};
	int result;

	IN(e, ROLE_INIT | ROLE_JOIN);
	*listener = -1;
	result = load(f, &program);
	if (result < 0 && errno == EINVAL && (f->flags != 0 || f->notify))
		return fail(e, "linux.seccomp%s: not known to this kernel",
			f->flags ? ".flags" : ": SCMP_ACT_NOTIFY");
	if (result < 0)
		return fail_errno(e, "linux.seccomp: loading the filter");
	if (result > 0 && !f->notify) /* TSYNC: the thread that could not take it */
		return fail(e, "linux.seccomp: loading the filter: not taken by thread %d", result);
	if (f->notify)
		*listener = result;
	return 0;
}

int
seccomp_hand_over(struct err *e, int agent, const char *state, size_t len, int listener)
{
	IN(e, ROLE_INIT | ROLE_JOIN);
	if (fd_send(agent, state, len, listener) < 0)
		return fail_errno(e, "linux.seccomp.listenerPath: send");
	return 0;
}
