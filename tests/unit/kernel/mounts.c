#include "kernel/mounts.h"
#include "kernel/rootfs.h"
#include "kernel/scratch.h"

#include <signal.h>

#define LIST(...) \
	scratch_plan.mounts.at = (struct plan_mount[]){__VA_ARGS__}; \
	scratch_plan.mounts.n = \
		sizeof((struct plan_mount[]){__VA_ARGS__}) / sizeof(struct plan_mount)

#define FILESYSTEM(kind_, on, ...) \
	{ \
		.kind = PLAN_MOUNT_FILESYSTEM, .source = kind_, .type = kind_, .destination = on, \
		__VA_ARGS__ \
	}
#define BIND(from, on, ...) \
	{ \
		.kind = PLAN_MOUNT_BIND, .source = from, .destination = on, __VA_ARGS__ \
	}
#define PROC FILESYSTEM("proc", "/proc", .proc_or_sys = true)

static int root_dir = -1;

static int
apply(void)
{
	fd_close(&root_dir);
	root_dir = rootfs_open(&scratch_err, &scratch_plan);
	return root_dir < 0 ? -1 : mounts_apply(&scratch_err, &scratch_plan, NULL, root_dir);
}

static void
usual(void)
{
	scratch_rootfs("usual");
	LIST(PROC,
		FILESYSTEM("tmpfs", "/dev", .flags = MS_NOSUID | MS_STRICTATIME,
			.data = "mode=755,size=64k"),
		FILESYSTEM("devpts", "/dev/pts", .flags = MS_NOSUID | MS_NOEXEC,
			.data = "newinstance,ptmxmode=0666,mode=0620"),
		FILESYSTEM("tmpfs", "/dev/shm", .flags = MS_NOSUID | MS_NOEXEC | MS_NODEV,
			.data = "mode=1777,size=64k"),
		FILESYSTEM("mqueue", "/dev/mqueue", .flags = MS_NOSUID | MS_NOEXEC | MS_NODEV),
		FILESYSTEM("sysfs", "/sys", .flags = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY,
			.proc_or_sys = true), );
	ok(apply() == 0, "the mounts that every engine asks for: %s", scratch_err.text);
	ok(magic_at(in_root("/proc")) == PROC_SUPER_MAGIC, "proc");
	ok(magic_at(in_root("/dev")) == TMPFS_MAGIC, "tmpfs on /dev");
	ok(magic_at(in_root("/dev/pts")) == DEVPTS_SUPER_MAGIC, "devpts in a made directory");
	ok(flags_at(in_root("/sys")) & MS_RDONLY, "sysfs is read-only");
	ok(flags_at(in_root("/dev")) & MS_STRICTATIME, "strictatime");
}

static void
binds(void)
{
	struct stat s;

	scratch_rootfs("binds");
	scratch_must(mkdir("src", 0755) == 0 && mkdir("src/sub", 0755) == 0, "src");
	scratch_must(mount("tmpfs", "src", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME, NULL) == 0 &&
			mkdir("src/sub", 0755) == 0 &&
			mount("tmpfs", "src/sub", "tmpfs", 0, NULL) == 0,
		"src");
	scratch_file("file", "outside\n");
	char src[128], file[128];

	snprintf(src, sizeof(src), "%s/src", scratch_dir);
	snprintf(file, sizeof(file), "%s/file", scratch_dir);
	LIST(BIND(src, "/a/b/c", .bind_set = MS_RDONLY),
		BIND(src, "/rec", .flags = MS_BIND | MS_REC, .bind_set = MS_RDONLY),
		BIND(src, "/rro", .flags = MS_BIND | MS_REC, .attr_set = MOUNT_ATTR_RDONLY),
		BIND(src, "/cleared", .bind_set = MS_RDONLY, .bind_clear = MS_NOSUID | MS_NOATIME),
		BIND(file, "/etc/f", ), BIND(file, "/etc/g", .bind_set = MS_NOEXEC),
		BIND("/nonexistent", "/x", .if_exists = true), );
	ok(apply() == 0, "binds: %s", scratch_err.text);
	is_int(flags_at(in_root("/a/b/c")), MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME,
		"ro keeps what the source has");
	ok(!(flags_at(in_root("/rec/sub")) & MS_RDONLY), "ro is not recursive");
	ok(flags_at(in_root("/rro/sub")) & MS_RDONLY, "rro is");
	is_int(flags_at(in_root("/cleared")), MS_RDONLY | MS_NODEV | MS_RELATIME,
		"explicit clears");
	is_str(scratch_read(in_root("/etc/f")), "outside\n", "a file on a made file");
	ok(flags_at(in_root("/etc/g")) & MS_NOEXEC, "a file with a flag");
	ok(!(flags_at(file) & MS_NOEXEC), "the source keeps its own");
	ok(stat(in_root("/x"), &s) < 0, "if_exists: passed over");

	LIST(BIND("/nonexistent", "/x", ));
	ok(apply() < 0, "a missing source");
	is_str(scratch_err.text,
		"error mounting \"/nonexistent\" to rootfs at \"/x\": open /nonexistent: "
		"no such file or directory",
		"its message");
	LIST(BIND(src, "/etc/f", ));
	ok(apply() < 0, "a directory on a file: %s", scratch_err.text);
}

