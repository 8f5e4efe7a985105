#include "base/lines.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* The lines of `text` in a buffer of `size`, each followed by '|'. */
static const char *
lines_of(const char *text, size_t size)
{
	static char got[4096];
	char buf[256];
	char name[] = "/tmp/ocirt-unit-XXXXXX";
	int fd = mkstemp(name);
	struct lines l;
	char *line;

	unlink(name);
	if (write(fd, text, strlen(text)) < 0)
		return "(no file)";
	lseek(fd, 0, SEEK_SET);
	l = lines_in(fd, buf, size);
	got[0] = '\0';
	while ((line = lines_next(&l))) {
		strcat(got, line);
		strcat(got, "|");
	}
	ok(lines_next(&l) == NULL, "the end is the end");
	close(fd);
	return got;
}

int
main(void)
{
	is_str(lines_of("", 16), "", "an empty file has no line");
	is_str(lines_of("a\nb\n", 16), "a|b|", "two lines");
	is_str(lines_of("a\nb", 16), "a|b|", "a last one without its newline");
	is_str(lines_of("\n\nx\n", 16), "||x|", "empty lines");
	is_str(lines_of("a\n0123456789abcde\nb\n", 16), "a|b|", "a line of the buffer's size goes");
	is_str(lines_of("a\n0123456789abcd\nb\n", 16), "a|0123456789abcd|b|", "one less fits");
	is_str(lines_of("0123456789012345678901234567890123456789\nx\n", 16), "x|",
		"a long one goes");
	is_str(lines_of("x\n0123456789012345678901234567890123456789", 16), "x|",
		"a long last one");
	is_str(lines_of("one\ntwo\nthree\nfour\nfive\nsix\n", 8), "one|two|three|four|five|six|",
		"many turns of a small buffer");
	return done_testing();
}
