#include "words/words.h"

#include "base/sys.h"
#include "tap.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

/* Each name comes once, and words_find() and words_name() agree with the rows. */
static void
walk(const struct words *list, const char *what, bool sorted)
{
	bool unique = true, found = true, named = true, in_order = true;

	for (size_t i = 0; i < list->n; i++) {
		const struct word *row = &list->row[i];
		const char *name = words_name(list, row->value);

		found = found && words_find(list, row->name) == row;
		named = named && name && words_find(list, name)->value == row->value;
		for (size_t k = 0; k < i; k++)
			unique = unique && strcmp(list->row[k].name, row->name) != 0;
		in_order = in_order && (i == 0 || strcmp(list->row[i - 1].name, row->name) < 0);
	}
	ok(list->n > 0 && list->noun, "%s: has rows and a noun", what);
	ok(unique, "%s: no name twice", what);
	ok(found, "%s: every name is found", what);
	ok(named, "%s: every value has a name", what);
	ok(!sorted || in_order, "%s: sorted", what);
	ok(!words_find(list, "") && !words_find(list, "no such word"), "%s: unknown", what);
	ok(!words_name(list, -1), "%s: no such value", what);
}

static void
value(const struct words *list, const char *name, int64_t want)
{
	const struct word *word = words_find(list, name);

	is_int(word ? word->value : -1, want, "%s", name);
}

static void
namespaces(void)
{
	/* clang-format off */
	static const struct {
		const char *type, *file, *runc;
		uint64_t flag;
	} row[] = {
		{ "user",	"user",	  "NEWUSER",	CLONE_NEWUSER },
		{ "cgroup",	"cgroup", "NEWCGROUP",	CLONE_NEWCGROUP },
		{ "ipc",	"ipc",	  "NEWIPC",	CLONE_NEWIPC },
		{ "uts",	"uts",	  "NEWUTS",	CLONE_NEWUTS },
		{ "network",	"net",	  "NEWNET",	CLONE_NEWNET },
		{ "pid",	"pid",	  "NEWPID",	CLONE_NEWPID },
		{ "time",	"time",	  "NEWTIME",	0x80 },
		{ "mount",	"mnt",	  "NEWNS",	CLONE_NEWNS },
	};
	/* clang-format on */

	is_int(words_namespace.n, NAMESPACES, "a word for each namespace");
	for (int i = 0; i < NAMESPACES; i++) {
		value(&words_namespace, row[i].type, i);
		is_int(words_namespace_flag(i), row[i].flag, "%s: flag", row[i].type);
		is_str(words_namespace_file(i), row[i].file, "%s: file", row[i].type);
		is_str(words_namespace_runc(i), row[i].runc, "%s: runc's name", row[i].type);
	}
}

static void
capabilities(void)
{
	bool by_number = true;

	for (size_t i = 0; i < words_capability.n; i++)
		by_number = by_number && words_capability.row[i].value == (int64_t)i;
	ok(by_number, "capabilities stand in the order of their numbers");
	is_int(words_capability.n, 41, "as many as Linux 6 has");
	value(&words_capability, "CAP_CHOWN", 0);
	value(&words_capability, "CAP_SYS_ADMIN", 21);
	value(&words_capability, "CAP_CHECKPOINT_RESTORE", 40);
	ok(!words_find(&words_capability, "cap_chown"), "letter case counts");
}

/* OP-8 */
static void
signals(void)
{
	/* clang-format off */
	static const struct { const char *text; int number; } row[] = {
		{ "TERM",	SIGTERM },	{ "SIGTERM",	SIGTERM },
		{ "sigterm",	SIGTERM },	{ "Term",	SIGTERM },
		{ "15",		15 },		{ "0",		0 },
		{ "64",		64 },		{ "65",		-1 },
		{ "-1",		-1 },		{ "015",	-1 },
		{ "15 ",	-1 },		{ "",		-1 },
		{ "SIG",	-1 },		{ "FOO",	-1 },
		{ "SIGSIGTERM",	-1 },		{ "SIG15",	-1 },
		{ "SIGPOLL",	SIGIO },	{ "IO",		SIGIO },
		{ "IOT",	SIGABRT },	{ "CLD",	SIGCHLD },
		{ "UNUSED",	SIGSYS },	{ "STKFLT",	16 },
		{ "RTMIN",	34 },		{ "SIGRTMIN",	34 },
		{ "RTMIN+3",	37 },		{ "sigrtmin+30", 64 },
		{ "RTMIN+31",	-1 },		{ "RTMIN-1",	-1 },
		{ "RTMIN+",	-1 },		{ "RTMIN3",	-1 },
		{ "RTMAX",	64 },		{ "SIGRTMAX-1",	63 },
		{ "rtmax-30",	34 },		{ "RTMAX-31",	-1 },
		{ "RTMAX+1",	-1 },		{ "RTMAX-18446744073709551616", -1 },
		{ "SIGTERMTERMTERMTERMTERMTERMTERMTERM", -1 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		is_int(words_signal_number(row[i].text), row[i].number, "signal \"%s\"",
			row[i].text);
	for (size_t i = 0; i < words_signal.n; i++)
		is_int(words_signal_number(words_signal.row[i].name), words_signal.row[i].value,
			"%s", words_signal.row[i].name);
	is_str(words_name(&words_signal, SIGABRT), "SIGABRT", "the name, not its synonym");
	is_str(words_name(&words_signal, SIGCHLD), "SIGCHLD", "the name, not its synonym");
	is_str(words_name(&words_signal, SIGIO), "SIGIO", "the name, not its synonym");
}

int
main(void)
{
	walk(&words_namespace, "namespaces", true);
	walk(&words_capability, "capabilities", false);
	walk(&words_signal, "signals", true);
	walk(&words_rlimit, "rlimits", true);
	walk(&words_hook, "hooks", false);
	walk(&words_propagation, "propagations", true);
	walk(&words_device_type, "device types", true);
	walk(&words_device_rule_type, "device rule types", true);
	namespaces();
	capabilities();
	signals();
	is_int(words_rlimit.n, 16, "a word for each resource limit");
	value(&words_rlimit, "RLIMIT_NOFILE", RLIMIT_NOFILE);
	value(&words_rlimit, "RLIMIT_RTTIME", RLIMIT_RTTIME);
	value(&words_propagation, "rslave", MS_SLAVE | MS_REC);
	value(&words_propagation, "unbindable", MS_UNBINDABLE);
	value(&words_device_type, "u", 'c');
	is_str(words_hook.row[0].name, "prestart", "hooks stand in the order in which they run");
	for (size_t i = 0; i < words_hook.n; i++)
		is_int(words_hook.row[i].value, i, "%s is hook %zu", words_hook.row[i].name, i);
	return done_testing();
}
