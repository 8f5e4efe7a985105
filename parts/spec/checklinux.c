#include "spec/checklinux.h"

#include "base/log.h"
#include "base/str.h"
#include "spec/checkresources.h"
#include "spec/checkseccomp.h"
#include "spec/checktuning.h"
#include "words/words.h"

#include <string.h>

/* -- id mappings
 * ----------------------------------------------------------------------------------- */

/* Do two extents share an id?  Their ends fit in 64 bits. */
static bool
overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* user_namespaces(7): no id in two extents, on neither side; the last id is 2^32 - 2. */
static int
check_extent(struct err *e, const char *property, const struct spec_idmaps *maps, uint32_t i)
{
	const struct spec_idmap *m = &maps->at[i];

	if (m->size > UINT32_MAX - m->container_id)
		return fail(e, "%s[%u].containerID: the last id is out of range", property, i);
	if (m->size > UINT32_MAX - m->host_id)
		return fail(e, "%s[%u].hostID: the last id is out of range", property, i);
	for (uint32_t k = 0; k < i; k++) {
		const struct spec_idmap *other = &maps->at[k];

		if (overlap(m->container_id, m->size, other->container_id, other->size))
			return fail(e, "%s[%u].containerID: overlaps entry %u", property, i, k);
		if (overlap(m->host_id, m->size, other->host_id, other->size))
			return fail(e, "%s[%u].hostID: overlaps entry %u", property, i, k);
	}
	return 0;
}

static int
check_extents(struct err *e, const char *property, const struct spec_idmaps *maps)
{
	if (maps->n > SPEC_IDMAP_MAX)
		return fail(e, "%s: more than %d entries", property, SPEC_IDMAP_MAX);
	for (uint32_t i = 0; i < maps->n; i++)
		TRY(check_extent(e, property, maps, i));
	return 0;
}

/* UM-1 */
static int
check_idmaps(
	struct err *e, const struct spec *s, const char *property, const struct spec_idmaps *maps)
{
	const struct spec_namespace *user = &s->linux_.namespaces[NAMESPACE_USER];

	if (maps->n > 0 && !user->listed)
		return fail(e, "%s: needs a \"user\" entry in linux.namespaces", property);
	if (maps->n == 0 && user->listed && !user->path)
		return fail(e, "%s: missing: a new user namespace needs it", property);
	return check_extents(e, property, maps);
}

/* MT-6 */
static int
check_mount_mappings(struct err *e, const struct spec_mount *m, uint32_t i)
{
	char property[48];

	if (!m->uid_mappings.n != !m->gid_mappings.n)
		return fail(e, "mounts[%u].%cidMappings: missing: %cidMappings needs it too", i,
			m->uid_mappings.n ? 'g' : 'u', m->uid_mappings.n ? 'u' : 'g');
	(void)str_format(property, sizeof property, "mounts[%u].uidMappings", i);
	TRY(check_extents(e, property, &m->uid_mappings));
	(void)str_format(property, sizeof property, "mounts[%u].gidMappings", i);
	return check_extents(e, property, &m->gid_mappings);
}

static int
check_mappings(struct err *e, const struct spec *s)
{
	TRY(check_idmaps(e, s, "linux.uidMappings", &s->linux_.uid_mappings));
	TRY(check_idmaps(e, s, "linux.gidMappings", &s->linux_.gid_mappings));
	for (uint32_t i = 0; i < s->mounts.n; i++)
		TRY(check_mount_mappings(e, &s->mounts.at[i], i));
	return 0;
}

/* -- devices, paths
 * -------------------------------------------------------------------------------- */

/* DV-1, DV-2, DV-3, DEC-16 */
static int
check_devices(struct err *e, const struct spec *s)
{
	for (uint32_t i = 0; i < s->linux_.devices.n; i++) {
		const struct spec_device *d = &s->linux_.devices.at[i];

		if (*d->path != '/')
			return fail(e, "linux.devices[%u].path: \"%s\" is not an absolute path", i,
				d->path);
		if (d->type != 'p' && d->major < 0)
			return fail(e, "linux.devices[%u].major: missing", i);
		if (d->type != 'p' && d->minor < 0)
			return fail(e, "linux.devices[%u].minor: missing", i);
		if (d->file_mode > 0777)
			return fail(e,
				"linux.devices[%u].fileMode: %u is more than 511 (octal 777)", i,
				d->file_mode);
	}
	return 0;
}

/* netdevice(7), and what the kernel's dev_valid_name() and dev_alloc_name() demand: it picks a
 * number for the one %d. */
static bool
is_net_device(const char *name)
{
	const char *number = strchr(name, '%');
	size_t n = strlen(name);

	if (number && (number[1] != 'd' || strchr(number + 1, '%')))
		return false;
	return n > 0 && n < 16 && str_until(name, "/: \t\n\v\f\r\240") == n &&
		!str_equal(name, ".") && !str_equal(name, "..");
}

/* ND-1 */
static int
check_net_devices(struct err *e, const struct spec *s)
{
	static const char text[] = "is not the name of a network device";
	const struct pairs *list = &s->linux_.net_devices;

	for (uint32_t i = 0; i < list->n; i++) {
		const struct pair *p = &list->at[i];

		if (!is_net_device(p->name))
			return fail(e, "linux.netDevices: \"%s\" %s", p->name, text);
		if (!is_net_device(p->value))
			return fail(
				e, "linux.netDevices.%s.name: \"%s\" %s", p->name, p->value, text);
	}
	if (list->n > 0 && !s->linux_.namespaces[NAMESPACE_NETWORK].listed)
		return fail(e, "linux.netDevices: needs a \"network\" entry in linux.namespaces");
	return 0;
}

