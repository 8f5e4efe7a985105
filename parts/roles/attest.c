#include "roles/attest.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/jsonw.h"
#include "base/sig.h"
#include "base/str.h"
#include "kernel/hooks.h"
#include "kernel/probe.h"
#include "kernel/tpm.h"
#include "plan/cover.h"
#include "roles/admit.h"
#include "spec/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define DIR POLICY_DIR "/attest.d"

enum { TIMEOUT = 30 /* seconds a program */ };

/* -- what they are told ------------------------------------------------------------------------ */

static const char *
describe(struct err *e, const struct run *r)
{
	static char manifest[2 * MANIFEST_TEXT_MAX] BUFFER, text[sizeof manifest + 32768] BUFFER;
	const struct verified *v = r->verified;
	struct jsonw w = jsonw_in(text, sizeof text, 2);

	if (manifest_write(e, manifest, sizeof manifest, &v->manifest) < 0)
		return NULL;
	jsonw_text(&w, "{'format':1");
	jsonw_string(&w, "id", r->request->id);
	jsonw_string(&w, "bundle", r->plan.options.bundle);
	jsonw_string(&w, "key", v->key_id);
	jsonw_string(&w, "strength", verify_words(v->root.strength));
	jsonw_string(&w, "sha256", v->digest);
	jsonw_raw(&w, "manifest", manifest);
	jsonw_end_object(&w);
	return text; /* the manifest is by far the largest, and it did fit */
}

/* -- programs ---------------------------------------------------------------------------------- */

static int
call(struct err *e, const struct run *r, const char *state, const char *path, int fd)
{
	struct spec_hook program = {.path = path, .timeout = TIMEOUT};
	struct spec_hooks list = {0};
	const struct hooks_call c = {
		.hooks = &list,
		.state = state,
		.cwd = r->plan.options.bundle,
		.fd = &fd,
		.attest = true,
	};

	list.kind[c.kind].at = &program;
	list.kind[c.kind].n = 1;
	return hooks_run(e, &c);
}

/* Could anybody but root have put it there?  In a user namespace root may have no id. */
static int
check_owner(struct err *e, int fd, const char *name, bool directory)
{
	struct stat s;

	if (fstat(fd, &s) == 0 && !(s.st_mode & 022) && (s.st_uid == 0 || probe_user_namespace()) &&
		(directory || (S_ISREG(s.st_mode) && s.st_mode & 0111)))
		return 0;
	return fail(e, "%s: not %s of root's that nobody else can write to", name,
		directory ? "a directory" : "an executable file");
}

static int
call_named(struct err *e, const struct run *r, const char *state, int dir, const char *name)
{
	const char *path = arena_string(e, DIR "/%s", name);
	FD_AUTO int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (!path)
		return -1;
	if (fd < 0)
		return fail_errno(e, "open %s", path);
	TRY(check_owner(e, fd, path, false));
	return call(e, r, state, path, fd);
}

/* The first name behind `name`, in its place; without one it becomes empty. */
static int
next_name(struct err *e, int dir, char name[NAME_MAX + 1])
{
	static struct fd_dir walk BUFFER;
	const struct fd_entry *entry;
	char best[NAME_MAX + 1] = "";

	fd_dir_open(&walk, dir);
	while ((entry = fd_dir_next(&walk)))
		if (*entry->name != '.' && !str_ends(entry->name, "~") &&
			strcmp(entry->name, name) > 0 && (!*best || strcmp(entry->name, best) < 0))
			strcpy(best, entry->name);
	strcpy(name, best);
	errno = walk.error;
	return errno ? fail_errno(e, "read directory " DIR) : 0;
}

static int
call_directory(struct err *e, const struct run *r, const char *state)
{
	FD_AUTO int dir = openat(AT_FDCWD, DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1] = "";

	if (dir < 0 && errno == ENOENT && !admit_leads_nowhere(DIR))
		return 0;
	if (dir < 0)
		return fail_errno(e, "open " DIR);
	TRY(check_owner(e, dir, DIR, true));
	for (;;) {
		TRY(next_name(e, dir, name));
		if (!*name)
			return 0;
		if (call_named(e, r, state, dir, name) < 0)
			TRY(admit_settle(e));
	}
}

/* Its place among the sealed files was looked at: see plan/cover. */
static int
call_annotated(struct err *e, const struct run *r, const char *state)
{
	const char *path = spec_pair(&r->spec.annotations, COVER_ATTEST);
	struct verified_object *o;

	if (!path)
		return 0;
	TRY(verify_find(
		e, r->verified, "annotations: " COVER_ATTEST, r->plan.options.bundle, path, &o));
	return call(e, r, state, path, o->fd);
}

/* -- the whole --------------------------------------------------------------------------------- */

static int
extend(struct err *e, const struct run *r)
{
	const struct policy *p = admit_policy();

	return p->pcr_set ? tpm_extend(e, p->pcr, r->verified->sha256) : 0;
}

/* A program that refuses is no reason not to measure what starts all the same. */
int
attest(struct err *e, struct run *r)
{
	const char *state;

	if (!r->verified)
		return 0;
	state = describe(e, r);
	if (!state)
		return admit_settle(e);
	if (call_directory(e, r, state) < 0)
		TRY(admit_settle(e));
	if (call_annotated(e, r, state) < 0)
		TRY(admit_settle(e));
	return extend(e, r) < 0 ? admit_settle(e) : 0;
}
