/* The loop: signals handed on, the dead reaped, the living stopped (init.md 2.1, 2.2, 4). */
#include "kernel/supervise.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/procstat.h"
#include "base/str.h"
#include "base/sys.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The linker's own symbols: the ELF header where it is mapped. Hidden: no entry in the GOT. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern ElfW(Dyn) _DYNAMIC[] __attribute__((weak, visibility("hidden"))); /* behind the tables */

enum {
	REAP_BURST = 64, /* then signals have their turn: a storm must not delay them */
	SWEEP_POLL = 50, /* ms; who joined our namespace is not our child, and ends unseen */
	LAST_MS = 1000,	 /* after SIGKILL, for those that the kernel does not let go */
	DEPTH_MAX = 256, /* ancestors that are looked at */
	STAT_BYTES = 512,
	FRAMES = 1024, /* our own, and of the calls that give memory back */
};

/* What runs while nothing but signals happens lies together, see shrink(). */
#define TOGETHER __attribute__((section(".text.hot.supervise")))

enum state { RUN, STOPPING, DRAIN, SWEEP, LAST };

static TOGETHER void
say(const struct supervise *s, enum supervise_event event, int number, int other)
{
	if (s->loud || event >= SUPERVISE_FORBIDDEN)
		s->tell(event, number, other, NULL);
}

static TOGETHER int
send_signal(pid_t pid, int sig)
{
	return (int)syscall(SYS_kill, pid, sig);
}

/* -- to whom ----------------------------------------------------------------------------------- */

/* The number in a name of /proc, or 0. */
static pid_t
process_name(const char *name)
{
	uint64_t n;

	return str_u64(name, &n) == 0 && n < INT32_MAX ? (pid_t)n : 0;
}

/* Field 4 of /proc/PID/stat; 0: no such process. */
static pid_t
parent_of(pid_t pid)
{
	char path[32], line[STAT_BYTES];
	const char *field;
	FD_AUTO int fd = -1;
	uint64_t parent;
	ssize_t n;

	(void)str_format(path, sizeof path, "/proc/%d/stat", pid);
	/* Without a procfs the image says what is there, and none of it is to be waited for. */
	fd = openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
	line[n > 0 ? n : 0] = '\0';
	field = n > 0 ? procstat_field(line, 4) : NULL;
	return field && str_u64_n(field, str_until(field, " "), &parent) == 0 ? (pid_t)parent : 0;
}

static bool
is_descendant(const struct supervise *s, pid_t pid)
{
	for (int i = 0; i < DEPTH_MAX && pid > 1; i++) {
		pid = parent_of(pid);
		if (pid == s->self)
			return true;
	}
	return false;
}

static bool
is_in_group(const struct supervise *s, pid_t pid)
{
	return pid != s->child && getpgid(pid) == s->child;
}

/* Sends to each process of /proc that is meant; info NULL: kill(2). */
static void
send_each(const struct supervise *s, bool (*meant)(const struct supervise *, pid_t), int sig,
	siginfo_t *info)
{
	FD_AUTO int proc = openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct fd_entry *entry;
	struct fd_dir d;

	if (proc < 0)
		return;
	fd_dir_open(&d, proc);
	while ((entry = fd_dir_next(&d))) {
		pid_t pid = process_name(entry->name);

		if (pid > 1 && meant(s, pid) && (!info || sig_queue(pid, sig, info) < 0))
			(void)send_signal(pid, sig);
	}
}

/* Everybody but us.  kill(-1) is for PID 1 alone: anyone else would reach the whole machine. */
static void
send_all(const struct supervise *s, int sig)
{
	if (s->self == 1)
		(void)send_signal(-1, sig);
	else
		send_each(s, is_descendant, sig, NULL);
}

/* Returns 0, or -1 with errno. A value goes along where there is one, and where the queue has room;
 * a group has no call for it: its members get it one by one. */
static TOGETHER int
send_main(const struct supervise *s, int sig, siginfo_t *info)
{
	bool queued = info && info->si_code < 0 && info->si_code != SI_TKILL;

	if (queued && sig_queue(s->child, sig, info) == 0) {
		if (s->group)
			send_each(s, is_in_group, sig, info);
		return 0;
	}
	if (s->group && send_signal(-s->child, sig) == 0)
		return 0;
	if (s->group && errno != ESRCH)
		return -1;
	return send_signal(s->child, sig);
}

/* -- signals ----------------------------------------------------------------------------------- */

/* Our own writes to a closed pipe or past a limit, our own limit of time, and what is a terminal's
 * for our group, concern nobody else. */
