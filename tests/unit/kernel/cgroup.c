/* Real cgroups, below ocirt-test-* in every hierarchy of this machine, and removed again.
 * covers: CG-5, CG-6, OP-9, S23 */
#include "kernel/cgroup.h"
#include "kernel/probe.h"
#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = FACTS_HIERARCHIES_MAX };

static struct err e;
static struct facts facts;
static struct plan plan;
static struct plan_cgroup_dir dirs[N];
static char path[N][512];
static char name[64];

/* A plan for NAME/leaf in every hierarchy; false where this machine has none for us. */
static bool
make_plan(void)
{
	if (geteuid() != 0 || probe_facts(&e, &facts) < 0 || facts.n_hierarchies == 0)
		return false;
	snprintf(name, sizeof name, "ocirt-test-%d", (int)getpid());
	for (uint32_t i = 0; i < facts.n_hierarchies; i++) {
		struct facts_hierarchy *h = &facts.hierarchy[i];

		snprintf(path[i], sizeof path[i], "%s/%s/leaf", h->mount_point, name);
		dirs[i] = (struct plan_cgroup_dir){h->v2, h->controllers, h->mount_point, path[i],
			(uint32_t)strlen(h->mount_point), NULL, 0};
		if (access(h->mount_point, W_OK) < 0)
			return false;
	}
	plan.cgroup =
		(struct plan_cgroup){.used = true, .dir = dirs, .n_dirs = facts.n_hierarchies};
	return true;
}

static bool
none_left(void)
{
	char parent[512];

	for (uint32_t i = 0; i < facts.n_hierarchies; i++) {
		snprintf(parent, sizeof parent, "%s/%s", facts.hierarchy[i].mount_point, name);
		if (access(parent, F_OK) == 0) {
			printf("# %s is left\n", parent);
			return false;
		}
	}
	return true;
}

/* A child that moves itself and then does `work`. */
static pid_t
enter(const struct cgroup_dirs *d, void (*work)(void))
{
	struct cgroup_door door;
	int ready[2];
	char byte = 0;
	pid_t pid;

	is_int(cgroup_open(&e, d, &door), 0, "doors: %s", e.text);
	if (pipe(ready) < 0)
		exit(1);
	pid = fork();
	if (pid == 0) {
		role_enter(ROLE_INIT);
		byte = cgroup_enter(&e, &door, false) == 0 ? 'y' : 'n';
		if (write(ready[1], &byte, 1) == 1 && byte == 'y')
			work();
		_exit(1);
	}
	ok(read(ready[0], &byte, 1) == 1 && byte == 'y', "the child has moved itself");
	close(ready[0]);
	close(ready[1]);
	cgroup_close(&door);
	ok(door.n_tasks == 0 && door.v2_dir == -1, "the doors are closed");
	return pid;
}

static void
wait_for_ever(void)
{
	for (;;)
		pause();
}

/* Where is the process, in the eyes of the kernel? */
static bool
is_everywhere(pid_t pid)
{
	char file[64], text[4096], want[128];
	int found = 0;

	snprintf(file, sizeof file, "/proc/%d/cgroup", pid);
	snprintf(want, sizeof want, ":/%s/leaf\n", name);
	fd_read_file(&e, AT_FDCWD, file, text, sizeof text);
	for (char *at = strstr(text, want); at; at = strstr(at + 1, want))
		found++;
	if (found != (int)facts.n_hierarchies)
		printf("# %s", text);
	return found == (int)facts.n_hierarchies;
}

