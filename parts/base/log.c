#include "base/log.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/jsonw.h"
#include "base/role.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	/* A text of ERR_TEXT_MAX bytes, each written as \u00xx, and what stands around it */
	LINE_MAX_BYTES = ERR_TEXT_MAX * 6 + 256,
	ID_MAX = 256,
	STDERR = 2,
};

/* Ends a waiting warning; in the text itself this byte becomes a blank. */
#define SEPARATOR '\x1e'

enum sink { SINK_STDERR, SINK_FILE, SINK_JOURNAL, SINK_SYSLOG };

static struct {
	enum sink sink;
	enum log_format format;
	enum log_level max;
	int fd;		 /* of any sink but stderr */
	char id[ID_MAX]; /* of journald:ID and syslog:ID */
} log_to = {.sink = SINK_STDERR, .format = LOG_TEXT, .max = LOG_WARNING, .fd = -1};

/* Waiting warnings, each with its separator, and how many found no room. */
static char pending[LOG_PENDING_MAX] BUFFER;
static size_t n_pending;
static unsigned int n_lost;

static const char level_name[][8] = {"error", "warning", "debug"};
static const uint8_t level_priority[] = {3, 4, 7}; /* syslog(3): err, warning, debug */

/* --- records -------------------------------------------------------------------------------- */

/* Bytes that could end the line or steer a terminal are escaped. */
static void
add_escaped(struct str *s, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n')
			(void)str_add_bytes(s, "\\n", 2);
		else if (c == '\t')
			(void)str_add_bytes(s, "\\t", 2);
		else if (c < ' ' || c == 0x7f)
			(void)str_add(s, "\\x%02x", c);
		else
			(void)str_add_bytes(s, text, 1);
	}
}

static void
add_quoted(struct str *s, const char *text)
{
	size_t n;

	(void)str_add_bytes(s, "\"", 1);
	for (; *text; text += n) {
		char part[64];

		n = str_until(text, "\"\\");
		if (n == 0) {
			(void)str_add(s, "\\%c", *text);
			n = 1;
			continue;
		}
		n = n < sizeof(part) ? n : sizeof(part) - 1;
		(void)str_format(part, sizeof(part), "%.*s", (int)n, text); /* fits */
		add_escaped(s, part);
	}
	(void)str_add_bytes(s, "\"", 1);
}

static void
make_text(struct str *s, enum log_level level, const char *now, const char *text)
{
	(void)str_add(s, "time=\"%s\" level=%s msg=", now, level_name[level]);
	add_quoted(s, text);
	(void)str_add_bytes(s, "\n", 1);
}

static void
make_json(struct str *s, enum log_level level, const char *now, const char *text)
{
	struct jsonw w = jsonw_in(s->at, s->max, JSONW_COMPACT);

	jsonw_begin_object(&w, NULL);
	jsonw_string(&w, "level", level_name[level]);
	jsonw_string(&w, "msg", text);
	jsonw_string(&w, "time", now);
	jsonw_end_object(&w);
	s->len = w.len;
	s->cut = w.cut;
	(void)str_add_bytes(s, "\n", 1);
}

/* The native protocol of journald: one NAME=VALUE a line. */
static void
make_journal(struct str *s, enum log_level level, const char *text)
{
	(void)str_add(s, "PRIORITY=%d\nSYSLOG_IDENTIFIER=ocirt\nID=", level_priority[level]);
	add_escaped(s, log_to.id);
	(void)str_add(s, "\nMESSAGE=");
	add_escaped(s, text);
	(void)str_add_bytes(s, "\n", 1);
}

/* RFC 3164; facility 3 is "daemon".  The time is UTC: a time zone would need the heap.  `now` is
 * RFC 3339, "2026-03-01T10:00:00Z"; here the first digit of a day below 10 is a blank. */
static void
make_syslog(struct str *s, enum log_level level, const char *now, const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int month = (now[5] - '0') * 10 + now[6] - '1';

	(void)str_add(s, "<%d>%.3s %c%c %.8s ocirt[%d]: ", 3 * 8 + level_priority[level],
		months + 3 * month, now[8] == '0' ? ' ' : now[8], now[9], now + 11, (int)getpid());
	add_escaped(s, log_to.id);
	(void)str_add(s, ": ");
	add_escaped(s, text);
}

/* One record, one write. */
static void
record(enum log_level level, const char *text)
{
	static char line[LINE_MAX_BYTES] BUFFER; /* too large for a stack frame */
	struct str s = str_in(line, sizeof(line));
	char time_text[STR_TIME_MAX];
	struct timespec now = clock_now();
	int fd = log_to.sink == SINK_STDERR ? STDERR : log_to.fd;

	(void)str_time(time_text, sizeof(time_text), &now, true);
	if (log_to.sink == SINK_JOURNAL)
		make_journal(&s, level, text);
	else if (log_to.sink == SINK_SYSLOG)
		make_syslog(&s, level, time_text, text);
	else if (log_to.format == LOG_JSON)
		make_json(&s, level, time_text, text);
	else
		make_text(&s, level, time_text, text);
	if (log_to.sink == SINK_JOURNAL || log_to.sink == SINK_SYSLOG)
		(void)send(
			fd, line, s.len, MSG_NOSIGNAL | MSG_DONTWAIT); /* lost: see the contract */
	else if (write(fd, line, s.len) < 0)
		return; /* likewise */
}

