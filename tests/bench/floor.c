/* floor: what the kernel alone charges for a container.
 *
 * It starts one command in a container built from constants.  Whatever makes a runtime a runtime is
 * missing: no config.json, no checks, no safe paths, no state, no hooks.  A runtime timed beside it
 * is the kernel's price plus the runtime's own.  It prints nothing and ends as the command did (128
 * + n after signal n), or with 127 and a line on stderr when it could not do its own part.
 *
 *   floor [-n NAMESPACES] [-w WORK] [-i|-j|-t DIR]... [-d] [-f N] ROOTFS COMMAND [ARG...]
 *
 *   -n  c cgroup, i ipc, m mount, n net, p pid, u uts                   (default cimnpu)
 *   -w  what is done inside; always in this order                       (default rmdkc)
 *         r  bind ROOTFS on itself and enter it, pivot_root after k
 *         m  proc, tmpfs on /dev, devpts, shm, mqueue, sysfs     d  6 device nodes, 6 links
 *         k  10 masked and 5 read-only paths                     l  loopback up
 *         c  bounding set, capabilities, no_new_privs
 *   -i  a cgroup in DIR (v2, once); the child is cloned into it
 *   -j  a cgroup in DIR; the parent moves the child by cgroup.procs while the child works
 *   -t  a cgroup in DIR (v1); the child moves itself by tasks before it works
 *       (one -j or -t per hierarchy; a cpuset DIR needs cgroup.clone_children = 1)
 *   -d  the usual devices alone may be opened: rules of the v1 controller, or a program with -i
 *   -f  a seccomp filter of N comparisons that never match
 *
 * -n "" -w "" is one clone and one exec.  Root only.  Linux 3.8; 4.6 for namespace c, 4.15 for
 * -d, 5.7 for -i. Not for s390x, whose clone(2) has its arguments the other way round.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVPTS_OPTIONS "newinstance,ptmxmode=0666,mode=0620,gid=5"
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

enum { CGROUPS_MAX = 16, PATH_BYTES = 256, COMPARES_MAX = 4000, CLONE3 = 435 };
enum { RMDIR_TRIES = 1000, RMDIR_PAUSE_US = 50, FAILED = 127 };

/* linux/filter.h, linux/sched.h and linux/capability.h, which musl does not bring along */
struct bpf_line {
	uint16_t code;
	uint8_t jump_true, jump_false;
	uint32_t k;
};
struct bpf_program {
	unsigned short n;
	struct bpf_line *lines;
};
struct clone_request {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
		set_tid_size, cgroup;
};
struct cap_header {
	uint32_t version;
	int pid;
};
struct cap_words {
	uint32_t effective, permitted, inheritable;
};

enum move { MOVE_NONE, MOVE_CLONE, MOVE_BY_PARENT, MOVE_SELF };

static struct {
	const char *namespaces, *work, *rootfs;
	char **command;
	enum move move;
	int n_cgroups, n_compares;
	bool devices; /* -d */
	char cgroups[CGROUPS_MAX][PATH_BYTES];
	int late_flags; /* namespaces that the child makes itself, after it was moved */
	int gate[2];	/* the parent writes one byte when it has moved the child */
} container = {.namespaces = "cimnpu", .work = "rmdkc", .gate = {-1, -1}};

static void
must(long result, const char *what)
{
	if (result >= 0)
		return;
	dprintf(2, "floor: %s: %m\n", what);
	_exit(FAILED);
}

static bool
has(const char *letters, const char *any)
{
	return strpbrk(letters, any) != NULL;
}

static void
enter_root(void)
{
	const char *rootfs = container.rootfs;

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
	must(chdir(rootfs), rootfs);
}

static void
make_mounts(void)
{
	enum { SUID = MS_NOSUID, EXEC = SUID | MS_NOEXEC, ALL = EXEC | MS_NODEV };
	/* clang-format off */
	static const struct {
		const char *type, *at, *data;
		unsigned long flags;
		bool make;
	} rows[] = {
		{ "proc",   "proc",       NULL,                       0,               0 },
		{ "tmpfs",  "dev",        "mode=755,size=65536k",     SUID,            0 },
		{ "devpts", "dev/pts",    DEVPTS_OPTIONS,             EXEC,            1 },
		{ "tmpfs",  "dev/shm",    "mode=1777,size=65536k",    ALL,             1 },
		{ "mqueue", "dev/mqueue", NULL,                       ALL,             1 },
		{ "sysfs",  "sys",        NULL,                       ALL | MS_RDONLY, 0 },
	};
	/* clang-format on */

	for (int i = 0; i < COUNT(rows); i++) {
		if (rows[i].make)
			must(mkdir(rows[i].at, 0755), rows[i].at);
		must(mount("floor", rows[i].at, rows[i].type, rows[i].flags, rows[i].data),
			rows[i].at);
	}
}

