#include "base/bits.h"

#include "base/str.h"

#include <string.h>

/* A number of the list; returns what follows it, NULL when there is none. */
static const char *
read_number(const char *at, unsigned long *out)
{
	size_t n = str_span(at, "0123456789");
	unsigned long value = 0;

	for (size_t i = 0; i < n && value < BITS_MAX; i++)
		value = value * 10 + (unsigned long)(at[i] - '0');
	*out = value;
	return n > 0 && value < BITS_MAX ? at + n : NULL;
}

int
bits_read(struct bits *b, const char *list)
{
	unsigned long first, last;
	int n = 0;

	memset(b, 0, sizeof *b);
	while (*list) {
		list = read_number(list, &first);
		last = first;
		if (list && *list == '-')
			list = read_number(list + 1, &last);
		if (!list || last < first || (*list && *list != ',') || (*list == ',' && !list[1]))
			return -1;
		list += *list == ',';
		for (; first <= last; first++, n++)
			b->at[first / BITS_LONG] |= 1ul << first % BITS_LONG;
	}
	return n;
}
