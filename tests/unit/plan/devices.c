#include "tap.h"

#include "fixture.h"

static struct spec_device listed[4];

static void
list(struct spec_device d)
{
	listed[spec.linux_.devices.n++] = d;
	spec.linux_.devices.at = listed;
}

static const struct plan_device *
find(const char *path)
{
	for (uint32_t i = 0; i < plan.devices.n; i++)
		if (strcmp(plan.devices.at[i].path, path) == 0)
			return &plan.devices.at[i];
	return NULL;
}

static void
test_defaults(void)
{
	static const struct {
		const char *path;
		uint32_t major, minor;
	} want[] = {{"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7},
		{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};

	fixture_start();
	is_int(fixture_plan(), 0, "no devices listed");
	is_int(plan.devices.n, 6, "LX-2: six devices");
	for (size_t i = 0; i < 6; i++) {
		const struct plan_device *d = find(want[i].path);

		ok(d && d->type == 'c' && d->major == want[i].major && d->minor == want[i].minor &&
				d->mode == 0666 && d->uid == 0 && d->gid == 0 && d->is_default,
			"%s", want[i].path);
	}
	is_int(plan.devices.n_links, 6, "six links");
	is_str(plan.devices.link[0].path, "/dev/fd", "LX-3");
	is_str(plan.devices.link[0].target, "/proc/self/fd", "its target");
	is_str(plan.devices.link[5].path, "/dev/ptmx", "LX-2");
	is_str(plan.devices.link[5].target, "pts/ptmx", "its target");
}

static void
test_listed(void)
{
	fixture_start();
	list((struct spec_device){'c', "/dev/null", 1, 3, 0600, 7, 8});
	list((struct spec_device){'c', "/dev/ptmx", 5, 2, 0666, 0, 0});
	list((struct spec_device){'p', "/opt/x/../pipe", -1, -1, 0640, 0, 0});
	is_int(fixture_plan(), 0, "listed");
	is_int(plan.devices.n, 7, "DV-6: one /dev/null, no node for /dev/ptmx");
	is_int(find("/dev/null")->mode, 0600, "the listed one wins");
	is_int(find("/dev/null")->gid, 8, "with its owner");
	ok(!find("/dev/null")->is_default, "and is the config's");
	is_int(find("/opt/pipe")->type, 'p', "a fifo anywhere");
	is_int(find("/opt/pipe")->major, 0, "without numbers");
	list((struct spec_device){'b', "/dev/x", 4096, 0, 0666, 0, 0});
	is_int(fixture_plan(), -1, "a number that mknod would cut");
	is_str(e.text, "linux.devices[3].major: 4096 is not between 0 and 4095", "text");
	listed[3].major = 8;
	listed[3].minor = 1 << 20;
	is_int(fixture_plan(), -1, "the same for the minor");
	is_str(e.text, "linux.devices[3].minor: 1048576 is not between 0 and 1048575", "text");
}

static void
test_bound(void)
{
	static const char *bind[] = {"rbind", NULL};
	static struct spec_mount mount = {.destination = "/dev/", .source = "/dev"};

	fixture_start();
	mount.options = (struct strings){bind, 1, true};
	spec.mounts.at = &mount;
	spec.mounts.n = 1;
	list((struct spec_device){'c', "/dev/fuse", 10, 229, 0666, 0, 0});
	list((struct spec_device){'c', "/opt/fuse", 10, 229, 0666, 0, 0});
	is_int(fixture_plan(), 0, "a /dev of the config's choosing");
	ok(!plan.devices.populate, "MT-10: is not populated");
	is_int(plan.devices.n, 1, "only what lies elsewhere is made");
	is_str(plan.devices.at[0].path, "/opt/fuse", "namely this");
	is_int(plan.devices.n_links, 0, "and no links");
	mount.destination = "/dev/shm";
	fixture_plan();
	ok(plan.devices.populate, "a bind below it does not count");
}

int
main(void)
{
	test_defaults();
	test_listed();
	test_bound();
	return done_testing();
}
