
#include "words/words.h"

#include "base/str.h"
#include "base/sys.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define LIST(rows, noun) \
	{ \
		rows, N(rows), noun \
	}

/* clang-format off */

/* config-linux.md#namespaces; sorted, as `features` prints them */
static const struct word namespaces[] = {
	{ "cgroup",	NAMESPACE_CGROUP },
	{ "ipc",	NAMESPACE_IPC },
	{ "mount",	NAMESPACE_MOUNT },
	{ "network",	NAMESPACE_NETWORK },
	{ "pid",	NAMESPACE_PID },
	{ "time",	NAMESPACE_TIME },
	{ "user",	NAMESPACE_USER },
	{ "uts",	NAMESPACE_UTS },
};

/* By enum namespace: namespaces(7), the names of /proc/PID/ns, and what runc's state file says */
static const struct {
	uint32_t flag;
	char file[8], runc[12];
} namespace_kernel[NAMESPACES] = {
	[NAMESPACE_USER]	= { CLONE_NEWUSER,	"user",		"NEWUSER" },
	[NAMESPACE_CGROUP]	= { CLONE_NEWCGROUP,	"cgroup",	"NEWCGROUP" },
	[NAMESPACE_IPC]		= { CLONE_NEWIPC,	"ipc",		"NEWIPC" },
	[NAMESPACE_UTS]		= { CLONE_NEWUTS,	"uts",		"NEWUTS" },
	[NAMESPACE_NETWORK]	= { CLONE_NEWNET,	"net",		"NEWNET" },
	[NAMESPACE_PID]		= { CLONE_NEWPID,	"pid",		"NEWPID" },
	[NAMESPACE_TIME]	= { CLONE_NEWTIME,	"time",		"NEWTIME" },
	[NAMESPACE_MOUNT]	= { CLONE_NEWNS,	"mnt",		"NEWNS" },
};

/* capabilities(7), linux/capability.h; by number, as `features` prints them */
static const struct word capabilities[] = {
	{ "CAP_CHOWN",			0 },
	{ "CAP_DAC_OVERRIDE",		1 },
	{ "CAP_DAC_READ_SEARCH",	2 },
	{ "CAP_FOWNER",			3 },
	{ "CAP_FSETID",			4 },
	{ "CAP_KILL",			5 },
	{ "CAP_SETGID",			6 },
	{ "CAP_SETUID",			7 },
	{ "CAP_SETPCAP",		8 },
	{ "CAP_LINUX_IMMUTABLE",	9 },
	{ "CAP_NET_BIND_SERVICE",	10 },
	{ "CAP_NET_BROADCAST",		11 },
	{ "CAP_NET_ADMIN",		12 },
	{ "CAP_NET_RAW",		13 },
	{ "CAP_IPC_LOCK",		14 },
	{ "CAP_IPC_OWNER",		15 },
	{ "CAP_SYS_MODULE",		16 },
	{ "CAP_SYS_RAWIO",		17 },
	{ "CAP_SYS_CHROOT",		18 },
	{ "CAP_SYS_PTRACE",		19 },
	{ "CAP_SYS_PACCT",		20 },
	{ "CAP_SYS_ADMIN",		21 },
	{ "CAP_SYS_BOOT",		22 },
	{ "CAP_SYS_NICE",		23 },
	{ "CAP_SYS_RESOURCE",		24 },
	{ "CAP_SYS_TIME",		25 },
	{ "CAP_SYS_TTY_CONFIG",		26 },
	{ "CAP_MKNOD",			27 },
	{ "CAP_LEASE",			28 },
	{ "CAP_AUDIT_WRITE",		29 },
	{ "CAP_AUDIT_CONTROL",		30 },
	{ "CAP_SETFCAP",		31 },
	{ "CAP_MAC_OVERRIDE",		32 },
	{ "CAP_MAC_ADMIN",		33 },
	{ "CAP_SYSLOG",			34 },
	{ "CAP_WAKE_ALARM",		35 },
	{ "CAP_BLOCK_SUSPEND",		36 },
	{ "CAP_AUDIT_READ",		37 },
	{ "CAP_PERFMON",		38 },
	{ "CAP_BPF",			39 },
	{ "CAP_CHECKPOINT_RESTORE",	40 },
};

