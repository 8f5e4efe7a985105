/* What an accepted config becomes.  Refusals are in tests/golden/refuse. */
#include "spec/view.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "tap.h"

#include <sys/mount.h>
#include <sys/resource.h>

static char text[65536];
static struct err e;
static struct spec s;

/* Reads a config written with ' for ". */
static bool
read_config(const char *config)
{
	size_t n = 0;
	int result;

	for (; config[n]; n++)
		text[n] = config[n] == '\'' ? '"' : config[n];
	arena_release(0);
	result = spec_read(&e, &s, text, n, "config.json");
	return tap_ok(result == 0, __FILE__, __LINE__, "accepted%s%s", result ? ": " : "",
		result ? e.text : "");
}

/* The warnings since the last call */
static const char *
warnings(void)
{
	static char buf[LOG_PENDING_MAX];

	buf[0] = '\0';
	(void)log_pending(buf, sizeof(buf));
	return buf;
}

static void
nothing(void)
{
	read_config("{}");
	ok(!s.oci_version && !s.hostname && !s.domainname, "no strings");
	ok(!s.root.present && !s.process.present && !s.linux_.resources.present, "no objects");
	ok(!s.process.args.present && s.process.args.n == 0, "no arrays");
	ok(!s.linux_.namespaces[NAMESPACE_PID].listed, "no namespaces");
}

/* DEC-29 */
static void
nulls(void)
{
	read_config("{'root': null, 'process': null, 'hooks': null, 'linux': null, 'vm': null,"
		    "'mounts': null, 'hostname': null, 'annotations': null}");
	ok(!s.root.present && !s.process.present && s.mounts.n == 0, "null is absent");
	read_config("{'process': {'user': null, 'capabilities': null, 'consoleSize': null,"
		    "'oomScoreAdj': null, 'scheduler': null, 'args': null}}");
	ok(s.process.present && !s.process.console_size.present && !s.process.oom_score_adj_set &&
			!s.process.args.present,
		"null is absent in process");
	read_config("{'linux': {'seccomp': null, 'intelRdt': null, 'resources': {'memory': null,"
		    "'hugepageLimits': null, 'pids': {'limit': null}}, 'netDevices': null}}");
	ok(s.linux_.resources.present, "null is absent in linux");
}

static void
process(void)
{
	static struct spec_process *p = &s.process;

	read_config(
		"{'process': {'terminal': true, 'consoleSize': {'height': 25, 'width': 80},"
		"'user': {'uid': 1, 'gid': 4294967294, 'umask': 18, 'additionalGids': [5, 6]},"
		"'args': ['sh', '-c', 'a\\u00e4\\n'], 'env': [], 'cwd': '/w',"
		"'capabilities': {'bounding': ['CAP_CHOWN', 'CAP_KILL'], 'ambient': ['CAP_BPF']},"
		"'rlimits': [{'type': 'RLIMIT_NOFILE', 'soft': 1, 'hard': 18446744073709551615}],"
		"'noNewPrivileges': true, 'oomScoreAdj': -500,"
		"'apparmorProfile': '', 'selinuxLabel': 'l'}}");
	ok(p->present && p->terminal && p->no_new_privileges, "flags");
	ok(p->console_size.present && p->console_size.height_set && p->console_size.width_set,
		"console size");
	is_int(p->console_size.height, 25, "height");
	is_int(p->console_size.width, 80, "width");
	is_int(p->user.uid, 1, "uid");
	is_int(p->user.gid, UINT32_MAX - 1, "gid");
	ok(p->user.umask_set, "umask set");
	is_int(p->user.umask, 022, "umask");
	is_int(p->user.additional_gids.n, 2, "gids");
	is_int(p->user.additional_gids.at[1], 6, "second gid");
	is_int(p->args.n, 3, "args");
	is_str(p->args.at[2], "a\u00e4\n", "escapes are undone");
	ok(!p->args.at[3], "a NULL behind the last of args");
	ok(p->env.present && p->env.n == 0 && p->env.at && !p->env.at[0], "an empty env is there");
	is_str(p->cwd, "/w", "cwd");
	is_int(p->capabilities[CAPABILITY_BOUNDING], 1 << 0 | 1 << 5, "bounding");
	is_int(p->capabilities[CAPABILITY_AMBIENT], 1LL << 39, "ambient");
	is_int(p->capabilities[CAPABILITY_EFFECTIVE], 0, "an absent set is empty");
	is_int(p->rlimits.n, 1, "rlimits");
	is_int(p->rlimits.at[0].resource, RLIMIT_NOFILE, "type");
	is_int(p->rlimits.at[0].soft, 1, "soft");
	ok(p->rlimits.at[0].hard == UINT64_MAX, "hard");
	ok(p->oom_score_adj_set, "oomScoreAdj set");
	is_int(p->oom_score_adj, -500, "oomScoreAdj");
	ok(!p->apparmor_profile, "DEC-30: an empty profile is none");
	is_str(p->selinux_label, "l", "selinuxLabel");
}

