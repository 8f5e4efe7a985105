#include "base/fd.h"
#include "base/sys.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/ocirt-test-XXXXXX";
static int top_dir, root;
static bool have_openat2;

/* The tree that all questions are put to: DIRECTORY/, or FILE, or LINK -> TARGET. The root is
 * `root`; `outside` must never be reached. */
static const struct {
	const char *name, *target;
} tree[] = {
	/* clang-format off */
	{ "outside/",			NULL },
	{ "outside/secret",		NULL },
	{ "root/",			NULL },
	{ "root/outside/",		NULL },
	{ "root/a/",			NULL },
	{ "root/a/b/",			NULL },
	{ "root/a/b/file",		NULL },
	{ "root/file",			NULL },
	{ "root/up",			"../outside" },
	{ "root/a/b/up5",		"../../../../../outside" },
	{ "root/abs",			"/a/b" },
	{ "root/absfile",		"/a/b/file" },
	{ "root/abs-slash",		"/a/b/" },
	{ "root/file-slash",		"file/" },
	{ "root/rel",			"a/b" },
	{ "root/a/back",		"../a/b/../b" },
	{ "root/slash",			"/" },
	{ "root/dot",			"." },
	{ "root/dotdot",		".." },
	{ "root/a/dotdot",		".." },
	{ "root/dangling",		"/new/deep/thing" },
	{ "root/dangling-rel",		"a/fresh" },
	{ "root/dangling-up",		"../../../outside/made" },
	{ "root/loop1",			"loop2" },
	{ "root/loop2",			"loop1" },
	{ "root/self",			"self/x" },
	{ "root/through",		"rel/file" },
	{ "root/chain",			"chain2/b" },
	{ "root/chain2",		"/dot/a" },
	/* clang-format on */
};

static const char *const paths[] = {"", "/", ".", "..", "//", "./", "../", "../..", "/..", "a",
	"/a", "a/", "a/.", "a/..", "a/./b", "a//b", "a/../a/b", "a/b/../..", "a/b/../../..",
	"a/b/../../../a", "a/b/file", "a/b/file/", "a/b/file/.", "a/b/file/..", "file", "file/",
	"file/x", "none", "none/", "none/x", "none/..", "a/none", "up", "up/", "up/secret", "up/..",
	"a/b/up5", "a/b/up5/secret", "abs", "abs/", "abs/file", "abs/..", "abs/../b", "absfile",
	"absfile/", "absfile/x", "abs-slash", "abs-slash/", "abs-slash/file", "file-slash", "rel",
	"rel/file", "rel/..", "a/back", "a/back/file", "slash", "slash/", "slash/a", "slash/..",
	"dot", "dot/a", "dotdot", "dotdot/a", "dotdot/..", "a/dotdot", "a/dotdot/file", "dangling",
	"dangling/", "dangling/x", "dangling-rel", "dangling-up", "loop1", "loop1/x", "loop2/",
	"self", "self/x", "through", "through/", "chain", "chain/file", "../outside",
	"../outside/secret", "/../../outside/secret", "a/../../outside/secret", "..a", "a..", "...",
	"../a/../../a/b/./../b/file"};

static const int flag_sets[] = {O_PATH, O_PATH | O_NOFOLLOW, O_PATH | O_DIRECTORY,
	O_PATH | O_NOFOLLOW | O_DIRECTORY, O_RDONLY, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY,
	O_RDONLY | O_NOFOLLOW | O_DIRECTORY, O_WRONLY};

static const uint64_t resolves[] = {RESOLVE_IN_ROOT, RESOLVE_BENEATH,
	RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	RESOLVE_IN_ROOT | RESOLVE_NO_XDEV, RESOLVE_BENEATH | RESOLVE_NO_XDEV};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void
