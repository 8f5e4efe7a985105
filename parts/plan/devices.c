#include "plan/plan.h"

#include "base/arena.h"
#include "base/str.h"
#include "plan/path.h"

#include <string.h>

enum { MAJOR_MAX = 0xfff, MINOR_MAX = 0xfffff }; /* of the kernel's dev_t; mknod(2) cuts the rest */

/* config-linux.md#default-devices (LX-2).  /dev/ptmx is a link, /dev/console the terminal's. */
static const struct {
	char path[16];
	uint32_t major, minor;
} defaults[] = {
	/* clang-format off */
	{ "/dev/null",    1, 3 },
	{ "/dev/zero",    1, 5 },
	{ "/dev/full",    1, 7 },
	{ "/dev/random",  1, 8 },
	{ "/dev/urandom", 1, 9 },
	{ "/dev/tty",     5, 0 },
	/* clang-format on */
};

/* runtime-linux.md#dev-symbolic-links (LX-3) and the ptmx of LX-2, relative as devpts(5) has it */
static const struct {
	char path[16], target[16];
} links[] = {
	/* clang-format off */
	{ "/dev/fd",     "/proc/self/fd"   },
	{ "/dev/stdin",  "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/core",   "/proc/kcore"     },
	{ "/dev/ptmx",   "pts/ptmx"        },
	/* clang-format on */
};

enum { DEFAULTS = sizeof(defaults) / sizeof(*defaults), LINKS = sizeof(links) / sizeof(*links) };

/* MT-10: on a /dev that the config binds from elsewhere nothing is made. */
static bool
dev_is_bound(const struct plan_mounts *mounts)
{
	for (uint32_t i = 0; i < mounts->n; i++)
		if (mounts->at[i].kind == PLAN_MOUNT_BIND &&
			str_equal(mounts->at[i].destination, "/dev"))
			return true;
	return false;
}

static int
make_links(struct err *e, struct plan_devices *d)
{
	d->link = arena_take(e, LINKS, sizeof(*d->link));
	if (!d->link)
		return -1;
	for (d->n_links = 0; d->n_links < LINKS; d->n_links++)
		d->link[d->n_links] = (struct plan_link){
			links[d->n_links].path,
			links[d->n_links].target,
		};
	return 0;
}

static bool
has(const struct plan_devices *d, const char *path)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (str_equal(d->at[i].path, path))
			return true;
	return false;
}

/* A default that the config lists again is made as the config says (DV-6). */
static void
add_defaults(struct plan_devices *d)
{
	for (size_t i = 0; i < DEFAULTS; i++)
		if (!has(d, defaults[i].path))
			d->at[d->n++] = (struct plan_device){
				.path = defaults[i].path,
				.type = 'c',
				.major = defaults[i].major,
				.minor = defaults[i].minor,
				.mode = 0666,
				.is_default = true,
			};
}

static int
add_listed(struct err *e, struct plan *p, uint32_t index)
{
	const struct spec_device *s = &p->spec->linux_.devices.at[index];
	struct plan_devices *d = &p->devices;
	char property[64];
	const char *path;

	(void)str_format(property, sizeof(property), "linux.devices[%u].path", index);
	path = path_inside(e, property, s->path);
	if (!path)
		return -1;
	/* /dev/ptmx is the link into the container's own devpts, whatever the config lists there.
	 */
	if (str_equal(path, "/dev/ptmx") || (!d->populate && str_starts(path, "/dev/")))
		return 0;
	if (s->type != 'p' && (s->major < 0 || s->major > MAJOR_MAX))
		return fail(e, "linux.devices[%u].major: %lld is not between 0 and %d", index,
			(long long)s->major, MAJOR_MAX);
	if (s->type != 'p' && (s->minor < 0 || s->minor > MINOR_MAX))
		return fail(e, "linux.devices[%u].minor: %lld is not between 0 and %d", index,
			(long long)s->minor, MINOR_MAX);
	d->at[d->n++] = (struct plan_device){
		.path = path,
		.type = s->type,
		.major = s->type == 'p' ? 0 : (uint32_t)s->major,
		.minor = s->type == 'p' ? 0 : (uint32_t)s->minor,
		.mode = s->file_mode,
		.uid = s->uid,
		.gid = s->gid,
	};
	return 0;
}

int
plan_make_devices(struct err *e, struct plan *p)
{
	struct plan_devices *d = &p->devices;
	uint32_t n = p->spec->linux_.devices.n;

	d->populate = !dev_is_bound(&p->mounts);
	d->at = arena_take(e, (size_t)n + DEFAULTS, sizeof(*d->at));
	if (!d->at)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		TRY(add_listed(e, p, i));
	if (!d->populate)
		return 0;
	add_defaults(d);
	return make_links(e, d);
}
