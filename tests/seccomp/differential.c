/* Our filters against libseccomp's: the same verdict for every system call number and for arguments
 * at the boundaries of every rule, on every architecture that libseccomp knows, for the profiles
 * below and for random ones.  libseccomp is driven as runc drives it: rules whose action is the
 * default are left out, an index that comes twice splits a rule, names are resolved natively.
 *
 * What differs on purpose is calculated: ENOSYS for calls newer than the newest named (SC-15).
 *
 * covers: SC-1, SC-2, SC-3, SC-4, SC-5, SC-6, SC-7, SC-13, SC-14, SC-15 */
#include "base/arena.h"
#include "plan/seccomp.h"
#include "spec/view.h"
#include "interpret.h"
#include "words/sysnr.h"

#include "tap.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 700, SAMPLES_MAX = 400, LINES_MAX = 65536, RANDOM_PROFILES = 200 };

/* clang-format off */
static const struct { enum sysnr_arch ours; uint32_t theirs; } arches[] = {
	{ ARCH_X86_64, SCMP_ARCH_X86_64 }, { ARCH_X86, SCMP_ARCH_X86 }, { ARCH_X32, SCMP_ARCH_X32 },
	{ ARCH_ARM, SCMP_ARCH_ARM }, { ARCH_AARCH64, SCMP_ARCH_AARCH64 },
	{ ARCH_MIPS, SCMP_ARCH_MIPS }, { ARCH_MIPS64, SCMP_ARCH_MIPS64 },
	{ ARCH_MIPS64N32, SCMP_ARCH_MIPS64N32 }, { ARCH_MIPSEL, SCMP_ARCH_MIPSEL },
	{ ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64 }, { ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL64N32 },
	{ ARCH_PPC, SCMP_ARCH_PPC }, { ARCH_PPC64, SCMP_ARCH_PPC64 },
	{ ARCH_PPC64LE, SCMP_ARCH_PPC64LE }, { ARCH_S390, SCMP_ARCH_S390 },
	{ ARCH_S390X, SCMP_ARCH_S390X }, { ARCH_PARISC, SCMP_ARCH_PARISC },
	{ ARCH_PARISC64, SCMP_ARCH_PARISC64 }, { ARCH_RISCV64, SCMP_ARCH_RISCV64 },
};
/* clang-format on */
enum { ARCH_ROWS = sizeof arches / sizeof *arches };

static struct err e;

#define note(...) (printf("# " __VA_ARGS__), putchar('\n'))

/* -- libseccomp -------------------------------------------------------------------------------- */

static uint32_t
their_action(int action, bool set, uint32_t number)
{
	uint32_t data = set ? number : EPERM;

	switch (action) {
	case SECCOMP_KILL_THREAD:
		return SCMP_ACT_KILL_THREAD;
	case SECCOMP_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case SECCOMP_TRAP:
		return SCMP_ACT_TRAP;
	case SECCOMP_ERRNO:
		return SCMP_ACT_ERRNO(data);
	case SECCOMP_NOTIFY:
		return SCMP_ACT_NOTIFY;
	case SECCOMP_TRACE:
		return SCMP_ACT_TRACE(data);
	case SECCOMP_LOG:
		return SCMP_ACT_LOG;
	}
	return SCMP_ACT_ALLOW;
}