grow(void)
{
	for (size_t i = 0; i < LENGTH(tree); i++) {
		const char *name = tree[i].name;

		if (tree[i].target)
			ok(symlinkat(tree[i].target, top_dir, name) == 0, "%s", name);
		else if (name[strlen(name) - 1] == '/')
			ok(mkdirat(top_dir, name, 0755) == 0, "%s", name);
		else
			close(openat(top_dir, name, O_CREAT | O_EXCL | O_WRONLY, 0644));
	}
}

static void
fell_all(int parent)
{
	const struct fd_entry *entry;
	struct fd_dir d;
	int fd;

	for (fd_dir_open(&d, parent); (entry = fd_dir_next(&d));) {
		if (unlinkat(parent, entry->name, 0) == 0)
			continue;
		fd = openat(parent, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			fell_all(fd);
		close(fd);
		unlinkat(parent, entry->name, AT_REMOVEDIR);
		fd_dir_open(&d, parent);
	}
}

/* What came of a question: the inode, or the errno. */
struct answer {
	int number;
	ino_t inode;
	mode_t mode;
};

static struct answer
ask(bool walk, const char *path, int flags, uint64_t resolve)
{
	struct err e = {0};
	struct answer a = {0};
	struct stat st;
	int fd;

	fd_force_walk(walk);
	fd = fd_resolve(&e, root, path, flags, resolve);
	fd_force_walk(false);
	if (fd < 0) {
		a.number = e.number;
		return a;
	}
	fstat(fd, &st);
	a.inode = st.st_ino;
	a.mode = st.st_mode;
	if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC) || (fcntl(fd, F_GETFL) & O_PATH) != (flags & O_PATH))
		a.number = -1;
	close(fd);
	return a;
}

