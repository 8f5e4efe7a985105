#include "plan/env.h"

#include "tap.h"

#include "base/arena.h"

#include <stdio.h>

static struct strings out;
static bool home_missing;

/* The result joined by blanks */
static const char *
make(const char **at, uint32_t n)
{
	static char text[256];
	struct strings env = {at, n, true};
	static struct err e;

	arena_release(0);
	text[0] = '\0';
	if (env_make(&e, &out, &home_missing, &env) < 0)
		return e.text;
	for (uint32_t i = 0; i < out.n; i++)
		strcat(strcat(text, i ? " " : ""), out.at[i]);
	ok(!out.at[out.n], "a NULL behind the last");
	return text;
}

#define MAKE(...) \
	make((const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static void
test_many(void)
{
	enum { N = 20000 };
	static char text[N][32];
	static const char *at[N];
	struct strings env = {at, N, true};
	struct err e = {0};

	for (int i = 0; i < N; i++) {
		snprintf(text[i], sizeof(text[i]), "K%d=%d", i % (N / 2), i);
		at[i] = text[i];
	}
	arena_release(0);
	is_int(env_make(&e, &out, &home_missing, &env), 0, "%d entries", N);
	is_int(out.n, N / 2, "each name once");
	is_str(out.at[0], "K0=10000", "the last ones in their order");
}

int
main(void)
{
	is_str(make(NULL, 0), "", "none");
	ok(home_missing, "HOME is missing then");
	is_str(MAKE("A=1", "B=2"), "A=1 B=2", "order is kept");
	is_str(MAKE("A=1", "B=2", "A=3"), "B=2 A=3", "the last one wins, at its place");
	is_str(MAKE("A=1", "AB=2", "A="), "AB=2 A=", "names are compared whole");
	is_str(MAKE("HOME=/x", "A=1"), "HOME=/x A=1", "HOME");
	ok(!home_missing, "is there");
	is_str(MAKE("HOME=/x", "HOME="), "", "an empty HOME is no HOME");
	ok(home_missing, "is missing");
	is_str(MAKE("HOME=", "HOME=/x"), "HOME=/x", "the last HOME counts");
	ok(!home_missing, "is there");
	is_str(MAKE("HOMER=1"), "HOMER=1", "a longer name");
	ok(home_missing, "is not HOME");
	test_many();
	return done_testing();
}
