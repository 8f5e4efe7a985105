/* peak: the memory and the system calls of a command and of all processes it starts.
 *
 *   peak [-o FILE] [-x WORKLOAD] COMMAND [ARG...]
 *
 * It traces the tree.  At the entry of each execve and at the exit of each process, the moments
 * after which an address space is lost, it reads smaps_rollup and VmPTE of every process alive.
 * FILE, else stderr, gets one line of three numbers:
 *
 *   largest RSS of any one process in KB | largest sum, over all processes alive at the same
 *   moment, of anonymous memory and page tables in KB | number of system calls
 *
 * A process is left out from the moment it executes WORKLOAD.  When COMMAND has ended, what it left
 * running is read once more, let go, and peak ends as COMMAND did (128 + n after signal n).
 * Needs Linux 5.3 (PTRACE_GET_SYSCALL_INFO) and the right to trace.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS_MAX = 512, FILE_BYTES = 8192, FAILED = 125 };

struct thread {
	int tid, group;
	bool started;  /* its first SIGSTOP is behind it */
	bool borrowed; /* made by vfork: until it executes something, its memory is its maker's */
	bool workload;
};

static struct {
	struct stat workload;
	struct thread threads[THREADS_MAX];
	int n_threads;
	long rss_kb, memory_kb, calls;
} tree;

static void
must(long result, const char *what)
{
	if (result >= 0)
		return;
	dprintf(2, "peak: %s: %m\n", what);
	_exit(FAILED);
}

/* The text of /proc/PID/NAME; empty when the process is gone.  */
static const char *
proc_text(int pid, const char *name)
{
	static char text[FILE_BYTES];
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* The number after KEY at the start of a line of TEXT; 0 where there is none.  */
static long
field(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? atol(at + strlen(key)) : 0;
}

static void
measure(void)
{
	long sum_kb = 0;

	for (int i = 0; i < tree.n_threads; i++) {
		const struct thread *t = &tree.threads[i];
		const char *text;
		long rss_kb;

		if (t->tid != t->group || t->workload || t->borrowed)
			continue;
		text = proc_text(t->tid, "smaps_rollup");
		rss_kb = field(text, "\nRss:");
		sum_kb += field(text, "\nAnonymous:");
		sum_kb += field(proc_text(t->tid, "status"), "\nVmPTE:");
		if (rss_kb > tree.rss_kb)
			tree.rss_kb = rss_kb;
	}
	if (sum_kb > tree.memory_kb)
		tree.memory_kb = sum_kb;
}

static struct thread *
find(int tid)
{
	struct thread *t;

	for (int i = 0; i < tree.n_threads; i++)
		if (tree.threads[i].tid == tid)
			return &tree.threads[i];
	must(tree.n_threads < THREADS_MAX ? 0 : -1, "too many threads");
	t = &tree.threads[tree.n_threads++];
	*t = (struct thread){.tid = tid};
	t->group = (int)field(proc_text(tid, "status"), "\nTgid:");
	return t;
}

static void
forget(int tid)
{
	*find(tid) = tree.threads[tree.n_threads - 1];
	tree.n_threads--;
}

static bool
runs_workload(int pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	return tree.workload.st_ino && stat(path, &st) == 0 && st.st_ino == tree.workload.st_ino &&
		st.st_dev == tree.workload.st_dev;
}

static void
system_call(struct thread *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof info, &info) < 0)
		return;
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY || t->workload)
		return;
	tree.calls++;
	if (info.entry.nr == SYS_execve || info.entry.nr == SYS_execveat)
		measure();
}

/* The thread that executed has become the leader, whatever its number was before.  */
static void
executed(struct thread *t)
{
	unsigned long former = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &former);
	t->borrowed = false;
	t->workload = runs_workload(t->tid);
	if ((int)former != t->tid)
		forget((int)former);
}

static void
new_child(struct thread *t, bool vforked)
{
	unsigned long tid = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &tid);
	t = find((int)tid);
	t->borrowed = vforked;
}

/* What a stop means; returns the signal to pass on.  */
static int
stopped(struct thread *t, int status)
{
	int signal = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_EXEC:
		executed(t);
		return 0;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_CLONE:
		new_child(t, false);
		return 0;
	case PTRACE_EVENT_VFORK:
		new_child(t, true);
		return 0;
	case PTRACE_EVENT_EXIT:
		if (t->tid == t->group && !t->workload)
			measure();
		return 0;
	}
	if (signal == (SIGTRAP | 0x80)) {
		system_call(t);
		return 0;
	}
	if (signal == SIGSTOP && !t->started) {
		t->started = true;
		return 0;
	}
	return signal;
}

/* Follows the tree until MAIN_PID has ended; returns its status.  */
static int
follow(int main_pid)
{
	int status, tid, signal;

	for (;;) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR)
			continue;
		must(tid, "wait");
		if (WIFSTOPPED(status)) {
			signal = stopped(find(tid), status);
			ptrace(PTRACE_SYSCALL, tid, 0, signal);
			continue;
		}
		forget(tid);
		if (tid == main_pid)
			return status;
	}
}

/* Starts COMMAND and leaves it stopped just after its execve.  */
static int
start(char **command)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
		PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	int pid = fork(), status;

	must(pid, "fork");
	if (pid == 0) {
		must(ptrace(PTRACE_TRACEME, 0, 0, 0), "trace");
		raise(SIGSTOP);
		execvp(command[0], command);
		must(-1, command[0]);
	}
	must(waitpid(pid, &status, 0), "wait");
	must(ptrace(PTRACE_SETOPTIONS, pid, 0, options), "trace");
	must(ptrace(PTRACE_CONT, pid, 0, 0), "trace");
	must(waitpid(pid, &status, 0), "wait");
	if (!WIFSTOPPED(status) || status >> 16 != PTRACE_EVENT_EXEC)
		_exit(FAILED); /* the child has said why */
	find(pid)->started = true;
	executed(find(pid));
	tree.calls = 1; /* that execve */
	must(ptrace(PTRACE_SYSCALL, pid, 0, 0), "trace");
	return pid;
}

int
main(int argc, char **argv)
{
	int option, status, fd = 2;

	while ((option = getopt(argc, argv, "+o:x:")) > 0)
		switch (option) {
		case 'o':
			fd = open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
			must(fd, optarg);
			break;
		case 'x':
			must(stat(optarg, &tree.workload), optarg);
			break;
		default:
			return FAILED;
		}
	if (optind == argc)
		return dprintf(2, "peak: the head of peak.c says how to call it\n"), FAILED;
	status = follow(start(argv + optind));
	measure();
	dprintf(fd, "%ld %ld %ld\n", tree.rss_kb, tree.memory_kb, tree.calls);
	/* Our end lets go of whatever is still traced. */
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
