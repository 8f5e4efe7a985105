/* tap: what a unit test prints.
 *
 * A test program calls ok(), is_int() and is_str() as often as it likes and ends with `return
 * done_testing();`. Each call prints one line of the Test Anything Protocol; a failed one also
 * prints what it got and wanted. Names are printf formats.  Works with glibc and with musl.
 */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_n, tap_failed;

static inline bool
tap_line(bool good, const char *file, int line, const char *format, va_list args)
{
	tap_n++;
	tap_failed += !good;
	printf("%sok %d - ", good ? "" : "not ", tap_n);
	vprintf(format, args);
	printf("\n");
	if (!good)
		printf("# at %s:%d\n", file, line);
	return good;
}

__attribute__((format(printf, 4, 5))) static inline bool
tap_ok(bool good, const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_line(good, file, line, format, args);
	va_end(args);
	return good;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_int(long long got, long long want, const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!tap_line(got == want, file, line, format, args))
		printf("#   got: %lld\n#  want: %lld\n", got, want);
	va_end(args);
	return got == want;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_str(const char *got, const char *want, const char *file, int line, const char *format, ...)
{
	bool good = got && want ? strcmp(got, want) == 0 : got == want;
	va_list args;

	va_start(args, format);
	if (!tap_line(good, file, line, format, args))
		printf("#   got: %s\n#  want: %s\n", got ? got : "(NULL)", want ? want : "(NULL)");
	va_end(args);
	return good;
}

/* Each returns whether it held.  ok(n > 0, "%s has rows", name); is_int(n, 3, "count");
 * is_str(e.text, "no", "text") */
#define ok(good, ...) tap_ok((good), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)

/* The plan, and the exit status of main() */
static inline int
done_testing(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed > 0;
}

#endif
