#include "base/sys.h"
#include "tap.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

/* The calls that anybody may make and that succeed everywhere. */
int
main(void)
{
	struct kabi_cap_header header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct kabi_cap_data data[2] = {{0}};
	char cwd[4096], name[17] = "";
	struct kabi_statx stx = {0};
	struct rlimit limit;
	int status, pidfd = -1;
	ssize_t n;
	pid_t pid;

	fflush(stdout);
	pid = sys_clone(SIGCHLD, NULL);
	if (pid == 0)
		_exit(42);
	ok(pid > 0 && waitpid(pid, &status, 0) == pid, "clone makes a child");
	is_int(WEXITSTATUS(status), 42, "that ran");
	pid = sys_clone(CLONE_PIDFD | SIGCHLD, &pidfd);
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, &status, 0);
	ok(pid < 0 || pidfd >= 0, "clone gives a pidfd");
	n = sys_getcwd(cwd, sizeof(cwd));
	is_int(n, strlen(cwd) + 1, "getcwd counts its NUL");
	is_int(sys_capget(&header, data), 0, "capget");
	is_int(sys_capset(&header, data), 0, "capset of the same");
	is_int(sys_prctl(PR_GET_NAME, (unsigned long)name, 0, 0, 0), 0, "prctl");
	is_int(sys_prlimit(0, RLIMIT_NOFILE, NULL, &limit), 0, "prlimit");
	ok(sys_statx(AT_FDCWD, "/", 0, STATX_TYPE, &stx) == 0 && S_ISDIR(stx.mode), "statx");
	is_int(sys_setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1), 0, "setresuid of nothing");
	is_int(sys_setresgid((gid_t)-1, (gid_t)-1, (gid_t)-1), 0, "setresgid of nothing");
	is_int(sys_setns(-1, 0), -1, "a failure is -1");
	is_int(errno, EBADF, "and errno");
	return done_testing();
}