static int
count_fds(void)
{
	int n = 0;

	for (int i = 0; i < 300; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

/* Both walks give the same inode or the same errno, and nothing of outside. */
static void
compare(void)
{
	int questions = 0, wrong = 0, escaped = 0, before = count_fds();
	struct stat out, secret, above;

	fstatat(top_dir, "outside", &out, 0);
	fstatat(top_dir, "outside/secret", &secret, 0);
	fstat(top_dir, &above);
	for (size_t p = 0; p < LENGTH(paths); p++) {
		for (size_t i = 0; i < LENGTH(flag_sets) * LENGTH(resolves); i++) {
			int flags = flag_sets[i % LENGTH(flag_sets)];
			uint64_t resolve = resolves[i / LENGTH(flag_sets)];
			struct answer a = ask(true, paths[p], flags, resolve);
			struct answer b = ask(false, paths[p], flags, resolve);

			questions++;
			escaped += !a.number &&
				(a.inode == out.st_ino || a.inode == above.st_ino ||
					a.inode == secret.st_ino);
			if (a.number == b.number && a.inode == b.inode)
				continue;
			if (wrong++ < 20)
				printf("# \"%s\" flags %#x resolve %#x: walk %d/%lu kernel "
				       "%d/%lu\n",
					paths[p], (unsigned)flags, (unsigned)resolve, a.number,
					(unsigned long)a.inode, b.number, (unsigned long)b.inode);
		}
	}
	is_int(wrong, 0, "%d questions have the same answer", questions);
	is_int(escaped, 0, "no answer is outside the root");
	is_int(count_fds(), before, "no descriptor is left open");
}

static void
is_answer(const char *path, int flags, uint64_t resolve, int number, const char *same_as)
{
	struct stat st = {0};

	if (same_as)
		fstatat(root, same_as, &st, AT_SYMLINK_NOFOLLOW);
	for (int walk = 0; walk < 2; walk++) {
		struct answer a = ask(walk, path, flags, resolve);

		is_int(a.number, number, "%s: errno (%s)", path, walk ? "walk" : "kernel");
		ok(a.inode == st.st_ino, "%s is %s", path, same_as ? same_as : "nothing");
	}
}

static void
known(void)
{
	is_answer("up/x", O_PATH, RESOLVE_IN_ROOT, ENOENT, NULL);
	is_answer("up", O_PATH, RESOLVE_IN_ROOT, 0, "outside");
	is_answer("up", O_PATH, RESOLVE_BENEATH, EXDEV, NULL);
	is_answer("up", O_PATH | O_NOFOLLOW, RESOLVE_BENEATH, 0, "up");
	is_answer("abs/file", O_RDONLY, RESOLVE_IN_ROOT, 0, "a/b/file");
	is_answer("abs/file", O_RDONLY, RESOLVE_BENEATH, EXDEV, NULL);
	is_answer("rel/file", O_RDONLY, RESOLVE_BENEATH, 0, "a/b/file");
	is_answer("rel/file", O_RDONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, ELOOP, NULL);
	is_answer("../../..", O_PATH, RESOLVE_IN_ROOT, 0, ".");
	is_answer("a/../..", O_PATH, RESOLVE_BENEATH, EXDEV, NULL);
	is_answer("/a", O_PATH, RESOLVE_BENEATH, EXDEV, NULL);
	is_answer("loop1", O_PATH, RESOLVE_IN_ROOT, ELOOP, NULL);
	is_answer("dangling", O_PATH, RESOLVE_IN_ROOT, ENOENT, NULL);
	is_answer("file", O_RDONLY | O_CREAT, RESOLVE_IN_ROOT, EINVAL, NULL);
}

/* 40 symlinks are followed, 41 are not; and names and paths have their lengths. */
static void
limits(void)
{
	char name[32], target[32], *path = malloc(6000);

	for (int i = 0; i <= 41; i++) {
		snprintf(name, sizeof(name), "link%d", i);
		snprintf(target, sizeof(target), i ? "link%d" : "file", i - 1);
		if (symlinkat(target, root, name) < 0)
			ok(false, "%s", name);
	}
	is_answer("link39", O_PATH, RESOLVE_IN_ROOT, 0, "file");
	is_answer("link40", O_PATH, RESOLVE_IN_ROOT, ELOOP, NULL);
	memset(path, 'n', 6000);
	path[256] = '\0';
	is_answer(path, O_PATH, RESOLVE_IN_ROOT, ENAMETOOLONG, NULL);
	memset(path, '/', 6000);
	path[4095] = '\0';
	is_answer(path, O_PATH, RESOLVE_IN_ROOT, 0, ".");
	path[4095] = '/';
	path[4096] = '\0';
	is_answer(path, O_PATH, RESOLVE_IN_ROOT, ENAMETOOLONG, NULL);
	path[0] = '\0';
	for (int i = 0; i < 800; i++)
		strcat(path, "a/../");
	is_answer(path, O_PATH, RESOLVE_IN_ROOT, 0, ".");
	free(path);
}

/* Magic links of procfs are refused, its ordinary ones are not. */
static void
magic(void)
{
	int old = root;

	root = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int walk = 0; walk < 2; walk++) {
		is_int(ask(walk, "self/cwd", O_PATH, RESOLVE_IN_ROOT).number, ELOOP, "cwd");
		is_int(ask(walk, "self/exe", O_PATH, RESOLVE_IN_ROOT).number, ELOOP, "exe");
		is_int(ask(walk, "self/ns/mnt", O_PATH, RESOLVE_BENEATH).number, ELOOP, "ns/mnt");
		is_int(ask(walk, "self/cwd/etc", O_PATH, RESOLVE_BENEATH).number, ELOOP,
			"below cwd");
		is_int(ask(walk, "self/status", O_RDONLY, RESOLVE_BENEATH).number, 0, "status");
		is_int(ask(walk, "thread-self/status", O_RDONLY, RESOLVE_BENEATH | RESOLVE_NO_XDEV)
				.number,
			0, "thread-self");
	}
	close(root);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int walk = 0; walk < 2; walk++) {
		is_int(ask(walk, "proc/self", O_PATH, RESOLVE_BENEATH | RESOLVE_NO_XDEV).number,
			EXDEV, "another mount");
		is_int(ask(walk, "proc/self", O_PATH, RESOLVE_BENEATH).number, 0, "allowed");
	}
	close(root);
	root = old;
}

