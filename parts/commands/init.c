/* `ocirt init`, tini, docker-init, dumb-init, catatonit, podman-init (init.md 1). */
#include "commands/init.h"

#include "base/str.h"
#include "commands/command.h"
#include "words/words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct init init_it;

enum {
	SECONDS_MAX = 1000000,
};

enum what {
	HELP,
	VERSION,
	LICENCE,
	GROUP,
	SINGLE,
	SETSID,
	SUBREAPER,
	NO_SUBREAPER,
	PARENT,
	REMAP,
	REWRITE,
	REAPED,
	VERBOSE,
	QUIET,
	PAUSE,
	STOP_TIMEOUT,
	GRACE,
	WAIT_ALL,
	STOP_SIGNAL,
	DIE_ALIKE,
};

/* Letter, who has it, who has the word, what it does, has it a value, the word, the help.  N, T, D,
 * C: ocirt, tini, dumb-init, catatonit. */
/* clang-format off */
#define OPTION_ROWS(ROW) \
	ROW('h', N | T | D | C, N | D,     HELP,         0, "help",         "show this") \
	ROW('V', N | D | C,     N | D | C, VERSION,      0, "version",      "show the version") \
	ROW('l', T,             0,         LICENCE,      0, "",             "show the licence") \
	ROW('L', C,             0,         LICENCE,      0, "",             "show the licence") \
	ROW('g', N | T | C,     N,         GROUP,        0, "group",        "signals go to the program's process group") \
	ROW('c', D,             D,         SINGLE,       0, "single-child", "signals go to the program alone") \
	ROW(0,   0,             N,         SETSID,       0, "setsid",       "a session of its own for the program") \
	ROW('s', N | T,         0,         SUBREAPER,    0, "",             "be a child subreaper") \
	ROW(0,   0,             N,         NO_SUBREAPER, 0, "no-subreaper", "be none") \
	ROW('p', N | T,         0,         PARENT,       1, "",             "SIGNAL: comes when our parent ends") \
	ROW('e', N | T,         0,         REMAP,        1, "",             "N: exit status that becomes 0") \
	ROW('r', N | D,         D,         REWRITE,      1, "rewrite",      "S:R: send R for S; 0: nothing") \
	ROW('w', N | T,         0,         REAPED,       0, "",             "warn of each orphan that is reaped") \
	ROW('v', N | T | D,     D,         VERBOSE,      0, "verbose",      "say more") \
	ROW('q', N,             0,         QUIET,        0, "",             "say less") \
	ROW('P', N | C,         0,         PAUSE,        0, "",             "no program: wait for TERM or INT") \
	ROW(0,   0,             N,         STOP_TIMEOUT, 1, "stop-timeout", "SECONDS: from the signal to TERM for all") \
	ROW(0,   0,             N,         GRACE,        1, "grace",        "SECONDS: from there to KILL (1)") \
	ROW(0,   0,             N,         WAIT_ALL,     0, "wait-all",     "wait for all processes") \
	ROW(0,   0,             N,         STOP_SIGNAL,  1, "stop-signal",  "SIGNAL: begins the stop (TERM)") \
	ROW(0,   0,             N,         DIE_ALIKE,    0, "die-alike",    "end by the program's signal")
/* clang-format on */

enum { N = INIT_NATIVE, T = INIT_TINI, D = INIT_DUMB, C = INIT_CATATONIT };

static const struct row {
	char letter;
	uint8_t who, words, what;
	bool value;
} rows[] = {
#define ROW(letter, who, words, what, value, word, help) {letter, who, words, what, value},
	OPTION_ROWS(ROW)
#undef ROW
};

/* The word and the help of each. */
static const char names[] =
#define ROW(letter, who, words, what, value, word, help) word "\0" help "\0"
	OPTION_ROWS(ROW)
#undef ROW
	;

enum { ROWS = sizeof rows / sizeof *rows };

/* -- texts ------------------------------------------------------------------------------------- */

static const char *
version(const struct init *it)
{
	return it->who == INIT_TINI	    ? "tini version 0.19.0 - git." OCIRT_COMMIT "\n"
		: it->who == INIT_DUMB	    ? "dumb-init v1.2.5\n"
		: it->who == INIT_CATATONIT ? "tini version 0.1.7_catatonit\n"
					    : "ocirt init version " OCIRT_VERSION "\n";
}

