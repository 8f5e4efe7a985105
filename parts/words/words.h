/* words: the spellings that the specification and the kernel headers give to numbers.
 *
 * Contract: words.def holds lists of names and their values; words_find() looks a spelling up
 * exactly, words_name() gives the first spelling of a value.  Nothing is guessed: a word that is
 * not in its list is unknown.
 *
 * Floor: words (uses base).  Runs in: any process.
 * Spec: config.md, config-linux.md.  Kernel: capabilities(7), signal(7), getrlimit(2), clone(2).
 */
#ifndef WORDS_WORDS_H
#define WORDS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The lists.  A name comes once, a value may have several names: the first row is the preferred
 * one. */
enum words {
	WORDS_NAMESPACE,	/* "pid" -> enum namespace */
	WORDS_CAPABILITY,	/* "CAP_KILL" -> 5; in the order of their numbers */
	WORDS_SIGNAL,		/* "SIGTERM" -> 15; without RTMIN+n, see below */
	WORDS_RLIMIT,		/* "RLIMIT_NOFILE" -> 7 */
	WORDS_HOOK,		/* "prestart" -> enum hook; in the order they run */
	WORDS_PROPAGATION,	/* "rslave" -> MS_SLAVE | MS_REC */
	WORDS_DEVICE_TYPE,	/* "c", "b", "p"; "u" -> 'c' */
	WORDS_DEVICE_RULE_TYPE, /* "a", "b", "c" */
	WORDS_SECCOMP_ACTION,	/* enum seccomp_action */
	WORDS_SECCOMP_OPERATOR, /* enum seccomp_operator */
	WORDS_SECCOMP_FLAG,	/* a bit of seccomp(2)'s flags, by its number */
	WORDS_SECCOMP_ARCH,	/* enum sysnr_arch */
	WORDS_SCHEDULER_POLICY, /* "SCHED_BATCH" -> 3 */
	WORDS_SCHEDULER_FLAG,	/* a bit of sched_setattr(2)'s flags, by its number */
	WORDS_IO_CLASS,		/* "IOPRIO_CLASS_BE" -> 2 */
	WORDS_MEMORY_MODE,	/* "MPOL_BIND" -> 2 */
	WORDS_MEMORY_FLAG,	/* "MPOL_F_STATIC_NODES" -> 1 << 15 */
	WORDS_PERSONALITY,	/* "LINUX32" -> 8 */
	WORDS_VERIFY,		/* "off" -> enum verify_policy */
	WORDS_SEALED_KIND,	/* "file" -> enum sealed_kind */
	WORDS_LISTS,
};

/* The namespaces of config-linux.md#namespaces, in the order in which they are joined: user first,
 * since it owns the others; mount last, since it hides the paths of the rest. */
enum namespace {
	NAMESPACE_USER,
	NAMESPACE_CGROUP,
	NAMESPACE_IPC,
	NAMESPACE_UTS,
	NAMESPACE_NETWORK,
	NAMESPACE_PID,
	NAMESPACE_TIME,
	NAMESPACE_MOUNT,
	NAMESPACES,
};

/* config.md#posix-platform-hooks, in the order in which they run */
enum hook {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOKS,
};

/* config-linux.md#seccomp; seccomp(2) */
enum seccomp_action {
	SECCOMP_KILL_THREAD,
	SECCOMP_KILL_PROCESS,
	SECCOMP_TRAP,
	SECCOMP_ERRNO,
	SECCOMP_NOTIFY,
	SECCOMP_TRACE,
	SECCOMP_LOG,
	SECCOMP_ALLOW,
};

enum seccomp_operator {
	SECCOMP_NE,
	SECCOMP_LT,
	SECCOMP_LE,
	SECCOMP_EQ,
	SECCOMP_GE,
	SECCOMP_GT,
	SECCOMP_MASKED_EQ,
};

/* What is done about a bundle that is not what was signed; what a manifest has digests of.  A
 * stricter policy is a larger number. */
enum verify_policy { VERIFY_OFF, VERIFY_WARN, VERIFY_REQUIRED };
enum sealed_kind { SEALED_FILE, SEALED_DIRECTORY };

/* The value of a spelling, or -1. */
int words_find(enum words list, const char *name);

/* The name of a value, or NULL. */
const char *words_name(enum words list, int value);

/* How many rows a list has, and their names in its order. */
size_t words_count(enum words list);
const char *words_row(enum words list, size_t row);

/* What a word of the list is, for messages: "a namespace". */
const char *words_noun(enum words list);

/* The CLONE_NEW* flag of a namespace, and its file name below /proc/PID/ns ("mnt", "net", ...). */
uint64_t words_namespace_flag(enum namespace ns);
const char *words_namespace_file(enum namespace ns);

/* The kernel's name in runc's state file: "NEWNS", "NEWPID" (engines.md 3.8). */
const char *words_namespace_runc(enum namespace ns);

/* A signal as people write it: "TERM", "SIGTERM", "term", "15", "RTMIN+3", "SIGRTMAX-1", "0".
 * Returns its number 0..64, or -1. */
int words_signal_number(const char *text);

#endif
