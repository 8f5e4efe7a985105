/* covers: CG-11 (mountinfo as proc_pid_mountinfo(5) describes it) */
#include "kernel/probe.h"
#include "tap.h"

#include <unistd.h>

static struct probe_mount m;

static int
parse(const char *line)
{
	static char text[1024];

	snprintf(text, sizeof text, "%s", line);
	return probe_parse_mount(text, &m);
}

static void
mounts(void)
{
	is_int(parse("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root "
		     "rw,errors=continue"),
		0, "the line of the manual");
	ok(m.id == 36, "id");
	is_str(m.root, "/mnt1", "root");
	is_str(m.point, "/mnt2", "mount point");
	is_str(m.type, "ext3", "type");
	is_str(m.options, "rw,errors=continue", "options of the filesystem");
	is_int(parse("1 2 0:1 / /x rw - cgroup cgroup rw,cpu"), 0, "no tags");
	is_str(m.type, "cgroup", "type");
	is_int(parse("1 2 0:1 / /x rw shared:1 master:2 propagate_from:3 unbindable - proc p rw"),
		0, "all tags");
	is_str(m.type, "proc", "type");
	is_int(parse("1 2 0:1 /a\\040b /c\\011d\\134e\\012 rw - tmpfs t rw"), 0, "octal escapes");
	is_str(m.root, "/a b", "a blank");
	is_str(m.point, "/c\td\\e\n", "tab, backslash, newline");
	is_int(parse("1 2 0:1 / /x\\04 rw - tmpfs t rw"), 0, "half an escape");
	is_str(m.point, "/x\\04", "stays as it is");
	is_int(parse("1 2 0:1 / /x\\999 rw - tmpfs t rw"), 0, "no octal digits");
	is_str(m.point, "/x\\999", "stay as they are");
	is_int(parse("1 2 0:1 / /- rw - tmpfs - rw"), 0, "a source called -");
	is_str(m.type, "tmpfs", "type");
}

static void
no_mounts(void)
{
	static const char *const bad[] = {
		"",
		"x",
		"1",
		"1 2 0:1 /",
		"1 2 0:1 / /x rw",
		"1 2 0:1 / /x rw -",
		"1 2 0:1 / /x rw - tmpfs",
		"1 2 0:1 / /x rw - tmpfs t",
		"-1 2 0:1 / /x rw - tmpfs t rw",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(parse(bad[i]), -1, "no mount: \"%s\"", bad[i]);
}

static void
this_machine(void)
{
	struct facts f;
	struct err e = {0};

	is_int(probe_facts(&e, &f), 0, "the facts of this machine: %s", e.text);
	is_int(f.euid, geteuid(), "euid");
	ok(f.cap_last >= 36 && f.cap_last < 64, "last capability");
	for (uint32_t i = 0; i < f.n_hierarchies; i++)
		ok(f.hierarchy[i].mount_point[0] == '/' && f.hierarchy[i].own[0] == '/' &&
				f.hierarchy[i].v2 == (f.hierarchy[i].controllers[0] == '\0'),
			"hierarchy \"%s\" on %s", f.hierarchy[i].controllers,
			f.hierarchy[i].mount_point);
}

/* What exec wants to know. */
static void
the_caller(void)
{
	struct facts all, f;
	struct err e = {0};

	is_int(probe_facts(&e, &all), 0, "all: %s", e.text);
	is_int(probe_caller(&e, &f), 0, "the caller: %s", e.text);
	ok(f.euid == all.euid && f.cap_bounding == all.cap_bounding &&
			f.cap_effective == all.cap_effective && f.cap_last == all.cap_last &&
			f.user_namespace == all.user_namespace,
		"the same about the caller");
	is_int(f.n_hierarchies, 0, "nothing about the host");
}

int
main(void)
{
	mounts();
	no_mounts();
	this_machine();
	the_caller();
	return done_testing();
}