/* signal(7), bits/signal.h: the numbers differ between architectures.  A name that stands for an
 * older one comes behind it. */
static const struct word signals[] = {
	{ "SIGABRT",	SIGABRT },
	{ "SIGALRM",	SIGALRM },
	{ "SIGBUS",	SIGBUS },
	{ "SIGCHLD",	SIGCHLD },
	{ "SIGCLD",	SIGCHLD },	/* signal(7): a synonym */
	{ "SIGCONT",	SIGCONT },
	{ "SIGFPE",	SIGFPE },
	{ "SIGHUP",	SIGHUP },
	{ "SIGILL",	SIGILL },
	{ "SIGINT",	SIGINT },
	{ "SIGIO",	SIGIO },
	{ "SIGIOT",	SIGABRT },	/* signal(7): a synonym */
	{ "SIGKILL",	SIGKILL },
	{ "SIGPIPE",	SIGPIPE },
	{ "SIGPOLL",	SIGPOLL },	/* signal(7): a synonym for SIGIO */
	{ "SIGPROF",	SIGPROF },
	{ "SIGPWR",	SIGPWR },
	{ "SIGQUIT",	SIGQUIT },
	{ "SIGSEGV",	SIGSEGV },
	{ "SIGSTKFLT",	SIGSTKFLT },
	{ "SIGSTOP",	SIGSTOP },
	{ "SIGSYS",	SIGSYS },
	{ "SIGTERM",	SIGTERM },
	{ "SIGTRAP",	SIGTRAP },
	{ "SIGTSTP",	SIGTSTP },
	{ "SIGTTIN",	SIGTTIN },
	{ "SIGTTOU",	SIGTTOU },
	{ "SIGUNUSED",	SIGSYS },	/* signal(7): a synonym */
	{ "SIGURG",	SIGURG },
	{ "SIGUSR1",	SIGUSR1 },
	{ "SIGUSR2",	SIGUSR2 },
	{ "SIGVTALRM",	SIGVTALRM },
	{ "SIGWINCH",	SIGWINCH },
	{ "SIGXCPU",	SIGXCPU },
	{ "SIGXFSZ",	SIGXFSZ },
};