static void
mounts_and_hooks(void)
{
	read_config(
		"{'root': {'path': 'r', 'readonly': true}, 'mounts': ["
		"{'destination': '/a', 'type': 'tmpfs', 'source': 't', 'options': ['ro', 'x=1']},"
		"{'destination': 'b', 'uidMappings': [], 'gidMappings': null}],"
		"'hooks': {'poststop': [{'path': '/h', 'args': ['h'], 'env': ['A=1'],"
		"'timeout': 3}, {'path': '/i'}], 'prestart': []},"
		"'annotations': {'b': '2', 'a': ''}}");
	ok(s.root.present && s.root.readonly, "root");
	is_str(s.root.path, "r", "root.path");
	is_int(s.mounts.n, 2, "mounts");
	is_str(s.mounts.at[0].options.at[1], "x=1", "options");
	ok(!s.mounts.at[1].type && !s.mounts.at[1].source && !s.mounts.at[1].options.present,
		"what is absent is NULL");
	is_int(s.hooks.kind[HOOK_PRESTART].n, 0, "prestart");
	is_int(s.hooks.kind[HOOK_POSTSTOP].n, 2, "poststop");
	is_str(s.hooks.kind[HOOK_POSTSTOP].at[0].env.at[0], "A=1", "env");
	is_int(s.hooks.kind[HOOK_POSTSTOP].at[0].timeout, 3, "timeout");
	is_int(s.hooks.kind[HOOK_POSTSTOP].at[1].timeout, 0, "no timeout");
	is_int(s.annotations.n, 2, "annotations");
	is_str(s.annotations.at[0].name, "b", "in file order");
	is_str(s.annotations.at[1].value, "", "an empty value is fine");
}

