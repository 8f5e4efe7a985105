#include "tap.h"

#include "base/sys.h"
#include "fixture.h"

static struct spec_mount mounts[4];
static const char *words[4][32];

/* Entry `i` of mounts[], with options up to a NULL */
static void
entry(uint32_t i, struct spec_mount m, const char *const *options)
{
	uint32_t n = 0;

	for (; options && options[n]; n++)
		words[i][n] = options[n];
	m.options = (struct strings){words[i], n, options != NULL};
	mounts[i] = m;
	spec.mounts.at = mounts;
	spec.mounts.n = i + 1;
}

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The only row of a plan with one mount of these options; NULL when the plan fails */
static const struct plan_mount *
row(const char *type, const char *source, const char *const *options)
{
	fixture_start();
	entry(0, (struct spec_mount){.destination = "/m", .type = type, .source = source}, options);
	if (fixture_plan() < 0 || plan.mounts.n != 1)
		return NULL;
	return &plan.mounts.at[0];
}

static void
test_filesystem(void)
{
	const struct plan_mount *m =
		row("tmpfs", "t", OPTIONS("nosuid", "size=1m", "ro", "mode=7"));

	is_int(m->kind, PLAN_MOUNT_FILESYSTEM, "a filesystem");
	is_int(m->flags, MS_NOSUID | MS_RDONLY, "flags");
	is_str(m->data, "size=1m,mode=7", "data");
	is_str(m->source, "t", "source");
	m = row("tmpfs", NULL, NULL);
	is_str(m->source, "tmpfs", "a dummy source");
	is_str(m->data, NULL, "no data");
	ok(!m->proc_or_sys, "not procfs");
	ok(row("proc", NULL, NULL)->proc_or_sys && row("sysfs", NULL, NULL)->proc_or_sys, "S3");
	ok(!row(NULL, "/x", OPTIONS("ro")), "no type");
	is_str(e.text,
		"mounts[0].type: needed, since the options have neither \"bind\" nor \"rbind\"",
		"text");
	ok(!row("", "/x", NULL), "an empty type");
	is_int(row("bind", "/x", NULL)->kind, PLAN_MOUNT_FILESYSTEM,
		"MT-4: the type bind makes no bind mount");
}

static void
test_order(void)
{
	const struct plan_mount *m = row("tmpfs", NULL, OPTIONS("ro", "rw", "suid", "nosuid"));

	is_int(m->flags, MS_NOSUID, "the last of two that contradict wins");
	m = row(NULL, "/x", OPTIONS("bind", "nodev", "ro", "dev"));
	is_int(m->bind_set, MS_RDONLY, "set on a bind");
	is_int(m->bind_clear, MS_NODEV, "cleared on a bind");
	m = row("tmpfs", NULL, OPTIONS("rprivate", "shared"));
	is_int(m->propagation, MS_SHARED, "the last propagation");
	m = row("tmpfs", NULL, OPTIONS("rrw", "rro", "rnosuid", "rsuid"));
	is_int(m->attr_set, MOUNT_ATTR_RDONLY, "recursive: set");
	is_int(m->attr_clear, MOUNT_ATTR_NOSUID, "recursive: cleared");
}

static void
test_bind(void)
{
	static const char *const types[] = {NULL, "", "none", "bind", "tmpfs"};
	const struct plan_mount *m;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		m = row(types[i], "data", OPTIONS("rbind"));
		is_int(m->kind, PLAN_MOUNT_BIND, "MT-4: rbind with type %s",
			types[i] ? types[i] : "-");
		is_str(m->type, NULL, "no type");
		is_str(m->source, "/srv/web/data", "source in the bundle");
	}
	is_int(m->flags, MS_BIND | MS_REC, "the first call has no other flags");
	is_int(m->bind_set | m->bind_clear, 0, "no second call");
	m = row(NULL, "/x", OPTIONS("bind", "ro", "noatime", "sync", "silent"));
	is_int(m->flags, MS_BIND, "bind");
	is_int(m->bind_set, MS_RDONLY | MS_NOATIME, "the mount's own flags alone");
	ok(!row(NULL, NULL, OPTIONS("bind")), "no source");
	is_str(e.text, "mounts[0].source: a bind mount needs one", "text");
	ok(!row("none", "/x", OPTIONS("bind", "ro", "size=1m", "x=1")), "data on a bind");
	is_str(e.text, "mounts[0].options: \"size=1m\" is not an option of a bind mount", "DEC-24");
	m = row("none", NULL, OPTIONS("remount", "bind", "ro"));
	is_int(m->kind, PLAN_MOUNT_REMOUNT, "remount");
	is_int(m->flags, MS_REMOUNT | MS_BIND | MS_RDONLY, "with all flags");
	ok(!row("none", NULL, OPTIONS("remount", "bind", "size=1")), "data on a remounted bind");
}

