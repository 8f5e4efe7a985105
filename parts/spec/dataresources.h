/* dataresources: what a config says under `linux.resources`, as plain data.
 *
 * Contract: as spec/data.  Also what `update` reads.  Where 0 stands for "not set" (DEC-31) there
 * is no other mark; where it is a value, a member NAME_set tells.
 *
 * Floor: spec (uses spec/data).  Runs in: any process.
 * Spec: config-linux.md#control-groups.
 */
#ifndef SPEC_DATARESOURCES_H
#define SPEC_DATARESOURCES_H

#include "spec/data.h"

#include <stdbool.h>
#include <stdint.h>

/* linux.resources.devices[]: one rule of the device controller. */
struct spec_device_rule {
	bool allow;
	char type;	      /* 'a', 'b', 'c' */
	int64_t major, minor; /* -1: any */
	uint8_t access;	      /* bits of enum device_access */
};

enum device_access { DEVICE_READ = 1, DEVICE_WRITE = 2, DEVICE_MKNOD = 4, DEVICE_ALL = 7 };

struct spec_weight_device {
	int64_t major, minor;
	uint16_t weight, leaf_weight;
	bool weight_set, leaf_weight_set;
};

struct spec_throttle_device {
	int64_t major, minor;
	uint64_t rate; /* bytes or operations a second */
};

enum throttle {
	THROTTLE_READ_BPS,
	THROTTLE_WRITE_BPS,
	THROTTLE_READ_IOPS,
	THROTTLE_WRITE_IOPS,
	THROTTLES
};

struct spec_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit;	       /* bytes */
};

struct spec_priority {
	const char *name; /* of an interface in the runtime's network namespace */
	uint32_t priority;
};

struct spec_rdma {
	const char *device; /* the key of its entry */
	uint32_t hca_handles, hca_objects;
	bool hca_handles_set, hca_objects_set;
};

struct spec_resources {
	bool present;
	struct {
		struct spec_device_rule *at;
		uint32_t n;
		bool present;
	} devices;
	struct {
		int64_t limit, reservation, swap, kernel,
			kernel_tcp;  /* bytes; -1: unlimited; 0: not set */
		uint64_t swappiness; /* percent */
		bool swappiness_set, disable_oom_killer, use_hierarchy, use_hierarchy_set,
			check_before_update;
	} memory;
	struct {
		uint64_t shares, period, burst,
			realtime_period;	 /* shares: relative, others us; 0: not set */
		int64_t quota, realtime_runtime; /* us; negative: unlimited; 0: not set */
		int64_t idle;
		bool idle_set;
		const char *cpus, *mems; /* lists ("0-3,7"); NULL: not set */
	} cpu;
	struct {
		int64_t limit; /* 0 is a limit; negative: unlimited */
		bool limit_set;
	} pids;
	struct {
		uint16_t weight, leaf_weight; /* weight: 0: not set */
		bool leaf_weight_set;
		struct {
			struct spec_weight_device *at;
			uint32_t n;
		} weight_device;
		struct {
			struct spec_throttle_device *at;
			uint32_t n;
		} throttle[THROTTLES]; /* by enum throttle */
	} block_io;
	struct {
		struct spec_hugepage_limit *at;
		uint32_t n;
	} hugepage_limits;
	struct {
		uint32_t class_id;
		bool class_id_set;
		struct {
			struct spec_priority *at;
			uint32_t n;
		} priorities;
	} network;
	struct {
		struct spec_rdma *at;
		uint32_t n;
	} rdma;
	struct pairs unified; /* file name in the v2 cgroup, value */
};

#endif
