/* `ocirt init`: who we are, and the three acts. */
#include "commands/init.h"

#include "base/fd.h"
#include "base/str.h"
#include "commands/command.h"

#include <stddef.h>
#include <unistd.h>

/* Names under which others know us (init.md 1). */
static const struct name {
	char name[12];
	uint8_t who;
} names[] = {
	/* clang-format off */
	{ "init",        INIT_NATIVE },
	{ "tini",        INIT_TINI },
	{ "tini-static", INIT_TINI },
	{ "docker-init", INIT_TINI },
	{ "dumb-init",   INIT_DUMB },
	{ "catatonit",   INIT_CATATONIT },
	{ "podman-init", INIT_CATATONIT },
	/* clang-format on */
};

static uint8_t
who_is(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_equal(names[i].name, name))
			return names[i].who;
	return 0;
}

bool
command_is_init(int argc, char **argv)
{
	return argc > 0 && (who_is(str_base(argv[0])) || (argc > 1 && str_equal(argv[1], "init")));
}

/* Orphans come to us as PID 1 or as a subreaper, else to somebody else. */
static int
reach_orphans(struct init *it)
{
	struct err e;

	if (it->subreaper && supervise_subreaper(&e) < 0) {
		bool needed = it->who == INIT_TINI;

		init_say(needed ? INIT_FATAL : INIT_WARN, "@", e.text);
		return needed ? it->s.own_error : INIT_RUN;
	}
	if (it->who == INIT_TINI && !it->subreaper && it->s.self != 1)
		init_say(INIT_WARN,
			"Tini is not running as PID 1 and isn't registered as a child subreaper.\n"
			"Zombie processes will not be re-parented to Tini, so zombie reaping won't "
			"work.\nUse the option -s, or set TINI_SUBREAPER.",
			NULL);
	return INIT_RUN;
}

/* `init --as NAME ...`: the words that follow are NAME's. */
static void
choose(struct init *it, int *argc, char ***argv)
{
	uint8_t who = who_is(str_base((*argv)[0]));

	if (!who) {
		(*argc)--;
		(*argv)++; /* ocirt, init */
		who = INIT_NATIVE;
	}
	if (who == INIT_NATIVE && *argc > 2 && str_equal((*argv)[1], "--as") &&
		who_is((*argv)[2])) {
		*argc -= 2;
		*argv += 2;
		who = who_is((*argv)[0]);
	}
	it->who = who;
	it->name = (*argv)[0];
}

int
command_init(int argc, char **argv)
{
	struct init *it = &init_it;
	struct err e;
	int status;

	supervise_begin(&it->s);
	choose(it, &argc, &argv);
	status = init_parse(it, argc, argv);
	if (status != INIT_RUN)
		return status;
	status = reach_orphans(it);
	if (status != INIT_RUN)
		return status;
	if (it->pause) {
		(void)fd_close_except(3, NULL, 0);
		(void)chdir("/");
	} else if (supervise_spawn(&e, &it->s) < 0) {
		init_say(INIT_FATAL, "@", e.text);
		return it->s.own_error;
	}
	_exit(supervise_run(&it->s)); /* it has given up what exit(3) needs */
}