/* getrlimit(2), config.md#posix-process; bits/resource.h: the numbers differ between architectures */
static const struct word rlimits[] = {
	{ "RLIMIT_AS",		RLIMIT_AS },
	{ "RLIMIT_CORE",	RLIMIT_CORE },
	{ "RLIMIT_CPU",		RLIMIT_CPU },
	{ "RLIMIT_DATA",	RLIMIT_DATA },
	{ "RLIMIT_FSIZE",	RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS",	RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK",	RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE",	RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE",	RLIMIT_NICE },
	{ "RLIMIT_NOFILE",	RLIMIT_NOFILE },
	{ "RLIMIT_NPROC",	RLIMIT_NPROC },
	{ "RLIMIT_RSS",		RLIMIT_RSS },
	{ "RLIMIT_RTPRIO",	RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME",	RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING",	RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK",	RLIMIT_STACK },
};

/* config.md#posix-platform-hooks; in the order in which they run */
static const struct word hooks[] = {
	{ "prestart",		HOOK_PRESTART },
	{ "createRuntime",	HOOK_CREATE_RUNTIME },
	{ "createContainer",	HOOK_CREATE_CONTAINER },
	{ "startContainer",	HOOK_START_CONTAINER },
	{ "poststart",		HOOK_POSTSTART },
	{ "poststop",		HOOK_POSTSTOP },
};

/* config-linux.md#rootfs-mount-propagation; mount_namespaces(7).  The r-forms are our addition,
 * engines send them (MS-1). */
static const struct word propagations[] = {
	{ "private",		MS_PRIVATE },
	{ "rprivate",		MS_PRIVATE | MS_REC },
	{ "rshared",		MS_SHARED | MS_REC },
	{ "rslave",		MS_SLAVE | MS_REC },
	{ "runbindable",	MS_UNBINDABLE | MS_REC },
	{ "shared",		MS_SHARED },
	{ "slave",		MS_SLAVE },
	{ "unbindable",		MS_UNBINDABLE },
};

/* config-linux.md#devices; mknod(1): u is an unbuffered character device */
static const struct word device_types[] = {
	{ "b",	'b' },
	{ "c",	'c' },
	{ "p",	'p' },
	{ "u",	'c' },
};

/* config-linux.md#allowed-device-list */
static const struct word device_rule_types[] = {
	{ "a",	'a' },
	{ "b",	'b' },
	{ "c",	'c' },
};

const struct words words_namespace	   = LIST(namespaces, "a namespace");
const struct words words_capability	   = LIST(capabilities, "a capability");
const struct words words_signal		   = LIST(signals, "a signal");
const struct words words_rlimit		   = LIST(rlimits, "a resource limit");
const struct words words_hook		   = LIST(hooks, "a kind of hook");
const struct words words_propagation	   = LIST(propagations, "a kind of mount propagation");
const struct words words_device_type	   = LIST(device_types, "a type of device");
const struct words words_device_rule_type = LIST(device_rule_types, "a type of device rule");

/* clang-format on */

const struct word *
words_find(const struct words *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_equal(list->row[i].name, name))
			return &list->row[i];
	return NULL;
}

const char *
words_name(const struct words *list, int64_t value)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->row[i].value == value)
			return list->row[i].name;
	return NULL;
}

uint64_t words_namespace_flag(enum namespace ns)
{
	return namespace_kernel[ns].flag;
}

const char *words_namespace_file(enum namespace ns)
{
	return namespace_kernel[ns].file;
}

const char *words_namespace_runc(enum namespace ns)
{
	return namespace_kernel[ns].runc;
}

/* What programs and engines mean by SIGRTMIN is glibc's first free one, whatever libc we are
 * linked with: systemd's SIGRTMIN+3 is 37.  (The kernel begins at 32, musl at 35.) */
enum { SIGNAL_RTMIN = 34, SIGNAL_MAX = 64 };

/* The number behind "RTMIN" or "RTMAX": "", "+N" or "-N". */
static int
realtime_number(const char *rest, int base, char sign)
{
	uint64_t n;

	if (!*rest)
		return base;
	if (*rest != sign || str_u64(rest + 1, &n) < 0 || n > SIGNAL_MAX - SIGNAL_RTMIN)
		return -1;
	return sign == '+' ? base + (int)n : base - (int)n;
}

int
words_signal_number(const char *text)
{
	char name[WORD_MAX];
	uint64_t number;
	size_t n = 0;

	if (str_u64(text, &number) == 0)
		return number <= SIGNAL_MAX ? (int)number : -1;
	for (; text[n] && n < sizeof(name) - 1; n++)
		name[n] = text[n] >= 'a' && text[n] <= 'z' ? (char)(text[n] - 'a' + 'A') : text[n];
	name[n] = '\0';
	if (text[n])
		return -1;

	const char *bare = str_starts(name, "SIG") ? name + 3 : name;

	if (str_starts(bare, "RTMIN"))
		return realtime_number(bare + 5, SIGNAL_RTMIN, '+');
	if (str_starts(bare, "RTMAX"))
		return realtime_number(bare + 5, SIGNAL_MAX, '-');
	for (size_t i = 0; i < words_signal.n; i++)
		if (str_equal(words_signal.row[i].name + 3, bare))
			return (int)words_signal.row[i].value;
	return -1;
}
