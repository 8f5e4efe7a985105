/* scratch: a place for tests of kernel/ parts that mount.
 *
 * scratch_begin() moves the process into a mount namespace of its own, where nothing reaches the
 * machine's mounts, puts a tmpfs on a new directory and enters it; outside of it lies `trap`, which
 * must stay empty.  Needs root: otherwise it prints the plan of a skipped program and ends.
 */
#ifndef TESTS_UNIT_KERNEL_SCRATCH_H
#define TESTS_UNIT_KERNEL_SCRATCH_H

#include "base/err.h"
#include "base/fd.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/sys.h"
#include "plan/plan.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch_base[64] = "/tmp/ocirt-unit-XXXXXX", scratch_dir[80], scratch_root[96];
static struct err scratch_err;
static struct spec scratch_spec;
static struct facts scratch_facts;
static struct plan scratch_plan;

static inline void
scratch_skip(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(0);
}

static inline void
scratch_must(bool done, const char *what)
{
	if (done)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A fresh directory to work in, with a trap of its own. */
static inline void
scratch_turn(const char *name)
{
	snprintf(scratch_dir, sizeof(scratch_dir), "%s/%s", scratch_base, name);
	scratch_must(mkdir(scratch_dir, 0755) == 0 && chdir(scratch_dir) == 0, name);
	scratch_must(mkdir("trap", 0755) == 0, "trap");
}

/* The child does the tests; the parent removes the directory and hands its status on. */
static inline void
scratch_begin(void)
{
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		scratch_skip("needs root");
	scratch_must(mkdtemp(scratch_base) != NULL, "mkdtemp");
	pid = fork();
	scratch_must(pid >= 0, "fork");
	if (pid > 0) {
		waitpid(pid, &status, 0);
		rmdir(scratch_base);
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	if (unshare(CLONE_NEWNS) < 0)
		scratch_skip("no mount namespace can be made here");
	scratch_must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private /");
	scratch_must(mount("tmpfs", scratch_base, "tmpfs", 0, "mode=755") == 0, "tmpfs");
	umask(022);
	scratch_turn("first");
	role_enter(ROLE_INIT);
}

static inline void
scratch_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	scratch_must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static inline const char *
scratch_read(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return strerror(errno);
	text[n] = '\0';
	return text;
}

/* A new root directory with the usual folders, as the plan's rootfs; an empty plan. */
static inline void
scratch_rootfs(const char *name)
{
	static const char *const folders[] = {"proc", "sys", "dev", "etc", "mnt", "tmp"};
	char path[160];

	snprintf(scratch_root, sizeof(scratch_root), "%s/%s", scratch_dir, name);
	scratch_must(mkdir(scratch_root, 0755) == 0, name);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch_root, folders[i]);
		scratch_must(mkdir(path, 0755) == 0, path);
	}
	memset(&scratch_spec, 0, sizeof(scratch_spec));
	memset(&scratch_plan, 0, sizeof(scratch_plan));
	memset(&scratch_err, 0, sizeof(scratch_err));
	scratch_plan.spec = &scratch_spec;
	scratch_plan.facts = &scratch_facts;
	scratch_plan.rootfs = scratch_root;
	scratch_plan.devices.populate = true;
}

/* A path below the root directory. */
static inline const char *
in_root(const char *path)
{
	static char out[4][256];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(out[turn], sizeof(out[turn]), "%s%s", scratch_root, path);
	return out[turn];
}

/* The mount flags that path shows; -1 when it cannot be opened. */
static inline long
flags_at(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct err e;
	uint32_t flags = 0;
	int done = fd < 0 ? -1 : mnt_flags(&e, fd, &flags);

	if (fd >= 0)
		close(fd);
	return done < 0 ? -1 : (long)flags;
}

static inline uint32_t
magic_at(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	uint32_t magic = fd < 0 ? 0 : mnt_magic(fd);

	if (fd >= 0)
		close(fd);
	return magic;
}

static inline bool
trap_is_empty(void)
{
	DIR *d = opendir("trap");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n == 2;
}

/* Is anything mounted at this very path? */
static inline bool
is_mounted(const char *path)
{
	char line[8192], pattern[300];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	snprintf(pattern, sizeof(pattern), " %s ", path);
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, pattern) != NULL;
	if (f)
		fclose(f);
	return found;
}

#endif
