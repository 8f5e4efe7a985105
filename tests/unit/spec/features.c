/* The two documents that are made from the tables: `features` and the template of `spec`. */
#include "spec/features.h"

#include "base/arena.h"
#include "base/json.h"
#include "spec/check.h"
#include "spec/template.h"
#include "spec/view.h"
#include "tap.h"
#include "words/mountopt.h"

static char out[32768], text[32768];
static struct err e;
static struct json j;
static struct spec s;

/* The strings of an array below `linux` or the top, one after the other in `text` */
static uint32_t
array(const char *group, const char *name, uint32_t *first)
{
	int64_t object = *group ? json_find(&j, 0, group) : 0;
	int64_t at = json_find(&j, (uint32_t)object, name);

	if (!ok(object >= 0 && at > 0, "there is %s", name))
		return 0;
	*first = json_first(&j, (uint32_t)at);
	return json_count(&j, (uint32_t)at);
}

/* FT-8: what is listed is accepted. */
static void
listed(void)
{
	uint32_t k, n = array("", "mountOptions", &k);
	bool known = true, refused = false;

	ok(n > 50, "%u options", n);
	for (; n > 0; n--, k = json_next(&j, k)) {
		struct mountopt o;

		known = known && mountopt_find(json_string(&j, k), &o);
		refused = refused || o.ours > MOUNTOPT_IGNORED;
	}
	ok(known && !refused, "every option is known and none is refused");
	n = array("", "hooks", &k);
	is_int(n, HOOKS, "every kind of hook");
	is_str(json_string(&j, k), "prestart", "in the order in which they run");
	n = array("linux", "namespaces", &k);
	is_int(n, NAMESPACES, "every namespace");
	for (; n > 0; n--, k = json_next(&j, k))
		ok(words_find(WORDS_NAMESPACE, json_string(&j, k)) >= 0, "%s", json_string(&j, k));
	n = array("linux", "capabilities", &k);
	is_int(n, words_count(WORDS_CAPABILITY), "every capability");
}

static void
features(void)
{
	int n = features_write(&e, out, sizeof(out), "0.1.0", "abc", "1.3.0+ocirt.0.1.0");

	is_int(n, strlen(out), "features_write returns the length");
	ok(n > 0 && out[n - 1] == '\n' && out[n - 2] == '}', "one newline at the end");
	ok(strstr(out, "{\n    \"ociVersionMin\": \"1.0.0\",\n") == out, "four blanks");
	ok(strstr(out, "\"org.opencontainers.runc.version\": \"1.3.0+ocirt.0.1.0\""),
		"runc version");
	ok(strstr(out, "\"org.ocirt.version\": \"0.1.0\""), "our version");
	memcpy(text, out, (size_t)n);
	if (ok(json_read(&e, &j, text, (size_t)n, "features") == 0, "it is JSON"))
		listed();
	is_int(features_write(&e, out, 1000, "0.1.0", "abc", "1.3.0"), -1, "too small a buffer");
	is_str(e.text, "the features do not fit in 1000 bytes", "its message");
	for (int size = n; size < n + 2; size++)
		is_int(features_write(&e, out, (size_t)size, "0.1.0", "abc", "1.3.0+ocirt.0.1.0"),
			size > n ? n : -1, "%d bytes", size);
}

/* What we write we read, and nothing of it is refused. */
static void template(const char *what, const struct template_options *o)
{
	int n = template_config(&e, out, sizeof(out), o);

	is_int(n, strlen(out), "%s: template_config returns the length", what);
	ok(strstr(out, "{\n\t\"ociVersion\": \"1.3.0\",\n") == out, "%s: tabs", what);
	arena_release(0);
	memcpy(text, out, (size_t)n);
	is_int(spec_read(&e, &s, text, (size_t)n, "config.json"), 0, "%s: it is a config", what);
	is_int(spec_check(&e, &s), 0, "%s: a good one", what);
	is_str(s.hostname, o->name, "%s: hostname", what);
	is_str(s.process.args.at[0], "sh", "%s: args", what);
	is_int(s.process.rlimits.at[0].soft, 1024, "%s: NOFILE", what);
	ok(s.root.readonly && s.process.no_new_privileges && s.process.terminal, "%s: flags", what);
	is_int(s.process.capabilities[CAPABILITY_BOUNDING], 1 << 29 | 1 << 5 | 1 << 10,
		"%s: capabilities", what);
	is_int(s.process.capabilities[CAPABILITY_INHERITABLE] |
			s.process.capabilities[CAPABILITY_AMBIENT],
		0, "%s: no inheritable or ambient set", what);
	is_int(s.mounts.n, 7, "%s: mounts", what);
	is_int(s.linux_.namespaces[NAMESPACE_CGROUP].listed, o->cgroup2, "%s: cgroup", what);
	is_int(s.linux_.namespaces[NAMESPACE_USER].listed, o->rootless, "%s: user", what);
	is_int(s.linux_.namespaces[NAMESPACE_NETWORK].listed, !o->rootless, "%s: network", what);
	is_int(s.linux_.resources.present, !o->rootless, "%s: resources", what);
	if (o->rootless) {
		is_int(s.linux_.uid_mappings.at[0].host_id, o->uid, "%s: uid", what);
		is_int(s.linux_.gid_mappings.at[0].host_id, o->gid, "%s: gid", what);
	}
}

int
main(void)
{
	static const struct template_options root = {.name = "ocirt"},
					     root2 = {.name = "runc", .cgroup2 = true},
					     user = {.name = "a\"b",
						     .rootless = true,
						     .uid = 7,
						     .gid = 8};

	features();
	template("root", &root);
	template("root, cgroup2", &root2);
	template("rootless", &user);
	is_int(template_config(&e, out, 100, &root), -1, "too small a buffer");
	is_str(e.text, "the config does not fit in 100 bytes", "its message");
	return done_testing();
}
