#include "base/arena.h"
#include "tap.h"

#include <stdint.h>

static bool
is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return false;
	}
	return true;
}

int
main(void)
{
	struct err e = {0};
	char *a, *b, *text;

	is_int(arena_used(), 0, "nothing is used");
	a = arena_take(&e, 3, 5);
	b = arena_take(&e, 1, 1);
	ok(a && b, "two pieces");
	is_int(b - a, 16, "rounded up to 16");
	is_int((uintptr_t)a % 16 + (uintptr_t)b % 16, 0, "aligned");
	ok(is_zero(a, 15), "zeroed");
	is_int(arena_used(), 32, "both are counted");
	text = arena_string(&e, "%s/%d", "a", 7);
	is_str(text, "a/7", "a string");
	is_int(arena_used(), 48, "counted too");

	ok(!arena_take(&e, SIZE_MAX / 2, 3), "a product that overflows");
	ok(strstr(e.text, "configuration needs more than 1 MiB of memory") == e.text, "says so: %s",
		e.text);
	ok(!arena_take(&e, 1, ARENA_MAX - 47), "one byte more than is left");
	ok(arena_take(&e, 1, ARENA_MAX - 48 - 16) != NULL, "all but 16 bytes");
	ok(!arena_string(&e, "%s", "sixteen letters!"), "a string of 17 bytes");
	a = arena_take(&e, 16, 1);
	ok(a && is_zero(a, 16), "the last 16 are still zeroed");
	is_int(arena_used(), ARENA_MAX, "full");
	ok(arena_take(&e, 0, 8) != NULL, "nothing still fits");
	ok(!arena_take(&e, 1, 1), "a byte does not");
	ok(!arena_string(&e, "%s", ""), "nor does an empty string");

	memset(a, 'x', 16);
	arena_release(0);
	is_int(arena_used(), 0, "reset");
	a = arena_take(&e, 1, ARENA_MAX);
	ok(a && is_zero(a, ARENA_MAX), "all of it, zeroed again");
	return done_testing();
}