static void
linux_part(void)
{
	static struct spec_linux *l = &s.linux_;

	read_config(
		"{'linux': {'namespaces': [{'type': 'time'}, {'type': 'network', 'path': '/n'}],"
		"'uidMappings': [{'containerID': 1, 'hostID': 2, 'size': 3}], 'gidMappings': [],"
		"'cgroupsPath': 'a', 'rootfsPropagation': 'rslave',"
		"'maskedPaths': ['/m'], 'readonlyPaths': [],"
		"'mountLabel': 'l', 'sysctl': {'net.x': '1'},"
		"'devices': [{'type': 'u', 'path': '/dev/u', 'major': 4095, 'minor': 1048575},"
		"{'type': 'p', 'path': '/dev/p', 'major': 7, 'fileMode': 0, 'uid': 9}],"
		"'resources': {'devices': [{'allow': false}, {'allow': true, 'type': 'b',"
		"'major': -1, 'minor': 3, 'access': 'mr'}]}}}");
	ok(l->namespaces[NAMESPACE_TIME].listed && !l->namespaces[NAMESPACE_TIME].path, "time");
	is_str(l->namespaces[NAMESPACE_NETWORK].path, "/n", "network");
	ok(!l->namespaces[NAMESPACE_USER].listed, "user");
	is_int(l->uid_mappings.at[0].host_id, 2, "uidMappings");
	ok(l->gid_mappings.present && l->gid_mappings.n == 0, "gidMappings");
	is_str(l->cgroups_path, "a", "cgroupsPath");
	is_int(l->rootfs_propagation, MS_SLAVE | MS_REC, "rootfsPropagation");
	is_int(l->masked_paths.n, 1, "maskedPaths");
	ok(l->readonly_paths.present, "readonlyPaths");
	is_str(l->mount_label, "l", "mountLabel");
	is_str(l->sysctl.at[0].value, "1", "sysctl");
	is_int(l->devices.at[0].type, 'c', "u is an unbuffered c");
	is_int(l->devices.at[0].minor, 1048575, "the largest minor number");
	is_int(l->devices.at[0].file_mode, 0666, "DV-3: the default mode");
	is_int(l->devices.at[1].major, -1, "a fifo has no number");
	is_int(l->devices.at[1].file_mode, 0, "mode 0 is a mode");
	is_int(l->devices.at[1].uid, 9, "uid");
	ok(l->resources.present && l->resources.devices.present, "resources.devices");
	is_int(l->resources.devices.at[0].type, 'a', "CD-1: the default type");
	is_int(l->resources.devices.at[0].major, -1, "CD-1: any major");
	is_int(l->resources.devices.at[0].access, DEVICE_ALL, "CD-1: all access");
	ok(!l->resources.devices.at[0].allow && l->resources.devices.at[1].allow, "allow");
	is_int(l->resources.devices.at[1].access, DEVICE_READ | DEVICE_MKNOD, "access");
}

/* DEC-31, engines.md Q1 and 6.2: what engines send for "not set" is no refusal. */
static void
unset(void)
{
	read_config(
		"{'process': {'execCPUAffinity': {'initial': ''}}, 'hooks': {},"
		"'linux': {'netDevices': {}, 'cgroupsPath': '', 'mountLabel': '',"
		"'timeOffsets': {'monotonic': {'secs': 0, 'nanosecs': 0}, 'boottime': {}},"
		"'resources': {'blockIO': {}, 'memory': {'limit': 0, 'reservation': 0,"
		"'swap': 0, 'kernel': 0, 'disableOOMKiller': false}, 'cpu': {'shares': 0,"
		"'quota': 0, 'period': 0, 'realtimeRuntime': 0, 'realtimePeriod': 0, 'cpus': '',"
		"'mems': ''}, 'pids': {}, 'hugepageLimits': [], 'network': {'priorities': []},"
		"'rdma': {}, 'unified': {}, 'devices': []}}}");
	ok(!s.linux_.cgroups_path && !s.linux_.mount_label, "an empty string is absent");
	ok(s.linux_.resources.devices.present && s.linux_.resources.devices.n == 0, "devices: []");
	read_config("{'linux': {'resources': {'blockIO': {'weight': 0}}}}");
}

/* GEN-3, security.md section 8, CAP-3 */
static void
ignored(void)
{
	(void)warnings();
	read_config("{'x': {'y': [1, {'z': null}]}, 'windows': {'a': 1}, 'solaris': 5,"
		    "'process': {'commandLine': 'c', 'user': {'username': 'u'}},"
		    "'linux': {'intelrdt2': {}, 'resources': {'memory': {'new': 5}}}}");
	is_str(warnings(), "", "unknown properties are ignored in silence");
	read_config("{'process': {'NoNewPrivileges': true}}");
	ok(!s.process.no_new_privileges, "letter case counts");
	ok(strstr(warnings(),
		   "process.NoNewPrivileges: ignored: the property is spelled "
		   "noNewPrivileges"),
		"but there is a warning");
	read_config("{'process': {'capabilities': {'bounding': ['CAP_TEST', 'CAP_KILL']}}}");
	is_int(s.process.capabilities[CAPABILITY_BOUNDING], 1 << 5, "the known ones count");
	ok(strstr(warnings(), "\"CAP_TEST\" is not a known capability: ignored"), "with a warning");
}