static void
usual(void)
{
	struct cgroup_dirs d, again;
	int status;
	pid_t pid;

	is_int(cgroup_survey(&e, &plan, &d), 0, "survey: %s", e.text);
	is_int(d.n, facts.n_hierarchies, "every hierarchy");
	is_str(d.at[0].existed, facts.hierarchy[0].mount_point, "nothing is there yet");
	ok(none_left(), "and survey makes nothing");
	is_int(cgroup_make(&e, &plan, &d), 0, "made: %s", e.text);
	is_int(cgroup_survey(&e, &plan, &again), 0, "an empty one that exists is fine: %s", e.text);
	is_str(again.at[0].existed, again.at[0].dir, "all of it was there");
	is_int(cgroup_remove(&e, &again, 0), 0, "then nothing of it is removed: %s", e.text);
	ok(access(path[0], F_OK) == 0, "indeed");

	pid = enter(&d, wait_for_ever);
	ok(is_everywhere(pid), "it is everywhere");
	is_int(cgroup_survey(&e, &plan, &again), -1, "not empty");
	is_str(e.text, "container's cgroup is not empty: 1 process(es) found", "says so");
	is_int(cgroup_remove(&e, &d, 30), -1, "in use");
	ok(strstr(e.text, "device or resource busy") && strstr(e.text, "cgroup: rmdir "), "%s",
		e.text);
	is_int(cgroup_signal(&d, 0), 1, "one process is probed");
	is_int(cgroup_signal(&d, SIGUSR1), 1, "and signalled");
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1, "it got that signal");
	is_int(cgroup_signal(&d, SIGKILL), 0, "nobody is killed");
	is_int(cgroup_remove(&e, &d, 1000), 0, "removed: %s", e.text);
	ok(none_left(), "with the parents that were made");
	is_int(cgroup_remove(&e, &d, 0), 0, "once more is fine: %s", e.text);
	is_int(cgroup_signal(&d, SIGKILL), 0, "nobody is where nothing is");
}

/* Nested deep, frozen on the way, a fork that never ends: S23. */
static void
multiply(void)
{
	for (;;) {
		signal(SIGTERM, SIG_IGN);
		if (fork() < 0)
			usleep(1000);
		usleep(3000);
	}
}

static void
nest(const char *top, int levels)
{
	int dir = open(top, O_RDONLY | O_DIRECTORY);

	for (int i = 0; i < levels; i++) {
		int below;

		mkdirat(dir, "other", 0755);
		mkdirat(dir, "deep", 0755);
		below = openat(dir, "deep", O_RDONLY | O_DIRECTORY);
		close(dir);
		dir = below;
	}
	close(dir);
}

static const struct cgroup_dir *
freezer(const struct cgroup_dirs *d)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (strcmp(d->at[i].controllers, "freezer") == 0)
			return &d->at[i];
	return NULL;
}

static void
hostile(void)
{
	struct cgroup_dirs d;
	const struct cgroup_dir *f;
	pid_t pid;

	is_int(cgroup_survey(&e, &plan, &d), 0, "survey: %s", e.text);
	is_int(cgroup_make(&e, &plan, &d), 0, "made: %s", e.text);
	pid = enter(&d, multiply);
	for (uint32_t i = 0; i < d.n; i++)
		nest(d.at[i].dir, 60);
	usleep(20000);
	f = freezer(&d);
	if (f) {
		is_int(cgroup_frozen(&d), 0, "not frozen");
		is_int(cgroup_freeze(&e, &d, true, 5000), 0, "frozen, forks and all: %s", e.text);
		is_int(cgroup_frozen(&d), 1, "frozen");
		is_int(cgroup_survey(&e, &plan, &(struct cgroup_dirs){0}), -1, "%s", e.text);
	}
	ok(cgroup_signal(&d, SIGKILL) > 0, "some are killed");
	waitpid(pid, NULL, 0);
	cgroup_thaw(&d);
	is_int(cgroup_frozen(&d), 0, "thawed");
	is_int(cgroup_remove(&e, &d, 2000), 0, "removed with all below: %s", e.text);
	ok(none_left(), "nothing is left");
}

/* engines.md 2.12, 2.9 */
static void
freezing(void)
{
	struct cgroup_dirs d = {0};
	pid_t pid, seen[4] = {0};

	is_int(cgroup_freeze(&e, &d, true, 0), -1, "no cgroups");
	is_str(e.text, "the container is not using cgroups", "says so");
	cgroup_survey(&e, &plan, &d);
	is_int(cgroup_make(&e, &plan, &d), 0, "made: %s", e.text);
	is_int(cgroup_pids(&d, seen, 4), 0, "nobody is in there");
	pid = enter(&d, wait_for_ever);
	is_int(cgroup_pids(&d, seen, 4), 1, "one is");
	is_int(seen[0], pid, "the child");
	is_int(cgroup_pids(&d, seen, 0), 0, "no room");
	is_int(cgroup_freeze(&e, &d, true, 5000), 0, "frozen: %s", e.text);
	is_int(cgroup_frozen(&d), 1, "indeed");
	is_int(cgroup_freeze(&e, &d, false, 5000), 0, "thawed: %s", e.text);
	is_int(cgroup_frozen(&d), 0, "indeed");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(cgroup_remove(&e, &d, 1000), 0, "removed: %s", e.text);
}

