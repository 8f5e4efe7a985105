#include "roles/process.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/probe.h"
#include "kernel/proc.h"
#include "plan/path.h"
#include "roles/end.h"
#include "roles/load.h"
#include "spec/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct held held BUFFER;

/* -- the process ------------------------------------------------------------------------------- */

/* `from` and then `more`, NULL behind them. */
static int
join_strings(
	struct err *e, struct strings *to, const struct strings *from, const struct strings *more)
{
	const char **at = arena_take(e, (size_t)from->n + more->n + 1, sizeof *at);

	if (!at)
		return -1;
	for (uint32_t i = 0; i < from->n; i++)
		at[i] = from->at[i];
	for (uint32_t i = 0; i < more->n; i++)
		at[from->n + i] = more->at[i];
	*to = (struct strings){.at = at, .n = from->n + more->n, .present = true};
	return 0;
}

/* A number of at most 32 bits in the first len bytes. */
static int
read_id(const char *s, size_t len, uint32_t *out)
{
	uint64_t value;

	if (str_u64_n(s, len, &value) < 0 || value >= UINT32_MAX)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int
set_user(struct err *e, struct spec_user *user, const char *text)
{
	size_t len = str_until(text, ":");
	const char *gid = text[len] ? text + len + 1 : NULL;

	if (read_id(text, len, &user->uid) < 0)
		return fail(e, "bad uid: \"%.*s\" is not a number", (int)len, text);
	if (gid && read_id(gid, strlen(gid), &user->gid) < 0)
		return fail(e, "bad gid: \"%s\" is not a number", gid);
	return 0;
}

static int
add_gids(struct err *e, struct spec_user *user, const struct strings *gids)
{
	uint32_t n = user->additional_gids.n;
	uint32_t *at = arena_take(e, (size_t)n + gids->n, sizeof *at);

	if (!at)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		at[i] = user->additional_gids.at[i];
	for (uint32_t i = 0; i < gids->n; i++)
		if (read_id(gids->at[i], strlen(gids->at[i]), &at[n++]) < 0)
			return fail(e, "additional-gids must be a positive number");
	user->additional_gids.at = at;
	user->additional_gids.n = n;
	return 0;
}

/* S6: never inheritable; ambient only where the config has inheritable ones. */
static void
add_capabilities(struct spec_process *p, const struct strings *names)
{
	uint64_t *sets = p->capabilities;

	for (uint32_t i = 0; i < names->n; i++) {
		int cap = words_find(WORDS_CAPABILITY, names->at[i]);
		uint64_t bit = cap < 0 ? 0 : UINT64_C(1) << cap;

		if (cap < 0)
			log_warning("\"%s\" is not a known capability: ignored", names->at[i]);
		sets[CAPABILITY_BOUNDING] |= bit;
		sets[CAPABILITY_EFFECTIVE] |= bit;
		sets[CAPABILITY_PERMITTED] |= bit;
		if (sets[CAPABILITY_INHERITABLE])
			sets[CAPABILITY_AMBIENT] |= bit;
	}
}

static int
apply_options(struct err *e, struct spec_process *p, const struct process_options *o)
{
	if (o->args.n == 0)
		return fail(e, "exec args cannot be empty");
	p->args = o->args;
	if (o->env.n > 0)
		TRY(join_strings(e, &p->env, &p->env, &o->env));
	if (o->user)
		TRY(set_user(e, &p->user, o->user));
	if (o->gids.n > 0)
		TRY(add_gids(e, &p->user, &o->gids));
	add_capabilities(p, &o->caps);
	p->cwd = o->cwd ? o->cwd : p->cwd;
	p->apparmor_profile = o->apparmor ? o->apparmor : p->apparmor_profile;
	p->selinux_label = o->label ? o->label : p->selinux_label;
	p->terminal = o->tty;
	if (o->no_new_privs != PROCESS_UNSET)
		p->no_new_privileges = o->no_new_privs;
	return 0;
}

/* In r->spec, where the config's own process was. */
static int
make_process(struct err *e, struct run *r, const struct process_options *o)
{
	struct spec_process config;

	TRY(load_copy(e, held.dir, &r->spec));
	if (!o->process) {
		TRY(apply_options(e, &r->spec.process, o));
		return spec_check_process(e, &r->spec.process, "process.");
	}
	config = r->spec.process;
	TRY(load_process(e, o->process, &r->spec.process, &config));
	return spec_check_process(e, &r->spec.process, "");
}

/* -- cgroups ----------------------------------------------------------------------------------- */

/* The directories of one controller, or with "" all, become their own sub-directory. */
static int
take_sub(struct err *e, struct cgroup_dirs *d, const char *controller, const char *sub)
{
	bool found = false;

	for (uint32_t i = 0; i < d->n; i++) {
		if (*controller && !str_listed(d->at[i].controllers, controller))
			continue;
		found = true;
		d->at[i].dir = arena_string(e, "%s/%s", d->at[i].dir, sub);
		if (!d->at[i].dir)
			return -1;
	}
	return found ? 0 : fail(e, "unknown controller %s", controller);
}

/* "path", or "controller,controller:path". */
static int
take_cgroup(struct err *e, struct cgroup_dirs *d, const char *option, bool alone)
{
	const char *sub = strchr(option, ':');
	char name[256];

	if (sub && strchr(sub + 1, ':'))
		return fail(e, "invalid --cgroup argument: %s", option);
	if (!sub && !alone)
		return fail(
			e, "invalid --cgroup argument: %s (missing <controller>: prefix)", option);
	if (path_goes_up(sub ? sub + 1 : option))
		return fail(e, "bad sub cgroup path: %s", sub ? sub + 1 : option);
	if (!sub)
		return take_sub(e, d, "", option);
	for (const char *at = option; at <= sub; at += str_until(at, ",:") + 1) {
		if (str_format(name, sizeof name, "%.*s", (int)str_until(at, ",:"), at) < 1)
			return fail(e, "invalid --cgroup argument: %s", option);
		TRY(take_sub(e, d, name, sub + 1));
	}
	return 0;
}

/* Rootless: what create was not allowed to make is not there to enter. */
static void
drop_missing(struct cgroup_dirs *d)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < d->n; i++)
		if (access(d->at[i].dir, W_OK) == 0)
			d->at[kept++] = d->at[i];
	d->n = kept;
}

