#include "base/clock.h"

#include "base/sys.h"

#include <poll.h>

struct timespec
clock_now(void)
{
	struct timespec t = {0};

	(void)sys_clock_gettime(CLOCK_REALTIME, &t); /* cannot fail */
	return t;
}

int64_t
clock_ms(void)
{
	struct timespec t = {0};

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
clock_sleep(int ms)
{
	(void)poll(NULL, 0, ms);
}
