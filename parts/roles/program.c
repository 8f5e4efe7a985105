/* The order, and why it is so, is in the tables of init.c and join.c. */
#include "roles/program.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/str.h"
#include "kernel/creds.h"
#include "kernel/exec.h"
#include "kernel/limits.h"
#include "kernel/seccomp.h"
#include "kernel/tuning.h"
#include "roles/sync.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The host has recorded us, placed us and written our maps; or it has died, and so shall we. */
int
program_await_placed(struct err *e, struct run *r)
{
	char text[24] = "";
	uint64_t pid;

	if (r->recorded)
		return 0;
	TRY(sync_expect(e, r->sync_init, SYNC_PLACED, text, sizeof text));
	r->recorded = true;
	if (str_u64(text, &pid) == 0)
		r->host_pid = (pid_t)pid;
	return 0;
}

int
program_terminal(struct err *e, struct run *r, bool console)
{
	FD_AUTO int master = -1;
	char name[TTY_NAME_MAX];

	TRY(tty_make(e, &r->spec.process, r->rootfs_dir, &master, &r->slave, name));
	if (console)
		TRY(tty_console(e, r->rootfs_dir, r->slave));
	if (r->request->mode == RUN_FOREGROUND) {
		tty_no_crlf(master); /* the caller's terminal makes the line ends */
		tty_copy_size(r->reap.terminal, master); /* now: the program may ask at once */
	}
	return sync_send(e, r->sync_init, SYNC_CONSOLE, name, master);
}

/* Before the credentials go that they need. */
int
program_limits(struct err *e, struct run *r)
{
	const struct spec_process *p = &r->spec.process;

	/* RLIMIT_NOFILE may leave no descriptor for it. */
	if (r->plan.home_missing)
		TRY(exec_home(e, r->plan.creds.uid, r->home, sizeof r->home));
	for (int fd = 0; fd <= 2; fd++)
		if (r->stdio_init[fd] >= 0 && dup2(r->stdio_init[fd], fd) < 0)
			return fail_errno(e, "descriptor %d", fd);
	if (p->terminal)
		TRY(tty_attach(e, fd_keep(&r->slave)));
	else
		tty_own_stdio(p->user.uid, p->user.gid);
	TRY(limits_resources(e, p));
	TRY(tuning_process(e, p));
	TRY(tuning_linux(e, &r->spec.linux_));
	limits_umask(p, r->caller_umask);
	exec_directory_early(p->cwd);
	return 0;
}

/* The change of ids resets both the death signal and the dumpable flag: prctl(2). */
int
program_creds(struct err *e, struct run *r)
{
	TRY(creds_apply(e, &r->plan.creds));
	TRY(creds_die_with_parent(e, true));
	return creds_hide(e);
}

/* What only this process can know of the program's environment: it has room for it. */
static int
environment(struct err *e, struct run *r)
{
	uint32_t n = r->n_env;

	if (r->plan.home_missing)
		r->env[n++] = r->home;
	if (r->request->listen_fds == 0)
		return 0;
	if (str_format(r->listen[0], LISTEN_MAX, "LISTEN_FDS=%u", r->request->listen_fds) < 0 ||
		str_format(r->listen[1], LISTEN_MAX, "LISTEN_PID=%d", getpid()) < 0)
		return fail(e, "LISTEN_FDS");
	r->env[n++] = r->listen[0];
	r->env[n++] = r->listen[1];
	return 0;
}

/* After the credentials: the program's own rights decide (PR-4, DEC-11).  After `descriptors`: a
 * name must not lead through one of the host's (S8). */
int
program_find(struct err *e, struct run *r)
{
	TRY(exec_directory(e, r->spec.process.cwd));
	TRY(environment(e, r));
	return exec_find(
		e, r->spec.process.args.at[0], &r->plan.env, r->program, sizeof r->program);
}

/* Nothing of the host may stay open while we wait (6.4, S2); debug records still need the log. */
int
program_descriptors(struct err *e, struct run *r)
{
	/* What one message holds: warnings are dropped whole. */
	static char text[ERR_TEXT_MAX] BUFFER;
	int keep[] = {
		r->sync_init,
		r->gate.gate,
		r->gate.answer,
		r->agent,
		log_wants_debug() ? log_fd() : -1,
	};

	if (log_pending(text, sizeof text) > 0)
		TRY(sync_send(e, r->sync_init, SYNC_WARNINGS, text, -1));
	if (fd_close_except(
		    (int)(3 + r->plan.options.preserve_fds), keep, sizeof keep / sizeof *keep) < 0)
		return fail_errno(e, "closing descriptors");
	return 0;
}

/* The last thing before the exec: whatever the profile forbids, we need no more than the exec
 * itself, and the sendmsg(2) of a listener (SC-12). */
int
program_filter(struct err *e, struct run *r)
{
	const struct plan_filter *f = &r->plan.seccomp;
	const char *state = NULL;
	int listener;

	sig_default();
	if (f->n == 0)
		return 0;
	if (f->notify) {
		state = state_process_document(e, &r->state,
			role_now() == ROLE_INIT ? STATE_CREATING : STATE_RUNNING, r->host_pid,
			f->listener_metadata);
		if (!state)
			return -1;
	}
	TRY(seccomp_load(e, f, &listener));
	if (listener < 0)
		return 0;
	return seccomp_hand_over(e, r->agent, state, strlen(state), listener);
}

/* A file without `#!` is the shell's under every init (init.md 1.2).  Where that does not work the
 * first error stands. */
static void
execute_script(struct run *r)
{
	const struct strings *args = &r->spec.process.args;
	struct err ignored;
	const char **argv = arena_take(&ignored, (size_t)args->n + 2, sizeof *argv);

	if (!argv)
		return;
	argv[0] = "sh";
	argv[1] = r->program;
	memcpy(argv + 2, args->at + 1, args->n * sizeof *argv); /* with the NULL */
	(void)exec_program(&ignored, "/bin/sh", argv, r->env);
}

int
program_execute(struct err *e, struct run *r)
{
	(void)exec_program(e, r->program, r->spec.process.args.at, r->env);
	if (r->cloned && e->number == ENOEXEC)
		execute_script(r);
	return -1;
}