static int
check_absolute(struct err *e, const char *property, const struct strings *paths)
{
	for (uint32_t i = 0; i < paths->n; i++)
		if (*paths->at[i] != '/')
			return fail(e, "linux.%s[%u]: \"%s\" is not an absolute path", property, i,
				paths->at[i]);
	return 0;
}

/* MS-2, MS-3 */
static int
check_paths(struct err *e, const struct spec *s)
{
	TRY(check_absolute(e, "maskedPaths", &s->linux_.masked_paths));
	return check_absolute(e, "readonlyPaths", &s->linux_.readonly_paths);
}

/* -- cgroupsPath
 * ------------------------------------------------------------------------------------ */

/* CG-1: every component must name a cgroup of its own. */
static int
check_cgroups_path(struct err *e, const struct spec *s)
{
	const char *path = s->linux_.cgroups_path, *part = path;
	size_t n;

	if (!path)
		return 0;
	for (part += *part == '/'; part; part = part[n] ? part + n + 1 : NULL) {
		n = str_until(part, "/");
		if (n == 0)
			return fail(e, "linux.cgroupsPath: \"%s\" has an empty component", path);
		if ((n == 1 && *part == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
			return fail(e, "linux.cgroupsPath: \"%s\" has a component . or ..", path);
	}
	return 0;
}

/* -- sysctl
 * ------------------------------------------------------------------------------------------ */

enum { SYSCTL_MAX = 255 }; /* bytes of a key */

/* The keys that belong to a namespace (SY-2), as paths below /proc/sys */
static const struct sysctl_rule {
	char path[24];
	bool below;    /* the rest of the last component, or what lies below, is free */
	uint8_t needs; /* enum namespace */
} sysctl_rules[] = {
	/* clang-format off */
	{ "kernel/msg",		true,	NAMESPACE_IPC },	/* ipc_namespaces(7) */
	{ "kernel/sem",		false,	NAMESPACE_IPC },
	{ "kernel/sem_next_id",	false,	NAMESPACE_IPC },
	{ "kernel/shm",		true,	NAMESPACE_IPC },
	{ "fs/mqueue/",		true,	NAMESPACE_IPC },	/* mq_overview(7) */
	{ "net/",		true,	NAMESPACE_NETWORK },	/* network_namespaces(7) */
	{ "kernel/domainname",	false,	NAMESPACE_UTS },	/* uts_namespaces(7) */
	/* clang-format on */
};

/* May the character be in a component of a key?  The names of interfaces have few limits. */
static bool
is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c && strchr("_-.:@+", c));
}

/* Turns a key into a path below /proc/sys.  sysctl(8): the first separator of a key is the one that
 * counts; where that is a dot, a slash stands for a dot.  Fails on an empty component, on "." and
 * "..", and on characters that no key has. */
static bool
sysctl_path(const char *key, char path[SYSCTL_MAX + 1])
{
	bool dotted = key[str_until(key, "./")] == '.';
	size_t n = strlen(key), dots = 0, length = 0;

	if (n == 0 || n > SYSCTL_MAX)
		return false;
	for (size_t i = 0; i <= n; i++) {
		char c = key[i];

		if (dotted && (c == '.' || c == '/'))
			c = c == '.' ? '/' : '.';
		path[i] = c;
		if (c == '/' || c == '\0') {
			if (length == 0 || (dots == length && dots <= 2))
				return false;
			length = dots = 0;
		} else if (is_key_char(c)) {
			length++;
			dots += c == '.';
		} else {
			return false;
		}
	}
	return true;
}

static const struct sysctl_rule *
find_rule(const char *path)
{
	for (size_t i = 0; i < sizeof(sysctl_rules) / sizeof(sysctl_rules[0]); i++) {
		const struct sysctl_rule *r = &sysctl_rules[i];

		if (r->below ? str_starts(path, r->path) : str_equal(path, r->path))
			return r;
	}
	return NULL;
}

/* SY-2: every other key would change the host. */
static int
check_key(struct err *e, const struct spec *s, const struct pair *p)
{
	char path[SYSCTL_MAX + 1];
	const struct sysctl_rule *r;

	if (!sysctl_path(p->name, path))
		return fail(e, "linux.sysctl[\"%s\"]: not the name of a kernel parameter", p->name);
	if (str_equal(path, "kernel/hostname"))
		return fail(e, "linux.sysctl[\"%s\"]: use the property hostname", p->name);
	r = find_rule(path);
	if (!r)
		return fail(e,
			"linux.sysctl[\"%s\"]: belongs to no namespace: it would change the host",
			p->name);
	if (!s->linux_.namespaces[r->needs].listed)
		return fail(e, "linux.sysctl[\"%s\"]: needs a \"%s\" entry in linux.namespaces",
			p->name, words_name(WORDS_NAMESPACE, r->needs));
	if (r->needs == NAMESPACE_UTS && s->domainname && !str_equal(s->domainname, p->value))
		return fail(e, "linux.sysctl[\"%s\"]: \"%s\" contradicts domainname", p->name,
			p->value);
	return 0;
}

static int
check_sysctl(struct err *e, const struct spec *s)
{
	for (uint32_t i = 0; i < s->linux_.sysctl.n; i++)
		TRY(check_key(e, s, &s->linux_.sysctl.at[i]));
	return 0;
}

int
checklinux_all(struct err *e, const struct spec *s)
{
	TRY(check_mappings(e, s));
	TRY(check_devices(e, s));
	TRY(check_net_devices(e, s));
	TRY(check_paths(e, s));
	TRY(check_cgroups_path(e, s));
	TRY(check_sysctl(e, s));
	TRY(checktuning_linux(e, s));
	TRY(checkresources_all(e, &s->linux_.resources));
	return checkseccomp_all(e, &s->linux_.seccomp);
}
