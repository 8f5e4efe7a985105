/* state: what is known about a container, on disk.
 *
 * Contract: a container is a folder below the state root that has a valid id as its name and holds
 * a state.json (engines.md 1.4, 3.8).  The folder appears with its first state.json already inside
 * (made under a name that no id can have, renamed without replacing); every later state.json
 * replaces the one before as a whole.  One flock a container orders the verbs.  Everything is done
 * relative to descriptors of the root and the folder; nothing that we did not make is removed.
 *
 * Floor: kernel (uses base, words, spec).  Runs in: host.
 * Spec: runtime.md#state.  Kernel: flock(2), renameat2(2).  S14, S17, S30, S31.
 */
#ifndef KERNEL_STATE_H
#define KERNEL_STATE_H

#include "base/err.h"
#include "spec/view.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum state_status { STATE_CREATING, STATE_CREATED, STATE_RUNNING, STATE_PAUSED, STATE_STOPPED };
enum { STATE_CGROUPS_MAX = 24, STATE_JSON_MAX = 4 << 20, STATE_LABEL_MAX = 1 << 20 }; /* bytes */
enum { STATE_BY_HOOK = '\1' };

/* What state.json holds.  Strings belong to whoever filled it (state_read: to its buffer). */
struct state {
	const char *id, *bundle, *rootfs; /* paths are absolute */
	const char *created;		  /* RFC 3339, UTC */
	pid_t pid;			  /* init, as the host sees it; 0 before the clone */
	uint64_t start;			  /* its start time in clock ticks */
	bool own_pid_namespace;		  /* else KILL must go by cgroup */
	bool shared_mounts;		  /* PLAN_ROOT_CHROOT: delete must unmount rootfs ... */
	uint64_t mount_id;		  /* ... if its mount id is no longer this one */
	const char *namespace_path[NAMESPACES]; /* of the config; NULL: new or not listed */
	bool namespace_listed[NAMESPACES];
	const char *cgroup_path; /* "/edge/web1", never empty */
	struct {
		const char *controllers, *dir, *existed; /* see kernel/cgroup.h */
	} cgroup[STATE_CGROUPS_MAX];
	uint32_t n_cgroups;
	const char *manager, *unit;	     /* see plan_unit; NULL: none */
	const char *rdt_group, *rdt_monitor; /* see plan_rdt; NULL or empty: none */
	bool rdt_own;
	struct pairs annotations;
};

const char *state_status_name(enum state_status status);

/* Opens (and with `make` creates, 0700) the state root.  Refuses one of another owner or writable
 * by others (R1, S30).  Without `make` a missing root gives -1 with ENOENT in e->number. */
int state_root_open(struct err *e, const char *root, bool make);

/* Makes the folder of a new container, with its lock (held), config.json (the given text), a first
 * state.json and the hidden gate.  Fails with `container with given ID already exists`. Returns
 * the folder's descriptor; *lock_fd is the caller's to keep: closing it unlocks. */
int state_make(struct err *e, int root_dir, const struct state *s, const char *config,
	size_t config_len, int *lock_fd);

/* Opens the folder of an existing container; takes its lock, waiting at most `ms` (0: not at all).
 * Both return the descriptor.  `container does not exist`, with ENOENT in e->number. */
int state_open(struct err *e, int root_dir, const char *id);
int state_lock(struct err *e, int dir, int ms);

/* Replaces state.json; reads it into `s`: `buf` of STATE_JSON_MAX bytes keeps the strings. */
int state_write(struct err *e, int dir, const struct state *s);
int state_read(struct err *e, int dir, struct state *s, char *buf, size_t size);

/* Reads the private copy of the config (GEN-8) into `buf`; returns its length. */
ssize_t state_read_config(struct err *e, int dir, char *buf, size_t size);

/* -- the start gate: exec.fifo is there exactly while the container is `created` --------------- */

/* What a waiting init holds: it reads one byte from `gate`, and answers on `answer`: end-of-file
 * alone when the program was executed (the descriptor is close-on-exec), or one error text, with
 * STATE_BY_HOOK in front of that of a hook. */
struct state_gate {
	int gate, answer;
};

/* Makes the hidden gate: `creating`.  Makes the answer's FIFO and opens both before the clone. */
int state_gate_make(struct err *e, int dir);
int state_gate_open(struct err *e, int dir, struct state_gate *g);

/* Shows exec.fifo: the container is `created`.  Start: removes exec.fifo, opens the gate and waits;
 * -1 with the init's own message, and ECANCELED in e->number when a hook failed. */
int state_ready(struct err *e, int dir);
int state_release(struct err *e, int dir);

/* Removes the names without opening them: the hidden gate (run), all.  Is a gate there? */
void state_gate_drop(int dir);
void state_gate_remove(int dir);
bool state_gate_named(int dir, bool shown);

/* -- status and removal ------------------------------------------------------------------------ */

/* The true status: no live init: stopped (creating while create is at work); frozen: paused; gate
 * there: created; hidden: creating; else running.  `frozen` is for the caller to find out. */
enum state_status state_status_now(int dir, const struct state *s, bool frozen);

/* Removes the known names and the folder (R4); or what was left of an id out of sight (R3).  With
 * what is not ours a folder is kept, under another name that no id can have, and a warning. */
int state_remove(struct err *e, int root_dir, const char *id, int dir);
void state_remove_half(int root_dir, const char *id);

/* Calls `each` for every container's id below the root, in bytewise order (list). */
int state_each(struct err *e, int root_dir, int (*each)(struct err *e, void *arg, const char *id),
	void *arg);

/* The state document (engines.md 3.1): `indent` 2 for `state`, 0 for hooks and list, which has an
 * `owner`.  NULL on failure; the text is good until the next call or state_write(). */
const char *state_document(struct err *e, const struct state *s, enum state_status status,
	pid_t pid, const char *owner, int indent);

/* The container process state for seccomp's agent (SC-11); `metadata`: or NULL. */
const char *state_process_document(struct err *e, const struct state *s, enum state_status status,
	pid_t pid, const char *metadata);

#endif
