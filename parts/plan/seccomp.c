#include "plan/seccomp.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "plan/bpf.h"
#include "spec/checkseccomp.h"
#include "words/sysnr.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* struct seccomp_data of linux/seccomp.h, bytes */
enum { DATA_NUMBER = 0, DATA_ARCH = 4, DATA_ARGS = 16, ARG_BYTES = 8 };

/* The numbers of one architecture stand in a table by number; ARM's private ones behind it. */
enum {
	NUMBERS_MAX = 640,
	PRIVATE = 0x0f0000,
	PRIVATE_MAX = 8,
	SLOTS = NUMBERS_MAX + PRIVATE_MAX,
	RANGES_MAX = 2 * SLOTS + 4, /* x86_64 and x32 */
	NO_ROW = UINT16_MAX,
};

/* A rule with arguments; the list of a call begins with its last one. */
struct rule {
	const struct rule *before;
	uint32_t verdict;
	const struct spec_syscall_arg *args;
	uint32_t n;
};

struct call {
	bool decided; /* by a rule without arguments */
	uint32_t verdict;
	const struct rule *last; /* of those with arguments; NULL: none */
};

/* The numbers from `from` to the next range's have one verdict, or one list of rules. */
struct range {
	uint32_t from, verdict;
	const struct rule *last;
};

struct job {
	struct err *e;
	const struct spec_seccomp *s;
	uint32_t by_default;
	struct bpf_program program;
	const uint16_t *row; /* of every name of the profile, in order */
	uint32_t n_ranges;
};

static struct kabi_sock_filter buffer[BPF_PROGRAM_MAX] BUFFER;
static struct call calls[SLOTS] BUFFER;
static struct range ranges[RANGES_MAX] BUFFER;

/* -- verdicts ---------------------------------------------------------------------------------- */

static uint32_t
verdict_of(int action, bool number_set, uint32_t number)
{
	uint32_t data = number_set ? number : EPERM;

	switch ((enum seccomp_action)action) {
	case SECCOMP_KILL_THREAD:
		return SECCOMP_RET_KILL_THREAD;
	case SECCOMP_KILL_PROCESS:
		return SECCOMP_RET_KILL_PROCESS;
	case SECCOMP_TRAP:
		return SECCOMP_RET_TRAP;
	case SECCOMP_ERRNO:
		return SECCOMP_RET_ERRNO | data;
	case SECCOMP_NOTIFY:
		return SECCOMP_RET_USER_NOTIF;
	case SECCOMP_TRACE:
		return SECCOMP_RET_TRACE | data;
	case SECCOMP_LOG:
		return SECCOMP_RET_LOG;
	case SECCOMP_ALLOW:
		break;
	}
	return SECCOMP_RET_ALLOW;
}

/* SC-15: does the default refuse what it does not know?  A tracer is asked, and knows ENOSYS. */
static bool
refuses(int action)
{
	return action != SECCOMP_ALLOW && action != SECCOMP_LOG && action != SECCOMP_TRACE;
}

/* -- the rules of one architecture ------------------------------------------------------------- */

/* The slot of a number, or NULL for one that no table has room for. */
static struct call *
slot(int64_t number, int64_t base)
{
	if (number >= base && number - base < NUMBERS_MAX)
		return &calls[number - base];
	if (number >= PRIVATE && number - PRIVATE < PRIVATE_MAX)
		return &calls[NUMBERS_MAX + number - PRIVATE];
	return NULL;
}

static int
add_rule(struct job *j, struct call *c, uint32_t verdict, const struct spec_syscall_arg *args,
	uint32_t n)
{
	struct rule *r;

	if (c->decided)
		return 0;
	if (n == 0) {
		*c = (struct call){true, verdict, NULL};
		return 0;
	}
	r = arena_take(j->e, 1, sizeof *r);
	if (!r)
		return -1;
	*r = (struct rule){c->last, verdict, args, n};
	c->last = r;
	return 0;
}

static bool
has_index_twice(const struct spec_syscall_rule *r)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < r->args.n; i++) {
		if (seen >> r->args.at[i].index & 1)
			return true;
		seen |= 1u << r->args.at[i].index;
	}
	return false;
}

/* The call behind socketcall(2) or ipc(2): their first argument says which it is.  What a rule says
 * about the first argument of the call itself is lost, for that lies in memory, where no filter
 * looks; the others are compared with those of the multiplexer, as libseccomp does. */
