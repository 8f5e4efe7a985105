/* sysnr: names of system calls and architectures, as the kernel numbers them.
 *
 * Contract: sysnr_find() knows every name that any architecture of the specification has;
 * sysnr_number() gives its number there.  A processor only ever reports architectures of its own
 * family, so the program carries the columns of that family alone; the tests are built with all.
 *
 * Floor: words (uses base).  Runs in: any process; pure.
 * Spec: config-linux.md#seccomp.  Kernel: asm/unistd.h of each architecture, linux/audit.h.
 */
#ifndef WORDS_SYSNR_H
#define WORDS_SYSNR_H

#include <stdbool.h>
#include <stdint.h>

/* SCMP_ARCH_*; words.def has their numbers */
enum sysnr_arch {
	ARCH_AARCH64,
	ARCH_ARM,
	ARCH_LOONGARCH64,
	ARCH_M68K,
	ARCH_MIPS,
	ARCH_MIPS64,
	ARCH_MIPS64N32,
	ARCH_MIPSEL,
	ARCH_MIPSEL64,
	ARCH_MIPSEL64N32,
	ARCH_PARISC,
	ARCH_PARISC64,
	ARCH_PPC,
	ARCH_PPC64,
	ARCH_PPC64LE,
	ARCH_RISCV64,
	ARCH_S390,
	ARCH_S390X,
	ARCH_SH,
	ARCH_SHEB,
	ARCH_X32,
	ARCH_X86,
	ARCH_X86_64,
	ARCHES,
};

enum { SYSNR_X32_BIT = 0x40000000 };

/* The architecture that this program was built for. */
enum sysnr_arch sysnr_native(void);

/* Can this processor run programs of that architecture?  Others have no numbers here. */
bool sysnr_reachable(enum sysnr_arch arch);

/* AUDIT_ARCH_* of linux/audit.h, as a filter sees it.  X32 has that of X86_64. */
uint32_t sysnr_audit(enum sysnr_arch arch);

/* The row of a name for sysnr_number(), or -1: no architecture has such a call. */
int sysnr_find(const char *name);

/* The number as a filter sees it (x32 with its bit, MIPS with its base); -1: no such call there. */
int64_t sysnr_number(int row, enum sysnr_arch arch);

/* Some architectures have calls that can also, or only, be reached as the first argument of
 * socketcall(2) or ipc(2): that argument, and in *by the number of the other call; 0: none. */
uint32_t sysnr_multiplexed(int row, enum sysnr_arch arch, int64_t *by);

#endif
