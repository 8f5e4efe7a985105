#include "spec/template.h"

#include "base/jsonw.h"
#include "spec/view.h"

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
write_strings(struct jsonw *w, const char *key, const char *const *at, size_t n)
{
	jsonw_begin_array(w, key);
	for (size_t i = 0; i < n; i++)
		jsonw_string(w, NULL, at[i]);
	jsonw_end_array(w);
}

/* -- process
 * --------------------------------------------------------------------------------------- */

/* engines.md 2.13: no inheritable and no ambient set */
static void
write_capabilities(struct jsonw *w)
{
	static const char *const set[] = {"bounding", "effective", "permitted"};
	static const char *const granted[] = {
		"CAP_AUDIT_WRITE",
		"CAP_KILL",
		"CAP_NET_BIND_SERVICE",
	};

	jsonw_begin_object(w, "capabilities");
	for (size_t i = 0; i < N(set); i++)
		write_strings(w, set[i], granted, N(granted));
	jsonw_end_object(w);
}

static void
write_rlimits(struct jsonw *w)
{
	jsonw_begin_array(w, "rlimits");
	jsonw_begin_object(w, NULL);
	jsonw_string(w, "type", "RLIMIT_NOFILE");
	jsonw_u64(w, "soft", 1024);
	jsonw_u64(w, "hard", 1024);
	jsonw_end_object(w);
	jsonw_end_array(w);
}

static void
write_process(struct jsonw *w)
{
	static const char *const args[] = {"sh"};
	static const char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"TERM=xterm",
	};

	jsonw_begin_object(w, "process");
	jsonw_bool(w, "terminal", true);
	write_strings(w, "args", args, N(args));
	write_strings(w, "env", env, N(env));
	jsonw_string(w, "cwd", "/");
	jsonw_begin_object(w, "user");
	jsonw_u64(w, "uid", 0);
	jsonw_u64(w, "gid", 0);
	jsonw_end_object(w);
	write_capabilities(w);
	write_rlimits(w);
	jsonw_bool(w, "noNewPrivileges", true);
	jsonw_end_object(w);
}

/* -- mounts
 * ---------------------------------------------------------------------------------------- */

enum { OPTIONS_MAX = 6 };

/* Who gets a mount */
enum { ALWAYS, ROOTFUL, ROOTLESS };