static void
remounts(void)
{
	scratch_rootfs("remounts");
	LIST(FILESYSTEM("tmpfs", "/mnt", .data = "mode=700"),
		{.kind = PLAN_MOUNT_REMOUNT,
			.source = "tmpfs",
			.type = "tmpfs",
			.destination = "/mnt",
			.flags = MS_REMOUNT | MS_RDONLY},
		FILESYSTEM("tmpfs", "/tmp", ),
		{.kind = PLAN_MOUNT_REMOUNT,
			.destination = "/tmp",
			.flags = MS_REMOUNT | MS_BIND | MS_NOEXEC}, );
	ok(apply() == 0, "remount: %s", scratch_err.text);
	ok(flags_at(in_root("/mnt")) & MS_RDONLY, "of the filesystem");
	ok(flags_at(in_root("/tmp")) & MS_NOEXEC, "of the mount");
	LIST({.kind = PLAN_MOUNT_REMOUNT, .destination = "/none", .flags = MS_REMOUNT});
	ok(apply() < 0, "of nothing: %s", scratch_err.text);
}

static void
propagation(void)
{
	char line[8192];
	FILE *f;
	int shared = 0, unbindable = 0;

	scratch_rootfs("propagation");
	LIST(FILESYSTEM("tmpfs", "/mnt", .propagation = MS_SHARED),
		FILESYSTEM("tmpfs", "/tmp", .propagation = MS_UNBINDABLE | MS_REC));
	ok(apply() == 0, "propagation: %s", scratch_err.text);
	f = fopen("/proc/self/mountinfo", "re");
	while (fgets(line, sizeof(line), f)) {
		shared += strstr(line, in_root("/mnt ")) && strstr(line, " shared:");
		unbindable += strstr(line, in_root("/tmp ")) && strstr(line, " unbindable");
	}
	fclose(f);
	is_int(shared, 1, "shared");
	is_int(unbindable, 1, "unbindable");
}

static void
read_only_later(void)
{
	scratch_rootfs("later");
	LIST(FILESYSTEM("tmpfs", "/a", .read_only_after = true), FILESYSTEM("tmpfs", "/a/b", ),
		{.kind = PLAN_MOUNT_SYMLINK, .source = "b", .destination = "/a/l"},
		{.kind = PLAN_MOUNT_SYMLINK, .source = "b", .destination = "/a/l"},
		FILESYSTEM("tmpfs", "/c", .flags = MS_RDONLY), FILESYSTEM("tmpfs", "/c/d", ),
		FILESYSTEM("tmpfs", "/dev", .flags = MS_RDONLY), );
	ok(apply() == 0, "read-only once all is in it: %s", scratch_err.text);
	ok(flags_at(in_root("/a")) & MS_RDONLY, "read_only_after");
	ok(!(flags_at(in_root("/a/b")) & MS_RDONLY), "what is in it is not");
	ok(flags_at(in_root("/c")) & MS_RDONLY, "a tmpfs with ro");
	ok(!(flags_at(in_root("/dev")) & MS_RDONLY), "/dev still takes nodes");
	ok(magic_at(in_root("/a/l")) == TMPFS_MAGIC, "the link");
	LIST({.kind = PLAN_MOUNT_SYMLINK, .source = "other", .destination = "/a/l"});
	ok(apply() < 0, "another link is there: %s", scratch_err.text);
}

