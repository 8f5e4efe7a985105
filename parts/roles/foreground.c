#include "roles/foreground.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "kernel/notify.h"

#include <fcntl.h>
#include <unistd.h>

int
foreground_check(struct err *e, struct run *r)
{
	int *terminal = &r->reap.terminal;

	if (r->request->mode != RUN_FOREGROUND || !r->spec.process.terminal)
		return 0;
	for (int fd = 2; fd >= 0 && *terminal < 0; fd--)
		if (isatty(fd))
			*terminal = sys_fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (*terminal < 0)
		*terminal = openat(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *terminal < 0 ? fail_errno(e, "no terminal: /dev/tty") : 0;
}

/* The program must not get the caller's terminal unless it asked for one (engines.md 5.4). */
static int
make_pipe(struct err *e, struct run *r, int fd)
{
	int pair[2];

	if (!isatty(fd))
		return 0;
	if (sys_pipe2(pair, O_CLOEXEC) < 0)
		return fail_errno(e, "pipe");
	r->stdio[fd] = pair[fd == 0];
	r->stdio_init[fd] = pair[fd != 0];
	return 0;
}

int
foreground_prepare(struct err *e, struct run *r)
{
	if (r->request->mode != RUN_FOREGROUND)
		return 0;
	for (int fd = 0; fd <= 2 && !r->spec.process.terminal; fd++)
		TRY(make_pipe(e, r, fd));
	if (!r->request->no_subreaper)
		TRY(reap_subreaper(e));
	return reap_block(e, &r->reap);
}

/* Towards the program for 0, from it for 1 and 2. */
static struct reap_flow
flow_of(const struct run *r, int fd)
{
	int pipe = r->stdio[fd];

	if (fd == 0)
		return (struct reap_flow){.from = 0, .to = pipe, .used = pipe >= 0};
	return (struct reap_flow){.from = pipe, .to = fd, .used = pipe >= 0};
}

static bool
pass_readiness(void *arg)
{
	struct run *r = arg;
	struct err e = {0};
	FD_AUTO int barrier = -1; /* is for those who end before their program does */
	int done = notify_pass(&e, r->notify, r->notify_socket, r->init, &barrier);

	if (done < 0)
		log_warning("%s", e.text);
	return done == 0;
}

/* Other verbs may come meanwhile: this one takes as long as the program. */
static int
wait_unlocked(struct err *e, struct run *r)
{
	log_flush(true); /* what there is to warn of is told now, not when the program ends */
	fd_close(&r->lock);
	return reap_run(e, &r->reap);
}

int
foreground_run(struct err *e, struct run *r)
{
	struct termios saved;
	int status;

	r->reap.child = r->init;
	r->reap.watched = r->notify;
	r->reap.on_input = pass_readiness;
	r->reap.arg = r;
	r->reap.console = r->console;
	for (int fd = 0; fd <= 2; fd++)
		r->reap.flow[fd] = flow_of(r, fd);
	if (r->console < 0)
		return wait_unlocked(e, r);
	r->reap.flow[0] = (struct reap_flow){.from = 0, .to = r->console, .used = true};
	r->reap.flow[1] = (struct reap_flow){.from = r->console, .to = 1, .used = true};
	TRY(tty_raw(e, r->reap.terminal, &saved));
	status = wait_unlocked(e, r);
	tty_restore(r->reap.terminal, &saved);
	return status;
}
