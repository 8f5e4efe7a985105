#include "spec/cover.h"

#include "spec/manifest.h"
#include "tap.h"

#include <string.h>

static struct err e;
static char text[8192];

static void
is_path(const char *bundle, const char *path, const char *want)
{
	is_str(cover_path(&e, bundle, path), want, "%s in %s", path, bundle);
}

static void
is_refused(const char *path, const char *why)
{
	ok(!cover_path(&e, "/b", path), "%s is refused", path);
	is_str(e.text, why, "%s: the message", path);
}

static void
test_paths(void)
{
	char long_path[MANIFEST_PATH_MAX + 2];

	is_path("/b", "rootfs", "rootfs");
	is_path("/b", "./x//y/.", "x/y");
	is_path("/b", "/b/x/", "x");
	is_path("/b", "/bc/x", "/bc/x");
	is_path("/b", "/x/b", "/x/b");
	is_path("/", "rootfs", "rootfs");
	is_path("/", "/usr/bin/x", "usr/bin/x");
	is_path("/b", "/b/..x", "..x");
	is_refused("../x", "\"../x\" goes up by \"..\", which a sealed path may not");
	is_refused("/b/../b/x", "\"/b/../b/x\" goes up by \"..\", which a sealed path may not");
	is_refused("x/..", "\"x/..\" goes up by \"..\", which a sealed path may not");
	is_refused(".", "\".\" is the bundle itself, which holds the seal");
	is_refused("/b/", "\"/b/\" is the bundle itself, which holds the seal");
	memset(long_path, 'x', sizeof long_path);
	long_path[0] = '/';
	long_path[MANIFEST_PATH_MAX + 1] = '\0';
	is_refused(long_path, "longer than 4095 bytes");
	long_path[MANIFEST_PATH_MAX] = '\0';
	is_path("/b", long_path, long_path);
}

static void
is_cover(const struct cover *c, const char *property, const char *path, enum cover_kind kind,
	bool needed, bool writable)
{
	is_str(c->property, property, "%s", property);
	is_str(c->path, path, "%s: the path", property);
	ok(c->kind == kind && c->needed == needed && c->writable == writable,
		"%s: kind, needed, writable", property);
}

static int
list(struct covers *c, const char *config)
{
	static struct spec s;

	strcpy(text, config);
	if (spec_read(&e, &s, text, strlen(text), "config.json") < 0)
		return -1;
	return cover_list(&e, c, &s, "/b");
}

static void
test_list(void)
{
	struct covers c;

	is_int(list(&c,
		       "{\"root\": {\"path\": \"rootfs\", \"readonly\": true}, \"mounts\": ["
		       "{\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},"
		       "{\"destination\": \"/a\", \"source\": \"data\", \"options\": [\"ro\", "
		       "\"bind\"]},"
		       "{\"destination\": \"/b\", \"source\": \"/srv\", \"options\": [\"rbind\"]},"
		       "{\"destination\": \"/c\", \"source\": \"/b/c\", \"options\": [\"rbind\", "
		       "\"rw\"]},"
		       "{\"destination\": \"/d\", \"type\": \"bind\", \"source\": \"/b/d\"}],"
		       "\"hooks\": {\"startContainer\": [{\"path\": \"/inside\"}], "
		       "\"prestart\": [{\"path\": \"/bin/sh\"}, {\"path\": \"/b/hook\"}], "
		       "\"poststop\": [{\"path\": \"/bin/sh\"}]}}"),
		0, "a config");
	is_int((int)c.n, 7, "files");
	is_cover(&c.at[0], "root.path", "rootfs", COVER_ROOT, true, false);
	is_cover(&c.at[1], "hooks.prestart[0].path", "/bin/sh", COVER_HOOK, true, false);
	is_cover(&c.at[2], "hooks.prestart[1].path", "hook", COVER_HOOK, true, false);
	is_cover(&c.at[3], "hooks.poststop[0].path", "/bin/sh", COVER_HOOK, true, false);
	is_cover(&c.at[4], "mounts[1].source", "data", COVER_MOUNT, true, false);
	is_cover(&c.at[5], "mounts[2].source", "/srv", COVER_MOUNT, false, true);
	is_cover(&c.at[6], "mounts[3].source", "c", COVER_MOUNT, true, true);
	is_int(list(&c, "{\"root\": {\"path\": \"/srv/app\"}}"), 0, "a root elsewhere");
	is_cover(&c.at[0], "root.path", "/srv/app", COVER_ROOT, true, true);
	is_int(list(&c,
		       "{\"root\": {\"path\": \"r\"}, \"mounts\": [{\"destination\": \"/a\","
		       "\"source\": \"../x\", \"options\": [\"bind\"]}]}"),
		-1, "a source that goes up");
	is_str(e.text, "mounts[0].source: \"../x\" goes up by \"..\", which a sealed path may not",
		"is named");
}

int
main(void)
{
	test_paths();
	test_list();
	return done_testing();
}
