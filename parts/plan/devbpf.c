#include "plan/plan.h"

#include "base/arena.h"
#include "base/kabi.h"
#include "plan/devrules.h"

#include <stddef.h>

/* The program that the kernel asks about every open and mknod of a device in the cgroup.  r1 is its
 * context: three 32-bit words, the first with the type in the low and the access in the high half.
 * r3 holds the bits of the request about which no rule has spoken yet.  The rules stand in reverse,
 * so that the first to speak about a bit is the last of the config:
 *
 *	a rule that denies any bit still open refuses the request;
 *	a rule that allows takes its bits away, and lets the request pass when none is left.
 *
 * Rules one behind another that say the same about all access to devices of one type share the look
 * at the type, at a major number and the verdict: half the instructions for the usual list, and the
 * kernel verifies them at every start.
 *
 * Everything but r1 and r3 is loaded afresh in each rule, so that the verifier of old kernels finds
 * the same few states at the head of each and need not follow every path (Linux 4.15).
 * Kernel: struct bpf_cgroup_dev_ctx in linux/bpf.h. */

enum {
	RULE_INSNS_MAX = 11, /* of the longest rule */
	FRAME_INSNS = 4,     /* before and behind the rules */
	PROGRAM_MAX = 4096,  /* BPF_MAXINSNS of kernels before 5.2 */
};
_Static_assert((DEVRULES_MAX + DEVRULES_DEFAULTS) * RULE_INSNS_MAX + FRAME_INSNS <= PROGRAM_MAX,
	"the most rules must fit into one program");

enum { R0, R1, R3 = 3 };
enum { CTX_ACCESS_TYPE = 0, CTX_MAJOR = 4, CTX_MINOR = 8 }; /* offsets in bytes */

/* Instructions by their code (linux/bpf.h, linux/bpf_common.h) */
enum {
	LOAD = 0x61,	/* dst = 32 bits at src + off */
	AND32 = 0x54,	/* dst &= imm */
	SHIFT32 = 0x74, /* dst >>= imm */
	MOVE = 0xb7,	/* dst = imm */
	JUMP = 0x05,
	JUMP_EQUAL = 0x15,     /* if dst == imm */
	JUMP_NOT_EQUAL = 0x55, /* if dst != imm */
	JUMP_ANY_SET = 0x45,   /* if dst & imm */
	EXIT = 0x95,
};

struct program {
	struct kabi_bpf_insn *at;
	uint32_t n;
};

static void
emit(struct program *p, uint8_t code, int dst, int src, int off, int32_t imm)
{
	p->at[p->n++] = (struct kabi_bpf_insn){
		.code = code,
		.regs = KABI_BPF_REGS(dst, src),
		.off = (int16_t)off,
		.imm = imm,
	};
}

static void
emit_verdict(struct program *p, bool allow)
{
	emit(p, MOVE, R0, 0, 0, allow);
	emit(p, EXIT, 0, 0, 0, 0);
}

