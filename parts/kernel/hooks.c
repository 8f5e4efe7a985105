#include "kernel/hooks.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
	OUTPUT_MAX = 4096, /* bytes kept of each stream; the rest is read and dropped */
	STEP = 10,	   /* ms between two looks at the child where there is no pidfd */
	REPORT_FD = 3,	   /* where the child keeps the end that says why it could not exec */
	PROGRAM_FD,	   /* and the program, where it is not executed by its path */
};

/* What the parent holds of one running hook. */
struct running {
	pid_t pid;
	int in;		  /* its stdin, until the state is written */
	int out[2];	  /* its stdout and stderr */
	int report;	  /* errno of a failed exec; end-of-file: executed */
	int pidfd;	  /* -1 before Linux 5.3 */
	const char *rest; /* of the state, still to be written */
	char text[2][OUTPUT_MAX + 1];
	size_t len[2];
	int exec_errno; /* 0: executed */
	int status;	/* of waitpid(2) */
	int signal;	/* by which we were told to end meanwhile; 0: none */
	bool ended, timed_out;
};

/* -- the child --------------------------------------------------------------------------------- */

/* The far ends of the pipes, in the order of the child's descriptors. */
struct ends {
	int fd[REPORT_FD + 1];
	int program; /* the caller's; -1: by its path */
};

/* Moves every end above the numbers they are to get, then down; nothing else stays open. */
static int
take_descriptors(struct ends *c)
{
	for (int i = 0; i <= REPORT_FD; i++) {
		c->fd[i] = sys_fcntl(c->fd[i], F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
		if (c->fd[i] < 0)
			return -1;
	}
	if (c->program >= 0) {
		c->program = sys_fcntl(c->program, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
		if (sys_dup3(c->program, PROGRAM_FD, 0) < 0)
			return -1;
	}
	for (int i = 0; i <= REPORT_FD; i++)
		if (sys_dup3(c->fd[i], i, i == REPORT_FD ? O_CLOEXEC : 0) < 0)
			return -1;
	return fd_close_except(c->program >= 0 ? PROGRAM_FD + 1 : PROGRAM_FD, NULL, 0);
}

static const char *const *
environment(const struct hooks_call *c, const struct spec_hook *h)
{
	static const char *const nothing[] = {NULL};

	if (h->env.n > 0)
		return h->env.at;
	if ((h->env.present && !c->empty_env_is_absent) || (!c->env && !environ))
		return nothing;
	return c->env ? c->env : (const char *const *)environ;
}

_Noreturn static void
be_hook(const struct hooks_call *c, const struct spec_hook *h, struct ends *far, pid_t parent)
{
	const char *const by_path[] = {h->path, NULL};
	const char *const *argv = h->args.n > 0 ? h->args.at : by_path;
	const char *const *env = environment(c, h);
	int why = 0;

	(void)setpgid(0, 0); /* the parent says so, too */
	if (c->attest) {
		(void)sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != parent)
			_exit(127); /* died before that */
	}
	if (take_descriptors(far) < 0 || (c->cwd && sys_chdir(c->cwd) < 0)) {
		why = errno;
	} else {
		sig_default();
		if (far->program >= 0)
			(void)sys_execveat(PROGRAM_FD, "", (char *const *)argv, (char *const *)env,
				AT_EMPTY_PATH);
		else
			(void)execve(h->path, (char *const *)argv, (char *const *)env);
		why = errno;
	}
	(void)!write(REPORT_FD, &why, sizeof why); /* nobody else could be told */
	_exit(127);
}

/* -- starting ---------------------------------------------------------------------------------- */

static int
make_pipe(struct err *e, int *near, int *far, bool we_write)
{
	int pair[2];

	if (sys_pipe2(pair, O_CLOEXEC) < 0)
		return fail_errno(e, "pipe");
	*near = pair[we_write ? 1 : 0];
	*far = pair[we_write ? 0 : 1];
	if (sys_fcntl(*near, F_SETFL, O_NONBLOCK) < 0)
		return fail_errno(e, "pipe");
	return 0;
}

/* The file that an annotation names takes the place of a pipe: appended to, made when missing. */
static int
redirect(struct err *e, const struct hooks_call *c, const char *name, int *far)
{
	const char *path = c->annotations ? spec_pair(c->annotations, name) : NULL;
	int fd;

	if (!path)
		return 0;
	/* A FIFO without a reader is an error and no reason to wait. */
	fd = openat(AT_FDCWD, path,
		O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail_errno(e, "annotation %s: open %s", name, path);
	fd_close(far);
	*far = fd;
	return 0;
}

static int
make_pipes(struct err *e, const struct hooks_call *c, struct running *r, struct ends *far)
{
	TRY(make_pipe(e, &r->in, &far->fd[0], true));
	TRY(make_pipe(e, &r->out[0], &far->fd[1], false));
	TRY(make_pipe(e, &r->out[1], &far->fd[2], false));
	TRY(redirect(e, c, "run.oci.hooks.stdout", &far->fd[1]));
	TRY(redirect(e, c, "run.oci.hooks.stderr", &far->fd[2]));
	return make_pipe(e, &r->report, &far->fd[REPORT_FD], false);
}

static void
close_running(struct running *r)
{
	fd_close(&r->in);
	fd_close(&r->out[0]);
	fd_close(&r->out[1]);
	fd_close(&r->report);
	fd_close(&r->pidfd);
}

/* All signals are blocked over the clone: the child must not run a handler of ours. */
static int
spawn(struct err *e, const struct hooks_call *c, uint32_t index, struct running *r)
{
	const struct spec_hook *h = &c->hooks->kind[c->kind].at[index];
	struct ends far = {.fd = {-1, -1, -1, -1}, .program = c->fd ? c->fd[index] : -1};
	struct sig_mask old;
	pid_t self = getpid();
	int made = make_pipes(e, c, r, &far);

	if (made == 0) {
		sig_block(&old);
		r->pid = sys_clone(SIGCHLD, NULL);
		if (r->pid == 0)
			be_hook(c, h, &far, self);
		if (r->pid < 0)
			made = fail_errno(e, "clone");
		sig_restore(&old);
	}
	for (int i = 0; i <= REPORT_FD; i++)
		fd_close(&far.fd[i]);
	if (made < 0)
		return -1;
	(void)setpgid(r->pid, r->pid); /* fails once the child has executed: it did it itself */
	r->pidfd = sys_pidfd_open(r->pid, 0);
	return 0;
}

/* -- looking after it ---------------------------------------------------------------------------
 */

/* A hook that closes its stdin, or ends, is welcome to (HK-3). */
static void
feed(struct running *r)
{
	size_t left = strlen(r->rest);
	ssize_t n = left ? write(r->in, r->rest, left) : 0;

	if (n > 0)
		r->rest += n;
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || *r->rest == '\0')
		fd_close(&r->in);
}

/* Reads what is there; the end closes. */
static void
collect(struct running *r, int stream)
{
	char buf[OUTPUT_MAX];
	size_t room = OUTPUT_MAX - r->len[stream];
	ssize_t n = read(r->out[stream], buf, sizeof buf);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fd_close(&r->out[stream]);
		return;
	}
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(r->text[stream] + r->len[stream], buf, room);
	r->len[stream] += room;
	r->text[stream][r->len[stream]] = '\0';
}

