#include "base/str.h"

#include <limits.h>
#include <string.h>

/* --- the formatter -------------------------------------------------------------------------- */

/* One conversion as it was written. */
struct conversion {
	bool left, zero;
	int width, precision; /* precision: -1 when there is none */
	char length;	      /* H for hh, h, l, L for ll and j, z for z and t, or 0 */
	char kind;
};

/* A va_list that functions can share whatever type the target makes of it. */
struct args {
	va_list ap;
};

struct str
str_in(char *buf, size_t size)
{
	if (size > 0)
		buf[0] = '\0';
	return (struct str){.at = buf, .max = size};
}

int
str_add_bytes(struct str *s, const void *bytes, size_t n)
{
	size_t room = s->max > s->len ? s->max - s->len - 1 : 0;

	if (s->cut)
		return -1;
	if (n > room) {
		s->cut = true;
		n = room;
	}
	if (n > 0)
		memcpy(s->at + s->len, bytes, n);
	s->len += n;
	if (s->max > 0)
		s->at[s->len] = '\0';
	return s->cut ? -1 : 0;
}

static void
pad(struct str *s, char c, int n)
{
	while (n-- > 0 && str_add_bytes(s, &c, 1) == 0)
		;
}

static void
put_text(struct str *s, const struct conversion *c, const char *text, size_t n)
{
	int blanks = n < (size_t)c->width ? c->width - (int)n : 0;

	if (!c->left)
		pad(s, ' ', blanks);
	(void)str_add_bytes(s, text, n); /* s->cut remembers */
	if (c->left)
		pad(s, ' ', blanks);
}

static void
put_number(struct str *s, const struct conversion *c, bool negative, unsigned long long value)
{
	const char *digits = c->kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned int base = c->kind == 'o' ? 8 : (c->kind | 32) == 'x' ? 16 : 10;
	char text[24], *p = text + sizeof(text);
	int n;

	do {
		*--p = digits[value % base];
		value /= base;
	} while (value > 0);
	n = (int)(text + sizeof(text) - p) + negative;
	if (c->zero && !c->left) {
		if (negative)
			(void)str_add_bytes(s, "-", 1);
		pad(s, '0', c->width - n);
		(void)str_add_bytes(s, p, (size_t)(n - negative));
		return;
	}
	if (negative)
		*--p = '-';
	put_text(s, c, p, (size_t)n);
}

static long long
take_signed(char length, struct args *a)
{
	switch (length) {
	case 'L':
		return va_arg(a->ap, long long);
	case 'l':
		return va_arg(a->ap, long);
	case 'z':
		return va_arg(a->ap, ptrdiff_t);
	case 'h':
		return (short)va_arg(a->ap, int);
	case 'H':
		return (signed char)va_arg(a->ap, int);
	}
	return va_arg(a->ap, int);
}

static unsigned long long
take_unsigned(char length, struct args *a)
{
	switch (length) {
	case 'L':
		return va_arg(a->ap, unsigned long long);
	case 'l':
		return va_arg(a->ap, unsigned long);
	case 'z':
		return va_arg(a->ap, size_t);
	case 'h':
		return (unsigned short)va_arg(a->ap, unsigned int);
	case 'H':
		return (unsigned char)va_arg(a->ap, unsigned int);
	}
	return va_arg(a->ap, unsigned int);
}

/* A decimal number or `*`. Too big a number is as good as INT_MAX: it does not fit anyway. */
static const char *
read_size(const char *p, int *out, struct args *a)
{
	int n = 0;

	if (*p == '*') {
		*out = va_arg(a->ap, int);
		return p + 1;
	}
	for (; *p >= '0' && *p <= '9'; p++)
		n = n > INT_MAX / 10 - 1 ? INT_MAX / 10 : n * 10 + (*p - '0');
	*out = n;
	return p;
}

