/* The device rules, for cgroup v1 as lines and for v2 as a program, against a plain evaluation of
 * the config's list: an interpreter runs the program, a model of the kernel's v1 controller the
 * lines. */
#include "plan/devrules.h"

#include "tap.h"

#include "base/sys.h"
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct spec_device_rule rules[DEVRULES_MAX + 1];

static void
use(uint32_t n)
{
	spec.linux_.resources.present = true;
	spec.linux_.resources.devices.present = true;
	spec.linux_.resources.devices.at = rules;
	spec.linux_.resources.devices.n = n;
	arena_release(0);
	e.text[0] = '\0';
}

struct request {
	char type;
	uint32_t major, minor;
	uint8_t access;
};

/* -- the reference -------------------------------------------------------------------------- */

static bool
is_match(const struct spec_device_rule *r, const struct request *q)
{
	return (r->type == 'a' || r->type == q->type) && (r->major < 0 || r->major == q->major) &&
		(r->minor < 0 || r->minor == q->minor);
}

/* LX-5, written down once more */
static bool
is_default(const struct request *q, uint8_t bit)
{
	if (bit == DEVICE_MKNOD)
		return true;
	if (q->type != 'c')
		return false;
	return (q->major == 1 && strchr("\3\5\7\10\11", (int)q->minor) && q->minor) ||
		(q->major == 5 && (q->minor == 0 || q->minor == 2)) || q->major == 136;
}

/* CD-1: in the listed order the later one wins, for each kind of access by itself. */
static bool
allowed(uint32_t n, const struct request *q)
{
	for (uint8_t bit = 1; bit <= DEVICE_MKNOD; bit <<= 1) {
		bool allow = false;

		for (uint32_t i = 0; i < n; i++)
			if (is_match(&rules[i], q) && rules[i].access & bit)
				allow = rules[i].allow;
		if (q->access & bit && !allow && !is_default(q, bit))
			return false;
	}
	return true;
}

/* -- cgroup v2: the few instructions that the compiler uses ---------------------------------- */

static int
interpret(const struct kabi_bpf_insn *at, uint32_t n, const struct request *q)
{
	uint32_t bits = (q->access & DEVICE_MKNOD ? 1u : 0) | (q->access & DEVICE_READ ? 2u : 0) |
		(q->access & DEVICE_WRITE ? 4u : 0);
	uint32_t ctx[3] = {(q->type == 'b' ? 1u : 2u) | bits << 16, q->major, q->minor};
	uint64_t r[11] = {0};

	for (uint32_t pc = 0; pc < n; pc++) {
		const struct kabi_bpf_insn *i = &at[pc];
		int dst = KABI_BPF_REGS(1, 0) == 1 ? i->regs & 15 : i->regs >> 4;
		int src = KABI_BPF_REGS(1, 0) == 1 ? i->regs >> 4 : i->regs & 15;

		if (i->code == 0x61 && src == 1 && i->off >= 0 && i->off <= 8 && i->off % 4 == 0)
			r[dst] = ctx[i->off / 4];
		else if (i->code == 0x54)
			r[dst] = (uint32_t)r[dst] & (uint32_t)i->imm;
		else if (i->code == 0x74)
			r[dst] = (uint32_t)r[dst] >> i->imm;
		else if (i->code == 0xb7)
			r[dst] = (uint64_t)(int64_t)i->imm;
		else if (i->code == 0x05)
			pc += (uint32_t)i->off;
		else if (i->code == 0x55)
			pc += r[dst] != (uint64_t)(int64_t)i->imm ? (uint32_t)i->off : 0;
		else if (i->code == 0x15)
			pc += r[dst] == (uint64_t)(int64_t)i->imm ? (uint32_t)i->off : 0;
		else if (i->code == 0x45)
			pc += r[dst] & (uint64_t)(int64_t)i->imm ? (uint32_t)i->off : 0;
		else if (i->code == 0x95)
			return (int)r[0];
		else
			return -1;
	}
	return -2;
}

/* -- cgroup v1: security/device_cgroup.c in short -------------------------------------------- */

struct exception {
	char type;
	int64_t major, minor;
	uint8_t access;
};

static struct {
	bool allow;
	struct exception at[4096];
	uint32_t n;
} v1;

