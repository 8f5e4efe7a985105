/* err: one error record, filled once by whoever noticed.
 *
 * Contract: the functions here fill a record and return -1, so that a guard reads
 * `return fail(e, "...")`.  Nothing is printed and nothing allocated.  A text that does not fit
 * loses its tail: an error must never turn into another error.
 *
 * Floor: base.  Runs in: any process.
 * Spec: engines.md 4.2 T1: engines match the lower-case words of errno_text().
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum { ERR_TEXT_MAX = 2048 }; /* bytes of an error's text, its NUL included */

enum { ERR_UNVERIFIED = -1 }; /* a number besides those of errno: a bundle is not what was signed */

/* One error. The record has a fixed size and no pointers: children send it to host as it is. */
struct err {
	int number; /* errno of the call that failed; 0: not a kernel error; or see above */
	char text[ERR_TEXT_MAX]; /* a sentence fragment without a newline */
};

/* Fills *e with the formatted text and number 0. Returns -1 always. The arguments may point into
 * e->text: it is overwritten only after the new text is complete. Formats are those of base/str. */
int fail(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Fills *e with the formatted text, ": " and the words for errno; number is errno. Returns -1. */
int fail_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts the formatted text and ": " in front of e->text and keeps the number. Returns -1. */
int context(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The kernel's usual words for an errno value, in lower case ("no such file or directory").
 * An unknown value gives "errno N" in a static buffer that the next call overwrites. */
const char *errno_text(int number);

/* Hands a failure on. Only in straight sequences, with nothing pending that it would leak. */
#define TRY(call) \
	do { \
		if ((call) < 0) \
			return -1; \
	} while (0)

#endif