/* Reads what follows a `%`; returns what follows the conversion. */
static const char *
read_conversion(const char *p, struct conversion *c, struct args *a)
{
	*c = (struct conversion){.precision = -1};
	for (; *p == '-' || *p == '0'; p++) {
		c->left = c->left || *p == '-';
		c->zero = c->zero || *p == '0';
	}
	p = read_size(p, &c->width, a);
	if (c->width < 0) {
		c->left = true;
		c->width = c->width == INT_MIN ? INT_MAX : -c->width;
	}
	if (*p == '.')
		p = read_size(p + 1, &c->precision, a);
	for (; *p == 'h' || *p == 'l' || *p == 'j' || *p == 'z' || *p == 't'; p++) {
		if (*p == 'h' || *p == 'l')
			c->length = c->length != *p ? *p : *p == 'h' ? 'H' : 'L';
		else
			c->length = *p == 'j' ? 'L' : 'z';
	}
	c->kind = *p;
	return *p ? p + 1 : p;
}

static void
put_string(struct str *s, const struct conversion *c, const char *text)
{
	if (!text)
		text = "(null)";
	put_text(s, c, text, c->precision < 0 ? strlen(text) : strnlen(text, (size_t)c->precision));
}

static void
put_conversion(struct str *s, const struct conversion *c, struct args *a)
{
	long long number;
	char letter;

	switch (c->kind) {
	case 's':
		put_string(s, c, va_arg(a->ap, const char *));
		break;
	case 'c':
		letter = (char)va_arg(a->ap, int);
		put_text(s, c, &letter, 1);
		break;
	case 'd':
	case 'i':
		number = take_signed(c->length, a);
		put_number(s, c, number < 0,
			number < 0 ? 0ULL - (unsigned long long)number
				   : (unsigned long long)number);
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_number(s, c, false, take_unsigned(c->length, a));
		break;
	case '%':
		(void)str_add_bytes(s, "%", 1);
		break;
	default: /* not ours: the next argument's type is unknown, so nothing after it is safe */
		s->cut = true;
	}
}

static int __attribute__((format(printf, 2, 0)))
add_list(struct str *s, const char *fmt, va_list ap)
{
	struct args a;
	struct conversion c;
	size_t n;

	va_copy(a.ap, ap);
	for (;;) {
		n = (size_t)(strchrnul(fmt, '%') - fmt);
		(void)str_add_bytes(s, fmt, n); /* s->cut remembers */
		fmt += n;
		if (s->cut || !*fmt)
			break;
		fmt = read_conversion(fmt + 1, &c, &a);
		put_conversion(s, &c, &a);
	}
	va_end(a.ap);
	return s->cut ? -1 : 0;
}

int
str_add(struct str *s, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = add_list(s, fmt, ap);
	va_end(ap);
	return r;
}

int
str_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct str s = str_in(buf, size);

	if (add_list(&s, fmt, ap) < 0 || s.len > INT_MAX)
		return -1;
	return (int)s.len;
}

int
str_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = str_vformat(buf, size, fmt, ap);
	va_end(ap);
	return r;
}

/* --- numbers -------------------------------------------------------------------------------- */

