/* The numbers stand here once more, as linux/mount.h and the manual pages have them: a wrong macro
 * in the table cannot hide behind itself. */
#include "words/mountopt.h"

#include "tap.h"

enum { IGNORED = MOUNTOPT_IGNORED };

/* clang-format off */
static const struct row {
	const char *name;
	struct mountopt is;
} want[] = {
	/* name, set, clear, attr_set, attr_clear, propagation, ours */
	{ "acl",		{ 0x10000, 0, 0, 0, 0, 0 } },
	{ "async",		{ 0, 0x10, 0, 0, 0, 0 } },
	{ "atime",		{ 0, 0x400, 0, 0, 0, 0 } },
	{ "bind",		{ 0x1000, 0, 0, 0, 0, 0 } },
	{ "defaults",		{ 0, 0, 0, 0, 0, IGNORED } },
	{ "dev",		{ 0, 0x4, 0, 0, 0, 0 } },
	{ "diratime",		{ 0, 0x800, 0, 0, 0, 0 } },
	{ "dirsync",		{ 0x80, 0, 0, 0, 0, 0 } },
	{ "exec",		{ 0, 0x8, 0, 0, 0, 0 } },
	{ "idmap",		{ 0, 0, 0, 0, 0, MOUNTOPT_IDMAP } },
	{ "iversion",		{ 0x800000, 0, 0, 0, 0, 0 } },
	{ "lazytime",		{ 0x2000000, 0, 0, 0, 0, 0 } },
	{ "loud",		{ 0, 0x8000, 0, 0, 0, 0 } },
	{ "mand",		{ 0, 0, 0, 0, 0, IGNORED } },
	{ "noacl",		{ 0, 0x10000, 0, 0, 0, 0 } },
	{ "noatime",		{ 0x400, 0, 0, 0, 0, 0 } },
	{ "nodev",		{ 0x4, 0, 0, 0, 0, 0 } },
	{ "nodiratime",		{ 0x800, 0, 0, 0, 0, 0 } },
	{ "noexec",		{ 0x8, 0, 0, 0, 0, 0 } },
	{ "nofail",		{ 0, 0, 0, 0, 0, IGNORED } },
	{ "noiversion",		{ 0, 0x800000, 0, 0, 0, 0 } },
	{ "nolazytime",		{ 0, 0x2000000, 0, 0, 0, 0 } },
	{ "nomand",		{ 0, 0, 0, 0, 0, IGNORED } },
	{ "norelatime",		{ 0, 0x200000, 0, 0, 0, 0 } },
	{ "nostrictatime",	{ 0, 0x1000000, 0, 0, 0, 0 } },
	{ "nosuid",		{ 0x2, 0, 0, 0, 0, 0 } },
	{ "nosymfollow",	{ 0x100, 0, 0, 0, 0, 0 } },
	{ "private",		{ 0, 0, 0, 0, 0x40000, 0 } },
	{ "ratime",		{ 0, 0, 0x00, 0x70, 0, 0 } },
	{ "rbind",		{ 0x5000, 0, 0, 0, 0, 0 } },
	{ "rdev",		{ 0, 0, 0, 0x4, 0, 0 } },
	{ "rdiratime",		{ 0, 0, 0, 0x80, 0, 0 } },
	{ "relatime",		{ 0x200000, 0, 0, 0, 0, 0 } },
	{ "remount",		{ 0x20, 0, 0, 0, 0, 0 } },
	{ "rexec",		{ 0, 0, 0, 0x8, 0, 0 } },
	{ "ridmap",		{ 0, 0, 0, 0, 0, MOUNTOPT_RIDMAP } },
	{ "rnoatime",		{ 0, 0, 0x10, 0x70, 0, 0 } },
	{ "rnodev",		{ 0, 0, 0x4, 0, 0, 0 } },
	{ "rnodiratime",	{ 0, 0, 0x80, 0, 0, 0 } },
	{ "rnoexec",		{ 0, 0, 0x8, 0, 0, 0 } },
	{ "rnorelatime",	{ 0, 0, 0x20, 0x70, 0, 0 } },
	{ "rnostrictatime",	{ 0, 0, 0x00, 0x70, 0, 0 } },
	{ "rnosuid",		{ 0, 0, 0x2, 0, 0, 0 } },
	{ "rnosymfollow",	{ 0, 0, 0x200000, 0, 0, 0 } },
	{ "ro",			{ 0x1, 0, 0, 0, 0, 0 } },
	{ "rprivate",		{ 0, 0, 0, 0, 0x44000, 0 } },
	{ "rrelatime",		{ 0, 0, 0x00, 0x70, 0, 0 } },
	{ "rro",		{ 0, 0, 0x1, 0, 0, 0 } },
	{ "rrw",		{ 0, 0, 0, 0x1, 0, 0 } },
	{ "rshared",		{ 0, 0, 0, 0, 0x104000, 0 } },
	{ "rslave",		{ 0, 0, 0, 0, 0x84000, 0 } },
	{ "rstrictatime",	{ 0, 0, 0x20, 0x70, 0, 0 } },
	{ "rsuid",		{ 0, 0, 0, 0x2, 0, 0 } },
	{ "rsymfollow",		{ 0, 0, 0, 0x200000, 0, 0 } },
	{ "runbindable",	{ 0, 0, 0, 0, 0x24000, 0 } },
	{ "rw",			{ 0, 0x1, 0, 0, 0, 0 } },
	{ "shared",		{ 0, 0, 0, 0, 0x100000, 0 } },
	{ "silent",		{ 0x8000, 0, 0, 0, 0, 0 } },
	{ "slave",		{ 0, 0, 0, 0, 0x80000, 0 } },
	{ "strictatime",	{ 0x1000000, 0, 0, 0, 0, 0 } },
	{ "suid",		{ 0, 0x2, 0, 0, 0, 0 } },
	{ "symfollow",		{ 0, 0x100, 0, 0, 0, 0 } },
	{ "sync",		{ 0x10, 0, 0, 0, 0, 0 } },
	{ "tmpcopyup",		{ 0, 0, 0, 0, 0, MOUNTOPT_TMPCOPYUP } },
	{ "unbindable",		{ 0, 0, 0, 0, 0x20000, 0 } },
};
/* clang-format on */

