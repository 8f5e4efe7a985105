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
walk(enum words list, const char *what, bool sorted)
{
	bool unique = true, found = true, in_order = true;
	size_t n = words_count(list);

	for (size_t i = 0; i < n; i++) {
		const char *row = words_row(list, i);
		int value = words_find(list, row);
		const char *name = words_name(list, value);

		found = found && value >= 0 && name && words_find(list, name) == value;
		for (size_t k = 0; k < i; k++)
			unique = unique && strcmp(words_row(list, k), row) != 0;
		in_order = in_order && (i == 0 || strcmp(words_row(list, i - 1), row) < 0);
	}
	ok(n > 0 && *words_noun(list), "%s: has rows and a noun", what);
	ok(unique, "%s: no name twice", what);
	ok(found, "%s: every name is found, and every value has a name", what);
	ok(!sorted || in_order, "%s: sorted", what);
	ok(words_find(list, "") < 0 && words_find(list, "no such word") < 0, "%s: unknown", what);
	ok(!words_name(list, -1), "%s: no such value", what);
}

static void
value(enum words list, const char *name, int want)
{
	is_int(words_find(list, name), want, "%s", name);
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

	is_int(words_count(WORDS_NAMESPACE), NAMESPACES, "a word for each namespace");
	for (int i = 0; i < NAMESPACES; i++) {
		value(WORDS_NAMESPACE, row[i].type, i);
		is_int(words_namespace_flag(i), row[i].flag, "%s: flag", row[i].type);
		is_str(words_namespace_file(i), row[i].file, "%s: file", row[i].type);
		is_str(words_namespace_runc(i), row[i].runc, "%s: runc's name", row[i].type);
	}
}

static void
capabilities(void)
{
	bool by_number = true;

	for (size_t i = 0; i < words_count(WORDS_CAPABILITY); i++)
		by_number = by_number &&
			words_find(WORDS_CAPABILITY, words_row(WORDS_CAPABILITY, i)) == (int64_t)i;
	ok(by_number, "capabilities stand in the order of their numbers");
	is_int(words_count(WORDS_CAPABILITY), 41, "as many as Linux 6 has");
	value(WORDS_CAPABILITY, "CAP_CHOWN", 0);
	value(WORDS_CAPABILITY, "CAP_SYS_ADMIN", 21);
	value(WORDS_CAPABILITY, "CAP_CHECKPOINT_RESTORE", 40);
	ok(words_find(WORDS_CAPABILITY, "cap_chown") < 0, "letter case counts");
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
	for (size_t i = 0; i < words_count(WORDS_SIGNAL); i++)
		is_int(words_signal_number(words_row(WORDS_SIGNAL, i)),
			words_find(WORDS_SIGNAL, words_row(WORDS_SIGNAL, i)), "%s",
			words_row(WORDS_SIGNAL, i));
	is_str(words_name(WORDS_SIGNAL, SIGABRT), "SIGABRT", "the name, not its synonym");
	is_str(words_name(WORDS_SIGNAL, SIGCHLD), "SIGCHLD", "the name, not its synonym");
	is_str(words_name(WORDS_SIGNAL, SIGIO), "SIGIO", "the name, not its synonym");
}

int
main(void)
{
	walk(WORDS_NAMESPACE, "namespaces", true);
	walk(WORDS_CAPABILITY, "capabilities", false);
	walk(WORDS_SIGNAL, "signals", true);
	walk(WORDS_RLIMIT, "rlimits", true);
	walk(WORDS_HOOK, "hooks", false);
	walk(WORDS_PROPAGATION, "propagations", true);
	walk(WORDS_DEVICE_TYPE, "device types", true);
	walk(WORDS_DEVICE_RULE_TYPE, "device rule types", true);
	namespaces();
	capabilities();
	signals();
	is_int(words_count(WORDS_RLIMIT), 16, "a word for each resource limit");
	value(WORDS_RLIMIT, "RLIMIT_NOFILE", RLIMIT_NOFILE);
	value(WORDS_RLIMIT, "RLIMIT_RTTIME", RLIMIT_RTTIME);
	value(WORDS_PROPAGATION, "rslave", MS_SLAVE | MS_REC);
	value(WORDS_PROPAGATION, "unbindable", MS_UNBINDABLE);
	value(WORDS_DEVICE_TYPE, "u", 'c');
	is_str(words_row(WORDS_HOOK, 0), "prestart", "hooks stand in the order in which they run");
	for (size_t i = 0; i < words_count(WORDS_HOOK); i++)
		is_int(words_find(WORDS_HOOK, words_row(WORDS_HOOK, i)), i, "%s is hook %zu",
			words_row(WORDS_HOOK, i), i);
	return done_testing();
}
