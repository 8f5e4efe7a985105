#include "kernel/lsm.h"

#include "base/fd.h"
#include "base/procfs.h"
#include "base/role.h"
#include "base/str.h"

#include <errno.h>

static int
set(struct err *e, const char *file, const char *text)
{
	FD_AUTO int proc = procfs_open(e);

	return proc < 0 ? -1 : procfs_write(e, proc, file, text);
}

static int
set_label(struct err *e, const char *file, const char *label)
{
	return set(e, file, label) < 0 ? context(e, "process.selinuxLabel") : 0;
}

/* The directory came with Linux 5.1 (proc_pid_attr(5)); a profile that is not there is ENOENT in
 * either file.  Engines take those words for a program that was not found (engines.md 4.2). */
static int
set_profile(struct err *e, const char *name)
{
	char text[PLAN_PATH_MAX];

	if (str_format(text, sizeof text, "exec %s", name) < 0)
		return fail(e, "longer than %d bytes", PLAN_PATH_MAX - 6);
	if (set(e, "self/attr/apparmor/exec", text) == 0 ||
		(e->number == ENOENT && set(e, "self/attr/exec", text) == 0))
		return 0;
	return e->number == ENOENT ? fail(e, "profile \"%s\" is not loaded", name) : -1;
}

int
lsm_keys(struct err *e, const struct plan *p)
{
	const char *label = p->spec->process.selinux_label;

	IN(e, ROLE_INIT | ROLE_STAGE);
	return label && p->keyring ? set_label(e, "self/attr/keycreate", label) : 0;
}

int
lsm_program(struct err *e, const struct plan *p)
{
	const struct spec_process *process = &p->spec->process;

	IN(e, ROLE_INIT | ROLE_STAGE);
	if (process->selinux_label)
		TRY(set_label(e, "self/attr/exec", process->selinux_label));
	if (process->apparmor_profile && set_profile(e, process->apparmor_profile) < 0)
		return context(e, "process.apparmorProfile");
	return 0;
}
