#include "commands/command.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/lines.h"
#include "base/procstat.h"
#include "base/str.h"
#include "base/sys.h"
#include "kernel/proc.h"
#include "kernel/reader.h"
#include "roles/end.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	PIDS_MAX = 65536,
	LINE_BYTES = 1 << 17, /* of the host's ps: a longer line is passed over */
	OWN_BYTES = 4096,     /* of a command line in our own table */
	HZ = 100,	      /* clock ticks of a second in /proc, on every Linux */
	PTS_MAJOR = 136,
	PTS_MAJORS = 8,
};

static struct held held BUFFER;
static struct given {
	const char *format;
} given = {.format = "table"};
static pid_t pids[PIDS_MAX] BUFFER;
static uint32_t n_pids;

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "format", 'f', STRING, "FORMAT", "table (default) or json", format)
/* clang-format on */

static int
json(struct err *e)
{
	char text[16];

	for (uint32_t i = 0; i < n_pids; i++) {
		int n = str_format(text, sizeof text, "%c%d", i > 0 ? ',' : '[', pids[i]);

		TRY(command_print(e, text, (size_t)n));
	}
	return n_pids > 0 ? command_print(e, "]\n", 2) : command_print(e, "null\n", 5);
}

/* -- the host's ps ----------------------------------------------------------------------------- */

