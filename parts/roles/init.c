/*  +--------------------------------------------------------------------------------------------+
 *  | who            pid 1 of the container's pid namespace; a child of host (also with a stage)  |
 *  | waits for us   host, over sync, until READY (create) or the exec (run); then whoever called |
 *  | user ns        the container's from the start; ids are those of its root from `ids` on,     |
 *  |                the program's from `creds` on                                                |
 *  | mount ns       the container's; its root is the host's tree until `switch`                  |
 *  | cgroup ns      the container's, from `cgroup namespace` on                                  |
 *  | capabilities   all of its user namespace until `creds`, then the program's                  |
 *  | descriptors    what host had, until `descriptors`                                           |
 *  +--------------------------------------------------------------------------------------------+
 *
 * The table at the end of this file is the order, and the order is the design: each step says why
 * it cannot stand elsewhere. */
#include "roles/init.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/str.h"
#include "kernel/creds.h"
#include "kernel/devices.h"
#include "kernel/exec.h"
#include "kernel/hooks.h"
#include "kernel/limits.h"
#include "kernel/lsm.h"
#include "kernel/mounts.h"
#include "kernel/netdev.h"
#include "kernel/overlay.h"
#include "kernel/rootfs.h"
#include "kernel/sysctl.h"
#include "roles/admit.h"
#include "roles/program.h"
#include "roles/stay.h"
#include "roles/step.h"
#include "roles/sync.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* First of all: what belongs to host alone goes, above all its lock and its directories (6.6); and
 * a host that is killed takes us with it until the container is on record. */
static int
begin(struct err *e, struct run *r)
{
	fd_close(&r->sync);
	fd_close(&r->lock);
	fd_close(&r->dir);
	fd_close(&r->root_dir);
	sig_unwatch(!r->plan.init.used); /* who stays has blocked all, see roles/stay */
	TRY(creds_die_with_parent(e, true));
	if (setsid() < 0 && errno != EPERM) /* EPERM: a stage's child that leads already */
		return fail_errno(e, "setsid");
	return 0;
}

/* Before `cgroups`: their device rules are not for the loop device that the kernel opens for us. */
static int
image(struct err *e, struct run *r)
{
	if (!r->plan.image)
		return 0;
	TRY(rootfs_isolate(e, &r->plan));
	TRY(r->rootfs_dir = image_attach(e, &r->plan, &r->image));
	return 0;
}

/* Before anything is charged or forked: no instruction of the container runs unlimited. */
static int
cgroups(struct err *e, struct run *r)
{
	if (r->plan.cgroup.used)
		TRY(cgroup_enter(e, &r->door, r->placed));
	cgroup_close(&r->door);
	return 0;
}

/* Non-dumpable only now: a rootless host may write the maps of a dumpable child alone (6.7). */
static int
ids(struct err *e, struct run *r)
{
	if (r->plan.ns.user_new)
		TRY(program_await_placed(e, r));
	TRY(ns_time_offsets(e, &r->plan));
	if (r->plan.ns.user_new)
		TRY(ns_become_root(e));
	return creds_hide(e);
}

/* After the ids: the rights over the joined namespaces come from the user namespace (NS-5). */
static int
namespaces(struct err *e, struct run *r)
{
	if (!r->plan.ns.stage)
		TRY(ns_enter(e, &r->plan, &r->ns, false));
	ns_close(&r->ns);
	return 0;
}

/* After `cgroups`: its root is where we are at this moment.  Before a cgroup mount. */
static int
cgroup_namespace(struct err *e, struct run *r)
{
	return ns_late(e, &r->plan, r->placed);
}

static int
keyring(struct err *e, struct run *r)
{
	TRY(lsm_keys(e, &r->plan));
	return limits_keyring(e, r->plan.keyring);
}

static int
network(struct err *e, struct run *r)
{
	return r->plan.loopback_up ? netdev_loopback_up(e) : 0;
}

/* Before the mounts: they must not propagate to the host. */
static int
rootfs(struct err *e, struct run *r)
{
	if (!r->plan.image) {
		TRY(r->rootfs_dir = rootfs_open(e, &r->plan));
		TRY(admit_root(e, r)); /* of an image host has opened nothing else */
	}
	return overlay_mount(e, &r->plan, &r->rootfs_dir);
}

static int
mounts(struct err *e, struct run *r)
{
	int done = mounts_apply(e, &r->plan, &r->taken, r->rootfs_dir);

	mounts_taken_close(&r->taken);
	return done;
}

/* After the config's own /dev mount. */
static int
devices(struct err *e, struct run *r)
{
	return devices_make(e, &r->plan, r->rootfs_dir);
}

/* The state as the hooks in this process see it has their own view of our pid (ST-5). */
static int
run_hooks(struct err *e, struct run *r, struct hooks_call *call, enum state_status status)
{
	if (r->spec.hooks.kind[call->kind].n == 0)
		return 0;
	call->hooks = &r->spec.hooks;
	call->state = state_document(e, &r->state, status, getpid(), "", 0);
	return call->state ? hooks_run(e, call) : -1;
}

/* Before the switch: createContainer hooks are looked up in the host's tree, and may still mount
 * into the rootfs (config.md#createContainer-hooks).  prestart and createRuntime run in host. */