static struct scmp_arg_cmp
their_arg(const struct spec_syscall_arg *a)
{
	static const enum scmp_compare op[] = {
		[SECCOMP_NE] = SCMP_CMP_NE,
		[SECCOMP_LT] = SCMP_CMP_LT,
		[SECCOMP_LE] = SCMP_CMP_LE,
		[SECCOMP_EQ] = SCMP_CMP_EQ,
		[SECCOMP_GE] = SCMP_CMP_GE,
		[SECCOMP_GT] = SCMP_CMP_GT,
		[SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};

	return (struct scmp_arg_cmp){a->index, op[a->op], a->value, a->value_two};
}

/* 0, or an error: libseccomp cannot tell which of two rules is meant, and runc gives up. */
static int
add_theirs(scmp_filter_ctx ctx, int number, uint32_t action, const struct spec_syscall_rule *r)
{
	int result = 0;

	struct scmp_arg_cmp args[64];
	uint32_t seen = 0;
	bool twice = false;

	for (uint32_t i = 0; i < r->args.n; i++) {
		twice |= seen >> r->args.at[i].index & 1;
		seen |= 1u << r->args.at[i].index;
		args[i] = their_arg(&r->args.at[i]);
	}
	if (!twice)
		return seccomp_rule_add_array(ctx, action, number, r->args.n, args);
	for (uint32_t i = 0; i < r->args.n && result == 0; i++)
		result = seccomp_rule_add_array(ctx, action, number, 1, &args[i]);
	return result;
}

static size_t
theirs(const struct spec_seccomp *s, const uint32_t *tokens, int n_tokens, struct line *out)
{
	uint32_t by_default =
		their_action(s->default_action, s->default_errno_ret_set, s->default_errno_ret);
	scmp_filter_ctx ctx = seccomp_init(by_default);
	int fd = memfd_create("filter", 0);
	ssize_t size;

	(void)seccomp_arch_remove(
		ctx, seccomp_arch_native()); /* it may be of the other byte order */
	for (int i = 0; i < n_tokens; i++)
		(void)seccomp_arch_add(ctx, tokens[i]);
	for (uint32_t i = 0; i < s->syscalls.n; i++) {
		const struct spec_syscall_rule *r = &s->syscalls.at[i];
		uint32_t action = their_action(r->action, r->errno_ret_set, r->errno_ret);

		for (uint32_t k = 0; k < r->names.n && action != by_default; k++) {
			int number = seccomp_syscall_resolve_name(r->names.at[k]);

			if (number != __NR_SCMP_ERROR && add_theirs(ctx, number, action, r) < 0) {
				seccomp_release(ctx);
				close(fd);
				return 0;
			}
		}
	}
	if (seccomp_export_bpf(ctx, fd) < 0)
		note("libseccomp makes no filter");
	size = pread(fd, out, LINES_MAX * sizeof *out, 0);
	close(fd);
	seccomp_release(ctx);
	for (size_t i = 0; i < (size_t)size / sizeof *out && !(tokens[0] & 0x40000000); i++) {
		out[i].code =
			(uint16_t)(out[i].code << 8 | out[i].code >> 8); /* made for that machine */
		out[i].k = __builtin_bswap32(out[i].k);
	}
	return (size_t)size / sizeof *out;
}

/* -- the comparison ---------------------------------------------------------------------------- */

/* The newest call that is named, by libseccomp's tables. */
static int64_t
newest(const struct spec_seccomp *s, uint32_t token)
{
	int64_t last = -1;

	for (uint32_t i = 0; i < s->syscalls.n; i++)
		for (uint32_t k = 0; k < s->syscalls.at[i].names.n; k++) {
			const char *name = s->syscalls.at[i].names.at[k];
			int number = seccomp_syscall_resolve_name_arch(token, name);
			int row = sysnr_find(name);

			/* It gives numbers of its own to calls that socketcall(2) has, too. */
			if (number < 0 && row >= 0)
				for (int a = 0; a < ARCH_ROWS; a++)
					if (arches[a].theirs == token)
						number = (int)sysnr_number(row, arches[a].ours);
			if (number > last && (number & 0xf0000) == 0)
				last = number;
		}
	return last;
}

/* Values around everything that a profile compares with. */
static size_t
samples(const struct spec_seccomp *s, uint64_t *out, bool wide)
{
	size_t n = 0;

	out[n++] = 0;
	out[n++] = UINT32_MAX;
	for (int i = 0; i < 25; i++)
		out[n++] = (uint64_t)i;
	for (uint32_t i = 0; i < s->syscalls.n; i++)
		for (uint32_t k = 0; k < s->syscalls.at[i].args.n; k++) {
			const struct spec_syscall_arg *a = &s->syscalls.at[i].args.at[k];
			uint64_t near[] = {a->value - 1, a->value, a->value + 1, a->value_two,
				~a->value, a->value_two | (~a->value & 0x5555555555555555),
				a->value ^ UINT64_C(1) << 32, a->value ^ UINT64_C(1) << 63};

			for (size_t m = 0; m < sizeof near / sizeof *near && n < SAMPLES_MAX; m++)
				if (wide || near[m] <= UINT32_MAX)
					out[n++] = near[m];
		}
	return n;
}

struct comparison {
	const struct spec_seccomp *s;
	const struct line *ours, *theirs;
	size_t n_ours, n_theirs;
	uint32_t audit;
	int64_t newest, newest_x32;
	uint32_t by_default;
	bool forgiving; /* random profiles */
	unsigned long compared, wrong, forgiven;
};

static bool
is_verdict(uint32_t value)
{
	static const uint32_t known[] = {SCMP_ACT_KILL_THREAD, SCMP_ACT_KILL_PROCESS, SCMP_ACT_TRAP,
		SCMP_ACT_NOTIFY, SCMP_ACT_LOG, SCMP_ACT_ALLOW};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (value == known[i])
			return true;
	return (value & 0xffff0000) == SCMP_ACT_ERRNO(0) ||
		(value & 0xffff0000) == SCMP_ACT_TRACE(0);
}

static bool
is_arm_private(const struct comparison *c, int64_t number)
{
	return c->audit == 0x40000028 && (number & 0x0fff0000) == 0x0f0000;
}

static bool
refuses(int action)
{
	return action != SECCOMP_ALLOW && action != SECCOMP_LOG && action != SECCOMP_TRACE;
}

/* __AUDIT_ARCH_LE of linux/audit.h */
static bool
is_big_endian(uint32_t audit)
{
	return !(audit & 0x40000000);
}

static bool
matches_arg(const struct spec_syscall_arg *a, uint64_t value)
{
	switch ((enum seccomp_operator)a->op) {
	case SECCOMP_NE:
		return value != a->value;
	case SECCOMP_LT:
		return value < a->value;
	case SECCOMP_LE:
		return value <= a->value;
	case SECCOMP_EQ:
		return value == a->value;
	case SECCOMP_GE:
		return value >= a->value;
	case SECCOMP_GT:
		return value > a->value;
	case SECCOMP_MASKED_EQ:
		break;
	}
	return (value & a->value) == a->value_two;
}

/* What the rule says about arguments: all must match, but with an index twice any. */
static bool
matches(const struct spec_syscall_rule *r, const uint64_t args[6])
{
	uint32_t seen = 0, n = 0;
	bool twice = false;

	for (uint32_t i = 0; i < r->args.n; i++) {
		twice |= seen >> r->args.at[i].index & 1;
		seen |= 1u << r->args.at[i].index;
		n += matches_arg(&r->args.at[i], args[r->args.at[i].index]);
	}
	return twice ? n > 0 : n == r->args.n;
}

static bool
names_number(const struct spec_syscall_rule *r, uint32_t audit, int64_t number)
{
	for (int a = 0; a < ARCH_ROWS; a++)
		for (uint32_t k = 0; k < r->names.n && sysnr_audit(arches[a].ours) == audit; k++)
			if (sysnr_number(sysnr_find(r->names.at[k]), arches[a].ours) == number)
				return true;
	return false;
}

/* The profile read rule by rule, for calls that multiplex no other. */
static uint32_t
by_the_book(const struct comparison *c, int64_t number, const uint64_t args[6])
{
	uint32_t verdict = c->by_default;
	bool found = false;

	for (uint32_t i = 0; i < c->s->syscalls.n; i++) {
		const struct spec_syscall_rule *r = &c->s->syscalls.at[i];
		uint32_t action = their_action(r->action, r->errno_ret_set, r->errno_ret);

		if (action == c->by_default || !names_number(r, c->audit, number))
			continue;
		if (r->args.n == 0)
			return action;
		if (!found && matches(r, args)) {
			verdict = action;
			found = true;
		}
	}
	return verdict;
}

static void
compare(struct comparison *c, int64_t number, const uint64_t args[6])
{
	struct data d = {.number = (int32_t)number, .arch = c->audit};
	uint32_t want, got;
	bool x32 = c->audit == 0xc000003e && (uint32_t)number >= SYSNR_X32_BIT;
	int64_t last = x32 ? c->newest_x32 : c->newest;

	memcpy(d.args, args, sizeof d.args);
	got = interpret(c->ours, c->n_ours, &d);
	want = interpret(c->theirs, c->n_theirs, &d);
	if (!is_verdict(want)) /* what a rule returns is not swapped for the other byte order */
		want = __builtin_bswap32(want);
	if (refuses(c->s->default_action) && last >= 0 && (int64_t)(uint32_t)number > last &&
		(!is_arm_private(c, number) || want == c->by_default))
		want = 0x50000 | ENOSYS;
	c->compared++;
	/* libseccomp 2.5.4 loses some rules of several 64-bit comparisons; then the book decides.
	 */
	if (want != got && c->forgiving && got == by_the_book(c, number, args)) {
		c->forgiven++;
		return;
	}
	if (want != got && c->wrong++ < 3)
		note("number %lld arch %x args %llx %llx %llx %llx %llx %llx: ours %x, theirs %x",
			(long long)number, c->audit, (unsigned long long)args[0],
			(unsigned long long)args[1], (unsigned long long)args[2],
			(unsigned long long)args[3], (unsigned long long)args[4],
			(unsigned long long)args[5], got, want);
}

static bool
is_narrow(int arch)
{
	return !(arches[arch].theirs & 0x80000000) || arches[arch].theirs & 0x20000000; /* n32 */
}

static bool
is_wide(const struct spec_syscall_rule *r)
{
	for (uint32_t i = 0; i < r->args.n; i++)
		if (r->args.at[i].value > UINT32_MAX || r->args.at[i].value_two > UINT32_MAX)
			return true;
	return false;
}

static bool
any_wide(const struct spec_seccomp *s)
{
	for (uint32_t i = 0; i < s->syscalls.n; i++)
		if (is_wide(&s->syscalls.at[i]))
			return true;
	return false;
}

/* Is the number that of a call that is named, and that libseccomp's table of the architecture
 * lacks? */
static bool
is_new_to_them(const struct comparison *c, int64_t number)
{
	for (int a = 0; a < ARCH_ROWS; a++)
		for (uint32_t i = 0;
			sysnr_audit(arches[a].ours) == c->audit && i < c->s->syscalls.n; i++)
			for (uint32_t k = 0; k < c->s->syscalls.at[i].names.n; k++) {
				const char *name = c->s->syscalls.at[i].names.at[k];

				if (sysnr_number(sysnr_find(name), arches[a].ours) == number &&
					seccomp_syscall_resolve_name_arch(arches[a].theirs, name) ==
						__NR_SCMP_ERROR)
					return true;
				if (sysnr_number(sysnr_find(name), arches[a].ours) == number &&
					seccomp_syscall_resolve_name_arch(arches[a].theirs, name) <
						-999)
					return true;
			}
	return false;
}

/* Is the number, or the call that multiplexes it, one whose arguments some rule looks at?  -1: with
 * values of more than 32 bits on an architecture that has 32 (x32 too, for libseccomp): we compare
 * them with what the kernel hands over, libseccomp cuts them. */
static int
has_args(const struct comparison *c, int64_t number)
{
	static const char *const multiplexers[] = {"socketcall", "ipc"};
	int result = 0;

	for (int a = 0; a < ARCH_ROWS; a++) {
		if (sysnr_audit(arches[a].ours) != c->audit)
			continue;
		for (int m = 0; m < 2; m++)
			if (sysnr_number(sysnr_find(multiplexers[m]), arches[a].ours) == number)
				return is_narrow(a) && any_wide(c->s) ? -1 : 1;
		for (uint32_t i = 0; i < c->s->syscalls.n; i++) {
			const struct spec_syscall_rule *r = &c->s->syscalls.at[i];

			for (uint32_t k = 0; k < r->names.n && r->args.n > 0; k++) {
				if (sysnr_number(sysnr_find(r->names.at[k]), arches[a].ours) !=
					number)
					continue;
				if (is_wide(r) && is_narrow(a))
					return -1;
				result = 1;
			}
		}
	}
	return result;
}

static void
compare_number(struct comparison *c, int64_t number, const uint64_t *value, size_t n)
{
	uint64_t args[6] = {0};
	int looked_at = has_args(c, number);

	if (looked_at < 0 || is_new_to_them(c, number))
		return;
	if (looked_at > 0 && is_big_endian(c->audit))
		return; /* libseccomp swaps some constants for a foreign machine and not others */
	compare(c, number, args);
	if (looked_at == 0) {
		memset(args, 0xff, sizeof args);
		compare(c, number, args);
		return;
	}
	for (int index = 0; index < 6; index++)
		for (size_t i = 0; i < n; i++) {
			for (int k = 0; k < 6; k++)
				args[k] = k == index ? value[i] : value[(i * 7 + (size_t)k) % n];
			compare(c, number, args);
			memset(args, 0, sizeof args);
			args[index] = value[i];
			compare(c, number, args);
			for (size_t m = 0; m < n && n < 60; m += 3) {
				args[(index + 1) % 6] = value[m];
				compare(c, number, args);
			}
		}
}

/* Compares for the architectures of a mask; returns how many verdicts differ. */
static unsigned long
differ(const struct spec_seccomp *s, uint64_t mask, bool every_number, unsigned long *compared,
	unsigned long *forgiven)
{
	static struct line lines[LINES_MAX];
	static uint64_t value[SAMPLES_MAX];
	struct comparison c = {.s = s, .forgiving = forgiven};
	struct plan_filter f;
	uint32_t tokens[ARCH_ROWS];
	int n = 0;

	for (int a = 0; a < ARCH_ROWS; a++)
		if (mask >> arches[a].ours & 1)
			tokens[n++] = arches[a].theirs;
	if (plan_seccomp_for(&e, &f, s, mask) < 0) {
		note("%s", e.text);
		return 1;
	}
	c.by_default =
		their_action(s->default_action, s->default_errno_ret_set, s->default_errno_ret);
	c.ours = (const struct line *)(const void *)f.at;
	c.n_ours = f.n;
	c.theirs = lines;
	c.n_theirs = theirs(s, tokens, n, lines);
	if (c.n_theirs == 0)
		return 0;
	for (int a = 0; a < ARCH_ROWS; a++) {
		static const int64_t bases[] = {0, 4000, 5000, 6000, SYSNR_X32_BIT};
		bool wide = !is_narrow(a) && !(mask >> ARCH_X32 & 1);
		size_t n_values = samples(s, value, wide);

		if (!(mask >> arches[a].ours & 1) || (arches[a].ours == ARCH_X32 && n > 1))
			continue;
		c.audit = sysnr_audit(arches[a].ours);
		c.newest = newest(s, arches[a].theirs);
		c.newest_x32 = mask >> ARCH_X32 & 1 ? newest(s, SCMP_ARCH_X32) : -1;
		for (size_t b = 0; b < sizeof bases / sizeof *bases; b++)
			for (int64_t i = 0; i < NUMBERS; i += every_number ? 1 : 1 + (i > 470) * 7)
				compare_number(&c, bases[b] + i, value, n_values);
		for (int64_t i = 0xf0000; i < 0xf0010; i++)
			compare_number(&c, i, value, 1);
	}
	c.audit = 0x12345678;
	compare_number(&c, 1, value, 1);
	*compared += c.compared;
	if (forgiven)
		*forgiven += c.forgiven;
	return c.wrong;
}

/* -- profiles ---------------------------------------------------------------------------------- */

static char text[1 << 20];
static struct spec spec;

/* Names that are newer than libseccomp are none to it. */
static bool
is_known(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static void
drop_unknown(struct strings *names)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < names->n; i++)
		if (is_known(names->at[i]))
			names->at[n++] = names->at[i];
	names->n = n;
}

