#include "plan/path.h"

#include "tap.h"

#include "plan/plan.h"

int
main(void)
{
	static char big[2 * PLAN_PATH_MAX];
	struct err e = {0};

	ok(path_goes_up(".."), "..");
	ok(path_goes_up("/a/.."), "at the end");
	ok(path_goes_up("../a"), "at the start");
	ok(path_goes_up("/a/../b"), "within");
	ok(!path_goes_up("/a/..b/c../...") && !path_goes_up("") && !path_goes_up("/"), "no ..");
	is_str(path_below(&e, "p", "/srv/web", "rootfs/"), "/srv/web/rootfs", "relative");
	is_str(path_below(&e, "p", "/srv/web", "."), "/srv/web", "the bundle itself");
	is_str(path_below(&e, "p", "/srv/web", "/a//b/./c"), "/a/b/c", "absolute");
	is_str(path_below(&e, "p", "/srv/web", "link/../x"), "/srv/web/link/../x",
		"what goes up is left to the kernel");
	is_str(path_inside(&e, "p", "a/b"), "/a/b", "inside: relative");
	is_str(path_inside(&e, "p", "/../a/../b/"), "/b", "inside: cannot leave");
	is_str(path_inside(&e, "p", ""), "/", "inside: empty is the root");
	memset(big, 'a', sizeof(big) - 1);
	ok(!path_inside(&e, "mounts[0].destination", big), "too long");
	is_str(e.text, "mounts[0].destination: the path is longer than 4095 bytes", "said so");
	ok(!path_below(&e, "root.path", "/b", big), "too long below a base");
	is_str(e.text, "root.path: the path is longer than 4095 bytes", "said so");
	return done_testing();
}