static void
learn(struct running *r)
{
	int why;
	ssize_t n = read(r->report, &why, sizeof why);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == (ssize_t)sizeof why)
		r->exec_errno = why;
	fd_close(&r->report);
}

static void
reap_hook(struct running *r, int options)
{
	pid_t got;

	do
		got = waitpid(r->pid, &r->status, options);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		r->status = 255 << 8; /* somebody else has reaped it: no proof of success */
	r->ended = got != 0;
}

/* One turn of the loop, at most `ms` long (-1: any). */
static void
turn(struct running *r, int ms)
{
	struct pollfd p[] = {
		{.fd = r->in, .events = POLLOUT},
		{.fd = r->out[0], .events = POLLIN},
		{.fd = r->out[1], .events = POLLIN},
		{.fd = r->report, .events = POLLIN},
		{.fd = r->pidfd, .events = POLLIN},
		{.fd = sig_watched(), .events = POLLIN},
	};

	if (r->pidfd < 0 && (ms < 0 || ms > STEP))
		ms = STEP;
	if (poll(p, sizeof p / sizeof *p, ms) < 0)
		return; /* EINTR: the caller looks at the clock */
	if (p[0].revents)
		feed(r);
	for (int i = 0; i < 2; i++)
		if (p[1 + i].revents)
			collect(r, i);
	if (p[3].revents)
		learn(r);
	if (p[5].revents)
		r->signal = sig_taken();
}