static int
add_multiplexed(struct job *j, int row, enum sysnr_arch arch, int64_t base, uint32_t verdict,
	const struct spec_syscall_arg *args, uint32_t n)
{
	struct spec_syscall_arg *arg;
	uint32_t value, kept = 1;
	int64_t by;

	value = sysnr_multiplexed(row, arch, &by);
	if (value == 0)
		return 0;
	arg = arena_take(j->e, (size_t)n + 1, sizeof *arg);
	if (!arg)
		return -1;
	arg[0] = (struct spec_syscall_arg){.index = 0, .op = SECCOMP_EQ, .value = value};
	for (uint32_t i = 0; i < n; i++)
		if (args[i].index != 0)
			arg[kept++] = args[i];
	return add_rule(j, slot(by, base), verdict, arg, kept);
}

/* SC-7: all arguments must match, but an index that comes twice makes a rule of each. */
static int
add_name(struct job *j, struct call *c, const struct spec_syscall_rule *r, uint32_t verdict,
	int row, enum sysnr_arch arch, int64_t base)
{
	bool split = has_index_twice(r);
	uint32_t step = split ? 1 : r->args.n;
	uint32_t i = 0;

	do {
		const struct spec_syscall_arg *args = r->args.at + i;

		if (c)
			TRY(add_rule(j, c, verdict, args, step));
		TRY(add_multiplexed(j, row, arch, base, verdict, args, step));
		i += step;
	} while (split && i < r->args.n);
	return 0;
}

/* Adds one rule of the profile for one architecture; *last is the newest call that is named. */
static int
add_names(struct job *j, const struct spec_syscall_rule *r, const uint16_t *row,
	enum sysnr_arch arch, int64_t base, int64_t *last)
{
	uint32_t verdict = verdict_of(r->action, r->errno_ret_set, r->errno_ret);

	for (uint32_t i = 0; i < r->names.n; i++) {
		int64_t number = row[i] == NO_ROW ? -1 : sysnr_number(row[i], arch);
		struct call *c = number < 0 ? NULL : slot(number, base);

		if (c && number < PRIVATE + base && number > *last)
			*last = number;
		if (verdict == j->by_default) /* says nothing */
			continue;
		if (row[i] != NO_ROW)
			TRY(add_name(j, c, r, verdict, row[i], arch, base));
	}
	return 0;
}

/* -- ranges ------------------------------------------------------------------------------------ */

static void
add_range(struct job *j, uint32_t from, uint32_t verdict, const struct rule *last)
{
	const struct range *before = j->n_ranges > 0 ? &ranges[j->n_ranges - 1] : NULL;

	if (before && !last && !before->last && before->verdict == verdict)
		return;
	ranges[j->n_ranges++] = (struct range){from, verdict, last};
}

static void
add_calls(struct job *j, int64_t base, int64_t last)
{
	uint32_t newer = refuses(j->s->default_action) ? SECCOMP_RET_ERRNO | ENOSYS : j->by_default;

	if (last < 0) /* nothing is named: what is newer than that? */
		newer = j->by_default;
	if (base > 0 && base < SYSNR_X32_BIT)
		add_range(j, 0, j->by_default, NULL);
	for (int i = 0; i < SLOTS; i++) {
		int64_t number = i < NUMBERS_MAX ? base + i : PRIVATE + i - NUMBERS_MAX;
		uint32_t other = number > last ? newer : j->by_default;

		if (i >= NUMBERS_MAX && base > 0)
			break;
		if (i == NUMBERS_MAX)
			add_range(j, NUMBERS_MAX, newer, NULL);
		add_range(j, (uint32_t)number, calls[i].decided ? calls[i].verdict : other,
			calls[i].decided ? NULL : calls[i].last);
	}
	/* Behind the table, and behind a last call with rules of its own. */
	add_range(
		j, (uint32_t)(base > 0 ? base + NUMBERS_MAX : PRIVATE + PRIVATE_MAX), newer, NULL);
}

/* All numbers of one architecture, as ranges behind those that are there. */
static int
add_arch(struct job *j, enum sysnr_arch arch)
{
	int read = sysnr_find("read"); /* every architecture has it, and x32 and MIPS only higher */
	int64_t base = arch == ARCH_X32 ? SYSNR_X32_BIT : sysnr_number(read, arch) / 1000 * 1000;
	int64_t last = -1;
	const uint16_t *row = j->row;

	memset(calls, 0, sizeof calls);
	for (uint32_t i = 0; i < j->s->syscalls.n; i++) {
		const struct spec_syscall_rule *r = &j->s->syscalls.at[i];

		TRY(add_names(j, r, row, arch, base, &last));
		row += r->names.n;
	}
	add_calls(j, base, last);
	return 0;
}

