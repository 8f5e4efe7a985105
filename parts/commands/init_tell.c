/* What the inits say.  In a text `#` is the number, `$` the other one, `@` the word. */
#include "commands/init.h"

#include "base/fd.h"
#include "base/str.h"

#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 512 };

/* Whose, which event, from which level on, and the text. */
/* clang-format off */
#define TEXTS(ROW) \
	ROW(NATIVE,    SPAWNED,          INFO,  "process # is @") \
	ROW(NATIVE,    FORWARDED,        DEBUG, "signal # forwarded") \
	ROW(NATIVE,    NOT_FORWARDED,    DEBUG, "signal # dropped") \
	ROW(NATIVE,    REAPED,           DEBUG, "process # exited with $") \
	ROW(NATIVE,    REAPED_KILLED,    DEBUG, "process # ended by signal $") \
	ROW(TINI,      SPAWNED,          INFO,  "Spawned child process '@' with pid '#'") \
	ROW(TINI,      CHILD_SIGNAL,     DEBUG, "Received SIGCHLD") \
	ROW(TINI,      FORWARDED,        DEBUG, "Passing signal: '#'") \
	ROW(TINI,      REAPED,           DEBUG, "Reaped child with pid: '#'") \
	ROW(TINI,      REAPED_KILLED,    DEBUG, "Reaped child with pid: '#'") \
	ROW(TINI,      EXITED,           INFO,  "Main child exited normally (with status '#')") \
	ROW(TINI,      KILLED,           INFO,  "Main child exited with signal (with signal '#')") \
	ROW(TINI,      ENDED,            TRACE, "Exiting: child has exited") \
	ROW(NEAT,      NOT_EXECUTED,     FATAL, "exec @ failed: ") \
	ROW(NEAT,      NO_INTERPRETER,   FATAL, "exec @ failed: its interpreter: ") \
	ROW(DUMB,      SPAWNED,          DEBUG, "Child spawned with PID #.") \
	ROW(DUMB,      PLACED,           DEBUG, "setsid complete.") \
	ROW(DUMB,      CHILD_SIGNAL,     DEBUG, "Received signal #.") \
	ROW(DUMB,      RECEIVED,         DEBUG, "Received signal #.") \
	ROW(DUMB,      FORWARDED,        DEBUG, "Forwarded signal # to children.") \
	ROW(DUMB,      NOT_FORWARDED,    DEBUG, "Not forwarding signal # to children (ignored).") \
	ROW(DUMB,      HANDED_OFF,       DEBUG, "Ignoring tty hand-off signal #.") \
	ROW(DUMB,      SUSPENDED,        DEBUG, "Suspending self due to TTY signal.") \
	ROW(DUMB,      REAPED,           DEBUG, "A child with PID # exited with exit status $.") \
	ROW(DUMB,      REAPED_KILLED,    DEBUG, "A child with PID # was terminated by signal $.") \
	ROW(DUMB,      ENDED,            DEBUG, "Child exited with status #. Goodbye.") \
	ROW(DUMB,      NOT_EXECUTED,     FATAL, "@: ") \
	ROW(DUMB,      NO_INTERPRETER,   FATAL, "@: its interpreter: ") \
	ROW(CATATONIT, SPAWNED,          DEBUG, "pid1 (#) spawned: @") \
	ROW(CATATONIT, FORWARDED,        DEBUG, "forwarded signal #") \
	ROW(CATATONIT, REAPED,           DEBUG, "child process # exited with code $") \
	ROW(CATATONIT, REAPED_KILLED,    DEBUG, "child process # ended by signal $") \
	ROW(CATATONIT, NOT_EXECUTED,     FATAL, "failed to exec pid1: ") \
	ROW(CATATONIT, NO_INTERPRETER,   FATAL, "failed to exec pid1: its interpreter: ") \
	ROW(ALL,       FORBIDDEN,        WARN,  "signal # cannot be forwarded: Operation not permitted") \
	ROW(ALL,       LOST,             WARN,  "the program's status is lost")
