#include "roles/load.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/probe.h"
#include "kernel/systemd.h"
#include "plan/path.h"
#include "roles/admit.h"
#include "spec/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The text as it was read, for the private copy, and the one that the reader unescapes in place.
 * Pages that a config does not reach are never touched. */
static char text[JSON_TEXT_MAX + 1] BUFFER, scratch[JSON_TEXT_MAX + 1] BUFFER;

int
load_absolute(struct err *e, const char **path)
{
	char cwd[PLAN_PATH_MAX];

	if (!*path || **path == '/')
		return 0;
	if (sys_getcwd(cwd, sizeof cwd) < 0)
		return fail_errno(e, "current directory");
	*path = arena_string(e, "%s/%s", cwd, *path);
	return *path ? 0 : -1;
}

int
load_bundle(struct err *e, const char *bundle, const char **config, const char **absolute)
{
	char cwd[PLAN_PATH_MAX];

	if (!str_equal(*config, "config.json"))
		TRY(load_absolute(e, config));
	if (bundle && chdir(bundle) < 0)
		return fail_errno(e, "chdir %s", bundle);
	if (sys_getcwd(cwd, sizeof cwd) < 0)
		return fail_errno(e, "bundle");
	*absolute = arena_string(e, "%s", cwd);
	return *absolute ? 0 : -1;
}

/* Decodes what is in `text`. */
static int
decode(struct err *e, struct spec *s, size_t len, const char *name)
{
	memcpy(scratch, text, len + 1);
	return spec_read(e, s, scratch, len, name);
}

int
load_config(struct err *e, const char *path, const char **config, size_t *len)
{
	ssize_t n = fd_read_file(e, AT_FDCWD, path, text, sizeof text);

	if (n < 0 && e->number == ENOENT)
		return fail(e, "JSON specification file %s not found", path);
	TRY(n);
	*config = text;
	*len = (size_t)n;
	return 0;
}

int
load_decode(struct err *e, struct spec *s, size_t len, const char *path)
{
	TRY(decode(e, s, len, path));
	return spec_check(e, s);
}

int
load_copy(struct err *e, int dir, struct spec *s)
{
	ssize_t n = state_read_config(e, dir, text, sizeof text);
	int result;

	TRY(n);
	result = decode(e, s, (size_t)n, "config.json");
	log_flush(false); /* create has told them */
	return result;
}

int
load_process(struct err *e, const char *path, struct spec_process *p,
	const struct spec_process *defaults)
{
	ssize_t n = fd_read_given(e, path, text, sizeof text);

	TRY(n);
	return spec_read_process(e, p, defaults, text, (size_t)n, path);
}

int
load_check_terminal(struct err *e, const struct request *q, const struct spec_process *process)
{
	bool detached = q->mode != RUN_FOREGROUND;

	if (process->terminal && detached && !q->console_socket)
		return fail(e,
			"cannot allocate tty if %s will detach without setting console socket",
			q->name);
	if (q->console_socket && !(process->terminal && detached))
		return fail(e, "cannot use console socket if %s will not detach or allocate tty",
			q->name);
	return 0;
}

int
load_check_preserved(struct err *e, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (sys_fcntl((int)(3 + i), F_GETFD, 0) < 0)
			return fail(e, "unable to stat preserved-fd %u (of %u): %s", i + 1, n,
				errno_text(ENOENT));
	return 0;
}

/* Before anything is decided: what is opened here is what will be mounted. */
static int
open_rootfs(struct err *e, struct run *r, const char *bundle)
{
	const char *path = path_below(e, "root.path", bundle, r->spec.root.path);
	struct stat s;

	if (r->verified && fstat(r->verified->root.fd, &s) == 0 && S_ISREG(s.st_mode)) {
		r->image.file = fd_keep(&r->verified->root.fd); /* what was compared */
		if (r->verified->root.strength == VERIFY_DM_VERITY)
			r->image.verity = &r->verified->root.object->dm_verity;
		return image_look(e, r->image.file, &r->facts.image);
	}
	return path ? image_open(e, path, &r->image.file, &r->facts.image) : -1;
}

void
load_reset(struct run *r)
{
	r->root_dir = r->dir = r->lock = -1;
	r->notify = r->agent = r->sync = r->sync_init = r->console = r->slave = r->rootfs_dir = -1;
	r->gate.gate = r->gate.answer = -1;
	r->image.file = r->image.loop = r->image.dm = r->image.tree = -1;
	r->reap.signal_fd = r->reap.console = r->reap.terminal = r->reap.watched = -1;
	r->moves.home.ns = r->moves.home.sock = r->moves.inside.ns = r->moves.inside.sock = -1;
	r->door.v2_dir = r->target.pidfd = r->root_of_init = -1;
	for (int i = 0; i < NAMESPACES; i++)
		r->ns.fd[i] = -1;
	for (int i = 0; i < 3; i++)
		r->stdio[i] = r->stdio_init[i] = -1;
}

/* HOME comes behind it, and what replaces the config's own: LISTEN_FDS and LISTEN_PID. */
int
load_environment(struct err *e, struct run *r)
{
	const struct strings *env = &r->plan.env;

	r->env = arena_take(e, env->n + 5, sizeof *r->env);
	if (!r->env)
		return -1;
	for (uint32_t i = 0; i < env->n; i++) {
		if (r->request->listen_fds > 0 &&
			(str_starts(env->at[i], "LISTEN_FDS=") ||
				str_starts(env->at[i], "LISTEN_PID=")))
			continue;
		if (!r->notify_socket || !str_starts(env->at[i], "NOTIFY_SOCKET="))
			r->env[r->n_env++] = env->at[i];
	}
	if (r->notify_socket)
		r->env[r->n_env++] = "NOTIFY_SOCKET=/run/notify/notify.sock";
	return 0;
}

/* engines.md 5.3 */
static int
find_notify(struct err *e, struct run *r, struct plan_options *o)
{
	r->notify_socket = getenv("NOTIFY_SOCKET");
	if (!r->notify_socket || !*r->notify_socket) {
		r->notify_socket = NULL;
		return 0;
	}
	o->notify = arena_string(e, "%s/%s/notify", r->request->root, r->request->id);
	return o->notify ? 0 : -1;
}

int
load_run(struct err *e, struct run *r, const struct request *q)
{
	struct plan_options o = {
		.id = q->id,
		.name = q->name,
		.no_pivot = q->no_pivot,
		.no_new_keyring = q->no_new_keyring,
		.no_cgroups = q->no_cgroups,
		.rootless = q->rootless,
		.preserve_fds = q->preserve_fds,
		.init = q->init,
	};
	const char *config = q->config ? q->config : "config.json";

	r->request = q;
	load_reset(r);
	TRY(spec_check_id(e, q->id));
	TRY(load_check_preserved(e, q->preserve_fds));
	TRY(load_bundle(e, q->bundle, &config, &o.bundle));
	TRY(admit(e, r, config, o.bundle));
	TRY(load_check_terminal(e, q, &r->spec.process));
	TRY(find_notify(e, r, &o));
	TRY(probe_facts(e, &r->facts));
	if (q->systemd)
		TRY(systemd_find(e, &r->facts));
	probe_labels(&r->facts, &r->spec);
	o.rootless |= q->rootless_auto && (r->facts.euid != 0 || r->facts.user_namespace);
	TRY(open_rootfs(e, r, o.bundle));
	TRY(plan_make(e, &r->plan, &r->spec, &r->facts, &o));
	return admit_plan(e, r);
}
