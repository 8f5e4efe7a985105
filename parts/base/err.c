#include "base/err.h"

#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The columns of errno.def: the numbers, and the texts one behind another. */
static const uint16_t numbers[] = {
#define ERRNO(number, text) number,
#include "base/errno.def"
#undef ERRNO
};

static const char texts[] =
#define ERRNO(number, text) text "\0"
#include "base/errno.def"
#undef ERRNO
	;

/* The formatted text, ": " and the tail, all into e->text. Whatever is too long loses its end. */
static void __attribute__((format(printf, 2, 0)))
fill(struct err *e, const char *fmt, va_list ap, const char *tail)
{
	char text[ERR_TEXT_MAX];
	struct str s = str_in(text, sizeof(text));

	(void)str_vformat(text, sizeof(text), fmt, ap); /* cut: the tail goes */
	s.len = strlen(text);
	if (tail)
		(void)str_add(&s, ": %s", tail);
	memcpy(e->text, text, s.len + 1);
}

int
fail(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, fmt, ap, NULL);
	va_end(ap);
	e->number = 0;
	return -1;
}

int
fail_errno(struct err *e, const char *fmt, ...)
{
	int number = errno;
	va_list ap;

	va_start(ap, fmt);
	fill(e, fmt, ap, errno_text(number));
	va_end(ap);
	e->number = number;
	return -1;
}

int
context(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, fmt, ap, e->text);
	va_end(ap);
	return -1;
}

const char *
errno_text(int number)
{
	static char unknown[32];

	const char *text = texts;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++, text = str_after(text))
		if (numbers[i] == number)
			return text;
	(void)str_format(unknown, sizeof(unknown), "errno %d", number); /* always fits */
	return unknown;
}
