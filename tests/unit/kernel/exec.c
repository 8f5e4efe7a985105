/* covers: PR-4, PR-5, PR-6, DEC-11 and the texts of engines.md 4.3 */
#include "kernel/exec.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/passwd.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err e;
static char dir[] = "/tmp/ocirt-unit-XXXXXX";

static void
put(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		exit(1);
	close(fd);
}

static const char *
find(const char *name, const char *path)
{
	static char out[PLAN_PATH_MAX], variable[512];
	const char *at[] = {"X=PATH=/no", variable, NULL};
	struct strings env = {at, path ? 2 : 1, true};

	snprintf(variable, sizeof variable, "PATH=%s", path ? path : "");
	return exec_find(&e, name, &env, out, sizeof out) < 0 ? e.text : out;
}

static void
finding(void)
{
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("a/sub", 0755);
	put("a/plain", "", 0644);
	put("a/both", "", 0644);
	put("b/both", "", 0755);
	put("b/tool", "", 0755);
	put("b/sub", "", 0755);
	is_str(find("tool", "a:b"), "b/tool", "in the second directory");
	is_str(find("both", "a:b"), "b/both", "what may not be executed is passed over");
	is_str(find("plain", "a:b"), "exec: \"plain\": permission denied",
		"but is the answer at last");
	is_str(find("sub", "a:b"), "b/sub", "a directory is passed over");
	is_str(find("sub", "a"), "exec: \"sub\": executable file not found in $PATH",
		"and is none");
	is_str(find("none", "a:/no/such:b"), "exec: \"none\": executable file not found in $PATH",
		"missing");
	is_str(find("tool", NULL), "exec: \"tool\": executable file not found in $PATH", "no PATH");
	is_str(find("tool", ""), "exec: \"tool\": executable file not found in $PATH",
		"an empty PATH");
	is_str(find("", "a:b"), "exec: \"\": executable file not found in $PATH", "an empty name");
	is_str(find("..", "a:b"), "exec: \"..\": executable file not found in $PATH", "dots");
	if (chdir("b") < 0)
		exit(1);
	is_str(find("tool", ":/no"), "./tool", "an empty entry is here");
	is_str(find("tool", "/no:"), "./tool", "at the end, too");
	is_str(find("tool", "/no::/x"), "./tool", "in the middle, too");
	if (chdir("..") < 0)
		exit(1);
	is_str(find("b/tool", NULL), "b/tool", "with a slash: below the directory");
	is_str(find("./x", "a"), "exec: \"./x\": stat ./x: no such file or directory", "missing");
	is_str(find("./a/plain", "a"), "exec: \"./a/plain\": permission denied", "not executable");
	is_str(find("./a", "a"), "exec: \"./a\": is a directory: permission denied", "a directory");
	is_str(find("./a/plain/x", "a"), "exec: \"./a/plain/x\": stat ./a/plain/x: not a directory",
		"through a file");
}

static void
directories(void)
{
	char gone[128];

	is_int(exec_directory(&e, dir), 0, "cwd: %s", e.text);
	is_int(exec_directory(&e, "/nonexistent"), -1, "missing");
	is_str(e.text,
		"chdir to cwd (\"/nonexistent\") set in config.json failed: no such file or "
		"directory",
		"says so");
	snprintf(gone, sizeof gone, "%s/gone", dir);
	mkdir(gone, 0700);
	if (chdir(gone) < 0 || rmdir(gone) < 0)
		exit(1);
	is_int(exec_directory(&e, "."), -1, "S8: no path leads here");
	ok(strncmp(e.text, "current working directory is outside of container mount namespace root",
		   70) == 0,
		"%s", e.text);
	exec_directory_early(dir);
}

/* In a mount namespace of our own, with an /etc of our own. */
static void
homes(void)
{
	char out[128], small[12];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "/etc", "tmpfs", 0, NULL) < 0) {
		printf("# not root: no /etc of our own\n");
		return;
	}
	exec_home(&e, 7, out, sizeof out);
	is_str(out, "HOME=/", "no /etc/passwd");
	put("/etc/passwd",
		"root:x:0:0:root:/root:/bin/sh\nbad\n::\n:::::::\nx:x:x:x:x:/x:x\n"
		"a:x:07:7::/zero:/bin/sh\nb:x:7:7::relative:\nc:x:7:7:g:/home/c:/bin/"
		"sh\nd:x:8:8:g:/home/d",
		0644);
	exec_home(&e, 0, out, sizeof out);
	is_str(out, "HOME=/root", "root's");
	exec_home(&e, 7, out, sizeof out);
	is_str(out, "HOME=/home/c", "the first that is a directory");
	exec_home(&e, 8, out, sizeof out);
	is_str(out, "HOME=/home/d", "a last line that is cut");
	ok(passwd_find(7, PASSWD_NAME, out, sizeof out), "a user is known");
	is_str(out, "b", "by the name of the first line");
	ok(!passwd_find(9, PASSWD_NAME, out, sizeof out), "another is not");
	exec_home(&e, 4294967294U, out, sizeof out);
	is_str(out, "HOME=/", "unknown");
	exec_home(&e, 7, small, sizeof small);
	is_str(small, "HOME=/", "one that is too long for the place");
	unlink("/etc/passwd");
	mkfifo("/etc/passwd", 0666);
	exec_home(&e, 0, out, sizeof out);
	is_str(out, "HOME=/", "a FIFO does not hold us up");
	unlink("/etc/passwd");
	symlink("/dev/zero", "/etc/passwd");
	exec_home(&e, 0, out, sizeof out);
	is_str(out, "HOME=/", "nor does a device without end");
}

static void
programs(void)
{
	static const char *const argv[] = {"sh", "-c",
		"test \"$X\" = 1 && grep -q '^SigIgn:.0*$' /proc/self/status && grep -q "
		"'^SigBlk:.0*$' /proc/self/status",
		NULL};
	static const char *const env[] = {"X=1", "PATH=/usr/bin:/bin", NULL};
	int status;
	pid_t pid;

	put("script", "no interpreter\n", 0755);
	pid = fork();
	if (pid == 0) {
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		for (int s = 1; s < 65; s++)
			signal(s, SIG_IGN);
		sig_default(); /* what the step before it does */
		exec_program(&e, "/bin/sh", argv, env);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "environment, dispositions and mask");
	is_int(exec_program(&e, "./script", argv, env), -1, "no shell fallback");
	is_str(e.text, "exec ./script: exec format error", "says so");
}

int
main(void)
{
	char command[64];

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	role_enter(ROLE_INIT);
	finding();
	directories();
	programs();
	homes();
	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command) != 0)
		return 1;
	return done_testing();
}
