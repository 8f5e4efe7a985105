/* arena: one zeroed block, taken in order, given back in reverse at most.
 *
 * Contract: arena_take() hands out the next piece of one static block, zeroed and aligned for any
 * type.  When the block is full that is an ordinary error.  A clone inherits what was taken.
 *
 * Floor: base.  Runs in: any process.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/err.h"

#include <stddef.h>

enum { ARENA_MAX = 1 << 20 }; /* bytes */

/* Behind the name of a large static buffer: it begins a page.  The linker sorts by alignment, so
 * that the small variables lie together in a few pages instead of one here and one there. */
#define BUFFER __attribute__((aligned(4096)))

/* n zeroed objects of size bytes, aligned to 16. NULL and *e when they do not fit or n * size
 * overflows. Zero bytes give a valid pointer to nothing. */
void *arena_take(struct err *e, size_t n, size_t size);

/* A formatted string in the arena; NULL and *e when it does not fit. */
char *arena_string(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far, rounding included. */
size_t arena_used(void);

/* Takes back, and zeroes, what was handed out since arena_used() said `used`: for commands that
 * read many documents.  Every pointer handed out since is dead. */
void arena_release(size_t used);

#endif
