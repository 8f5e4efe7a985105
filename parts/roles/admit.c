#include "roles/admit.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mnt.h"
#include "base/sig.h"
#include "base/str.h"
#include "kernel/probe.h"
#include "roles/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCEPTED "/var/lib/ocirt/accepted"
enum { LOCK_MAX = 5000 }; /* ms: nobody holds it for longer than an fsync takes */

#define OURS "org.ocirt.verify." /* annotations */

static struct policy policy;
static struct verified verified BUFFER;

/* What was accepted last of what has this name. */
static struct {
	uint64_t version, created;
} last;

bool
admit_leads_nowhere(const char *path)
{
	struct stat s;

	return fstatat(AT_FDCWD, path, &s, AT_SYMLINK_NOFOLLOW) == 0 && stat(path, &s) < 0;
}

static bool
is_absent(const struct err *e, const char *dir, const char *path)
{
	return e->number == ENOENT && !admit_leads_nowhere(dir) && !admit_leads_nowhere(path);
}

/* Is it the directory of those alone who may write there? */
static int
check_place(struct err *e, const char *dir)
{
	struct stat s;

	return stat(dir, &s) < 0 ? fail_errno(e, "stat %s", dir) : verify_writers(e, &s, dir);
}

/* -- the policy -------------------------------------------------------------------------------- */

static int
read_policy_file(struct err *e)
{
	static char text[POLICY_TEXT_MAX + 1] BUFFER;
	ssize_t n = verify_read(e, AT_FDCWD, POLICY_FILE, text, sizeof text);

	if (n < 0 && is_absent(e, POLICY_DIR, POLICY_FILE))
		return 0;
	TRY(n);
	TRY(check_place(e, POLICY_DIR));
	return policy_read(e, &policy, text, (size_t)n);
}

static int
read_policy(struct err *e)
{
	TRY(read_policy_file(e));
	if (!policy.accepted)
		policy.accepted = ACCEPTED;
	return 0;
}

static bool
is_privileged(void)
{
	return geteuid() == 0 && !probe_user_namespace();
}

/* What holds: the file's, or what the options say. */
static int
choose_policy(struct err *e, const struct request *q)
{
	int wanted = q->verify < 0 && q->key ? VERIFY_REQUIRED : q->verify;

	TRY(read_policy(e));
	if (policy.policy != VERIFY_OFF && (wanted >= 0 || q->key) && !is_privileged()) {
		if (q->key)
			return fail(e, "--key: " POLICY_FILE " says whose keys count");
		if (wanted < policy.policy)
			return fail(e, "--verify: weaker than \"%s\" of " POLICY_FILE,
				words_name(WORDS_VERIFY, policy.policy));
	}
	if (wanted >= 0)
		policy.policy = wanted;
	return 0;
}

/* -- the manifest ------------------------------------------------------------------------------ */

static int
check_key(struct err *e, const char *file, const char *id)
{
	for (uint32_t i = 0; i < policy.revoked.n; i++)
		if (str_equal(policy.revoked.at[i], id))
			return fail(e, "%s: key %s is revoked", file, id);
	return 0;
}

/* "VERSION CREATED\n"; nothing was accepted where there is no file. */
static int
read_last(struct err *e, const char *name)
{
	const char *dir = policy.accepted;
	const char *path = arena_string(e, "%s/%s", dir, name);
	char text[64];
	ssize_t n = path ? verify_read(e, AT_FDCWD, path, text, sizeof text) : -1;
	size_t len;

	if (n < 0 && path && is_absent(e, dir, path))
		return 0;
	TRY(n);
	TRY(check_place(e, dir));
	len = str_until(text, " ");
	if (str_u64_n(text, len, &last.version) == 0 && n > (ssize_t)len + 1 &&
		str_u64_n(text + len + 1, (size_t)n - len - 2, &last.created) == 0)
		return 0;
	return fail(e, "%s: not a version and a time", path);
}

static int
check_version(struct err *e, const struct manifest *m)
{
	TRY(read_last(e, m->name));
	if (m->version >= last.version)
		return 0;
	return fail(e, MANIFEST_FILE ": version %ju of %s, after version %ju",
		(uintmax_t)m->version, m->name, (uintmax_t)last.version);
}

