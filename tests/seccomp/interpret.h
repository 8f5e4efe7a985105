/* A classic BPF program run over a struct seccomp_data, as the kernel would (networking/filter):
 * only what seccomp_check_filter() of kernel/seccomp.c lets through, in host byte order. */
#ifndef TESTS_SECCOMP_INTERPRET_H
#define TESTS_SECCOMP_INTERPRET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct data {
	int32_t number;
	uint32_t arch;
	uint64_t instruction_pointer;
	uint64_t args[6];
};

struct line {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

enum { BAD_PROGRAM = 0x00badbad }; /* no verdict of seccomp(2) */

static uint32_t
interpret(const struct line *at, size_t n, const struct data *d)
{
	uint32_t a = 0, x = 0, memory[16] = {0};

	for (size_t pc = 0; pc < n; pc++) {
		const struct line *i = &at[pc];

		switch (i->code) {
		case 0x20: /* ld [k] */
			if (i->k % 4 != 0 || i->k + 4 > sizeof *d)
				return BAD_PROGRAM;
			memcpy(&a, (const char *)d + i->k, 4);
			break;
		case 0x06: /* ret k */
			return i->k;
		case 0x05: /* ja */
			pc += i->k;
			break;
		case 0x15:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case 0x25:
			pc += a > i->k ? i->jt : i->jf;
			break;
		case 0x35:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case 0x45:
			pc += a & i->k ? i->jt : i->jf;
			break;
		case 0x54:
			a &= i->k;
			break;
		case 0x02:
			memory[i->k & 15] = a;
			break;
		case 0x60:
			a = memory[i->k & 15];
			break;
		case 0x07:
			x = a;
			break;
		case 0x87:
			a = x;
			break;
		default:
			return BAD_PROGRAM;
		}
	}
	return BAD_PROGRAM;
}

#endif
