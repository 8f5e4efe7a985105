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

/* FT-3: what is listed is honoured.  plan/mounts refuses the ids and the copies of this list. */
static void
write_mount_options(struct jsonw *w)
{
	jsonw_begin_array(w, "mountOptions");
	for (const char *name = mountopt_next(NULL); name; name = mountopt_next(name)) {
		struct mountopt o;

		if (mountopt_find(name, &o) && o.ours <= MOUNTOPT_IGNORED)
			jsonw_string(w, NULL, name);
	}
	jsonw_end_array(w);
}

/* FT-4 to FT-6; engines.md 3.5 for the order */
static void
write_linux(struct jsonw *w)
{
	jsonw_begin_object(w, "linux");
	write_words(w, "namespaces", WORDS_NAMESPACE);
	write_words(w, "capabilities", WORDS_CAPABILITY);
	jsonw_text(w,
		"'cgroup':{'v1':true,'v2':true,'systemd':true,'systemdUser':true,'rdma':true},"
		"'seccomp':{'enabled':true");
	write_words(w, "actions", WORDS_SECCOMP_ACTION);
	write_words(w, "operators", WORDS_SECCOMP_OPERATOR);
	write_words(w, "archs", WORDS_SECCOMP_ARCH);
	write_words(w, "knownFlags", WORDS_SECCOMP_FLAG);
	write_words(w, "supportedFlags", WORDS_SECCOMP_FLAG);
	jsonw_text(w,
		"},"
		"'apparmor':{'enabled':true},"
		"'selinux':{'enabled':true},"
		"'intelRdt':{'enabled':true,'schemata':true,'monitoring':true},"
		"'memoryPolicy':{");
	write_words(w, "modes", WORDS_MEMORY_MODE);
	write_words(w, "flags", WORDS_MEMORY_FLAG);
	jsonw_text(w,
		"},"
		"'mountExtensions':{'idmap':{'enabled':true}},"
		"'netDevices':{'enabled':true}}");
}

/* FT-7: annotations that change what we do */
static void
write_annotations(
	struct jsonw *w, const char *version, const char *commit, const char *runc_version)
{
	jsonw_begin_object(w, "annotations");
	jsonw_string(w, "org.opencontainers.runc.version", runc_version);
	jsonw_string(w, "org.opencontainers.runc.commit", commit);
	jsonw_text(w, "'org.opencontainers.runc.checkpoint.enabled':'false'");
	jsonw_string(w, "org.ocirt.version", version);
	jsonw_text(w, "'org.ocirt.seal.format':'1'");
	jsonw_text(w,
		"},'potentiallyUnsafeConfigAnnotations':"
		"['bundle','org.ocirt.','org.ocirt.attest','org.ocirt.init','org.ocirt.init.grace',"
		"'org.ocirt.init.group','org.ocirt.init.stop-timeout','org.ocirt.init.wait-all',"
		"'org.ocirt.root.overlay','org.systemd.property.','run.oci.']");
}

int
features_write(struct err *e, char *out, size_t size, const char *version, const char *commit,
	const char *runc_version)
{
	struct jsonw w = jsonw_in(out, size, 4);

	jsonw_text(
		&w, "{'ociVersionMin':'" SPEC_VERSION_MIN "','ociVersionMax':'" SPEC_VERSION "'");
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
