#include "roles/idmap.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "kernel/reader.h"
#include "roles/verify.h"

#include <string.h>

/* -- of the init ------------------------------------------------------------------------------- */

/* "newuidmap PID CONTAINER HOST SIZE...", NULL without memory. */
static char **
helper_arguments(struct err *e, const char *name, pid_t pid, const struct spec_idmaps *maps)
{
	char **args = arena_take(e, 3 + 3 * (size_t)maps->n, sizeof *args);
	size_t n = 0;

	if (!args || !(args[n++] = arena_string(e, "%s", name)) ||
		!(args[n++] = arena_string(e, "%d", pid)))
		return NULL;
	for (uint32_t i = 0; i < maps->n; i++) {
		const struct spec_idmap *m = &maps->at[i];
		const uint32_t number[] = {m->container_id, m->host_id, m->size};

		for (int k = 0; k < 3; k++)
			if (!(args[n++] = arena_string(e, "%u", number[k])))
				return NULL;
	}
	args[n] = NULL;
	return args;
}

/* Runs newuidmap or newgidmap; its first line is why it failed. */
static int
write_by_helper(struct err *e, const char *name, pid_t pid, const struct spec_idmaps *maps)
{
	char **args = helper_arguments(e, name, pid, maps), text[256];
	FD_AUTO int from = -1;
	struct err ignored;
	pid_t child;
	int status;

	if (!args)
		return -1;
	TRY(from = reader_start(e, args, READER_JOINED, &child));
	text[0] = '\0';
	(void)fd_read_all(&ignored, from, text, sizeof text, name); /* may be cut */
	fd_close(&from);
	status = reader_end(child);
	text[str_until(text, "\n")] = '\0';
	if (status == 127)
		return fail(e, "%s: not found: ids that are not the caller's own need it", name);
	return status == 0 ? 0 : fail(e, "%s%s", *text ? "" : name, *text ? text : ": failed");
}

int
idmap_init(struct err *e, struct run *r)
{
	const struct spec_linux *l = &r->spec.linux_;
	const struct plan *p = &r->plan;

	if (!p->ns.user_new)
		return 0;
	TRY(ns_map_ids(e, p, r->init));
	if (p->ns.newgidmap && write_by_helper(e, "newgidmap", r->init, &l->gid_mappings) < 0)
		return context(e, "linux.gidMappings");
	if (p->ns.newuidmap && write_by_helper(e, "newuidmap", r->init, &l->uid_mappings) < 0)
		return context(e, "linux.uidMappings");
	return 0;
}

/* -- of mounts --------------------------------------------------------------------------------- */

/* An image knows the ids of the container alone. */
static int
take_image(struct err *e, struct run *r)
{
	const struct spec_linux *l = &r->spec.linux_;
	FD_AUTO int made = -1;
	int user = r->plan.image_idmap ? r->ns.fd[NAMESPACE_USER] : -1;

	if (r->plan.image_idmap && user < 0)
		TRY(user = made = ns_user(e, &l->uid_mappings, &l->gid_mappings));
	if (image_take(e, &r->plan, &r->image, user) == 0)
		return 0;
	if (!r->image.verity)
		return -1;
	(void)context(e, "dm-verity");
	return verify_refuse(e);
}

int
idmap_mounts(struct err *e, struct run *r)
{
	const struct plan_mounts *list = &r->plan.mounts;

	TRY(take_image(e, r));
	for (uint32_t i = 0; i < list->n; i++) {
		const struct plan_mount *m = &list->at[i];
		FD_AUTO int made = -1;
		int user = r->ns.fd[NAMESPACE_USER];

		if (!m->by_host)
			continue;
		if (m->uid_map)
			user = made = ns_user(e, m->uid_map, m->gid_map);
		if ((m->idmap && user < 0) || mounts_take(e, &r->taken, m, user) < 0)
			return m->idmap ? context(e, "mounts[%u]: mapping its ids", m->index)
					: context(e, "error mounting \"%s\" to rootfs at \"%s\"",
						  m->source, m->destination);
	}
	return 0;
}
