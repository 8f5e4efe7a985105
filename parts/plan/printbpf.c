#include "plan/printbpf.h"

#include "base/kabi.h"

/* The instructions of plan/devbpf; `number` is that of the instruction, for the target of a jump.
 */
static void
add_instruction(struct str *out, const struct kabi_bpf_insn *in, int number)
{
	int target = number + 1 + in->off;
	int dst, src;

	/* Which half holds which register depends on the byte order: see KABI_BPF_REGS. */
	dst = KABI_BPF_REGS(1, 0) == 1 ? in->regs & 15 : in->regs >> 4;
	src = KABI_BPF_REGS(1, 0) == 1 ? in->regs >> 4 : in->regs & 15;
	switch (in->code) {
	case 0x61:
		(void)str_add(out, "r%d = [r%d + %d]", dst, src, in->off);
		return;
	case 0x54:
		(void)str_add(out, "r%d &= 0x%x", dst, (uint32_t)in->imm);
		return;
	case 0x74:
		(void)str_add(out, "r%d >>= %d", dst, in->imm);
		return;
	case 0xb7:
		(void)str_add(out, "r%d = %d", dst, in->imm);
		return;
	case 0x05:
		(void)str_add(out, "goto %d", target);
		return;
	case 0x15:
		(void)str_add(out, "if r%d == %d goto %d", dst, in->imm, target);
		return;
	case 0x55:
		(void)str_add(out, "if r%d != %d goto %d", dst, in->imm, target);
		return;
	case 0x45:
		(void)str_add(out, "if r%d & 0x%x goto %d", dst, (uint32_t)in->imm, target);
		return;
	case 0x95:
		(void)str_add(out, "exit");
		return;
	}
	(void)str_add(out, "0x%02x %d %d %d %d", in->code, dst, src, in->off, in->imm);
}

void
printbpf(struct str *out, const struct kabi_bpf_insn *program, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		(void)str_add(out, "\t%u: ", i);
		add_instruction(out, &program[i], (int)i);
		(void)str_add(out, "\n");
	}
}

/* -- seccomp ----------------------------------------------------------------------------------- */

static void
add_line(struct str *out, const struct kabi_sock_filter *in, uint32_t number)
{
	static const struct {
		uint16_t code;
		char sign[4];
	} jumps[] = {{BPF_JEQ, "=="}, {BPF_JGT, ">"}, {BPF_JGE, ">="}};

	switch (in->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		(void)str_add(out, "a = [%u]", in->k);
		return;
	case BPF_ALU | BPF_AND | BPF_K:
		(void)str_add(out, "a &= 0x%x", in->k);
		return;
	case BPF_RET | BPF_K:
		(void)str_add(out, "return 0x%x", in->k);
		return;
	case BPF_JMP | BPF_JA:
		(void)str_add(out, "goto %u", number + 1 + in->k);
		return;
	}
	for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++)
		if (in->code == (BPF_JMP | BPF_K | jumps[i].code))
			(void)str_add(out, "if a %s 0x%x goto %u else %u", jumps[i].sign, in->k,
				number + 1 + in->jt, number + 1 + in->jf);
}

void
printbpf_filter(struct str *out, const struct plan_filter *f)
{
	if (f->n == 0)
		return;
	(void)str_add(out, "seccomp %u flags=0x%x", f->n, f->flags);
	if (f->notify)
		(void)str_add(out, " listener=%s", f->listener_path);
	(void)str_add(out, "\n");
	for (uint32_t i = 0; i < f->n; i++) {
		(void)str_add(out, "\t%u: ", i);
		add_line(out, &f->at[i], i);
		(void)str_add(out, "\n");
	}
}
