/* bits: lists of numbers as the kernel writes them, as bits of a mask.
 *
 * Contract: "0-3,7" sets the bits 0, 1, 2, 3 and 7.  Strict: no blank, no empty part, no range that
 * runs backwards.
 *
 * Floor: base.  Runs in: any process; pure.
 * Kernel: cpuset(7), "List format".
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stddef.h>

enum { BITS_MAX = 1024, BITS_LONG = 8 * sizeof(unsigned long) };

struct bits {
	unsigned long at[BITS_MAX / BITS_LONG];
};

/* Sets the bits of a list; "" sets none.  Returns how many, or -1: it is no list, or has a number
 * above BITS_MAX - 1. */
int bits_read(struct bits *b, const char *list);

#endif