/* clang-format on */

enum {
	NATIVE = INIT_NATIVE,
	TINI = INIT_TINI,
	DUMB = INIT_DUMB,
	CATATONIT = INIT_CATATONIT,
	NEAT = NATIVE | TINI,
	ALL = 255,
};

static const struct key {
	uint8_t who, event, level;
} keys[] = {
#define ROW(who, event, level, text) {who, SUPERVISE_##event, INIT_##level},
	TEXTS(ROW)
#undef ROW
};

static const char texts[] =
#define ROW(who, event, level, text) text "\0"
	TEXTS(ROW)
#undef ROW
	;

void
init_write(int fd, const char *text)
{
	fd_say(fd, text, strlen(text));
}

/* What stands in front of each line.  Like the originals: the pid is that of whoever speaks. */
static void
begin(struct str *line, enum init_level level)
{
	static const char levels[][6] = {"FATAL", "WARN ", "INFO ", "DEBUG", "TRACE"};
	int pid = getpid();

	if (init_it.who == INIT_TINI)
		(void)str_add(line, "[%s tini (%d)] ", levels[level], pid);
	else if (init_it.who == INIT_DUMB)
		(void)str_add(line, "[dumb-init] ");
	else if (init_it.who == INIT_CATATONIT)
		(void)str_add(line, "%.*s (catatonit:%d): ", level == INIT_WARN ? 4 : 5,
			level == INIT_FATAL ? "ERROR" : levels[level], pid);
	else
		(void)str_add(line, "ocirt init: ");
}

/* tini's lines above warnings go to stdout. A line that is too long loses its end. */
static void
end(struct str *line, enum init_level level)
{
	if (line->cut)
		line->len = line->max - 2;
	line->at[line->len] = '\n';
	line->at[line->len + 1] = '\0';
	init_write(init_it.who == INIT_TINI && level > INIT_WARN ? 1 : 2, line->at);
}

static void
add(struct str *line, const char *text, int number, int other, const char *word)
{
	for (; *text; text++)
		if (*text == '#' || *text == '$')
			(void)str_add(line, "%d", *text == '#' ? number : other);
		else if (*text == '@')
			(void)str_add(line, "%s", word);
		else
			(void)str_add_bytes(line, text, 1);
}

void
init_say(enum init_level level, const char *text, const char *replaced)
{
	char bytes[LINE_BYTES];
	struct str line = str_in(bytes, sizeof bytes - 1);

	if (level > init_it.level)
		return;
	begin(&line, level);
	add(&line, text, 0, 0, replaced);
	end(&line, level);
}

/* The kernel's reason, with the capital letter that others give it. */
static void
add_reason(struct str *line, int number)
{
	const char *why = errno_text(number);

	(void)str_add(line, "%c%s", *why >= 'a' && *why <= 'z' ? *why - 32 : *why, why + 1);
}

void
init_tell(enum supervise_event event, int number, int other, const char *word)
{
	char bytes[LINE_BYTES];
	struct str line = str_in(bytes, sizeof bytes - 1);

	if (init_it.warn_reaped && number != init_it.s.child &&
		(event == SUPERVISE_REAPED || event == SUPERVISE_REAPED_KILLED)) {
		begin(&line, INIT_WARN);
		add(&line, "Reaped zombie process with pid=#", number, 0, NULL);
		end(&line, INIT_WARN);
		line.len = 0;
	}
	const char *text = texts;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++, text = str_after(text)) {
		const struct key *k = &keys[i];

		if (k->event != event || !(k->who & init_it.who) || k->level > init_it.level)
			continue;
		begin(&line, k->level);
		add(&line, text, number, other, word);
		if (event >= SUPERVISE_NOT_EXECUTED)
			add_reason(&line, number);
		end(&line, k->level);
	}
}