static void
make_devices(void)
{
	/* clang-format off */
	static const struct {
		const char *at;
		dev_t number; /* major << 8 | minor, as the kernel has it for small ones */
	} nodes[] = {
		{ "dev/null",   0x103 }, { "dev/zero",    0x105 }, { "dev/full", 0x107 },
		{ "dev/random", 0x108 }, { "dev/urandom", 0x109 }, { "dev/tty",  0x500 },
	};
	static const struct {
		const char *at, *to;
	} links[] = {
		{ "dev/fd",     "/proc/self/fd"   }, { "dev/stdin",  "/proc/self/fd/0" },
		{ "dev/stdout", "/proc/self/fd/1" }, { "dev/stderr", "/proc/self/fd/2" },
		{ "dev/core",   "/proc/kcore"     }, { "dev/ptmx",   "pts/ptmx"        },
	};
	/* clang-format on */

	umask(0);
	for (int i = 0; i < COUNT(nodes); i++)
		must(mknod(nodes[i].at, S_IFCHR | 0666, nodes[i].number), nodes[i].at);
	for (int i = 0; i < COUNT(links); i++)
		must(symlink(links[i].to, links[i].at), links[i].at);
	umask(022);
}

static void
hide(const char *at, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		must(mount("tmpfs", at, "tmpfs", MS_RDONLY, NULL), at);
	else
		must(mount("/dev/null", at, NULL, MS_BIND, NULL), at);
}

static void
make_read_only(const char *at)
{
	must(mount(at, at, NULL, MS_BIND, NULL), at);
	must(mount(NULL, at, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), at);
}

static void
cover_paths(void)
{
	static const char *const masked[] = {"proc/acpi", "proc/asound", "proc/kcore", "proc/keys",
		"proc/latency_stats", "proc/timer_list", "proc/timer_stats", "proc/sched_debug",
		"sys/firmware", "proc/scsi"};
	static const char *const read_only[] = {
		"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
	struct stat st;

	/* No kernel has all of them. */
	for (int i = 0; i < COUNT(masked); i++)
		if (stat(masked[i], &st) == 0)
			hide(masked[i], &st);
	for (int i = 0; i < COUNT(read_only); i++)
		if (stat(read_only[i], &st) == 0)
			make_read_only(read_only[i]);
}

static void
pivot(void)
{
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount of the old root");
	must(chdir("/"), "/");
}

static void
raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
}

/* Waits until the parent has moved us, if it does, and only then makes the cgroup namespace: its
 * root is the cgroup where its maker is.  */
static void
settle(void)
{
	char byte;

	if (container.move == MOVE_BY_PARENT) {
		close(container.gate[1]); /* or a dead parent would go unnoticed */
		must(read(container.gate[0], &byte, 1) - 1, "gate");
	}
	must(unshare(container.late_flags), "cgroup namespace");
}

static void
drop_capabilities(void)
{
	/* CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE */
	const uint32_t keep = 1u << 5 | 1u << 10 | 1u << 29;
	struct cap_header header = {.version = 0x20080522};
	struct cap_words words[2] = {{.effective = keep, .permitted = keep}};

	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (c >= 32 || !(keep >> c & 1))
			must(prctl(PR_CAPBSET_DROP, c, 0, 0, 0), "bounding set");
	must(syscall(SYS_capset, &header, words), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static void
load_filter(void)
{
	enum { LOAD = 0x20, IF_EQUAL = 0x15, RETURN = 0x06, NO_SYSCALL = 0x10000 };
	static struct bpf_line lines[COMPARES_MAX + 2];
	struct bpf_program program = {.lines = lines};

	lines[program.n++] = (struct bpf_line){.code = LOAD, .k = 0};
	for (int i = 0; i < container.n_compares; i++)
		lines[program.n++] =
			(struct bpf_line){.code = IF_EQUAL, .k = (uint32_t)(NO_SYSCALL + i)};
	lines[program.n++] = (struct bpf_line){.code = RETURN, .k = 0x7fff0000 /* allow */};
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_SECCOMP, 2, &program, 0, 0), "seccomp");
}

/* linux/bpf.h */
struct ebpf_line {
	uint8_t code, registers;
	int16_t jump;
	int32_t k;
};
struct ebpf_load {
	uint32_t type, n;
	uint64_t lines, license;
	uint64_t unused[5];
};
struct ebpf_attach {
	uint32_t cgroup, program, type, flags;
};

