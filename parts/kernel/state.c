/* Folders, locks and the status; state.json is in state_json.c, the start gate in state_gate.c. */
#include "kernel/state.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/procstat.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "spec/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	EACH_BATCH = 64, /* ids that one walk of the root collects */
};

/* A folder that is not yet, or no longer, a container: this, the id, a comma and a pid; and one
 * that is kept for what somebody else put into it.  No id has a comma. */
static const char half_prefix[] = ",half,", left_prefix[] = ",left,";

const char *
state_status_name(enum state_status status)
{
	static const char name[][10] = {"creating", "created", "running", "paused", "stopped"};

	return name[status];
}

/* -- the state root ---------------------------------------------------------------------------- */

/* Cleaners of XDG_RUNTIME_DIR leave alone what has the sticky bit (R1). */
static mode_t
sticky_bit(const char *root)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	size_t len = runtime ? strlen(runtime) : 0;

	return len > 0 && strncmp(root, runtime, len) == 0 && root[len] == '/' ? S_ISVTX : 0;
}

static int
make_directory(struct err *e, const char *path, mode_t mode, const char *root)
{
	if (sys_mkdirat(AT_FDCWD, path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno == EACCES || errno == EPERM || errno == EROFS)
		return fail_errno(
			e, "state root %s (--root and XDG_RUNTIME_DIR choose another)", root);
	return fail_errno(e, "state root %s", root);
}

/* mkdir -p: 0755 on the way, 0700 at the end. */
static int
make_root(struct err *e, const char *root)
{
	char path[PATH_MAX];
	size_t len = strlen(root);

	if (len >= sizeof path)
		return fail(e, "state root: path of more than %d bytes", PATH_MAX - 1);
	memcpy(path, root, len + 1);
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		TRY(make_directory(e, path, 0755, root));
		*at = '/';
	}
	return make_directory(e, path, 0700, root);
}

/* The checks are made on what is open, not on a name (S30). */
static int
check_root(struct err *e, int fd, const char *root, mode_t sticky)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_errno(e, "state root %s", root);
	if (st.st_uid != geteuid())
		return fail(e, "state root %s: belongs to user %u, not to us", root, st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return fail(e, "state root %s: others may write to it", root);
	if (sticky && !(st.st_mode & S_ISVTX) && sys_fchmod(fd, (st.st_mode & 07777) | sticky) < 0)
		return fail_errno(e, "state root %s", root);
	return 0;
}

int
state_root_open(struct err *e, const char *root, bool make)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	FD_AUTO int fd = -1;

	IN(e, ROLE_HOST);
	fd = openat(AT_FDCWD, root, flags);
	if (fd < 0 && errno == ENOENT && make) {
		TRY(make_root(e, root));
		fd = openat(AT_FDCWD, root, flags);
	}
	if (fd < 0)
		return fail_errno(e, "state root %s", root);
	TRY(check_root(e, fd, root, make ? sticky_bit(root) : 0));
	return fd_keep(&fd);
}

static int
no_container(struct err *e)
{
	(void)fail(e, "container does not exist");
	e->number = ENOENT;
	return -1;
}

/* -- folders ----------------------------------------------------------------------------------- */

/* Names that we put into a folder, but for the lock, which goes last.  fd_replace() of a killed
 * process leaves ".NAME.PID.tmp". */
static bool
is_ours(const char *name)
{
	if (str_equal(name, "state.json") || str_equal(name, "config.json"))
		return true;
	return (str_starts(name, ".state.json.") || str_starts(name, ".config.json.")) &&
		str_ends(name, ".tmp");
}

/* Everything that we know, by its name. */
static void
empty_folder(int dir)
{
	struct fd_dir walk;
	const struct fd_entry *entry;

	state_gate_remove(dir);
	fd_dir_open(&walk, dir);
	while ((entry = fd_dir_next(&walk)))
		if (is_ours(entry->name))
			(void)sys_unlinkat(dir, entry->name, 0); /* then rmdir fails, too */
	(void)sys_unlinkat(dir, "notify/notify.sock", 0);
	(void)sys_unlinkat(dir, "notify", AT_REMOVEDIR);
}

/* What is not ours stays (R4), but not in the way of the next container of that id, or of the next
 * left-over of a process with that pid. */
static void
set_aside(int root_dir, const char *name, int dir)
{
	const char *of = name + sizeof half_prefix - 1;
	int id = (int)str_until(of, ",");
	char kept[NAME_MAX + 1];
	struct timespec now = clock_now();
	const struct fd_entry *entry;
	struct fd_dir walk;
	int why = errno;

	fd_dir_open(&walk, dir);
	entry = fd_dir_next(&walk);
	if (entry && str_format(kept, sizeof kept, "%s%s.%ld", left_prefix, of, now.tv_nsec) > 0 &&
		sys_renameat(root_dir, name, root_dir, kept) == 0)
		log_warning("state folder %.*s: %s is not ours, and is kept in %s", id, of,
			entry->name, kept);
	else
		log_warning("state folder %.*s: %s", id, of, errno_text(why));
}