int
admit_keys(struct err *e, struct verify_keys *keys)
{
	TRY(read_policy(e));
	if (!keys->key && !keys->dir) {
		keys->dir = policy.keys;
		keys->of_system = true;
	}
	return 0;
}

int
admit_manifest(struct err *e, const struct verified *v)
{
	TRY(check_key(e, v->key, v->key_id));
	TRY(check_version(e, &v->manifest));
	return verify_time(e, v, last.created > OCIRT_DATE ? last.created : (uint64_t)OCIRT_DATE);
}

/* All that can be said before the config is parsed. */
static int
check_manifest(struct err *e, const struct run *r, const char *config, int bundle_dir)
{
	struct verify_keys keys = {
		.key = r->request->key, .dir = policy.keys, .of_system = !r->request->key};

	TRY(verify_manifest(e, &verified, bundle_dir, &keys));
	TRY(admit_manifest(e, &verified));
	return verify_config(e, &verified, r->config, r->config_len, config);
}

/* The policy about what one of the checks said: *on is whether to go on with them. */
static int
judge(struct err *e, int result, bool *on)
{
	*on = result == 0;
	if (result == 0)
		return 0;
	if (policy.policy == VERIFY_REQUIRED)
		return verify_refuse(e);
	log_warning("not verified: %s", e->text);
	return 0;
}

const struct policy *
admit_policy(void)
{
	return &policy;
}

int
admit_settle(struct err *e)
{
	if (sig_ended_by())
		return -1;
	if (policy.policy == VERIFY_REQUIRED)
		return verify_refuse(e);
	log_warning("%s", e->text);
	return 0;
}

/* -- annotations ------------------------------------------------------------------------------- */

static int
check_annotations(struct err *e, const struct pairs *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (str_starts(p->at[i].name, OURS))
			return fail(e, "annotations: \"%s\" is for what we have verified",
				p->at[i].name);
	return 0;
}

/* What is verified again goes elsewhere, but for the text of the manifest. */
static int
annotate(struct err *e, struct pairs *p)
{
	const struct manifest *m = &verified.manifest;
	const struct pair ours[] = {
		{OURS "key", verified.key_id},
		{OURS "manifest", verified.digest},
		{OURS "name", arena_string(e, "%s", m->name)},
		{OURS "policy", words_name(WORDS_VERIFY, policy.policy)},
		{OURS "strength", verify_words(verified.root.strength)},
		{OURS "version", arena_string(e, "%ju", (uintmax_t)m->version)},
	};
	struct pair *at = arena_take(e, p->n + sizeof ours / sizeof *ours, sizeof *at);

	if (!at || !ours[2].value || !ours[5].value)
		return -1;
	if (p->n > 0)
		memcpy(at, p->at, p->n * sizeof *at);
	memcpy(at + p->n, ours, sizeof ours);
	p->at = at;
	p->n += sizeof ours / sizeof *ours;
	return 0;
}

/* -- before anything is made ------------------------------------------------------------------- */

int
admit(struct err *e, struct run *r, const char *config, const char *bundle)
{
	FD_AUTO int dir = -1;
	bool on;

	if (choose_policy(e, r->request) < 0)
		return verify_refuse(e);
	on = policy.policy != VERIFY_OFF;
	if (load_config(e, config, &r->config, &r->config_len) < 0)
		return policy.policy == VERIFY_REQUIRED ? verify_refuse(e) : -1;
	if (on) {
		dir = openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return fail_errno(e, "open %s", bundle);
		TRY(judge(e, check_manifest(e, r, config, dir), &on));
	}
	TRY(load_decode(e, &r->spec, r->config_len, config));
	TRY(check_annotations(e, &r->spec.annotations));
	verified.root.mounted = policy.policy == VERIFY_REQUIRED;
	if (on)
		TRY(judge(e, verify_objects(e, &verified, dir, bundle, &r->spec), &on));
	if (!on)
		return 0;
	r->verified = &verified;
	return annotate(e, &r->spec.annotations);
}

static int
exchanged(struct err *e, const char *what)
{
	(void)fail(e, "%s: exchanged after it was verified", what);
	return verify_refuse(e);
}

