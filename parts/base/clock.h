/* clock: the time now, and waiting.
 *
 * Contract: straight to the kernel: the C library would look for the vDSO first, which costs more
 * than the few calls that we make.
 *
 * Floor: base.  Runs in: any process.
 * Kernel: clock_gettime(2), poll(2).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* The time of day. */
struct timespec clock_now(void);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t clock_ms(void);

/* Waits so long, or less when a signal comes. */
void clock_sleep(int ms);

#endif