/* The config's bits and the kernel's are not the same ones. */
static int32_t
kernel_bits(uint8_t access)
{
	return (int32_t)((access & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
		(access & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
		(access & DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0));
}

/* A jump forward to where the program has got by now. */
static void
land(struct program *p, uint32_t jump)
{
	p->at[jump].off = (int16_t)(p->n - jump - 1);
}

/* Where its jump leads is not known yet; as in what follows. */
static void
emit_type(struct program *p, char type)
{
	emit(p, LOAD, R0, R1, CTX_ACCESS_TYPE, 0);
	emit(p, AND32, R0, 0, 0, 0xffff);
	emit(p, JUMP_NOT_EQUAL, R0, 0, 0,
		type == 'b' ? (int32_t)BPF_DEVCG_DEV_BLOCK : (int32_t)BPF_DEVCG_DEV_CHAR);
}

static void
emit_match(struct program *p, const struct devrule *r)
{
	if (r->type != 'a')
		emit_type(p, r->type);
	if (r->major != -1) {
		emit(p, LOAD, R0, R1, CTX_MAJOR, 0);
		emit(p, JUMP_NOT_EQUAL, R0, 0, 0, r->major);
	}
	if (r->minor != -1) {
		emit(p, LOAD, R0, R1, CTX_MINOR, 0);
		emit(p, JUMP_NOT_EQUAL, R0, 0, 0, r->minor);
	}
}

static void
emit_action(struct program *p, const struct devrule *r)
{
	if (r->access == DEVICE_ALL) {
		emit_verdict(p, r->allow);
	} else if (r->allow) {
		emit(p, AND32, R3, 0, 0, kernel_bits(DEVICE_ALL) & ~kernel_bits(r->access));
		emit(p, JUMP_NOT_EQUAL, R3, 0, 2, 0);
		emit_verdict(p, true);
	} else {
		emit(p, JUMP_ANY_SET, R3, 0, 1, kernel_bits(r->access));
		emit(p, JUMP, 0, 0, 2, 0);
		emit_verdict(p, false);
	}
}

static void
emit_rule(struct program *p, const struct devrule *r)
{
	uint32_t first = p->n, action;

	emit_match(p, r);
	action = p->n;
	emit_action(p, r);
	for (uint32_t i = first; i < action; i++)
		if (p->at[i].code == JUMP_NOT_EQUAL)
			land(p, i);
}

/* -- rules that say the same ------------------------------------------------------------------- */

static bool
is_plain(const struct devrule *r)
{
	return r->type != 'a' && r->major != -1 && r->access == DEVICE_ALL;
}

/* How many of the n rules up to `last` are of the same kind as that one. */
static uint32_t
count_same(const struct devrule *last, uint32_t n)
{
	uint32_t same = 0;

	while (same < n && is_plain(last - same) && (last - same)->type == last->type &&
		(last - same)->allow == last->allow)
		same++;
	return same;
}

/* Those of one major number; returns how many there are.  Equal ones jump to the verdict. */
static uint32_t
emit_major(struct program *p, const struct devrule *last, uint32_t n)
{
	uint32_t same = 0, other;

	emit(p, LOAD, R0, R1, CTX_MAJOR, 0);
	if (last->minor == -1) {
		emit(p, JUMP_EQUAL, R0, 0, 0, last->major);
		return 1;
	}
	other = p->n;
	emit(p, JUMP_NOT_EQUAL, R0, 0, 0, last->major);
	emit(p, LOAD, R0, R1, CTX_MINOR, 0);
	for (; same < n && (last - same)->major == last->major && (last - same)->minor != -1;
		same++)
		emit(p, JUMP_EQUAL, R0, 0, 0, (last - same)->minor);
	land(p, other);
	return same;
}

static void
emit_same(struct program *p, const struct devrule *last, uint32_t n)
{
	uint32_t first = p->n, type, verdict;

	emit_type(p, last->type);
	type = p->n - 1;
	for (uint32_t i = 0; i < n;)
		i += emit_major(p, last - i, n - i);
	emit(p, JUMP, 0, 0, 2, 0);
	verdict = p->n;
	for (uint32_t i = first; i < verdict; i++)
		if (p->at[i].code == JUMP_EQUAL)
			land(p, i);
	emit_verdict(p, last->allow);
	land(p, type);
}

static void
emit_rules(struct program *p, const struct devrules *d)
{
	for (uint32_t i = d->n, n; i > 0; i -= n) {
		const struct devrule *last = &d->at[i - 1];

		n = count_same(last, i);
		if (n > 1) {
			emit_same(p, last, n);
			continue;
		}
		emit_rule(p, last);
		n = 1;
	}
}

int
plan_device_program(struct err *e, const struct spec *s, struct kabi_bpf_insn **out, uint32_t *n)
{
	struct program p = {.n = 0};
	struct devrules d;

	TRY(devrules_make(e, &d, s));
	*out = NULL;
	*n = 0;
	if (d.allow && d.n == 0)
		return 0;
	p.at = arena_take(e, (size_t)d.n * RULE_INSNS_MAX + FRAME_INSNS, sizeof(*p.at));
	if (!p.at)
		return -1;
	emit(&p, LOAD, R3, R1, CTX_ACCESS_TYPE, 0);
	emit(&p, SHIFT32, R3, 0, 0, 16);
	emit_rules(&p, &d);
	emit_verdict(&p, d.allow);
	*out = p.at;
	*n = p.n;
	return 0;
}
