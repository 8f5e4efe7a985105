/* What the container's root is made of: a directory or an image, and where writes go. */
#include "plan/plan.h"

#include "base/str.h"
#include "base/sys.h"
#include "plan/path.h"

#include <string.h>

/* Whoever is in a user namespace may not mount what a kernel reads from a block: mount(2). */
static int
make_image(struct err *e, struct plan *p)
{
	const struct facts *f = p->facts;

	p->image = f->image;
	if (!p->image)
		return 0;
	if (f->user_namespace || !(f->cap_effective >> CAP_SYS_ADMIN & 1))
		return fail(e,
			"root.path: only root of the host can mount a %s image (needs "
			"CAP_SYS_ADMIN)",
			p->image);
	if (p->root_mode == PLAN_ROOT_CHROOT)
		return fail(e, "root.path: a %s image needs a new mount namespace", p->image);
	p->image_idmap = p->spec->linux_.namespaces[NAMESPACE_USER].listed;
	return 0;
}

/* "tmpfs", "tmpfs,size=N", N as tmpfs(5) reads it: what is behind the comma, or NULL. */
static const char *
tmpfs_data(const char *value)
{
	const char *unit;

	if (str_equal(value, "tmpfs"))
		return "";
	if (!str_starts(value, "tmpfs,size="))
		return NULL;
	value += strlen("tmpfs,");
	unit = value + strlen("size=");
	unit += str_span(unit, "0123456789");
	if (unit[-1] == '=' || (*unit != '\0' && (!strchr("kKmMgG%", *unit) || unit[1] != '\0')))
		return NULL;
	return value;
}

static int
make_overlay(struct err *e, struct plan *p, const char *value)
{
	p->overlay_tmpfs = tmpfs_data(value);
	if (!p->overlay_tmpfs) {
		if (*value != '/')
			return fail(e,
				"annotations: %s: \"%s\" is not tmpfs, tmpfs,size=N or an absolute "
				"path",
				PLAN_OVERLAY, value);
		p->overlay_dir = value;
	}
	if (p->root_mode == PLAN_ROOT_CHROOT)
		return fail(e, "annotations: %s: needs a new mount namespace", PLAN_OVERLAY);
	return 0;
}

int
plan_make_root(struct err *e, struct plan *p)
{
	const char *overlay = spec_pair(&p->spec->annotations, PLAN_OVERLAY);

	p->root_propagation = p->spec->linux_.rootfs_propagation;
	p->rootfs = path_below(e, "root.path", p->options.bundle, p->spec->root.path);
	if (!p->rootfs)
		return -1;
	TRY(make_image(e, p));
	return overlay ? make_overlay(e, p, overlay) : 0;
}
