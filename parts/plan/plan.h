/* plan: everything that create will do, decided.
 *
 * Contract: plan_make() turns a checked config, the facts of the host and the caller's options into
 * a struct plan, or fails naming the property that cannot be carried out here.  After it nobody
 * chooses any more: kernel/ and roles/ carry out the rows.  Children are cloned and read the same
 * plan; nobody writes to it.  The same inputs give the same plan, byte for byte (plan/print).
 *
 * Floor: plan (uses base, words, spec).  Runs in: host; pure.
 * Spec: config.md, config-linux.md.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "base/err.h"
#include "plan/facts.h"
#include "plan/options.h"
#include "plan/rows.h"
#include "plan/rowscgroup.h"
#include "plan/seccomp.h"
#include "spec/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_PATH_MAX = 4096 };

/* -- namespaces (plan/ns) ------------------------------------------------------------------ */

struct plan_namespaces {
	uint64_t clone_flags;	      /* CLONE_NEW* of all new ones, but those in `late_flags` */
	uint64_t late_flags;	      /* CLONE_NEWCGROUP where the init moves itself first (v1) */
	const char *join[NAMESPACES]; /* path to enter, by enum namespace; NULL: none */
	bool stage;		      /* one more process is needed: see roles/stage.h */
	const char *time_offsets;     /* text of timens_offsets; NULL: none.  The init makes the
				       * namespace itself then, and it is not in clone_flags. */
	bool user_new;		      /* the init waits for its id maps before it goes on */
	bool deny_setgroups;	      /* write "deny" before gid_map (user_namespaces(7)) */
	bool newuidmap, newgidmap;    /* the map is written by the program of that name */
};

/* -- credentials (plan/creds) ---------------------------------------------------------------- */

struct plan_creds {
	uint32_t uid, gid;
	const uint32_t *groups;
	uint32_t n_groups;
	bool set_groups;  /* false with keep_groups, and where setgroups(2) is denied */
	bool keep_groups; /* run.oci.keep_original_groups=1 */
	uint64_t capabilities[CAPABILITY_SETS]; /* without those that cannot be granted (CAP-3) */
	bool no_new_privileges;
	bool keep_sys_admin; /* until the exec, which takes it: a filter is loaded before (SC-12) */
};

/* -- the init that stays (plan/init) --------------------------------------------------------- */

/* The runtime's own process remains as the parent of the program, see kernel/supervise. */
struct plan_init {
	bool used, group, wait_all;
	uint32_t stop_timeout, grace; /* seconds; stop_timeout 0: none */
};

/* -- the whole ------------------------------------------------------------------------------- */

struct plan {
	const struct spec *spec; /* for what needs no decision: args, hooks, rlimits, ... */
	const struct facts *facts;
	struct plan_options options;
	const char *rootfs; /* absolute host path */
	const char *image;  /* it is a file with this file system (facts.h); NULL: a directory */
	bool image_idmap;   /* its ids are those of the container's user namespace */
	const char
		*overlay_tmpfs; /* what is written goes to a tmpfs with this data ("size=8m") ... */
	const char *overlay_dir; /* ... or below this directory; both NULL: to the rootfs */
	enum plan_root_mode root_mode;
	uint32_t root_propagation; /* of `/` at the end, MS_* with MS_REC; 0: leave it */
	struct plan_namespaces ns;
	struct plan_mounts mounts;
	struct plan_devices devices;
	struct plan_cgroup cgroup;
	struct plan_rdt rdt;
	struct plan_creds creds;
	struct plan_filter seccomp;
	struct plan_init init;
	struct pairs sysctl; /* name: path below /proc/sys ("net/ipv4/ip_forward") */
	struct strings env;  /* process.env, each name once, the last one wins (PR-5) */
	bool home_missing;   /* HOME is to be added from the container's /etc/passwd */
	bool loopback_up;    /* a new network namespace */
	const char *keyring; /* "_ses.<id>"; NULL with --no-new-keyring */
};

/* `s`, `f` and the strings of `o` must outlive the plan.  Arrays lie in the arena. */
int plan_make(struct err *e, struct plan *p, const struct spec *s, const struct facts *f,
	const struct plan_options *o);

/* What a further process needs of it (exec, s->process): credentials, environment, keyring. */
int plan_make_process(struct err *e, struct plan *p, const struct spec *s, const struct facts *f,
	const struct plan_options *o);

/* The slices, in this order: mounts show what the cgroup slice decided; devices see the mounts. */
int plan_make_namespaces(struct err *e, struct plan *p);
int plan_make_cgroup(struct err *e, struct plan *p);
int plan_make_rdt(struct err *e, struct plan *p);
int plan_make_root(struct err *e, struct plan *p);
int plan_make_mounts(struct err *e, struct plan *p);
int plan_make_devices(struct err *e, struct plan *p);
int plan_make_creds(struct err *e, struct plan *p);
int plan_make_init(struct err *e, struct plan *p, const struct pairs *annotations); /* NULL: none */

/* The device rules with what every container needs (LX-5), compiled for v1 as lines (devrules.c)
 * or for v2 as a program (devbpf.c; NULL when everything is allowed). */
int plan_devrules(struct err *e, const struct spec *s, struct plan_device_rule **out, uint32_t *n);
int plan_device_program(
	struct err *e, const struct spec *s, struct kabi_bpf_insn **out, uint32_t *n);

/* Writes the plan as text, one line a row, for `create --dry-run`.  Returns its length in bytes. */
int plan_print(struct err *e, const struct plan *p, char *out, size_t size);

#endif
