#include "kernel/ns.h"
#include "base/fd.h"
#include "base/procstat.h"
#include "base/sys.h"
#include "kernel/netdev.h"
#include "kernel/scratch.h"
#include "kernel/sysctl.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static struct ns_fds fds;

static void
start(void)
{
	memset(&scratch_spec, 0, sizeof(scratch_spec));
	memset(&scratch_plan, 0, sizeof(scratch_plan));
	scratch_plan.spec = &scratch_spec;
	scratch_plan.facts = &scratch_facts;
	for (int i = 0; i < NAMESPACES; i++)
		fds.fd[i] = -1;
	role_enter(ROLE_HOST);
	fflush(stdout);
}

static int
child_status(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static bool
loopback_is_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "lo"};
	bool up = ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP);

	close(fd);
	return up;
}

/* What a new container does in its namespaces. */
static int
in_new(void)
{
	struct pair keys[] = {{"net/ipv4/ip_forward", "1"}, {"kernel/msgmax", "4321"}};
	struct pair wrong[] = {{"net/ipv4/no_such.key", "1"}};
	struct pair escape[] = {{"../../etc/hostname", "x"}};
	struct pair value[] = {{"kernel/msgmax", "pig"}};
	char name[65] = "";
	int bad = 0;

	role_enter(ROLE_INIT);
	if (ns_names(&scratch_err, &scratch_plan) < 0 || netdev_loopback_up(&scratch_err) < 0 ||
		sysctl_write(&scratch_err, &scratch_plan) < 0)
		return 64;
	gethostname(name, sizeof(name));
	bad |= strcmp(name, "inside") != 0 ? 1 : 0;
	getdomainname(name, sizeof(name));
	bad |= strcmp(name, "in.side") != 0 ? 2 : 0;
	bad |= loopback_is_up() ? 0 : 4;
	bad |= getpid() == 1 ? 0 : 8;
	scratch_plan.sysctl = (struct pairs){keys, 2};
	if (sysctl_write(&scratch_err, &scratch_plan) < 0)
		printf("# %s\n", scratch_err.text);
	bad |= strcmp(scratch_read("/proc/sys/net/ipv4/ip_forward"), "1\n") != 0 ? 16 : 0;
	bad |= strcmp(scratch_read("/proc/sys/kernel/msgmax"), "4321\n") != 0 ? 16 : 0;
	scratch_plan.sysctl = (struct pairs){wrong, 1};
	ok(sysctl_write(&scratch_err, &scratch_plan) < 0, "an unknown key");
	is_str(scratch_err.text, "linux.sysctl: net.ipv4.no_such/key: no such file or directory",
		"its message");
	scratch_plan.sysctl = (struct pairs){escape, 1};
	ok(sysctl_write(&scratch_err, &scratch_plan) < 0, "a key that leaves: %s",
		scratch_err.text);
	scratch_plan.sysctl = (struct pairs){value, 1};
	ok(sysctl_write(&scratch_err, &scratch_plan) < 0, "a value that is refused");
	is_str(scratch_err.text, "linux.sysctl: kernel.msgmax: value \"pig\": invalid argument",
		"its message");
	return bad | (tap_failed ? 32 : 0);
}

static void
new_ones(void)
{
	char before[65], after[65];
	bool placed = true;
	pid_t pid;

	start();
	gethostname(before, sizeof(before));
	scratch_spec.hostname = "inside";
	scratch_spec.domainname = "in.side";
	scratch_plan.ns.clone_flags =
		CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	pid = ns_clone(&scratch_err, &scratch_plan, &fds, -1, 0, &placed);
	if (pid == 0) {
		int bad = in_new();

		fflush(stdout);
		_exit(bad);
	}
	tap_n += 5; /* the child's */
	ok(pid > 0, "clone: %s", scratch_err.text);
	is_int(child_status(pid), 0, "new namespaces");
	ok(!placed, "no cgroup was asked for");
	gethostname(after, sizeof(after));
	is_str(after, before, "the host keeps its name");
}