static bool
read_profile(const char *file)
{
	FILE *f = fopen(file, "rb");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

	if (f)
		fclose(f);
	arena_release(0);
	text[n] = '\0';
	if (n == 0 || spec_read(&e, &spec, text, n, file) < 0) {
		note("%s: %s", file, n ? e.text : "cannot be read");
		return false;
	}
	for (uint32_t i = 0; i < spec.linux_.seccomp.syscalls.n; i++)
		drop_unknown(&spec.linux_.seccomp.syscalls.at[i].names);
	return true;
}

static void
check_file(const char *file)
{
	unsigned long compared = 0, wrong = 0;
	const struct spec_seccomp *s = &spec.linux_.seccomp;

	if (!ok(read_profile(file), "%s is read", file))
		return;
	for (int a = 0; a < ARCH_ROWS; a++)
		wrong += differ(s,
			UINT64_C(1) << arches[a].ours |
				(arches[a].ours == ARCH_X32 ? UINT64_C(1) << ARCH_X86_64 : 0),
			true, &compared, NULL);
	wrong += differ(
		s, UINT64_C(1) << ARCH_X86_64 | UINT64_C(1) << ARCH_X86, true, &compared, NULL);
	wrong += differ(s,
		UINT64_C(1) << ARCH_X86_64 | UINT64_C(1) << ARCH_X86 | UINT64_C(1) << ARCH_X32,
		true, &compared, NULL);
	is_int(wrong, 0, "%s: %lu verdicts are libseccomp's", file, compared);
}