static int
open_doors(struct err *e, struct run *r, const struct process_options *o)
{
	const struct request *q = r->request;
	struct cgroup_dirs *d = &r->cgroups;

	*d = held.cgroups;
	if (q->no_cgroups)
		d->n = 0;
	if (r->plan.options.rootless)
		drop_missing(d);
	if (o->cgroups.n > 0 && d->n == 0)
		return fail(e, "the container is not using cgroups");
	for (uint32_t i = 0; i < o->cgroups.n; i++)
		TRY(take_cgroup(e, d, o->cgroups.at[i], o->cgroups.n == 1));
	if (cgroup_open(e, d, &r->door) == 0)
		return 0;
	return o->cgroups.n > 0 ? context(e, "error adding pid %d to cgroups", getpid()) : -1;
}

/* Where its init is below the container's cgroup: the line "0::PATH" ends as our directory does,
 * with more behind it. */
static int
init_below(struct err *e, struct run *r, char *text, size_t size, const char **below)
{
	const char *path = r->state.cgroup_path, *line;
	char file[32];

	(void)str_format(file, sizeof file, "/proc/%d/cgroup", r->target.pid); /* fits */
	TRY(fd_read_file(e, AT_FDCWD, file, text, size));
	line = str_find(text, "0::");
	line = line ? str_find(line, path) : NULL;
	if (!line)
		return fail(e, "%s: the init has left its cgroup", file);
	*below = line + strlen(path);
	text[(size_t)(*below - text) + str_until(*below, "\n")] = '\0';
	return **below == '/' ? 0 : fail(e, "cgroup %s takes no processes", path);
}

