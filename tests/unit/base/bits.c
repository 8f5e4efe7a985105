#include "base/bits.h"

#include "tap.h"

static struct bits b;

static void
is_list(const char *list, int n, unsigned long first_word)
{
	is_int(bits_read(&b, list), n, "\"%s\"", list);
	if (n >= 0)
		is_int(b.at[0], first_word, "its bits");
}

int
main(void)
{
	is_list("", 0, 0);
	is_list("0", 1, 1);
	is_list("0-3,7", 5, 0x8f);
	is_list("2,2-3", 3, 0xc);
	is_list("0-0", 1, 1);
	is_list("1023", 1, 0);
	is_int(b.at[BITS_MAX / BITS_LONG - 1], 1ul << (BITS_LONG - 1), "the last bit");
	is_list("0-1023", 1024, ~0ul);
	is_list("1024", -1, 0);
	is_list("99999999999999999999999", -1, 0);
	is_list("3-1", -1, 0);
	is_list("0,", -1, 0);
	is_list(",0", -1, 0);
	is_list("0-", -1, 0);
	is_list("0-1-2", -1, 0);
	is_list("0 1", -1, 0);
	is_list("0\n", -1, 0);
	is_list("-1", -1, 0);
	is_list("a", -1, 0);
	return done_testing();
}
