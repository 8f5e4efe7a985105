/* datalinux: what a config says under `linux`, as plain data.
 *
 * Contract: as spec/data.
 *
 * Floor: spec (uses words, spec/data).  Runs in: any process.
 * Spec: config-linux.md.
 */
#ifndef SPEC_DATALINUX_H
#define SPEC_DATALINUX_H

#include "spec/data.h"
#include "spec/dataresources.h"
#include "spec/dataseccomp.h"
#include "words/words.h"

#include <stdbool.h>
#include <stdint.h>

struct spec_namespace {
	bool listed;
	const char *path; /* NULL: a new one */
};

struct spec_device {
	char type; /* 'c', 'b' or 'p'; "u" is read as 'c' */
	const char *path;
	int64_t major, minor;	      /* -1 for a fifo */
	uint32_t file_mode, uid, gid; /* file_mode 0666 when absent */
};

/* Words of set_mempolicy(2), checked by spec_check(). */
struct spec_memory_policy {
	bool present;
	const char *mode, *nodes; /* nodes: a list, NULL or "" for none */
	struct strings flags;
};

struct spec_intel_rdt {
	bool present;
	const char *clos_id, *l3_cache_schema, *mem_bw_schema; /* NULL when absent or empty */
	struct strings schemata;
	bool enable_monitoring;
};

struct spec_linux {
	struct spec_namespace namespaces[NAMESPACES]; /* by enum namespace */
	struct spec_idmaps uid_mappings, gid_mappings;
	struct {
		struct spec_device *at;
		uint32_t n;
	} devices;
	const char *cgroups_path; /* NULL when absent */
	struct spec_resources resources;
	struct pairs net_devices; /* device: its name in the container */
	struct pairs sysctl;
	struct spec_seccomp seccomp;
	struct spec_memory_policy memory_policy;
	struct spec_intel_rdt intel_rdt;
	struct spec_personality personality;
	struct {
		struct spec_time_offset *at;
		uint32_t n;
	} time_offsets;
	uint32_t rootfs_propagation; /* MS_* with MS_REC as written; 0 when absent */
	struct strings masked_paths, readonly_paths;
	const char *mount_label; /* NULL when absent or empty */
};

#endif