/* Is the name in one of the first n rules? */
static bool
is_used(const struct spec_seccomp *s, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < s->syscalls.at[i].names.n; k++)
			if (strcmp(s->syscalls.at[i].names.at[k], name) == 0)
				return true;
	return false;
}

/* The names of all system calls, sorted. */
static const char *const sysnr_names[] = {
#define CALL(name, ...) #name,
#define X32(name, number)
#include "words/sysnr.def"
#undef CALL
#undef X32
};

/* A random profile.  A call has rules with arguments once, and an index comes twice only to be
 * compared for equality: libseccomp 2.5.4 loses rules of which one covers a part of another (an
 * argument below 2^63, or equal to 2^32, say).  The multiplexers are in tests/seccomp/engine.json.
 */
static void
make_random(struct spec_seccomp *s)
{
	static struct spec_syscall_rule rule[16];
	static struct spec_syscall_arg arg[16][4];
	static const char *name[16][8];
	static const uint64_t values[] = {0, 1, 2, 8, 40, 0x80000000, 0xffffffff, 0x100000000,
		0x20000000000001, 0x8000000000000000, 0xffffffffffffffff, 0x7e020000, 0x20008};
	const int n_rows = sizeof sysnr_names / sizeof *sysnr_names;
	int with_args = rand() % 8;

	memset(s, 0, sizeof *s);
	s->present = true;
	s->default_action = rand() % 8 == SECCOMP_NOTIFY ? SECCOMP_ALLOW : rand() % 8;
	if (s->default_action == SECCOMP_NOTIFY)
		s->default_action = SECCOMP_ERRNO;
	s->syscalls.at = rule;
	s->syscalls.n = (uint32_t)(1 + rand() % 15);
	for (uint32_t i = 0; i < s->syscalls.n; i++) {
		struct spec_syscall_rule *r = &rule[i];
		uint32_t first = (uint32_t)(rand() % 6);
		bool split = rand() % 8 == 0;

		*r = (struct spec_syscall_rule){
			.names = {name[i], (uint32_t)(1 + rand() % 7), true}};
		r->args.at = arg[i];
		r->args.n = rand() % 2 ? 0 : (uint32_t)(1 + rand() % 3);
		for (uint32_t k = 0; k < r->names.n; k++)
			do
				name[i][k] = sysnr_names[rand() % n_rows];
			while (!is_known(name[i][k]) || strcmp(name[i][k], "socketcall") == 0 ||
				strcmp(name[i][k], "ipc") == 0 ||
				(r->args.n > 0 && is_used(s, i, name[i][k])));
		r->action = r->args.n > 0 ? with_args : rand() % 8;
		if (r->action == SECCOMP_ERRNO || r->action == SECCOMP_TRACE) {
			r->errno_ret_set = r->args.n == 0 && rand() % 2;
			r->errno_ret = (uint32_t)(rand() % 4096);
		}
		for (uint32_t k = 0; k < r->args.n; k++) {
			arg[i][k] = (struct spec_syscall_arg){
				.index = split ? 1 : (first + k) % 6,
				.op = split ? SECCOMP_EQ : rand() % 7,
				.value = values[rand() % 13],
			};
			if (arg[i][k].op == SECCOMP_MASKED_EQ)
				arg[i][k].value_two = values[rand() % 13] & arg[i][k].value;
		}
	}
}

