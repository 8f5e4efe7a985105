#include "plan/cover.h"

#include "spec/manifest.h"
#include "tap.h"

#include <string.h>

static struct err e;
static char text[8192];

static void
is_path(const char *bundle, const char *path, const char *want)
{
	is_str(cover_path(&e, "x", bundle, path), want, "%s in %s", path, bundle);
}

static void
is_refused(const char *path)
{
	char why[256];

	snprintf(why, sizeof why,
		"x: \"%s\" cannot be sealed: it has \"..\" or is the bundle itself", path);
	ok(!cover_path(&e, "x", "/b", path), "%s is refused", path);
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
	is_refused("../x");
	is_refused("/b/../b/x");
	is_refused("x/..");
	is_refused(".");
	is_refused("/b/");
	memset(long_path, 'x', sizeof long_path);
	long_path[0] = '/';
	long_path[MANIFEST_PATH_MAX + 1] = '\0';
	ok(!cover_path(&e, "x", "/b", long_path), "a path of 4,096 bytes is refused");
	is_str(e.text, "x: the path is longer than 4095 bytes", "and says so");
	long_path[MANIFEST_PATH_MAX] = '\0';
	is_path("/b", long_path, long_path);
}

static void
is_cover(const struct cover *c, const char *property, const char *path, bool needed, bool writable)
{
	is_str(c->property, property, "%s", property);
	is_str(c->path, path, "%s: the path", property);
	ok(c->needed == needed && c->writable == writable, "%s: needed, writable", property);
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
	is_cover(&c.at[0], "root.path", "rootfs", true, false);
	is_cover(&c.at[1], "hooks.prestart[0].path", "/bin/sh", true, false);
	is_cover(&c.at[2], "hooks.prestart[1].path", "hook", true, false);
	is_cover(&c.at[3], "hooks.poststop[0].path", "/bin/sh", true, false);
	is_cover(&c.at[4], "mounts[1].source", "data", true, false);
	is_cover(&c.at[5], "mounts[2].source", "/srv", false, true);
	is_cover(&c.at[6], "mounts[3].source", "/b/c", true, true);
	is_int(list(&c, "{\"root\": {\"path\": \"/srv/app\"}}"), 0, "a root elsewhere");
	is_cover(&c.at[0], "root.path", "/srv/app", true, true);
	is_int(list(&c,
		       "{\"root\": {\"path\": \"r\"}, \"mounts\": [{\"destination\": \"/a\","
		       "\"type\": \"overlay\", \"options\": [\"ro\", \"lowerdir=/bc:/b/x\", "
		       "\"a=/b\"]}],"
		       "\"hooks\": {\"prestart\": [{\"path\": \"/bin/sh\", \"args\": [\"sh\", "
		       "\"/b/../s.sh\", \"/bin/b/x\"]}], \"startContainer\": [{\"path\": \"/x\", "
		       "\"args\": [\"/b/x\"]}]}}"),
		0, "words that name the bundle");
	is_int((int)c.n, 4, "files");
	is_cover(&c.at[2], "hooks.prestart[0].args[1]", "../s.sh", false, false);
	is_cover(&c.at[3], "mounts[0].options[1]", "lowerdir=/bc:/b/x", false, false);
	ok(!c.at[1].inside && c.at[2].inside && c.at[3].inside, "they seem to lie in it");
	is_int(list(&c,
		       "{\"root\": {\"path\": \"r\"}, \"annotations\": "
		       "{\"org.ocirt.attest\": \"/b/x\"}, \"hooks\": {\"prestart\": ["
		       "{\"path\": \"/bin/sh\"}]}}"),
		0, "a program that the config names");
	is_int((int)c.n, 3, "files");
	is_cover(&c.at[1], "annotations: org.ocirt.attest", "x", true, false);
	is_cover(&c.at[2], "hooks.prestart[0].path", "/bin/sh", true, false);
	is_int(list(&c,
		       "{\"root\": {\"path\": \"r\"}, \"mounts\": [{\"destination\": \"/a\","
		       "\"source\": \"../x\", \"options\": [\"bind\"]}]}"),
		-1, "a source that goes up");
	is_str(e.text,
		"mounts[0].source: \"../x\" cannot be sealed: it has \"..\" or is the bundle "
		"itself",
		"is named");
}

int
main(void)
{
	test_paths();
	test_list();
	return done_testing();
}
