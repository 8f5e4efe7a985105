#include "kernel/seccomp.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "words/sysnr.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
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
			f->flags ? ".flags" : ": seccomp notify unsupported");
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

/* -- our own ----------------------------------------------------------------------------------- */

/* What kernel/supervise calls, the most frequent first; some have another name on some processors.
 */
static const char own_calls[] =
	"rt_sigtimedwait\0wait4\0kill\0rt_sigqueueinfo\0clock_gettime\0clock_gettime64\0"
	"exit_group\0madvise\0openat\0getdents64\0lseek\0_llseek\0read\0close\0getpgid\0"
	"poll\0ppoll\0write\0restart_syscall\0ptrace\0";

/* struct seccomp_data of linux/seccomp.h: the lower half of an argument. */
enum {
	DATA_NUMBER = 0,
	DATA_ARCH = 4,
	DATA_ARGS = 16 + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0),
	WRITES = O_ACCMODE | O_CREAT | O_TRUNC,
};

enum {
	LOAD = BPF_LD | BPF_W | BPF_ABS,
	EQUAL = BPF_JMP | BPF_K | BPF_JEQ,
	ANSWER = BPF_RET | BPF_K
};

/* A file may be read; who asked to be traced may be let go.  Goes on behind itself. */
static uint32_t
add_call(struct kabi_sock_filter *at, const char *name, uint32_t number)
{
	const struct kabi_sock_filter allow = {ANSWER, 0, 0, SECCOMP_RET_ALLOW};
	const struct kabi_sock_filter deny = {ANSWER, 0, 0, SECCOMP_RET_ERRNO | EPERM};

	if (str_equal(name, "openat")) {
		at[0] = (struct kabi_sock_filter){EQUAL, 0, 4, number};
		at[1] = (struct kabi_sock_filter){LOAD, 0, 0, DATA_ARGS + 16};
		at[2] = (struct kabi_sock_filter){BPF_JMP | BPF_K | BPF_JSET, 0, 1, WRITES};
		at[3] = deny;
		at[4] = allow;
		return 5;
	}
	if (str_equal(name, "ptrace")) {
		at[0] = (struct kabi_sock_filter){EQUAL, 0, 4, number};
		at[1] = (struct kabi_sock_filter){LOAD, 0, 0, DATA_ARGS};
		at[2] = (struct kabi_sock_filter){EQUAL, 1, 0, PTRACE_DETACH};
		at[3] = (struct kabi_sock_filter){EQUAL, 0, 1, PTRACE_GETSIGINFO};
		at[4] = allow;
		return 5;
	}
	at[0] = (struct kabi_sock_filter){EQUAL, 0, 1, number};
	at[1] = allow;
	return 2;
}

void
seccomp_confine(void)
{
	struct kabi_sock_filter program[64] = {
		{LOAD, 0, 0, DATA_ARCH},
		{EQUAL, 1, 0, sysnr_audit(sysnr_native())},
		{ANSWER, 0, 0, SECCOMP_RET_ERRNO | EPERM},
		{LOAD, 0, 0, DATA_NUMBER},
	};
	struct plan_filter f = {.at = program, .n = 4};
	struct kabi_sock_fprog whole = {.filter = program};

	for (const char *name = own_calls; *name; name = str_after(name)) {
		int64_t number = sysnr_number(sysnr_find(name), sysnr_native());

		if (number >= 0)
			f.n += add_call(program + f.n, name, (uint32_t)number);
	}
	program[f.n++] = (struct kabi_sock_filter){ANSWER, 0, 0, SECCOMP_RET_ERRNO | EPERM};
	whole.len = (unsigned short)f.n;
	(void)load(&f, &whole);
}
