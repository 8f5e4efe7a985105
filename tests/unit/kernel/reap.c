/* covers: P2, P3 and the relay of engines.md 5.4 */
#include "kernel/reap.h"
#include "base/fd.h"
#include "base/sig.h"
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct err e;

static struct reap
begin(void)
{
	struct reap r = {.signal_fd = -1, .console = -1, .terminal = -1, .watched = -1};

	is_int(reap_block(&e, &r), 0, "signals are held: %s", e.text);
	return r;
}

static pid_t
shell(const char *line, int tty)
{
	pid_t pid = fork();

	if (pid == 0) {
		sig_default();
		if (tty >= 0) {
			setsid();
			ioctl(tty, TIOCSCTTY, 0);
			dup2(tty, 0);
			dup2(tty, 1);
			dup2(tty, 2);
		}
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	return pid;
}

static int
run(const char *line, int signal)
{
	struct reap r = begin();
	int status;

	r.child = shell(line, -1);
	if (signal > 0) {
		usleep(100000);
		kill(getpid(), SIGCHLD); /* from nobody: no harm */
		sigqueue(getpid(), signal, (union sigval){0});
	}
	status = reap_run(&e, &r);
	close(r.signal_fd);
	return status;
}

static void
statuses(void)
{
	is_int(run("exit 7", 0), 7, "exit status");
	is_int(run("kill -KILL $$", 0), 128 + SIGKILL, "killed");
	is_int(run("sleep 0.2; exit 3", 0), 3, "later");
	is_int(run("trap 'exit 42' TERM; while :; do sleep 0.05; done", SIGTERM), 42,
		"TERM is handed on");
	is_int(run("sleep 10", SIGRTMIN + 3), 128 + SIGRTMIN + 3,
		"a real-time signal is handed on");
	is_int(run("sleep 10", SIGSEGV), 128 + SIGSEGV,
		"one that only looks like a fault is handed on");
	is_int(reap_subreaper(&e), 0, "subreaper: %s", e.text);
	is_int(run("(sleep 0.1; exit 5) & (sleep 2 >/dev/null & exec sleep 0.3)", 0), 0,
		"orphans come and go");
}

struct terminal {
	int master, slave;
};

static struct terminal
open_terminal(void)
{
	struct terminal t = {posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), -1};

	if (t.master < 0 || grantpt(t.master) < 0 || unlockpt(t.master) < 0)
		exit(1);
	t.slave = open(ptsname(t.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	return t;
}

/* Runs a line on a terminal of its own with `input`; what it writes goes to out[1]. */
static int
relay(const char *line, const char *input, int out[2])
{
	struct reap r = begin();
	struct terminal t = open_terminal();
	int in[2], status;

	if (pipe2(in, O_CLOEXEC) < 0 || write(in[1], input, strlen(input)) < 0)
		exit(1);
	close(in[1]);
	r.console = t.master;
	r.flow[0] = (struct reap_flow){in[0], t.master, true};
	r.flow[1] = (struct reap_flow){t.master, out[1], true};
	r.child = shell(line, t.slave);
	close(t.slave);
	status = reap_run(&e, &r);
	close(in[0]);
	close(t.master);
	close(r.signal_fd);
	return status;
}

static void
fill(int fd)
{
	static const char nothing[4096];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, nothing, sizeof nothing) > 0)
		;
	fcntl(fd, F_SETFL, 0);
}

/* Somebody sends us SIGTERM in a while. */
static void
interrupt(void)
{
	pid_t us = getpid();

	if (fork() == 0) {
		usleep(200000);
		kill(us, SIGTERM);
		_exit(0);
	}
}

static void
consoles(void)
{
	char text[70000];
	ssize_t n, all = 0;
	int out[2];
	time_t start;

	if (pipe2(out, O_CLOEXEC) < 0)
		exit(1);
	fcntl(out[1], F_SETPIPE_SZ, 1 << 20);
	is_int(relay("stty -echo -onlcr; read a; echo got $a; exit 4", "hello\n", out), 4,
		"a line goes in");
	n = read(out[0], text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	ok(strstr(text, "got hello\n") != NULL, "and comes out");
	is_int(relay("stty -onlcr; head -c 300000 /dev/zero", "", out), 0,
		"300,000 bytes at the end");
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	while ((n = read(out[0], text, sizeof text)) > 0)
		all += n;
	is_int(all, 300000, "are all there");
	start = time(NULL);
	is_int(relay("stty -onlcr; (trap '' HUP; sleep 1) & exit 0", "", out), 0,
		"somebody else keeps the terminal");
	ok(time(NULL) - start < 4, "and does not hold us up");
	fcntl(out[1], F_SETPIPE_SZ, 4096);
	start = time(NULL);
	fill(out[1]);
	interrupt();
	is_int(relay("exec head -c 1000000 /dev/zero", "", out), 128 + SIGTERM,
		"a reader that stalls does not hold up a signal");
	ok(time(NULL) - start < 5, "nor the end");
	close(out[0]);
	is_int(relay("head -c 100000 /dev/zero; exit 6", "", out), 6, "nobody reads");
	close(out[1]);
}

static void
sizes(void)
{
	struct reap r = begin();
	struct terminal outer = open_terminal(), t = open_terminal();
	struct winsize w = {.ws_row = 33, .ws_col = 77};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	r.console = t.master;
	r.terminal = outer.slave;
	r.flow[0] = (struct reap_flow){null, t.master, true};
	r.flow[1] = (struct reap_flow){t.master, null, true};
	r.child = shell(
		"until test \"$(stty size)\" = '33 77'; do sleep 0.05; done; exit 8", t.slave);
	ioctl(outer.slave, TIOCSWINSZ, &w);
	kill(getpid(), SIGWINCH);
	is_int(reap_run(&e, &r), 8, "a new size arrives");
	ok(ioctl(t.slave, TIOCGWINSZ, &w) == 0 && w.ws_row == 33 && w.ws_col == 77, "as it is");
}

int
main(void)
{
	statuses();
	consoles();
	sizes();
	return done_testing();
}
