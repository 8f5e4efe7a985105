/*  +--------------------------------------------------------------------------------------------+
 *  | who            a child of host, in host's pid namespace                                     |
 *  | waits for us   host, over sync, for the pid of the init                                     |
 *  | user ns        host's, then the joined one                                                  |
 *  | mount ns       host's, or the joined one; the root is the host's                            |
 *  | capabilities   all of the user namespace that it is in                                      |
 *  +--------------------------------------------------------------------------------------------+
 */
#include "roles/stage.h"

#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "roles/init.h"
#include "roles/sync.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static int
clone_init(struct err *e, struct run *r)
{
	char text[24];
	pid_t pid;

	if (sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return fail_errno(e, "parent death signal");
	if (sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) /* before we join (6.7) */
		return fail_errno(e, "dumpable");
	/* In the joined user namespace nobody has rights over the host's cgroups: the stage moves
	 * itself before, and the init is born where its parent is. */
	if (r->plan.cgroup.used)
		TRY(cgroup_enter(e, &r->door, false));
	cgroup_close(&r->door);
	TRY(ns_enter(e, &r->plan, &r->ns, true));
	pid = ns_clone(e, &r->plan, &r->ns, -1, CLONE_PARENT, &r->placed);
	TRY(pid);
	if (pid == 0) {
		r->placed = true; /* where we are */
		role_init(r);
	}
	if (str_format(text, sizeof text, "%d", pid) < 0)
		return fail(e, "pid");
	return sync_send(e, r->sync_init, SYNC_PID, text, -1);
}

void
role_stage(struct run *r)
{
	struct err e = {0};

	role_enter(ROLE_STAGE);
	if (clone_init(&e, r) < 0) {
		sync_fail(r->sync_init, &e);
		_exit(1);
	}
	_exit(0);
}
