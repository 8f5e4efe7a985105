#include "spec/check.h"

#include "base/log.h"
#include "base/str.h"
#include "spec/checklinux.h"
#include "spec/checktuning.h"
#include "words/mountopt.h"
#include "words/words.h"

#include <string.h>
#include <sys/mount.h>

/* -- ociVersion: Semantic Versioning 2.0.0
 * --------------------------------------------------------- */

enum { VERSION_MAJOR = 1, VERSION_MINOR = 3 }; /* of SPEC_VERSION */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_identifier(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* The length of a number without a leading zero; 0: there is none. */
static size_t
number_length(const char *s)
{
	size_t n = 0;

	while (is_digit(s[n]))
		n++;
	return n > 1 && *s == '0' ? 0 : n;
}

/* Identifiers with dots between them, up to one of the characters in `end` or the end of the text:
 * the length, or 0 when there are none or one is empty.  In a pre-release numbers have no leading
 * zero. */
static size_t
identifiers_length(const char *s, const char *end, bool pre_release)
{
	size_t n = 0;

	for (;;) {
		size_t length = 0, digits = 0;

		for (; is_identifier(s[n + length]); length++)
			digits += is_digit(s[n + length]);
		if (length == 0)
			return 0;
		if (pre_release && digits == length && length > 1 && s[n] == '0')
			return 0;
		n += length;
		if (s[n] != '.')
			return s[n] == '\0' || strchr(end, s[n]) ? n : 0;
		n++;
	}
}

/* Is it a version, and which? */
static bool
read_version(const char *s, uint64_t *major, uint64_t *minor)
{
	uint64_t patch, *const part[] = {major, minor, &patch};
	size_t n;

	for (int i = 0; i < 3; i++, s += n) {
		if (i > 0 && *s++ != '.')
			return false;
		n = number_length(s);
		if (n == 0 || str_u64_n(s, n, part[i]) < 0)
			return false;
	}
	if (*s == '-') {
		n = identifiers_length(s + 1, "+", true);
		if (n == 0)
			return false;
		s += n + 1;
	}
	if (*s == '+') {
		n = identifiers_length(s + 1, "", false);
		if (n == 0)
			return false;
		s += n + 1;
	}
	return *s == '\0';
}

/* GEN-7, DEC-3 */
static int
check_version(struct err *e, const struct spec *s)
{
	uint64_t major, minor;

	if (!s->oci_version)
		return fail(e, "ociVersion: missing");
	if (!read_version(s->oci_version, &major, &minor))
		return fail(e, "ociVersion: \"%s\" is not a version like 1.0.2", s->oci_version);
	if (major != VERSION_MAJOR)
		return fail(e, "ociVersion: %s is not supported, only 1.x", s->oci_version);
	if (minor > VERSION_MINOR)
		log_warning("ociVersion: %s is newer than %s: what it added is ignored",
			s->oci_version, SPEC_VERSION);
	return 0;
}

/* -- process -------------------------------------------------------------------------------------
 */

/* PR-4, PR-5, PR-6, DEC-27; engines.md 4.3 has the words. */
static int
check_program(struct err *e, const struct spec_process *p, const char *prefix)
{
	if (!p->cwd || !*p->cwd)
		return fail(e, "%scwd: Cwd property must not be empty", prefix);
	if (*p->cwd != '/')
		return fail(e, "%scwd: Cwd must be an absolute path", prefix);
	if (p->args.n == 0)
		return fail(e, "%sargs: args must not be empty", prefix);
	if (!*p->args.at[0])
		return fail(e, "%sargs[0]: exec: \"\": executable file not found in $PATH", prefix);
	for (uint32_t i = 0; i < p->env.n; i++)
		if (*p->env.at[i] == '=' || !strchr(p->env.at[i], '=')) /* it may be a secret */
			return fail(e, "%senv[%u]: not of the form NAME=VALUE", prefix, i);
	return 0;
}

/* PR-7: one entry a type; getrlimit(2): the soft limit does not exceed the hard one. */
static int
check_rlimits(struct err *e, const struct spec_process *p, const char *prefix)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < p->rlimits.n; i++) {
		const struct spec_rlimit *r = &p->rlimits.at[i];

		if (seen & UINT64_C(1) << r->resource)
			return fail(e, "%srlimits[%u].type: a second %s", prefix, i,
				words_name(WORDS_RLIMIT, r->resource));
		seen |= UINT64_C(1) << r->resource;
		if (r->soft > r->hard)
			return fail(e, "%srlimits[%u].soft: %llu is above the hard limit %llu",
				prefix, i, (unsigned long long)r->soft,
				(unsigned long long)r->hard);
	}
	return 0;
}

/* PR-3: without a terminal the size is ignored; struct winsize has 16 bits for each. */
static int
check_console_size(struct err *e, const struct spec_process *p, const char *prefix)
{
	if (!p->terminal || !p->console_size.present)
		return 0;
	if (!p->console_size.height_set)
		return fail(e, "%sconsoleSize.height: missing", prefix);
	if (!p->console_size.width_set)
		return fail(e, "%sconsoleSize.width: missing", prefix);
	if (p->console_size.height > UINT16_MAX)
		return fail(e, "%sconsoleSize.height: %u is out of range", prefix,
			p->console_size.height);
	if (p->console_size.width > UINT16_MAX)
		return fail(e, "%sconsoleSize.width: %u is out of range", prefix,
			p->console_size.width);
	return 0;
}

