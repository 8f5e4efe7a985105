#include "kernel/devices.h"
#include "kernel/mounts.h"
#include "kernel/rootfs.h"
#include "kernel/scratch.h"

static struct plan_device device[8];
static struct plan_link link_[8];
static int root_dir = -1;

static void
prepare(const char *name)
{
	fd_close(&root_dir);
	scratch_rootfs(name);
	scratch_plan.devices.at = device;
	scratch_plan.devices.link = link_;
	ok((root_dir = rootfs_open(&scratch_err, &scratch_plan)) >= 0, "%s: rootfs", name);
}

static void
add(const char *path, char type, uint32_t major, uint32_t minor, uint32_t mode, uint32_t uid)
{
	device[scratch_plan.devices.n++] =
		(struct plan_device){path, type, major, minor, mode, uid, uid, false};
}

static void
add_link(const char *path, const char *target)
{
	link_[scratch_plan.devices.n_links++] = (struct plan_link){path, target};
}

static int
make(void)
{
	return devices_make(&scratch_err, &scratch_plan, root_dir);
}

static void
is_node(const char *path, mode_t mode, dev_t number, uid_t uid)
{
	struct stat s;

	if (!ok(lstat(in_root(path), &s) == 0, "%s is there", path))
		return;
	is_int(s.st_mode, mode, "%s: type and mode", path);
	is_int((long)s.st_rdev, (long)number, "%s: number", path);
	is_int(s.st_uid, uid, "%s: owner", path);
	is_int(s.st_gid, uid, "%s: group", path);
}

static const char *
target_of(const char *path)
{
	static char text[256];
	ssize_t n = readlink(in_root(path), text, sizeof(text) - 1);

	if (n < 0)
		return strerror(errno);
	text[n] = '\0';
	return text;
}

static void
nodes(void)
{
	prepare("nodes");
	umask(077);
	add("/dev/null", 'c', 1, 3, 0666, 0);
	add("/opt/x/disk", 'b', 7, 300, 0432, 12);
	add("/dev/pipe", 'p', 0, 0, 0, 7);
	ok(make() == 0, "made: %s", scratch_err.text);
	umask(022);
	is_node("/dev/null", S_IFCHR | 0666, makedev(1, 3), 0);
	is_node("/opt/x/disk", S_IFBLK | 0432, makedev(7, 300), 12);
	is_node("/dev/pipe", S_IFIFO, 0, 7);
	ok(make() == 0, "the same again: %s", scratch_err.text);
	scratch_file(in_root("/dev/file"), "");
	add("/dev/file", 'c', 1, 3, 0666, 0);
	ok(make() < 0, "a file is in its place");
	is_str(scratch_err.text, "linux.devices: /dev/file: exists and is another file", "message");
	scratch_plan.devices.n--;
	add("/dev/null", 'c', 1, 5, 0666, 0);
	ok(make() < 0, "another number is in its place: %s", scratch_err.text);
}

/* CVE-2026-41579 (S12) */
static void
links_of_the_image(void)
{
	char trap[128];
	struct stat s;

	prepare("image");
	snprintf(trap, sizeof(trap), "%s/trap", scratch_dir);
	rmdir(in_root("/dev"));
	scratch_must(symlink(trap, in_root("/dev")) == 0, "link");
	scratch_must(symlink("../../../trap", in_root("/d")) == 0, "link");
	scratch_must(symlink(trap, in_root("/etc/null")) == 0, "link");
	add("/dev/null", 'c', 1, 3, 0666, 0);
	add("/d/evil", 'c', 1, 3, 0666, 0);
	add_link("/dev/ptmx", "pts/ptmx");
	ok(make() == 0, "a /dev that leads outside resolves inside: %s", scratch_err.text);
	ok(trap_is_empty(), "nothing outside");
	scratch_plan.devices.n = 0;
	add("/etc/null", 'c', 1, 3, 0666, 0);
	ok(make() < 0, "a link as the node: %s", scratch_err.text);
	ok(trap_is_empty(), "nothing outside");
	unlink(in_root("/dev"));
	scratch_must(symlink("/etc/..//tmp", in_root("/dev")) == 0, "link");
	scratch_plan.devices.n = 0;
	add("/dev/zero", 'c', 1, 5, 0666, 0);
	ok(make() == 0, "a /dev elsewhere inside: %s", scratch_err.text);
	ok(lstat(in_root("/tmp/zero"), &s) == 0, "is used");
}