static void
check_row(const struct row *row)
{
	struct mountopt got;

	if (!ok(mountopt_find(row->name, &got), "%s is known", row->name))
		return;
	is_int(got.set, row->is.set, "%s: set", row->name);
	is_int(got.clear, row->is.clear, "%s: clear", row->name);
	is_int(got.attr_set, row->is.attr_set, "%s: attr_set", row->name);
	is_int(got.attr_clear, row->is.attr_clear, "%s: attr_clear", row->name);
	is_int(got.propagation, row->is.propagation, "%s: propagation", row->name);
	is_int(got.ours, row->is.ours, "%s: ours", row->name);
}

int
main(void)
{
	static const char *const data[] = {"", "size=64k", "mode=755", "RO", "ro ", "x", "gid=5"};
	static const char *const foreign[] = {"X-mount.mkdir", "x-systemd.automount"};
	struct mountopt o;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		check_row(&want[i]);
	for (const char *name = mountopt_next(NULL), *before = ""; name;
		before = name, name = mountopt_next(name), n++)
		ok(strcmp(before, name) < 0, "%s before %s", before, name);
	is_int(n, sizeof(want) / sizeof(want[0]), "as many rows as expected");
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		ok(!mountopt_find(data[i], &o), "\"%s\" is the filesystem's", data[i]);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		ok(mountopt_find(foreign[i], &o) && o.ours == IGNORED, "%s: somebody else's",
			foreign[i]);
	return done_testing();
}
