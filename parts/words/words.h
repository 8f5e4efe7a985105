/* words: the spellings that the specification and the kernel headers give to numbers.
 *
 * Contract: a list of words is a table of { name, value }; words_find() looks a spelling up
 * exactly, words_name() gives the first spelling of a value.  Nothing is guessed: a word that is
 * not in the table is unknown.  Tables hold no pointers (a static PIE would have to relocate them).
 *
 * Floor: words (uses base).  Runs in: any process.
 * Spec: config.md, config-linux.md.  Kernel: capabilities(7), signal(7), getrlimit(2), clone(2).
 */
#ifndef WORDS_WORDS_H
#define WORDS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORD_MAX = 32 }; /* bytes of a word with its NUL */

struct word {
	char name[WORD_MAX];
	int64_t value;
};

/* One list. A name comes once, a value may have several names: the first row is the preferred one.
 */
struct words {
	const struct word *row;
	size_t n;
	const char *noun; /* for messages: "a namespace" */
};

extern const struct words words_namespace;   /* "pid" -> enum namespace */
extern const struct words words_capability;  /* "CAP_KILL" -> 5; in the order of their numbers */
extern const struct words words_signal;	     /* "SIGTERM" -> 15; without RTMIN+n, see below */
extern const struct words words_rlimit;	     /* "RLIMIT_NOFILE" -> 7 */
extern const struct words words_hook;	     /* "prestart" -> enum hook; in the order they run */
extern const struct words words_propagation; /* "rslave" -> MS_SLAVE | MS_REC */
extern const struct words words_device_type; /* "c", "b", "p"; "u" -> 'c' */
extern const struct words words_device_rule_type; /* "a", "b", "c" */

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

/* The row of a spelling, or NULL. */
const struct word *words_find(const struct words *list, const char *name);

/* The name of a value, or NULL. */
const char *words_name(const struct words *list, int64_t value);

/* The CLONE_NEW* flag of a namespace, and its file name below /proc/PID/ns ("mnt", "net", ...). */
uint64_t words_namespace_flag(enum namespace ns);
const char *words_namespace_file(enum namespace ns);

/* The kernel's name in runc's state file: "NEWNS", "NEWPID" (engines.md 3.8). */
const char *words_namespace_runc(enum namespace ns);

/* A signal as people write it: "TERM", "SIGTERM", "term", "15", "RTMIN+3", "SIGRTMAX-1", "0".
 * Returns its number 0..64, or -1. */
int words_signal_number(const char *text);

#endif