/* -- instructions ------------------------------------------------------------------------------ */

static uint32_t
offset_of(uint32_t index, bool high)
{
	bool second = high == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

	return DATA_ARGS + index * ARG_BYTES + (second ? ARG_BYTES / 2 : 0);
}

/* (half & mask) == value; what a mask of 0 leaves is known already. */
static bpf_place
put_masked(struct bpf_program *p, const struct spec_syscall_arg *a, bool high, bpf_place yes,
	bpf_place no)
{
	uint32_t mask = (uint32_t)(high ? a->value >> 32 : a->value);
	uint32_t value = (uint32_t)(high ? a->value_two >> 32 : a->value_two);
	bpf_place place;

	if (mask == 0)
		return value == 0 ? yes : no;
	place = bpf_jump(p, BPF_JEQ, value, yes, no);
	if (mask != UINT32_MAX)
		place = bpf_and(p, mask, place);
	return bpf_load(p, offset_of(a->index, high), place);
}

/* An unsigned comparison of 64 bits in halves: the low ones count where the high ones are equal.
 * `code` compares the low ones; what is said about unequal high ones is `above` and `below`. */
static bpf_place
put_compared(struct bpf_program *p, const struct spec_syscall_arg *a, uint16_t code, bpf_place yes,
	bpf_place no, bpf_place above, bpf_place below)
{
	uint32_t low = (uint32_t)a->value, high = (uint32_t)(a->value >> 32);
	bpf_place place;

	place = bpf_jump(p, code, low, yes, no);
	place = bpf_load(p, offset_of(a->index, false), place);
	place = bpf_jump(p, BPF_JEQ, high, place, below);
	if (above != below)
		place = bpf_jump(p, BPF_JGT, high, above, place);
	return bpf_load(p, offset_of(a->index, true), place);
}

static bpf_place
put_arg(struct bpf_program *p, const struct spec_syscall_arg *a, bpf_place yes, bpf_place no)
{
	switch ((enum seccomp_operator)a->op) {
	case SECCOMP_NE:
		return put_compared(p, a, BPF_JEQ, no, yes, yes, yes);
	case SECCOMP_EQ:
		return put_compared(p, a, BPF_JEQ, yes, no, no, no);
	case SECCOMP_GT:
		return put_compared(p, a, BPF_JGT, yes, no, yes, no);
	case SECCOMP_GE:
		return put_compared(p, a, BPF_JGE, yes, no, yes, no);
	case SECCOMP_LE:
		return put_compared(p, a, BPF_JGT, no, yes, no, yes);
	case SECCOMP_LT:
		return put_compared(p, a, BPF_JGE, no, yes, no, yes);
	case SECCOMP_MASKED_EQ:
		break;
	}
	yes = put_masked(p, a, false, yes, no);
	return put_masked(p, a, true, yes, no);
}

/* The verdict of a range, or its rules from the first to the last, and then the verdict. */
static bpf_place
put_range(struct bpf_program *p, const struct range *r)
{
	bpf_place next = bpf_return(p, r->verdict);

	for (const struct rule *rule = r->last; rule; rule = rule->before) {
		bpf_place place = bpf_return(p, rule->verdict);

		for (uint32_t i = rule->n; i > 0; i--)
			place = put_arg(p, &rule->args[i - 1], place, next);
		next = place;
	}
	return next;
}

/* A binary search; as deep as the logarithm of RANGES_MAX. */
static bpf_place
put_search(struct bpf_program *p, const struct range *r, uint32_t n)
{
	uint32_t half = n / 2;
	bpf_place low, high;

	if (n == 1)
		return put_range(p, r);
	high = put_search(p, r + half, n - half);
	low = put_search(p, r, half);
	return bpf_jump(p, BPF_JGE, r[half].from, high, low);
}

/* -- the whole --------------------------------------------------------------------------------- */

