#include "kernel/reap.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FLOW_BYTES = 4096, /* a pipe that polls as writable takes so many at once */
	DRAIN_IDLE = 100,  /* ms without output after the child's end */
	DRAIN_MAX = 2000,  /* ms altogether for a reader that stalls */
};

/* One direction of the relay: a buffer is read into when empty and written out when not. */
struct flow {
	int from, to; /* -1: ended */
	size_t at, len;
	char *buf; /* FLOW_BYTES */
};

struct relay {
	struct reap *r;
	struct flow flow[REAP_FLOWS]; /* [0] is the input */
	int flags[REAP_FLOWS];	      /* of `to`, to be given back; -1: unchanged */
	bool ended;		      /* the child */
	int status;		      /* its wait status */
};

int
reap_block(struct err *e, struct reap *r)
{
	IN(e, ROLE_HOST);
	sig_block(NULL);
	r->signal_fd = sig_open();
	return r->signal_fd < 0 ? fail_errno(e, "signalfd") : 0;
}

int
reap_subreaper(struct err *e)
{
	IN(e, ROLE_HOST);
	if (sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return fail_errno(e, "child subreaper");
	return 0;
}

/* -- signals ----------------------------------------------------------------------------------- */

static void
copy_size(const struct reap *r)
{
	struct winsize size;

	if (r->terminal >= 0 && r->console >= 0 && ioctl(r->terminal, TIOCGWINSZ, &size) == 0)
		(void)ioctl(r->console, (int)TIOCSWINSZ, &size); /* a wrong size harms nobody */
}

/* P3: everything but what is about ourselves.  Our own write to a closed pipe or beyond a file
 * limit names us as the sender; what a terminal sends has no sender and belongs to the program. */
static void
forward(const struct relay *w, const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGCHLD)
		return;
	if (info->ssi_signo == SIGWINCH) {
		copy_size(w->r);
		return;
	}
	if (info->ssi_pid == (uint32_t)getpid() && info->ssi_code == SI_USER)
		return;
	if (!w->ended)
		(void)sys_kill(
			w->r->child, (int)info->ssi_signo); /* a zombie takes it in silence */
}

/* Everybody that has ended: ours, and orphans that came to us as their subreaper. */
static void
reap_all(struct relay *w)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0 && errno == ECHILD && !w->ended) { /* SIGCHLD was ignored: no status */
			w->ended = true;
			w->status = 255 << 8;
		}
		if (pid <= 0)
			return;
		if (pid == w->r->child) {
			w->ended = true;
			w->status = status;
		}
	}
}

static void
handle_signals(struct relay *w)
{
	struct signalfd_siginfo info[8];
	ssize_t n = read(w->r->signal_fd, info, sizeof info);

	for (ssize_t i = 0; i < n / (ssize_t)sizeof *info; i++)
		forward(w, &info[i]);
	reap_all(w);
}

/* -- the relay --------------------------------------------------------------------------------- */

/* EOF and errors end a flow once its buffer is empty.  A terminal master answers EIO when nobody
 * has the other side open any more. */
static void
flow_read(struct flow *f)
{
	ssize_t n = read(f->from, f->buf, FLOW_BYTES);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	f->at = 0;
	f->len = n > 0 ? (size_t)n : 0;
	if (n <= 0)
		f->from = -1;
}

static void
flow_write(struct flow *f)
{
	ssize_t n = write(f->to, f->buf + f->at, f->len - f->at);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) { /* nobody listens any more: go on reading, for the writer's sake */
		n = (ssize_t)(f->len - f->at);
		f->to = -1;
	}
	f->at += (size_t)n;
}

static bool
has_data(const struct flow *f)
{
	return f->at < f->len;
}

/* What a flow waits for, as two entries of poll(2). */
static void
flow_poll(const struct flow *f, struct pollfd p[2])
{
	p[0] = (struct pollfd){.fd = has_data(f) ? -1 : f->from, .events = POLLIN};
	p[1] = (struct pollfd){.fd = has_data(f) ? f->to : -1, .events = POLLOUT};
}

static void
flow_go(struct flow *f, const struct pollfd p[2])
{
	if (p[1].fd >= 0 && p[1].revents)
		flow_write(f);
	if (p[0].fd >= 0 && p[0].revents)
		flow_read(f);
	if (f->to < 0)
		f->at = f->len; /* dropped */
}

