#include "words/sysnr.h"

#include "base/str.h"

#include <stddef.h>
#include <string.h>

/* The columns of sysnr.def.  What the processor that we were built for can report, or a kernel for
 * it, is built in: a 64-bit kernel runs 32-bit programs, and may be what runs us. */
enum { ABSENT = 255 };

#if defined(SYSNR_ALL) || defined(__x86_64__) || defined(__i386__)
#define IF_X86(...) __VA_ARGS__,
#else
#define IF_X86(...)
enum { X86_64 = ABSENT, I386 = ABSENT };
#endif
#if defined(SYSNR_ALL) || defined(__arm__) || defined(__aarch64__)
#define IF_ARM(...) __VA_ARGS__,
#else
#define IF_ARM(...)
enum { ARM = ABSENT, AARCH64 = ABSENT };
#endif
#if defined(SYSNR_ALL) || defined(__mips__)
#define IF_MIPS(...) __VA_ARGS__,
#else
#define IF_MIPS(...)
enum { O32 = ABSENT, N64 = ABSENT, N32 = ABSENT };
#endif
#if defined(SYSNR_ALL) || defined(__powerpc__)
#define IF_PPC(...) __VA_ARGS__,
#else
#define IF_PPC(...)
enum { PPC = ABSENT, PPC64 = ABSENT };
#endif
#if defined(SYSNR_ALL) || defined(__s390__)
#define IF_S390(...) __VA_ARGS__,
#else
#define IF_S390(...)
enum { S390 = ABSENT, S390X = ABSENT };
#endif
#if defined(SYSNR_ALL) || defined(__riscv)
#define IF_RISCV(...) __VA_ARGS__,
#else
#define IF_RISCV(...)
enum { RISCV64 = ABSENT };
#endif
#if defined(SYSNR_ALL)
#define IF_OTHER(...) __VA_ARGS__,
#else
#define IF_OTHER(...)
enum { PARISC = ABSENT, PARISC64 = ABSENT, LOONGARCH64 = ABSENT, M68K = ABSENT, SH = ABSENT };
#endif

#define CELLS(x86_64, i386, arm, aarch64, o32, n64, n32, ppc, ppc64, s390, s390x, parisc, \
	parisc64, riscv64, loongarch64, m68k, sh) \
	IF_X86(x86_64, i386) \
	IF_ARM(arm, aarch64) \
	IF_MIPS(o32, n64, n32) \
	IF_PPC(ppc, ppc64) \
	IF_S390(s390, s390x) \
	IF_RISCV(riscv64) \
	IF_OTHER(parisc, parisc64, loongarch64, m68k, sh)

enum column {
	CELLS(X86_64, I386, ARM, AARCH64, O32, N64, N32, PPC, PPC64, S390, S390X, PARISC, PARISC64,
		RISCV64, LOONGARCH64, M68K, SH) COLUMNS
};

enum { NONE = -1, ARM_MARK = 0x7000, ARM_PRIVATE = 0x0f0000 };

/* The names, sorted.  Each begins with a byte below the blank: how many letters it has in common
 * with the one before; 0 with every eighth, so that a search can begin there. */
static const char codes[] =
#define CALL(name, code, ...) code
#define X32(name, number)
#include "words/sysnr.def"
#undef CALL
	;

static const int16_t numbers[][COLUMNS] = {
#define CALL(name, code, ...) {CELLS(__VA_ARGS__)},
#include "words/sysnr.def"
#undef CALL
#undef X32
};

enum {
	CALLS = sizeof numbers / sizeof *numbers,
	WORD_SIZE = 32, /* no name is as long */
	BLOCKS = CALLS / 4,
};

enum {
#define CALL(name, ...) ROW_##name,
#define X32(name, number)
#include "words/sysnr.def"
#undef CALL
#undef X32
};

/* Something about some of the rows, sorted by row. */
struct about {
	int16_t row, value;
};

static int
find_about(const struct about *list, int n, int row)
{
	int low = 0, middle;

	while (low < n) {
		middle = (low + n) / 2;
		if (list[middle].row == row)
			return list[middle].value;
		if (list[middle].row < row)
			low = middle + 1;
		else
			n = middle;
	}
	return NONE;
}

