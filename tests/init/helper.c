/* What the tests of the inits need, as one static program: PID 1 of a new namespace, a recorder of
 * signals, a child that wants to be traced, orphans.  Signals by raw calls: libraries keep some for
 * themselves. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char full[16] = {
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
enum { SET = _NSIG / 8 };

static void
mask(int how, const void *set)
{
	(void)syscall(SYS_rt_sigprocmask, how, set, NULL, SET);
}

static int
code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* pid1 DELAY_US SIGNAL CMD...: CMD as PID 1 of a new namespace; its pid as the first line on fd 2
 * where SIGNAL is -1 */
static int
pid1(char **argv)
{
	int delay = atoi(argv[0]), sig = atoi(argv[1]), status;
	int go[2];

	if (pipe2(go, O_CLOEXEC) < 0 || unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
		return perror("unshare"), 99;
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	signal(SIGHUP, SIG_IGN); /* as a runtime does it: PID 1 leads the session of its terminal */
	(void)ioctl(0, TIOCNOTTY);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGHUP, SIG_DFL);
		if (isatty(0)) {
			setsid();
			ioctl(0, TIOCSCTTY, 0);
		}
		mount("proc", "/proc", "proc", 0, NULL);
		execvp(argv[2], argv + 2);
		_exit(98);
	}
	close(go[1]);
	(void)!read(go[0], &status, 1); /* it has executed */
	if (sig < 0)
		dprintf(2, "%d\n", pid);
	if (sig > 0) {
		usleep((useconds_t)delay);
		kill(pid, sig);
	}
	waitpid(pid, &status, 0);
	return code(status);
}

/* record N: the next N signals, one line each: number, si_code, value; none within PATIENCE
 * seconds: 9 */
static int
record(char **argv)
{
	mask(SIG_SETMASK, full);
	dprintf(1, "ready %d\n", getpid());
	for (int n = atoi(argv[0]); n > 0; n--) {
		siginfo_t info;
		struct timespec t = {atoi(getenv("PATIENCE") ?: "10"), 0};
		long sig = syscall(SYS_rt_sigtimedwait, full, &info, &t, SET);

		if (sig < 0)
			return 9;
		dprintf(1, "%ld %d %llx\n", sig, info.si_code,
			info.si_code == SI_QUEUE
				? (unsigned long long)(size_t)info.si_value.sival_ptr
				: 0);
	}
	return 0;
}

static volatile int seen;

static void
see(int sig)
{
	(void)sig;
	seen++;
}

static int
traced(char **argv)
{
	int wanted[] = {SIGUSR1, SIGWINCH, SIGTRAP};

	if (strcmp(argv[0], "exec") == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execlp("sh", "sh", "-c", "exit 7", NULL);
	}
	if (strcmp(argv[0], "term") == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGTERM);
		return 1;
	}
	for (int i = 0; i < 3; i++) {
		signal(wanted[i], see);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			return 2;
		raise(wanted[i]);
	}
	return seen == 3 ? 7 : seen;
}

/* orphans N CODE: N of them, streamed; the last is followed by the end */
static int
orphans(char **argv)
{
	for (int i = atoi(argv[0]); i > 0; i--) {
		pid_t pid = fork();

		if (pid == 0) {
			if (fork() == 0)
				_exit(0);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	return atoi(argv[1]);
}

static int
show_status(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	printf("pid %d\nppid %d\npgid %d\nsid %d\n", getpid(), getppid(), getpgid(0), getsid(0));
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6))
			fputs(line, stdout);
	printf("LISTEN_PID %s\nWATCHDOG_PID %s\n", getenv("LISTEN_PID") ?: "",
		getenv("WATCHDOG_PID") ?: "");
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	argv += 2;
	if (!strcmp(what, "pid1"))
		return pid1(argv);
	if (!strcmp(what, "record"))
		return record(argv);
	if (!strcmp(what, "traced"))
		return traced(argv);
	if (!strcmp(what, "orphans"))
		return orphans(argv);
	if (!strcmp(what, "status"))
		return show_status();
	if (!strcmp(what, "exit"))
		return atoi(argv[0]);
	if (!strcmp(what, "kill")) { /* SIGNAL, without a core */
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		(void)kill(getpid(), atoi(argv[0]));
	}
	if (!strcmp(what, "ignore")) { /* SIGNAL CMD... */
		signal(atoi(argv[0]), SIG_IGN);
		execvp(argv[1], argv + 1);
	}
	if (!strcmp(what, "block")) { /* SIGNAL CMD... */
		int sig = atoi(argv[0]) - 1;
		unsigned char set[16] = {0};

		set[sig / 8] = (unsigned char)(1 << sig % 8);
		mask(SIG_SETMASK, set);
		execvp(argv[1], argv + 1);
	}
	if (!strcmp(what, "as-root")) { /* CMD...: where this file is set-user-id */
		(void)!setresuid(0, 0, 0);
		execvp(argv[0], argv);
	}
	if (!strcmp(what, "nobody")) { /* CMD...: stdout and stderr are pipes that nobody reads */
		int p[2];

		(void)!pipe(p);
		dup2(p[1], 1);
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		execvp(argv[0], argv);
	}
	if (!strcmp(what, "listen")) { /* CMD...: LISTEN_PID and WATCHDOG_PID name CMD */
		char text[16];

		snprintf(text, sizeof text, "%d", getpid());
		setenv("LISTEN_PID", text, 1);
		setenv("WATCHDOG_PID", text, 1);
		execvp(argv[0], argv);
	}
	if (!strcmp(what, "fd5")) { /* CMD...: prints when fd 5 of CMD has been closed by all */
		int p[2];

		(void)!pipe(p);
		if (fork() == 0) {
			dup2(p[1], 5);
			close(p[0]);
			close(p[1]);
			execvp(argv[0], argv);
		}
		close(p[1]);
		(void)!read(p[0], p, 1);
		puts("closed");
		return 0;
	}
	return 97;
}
