#include "tap.h"

#include "fixture.h"

enum { CHOWN = 0, KILL = 5, NET_ADMIN = 12, SYS_RESOURCE = 24, BPF = 39 };

#define CAP(n) (UINT64_C(1) << (n))

static uint64_t *
asked(void)
{
	return spec.process.capabilities;
}

static uint64_t
got(enum capability_set set)
{
	return plan.creds.capabilities[set];
}

static void
test_capabilities(void)
{
	fixture_start();
	for (int set = 0; set < CAPABILITY_SETS; set++)
		asked()[set] = CAP(KILL) | CAP(CHOWN);
	is_int(fixture_plan(), 0, "what the caller holds");
	for (int set = 0; set < CAPABILITY_SETS; set++)
		ok(got(set) == asked()[set], "set %d as asked", set);
	is_str(fixture_warnings(), "", "no warning");
	asked()[CAPABILITY_BOUNDING] |= CAP(SYS_RESOURCE) | CAP(BPF);
	facts.cap_bounding &= ~CAP(SYS_RESOURCE);
	facts.cap_last = 37;
	is_int(fixture_plan(), 0, "CAP-3: not in the bounding set, not in this kernel");
	ok(got(CAPABILITY_BOUNDING) == (CAP(KILL) | CAP(CHOWN)), "are dropped");
	is_str(fixture_warnings(),
		"can't raise capability CAP_SYS_RESOURCE, CAP_BPF: not in the caller's bounding "
		"set\n",
		"with one warning a set");
}

static void
test_effective(void)
{
	fixture_start();
	asked()[CAPABILITY_PERMITTED] = CAP(KILL) | CAP(NET_ADMIN);
	asked()[CAPABILITY_EFFECTIVE] = CAP(KILL) | CAP(CHOWN);
	facts.cap_effective &= ~CAP(NET_ADMIN);
	fixture_plan();
	ok(got(CAPABILITY_PERMITTED) == CAP(KILL), "what the caller does not hold is dropped");
	ok(got(CAPABILITY_EFFECTIVE) == CAP(KILL), "effective is within permitted");
	is_str(fixture_warnings(),
		"can't raise capability CAP_NET_ADMIN: not held by the caller\n"
		"can't raise capability CAP_CHOWN: not in the permitted set\n",
		"warnings");
}

static void
test_ambient(void)
{
	fixture_start();
	asked()[CAPABILITY_PERMITTED] = CAP(KILL) | CAP(CHOWN);
	asked()[CAPABILITY_INHERITABLE] = CAP(KILL) | CAP(NET_ADMIN);
	asked()[CAPABILITY_AMBIENT] = CAP(KILL) | CAP(CHOWN) | CAP(NET_ADMIN);
	fixture_plan();
	ok(got(CAPABILITY_AMBIENT) == CAP(KILL), "ambient is within permitted and inheritable");
	is_str(fixture_warnings(),
		"can't raise ambient capability CAP_CHOWN, CAP_NET_ADMIN: not both permitted and "
		"inheritable\n",
		"the warning that engines know");
}

static void
test_user_namespace(void)
{
	fixture_start();
	facts.cap_bounding = facts.cap_effective = 0;
	spec.linux_.namespaces[NAMESPACE_USER] = (struct spec_namespace){true, NULL};
	asked()[CAPABILITY_BOUNDING] = asked()[CAPABILITY_PERMITTED] = CAP(KILL) | CAP(41);
	fixture_plan();
	ok(got(CAPABILITY_BOUNDING) == CAP(KILL), "all that the kernel has");
	ok(got(CAPABILITY_PERMITTED) == CAP(KILL), "in every set");
	facts.cap_last = 63;
	fixture_plan();
	ok(got(CAPABILITY_BOUNDING) == (CAP(KILL) | CAP(41)), "a kernel with 64 capabilities");
	log_flush(false);
}

static void
test_ids(void)
{
	static struct spec_idmap map[] = {{0, 1000, 1}, {10, 100000, 5}};
	static uint32_t gids[] = {12, 15};

	fixture_start();
	spec.process.user.uid = UINT32_MAX;
	is_int(fixture_plan(), -1, "the id that is none");
	is_str(e.text, "process.user.uid: 4294967295 is not an id", "text");
	spec.process.user.uid = 14;
	spec.process.user.gid = 9;
	spec.linux_.uid_mappings = spec.linux_.gid_mappings = (struct spec_idmaps){map, 2, true};
	is_int(fixture_plan(), 0, "no user namespace: any id");
	spec.linux_.namespaces[NAMESPACE_USER] = (struct spec_namespace){true, NULL};
	is_int(fixture_plan(), -1, "PR-13: a gid that is not mapped");
	is_str(e.text, "process.user.gid: 9 is not mapped in the user namespace", "text");
	spec.process.user.gid = 10;
	spec.process.user.additional_gids.at = gids;
	spec.process.user.additional_gids.n = 2;
	is_int(fixture_plan(), -1, "an additional gid just behind a map");
	is_str(e.text, "process.user.additionalGids[1]: 15 is not mapped in the user namespace",
		"text");
	gids[1] = 0;
	is_int(fixture_plan(), 0, "all mapped");
	is_int(plan.creds.uid, 14, "uid");
	is_int(plan.creds.gid, 10, "gid");
	is_int(plan.creds.n_groups, 2, "groups");
	ok(plan.creds.set_groups, "are set");
}

static void
test_groups(void)
{
	static uint32_t gids[] = {7};
	static struct spec_idmap own = {7, 1000, 1};
	static struct pair keep = {"run.oci.keep_original_groups", "0"};

	fixture_start();
	fixture_plan();
	ok(plan.creds.set_groups && plan.creds.n_groups == 0, "PR-14: the caller's are dropped");
	spec.process.user.additional_gids.at = gids;
	spec.process.user.additional_gids.n = 1;
	facts.euid = facts.egid = 1000;
	spec.process.user.gid = 7;
	spec.linux_.gid_mappings = (struct spec_idmaps){&own, 1, true};
	spec.linux_.namespaces[NAMESPACE_USER] = (struct spec_namespace){true, NULL};
	is_int(fixture_plan(), -1, "groups where setgroups is denied");
	is_str(e.text,
		"process.user.additionalGids: the user namespace of an unprivileged caller cannot "
		"set "
		"groups",
		"text");
	spec.annotations.at = &keep;
	spec.annotations.n = 1;
	is_int(fixture_plan(), -1, "the annotation with 0 is as none");
	keep.value = "1";
	is_int(fixture_plan(), 0, "with 1 no groups are set");
	ok(plan.creds.keep_groups && !plan.creds.set_groups && plan.creds.n_groups == 0, "at all");
}

int
main(void)
{
	test_capabilities();
	test_effective();
	test_ambient();
	test_user_namespace();
	test_ids();
	test_groups();
	return done_testing();
}
