#include "kernel/probe.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/lines.h"
#include "base/role.h"
#include "base/sig.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	LINE_BYTES = 65536,		 /* a mount of many layers has a long line */
	PROC_USER_INIT_INO = 0xEFFFFFFD, /* linux/proc_ns.h */
};

/* -- cgroups ----------------------------------------------------------------------------------- */

/* Undoes \040 and its like in place. */
static void
unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* Cuts the next field off; NULL when there is none. */
static char *
field(char **at)
{
	char *start = *at;

	if (!start || *start == '\0')
		return NULL;
	*at = strchr(start, ' ');
	if (*at)
		*(*at)++ = '\0';
	return start;
}

/* "36 35 98:0 /root /point rw,noatime master:1 - ext3 source rw": proc_pid_mountinfo(5) */
int
probe_parse_mount(char *line, struct probe_mount *m)
{
	char *id = field(&line), *root, *point, *type, *options, *tag;

	if (!id || str_u64(id, &m->id) < 0 || !field(&line) || !field(&line))
		return -1;
	root = field(&line);
	point = field(&line);
	do
		tag = field(&line); /* the mount's options first, then any number of tags */
	while (tag && !str_equal(tag, "-"));
	type = field(&line);
	if (!field(&line)) /* the source */
		return -1;
	options = field(&line);
	if (!root || !point || !type || !options)
		return -1;
	unescape(root);
	unescape(point);
	*m = (struct probe_mount){m->id, root, point, type, options};
	return 0;
}

/* Is `word`, of len bytes, one of the words between the commas of `list`? */
static bool
lists(const char *list, const char *word, size_t len)
{
	for (;;) {
		size_t n = str_until(list, ",");

		if (n == len && strncmp(list, word, len) == 0)
			return true;
		if (list[n] == '\0')
			return false;
		list += n + 1;
	}
}

/* Controllers that share a hierarchy are all among its mount's options: the first one is enough. */
static bool
is_of(const struct probe_mount *m, const struct facts_hierarchy *h)
{
	if (h->v2)
		return str_equal(m->type, "cgroup2");
	return str_equal(m->type, "cgroup") &&
		lists(m->options, h->controllers, str_until(h->controllers, ","));
}

static bool
contains(const char *root, const char *path)
{
	size_t len = strlen(root);

	if (str_equal(root, "/"))
		return true;
	return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* A mount may lie below another one, and its path lead to that. */
static bool
reachable(const struct probe_mount *m, bool v2)
{
	struct kabi_statx stx;
	struct statfs fs;

	if (sys_statx(AT_FDCWD, m->point, AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) == 0 &&
		stx.mask & STATX_MNT_ID)
		return stx.mnt_id == m->id;
	return sys_statfs(m->point, &fs) == 0 &&
		(unsigned long)fs.f_type == (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

/* Takes the mount for its hierarchy unless a better one is known: the first in which we can be
 * seen, else the first. */
static int
consider(struct err *e, struct facts *f, const struct probe_mount *m)
{
	for (uint32_t i = 0; i < f->n_hierarchies; i++) {
		struct facts_hierarchy *h = &f->hierarchy[i];

		if (!is_of(m, h))
			continue;
		if (h->mount_point &&
			(contains(h->mount_root, h->own) || !contains(m->root, h->own)))
			return 0;
		if (!reachable(m, h->v2))
			return 0;
		h->mount_point = arena_string(e, "%s", m->point);
		h->mount_root = arena_string(e, "%s", m->root);
		return h->mount_point && h->mount_root ? 0 : -1;
	}
	return 0;
}

/* "4:cpu,cpuacct:/path"; "0::/path" is cgroup v2. */
static int
add_hierarchy(struct err *e, struct facts *f, const char *line)
{
	struct facts_hierarchy *h = &f->hierarchy[f->n_hierarchies];
	const char *controllers = strchr(line, ':');
	const char *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path)
		return fail(e, "/proc/self/cgroup: not understood");
	if (f->n_hierarchies == FACTS_HIERARCHIES_MAX)
		return fail(e, "more than %d cgroup hierarchies", FACTS_HIERARCHIES_MAX);
	controllers++;
	h->v2 = path == controllers;
	h->controllers = arena_string(e, "%.*s", (int)(path - controllers), controllers);
	h->own = arena_string(e, "%s", path + 1);
	if (!h->controllers || !h->own)
		return -1;
	f->n_hierarchies++;
	return 0;
}

/* What is mounted nowhere cannot be used. */
static void
drop_unmounted(struct facts *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n_hierarchies; i++)
		if (f->hierarchy[i].mount_point)
			f->hierarchy[n++] = f->hierarchy[i];
	f->n_hierarchies = n;
}

/* -- the facts --------------------------------------------------------------------------------- */

static int
cgroup_line(struct err *e, struct facts *f, char *line)
{
	return add_hierarchy(e, f, line);
}

static int
mount_line(struct err *e, struct facts *f, char *line)
{
	struct probe_mount m;

	if (probe_parse_mount(line, &m) < 0)
		return 0;
	/* Bound elsewhere, a group of it may have another root. */
	if (str_equal(m.type, "resctrl") && str_equal(m.root, "/") && !f->resctrl) {
		f->resctrl = arena_string(e, "%s", m.point);
		return f->resctrl ? 0 : -1;
	}
	if (!str_starts(m.type, "cgroup"))
		return 0;
	return consider(e, f, &m);
}

/* 16 hexadecimal digits; what is none ends the number. */
static uint64_t
hexadecimal(const char *s)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t value = 0;

	for (const char *digit; *s && (digit = strchr(digits, *s)); s++)
		value = value << 4 | (uint64_t)(digit - digits);
	return value;
}