static void
links(void)
{
	static struct plan_mount proc = {.kind = PLAN_MOUNT_FILESYSTEM,
		.source = "proc",
		.type = "proc",
		.destination = "/proc",
		.proc_or_sys = true};

	prepare("links");
	add_link("/dev/fd", "/proc/self/fd");
	add_link("/dev/stdin", "/proc/self/fd/0");
	add_link("/dev/core", "/proc/kcore");
	add_link("/dev/ptmx", "pts/ptmx");
	ok(make() == 0, "links: %s", scratch_err.text);
	is_str(target_of("/dev/fd"), "No such file or directory", "without /proc none");
	is_str(target_of("/dev/ptmx"), "pts/ptmx", "but ptmx");
	scratch_file(in_root("/dev/stdin"), "");
	scratch_plan.mounts.at = &proc;
	scratch_plan.mounts.n = 1;
	ok(mounts_apply(&scratch_err, &scratch_plan, NULL, root_dir) == 0, "proc");
	ok(make() == 0, "links: %s", scratch_err.text);
	is_str(target_of("/dev/fd"), "/proc/self/fd", "with /proc");
	is_str(target_of("/dev/stdin"), "Invalid argument", "what is there stays");
	is_str(target_of("/dev/core"),
		access("/proc/kcore", F_OK) == 0 ? "/proc/kcore" : "No such file or directory",
		"core where there is a kcore");
}

static void
ptmx(void)
{
	prepare("ptmx");
	add_link("/dev/ptmx", "pts/ptmx");
	scratch_must(mknod(in_root("/dev/ptmx"), S_IFCHR | 0666, makedev(5, 2)) == 0, "mknod");
	ok(make() == 0, "a node 5:2 gives way: %s", scratch_err.text);
	is_str(target_of("/dev/ptmx"), "pts/ptmx", "to the link");
	unlink(in_root("/dev/ptmx"));
	scratch_file(in_root("/dev/ptmx"), "");
	ok(make() < 0, "a file does not");
	is_str(scratch_err.text, "/dev/ptmx: exists and is another file", "message");
}

static void
foreign(void)
{
	struct stat s;

	prepare("foreign");
	scratch_must(symlink("dev", in_root("/d")) == 0, "link");
	scratch_must(mount("trap", in_root("/dev"), NULL, MS_BIND, NULL) == 0, "bind");
	scratch_plan.devices.populate = false;
	add("/dev/null", 'c', 1, 3, 0666, 0);
	add("/d/null", 'c', 1, 3, 0666, 0);
	add("/opt/null", 'c', 1, 3, 0666, 0);
	add_link("/dev/ptmx", "pts/ptmx");
	ok(make() == 0, "a /dev of the config's choosing: %s", scratch_err.text);
	ok(trap_is_empty(), "is not filled");
	ok(lstat(in_root("/opt/null"), &s) == 0, "other places are");
}

/* In a user namespace mknod(2) is refused: the host's nodes are bound. */
static int
in_user_namespace(void)
{
	struct stat s;
	int wrong = 0;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 77;
	scratch_plan.ns.user_new = true;
	for (int i = 0; i < 2; i++) /* the second time the placeholders are there */
		if ((root_dir = rootfs_open(&scratch_err, &scratch_plan)) < 0 || make() < 0) {
			printf("# %s\n", scratch_err.text);
			return 1;
		}
	wrong |= stat(in_root("/dev/null"), &s) < 0 || !S_ISCHR(s.st_mode) ? 2 : 0;
	wrong |= s.st_rdev != makedev(1, 3) ? 4 : 0;
	return wrong;
}

static void
user_namespace(void)
{
	int status = 0;
	pid_t pid;

	prepare("user");
	chmod(scratch_base, 0755);
	scratch_must(
		chown(scratch_root, 65534, 65534) == 0 && chown(in_root("/dev"), 65534, 65534) == 0,
		"chown");
	chmod(in_root("/dev"), 0777);
	add("/dev/null", 'c', 1, 3, 0666, 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		status = in_user_namespace();
		fflush(stdout);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77),
		"in a user namespace: %d", WEXITSTATUS(status));
}

int
main(void)
{
	scratch_begin();
	nodes();
	links_of_the_image();
	links();
	ptmx();
	foreign();
	user_namespace();
	return done_testing();
}
