/* command: the verbs, and what they share.
 *
 * Contract: a verb is one struct command in a file of its name.  Its main gets its operands and
 * returns an exit status, or -1 with *e filled: printing it is main()'s.
 *
 * Floor: commands (uses all floors below).  Runs in: host.
 */
#ifndef COMMANDS_COMMAND_H
#define COMMANDS_COMMAND_H

#include "base/err.h"
#include "base/log.h"
#include "commands/parse.h"
#include "plan/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCIRT_VERSION "0.1.0"
#define OCIRT_RUNC_LEVEL "1.3.0" /* whose command line we offer (engines.md 1.1) */
#define OCIRT_CRUN_LEVEL "1.27.0"

enum exit_code {
	EXIT_OK = 0,
	EXIT_ERROR = 1,
	EXIT_UNKNOWN_COMMAND = 3,
	EXIT_UNVERIFIED = 77, /* ERR_UNVERIFIED: what was to be used is not what somebody signed */
	EXIT_EXEC = 255,
};

/* Global options and what follows from them. */
struct globals {
	const char *argv0;
	const char *name; /* "ocirt", "runc" or "crun" */
	const char *root; /* state root, absolute; the default of the name when not given */
	bool root_given;
	bool no_cgroups, systemd, rootless, rootless_auto, strict;
};

enum { COMMAND_ANY = 255 }; /* as many operands as there are */

struct command {
	const char *name;
	const char *operands; /* for help: "<container-id>" */
	const char *help;     /* one sentence */
	uint8_t min, max;     /* number of operands */
	bool stop_at_operand; /* the first operand ends option parsing (kill) */
	bool enters;	      /* its process enters the container: create, run, exec.  Errors begin
			       * with "NAME create failed: ", and our binary is protected first */
	bool is_exec;	      /* they begin with "exec failed: ", and the exit status is 255 */
	struct options options;
	int (*main)(struct err *e, const struct globals *g, int argc, char **argv);
};

/* All verbs, in the order of the help, and their number. */
extern const struct command *const command_list[];
extern const size_t command_n;

/* The verb of that name, or NULL. */
const struct command *command_find(const char *name);

/* The global options, for parsing and help; globals_finish() derives what follows from them and
 * opens the log: bad values are errors. */
extern const struct options globals_options;
int globals_finish(struct err *e, struct globals *g, const char *argv0);

/* "ocirt", "runc" or "crun", by the last part of argv[0] (engines.md 1.1). */
const char *globals_name(const char *argv0);

/* The text of --version. */
int globals_version(struct err *e, const struct globals *g);

/* Help on stdout: of everything, or of one verb. */
void command_help(const struct globals *g);
void command_help_verb(const struct globals *g, const struct command *c);

/* Writes to stdout, whole. */
int command_print(struct err *e, const char *text, size_t len);

/* The options that create and run share; request.c turns them into a struct request. */
struct request;
struct request_options {
	const char *bundle, *config, *pid_file, *console_socket, *pidfd_socket, *verify, *key;
	uint32_t preserve_fds;
	bool no_pivot, no_new_keyring, no_subreaper, dry_run, detach, keep;
	struct plan_init_options init;
};
/* Rows of the options for the init that stays; MARK begins their help, MEMBER is their
 * plan_init_options. */
#define INIT_ROWS(ROW, T, MARK, MEMBER) \
	ROW(T, "init", 0, FLAG, "", MARK "stay as the program's init", MEMBER.used) \
	ROW(T, "init-group", 0, FLAG, "", MARK "its signals go to the program's group", \
		MEMBER.group) \
	ROW(T, "init-stop-timeout", 0, STRING, "SECONDS", MARK "from SIGTERM to the end of all", \
		MEMBER.stop_timeout) \
	ROW(T, "init-grace", 0, STRING, "SECONDS", MARK "from there to SIGKILL (1)", MEMBER.grace) \
	ROW(T, "init-wait-all", 0, FLAG, "", MARK "wait for all processes", MEMBER.wait_all)
#define REQUEST_OPTIONS_UNSET \
	{ \
		.init = { PLAN_UNSET, PLAN_UNSET, PLAN_UNSET, NULL, NULL } \
	}
enum { REQUEST_CREATE_OPTIONS = 17, REQUEST_OPTIONS = 19 }; /* the last ones are run's alone */
extern const struct option request_option[];
extern const char request_text[];
int request_make(struct err *e, struct request *q, const struct globals *g,
	const struct request_options *o, const char *id);

/* The container's init: is this its command line, by the name or the first word?  Its options are
 * its own, and it runs before anything of ours has been opened. */
bool command_is_init(int argc, char **argv);
int command_init(int argc, char **argv);

/* Refuses words that belong to a later version (engines.md 2.14, 2.15). */
bool command_reserved(struct err *e, const char *name);

#endif
