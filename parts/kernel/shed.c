#include "kernel/shed.h"

#include "base/procstat.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* The linker's own: behind the initialised data. */
extern char __bss_start[] __attribute__((visibility("hidden")));

/* The linker sorts by alignment: each BUFFER lies between __bss_start and this, and what is small
 * behind it. */
static char behind_buffers __attribute__((aligned(2048), used));

/* Whole pages are given back, and where madvise(2) is left out of the kernel replaced: most of them
 * were never touched, and must not be now.  The rest is overwritten. */
static bool
give_back(char *at, size_t size)
{
	return madvise(at, size, MADV_DONTNEED) == 0 ||
		mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			0) == at;
}

static void
forget(char *from, char *to)
{
	uintptr_t page = (uintptr_t)getpagesize();
	char *first = (char *)(((uintptr_t)from + page - 1) & -page);
	char *last = (char *)((uintptr_t)to & -page);

	if (first >= last || !give_back(first, (size_t)(last - first)))
		first = last = to;
	memset(from, 0, (size_t)(first - from));
	memset(last, 0, (size_t)(to - last));
}

/* The kernel laid them out: the words, the environment, the name of the file, without gaps, to the
 * end of the stack's last page.  It shows all words, or up to the first NUL where the last byte of
 * the words is none (setproctitle). */
void
shed_words(void)
{
	static const char title[] = PROCSTAT_STAYS;
	char *words = program_invocation_name, *file = (char *)getauxval(AT_EXECFN);
	char *behind = environ && *environ ? *environ : file;
	uintptr_t last = (uintptr_t)getpagesize() - 1; /* byte of a page */

	if (!words || !file || behind <= words || file < behind)
		return;
	forget(words, (char *)((((uintptr_t)file + strlen(file)) | last) + 1));
	memcpy(words, title,
		sizeof title); /* not even `a run b` is shorter, with the name behind it */
	if (behind - words > (ptrdiff_t)sizeof title)
		behind[-1] = '.';
}

void
shed_buffers(void)
{
	uintptr_t page = (uintptr_t)getpagesize();
	char *from = (char *)(((uintptr_t)__bss_start + page - 1) & -page);

	forget(from, &behind_buffers);
}

void
shed_stack(void *from)
{
	if ((char *)from < program_invocation_name)
		forget(from, program_invocation_name);
}