static bool
is_ours(uint64_t pid)
{
	uint32_t low = 0, high = n_pids;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if ((uint64_t)pids[middle] == pid)
			return true;
		if ((uint64_t)pids[middle] < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Word number `column` of a line, or NULL. */
static const char *
word(const char *line, int column, size_t *len)
{
	static const char blanks[] = " \t";

	for (line += str_span(line, blanks); column > 0; column--) {
		line += str_until(line, blanks);
		line += str_span(line, blanks);
	}
	*len = str_until(line, blanks);
	return *len > 0 ? line : NULL;
}

/* Which column of the header is the pid's?  -1: none. */
static int
pid_column(const char *header)
{
	const char *at;
	size_t len;

	for (int column = 0; (at = word(header, column, &len)); column++)
		if (len == 3 && memcmp(at, "PID", 3) == 0)
			return column;
	return -1;
}

static int
print_line(struct err *e, char *line)
{
	size_t len = strlen(line);

	line[len] = '\n'; /* where lines_next() has put the NUL */
	return command_print(e, line, len + 1);
}

/* Prints the header and our lines.  Returns 1, or 0 when there is no such header. */
static int
filter(struct err *e, int from)
{
	static char buf[LINE_BYTES] BUFFER;
	struct lines l = lines_in(from, buf, sizeof buf);
	char *line = lines_next(&l);
	int column = line ? pid_column(line) : -1;

	if (column < 0)
		return 0;
	TRY(print_line(e, line));
	while ((line = lines_next(&l))) {
		size_t len;
		const char *at = word(line, column, &len);
		uint64_t pid;

		if (at && str_u64_n(at, len, &pid) == 0 && is_ours(pid))
			TRY(print_line(e, line));
	}
	return 1;
}

/* Returns 1, or 0 when the host has no ps that is of use. */
static int
by_host(struct err *e, int argc, char **argv)
{
	static char name[] = "ps", usual[] = "-ef";
	char **args = arena_take(e, (size_t)argc + 3, sizeof *args);
	FD_AUTO int from = -1;
	int done, status;
	pid_t pid = -1;

	if (!args)
		return -1;
	args[0] = name;
	args[1] = usual;
	for (int i = 0; i < argc; i++)
		args[1 + i] = argv[i];
	TRY(from = reader_start(e, args, argc == 0 ? READER_CLOSED : READER_OURS, &pid));
	done = filter(e, from);
	fd_close(&from);
	status = reader_end(pid);
	if (done == 0 && argc > 0 && status != 0 && status != 127)
		return fail(e, "ps: exit status %d", status);
	return done;
}

/* -- our own ----------------------------------------------------------------------------------- */

/* A number of /proc/PID/stat; what is none is 0. */
static uint64_t
field(const char *line, int n)
{
	const char *at = procstat_field(line, n);
	uint64_t value = 0;

	if (at)
		(void)str_u64_n(at, str_span(at, "0123456789"), &value);
	return value;
}

static void
add_terminal(struct str *s, uint64_t number)
{
	unsigned at = major(number), to = minor(number);
	char name[16];

	if (at >= PTS_MAJOR && at < PTS_MAJOR + PTS_MAJORS)
		(void)str_format(name, sizeof name, "pts/%u", (at - PTS_MAJOR) << 20 | to);
	else if (at == 4 && to < 64)
		(void)str_format(name, sizeof name, "tty%u", to);
	else
		(void)str_format(name, sizeof name, "?");
	(void)str_add(s, " %-8s", name);
}

/* The hour of today's processes, the day of the others; UTC. */
static void
add_start(struct str *s, uint64_t seconds_ago)
{
	struct timespec t = clock_now();
	char text[STR_TIME_MAX];

	t.tv_sec -= (time_t)seconds_ago;
	(void)str_time(text, sizeof text, &t, false); /* cannot be cut */
	(void)str_add(s, " %.5s", text + (seconds_ago < 86400 ? 11 : 5));
}

/* Its arguments, or its name where it has none. */
static void
add_command(struct str *s, int dir, const char *stat)
{
	char args[OWN_BYTES];
	FD_AUTO int fd = openat(dir, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, args, sizeof args - 1);
	const char *from = strchr(stat, '('), *to = strrchr(stat, ')');

	if (n <= 0) {
		(void)str_add(
			s, " [%.*s]\n", from ? (int)(to - from - 1) : 0, from ? from + 1 : "");
		return;
	}
	while (n > 0 && args[n - 1] == '\0')
		n--;
	args[n] = '\0';
	for (ssize_t i = 0; i < n; i++)
		if ((unsigned char)args[i] < ' ') /* also what would play with the terminal */
			args[i] = args[i] == '\0' ? ' ' : '?';
	(void)str_add(s, " %s\n", args);
}

static int
print_process(struct err *e, pid_t pid, uint64_t uptime)
{
	char path[32], stat[OWN_BYTES], line[OWN_BYTES + 128];
	struct str s = str_in(line, sizeof line);
	FD_AUTO int dir = -1;
	struct err gone;
	struct stat st;
	uint64_t used, age;

	(void)str_format(path, sizeof path, "/proc/%d", pid); /* fits */
	dir = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0 ||
		fd_read_file(&gone, dir, "stat", stat, sizeof stat) < 0 ||
		!procstat_field(stat, 22))
		return 0; /* it has ended */
	used = field(stat, 14) + field(stat, 15);
	age = uptime > field(stat, 22) ? uptime - field(stat, 22) : 1;
	(void)str_add(&s, "%-8u %7d %7ju %2ju", st.st_uid, pid, (uintmax_t)field(stat, 4),
		(uintmax_t)(used * 100 / age));
	add_start(&s, age / HZ);
	add_terminal(&s, field(stat, 7));
	used /= HZ;
	(void)str_add(&s, " %02ju:%02ju:%02ju", (uintmax_t)(used / 3600),
		(uintmax_t)(used / 60 % 60), (uintmax_t)(used % 60));
	add_command(&s, dir, stat);
	return command_print(e, s.at, s.len);
}

static int
own_table(struct err *e)
{
	static const char head[] = "UID          PID    PPID  C STIME TTY          TIME CMD\n";
	struct timespec up = {0};

	(void)sys_clock_gettime(CLOCK_BOOTTIME, &up); /* since Linux 2.6.39 */
	TRY(command_print(e, head, sizeof head - 1));
	for (uint32_t i = 0; i < n_pids; i++)
		TRY(print_process(e, pids[i],
			(uint64_t)up.tv_sec * HZ + (uint64_t)up.tv_nsec / (1000000000 / HZ)));
	return 0;
}

static int
ps_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	int done;

	if (!str_equal(given.format, "table") && !str_equal(given.format, "json"))
		return fail(e, "invalid format option");
	TRY(held_open(e, &held, g->root, argv[0], HELD_UNLOCKED));
	held_close(&held);
	n_pids = cgroup_pids(&held.cgroups, pids, PIDS_MAX);
	/* None at all, or rootless none that could be made.  Who is dying has left them already. */
	if (held.cgroups.n == 0 ||
		(n_pids == 0 && held.status != STATE_STOPPED && !proc_ending(held.state.pid)))
		return fail(e, "the container is not using cgroups");
	if (n_pids == PIDS_MAX)
		return fail(e, "more than %d processes", PIDS_MAX - 1);
	if (str_equal(given.format, "json"))
		return json(e);
	TRY(done = by_host(e, argc - 1, argv + 1));
	return done ? 0 : own_table(e);
}

const struct command command_ps = {
	.name = "ps",
	.operands = "<container-id> [ps options]",
	.help = "list the processes of a container",
	.min = 1,
	.max = COMMAND_ANY,
	.stop_at_operand = true,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = ps_main,
};