/* Makes writes to a terminal or a socket give up instead of waiting; the description is shared with
 * our caller, so the flags go back afterwards.  Pipes and files need nothing: see FLOW_BYTES.
 * Returns the old flags, or -1 where nothing was changed. */
static int
never_wait(int fd)
{
	struct stat st;
	int flags = sys_fcntl(fd, F_GETFL, 0);

	if (flags < 0 || flags & O_NONBLOCK || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISCHR(st.st_mode) && !S_ISSOCK(st.st_mode))
		return -1;
	return sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -1 : flags;
}

/* The program sees the end of its input, unless that is a terminal: those have no end. */
static void
end_input(struct relay *w)
{
	struct flow *f = &w->flow[0];

	if (f->from >= 0 || f->to < 0 || f->to == w->r->console || has_data(f))
		return;
	(void)close(f->to);
	f->to = -1;
}

static void
turn(struct relay *w, int ms)
{
	struct pollfd p[2 + 2 * REAP_FLOWS];
	struct pollfd *watched = p + 1 + 2 * REAP_FLOWS;

	*watched = (struct pollfd){.fd = w->r->watched, .events = POLLIN};
	p[0] = (struct pollfd){.fd = w->r->signal_fd, .events = POLLIN};
	for (int i = 0; i < REAP_FLOWS; i++)
		flow_poll(&w->flow[i], p + 1 + 2 * i);
	if (poll(p, sizeof p / sizeof *p, ms) < 0)
		return; /* EINTR */
	if (p[0].revents)
		handle_signals(w);
	for (int i = 0; i < REAP_FLOWS; i++)
		flow_go(&w->flow[i], p + 1 + 2 * i);
	end_input(w);
	if (watched->revents && !w->r->on_input(w->r->arg))
		w->r->watched = -1;
}

/* Output that can still come or be written. */
static bool
is_open(const struct relay *w)
{
	for (int i = 1; i < REAP_FLOWS; i++)
		if (w->flow[i].from >= 0 || has_data(&w->flow[i]))
			return true;
	return false;
}

/* How much lies between reading and writing: whatever moves changes it. */
static size_t
progress(const struct relay *w, bool *waiting)
{
	size_t sum = 0;

	*waiting = false;
	for (int i = 1; i < REAP_FLOWS; i++) {
		sum = sum * 31 + w->flow[i].at * 3 + w->flow[i].len;
		*waiting |= has_data(&w->flow[i]);
	}
	return sum;
}

/* What the program wrote last is still on its way; others may hold the terminal open for ever. */
static void
drain(struct relay *w)
{
	int64_t end = clock_ms() + DRAIN_MAX, idle = clock_ms() + DRAIN_IDLE;

	w->flow[0].from = -1;
	w->flow[0].at = w->flow[0].len;
	while (is_open(w)) {
		bool waiting;
		size_t before = progress(w, &waiting);
		int64_t now = clock_ms();

		if (now >= end || (!waiting && now >= idle))
			return;
		turn(w, DRAIN_IDLE);
		if (progress(w, &waiting) != before)
			idle = clock_ms() + DRAIN_IDLE;
	}
}

static void
begin(struct relay *w, struct reap *r)
{
	int flags = r->console >= 0 ? sys_fcntl(r->console, F_GETFL, 0) : -1;

	static char bufs[REAP_FLOWS][FLOW_BYTES] BUFFER;

	*w = (struct relay){.r = r};
	if (flags >= 0)
		(void)sys_fcntl(r->console, F_SETFL, flags | O_NONBLOCK);
	for (int i = 0; i < REAP_FLOWS; i++) {
		bool used = r->flow[i].used;

		w->flow[i].buf = bufs[i];
		w->flow[i].from = used ? r->flow[i].from : -1;
		w->flow[i].to = used ? r->flow[i].to : -1;
		w->flags[i] = used && i > 0 ? never_wait(r->flow[i].to) : -1;
	}
}

int
reap_run(struct err *e, struct reap *r)
{
	static struct relay w;

	IN(e, ROLE_HOST);
	begin(&w, r);
	reap_all(&w); /* it may have ended before we got here */
	while (!w.ended)
		turn(&w, -1);
	drain(&w);
	for (int i = 0; i < REAP_FLOWS; i++)
		if (w.flags[i] >= 0)
			(void)sys_fcntl(r->flow[i].to, F_SETFL, w.flags[i]);
	return WIFSIGNALED(w.status) ? 128 + WTERMSIG(w.status) : WEXITSTATUS(w.status);
}
