/* The device program of cgroup v2. */
#include "kernel/cgroup.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"

#include <errno.h>
#include <sys/resource.h>

static int
load(const struct plan_cgroup *c)
{
	struct kabi_bpf_prog_load attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = c->n_devices,
		.insns = (uintptr_t)c->devices,
		.license = (uintptr_t) "GPL",
	};

	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof attr);
}

/* Before Linux 5.11 programs counted as locked memory.  The limit is the container's, too: it is
 * put back. */
static int
load_with_memory(const struct plan_cgroup *c)
{
	static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit old;
	int fd, why = errno;

	if (sys_prlimit(0, RLIMIT_MEMLOCK, &unlimited, &old) < 0) {
		errno = why;
		return -1;
	}
	fd = load(c);
	why = errno;
	(void)sys_prlimit(0, RLIMIT_MEMLOCK, &old, NULL); /* lowering is always allowed */
	errno = why;
	return fd;
}

int
cgroup_attach_devices(struct err *e, const struct plan_cgroup *c, int dir)
{
	struct kabi_bpf_attach attr = {
		.target_fd = (uint32_t)dir,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	FD_AUTO int program = -1;

	IN(e, ROLE_HOST);
	program = load(c);
	if (program < 0 && errno == EPERM)
		program = load_with_memory(c);
	if (program < 0)
		return fail_errno(e, "device program: load");
	attr.attach_bpf_fd = (uint32_t)program;
	if (sys_bpf(BPF_PROG_ATTACH, &attr, sizeof attr) < 0)
		return fail_errno(e, "device program: attach");
	return 0;
}