/* CVE-2021-30465, CVE-2024-45310: names of the image lead out of it. */
static void
links(void)
{
	char trap[128];

	scratch_rootfs("links");
	snprintf(trap, sizeof(trap), "%s/trap", scratch_dir);
	rmdir(in_root("/mnt"));
	scratch_must(symlink(trap, in_root("/mnt")) == 0, "link");
	scratch_must(symlink("../../trap/x", in_root("/etc/dangling")) == 0, "link");
	scratch_must(symlink("../../../../../..", in_root("/up")) == 0, "link");
	scratch_file("file2", "2\n");
	char file[128];

	snprintf(file, sizeof(file), "%s/file2", scratch_dir);
	LIST(FILESYSTEM("tmpfs", "/mnt", ), FILESYSTEM("tmpfs", "/mnt/deep/er", ),
		BIND(file, "/etc/dangling", ), );
	ok(apply() == 0, "links resolve inside: %s", scratch_err.text);
	ok(trap_is_empty(), "nothing was made outside");
	ok(!is_mounted(trap), "nothing is mounted outside");
	is_str(scratch_read(in_root("/trap/x")), "2\n", "a dangling link's target is made inside");
	LIST(FILESYSTEM("tmpfs", "/up", ));
	ok(apply() < 0, "a link to the root itself: %s", scratch_err.text);
	LIST(FILESYSTEM("tmpfs", "/etc/..", ));
	ok(apply() < 0, "the root by dots: %s", scratch_err.text);
}

static void
refused(const char *what, const char *message)
{
	if (ok(apply() < 0, "%s", what))
		ok(strstr(scratch_err.text, message) != NULL, "%s: %s", what, scratch_err.text);
}

/* CVE-2019-16884, CVE-2019-19921, CVE-2023-27561 (S3) */
static void
proc(void)
{
	char path[64];

	scratch_rootfs("proc");
	scratch_file("meminfo", "lies\n");
	char file[128], dir[128];

	snprintf(file, sizeof(file), "%s/meminfo", scratch_dir);
	snprintf(dir, sizeof(dir), "%s/trap", scratch_dir);
	LIST(PROC, BIND(file, "/proc/meminfo", ));
	ok(apply() == 0, "a file on /proc/meminfo: %s", scratch_err.text);
	is_str(scratch_read(in_root("/proc/meminfo")), "lies\n", "is what is read");
	LIST(BIND(dir, "/proc", ));
	refused("a directory bound on /proc",
		"\"/proc\" cannot be mounted because it is not of type proc");
	LIST(FILESYSTEM("tmpfs", "/proc", ));
	refused("a tmpfs on /proc", "\"/proc\" cannot be mounted because it is not of type proc");
	LIST(BIND("/proc", "/proc", .flags = MS_BIND | MS_REC));
	ok(apply() == 0, "a procfs bound on /proc: %s", scratch_err.text);
	LIST(PROC, FILESYSTEM("tmpfs", "/proc/self/attr", ));
	refused("a tmpfs below /proc",
		"\"/proc/self/attr\" cannot be mounted because it is inside /proc");
	snprintf(path, sizeof(path), "/proc/sys");
	LIST(PROC, BIND(dir, path, ));
	refused("a bind on /proc/sys", "inside /proc");
	scratch_must(symlink("/proc/self/attr", in_root("/foo")) == 0, "link");
	LIST(PROC, BIND(dir, "/foo", ));
	refused("through a link", "\"/foo\" cannot be mounted because it is inside /proc");
}

static void
proc_links(void)
{
	scratch_rootfs("proclink");
	rmdir(in_root("/proc"));
	rmdir(in_root("/sys"));
	scratch_must(symlink("tmp", in_root("/proc")) == 0, "link");
	scratch_must(symlink(scratch_dir, in_root("/sys")) == 0, "link");
	LIST(PROC);
	refused("/proc is a link", "filesystem \"proc\" must be mounted on ordinary directory");
	LIST(FILESYSTEM("sysfs", "/sys", .proc_or_sys = true));
	refused("/sys is a link", "filesystem \"sysfs\" must be mounted on ordinary directory");
	LIST(FILESYSTEM("proc", "/sys/x/proc", .proc_or_sys = true));
	refused("a link on the way", "ordinary directory");
	unlink(in_root("/proc"));
	LIST(PROC);
	ok(apply() == 0, "a missing /proc is made: %s", scratch_err.text);
	ok(magic_at(in_root("/proc")) == PROC_SUPER_MAGIC, "and mounted");
}