/* Null, zero, full, random, urandom, tty, ptmx and the ptys, and mknod of anything: the shortest
 * program that says so.  */
static void
attach_device_program(const char *cgroup)
{
	enum { LOAD = 0x61, AND = 0x54, SHIFT = 0x74, SET = 0xb7, END = 0x95 };
	enum { IF_EQUAL = 0x15, IF_NOT = 0x55, PROG_LOAD = 5, PROG_ATTACH = 8, ALLOW_MULTI = 2 };
	enum { DEVICE_PROGRAM = 15, DEVICE_ATTACH = 6, MAJOR = 4, MINOR = 8 };
	static const struct ebpf_line lines[] = {
		{LOAD, 0x13, 0, 0},
		{SHIFT, 3, 0, 16}, /* r3: access */
		{LOAD, 0x12, 0, 0},
		{AND, 2, 0, 0xffff},
		{IF_NOT, 2, 14, 2}, /* character */
		{LOAD, 0x12, MAJOR, 0},
		{IF_EQUAL, 2, 15, 136},
		{IF_NOT, 2, 3, 5},
		{LOAD, 0x14, MINOR, 0},
		{IF_EQUAL, 4, 12, 0},
		{IF_EQUAL, 4, 11, 2},
		{IF_NOT, 2, 6, 1},
		{LOAD, 0x14, MINOR, 0},
		{IF_EQUAL, 4, 8, 3},
		{IF_EQUAL, 4, 7, 5},
		{IF_EQUAL, 4, 6, 7},
		{IF_EQUAL, 4, 5, 8},
		{IF_EQUAL, 4, 4, 9},
		{AND, 3, 0, 6},
		{IF_EQUAL, 3, 2, 0},
		{SET, 0, 0, 0},
		{END, 0, 0, 0},
		{SET, 0, 0, 1},
		{END, 0, 0, 0},
	};
	struct ebpf_load load = {
		DEVICE_PROGRAM, COUNT(lines), (uintptr_t)lines, (uintptr_t) "GPL", {0}};
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int program = (int)syscall(SYS_bpf, PROG_LOAD, &load, sizeof load);
	struct ebpf_attach attach = {(uint32_t)fd, (uint32_t)program, DEVICE_ATTACH, ALLOW_MULTI};

	must(program, "device program");
	must(syscall(SYS_bpf, PROG_ATTACH, &attach, sizeof attach), "device program");
	close(program);
	close(fd);
}

static void
write_line(const char *cgroup, const char *file, const char *line)
{
	char path[PATH_BYTES + 16];
	int fd;

	snprintf(path, sizeof path, "%s/%s", cgroup, file);
	must(fd = open(path, O_WRONLY | O_CLOEXEC), path);
	must(write(fd, line, strlen(line)), path);
	close(fd);
}

static void
write_device_rules(const char *cgroup)
{
	static const char *const allowed[] = {"b *:* m", "c *:* m", "c 1:3 rwm", "c 1:5 rwm",
		"c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"};

	write_line(cgroup, "devices.deny", "a");
	for (int i = 0; i < COUNT(allowed); i++)
		write_line(cgroup, "devices.allow", allowed[i]);
}

static void
limit_devices(void)
{
	char path[PATH_BYTES + 16];

	if (container.move == MOVE_CLONE)
		attach_device_program(container.cgroups[0]);
	for (int i = 0; container.move != MOVE_CLONE && i < container.n_cgroups; i++) {
		snprintf(path, sizeof path, "%s/devices.deny", container.cgroups[i]);
		if (access(path, F_OK) == 0)
			write_device_rules(container.cgroups[i]);
	}
}

static void
make_cgroup(const char *parent)
{
	char *path = container.cgroups[container.n_cgroups];

	must(CGROUPS_MAX - 1 - container.n_cgroups++, "too many cgroups");
	snprintf(path, PATH_BYTES, "%s/floor.%d", parent, (int)getpid());
	must(mkdir(path, 0755), path);
}

static void
write_pid(const char *cgroup, const char *file, int pid)
{
	char path[PATH_BYTES + 16];
	int fd;

	snprintf(path, sizeof path, "%s/%s", cgroup, file);
	must(fd = open(path, O_WRONLY | O_CLOEXEC), path);
	must(dprintf(fd, "%d", pid), path);
	close(fd);
}

/* The child moves itself by the digit 0: since Linux 5.5 that takes no global lock.  */
static void
move_self(void)
{
	for (int i = 0; i < container.n_cgroups; i++)
		write_pid(container.cgroups[i], "tasks", 0);
}

