/* tuning: how a process is scheduled, where its memory lies, what system it takes itself for.
 *
 * Contract: each function applies one property exactly as configured or fails naming it; what is
 * not configured costs nothing.  After the cgroups were entered, which limit what may be asked for,
 * and before the credentials go.
 *
 * Floor: kernel (uses base, spec).  Runs in: init, join; tuning_affinity() in host, too.
 * Spec: config.md#linux-process, config-linux.md#memory-policy, #personality.
 * Kernel: sched_setattr(2), ioprio_set(2), set_mempolicy(2), personality(2), sched_setaffinity(2).
 */
#ifndef KERNEL_TUNING_H
#define KERNEL_TUNING_H

#include "base/err.h"
#include "spec/view.h"

/* `process.scheduler: ...`, `process.ioPriority: ...` */
int tuning_process(struct err *e, const struct spec_process *process);

/* `linux.memoryPolicy: ...`, `linux.personality: ...` */
int tuning_linux(struct err *e, const struct spec_linux *linux_);

/* The calling thread runs on these CPUs alone; NULL: left as it is.  `name` is that of the property
 * of execCPUAffinity (EXA-1). */
int tuning_affinity(struct err *e, const char *list, const char *name);

#endif
