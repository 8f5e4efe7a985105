#include "base/fd.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir_name[] = "/tmp/ocirt-test-XXXXXX";
static int dir;
static struct err e;

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
scoped(int *seen, bool keep)
{
	FD_AUTO int fd = open("/dev/null", O_RDONLY);

	*seen = fd;
	errno = ENOENT;
	return keep ? fd_keep(&fd) : -1;
}

static void
scopes(void)
{
	int seen, kept, none = -1;
	char path[32];

	scoped(&seen, false);
	ok(!is_open(seen), "a scoped descriptor is closed");
	errno = ENOENT;
	scoped(&seen, false);
	is_int(errno, ENOENT, "and errno kept");
	kept = scoped(&seen, true);
	ok(kept == seen && is_open(kept), "one that was kept is open");
	fd_close(&kept);
	is_int(kept, -1, "closing sets -1");
	fd_close(&none);
	is_int(fd_path(path, 42), 16, "fd_path");
	is_str(path, "/proc/self/fd/42", "its text");
}

static void
put_file(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	is_int(write(fd, text, strlen(text)), (int)strlen(text), "%s is there", name);
	close(fd);
}

static void
reads(void)
{
	char buf[8];
	int pipes[2];

	put_file("seven", "1234567");
	put_file("eight", "12345678");
	is_int(fd_read_file(&e, dir, "seven", buf, sizeof(buf)), 7, "a file that fits exactly");
	is_str(buf, "1234567", "its text");
	is_int(fd_read_file(&e, dir, "eight", buf, sizeof(buf)), -1, "one byte too many");
	is_str(e.text, "eight: larger than 7 bytes", "is named");
	is_int(fd_read_file(&e, dir, "none", buf, sizeof(buf)), -1, "a missing file");
	is_str(e.text, "open none: no such file or directory", "is named");
	is_int(e.number, ENOENT, "with its errno");
	is_int(fd_read_file(&e, dir, ".", buf, sizeof(buf)), -1, "a directory");
	is_str(e.text, "read .: is a directory", "is named");
	is_int(mkfifoat(dir, "fifo", 0600), 0, "a FIFO");
	is_int(fd_read_file(&e, dir, "fifo", buf, sizeof(buf)), -1, "does not make us wait");
	is_str(e.text, "fifo: not a regular file", "but is refused");
	is_int(fd_read_file(&e, dir, "/dev/null", buf, sizeof(buf)), -1, "so is a device");
	is_int(pipe(pipes), 0, "a pipe");
	is_int(write(pipes[1], "abc", 3), 3, "with three bytes");
	close(pipes[1]);
	is_int(fd_read_all(&e, pipes[0], buf, sizeof(buf), "pipe"), 3, "is read to its end");
	is_str(buf, "abc", "all of it");
	close(pipes[0]);
}

static void
writes(void)
{
	char buf[32];
	int fd = openat(dir, "seven", O_WRONLY | O_TRUNC);

	is_int(fd_write(&e, fd, "hello", 5, "seven"), 0, "write");
	close(fd);
	is_int(fd_read_file(&e, dir, "seven", buf, sizeof(buf)), 5, "all of it");
	is_int(fd_write_file(&e, dir, "seven", "HE"), 0, "write to an existing file");
	fd_read_file(&e, dir, "seven", buf, sizeof(buf));
	is_str(buf, "HEllo", "is not a truncation");
	is_int(fd_write_file(&e, dir, "none", "x"), -1, "a missing one is not made");
	is_str(e.text, "open none: no such file or directory", "but named");
	is_int(fd_write_file(&e, AT_FDCWD, "/proc/self/oom_score_adj", "pig"), -1, "a bad value");
	is_str(e.text, "write /proc/self/oom_score_adj: invalid argument", "is the kernel's word");
	is_int(symlinkat("seven", dir, "link"), 0, "a symlink");
	is_int(fd_write_file(&e, dir, "link", "x"), -1, "is not followed");
	is_int(e.number, ELOOP, "ELOOP");
}

static int
count_names(void)
{
	const struct fd_entry *entry;
	struct fd_dir d;
	int n = 0, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (fd_dir_open(&d, fd); (entry = fd_dir_next(&d));)
		n++;
	is_int(d.error, 0, "no error in the walk");
	close(fd);
	return n;
}

