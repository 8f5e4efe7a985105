/* covers: S3, S11 (what needs a mount: tests/commands) */
#include "base/procfs.h"

#include "base/fd.h"
#include "base/sys.h"
#include "tap.h"

#include <errno.h>
#include <sys/prctl.h>

static struct err e;

static void
writes(int proc)
{
	char name[32] = "";

	is_int(procfs_write(&e, proc, "self/comm", "unit"), 0, "the link self is followed");
	is_int(sys_prctl(PR_GET_NAME, (unsigned long)name, 0, 0, 0), 0, "our name");
	is_str(name, "unit", "has been set");

	is_int(procfs_write(&e, proc, "self/no_such_file", "x"), -1, "no such file");
	is_str(e.text, "no such file or directory", "the reason alone");
	is_int(e.number, ENOENT, "its number");
	is_int(procfs_write(&e, proc, "self/timerslack_ns", "word"), -1, "a bad value");
	is_str(e.text, "value \"word\": invalid argument", "is shown");
	is_int(e.number, EINVAL, "its number");
}

static void
elsewhere(int proc)
{
	is_int(procfs_write(&e, proc, "self/cwd/x", "x"), -1, "a magic link");
	is_int(e.number, ELOOP, "is not followed");
	is_int(procfs_write(&e, proc, "../etc/x", "x"), -1, "a path upwards");
	is_int(e.number, EXDEV, "is refused");
}

int
main(void)
{
	FD_AUTO int proc = procfs_open(&e), dev = open("/dev", O_PATH | O_CLOEXEC);

	ok(proc >= 0, "a procfs is on /proc");
	writes(proc);
	elsewhere(proc);
	fd_force_walk(true);
	writes(proc);
	elsewhere(proc);
	is_int(procfs_write(&e, dev, "null", "x"), -1, "a file of another filesystem");
	is_str(e.text, "not a file of procfs", "is refused");
	return done_testing();
}
