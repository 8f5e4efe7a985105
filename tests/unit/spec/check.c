/* What spec_check() lets pass, with its warnings, and container ids.  Refusals are in
 * tests/golden/refuse. */
#include "spec/check.h"

#include "base/arena.h"
#include "base/log.h"
#include "tap.h"

static char text[65536], warning[LOG_PENDING_MAX];
static struct err e;
static struct spec s;

/* Reads and checks a config written with ' for ", with the smallest root and process; the warnings
 * are then in `warning`. */
static bool
accepted(const char *version, const char *rest)
{
	size_t n = (size_t)snprintf(
		text, sizeof(text), "{'ociVersion': '%s', 'root': {'path': 'r'}%s}", version, rest);

	for (size_t i = 0; i < n; i++)
		if (text[i] == '\'')
			text[i] = '"';
	arena_release(0);
	warning[0] = '\0';
	e.text[0] = '\0';
	if (spec_read(&e, &s, text, n, "config.json") < 0 || spec_check(&e, &s) < 0)
		printf("# %s\n", e.text);
	(void)log_pending(warning, sizeof(warning));
	return !e.text[0];
}

#define PROCESS ", 'process': {'cwd': '/', 'args': ['sh']}"

/* GEN-7, DEC-3 */
static void
versions(void)
{
	static const char *const good[] = {"1.0.0", "1.0.2-dev", "1.1.0-rc.1", "1.3.0", "1.3.0+dev",
		"1.3.99", "1.2.0-0.a.-+0.01.-"};
	static const char *const newer[] = {"1.4.0", "1.99.0", "1.4.0-rc.1"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ok(accepted(good[i], PROCESS), "%s is accepted", good[i]);
		is_str(warning, "", "without a warning");
	}
	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++) {
		ok(accepted(newer[i], PROCESS), "%s is accepted", newer[i]);
		ok(strstr(warning, "is newer than 1.3.0"), "with a warning: %s", warning);
	}
}

static void
process(void)
{
	ok(accepted("1.0.0", ", 'process': {'cwd': '/', 'args': ['sh'], 'consoleSize': {}}"),
		"PR-3: without a terminal consoleSize is ignored");
	ok(accepted("1.0.0",
		   ", 'process': {'cwd': '/', 'args': ['sh'],"
		   "'consoleSize': {'height': 70000, 'width': 1}}"),
		"PR-3: whatever it says");
	ok(accepted("1.0.0",
		   ", 'process': {'cwd': '/', 'args': ['sh'], 'terminal': true,"
		   "'consoleSize': {'height': 0, 'width': 65535}}"),
		"PR-3: a size for a terminal");
	ok(accepted("1.0.0",
		   ", 'process': {'cwd': '/a/../b', 'args': ['sh', ''], 'env': ['A=', "
		   "'A==', 'B=1'], 'user': {'umask': 511}, 'oomScoreAdj': 1000}"),
		"odd but legal");
	ok(accepted("1.0.0",
		   ", 'process': {'cwd': '/', 'args': ['sh'], 'rlimits': ["
		   "{'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 0},"
		   "{'type': 'RLIMIT_CPU', 'soft': 1, 'hard': 2}]}"),
		"PR-7: two limits");
}

