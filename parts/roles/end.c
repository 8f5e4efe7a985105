#include "roles/end.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/hooks.h"
#include "kernel/proc.h"
#include "kernel/resctrl.h"
#include "kernel/rootfs.h"
#include "roles/admit.h"
#include "roles/load.h"
#include "roles/scope.h"
#include "spec/check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static struct spec spec BUFFER;
static char held_text[STATE_JSON_MAX] BUFFER; /* what the strings of a held state point into */

static void
dirs_of(const struct state *s, struct cgroup_dirs *d)
{
	d->n = s->n_cgroups;
	for (uint32_t i = 0; i < d->n; i++) {
		d->at[i].controllers = s->cgroup[i].controllers;
		d->at[i].dir = s->cgroup[i].dir;
		d->at[i].existed = s->cgroup[i].existed;
	}
}

static int
held_load(struct err *e, struct held *h, const char *root, const char *id, enum held_lock lock)
{
	TRY(h->root_dir = state_root_open(e, root, false));
	TRY(h->dir = state_open(e, h->root_dir, id));
	if (lock != HELD_UNLOCKED)
		h->lock = state_lock(e, h->dir, END_PATIENCE_MS);
	if (h->lock < 0 && lock == HELD_LOCKED)
		return -1;
	TRY(state_read(e, h->dir, &h->state, held_text, sizeof held_text));
	dirs_of(&h->state, &h->cgroups);
	h->status = state_status_now(h->dir, &h->state, cgroup_frozen(&h->cgroups));
	return 0;
}

int
held_open(struct err *e, struct held *h, const char *root, const char *id, enum held_lock lock)
{
	h->root_dir = h->dir = h->lock = -1;
	TRY(spec_check_id(e, id));
	if (held_load(e, h, root, id, lock) == 0)
		return 0;
	if (h->root_dir < 0 && e->number == ENOENT)
		(void)fail(e, "container does not exist");
	held_close(h);
	return -1;
}

void
held_close(struct held *h)
{
	fd_close(&h->lock);
	fd_close(&h->dir);
	fd_close(&h->root_dir);
}

/* -- start ------------------------------------------------------------------------------------- */

/* A hook that fails ends the container (HK-8, HK-9); a program that cannot be executed leaves a
 * stopped one, as with runc.  The first error is the one that is told. */
static int
hook_failed(struct held *h)
{
	struct err ignored;

	if (end_held(&ignored, h) < 0)
		log_warning("%s", ignored.text);
	return -1;
}

static int
poststart(struct err *e, struct held *h)
{
	struct hooks_call call = {
		.hooks = &spec.hooks,
		.kind = HOOK_POSTSTART,
		.cwd = h->state.bundle,
		.annotations = &h->state.annotations,
	};

	TRY(load_copy(e, h->dir, &spec));
	if (spec.hooks.kind[HOOK_POSTSTART].n == 0)
		return 0;
	TRY(admit_again(e, &h->state, &call));
	call.state = state_document(e, &h->state, STATE_RUNNING, h->state.pid, "", 0);
	if (!call.state)
		return -1;
	return hooks_run(e, &call) < 0 ? hook_failed(h) : 0;
}

int
end_start(struct err *e, struct held *h)
{
	TRY(admit_start(e, &h->state));
	if (state_release(e, h->dir) < 0)
		return e->number == ECANCELED ? hook_failed(h) : -1;
	return poststart(e, h);
}

/* -- end --------------------------------------------------------------------------------------- */

int
end_kill(struct err *e, const struct state *s)
{
	struct proc_identity init = {.pid = s->pid, .start = s->start};
	struct cgroup_dirs dirs;
	struct err ignored;

	dirs_of(s, &dirs);
	if (proc_alive(&init))
		(void)proc_signal(&ignored, &init, SIGKILL); /* dead already is as good */
	(void)cgroup_signal(&dirs, SIGKILL);		     /* nobody there is as good */
	cgroup_thaw(&dirs);
	if (proc_wait_gone(&init, END_PATIENCE_MS) == 0)
		return fail(e, "container init still running");
	return 0;
}

void
end_poststop(const struct state *s, const struct spec_hooks *hooks)
{
	struct err e;
	struct hooks_call call = {
		.hooks = hooks,
		.kind = HOOK_POSTSTOP,
		.state = state_document(&e, s, STATE_STOPPED, 0, "", 0),
		.cwd = s->bundle,
		.annotations = &s->annotations,
		.warn_only = true,
	};

	if (hooks->kind[HOOK_POSTSTOP].n == 0)
		return;
	if (call.state && admit_again(&e, s, &call) < 0)
		log_warning("poststop hooks are left out: %s", e.text);
	else if (!call.state || hooks_run(&e, &call) < 0)
		log_warning("%s", e.text);
}

/* With an init that was the pid 1 of its own namespace everybody in there has ended.  Who is in the
 * cgroups all the same came from elsewhere, and makes them busy. */
static bool
is_empty(const struct state *s)
{
	struct proc_identity init = {.pid = s->pid, .start = s->start};

	return s->own_pid_namespace && s->pid > 0 && !proc_alive(&init);
}

int
end_container(
	struct err *e, int root_dir, int dir, const struct state *s, const struct spec_hooks *hooks)
{
	struct cgroup_dirs dirs;

	dirs_of(s, &dirs);
	if (!is_empty(s) || !cgroup_remove_empty(&dirs)) {
		TRY(end_kill(e, s));
		TRY(cgroup_remove(e, &dirs, END_PATIENCE_MS));
	}
	scope_end(s);
	if (s->shared_mounts)
		TRY(rootfs_undo(e, s->rootfs, s->mount_id, s->namespace_path[NAMESPACE_MOUNT]));
	resctrl_remove(s->rdt_own ? s->rdt_group : NULL, s->rdt_monitor);
	end_poststop(s, hooks);
	return state_remove(e, root_dir, s->id, dir);
}

int
end_held(struct err *e, struct held *h)
{
	struct err unread;

	memset(&spec, 0, sizeof spec);
	if (load_copy(&unread, h->dir, &spec) < 0) {
		log_warning("poststop hooks cannot be read: %s", unread.text);
		memset(&spec.hooks, 0, sizeof spec.hooks);
	}
	return end_container(e, h->root_dir, h->dir, &h->state, &spec.hooks);
}