static void
usage(const struct init *it, int fd)
{
	const char *name = names;
	char line[128];

	if (it->who == INIT_DUMB && fd == 1)
		fd = 2;
	if (it->who == INIT_TINI || it->who == INIT_DUMB)
		init_write(fd, version(it));
	(void)str_format(line, sizeof line, "%s: %s [options] [--] program [arguments]\n",
		it->who == INIT_CATATONIT ? "usage" : "Usage", str_base(it->name));
	init_write(fd, line);
	for (const struct row *r = rows; r < rows + ROWS; r++, name = str_after(str_after(name))) {
		char letter[] = {'-', r->letter, ' ', '\0'};

		if (!((r->who | r->words) & it->who))
			continue;
		(void)str_format(line, sizeof line, "  %s%s%-13s %s\n",
			r->who & it->who ? letter : "   ", r->words & it->who ? "--" : "  ",
			r->words & it->who ? name : "", str_after(name));
		init_write(fd, line);
	}
}

static int
refuse(const struct init *it, const char *text, const char *word)
{
	init_say(INIT_FATAL, text, word);
	usage(it, 2);
	return it->s.own_error;
}

/* An error of the words themselves, as getopt(3) has it; dumb-init leaves it at that. */
static int
misused(const struct init *it, const char *text, const char *word, const char *behind)
{
	char line[256];

	(void)str_format(line, sizeof line, "%s: %s%s%s\n",
		it->who == INIT_NATIVE ? "ocirt init" : it->name, text, word, behind);
	init_write(2, line);
	if (it->who != INIT_DUMB)
		usage(it, 2);
	return it->s.own_error;
}

static int
show_licence(void)
{
	init_write(1, "MIT License: see the file LICENSE of ocirt\n");
	return 0;
}

/* -- values ------------------------------------------------------------------------------------ */

static int
number_between(const char *text, int max)
{
	uint64_t n;

	return text && str_u64(text, &n) == 0 && n <= (uint64_t)max ? (int)n : -1;
}

static int
signal_of(const struct init *it, const char *text)
{
	if (it->who == INIT_DUMB)
		return number_between(text, 31);
	if (it->who == INIT_TINI && !str_starts(text, "SIG"))
		return -1;
	return str_equal(text, "none") ? 0 : words_signal_number(text);
}

static bool
rewrite(struct init *it, const char *text)
{
	char from[16];
	size_t len = str_until(text, ":");
	int a, b;

	if (text[len] != ':' || str_format(from, sizeof from, "%.*s", (int)len, text) < 0)
		return false;
	a = signal_of(it, from);
	b = signal_of(it, text + len + 1);
	if (a < 1 || b < 0)
		return false;
	it->s.route[a].to = (uint8_t)b;
	it->s.route[a].rewritten = true;
	return true;
}

static bool
seconds(const char *text, int *ms)
{
	int n = number_between(text, SECONDS_MAX);

	if (n >= 0)
		*ms = n * 1000;
	return n >= 0;
}

/* -- options ----------------------------------------------------------------------------------- */

static bool
apply_value(struct init *it, enum what what, const char *value)
{
	int n = -1;

	switch (what) {
	case REMAP:
		n = number_between(value, 255);
		if (n >= 0)
			it->s.remap[n / 8] |= (uint8_t)(1 << n % 8);
		return n >= 0;
	case PARENT:
		n = signal_of(it, value);
		it->s.parent_signal = n;
		return n > 0;
	case STOP_SIGNAL:
		n = signal_of(it, value);
		if (n > 0)
			it->s.route[n].stops = true;
		return n > 0;
	case REWRITE:
		return rewrite(it, value);
	case STOP_TIMEOUT:
		return seconds(value, &it->s.stop_ms);
	default:
		return seconds(value, &it->s.grace_ms);
	}
}