/* The rows of all names, looked up once. */
static int
find_names(struct job *j, bool fail_unknown)
{
	uint32_t n = 0;
	uint16_t *row;

	for (uint32_t i = 0; i < j->s->syscalls.n; i++)
		n += j->s->syscalls.at[i].names.n;
	j->row = row = arena_take(j->e, n, sizeof *row);
	if (!row)
		return -1;
	for (uint32_t i = 0; i < j->s->syscalls.n; i++) {
		const struct strings *names = &j->s->syscalls.at[i].names;

		for (uint32_t k = 0; k < names->n; k++, row++) {
			int found = sysnr_find(names->at[k]);

			*row = found < 0 ? NO_ROW : (uint16_t)found;
			if (found >= 0)
				continue;
			if (fail_unknown)
				return fail(j->e,
					"linux.seccomp.syscalls[%u].names[%u]: \"%s\" is not a "
					"system call",
					i, k, names->at[k]);
			log_debug("linux.seccomp.syscalls[%u].names[%u]: \"%s\" is not known: "
				  "ignored",
				i, k, names->at[k]);
		}
	}
	return 0;
}

/* What looks at the number, for one value of AUDIT_ARCH_*. */
static int
put_arch(struct job *j, enum sysnr_arch arch, uint64_t architectures, bpf_place *place)
{
	j->n_ranges = 0;
	TRY(add_arch(j, arch));
	if (arch == ARCH_X86_64 && architectures >> ARCH_X32 & 1)
		TRY(add_arch(j, ARCH_X32));
	else if (arch == ARCH_X86_64) /* the same to the filter, but for that bit */
		add_range(j, SYSNR_X32_BIT, SECCOMP_RET_KILL_THREAD, NULL);
	*place = put_search(&j->program, ranges, j->n_ranges);
	*place = bpf_load(&j->program, DATA_NUMBER, *place);
	return 0;
}

/* The native one is put last, so that it stands first and nearest.  x32 goes with x86_64. */
static int
put_arches(struct job *j, uint64_t architectures)
{
	bpf_place place[ARCHES], next;
	enum sysnr_arch order[ARCHES];
	int n = 0;

	if (architectures >> ARCH_X32 & 1)
		architectures |= UINT64_C(1) << ARCH_X86_64;
	for (int arch = 0; arch < ARCHES; arch++)
		if (architectures >> arch & 1 && arch != ARCH_X32 && arch != (int)sysnr_native())
			order[n++] = (enum sysnr_arch)arch;
	if (architectures >> sysnr_native() & 1)
		order[n++] = sysnr_native();
	for (int i = 0; i < n; i++)
		TRY(put_arch(j, order[i], architectures, &place[i]));
	next = bpf_return(&j->program, SECCOMP_RET_KILL_THREAD);
	for (int i = 0; i < n; i++)
		next = bpf_jump(&j->program, BPF_JEQ, sysnr_audit(order[i]), place[i], next);
	(void)bpf_load(&j->program, DATA_ARCH, next);
	return 0;
}

static int
compile(struct err *e, struct plan_filter *f, const struct spec_seccomp *s, uint64_t architectures,
	bool fail_unknown)
{
	struct job j = {.e = e, .s = s, .program.buffer = buffer};

	j.by_default =
		verdict_of(s->default_action, s->default_errno_ret_set, s->default_errno_ret);
	TRY(find_names(&j, fail_unknown));
	TRY(put_arches(&j, architectures));
	if (bpf_full(&j.program))
		return fail(e, "linux.seccomp: the filter has more than %d instructions",
			BPF_PROGRAM_MAX);
	f->at = buffer + BPF_PROGRAM_MAX - j.program.n;
	f->n = j.program.n;
	return 0;
}

int
plan_seccomp_for(
	struct err *e, struct plan_filter *f, const struct spec_seccomp *s, uint64_t architectures)
{
	return compile(e, f, s, architectures, false);
}

int
plan_seccomp(struct err *e, struct plan_filter *f, const struct spec_seccomp *s, bool fail_unknown)
{
	uint64_t architectures = UINT64_C(1) << sysnr_native();

	*f = (struct plan_filter){.n = 0};
	if (!s->present)
		return 0;
	for (int arch = 0; arch < ARCHES; arch++)
		if (s->architectures >> arch & 1 && sysnr_reachable((enum sysnr_arch)arch))
			architectures |= UINT64_C(1) << arch;
	TRY(compile(e, f, s, architectures, fail_unknown));
	f->flags = (uint32_t)s->flags;
	f->notify = checkseccomp_notifies(s);
	f->listener_path = f->notify ? s->listener_path : NULL;
	f->listener_metadata = s->listener_metadata;
	return 0;
}
