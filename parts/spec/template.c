#include "spec/template.h"

#include "base/jsonw.h"
#include "spec/view.h"

/* The parts of the document; clang-format has no opinion on text. */
/* clang-format off */

#define GRANTED "['CAP_AUDIT_WRITE','CAP_KILL','CAP_NET_BIND_SERVICE']"

/* engines.md 2.13: no inheritable and no ambient set */
static const char process[] =
	"'process':{"
		"'terminal':true,"
		"'args':['sh'],"
		"'env':['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin','TERM=xterm'],"
		"'cwd':'/',"
		"'user':{'uid':0,'gid':0},"
		"'capabilities':{'bounding':" GRANTED ",'effective':" GRANTED ",'permitted':" GRANTED "},"
		"'rlimits':[{'type':'RLIMIT_NOFILE','soft':1024,'hard':1024}],"
		"'noNewPrivileges':true"
	"}";

#define MOUNT(destination, type, source, options) \
	"{'destination':'" destination "','type':'" type "','source':'" source "','options':[" options "]},"

static const char mounts[] =
	"'mounts':["
	MOUNT("/proc",		"proc",	  "proc",   "'nosuid','noexec','nodev'")
	MOUNT("/dev",		"tmpfs",  "tmpfs",  "'nosuid','strictatime','mode=755','size=65536k'")
	"{'destination':'/dev/pts','type':'devpts','source':'devpts',"
		"'options':['nosuid','noexec','newinstance','ptmxmode=0666','mode=0620'";
/* gid 5 is Debian's tty; in a user namespace with one mapped id it does not exist */
static const char rootful_pts[] = "'gid=5'";
static const char more_mounts[] = "]},"
	MOUNT("/dev/shm",	"tmpfs",  "shm",    "'nosuid','noexec','nodev','mode=1777','size=65536k'")
	MOUNT("/dev/mqueue",	"mqueue", "mqueue", "'nosuid','noexec','nodev'");
static const char rootful_sys[] =
	MOUNT("/sys",		"sysfs",  "sysfs",  "'nosuid','noexec','nodev','ro'");
/* sysfs belongs to a network namespace, and the host's is shared here */
static const char rootless_sys[] =
	MOUNT("/sys",		"none",	  "/sys",   "'rbind','nosuid','noexec','nodev','ro'");
static const char last_mounts[] =
	MOUNT("/sys/fs/cgroup",	"cgroup", "cgroup", "'nosuid','noexec','nodev','relatime','ro'")
	"]";

/* What of the host can be read there, or what can be done to it (proc(5), sysfs(5)) */
static const char paths[] =
	"'maskedPaths':["
		"'/proc/acpi','/proc/asound','/proc/kcore','/proc/keys','/proc/latency_stats',"
		"'/proc/timer_list','/proc/timer_stats','/proc/sched_debug','/proc/scsi','/sys/firmware'"
	"],"
	"'readonlyPaths':["
		"'/proc/bus','/proc/fs','/proc/irq','/proc/sys','/proc/sysrq-trigger'"
	"]";

/* clang-format on */

/* One id, the caller's, is 0 inside. */
static void
write_mapping(struct jsonw *w, const char *key, uint32_t id)
{
	jsonw_begin_array(w, key);
	jsonw_text(w, "{'containerID':0");
	jsonw_u64(w, "hostID", id);
	jsonw_text(w, "'size':1}]");
}

static void
write_mounts(struct jsonw *w, const struct template_options *o)
{
	jsonw_text(w, mounts);
	if (!o->rootless)
		jsonw_text(w, rootful_pts);
	jsonw_text(w, more_mounts);
	jsonw_text(w, o->rootless ? rootless_sys : rootful_sys);
	jsonw_text(w, last_mounts);
}

static void
write_linux(struct jsonw *w, const struct template_options *o)
{
	jsonw_text(w, "'linux':{'namespaces':[{'type':'pid'}");
	if (!o->rootless)
		jsonw_text(w, "{'type':'network'}");
	jsonw_text(w, "{'type':'ipc'},{'type':'uts'},{'type':'mount'}");
	if (o->cgroup2)
		jsonw_text(w, "{'type':'cgroup'}");
	if (o->rootless)
		jsonw_text(w, "{'type':'user'}");
	jsonw_text(w, "]");
	if (o->rootless) {
		write_mapping(w, "uidMappings", o->uid);
		write_mapping(w, "gidMappings", o->gid);
	} else {
		jsonw_text(w, "'resources':{'devices':[{'allow':false,'access':'rwm'}]}");
	}
	jsonw_text(w, paths);
	jsonw_text(w, "}");
}

int
template_config(struct err *e, char *out, size_t size, const struct template_options *o)
{
	struct jsonw w = jsonw_in(out, size, JSONW_TAB);

	jsonw_text(&w, "{'ociVersion':'" SPEC_VERSION "','root':{'path':'rootfs','readonly':true}");
	jsonw_string(&w, "hostname", o->name);
	jsonw_text(&w, process);
	write_mounts(&w, o);
	write_linux(&w, o);
	jsonw_end_object(&w);
	if (w.cut || w.len + 1 >= size)
		return fail(e, "the config does not fit in %zu bytes", size);
	out[w.len++] = '\n';
	out[w.len] = '\0';
	return (int)w.len;
}