/* The document of `exec --process` */
static void
exec_process(void)
{
	static struct spec_process p;
	char good[] = "{\"args\": [\"ls\"], \"cwd\": \"/\"}", bad[] = "{\"env\": [1]}";
	char null[] = " null\n";

	arena_release(0);
	is_int(spec_read_process(&e, &p, NULL, good, strlen(good), "process.json"), 0, "process");
	ok(p.present, "present");
	is_str(p.args.at[0], "ls", "args");
	is_int(spec_read_process(&e, &p, NULL, bad, strlen(bad), "process.json"), -1,
		"bad process");
	is_str(e.text, "env[0]: not a string", "its message");
	is_int(spec_read_process(&e, &p, NULL, null, strlen(null), "process.json"), -1, "null");
	is_str(e.text, "process.json: config cannot be null", "its message");
}

/* EXE-1: what the document leaves out is the config's, but for what names the program. */
static void
exec_defaults(void)
{
	static struct spec_process p, config;
	static const char *env[] = {"A=1", NULL};
	char none[] = "{\"args\": [\"ls\"], \"cwd\": \"/\", \"rlimits\": null}";
	char some[] = "{\"capabilities\": {\"bounding\": [\"CAP_KILL\"]}, \"env\": [],"
		      "\"noNewPrivileges\": false}";

	config.env = (struct strings){env, 1, true};
	config.cwd = "/old";
	config.terminal = config.no_new_privileges = true;
	config.user.uid = 5;
	config.rlimits.n = 3;
	for (int set = 0; set < CAPABILITY_SETS; set++)
		config.capabilities[set] = 7;
	arena_release(0);
	is_int(spec_read_process(&e, &p, &config, none, strlen(none), "process.json"), 0, "%s",
		e.text);
	ok(p.env.n == 1 && p.env.at == env, "env");
	ok(p.no_new_privileges && p.rlimits.n == 3, "noNewPrivileges, rlimits");
	is_int(p.capabilities[CAPABILITY_AMBIENT], 7, "capabilities");
	ok(!p.terminal && p.user.uid == 0, "but neither terminal nor user");
	is_str(p.cwd, "/", "nor cwd");
	is_int(spec_read_process(&e, &p, &config, some, strlen(some), "process.json"), 0, "%s",
		e.text);
	ok(p.env.n == 0 && !p.no_new_privileges, "what is there is not replaced");
	is_int(p.capabilities[CAPABILITY_BOUNDING], 1 << 5, "one set is named");
	is_int(p.capabilities[CAPABILITY_EFFECTIVE], 0, "so the others are empty");
}

/* An array that the arena cannot hold is an ordinary error. */
static void
too_large(void)
{
	static char big[JSON_TEXT_MAX];
	size_t n = 0;

	n += (size_t)sprintf(big, "{\"mounts\": [{\"destination\": \"/\"}");
	for (int i = 0; i < 40000; i++)
		n += (size_t)sprintf(big + n, ",{\"destination\": \"/\"}");
	n += (size_t)sprintf(big + n, "]}");
	arena_release(0);
	is_int(spec_read(&e, &s, big, n, "config.json"), -1, "40001 mounts");
	ok(strncmp(e.text, "mounts: ", 8) == 0, "the message names the property: %s", e.text);
	n = (size_t)sprintf(big, "{\"linux\": {\"maskedPaths\": [\"/\"");
	for (int i = 0; i < SPEC_LIST_MAX; i++)
		n += (size_t)sprintf(big + n, ",\"/\"");
	n += (size_t)sprintf(big + n, "]}}");
	arena_release(0);
	is_int(spec_read(&e, &s, big, n, "config.json"), -1, "65537 paths");
	is_str(e.text, "linux.maskedPaths: more than 65536 entries", "its message");
}

int
main(void)
{
	nothing();
	nulls();
	process();
	mounts_and_hooks();
	linux_part();
	unset();
	ignored();
	exec_process();
	exec_defaults();
	too_large();
	return done_testing();
}
