#include "kernel/tuning.h"

#include "base/bits.h"
#include "base/role.h"
#include "base/sys.h"

/* Without the utilisation clamps, for which the specification has no values (SCH-3). */
enum { SCHED_ATTR_SIZE = 48 };

static int
set_scheduler(struct err *e, const struct spec_scheduler *s)
{
	struct kabi_sched_attr attr = {
		.size = SCHED_ATTR_SIZE,
		.sched_policy = (uint32_t)s->policy,
		.sched_flags = s->flags,
		.sched_nice = s->nice,
		.sched_priority = (uint32_t)s->priority,
		.sched_runtime = s->runtime,
		.sched_deadline = s->deadline,
		.sched_period = s->period,
	};

	if (!s->present)
		return 0;
	if (sys_sched_setattr(0, &attr, 0) < 0)
		return fail_errno(
			e, "process.scheduler: %s", words_name(WORDS_SCHEDULER_POLICY, s->policy));
	return 0;
}

/* Of this process; those that it will make inherit it (IOP-1). */
static int
set_io_priority(struct err *e, const struct spec_io_priority *p)
{
	if (!p->present)
		return 0;
	if (sys_ioprio_set(IOPRIO_WHO_PROCESS, 0, p->class << IOPRIO_CLASS_SHIFT | p->priority) < 0)
		return fail_errno(
			e, "process.ioPriority: %s", words_name(WORDS_IO_CLASS, p->class));
	return 0;
}

int
tuning_process(struct err *e, const struct spec_process *process)
{
	IN(e, ROLE_INIT | ROLE_JOIN);
	TRY(set_scheduler(e, &process->scheduler));
	return set_io_priority(e, &process->io_priority);
}

static int
set_memory_policy(struct err *e, const struct spec_memory_policy *m)
{
	struct bits nodes;
	int mode, n;

	if (!m->present)
		return 0;
	mode = words_find(WORDS_MEMORY_MODE, m->mode);
	for (uint32_t i = 0; i < m->flags.n; i++)
		mode |= words_find(WORDS_MEMORY_FLAG, m->flags.at[i]);
	n = bits_read(&nodes, m->nodes ? m->nodes : "");
	if (sys_set_mempolicy(mode, n > 0 ? nodes.at : NULL, n > 0 ? BITS_MAX + 1 : 0) < 0)
		return fail_errno(e, "linux.memoryPolicy: %s", m->mode);
	return 0;
}

int
tuning_linux(struct err *e, const struct spec_linux *linux_)
{
	IN(e, ROLE_INIT | ROLE_JOIN);
	TRY(set_memory_policy(e, &linux_->memory_policy));
	if (linux_->personality.present &&
		sys_personality((unsigned long)linux_->personality.domain) < 0)
		return fail_errno(e, "linux.personality");
	return 0;
}

int
tuning_affinity(struct err *e, const char *list, const char *name)
{
	struct bits cpus;

	IN(e, ROLE_HOST | ROLE_JOIN);
	if (!list)
		return 0;
	(void)bits_read(&cpus, list); /* spec_check() has read it */
	if (sys_sched_setaffinity(0, sizeof cpus.at, cpus.at) < 0)
		return fail_errno(e, "process.execCPUAffinity.%s: %s", name, list);
	return 0;
}
