/* printbpf: a device program, or a seccomp filter, as text.
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
#include "plan/seccomp.h"

#include <stdint.h>

struct kabi_bpf_insn;

void printbpf(struct str *out, const struct kabi_bpf_insn *program, uint32_t n);

/* The seccomp filter, likewise; nothing when there is none. */
void printbpf_filter(struct str *out, const struct plan_filter *f);

#endif