static void
test_atime(void)
{
	static const char *const options[] = {
		"rnoatime", "ratime", "rrelatime", "rnorelatime", "rstrictatime", "rnostrictatime"};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		const struct plan_mount *m =
			row(NULL, "/x", OPTIONS("rbind", options[i], "rnodev"));

		is_int(m->attr_clear, MOUNT_ATTR__ATIME, "%s clears the whole field", options[i]);
		is_int(m->attr_set & ~MOUNT_ATTR__ATIME, MOUNT_ATTR_NODEV, "and more is kept");
	}
	is_int(row("tmpfs", NULL, OPTIONS("rnoatime", "rstrictatime"))->attr_set,
		MOUNT_ATTR_STRICTATIME, "one value of the field");
	is_int(row("tmpfs", NULL, OPTIONS("rro"))->attr_clear, 0, "no atime option: not cleared");
}

static void
test_destination(void)
{
	static char text[DEVICE_ALL * 1024];

	fixture_start();
	entry(0, (struct spec_mount){.destination = "a//b/../c/", .type = "tmpfs"}, NULL);
	entry(1, (struct spec_mount){.destination = "/../x", .type = "tmpfs"}, NULL);
	is_int(fixture_plan(), 0, "paths");
	is_str(plan.mounts.at[0].destination, "/a/c", "MT-2: relative, cleaned");
	is_str(plan.mounts.at[1].destination, "/x", "never above the root");
	is_int(plan.mounts.at[1].index, 1, "index");
	mounts[1].destination = "/a/..";
	is_int(fixture_plan(), -1, "the root itself");
	is_str(e.text, "mounts[1].destination: \"/a/..\" is the root filesystem itself", "text");
	memset(text, 'x', sizeof(text) - 1);
	mounts[1].destination = text;
	is_int(fixture_plan(), -1, "too long");
	is_str(e.text, "mounts[1].destination: the path is longer than 4095 bytes", "text");
}

static void
test_refused(void)
{
	static char data[4097];

	ok(!row("tmpfs", "/x", OPTIONS("ro", "idmap")), "idmap of a filesystem");
	is_str(e.text, "mounts[0]: only the ids of a bind mount can be mapped", "text");
	ok(!row("none", "/x", OPTIONS("rbind", "ridmap")), "nobody says which ids");
	is_str(e.text,
		"mounts[0].uidMappings: missing: without a user namespace the option \"ridmap\" "
		"needs them",
		"text");
	ok(!row("proc", "/x", OPTIONS("tmpcopyup")), "tmpcopyup of another filesystem");
	is_str(e.text, "mounts[0].options: \"tmpcopyup\" is an option of tmpfs alone", "text");
	memset(data, 'x', 4096);
	ok(!row("tmpfs", NULL, OPTIONS(data)), "more data than the kernel takes");
	is_str(e.text, "mounts[0].options: the data for the filesystem is longer than 4095 bytes",
		"text");
	data[4095] = '\0';
	ok(row("tmpfs", NULL, OPTIONS(data)) != NULL, "as much as it takes");
}

int
main(void)
{
	test_filesystem();
	test_order();
	test_bind();
	test_atime();
	test_destination();
	test_refused();
	return done_testing();
}