static TOGETHER bool
is_ours(struct supervise *s, struct supervise_route *route, const siginfo_t *info)
{
	bool kernel = info->si_code > 0;

	if (info->si_code <= 0 && info->si_pid == s->self)
		return true;
	if (kernel && (route->not_from_tty || info->si_signo == SIGXCPU))
		return true;
	if (!route->once)
		return false;
	route->once = false;
	say(s, SUPERVISE_HANDED_OFF, info->si_signo, 0);
	return true;
}

static TOGETHER void
forward(struct supervise *s, struct supervise_route *route, siginfo_t *info)
{
	int to = route->to;

	if (to == 0) {
		say(s, SUPERVISE_NOT_FORWARDED, info->si_signo, 0);
		return;
	}
	if (s->ended)
		send_all(s, to);
	else if (send_main(s, to, info) < 0 && errno == EPERM && !route->told) {
		route->told = true;
		say(s, SUPERVISE_FORBIDDEN, to, 0);
	}
	say(s, SUPERVISE_FORWARDED, to, 0);
}

/* Returns whether it is a stop signal. */
static TOGETHER bool
receive(struct supervise *s, siginfo_t *info)
{
	struct supervise_route *route = &s->route[info->si_signo];

	if (is_ours(s, route, info))
		return false;
	say(s, SUPERVISE_RECEIVED, info->si_signo, 0);
	if (s->child > 0)
		forward(s, route, info);
	if (route->suspends && s->self != 1) {
		say(s, SUPERVISE_SUSPENDED, info->si_signo, 0);
		(void)send_signal(s->self, SIGSTOP);
	}
	return route->stops;
}

/* -- reaping ----------------------------------------------------------------------------------- */

/* A child that asked to be traced stops for us with each signal, and waits: let it have that.  The
 * trap after its execve(2) looks as if it had come from itself by kill(2), and is dropped. */
static void
let_run(pid_t pid, int sig)
{
	siginfo_t info;

	if (sig == SIGTRAP && syscall(SYS_ptrace, PTRACE_GETSIGINFO, pid, NULL, &info) == 0 &&
		info.si_code == SI_USER && info.si_pid == pid)
		sig = 0;
	(void)syscall(SYS_ptrace, PTRACE_DETACH, pid, NULL, (long)sig);
}

