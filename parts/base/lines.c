#include "base/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct lines
lines_in(int fd, char *buf, size_t size)
{
	return (struct lines){.fd = fd, .buf = buf, .size = size};
}

/* Makes room and reads on.  Returns false at the end. */
static bool
fill(struct lines *l)
{
	ssize_t n;

	if (l->at == 0 && l->len == l->size - 1) {
		l->skipping = true;
		l->len = 0;
	}
	memmove(l->buf, l->buf + l->at, l->len - l->at);
	l->len -= l->at;
	l->at = 0;
	do
		n = read(l->fd, l->buf + l->len, l->size - 1 - l->len);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	l->len += (size_t)n;
	return true;
}

char *
lines_next(struct lines *l)
{
	while (!l->ended) {
		char *line = l->buf + l->at;
		char *end = memchr(line, '\n', l->len - l->at);
		bool skipped = l->skipping;

		if (!end && fill(l))
			continue;
		if (!end) { /* the last line, without its newline */
			l->ended = true;
			line = l->buf;
			end = line + l->len;
			if (l->len == 0)
				return NULL;
		}
		*end = '\0';
		l->at = (size_t)(end - l->buf) + 1;
		l->skipping = false;
		if (!skipped)
			return line;
	}
	return NULL;
}