int
admit_plan(struct err *e, struct run *r)
{
	struct verified *v = r->verified;
	struct verified_object *o;
	struct mnt_look look;

	if (!v)
		return 0;
	for (uint32_t i = 0; i < r->plan.mounts.n; i++) {
		struct plan_mount *m = &r->plan.mounts.at[i];

		if (m->kind != PLAN_MOUNT_BIND)
			continue;
		TRY(verify_find(e, v, "mounts", r->plan.options.bundle, m->source, &o));
		if (!o)
			continue;
		TRY(mnt_look(e, o->fd, &look));
		m->dev = look.dev;
		m->ino = look.ino;
	}
	return 0;
}

/* Of two that start at once the older one must not have the last word.  Nobody but us can open the
 * file that is locked, and hold us up; no manifest has such a name. */
static int
accept(struct err *e)
{
	const char *path = policy.accepted;
	const struct manifest *m = &verified.manifest;
	FD_AUTO int root = -1, at = -1, dir = -1, lock = -1;
	char text[64];
	int n;

	root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail_errno(e, "open /");
	TRY(at = fd_make_in_root(e, root, path, FD_DIRECTORY, 0755));
	dir = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		lock = openat(dir, "lock~", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0)
		return fail_errno(e, "open %s", path);
	if (fd_lock(lock, LOCK_MAX) < 0)
		return fail_errno(e, "lock %s/lock~", path);
	TRY(check_version(e, m));
	n = str_format(text, sizeof text, "%ju %ju\n", (uintmax_t)m->version,
		(uintmax_t)(m->created > last.created ? m->created : last.created)); /* fits */
	if (fd_replace(e, dir, m->name, 0644, text, (size_t)n) < 0)
		return context(e, "%s", path);
	return fsync(dir) < 0 ? fail_errno(e, "sync %s", path) : 0;
}

int
admit_accept(struct err *e, struct run *r)
{
	const struct manifest *m = &verified.manifest;

	if (!r->verified || !is_privileged() ||
		(m->version == last.version && m->created <= last.created) || accept(e) == 0)
		return 0;
	return admit_settle(e);
}

/* -- while it is used -------------------------------------------------------------------------- */

int
admit_root(struct err *e, struct run *r)
{
	if (!r->verified || mnt_same(r->rootfs_dir, r->verified->root.fd))
		return 0;
	return exchanged(e, r->plan.rootfs);
}

int
admit_hooks(struct err *e, struct verified *v, const char *bundle, struct hooks_call *call)
{
	const struct spec_hook *at = call->hooks->kind[call->kind].at;
	uint32_t n = call->hooks->kind[call->kind].n;
	struct verified_object *o;
	int *fd;

	if (!v || n == 0)
		return 0;
	fd = arena_take(e, n, sizeof *fd);
	if (!fd)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		TRY(verify_find(e, v, "hooks", bundle, at[i].path, &o));
		if (!o)
			return exchanged(e, at[i].path);
		fd[i] = o->fd;
	}
	call->fd = fd;
	return 0;
}

/* What `create` would only have warned of. */
static int
judge_again(struct err *e, const struct state *s)
{
	const char *how = spec_pair(&s->annotations, OURS "policy");

	if (!how || !str_equal(how, words_name(WORDS_VERIFY, VERIFY_WARN)))
		return verify_refuse(e);
	log_warning("not verified: %s", e->text);
	log_flush(true); /* before others drop it, who look at the config again */
	return 0;
}

int
admit_start(struct err *e, const struct state *s)
{
	const char *id = spec_pair(&s->annotations, OURS "key");

	if (!id || (read_policy(e) == 0 && check_key(e, s->bundle, id) == 0))
		return 0;
	return judge_again(e, s);
}

static int
check_hooks(struct err *e, const struct state *s, const char *digest, struct hooks_call *call)
{
	/* What create has verified itself is in the annotations. */
	static struct verified again BUFFER;
	const struct verify_keys keys = {.digest = digest};
	int dir; /* stays open as long as we live */

	if (again.manifest.name)
		verify_close(&again);
	dir = openat(AT_FDCWD, s->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_errno(e, "open %s", s->bundle);
	TRY(verify_manifest(e, &again, dir, &keys));
	return admit_hooks(e, &again, s->bundle, call);
}

/* The annotations are ours: create lets no config have one of such a name. */
int
admit_again(struct err *e, const struct state *s, struct hooks_call *call)
{
	const char *digest = spec_pair(&s->annotations, OURS "manifest");

	return !digest || check_hooks(e, s, digest, call) == 0 ? 0 : judge_again(e, s);
}
