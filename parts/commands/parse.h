/* parse: options, and how an argument vector is read.
 *
 * Contract: the options of a verb are rows that say where the value goes.  command_parse() reads an
 * argument vector by the rules of runc and of crun at once (engines.md 1.2); help is printed from
 * the same rows.
 *
 * Floor: commands (uses arena, str).  Runs in: host.
 */
#ifndef COMMANDS_PARSE_H
#define COMMANDS_PARSE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,   /* `--flag=false` is understood */
	OPTION_STRING, /* the last one wins */
	OPTION_COUNT,
	OPTION_LIST, /* without a NULL behind them: each time one more */
};

/* An option without its texts: they lie behind one another in the text of the table, since a static
 * PIE would have to relocate a pointer to each. */
struct option {
	char letter;  /* 'b', 0: none */
	uint8_t kind; /* enum option_kind */
	uint16_t at;  /* where the value goes, in the struct of the table */
};

/* The options of a verb, and the struct that their values go to */
struct options {
	const struct option *row;
	const char *text; /* of each row: its name, what help shows for the value, the help */
	void *into;
	size_t n;
};

/* OPTIONS(ROWS, TYPE, &given) is such a table.  ROWS(ROW, T) is a macro of rows
 *
 *	ROW(T, "name", 'n', KIND, "VALUE", "help", member of the TYPE)
 *
 * with "" as the VALUE of a flag; a member of another type than the kind's does not compile. */
#define OPTIONS(ROWS, type, given) \
	{ \
		.row = (const struct option[]){ROWS(OPTION_ROW, type)}, \
		.text = ROWS(OPTION_TEXT, type), .into = (given), \
		.n = sizeof((struct option[]){ROWS(OPTION_ROW, type)}) / sizeof(struct option), \
	}
#define OPTION_TEXT(type, name, letter, kind, value, help, member) name "\0" value "\0" help "\0"
/* clang-format off */
#define OPTION_ROW(type, name, letter, kind, value, help, member) \
	{letter, OPTION_##kind, \
		offsetof(type, member) * OPTION_FITS(type, member, OPTION_TYPE_##kind)},
#define OPTION_FITS(type, member, ...) \
	sizeof(char[_Generic(((type *)0)->member, __VA_ARGS__ : 1, default : -1)])
/* clang-format on */
#define OPTION_TYPE_FLAG bool : 1, uint8_t /* a third value may say: not given */
#define OPTION_TYPE_STRING const char *
#define OPTION_TYPE_COUNT uint32_t
#define OPTION_TYPE_LIST struct strings

/* What command_parse() found. */
enum parsed { PARSED_OK, PARSED_HELP, PARSED_VERSION };

/* Reads argv[0..argc): options go where their rows say, operands are moved to the front of argv and
 * counted in *operands.  Global options are understood behind a command, too.  With `first_only` it
 * stops at the first operand; `global` may be NULL.  Fails with `flag provided but not defined: -x`
 * and the like. */
int command_parse(struct err *e, const struct options *own, const struct options *global,
	bool first_only, int argc, char **argv, int *operands, enum parsed *found);

#endif