/* The numbers of x32 that are not those of x86_64. */
static const struct about x32[] = {
#if defined(SYSNR_ALL) || defined(__x86_64__) || defined(__i386__)
#define CALL(...)
#define X32(name, number) {ROW_##name, number},
#include "words/sysnr.def"
#undef CALL
#undef X32
#else
	{NONE, NONE},
#endif
};

/* AUDIT_ARCH_* of linux/audit.h; `base` is added to the numbers of the column. */
static const struct {
	uint32_t audit, base;
	uint8_t column;
} arches[ARCHES] = {
	/* clang-format off */
	[ARCH_AARCH64]		= { 0xc00000b7, 0,		AARCH64 },
	[ARCH_ARM]		= { 0x40000028, 0,		ARM },
	[ARCH_LOONGARCH64]	= { 0xc0000102, 0,		LOONGARCH64 },
	[ARCH_M68K]		= { 0x00000004, 0,		M68K },
	[ARCH_MIPS]		= { 0x00000008, 4000,		O32 },
	[ARCH_MIPS64]		= { 0x80000008, 5000,		N64 },
	[ARCH_MIPS64N32]	= { 0xa0000008, 6000,		N32 },
	[ARCH_MIPSEL]		= { 0x40000008, 4000,		O32 },
	[ARCH_MIPSEL64]		= { 0xc0000008, 5000,		N64 },
	[ARCH_MIPSEL64N32]	= { 0xe0000008, 6000,		N32 },
	[ARCH_PARISC]		= { 0x0000000f, 0,		PARISC },
	[ARCH_PARISC64]		= { 0x8000000f, 0,		PARISC64 },
	[ARCH_PPC]		= { 0x00000014, 0,		PPC },
	[ARCH_PPC64]		= { 0x80000015, 0,		PPC64 },
	[ARCH_PPC64LE]		= { 0xc0000015, 0,		PPC64 },
	[ARCH_RISCV64]		= { 0xc00000f3, 0,		RISCV64 },
	[ARCH_S390]		= { 0x00000016, 0,		S390 },
	[ARCH_S390X]		= { 0x80000016, 0,		S390X },
	[ARCH_SH]		= { 0x4000002a, 0,		SH },
	[ARCH_SHEB]		= { 0x0000002a, 0,		SH },
	[ARCH_X32]		= { 0xc000003e, SYSNR_X32_BIT,	X86_64 },
	[ARCH_X86]		= { 0x40000003, 0,		I386 },
	[ARCH_X86_64]		= { 0xc000003e, 0,		X86_64 },
	/* clang-format on */
};

enum sysnr_arch
sysnr_native(void)
{
#if defined(__x86_64__)
	return ARCH_X86_64;
#elif defined(__i386__)
	return ARCH_X86;
#elif defined(__aarch64__)
	return ARCH_AARCH64;
#elif defined(__arm__)
	return ARCH_ARM;
#elif defined(__mips__) && defined(__MIPSEL__)
	return sizeof(long) == 8 ? ARCH_MIPSEL64 : ARCH_MIPSEL;
#elif defined(__mips__)
	return sizeof(long) == 8 ? ARCH_MIPS64 : ARCH_MIPS;
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return ARCH_PPC64LE;
#elif defined(__powerpc64__)
	return ARCH_PPC64;
#elif defined(__s390x__)
	return ARCH_S390X;
#elif defined(__riscv)
	return ARCH_RISCV64;
#else
#error "a processor without a table of system calls"
#endif
}

bool
sysnr_reachable(enum sysnr_arch arch)
{
	return arches[arch].column != ABSENT;
}

uint32_t
sysnr_audit(enum sysnr_arch arch)
{
	return arches[arch].audit;
}

/* Where names stand whole, and which row that is; filled by the first search. */
static struct {
	uint16_t at, row;
} block[BLOCKS];

