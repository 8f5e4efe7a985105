
#include "tap.h"

#include "base/sys.h"
#include "fixture.h"

static void
list(enum namespace ns, const char *path)
{
	spec.linux_.namespaces[ns] = (struct spec_namespace){true, path};
}

static void
test_flags(void)
{
	fixture_start();
	is_int(fixture_plan(), 0, "no namespaces");
	is_int(plan.ns.clone_flags, 0, "none new");
	is_int(plan.root_mode, PLAN_ROOT_CHROOT, "without a mount namespace: chroot");
	ok(!plan.loopback_up, "the host's loopback is left alone");
	for (enum namespace ns = 0; ns < NAMESPACES; ns++)
		list(ns, NULL);
	is_int(fixture_plan(), 0, "all new");
	is_int(plan.ns.clone_flags,
		CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
			CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWNS,
		"all in one clone on v2");
	is_int(plan.ns.late_flags, 0, "none later");
	is_int(plan.root_mode, PLAN_ROOT_PIVOT, "pivot_root");
	ok(plan.loopback_up, "loopback of a new network namespace");
	ok(plan.ns.user_new && !plan.ns.stage && !plan.ns.deny_setgroups, "a new user namespace");
	options.no_pivot = true;
	fixture_plan();
	is_int(plan.root_mode, PLAN_ROOT_MOVE, "--no-pivot");
}

static void
test_cgroup(void)
{
	fixture_start();
	fixture_v1("pids", "/c/pids");
	list(NAMESPACE_CGROUP, NULL);
	list(NAMESPACE_MOUNT, NULL);
	fixture_plan();
	is_int(plan.ns.late_flags, CLONE_NEWCGROUP, "v1: after the move (NS-5)");
	is_int(plan.ns.clone_flags, CLONE_NEWNS, "v1: not in the clone");
	facts.hierarchy[facts.n_hierarchies++] =
		(struct facts_hierarchy){true, "", "/c/unified", "/", "/"};
	fixture_plan();
	is_int(plan.ns.late_flags, CLONE_NEWCGROUP, "hybrid: after the move");
	options.no_cgroups = true;
	fixture_plan();
	is_int(plan.ns.late_flags, 0, "nobody moves: at once");
	options.no_cgroups = false;
	facts.n_hierarchies = 0;
	fixture_plan();
	is_int(plan.ns.late_flags, 0, "a host without cgroups: at once");
}

static void
test_joined(void)
{
	fixture_start();
	list(NAMESPACE_USER, "/proc/7/ns/user");
	list(NAMESPACE_NETWORK, "/run/netns/a");
	list(NAMESPACE_MOUNT, "/proc/7/ns/mnt");
	list(NAMESPACE_PID, NULL);
	fixture_plan();
	is_str(plan.ns.join[NAMESPACE_NETWORK], "/run/netns/a", "joined by path");
	is_int(plan.ns.clone_flags, CLONE_NEWPID, "the rest is new");
	ok(plan.ns.stage, "a joined user namespace needs a stage");
	ok(!plan.ns.user_new, "and has its maps already");
	ok(!plan.loopback_up, "loopback of a joined namespace is left alone");
	is_int(plan.root_mode, PLAN_ROOT_CHROOT, "joined mount namespace: chroot");
}

static void
test_setgroups(void)
{
	static struct spec_idmap own[] = {{0, 1000, 1}, {1, 100000, 10}};

	fixture_start();
	facts.euid = facts.egid = 1000;
	fixture_plan();
	ok(!plan.ns.deny_setgroups, "no user namespace: nothing to deny");
	list(NAMESPACE_USER, NULL);
	spec.linux_.uid_mappings = spec.linux_.gid_mappings = (struct spec_idmaps){own, 1, true};
	fixture_plan();
	ok(plan.ns.deny_setgroups, "an unprivileged caller denies setgroups");
	ok(!plan.creds.set_groups, "and sets none");
	ok(!plan.ns.newuidmap && !plan.ns.newgidmap, "its own ids need nobody's help");
	spec.linux_.gid_mappings.n = 2;
	fixture_plan();
	ok(plan.ns.newgidmap && !plan.ns.newuidmap, "other gids need newgidmap");
	ok(!plan.ns.deny_setgroups && plan.creds.set_groups, "which allows setgroups");
	spec.linux_.uid_mappings.at = own + 1;
	fixture_plan();
	ok(plan.ns.newuidmap, "an id that is not its own needs newuidmap");
	facts.euid = 0;
	fixture_plan();
	ok(!plan.ns.newuidmap && !plan.ns.newgidmap, "root needs neither");
}

int
main(void)
{
	test_flags();
	test_cgroup();
	test_joined();
	test_setgroups();
	return done_testing();
}
