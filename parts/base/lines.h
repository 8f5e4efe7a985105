/* lines: the lines of a file of any length, in a buffer of fixed length.
 *
 * Contract: lines_next() gives one line after the other, terminated and without its newline, in the
 * caller's buffer; a line that does not fit is passed over whole.  Reading stops at the end of the
 * file or at an error.
 *
 * Floor: base.  Runs in: any process.
 */
#ifndef BASE_LINES_H
#define BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct lines {
	int fd; /* borrowed */
	char *buf;
	size_t size, at, len; /* of buf: all; behind the last line given; filled */
	bool skipping;	      /* in the middle of a line that does not fit */
	bool ended;
};

struct lines lines_in(int fd, char *buf, size_t size);

/* The next line, which may be written to and lives until the next call; NULL at the end. */
char *lines_next(struct lines *l);

#endif