/* A frozen one that nobody has killed: signals wait, and it stays frozen. */
static void
paused(void)
{
	struct cgroup_dirs d;
	const struct cgroup_dir *f;
	char file[600];
	pid_t pid;
	int status;

	cgroup_survey(&e, &plan, &d);
	is_int(cgroup_make(&e, &plan, &d), 0, "made: %s", e.text);
	pid = enter(&d, wait_for_ever);
	f = freezer(&d);
	if (f) {
		snprintf(file, sizeof file, "%s/freezer.state", f->dir);
		fd_write_file(&e, AT_FDCWD, file, "FROZEN");
		usleep(20000);
	}
	is_int(cgroup_signal(&d, SIGTERM), 1, "signalled while frozen");
	is_int(cgroup_frozen(&d), f ? 1 : 0, "still frozen");
	cgroup_thaw(&d);
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
		"the signal takes effect once thawed");
	is_int(cgroup_remove(&e, &d, 1000), 0, "removed: %s", e.text);
}

static void
values(void)
{
	static struct plan_device_rule deny[] = {
		{"devices.deny", "a *:* rwm"}, {"devices.allow", "c 1:3 rwm"}};
	static struct plan_device_rule bad[] = {{"no.such.file", "1"}};
	struct cgroup_dirs d;
	char file[600], text[600];

	for (uint32_t i = 0; i < facts.n_hierarchies; i++) {
		if (strcmp(dirs[i].controllers, "devices") != 0)
			continue;
		dirs[i].device_rules = deny;
		dirs[i].n_device_rules = 2;
		cgroup_survey(&e, &plan, &d);
		is_int(cgroup_make(&e, &plan, &d), 0, "device rules: %s", e.text);
		snprintf(file, sizeof file, "%s/devices.list", dirs[i].dir);
		fd_read_file(&e, AT_FDCWD, file, text, sizeof text);
		is_str(text, "c 1:3 rwm\n", "are in force");
		dirs[i].device_rules = bad;
		dirs[i].n_device_rules = 1;
		is_int(cgroup_remove(&e, &d, 1000), 0, "removed: %s", e.text);
		cgroup_survey(&e, &plan, &d);
		is_int(cgroup_make(&e, &plan, &d), -1, "a file that is not there");
		snprintf(text, sizeof text,
			"unable to apply cgroup configuration: %s: open no.such.file: no such file "
			"or directory",
			dirs[i].dir);
		ok(strstr(e.text, "unable to apply cgroup configuration: ") == e.text &&
				strstr(e.text, "no such file or directory"),
			"%s", e.text);
		is_int(cgroup_remove(&e, &d, 1000), 0, "what was made goes: %s", e.text);
		ok(none_left(), "nothing is left");
		dirs[i].n_device_rules = 0;
	}
}

/* CD-3: "mov r0, 0; exit" forbids every device. */
static void
devices(void)
{
	static struct kabi_bpf_insn program[] = {{0xb7, 0, 0, 0}, {0x95, 0, 0, 0}};
	struct cgroup_dirs d;

	if (!facts_controller(&facts, ""))
		return;
	plan.cgroup.devices = program;
	plan.cgroup.n_devices = 2;
	cgroup_survey(&e, &plan, &d);
	is_int(cgroup_make(&e, &plan, &d), 0, "device program: %s", e.text);
	is_int(cgroup_remove(&e, &d, 1000), 0, "removed: %s", e.text);
	program[1].code = 0xff;
	cgroup_survey(&e, &plan, &d);
	is_int(cgroup_make(&e, &plan, &d), -1, "not a program");
	ok(strstr(e.text, "device program: load: invalid argument"), "%s", e.text);
	is_int(cgroup_remove(&e, &d, 1000), 0, "removed: %s", e.text);
	ok(none_left(), "nothing is left");
	plan.cgroup.devices = NULL;
}

int
main(void)
{
	if (!make_plan()) {
		printf("1..0 # SKIP no cgroups that we may write to\n");
		return 0;
	}
	usual();
	freezing();
	paused();
	values();
	devices();
	hostile();
	return done_testing();
}