static void
replacements(void)
{
	int before = count_names();
	struct stat st;
	char buf[32];

	umask(0077);
	is_int(fd_replace(&e, dir, "state", 0644, "one", 3), 0, "a new file");
	umask(0022);
	is_int(fd_read_file(&e, dir, "state", buf, sizeof(buf)), 3, "its text");
	ok(fstatat(dir, "state", &st, 0) == 0 && (st.st_mode & 0777) == 0644,
		"its mode in spite of the umask");
	is_int(fd_replace(&e, dir, "state", 0600, "second", 6), 0, "replaced");
	is_int(fd_read_file(&e, dir, "state", buf, sizeof(buf)), 6, "whole");
	is_int(symlinkat("seven", dir, "pid"), 0, "a symlink in its place");
	is_int(fd_replace(&e, dir, "pid", 0600, "4711", 4), 0, "is replaced");
	fd_read_file(&e, dir, "seven", buf, sizeof(buf));
	is_str(buf, "HEllo", "and its target untouched");
	snprintf(buf, sizeof(buf), ".pid.%d.tmp", (int)getpid());
	is_int(symlinkat("seven", dir, buf), 0, "a symlink under the temporary name");
	is_int(fd_replace(&e, dir, "pid", 0600, "4712", 4), 0, "is no obstacle");
	fd_read_file(&e, dir, "seven", buf, sizeof(buf));
	is_str(buf, "HEllo", "nor followed");
	is_int(mkdirat(dir, "taken", 0700), 0, "a directory of that name");
	is_int(fd_replace(&e, dir, "taken", 0600, "x", 1), -1, "is not replaced");
	is_str(e.text, "replace taken: is a directory", "says so");
	is_int(fd_replace(&e, dir, "taken/in", 0600, "x", 1), 0, "a path below dir");
	is_int(fd_replace(&e, dir, "none/in", 0600, "x", 1), -1, "a missing directory");
	is_str(e.text, "create none/in: no such file or directory", "is named");
	is_int(count_names(), before + 3, "no temporary file is left");
	unlinkat(dir, "taken/in", 0);
}

static void
full_disk(void)
{
	struct rlimit old, none;
	int before = count_names();
	char buf[16];

	getrlimit(RLIMIT_FSIZE, &old);
	none = old;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_FSIZE, &none);
	is_int(fd_replace(&e, dir, "state", 0600, "third", 5), -1, "a write that fails");
	setrlimit(RLIMIT_FSIZE, &old);
	is_str(e.text, "write state: file too large", "is named");
	is_int(count_names(), before, "leaves no temporary file");
	fd_read_file(&e, dir, "state", buf, sizeof(buf));
	is_str(buf, "second", "and the old text");
}

/* A directory with more names than the buffer holds, twice; each name once. */
static void
walks(void)
{
	enum { N = 300 };
	static int seen[N];
	const struct fd_entry *entry;
	struct fd_dir d;
	char name[64];
	int fd, number, wrong = 0;

	mkdirat(dir, "many", 0700);
	fd = openat(dir, "many", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "a-rather-long-name-of-a-file-%03d", i);
		close(openat(fd, name, O_CREAT | O_WRONLY, 0600));
	}
	for (int round = 0; round < 2; round++) {
		for (fd_dir_open(&d, fd); (entry = fd_dir_next(&d));) {
			number = atoi(strrchr(entry->name, '-') + 1);
			seen[number]++;
			wrong += entry->type != DT_REG && entry->type != DT_UNKNOWN;
		}
	}
	for (int i = 0; i < N; i++) {
		wrong += seen[i] != 2;
		snprintf(name, sizeof(name), "a-rather-long-name-of-a-file-%03d", i);
		unlinkat(fd, name, 0);
	}
	is_int(wrong, 0, "each of %d names is seen once a walk", N);
	fd_dir_open(&d, fd);
	ok(!fd_dir_next(&d) && d.error == 0, "an empty directory");
	close(fd);
	fd_dir_open(&d, fd);
	ok(!fd_dir_next(&d) && d.error == EBADF, "a closed one is an error");
}

/* The descriptors of a child: 10 to 20 are open, some are kept. */
static int
child_closes(void)
{
	int keep[] = {15, -1, 12, 20}, bad = 0;

	for (int i = 10; i <= 20; i++)
		dup2(2, i);
	if (fd_cloexec_from(14) < 0)
		return 1;
	for (int i = 10; i <= 20; i++)
		bad += !(fcntl(i, F_GETFD) & FD_CLOEXEC) != (i < 14);
	if (bad)
		return 2;
	if (fd_close_except(11, keep, 4) < 0)
		return 3;
	for (int i = 10; i <= 20; i++)
		bad += is_open(i) != (i == 10 || i == 12 || i == 15 || i == 20);
	return bad ? 4 : 0;
}

static int
child_stdio(void)
{
	struct stat st;

	close(0);
	close(2);
	if (fd_fill_stdio(&e) < 0)
		return 1;
	for (int i = 0; i <= 2; i += 2) {
		if (fstat(i, &st) < 0 || !S_ISCHR(st.st_mode) || fcntl(i, F_GETFD) & FD_CLOEXEC)
			return 2;
	}
	return fd_fill_stdio(&e) < 0 ? 3 : 0;
}

static int
in_child(int (*run)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(run());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int
main(void)
{
	static const char *const files[] = {"seven", "eight", "fifo", "link", "state", "pid"};

	signal(SIGXFSZ, SIG_IGN);
	ok(mkdtemp(dir_name) != NULL, "a directory");
	dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scopes();
	reads();
	writes();
	replacements();
	full_disk();
	walks();
	is_int(in_child(child_closes), 0, "close-on-exec and closing of many descriptors");
	is_int(in_child(child_stdio), 0, "closed stdio is filled");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(dir, files[i], 0);
	unlinkat(dir, "many", AT_REMOVEDIR);
	unlinkat(dir, "taken", AT_REMOVEDIR);
	is_int(rmdir(dir_name), 0, "nothing else is left in it");
	return done_testing();
}
