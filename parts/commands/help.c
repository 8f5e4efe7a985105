/* Help, printed from the same rows that parse the arguments (engines.md 1.1). */
#include "commands/command.h"

#include "base/arena.h"
#include "base/str.h"

#include <string.h>

static char text[16384] BUFFER;

static void
options(struct str *s, const struct options *o)
{
	const char *at = o->text;

	for (size_t i = 0; i < o->n; i++) {
		char left[64];
		struct str l = str_in(left, sizeof left);

		str_add(&l, "--%s", at);
		if (o->row[i].letter)
			str_add(&l, ", -%c", o->row[i].letter);
		at = str_after(at);
		if (*at)
			str_add(&l, " %s", at);
		at = str_after(at);
		str_add(s, "   %-32s %s\n", left, at);
		at = str_after(at);
	}
	str_add(s, "   %-32s %s\n", "--help, -h", "show help");
}

static void
print(struct str *s)
{
	struct err ignored;

	(void)command_print(&ignored, s->at, s->len); /* a closed stdout is no news to anybody */
}

void
command_help(const struct globals *g)
{
	struct str s = str_in(text, sizeof text);

	if (str_equal(g->name, "crun"))
		str_add(&s, "Usage: crun [OPTION...] COMMAND [OPTION...]\n\n");
	str_add(&s, "NAME:\n   %s - Open Container Initiative runtime\n\n", g->name);
	str_add(&s, "USAGE:\n   %s [global options] command [command options] [arguments...]\n\n",
		g->name);
	str_add(&s, "VERSION:\n   %s\n\nCOMMANDS:\n", OCIRT_VERSION);
	for (size_t i = 0; i < command_n; i++)
		str_add(&s, "   %-10s %s\n", command_list[i]->name, command_list[i]->help);
	str_add(&s, "   %-10s %s\n", "init", "be the init of a container, with a program");
	str_add(&s, "   %-10s %s\n\nGLOBAL OPTIONS:\n", "help", "show help, of a command if named");
	options(&s, &globals_options);
	str_add(&s, "   %-32s %s\n", "--version, -v", "print the version");
	print(&s);
}

void
command_help_verb(const struct globals *g, const struct command *c)
{
	struct str s = str_in(text, sizeof text);

	if (str_equal(g->name, "crun"))
		str_add(&s, "Usage: crun [OPTION...] %s%s%s\n\n", c->name,
			c->max == 1 && c->options.n > 2 ? " [OPTION]..." : "",
			c->is_exec	      ? " CONTAINER cmd"
				: c->max == 2 ? " CONTAINER [SIGNAL]"
				: c->max == 1 ? " CONTAINER"
					      : "");
	str_add(&s, "NAME:\n   %s %s - %s\n\n", g->name, c->name, c->help);
	str_add(&s, "USAGE:\n   %s %s [command options] %s\n\nOPTIONS:\n", g->name, c->name,
		c->operands);
	options(&s, &c->options);
	print(&s);
}