static void
cgroup2(void)
{
	scratch_rootfs("cgroup");
	LIST({.kind = PLAN_MOUNT_CGROUP2,
		.source = "/sys/fs/cgroup",
		.type = "cgroup2",
		.destination = "/sys/fs/cgroup",
		.flags = MS_NOSUID | MS_RDONLY});
	ok(apply() == 0, "cgroup2: %s", scratch_err.text);
	ok(flags_at(in_root("/sys/fs/cgroup")) & MS_RDONLY, "read-only in every case");
	LIST({.kind = PLAN_MOUNT_CGROUP2,
		.source = "/nonexistent",
		.type = "cgroup2-not",
		.destination = "/tmp/cg",
		.flags = MS_NOSUID});
	ok(apply() == 0, "no cgroup2: %s", scratch_err.text);
	ok(magic_at(in_root("/tmp/cg")) == TMPFS_MAGIC, "an empty tmpfs");
	ok(flags_at(in_root("/tmp/cg")) & MS_RDONLY, "read-only");
}

static void
messages(void)
{
	scratch_rootfs("messages");
	LIST(FILESYSTEM("tmpfs", "/tmp", .data = "nonsense=1"));
	ok(apply() < 0, "a filesystem refuses its data");
	is_str(scratch_err.text,
		"error mounting \"tmpfs\" to rootfs at \"/tmp\": mount tmpfs with options "
		"nonsense=1: "
		"invalid argument",
		"its message");
	LIST(FILESYSTEM("nosuchfs", "/tmp", ));
	ok(apply() < 0, "an unknown filesystem: %s", scratch_err.text);
	is_int(scratch_err.number, ENODEV, "its number");
}

/* MT-9, S24: what a user namespace inherits is locked. */
static int
in_user_namespace(const char *src)
{
	int bad = 0;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 77;
	LIST(BIND(src, "/mnt", .flags = MS_REC, .bind_set = MS_RDONLY));
	if (apply() < 0)
		printf("# %s\n", scratch_err.text);
	if (flags_at(in_root("/mnt")) !=
		(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME))
		bad |= 1;
	LIST(BIND(src, "/mnt", .flags = MS_REC, .bind_clear = MS_NODEV));
	bad |= apply() < 0 && scratch_err.number == EPERM ? 0 : 2;
	LIST({.kind = PLAN_MOUNT_REMOUNT,
		.destination = "/mnt",
		.flags = MS_REMOUNT | MS_BIND | MS_RDONLY});
	bad |= apply() == 0 ? 0 : 4;
	return bad;
}

static void
locked(void)
{
	char src[128];
	int status = 0;
	pid_t pid;

	scratch_rootfs("locked");
	snprintf(src, sizeof(src), "%s/locked-src", scratch_dir);
	scratch_must(mkdir(src, 0755) == 0 &&
			mount("tmpfs", src, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME,
				NULL) == 0,
		"source");
	chmod(scratch_base, 0755);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		status = in_user_namespace(src);
		fflush(stdout);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	is_int(status == 77 ? 0 : status, 0, "locked flags%s",
		status == 77 ? " # SKIP no user namespace can be made here" : "");
}

/* CVE-2021-30465 (S4): a sibling exchanges a directory and a link to the outside without pause. */
static void
exchange(const char *a, const char *b)
{
	for (;;)
		(void)sys_renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static void
race(void)
{
	char real[128], evil[128], trap[128];
	int done = 0, escaped = 0;
	pid_t pid;

	scratch_rootfs("race");
	snprintf(trap, sizeof(trap), "%s/trap", scratch_dir);
	snprintf(real, sizeof(real), "%s", in_root("/mnt/real"));
	snprintf(evil, sizeof(evil), "%s", in_root("/mnt/evil"));
	scratch_must(mkdir(real, 0755) == 0 && symlink(trap, evil) == 0, "race");
	LIST(FILESYSTEM("tmpfs", "/mnt/real/x/y", ));
	root_dir = rootfs_open(&scratch_err, &scratch_plan);
	pid = fork();
	if (pid == 0)
		exchange(real, evil);
	for (int i = 0; i < 300; i++) {
		done += mounts_apply(&scratch_err, &scratch_plan, NULL, root_dir) == 0;
		escaped += !trap_is_empty();
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(escaped == 0, "300 mounts while a link is exchanged: %d done, none outside", done);
}

int
main(void)
{
	scratch_begin();
	for (int walk = 0; walk < 2; walk++) {
		fd_force_walk(walk == 1);
		scratch_turn(walk ? "walk" : "kernel");
		usual();
		binds();
		remounts();
		propagation();
		read_only_later();
		links();
		proc();
		proc_links();
		cgroup2();
		messages();
		locked();
		race();
	}
	return done_testing();
}
