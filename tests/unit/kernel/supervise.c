/* covers: init.md 2.1, 2.2, 4.1, 4.2, 5 */
#include "kernel/supervise.h"
#include "base/sig.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct err e;
static char *none[] = {"sh", NULL};

/* What a test asks for beside the program; the rest is as `ocirt init` has it. */
struct wanted {
	bool group, wait_all, leave, default_child, drop_usr1, loud;
	int stop_ms, grace_ms, remap, events; /* events: where those of tell() go, as letters */
};

static void
tell(enum supervise_event event, int number, int other, const char *text)
{
	char byte = (char)('A' + event);

	(void)number;
	(void)other;
	(void)text;
	(void)!write(2, &byte, 1);
}

static void
configure(struct supervise *s, const struct wanted *w)
{
	supervise_begin(s);
	s->group = w->group;
	s->wait_all = w->wait_all;
	s->leave = w->leave;
	s->default_child = w->default_child;
	s->stop_ms = w->stop_ms;
	s->grace_ms = w->grace_ms;
	s->missing = 127;
	s->denied = 126;
	s->failed = 125;
	s->tell = tell;
	s->loud = w->loud;
	s->route[SIGTERM].stops = true;
	if (w->drop_usr1)
		s->route[SIGUSR1].to = 0;
	if (w->remap)
		s->remap[w->remap / 8] |= (uint8_t)(1 << w->remap % 8);
	if (w->events > 0)
		(void)dup2(w->events, 2); /* the only one that stays open */
}

/* An init, as a child of ours: its pid. */
static pid_t
begin(const struct wanted *w, char **argv)
{
	struct supervise s = {0};
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	alarm(0);
	configure(&s, w);
	s.argv = argv;
	if (supervise_subreaper(&e) < 0 || supervise_spawn(&e, &s) < 0)
		_exit(99);
	_exit(supervise_run(&s));
}

static int
end(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int
run(const struct wanted *w, const char *line)
{
	char *argv[] = {"the name of the shell", "sh", "-c", (char *)line, NULL};

	return end(begin(w, argv + 1));
}

static long
ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

static void
statuses(void)
{
	static const struct wanted usual = {.grace_ms = 1000}, remapped = {.remap = 143};
	static const int codes[] = {0, 1, 7, 127, 143, 255};
	char line[64];

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		snprintf(line, sizeof line, "exit %d", codes[i]);
		is_int(run(&usual, line), codes[i], "%s", line);
	}
	is_int(run(&usual, "kill -TERM $$"), 143, "by a signal");
	is_int(run(&usual, "kill -KILL $$"), 137, "by SIGKILL");
	is_int(run(&remapped, "kill -TERM $$"), 0, "by a signal that counts as success");
	is_int(run(&remapped, "exit 144"), 144, "its neighbour does not");
}

static void
failures(void)
{
	static const struct wanted usual = {.grace_ms = 0};
	char path[] = "/tmp/superviseXXXXXX";
	int fd = mkstemp(path), null = open("/dev/null", O_WRONLY);
	struct wanted quiet = {.events = null};
	char *missing[] = {"", "/no/such", NULL}, *nowhere[] = {"", "no-such-program", NULL};
	char *directory[] = {"", "/tmp", NULL}, *script[] = {"", path, "9", NULL};

	is_int(end(begin(&quiet, missing + 1)), 127, "a path that is not there");
	is_int(end(begin(&quiet, nowhere + 1)), 127, "a name that is nowhere");
	is_int(end(begin(&quiet, directory + 1)), 126, "a directory");
	is_int(write(fd, "exit $1\n", 8), 8, "a file without #!");
	close(fd);
	is_int(end(begin(&quiet, script + 1)), 126, "not executable");
	chmod(path, 0700);
	is_int(end(begin(&usual, script + 1)), 9, "is run by the shell, with its arguments");
	unlink(path);
	close(null);
}

static void
wait_for_line(int fd)
{
	char byte = 0;

	while (byte != '\n' && read(fd, &byte, 1) == 1)
		;
}

/* Starts a shell that says a line first; returns when it has. */
static pid_t
begin_ready(const struct wanted *w, const char *script)
{
	char line[512], *argv[] = {"", "sh", "-c", line, NULL};
	int out[2], saved = dup(1);
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		exit(1);
	snprintf(line, sizeof line, "echo ready >&7; exec 7>&-; %s", script);
	dup2(out[1], 7);
	pid = begin(w, argv + 1);
	close(7);
	close(out[1]);
	wait_for_line(out[0]);
	close(out[0]);
	close(saved);
	return pid;
}

/* Whatever ends a process by default ends the program, with that number. */
static void
every_signal(bool group)
{
	struct wanted w = {.group = group, .default_child = true};

	for (int sig = 1; sig < _NSIG; sig++) {
		pid_t pid;

		if (sig == SIGKILL || sig == SIGSTOP || sig == SIGCHLD || sig == SIGCONT ||
			sig == SIGURG || sig == SIGWINCH || sig == SIGTSTP || sig == SIGTTIN ||
			sig == SIGTTOU)
			continue;
		pid = begin_ready(&w, "exec sleep 20");
		kill(pid, sig);
		is_int(end(pid), 128 + sig, "signal %d%s", sig, group ? " to the group" : "");
	}
}

