#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/passwd.h"
#include "base/str.h"
#include "roles/end.h"
#include "spec/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { OWNER_MAX = 64, COLUMNS = 6, COLUMN_MIN = 12, GAP = 3, LINE_MAX = 8192 };

static struct given {
	const char *format;
	bool quiet;
} given = {.format = "table"};

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "format", 'f', STRING, "FORMAT", "table (default) or json", format) \
	ROW(T, "quiet",  'q', FLAG,   "",       "ids only", quiet)
/* clang-format on */

/* Each way to print takes one container after the other; the table goes through them twice, and
 * measures its columns the first time. */
struct walk {
	const char *root;
	int (*print)(struct err *e, const char *id, const char *owner);
	struct held held;
	size_t width[COLUMNS];
	bool measure;
	uint32_t n;
};

static struct walk walk BUFFER;
/* The user name of a uid, else "#uid".  Mostly it is that of the container before. */
static void
owner_name(uint32_t uid, char name[OWNER_MAX])
{
	static bool known;
	static uint32_t last;

	if (known && last == uid)
		return;
	known = true;
	last = uid;
	if (!passwd_find(uid, PASSWD_NAME, name, OWNER_MAX))
		(void)str_format(name, OWNER_MAX, "#%u", uid); /* fits */
}

static int
print_cells(struct err *e, const char *const cell[COLUMNS])
{
	char line[LINE_MAX];
	struct str s = str_in(line, sizeof line);

	for (int i = 0; i < COLUMNS; i++) {
		size_t len = strlen(cell[i]), width = walk.width[i] + GAP;

		if (walk.measure && len > walk.width[i])
			walk.width[i] = len;
		if (i == COLUMNS - 1)
			str_add(&s, "%s\n", cell[i]);
		else
			str_add(&s, "%-*s", (int)(width < COLUMN_MIN ? COLUMN_MIN : width),
				cell[i]);
	}
	return walk.measure ? 0 : command_print(e, s.at, s.len);
}

static int
print_row(struct err *e, const char *id, const char *owner)
{
	const struct held *h = &walk.held;
	char pid[16];

	(void)str_format(pid, sizeof pid, "%d", h->status == STATE_STOPPED ? 0 : h->state.pid);
	return print_cells(e,
		(const char *[]){id, pid, state_status_name(h->status), h->state.bundle,
			h->state.created, owner});
}

static int
print_json(struct err *e, const char *id, const char *owner)
{
	const struct held *h = &walk.held;
	const char *text = state_document(e, &h->state, h->status, h->state.pid, owner, 0);

	(void)id;
	if (!text)
		return -1;
	TRY(command_print(e, walk.n == 0 ? "[" : ",", 1));
	return command_print(e, text, strlen(text));
}

static int
print_id(struct err *e, const char *id, const char *owner)
{
	char line[SPEC_ID_MAX + 2];

	(void)owner;
	return command_print(e, line, (size_t)str_format(line, sizeof line, "%s\n", id));
}

/* A container that cannot be loaded is no reason to hide the others. */
static int
each(struct err *e, void *arg, const char *id)
{
	struct err one = {0};
	static char owner[OWNER_MAX];
	size_t before = arena_used();
	struct stat st;
	int result;

	(void)arg;
	if (held_open(&one, &walk.held, walk.root, id, HELD_UNLOCKED) < 0) {
		if (!walk.measure)
			log_warning("load container %s: %s", id, one.text);
		arena_release(before);
		return 0;
	}
	result = fstat(walk.held.dir, &st);
	if (result < 0)
		(void)fail_errno(e, "container %s", id);
	else
		owner_name(st.st_uid, owner);
	if (result == 0)
		result = walk.print(e, id, owner);
	walk.n++;
	held_close(&walk.held);
	arena_release(before);
	return result;
}

static int
go(struct err *e, int root_dir, int (*print)(struct err *e, const char *id, const char *owner))
{
	walk.print = print;
	return root_dir < 0 ? 0 : state_each(e, root_dir, each, NULL);
}

static int
table(struct err *e, int root_dir)
{
	static const char *const head[COLUMNS] = {
		"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};

	walk.measure = true;
	TRY(print_cells(e, head));
	TRY(go(e, root_dir, print_row));
	walk.measure = false;
	TRY(print_cells(e, head));
	return go(e, root_dir, print_row);
}

static int
json(struct err *e, int root_dir)
{
	TRY(go(e, root_dir, print_json));
	return walk.n > 0 ? command_print(e, "]\n", 2) : command_print(e, "null\n", 5);
}

static int
list_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	FD_AUTO int root_dir = -1;

	(void)argc;
	(void)argv;
	if (!str_equal(given.format, "table") && !str_equal(given.format, "json"))
		return fail(e, "invalid format option");
	walk.root = g->root;
	root_dir = state_root_open(e, g->root, false);
	if (root_dir < 0 && (e->number != ENOENT || g->root_given))
		return -1;
	if (given.quiet)
		return go(e, root_dir, print_id);
	return str_equal(given.format, "json") ? json(e, root_dir) : table(e, root_dir);
}

const struct command command_list_verb = {
	.name = "list",
	.operands = "",
	.help = "list the containers of the state root",
	.min = 0,
	.max = 0,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = list_main,
};
