/* Numbers that every reader can look up in the kernel's headers; libseccomp's are compared with all
 * of ours in tests/seccomp. */
#include "words/sysnr.h"

#include "words/words.h"

#include "tap.h"

/* The names of all system calls, sorted. */
static const char *const sysnr_names[] = {
#define CALL(name, ...) #name,
#define X32(name, number)
#include "words/sysnr.def"
#undef CALL
#undef X32
};

static void
is_number(const char *name, enum sysnr_arch arch, const char *arch_name, int64_t want)
{
	if (sysnr_reachable(arch))
		is_int(sysnr_number(sysnr_find(name), arch), want, "%s on %s", name, arch_name);
}

#define IS_NUMBER(name, arch, want) is_number(name, ARCH_##arch, #arch, want)

/* words.def has the numbers of the enumeration. */
static void
architectures(void)
{
#define IS_ARCH(name) is_int(words_find(WORDS_SECCOMP_ARCH, "SCMP_ARCH_" #name), ARCH_##name, #name)
	IS_ARCH(AARCH64);
	IS_ARCH(ARM);
	IS_ARCH(LOONGARCH64);
	IS_ARCH(M68K);
	IS_ARCH(MIPS);
	IS_ARCH(MIPS64);
	IS_ARCH(MIPS64N32);
	IS_ARCH(MIPSEL);
	IS_ARCH(MIPSEL64);
	IS_ARCH(MIPSEL64N32);
	IS_ARCH(PARISC);
	IS_ARCH(PARISC64);
	IS_ARCH(PPC);
	IS_ARCH(PPC64);
	IS_ARCH(PPC64LE);
	IS_ARCH(RISCV64);
	IS_ARCH(S390);
	IS_ARCH(S390X);
	IS_ARCH(SH);
	IS_ARCH(SHEB);
	IS_ARCH(X32);
	IS_ARCH(X86);
	IS_ARCH(X86_64);
	is_int(words_count(WORDS_SECCOMP_ARCH), ARCHES, "no other");
	ok(sysnr_reachable(sysnr_native()), "the native one is built in");
}

static void
sorted(void)
{
	const int n = sizeof sysnr_names / sizeof *sysnr_names;

	ok(n > 500, "%d names", n);
	for (int i = 0; i < n; i++) {
		if (i > 0 && strcmp(sysnr_names[i - 1], sysnr_names[i]) >= 0)
			ok(false, "%s is sorted", sysnr_names[i]);
		if (sysnr_find(sysnr_names[i]) != i)
			ok(false, "%s is found", sysnr_names[i]);
	}
}

int
main(void)
{
	int64_t by;

	architectures();
	sorted();
	is_int(sysnr_find("no_such_call"), -1, "no such call");
	is_int(sysnr_find(""), -1, "nothing");
	is_int(sysnr_find("zzz"), -1, "behind the last one");
	is_int(sysnr_find("accept5"), -1, "in the middle of a block");
	IS_NUMBER("read", X86_64, 0);
	IS_NUMBER("file_setattr", X86_64, 469);
	IS_NUMBER("uprobe", X86_64, 336);
	IS_NUMBER("execve", X32, 0x40000000 + 520);
	IS_NUMBER("socketcall", X86, 102);
	IS_NUMBER("accept", X86, -1);
	IS_NUMBER("cacheflush", ARM, 0x0f0002);
	IS_NUMBER("mmap", ARM, -1);
	IS_NUMBER("mmap2", ARM, 192);
	IS_NUMBER("openat", AARCH64, 56);
	IS_NUMBER("open", AARCH64, -1);
	IS_NUMBER("read", MIPS, 4003);
	IS_NUMBER("read", MIPSEL64, 5000);
	IS_NUMBER("read", MIPS64N32, 6000);
	IS_NUMBER("clone3", PPC64LE, 435);
	IS_NUMBER("s390_sthyi", S390X, 380);
	IS_NUMBER("riscv_flush_icache", RISCV64, 259);
	if (sysnr_reachable(ARCH_X86)) {
		is_int(sysnr_multiplexed(sysnr_find("accept"), ARCH_X86, &by), 5,
			"accept is socketcall's fifth");
		is_int(by, 102, "socketcall");
		is_int(sysnr_multiplexed(sysnr_find("shmctl"), ARCH_X86, &by), 24,
			"shmctl is ipc's 24th");
		is_int(by, 117, "ipc");
		is_int(sysnr_multiplexed(sysnr_find("read"), ARCH_X86, &by), 0, "read is none's");
		is_int(sysnr_multiplexed(sysnr_find("accept"), ARCH_X86_64, &by), 0,
			"x86_64 has neither");
	}
	return done_testing();
}
