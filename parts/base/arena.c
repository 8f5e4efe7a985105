#include "base/arena.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

enum { ALIGN = 16 };

_Static_assert(_Alignof(max_align_t) <= ALIGN, "the arena serves any type");

static char block[ARENA_MAX] BUFFER;
static size_t used;

static void
full(struct err *e, size_t n, size_t size)
{
	fail(e, "configuration needs more than 1 MiB of memory (%zu objects of %zu bytes at %zu)",
		n, size, used);
}

void *
arena_take(struct err *e, size_t n, size_t size)
{
	size_t bytes, room = ARENA_MAX - used;
	char *at = block + used;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > room) {
		full(e, n, size);
		return NULL;
	}
	used += (bytes + ALIGN - 1) / ALIGN * ALIGN; /* room is a multiple of ALIGN, so this fits */
	return at;
}

char *
arena_string(struct err *e, const char *fmt, ...)
{
	char *at = block + used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = str_vformat(at, ARENA_MAX - used, fmt, ap);
	va_end(ap);
	if (n < 0) {
		memset(at, 0, ARENA_MAX - used); /* what comes later must be zeroed */
		full(e, 1, ARENA_MAX - used);
		return NULL;
	}
	return arena_take(e, (size_t)n + 1, 1);
}

size_t
arena_used(void)
{
	return used;
}

void
arena_release(size_t before)
{
	memset(block + before, 0, used - before);
	used = before;
}