static void
makes(const char *path, enum fd_kind kind, const char *made)
{
	struct err e = {0};
	struct stat st, want;
	int fd = fd_make_in_root(&e, root, path, kind, 0700);

	ok(fd >= 0, "make %s: %s", path, e.text);
	if (fd < 0)
		return;
	fstat(fd, &st);
	ok(fcntl(fd, F_GETFL) & O_PATH, "an O_PATH fd");
	ok(fstatat(root, made, &want, AT_SYMLINK_NOFOLLOW) == 0 && want.st_ino == st.st_ino,
		"it is %s", made);
	ok(S_ISDIR(st.st_mode) == (kind == FD_DIRECTORY), "of the right kind");
	close(fd);
}

static void
makes_not(const char *path, enum fd_kind kind, int number, const char *text)
{
	struct err e = {0};

	is_int(fd_make_in_root(&e, root, path, kind, 0700), -1, "make %s", path);
	is_int(e.number, number, "its errno");
	is_str(e.text, text, "its text");
}

static void
creations(void)
{
	int before = count_fds();
	struct stat st;

	makes("a/b", FD_DIRECTORY, "a/b");
	makes("/", FD_DIRECTORY, ".");
	makes("new1", FD_DIRECTORY, "new1");
	fstatat(root, "new1", &st, 0);
	is_int(st.st_mode & 0777, 0700, "the mode of the last");
	makes("new2/x/y/", FD_DIRECTORY, "new2/x/y");
	fstatat(root, "new2/x", &st, 0);
	is_int(st.st_mode & 0777, 0755, "the mode of those on the way");
	makes("abs/new3/f", FD_FILE, "a/b/new3/f");
	makes("file", FD_FILE, "file");
	makes("dangling", FD_FILE, "new/deep/thing");
	makes("dangling-rel/sub", FD_DIRECTORY, "a/fresh/sub");
	makes("dangling-up", FD_FILE, "outside/made");
	makes("../../outside/made2", FD_DIRECTORY, "outside/made2");
	makes("new4/../new5/f", FD_FILE, "new5/f");
	makes("fifth/./sixth/..", FD_DIRECTORY, "fifth");
	makes_not("file", FD_DIRECTORY, ENOTDIR, "create file: not a directory");
	makes_not("a", FD_FILE, EISDIR, "create a: is a directory");
	makes_not("file/x", FD_FILE, ENOTDIR, "create file/x: not a directory");
	makes_not("none1/", FD_FILE, EISDIR, "create none1/: is a directory");
	makes_not("loop1/x", FD_FILE, ELOOP, "create loop1/x: too many levels of symbolic links");
	makes_not("", FD_FILE, ENOENT, "create : no such file or directory");
	ok(fstatat(top_dir, "outside/made", &st, 0) < 0 && fstatat(top_dir, "new", &st, 0) < 0,
		"nothing was made outside");
	is_int(count_fds(), before, "no descriptor is left open");
}

/* More missing directories than there are retries for races. */
static void
deep(void)
{
	char path[1024] = "";
	struct err e = {0};
	int fd;

	for (int i = 0; i < 300; i++)
		strcat(path, "d/");
	fd = fd_make_in_root(&e, root, path, FD_DIRECTORY, 0700);
	ok(fd >= 0, "300 directories: %s", e.text);
	close(fd);
}