static int
status_line(struct err *e, struct facts *f, char *line)
{
	(void)e; /* as the others of its kind have it */
	if (str_starts(line, "CapEff:\t"))
		f->cap_effective = hexadecimal(line + 8);
	if (str_starts(line, "CapBnd:\t"))
		f->cap_bounding = hexadecimal(line + 8);
	if (str_starts(line, "SigIgn:\t"))
		sig_learn_ignored(hexadecimal(line + 8));
	return 0;
}

/* The initial user namespace maps everything onto itself: "         0          0 4294967295". */
static int
uid_map_line(struct err *e, struct facts *f, char *line)
{
	static const char identity[][12] = {"0", "0", "4294967295"};

	(void)e;
	for (int i = 0; i < 3; i++) {
		size_t len;

		line += str_span(line, " ");
		len = str_until(line, " ");
		if (len != strlen(identity[i]) || strncmp(line, identity[i], len) != 0)
			f->user_namespace = true;
		line += len;
	}
	return 0;
}

/* Calls `each` for every line of a file that may be missing. */
static int
each_line(struct err *e, struct facts *f, const char *path,
	int (*each)(struct err *e, struct facts *f, char *line))
{
	static char buf[LINE_BYTES] BUFFER;
	FD_AUTO int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	struct lines l = lines_in(fd, buf, sizeof buf);
	char *line;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail_errno(e, "open %s", path);
	while ((line = lines_next(&l)))
		TRY(each(e, f, line));
	return 0;
}

/* The bounding set of most callers is full: the kernel is asked about one number more, and says
 * EINVAL to the first that it does not know. */
static uint32_t
last_capability(uint64_t bounding)
{
	uint32_t cap = 0;

	while (cap < 63 && bounding >> (cap + 1))
		cap++;
	while (cap < 63 && sys_prctl(PR_CAPBSET_READ, cap + 1, 0, 0, 0) >= 0)
		cap++;
	return cap;
}

/* The initial user namespace has a number of its own; without it the map tells. */
static int
user_namespace(struct err *e, struct facts *f)
{
	struct stat st;

	if (stat("/proc/self/ns/user", &st) == 0 && st.st_ino == PROC_USER_INIT_INO)
		return 0;
	return each_line(e, f, "/proc/self/uid_map", uid_map_line); /* no file: no such thing */
}

bool
probe_user_namespace(void)
{
	static struct facts f BUFFER;
	struct err ignored;

	(void)user_namespace(&ignored, &f);
	return f.user_namespace;
}

int
probe_caller(struct err *e, struct facts *f)
{
	IN(e, ROLE_HOST);
	memset(f, 0, sizeof *f);
	f->euid = geteuid();
	f->egid = getegid();
	TRY(each_line(e, f, "/proc/self/status", status_line));
	f->cap_last = last_capability(f->cap_bounding);
	return user_namespace(e, f);
}

/* Before a policy is loaded SELinux takes every label and restricts nothing, and has no classes
 * (selinuxfs).  AppArmor's parameter is "Y" once it has been initialized. */
void
probe_labels(struct facts *f, const struct spec *s)
{
	struct err ignored;
	char enabled[8];

	if (!s->process.apparmor_profile && !s->process.selinux_label && !s->linux_.mount_label)
		return;
	f->selinux = access("/sys/fs/selinux/class/process", F_OK) == 0;
	f->apparmor = fd_read_file(&ignored, AT_FDCWD, "/sys/module/apparmor/parameters/enabled",
			      enabled, sizeof enabled) > 0 &&
		*enabled == 'Y';
}

int
probe_facts(struct err *e, struct facts *f)
{
	TRY(probe_caller(e, f));
	TRY(each_line(e, f, "/proc/self/cgroup", cgroup_line));
	TRY(each_line(e, f, "/proc/self/mountinfo", mount_line));
	drop_unmounted(f);
	return 0;
}
