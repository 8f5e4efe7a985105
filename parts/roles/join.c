/*  +--------------------------------------------------------------------------------------------+
 *  | who            `enter`: a child of host that nobody of the container sees;                  |
 *  |                `become`: its clone in the pid namespace, also a child of host               |
 *  | waits for us   host, over sync, until the exec; then whoever called it                      |
 *  | user ns        host's, the container's from `namespaces` on                                 |
 *  | mount ns       host's, the container's from `namespaces` on, with its root                  |
 *  | capabilities   the caller's, or all of the container's user namespace; the program's from    |
 *  |                `creds` on                                                                   |
 *  | descriptors    see exec.c; none of the host's is left at `namespaces`                       |
 *  +--------------------------------------------------------------------------------------------+
 *
 * The tables at the end of this file are the order, and the order is the design. */
#include "roles/join.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/creds.h"
#include "kernel/limits.h"
#include "kernel/lsm.h"
#include "kernel/resctrl.h"
#include "kernel/tuning.h"
#include "roles/program.h"
#include "roles/stay.h"
#include "roles/step.h"
#include "roles/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- outside ----------------------------------------------------------------------------------- */

/* A runtime that is killed takes us with it. */
static int
begin(struct err *e, struct run *r)
{
	fd_close(&r->sync);
	return creds_die_with_parent(e, true);
}

/* Here, where the host's /proc is, and before a file of ours belongs to root (PR-11: the user of a
 * rootless container may not lower it). */
static int
oom_score(struct err *e, struct run *r)
{
	if (limits_oom_score(e, &r->spec.process, getpid()) == 0)
		return 0;
	if (!r->plan.options.rootless || (e->number != EACCES && e->number != EPERM))
		return -1;
	log_debug("%s", e->text);
	return 0;
}

/* Here for the same reason: the container's /proc is never asked (S11).  Clones inherit them. */
static int
labels(struct err *e, struct run *r)
{
	TRY(lsm_keys(e, &r->plan));
	return lsm_program(e, &r->plan);
}

/* Whoever is in a namespace of the container must never have been dumpable there (6.7, S2). */
static int
hide(struct err *e, struct run *r)
{
	(void)r;
	return creds_hide(e);
}

/* Before anything else of the container, as in create; the directory of v2 leads to the host's tree
 * and goes (6.6). */
static int
cgroups(struct err *e, struct run *r)
{
	if (cgroup_enter(e, &r->door, r->placed) < 0)
		return context(e, "error adding pid %d to cgroups", getpid());
	cgroup_close(&r->door);
	return resctrl_enter(e, r->state.rdt_group, r->state.rdt_monitor, "0");
}

/* The groups of the caller go while they can: the container's user namespace may deny it. */
static int
namespaces(struct err *e, struct run *r)
{
	if (r->namespaces & CLONE_NEWUSER)
		(void)sys_setgroups(0, NULL); /* an unprivileged caller has only what is its own */
	TRY(ns_join(e, &r->target, r->namespaces));
	fd_close(&r->target.pidfd);
	return 0;
}

/* A mount namespace of the container's own has the right root already: setns(2). */
static int
root(struct err *e, struct run *r)
{
	if (r->root_of_init < 0)
		return 0;
	if (sys_fchdir(r->root_of_init) < 0 || sys_chroot(".") < 0)
		return fail_errno(e, "the container's root");
	fd_close(&r->root_of_init);
	return 0;
}

/* -- inside ------------------------------------------------------------------------------------ */

/* The death signal is not inherited. */
static int
session(struct err *e, struct run *r)
{
	(void)r;
	TRY(creds_die_with_parent(e, true));
	if (setsid() < 0)
		return fail_errno(e, "setsid");
	return 0;
}

/* EXA-1: in the cgroup, whose cpuset limits what may be asked for. */
static int
affinity(struct err *e, struct run *r)
{
	return tuning_affinity(e, r->spec.process.exec_cpu_affinity.final, "final");
}

/* Never the caller's (S15). */
static int
keyring(struct err *e, struct run *r)
{
	return limits_keyring(e, r->plan.keyring);
}

static int
terminal(struct err *e, struct run *r)
{
	if (!r->spec.process.terminal)
		return 0;
	r->rootfs_dir = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->rootfs_dir < 0)
		return fail_errno(e, "open /");
	return program_terminal(e, r, false);
}

/* Whenever host died, and be it while a change of ids had taken the death signal away: its end of
 * the channel is closed now. */
static int
leave(struct err *e, struct run *r)
{
	char byte;

	if (recv(r->sync_init, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		return fail(e, "the runtime has ended");
	return creds_die_with_parent(e, false);
}

/* clang-format off */
static const struct step enter[] = {
	{ "begin",       begin,               NULL },
	{ "oom score",   oom_score,           NULL },
	{ "labels",      labels,              NULL },
	{ "hide",        hide,                NULL },
	{ "cgroups",     cgroups,             NULL },
	{ "namespaces",  namespaces,          NULL },
	{ "root",        root,                NULL },
};
/* `placed` is first: we share a channel with who cloned us, and its PID must come before all that we
 * send (a terminal, warnings, a failure). */
static const struct step become[] = {
	{ "placed",      program_await_placed, NULL },
	{ "affinity",    affinity,             NULL },
	{ "session",     session,              NULL },
	{ "keyring",     keyring,              NULL },
	{ "terminal",    terminal,             NULL },
	{ "limits",      program_limits,       NULL },
	{ "creds",       program_creds,        NULL },
	{ "descriptors", program_descriptors,  NULL },
	{ "program",     program_find,         NULL },
	{ "leave",       leave,                NULL },
	{ "init",        stay_clone,           NULL },
	{ "filter",      program_filter,       NULL },
	{ "execute",     program_execute,      NULL },
};
/* clang-format on */

/* Of a pid namespace only children are: host hears of the one that will be the program. */
static int
clone_inside(struct err *e, struct run *r)
{
	char text[24];
	pid_t pid = ns_clone(e, &r->plan, &r->ns, -1, CLONE_PARENT, &r->placed);

	TRY(pid);
	if (pid == 0)
		return 0;
	(void)str_format(text, sizeof text, "%d", pid); /* fits */
	TRY(sync_send(e, r->sync_init, SYNC_PID, text, -1));
	_exit(0);
}

void
role_join(struct run *r)
{
	struct err e = {0};

	role_enter(ROLE_STAGE);
	log_flush(false); /* what waits in our copy is host's to tell */
	if (steps_run(&e, r, enter, sizeof enter / sizeof *enter) == 0 &&
		(!(r->namespaces & CLONE_NEWPID) || clone_inside(&e, r) == 0)) {
		role_enter(ROLE_JOIN);
		(void)steps_run(&e, r, become, sizeof become / sizeof *become);
	}
	sync_fail(r->sync_init, &e);
	_exit(stay_failed(r, &e));
}
