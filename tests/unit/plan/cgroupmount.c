#include "tap.h"

#include "base/sys.h"
#include "fixture.h"

static const char *words[8];
static struct spec_mount entry;

/* One mount of type cgroup on /c with these options */
static int
make(const char *a, const char *b)
{
	words[0] = a;
	words[1] = b;
	entry = (struct spec_mount){.destination = "/c", .type = "cgroup"};
	entry.options = (struct strings){words, !a ? 0 : !b ? 1 : 2, true};
	spec.mounts.at = &entry;
	spec.mounts.n = 1;
	return fixture_plan();
}

static void
with_namespace(const char *path)
{
	spec.linux_.namespaces[NAMESPACE_CGROUP] = (struct spec_namespace){true, path};
}

static void
test_v2(void)
{
	const struct plan_mount *m;

	fixture_start();
	is_int(make("ro", "rprivate"), 0, "v2 without a cgroup namespace");
	m = plan.mounts.at;
	is_int(plan.mounts.n, 1, "one row");
	is_int(m->kind, PLAN_MOUNT_BIND, "S7: a bind");
	is_str(m->source, "/sys/fs/cgroup/a/web1", "of the own directory");
	is_int(m->bind_set, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "read-only");
	is_int(m->propagation, MS_PRIVATE | MS_REC, "propagation");
	ok(!m->if_exists, "which must be there");
	options.rootless = true;
	make("ro", NULL);
	ok(plan.mounts.at->if_exists, "rootless: if it could be made");
	with_namespace("/proc/7/ns/cgroup");
	make("ro", "memory_recursiveprot");
	m = plan.mounts.at;
	is_int(m->kind, PLAN_MOUNT_CGROUP2, "with a namespace: cgroup2");
	is_str(m->source, "cgroup", "no path of the host is shown inside");
	is_str(m->data, "memory_recursiveprot", "and the filesystem's own options");
	is_int(m->flags, MS_RDONLY, "flags");
}

static void
test_v1(void)
{
	const struct plan_mount *m;

	fixture_start();
	fixture_v1("cpu,cpuacct", "/h/cpu,cpuacct");
	fixture_v1("name=systemd", "/h/systemd");
	facts.hierarchy[facts.n_hierarchies++] =
		(struct facts_hierarchy){true, "", "/h/unified", "/", "/"};
	is_int(make("ro", NULL), 0, "hybrid without a cgroup namespace");
	m = plan.mounts.at;
	is_int(plan.mounts.n, 5, "tmpfs, two hierarchies, two links");
	is_str(m[0].type, "tmpfs", "tmpfs");
	is_str(m[0].data, "mode=755", "its mode");
	is_int(m[0].flags & MS_RDONLY, 0, "writable at first");
	ok(m[0].read_only_after, "read-only at last");
	is_int(m[1].kind, PLAN_MOUNT_BIND, "a bind");
	is_str(m[1].source, "/h/cpu,cpuacct/a/web1", "of the own directory");
	is_str(m[1].destination, "/c/cpu,cpuacct", "at the host's name");
	is_int(m[2].kind, PLAN_MOUNT_SYMLINK, "a link");
	is_str(m[2].destination, "/c/cpu", "for the first name");
	is_str(m[2].source, "cpu,cpuacct", "to both");
	is_str(m[3].destination, "/c/cpuacct", "and for the second");
	is_str(m[4].destination, "/c/systemd", "the named hierarchy");
	with_namespace(NULL);
	make("rw", NULL);
	m = plan.mounts.at;
	ok(!m[0].read_only_after, "writable when asked");
	is_int(m[1].kind, PLAN_MOUNT_FILESYSTEM, "with a namespace: a mount");
	is_str(m[1].data, "cpu,cpuacct", "of its controllers");
	is_str(m[4].data, "name=systemd", "or its name");
	is_int(m[4].flags, MS_NOSUID | MS_NODEV | MS_NOEXEC, "flags");
	is_int(make("ro", "x=1"), -1, "data");
	is_str(e.text, "mounts[0].options: \"x=1\" is not an option of a cgroup mount",
		"is refused");
	make("rro", NULL);
	ok(plan.mounts.at[0].read_only_after && plan.mounts.at[0].attr_set == 0,
		"rro waits until all is mounted");
	is_int(plan.mounts.at[1].attr_set, MOUNT_ATTR_RDONLY, "and is set on each");
}

static void
test_names(void)
{
	fixture_start();
	fixture_v1("cpu,cpuacct", "/h/cpu");
	is_int(make(NULL, NULL), 0, "mounted under one of its names");
	is_int(plan.mounts.n, 3, "only one link is needed");
	is_str(plan.mounts.at[2].destination, "/c/cpuacct", "for the other");
	is_str(plan.mounts.at[2].source, "cpu", "to the first");
}

static void
test_none(void)
{
	fixture_start();
	facts.n_hierarchies = 0;
	is_int(make("rw", NULL), 0, "a host without cgroups");
	is_int(plan.mounts.n, 1, "one row");
	is_str(plan.mounts.at->type, "tmpfs", "an empty tmpfs");
	ok(plan.mounts.at->flags & MS_RDONLY, "read-only");
	fixture_start();
	options.no_cgroups = true;
	make("rw", NULL);
	is_str(plan.mounts.at->type, "tmpfs", "the same with cgroups disabled");
}

int
main(void)
{
	test_v2();
	test_v1();
	test_names();
	test_none();
	return done_testing();
}
