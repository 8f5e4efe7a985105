#include "plan/bpf.h"

/* What a conditional jump can pass over is 255; there may be room for two longer ones to be made.
 */
enum { NEAR = 250, RETURN_NEAR = 200 };

bool
bpf_full(const struct bpf_program *p)
{
	return p->full;
}

static bpf_place
put(struct bpf_program *p, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
	if (p->n == BPF_PROGRAM_MAX) {
		p->full = true;
		return p->n;
	}
	p->n++;
	p->buffer[BPF_PROGRAM_MAX - p->n] = (struct kabi_sock_filter){code, yes, no, k};
	return p->n;
}

/* What is written next falls through to the instruction that is the first now. */
static void
go_on_at(struct bpf_program *p, bpf_place next)
{
	if (next != p->n)
		(void)put(p, BPF_JMP | BPF_JA, 0, 0, p->n - next);
}

bpf_place
bpf_load(struct bpf_program *p, uint32_t offset, bpf_place next)
{
	go_on_at(p, next);
	return put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

bpf_place
bpf_and(struct bpf_program *p, uint32_t mask, bpf_place next)
{
	go_on_at(p, next);
	return put(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
}

bpf_place
bpf_return(struct bpf_program *p, uint32_t value)
{
	bpf_place place;

	for (uint32_t i = 0; i < BPF_RETURNS_KEPT; i++) {
		place = p->returns[i];
		if (place > 0 && p->n - place < RETURN_NEAR &&
			p->buffer[BPF_PROGRAM_MAX - place].k == value)
			return place;
	}
	place = put(p, BPF_RET | BPF_K, 0, 0, value);
	p->returns[p->turn++ % BPF_RETURNS_KEPT] = place;
	return place;
}

static bpf_place
within_reach(struct bpf_program *p, bpf_place place)
{
	return p->n - place < NEAR ? place : put(p, BPF_JMP | BPF_JA, 0, 0, p->n - place);
}

bpf_place
bpf_jump(struct bpf_program *p, uint16_t code, uint32_t k, bpf_place yes, bpf_place no)
{
	if (yes == no)
		return yes;
	yes = within_reach(p, yes);
	no = within_reach(p, no);
	return put(p, (uint16_t)(BPF_JMP | BPF_K | code), (uint8_t)(p->n - yes),
		(uint8_t)(p->n - no), k);
}