static void
show(const struct spec_seccomp *s, unsigned seed)
{
	note("random profile %u, default %d", seed, s->default_action);
	for (uint32_t i = 0; i < s->syscalls.n; i++) {
		const struct spec_syscall_rule *r = &s->syscalls.at[i];

		printf("#   action %d", r->action);
		for (uint32_t k = 0; k < r->names.n; k++)
			printf(" %s", r->names.at[k]);
		for (uint32_t k = 0; k < r->args.n; k++)
			printf(" [%u op %d %llx %llx]", r->args.at[k].index, r->args.at[k].op,
				(unsigned long long)r->args.at[k].value,
				(unsigned long long)r->args.at[k].value_two);
		printf("\n");
	}
}

static void
check_random(void)
{
	unsigned long compared = 0, wrong = 0, forgiven = 0;
	struct spec_seccomp s;

	for (unsigned i = 0; i < RANDOM_PROFILES && wrong == 0; i++) {
		enum sysnr_arch arch;
		uint64_t mask;

		srand(i);
		make_random(&s);
		arena_release(0);
		do
			arch = arches[(unsigned)rand() % ARCH_ROWS].ours;
		while (is_big_endian(sysnr_audit(arch)));
		mask = i % 4 == 0 ? UINT64_C(7) << ARCH_X32 : UINT64_C(1) << arch;
		if (mask >> ARCH_X32 & 1)
			mask |= UINT64_C(1) << ARCH_X86_64;
		wrong = differ(&s, mask, false, &compared, &forgiven);
		if (wrong > 0)
			show(&s, i);
	}
	is_int(wrong, 0,
		"%d random profiles: %lu verdicts, %lu of them not libseccomp's but the profile's",
		RANDOM_PROFILES, compared, forgiven);
}