static void
write_v1(const struct plan_device_rule *w)
{
	bool allow = strcmp(w->file, "devices.allow") == 0;
	struct exception *x = &v1.at[v1.n];
	char major[16], minor[16], access[4];

	if (w->value[0] == 'a') {
		v1.allow = allow;
		v1.n = 0;
		return;
	}
	if (sscanf(w->value, "%c %15[^:]:%15s %3s", &x->type, major, minor, access) != 4 ||
		allow == v1.allow) {
		ok(false, "%s %s", w->file, w->value);
		return;
	}
	x->major = *major == '*' ? -1 : atoi(major);
	x->minor = *minor == '*' ? -1 : atoi(minor);
	x->access = 0;
	for (const char *c = access; *c; c++)
		x->access |= *c == 'r' ? DEVICE_READ : *c == 'w' ? DEVICE_WRITE : DEVICE_MKNOD;
	v1.n++;
}

static bool
passes_v1(const struct request *q)
{
	for (uint32_t i = 0; i < v1.n; i++) {
		const struct exception *x = &v1.at[i];

		if (x->type != q->type || (x->major >= 0 && x->major != q->major) ||
			(x->minor >= 0 && x->minor != q->minor))
			continue;
		if (v1.allow ? x->access & q->access : !(q->access & ~x->access))
			return !v1.allow;
	}
	return v1.allow;
}

/* -- comparing ------------------------------------------------------------------------------- */

/* Calls it for many requests; false at the first that is judged otherwise than by the list. */
static bool
same(uint32_t n, bool (*judge)(const struct request *))
{
	static const uint32_t majors[] = {0, 1, 2, 3, 5, 10, 136, 4095};
	static const uint32_t minors[] = {0, 1, 2, 3, 5, 7, 8, 9, 1048575};

	for (int t = 0; t < 2; t++)
		for (size_t a = 0; a < sizeof(majors) / sizeof(*majors); a++)
			for (size_t b = 0; b < sizeof(minors) / sizeof(*minors); b++)
				for (uint8_t x = 1; x <= DEVICE_ALL; x++) {
					struct request q = {"bc"[t], majors[a], minors[b], x};

					if (judge(&q) != allowed(n, &q)) {
						printf("# %c %u:%u access %d\n", q.type, q.major,
							q.minor, x);
						return false;
					}
				}
	return true;
}

static struct kabi_bpf_insn *program;
static uint32_t program_n;

static bool
judge_v2(const struct request *q)
{
	return !program || interpret(program, program_n, q) == 1;
}

static bool
right_v2(uint32_t n)
{
	use(n);
	return plan_device_program(&e, &spec, &program, &program_n) == 0 && same(n, judge_v2);
}

/* 1: the lines say the same, 0: refused, -1: they do not */
static int
right_v1(uint32_t n)
{
	struct plan_device_rule *writes;
	uint32_t n_device_rules;

	use(n);
	if (plan_devrules(&e, &spec, &writes, &n_device_rules) < 0)
		return 0;
	v1.allow = false;
	for (uint32_t i = 0; i < n_device_rules; i++)
		write_v1(&writes[i]);
	return same(n, passes_v1) ? 1 : -1;
}

static void
test_random(void)
{
	static const int64_t majors[] = {-1, -1, 1, 2, 10}, minors[] = {-1, -1, 1, 2, 3};
	int refused = 0, right = 0, wrong_v1 = 0, wrong_v2 = 0;

	srand(7);
	for (int round = 0; round < 3000; round++) {
		uint32_t n = (uint32_t)rand() % 7;

		for (uint32_t i = 0; i < n; i++)
			rules[i] = (struct spec_device_rule){
				.allow = rand() & 1,
				.type = "aabbccc"[rand() % 7],
				.major = majors[rand() % 5],
				.minor = minors[rand() % 5],
				.access = (uint8_t)(rand() & 1 ? DEVICE_ALL : rand() & DEVICE_ALL),
			};
		wrong_v2 += !right_v2(n);
		switch (right_v1(n)) {
		case 1:
			right++;
			break;
		case 0:
			refused++;
			break;
		default:
			wrong_v1++;
		}
	}
	printf("# v1: %d right, %d refused\n", right, refused);
	is_int(wrong_v2, 0, "every program judges as the list does");
	is_int(wrong_v1, 0, "what is written for v1 means the list");
	ok(right > 500 && refused > 100, "and both ways out of v1 were seen");
}

