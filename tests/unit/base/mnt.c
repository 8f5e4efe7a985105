#include "base/mnt.h"

#include "base/fd.h"
#include "base/sys.h"
#include "tap.h"

#include <unistd.h>

enum { OLD = MS_NOSUID | MS_RELATIME };

int
main(void)
{
	uint32_t flags = 0;
	struct err e;
	struct mnt_look a, b;
	int proc, self;

	is_int(mnt_merge(OLD, MS_RDONLY, 0), OLD | MS_RDONLY, "what is there is kept");
	is_int(mnt_merge(OLD, 0, MS_NOSUID), MS_RELATIME, "unless it is cleared");
	is_int(mnt_merge(OLD, MS_NOATIME, 0), MS_NOSUID | MS_NOATIME, "one atime mode at a time");
	is_int(mnt_merge(MS_NOATIME, 0, MS_NOATIME), MS_RELATIME, "atime: the kernel's default");
	is_int(mnt_merge(MS_RELATIME, 0, MS_RELATIME), MS_STRICTATIME, "norelatime");
	is_int(mnt_merge(MS_STRICTATIME, 0, MS_STRICTATIME), MS_RELATIME, "nostrictatime");
	is_int(mnt_merge(MS_NODIRATIME | MS_RELATIME, 0, MS_NODIRATIME), MS_RELATIME, "diratime");
	is_int(mnt_merge(MS_NOATIME, MS_NODIRATIME, 0), MS_NOATIME | MS_NODIRATIME, "nodiratime");
	is_int(mnt_merge(0, MS_REC | MS_BIND | MS_RDONLY, 0), MS_RDONLY | MS_RELATIME,
		"nothing but a mount's own flags");

	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	is_int(mnt_magic(proc), PROC_SUPER_MAGIC, "magic of a descriptor");
	ok(mnt_id(proc) != 0 && mnt_id(proc) == mnt_id(self), "one mount, one id");
	ok(mnt_same(proc, proc) && !mnt_same(proc, self), "the same file");
	ok(mnt_look(&e, proc, &a) == 0 && mnt_look(&e, self, &b) == 0, "looks: %s", e.text);
	ok(!mnt_look_appeared(&a, &b), "nothing was mounted");
	is_int(mnt_flags(&e, proc, &flags), 0, "flags");
	ok((flags & mnt_own_flags()) == flags, "are a mount's own");
	close(proc);
	is_int(mnt_flags(&e, proc, &flags), -1, "no flags of a closed descriptor");
	is_int((long)mnt_id(proc), 0, "nor an id");
	return done_testing();
}
