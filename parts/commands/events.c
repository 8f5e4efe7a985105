#include "commands/command.h"

#include "base/arena.h"
#include "base/cgroupfs.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "roles/stats.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GONE_MS = 1000 }; /* so late, at most, is the end of the container seen */

static struct held held BUFFER;

static struct given {
	bool stats;
	const char *interval;
} given = {.interval = "5s"};

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "interval", 0, STRING, "TIME", "between two lines (default: 5s)", interval) \
	ROW(T, "stats",    0, FLAG,   "",     "one line of statistics, and no more", stats)
/* clang-format on */

/* -- the interval ------------------------------------------------------------------------------ */

/* Go's form (time.ParseDuration): numbers, perhaps with a fraction, and their units.  In ms,
 * rounded up; 0: not greater than 0; -1: none.  Of a fraction the first six digits count. */
static int64_t
read_interval(const char *at)
{
	static const char units[] = "ns\0us\0µs\0μs\0ms\0s\0m\0h\0";
	static const uint16_t steps[] = {1000, 1, 1, 1000, 1000, 60, 60, 1}; /* to the next unit */
	const bool negative = *at == '-';
	uint64_t sum = 0;

	at += negative || *at == '+';
	if (str_equal(at, "0"))
		return 0;
	do {
		const char *unit = units;
		uint64_t n = 0, scale = 0, ns = 1; /* scale: 0 before the point */
		bool any = false;

		for (; (*at >= '0' && *at <= '9') || (*at == '.' && scale == 0); at++) {
			if (*at == '.') {
				scale = 1;
				continue;
			}
			any = true;
			if (scale == 1000000)
				continue;
			if (n >= INT64_MAX / 10)
				return -1;
			n = n * 10 + (uint64_t)(*at - '0');
			scale *= 10;
		}
		scale += scale == 0;
		for (const uint16_t *step = steps; *unit && !str_starts(at, unit);
			unit = str_after(unit))
			ns *= *step++;
		if (!any || *unit == '\0' || n / scale > INT64_MAX / ns)
			return -1;
		sum += n / scale * ns + n % scale * ns / scale;
		if (sum > INT64_MAX)
			return -1;
		at += strlen(unit);
	} while (*at);
	return negative ? 0 : (int64_t)((sum + 999999) / 1000000);
}

/* -- out of memory ----------------------------------------------------------------------------- */

/* What tells of it: of v1 an eventfd, of v2 memory.events. */
struct watch {
	bool v2;
	int fd;		/* -1: no memory controller */
	int64_t killed; /* of v2: how often so far; -1: it cannot be read */
};

static int
watch(struct err *e, struct watch *w)
{
	const struct cgroup_dir *memory = cgroup_of(&held.cgroups, "memory");
	FD_AUTO int dir = memory ? cgroupfs_open(memory->dir) : -1;
	FD_AUTO int control = -1;
	char text[32];

	if (dir < 0) /* go_on() sees it when the cgroup has gone meanwhile */
		return 0;
	w->v2 = cgroup_is_v2(memory);
	if (w->v2) {
		w->fd = openat(dir, "memory.events", O_RDONLY | O_CLOEXEC);
		w->killed = cgroup_oom_kills(w->fd);
		return 0;
	}
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	control = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (w->fd < 0 || control < 0)
		return fail_errno(e, w->fd < 0 ? "eventfd" : "open memory.oom_control");
	(void)str_format(text, sizeof text, "%d %d", w->fd, control); /* fits */
	return fd_write_file(e, dir, "cgroup.event_control", text);
}

/* Has the container been deleted?  A cgroup that was there before create outlives it. */
static bool
gone(void)
{
	struct stat st;

	return access(held.cgroups.at[0].dir, F_OK) < 0 ||
		fstatat(held.dir, "state.json", &st, AT_SYMLINK_NOFOLLOW) < 0;
}

static int
print_oom(struct err *e, struct watch *w)
{
	static char text[512] BUFFER;
	int64_t before = w->killed;
	uint64_t n = 0;
	int len =
		str_format(text, sizeof text, "{\"type\":\"oom\",\"id\":\"%s\"}\n", held.state.id);

	if (w->v2)
		w->killed = cgroup_oom_kills(w->fd);
	else if (read(w->fd, &n, sizeof n) < 0)
		n = 0;
	return gone() || (w->v2 ? w->killed == before : n == 0)
		? 0
		: command_print(e, text, (size_t)len);
}

static int
print_stats(struct err *e)
{
	const char *line = stats_line(e, &held);

	return line ? command_print(e, line, strlen(line)) : -1;
}

/* -- the verb ---------------------------------------------------------------------------------- */

static int
go_on(struct err *e, int64_t interval)
{
	struct watch w = {.fd = -1};
	int64_t next = clock_ms() + interval;

	TRY(watch(e, &w));
	while (!gone()) {
		struct pollfd p = {.fd = w.fd, .events = w.v2 ? POLLPRI : POLLIN};
		int64_t left = next - clock_ms();

		if (left <= 0) {
			next += interval - left;
			TRY(print_stats(e));
			continue;
		}
		/* The end of a cgroup wakes us only on v1 with its memory controller. */
		if (poll(&p, 1, left > GONE_MS ? GONE_MS : (int)left) > 0)
			TRY(print_oom(e, &w));
	}
	return 0;
}

static int
events_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	int64_t interval = read_interval(given.interval);

	(void)argc;
	if (interval == 0)
		return fail(e, "duration interval must be greater than 0");
	if (interval < 0)
		return fail(
			e, "invalid value \"%s\" for flag -interval: parse error", given.interval);
	TRY(held_open(e, &held, g->root, argv[0], HELD_UNLOCKED));
	if (held.status == STATE_STOPPED)
		return fail(e, "container with id %s is not running", held.state.id);
	if (held.cgroups.n == 0)
		return fail(e, "the container is not using cgroups");
	return given.stats ? print_stats(e) : go_on(e, interval);
}

const struct command command_events = {
	.name = "events",
	.operands = "<container-id>",
	.help = "show what a container uses",
	.min = 1,
	.max = 1,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = events_main,
};
