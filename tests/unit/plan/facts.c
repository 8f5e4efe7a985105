#include "plan/facts.h"

#include "tap.h"

static struct facts facts;

static int
read_text(struct err *e, const char *text)
{
	static char copy[1024];

	return facts_read(e, &facts, strcpy(copy, text));
}

static void
test_read(void)
{
	struct err e = {0};

	is_int(read_text(&e,
		       "# a host\n\neuid 1000\negid 100\nuser_namespace 1\ncap_last 40\n"
		       "cap_bounding 000001ffffffffff\ncap_effective 0\napparmor 1\nselinux 0\n"
		       "v1 cpu,cpuacct /sys/fs/cgroup/cpu,cpuacct / /x\n  v2  /c\t/r /o"),
		0, "a whole host");
	is_int(facts.euid, 1000, "euid");
	is_int(facts.egid, 100, "egid");
	ok(facts.user_namespace, "user_namespace");
	is_int(facts.cap_last, 40, "cap_last");
	is_int(facts.cap_bounding, 0x1ffffffffff, "cap_bounding");
	is_int(facts.cap_effective, 0, "cap_effective");
	ok(facts.apparmor && !facts.selinux, "apparmor, selinux");
	is_int(facts.n_hierarchies, 2, "hierarchies");
	is_str(facts.hierarchy[0].controllers, "cpu,cpuacct", "v1 controllers");
	is_str(facts.hierarchy[0].own, "/x", "v1 own");
	ok(facts.hierarchy[1].v2, "v2");
	is_str(facts.hierarchy[1].mount_point, "/c", "v2 mount point");
	is_str(facts.hierarchy[1].mount_root, "/r", "v2 root");
	is_str(facts.hierarchy[1].own, "/o", "v2 own");
	is_int(read_text(&e, ""), 0, "no lines");
	is_int(facts.n_hierarchies, 0, "a host without cgroups");
}

static void
test_refusals(void)
{
	static const char *const bad[] = {
		"euid",
		"euid -1",
		"euid 4294967296",
		"euid 1 2",
		"nonsense 1",
		"user_namespace 2",
		"cap_bounding 12345678901234567",
		"cap_bounding xyz",
		"v1 cpu /c /",
		"v2 a b",
		"v2 a b c d",
		"v1 a b c d e f g",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err e = {0};
		char text[64] = "egid 1\n";

		is_int(read_text(&e, strcat(text, bad[i])), -1, "%s", bad[i]);
		ok(strncmp(e.text, "facts: line 2: \"", 16) == 0, "%s: %s", bad[i], e.text);
	}
}

static void
test_too_many(void)
{
	static char text[4096];
	struct err e = {0};

	for (int i = 0; i < FACTS_HIERARCHIES_MAX; i++)
		strcat(text, "v2 /c / /\n");
	is_int(facts_read(&e, &facts, strdup(text)), 0, "as many hierarchies as fit");
	is_int(facts_read(&e, &facts, strcat(text, "v2 /c / /\n")), -1, "one more");
}

static void
test_controllers(void)
{
	struct err e = {0};

	read_text(&e,
		"v1 cpu,cpuacct /1 / /\nv1 net_cls /2 / /\nv1 name=systemd /3 / /\nv2 /4 / /\n");
	is_str(facts_controller(&facts, "cpu")->mount_point, "/1", "the first of two");
	is_str(facts_controller(&facts, "cpuacct")->mount_point, "/1", "the second of two");
	is_str(facts_controller(&facts, "name=systemd")->mount_point, "/3", "a named one");
	is_str(facts_controller(&facts, "")->mount_point, "/4", "the v2 one");
	ok(!facts_controller(&facts, "net"), "a part of a name is none");
	ok(!facts_controller(&facts, "acct"), "nor is its end");
	ok(!facts_controller(&facts, "memory"), "an absent one");
	ok(!facts_cgroup2_only(&facts), "a hybrid host is not v2 alone");
	read_text(&e, "v2 /4 / /\n");
	ok(facts_cgroup2_only(&facts), "v2 alone");
	ok(!facts_controller(&facts, "cpu"), "v2 has no v1 controllers");
	read_text(&e, "v1 cpu /4 / /\n");
	ok(!facts_controller(&facts, ""), "v1 alone has no v2");
	read_text(&e, "");
	ok(!facts_cgroup2_only(&facts), "no cgroups are not v2");
}

int
main(void)
{
	test_read();
	test_refusals();
	test_too_many();
	test_controllers();
	return done_testing();
}
