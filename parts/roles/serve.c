#include "roles/serve.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/procstat.h"
#include "base/sig.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/hooks.h"
#include "kernel/seccomp.h"
#include "roles/admit.h"
#include "roles/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

int
serve_hooks(struct err *e, struct run *r, enum hook kind, enum state_status status)
{
	struct hooks_call call = {
		.hooks = &r->spec.hooks,
		.kind = kind,
		.cwd = r->state.bundle,
		.annotations = &r->spec.annotations,
	};

	if (r->spec.hooks.kind[kind].n == 0)
		return 0;
	TRY(admit_hooks(e, r->verified, r->state.bundle, &call));
	call.state = state_document(e, &r->state, status, r->init, "", 0);
	if (!call.state)
		return -1;
	return hooks_run(e, &call);
}

static int
serve_both(struct err *e, struct run *r)
{
	TRY(serve_hooks(e, r, HOOK_PRESTART, STATE_CREATING));
	TRY(serve_hooks(e, r, HOOK_CREATE_RUNTIME, STATE_CREATING));
	return sync_send(e, r->sync, SYNC_HOOKS, NULL, -1);
}

/* The master goes to the engine at once: a program that ends early loses no output (Q2). */
static int
serve_console(struct err *e, struct run *r, const char *name, int master)
{
	if (master < 0)
		return fail(e, "console: no descriptor came");
	if (r->request->console_socket)
		return tty_send(e, r->request->console_socket, name, master);
	r->console = sys_fcntl(master, F_DUPFD_CLOEXEC, 3);
	return r->console < 0 ? fail_errno(e, "console") : 0;
}

/* The init is gone without a word. */
static int
serve_end(struct err *e, struct run *r)
{
	siginfo_t info = {0};
	struct procstat p;

	if (r->request->mode != RUN_CREATE &&
		(procstat_read(e, r->init, &p) < 0 || procstat_has_program(&p)))
		return 1; /* executed: the program's end of the channel is close-on-exec */
	if (waitid(P_PID, (id_t)r->init, &info, WEXITED | WNOWAIT) < 0 ||
		info.si_code == CLD_EXITED)
		return fail(e, "init died before READY");
	if (info.si_status == SIGKILL && cgroup_out_of_memory(&r->cgroups))
		return fail(e, "container init was OOM-killed (memory limit too low?)");
	return fail(e, "init died before READY (signal %d)", info.si_status);
}

int
serve_signals(struct err *e, struct run *r)
{
	int signal = sig_taken();

	(void)r;
	return signal ? fail(e, "interrupted by signal %d", signal) : 0;
}

/* Until there is a message, or a signal that tells us to end. */
static int
await(struct err *e, struct run *r)
{
	struct pollfd p[] = {
		{.fd = r->sync, .events = POLLIN},
		{.fd = sig_watched(), .events = POLLIN},
	};

	while (p[1].fd >= 0 && poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return fail_errno(e, "sync: poll");
	return p[1].revents ? serve_signals(e, r) : 0;
}

/* What of the init is asked for; that of an exec runs no hooks. */
static unsigned
asked_for(const struct run *r)
{
	const struct spec_hooks *h = &r->spec.hooks;
	unsigned asked = 1U << SYNC_WARNINGS;

	if (r->dir >= 0 && h->kind[HOOK_PRESTART].n + h->kind[HOOK_CREATE_RUNTIME].n > 0)
		asked |= 1U << SYNC_HOOKS;
	if (r->spec.process.terminal)
		asked |= 1U << SYNC_CONSOLE;
	if (r->request->mode == RUN_CREATE)
		asked |= 1U << SYNC_READY;
	return asked;
}

/* One message: 1 when nothing more will come, 0 to go on, -1. */
static int
serve_one(struct err *e, struct run *r)
{
	struct sync_message m;
	FD_AUTO int fd = -1;

	TRY(await(e, r));
	TRY(sync_receive(e, r->sync, &m, &fd));
	if (!sync_in_order(asked_for(r), &r->heard, m.kind))
		return fail(e, "sync: unexpected message %u", m.kind);
	switch ((enum sync_kind)m.kind) {
	case SYNC_HOOKS:
		return serve_both(e, r);
	case SYNC_CONSOLE:
		return serve_console(e, r, m.err.text, fd);
	case SYNC_WARNINGS:
		log_adopt(m.err.text);
		return 0;
	case SYNC_READY:
		return 1;
	case SYNC_FAIL:
		*e = m.err;
		return -1;
	default:
		return serve_end(e, r);
	}
}

int
serve_init(struct err *e, struct run *r)
{
	int done;

	do
		done = serve_one(e, r);
	while (done == 0);
	fd_close(&r->sync);
	return done < 0 ? -1 : 0;
}

int
serve_agent(struct err *e, struct run *r)
{
	return seccomp_connect(e, &r->plan.seccomp, &r->agent);
}

/* An init that has failed already has said why: serve_init() will read it. */
int
serve_placed(struct err *e, struct run *r)
{
	char pid[24] = "";

	if (r->plan.seccomp.notify)
		(void)str_format(pid, sizeof pid, "%d", r->init);
	if (sync_send(e, r->sync, SYNC_PLACED, pid, -1) < 0 && e->number != EPIPE)
		return -1;
	return 0;
}

int
serve_pidfd(struct err *e, struct run *r)
{
	FD_AUTO int pidfd = -1;

	if (!r->request->pidfd_socket)
		return 0;
	pidfd = sys_pidfd_open(r->init, 0);
	if (pidfd < 0)
		return fail_errno(e, "pidfd_open");
	return tty_send(e, r->request->pidfd_socket, "pidfd", pidfd);
}

/* Decimal, no newline, there as a whole or not at all (engines.md 5.6). */
int
serve_pid_file(struct err *e, struct run *r)
{
	char text[24];
	int n = str_format(text, sizeof text, "%d", r->init);

	if (!r->request->pid_file)
		return 0;
	return fd_replace(e, AT_FDCWD, r->request->pid_file, 0644, text, (size_t)n);
}
