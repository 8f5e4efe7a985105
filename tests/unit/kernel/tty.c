#include "kernel/tty.h"
#include "kernel/devices.h"
#include "kernel/mounts.h"
#include "kernel/rootfs.h"
#include "kernel/scratch.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

static struct plan_mount devpts = {.kind = PLAN_MOUNT_FILESYSTEM,
	.source = "devpts",
	.type = "devpts",
	.destination = "/dev/pts",
	.data = "newinstance,ptmxmode=0666,mode=0620"};
static int root_dir = -1;

static void
prepare(const char *name, bool pts)
{
	fd_close(&root_dir);
	scratch_rootfs(name);
	scratch_plan.mounts.at = &devpts;
	scratch_plan.mounts.n = pts;
	root_dir = rootfs_open(&scratch_err, &scratch_plan);
	ok(root_dir >= 0 && mounts_apply(&scratch_err, &scratch_plan, NULL, root_dir) == 0,
		"%s: %s", name, scratch_err.text);
}

static void
pair(void)
{
	struct spec_process p = {
		.console_size = {.present = true, .height = 33, .width = 111}, .user = {.uid = 12}};
	int master = -1, slave = -1;
	char name[TTY_NAME_MAX];
	struct winsize size;
	struct stat s, console;

	prepare("pair", true);
	ok(tty_make(&scratch_err, &p, root_dir, &master, &slave, name) == 0, "made: %s",
		scratch_err.text);
	is_str(name, "/dev/pts/0", "of a new devpts");
	ok(write(slave, "x\n", 2) == 2 && read(master, name, 3) == 3, "what goes in comes out");
	ok(ioctl(master, TIOCGWINSZ, &size) == 0, "size");
	is_int(size.ws_row, 33, "height");
	is_int(size.ws_col, 111, "width");
	fstat(slave, &s);
	is_int(s.st_uid, 12, "owner");
	is_int(s.st_mode, S_IFCHR | 0620, "mode");
	ok((fcntl(master, F_GETFL) & O_NONBLOCK) == 0, "master blocks");
	ok(fcntl(master, F_GETFD) & FD_CLOEXEC, "and closes on exec");
	ok(tty_console(&scratch_err, root_dir, slave) == 0, "console: %s", scratch_err.text);
	ok(stat(in_root("/dev/console"), &console) == 0 && console.st_rdev == s.st_rdev,
		"is the slave");
	fflush(stdout);
	if (fork() == 0) {
		int mine = fcntl(slave, F_DUPFD_CLOEXEC, 10);

		setsid();
		_exit(tty_attach(&scratch_err, mine) < 0 || !isatty(0) || !isatty(2) ||
			tcgetsid(0) != getpid() || fcntl(mine, F_GETFD) >= 0);
	}
	int status = 1;

	wait(&status);
	is_int(status, 0, "controlling terminal and 0-2");
	close(slave);
	close(master);
}

/* CVE-2025-52565 (S10) */
static void
images(void)
{
	struct spec_process p = {0};
	int master = -1, slave = -1;
	char name[TTY_NAME_MAX];

	prepare("image", false);
	ok(tty_make(&scratch_err, &p, root_dir, &master, &slave, name) < 0, "no devpts: %s",
		scratch_err.text);
	scratch_must(mkdir(in_root("/dev/pts"), 0755) == 0, "pts");
	scratch_file(in_root("/dev/pts/ptmx"), "");
	ok(tty_make(&scratch_err, &p, root_dir, &master, &slave, name) < 0, "a directory: %s",
		scratch_err.text);
	scratch_must(mknod(in_root("/dev/ptmx"), S_IFCHR | 0666, makedev(5, 2)) == 0, "ptmx");
	ok(tty_make(&scratch_err, &p, root_dir, &master, &slave, name) < 0,
		"a node of the image: %s", scratch_err.text);
	unlink(in_root("/dev/ptmx"));
	scratch_must(symlink("/dev/pts/ptmx", in_root("/dev/ptmx")) == 0, "ptmx");
	ok(tty_make(&scratch_err, &p, root_dir, &master, &slave, name) < 0, "a link: %s",
		scratch_err.text);
	is_int(master, -1, "nothing is handed out");

	prepare("image2", true);
	ok(tty_make(&scratch_err, &p, root_dir, &master, &slave, name) == 0, "made: %s",
		scratch_err.text);
	scratch_must(
		symlink("/proc/sys/kernel/core_pattern", in_root("/dev/console")) == 0, "link");
	ok(tty_console(&scratch_err, root_dir, slave) < 0, "a link as console");
	is_str(scratch_err.text, "/dev/console: exists and is neither a file nor a device",
		"message");
	unlink(in_root("/dev/console"));
	scratch_file(in_root("/dev/console"), "");
	ok(tty_console(&scratch_err, root_dir, slave) == 0, "a file as console: %s",
		scratch_err.text);
	close(slave);
	close(master);
}

/* S19: only pipes and terminals change their owner. */
static void
stdio(void)
{
	struct stat null, file, pipe_end;
	int p[2], status = 1;

	scratch_must(pipe(p) == 0, "pipe");
	scratch_file("out", "");
	fflush(stdout);
	if (fork() == 0) {
		dup2(open("/dev/null", O_RDWR), 0);
		dup2(p[1], 1);
		dup2(open("out", O_WRONLY), 2);
		tty_own_stdio(77, 78);
		_exit(0);
	}
	wait(&status);
	fstat(p[1], &pipe_end);
	stat("/dev/null", &null);
	stat("out", &file);
	is_int(pipe_end.st_uid, 77, "a pipe");
	is_int(pipe_end.st_gid, 78, "its group");
	is_int(null.st_uid, 0, "not /dev/null");
	is_int(file.st_uid, 0, "not a file");
}

static void
host_side(void)
{
	struct spec_process p = {0};
	struct termios saved, raw;
	int master = -1, slave = -1;
	char name[TTY_NAME_MAX];

	prepare("host", true);
	ok(tty_make(&scratch_err, &p, root_dir, &master, &slave, name) == 0, "made");
	role_enter(ROLE_HOST);
	ok(tty_raw(&scratch_err, slave, &saved) == 0, "raw");
	tcgetattr(slave, &raw);
	ok(!(raw.c_lflag & (ICANON | ECHO | ISIG)), "no line mode, no echo, no signals");
	tty_restore(slave, &saved);
	tcgetattr(slave, &raw);
	is_int(raw.c_lflag, saved.c_lflag, "restored");
	tty_no_crlf(master);
	tcgetattr(slave, &raw);
	ok(!(raw.c_oflag & ONLCR), "no ONLCR");
	role_enter(ROLE_INIT);
}

int
main(void)
{
	scratch_begin();
	pair();
	images();
	stdio();
	host_side();
	return done_testing();
}
