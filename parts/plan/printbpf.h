/* printbpf: a device program as text.
 *
 * Contract: one line an instruction with its number, in words; an instruction that plan/devbpf does
 * not make is printed as its bytes.  Both byte orders give the same text.
 *
 * Floor: plan (uses base).  Runs in: host; pure.
 * Kernel: linux/bpf.h.
 */
#ifndef PLAN_PRINTBPF_H
#define PLAN_PRINTBPF_H

#include "base/str.h"

#include <stdint.h>

struct kabi_bpf_insn;

void printbpf(struct str *out, const struct kabi_bpf_insn *program, uint32_t n);

#endif
