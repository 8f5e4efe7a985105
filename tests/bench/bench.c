/* bench: run the lives of several targets in turn, time their steps, print ratios.
 *
 *   bench -s SCENARIO -b BASE [-t TITLE] [-n ROUNDS] [-r tight|idle]... [-o CSV] [-d NAME=VALUE]...
 *         [-m TARGET=REASON]... [-a TARGET=TEXT]... [-p PEAK -w WORKLOAD]
 *
 * A line of SCENARIO is a target's life: its name (with a ? before it: a peer, which may be
 * missing), then steps, all separated by bars:
 *
 *   NAME COMMAND   timed, under that name    !COMMAND   run, not timed    @MS   a pause
 *
 * In commands {NAME} stands for the VALUE of -d, {id} for a word unique to this life.  Every round
 * runs every target's life once, in an order that rotates.
 *
 *   -b  the target whose step of the same name, else whose first step, is 1 in the ratios
 *   -r  tight: no pause; idle: a pause before each timed step        (default tight)
 *   -m  TARGET is not here, says REASON
 *   -a  TARGET may refuse with a message that contains TEXT; otherwise only peers may refuse
 *   -p  at the end run each life once more with PEAK before each timed step (see peak.c)
 *
 * A first life is not timed; if it fails, the target's row says why.  CPU is what wait4 tells of
 * the step and of every process orphaned by it, and what a process that it leaves running has used
 * so far.  Standard input, output and error of all commands are /dev/null.  The status is 1 when a
 * cell of a table that should be filled is not, or when a step of a target failed that is no peer.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ORPHANS_MAX = 64,
	IDLE_MS = 100,
	SETTLE_MS = 60,	   /* idle: before the machine's busy time is read, then comes the pause */
	STEP_SECONDS = 60, /* then a step is killed */
};

enum run { RUN_PROBE, RUN_SAMPLE, RUN_PEAK };

struct usage {
	long wall_us, user_us, sys_us;
	int exit;
};

struct options options = {.title = "", .rounds = 1, .csv_fd = -1};
struct target targets[TARGETS_MAX];
const char *names[NAMES_MAX];
struct sample samples[SAMPLES_MAX];
int n_targets, n_names, n_samples;

static int orphans[ORPHANS_MAX], n_orphans; /* children that earlier steps of this life left us */
static volatile sig_atomic_t current_pid;
static char reason_path[64], peak_path[64];
static int null_fd, reason_fd;

_Noreturn void
die(const char *what)
{
	dprintf(2, "bench: %s\n", what);
	exit(2);
}

int
must(long result, const char *what)
{
	if (result >= 0)
		return (int)result;
	dprintf(2, "bench: %s: %s\n", what, strerror(errno));
	exit(2);
}

bool
is_idle(void)
{
	return strcmp(options.rhythm, "idle") == 0;
}

/* --- one step --- */

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

static void
pause_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

static void
kill_current(int signal)
{
	(void)signal;
	if (current_pid > 0)
		kill(current_pid, SIGKILL);
}

static void
add(struct usage *u, const struct rusage *r)
{
	u->user_us += r->ru_utime.tv_sec * 1000000 + r->ru_utime.tv_usec;
	u->sys_us += r->ru_stime.tv_sec * 1000000 + r->ru_stime.tv_usec;
}

