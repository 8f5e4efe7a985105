/* engines.md 2.9: a program of the host, by its PATH. */
#include "kernel/reader.h"
#include "base/fd.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static char text[256];

/* What it writes is in `text`; returns its status. */
static int
read_from(char *program, char *argument, bool quiet)
{
	char *argv[] = {program, argument, NULL};
	struct err e = {0};
	pid_t pid = -1;
	FD_AUTO int fd = reader_start(&e, argv, quiet, &pid);

	ok(fd >= 0 && pid > 0, "%s: %s", program, e.text);
	ok(fd_read_all(&e, fd, text, sizeof text, program) >= 0, "read: %s", e.text);
	return reader_end(pid);
}

int
main(void)
{
	char echo[] = "echo", cat[] = "cat", none[] = "no-such-program", hello[] = "hello",
	     missing[] = "/nonexistent", kill[] = "kill -TERM $$", sh[] = "sh";
	char *argv[] = {sh, (char[]){"-c"}, kill, NULL};
	struct err e = {0};
	pid_t pid;
	int fd;

	is_int(read_from(echo, hello, false), 0, "it succeeds");
	is_str(text, "hello\n", "and that is what it writes");
	is_int(read_from(cat, missing, true), 1, "its exit status");
	is_str(text, "", "its stderr is not read");
	is_int(read_from(none, hello, false), 127, "there is none");
	setenv("PATH", ":/nonexistent::/usr/bin:/bin", 1);
	is_int(read_from(echo, hello, false), 0, "entries that are of no use are passed over");
	fd = reader_start(&e, argv, false, &pid);
	is_int(reader_end(pid), 128 + 15, "killed");
	close(fd);
	return done_testing();
}
