/* scenario: read the lives of a scenario, expand and split the commands of their steps.
 *
 * The head of bench.c describes the text.  Names and commands stay where they were read.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
next_field(char **text, char separator)
{
	char *field = *text, *end;

	if (!field)
		return NULL;
	end = strchr(field, separator);
	*text = end ? end + 1 : NULL;
	if (!end)
		end = strchr(field, '\0');
	while (end > field && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	return field + strspn(field, " \t");
}

static int
name_number(const char *name)
{
	int i = 0;

	while (i < n_names && strcmp(names[i], name) != 0)
		i++;
	if (i == NAMES_MAX)
		die("too many names of steps");
	if (i == n_names)
		names[n_names++] = name;
	return i;
}

static struct step
parse_step(char *field)
{
	char *command = field;

	if (*field == '@')
		return (struct step){.kind = PAUSE, .ms = atoi(field + 1)};
	if (*field == '!')
		return (struct step){.kind = UNTIMED, .command = field + 1};
	field = next_field(&command, ' ');
	if (!command)
		die("a step needs a name and a command");
	return (struct step){.kind = TIMED, .name = name_number(field), .command = command};
}

static void
parse_life(char *line)
{
	struct target *t = &targets[n_targets];
	char *field = next_field(&line, '|');

	if (*field == '\0' || *field == '#')
		return;
	if (n_targets++ == TARGETS_MAX)
		die("too many targets");
	t->peer = *field == '?';
	t->name = field + t->peer;
	while ((field = next_field(&line, '|'))) {
		if (t->n_steps == STEPS_MAX)
			die("too many steps");
		t->steps[t->n_steps++] = parse_step(field);
	}
}

void
read_scenario(const char *path)
{
	static char text[TEXT_BYTES];
	char *rest = text, *line;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(must(fd, path), text, sizeof text - 1);

	must(n, path);
	if (n == sizeof text - 1)
		die("the scenario is too long");
	close(fd);
	while ((line = next_field(&rest, '\n')))
		parse_life(line);
}

const char *
lookup(const struct pairs *pairs, const char *name, size_t n)
{
	for (int i = 0; i < pairs->n; i++)
		if (strncmp(pairs->words[i], name, n) == 0 && pairs->words[i][n] == '=')
			return pairs->words[i] + n + 1;
	return NULL;
}

static size_t
append(char *text, size_t n, const char *bytes, size_t length)
{
	if (n + length >= TEXT_BYTES)
		die("a command is too long");
	memcpy(text + n, bytes, length);
	return n + length;
}

char *
expand(const char *command, const char *id)
{
	static char text[TEXT_BYTES];
	size_t n = 0;

	while (*command) {
		size_t plain = strcspn(command, "{"), length;
		const char *name = command + plain + 1, *value;

		n = append(text, n, command, plain);
		command += plain;
		if (!*command)
			break;
		length = strcspn(name, "}");
		value = strncmp(name, "id}", 3) == 0 ? id : lookup(&options.defines, name, length);
		if (!value || !name[length])
			die(command); /* nobody gave it a value */
		n = append(text, n, value, strlen(value));
		command = name + length + 1;
	}
	text[n] = '\0';
	return text;
}

void
split(char *text, char **argv)
{
	int n = 0;

	for (char *word; (word = next_field(&text, ' '));) {
		if (!*word)
			continue;
		if (n == WORDS_MAX - 1)
			die("too many words in a command");
		argv[n++] = word;
	}
	argv[n] = NULL;
}
