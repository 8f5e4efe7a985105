#include "commands/command.h"

#include "base/fd.h"
#include "base/str.h"

#include <string.h>

extern const struct command command_create, command_delete, command_events, command_exec,
	command_features, command_kill, command_list_verb, command_pause, command_ps,
	command_resume, command_run, command_seal, command_spec, command_start, command_state,
	command_update, command_verify;

const struct command *const command_list[] = {
	&command_create,
	&command_delete,
	&command_events,
	&command_exec,
	&command_features,
	&command_kill,
	&command_list_verb,
	&command_pause,
	&command_ps,
	&command_resume,
	&command_run,
	&command_seal,
	&command_spec,
	&command_start,
	&command_state,
	&command_update,
	&command_verify,
};
const size_t command_n = sizeof command_list / sizeof *command_list;

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < command_n; i++)
		if (str_equal(command_list[i]->name, name))
			return command_list[i];
	return NULL;
}

int
command_print(struct err *e, const char *text, size_t len)
{
	return fd_write(e, 1, text, len, "stdout");
}

bool
command_reserved(struct err *e, const char *name)
{
	if (str_equal(name, "checkpoint") || str_equal(name, "restore")) {
		(void)fail(e, "%s is not supported", name);
		return true;
	}
	if (str_equal(name, "check")) {
		(void)fail(e, "\"%s\" is not available in this version", name);
		return true;
	}
	return false;
}
