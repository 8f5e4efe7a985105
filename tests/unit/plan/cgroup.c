#include "tap.h"

#include "fixture.h"

static void
v1_host(void)
{
	fixture_start();
	fixture_v1("cpu,cpuacct", "/c/cpu,cpuacct");
	fixture_v1("devices", "/c/devices");
	fixture_v1("name=systemd", "/c/systemd");
}

static void
hybrid_host(void)
{
	v1_host();
	facts.hierarchy[facts.n_hierarchies++] =
		(struct facts_hierarchy){true, "", "/c/unified", "/", "/"};
}

static void
test_places(void)
{
	hybrid_host();
	spec.linux_.cgroups_path = "/edge/web1";
	is_int(fixture_plan(), 0, "absolute");
	is_int(plan.cgroup.n_dirs, 4, "CG-6: every hierarchy");
	is_str(plan.cgroup.path, "/edge/web1", "path");
	is_str(plan.cgroup.dir[0].dir, "/c/cpu,cpuacct/edge/web1", "CG-1: below the mount point");
	is_str(plan.cgroup.dir[2].dir, "/c/systemd/edge/web1", "a named one");
	ok(plan.cgroup.dir[3].v2, "the unified one");
	is_str(plan.cgroup.dir[3].dir, "/c/unified/edge/web1", "its place");
	spec.linux_.cgroups_path = "edge/web1";
	fixture_plan();
	is_str(plan.cgroup.dir[0].dir, "/c/cpu,cpuacct/edge/web1",
		"CG-2: relative: the same place");
	spec.linux_.cgroups_path = NULL;
	fixture_plan();
	is_str(plan.cgroup.dir[0].dir, "/c/cpu,cpuacct/a/web1",
		"CG-3: the id below the own cgroup");
	is_str(plan.cgroup.dir[3].dir, "/c/unified/web1", "where that is the root");
	is_str(plan.cgroup.path, "/web1", "path");
	spec.linux_.cgroups_path = "";
	fixture_plan();
	is_str(plan.cgroup.path, "/web1", "empty is absent");
}

/* What of the own cgroup `own` is seen at a mount of `root` */
static const char *
below(const char *root, const char *own)
{
	fixture_start();
	facts.hierarchy[0].mount_root = root;
	facts.hierarchy[0].own = own;
	return fixture_plan() < 0 ? e.text : plan.cgroup.dir[0].dir;
}

static void
test_nested(void)
{
	is_str(below("/", "/"), "/sys/fs/cgroup/web1", "the root");
	is_str(below("/", "/x/y"), "/sys/fs/cgroup/x/y/web1", "below the root");
	is_str(below("/x", "/x/y"), "/sys/fs/cgroup/y/web1", "below what is mounted");
	is_str(below("/x", "/x"), "/sys/fs/cgroup/web1", "just what is mounted");
	is_str(below("/x", "/xy/z"), "/sys/fs/cgroup/web1", "outside: the visible root");
	is_str(below("/x", "/"), "/sys/fs/cgroup/web1", "above: the visible root");
	is_str(below("/", "/../y"), "/sys/fs/cgroup/web1", "outside of the cgroup namespace");
	is_str(below("/..", "/y"), "/sys/fs/cgroup/web1", "a mount from outside of it");
}

/* What has processes hands no controllers on. */
static void
test_limits_beside_the_own(void)
{
	fixture_start();
	facts.hierarchy[0].controllers = "memory pids";
	facts.hierarchy[0].own = "/x/y";
	spec.linux_.resources.pids.limit = 9;
	spec.linux_.resources.pids.limit_set = true;
	is_int(fixture_plan(), 0, "a limit without a cgroupsPath");
	is_str(plan.cgroup.dir[0].dir, "/sys/fs/cgroup/x/web1", "beside the own cgroup");
	facts.hierarchy[0].own = "/y";
	fixture_plan();
	is_str(plan.cgroup.dir[0].dir, "/sys/fs/cgroup/web1", "below the root");
	facts.hierarchy[0].own = "/";
	fixture_plan();
	is_str(plan.cgroup.dir[0].dir, "/sys/fs/cgroup/web1", "the own one is the root");
	spec.linux_.cgroups_path = "/a/b";
	facts.hierarchy[0].own = "/x/y";
	fixture_plan();
	is_str(plan.cgroup.dir[0].dir, "/sys/fs/cgroup/a/b", "with one");
}

static void
test_refusals(void)
{
	static char long_path[PLAN_PATH_MAX];

	fixture_start();
	spec.linux_.cgroups_path = "/";
	is_int(fixture_plan(), -1, "the root");
	is_str(e.text,
		"linux.cgroupsPath: \"/\" is the root of the hierarchy, not a container's cgroup",
		"text");
	spec.linux_.cgroups_path = "/a/../../b";
	is_int(fixture_plan(), -1, "..");
	is_str(e.text, "linux.cgroupsPath: \"/a/../../b\" has a \"..\" in it", "text");
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	spec.linux_.cgroups_path = long_path;
	is_int(fixture_plan(), -1, "too long with the mount point");
	is_str(e.text, "linux.cgroupsPath: the path is longer than 4095 bytes", "text");
}

static void
test_unused(void)
{
	hybrid_host();
	spec.linux_.resources.devices.present = true;
	options.no_cgroups = true;
	is_int(fixture_plan(), 0, "cgroups disabled by name, with device rules");
	ok(!plan.cgroup.used && plan.cgroup.n_dirs == 0, "nothing is made");
	options.no_cgroups = false;
	facts.n_hierarchies = 0;
	is_int(fixture_plan(), -1, "rules on a host without cgroups");
	ok(strstr(e.text, "linux.resources.devices: ") == e.text, "%s", e.text);
	options.rootless = true;
	is_int(fixture_plan(), 0, "rootless goes on");
	is_str(fixture_warnings(), "linux.resources.devices: no cgroup enforces them here\n",
		"with a warning");
	spec.linux_.resources.devices.present = false;
	options.rootless = false;
	is_int(fixture_plan(), 0, "no rules, no cgroups");
	ok(!plan.cgroup.used && !plan.cgroup.path, "nothing is made");
}

static void
test_device_rules(void)
{
	hybrid_host();
	is_int(fixture_plan(), 0, "no rules");
	ok(plan.cgroup.dir[1].n_device_rules == 0 && !plan.cgroup.devices,
		"CG-9: nothing is written");
	spec.linux_.resources.devices.present = true;
	fixture_plan();
	ok(plan.cgroup.dir[1].n_device_rules > 0, "hybrid: to the v1 controller");
	is_str(plan.cgroup.dir[1].device_rules[0].file, "devices.deny", "all is denied");
	is_str(plan.cgroup.dir[1].device_rules[0].value, "a *:* rwm", "first");
	ok(!plan.cgroup.devices, "and no program");
	ok(plan.cgroup.dir[0].n_device_rules == 0, "nothing to the others");
	facts.hierarchy[1].controllers = "pids";
	fixture_plan();
	ok(plan.cgroup.devices != NULL, "v1 without the controller: a program for the unified one");
	fixture_start();
	spec.linux_.resources.devices.present = true;
	options.rootless = true;
	fixture_plan();
	ok(plan.cgroup.devices && plan.cgroup.tolerate, "v2: a program");
}

int
main(void)
{
	test_places();
	test_nested();
	test_limits_beside_the_own();
	test_refusals();
	test_unused();
	test_device_rules();
	return done_testing();
}
