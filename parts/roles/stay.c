#include "roles/stay.h"

#include "base/fd.h"
#include "base/procstat.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/creds.h"
#include "kernel/seccomp.h"
#include "kernel/shed.h"
#include "kernel/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

void
stay_hold(const struct run *r, struct sig_mask *before)
{
	if (r->plan.init.used)
		sig_block(before);
}

void
stay_release(const struct run *r, const struct sig_mask *before)
{
	if (r->plan.init.used)
		sig_restore(before);
}

/* On what the program has as its stderr; nobody waits for it to be read. */
static void
tell(enum supervise_event event, int number, int other, const char *text)
{
	char line[96];
	int n;

	(void)other;
	(void)text;
	if (event == SUPERVISE_FORBIDDEN)
		n = str_format(line, sizeof line,
			"ocirt init: signal %d cannot be forwarded: Operation not permitted\n",
			number);
	else
		n = str_format(line, sizeof line, "ocirt init: the program's status is lost\n");
	if (n > 0)
		fd_say(2, line, (size_t)n);
}

/* The habits of `ocirt init` (commands/init.c), where the plan does not say otherwise. */
static void
configure(struct supervise *s, const struct plan_init *i)
{
	static char *program[1];
	static const int terminal[] = {SIGTSTP, SIGTTIN, SIGTTOU};

	supervise_begin(s);
	s->argv = program; /* there is one */
	s->group = i->group;
	s->wait_all = i->wait_all;
	s->stop_ms = (int)i->stop_timeout * 1000;
	s->grace_ms = (int)i->grace * 1000;
	s->null_stdio = true;
	s->tell = tell;
	s->route[SIGTERM].stops = true;
	for (int k = 0; k < 3; k++)
		s->route[terminal[k]].not_from_tty = true;
}

/* The sockets of a service manager are for this process.  A pid namespace ends with its PID 1;
 * elsewhere we do: whoever kills the init means the program.  That does not begin before the init
 * has nothing to hide any more, and its filter: one who may trace it must not find it without. */
static int
go_on(struct err *e, struct run *r, pid_t init, int settled[2])
{
	char byte;

	r->cloned = true;
	(void)str_format(r->listen[1], LISTEN_MAX, "LISTEN_PID=%d", getpid()); /* fits */
	if (init != 1)
		TRY(creds_die_with_parent(e, true));
	fd_close(&settled[1]);
	if (settled[0] >= 0 && read(settled[0], &byte, 1) != 1)
		return fail(e, "the init has ended");
	fd_close(&settled[0]);
	return 0;
}

/* Errors can be told until the descriptors go.  Whoever sees the name sees that there is a program:
 * so it is given before the channel is closed. */
static __attribute__((noinline)) int
settle(struct err *e, struct run *r, struct supervise *s, int settled)
{
	TRY(creds_settle(e, &r->plan.creds));
	(void)sys_prctl(PR_SET_NAME, (unsigned long)PROCSTAT_STAYS, 0, 0, 0);
	shed_words();
	shed_buffers();
	shed_stack(s + 1);
	supervise_let_go(s, settled);
	seccomp_confine();
	(void)!write(settled, "", 1);
	fd_close(&settled);
	_exit(supervise_run(s));
}

int
stay_clone(struct err *e, struct run *r)
{
	struct supervise s = {0};
	int settled[2] = {-1, -1};

	if (!r->plan.init.used)
		return 0;
	configure(&s, &r->plan.init);
	if (s.self != 1)
		TRY(supervise_subreaper(e));
	(void)sys_pipe2(settled, O_CLOEXEC); /* RLIMIT_NOFILE may leave none: then nobody waits */
	TRY(supervise_fork(e, &s));
	return s.child == 0 ? go_on(e, r, s.self, settled) : settle(e, r, &s, settled[1]);
}

int
stay_failed(const struct run *r, const struct err *e)
{
	if (!r->cloned)
		return r->plan.init.used ? 125 : 1;
	return e->number == ENOENT ? 127 : 126;
}
