/* log: records for the engine, one line and one write each.
 *
 * Contract: before log_open() records go to stderr as text.  Debug records are written at once.
 * Warnings wait in a bounded buffer until log_flush() says whether the command succeeded, because
 * an engine that reads the log of a failure expects exactly one record (engines.md L5).  A record
 * that cannot be written is lost: logging never fails a command.
 *
 * Floor: base (uses err, fd, jsonw, role, str).  Runs in: any process; clones hand their warnings
 * to the parent with log_pending() and log_adopt().
 * Spec: engines.md 1.3 and 3.7.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

enum { LOG_PENDING_MAX = 4096 }; /* bytes of warnings that wait; more are counted, not kept */

/* Chooses where records go: NULL is stderr, else PATH or file:PATH (appended to, created 0644),
 * journald:ID or syslog:ID (datagrams; format is then unused). Records above max are not made.
 * Returns 0, or -1 when the sink cannot be opened; records then still go to stderr. */
int log_open(struct err *e, const char *dest, enum log_format format, enum log_level max);

/* Keeps a warning for log_flush(). */
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Writes a debug record; outside the host role its text starts with the name of the role. */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Are debug records wanted? For callers whose message is dear to make. */
bool log_wants_debug(void);

/* The end of a command: writes the waiting warnings (success) or drops them. */
void log_flush(bool success);

/* Writes the error record and, when a destination other than stderr is open, the bare text and a
 * newline to stderr too (L2). Waiting warnings are dropped. */
void log_fatal(const struct err *e);

/* Copies the waiting warnings into buf as one C string for log_adopt() and forgets them. Returns
 * its length, 0 when there are none; what does not fit is dropped warning by warning. */
size_t log_pending(char *buf, size_t size);

/* Adds the warnings that another process got from log_pending(). */
void log_adopt(const char *text);

/* The descriptor in use, to be kept open; -1 when records go to stderr. */
int log_fd(void);

#endif
