/* rows: the plan's lists as plain data: mounts, devices and links.
 *
 * Contract: a row says one action completely; kernel/ carries rows out in the order of their list
 * and decides nothing.  Included through plan.h.
 *
 * Floor: plan (uses base).  Runs in: host; pure.
 * Spec: config.md#mounts, config-linux.md#devices.
 */
#ifndef PLAN_ROWS_H
#define PLAN_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/* -- the root (plan/root) ------------------------------------------------------------------- */

#define PLAN_OVERLAY "org.ocirt.root.overlay" /* the annotation */

enum plan_root_mode {
	PLAN_ROOT_PIVOT,  /* own mount namespace, pivot_root(2) */
	PLAN_ROOT_MOVE,	  /* own mount namespace, --no-pivot: MS_MOVE and chroot(2) */
	PLAN_ROOT_CHROOT, /* shared or joined mount namespace: chroot(2); delete unmounts */
};

/* -- mounts (plan/mounts) ------------------------------------------------------------------ */

enum plan_mount_kind {
	PLAN_MOUNT_FILESYSTEM, /* mount(2) of `type` with `flags` and `data` */
	PLAN_MOUNT_BIND,       /* MS_BIND, with MS_REC in flags for rbind */
	PLAN_MOUNT_REMOUNT,    /* an entry with the option "remount" */
	PLAN_MOUNT_SYMLINK,    /* no mount: `destination` becomes a link to `source` (cgroup v1) */
	PLAN_MOUNT_CGROUP2,    /* cgroup2; where the kernel refuses, a bind of `source` */
};

/* Are the ids of a bind mapped, and of what below it (MT-6, MT-7)? */
enum plan_idmap { PLAN_IDMAP_NONE, PLAN_IDMAP_TOP, PLAN_IDMAP_ALL };

struct spec_idmaps;

/* One action below the root filesystem, in the order of the list. */
struct plan_mount {
	enum plan_mount_kind kind;
	uint32_t index;		 /* of mounts[] in the config, for messages */
	const char *source;	 /* bind: absolute host path; else the device or a dummy */
	const char *destination; /* absolute path inside the container, cleaned */
	const char *type;	 /* filesystem type, NULL for a bind */
	const char *data;	 /* filesystem data joined by commas, NULL when none */
	const char *label;	 /* SELinux label of its root, to be set afterwards; or NULL */
	uint32_t flags;		 /* MS_* of the first call */
	uint32_t bind_set, bind_clear; /* bind: MS_* of the second call (MS_REMOUNT | MS_BIND);
					* no second call when both are 0.  Flags that the source has
					* are kept unless they are in bind_clear. */
	uint32_t attr_set, attr_clear; /* MOUNT_ATTR_* with AT_RECURSIVE; no call when both are 0 */
	uint32_t propagation;	       /* MS_SHARED and kin, with MS_REC; 0: none */
	uint64_t dev, ino; /* bind: of what was verified, as struct mnt_look has it; 0: anything */
	enum plan_idmap idmap;
	const struct spec_idmaps *uid_map, *gid_map; /* NULL: those of the joined user namespace */
	bool copy_up;				     /* the new filesystem gets what lay below it */
	bool keep_mode; /* its root gets the mode of the directory that was there */
	bool by_host; /* bind: host copies the source, init has no right to it or no way (idmap) */
	bool peer;    /* bind, by_host: what is mounted below it is mounted below the source too */
	bool read_only_after; /* turn read-only once everything below it is mounted (cgroup v1) */
	bool proc_or_sys;     /* proc, sysfs: the target must be a real directory (S3) */
	bool if_exists;	      /* bind: passed over where `source` is missing (rootless: a cgroup
			       * directory that could not be made) */
};

struct plan_mounts {
	struct plan_mount *at;
	uint32_t n;
	const char *context; /* `,context="LABEL"` for the data of a filesystem; NULL: none */
};

/* -- devices --------------------------------------------------------------------------------- */

struct plan_device {
	const char *path;
	char type; /* 'c', 'b', 'p' */
	uint32_t major, minor, mode, uid, gid;
	bool is_default; /* one of LX-2: an existing equal node is fine */
};

struct plan_link {
	const char *path, *target; /* "/dev/fd" -> "/proc/self/fd" */
};

struct plan_devices {
	bool populate; /* false: /dev is a bind of the config's choosing (5.5) */
	struct plan_device *at;
	uint32_t n;
	struct plan_link *link;
	uint32_t n_links;
};

#endif
