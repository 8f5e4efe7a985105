/*  +--------------------------------------------------------------------------------------------+
 *  | who            a child of host, in host's pid namespace                                     |
 *  | waits for us   host, over sync, for the pid of the init                                     |
 *  | user ns        host's, then the joined one                                                  |
 *  | mount ns       host's, or the joined one; the root is the host's                            |
 *  | capabilities   all of the user namespace that it is in                                      |
 *  +--------------------------------------------------------------------------------------------+
 */
#include "roles/stage.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/creds.h"
#include "roles/init.h"
#include "roles/sync.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- in host ----------------------------------------------------------------------------------- */

/* The stage's one message: the pid of the init that it has cloned, or why there is none.  Of a
 * stage that was killed there is none, and what it had cloned holds the other end open. */
static int
stage_pid(struct err *e, struct run *r)
{
	struct sync_message m;
	uint64_t pid;
	char byte;

	m.kind = SYNC_END;
	if (recv(r->sync, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		TRY(sync_receive(e, r->sync, &m, NULL));
	if (m.kind == SYNC_FAIL) {
		*e = m.err;
		return -1;
	}
	if (m.kind != SYNC_PID || str_u64(m.err.text, &pid) < 0)
		return fail(e, "the process that joins namespaces died");
	r->init = (pid_t)pid;
	return 0;
}

int
stage_wait(struct err *e, struct run *r, pid_t stage)
{
	fd_close(&r->sync_init);
	sys_reap(stage); /* it waits for nobody */
	return stage_pid(e, r);
}

/* -- in the stage ------------------------------------------------------------------------------ */

static int
clone_init(struct err *e, struct run *r)
{
	char text[24];
	pid_t pid;

	TRY(creds_die_with_parent(e, true));
	TRY(creds_hide(e)); /* before we join (6.7) */
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
