/* datatuning: what a config says about how a process is limited and scheduled, and where its memory
 * lies.
 *
 * Contract: as spec/data.
 *
 * Floor: spec.  Runs in: any process.
 * Spec: config.md#posix-process, #linux-process, config-linux.md#memory-policy, #personality.
 */
#ifndef SPEC_DATATUNING_H
#define SPEC_DATATUNING_H

#include <stdbool.h>
#include <stdint.h>

struct spec_rlimit {
	int resource;	     /* RLIMIT_* number */
	uint64_t soft, hard; /* the resource's own unit; UINT64_MAX is unlimited */
};

struct spec_scheduler {
	bool present;
	int policy; /* SCHED_* */
	int32_t nice, priority;
	uint64_t flags;			    /* SCHED_FLAG_* */
	uint64_t runtime, deadline, period; /* ns */
};

struct spec_io_priority {
	bool present;
	int class; /* IOPRIO_CLASS_* */
	int32_t priority;
};

/* Lists of CPUs ("0-3,7"); NULL: not set. */
struct spec_cpu_affinity {
	const char *initial, *final;
};

struct spec_personality {
	bool present;
	int domain; /* PER_* of personality(2) */
};

/* One entry of linux.timeOffsets. */
struct spec_time_offset {
	const char *clock; /* "monotonic", "boottime" */
	int64_t secs;
	uint32_t nanosecs;
};

#endif
