#include "kernel/rootfs.h"
#include "kernel/mounts.h"
#include "kernel/scratch.h"

#include <dirent.h>

static const char *readonly_[8], *masked[8];
static int root_dir = -1;
static bool mounted;

static void
paths(struct strings *s, const char **at)
{
	s->at = at;
	for (s->n = 0; at[s->n]; s->n++)
		;
}

/* A rootfs with a procfs and a devtmpfs-like /dev. */
static void
prepare(const char *name, bool dev)
{
	static struct plan_mount list[2];

	fd_close(&root_dir);
	mounted = false;
	scratch_rootfs(name);
	memset(readonly_, 0, sizeof(readonly_));
	memset(masked, 0, sizeof(masked));
	list[0] = (struct plan_mount){.kind = PLAN_MOUNT_FILESYSTEM,
		.source = "proc",
		.type = "proc",
		.destination = "/proc",
		.proc_or_sys = true};
	list[1] = (struct plan_mount){.kind = PLAN_MOUNT_FILESYSTEM,
		.source = "tmpfs",
		.type = "tmpfs",
		.destination = "/dev",
		.flags = MS_RDONLY};
	scratch_plan.mounts.at = list;
	scratch_plan.mounts.n = dev ? 2 : 1;
}

static int
masks(void)
{
	if (root_dir < 0)
		root_dir = rootfs_open(&scratch_err, &scratch_plan);
	if (root_dir < 0 ||
		(!mounted && mounts_apply(&scratch_err, &scratch_plan, NULL, root_dir) < 0))
		return -1;
	mounted = true;
	paths(&scratch_spec.linux_.readonly_paths, readonly_);
	paths(&scratch_spec.linux_.masked_paths, masked);
	return rootfs_masks(&scratch_err, &scratch_plan, root_dir);
}

