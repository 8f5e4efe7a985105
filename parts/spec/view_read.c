/* The documents: config, process, resources. */
#include "spec/view.h"

#include "base/json.h"
#include "spec/fields.h"
#include "spec/settle.h"

#include <stddef.h>
#include <string.h>

int
spec_read(struct err *e, struct spec *s, char *text, size_t len, const char *name)
{
	const struct view_text t = {text, len, name, false};

	TRY(view_document(e, fields_config(), s, NULL, &t));
	settle_linux(&s->linux_);
	return 0;
}

int
spec_read_resources(
	struct err *e, struct spec_resources *r, char *text, size_t len, const char *name)
{
	const struct view_text t = {text, len, name, false};

	TRY(view_document(e, fields_resources(), r, NULL, &t));
	r->present = true;
	return 0;
}

#define INHERITED(name, member) \
	{ \
		name, offsetof(struct spec_process, member), \
			sizeof(((struct spec_process *)0)->member) \
	}

/* EXE-1: what a document does not have (null is absent, DEC-29) stays as the config has it. */
static void
inherit(const struct json *j, struct spec_process *p, const struct spec_process *from)
{
	static const struct {
		char name[16];
		uint16_t at, size;
	} rows[] = {
		INHERITED("env", env),
		INHERITED("capabilities", capabilities),
		INHERITED("rlimits", rlimits),
		INHERITED("noNewPrivileges", no_new_privileges),
		INHERITED("scheduler", scheduler),
		INHERITED("ioPriority", io_priority),
		INHERITED("execCPUAffinity", exec_cpu_affinity),
		INHERITED("apparmorProfile", apparmor_profile),
		INHERITED("selinuxLabel", selinux_label),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t at = json_find(j, 0, rows[i].name);

		if (at < 0 || json_type(j, (uint32_t)at) == JSON_NULL)
			memcpy((char *)p + rows[i].at, (const char *)from + rows[i].at,
				rows[i].size);
	}
}

int
spec_read_process(struct err *e, struct spec_process *p, const struct spec_process *defaults,
	char *text, size_t len, const char *name)
{
	const struct view_text t = {text, len, name, false};
	struct json j;

	TRY(view_document(e, fields_process(), p, &j, &t));
	p->present = true;
	if (defaults)
		inherit(&j, p, defaults);
	return 0;
}