/* --- the sink ------------------------------------------------------------------------------- */

static int
open_socket(struct err *e, enum sink sink, const char *path, const char *id)
{
	if (str_format(log_to.id, sizeof(log_to.id), "%s", id) < 0)
		return fail(e, "log: the ID is longer than %d bytes", ID_MAX - 1);
	TRY(log_to.fd = fd_connect_unix(e, path, SOCK_DGRAM));
	log_to.sink = sink;
	return 0;
}

static int
open_file(struct err *e, const char *path)
{
	log_to.fd = openat(AT_FDCWD, path,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	if (log_to.fd < 0)
		return fail_errno(e, "open %s", path);
	log_to.sink = SINK_FILE;
	return 0;
}

static int
open_sink(struct err *e, const char *dest)
{
	static const char journald[] = "journald:", syslog[] = "syslog:", file[] = "file:";

	if (!dest || !*dest)
		return 0;
	if (str_starts(dest, journald))
		return open_socket(e, SINK_JOURNAL, "/run/systemd/journal/socket",
			dest + sizeof(journald) - 1);
	if (str_starts(dest, syslog))
		return open_socket(e, SINK_SYSLOG, "/dev/log", dest + sizeof(syslog) - 1);
	return open_file(e, str_starts(dest, file) ? dest + sizeof(file) - 1 : dest);
}

int
log_open(struct err *e, const char *dest, enum log_format format, enum log_level max)
{
	fd_close(&log_to.fd);
	log_to.sink = SINK_STDERR;
	log_to.format = format;
	log_to.max = max;
	if (open_sink(e, dest) < 0)
		return context(e, "log");
	return 0;
}

int
log_fd(void)
{
	return log_to.fd;
}

/* --- messages ------------------------------------------------------------------------------- */

static void
keep(const char *text, size_t n)
{
	if (n == 0)
		return;
	if (n + 1 > sizeof(pending) - n_pending) {
		n_lost++;
		return;
	}
	for (size_t i = 0; i < n; i++)
		pending[n_pending++] = text[i] == SEPARATOR ? ' ' : text[i];
	pending[n_pending++] = SEPARATOR;
}

void
log_warning(const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (log_to.max < LOG_WARNING)
		return;
	va_start(ap, fmt);
	(void)str_vformat(text, sizeof(text), fmt, ap); /* a long one loses its tail */
	va_end(ap);
	keep(text, strlen(text));
}

bool
log_wants_debug(void)
{
	return log_to.max >= LOG_DEBUG;
}

void
log_debug(const char *fmt, ...)
{
	char text[ERR_TEXT_MAX] = "";
	struct str s = str_in(text, sizeof(text));
	va_list ap;

	if (!log_wants_debug())
		return;
	if (role_now() != ROLE_HOST)
		(void)str_add(&s, "%s: ", role_name());
	va_start(ap, fmt);
	(void)str_vformat(text + s.len, sizeof(text) - s.len, fmt, ap); /* likewise */
	va_end(ap);
	record(LOG_DEBUG, text);
}

/* Gives the waiting warnings to use(), one C string after the other, and forgets them. */
static void
each_pending(void (*use)(const char *text, void *data), void *data)
{
	size_t at = 0, n;

	for (; at < n_pending; at += n + 1) {
		n = (size_t)((char *)memchr(pending + at, SEPARATOR, n_pending - at) -
			(pending + at));
		pending[at + n] = '\0';
		use(pending + at, data);
	}
	n_pending = 0;
}

static void
write_warning(const char *text, void *data)
{
	(void)data;
	record(LOG_WARNING, text);
}

void
log_flush(bool success)
{
	char text[64];

	if (!success)
		n_pending = 0;
	each_pending(write_warning, NULL);
	if (success && n_lost > 0) {
		(void)str_format(text, sizeof(text), "%u more warnings found no room", n_lost);
		record(LOG_WARNING, text);
	}
	n_lost = 0;
}

void
log_fatal(const struct err *e)
{
	static char line[ERR_TEXT_MAX + 1] BUFFER;
	struct str s = str_in(line, sizeof(line));

	log_flush(false);
	record(LOG_ERROR, e->text);
	if (log_to.sink == SINK_STDERR)
		return;
	(void)str_add(&s, "%s\n", e->text); /* fits */
	if (write(STDERR, line, s.len) < 0)
		return; /* nobody to tell */
}

/* --- from process to process ---------------------------------------------------------------- */

static void
hand_over(const char *text, void *data)
{
	struct str *to = data;
	size_t n = strlen(text);
	char separator = SEPARATOR;

	if (n + 2 > to->max - to->len)
		return;
	(void)str_add_bytes(to, text, n); /* fits */
	(void)str_add_bytes(to, &separator, 1);
}

size_t
log_pending(char *buf, size_t size)
{
	struct str to = str_in(buf, size);

	if (size > 0)
		each_pending(hand_over, &to);
	return to.len;
}

void
log_adopt(const char *text)
{
	size_t n;

	for (; *text; text += n + (text[n] != '\0')) {
		n = (size_t)(strchrnul(text, SEPARATOR) - text);
		keep(text, n);
	}
}
