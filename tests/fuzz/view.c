/* Any bytes as a config and as a process: accepted or refused with a message, the same each time,
 * and what is accepted keeps the promises of spec/view.h. */
#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "spec/check.h"
#include "spec/view.h"

#include <stdlib.h>
#include <string.h>

static char text[JSON_TEXT_MAX + 1];
static struct err e, again;

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check_strings(const struct strings *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		must(list->at[i] && list->at[i] >= text && list->at[i] < text + sizeof(text));
	must(!list->at || !list->at[list->n]);
	must(list->present || list->n == 0);
}

static void
check_process(const struct spec_process *p)
{
	must(p->present && p->args.n > 0 && *p->args.at[0] && *p->cwd == '/');
	must(!p->apparmor_profile && !p->selinux_label);
	check_strings(&p->args);
	check_strings(&p->env);
}

static void
check_config(const struct spec *s)
{
	must(s->oci_version && s->root.present && *s->root.path);
	check_process(&s->process);
	for (uint32_t i = 0; i < s->mounts.n; i++) {
		must(*s->mounts.at[i].destination && s->mounts.at[i].uid_mappings.n == 0);
		check_strings(&s->mounts.at[i].options);
	}
	for (int kind = 0; kind < HOOKS; kind++)
		for (uint32_t i = 0; i < s->hooks.kind[kind].n; i++)
			must(*s->hooks.kind[kind].at[i].path == '/');
	for (uint32_t i = 0; i < s->linux_.devices.n; i++)
		must(*s->linux_.devices.at[i].path == '/' &&
			(s->linux_.devices.at[i].type == 'p') ==
				(s->linux_.devices.at[i].major < 0));
	check_strings(&s->linux_.masked_paths);
	check_strings(&s->linux_.readonly_paths);
}

static int
read_config(struct err *err, const uint8_t *data, size_t size)
{
	static struct spec s;

	arena_release(0);
	memcpy(text, data, size);
	err->text[0] = '\0';
	if (spec_read(err, &s, text, size, "config.json") < 0 || spec_check(err, &s) < 0)
		return -1;
	check_config(&s);
	return 0;
}

static int
read_process(struct err *err, const uint8_t *data, size_t size)
{
	static struct spec_process p;

	arena_release(0);
	memcpy(text, data, size);
	err->text[0] = '\0';
	if (spec_read_process(err, &p, NULL, text, size, "process.json") < 0 ||
		spec_check_process(err, &p, "") < 0)
		return -1;
	check_process(&p);
	return 0;
}

/* Reads twice: a message when it is refused, none when it is not, and the same both times. */
static void
read_twice(int (*read)(struct err *, const uint8_t *, size_t), const uint8_t *data, size_t size)
{
	int result = read(&e, data, size);

	must(result == read(&again, data, size));
	must((result < 0) == (e.text[0] != '\0'));
	must(strcmp(e.text, again.text) == 0);
	log_flush(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > JSON_TEXT_MAX)
		return 0;
	read_twice(read_config, data, size);
	read_twice(read_process, data, size);
	return 0;
}
