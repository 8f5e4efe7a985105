#include "commands/command.h"

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "roles/end.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { OWNER_MAX = 64, COLUMNS = 6, COLUMN_MIN = 12, GAP = 3 };

static const char *format = "table";
static bool quiet;

/* clang-format off */
static const struct option row[] = {
	{ "format", 'f', OPTION_STRING, "FORMAT", "table (default) or json", &format },
	{ "quiet",  'q', OPTION_FLAG,   NULL,     "ids only", &quiet },
};
/* clang-format on */

/* The table is printed in two walks: the first one measures the columns. */
struct walk {
	const char *root;
	struct held held;
	size_t width[COLUMNS];
	bool measure, json;
	uint32_t n;
};

static struct walk walk;
static char passwd[65536], out[STATE_JSON_MAX];

/* The user name of a uid in /etc/passwd, else "#uid". */
static void
owner_name(uint32_t uid, char *name, size_t size)
{
	struct err ignored;
	char want[16];
	int len = str_format(want, sizeof want, ":%u:", uid);
	char *line = passwd, *end;

	(void)str_format(name, size, "#%u", uid);
	if (passwd[0] == '\0' &&
		fd_read_file(&ignored, AT_FDCWD, "/etc/passwd", passwd, sizeof passwd) < 0)
		return;
	for (; *line; line = end + 1) {
		char *user = strchr(line, ':'), *id = user ? strchr(user + 1, ':') : NULL;

		end = strchr(line, '\n');
		if (id && (!end || id < end) && memcmp(id, want, (size_t)len) == 0) {
			(void)str_format(name, size, "%.*s", (int)(user - line), line);
			return;
		}
		if (!end)
			return;
	}
}

static void
cells(const char *const cell[COLUMNS])
{
	struct str s = str_in(out, sizeof out);
	struct err ignored;

	for (int i = 0; i < COLUMNS; i++) {
		size_t len = strlen(cell[i]);

		if (walk.measure && len > walk.width[i])
			walk.width[i] = len;
		if (i < COLUMNS - 1) {
			size_t width =
				walk.width[i] + GAP < COLUMN_MIN ? COLUMN_MIN : walk.width[i] + GAP;

			str_add(&s, "%-*s", (int)width, cell[i]);
		} else {
			str_add(&s, "%s\n", cell[i]);
		}
	}
	if (!walk.measure)
		(void)command_print(&ignored, s.at, s.len);
}

static int
print_container(struct err *e, const struct held *h, const char *id)
{
	char owner[OWNER_MAX], pid[16];
	struct stat st;
	bool stopped = h->status == STATE_STOPPED;
	int n;

	if (fstat(h->dir, &st) < 0)
		return fail_errno(e, "container %s", id);
	owner_name(st.st_uid, owner, sizeof owner);
	if (walk.json) {
		n = state_document(
			e, &h->state, h->status, h->state.pid, owner, 0, out, sizeof out);
		TRY(n);
		TRY(command_print(e, walk.n == 0 ? "[" : ",", 1));
		TRY(command_print(e, out, (size_t)n));
	} else {
		(void)str_format(pid, sizeof pid, "%d", stopped ? 0 : h->state.pid);
		cells((const char *[]){id, pid, state_status_name(h->status), h->state.bundle,
			h->state.created, owner});
	}
	walk.n++;
	return 0;
}

static int
each(struct err *e, void *arg, const char *id)
{
	struct err one = {0};

	(void)arg;
	if (quiet) {
		TRY(command_print(e, id, strlen(id)));
		return command_print(e, "\n", 1);
	}
	if (held_open(&one, &walk.held, walk.root, id, false) < 0) {
		if (!walk.measure)
			log_warning("load container %s: %s", id, one.text);
		return 0;
	}
	int result = print_container(e, &walk.held, id);

	held_close(&walk.held);
	return result;
}

static int
table(struct err *e, int root_dir)
{
	static const char *const head[COLUMNS] = {
		"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};

	for (walk.measure = !quiet;; walk.measure = false) {
		if (!quiet)
			cells(head);
		if (root_dir >= 0)
			TRY(state_each(e, root_dir, each, NULL));
		if (!walk.measure)
			return 0;
	}
}

static int
json(struct err *e, int root_dir)
{
	walk.json = true;
	if (root_dir >= 0)
		TRY(state_each(e, root_dir, each, NULL));
	return walk.n > 0 ? command_print(e, "]\n", 2) : command_print(e, "null\n", 5);
}

static int
list_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	FD_AUTO int root_dir = -1;

	(void)argc;
	(void)argv;
	if (!str_equal(format, "table") && !str_equal(format, "json"))
		return fail(e, "invalid format option");
	walk.root = g->root;
	root_dir = state_root_open(e, g->root, false);
	if (root_dir < 0 && (e->number != ENOENT || g->root_given))
		return -1;
	return str_equal(format, "json") && !quiet ? json(e, root_dir) : table(e, root_dir);
}

const struct command command_list_verb = {
	.name = "list",
	.operands = "",
	.help = "list the containers of the state root",
	.min = 0,
	.max = 0,
	.option = row,
	.n_options = sizeof row / sizeof *row,
	.main = list_main,
};
