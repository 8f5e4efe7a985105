/* Relative relocations in their packed form (DT_RELR): 3.5 KB less of a small file.  The C
 * library's start-up code applies them from musl 1.2.4 on; for an older one we are the entry point,
 * and go on to it.  build.sh asks for the form, and defines OCIRT_RELR, where the linker knows it.
 *
 * Floor: base.  Runs in: host, before anything else: no library call, no pointer in a table.
 * Spec: ELF gABI, "Relative Relocation Table". */
#if defined(OCIRT_RELR) && defined(__x86_64__)
#include <elf.h>
#include <stdint.h>

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
extern const Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));

#ifndef DT_RELR
enum { DT_RELRSZ = 35, DT_RELR = 36 };
#endif

/* An even entry is the address of a word to relocate; an odd one a bitmap of the 63 words behind.
 */
void relr_apply(void);

__attribute__((used, externally_visible, no_stack_protector)) void
relr_apply(void)
{
	const uintptr_t bias = (uintptr_t)&__ehdr_start;
	const uint64_t *at = 0, *end = 0;
	uint64_t size = 0, *word = 0;

	for (const Elf64_Dyn *d = _DYNAMIC; d->d_tag; d++) {
		if (d->d_tag == DT_RELR)
			at = (const uint64_t *)(bias + d->d_un.d_ptr);
		if (d->d_tag == DT_RELRSZ)
			size = d->d_un.d_val;
	}
	for (end = at + size / sizeof *at; at < end; at++) {
		if (!(*at & 1)) {
			word = (uint64_t *)(bias + *at);
			*word++ += bias;
			continue;
		}
		for (unsigned i = 0; i < 63; i++)
			if (*at >> (i + 1) & 1)
				word[i] += bias;
		word += 63;
	}
}

/* The stack is as the kernel made it, before and behind. */
__asm__(".text\n.globl relr_start\nrelr_start:\n\tcall relr_apply\n\tjmp _start\n");
#else
typedef int relr_is_not_needed; /* a source must not be empty */
#endif
