/* checktuning: the rules of scheduler, ioPriority, execCPUAffinity, memoryPolicy, intelRdt and
 * timeOffsets.
 *
 * Contract: all fail with the property path of the first violation; those of a process begin with
 * `prefix`, as spec_check_process() says.
 *
 * Floor: spec (uses spec/view).  Runs in: host; pure.
 * Spec: config.md#linux-process, config-linux.md#memory-policy, #intelrdt, #time-namespace-offsets.
 */
#ifndef SPEC_CHECKTUNING_H
#define SPEC_CHECKTUNING_H

#include "base/err.h"
#include "spec/view.h"

int checktuning_process(struct err *e, const struct spec_process *p, const char *prefix);
int checktuning_linux(struct err *e, const struct spec *s);

/* A schema of resctrl, NULL: none: one line that begins so (RD-3). */
int checktuning_schema(struct err *e, const char *property, const char *schema, const char *begin);

#endif