static const struct mount {
	uint8_t who;
	char destination[16], type[8], source[8];
	char option[OPTIONS_MAX][16];
} mounts[] = {
	/* clang-format off */
	{ ALWAYS,   "/proc",		"proc",	  "proc",   { "nosuid", "noexec", "nodev" } },
	{ ALWAYS,   "/dev",		"tmpfs",  "tmpfs",  { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	/* gid 5 is Debian's tty; in a user namespace with one mapped id it does not exist */
	{ ROOTFUL,  "/dev/pts",		"devpts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ ROOTLESS, "/dev/pts",		"devpts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" } },
	{ ALWAYS,   "/dev/shm",		"tmpfs",  "shm",    { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ ALWAYS,   "/dev/mqueue",	"mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ ROOTFUL,  "/sys",		"sysfs",  "sysfs",  { "nosuid", "noexec", "nodev", "ro" } },
	/* sysfs belongs to a network namespace, and the host's is shared here */
	{ ROOTLESS, "/sys",		"none",	  "/sys",   { "rbind", "nosuid", "noexec", "nodev", "ro" } },
	{ ALWAYS,   "/sys/fs/cgroup",	"cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
	/* clang-format on */
};

static void
write_mount(struct jsonw *w, const struct mount *m)
{
	jsonw_begin_object(w, NULL);
	jsonw_string(w, "destination", m->destination);
	jsonw_string(w, "type", m->type);
	jsonw_string(w, "source", m->source);
	jsonw_begin_array(w, "options");
	for (size_t i = 0; i < OPTIONS_MAX && *m->option[i]; i++)
		jsonw_string(w, NULL, m->option[i]);
	jsonw_end_array(w);
	jsonw_end_object(w);
}

static void
write_mounts(struct jsonw *w, const struct template_options *o)
{
	jsonw_begin_array(w, "mounts");
	for (size_t i = 0; i < N(mounts); i++)
		if (mounts[i].who == ALWAYS || mounts[i].who == (o->rootless ? ROOTLESS : ROOTFUL))
			write_mount(w, &mounts[i]);
	jsonw_end_array(w);
}

/* -- linux
 * ----------------------------------------------------------------------------------------- */

static void
write_namespace(struct jsonw *w, const char *type)
{
	jsonw_begin_object(w, NULL);
	jsonw_string(w, "type", type);
	jsonw_end_object(w);
}

static void
write_namespaces(struct jsonw *w, const struct template_options *o)
{
	jsonw_begin_array(w, "namespaces");
	write_namespace(w, "pid");
	if (!o->rootless)
		write_namespace(w, "network");
	write_namespace(w, "ipc");
	write_namespace(w, "uts");
	write_namespace(w, "mount");
	if (o->cgroup2)
		write_namespace(w, "cgroup");
	if (o->rootless)
		write_namespace(w, "user");
	jsonw_end_array(w);
}

/* One id, the caller's, is 0 inside. */
static void
write_mapping(struct jsonw *w, const char *key, uint32_t id)
{
	jsonw_begin_array(w, key);
	jsonw_begin_object(w, NULL);
	jsonw_u64(w, "containerID", 0);
	jsonw_u64(w, "hostID", id);
	jsonw_u64(w, "size", 1);
	jsonw_end_object(w);
	jsonw_end_array(w);
}

static void
write_resources(struct jsonw *w)
{
	jsonw_begin_object(w, "resources");
	jsonw_begin_array(w, "devices");
	jsonw_begin_object(w, NULL);
	jsonw_bool(w, "allow", false);
	jsonw_string(w, "access", "rwm");
	jsonw_end_object(w);
	jsonw_end_array(w);
	jsonw_end_object(w);
}

static void
write_linux(struct jsonw *w, const struct template_options *o)
{
	/* What of the host can be read there, or what can be done to it (proc(5), sysfs(5)) */
	static const char *const masked[] = {
		"/proc/acpi",
		"/proc/asound",
		"/proc/kcore",
		"/proc/keys",
		"/proc/latency_stats",
		"/proc/timer_list",
		"/proc/timer_stats",
		"/proc/sched_debug",
		"/proc/scsi",
		"/sys/firmware",
	};
	static const char *const read_only[] = {
		"/proc/bus",
		"/proc/fs",
		"/proc/irq",
		"/proc/sys",
		"/proc/sysrq-trigger",
	};

	jsonw_begin_object(w, "linux");
	write_namespaces(w, o);
	if (o->rootless) {
		write_mapping(w, "uidMappings", o->uid);
		write_mapping(w, "gidMappings", o->gid);
	} else {
		write_resources(w);
	}
	write_strings(w, "maskedPaths", masked, N(masked));
	write_strings(w, "readonlyPaths", read_only, N(read_only));
	jsonw_end_object(w);
}

/* -- the whole
 * ------------------------------------------------------------------------------------- */

static void
write_root(struct jsonw *w)
{
	jsonw_begin_object(w, "root");
	jsonw_string(w, "path", "rootfs");
	jsonw_bool(w, "readonly", true);
	jsonw_end_object(w);
}

int
template_config(struct err *e, char *out, size_t size, const struct template_options *o)
{
	struct jsonw w = jsonw_in(out, size, JSONW_TAB);

	jsonw_begin_object(&w, NULL);
	jsonw_string(&w, "ociVersion", SPEC_VERSION);
	write_root(&w);
	jsonw_string(&w, "hostname", o->name);
	write_process(&w);
	write_mounts(&w, o);
	write_linux(&w, o);
	jsonw_end_object(&w);
	if (w.cut || w.len + 1 >= size)
		return fail(e, "the config does not fit in %zu bytes", size);
	out[w.len++] = '\n';
	out[w.len] = '\0';
	return (int)w.len;
}