static void
test_messages(void)
{
	struct plan_device_rule *writes;
	uint32_t n;

	fixture_start();
	rules[0] = (struct spec_device_rule){true, 'c', 10, -1, DEVICE_ALL};
	rules[1] = (struct spec_device_rule){true, 'b', 8, 0, DEVICE_READ};
	rules[2] = (struct spec_device_rule){false, 'c', 10, 3, DEVICE_WRITE};
	use(3);
	is_int(plan_devrules(&e, &spec, &writes, &n), -1, "a hole in a wildcard");
	is_str(e.text,
		"linux.resources.devices[2]: cgroup v1 cannot express this exception from a "
		"wildcard",
		"names the rule");
	rules[1].major = INT64_C(1) << 31;
	use(3);
	is_int(plan_devrules(&e, &spec, &writes, &n), -1, "a number out of range");
	is_str(e.text, "linux.resources.devices[1].major: 2147483648 is not a device number",
		"says so");
	rules[1].major = 8;
	rules[1].minor = -2;
	use(3);
	is_int(plan_device_program(&e, &spec, &program, &n), -1, "a negative number");
	is_str(e.text, "linux.resources.devices[1].minor: -2 is not a device number", "says so");
}

/* Many rules, each of the longest kind */
static void
fill(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		rules[i] = (struct spec_device_rule){i % 3, 'c', 10 + i % 7, i, 1 + i % 3};
}

static void
test_limit(void)
{
	struct plan_device_rule *writes;
	uint32_t n;

	fill(DEVRULES_MAX + 1);
	ok(right_v2(DEVRULES_MAX), "v2: as many rules as there may be");
	ok(program_n <= 4096, "%u instructions fit into a program of old kernels", program_n);
	is_int(right_v1(DEVRULES_MAX), 1, "v1: as many rules as there may be");
	use(DEVRULES_MAX + 1);
	is_int(plan_device_program(&e, &spec, &program, &n), -1, "v2: one more");
	is_str(e.text, "linux.resources.devices: 351 rules, and 350 are the most", "says so");
	use(DEVRULES_MAX + 1);
	is_int(plan_devrules(&e, &spec, &writes, &n), -1, "v1: one more");
}

static void
test_everything(void)
{
	struct plan_device_rule *writes;
	uint32_t n;

	rules[0] = (struct spec_device_rule){true, 'a', -1, -1, DEVICE_ALL};
	use(1);
	is_int(plan_device_program(&e, &spec, &program, &n), 0, "everything allowed");
	ok(!program && n == 0, "needs no program");
	is_int(plan_devrules(&e, &spec, &writes, &n), 0, "on v1");
	is_int(n, 1, "one line");
	is_str(writes[0].file, "devices.allow", "file");
	is_str(writes[0].value, "a *:* rwm", "value");
}

/* -- the kernel's verifier ------------------------------------------------------------------- */

static int
load(void)
{
	struct kabi_bpf_prog_load a = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = program_n,
		.insns = (uintptr_t)program,
		.license = (uintptr_t) "MIT",
	};

	return sys_bpf(BPF_PROG_LOAD, &a, sizeof(a));
}

static void
test_verifier(void)
{
	int fd;

	use(0);
	plan_device_program(&e, &spec, &program, &program_n);
	fd = load();
	if (fd < 0 && (errno == EPERM || errno == ENOSYS || errno == EINVAL)) {
		printf("# bpf(2): %s\n", strerror(errno));
		ok(true, "the kernel accepts the programs # SKIP bpf(2) is not to be had here");
		return;
	}
	ok(fd >= 0, "the kernel accepts the default program");
	close(fd);
	fill(DEVRULES_MAX);
	use(DEVRULES_MAX);
	plan_device_program(&e, &spec, &program, &program_n);
	fd = load();
	if (!ok(fd >= 0, "and one of %u instructions", program_n))
		printf("# bpf(2): %s\n", strerror(errno));
	close(fd);
}

int
main(void)
{
	fixture_start();
	test_random();
	test_messages();
	test_limit();
	test_everything();
	test_verifier();
	return done_testing();
}