/* Returns INIT_RUN, or the exit status. */
static int
apply(struct init *it, enum what what)
{
	switch (what) {
	case HELP:
		usage(it, it->who == INIT_CATATONIT ? 2 : 1);
		return 0;
	case VERSION:
		init_write(it->who == INIT_DUMB ? 2 : 1, version(it));
		return 0;
	case LICENCE:
		return show_licence();
	case VERBOSE:
		it->level = it->who == INIT_DUMB ? INIT_DEBUG : (uint8_t)(it->level + 1);
		break;
	case QUIET:
		it->level = 0;
		break;
	case GROUP:
		it->s.group = true;
		break;
	case SINGLE:
		it->single = true;
		break;
	case SETSID:
		it->s.setsid = true;
		break;
	case SUBREAPER:
		it->subreaper = true;
		break;
	case NO_SUBREAPER:
		it->no_subreaper = true;
		break;
	case REAPED:
		it->warn_reaped = true;
		break;
	case PAUSE:
		it->pause = true;
		break;
	case WAIT_ALL:
		it->s.wait_all = true;
		break;
	case DIE_ALIKE:
		it->s.die_alike = true;
		break;
	default:
		break;
	}
	return INIT_RUN;
}

static int
take(struct init *it, const struct row *r, const char *value, const char *given)
{
	if (!r->value)
		return apply(it, r->what);
	if (!value)
		return given[1] == '-' ? misused(it, "option '", given, "' requires an argument")
				       : misused(it, "option requires an argument -- '",
						 (char[]){r->letter, '\0'}, "'");
	if (apply_value(it, r->what, value))
		return INIT_RUN;
	if (r->what != REWRITE || it->who != INIT_DUMB)
		return refuse(it, "Not a valid option for @", given);
	init_write(2,
		"Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
		"This option can be specified multiple times.\nUse --help for full usage.\n");
	return it->s.own_error;
}

/* --word, --word=value, --word value. *at is the place in the list. */
static int
take_word(struct init *it, char **words, int *at)
{
	const char *name = names;
	char *given = words[*at], *word = given + 2;
	size_t len = str_until(word, "=");

	for (const struct row *r = rows; r < rows + ROWS; r++, name = str_after(str_after(name))) {
		if (!(r->words & it->who) || strlen(name) != len || memcmp(name, word, len) != 0 ||
			(word[len] && !r->value))
			continue;
		if (word[len])
			return take(it, r, word + len + 1, given);
		return take(it, r, r->value && words[*at + 1] ? words[++*at] : NULL, given);
	}
	return misused(it, "unrecognized option '", given, "'");
}

/* -a, -abc, -eVALUE, -e VALUE. */
static int
take_letters(struct init *it, char **words, int *at)
{
	char *given = words[*at];

	for (const char *c = given + 1; *c; c++) {
		const struct row *r = rows;
		int status;

		while (r < rows + ROWS && (!(r->who & it->who) || r->letter != *c))
			r++;
		if (r == rows + ROWS)
			return misused(it, "invalid option -- '", (char[]){*c, '\0'}, "'");
		if (r->value && c[1])
			return take(it, r, c + 1, given);
		status = take(it, r, r->value && words[*at + 1] ? words[++*at] : NULL, given);
		if (r->value || status != INIT_RUN)
			return status;
	}
	return INIT_RUN;
}

/* -- environment ------------------------------------------------------------------------------- */

static bool
is_set(const char *name, const char *value)
{
	const char *is = getenv(name);

	return is && (!value || str_equal(is, value));
}

static void
read_level(struct init *it, const char *name)
{
	int n = number_between(getenv(name), 9);

	if (n >= 0)
		it->level = (uint8_t)n;
}

static int
read_own_environment(struct init *it)
{
	const char *stop = getenv("OCIRT_INIT_STOP_TIMEOUT"), *grace = getenv("OCIRT_INIT_GRACE");

	it->s.group = is_set("OCIRT_INIT_GROUP", "1");
	read_level(it, "OCIRT_INIT_VERBOSITY");
	if (stop && !seconds(stop, &it->s.stop_ms))
		return refuse(it, "OCIRT_INIT_STOP_TIMEOUT: not a number of seconds: @", stop);
	if (grace && !seconds(grace, &it->s.grace_ms))
		return refuse(it, "OCIRT_INIT_GRACE: not a number of seconds: @", grace);
	return INIT_RUN;
}

