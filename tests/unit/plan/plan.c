#include "tap.h"

#include "fixture.h"

static struct pair pairs[2];

/* What becomes of one key of linux.sysctl */
static const char *
sysctl(const char *key)
{
	fixture_start();
	pairs[0] = (struct pair){key, "1"};
	spec.linux_.sysctl.at = pairs;
	spec.linux_.sysctl.n = 1;
	return fixture_plan() < 0 ? e.text : plan.sysctl.at[0].name;
}

static void
test_sysctl(void)
{
	is_str(sysctl("net.ipv4.ip_forward"), "net/ipv4/ip_forward", "dots");
	is_str(sysctl("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding",
		"slashes");
	is_str(sysctl("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding",
		"a slash for a dot in a name");
	is_str(sysctl("kernel.sem"), "kernel/sem", "two words");
	is_str(sysctl("net.x.//.y"), "linux.sysctl: \"net.x.//.y\" is not the name of a parameter",
		"letters that become ..");
	is_str(sysctl("net/../kernel"),
		"linux.sysctl: \"net/../kernel\" is not the name of a parameter", "..");
	is_str(sysctl(""), "linux.sysctl: \"\" is not the name of a parameter", "nothing");
	is_str(sysctl(".net"), "linux.sysctl: \".net\" is not the name of a parameter", "absolute");
}

static void
test_rest(void)
{
	fixture_start();
	is_int(fixture_plan(), 0, "a small config");
	is_str(plan.rootfs, "/srv/web/rootfs", "RO-2: below the bundle");
	is_str(plan.keyring, "_ses.web1", "S15");
	ok(plan.home_missing, "no HOME");
	is_int(plan.root_propagation, 0, "propagation is left alone");
	is_int(plan.sysctl.n, 0, "no sysctl");
	ok(plan.spec == &spec && plan.facts == &facts, "what it was made of");
	spec.root.path = "/images/7/";
	options.no_new_keyring = true;
	spec.linux_.rootfs_propagation = 1 << 20;
	fixture_plan();
	is_str(plan.rootfs, "/images/7", "absolute");
	is_str(plan.keyring, NULL, "--no-new-keyring");
	is_int(plan.root_propagation, 1 << 20, "rootfsPropagation");
}

/* What exec needs: credentials, environment, keyring; its namespaces are there. */
static void
test_process(void)
{
	fixture_start();
	spec.process.user.uid = 5;
	spec.linux_.namespaces[NAMESPACE_USER].listed = true;
	spec.linux_.namespaces[NAMESPACE_PID].listed = true;
	is_int(plan_make_process(&e, &plan, &spec, &facts, &options), 0, "a process: %s", e.text);
	is_int(plan.ns.clone_flags | plan.ns.late_flags, 0, "nothing is made");
	is_int(plan.creds.uid, 5, "its user");
	is_str(plan.keyring, "_ses.web1", "never the caller's keyring");
	ok(plan.home_missing, "no HOME");
	ok(!plan.rootfs && !plan.cgroup.used && plan.mounts.n == 0, "and nothing else");
	spec.process.user.uid = UINT32_MAX;
	is_int(plan_make_process(&e, &plan, &spec, &facts, &options), -1, "PR-13");
	is_str(e.text, "process.user.uid: 4294967295 is not an id", "says so");
}

static void
test_print(void)
{
	char small[16], text[4096];
	int n;

	fixture_start();
	fixture_plan();
	n = plan_print(&e, &plan, text, sizeof(text));
	is_int(n, strlen(text), "the length of the text");
	ok(strncmp(text, "container web1\nrootfs /srv/web/rootfs\n", 38) == 0, "its start");
	is_int(plan_print(&e, &plan, small, sizeof(small)), -1, "too small");
	is_str(e.text, "plan: its text is longer than 16 bytes", "text");
	spec.hostname = "a\nroot b\\";
	plan_print(&e, &plan, text, sizeof(text));
	ok(strstr(text, "\nhostname a\\x0aroot b\\\\\n") != NULL, "a string cannot pass for a row");
}

int
main(void)
{
	test_sysctl();
	test_rest();
	test_process();
	test_print();
	return done_testing();
}
