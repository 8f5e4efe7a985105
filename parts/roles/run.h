/* run: what one create, run or exec knows while it is at work.
 *
 * Contract: one struct run a process tree, filled by host, inherited by its clones.  Every
 * long-lived descriptor is here with its owner; -1 where it is closed or not yet open.
 *
 * Floor: roles (uses all floors below).  Runs in: host, stage, init, join.
 */
#ifndef ROLES_RUN_H
#define ROLES_RUN_H

#include "kernel/cgroup.h"
#include "kernel/image.h"
#include "kernel/mounts.h"
#include "kernel/netdev.h"
#include "kernel/ns.h"
#include "kernel/reap.h"
#include "kernel/state.h"
#include "kernel/tty.h"
#include "plan/plan.h"
#include "roles/verify.h"

#include <stdbool.h>
#include <sys/types.h>

/* How the caller wants the container to be started. */
enum run_mode {
	RUN_CREATE,	/* the init waits for `start` */
	RUN_DETACHED,	/* run --detach */
	RUN_FOREGROUND, /* we wait for the program; run deletes the container then */
};

/* What was asked on the command line; paths are absolute where nothing else is said. */
struct request {
	enum run_mode mode;
	const char *root; /* state root */
	const char *id;
	const char *bundle; /* as given; NULL: the current directory */
	const char *config; /* as given; NULL: config.json of the bundle */
	const char *pid_file, *console_socket, *pidfd_socket; /* NULL: none */
	const char *key;       /* PEM of the public key that counts; NULL: those of the policy */
	int verify;	       /* enum verify_policy; -1: as the policy says */
	const char *name;      /* the name we were called by, for messages */
	uint32_t preserve_fds; /* those of LISTEN_FDS included */
	uint32_t listen_fds;   /* of them: sockets of a service manager, sd_listen_fds(3) */
	bool keep, no_subreaper, no_pivot, no_new_keyring;
	struct plan_init_options init;
	bool no_cgroups, systemd, rootless, rootless_auto;
	bool foreign_default_root; /* the id "storage" is reserved there (R2) */
};

enum { LISTEN_MAX = 32 }; /* bytes of "LISTEN_PID=4194304" */

struct run {
	const struct request *request;
	struct plan plan;
	struct spec spec;
	struct facts facts;
	const char *config; /* the text that was read and checked, for the private copy */
	size_t config_len;
	struct verified *verified; /* what the bundle was compared with; NULL: not verified */
	struct state state;
	unsigned caller_umask;

	/* -- host ------------------------------------------------------------------------- */
	int root_dir, dir, lock; /* state root, the container's folder, its flock */
	struct ns_fds ns;
	struct image image; /* of root.path; its file is open from the start */
	struct mounts_taken taken;
	struct netdev_moves moves;
	struct cgroup_dirs cgroups;
	struct cgroup_door door;
	bool rdt_made;		     /* its group of resctrl, by this create */
	struct state_gate gate;	     /* for the init; create only */
	const char *notify_socket;   /* of a service manager, sd_notify(3); NULL: none */
	int notify;		     /* what stands for it in the container */
	int agent;		     /* of seccomp's listener; the init keeps it to its exec */
	int sync, sync_init;	     /* our end; the init's end, closed after the clone */
	pid_t init, holder;	     /* holder: see roles/scope.h */
	unsigned heard;		     /* the last message of the init: sync_in_order() */
	bool placed;		     /* born in its v2 cgroup */
	bool recorded;		     /* PLACED has come (init) */
	bool cloned;		     /* this is the program's process, beside an init that stays */
	int console;		     /* master of the terminal, foreground only */
	int stdio[3], stdio_init[3]; /* pipes in place of the caller's terminal: ours, the init's */
	struct reap reap;
	int status; /* foreground: the program's exit status */

	/* -- exec ------------------------------------------------------------------------- */
	struct ns_target target; /* the container's init */
	uint64_t namespaces;	 /* CLONE_NEW* of those to join */
	int root_of_init;	 /* where the container's root is not that of its mounts; else -1 */

	/* -- init ------------------------------------------------------------------------- */
	int rootfs_dir; /* what everything happens beneath, until the switch */
	pid_t host_pid; /* our pid as host sees it; known where seccomp has a listener */
	int slave;	/* of the terminal, until it is 0-2 */
	uint32_t n_env;
	const char **env; /* process.env and HOME, NULL-terminated */
	char listen[2][LISTEN_MAX];
	char home[PLAN_PATH_MAX], program[PLAN_PATH_MAX];
};

#endif