/* The text of a small file, empty if there is none.  */
static const char *
text_of(const char *path)
{
	static char text[TEXT_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Takes PID off the list of orphans; false if it was not on it.  */
static bool
forget_orphan(int pid)
{
	for (int i = 0; i < n_orphans; i++)
		if (orphans[i] == pid) {
			orphans[i] = orphans[--n_orphans];
			return true;
		}
	return false;
}

/* Reaps what is dead.  U gets the usage of orphans that this step has made.  */
static void
reap(struct usage *u)
{
	struct rusage r;
	int status, pid;

	while ((pid = wait4(-1, &status, WNOHANG, &r)) > 0)
		if (!forget_orphan(pid))
			add(u, &r);
}

static bool
is_orphan(int pid)
{
	for (int i = 0; i < n_orphans; i++)
		if (orphans[i] == pid)
			return true;
	return false;
}

/* What the orphans that still live have used since this step made them.  */
static void
add_living(struct usage *u)
{
	char children[1024], path[64];
	char *rest = children, *word;

	snprintf(children, sizeof children, "%s", text_of("/proc/thread-self/children"));
	while ((word = next_field(&rest, ' '))) {
		int pid = atoi(word);

		if (pid <= 0 || is_orphan(pid) || n_orphans == ORPHANS_MAX)
			continue;
		orphans[n_orphans++] = pid;
		snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
		u->sys_us += atoll(text_of(path)) / 1000;
	}
}

static void
end_orphans(void)
{
	struct usage ignored = {0};

	add_living(&ignored);
	for (int i = 0; i < n_orphans; i++)
		kill(orphans[i], SIGKILL);
	for (; n_orphans; n_orphans--)
		waitpid(orphans[n_orphans - 1], NULL, 0);
}

static struct usage
run_command(char **argv)
{
	extern char **environ;
	struct usage u = {0};
	struct rusage r;
	int pid, got, status;
	int64_t start;

	reap(&(struct usage){0});
	current_pid = 0;
	alarm(STEP_SECONDS);
	start = now_ns();
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		return (struct usage){.exit = 127};
	current_pid = pid;
	while ((got = wait4(-1, &status, 0, &r)) != pid)
		if (got > 0 && !forget_orphan(got))
			add(&u, &r);
	u.wall_us = (long)((now_ns() - start) / 1000);
	current_pid = 0;
	alarm(0);
	add(&u, &r);
	reap(&u);
	add_living(&u);
	u.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return u;
}

/* --- one life --- */

/* Milliseconds that all processors have worked since the machine started.  */
static long
busy_ms(void)
{
	long v[8] = {0};

	sscanf(text_of("/proc/stat"), "cpu %ld %ld %ld %ld %ld %ld %ld %ld", v, v + 1, v + 2, v + 3,
		v + 4, v + 5, v + 6, v + 7);
	return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) * 1000 / sysconf(_SC_CLK_TCK);
}

/* The pause before a sample.  The machine's busy time since the last pause belongs to the sample
 * before this one, with what kernel threads did after it.  */
static void
settle(void)
{
	static long last_ms;
	static int last_sample;
	long ms;

	if (!tells_busy()) {
		pause_ms(IDLE_MS);
		return;
	}
	pause_ms(SETTLE_MS);
	ms = busy_ms();
	if (last_sample + 1 == n_samples)
		samples[last_sample].busy_ms = (uint16_t)(ms - last_ms);
	last_ms = ms;
	last_sample = n_samples;
	pause_ms(IDLE_MS);
}

static void
store(struct target *t, const struct step *s, const struct usage *u)
{
	dprintf(options.csv_fd, "%s,%s,%s,%s,%ld,%ld,%ld,%d\n", options.title, options.rhythm,
		t->name, names[s->name], u->wall_us, u->user_us, u->sys_us, u->exit);
	if (u->exit != 0)
		return;
	if (n_samples == SAMPLES_MAX)
		die("too many samples");
	samples[n_samples++] = (struct sample){.target = (uint8_t)(t - targets),
		.name = (uint8_t)s->name,
		.wall_us = (uint32_t)u->wall_us,
		.cpu_us = (uint32_t)(u->user_us + u->sys_us)};
}

static void
keep_largest(struct memory *m)
{
	struct memory new = {0};

	sscanf(text_of(peak_path), "%ld %ld %ld", &new.rss_kb, &new.memory_kb, &new.calls);
	m->rss_kb = new.rss_kb > m->rss_kb ? new.rss_kb : m->rss_kb;
	m->memory_kb = new.memory_kb > m->memory_kb ? new.memory_kb : m->memory_kb;
	m->calls = new.calls > m->calls ? new.calls : m->calls;
}

/* The last line that the failed step wrote to stderr, or else its status.  */
static void
note_reason(struct target *t, const struct step *s, int status)
{
	char text[4096], *rest = text, *line;

	snprintf(t->reason, sizeof t->reason, "%.40s: exit status %d",
		s->kind == TIMED ? names[s->name] : "untimed step", status);
	snprintf(text, sizeof text, "%s", text_of(reason_path));
	while ((line = next_field(&rest, '\n')))
		if (*line)
			snprintf(t->reason, sizeof t->reason, "%.*s", REASON_BYTES - 1, line);
}

/* PREFIX and COMMAND in one text; valid until the next call.  */
static char *
prefixed(const char *prefix, const char *command)
{
	static char text[TEXT_BYTES + 512];

	snprintf(text, sizeof text, "%s%s", prefix, command);
	return text;
}

static struct usage
run_step(struct target *t, const struct step *s, const char *id, enum run how)
{
	bool traced = how == RUN_PEAK && s->kind == TIMED;
	char *argv[WORDS_MAX], tracer[512] = "";
	struct usage u;

	if (traced)
		snprintf(tracer, sizeof tracer, "%s -o %s -x %s ", options.peak, peak_path,
			options.workload);
	split(prefixed(tracer, expand(s->command, id)), argv);
	if (how == RUN_SAMPLE && s->kind == TIMED && is_idle())
		settle();
	must(ftruncate(reason_fd, 0), reason_path);
	u = run_command(argv);
	if (how == RUN_SAMPLE && s->kind == TIMED)
		store(t, s, &u);
	if (traced && u.exit == 0)
		keep_largest(&t->memory[s->name]);
	return u;
}

/* After a step has failed, the others still run, because they clean up, but tell nothing.  */
static void
run_life(struct target *t, enum run how)
{
	static long lives;
	bool failed = false;
	char id[32];

	snprintf(id, sizeof id, "bench%d-%ld", (int)getpid(), ++lives);
	dup2(how == RUN_PROBE ? reason_fd : null_fd, 2);
	for (int i = 0; i < t->n_steps; i++) {
		const struct step *s = &t->steps[i];

		if (s->kind == PAUSE) {
			pause_ms(s->ms);
			continue;
		}
		struct usage u = run_step(t, s, id, failed ? RUN_PROBE : how);
		if (u.exit == 0 || failed)
			continue;
		failed = true;
		if (!t->n_fail++)
			note_reason(t, s, u.exit);
	}
	end_orphans();
}

static bool
may_refuse(const struct target *t)
{
	for (int i = 0; i < options.allowed.n; i++) {
		struct pairs one = {{options.allowed.words[i]}, 1};
		const char *text = lookup(&one, t->name, strlen(t->name));

		if (text && strstr(t->reason, text))
			return true;
	}
	return false;
}

/* A life that is not timed.  A target that fails here is not asked again.  */
static void
probe(struct target *t)
{
	const char *missing = lookup(&options.missing, t->name, strlen(t->name));

	if (missing) {
		snprintf(t->reason, sizeof t->reason, "%s", missing);
		t->n_fail = 1;
	} else {
		run_life(t, RUN_PROBE);
	}
	t->refused = t->n_fail;
	if (t->peer || may_refuse(t))
		t->n_fail = 0;
}

static void
run_rounds(void)
{
	for (long round = 0; round < options.rounds; round++)
		for (int i = 0; i < n_targets; i++) {
			struct target *t = &targets[(i + round) % n_targets];

			if (!t->refused)
				run_life(t, RUN_SAMPLE);
		}
	if (is_idle())
		settle(); /* the last sample's share */
}

/* --- the command line --- */

static void
push(struct pairs *pairs, const char *word)
{
	if (pairs->n == PAIRS_MAX || !strchr(word, '='))
		die("too many pairs, or one without =");
	pairs->words[pairs->n++] = word;
}

static void
add_rhythm(const char *word)
{
	if (options.n_rhythms == 2 || (strcmp(word, "tight") != 0 && strcmp(word, "idle") != 0))
		die("-r takes tight or idle, twice at most");
	options.rhythms[options.n_rhythms++] = word;
}

static void
open_csv(const char *path)
{
	options.csv_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	must(options.csv_fd, path);
}

static void
parse(int argc, char **argv)
{
	int option;

	/* clang-format off */
	while ((option = getopt(argc, argv, "s:b:t:n:r:o:d:m:a:p:w:")) > 0)
		switch (option) {
		case 's': options.scenario = optarg; break;
		case 'b': options.base = optarg; break;
		case 't': options.title = optarg; break;
		case 'n': options.rounds = atol(optarg); break;
		case 'r': add_rhythm(optarg); break;
		case 'o': open_csv(optarg); break;
		case 'd': push(&options.defines, optarg); break;
		case 'm': push(&options.missing, optarg); break;
		case 'a': push(&options.allowed, optarg); break;
		case 'p': options.peak = optarg; break;
		case 'w': options.workload = optarg; break;
		default: exit(2);
		}
	/* clang-format on */
	if (!options.scenario || !options.base || optind < argc || options.rounds < 1 ||
		!options.peak != !options.workload)
		die("the head of bench.c says how to call it");
	if (!options.n_rhythms)
		add_rhythm("tight");
}

/* Its path for others to open by; it is closed when they execute something.  */
static int
temporary_file(const char *name, char path[64])
{
	snprintf(path, 64, "/run/bench.%s.%d", name, (int)getpid());
	return must(open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600), path);
}

static void
redirect(void)
{
	null_fd = must(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
	options.table_fd = must(fcntl(1, F_DUPFD_CLOEXEC, 3), "standard output");
	reason_fd = temporary_file("reason", reason_path);
	close(temporary_file("peak", peak_path));
	for (int fd = 0; fd < 3; fd++)
		must(dup2(null_fd, fd), "/dev/null");
}

int
main(int argc, char **argv)
{
	bool good = true;

	parse(argc, argv);
	read_scenario(options.scenario);
	base_target();
	redirect();
	signal(SIGALRM, kill_current);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "subreaper");
	options.rhythm = options.rhythms[0];
	for (int i = 0; i < n_targets; i++)
		probe(&targets[i]);
	for (int i = 0; options.peak && i < n_targets; i++)
		if (!targets[i].refused)
			run_life(&targets[i], RUN_PEAK);
	for (int i = 0; i < options.n_rhythms; i++) {
		options.rhythm = options.rhythms[i];
		n_samples = 0;
		run_rounds();
		good &= print_tables();
	}
	for (int i = 0; i < n_targets; i++)
		good &= targets[i].peer || !targets[i].n_fail;
	unlink(reason_path);
	unlink(peak_path);
	return !good;
}
