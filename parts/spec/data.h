/* data: what a config says about process, root, mounts and hooks, as plain data.
 *
 * Contract: structs only; spec/view fills them.  Every string is a NUL-terminated slice of the
 * text, every array lies in the arena.  What is absent is 0 or NULL if no comment says otherwise.
 *
 * Floor: spec (uses words).  Runs in: any process.
 * Spec: config.md.
 */
#ifndef SPEC_DATA_H
#define SPEC_DATA_H

#include "spec/datatuning.h"
#include "words/words.h"

#include <stdbool.h>
#include <stdint.h>

enum { SPEC_LIST_MAX = 65536, SPEC_IDMAP_MAX = 340, SPEC_HOSTNAME_MAX = 64 };

struct strings {
	const char **at; /* n entries and a NULL behind them, ready for execve(2) */
	uint32_t n;
	bool present; /* the array was there, be it empty */
};

/* One pair of a JSON object of strings, in file order. */
struct pair {
	const char *name, *value;
};

struct pairs {
	struct pair *at;
	uint32_t n;
};

struct spec_root {
	bool present;
	const char *path; /* as written: absolute or relative to the bundle */
	bool readonly;
};

struct spec_idmap {
	uint32_t container_id, host_id, size;
};

struct spec_idmaps {
	struct spec_idmap *at;
	uint32_t n;
	bool present;
};

struct spec_mount {
	const char *destination, *type, *source; /* type, source: NULL when absent */
	struct strings options;
	struct spec_idmaps uid_mappings, gid_mappings; /* n is 0 when absent */
};

struct spec_mounts {
	struct spec_mount *at;
	uint32_t n;
};

struct spec_user {
	bool umask_set;
	uint32_t uid, gid, umask; /* ids of the container's user namespace; 0 when absent */
	struct {
		uint32_t *at;
		uint32_t n;
	} additional_gids;
};

/* One bit per capability number; in the order of `capget`'s sets and /proc/PID/status. */
enum capability_set {
	CAPABILITY_BOUNDING,
	CAPABILITY_EFFECTIVE,
	CAPABILITY_PERMITTED,
	CAPABILITY_INHERITABLE,
	CAPABILITY_AMBIENT,
	CAPABILITY_SETS,
};

struct spec_process {
	bool present, terminal;
	struct {
		bool present, height_set, width_set;
		uint32_t height, width; /* characters */
	} console_size;
	struct spec_user user;
	struct strings args, env;
	const char *cwd;
	uint64_t capabilities[CAPABILITY_SETS]; /* all zero when absent (DEC-6) */
	struct {
		struct spec_rlimit *at;
		uint32_t n;
	} rlimits;
	struct spec_scheduler scheduler;
	struct spec_io_priority io_priority;
	struct spec_cpu_affinity exec_cpu_affinity; /* for exec alone */
	bool no_new_privileges, oom_score_adj_set;
	int32_t oom_score_adj;
	const char *apparmor_profile, *selinux_label; /* NULL when absent or empty (DEC-30) */
};

struct spec_hook {
	const char *path;
	struct strings args, env;
	int64_t timeout; /* seconds; 0: none */
};

struct spec_hooks {
	struct {
		struct spec_hook *at;
		uint32_t n;
	} kind[HOOKS]; /* by enum hook */
};

#endif