static void
joined_pid(void)
{
	char path[64];
	bool placed;
	pid_t holder, pid, other;

	start();
	scratch_plan.ns.clone_flags = CLONE_NEWPID | CLONE_NEWUTS;
	holder = ns_clone(&scratch_err, &scratch_plan, &fds, -1, 0, &placed);
	if (holder == 0)
		for (;;)
			pause();
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)holder);
	scratch_plan.ns.clone_flags = 0;
	scratch_plan.ns.join[NAMESPACE_PID] = path;
	ok(ns_open(&scratch_err, &scratch_plan, &fds) == 0, "open: %s", scratch_err.text);
	pid = ns_clone(&scratch_err, &scratch_plan, &fds, -1, 0, &placed);
	if (pid == 0)
		_exit((int)syscall(SYS_getpid));
	is_int(child_status(pid), 2, "born in the joined pid namespace");
	other = fork();
	if (other == 0)
		_exit(syscall(SYS_getpid) == 3);
	is_int(child_status(other), 0, "the next child is not");
	scratch_plan.ns.join[NAMESPACE_PID] = NULL;
	scratch_plan.ns.join[NAMESPACE_UTS] = path;
	ns_close(&fds);
	ok(ns_open(&scratch_err, &scratch_plan, &fds) < 0, "another kind of namespace");
	ok(strstr(scratch_err.text, " is not a uts namespace") != NULL, "%s", scratch_err.text);
	scratch_plan.ns.join[NAMESPACE_UTS] = "/etc/passwd";
	ok(ns_open(&scratch_err, &scratch_plan, &fds) < 0, "a file");
	is_str(scratch_err.text, "linux.namespaces: /etc/passwd is not a uts namespace", "message");
	scratch_plan.ns.join[NAMESPACE_UTS] = "/nonexistent";
	ok(ns_open(&scratch_err, &scratch_plan, &fds) < 0, "nothing");
	is_str(scratch_err.text, "linux.namespaces: open /nonexistent: no such file or directory",
		"message");
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", (int)holder);
	scratch_plan.ns.join[NAMESPACE_UTS] = path;
	ok(ns_open(&scratch_err, &scratch_plan, &fds) == 0, "open: %s", scratch_err.text);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		struct stat mine, theirs;

		role_enter(ROLE_INIT);
		_exit(ns_enter(&scratch_err, &scratch_plan, &fds, false) < 0 ||
			stat("/proc/self/ns/uts", &mine) < 0 || stat(path, &theirs) < 0 ||
			mine.st_ino != theirs.st_ino);
	}
	is_int(child_status(pid), 0, "enter");
	ns_close(&fds);
	kill(holder, SIGKILL);
	child_status(holder);
}

static void
user_maps(void)
{
	struct spec_idmap ids[] = {{0, 100000, 1000}, {1000, 0, 1}};
	bool placed;
	int gate[2];
	pid_t pid;

	start();
	scratch_must(pipe(gate) == 0, "pipe");
	scratch_spec.linux_.uid_mappings = (struct spec_idmaps){ids, 2, true};
	scratch_spec.linux_.gid_mappings = (struct spec_idmaps){ids, 2, true};
	scratch_plan.ns.clone_flags = CLONE_NEWUSER | CLONE_NEWPID;
	scratch_plan.ns.deny_setgroups = true;
	pid = ns_clone(&scratch_err, &scratch_plan, &fds, -1, 0, &placed);
	if (pid == 0) {
		char byte;
		int bad = read(gate[0], &byte, 1) != 1;

		role_enter(ROLE_INIT);
		bad |= ns_become_root(&scratch_err) < 0 ? 2 : 0;
		bad |= getuid() != 0 || getgid() != 0 ? 4 : 0;
		bad |= setresuid(1000, 1000, 1000) < 0 ? 8 : 0;
		_exit(bad);
	}
	ok(pid > 0, "clone: %s", scratch_err.text);
	ok(ns_map_ids(&scratch_err, &scratch_plan, pid) == 0, "maps: %s", scratch_err.text);
	scratch_must(write(gate[1], "x", 1) == 1, "gate");
	is_int(child_status(pid), 0, "root of the user namespace");
	ids[0].size = 0;
	ok(ns_map_ids(&scratch_err, &scratch_plan, 0x3fffff) < 0, "no such process: %s",
		scratch_err.text);
}

