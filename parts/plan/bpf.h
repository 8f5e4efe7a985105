/* bpf: classic BPF programs, written from their end to their beginning.
 *
 * Contract: bpf_*() put an instruction in front of what is there and return where it stands, as a
 * distance from the end: so every target of a jump is known when the jump is written.  A program
 * that is full stays full, and bpf_full() says so.
 *
 * Floor: plan (uses base).  Runs in: host; pure.
 * Kernel: networking/filter, userspace-api/seccomp_filter.
 */
#ifndef PLAN_BPF_H
#define PLAN_BPF_H

#include "base/sys.h"

#include <stdbool.h>
#include <stdint.h>

enum { BPF_PROGRAM_MAX = 4096 }; /* BPF_MAXINSNS of linux/bpf_common.h */

/* The place of an instruction: how many there are from it to the end. */
typedef uint32_t bpf_place;

enum { BPF_RETURNS_KEPT = 4 };

struct bpf_program {
	struct kabi_sock_filter *buffer; /* of BPF_PROGRAM_MAX; the program is at its end */
	uint32_t n;
	bpf_place returns[BPF_RETURNS_KEPT]; /* the last ones, by turns; 0: none */
	uint32_t turn;
	bool full;
};

bool bpf_full(const struct bpf_program *p);

/* A = 32 bits of struct seccomp_data at that offset; and then goes on at `next`. */
bpf_place bpf_load(struct bpf_program *p, uint32_t offset, bpf_place next);

/* A &= mask; and then goes on at `next`. */
bpf_place bpf_and(struct bpf_program *p, uint32_t mask, bpf_place next);

/* The filter's answer.  One that is near is used again. */
bpf_place bpf_return(struct bpf_program *p, uint32_t value);

/* if (A code k) goto yes; else goto no.  code: BPF_JEQ, BPF_JGT, BPF_JGE.  Places that are too far
 * away for it are reached by a longer jump in between. */
bpf_place bpf_jump(struct bpf_program *p, uint16_t code, uint32_t k, bpf_place yes, bpf_place no);

#endif
