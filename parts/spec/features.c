#include "spec/features.h"

#include "base/jsonw.h"
#include "spec/view.h"
#include "words/mountopt.h"
#include "words/words.h"

static void
write_words(struct jsonw *w, const char *key, enum words list)
{
	jsonw_begin_array(w, key);
	for (size_t i = 0; i < words_count(list); i++)
		jsonw_string(w, NULL, words_row(list, i));
	jsonw_end_array(w);
}

static void
write_none(struct jsonw *w, const char *key)
{
	jsonw_begin_array(w, key);
	jsonw_end_array(w);
}

/* FT-3: what is listed is honoured.  plan/mounts refuses the ids and the copies of this list. */
static void
write_mount_options(struct jsonw *w)
{
	jsonw_begin_array(w, "mountOptions");
	for (size_t i = 0; i < mountopt_n; i++)
		if (mountopt_rows[i].ours <= MOUNTOPT_IGNORED)
			jsonw_string(w, NULL, mountopt_rows[i].name);
	jsonw_end_array(w);
}

/* { KEY: { "enabled": false } } */
static void
write_disabled(struct jsonw *w, const char *key)
{
	jsonw_begin_object(w, key);
	jsonw_bool(w, "enabled", false);
	jsonw_end_object(w);
}

static void
write_cgroup(struct jsonw *w)
{
	jsonw_begin_object(w, "cgroup");
	jsonw_bool(w, "v1", true);
	jsonw_bool(w, "v2", true);
	jsonw_bool(w, "systemd", false); /* DEC-10 */
	jsonw_bool(w, "systemdUser", false);
	jsonw_bool(w, "rdma", false);
	jsonw_end_object(w);
}

static void
write_seccomp(struct jsonw *w)
{
	jsonw_begin_object(w, "seccomp");
	jsonw_bool(w, "enabled", false);
	write_none(w, "actions");
	write_none(w, "operators");
	write_none(w, "archs");
	write_none(w, "knownFlags");
	write_none(w, "supportedFlags");
	jsonw_end_object(w);
}

static void
write_intel_rdt(struct jsonw *w)
{
	jsonw_begin_object(w, "intelRdt");
	jsonw_bool(w, "enabled", false);
	jsonw_bool(w, "schemata", false);
	jsonw_bool(w, "monitoring", false);
	jsonw_end_object(w);
}

/* FT-4 to FT-6; engines.md 3.5 for the order */
static void
write_linux(struct jsonw *w)
{
	jsonw_begin_object(w, "linux");
	write_words(w, "namespaces", WORDS_NAMESPACE);
	write_words(w, "capabilities", WORDS_CAPABILITY);
	write_cgroup(w);
	write_seccomp(w);
	write_disabled(w, "apparmor");
	write_disabled(w, "selinux");
	write_intel_rdt(w);
	jsonw_begin_object(w, "memoryPolicy");
	write_none(w, "modes");
	write_none(w, "flags");
	jsonw_end_object(w);
	jsonw_begin_object(w, "mountExtensions");
	write_disabled(w, "idmap");
	jsonw_end_object(w);
	write_disabled(w, "netDevices");
	jsonw_end_object(w);
}

/* FT-7: annotations that change what we do */
static void
write_annotations(
	struct jsonw *w, const char *version, const char *commit, const char *runc_version)
{
	static const char *const unsafe[] = {
		"bundle", "org.ocirt.", "org.systemd.property.", "run.oci."};

	jsonw_begin_object(w, "annotations");
	jsonw_string(w, "org.opencontainers.runc.version", runc_version);
	jsonw_string(w, "org.opencontainers.runc.commit", commit);
	jsonw_string(w, "org.opencontainers.runc.checkpoint.enabled", "false");
	jsonw_string(w, "org.ocirt.version", version);
	jsonw_end_object(w);
	jsonw_begin_array(w, "potentiallyUnsafeConfigAnnotations");
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
		jsonw_string(w, NULL, unsafe[i]);
	jsonw_end_array(w);
}

int
features_write(struct err *e, char *out, size_t size, const char *version, const char *commit,
	const char *runc_version)
{
	struct jsonw w = jsonw_in(out, size, 4);

	jsonw_begin_object(&w, NULL);
	jsonw_string(&w, "ociVersionMin", SPEC_VERSION_MIN);
	jsonw_string(&w, "ociVersionMax", SPEC_VERSION);
	write_words(&w, "hooks", WORDS_HOOK);
	write_mount_options(&w);
	write_linux(&w);
	write_annotations(&w, version, commit, runc_version);
	jsonw_end_object(&w);
	if (w.cut || w.len + 1 >= size)
		return fail(e, "the features do not fit in %zu bytes", size);
	out[w.len++] = '\n';
	out[w.len] = '\0';
	return (int)w.len;
}
