/*  +--------------------------------------------------------------------------------------------+
 *  | who            the command itself                                                           |
 *  | waits for us   the engine or the shell                                                      |
 *  | namespaces     the caller's, all of them; the root is the host's                            |
 *  | capabilities   the caller's                                                                 |
 *  | descriptors    at the clone: the doors of the container's cgroups, a pidfd of its init, the  |
 *  |                channel; no directory of the host (S2)                                       |
 *  +--------------------------------------------------------------------------------------------+
 */
#include "roles/exec.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/sig.h"
#include "base/sys.h"
#include "kernel/proc.h"
#include "kernel/systemd.h"
#include "kernel/tuning.h"
#include "roles/foreground.h"
#include "roles/join.h"
#include "roles/load.h"
#include "roles/serve.h"
#include "roles/stage.h"
#include "roles/stay.h"
#include "roles/step.h"
#include "roles/sync.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

static struct run the_run BUFFER;
static const struct process_options *options;

/* What the process needs is its own now; ours would keep it open. */
static void
close_its_side(struct run *r)
{
	fd_close(&r->sync_init);
	fd_close(&r->agent);
	fd_close(&r->target.pidfd);
	fd_close(&r->root_of_init);
	cgroup_close(&r->door);
	for (int fd = 0; fd <= 2; fd++)
		fd_close(&r->stdio_init[fd]);
}

/* One try.  A joined pid namespace holds the children of whoever joins it: see roles/join. */
static int
clone_once(struct err *e, struct run *r)
{
	struct sig_mask mask;
	pid_t pid;
	int pair[2];

	TRY(sync_pair(e, pair));
	r->sync = pair[0];
	r->sync_init = pair[1];
	stay_hold(r, &mask);
	pid = ns_clone(e, &r->plan, &r->ns, r->door.v2_dir, 0, &r->placed);
	if (pid == 0)
		role_join(r);
	stay_release(r, &mask);
	if (pid > 0 && r->namespaces & words_namespace_flag(NAMESPACE_PID))
		return stage_wait(e, r, pid);
	r->init = pid;
	return pid < 0 ? -1 : 0;
}

static void
drop_process(struct run *r)
{
	(void)kill(r->init, SIGKILL);
	sys_reap(r->init);
	fd_close(&r->sync);
	fd_close(&r->console);
}

static int
clone_process(struct err *e, struct run *r)
{
	int result = clone_once(e, r);

	if (result < 0 && e->number == EBUSY && r->door.v2_dir >= 0) {
		fd_close(&r->sync);
		fd_close(&r->sync_init);
		TRY(process_other_door(e, r, options));
		result = clone_once(e, r);
	}
	if (result < 0 && e->number == EACCES && r->state.unit) { /* as in roles/scope */
		fd_close(&r->sync);
		fd_close(&r->sync_init);
		cgroup_close(&r->door);
		result = clone_once(e, r);
		if (result == 0 &&
			systemd_attach(e, r->state.manager, r->state.unit, r->init) < 0) {
			drop_process(r);
			result = -1;
		}
	}
	close_its_side(r);
	return result;
}

/* The kernel kills what joins a pid namespace whose init dies: that is the reason to tell. */
static int
not_executed(struct err *e, const struct run *r)
{
	if (proc_ending(r->state.pid))
		return fail(e, "cannot exec in a stopped container");
	return -1;
}

/* EXA-1: what is cloned runs there before it is in the cgroup; we stay there, too. */
static int
affinity(struct err *e, struct run *r)
{
	return tuning_affinity(e, r->spec.process.exec_cpu_affinity.initial, "initial");
}

/* clang-format off */
static const struct step prepare[] = {
	{ "environment",   load_environment,   NULL },
	{ "foreground",    foreground_prepare, NULL },
	{ "seccomp agent", serve_agent,        NULL },
	{ "affinity",      affinity,           NULL },
	{ "clone",         clone_process,      drop_process },
};
static const struct step start[] = {
	{ "placed",        serve_placed,       NULL },
	{ "serve",         serve_init,         NULL },
	{ "pidfd socket",  serve_pidfd,        NULL },
	{ "pid file",      serve_pid_file,     NULL },
};
/* clang-format on */

enum { N_PREPARE = sizeof prepare / sizeof *prepare, N_START = sizeof start / sizeof *start };

int
exec_process(struct err *e, const struct request *q, const struct process_options *o)
{
	struct run *r = &the_run;
	int status;

	options = o;
	sig_set(SIGCHLD, false, NULL); /* were it ignored, no status of a child would ever come */
	r->caller_umask = umask(022);  /* own files have fixed modes, whatever the caller's is */
	TRY(process_load(e, r, q, o));
	TRY(foreground_check(e, r));
	if (steps_run(e, r, prepare, N_PREPARE) < 0)
		return not_executed(e, r);
	if (steps_run(e, r, start, N_START) < 0) {
		(void)context(e, "unable to start container process");
		steps_undo(r, prepare, N_PREPARE);
		return not_executed(e, r);
	}
	if (q->mode != RUN_FOREGROUND)
		return 0;
	status = foreground_run(e, r);
	if (status < 0)
		steps_undo(r, prepare, N_PREPARE);
	return status;
}
