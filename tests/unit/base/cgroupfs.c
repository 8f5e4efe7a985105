/* Only cgroups are opened; the walks are tested by kernel/cgroup. */
#include "base/cgroupfs.h"
#include "tap.h"

#include <errno.h>

int
main(void)
{
	ok(cgroupfs_open("/proc") == -1 && errno == ENOENT, "another filesystem is no cgroup");
	ok(cgroupfs_open("/dev/null") == -1 && errno == ENOTDIR, "nor is a file");
	ok(cgroupfs_open("/proc/self/root") == -1, "links are not followed");
	ok(cgroupfs_at(-1, "x") == -1, "nothing below nothing");
	ok(!cgroupfs_says(-1, "no.such.file", "x"), "a missing file says nothing");
	is_int(cgroupfs_write(-1, "no.such.file", "x"), -1, "and takes nothing");
	return done_testing();
}
