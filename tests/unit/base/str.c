#include "base/str.h"
#include "tap.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

/* The same conversion by libc and by us. */
#define same(...) \
	do { \
		char want[256], got[256]; \
		int n = snprintf(want, sizeof(want), __VA_ARGS__); \
\
		is_int(str_format(got, sizeof(got), __VA_ARGS__), n, "length of %s", \
			#__VA_ARGS__); \
		is_str(got, want, "%s", #__VA_ARGS__); \
	} while (0)

static void
formats(void)
{
	char buf[8], zero = 'z';
	void *volatile nothing = NULL;

	same("plain");
	same("%s|%10s|%-10s|%.2s|%.*s|%8.3s|%-8.3s|", "a", "bc", "de", "fgh", 1, "ij", "klmn",
		"opqr");
	same("%c%c%%%5c|%-3c|", 'a', 'b', 'c', 'd');
	same("%d %i %d %d %d", 0, 1, -1, INT_MAX, INT_MIN);
	same("%u %x %X %o", UINT_MAX, 0xbeefu, 0xBEEFu, 0755u);
	same("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
	same("%lld %llu %llx %llo", LLONG_MIN, ULLONG_MAX, ULLONG_MAX, ULLONG_MAX);
	same("%zu %zd %zx %td", SIZE_MAX, (ssize_t)-5, SIZE_MAX, (ptrdiff_t)-6);
	same("%" PRIu64 " %" PRId64 " %" PRIx64, UINT64_MAX, INT64_MIN, UINT64_MAX);
	same("%ju %jd", UINTMAX_MAX, INTMAX_MIN);
	same("%hhd %hhu %hd %hu %hhx", (signed char)-1, (unsigned char)255, (short)-2,
		(unsigned short)65535, (unsigned char)0xab);
	same("%02x %04o %08d %08d %3d|%-3d|", 0xau, 07u, 42, -42, 7, 7);
	same("%*s|%*s|%0*d", 6, "ab", -6, "cd", 5, 42);
	same("%5u|%-5u|%05u|%1u", 12345678u, 1u, 1u, 0u);

	is_int(str_format(buf, sizeof(buf), "%s", "1234567"), 7, "what fits exactly");
	is_int(str_format(buf, sizeof(buf), "%s", "12345678"), -1, "one byte too many");
	is_str(buf, "1234567", "the part that fitted");
	is_int(str_format(buf, sizeof(buf), "%d%d%d", 111, 222, 333), -1, "cut in a number");
	is_str(buf, "1112223", "its part");
	is_int(str_format(buf, sizeof(buf), "%2000000000d", 1), -1, "an absurd width");
	is_int(str_format(buf, 1, "%s", "a"), -1, "room for the NUL only");
	is_str(buf, "", "leaves the empty string");
	is_int(str_format(&zero, 0, "a"), -1, "no room at all");
	is_int(zero, 'z', "writes nothing");
	str_format(buf, sizeof(buf), "%s", (const char *)nothing);
	is_str(buf, "(null)", "NULL");
}

static void
unsupported(const char *fmt, ...)
{
	char buf[32];
	va_list ap;

	va_start(ap, fmt);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	is_int(str_vformat(buf, sizeof(buf), fmt, ap), -1, "%s is refused", fmt);
#pragma GCC diagnostic pop
	va_end(ap);
}

static void
numbers(void)
{
	static const char *const bad[] = {"", "-", "+1", "01", "00", " 1", "1 ", "1.0", "1e3",
		"0x1", "a", "18446744073709551616", "99999999999999999999", "184467440737095516150",
		"--1", "-01", "-0"};
	uint64_t u = 5;
	int64_t i = 5;

	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		is_int(str_u64(bad[n], &u), -1, "u64 \"%s\"", bad[n]);
		is_int(str_i64(bad[n], &i), -1, "i64 \"%s\"", bad[n]);
	}
	ok(u == 5 && i == 5, "a refusal leaves the result alone");
	ok(str_u64("0", &u) == 0 && u == 0, "0");
	ok(str_u64("18446744073709551615", &u) == 0 && u == UINT64_MAX, "the largest");
	is_int(str_u64("-1", &u), -1, "no sign for u64");
	ok(str_u64_n("12345", 3, &u) == 0 && u == 123, "the first bytes only");
	ok(str_i64("-9223372036854775808", &i) == 0 && i == INT64_MIN, "the smallest");
	ok(str_i64("9223372036854775807", &i) == 0 && i == INT64_MAX, "the largest");
	is_int(str_i64("9223372036854775808", &i), -1, "one more");
	is_int(str_i64("-9223372036854775809", &i), -1, "one less");
	ok(str_i64("-1", &i) == 0 && i == -1, "-1");
	ok(str_i64_n("-17 ", 3, &i) == 0 && i == -17, "the first bytes only");
}

static void
words(void)
{
	ok(str_equal("a", "a") && !str_equal("a", "A") && !str_equal("a", "ab"), "equal");
	ok(str_equal_case("aBz", "AbZ") && !str_equal_case("a", "ab") && !str_equal_case("ab", "a"),
		"equal in any case");
	ok(!str_equal_case("@", "`") && !str_equal_case("[", "{"), "letters only");
	ok(str_starts("file:x", "file:") && str_starts("x", "") && !str_starts("fi", "file:"),
		"starts");
	ok(str_ends("a.json", ".json") && !str_ends("json", ".json") && str_ends("a", ""), "ends");
	is_str(str_base("/a/b"), "b", "base");
	is_str(str_base("b"), "b", "base without a directory");
	is_str(str_base("/a/"), "", "base of a directory");
}

static void
builder(void)
{
	char buf[8];
	struct str s = str_in(buf, sizeof(buf));

	is_str(buf, "", "a builder starts empty");
	is_int(str_add(&s, "%d", 12), 0, "add");
	is_int(str_add_bytes(&s, "345", 3), 0, "add bytes");
	is_str(buf, "12345", "both are there");
	is_int(str_add(&s, "%s", "678"), -1, "too much");
	ok(s.cut, "is remembered");
	is_str(buf, "1234567", "what fitted is there");
	is_int(str_add(&s, "%s", ""), -1, "and nothing comes after it");
}

static void
clean(const char *path, const char *want)
{
	char buf[64];

	is_int(str_clean_path(buf, sizeof(buf), path), (int)strlen(want), "length of %s", path);
	is_str(buf, want, "clean %s", path);
	snprintf(buf, sizeof(buf), "%s", path);
	str_clean_path(buf, sizeof(buf), buf);
	is_str(buf, want, "clean %s in place", path);
}

static void
paths(void)
{
	char buf[8];

	clean("/", "/");
	clean("///", "/");
	clean("/a/b", "/a/b");
	clean("//a//b//", "/a/b");
	clean("/./a/./b/.", "/a/b");
	clean("/a/../b", "/b");
	clean("/a/b/../../c/..", "/");
	clean("/../../a", "/a");
	clean("/a/...", "/a/...");
	clean("/..a/.b/b..", "/..a/.b/b..");
	is_int(str_clean_path(buf, sizeof(buf), "a"), -1, "a relative path");
	is_int(str_clean_path(buf, sizeof(buf), ""), -1, "an empty path");
	is_int(str_clean_path(buf, sizeof(buf), "/123456"), 7, "what fits exactly");
	is_int(str_clean_path(buf, sizeof(buf), "/1234567"), -1, "one byte too many");
	is_int(str_clean_path(buf, sizeof(buf), "/1234567/.."), -1, "too long on the way");
	is_int(str_clean_path(buf, 1, "/"), -1, "no room for /");
}

static void
is_time(int64_t seconds, long nanoseconds, bool fraction, const char *want)
{
	struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = nanoseconds};
	char buf[STR_TIME_MAX];

	is_int(str_time(buf, sizeof(buf), &t, fraction), (int)strlen(want), "length of %s", want);
	is_str(buf, want, "%s", want);
}

static void
times(void)
{
	char want[64], got[64];
	struct timespec t = {0};
	struct tm tm;
	int wrong = 0;

	is_time(0, 0, true, "1970-01-01T00:00:00Z");
	is_time(1772359200, 500000000, true, "2026-03-01T10:00:00.5Z");
	is_time(1772359200, 500000000, false, "2026-03-01T10:00:00Z");
	is_time(1772359200, 1, true, "2026-03-01T10:00:00.000000001Z");
	is_time(1772359200, 120000, true, "2026-03-01T10:00:00.00012Z");
	is_time(951782400, 0, true, "2000-02-29T00:00:00Z");
	is_time(-1, 0, true, "1969-12-31T23:59:59Z");
	is_time(-62167219200, 0, true, "0000-01-01T00:00:00Z");
	is_time(253402300799, 999999999, true, "9999-12-31T23:59:59.999999999Z");
	is_time(INT64_MAX, 0, true, "9999-12-31T23:59:59Z");
	is_time(INT64_MIN, 0, true, "0000-01-01T00:00:00Z");
	is_int(str_time(got, 20, &t, false), -1, "no room");
	for (int64_t s = -62167219200; s < 253402300799; s += 86400 * 7 + 12345) {
		t.tv_sec = (time_t)s;
		gmtime_r(&t.tv_sec, &tm);
		snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		str_time(got, sizeof(got), &t, true);
		if (strcmp(got, want) != 0 && wrong++ < 3)
			is_str(got, want, "time %lld", (long long)s);
	}
	is_int(wrong, 0, "ten thousand years of weeks are as gmtime_r has them");
}

static void
utf8(void)
{
	is_int(str_utf8("a", 1), 1, "ASCII");
	is_int(str_utf8("", 0), 0, "nothing");
	is_int(str_utf8("\xc3\xa4", 2), 2, "two bytes");
	is_int(str_utf8("\xe2\x82\xac", 3), 3, "three");
	is_int(str_utf8("\xf0\x9f\x98\x80", 4), 4, "four");
	is_int(str_utf8("\xf4\x8f\xbf\xbf", 4), 4, "U+10FFFF");
	is_int(str_utf8("\xf4\x90\x80\x80", 4), 0, "above it");
	is_int(str_utf8("\xc0\x80", 2), 0, "overlong in two");
	is_int(str_utf8("\xc1\xbf", 2), 0, "overlong in two, the last");
	is_int(str_utf8("\xe0\x9f\xbf", 3), 0, "overlong in three");
	is_int(str_utf8("\xf0\x8f\xbf\xbf", 4), 0, "overlong in four");
	is_int(str_utf8("\xed\xa0\x80", 3), 0, "a surrogate");
	is_int(str_utf8("\xed\x9f\xbf", 3), 3, "the last before them");
	is_int(str_utf8("\x80", 1), 0, "a continuation alone");
	is_int(str_utf8("\xe2\x82", 2), 0, "cut short");
	is_int(str_utf8("\xf0\x9f\x98", 3), 0, "cut short");
	is_int(str_utf8("\xff", 1), 0, "no lead byte");
}

static void
lists(void)
{
	static const char names[] = "ro\0rbind\0rro\0";
	static const uint8_t sizes[] = {sizeof("ro"), sizeof("rbind"), sizeof("rro")};

	is_int(str_index(names, sizes, 3, "ro"), 0, "the first of a list");
	is_int(str_index(names, sizes, 3, "rro"), 2, "the last");
	is_int(str_index(names, sizes, 2, "rro"), -1, "behind the end");
	is_int(str_index(names, sizes, 3, "rrw"), -1, "of the same length");
	is_int(str_index(names, sizes, 3, "r"), -1, "a part of one");
	is_int(str_index(names, sizes, 3, ""), -1, "nothing");
	is_int(str_index(names, sizes, 0, "ro"), -1, "no list");
}

int
main(void)
{
	lists();
	formats();
	unsupported("%f", 1.0);
	unsupported("%p", (void *)0);
	unsupported("%");
	unsupported("%d %", 1);
	numbers();
	words();
	builder();
	paths();
	times();
	utf8();
	return done_testing();
}
