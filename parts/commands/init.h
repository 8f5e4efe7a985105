/* init: the names, options and texts of `ocirt init`, and of the inits whose place it takes.
 *
 * Contract: init_parse() fills a struct init from the environment and the words of a command line
 * as one of four inits would read them; init_tell() says what that init would say.  They share one
 * table of options and one of texts.
 *
 * Floor: commands (uses kernel/supervise, words).  Runs in: the container's init, or any process.
 * Spec: init.md 1 and 5.
 */
#ifndef COMMANDS_INIT_H
#define COMMANDS_INIT_H

#include "kernel/supervise.h"

#include <stdbool.h>
#include <stdint.h>

/* Whose names, options and habits. */
enum init_who { INIT_NATIVE = 1, INIT_TINI = 2, INIT_DUMB = 4, INIT_CATATONIT = 8 };

enum init_level { INIT_FATAL, INIT_WARN, INIT_INFO, INIT_DEBUG, INIT_TRACE };

enum { INIT_RUN = -1, INIT_OWN_ERROR = 125 };

struct init {
	struct supervise s;
	enum init_who who;
	const char *name; /* as we were called */
	uint8_t level;	  /* what is more than that stays unsaid */
	bool subreaper, no_subreaper, pause, warn_reaped, single;
};

/* The one of this process. */
extern struct init init_it;

/* Takes environment and words apart; words[0] is the name, words[argc] NULL.  Returns INIT_RUN, or
 * the exit status when everything has been said: help, version, an error. */
int init_parse(struct init *it, int argc, char **words);

/* For struct supervise. */
void init_tell(enum supervise_event event, int number, int other, const char *text);

/* Says a line of our own: level, then the text with its `@` replaced. */
void init_say(enum init_level level, const char *text, const char *replaced);

/* Bytes to a descriptor, in one write; an error is nobody's business. */
void init_write(int fd, const char *text);

#endif
