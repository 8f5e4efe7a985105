#include "plan/plan.h"

#include "base/str.h"

enum { SECONDS_MAX = 1000000 };

/* Behind "org.ocirt.init" in the name of an annotation; an option has dashes there. */
static const char names[][16] = {"", ".group", ".wait-all", ".stop-timeout", ".grace"};

enum { USED, GROUP, WAIT_ALL, STOP_TIMEOUT, GRACE, SETTINGS };

static const char prefix[] = "org.ocirt.init";

struct settings {
	uint32_t value[SETTINGS];
	bool given[SETTINGS];
	char last[64]; /* what was given last, as the user knows it */
};

static int
set(struct err *e, struct settings *s, int which, const char *value)
{
	uint64_t n;

	if (which < STOP_TIMEOUT) {
		n = str_equal(value, "true");
		if (n == 0 && !str_equal(value, "false"))
			return fail(e, "%s: \"%s\" is neither true nor false", s->last, value);
	} else if (str_u64(value, &n) < 0 || n > SECONDS_MAX) {
		return fail(e, "%s: \"%s\" is not a number of seconds", s->last, value);
	}
	s->value[which] = (uint32_t)n;
	s->given[which] = true;
	return 0;
}

static int
set_annotation(struct err *e, struct settings *s, const struct pair *a)
{
	if (!str_starts(a->name, prefix))
		return 0;
	(void)str_format(s->last, sizeof s->last, "annotations[\"%s\"]", a->name);
	for (int i = 0; i < SETTINGS; i++)
		if (str_equal(a->name + sizeof prefix - 1, names[i]))
			return set(e, s, i, a->value);
	return fail(e, "annotations[\"%s\"]: not available in this version", a->name);
}

static int
set_options(struct err *e, struct settings *s, const struct plan_init_options *o)
{
	static const char words[][6] = {"false", "true"};
	const char *value[SETTINGS] = {[STOP_TIMEOUT] = o->stop_timeout, [GRACE] = o->grace};
	const uint8_t flag[] = {o->used, o->group, o->wait_all};

	for (int i = 0; i < SETTINGS; i++) {
		const char *name = names[i];

		if (i < STOP_TIMEOUT && flag[i] != PLAN_UNSET)
			value[i] = words[flag[i]];
		if (!value[i])
			continue;
		(void)str_format(s->last, sizeof s->last, "--init%s%s", *name ? "-" : "",
			*name ? name + 1 : "");
		TRY(set(e, s, i, value[i]));
	}
	return 0;
}

/* init.md 4.4.  A limit of the engine's that leaves no room would end in a start that fails. */
static int
check(struct err *e, const struct plan *p)
{
	const struct spec_process *process = &p->spec->process;
	const struct spec_resources *r = &p->spec->linux_.resources;

	if (p->cgroup.used && r->pids.limit_set && r->pids.limit >= 0 && r->pids.limit < 2)
		return fail(e,
			"linux.resources.pids.limit: %d leaves no room for the program beside its "
			"init",
			(int)r->pids.limit);
	if (process->apparmor_profile || process->selinux_label)
		return fail(e, "process.%s: not supported together with --init",
			process->apparmor_profile ? "apparmorProfile" : "selinuxLabel");
	return 0;
}

int
plan_make_init(struct err *e, struct plan *p, const struct pairs *annotations)
{
	struct settings s = {.value[GRACE] = 1};

	for (uint32_t i = 0; annotations && i < annotations->n; i++)
		TRY(set_annotation(e, &s, &annotations->at[i]));
	TRY(set_options(e, &s, &p->options.init));
	if (*s.last && !s.given[USED])
		return fail(
			e, "%s: there is no init without --init or annotation %s", s.last, prefix);
	p->init = (struct plan_init){
		.used = s.value[USED],
		.group = s.value[GROUP],
		.wait_all = s.value[WAIT_ALL],
		.stop_timeout = s.value[STOP_TIMEOUT],
		.grace = s.value[GRACE],
	};
	return p->init.used ? check(e, p) : 0;
}