int
spec_check_process(struct err *e, const struct spec_process *p, const char *prefix)
{
	TRY(check_program(e, p, prefix));
	TRY(check_rlimits(e, p, prefix));
	TRY(check_console_size(e, p, prefix));
	if (p->user.umask > 0777) /* PR-12 */
		return fail(
			e, "%suser.umask: %u is more than 511 (octal 777)", prefix, p->user.umask);
	if (p->oom_score_adj < -1000 || p->oom_score_adj > 1000) /* PR-11 */
		return fail(e, "%soomScoreAdj: %d is out of range", prefix, p->oom_score_adj);
	return checktuning_process(e, p, prefix);
}

/* DEC-8: the specification would let create succeed. */
static int
check_process(struct err *e, const struct spec *s)
{
	if (!s->process.present)
		return fail(e, "process property must not be empty: process is required to start");
	return spec_check_process(e, &s->process, "process.");
}

/* -- root, mounts, hooks, names, annotations -----------------------------------------------------
 */

/* RO-1, RO-2, DEC-15 */
static int
check_root(struct err *e, const struct spec *s)
{
	if (!s->root.present)
		return fail(e, "root: missing");
	if (!*s->root.path)
		return fail(e, "root.path: empty");
	return 0;
}

/* MT-4: its options make a bind mount, not its type. */
static bool
is_bind(const struct spec_mount *m)
{
	for (uint32_t i = 0; i < m->options.n; i++) {
		struct mountopt o;

		if (mountopt_find(m->options.at[i], &o) && o.set & MS_BIND)
			return true;
	}
	return false;
}

/* MT-2, MT-3 */
static int
check_mounts(struct err *e, const struct spec *s)
{
	for (uint32_t i = 0; i < s->mounts.n; i++) {
		const struct spec_mount *m = &s->mounts.at[i];

		if (!*m->destination)
			return fail(e, "mounts[%u].destination: empty", i);
		if (is_bind(m) && (!m->source || !*m->source))
			return fail(e, "mounts[%u].source: missing: a bind mount needs it", i);
	}
	return 0;
}

/* HK-1 */
static int
check_hooks(struct err *e, const struct spec *s)
{
	for (int kind = 0; kind < HOOKS; kind++)
		for (uint32_t i = 0; i < s->hooks.kind[kind].n; i++) {
			const char *path = s->hooks.kind[kind].at[i].path;

			if (*path != '/')
				return fail(e, "hooks.%s[%u].path: \"%s\" is not an absolute path",
					words_name(WORDS_HOOK, kind), i, path);
		}
	return 0;
}

/* UT-1, UT-2, DEC-22: without an entry the name of the host would change. */
static int
check_name(struct err *e, const struct spec *s, const char *property, const char *name)
{
	if (!name)
		return 0;
	if (!s->linux_.namespaces[NAMESPACE_UTS].listed)
		return fail(e, "%s: needs a \"uts\" entry in linux.namespaces", property);
	if (strlen(name) > SPEC_HOSTNAME_MAX)
		return fail(e, "%s: longer than %d bytes", property, SPEC_HOSTNAME_MAX);
	return 0;
}

static int
check_names(struct err *e, const struct spec *s)
{
	TRY(check_name(e, s, "hostname", s->hostname));
	return check_name(e, s, "domainname", s->domainname);
}

/* AN-1, DEC-21; engines.md 3.6 for the warning */
static int
check_annotations(struct err *e, const struct spec *s)
{
	for (uint32_t i = 0; i < s->annotations.n; i++) {
		const struct pair *a = &s->annotations.at[i];

		if (!*a->name)
			return fail(e, "annotations[\"\"]: the name is empty");
		if (str_equal(a->name, "run.oci.handler"))
			log_warning(
				"annotations[\"%s\"]: ignored: this runtime has no handler \"%s\"",
				a->name, a->value);
	}
	return 0;
}

int
spec_check(struct err *e, const struct spec *s)
{
	TRY(check_version(e, s));
	TRY(check_process(e, s));
	TRY(check_root(e, s));
	TRY(check_mounts(e, s));
	TRY(check_hooks(e, s));
	TRY(check_names(e, s));
	TRY(check_annotations(e, s));
	return checklinux_all(e, s);
}

/* -- container ids
 * --------------------------------------------------------------------------------- */

/* ST-3, security.md section 9: checked before the first path is formed with it. */
int
spec_check_id(struct err *e, const char *id)
{
	size_t n = 0;

	if (!*id)
		return fail(e, "container id cannot be empty");
	while (is_identifier(id[n]) || id[n] == '_' || id[n] == '+' || id[n] == '.')
		n++;
	if (id[n] || str_equal(id, ".") || str_equal(id, ".."))
		return fail(e, "invalid container ID format: \"%s\"", id);
	if (n > SPEC_ID_MAX)
		return fail(e, "invalid container ID format: longer than %d bytes", SPEC_ID_MAX);
	return 0;
}
