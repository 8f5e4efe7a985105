#include "plan/cgroupmount.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/sys.h"

#include <string.h>

/* What the kernel shows of cgroups is data: no programs, no devices. */
enum { ALWAYS = MS_NOSUID | MS_NODEV | MS_NOEXEC };

static struct plan_mount *
add(struct plan *p, const struct mounting *m, enum plan_mount_kind kind)
{
	struct plan_mount *row = &p->mounts.at[p->mounts.n++];

	mounting_start(row, m, kind);
	return row;
}

static bool
has_namespace(const struct plan *p)
{
	return p->spec->linux_.namespaces[NAMESPACE_CGROUP].listed;
}

/* The container's own directory.  A rootless caller may not have been able to make it. */
static struct plan_mount *
add_bind(struct plan *p, const struct mounting *m, const struct plan_cgroup_dir *d)
{
	struct plan_mount *row = add(p, m, PLAN_MOUNT_BIND);

	row->source = d->dir;
	row->flags = MS_BIND;
	row->bind_set = (m->set & MOUNTING_FLAGS) | ALWAYS;
	row->bind_clear = m->clear & MOUNTING_FLAGS & ~(uint32_t)ALWAYS;
	row->if_exists = p->cgroup.tolerate;
	return row;
}

static struct plan_mount *
add_tmpfs(struct plan *p, const struct mounting *m)
{
	struct plan_mount *row = add(p, m, PLAN_MOUNT_FILESYSTEM);

	row->source = "tmpfs";
	row->type = "tmpfs";
	row->data = "mode=755";
	row->flags = ALWAYS | MS_RELATIME;
	row->attr_set = row->attr_clear = 0;
	return row;
}

static int
add_v2(struct err *e, struct plan *p, const struct mounting *m)
{
	const struct plan_cgroup_dir *d = &p->cgroup.dir[0];
	struct plan_mount *row;

	(void)e; /* the same shape as add_v1 */
	if (!has_namespace(p)) {
		(void)add_bind(p, m, d);
		return 0;
	}
	row = add(p, m, PLAN_MOUNT_CGROUP2);
	row->source = "cgroup"; /* shown inside; where the cgroup lies on the host is not */
	row->type = "cgroup2";
	row->flags = m->set;
	row->data = m->data;
	return 0;
}

/* A link for every controller of "cpu,cpuacct" that is not the directory's own name; a named
 * hierarchy ("name=systemd") has none. */
static int
add_links(struct err *e, struct plan *p, const struct mounting *m, const struct plan_cgroup_dir *d,
	const char *base)
{
	const char *end;

	if (!strchr(d->controllers, ','))
		return 0;
	for (const char *at = d->controllers; *at != '\0'; at = end + (*end == ',')) {
		struct plan_mount *row;

		end = at + str_until(at, ",");
		if (strlen(base) == (size_t)(end - at) && memcmp(base, at, strlen(base)) == 0)
			continue;
		row = add(p, m, PLAN_MOUNT_SYMLINK);
		row->attr_set = row->attr_clear = row->propagation = 0;
		row->source = base;
		row->destination = arena_string(e, "%s/%.*s", m->destination, (int)(end - at), at);
		if (!row->destination)
			return -1;
	}
	return 0;
}

/* The directory has the name that the hierarchy's mount point has on the host, as with runc. */
static int
add_hierarchy(
	struct err *e, struct plan *p, const struct mounting *m, const struct plan_cgroup_dir *d)
{
	const char *base = str_base(d->mount_point);
	struct plan_mount *row;

	if (has_namespace(p)) {
		row = add(p, m, PLAN_MOUNT_FILESYSTEM);
		row->source = "cgroup";
		row->type = "cgroup";
		row->data = d->controllers;
		row->flags = m->set | ALWAYS;
	} else {
		row = add_bind(p, m, d);
	}
	row->destination = arena_string(e, "%s/%s", m->destination, base);
	if (!row->destination)
		return -1;
	return add_links(e, p, m, d, base);
}

static int
add_v1(struct err *e, struct plan *p, const struct mounting *m)
{
	struct plan_mount *tmpfs;

	if (m->left_over)
		return fail(e, "mounts[%u].options: \"%s\" is not an option of a cgroup mount",
			m->index, m->left_over);
	/* The directories of the hierarchies have to be made in it first. */
	tmpfs = add_tmpfs(p, m);
	tmpfs->read_only_after = (m->set & MS_RDONLY) || (m->attr_set & MOUNT_ATTR_RDONLY);
	for (uint32_t i = 0; i < p->cgroup.n_dirs; i++)
		if (!p->cgroup.dir[i].v2)
			TRY(add_hierarchy(e, p, m, &p->cgroup.dir[i]));
	return 0;
}

int
cgroupmount_add(struct err *e, struct plan *p, const struct mounting *m)
{
	if (!p->cgroup.used) {
		add_tmpfs(p, m)->flags |= MS_RDONLY;
		return 0;
	}
	return facts_cgroup2_only(p->facts) ? add_v2(e, p, m) : add_v1(e, p, m);
}

size_t
cgroupmount_rows(const struct plan *p)
{
	size_t n = 1;

	for (uint32_t i = 0; i < p->cgroup.n_dirs; i++) {
		n += 2;
		for (const char *at = p->cgroup.dir[i].controllers; *at != '\0'; at++)
			n += *at == ',';
	}
	return n;
}
