#include "base/der.h"

#include "tap.h"

#define D(text) ((struct der){(const uint8_t *)(text), sizeof(text) - 1})

static void
takes(struct der d, size_t inside, size_t left)
{
	struct der in, all = d;
	bool good = der_take(&d, DER_SEQUENCE, &in);

	ok(good, "an element of %zu bytes", all.len);
	is_int(good ? (long long)in.len : -1, (long long)inside, "its content");
	is_int((long long)d.len, (long long)left, "what is left");
	ok(good && in.at + in.len == d.at && d.at + d.len == all.at + all.len, "where it is");
}

static void
refuses(struct der d, const char *what)
{
	struct der in, was = d;

	ok(!der_take(&d, DER_SEQUENCE, &in), "refused: %s", what);
	ok(d.at == was.at && d.len == was.len, "nothing is taken");
}

static void
number(struct der d, const char *want, size_t len, const char *what)
{
	struct der in;
	bool good = der_take_unsigned(&d, &in);

	if (!want)
		ok(!good, "refused: %s", what);
	else
		ok(good && in.len == len && memcmp(in.at, want, len) == 0, "%s", what);
}

int
main(void)
{
	static uint8_t large[4 + 65535] = {0x30, 0x82, 0xff, 0xff};

	takes(D("\x30\x00"), 0, 0);
	takes(D("\x30\x02\x05\x00"), 2, 0);
	takes(D("\x30\x02\x05\x00more"), 2, 4);
	large[1] = 0x7f;
	takes((struct der){large, 2 + 0x7f}, 0x7f, 0);
	large[1] = 0x81;
	large[2] = 0x80;
	takes((struct der){large, 3 + 0x80}, 0x80, 0);
	large[1] = 0x82;
	large[2] = 0x01;
	large[3] = 0x00;
	takes((struct der){large, 4 + 0x100}, 0x100, 0);
	large[2] = large[3] = 0xff;
	takes((struct der){large, sizeof large}, 65535, 0);

	refuses(D(""), "nothing");
	refuses(D("\x30"), "no length");
	refuses(D("\x31\x00"), "another tag");
	refuses(D("\x30\x01"), "longer than the rest");
	refuses(D("\x30\x80\x00\x00"), "no definite length");
	refuses(D("\x30\x81"), "half a length");
	refuses(D("\x30\x81\x01x"), "a length that fits in one byte");
	refuses(D("\x30\x82\x00\x01x"), "a length that fits in one byte");
	large[1] = 0x82;
	large[2] = 0x00;
	large[3] = 0x80;
	refuses((struct der){large, 4 + 0x80}, "a length that fits in two bytes");
	refuses(D("\x30\x83\x00\x00\x01x"), "a length of three bytes");
	refuses(D("\x30\xffx"), "a length of 127 bytes");

	number(D("\x02\x01\x00"), "", 0, "0");
	number(D("\x02\x01\x7f"), "\x7f", 1, "127");
	number(D("\x02\x02\x00\x80"), "\x80", 1, "128");
	number(D("\x02\x02\x01\x00"), "\x01\x00", 2, "256");
	number(D("\x02\x00"), NULL, 0, "no number");
	number(D("\x02\x01\x80"), NULL, 0, "-128");
	number(D("\x02\x02\x00\x7f"), NULL, 0, "127 with a zero in front");
	number(D("\x02\x02\x00\x00"), NULL, 0, "0 with a zero in front");
	number(D("\x04\x01\x00"), NULL, 0, "no INTEGER");
	return done_testing();
}
