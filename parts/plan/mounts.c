#include "plan/plan.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"
#include "plan/cgroupmount.h"
#include "plan/mounting.h"
#include "plan/path.h"
#include "words/mountopt.h"

#include <string.h>

enum { DATA_MAX = 4096 }; /* mount(2) takes one page of data and cuts what is longer */

/* Of contradicting options the last one wins, as for mount(8). */
static void
apply(struct mounting *m, const struct mountopt *o)
{
	m->set = (m->set & ~o->clear) | o->set;
	m->clear = (m->clear & ~o->set) | o->clear;
	m->attr_set = (m->attr_set & ~o->attr_clear) | o->attr_set;
	m->attr_clear = (m->attr_clear & ~o->attr_set) | o->attr_clear;
	if (o->propagation)
		m->propagation = o->propagation;
	if (o->ours == MOUNTOPT_IDMAP || o->ours == MOUNTOPT_RIDMAP)
		m->idmap = o->ours == MOUNTOPT_IDMAP ? PLAN_IDMAP_TOP : PLAN_IDMAP_ALL;
	if (o->ours == MOUNTOPT_TMPCOPYUP)
		m->copy_up = true;
}

/* MT-5: known options become flags, the others the filesystem's data. */
static int
read_options(struct err *e, struct mounting *m)
{
	char buffer[DATA_MAX];
	struct str data = str_in(buffer, sizeof(buffer));

	for (uint32_t i = 0; i < m->spec->options.n; i++) {
		const char *name = m->spec->options.at[i];
		struct mountopt o;

		if (mountopt_find(name, &o)) {
			apply(m, &o);
			continue;
		}
		m->has_mode = m->has_mode || str_starts(name, "mode=");
		(void)str_add(&data, "%s%s", data.len > 0 ? "," : "", name);
		if (!m->left_over)
			m->left_over = name;
	}
	if (data.cut)
		return fail(e,
			"mounts[%u].options: the data for the filesystem is longer than %d bytes",
			m->index, DATA_MAX - 1);
	/* mount_setattr(2): the atime values are one field and set only after all of it is cleared.
	 */
	if ((m->attr_set | m->attr_clear) & MOUNT_ATTR__ATIME)
		m->attr_clear |= MOUNT_ATTR__ATIME;
	if (data.len > 0 && !(m->data = arena_string(e, "%s", buffer)))
		return -1;
	return 0;
}

/* MT-2: relative to "/", which itself cannot be mounted on: it is the rootfs. */
static int
read_destination(struct err *e, struct mounting *m)
{
	char property[64];

	(void)str_format(property, sizeof(property), "mounts[%u].destination", m->index);
	m->destination = path_inside(e, property, m->spec->destination);
	if (!m->destination)
		return -1;
	if (m->destination[1] == '\0')
		return fail(e, "%s: \"%s\" is the root filesystem itself", property,
			m->spec->destination);
	return 0;
}

static struct plan_mount *
add(struct plan *p, const struct mounting *m, enum plan_mount_kind kind)
{
	struct plan_mount *row = &p->mounts.at[p->mounts.n++];

	mounting_start(row, m, kind);
	row->source = m->spec->source;
	row->flags = m->set;
	row->data = m->data;
	return row;
}

/* MT-6, MT-7: the entry's own maps, also where no option asks for them; else the container's. */
static int
add_idmap(struct err *e, const struct plan *p, const struct mounting *m, struct plan_mount *row)
{
	const struct spec_mount *own = m->spec;
	const struct spec_linux *l = &p->spec->linux_;

	row->idmap = m->idmap ? m->idmap : own->uid_mappings.n ? PLAN_IDMAP_TOP : PLAN_IDMAP_NONE;
	if (!row->idmap)
		return 0;
	row->by_host = true;
	if (own->uid_mappings.n) {
		row->uid_map = &own->uid_mappings;
		row->gid_map = &own->gid_mappings;
	} else if (p->ns.user_new) {
		row->uid_map = &l->uid_mappings;
		row->gid_map = &l->gid_mappings;
	} else if (!p->ns.join[NAMESPACE_USER]) {
		return fail(e,
			"mounts[%u].uidMappings: missing: without a user namespace the "
			"option \"%s\" needs them",
			m->index, m->idmap == PLAN_IDMAP_ALL ? "ridmap" : "idmap");
	}
	return 0;
}

/* MT-3, MT-9.  The kernel takes no other flag together with MS_BIND, so they come in a second call.
 * Filesystem data would be ignored without a word: DEC-24. */
static int
add_bind(struct err *e, struct plan *p, const struct mounting *m)
{
	struct plan_mount *row;
	char property[64];

	(void)str_format(property, sizeof(property), "mounts[%u].source", m->index);
	if (m->left_over)
		return fail(e, "mounts[%u].options: \"%s\" is not an option of a bind mount",
			m->index, m->left_over);
	if (!m->spec->source || *m->spec->source == '\0')
		return fail(e, "%s: a bind mount needs one", property);
	row = add(p, m, PLAN_MOUNT_BIND);
	row->source = path_below(e, property, p->options.bundle, m->spec->source);
	row->flags = m->set & (MS_BIND | MS_REC);
	row->bind_set = m->set & MOUNTING_FLAGS;
	row->bind_clear = m->clear & MOUNTING_FLAGS;
	/* What init has are slaves of the host's mounts.  The config has to say shared twice, as
	 * runc wants it; a user namespace never gets a peer (mount_namespaces(7)). */
	row->peer = row->by_host =
		m->propagation & p->spec->linux_.rootfs_propagation & MS_SHARED &&
		!p->spec->linux_.namespaces[NAMESPACE_USER].listed;
	return row->source ? add_idmap(e, p, m, row) : -1;
}

