#include "base/procstat.h"

#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

enum {
	LINE_MAX_BYTES = 4096, /* 52 numbers and a name of at most 64 bytes */
	FIELD_STATE = 3,
	FIELD_FLAGS = 9,
	FIELD_THREADS = 20,
	FIELD_START = 22, /* as the man page counts */
	FIELD_PENDING = 31,
};

/* As the line has it, the closing bracket not counted */
static const char name[] = "(" PROCSTAT_STAYS ")";

enum { NAME_BYTES = sizeof name - 2 };

/* The decimal number at the beginning of a field. */
static int
number(const char *at, uint64_t *out)
{
	return str_u64_n(at, str_span(at, "0123456789"), out);
}

const char *
procstat_field(const char *line, int n)
{
	const char *at = strrchr(line, ')');

	if (!at || at[1] != ' ')
		return NULL;
	for (at += 2; n > FIELD_STATE && (at = strchr(at, ' ')); n--)
		at++;
	return at;
}

int
procstat_parse(const char *line, struct procstat *p)
{
	const char *at = strrchr(line, ')');

	if (!at || at[1] != ' ' || at[2] == '\0')
		return -1;
	p->stays = at - line >= NAME_BYTES && str_starts(at - NAME_BYTES, name);
	at += 2;
	p->state = *at;
	for (int field = FIELD_STATE; field < FIELD_START; field++) {
		if (field == FIELD_FLAGS && number(at, &p->flags) < 0)
			return -1;
		if (field == FIELD_THREADS && number(at, &p->threads) < 0)
			return -1;
		at = strchr(at, ' ');
		if (!at)
			return -1;
		at++;
	}
	p->pending = 0;
	TRY(number(at, &p->start));
	at = procstat_field(line, FIELD_PENDING);
	return at ? number(at, &p->pending) : 0;
}

bool
procstat_dying(const struct procstat *p)
{
	return p->flags & PROCSTAT_EXITING || p->pending & 1 << (SIGKILL - 1);
}

bool
procstat_has_program(const struct procstat *p)
{
	return p->stays || !(p->flags & PROCSTAT_NEVER_EXECUTED);
}

static int
no_such_process(struct err *e, pid_t pid)
{
	errno = ESRCH;
	return fail_errno(e, "process %d", pid);
}

int
procstat_read(struct err *e, pid_t pid, struct procstat *p)
{
	char path[32], line[LINE_MAX_BYTES];

	if (pid <= 0 || str_format(path, sizeof(path), "/proc/%d/stat", pid) < 0)
		return no_such_process(e, pid);
	if (fd_read_file(e, AT_FDCWD, path, line, sizeof(line)) < 0) {
		if (e->number == ENOENT || e->number == ESRCH)
			return no_such_process(e, pid);
		return -1;
	}
	if (procstat_parse(line, p) < 0)
		return fail(e, "%s: not understood", path);
	return 0;
}

int
procstat_alive(struct err *e, pid_t pid, uint64_t start)
{
	struct procstat p;

	if (pid <= 1)
		return 0;
	if (procstat_read(e, pid, &p) < 0)
		return e->number == ESRCH ? 0 : -1;
	if (p.start != start || p.state == 'X' || p.state == 'x')
		return 0;
	return p.state != 'Z' || p.threads > 1;
}