static void
late(void)
{
	pid_t pid;

	start();
	scratch_plan.ns.late_flags = CLONE_NEWUTS;
	if ((pid = fork()) == 0) {
		struct stat before, after;

		role_enter(ROLE_INIT);
		stat("/proc/self/ns/uts", &before);
		_exit(ns_late(&scratch_err, &scratch_plan, false) < 0 ||
			stat("/proc/self/ns/uts", &after) < 0 || before.st_ino == after.st_ino);
	}
	is_int(child_status(pid), 0, "unshared late");
}

/* In a child: 0 when it is in the uts namespace of the target, 2 when it may not, 1 else. */
static int
joins(const struct ns_target *t, uint64_t flags, const char *uts)
{
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		struct stat mine, theirs;

		role_enter(ROLE_JOIN);
		if (ns_join(&scratch_err, t, flags) < 0)
			_exit(strcmp(scratch_err.text, "cannot exec in a stopped container") == 0
					? 2
					: 3);
		if (flags & CLONE_NEWUSER && (getuid() != 0 || getgid() != 0))
			_exit(4);
		_exit(stat("/proc/self/ns/uts", &mine) < 0 || stat(uts, &theirs) < 0 ||
			mine.st_ino != theirs.st_ino);
	}
	return child_status(pid);
}

/* exec: all namespaces of a process, by pidfd and by files (covers: EXE-1, S16). */
static void
join_all(void)
{
	struct spec_idmap ids[] = {{0, 100000, 1000}};
	const uint64_t both = CLONE_NEWPID | CLONE_NEWUTS;
	struct ns_target t = {0};
	struct procstat p;
	char uts[64];
	bool placed;

	start();
	scratch_spec.linux_.uid_mappings = (struct spec_idmaps){ids, 1, true};
	scratch_spec.linux_.gid_mappings = (struct spec_idmaps){ids, 1, true};
	scratch_plan.ns.clone_flags = both | CLONE_NEWUSER;
	t.pid = ns_clone(&scratch_err, &scratch_plan, &fds, -1, 0, &placed);
	if (t.pid == 0)
		for (;;)
			pause();
	ok(ns_map_ids(&scratch_err, &scratch_plan, t.pid) == 0, "maps: %s", scratch_err.text);
	snprintf(uts, sizeof(uts), "/proc/%d/ns/uts", (int)t.pid);
	procstat_read(&scratch_err, t.pid, &p);
	t.start = p.start;
	t.pidfd = -1;
	is_int(joins(&t, both, uts), 0, "by files");
	is_int(joins(&t, both | CLONE_NEWUSER, uts), 0, "by files, with the user namespace");
	is_int(joins(&t, 0, "/proc/self/ns/uts"), 0, "none at all");
	t.start++;
	is_int(joins(&t, both, uts), 2, "a process of another time");
	t.start--;
	t.pidfd = sys_pidfd_open(t.pid, 0);
	if (t.pidfd >= 0) {
		is_int(joins(&t, both, uts), 0, "by pidfd");
		is_int(joins(&t, both | CLONE_NEWUSER, uts), 0, "with the user namespace");
	}
	kill(t.pid, SIGKILL);
	child_status(t.pid);
	if (t.pidfd >= 0)
		is_int(joins(&t, both, uts), 2, "it has ended, and the pidfd knows");
	fd_close(&t.pidfd);
	is_int(joins(&t, both, uts), 2, "and so do the files");
}

int
main(void)
{
	scratch_begin();
	new_ones();
	joined_pid();
	user_maps();
	late();
	join_all();
	return done_testing();
}