static int
hooks(struct err *e, struct run *r)
{
	struct hooks_call call = {
		.hooks = &r->spec.hooks,
		.kind = HOOK_CREATE_CONTAINER,
		.annotations = &r->spec.annotations,
		.cwd = r->plan.options.bundle,
	};

	TRY(program_await_placed(e, r));
	if (r->spec.hooks.kind[HOOK_PRESTART].n + r->spec.hooks.kind[HOOK_CREATE_RUNTIME].n > 0) {
		TRY(sync_send(e, r->sync_init, SYNC_HOOKS, NULL, -1));
		TRY(sync_expect(e, r->sync_init, SYNC_HOOKS, NULL, 0));
	}
	TRY(admit_hooks(e, r->verified, r->state.bundle, &call));
	TRY(run_hooks(e, r, &call, STATE_CREATING));
	if (r->verified)
		verify_close(r->verified); /* 6.6: nothing of the host is needed any more */
	return 0;
}

/* After the hooks, which may bring the devpts; before /dev can turn read-only. */
static int
console(struct err *e, struct run *r)
{
	return r->spec.process.terminal ? program_terminal(e, r, true) : 0;
}

/* Before the root turns read-only (PR-4).  Where it cannot be made, entering it will say why. */
static int
make_directory(struct err *e, struct run *r)
{
	const char *cwd = r->spec.process.cwd;
	FD_AUTO int dir = -1;

	if (str_equal(cwd, "/"))
		return 0;
	dir = fd_make_in_root(e, r->rootfs_dir, cwd, FD_DIRECTORY, 0755);
	if (dir < 0)
		log_debug("process.cwd: %s", e->text);
	return 0;
}

/* Before /proc/sys turns read-only; after the namespaces that the keys belong to. */
static int
parameters(struct err *e, struct run *r)
{
	TRY(ns_names(e, &r->plan));
	return sysctl_write(e, &r->plan);
}

/* Last of the mount work; before the switch, while the host's /proc still gives descriptors a path:
 * every object is reached by a descriptor beneath the rootfs all the same. */
static int
masks(struct err *e, struct run *r)
{
	return rootfs_masks(e, &r->plan, r->rootfs_dir);
}

/* After the hooks in the host's tree, which must not inherit them, and before the switch: the
 * container's /proc is not asked (S11).  The startContainer hooks come from the image: they do. */
static int
labels(struct err *e, struct run *r)
{
	return lsm_program(e, &r->plan);
}

/* From here on no name can mean an object of the host. */
static int
switch_root(struct err *e, struct run *r)
{
	return rootfs_switch(e, &r->plan, fd_keep(&r->rootfs_dir));
}

/* The wait for `start`: unbounded, so it is the poorest state that we can be in.  The death signal
 * goes first: host is about to end.  Should it have died before it could read READY, sending fails.
 */
static int
wait_start(struct err *e, struct run *r)
{
	char byte;
	ssize_t n;

	TRY(creds_die_with_parent(e, false));
	if (r->request->mode != RUN_CREATE)
		return 0;
	TRY(sync_send(e, r->sync_init, SYNC_READY, NULL, -1));
	fd_close(&r->sync_init);
	do
		n = read(r->gate.gate, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_errno(e, "start gate");
	if (n == 0)
		return fail(e, "start gate: closed");
	fd_close(&r->gate.gate);
	return 0;
}

/* By the specification inside the container, right before the program; without `env` they get the
 * program's (HK-14). */
static int
start_hooks(struct err *e, struct run *r)
{
	struct hooks_call call = {
		.kind = HOOK_START_CONTAINER,
		.env = r->env,
		.empty_env_is_absent = true,
	};

	if (run_hooks(e, r, &call, STATE_CREATED) == 0)
		return 0;
	e->number = ECANCELED; /* see report() */
	return -1;
}

/* clang-format off */
static const struct step table[] = {
	{ "begin",            begin,               NULL },
	{ "image",            image,               NULL },
	{ "cgroups",          cgroups,             NULL },
	{ "ids",              ids,                 NULL },
	{ "namespaces",       namespaces,          NULL },
	{ "cgroup namespace", cgroup_namespace,    NULL },
	{ "keyring",          keyring,             NULL },
	{ "network",          network,             NULL },
	{ "rootfs",           rootfs,              NULL },
	{ "mounts",           mounts,              NULL },
	{ "devices",          devices,             NULL },
	{ "hooks",            hooks,               NULL },
	{ "console",          console,             NULL },
	{ "make directory",   make_directory,      NULL },
	{ "parameters",       parameters,          NULL },
	{ "masks",            masks,               NULL },
	{ "labels",           labels,              NULL },
	{ "switch",           switch_root,         NULL },
	{ "limits",           program_limits,      NULL },
	{ "creds",            program_creds,       NULL },
	{ "descriptors",      program_descriptors, NULL },
	{ "program",          program_find,        NULL },
	{ "wait",             wait_start,          NULL },
	{ "start hooks",      start_hooks,         NULL },
	{ "init",             stay_clone,          NULL },
	{ "filter",           program_filter,      NULL },
	{ "execute",          program_execute,     NULL },
};
/* clang-format on */

/* Tells host, or after the gate `start`, which prints the text as it is. */
static void
report(struct run *r, struct err *e)
{
	if (r->sync_init >= 0) {
		(void)context(e, "error during container init");
		sync_fail(r->sync_init, e);
	} else if (r->gate.answer >= 0) {
		static const char by_hook[] = {STATE_BY_HOOK};
		struct err ignored;

		if (e->number == ECANCELED)
			(void)fd_write(&ignored, r->gate.answer, by_hook, 1, "start gate");
		(void)fd_write(&ignored, r->gate.answer, e->text, strlen(e->text), "start gate");
	}
}

void
role_init(struct run *r)
{
	struct err e = {0};

	role_enter(ROLE_INIT);
	log_flush(false); /* what waits in our copy is host's to tell */
	if (steps_run(&e, r, table, sizeof table / sizeof *table) < 0)
		report(r, &e);
	_exit(stay_failed(r, &e));
}