/* A grandchild may hold the pipes for ever: after the hook's own end only what is there counts. */
static void
drain(struct running *r)
{
	for (int stream = 0; stream < 2; stream++) {
		size_t before;

		do {
			before = r->len[stream];
			if (r->out[stream] >= 0)
				collect(r, stream);
		} while (r->out[stream] >= 0 && r->len[stream] > before);
	}
	if (r->report >= 0)
		learn(r);
}

static void
kill_group(struct running *r)
{
	(void)sys_kill(-r->pid, SIGKILL);
	(void)sys_kill(r->pid, SIGKILL); /* should it have left its group */
	reap_hook(r, 0);
}

/* S21, HK-5: the whole group dies at the deadline, or with us. */
static void
attend(struct running *r, int64_t timeout)
{
	int64_t deadline =
		timeout > 0 && timeout < INT64_MAX / 2000 ? clock_ms() + timeout * 1000 : -1;

	while (!r->ended) {
		int64_t left = deadline < 0 ? -1 : deadline - clock_ms();

		if (deadline >= 0 && left <= 0) {
			r->timed_out = true;
			kill_group(r);
			break;
		}
		turn(r, left > INT_MAX ? INT_MAX : (int)left);
		if (r->signal)
			kill_group(r);
		else
			reap_hook(r, WNOHANG);
	}
	drain(r);
}

/* -- the outcome ------------------------------------------------------------------------------- */

/* Fills *e as runc words it; the output without the newline at its end. */
static int
judge(struct err *e, struct running *r, const struct spec_hook *h)
{
	char how[64];

	for (int i = 0; i < 2; i++)
		while (r->len[i] > 0 && r->text[i][r->len[i] - 1] == '\n')
			r->text[i][--r->len[i]] = '\0';
	if (r->exec_errno)
		return fail(e, "exec %s: %s", h->path, errno_text(r->exec_errno));
	if (r->timed_out)
		return fail(e, "timed out after %jd s, stdout: %s, stderr: %s",
			(intmax_t)h->timeout, r->text[0], r->text[1]);
	if (!r->signal && WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0)
		return 0;
	if (r->signal)
		(void)str_format(how, sizeof how, "interrupted by signal %d", r->signal);
	else if (WIFSIGNALED(r->status))
		(void)str_format(how, sizeof how, "signal %d", WTERMSIG(r->status));
	else
		(void)str_format(how, sizeof how, "exit status %d", WEXITSTATUS(r->status));
	return fail(e, "%s, stdout: %s, stderr: %s", how, r->text[0], r->text[1]);
}

/* engines.md 4.3 words the warning of poststop by the exit code. */
static void
warn(const struct running *r, const struct err *e, const char *kind, uint32_t i)
{
	if (!r->exec_errno && !r->timed_out && WIFEXITED(r->status))
		log_warning("error running %s hook #%u: %s hook failed with exit code %d", kind, i,
			kind, WEXITSTATUS(r->status));
	else
		log_warning("error running %s hook #%u: %s", kind, i, e->text);
}

static int
run_one(struct err *e, const struct hooks_call *c, uint32_t i)
{
	static struct running r BUFFER;
	const struct spec_hook *h = &c->hooks->kind[c->kind].at[i];
	const char *kind = words_name(WORDS_HOOK, c->kind);
	int done;

	r = (struct running){.in = -1, .out = {-1, -1}, .report = -1, .pidfd = -1};
	r.rest = c->state ? c->state : "";
	done = spawn(e, c, i, &r);
	if (done == 0) {
		attend(&r, h->timeout);
		done = judge(e, &r, h);
	}
	close_running(&r);
	if (done == 0)
		return 0;
	if (c->attest)
		return context(e, "%s", h->path);
	if (!c->warn_only)
		return context(e, "error running %s hook #%u", kind, i);
	warn(&r, e, kind, i);
	return 0;
}

static int
run_all(struct err *e, const struct hooks_call *c)
{
	for (uint32_t i = 0; i < c->hooks->kind[c->kind].n; i++)
		TRY(run_one(e, c, i));
	return 0;
}

/* Whatever our caller left us: a hook that does not read is no reason to die (HK-3), and its exit
 * status must not be thrown away. */
int
hooks_run(struct err *e, const struct hooks_call *c)
{
	struct sig_action pipe_before, child_before;
	int r;

	IN(e, ROLE_HOST | ROLE_INIT);
	sig_set(SIGPIPE, true, &pipe_before);
	sig_set(SIGCHLD, false, &child_before);
	r = run_all(e, c);
	sig_set_back(SIGPIPE, &pipe_before);
	sig_set_back(SIGCHLD, &child_before);
	return r;
}