/* -- what a filter costs to load; printed, never judged ------------------------------------------
 */

static int
by_value(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median time of the load in ns, each by a child of its own. */
static long
load_time(const struct line *at, size_t n)
{
	enum { LOADS = 101 };
	struct sock_fprog program = {(unsigned short)n, (struct sock_filter *)(uintptr_t)at};
	long took[LOADS] = {0};

	for (int i = 0; i < LOADS; i++) {
		int pair[2] = {-1, -1};

		if (pipe(pair) < 0)
			return 0;
		if (fork() == 0) {
			struct timespec from, to;
			long ns;

			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			clock_gettime(CLOCK_MONOTONIC, &from);
			ns = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
			clock_gettime(CLOCK_MONOTONIC, &to);
			ns = ns < 0 ? 0
				    : (to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec -
					from.tv_nsec;
			(void)!write(pair[1], &ns, sizeof ns);
			_exit(0);
		}
		close(pair[1]);
		(void)!read(pair[0], &took[i], sizeof took[i]);
		close(pair[0]);
		wait(NULL);
	}
	qsort(took, LOADS, sizeof *took, by_value);
	return took[LOADS / 2];
}

static void
compare_load(const char *file)
{
	static struct line lines[LINES_MAX];
	static const uint32_t tokens[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
	const uint64_t mask =
		UINT64_C(1) << ARCH_X86_64 | UINT64_C(1) << ARCH_X86 | UINT64_C(1) << ARCH_X32;
	struct plan_filter f;
	long ours, linear;
	size_t n;

	if (!read_profile(file) || plan_seccomp_for(&e, &f, &spec.linux_.seccomp, mask) < 0)
		return;
	n = theirs(&spec.linux_.seccomp, tokens, 3, lines);
	ours = load_time((const struct line *)(const void *)f.at, f.n);
	linear = load_time(lines, n);
	note("%s for x86_64, x86 and x32: %u instructions load in %ld us, libseccomp's linear %zu "
	     "in %ld us: "
	     "%.2f of the time",
		file, f.n, ours / 1000, n, linear / 1000,
		linear > 0 ? (double)ours / (double)linear : 0);
}

int
main(void)
{
	compare_load("tests/seccomp/engine.json");
	check_file("tests/seccomp/engine.json");
	check_file("tests/seccomp/args.json");
	check_file("tests/seccomp/empty.json");
	check_file("tests/seccomp/one_range.json"); /* x86_64 has no such call */
	check_random();
	return done_testing();
}
