/* checktuning: the rules of scheduler, ioPriority, execCPUAffinity, memoryPolicy and timeOffsets.
 *
 * Contract: both fail with the property path of the first violation; those of a process begin with
 * `prefix`, as spec_check_process() says.
 *
 * Floor: spec (uses spec/view).  Runs in: host; pure.
 * Spec: config.md#linux-process, config-linux.md#memory-policy, #time-namespace-offsets.
 */
#ifndef SPEC_CHECKTUNING_H
#define SPEC_CHECKTUNING_H

#include "base/err.h"
#include "spec/view.h"

int checktuning_process(struct err *e, const struct spec_process *p, const char *prefix);
int checktuning_linux(struct err *e, const struct spec *s);

#endif