static int
files_in(const char *path)
{
	DIR *d = opendir(path);
	int n = -2;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void
masks_work(void)
{
	prepare("masks", false);
	scratch_must(mkdir(in_root("/etc/secret"), 0755) == 0 &&
			mkdir(in_root("/etc/secret2"), 0755) == 0 &&
			mkdir(in_root("/etc/ro"), 0755) == 0,
		"folders");
	scratch_file(in_root("/etc/secret/f"), "x");
	scratch_file(in_root("/etc/secret2/f"), "x");
	scratch_file(in_root("/etc/key"), "x");
	scratch_file(in_root("/etc/rofile"), "x");
	scratch_must(symlink("../../../etc/key", in_root("/tmp/l")) == 0, "link");
	masked[0] = "/proc/cpuinfo";
	masked[1] = "/etc/secret";
	masked[2] = "/etc/secret2";
	masked[3] = "/etc/secret/f";
	masked[4] = "/missing/x";
	masked[5] = "/tmp/l";
	readonly_[0] = "/proc/sys";
	readonly_[1] = "/etc/rofile";
	readonly_[2] = "/missing";
	scratch_spec.root.readonly = true;
	ok(masks() == 0, "masks: %s", scratch_err.text);
	is_str(scratch_read(in_root("/proc/cpuinfo")), "", "a file is empty");
	is_int(files_in(in_root("/etc/secret")), 0, "a directory is empty");
	is_int(files_in(in_root("/etc/secret2")), 0, "the next one too");
	ok(mkdir(in_root("/etc/secret2/x"), 0755) < 0 && errno == EROFS, "and read-only");
	is_str(scratch_read(in_root("/etc/key")), "", "a link resolves inside");
	ok(flags_at(in_root("/proc/sys")) & MS_RDONLY, "a read-only directory");
	ok(!(flags_at(in_root("/proc")) & MS_RDONLY), "the mount above it is not");
	ok(open(in_root("/etc/rofile"), O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS,
		"a read-only file");
	is_str(scratch_read(in_root("/etc/rofile")), "x", "can be read");
	ok(flags_at(scratch_root) & MS_RDONLY, "root.readonly");
}

static void
late_dev(void)
{
	prepare("dev", true);
	ok(masks() == 0, "a read-only /dev: %s", scratch_err.text);
	ok(flags_at(in_root("/dev")) & MS_RDONLY, "is read-only at the end");
}

/* CVE-2025-31133: the source of a mask is what it should be, or there is no container. */
static void
false_null(void)
{
	char before[256];

	prepare("null", false);
	masked[0] = "/proc/cpuinfo";
	snprintf(before, sizeof(before), "%s", scratch_read("/proc/sys/kernel/core_pattern"));
	scratch_must(symlink("/proc/sys/kernel/core_pattern", in_root("/dev/null")) == 0, "link");
	ok(masks() < 0, "a link as /dev/null");
	is_str(scratch_err.text,
		"linux.maskedPaths[0]: /proc/cpuinfo: /dev/null is not the character device 1:3",
		"its message");
	unlink(in_root("/dev/null"));
	scratch_file(in_root("/dev/null"), "mine");
	ok(masks() < 0, "a file as /dev/null: %s", scratch_err.text);
	unlink(in_root("/dev/null"));
	scratch_must(mknod(in_root("/dev/null"), S_IFCHR | 0666, makedev(1, 5)) == 0, "mknod");
	ok(masks() < 0, "/dev/zero as /dev/null: %s", scratch_err.text);
	unlink(in_root("/dev/null"));
	ok(masks() == 0, "none at all: the host's: %s", scratch_err.text);
	is_str(scratch_read("/proc/sys/kernel/core_pattern"), before, "core_pattern as before");
}

static void
refusals(void)
{
	prepare("refuse", false);
	masked[0] = "/";
	ok(masks() < 0, "the root cannot be masked: %s", scratch_err.text);
	masked[0] = NULL;
	readonly_[0] = "/";
	ok(masks() == 0, "but be read-only: %s", scratch_err.text);
	ok(flags_at(scratch_root) & MS_RDONLY, "it is");
	prepare("refuse2", false);
	scratch_file(in_root("/etc/file"), "");
	masked[0] = "/etc/file/below";
	ok(masks() < 0, "ENOTDIR is not ENOENT: %s", scratch_err.text);
}

static void
missing(void)
{
	prepare("missing", false);
	scratch_plan.rootfs = "/nonexistent/rootfs";
	ok(rootfs_open(&scratch_err, &scratch_plan) < 0, "no rootfs");
	is_str(scratch_err.text,
		"invalid rootfs: stat /nonexistent/rootfs: no such file or directory",
		"its message");
}

/* What a container sees after the switch; the exit status is a mask of what is wrong. */
static int
inside(enum plan_root_mode mode, uint32_t propagation)
{
	char line[8192], text[8192];
	FILE *f;
	int wrong = 0, mounts = 0;

	scratch_plan.root_mode = mode;
	scratch_plan.root_propagation = propagation;
	root_dir = rootfs_open(&scratch_err, &scratch_plan);
	if (root_dir < 0 || mounts_apply(&scratch_err, &scratch_plan, NULL, root_dir) < 0 ||
		rootfs_masks(&scratch_err, &scratch_plan, root_dir) < 0 ||
		rootfs_switch(&scratch_err, &scratch_plan, root_dir) < 0) {
		printf("# %s\n", scratch_err.text);
		return 64;
	}
	wrong |= access("/marker", F_OK) < 0 ? 1 : 0;
	wrong |= !getcwd(text, sizeof(text)) || strcmp(text, "/") != 0 ? 2 : 0;
	wrong |= access("/../../boot", F_OK) == 0 || access("/usr", F_OK) == 0 ? 4 : 0;
	f = fopen("/proc/self/mountinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		mounts++;
		if (sscanf(line, "%*d %*d %*s %*s %s", text) == 1 && strcmp(text, "/") == 0 &&
			propagation)
			wrong |= strstr(line, propagation & MS_SHARED ? " shared:" : " unbindable")
				? 0
				: 8;
	}
	if (f)
		fclose(f);
	wrong |= f && mounts == 2 ? 0 : 16;
	if (mode == PLAN_ROOT_MOVE) {
		/* What a double chroot would find: no procfs or sysfs of the host. */
		mkdir("/mnt/deep", 0755);
		if (chroot("/mnt/deep") < 0 || chdir("../../../../../../../..") < 0 ||
			chroot(".") < 0)
			wrong |= 32;
		wrong |= access("/proc/self", F_OK) == 0 && access("/marker", F_OK) < 0 ? 32 : 0;
		wrong |= access("/sys/kernel", F_OK) == 0 ? 32 : 0;
	}
	return wrong;
}

static int
switched(enum plan_root_mode mode, uint32_t propagation)
{
	char name[32];
	static int n;
	int status;
	pid_t pid;

	snprintf(name, sizeof(name), "switch%d", n++);
	prepare(name, false);
	scratch_file(in_root("/marker"), "");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		scratch_must(unshare(CLONE_NEWNS) == 0, "unshare");
		status = inside(mode, propagation);
		fflush(stdout);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static uint64_t
id_now(void)
{
	struct err e;
	uint64_t id = 0;

	role_enter(ROLE_HOST);
	ok(rootfs_mount_id(&e, scratch_root, NULL, &id) == 0, "the id of the mount");
	return id;
}

static void
undo(void)
{
	struct err e;
	uint64_t before;

	prepare("undo", false);
	before = id_now();
	ok(before != 0, "the mount has an id");
	scratch_plan.root_mode = PLAN_ROOT_CHROOT;
	role_enter(ROLE_INIT);
	ok((root_dir = rootfs_open(&scratch_err, &scratch_plan)) >= 0, "bound: %s",
		scratch_err.text);
	ok(mounts_apply(&scratch_err, &scratch_plan, NULL, root_dir) == 0, "mounted");
	ok(id_now() != before, "another id");
	ok(rootfs_undo(&e, scratch_root, before, NULL) == 0, "undone");
	ok(id_now() == before, "the old id");
	ok(!is_mounted(in_root("/proc")), "nothing below");
	ok(rootfs_undo(&e, scratch_root, before, NULL) == 0, "again: nothing to do");
	ok(rootfs_undo(&e, scratch_root, before, "/proc/0/ns/mnt") == 0,
		"a namespace that is gone");
	role_enter(ROLE_INIT);
}

int
main(void)
{
	scratch_begin();
	masks_work();
	late_dev();
	false_null();
	refusals();
	missing();
	is_int(switched(PLAN_ROOT_PIVOT, 0), 0, "pivot_root");
	is_int(switched(PLAN_ROOT_PIVOT, MS_SHARED | MS_REC), 0, "pivot_root, shared");
	is_int(switched(PLAN_ROOT_PIVOT, MS_UNBINDABLE), 0, "pivot_root, unbindable");
	is_int(switched(PLAN_ROOT_PIVOT, MS_PRIVATE), 8, "private is neither");
	is_int(switched(PLAN_ROOT_MOVE, 0), 0, "MS_MOVE and chroot");
	is_int(switched(PLAN_ROOT_CHROOT, 0), 0, "chroot alone");
	undo();
	return done_testing();
}