static int
add_remount(struct err *e, struct plan *p, const struct mounting *m)
{
	if ((m->set & MS_BIND) && m->left_over)
		return fail(e, "mounts[%u].options: \"%s\" is not an option of a bind mount",
			m->index, m->left_over);
	add(p, m, PLAN_MOUNT_REMOUNT)->type = m->spec->type;
	return 0;
}

static int
add_filesystem(struct err *e, struct plan *p, const struct mounting *m)
{
	const char *type = m->spec->type;
	struct plan_mount *row;

	/* MT-4: a bind mount is one by its options, never by its type. */
	if (!type || *type == '\0')
		return fail(e,
			"mounts[%u].type: needed, since the options have neither \"bind\" nor "
			"\"rbind\"",
			m->index);
	if (str_equal(type, "cgroup"))
		return cgroupmount_add(e, p, m);
	row = add(p, m, PLAN_MOUNT_FILESYSTEM);
	row->type = type;
	if (!row->source || *row->source == '\0')
		row->source = type; /* a dummy that mountinfo can show */
	row->proc_or_sys = str_equal(type, "proc") || str_equal(type, "sysfs");
	if (m->copy_up && !str_equal(type, "tmpfs"))
		return fail(e, "mounts[%u].options: \"tmpcopyup\" is an option of tmpfs alone",
			m->index);
	row->copy_up = m->copy_up;
	row->keep_mode = str_equal(type, "tmpfs") && !m->has_mode;
	return 0;
}

static int
add_mount(struct err *e, struct plan *p, uint32_t index)
{
	struct mounting m = {.spec = &p->spec->mounts.at[index], .index = index};

	TRY(read_destination(e, &m));
	TRY(read_options(e, &m));
	if ((m.idmap || m.spec->uid_mappings.n) && (m.set & (MS_BIND | MS_REMOUNT)) != MS_BIND)
		return fail(e, "mounts[%u]: only the ids of a bind mount can be mapped", index);
	if (m.copy_up && (m.set & (MS_BIND | MS_REMOUNT)))
		return fail(
			e, "mounts[%u].options: \"tmpcopyup\" is an option of tmpfs alone", index);
	if (m.set & MS_REMOUNT)
		return add_remount(e, p, &m);
	if (m.set & MS_BIND)
		return add_bind(e, p, &m);
	return add_filesystem(e, p, &m);
}

/* engines.md 5.3.  The state root is closed to the root of a user namespace: host opens it. */
static void
add_notify(struct plan *p)
{
	p->mounts.at[p->mounts.n++] = (struct plan_mount){
		.kind = PLAN_MOUNT_BIND,
		.index = UINT32_MAX,
		.source = p->options.notify,
		.destination = "/run/notify",
		.flags = MS_BIND,
		.bind_set = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		.by_host = p->spec->linux_.namespaces[NAMESPACE_USER].listed,
	};
}

/* MS-4, DEC-2.  procfs, sysfs and cgroup2 have labels of their own.  A message queue filesystem was
 * made, without a context, together with its namespace: its root gets the label afterwards. */
static int
add_labels(struct err *e, struct plan *p)
{
	const char *label = p->spec->linux_.mount_label;

	if (label && !p->facts->selinux)
		log_warning("linux.mountLabel: dropped: SELinux is not enabled in this kernel");
	if (!label || !p->facts->selinux)
		return 0;
	if (!(p->mounts.context = arena_string(e, ",context=\"%s\"", label)))
		return -1;
	for (uint32_t i = 0; i < p->mounts.n; i++) {
		struct plan_mount *m = &p->mounts.at[i];

		if (m->kind != PLAN_MOUNT_FILESYSTEM || m->proc_or_sys ||
			str_equal(m->type, "cgroup2"))
			continue;
		if (str_equal(m->type, "mqueue"))
			m->label = label;
		else if (!(m->data = arena_string(e, "%s%s", m->data ? m->data : "",
				   p->mounts.context + !m->data)))
			return -1;
	}
	return 0;
}

/* The most rows that the config's mounts become. */
static size_t
count_rows(const struct plan *p)
{
	size_t n = 0;

	for (uint32_t i = 0; i < p->spec->mounts.n; i++) {
		const char *type = p->spec->mounts.at[i].type;

		n += type && str_equal(type, "cgroup") ? cgroupmount_rows(p) : 1;
	}
	return n;
}

int
plan_make_mounts(struct err *e, struct plan *p)
{
	p->mounts.at = arena_take(e, count_rows(p) + 1, sizeof(*p->mounts.at));
	if (!p->mounts.at)
		return -1;
	for (uint32_t i = 0; i < p->spec->mounts.n; i++)
		TRY(add_mount(e, p, i));
	if (p->options.notify)
		add_notify(p);
	return add_labels(e, p);
}
