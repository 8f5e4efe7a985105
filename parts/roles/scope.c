#include "roles/scope.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/sys.h"
#include "kernel/creds.h"
#include "kernel/systemd.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static _Noreturn void
hold(pid_t host)
{
	struct err ignored;

	role_enter(ROLE_STAGE);
	if (fd_close_except(0, NULL, 0) < 0 || creds_die_with_parent(&ignored, true) < 0 ||
		getppid() != host)
		_exit(1);
	for (;;)
		pause();
}

void
scope_release(struct run *r)
{
	if (r->holder <= 0)
		return;
	(void)sys_kill(r->holder, SIGKILL);
	sys_reap(r->holder);
	r->holder = 0;
}

int
scope_make(struct err *e, struct run *r)
{
	const struct plan_unit *u = &r->plan.cgroup.unit;
	pid_t host = getpid();

	if (!u->name)
		return 0;
	if (!u->slice) {
		r->holder = sys_clone(SIGCHLD, NULL);
		if (r->holder < 0)
			return fail_errno(e, "clone");
		if (r->holder == 0)
			hold(host);
	}
	if (systemd_start(e, u, r->holder) == 0)
		return 0;
	scope_drop(r);
	return -1;
}

void
scope_end(const struct state *s)
{
	struct err e;

	if (s->unit && systemd_stop(&e, s->manager, s->unit) < 0)
		log_warning("%s", e.text);
}

void
scope_drop(struct run *r)
{
	scope_release(r);
	scope_end(&r->state);
}

int
scope_clone(struct err *e, struct run *r)
{
	const struct plan_unit *u = &r->plan.cgroup.unit;
	pid_t pid = ns_clone(e, &r->plan, &r->ns, r->door.v2_dir, 0, &r->placed);

	if (pid >= 0 || e->number != EACCES || !u->name)
		return pid;
	cgroup_close(&r->door);
	pid = ns_clone(e, &r->plan, &r->ns, -1, 0, &r->placed);
	if (pid <= 0 || systemd_attach(e, u->manager, u->name, pid) == 0)
		return pid;
	(void)sys_kill(pid, SIGKILL);
	sys_reap(pid);
	return -1;
}
