#include "words/mountopt.h"

#include "base/str.h"
#include "base/sys.h"

#include <sys/mount.h>

/* mount_setattr(2): a change of the access time must clear all of them first, and 0 is relatime. */
#define ATIME MOUNT_ATTR__ATIME

#define SET(bits) .set = (bits)
#define CLEAR(bits) .clear = (bits)
#define ATTR(bits) .attr_set = (bits)
#define UNATTR(bits) .attr_clear = (bits)
#define ATTR_TIME(bits) .attr_set = (bits), .attr_clear = ATIME
#define SPREAD(bits) .propagation = (bits)
#define OURS(what) .ours = MOUNTOPT_##what

/* clang-format off */

/* config.md#linux-mount-options (a word of mount(8) is what it is there); mount(2) for SET, CLEAR
 * and SPREAD, mount_setattr(2) for the recursive forms */
const struct mountopt mountopt_rows[] = {
	{ "acl",		SET(MS_POSIXACL) },
	{ "async",		CLEAR(MS_SYNCHRONOUS) },
	{ "atime",		CLEAR(MS_NOATIME) },
	{ "bind",		SET(MS_BIND) },
	{ "defaults",		OURS(IGNORED) },	/* rw, suid, dev, exec, async */
	{ "dev",		CLEAR(MS_NODEV) },
	{ "diratime",		CLEAR(MS_NODIRATIME) },
	{ "dirsync",		SET(MS_DIRSYNC) },
	{ "exec",		CLEAR(MS_NOEXEC) },
	{ "idmap",		OURS(IDMAP) },
	{ "iversion",		SET(MS_I_VERSION) },
	{ "lazytime",		SET(MS_LAZYTIME) },
	{ "loud",		CLEAR(MS_SILENT) },
	{ "mand",		OURS(IGNORED) },	/* no effect since Linux 5.15 */
	{ "noacl",		CLEAR(MS_POSIXACL) },
	{ "noatime",		SET(MS_NOATIME) },
	{ "nodev",		SET(MS_NODEV) },
	{ "nodiratime",		SET(MS_NODIRATIME) },
	{ "noexec",		SET(MS_NOEXEC) },
	{ "nofail",		OURS(IGNORED) },	/* fstab(5): for those who read fstab */
	{ "noiversion",		CLEAR(MS_I_VERSION) },
	{ "nolazytime",		CLEAR(MS_LAZYTIME) },
	{ "nomand",		OURS(IGNORED) },	/* no effect since Linux 5.15 */
	{ "norelatime",		CLEAR(MS_RELATIME) },
	{ "nostrictatime",	CLEAR(MS_STRICTATIME) },
	{ "nosuid",		SET(MS_NOSUID) },
	{ "nosymfollow",	SET(MS_NOSYMFOLLOW) },
	{ "private",		SPREAD(MS_PRIVATE) },
	{ "ratime",		ATTR_TIME(MOUNT_ATTR_RELATIME) },
	{ "rbind",		SET(MS_BIND | MS_REC) },
	{ "rdev",		UNATTR(MOUNT_ATTR_NODEV) },
	{ "rdiratime",		UNATTR(MOUNT_ATTR_NODIRATIME) },
	{ "relatime",		SET(MS_RELATIME) },
	{ "remount",		SET(MS_REMOUNT) },
	{ "rexec",		UNATTR(MOUNT_ATTR_NOEXEC) },
	{ "ridmap",		OURS(RIDMAP) },
	{ "rnoatime",		ATTR_TIME(MOUNT_ATTR_NOATIME) },
	{ "rnodev",		ATTR(MOUNT_ATTR_NODEV) },
	{ "rnodiratime",	ATTR(MOUNT_ATTR_NODIRATIME) },
	{ "rnoexec",		ATTR(MOUNT_ATTR_NOEXEC) },
	{ "rnorelatime",	ATTR_TIME(MOUNT_ATTR_STRICTATIME) },	/* what remains of the three */
	{ "rnostrictatime",	ATTR_TIME(MOUNT_ATTR_RELATIME) },	/* the kernel's default */
	{ "rnosuid",		ATTR(MOUNT_ATTR_NOSUID) },
	{ "rnosymfollow",	ATTR(MOUNT_ATTR_NOSYMFOLLOW) },
	{ "ro",			SET(MS_RDONLY) },
	{ "rprivate",		SPREAD(MS_PRIVATE | MS_REC) },
	{ "rrelatime",		ATTR_TIME(MOUNT_ATTR_RELATIME) },
	{ "rro",		ATTR(MOUNT_ATTR_RDONLY) },
	{ "rrw",		UNATTR(MOUNT_ATTR_RDONLY) },
	{ "rshared",		SPREAD(MS_SHARED | MS_REC) },
	{ "rslave",		SPREAD(MS_SLAVE | MS_REC) },
	{ "rstrictatime",	ATTR_TIME(MOUNT_ATTR_STRICTATIME) },
	{ "rsuid",		UNATTR(MOUNT_ATTR_NOSUID) },
	{ "rsymfollow",		UNATTR(MOUNT_ATTR_NOSYMFOLLOW) },
	{ "runbindable",	SPREAD(MS_UNBINDABLE | MS_REC) },
	{ "rw",			CLEAR(MS_RDONLY) },
	{ "shared",		SPREAD(MS_SHARED) },
	{ "silent",		SET(MS_SILENT) },
	{ "slave",		SPREAD(MS_SLAVE) },
	{ "strictatime",	SET(MS_STRICTATIME) },
	{ "suid",		CLEAR(MS_NOSUID) },
	{ "symfollow",		CLEAR(MS_NOSYMFOLLOW) },
	{ "sync",		SET(MS_SYNCHRONOUS) },
	{ "tmpcopyup",		OURS(TMPCOPYUP) },
	{ "unbindable",		SPREAD(MS_UNBINDABLE) },
};

/* clang-format on */

const size_t mountopt_n = sizeof(mountopt_rows) / sizeof(mountopt_rows[0]);

/* mount(8): names that begin so are comments for other programs */
static const struct mountopt comment = {"X-", OURS(IGNORED)};

const struct mountopt *
mountopt_find(const char *name)
{
	if (str_starts(name, "X-") || str_starts(name, "x-"))
		return &comment;
	for (size_t i = 0; i < mountopt_n; i++)
		if (str_equal(mountopt_rows[i].name, name))
			return &mountopt_rows[i];
	return NULL;
}