static int
find_blocks(void)
{
	static int n;
	int row = n > 0 ? CALLS : 0;

	for (int at = 0; row < CALLS; at++) {
		if (codes[at] == 0) {
			block[n].at = (uint16_t)at;
			block[n++].row = (uint16_t)row;
		}
		row += codes[at] < ' ';
	}
	return n;
}

/* Where the last search ended: profiles have their names in order, so the next is mostly near. */
static struct {
	size_t at; /* of the next code */
	int row;   /* of the next name; 0: there was no search */
	char word[WORD_SIZE];
} here;

/* Puts the name whose code begins at codes[at] in the place of the one before; where the next
 * begins. */
static size_t
next_name(size_t at)
{
	char *end = here.word + codes[at++];

	while (codes[at] >= ' ')
		*end++ = codes[at++];
	*end = '\0';
	return at;
}

/* Goes on until a name is not before this one, for one block at most; says how that compares. */
static int
go_on(const char *name)
{
	int order = -1;

	for (int n = 0; n < 8 && order < 0 && here.row < CALLS; n++) {
		here.at = next_name(here.at);
		here.row++;
		order = strcmp(here.word, name);
	}
	return order;
}

int
sysnr_find(const char *name)
{
	int order = here.row > 0 ? strcmp(here.word, name) : 1, low = 0, high;

	if (order < 0) {
		order = go_on(name);
		if (order > 0)
			return -1;
	}
	if (order != 0) {
		for (high = find_blocks(); high - low > 1;) {
			int middle = (low + high) / 2;

			(void)next_name(block[middle].at);
			if (strcmp(here.word, name) <= 0)
				low = middle;
			else
				high = middle;
		}
		here.at = block[low].at;
		here.row = block[low].row;
		order = go_on(name);
	}
	return order == 0 ? here.row - 1 : -1;
}

int64_t
sysnr_number(int row, enum sysnr_arch arch)
{
	int number;

	if (!sysnr_reachable(arch))
		return -1;
	number = arch == ARCH_X32 ? find_about(x32, sizeof x32 / sizeof *x32, row) : NONE;
	if (number == NONE)
		number = numbers[row][arches[arch].column];
	if (number == NONE)
		return -1;
	if (arches[arch].column == ARM && number >= ARM_MARK)
		return number - ARM_MARK + ARM_PRIVATE;
	return (int64_t)number + arches[arch].base;
}

/* linux/net.h and linux/ipc.h: the first argument that means the call; IPC: of ipc(2). */
enum { IPC = 64 };

static const struct about multiplexed[] = {
	{ROW_accept, 5},
	{ROW_accept4, 18},
	{ROW_bind, 2},
	{ROW_connect, 3},
	{ROW_getpeername, 7},
	{ROW_getsockname, 6},
	{ROW_getsockopt, 15},
	{ROW_listen, 4},
	{ROW_msgctl, IPC + 14},
	{ROW_msgget, IPC + 13},
	{ROW_msgrcv, IPC + 12},
	{ROW_msgsnd, IPC + 11},
	{ROW_recv, 10},
	{ROW_recvfrom, 12},
	{ROW_recvmmsg, 19},
	{ROW_recvmsg, 17},
	{ROW_semctl, IPC + 3},
	{ROW_semget, IPC + 2},
	{ROW_semop, IPC + 1},
	{ROW_semtimedop, IPC + 4},
	{ROW_send, 9},
	{ROW_sendmmsg, 20},
	{ROW_sendmsg, 16},
	{ROW_sendto, 11},
	{ROW_setsockopt, 14},
	{ROW_shmat, IPC + 21},
	{ROW_shmctl, IPC + 24},
	{ROW_shmdt, IPC + 22},
	{ROW_shmget, IPC + 23},
	{ROW_shutdown, 13},
	{ROW_socket, 1},
	{ROW_socketpair, 8},
};

uint32_t
sysnr_multiplexed(int row, enum sysnr_arch arch, int64_t *by)
{
	int value = find_about(multiplexed, sizeof multiplexed / sizeof *multiplexed, row);

	if (value == NONE)
		return 0;
	*by = sysnr_number(value > IPC ? ROW_ipc : ROW_socketcall, arch);
	return *by < 0 ? 0 : (uint32_t)value % IPC;
}
