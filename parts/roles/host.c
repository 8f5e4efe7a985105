/*  +--------------------------------------------------------------------------------------------+
 *  | who            the command itself                                                           |
 *  | waits for us   the engine or the shell                                                      |
 *  | namespaces     the caller's, all of them; the root is the host's                            |
 *  | capabilities   the caller's                                                                 |
 *  | descriptors    everything of struct run; 0-2 and preserved ones are the program's, untouched |
 *  +--------------------------------------------------------------------------------------------+
 */
#include "roles/host.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/clock.h"
#include "base/sig.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/limits.h"
#include "kernel/notify.h"
#include "kernel/proc.h"
#include "kernel/resctrl.h"
#include "kernel/rootfs.h"
#include "kernel/selfexe.h"
#include "roles/admit.h"
#include "roles/attest.h"
#include "roles/end.h"
#include "roles/foreground.h"
#include "roles/idmap.h"
#include "roles/init.h"
#include "roles/load.h"
#include "roles/scope.h"
#include "roles/serve.h"
#include "roles/stage.h"
#include "roles/stay.h"
#include "roles/step.h"
#include "roles/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct run the_run BUFFER;

/* -- state ------------------------------------------------------------------------------------ */

/* Before the cgroups are looked at: a second create of an id must not be told about its cgroup. */
static int
open_root(struct err *e, struct run *r)
{
	const char *id = r->request->id;
	struct stat st;

	if (r->request->foreign_default_root && str_equal(id, "storage"))
		return fail(e, "container id \"%s\" is reserved", id);
	TRY(r->root_dir = state_root_open(e, r->request->root, true));
	if (fstatat(r->root_dir, id, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return fail(e, "container with given ID already exists");
	return 0;
}

static void
close_root(struct run *r)
{
	fd_close(&r->root_dir);
}

/* What the state must say before anything is made that delete has to remove (S23). */
static int
survey(struct err *e, struct run *r)
{
	const struct plan *p = &r->plan;
	struct state *s = &r->state;
	static char created[STR_TIME_MAX];
	struct timespec now;

	TRY(resctrl_survey(e, &p->rdt));
	if (p->cgroup.used)
		TRY(cgroup_survey(e, p, &r->cgroups));
	for (uint32_t i = 0; i < r->cgroups.n; i++) {
		s->cgroup[i].controllers = r->cgroups.at[i].controllers;
		s->cgroup[i].dir = r->cgroups.at[i].dir;
		s->cgroup[i].existed = r->cgroups.at[i].existed;
	}
	s->n_cgroups = r->cgroups.n;
	now = clock_now();
	(void)str_time(created, sizeof created, &now, true); /* cannot be cut: STR_TIME_MAX */
	s->id = r->request->id;
	s->bundle = p->options.bundle;
	s->rootfs = p->rootfs;
	s->created = created;
	s->cgroup_path = p->cgroup.path;
	s->manager = p->cgroup.unit.manager;
	s->unit = p->cgroup.unit.name;
	s->annotations = r->spec.annotations;
	s->shared_mounts = p->root_mode == PLAN_ROOT_CHROOT;
	for (int i = 0; i < NAMESPACES; i++) {
		s->namespace_listed[i] = r->spec.linux_.namespaces[i].listed;
		s->namespace_path[i] = r->spec.linux_.namespaces[i].path;
	}
	if (s->shared_mounts)
		TRY(rootfs_mount_id(
			e, p->rootfs, s->namespace_path[NAMESPACE_MOUNT], &s->mount_id));
	s->rdt_group = p->rdt.group;
	s->rdt_monitor = p->rdt.monitor;
	s->rdt_own = p->rdt.own;
	s->own_pid_namespace = p->ns.clone_flags & words_namespace_flag(NAMESPACE_PID);
	return 0;
}

static int
make_state(struct err *e, struct run *r)
{
	TRY(r->dir = state_make(e, r->root_dir, &r->state, r->config, r->config_len, &r->lock));
	return 0;
}

/* Last of all: poststop hooks run after the undo, of whatever there was a process for (HK-7). */
static void
drop_state(struct run *r)
{
	struct err ignored;

	if (r->init > 0)
		end_poststop(&r->state, &r->spec.hooks);
	if (state_remove(&ignored, r->root_dir, r->request->id, r->dir) < 0)
		log_warning("%s", ignored.text);
	fd_close(&r->dir);
	fd_close(&r->lock);
}

static int
make_notify(struct err *e, struct run *r)
{
	if (!r->notify_socket)
		return 0;
	TRY(notify_make(e, r->dir));
	if (r->request->mode != RUN_CREATE)
		TRY(r->notify = notify_listen(e, r->dir));
	return 0;
}

/* -- cgroups, namespaces, channel -------------------------------------------------------------- */

static void
drop_cgroups(struct run *r)
{
	struct err ignored;

	scope_release(r);
	cgroup_close(&r->door);
	if (cgroup_remove(&ignored, &r->cgroups, END_PATIENCE_MS) < 0)
		log_warning("%s", ignored.text);
}

static int
make_cgroups(struct err *e, struct run *r)
{
	if (!r->plan.cgroup.used)
		return 0;
	if (cgroup_make(e, &r->plan, &r->cgroups) == 0 &&
		cgroup_open(e, &r->cgroups, &r->door) == 0)
		return 0;
	drop_cgroups(r);
	return -1;
}

static void
drop_rdt(struct run *r)
{
	resctrl_remove(r->rdt_made ? r->plan.rdt.group : NULL, r->plan.rdt.monitor);
}

static int
make_rdt(struct err *e, struct run *r)
{
	if (resctrl_make(e, &r->plan.rdt, &r->rdt_made) == 0)
		return 0;
	resctrl_remove(r->rdt_made ? r->plan.rdt.group : NULL, NULL);
	return -1;
}

static int
open_gate(struct err *e, struct run *r)
{
	if (r->request->mode != RUN_CREATE)
		return 0;
	return state_gate_open(e, r->dir, &r->gate);
}

static int
open_namespaces(struct err *e, struct run *r)
{
	TRY(ns_open(e, &r->plan, &r->ns));
	return ns_check_foreign(e, &r->plan, &r->ns);
}

static void
drop_taken(struct run *r)
{
	image_close(&r->image);
	mounts_taken_close(&r->taken);
}

/* -- the clone --------------------------------------------------------------------------------- */

/* The init's own things are its own now; ours would keep them open. */
static void
close_init_side(struct run *r)
{
	fd_close(&r->sync_init);
	fd_close(&r->agent);
	fd_close(&r->gate.gate);
	fd_close(&r->gate.answer);
	cgroup_close(&r->door);
	r->moves.inside.ns = fd_keep(&r->ns.fd[NAMESPACE_NETWORK]);
	ns_close(&r->ns);
	drop_taken(r);
	for (int fd = 0; fd <= 2; fd++)
		fd_close(&r->stdio_init[fd]);
}

static int
clone_stage(struct err *e, struct run *r)
{
	pid_t stage = sys_clone(SIGCHLD, NULL);

	if (stage < 0)
		return fail_errno(e, "clone");
	if (stage == 0)
		role_stage(r);
	return stage_wait(e, r, stage);
}

/* Kills what was cloned, and without a pid namespace of its own everything that it left. */
static void
drop_init(struct run *r)
{
	struct err ignored;

	fd_close(&r->sync);
	if (r->init > 0)
		(void)kill(r->init, SIGKILL);
	(void)cgroup_signal(&r->cgroups, SIGKILL); /* nobody there is as good */
	if (r->init > 0)
		sys_reap(r->init);
	fd_close(&r->console);
	if (r->state.shared_mounts)
		(void)rootfs_undo(&ignored, r->state.rootfs, r->state.mount_id,
			r->state.namespace_path[NAMESPACE_MOUNT]);
}

static int
clone_init(struct err *e, struct run *r)
{
	struct sig_mask mask;
	int pair[2];
	pid_t done;

	TRY(sync_pair(e, pair));
	r->sync = pair[0];
	r->sync_init = pair[1];
	stay_hold(r, &mask);
	if (r->plan.ns.stage) {
		done = clone_stage(e, r);
	} else {
		done = scope_clone(e, r);
		if (done == 0)
			role_init(r);
		r->init = done;
	}
	stay_release(r, &mask);
	if (done < 0) {
		drop_init(r); /* a stage may have left one */
		return -1;
	}
	if (r->placed || r->plan.ns.stage)
		scope_release(r);
	close_init_side(r);
	return 0;
}

/* The init waits for PLACED: wherever we are killed, it is either on record or it ends. */
static int
record(struct err *e, struct run *r)
{
	struct state *s = &r->state;
	char pid[24];

	(void)str_format(pid, sizeof pid, "%d", r->init); /* fits */
	TRY(resctrl_enter(e, s->rdt_group, s->rdt_monitor, pid));
	TRY(idmap_init(e, r));
	TRY(limits_oom_score(e, &r->spec.process, r->init));
	s->pid = r->init;
	TRY(proc_start_time(e, r->init, &s->start));
	return state_write(e, r->dir, s);
}

/* The namespace is there since the clone, or joined.  Before PLACED, so that hooks, sysctl and the
 * program find them; after it is on record whose they are. */
static int
move_devices(struct err *e, struct run *r)
{
	return netdev_move(e, &r->spec.linux_.net_devices, r->init, &r->moves);
}

static void
return_devices(struct run *r)
{
	netdev_return(&r->moves);
}

/* -- handing over ------------------------------------------------------------------------------ */

/* Created: the gate is shown.  Running: the gates were never needed. */
static int
show(struct err *e, struct run *r)
{
	scope_release(r);
	if (r->request->mode == RUN_CREATE)
		return state_ready(e, r->dir);
	state_gate_drop(r->dir);
	return 0;
}

static int
poststart(struct err *e, struct run *r)
{
	if (r->request->mode == RUN_CREATE)
		return 0;
	return serve_hooks(e, r, HOOK_POSTSTART, STATE_RUNNING);
}

/* The program runs: that its readiness cannot be told is no reason to end it. */
static int
pass_readiness(struct err *e, struct run *r)
{
	if (r->notify < 0 || r->request->mode == RUN_FOREGROUND)
		return 0;
	sig_unwatch(true); /* nor that we are told to end */
	if (notify_wait(e, r->notify, r->notify_socket, r->init) < 0)
		log_warning("%s", e->text);
	return 0;
}

/* clang-format off */
static const struct step prepare[] = {
	{ "open root",     open_root,          close_root },
	{ "survey",        survey,             NULL },
	{ "attest",        attest,             NULL }, /* what is refused is not accepted */
	{ "accept",        admit_accept,       NULL },
	{ "seccomp agent", serve_agent,        NULL },
	{ "state",         make_state,         drop_state },
	{ "notify",        make_notify,        NULL },
	{ "scope",         scope_make,         scope_drop },
	{ "cgroups",       make_cgroups,       drop_cgroups },
	{ "resctrl",       make_rdt,           drop_rdt },
	{ "gate",          open_gate,          NULL },
	{ "namespaces",    open_namespaces,    NULL },
	{ "take mounts",   idmap_mounts,        drop_taken },
	{ "environment",   load_environment,   NULL },
	{ "foreground",    foreground_prepare, NULL },
	{ "clone",         clone_init,         drop_init },
};
static const struct step start[] = {
	{ "record",        record,             NULL },
	{ "net devices",   move_devices,       return_devices },
	{ "placed",        serve_placed,       NULL },
	{ "serve",         serve_init,         NULL },
	{ "pidfd socket",  serve_pidfd,        NULL },
	{ "show",          show,               NULL },
	{ "poststart",     poststart,          NULL },
	{ "signals",       serve_signals,      NULL },
	{ "pid file",      serve_pid_file,     NULL },
	{ "readiness",     pass_readiness,     NULL },
};
/* clang-format on */

enum { N_PREPARE = sizeof prepare / sizeof *prepare, N_START = sizeof start / sizeof *start };

/* -- the whole --------------------------------------------------------------------------------- */

/* The program has ended: what is left of the container goes, unless somebody was quicker. */
static int
run_foreground(struct err *e, struct run *r)
{
	int status = foreground_run(e, r);

	if (status < 0) {
		steps_undo(r, prepare, N_PREPARE);
		return -1;
	}
	if (r->request->keep)
		return status;
	r->lock = state_lock(e, r->dir, END_PATIENCE_MS);
	if (r->lock < 0)
		return e->number == ENOENT ? status : -1;
	TRY(end_container(e, r->root_dir, r->dir, &r->state, &r->spec.hooks));
	return status;
}

static int
start_container(struct err *e, struct run *r)
{
	if (steps_run(e, r, start, N_START) == 0) {
		netdev_close(&r->moves);
		return 0;
	}
	(void)context(e, "unable to start container process");
	steps_undo(r, prepare, N_PREPARE);
	return -1;
}

int
host_create(struct err *e, const struct request *q)
{
	struct run *r = &the_run;

	sig_set(SIGCHLD, false, NULL); /* were it ignored, no status of a child would ever come */
	r->caller_umask = umask(022);  /* own files have fixed modes, whatever the caller's is */
	TRY(load_run(e, r, q));
	TRY(foreground_check(e, r));
	sig_watch(); /* from here on there is something to undo */
	TRY(steps_run(e, r, prepare, N_PREPARE));
	TRY(start_container(e, r));
	return q->mode == RUN_FOREGROUND ? run_foreground(e, r) : 0;
}

int
host_dry_run(struct err *e, const struct request *q)
{
	static char out[1 << 18] BUFFER;
	int n;

	TRY(load_run(e, &the_run, q));
	n = plan_print(e, &the_run.plan, out, sizeof out);
	TRY(n);
	return fd_write(e, 1, out, (size_t)n, "stdout");
}