static void
signals(void)
{
	static const struct wanted usual = {.grace_ms = 0}, drops = {.drop_usr1 = true};
	pid_t pid = begin_ready(&usual, "kill -STOP $$; exit 6");

	usleep(100000);
	is_int(waitpid(pid, NULL, WNOHANG), 0, "a stopped program has not ended");
	kill(pid, SIGCONT);
	is_int(end(pid), 6, "it is continued");
	pid = begin_ready(&drops, "exec sleep 20");
	kill(pid, SIGUSR1);
	usleep(50000);
	kill(pid, SIGTERM);
	is_int(end(pid), 143, "a signal that is dropped, then another");
}

/* init.md 4.2: what the main program and a daemon do about SIGTERM, and how long it takes. */
static void
stopping(void)
{
	static const char obeys[] = "sleep 20",
			  ignores[] = "trap '' TERM; while :; do sleep 0.05; done",
			  exits[] = "trap 'exit 3' TERM; while :; do sleep 0.02; done";
	static const struct {
		const char *what, *main, *other;
		int stop_ms, grace_ms, code, from, to;
	} row[] = {
		{"alone", obeys, "", 0, 1000, 143, 0, 700},
		{"alone, own status", exits, "", 0, 1000, 3, 0, 700},
		{"daemon obeys", exits, "setsid sleep 20 &", 0, 2000, 3, 0, 1500},
		{"daemon ignores", exits, "setsid sh -c \"trap '' TERM; sleep 20\" &", 0, 500, 3,
			400, 2500},
		{"no grace", exits, "setsid sleep 1 &", 0, 0, 3, 0, 700},
		{"main ignores", ignores, "", 300, 300, 137, 500, 2500},
		{"main obeys in time", exits, "", 5000, 300, 3, 0, 1500},
	};
	char line[400];

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct wanted w = {.stop_ms = row[i].stop_ms, .grace_ms = row[i].grace_ms};
		struct timespec start;
		long took;
		pid_t pid;

		snprintf(line, sizeof line, "%s %s", row[i].other, row[i].main);
		pid = begin_ready(&w, line);
		usleep(150000); /* its traps */
		clock_gettime(CLOCK_MONOTONIC, &start);
		kill(pid, SIGTERM);
		is_int(end(pid), row[i].code, "%s: its status", row[i].what);
		took = ms_since(&start);
		ok(took >= row[i].from, "%s: not before %d ms: %ld", row[i].what, row[i].from,
			took);
	}
}

static void
waiting_for_all(void)
{
	static const struct wanted all = {.wait_all = true, .grace_ms = 200};
	struct timespec start;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &start);
	is_int(run(&all, "(setsid sleep 0.4 &); exit 8"), 8, "the status of the first");
	ok(ms_since(&start) >= 350, "after the end of the last");
	pid = begin_ready(&all, "(setsid sleep 20 &); exit 8");
	usleep(150000);
	kill(pid, SIGTERM);
	is_int(end(pid), 8, "unless it is told to stop");
}

/* What is told when nobody asked for more: nothing; and what happens, in order. */
static void
telling(void)
{
	struct wanted w = {.leave = true};
	char got[64] = "";
	int out[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		exit(1);
	w.events = out[1];
	is_int(run(&w, "exit 0"), 0, "quiet");
	w.loud = true;
	is_int(run(&w, "exit 0"), 0, "loud");
	close(out[1]);
	ok(read(out[0], got, sizeof got - 1) > 0, "something was told");
	close(out[0]);
	is_int(got[0], 'A' + SUPERVISE_SPAWNED, "first that it was started");
	ok(strchr(got, 'A' + SUPERVISE_REAPED) && strchr(got, 'A' + SUPERVISE_EXITED),
		"then its end");
	is_int(got[strlen(got) - 1], 'A' + SUPERVISE_ENDED, "last our own");
}

/* A child that is cloned for somebody else to be made a program of. */
static void
forking(void)
{
	struct supervise s = {0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		configure(&s, &(struct wanted){0});
		s.argv = none;
		if (supervise_fork(&e, &s) == 0) {
			siginfo_t info;
			bool own_group = getpgid(0) == getpid();

			kill(getpid(), SIGTERM); /* blocked: it waits */
			_exit(own_group && sig_wait(&info, 1000) == SIGTERM ? 5 : 6);
		}
		_exit(supervise_run(&s));
	}
	waitpid(pid, &status, 0);
	is_int(WEXITSTATUS(status), 5, "it has a group of its own, and all signals wait");
}

int
main(void)
{
	struct rlimit no_core = {0, 0};

	setvbuf(stdout, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	statuses();
	failures();
	every_signal(false);
	every_signal(true);
	signals();
	stopping();
	waiting_for_all();
	telling();
	forking();
	return done_testing();
}