int
process_other_door(struct err *e, struct run *r, const struct process_options *o)
{
	char text[2 * PLAN_PATH_MAX];
	const char *below = "";

	if (o->cgroups.n > 0)
		return -1;
	TRY(init_below(e, r, text, sizeof text, &below));
	for (uint32_t i = 0; i < r->cgroups.n; i++) {
		if (!cgroup_is_v2(&r->cgroups.at[i]))
			continue;
		r->cgroups.at[i].dir = arena_string(e, "%s%s", r->cgroups.at[i].dir, below);
		if (!r->cgroups.at[i].dir)
			return -1;
	}
	cgroup_close(&r->door);
	return cgroup_open(e, &r->cgroups, &r->door);
}

/* -- the whole --------------------------------------------------------------------------------- */

static int
check_status(struct err *e, enum state_status status, bool ignore_paused)
{
	switch (status) {
	case STATE_STOPPED:
		return fail(e, "cannot exec in a stopped container");
	case STATE_CREATING:
		return fail(e, "cannot exec in a container that is not created yet");
	case STATE_PAUSED:
		if (!ignore_paused)
			return fail(e,
				"cannot exec in a paused container (use --ignore-paused to "
				"override)");
		break;
	case STATE_CREATED:
	case STATE_RUNNING:
		break;
	}
	return 0;
}

/* What has not executed a program cannot be traced (S2), and who may not trace it may not enter its
 * namespaces either: setns(2).  Some releases of Linux 5.10 give no error then, but an empty link.
 */
static int
check_traceable(struct err *e, pid_t init)
{
	char path[48], target[32];
	ssize_t n;

	(void)str_format(path, sizeof path, "/proc/%d/ns/mnt", init); /* fits */
	n = readlink(path, target, sizeof target);
	if (n == 0)
		errno = EACCES;
	if (n <= 0 && (errno == EACCES || errno == EPERM))
		return fail_errno(e,
			"cannot exec: until start, and with --init, the container's init "
			"is closed to callers without CAP_SYS_PTRACE");
	return 0;
}

/* All that the config lists, be they its own or joined by a path: the init is in them. */
static int
hold_init(struct err *e, struct run *r)
{
	const struct state *s = &r->state;
	struct proc_identity init = {.pid = s->pid, .start = s->start};
	char path[32];

	r->target.pid = s->pid;
	r->target.start = s->start;
	for (int ns = 0; ns < NAMESPACES; ns++)
		if (s->namespace_listed[ns])
			r->namespaces |= words_namespace_flag((enum namespace)ns);
	TRY(proc_hold(e, &init, &r->target.pidfd));
	if (!s->shared_mounts)
		return 0;
	(void)str_format(path, sizeof path, "/proc/%d/root", s->pid); /* fits */
	r->root_of_init = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r->root_of_init < 0 ? fail_errno(e, "open %s", path) : 0;
}

static int
load_held(struct err *e, struct run *r, const struct process_options *o)
{
	const struct request *q = r->request;
	struct plan_options options = {
		.id = q->id,
		.preserve_fds = q->preserve_fds,
		.rootless = q->rootless,
		.init = q->init,
	};

	r->state = held.state;
	TRY(check_status(e, held.status, o->ignore_paused));
	TRY(make_process(e, r, o));
	TRY(load_check_terminal(e, q, &r->spec.process));
	TRY(probe_caller(e, &r->facts));
	probe_labels(&r->facts, &r->spec);
	options.rootless |= q->rootless_auto && (r->facts.euid != 0 || r->facts.user_namespace);
	TRY(plan_make_process(e, &r->plan, &r->spec, &r->facts, &options));
	if (r->facts.euid != 0)
		TRY(check_traceable(e, held.state.pid));
	TRY(hold_init(e, r));
	return open_doors(e, r, o);
}

int
process_load(struct err *e, struct run *r, const struct request *q, const struct process_options *o)
{
	int result;

	r->request = q;
	load_reset(r);
	TRY(load_check_preserved(e, q->preserve_fds));
	TRY(held_open(e, &held, q->root, q->id, HELD_UNLOCKED));
	result = load_held(e, r, o);
	held_close(&held);
	return result;
}