static void
linux_part(void)
{
	ok(accepted("1.0.0",
		   PROCESS ", 'linux': {'namespaces': [{'type': 'user'}], 'uidMappings': ["
			   "{'containerID': 0, 'hostID': 0, 'size': 4294967295}], 'gidMappings': ["
			   "{'containerID': 1, 'hostID': 11, 'size': 1},"
			   "{'containerID': 0, 'hostID': 10, 'size': 1},"
			   "{'containerID': 2, 'hostID': 0, 'size': 10}]}"),
		"UM-1: neighbours do not overlap");
	ok(accepted("1.0.0", PROCESS ", 'linux': {'namespaces': [{'type': 'user', 'path': '/u'}]}"),
		"UM-1: a joined user namespace needs no mappings");
	ok(accepted("1.0.0", PROCESS ", 'linux': {'cgroupsPath': '/a:b:c/..x'}"),
		"CG-1: odd names");
	ok(accepted("1.0.0", PROCESS ", 'linux': {'cgroupsPath': 'edge/web1'}"), "CG-2: relative");
	ok(accepted("1.0.0", PROCESS ", 'hostname': '', 'domainname': ''"), "UT-1: empty names");
	ok(accepted("1.0.0", PROCESS ", 'linux': {'mountLabel': 'system_u:x'}"),
		"MS-4: mountLabel");
	ok(accepted("1.0.0", PROCESS ", 'annotations': {'a': '', 'run.oci.handler': 'krun'}"),
		"AN-1: annotations");
	ok(strstr(warning, "run.oci.handler"), "with a warning for the one that asks for more");
	ok(accepted("1.0.0",
		   PROCESS ", 'linux': {'devices': ["
			   "{'type': 'c', 'path': '/dev/null', 'major': 1, 'minor': 3},"
			   "{'type': 'c', 'path': '/opt/null', 'major': 1, 'minor': 3},"
			   "{'type': 'p', 'path': '/dev/pipe', 'fileMode': 511}]}"),
		"DV-4: the same device twice, and a fifo");
}

/* SY-1, SY-2 */
static void
sysctl(void)
{
	ok(accepted("1.0.0",
		   PROCESS ", 'domainname': 'd', 'linux': {'namespaces': [{'type': 'ipc'},"
			   "{'type': 'network', 'path': '/n'}, {'type': 'uts'}], 'sysctl': {"
			   "'kernel.msgmax': '1', 'kernel/msgmnb': '1', 'kernel.sem': '1 2 3 4',"
			   "'kernel.shm_rmid_forced': '1', 'fs.mqueue.msg_max': '1',"
			   "'net.ipv4.ip_forward': '1', 'net/ipv4/conf/eth0.100/forwarding': '1',"
			   "'net.ipv4.conf.eth0/100.forwarding': '1', 'kernel.domainname': 'd',"
			   "'net.ipv4.ping_group_range': '0 0'}}"),
		"every key that belongs to a namespace");
}

/* DEC-2, DEC-27 and the rest with paths of the document that exec gets */
static void
exec_process(void)
{
	struct spec_process p = {.present = true, .cwd = "tmp"};

	is_int(spec_check_process(&e, &p, ""), -1, "exec: relative cwd");
	is_str(e.text, "cwd: Cwd must be an absolute path", "its message");
}

/* ST-3 */
static void
ids(void)
{
	/* clang-format off */
	static const struct { const char *id, *error; } row[] = {
		{ "a",		NULL },
		{ "web-1_x+2.3", NULL },
		{ "...",	NULL },
		{ "-x",		NULL },
		{ "",		"container id cannot be empty" },
		{ ".",		"invalid container ID format: \".\"" },
		{ "..",		"invalid container ID format: \"..\"" },
		{ "a/b",	"invalid container ID format: \"a/b\"" },
		{ "a b",	"invalid container ID format: \"a b\"" },
		{ "\303\244",	"invalid container ID format: \"\303\244\"" },
		{ "a\n",	"invalid container ID format: \"a\n\"" },
	};
	/* clang-format on */
	char id[SPEC_ID_MAX + 2];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		e.text[0] = '\0';
		is_int(spec_check_id(&e, row[i].id), row[i].error ? -1 : 0, "id %zu", i);
		is_str(e.text, row[i].error ? row[i].error : "", "its message");
	}
	memset(id, 'a', sizeof(id));
	id[SPEC_ID_MAX + 1] = '\0';
	is_int(spec_check_id(&e, id), -1, "an id of 201 bytes");
	is_str(e.text, "invalid container ID format: longer than 200 bytes", "its message");
	is_int(spec_check_id(&e, id + 1), 0, "an id of 200 bytes");
}

int
main(void)
{
	versions();
	process();
	linux_part();
	sysctl();
	exec_process();
	ids();
	return done_testing();
}