static _Noreturn void
run_child(void)
{
	static char path[] = "PATH=/usr/bin:/bin", *const environment[] = {path, NULL};
	/* clang-format off */
	static const struct {
		const char *letter;
		void (*run)(void);
	} steps[] = {
		{ "r", enter_root  }, { "m", make_mounts    }, { "d",  make_devices },
		{ "k", cover_paths }, { "r", pivot          }, { "l",  raise_loopback },
		{ "",  settle      }, { "c", drop_capabilities },
	};
	/* clang-format on */

	if (container.move == MOVE_SELF)
		move_self();
	for (int i = 0; i < COUNT(steps); i++)
		if (!*steps[i].letter || has(container.work, steps[i].letter))
			steps[i].run();
	if (container.n_compares)
		load_filter();
	must(execve(container.command[0], container.command, environment), container.command[0]);
	_exit(FAILED);
}

static uint64_t
namespace_flags(void)
{
	/* clang-format off */
	static const struct {
		const char *letter;
		uint64_t flag;
	} rows[] = {
		{ "c", CLONE_NEWCGROUP }, { "i", CLONE_NEWIPC }, { "m", CLONE_NEWNS },
		{ "n", CLONE_NEWNET },    { "p", CLONE_NEWPID }, { "u", CLONE_NEWUTS },
	};
	/* clang-format on */
	uint64_t flags = 0;

	for (int i = 0; i < COUNT(rows); i++)
		if (has(container.namespaces, rows[i].letter))
			flags |= rows[i].flag;
	return flags;
}

static int
clone_into_cgroup(uint64_t flags)
{
	const uint64_t into_cgroup = 0x200000000;
	struct clone_request request = {.flags = flags | into_cgroup, .exit_signal = SIGCHLD};
	int fd = open(container.cgroups[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd, container.cgroups[0]);
	request.cgroup = (uint64_t)fd;
	return (int)syscall(CLONE3, &request, sizeof request);
}

static int
clone_child(void)
{
	uint64_t flags = namespace_flags();

	if (container.move == MOVE_CLONE)
		return clone_into_cgroup(flags);
	if (container.move == MOVE_BY_PARENT)
		must(pipe2(container.gate, O_CLOEXEC), "pipe");
	if (container.move != MOVE_NONE) {
		container.late_flags = (int)(flags & CLONE_NEWCGROUP);
		flags &= ~(uint64_t)CLONE_NEWCGROUP;
	}
	return (int)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static void
move_child(int pid)
{
	for (int i = 0; i < container.n_cgroups; i++)
		write_pid(container.cgroups[i], "cgroup.procs", pid);
	must(write(container.gate[1], "", 1), "gate");
}

/* A dead child may still be on its way out of its cgroup.  */
static void
remove_cgroups(void)
{
	for (int i = 0; i < container.n_cgroups; i++)
		for (int n = 0; rmdir(container.cgroups[i]) < 0 && n < RMDIR_TRIES; n++)
			usleep(RMDIR_PAUSE_US);
}

static void
set_cgroup(const char *parent, enum move move)
{
	container.move = move;
	make_cgroup(parent);
}

/* Anything that mounts must do so in a mount namespace of its own and inside ROOTFS.  */
static bool
is_private(void)
{
	return !has(container.work, "rmdk") ||
		(has(container.work, "r") && has(container.namespaces, "m"));
}

static bool
parse(int argc, char **argv)
{
	int option;

	/* clang-format off */
	while ((option = getopt(argc, argv, "+n:w:i:j:t:df:")) > 0)
		switch (option) {
		case 'n': container.namespaces = optarg; break;
		case 'w': container.work = optarg; break;
		case 'i': set_cgroup(optarg, MOVE_CLONE); break;
		case 'j': set_cgroup(optarg, MOVE_BY_PARENT); break;
		case 't': set_cgroup(optarg, MOVE_SELF); break;
		case 'd': container.devices = true; break;
		case 'f': container.n_compares = atoi(optarg); break;
		default: return false;
		}
	/* clang-format on */
	if (argc - optind < 2 || container.n_compares < 0 || container.n_compares > COMPARES_MAX)
		return false;
	container.rootfs = argv[optind];
	container.command = argv + optind + 1;
	return is_private();
}

int
main(int argc, char **argv)
{
	int pid, status;

	if (!parse(argc, argv)) {
		remove_cgroups();
		dprintf(2, "floor: the head of floor.c says how to call it\n");
		return FAILED;
	}
	if (container.devices)
		limit_devices();
	must(pid = clone_child(), "clone");
	if (pid == 0)
		run_child();
	if (container.move == MOVE_BY_PARENT)
		move_child(pid);
	must(waitpid(pid, &status, 0), "wait");
	remove_cgroups();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