/* Removes a folder that is out of sight: the three names that each has, and only where that was not
 * all of it (rmdir tells) all that we know. */
static void
remove_folder(int root_dir, const char *name, int dir)
{
	(void)sys_unlinkat(dir, "state.json", 0);
	(void)sys_unlinkat(dir, "config.json", 0);
	(void)sys_unlinkat(dir, "lock", 0);
	if (sys_unlinkat(root_dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return;
	empty_folder(dir);
	if (sys_unlinkat(root_dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		set_aside(root_dir, name, dir);
}

static int
half_name(struct err *e, char out[NAME_MAX + 1], const char *id)
{
	if (str_format(out, NAME_MAX + 1, "%s%s,%d", half_prefix, id, (int)getpid()) < 0)
		return fail(e, "invalid container ID format");
	return 0;
}

static int
open_folder(int root_dir, const char *name)
{
	return openat(root_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* One that is at work holds the lock; one that has not made it yet has an empty folder, which is
 * what rmdir(2) removes: it notices and gives up, since somebody else wants the same id.  A folder
 * with other names but no lock is what a removal left that was killed. */
static void
remove_half_folder(int root_dir, const char *name)
{
	FD_AUTO int dir = open_folder(root_dir, name);
	FD_AUTO int lock = -1;

	if (dir < 0)
		return;
	lock = openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0 && (errno != ENOENT || sys_unlinkat(root_dir, name, AT_REMOVEDIR) == 0))
		return;
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0)
		remove_folder(root_dir, name, dir);
}

void
state_remove_half(int root_dir, const char *id)
{
	char prefix[NAME_MAX + 1];
	struct fd_dir walk;
	const struct fd_entry *entry;

	if (str_format(prefix, sizeof prefix, "%s%s,", half_prefix, id) < 0)
		return;
	fd_dir_open(&walk, root_dir);
	while ((entry = fd_dir_next(&walk)))
		if (str_starts(entry->name, prefix))
			remove_half_folder(root_dir, entry->name);
}

static int
make_lock(struct err *e, int dir)
{
	FD_AUTO int fd =
		openat(dir, "lock", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno == ENOENT) /* see remove_half_folder() */
		return fail(e, "container with given ID already exists");
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fail_errno(e, "state lock");
	return fd_keep(&fd);
}

/* Nobody sees the folder yet: a new file needs no other name first. */
static int
write_config(struct err *e, int dir, const char *config, size_t len)
{
	FD_AUTO int fd = openat(
		dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail_errno(e, "create config.json");
	TRY(fd_write(e, fd, config, len, "config.json"));
	if (fdatasync(fd) < 0 && errno != EINVAL && errno != EROFS) /* a fs that cannot sync */
		return fail_errno(e, "sync config.json");
	return 0;
}

/* Everything that a container's folder has from its first moment. */
static int
fill_folder(struct err *e, int dir, const struct state *s, const char *config, size_t config_len)
{
	if (sys_fchmod(dir, 0711) < 0) /* whatever the umask */
		return fail_errno(e, "state folder");
	TRY(write_config(e, dir, config, config_len));
	TRY(state_gate_make(e, dir));
	return state_write(e, dir, s);
}

/* Without replacing (R3).  The plain rename of old kernels and file systems replaces nothing but an
 * empty directory, and that is never a container. */
static int
show_folder(struct err *e, int root_dir, const char *name, const char *id)
{
	int r = sys_renameat2(root_dir, name, root_dir, id, RENAME_NOREPLACE);

	if (r < 0 && (errno == ENOSYS || errno == EINVAL))
		r = sys_renameat(root_dir, name, root_dir, id);
	if (r < 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR))
		return fail(e, "container with given ID already exists");
	if (r < 0)
		return fail_errno(e, "state folder %s", id);
	return 0;
}

/* A folder of that name is a left-over, of a process with our pid. */
static int
make_half(struct err *e, int root_dir, const char *name, const char *id)
{
	int r = sys_mkdirat(root_dir, name, 0711);

	if (r < 0 && errno == EEXIST) {
		state_remove_half(root_dir, id);
		r = sys_mkdirat(root_dir, name, 0711);
	}
	return r < 0 ? fail_errno(e, "state folder %s", id) : 0;
}

int
state_make(struct err *e, int root_dir, const struct state *s, const char *config,
	size_t config_len, int *lock_fd)
{
	char name[NAME_MAX + 1];
	FD_AUTO int dir = -1;
	FD_AUTO int lock = -1;

	IN(e, ROLE_HOST);
	TRY(half_name(e, name, s->id));
	TRY(make_half(e, root_dir, name, s->id));
	dir = open_folder(root_dir, name);
	if (dir < 0) {
		(void)fail_errno(e, "state folder %s", s->id);
		(void)sys_unlinkat(root_dir, name, AT_REMOVEDIR);
		return -1;
	}
	lock = make_lock(e, dir);
	if (lock < 0 || fill_folder(e, dir, s, config, config_len) < 0 ||
		show_folder(e, root_dir, name, s->id) < 0) {
		remove_folder(root_dir, name, dir);
		return -1;
	}
	*lock_fd = fd_keep(&lock);
	return fd_keep(&dir);
}

int
state_open(struct err *e, int root_dir, const char *id)
{
	FD_AUTO int dir = -1;
	struct stat st;

	IN(e, ROLE_HOST);
	TRY(spec_check_id(e, id));
	dir = open_folder(root_dir, id);
	if (dir < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return fail_errno(e, "state folder %s", id);
	if (dir < 0 || fstatat(dir, "state.json", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return no_container(e);
	return fd_keep(&dir);
}

int
state_remove(struct err *e, int root_dir, const char *id, int dir)
{
	char name[NAME_MAX + 1];
	int r;

	IN(e, ROLE_HOST);
	TRY(half_name(e, name, id));
	/* Out of sight in one step: no id is ever seen without a state.json (R3). */
	r = sys_renameat(root_dir, id, root_dir, name);
	if (r < 0 && (errno == ENOTEMPTY || errno == EEXIST)) { /* a left-over with our pid */
		state_remove_half(root_dir, id);
		r = sys_renameat(root_dir, id, root_dir, name);
	}
	if (r < 0)
		return errno == ENOENT ? 0 : fail_errno(e, "state folder %s", id);
	remove_folder(root_dir, name, dir);
	return 0;
}

/* -- lock and status --------------------------------------------------------------------------- */

int
state_lock(struct err *e, int dir, int ms)
{
	FD_AUTO int fd = -1;
	struct stat st;

	IN(e, ROLE_HOST);
	fd = openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return fail_errno(e, "state lock");
	if (fd >= 0 && fd_lock(fd, ms) < 0) {
		if (errno == EWOULDBLOCK)
			return fail(e, "container is locked: another command is at work on it");
		return fail_errno(e, "state lock");
	}
	/* Whoever had it before us may have deleted the container. */
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_nlink == 0 ||
		fstatat(dir, "state.json", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return no_container(e);
	return fd_keep(&fd);
}

/* Does somebody hold the lock? */
static bool
is_locked(int dir)
{
	FD_AUTO int fd = openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

enum state_status
state_status_now(int dir, const struct state *s, bool frozen)
{
	struct procstat p;
	struct err ignored;

	if (procstat_alive(&ignored, s->pid, s->start) == 0)
		return state_gate_named(dir, false) && is_locked(dir) ? STATE_CREATING
								      : STATE_STOPPED;
	if (frozen)
		return STATE_PAUSED;
	if (state_gate_named(dir, true))
		return STATE_CREATED;
	if (!state_gate_named(dir, false))
		return STATE_RUNNING;
	/* A `run` that was killed between the exec and the removal of the gate. */
	if (procstat_read(&ignored, s->pid, &p) == 0 && procstat_has_program(&p))
		return STATE_RUNNING;
	return STATE_CREATING;
}

/* -- the list ---------------------------------------------------------------------------------- */

/* The smallest ids of a walk, in order. */
struct batch {
	char id[EACH_BATCH][SPEC_ID_MAX + 1];
	size_t n;
};

static void
keep_smallest(struct batch *b, const char *id)
{
	size_t at = b->n;

	while (at > 0 && strcmp(b->id[at - 1], id) > 0)
		at--;
	if (at == EACH_BATCH)
		return;
	if (b->n < EACH_BATCH)
		b->n++;
	memmove(b->id[at + 1], b->id[at], (b->n - 1 - at) * sizeof b->id[0]);
	memcpy(b->id[at], id, strlen(id) + 1);
}

/* Fills `b` with the next ids behind `last`. */
static int
next_batch(struct err *e, int root_dir, const char *last, struct batch *b)
{
	struct fd_dir walk;
	const struct fd_entry *entry;
	struct err ignored;

	b->n = 0;
	fd_dir_open(&walk, root_dir);
	while ((entry = fd_dir_next(&walk)))
		if (strcmp(entry->name, last) > 0 && spec_check_id(&ignored, entry->name) == 0)
			keep_smallest(b, entry->name);
	errno = walk.error;
	return walk.error ? fail_errno(e, "state root") : 0;
}

static bool
is_container(int root_dir, const char *id)
{
	char path[SPEC_ID_MAX + sizeof "/state.json"];
	struct stat st;

	return str_format(path, sizeof path, "%s/state.json", id) > 0 &&
		fstatat(root_dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
state_each(struct err *e, int root_dir, int (*each)(struct err *e, void *arg, const char *id),
	void *arg)
{
	static struct batch b BUFFER;
	char last[SPEC_ID_MAX + 1] = "";

	IN(e, ROLE_HOST);
	do {
		TRY(next_batch(e, root_dir, last, &b));
		for (size_t i = 0; i < b.n; i++)
			if (is_container(root_dir, b.id[i]))
				TRY(each(e, arg, b.id[i]));
		if (b.n > 0)
			memcpy(last, b.id[b.n - 1], sizeof last);
	} while (b.n == EACH_BATCH);
	return 0;
}