static TOGETHER void
bury(struct supervise *s, pid_t pid, int status)
{
	if (WIFSTOPPED(status)) {
		let_run(pid, WSTOPSIG(status));
		return;
	}
	say(s, WIFSIGNALED(status) ? SUPERVISE_REAPED_KILLED : SUPERVISE_REAPED, pid,
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (pid != s->child)
		return;
	s->ended = true;
	s->status = status;
	if (WIFSIGNALED(status))
		say(s, SUPERVISE_KILLED, WTERMSIG(status), 0);
	else
		say(s, SUPERVISE_EXITED, WEXITSTATUS(status), 0);
}

enum reaped { MORE, ALIVE, NOBODY };

static TOGETHER enum reaped
reap(struct supervise *s)
{
	for (int i = 0; i < REAP_BURST; i++) {
		int status;
		pid_t pid = (pid_t)syscall(SYS_wait4, -1, &status, WNOHANG | __WALL, NULL);

		if (pid > 0)
			bury(s, pid, status);
		else if (pid < 0 && errno == ECHILD)
			return NOBODY;
		else
			return ALIVE;
	}
	return MORE;
}

/* Nobody to wait for, and nobody who joined our namespace. */
static bool
is_alone(const struct supervise *s, enum reaped reaped)
{
	return reaped == NOBODY && (s->self != 1 || (send_signal(-1, 0) < 0 && errno == ESRCH));
}

/* -- the end ----------------------------------------------------------------------------------- */

/* A stopped process ends only when it goes on. */
static void
sweep(const struct supervise *s)
{
	send_all(s, SIGTERM);
	send_all(s, SIGCONT);
}

static int
exit_status(struct supervise *s)
{
	int code = 128 + SIGKILL;

	if (s->ended)
		code = WIFSIGNALED(s->status) ? 128 + WTERMSIG(s->status) : WEXITSTATUS(s->status);
	if (s->remap[code / 8] >> code % 8 & 1)
		return 0;
	if (s->die_alike && s->self != 1 && s->ended && WIFSIGNALED(s->status)) {
		static const struct sig_mask none;

		(void)sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no second core */
		sig_set(WTERMSIG(s->status), false, NULL);
		(void)send_signal(s->self, WTERMSIG(s->status));
		sig_restore(&none);
	}
	return code;
}

static int
time_left(enum state state, int64_t end)
{
	int64_t left = end - clock_ms();

	if (left < 0)
		left = 0;
	return (int)(state >= SWEEP && left > SWEEP_POLL ? SWEEP_POLL : left);
}

/* The main program has ended: what then?  False: nothing. */
static bool
goes_on(struct supervise *s, enum state *state, enum reaped reaped, int64_t *end)
{
	if (s->leave) {
		if (s->last_term && s->route[SIGTERM].to)
			(void)send_signal(-s->child, s->route[SIGTERM].to);
		if (s->last_term)
			say(s, SUPERVISE_FORWARDED, s->route[SIGTERM].to, 0);
		return false;
	}
	if (is_alone(s, reaped) || (s->grace_ms == 0 && !s->wait_all))
		return false;
	if (s->wait_all) {
		*state = DRAIN;
		*end = 0;
		return true;
	}
	sweep(s);
	*state = SWEEP;
	*end = clock_ms() + s->grace_ms;
	return true;
}

/* The time of a state is over. */
static void
hurry(struct supervise *s, enum state *state, int64_t *end)
{
	if (*state == STOPPING) {
		sweep(s);
		*state = SWEEP;
		*end = clock_ms() + s->grace_ms;
	} else {
		send_all(s, SIGKILL);
		*state = LAST;
		*end = clock_ms() + LAST_MS;
	}
}

/* Gives back the memory of the start: the pages of the program, but for those that are needed now,
 * of the stack, and of the tables that the relocations have made ours.  Pages of the program come
 * again when they are needed, and the file is still what it was.  The kernel maps up to 16 pages
 * around the one that is missing, if they are of the same mapping: so what is kept is made one of
 * its own, by an advice that differs. */
static TOGETHER void
shrink(void)
{
	const ElfW(Ehdr) *image = (const void *)__ehdr_start;
	const ElfW(Phdr) *ph = (const void *)(__ehdr_start + image->e_phoff);
	uintptr_t page = (uintptr_t)getpagesize();
	uintptr_t frames = ((uintptr_t)__builtin_frame_address(0) - FRAMES) & -page;
	uintptr_t kept[] = {(uintptr_t)syscall - page, (uintptr_t)supervise_run};
	uintptr_t tables = ((uintptr_t)image + ph[1].p_vaddr) & -page;
	uintptr_t behind = (uintptr_t)_DYNAMIC & -page;

	for (int i = 0; i < 2; i++)
		(void)syscall(SYS_madvise, kept[i] & -page, 2 * page, MADV_RANDOM);
	(void)syscall(SYS_madvise, frames - 8 * page, 8 * page, MADV_DONTNEED);
	(void)syscall(SYS_madvise, image, ph->p_memsz, MADV_DONTNEED);
	/* Nothing that runs from here on follows a pointer in a table. */
	if (ph->p_type == PT_LOAD && behind > tables)
		(void)syscall(SYS_madvise, tables, behind - tables, MADV_DONTNEED);
}

static TOGETHER int
pause_run(struct supervise *s)
{
	siginfo_t info;

	for (;;) {
		int sig = sig_wait(&info, -1);

		if (sig > 0 && sig != SIGCHLD && s->route[sig].stops) {
			say(s, SUPERVISE_RECEIVED, sig, 0);
			return 0;
		}
		while (reap(s) == MORE)
			;
	}
}

/* The table of init.md 4.2. */
TOGETHER __attribute__((noinline)) int
supervise_run(struct supervise *s)
{
	enum state state = RUN;
	enum reaped reaped = MORE;
	int64_t end = 0; /* of the state, in ms; 0: it has none */

	shrink();
	if (!s->argv)
		return pause_run(s);
	for (;;) {
		siginfo_t info;
		int sig = sig_wait(&info, reaped == MORE ? 0 : end ? time_left(state, end) : -1);

		if (sig == SIGCHLD)
			say(s, SUPERVISE_CHILD_SIGNAL, sig, 0);
		else if (sig > 0 && receive(s, &info) && state == RUN && s->stop_ms > 0) {
			state = STOPPING;
			end = clock_ms() + s->stop_ms;
		} else if (sig > 0 && state == DRAIN && s->route[sig].stops) {
			sweep(s);
			state = SWEEP;
			end = clock_ms() + s->grace_ms;
		}
		if (sig == 0 || sig == SIGCHLD || reaped == MORE || state >= DRAIN)
			reaped = reap(s);
		if (!s->ended && reaped == NOBODY) {
			say(s, SUPERVISE_LOST, 0, 0);
			return 127;
		}
		if (s->ended && state <= STOPPING && !goes_on(s, &state, reaped, &end))
			break;
		if (state == DRAIN ? reaped == NOBODY : state >= SWEEP && is_alone(s, reaped))
			break;
		if (end && clock_ms() >= end) {
			if (state == LAST)
				break;
			hurry(s, &state, &end);
		} else if (state == LAST && s->self != 1)
			send_all(s, SIGKILL); /* the dead hand us their children */
	}
	int code = exit_status(s);

	say(s, SUPERVISE_ENDED, code, 0);
	return code;
}