static int
read_their_environment(struct init *it)
{
	switch (it->who) {
	case INIT_TINI:
		it->s.group |= is_set("TINI_KILL_PROCESS_GROUP", NULL);
		it->subreaper |= is_set("TINI_SUBREAPER", NULL);
		read_level(it, "TINI_VERBOSITY");
		break;
	case INIT_DUMB:
		it->single |= is_set("DUMB_INIT_SETSID", "0");
		if (is_set("DUMB_INIT_DEBUG", "1"))
			it->level = INIT_DEBUG;
		break;
	case INIT_CATATONIT:
		if (is_set("CATATONIT_DEBUG", NULL))
			it->level = INIT_DEBUG;
		if (is_set("CATATONIT_LOG", NULL))
			return refuse(it, "CATATONIT_LOG is not supported", "");
		break;
	default:
		break;
	}
	return INIT_RUN;
}

/* -- habits (init.md 1.2, 5) ------------------------------------------------------------------- */

static void
set_habits(struct init *it)
{
	struct supervise *s = &it->s;
	bool own = it->who == INIT_NATIVE;

	s->tell = init_tell;
	s->null_stdio = own;
	s->leave = !own;
	s->missing = it->who == INIT_DUMB ? 2 : it->who == INIT_CATATONIT ? 1 : 127;
	s->denied = it->who == INIT_DUMB ? 2 : it->who == INIT_CATATONIT ? 1 : 126;
	s->failed = it->who == INIT_DUMB ? 2 : own ? 126 : 1;
	s->own_error = own ? INIT_OWN_ERROR : 1;
	s->grace_ms = 1000;
	it->level = INIT_WARN;
}

static void
set_terminal_signals(struct init *it)
{
	static const int signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};

	for (int i = 0; i < 3; i++) {
		struct supervise_route *r = &it->s.route[signals[i]];

		r->not_from_tty = it->who == INIT_NATIVE;
		r->suspends = it->who == INIT_DUMB;
		if (r->rewritten)
			continue;
		if (it->who == INIT_CATATONIT || (it->who == INIT_TINI && i > 0))
			r->to = 0;
		else if (it->who == INIT_DUMB && !it->single)
			r->to = SIGSTOP;
	}
}

static void
finish(struct init *it)
{
	struct supervise *s = &it->s;
	bool stops = false;

	set_terminal_signals(it);
	if (it->who == INIT_DUMB) {
		s->setsid = s->group = s->last_term = !it->single;
		s->same_place = it->single;
		s->default_child = true;
	}
	for (int i = 1; i < SIG_END; i++)
		stops |= s->route[i].stops;
	if (!stops)
		s->route[SIGTERM].stops = true;
	if (it->pause)
		s->route[SIGTERM].stops = s->route[SIGINT].stops = true;
	if ((it->who == INIT_NATIVE || it->who == INIT_CATATONIT) && s->self != 1)
		it->subreaper = true;
	it->subreaper &= !it->no_subreaper;
	s->loud = it->level > INIT_WARN || it->warn_reaped;
}

int
init_parse(struct init *it, int argc, char **words)
{
	int at = 1, status;

	set_habits(it);
	if (it->who == INIT_NATIVE && (status = read_own_environment(it)) != INIT_RUN)
		return status;
	if (it->who == INIT_TINI && argc == 2 && str_equal(words[1], "--version"))
		return apply(it, VERSION);
	for (; at < argc && words[at][0] == '-' && words[at][1]; at++) {
		bool word = words[at][1] == '-';

		if (word && !words[at][2]) {
			at++;
			break;
		}
		status = word ? take_word(it, words, &at) : take_letters(it, words, &at);
		if (status != INIT_RUN)
			return status;
	}
	status = read_their_environment(it);
	if (status != INIT_RUN)
		return status;
	it->s.argv = it->pause ? NULL : words + at;
	finish(it);
	if (it->pause || words[at])
		return INIT_RUN;
	if (it->who == INIT_DUMB) {
		char line[256];

		(void)str_format(line, sizeof line,
			"Usage: %s [option] program [args]\nTry %s --help for full usage.\n",
			it->name, it->name);
		init_write(2, line);
		return it->s.own_error;
	}
	if (it->who == INIT_CATATONIT || it->who == INIT_NATIVE)
		init_say(INIT_FATAL, "missing program name", NULL);
	usage(it, 2);
	return it->s.own_error;
}