static void
parents(void)
{
	struct err e = {0};
	const char *last = NULL;
	struct stat st, want;
	int fd = fd_parent_in_root(&e, root, "/p1/rel/node", &last);

	is_str(last, "node", "the last component");
	fstat(fd, &st);
	fstatat(root, "p1/rel", &want, 0);
	ok(st.st_ino == want.st_ino, "its parent");
	close(fd);
	fd = fd_parent_in_root(&e, root, "node", &last);
	fstat(fd, &st);
	fstat(root, &want);
	ok(st.st_ino == want.st_ino, "the root is the parent of a bare name");
	close(fd);
	is_int(fd_parent_in_root(&e, root, "a/", &last), -1, "a path without a last component");
	is_str(e.text, "create a/: invalid argument", "is refused");
	is_int(fd_parent_in_root(&e, root, "a/..", &last), -1, "so is ..");
	is_int(fd_parent_in_root(&e, root, "", &last), -1, "and nothing");
	is_int(fd_parent_in_root(&e, root, "file/x", &last), -1, "a file on the way");
	is_int(e.number, ENOTDIR, "ENOTDIR");
}

/* Exchanges a directory with a symlink, and moves another out of the root and back, for ever. */
static void
disturb(void)
{
	for (;;) {
		sys_renameat2(root, "race/dir", root, "race/link", RENAME_EXCHANGE);
		renameat(root, "race/moved/in", top_dir, "outside/in");
		renameat(top_dir, "outside/in", root, "race/moved/in");
	}
}

static int
count_names(const char *name)
{
	int n = 0, fd = openat(top_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct fd_dir d;

	for (fd_dir_open(&d, fd); fd_dir_next(&d);)
		n++;
	close(fd);
	return n;
}

/* Is what was opened below the root, by the name that the kernel knows it under? */
static bool
is_inside(int fd)
{
	char link[32], target[512] = "", want[64];

	if (fd < 0)
		return true;
	fd_path(link, fd);
	snprintf(want, sizeof(want), "%s/root", top);
	return readlink(link, target, sizeof(target) - 1) > 0 &&
		strncmp(target, want, strlen(want)) == 0;
}

static void
races(void)
{
	int fd, outside = 0, opened = 0, before = count_fds();
	struct err e;
	pid_t pid;

	mkdirat(root, "race", 0755);
	mkdirat(root, "race/dir", 0755);
	mkdirat(root, "race/moved", 0755);
	mkdirat(root, "race/moved/in", 0755);
	symlinkat("../../outside", root, "race/link");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		disturb();
	for (int i = 0; i < 3000; i++) {
		fd = fd_make_in_root(&e, root, "race/dir/fresh/x", FD_DIRECTORY, 0755);
		opened += fd >= 0;
		outside += !is_inside(fd);
		close(fd);
		fd = fd_in_root(&e, root, "race/moved/in/../../../../outside", O_PATH);
		outside += !is_inside(fd);
		close(fd);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	renameat(top_dir, "outside/in", root, "race/moved/in");
	is_int(outside, 0, "a race never leads out of the root (%d of 3000 opened)", opened);
	is_int(count_names("outside"), 1, "and makes nothing there");
	is_int(count_fds(), before, "no descriptor is left open");
}

static void
plant(void)
{
	grow();
	root = openat(top_dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void
fell(void)
{
	close(root);
	fell_all(top_dir);
}

int
main(void)
{
	struct kabi_open_how how = {.flags = O_PATH};
	int fd;

	umask(0022);
	fd = sys_openat2(AT_FDCWD, "/", &how);
	have_openat2 = fd >= 0;
	close(fd);
	printf("# openat2 is %s\n", have_openat2 ? "there" : "not there: the walk answers alone");
	ok(mkdtemp(top) != NULL, "a directory");
	top_dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	plant();
	compare();
	known();
	limits();
	magic();
	fell();
	for (int walk = 0; walk < 2; walk++) {
		fd_force_walk(walk);
		plant();
		creations();
		deep();
		parents();
		races();
		fell();
	}
	is_int(rmdir(top), 0, "nothing else is left");
	return done_testing();
}
