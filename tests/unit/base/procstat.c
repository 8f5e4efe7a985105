/* security.md section 8: a hostile comm never shifts a field (covers: S16). */
#include "base/procstat.h"
#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Fields 4 to 52 of a real line: threads is field 20, start field 22. */
#define TAIL(threads) \
	" 1 7 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 " threads \
	" 0 4711 1000 10 18446744073709551615 1 1 " \
	"0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0"

static void
lines(void)
{
	static const char *const comm[] = {
		"sh",
		"a b c",
		") R 1 2 3 4 5 6 7 8",
		"x) Z 1 1 (y",
		"((((",
		"))))",
		"new\nline",
		"",
	};
	char line[512];
	struct procstat p;

	for (size_t i = 0; i < sizeof comm / sizeof *comm; i++) {
		snprintf(line, sizeof line, "42 (%s) S%s\n", comm[i], TAIL("1"));
		is_int(procstat_parse(line, &p), 0, "hostile comm %zu", i);
		ok(p.state == 'S' && p.start == 4711 && p.threads == 1, "its fields stay in place");
		is_int(*procstat_field(line, 3), 'S', "the state");
		is_int(atoi(procstat_field(line, 22)), 4711, "the start time");
		is_int(atoi(procstat_field(line, 14)), 1, "the user time");
		ok(!procstat_field(line, 60), "there are not so many");
	}
}

static void
no_lines(void)
{
	static const char *const bad[] = {
		"",
		"42",
		"42 (sh",
		"42 (sh)",
		"42 (sh) ",
		"42 (sh) S",
		"42 (sh) S 1 2 3",
		"42 (sh)S" TAIL("1"),
		"42 (sh) S" TAIL("x"),
		"42 (sh) S 1 7 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 99999999999999999999 1",
		"42 (sh) S 1 7 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 ",
	};
	struct procstat p;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(procstat_parse(bad[i], &p), -1, "no line: \"%s\"", bad[i]);
}

/* A child of ours: qemu-user makes up what /proc says of the reader itself. */
static void
a_child(void)
{
	struct procstat p;
	struct err e = {0};
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	is_int(procstat_read(&e, pid, &p), 0, "reads the line of a child: %s", e.text);
	ok(p.threads >= 1 && p.start > 0, "it has a thread and a start");
	ok(p.flags & PROCSTAT_NEVER_EXECUTED, "and has not executed anything");
	is_int(procstat_alive(&e, pid, p.start), 1, "alive");
	is_int(procstat_alive(&e, pid, p.start + 1), 0, "not somebody who started later");
	if (pid > 0)
		kill(pid, SIGKILL);
	is_int(waitpid(pid, NULL, 0), pid, "reaped");
	is_int(procstat_alive(&e, 1, p.start), 0, "1 is nobody");
	is_int(procstat_alive(&e, 0, 0), 0, "0 is nobody");
	is_int(procstat_alive(&e, -5, 0), 0, "-5 is nobody");
	is_int(procstat_read(&e, 0x3fffffff, &p), -1, "no such process");
	is_int(e.number, ESRCH, "says so");
}

int
main(void)
{
	lines();
	no_lines();
	a_child();
	return done_testing();
}
