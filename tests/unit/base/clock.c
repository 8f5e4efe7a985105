#include "base/clock.h"

#include "tap.h"

int
main(void)
{
	struct timespec libc, own;
	int64_t before = clock_ms();

	clock_gettime(CLOCK_REALTIME, &libc);
	own = clock_now();
	ok(own.tv_sec >= libc.tv_sec && own.tv_sec <= libc.tv_sec + 1, "the time of day");
	ok(own.tv_nsec >= 0 && own.tv_nsec < 1000000000, "nanoseconds");
	clock_sleep(20);
	ok(clock_ms() - before >= 20, "it slept so long");
	ok(clock_ms() - before < 10000, "and not much longer");
	return done_testing();
}
