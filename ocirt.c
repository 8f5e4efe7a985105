/* ocirt: an OCI container runtime and container init in one static file, without a heap.
 *
 * This file is main(): names, global options, the verb, the one place where an error is printed,
 * and the exit code.  Where to go from here:
 *
 *     parts/commands   one file a verb                          parts/plan    what must happen
 *     parts/roles      which process does what, in which order  parts/spec    config.json as data
 *     parts/kernel     how one thing is done                    parts/words   spellings and numbers
 *                                                               parts/base    what knows no
 * container
 */
#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sig.h"
#include "base/str.h"
#include "base/sys.h"
#include "commands/command.h"
#include "kernel/selfexe.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* The linker's own symbol: the ELF header where it is mapped. Hidden, so that it has no GOT entry.
 */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* musl never makes RELRO read-only in a static program, so tables of pointers would stay writable.
 */
static int
seal_relro(struct err *e)
{
	const char *at = (const char *)&__ehdr_start;
	const ElfW(Phdr) *ph = (const ElfW(Phdr) *)(at + __ehdr_start.e_phoff);
	uintptr_t page = getauxval(AT_PAGESZ), bias = 0;

	for (int i = 0; i < __ehdr_start.e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && ph[i].p_offset == 0)
			bias = (uintptr_t)at - ph[i].p_vaddr;
		if (ph[i].p_type != PT_GNU_RELRO)
			continue;
		uintptr_t from = (bias + ph[i].p_vaddr) & -page;
		uintptr_t to =
			(bias + ph[i].p_vaddr + ph[i].p_memsz) & -page; /* a part page stays open */

		if (to > from && mprotect((void *)from, to - from, PROT_READ) < 0)
			return fail_errno(e, "sealing our own tables");
	}
	return 0;
}

/* Prints an error.  What was wrong before the options had been read goes to the log that they name.
 */
static void
tell(const struct err *e, const struct globals *g)
{
	struct globals own = *g;
	struct err ignored;

	if (!g->root)
		(void)globals_finish(&ignored, &own, g->argv0);
	log_fatal(e);
}

/* Prints the one error of a command, with the prefix that engines know (engines.md 4.3). */
static int
failed(struct err *e, const struct globals *g, const struct command *c)
{
	if (c && c->is_exec)
		(void)context(e, "exec failed");
	else if (c && c->enters)
		(void)context(e, "%s %s failed", g->name, c->name);
	tell(e, g);
	if (sig_ended_by())
		return 128 + sig_ended_by();
	if (e->number == ERR_UNVERIFIED)
		return EXIT_UNVERIFIED;
	return c && c->is_exec ? EXIT_EXEC : EXIT_ERROR;
}

/* Bad usage is shown on stdout together with the help, and told as an error. */
static int
misused(struct err *e, const struct globals *g, const struct command *c, const char *what)
{
	char line[256];
	struct err ignored;
	int n = str_format(line, sizeof line, "Incorrect Usage%s%s\n\n", *what ? ": " : ".", what);

	(void)command_print(&ignored, line, n < 0 ? sizeof line - 1 : (size_t)n);
	if (c)
		command_help_verb(g, c);
	else
		command_help(g);
	tell(e, g);
	return EXIT_ERROR;
}

static int
check_operands(struct err *e, const struct globals *g, const struct command *c, int n)
{
	if (n >= c->min && (n <= c->max || c->max == COMMAND_ANY))
		return 0;
	if (c->min == c->max)
		return fail(
			e, "%s: \"%s\" requires exactly %d argument(s)", g->argv0, c->name, c->min);
	return fail(e, "%s: \"%s\" requires a %s of %d argument(s)", g->argv0, c->name,
		n < c->min ? "minimum" : "maximum", n < c->min ? c->min : c->max);
}

static int
unknown(struct err *e, const struct globals *g, const char *name)
{
	(void)fail(e, "No help topic for '%s'", name);
	tell(e, g);
	return EXIT_UNKNOWN_COMMAND;
}

/* help, help CMD. */
static int
help(struct err *e, const struct globals *g, int argc, char **argv)
{
	const struct command *c = argc > 0 ? command_find(argv[0]) : NULL;
	char name[] = "init", option[] = "--help", *of_init[] = {name, option, NULL};

	if (argc == 0)
		command_help(g);
	else if (c)
		command_help_verb(g, c);
	else if (str_equal(argv[0], "init"))
		return command_init(sizeof of_init / sizeof *of_init - 1, of_init);
	else if (command_reserved(e, argv[0]))
		return failed(e, g, NULL);
	else
		return unknown(e, g, argv[0]);
	return EXIT_OK;
}

static int
run_command(struct err *e, struct globals *g, const struct command *c, int argc, char **argv,
	char **whole)
{
	enum parsed found;
	int n, status;

	if (command_parse(e, &c->options, &globals_options, c->stop_at_operand, argc, argv, &n,
		    &found) < 0)
		return misused(e, g, c, e->text);
	if (globals_finish(e, g, whole[0]) < 0)
		return failed(e, g, c->is_exec ? NULL : c); /* wrong arguments: not 255 */
	if (found == PARSED_HELP) {
		command_help_verb(g, c);
		return EXIT_OK;
	}
	if (check_operands(e, g, c, n) < 0)
		return misused(e, g, c, "");
	if (c->enters && selfexe_protect(e, whole) < 0)
		return failed(e, g, c);
	status = c->main(e, g, n, argv);
	if (status < 0)
		return failed(e, g, c);
	log_flush(true);
	return status;
}

/* The verb and its arguments, once the global options are out of the way. */
static int
dispatch(struct err *e, struct globals *g, int argc, char **argv, char **whole)
{
	const struct command *c = command_find(argv[0]);

	if (c)
		return run_command(e, g, c, argc - 1, argv + 1, whole);
	if (str_equal(argv[0], "init")) /* behind global options, which it has no use for */
		return command_init(argc, argv);
	if (str_equal(argv[0], "help") || str_equal(argv[0], "h"))
		return help(e, g, argc - 1, argv + 1);
	if (command_reserved(e, argv[0]))
		return failed(e, g, NULL);
	return unknown(e, g, argv[0]);
}

int
main(int argc, char **argv)
{
	static struct err e BUFFER;
	static struct globals g;
	enum parsed found;
	char **args; /* argv stays as it is */
	int n;

	if (command_is_init(argc, argv)) /* first: the kernel drops a signal that nobody blocks */
		return command_init(argc, argv);
	args = arena_take(&e, (size_t)argc + 1, sizeof *args);
	g.argv0 = argc > 0 ? argv[0] : "ocirt";
	g.name = globals_name(g.argv0);
	/* Before anything is opened: the log must not become the program's stdin (6.1). */
	if (!args || fd_fill_stdio(&e) < 0 || seal_relro(&e) < 0)
		return failed(&e, &g, NULL);
	for (int i = 1; i < argc; i++)
		args[i - 1] = argv[i];
	if (command_parse(&e, &globals_options, NULL, true, argc - 1, args, &n, &found) < 0)
		return misused(&e, &g, NULL, e.text);
	args[n] = NULL; /* an init hands the rest of its words on */
	if (found == PARSED_VERSION) {
		if (globals_finish(&e, &g, g.argv0) < 0 || globals_version(&e, &g) < 0)
			return failed(&e, &g, NULL);
		return EXIT_OK;
	}
	if (found == PARSED_HELP || n == 0) {
		command_help(&g);
		return EXIT_OK;
	}
	return dispatch(&e, &g, n, args, argv);
}