int
str_u64_n(const char *s, size_t len, uint64_t *out)
{
	uint64_t n = 0, digit;

	if (len == 0 || (len > 1 && s[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		digit = (uint64_t)(s[i] - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	*out = n;
	return 0;
}

int
str_i64_n(const char *s, size_t len, int64_t *out)
{
	bool negative = len > 0 && s[0] == '-';
	uint64_t n, max = (uint64_t)INT64_MAX + negative;

	if (str_u64_n(s + negative, len - negative, &n) < 0 || n > max || (negative && n == 0))
		return -1;
	if (negative)
		*out = n == max ? INT64_MIN : -(int64_t)n;
	else
		*out = (int64_t)n;
	return 0;
}

int
str_u64(const char *s, uint64_t *out)
{
	return str_u64_n(s, strlen(s), out);
}

int
str_i64(const char *s, int64_t *out)
{
	return str_i64_n(s, strlen(s), out);
}

/* --- comparisons and paths ------------------------------------------------------------------ */

bool
str_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool
str_equal_case(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

const char *
str_after(const char *s)
{
	return s + strlen(s) + 1;
}

int
str_index(const char *s, const uint8_t *sizes, size_t n, const char *name)
{
	size_t size = strlen(name) + 1;

	for (size_t i = 0; i < n; s += sizes[i++])
		if (sizes[i] == size && *s == *name && memcmp(s, name, size) == 0)
			return (int)i;
	return -1;
}

size_t
str_span(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && strchr(set, s[n]))
		n++;
	return n;
}

size_t
str_until(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && !strchr(set, s[n]))
		n++;
	return n;
}

const char *
str_find(const char *s, const char *what)
{
	for (; *s; s++)
		if (str_starts(s, what))
			return s;
	return NULL;
}

bool
str_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (;; list++) {
		if (str_starts(list, name) && (list[len] == ',' || list[len] == '\0'))
			return true;
		list = strchrnul(list, ',');
		if (!*list)
			return false;
	}
}

bool
str_starts(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

bool
str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

const char *
str_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int
str_clean_path(char *out, size_t size, const char *path)
{
	size_t len = 0, n;

	if (*path != '/' || size < 2)
		return -1;
	/* What is written never overtakes what is read, so out may be path. */
	for (; *path; path += n) {
		path += str_span(path, "/");
		n = str_until(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.'))
			continue;
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len > 0 && out[--len] != '/')
				;
			continue;
		}
		if (n + 1 >= size - len)
			return -1;
		out[len] = '/';
		memmove(out + len + 1, path, n);
		len += n + 1;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return (int)len;
}

/* --- time and UTF-8 ------------------------------------------------------------------------- */

int
str_time(char *buf, size_t size, const struct timespec *t, bool nanoseconds)
{
	/* From 0000-01-01 to 9999-12-31; days are counted from 0000-03-01, so that a leap day is
	 * the last of its year: 400 years have 146,097 days. */
	const int64_t min = -62167219200, max = 253402300799, march = 719468;
	int64_t at = t->tv_sec < min ? min : t->tv_sec > max ? max : t->tv_sec;
	int64_t second = at % 86400, day = at / 86400 + march, era, year, month;
	struct str s = str_in(buf, size);
	char fraction[16];
	size_t n = 0;

	if (second < 0) {
		second += 86400;
		day--;
	}
	era = (day + 146097) / 146097 - 1; /* the first two months of year 0 are in era -1 */
	day -= era * 146097;
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	day -= (153 * month + 2) / 5;
	month = month < 10 ? month + 3 : month - 9;
	year += era * 400 + (month <= 2);
	(void)str_add(&s, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, (int)month, (int)day + 1,
		(int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
	if (nanoseconds && t->tv_nsec > 0 && t->tv_nsec < 1000000000) {
		n = (size_t)str_format(fraction, sizeof(fraction), ".%09ld", (long)t->tv_nsec);
		while (fraction[n - 1] == '0')
			n--;
		(void)str_add_bytes(&s, fraction, n);
	}
	return str_add(&s, "Z") < 0 ? -1 : (int)s.len;
}

static bool
follows(const char *s, size_t i)
{
	return ((unsigned char)s[i] & 0xc0) == 0x80;
}

/* RFC 3629, section 4: the second byte's range depends on the first. */
size_t
str_utf8(const char *s, size_t n)
{
	unsigned char a = n > 0 ? (unsigned char)s[0] : 0xff, b = n > 1 ? (unsigned char)s[1] : 0;

	if (a < 0x80)
		return 1;
	if (a >= 0xc2 && a <= 0xdf)
		return n >= 2 && follows(s, 1) ? 2 : 0;
	if (a >= 0xe0 && a <= 0xef) {
		if (n < 3 || !follows(s, 1) || !follows(s, 2))
			return 0;
		return (a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) ? 0 : 3;
	}
	if (a >= 0xf0 && a <= 0xf4) {
		if (n < 4 || !follows(s, 1) || !follows(s, 2) || !follows(s, 3))
			return 0;
		return (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f) ? 0 : 4;
	}
	return 0;
}
