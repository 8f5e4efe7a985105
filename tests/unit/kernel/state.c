/* covers: ST-1, ST-2, ST-4, ST-5, ST-7, OP-13 (engines.md 1.4, 3.1, 3.8) */
#include "kernel/state.h"
#include "base/arena.h"
#include "base/fd.h"
#include "base/procstat.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err e;
static char top[] = "/tmp/ocirt-unit-XXXXXX", root[64];
static struct pair annotations[] = {
	{"org.example.unit", "7"},
	{"bundle", "/no"},
	{"q\"\\", "\n"},
};

static struct state
sample(const char *id)
{
	struct state s = {
		.id = id,
		.bundle = "/srv/web",
		.rootfs = "/srv/web/rootfs",
		.created = "2026-03-01T10:00:00.5Z",
		.own_pid_namespace = true,
		.cgroup_path = "/edge/web1",
		.annotations = {annotations, 3},
	};

	s.namespace_listed[NAMESPACE_MOUNT] = s.namespace_listed[NAMESPACE_NETWORK] = true;
	s.namespace_path[NAMESPACE_NETWORK] = "/run/netns/a";
	s.cgroup[0].controllers = "cpu,cpuacct";
	s.cgroup[0].dir = "/sys/fs/cgroup/cpu,cpuacct/edge/web1";
	s.cgroup[0].existed = "/sys/fs/cgroup/cpu,cpuacct/edge";
	s.cgroup[1].controllers = "";
	s.cgroup[1].dir = "/sys/fs/cgroup/unified/edge/web1";
	s.cgroup[1].existed = "/sys/fs/cgroup/unified";
	s.n_cgroups = 2;
	return s;
}

static void
document(void)
{
	struct state s = sample("web1");
	const char *out;

	s.annotations.n = 1;
	out = state_document(&e, &s, STATE_RUNNING, 4711, "", 2);
	is_str(out,
		"{\n"
		"  \"ociVersion\": \"" SPEC_VERSION "\",\n"
		"  \"id\": \"web1\",\n"
		"  \"pid\": 4711,\n"
		"  \"status\": \"running\",\n"
		"  \"bundle\": \"/srv/web\",\n"
		"  \"rootfs\": \"/srv/web/rootfs\",\n"
		"  \"created\": \"2026-03-01T10:00:00.5Z\",\n"
		"  \"annotations\": {\n"
		"    \"org.example.unit\": \"7\"\n"
		"  },\n"
		"  \"owner\": \"\"\n"
		"}",
		"as engines.md 3.1 has it");
	s.annotations.n = 0;
	out = state_document(&e, &s, STATE_STOPPED, 4711, "root", 0);
	is_str(out,
		"{\"ociVersion\":\"" SPEC_VERSION
		"\",\"id\":\"web1\",\"pid\":0,\"status\":\"stopped\","
		"\"bundle\":\"/srv/web\",\"rootfs\":\"/srv/web/rootfs\","
		"\"created\":\"2026-03-01T10:00:00.5Z\",\"owner\":\"root\"}",
		"stopped: no pid; no annotations; unindented");
}

static bool
is_there(const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", root, name);
	return lstat(path, &st) == 0;
}

static int
count_root(void)
{
	DIR *d = opendir(root);
	int n = -2;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
roots(void)
{
	char other[80];
	struct stat st;
	int fd;

	snprintf(other, sizeof other, "%s/missing", top);
	is_int(state_root_open(&e, other, false), -1, "a missing root");
	is_int(e.number, ENOENT, "is known by its number");
	snprintf(root, sizeof root, "%s/a/b/c", top);
	fd = state_root_open(&e, root, true);
	ok(fd >= 0, "made with its parents: %s", e.text);
	fstat(fd, &st);
	is_int(st.st_mode & 07777, 0700, "mode of the root");
	close(fd);
	setenv("XDG_RUNTIME_DIR", top, 1);
	fd = state_root_open(&e, root, true);
	fstat(fd, &st);
	is_int(st.st_mode & 07777, 01700, "sticky below XDG_RUNTIME_DIR");
	close(fd);
	unsetenv("XDG_RUNTIME_DIR");
	chmod(root, 0777);
	is_int(state_root_open(&e, root, true), -1, "writable by others (S30)");
	ok(strstr(e.text, "others may write to it"), "%s", e.text);
	chmod(root, 0700);
	symlink(root, other);
	is_int(state_root_open(&e, other, true), -1, "a symlink (S30)");
	unlink(other);
	if (geteuid() == 0) {
		mkdir(other, 0700);
		chown(other, 12345, 0);
		is_int(state_root_open(&e, other, true), -1, "of somebody else (S30)");
		ok(strstr(e.text, "belongs to user 12345"), "%s", e.text);
		rmdir(other);
	}
}

static int root_dir = -1, lock = -1;

static int
make(const char *id)
{
	struct state s = sample(id);

	return state_make(&e, root_dir, &s, "{}", 2, &lock);
}

static void
round_trip(int dir)
{
	static char buf[STATE_JSON_MAX];
	struct state s = sample("web1"), t;

	s.pid = 4711;
	s.start = 1310022;
	s.shared_mounts = true;
	s.mount_id = UINT64_MAX;
	is_int(state_write(&e, dir, &s), 0, "written: %s", e.text);
	is_int(state_read(&e, dir, &t, buf, sizeof buf), 0, "read: %s", e.text);
	is_str(t.id, s.id, "id");
	is_str(t.bundle, s.bundle, "bundle");
	is_str(t.rootfs, s.rootfs, "rootfs");
	is_str(t.created, s.created, "created");
	ok(t.pid == 4711 && t.start == 1310022, "pid and start");
	ok(t.own_pid_namespace && t.shared_mounts && t.mount_id == UINT64_MAX, "own members");
	is_str(t.cgroup_path, s.cgroup_path, "cgroup path");
	is_int(t.n_cgroups, 2, "cgroups");
	is_str(t.cgroup[0].controllers, "cpu,cpuacct", "controllers");
	is_str(t.cgroup[0].existed, s.cgroup[0].existed, "existed");
	is_str(t.cgroup[1].controllers, "", "cgroup v2");
	is_str(t.cgroup[1].dir, s.cgroup[1].dir, "its directory");
	is_int(t.annotations.n, 3, "annotations");
	is_str(t.annotations.at[2].name, "q\"\\", "a name that needs escapes");
	is_str(t.annotations.at[2].value, "\n", "its value");
	for (int i = 0; i < NAMESPACES; i++)
		ok(t.namespace_listed[i] == s.namespace_listed[i] &&
				!t.namespace_path[i] == !s.namespace_path[i],
			"namespace %d", i);
	is_str(t.namespace_path[NAMESPACE_NETWORK], "/run/netns/a", "path of a namespace");
}

/* Every prefix and a byte changed: an error or the truth, never a crash. */
static void
broken(int dir)
{
	static char text[STATE_JSON_MAX], copy[STATE_JSON_MAX];
	ssize_t n = fd_read_file(&e, dir, "state.json", text, sizeof text);
	struct state s;
	int accepted = 0;

	for (ssize_t i = 0; i < n; i++) {
		fd_replace(&e, dir, "state.json", 0600, text, (size_t)i);
		arena_release(0);
		accepted += state_read(&e, dir, &s, copy, sizeof copy) == 0;
	}
	is_int(accepted, 0, "no prefix is a state");
	fd_replace(&e, dir, "state.json", 0600, "{\"ocirt\":{\"format\":2}}", 22);
	is_int(state_read(&e, dir, &s, copy, sizeof copy), -1, "of another version");
	is_str(e.text, "state.json: format 2 is not one that this version knows", "says so");
	fd_replace(&e, dir, "state.json", 0600, text, (size_t)n);
}

static void
folders(void)
{
	struct state s = sample("web1");
	char config[16];
	struct stat st;
	int dir, again;

	root_dir = state_root_open(&e, root, true);
	dir = make("web1");
	ok(dir >= 0, "made: %s", e.text);
	is_int(count_root(), 1, "one folder");
	fstat(dir, &st);
	is_int(st.st_mode & 07777, 0711, "its mode");
	fstatat(dir, "state.json", &st, 0);
	is_int(st.st_mode & 07777, 0600, "mode of state.json");
	is_int(state_read_config(&e, dir, config, sizeof config), 2, "the private config");
	is_int(make("web1"), -1, "the same id again");
	is_str(e.text, "container with given ID already exists", "is refused");
	is_int(state_status_now(dir, &s, false), STATE_CREATING, "creating while it is locked");
	is_int(state_lock(&e, dir, 0), -1, "locked");
	close(lock);
	is_int(state_status_now(dir, &s, false), STATE_STOPPED, "left behind: stopped");
	again = state_open(&e, root_dir, "web1");
	lock = state_lock(&e, again, 0);
	ok(again >= 0 && lock >= 0, "opened and locked: %s", e.text);
	round_trip(again);
	broken(again);
	is_int(state_open(&e, root_dir, "web2"), -1, "an unknown id");
	is_str(e.text, "container does not exist", "says so");
	mkdirat(root_dir, "storage", 0700);
	is_int(state_open(&e, root_dir, "storage"), -1, "a folder without state.json (R3)");
	is_int(make("storage"), -1, "its name is taken (R2)");
	is_int(state_remove(&e, root_dir, "web1", again), 0, "removed: %s", e.text);
	is_int(count_root(), 1, "gone");
	is_int(state_lock(&e, dir, 0), -1, "nothing to lock for who had it open");
	is_str(e.text, "container does not exist", "says so");
	is_int(state_remove(&e, root_dir, "web1", again), 0, "once more is fine");
	unlinkat(root_dir, "storage", AT_REMOVEDIR);
	close(again);
	close(dir);
	close(lock);
}

/* The name that a create of ours would take. */
static const char *
half(const char *id)
{
	static char name[64];

	snprintf(name, sizeof name, ",half,%s,%d", id, (int)getpid());
	return name;
}

static int
open_half(const char *id)
{
	mkdirat(root_dir, half(id), 0700);
	return openat(root_dir, half(id), O_RDONLY);
}

/* What holds that which is not ours, of an id; "": there is none. */
static const char *
left(const char *id)
{
	static char name[300];
	char prefix[64];
	struct dirent *entry;
	DIR *walk = opendir(root);

	name[0] = '\0';
	snprintf(prefix, sizeof prefix, ",left,%s,", id);
	while ((entry = readdir(walk)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			snprintf(name, sizeof name, "%s", entry->d_name);
	closedir(walk);
	return name;
}

static void
left_overs(void)
{
	struct stat st;
	int dir, held;

	mkdirat(root_dir, ",half,x,1", 0700);
	mkdirat(root_dir, ",half,x,2", 0700);
	dir = openat(root_dir, ",half,x,2", O_RDONLY);
	close(openat(dir, "lock", O_CREAT | O_WRONLY, 0600));
	close(openat(dir, "state.json", O_CREAT | O_WRONLY, 0600));
	close(openat(dir, ".state.json.77.tmp", O_CREAT | O_WRONLY, 0600));
	mkfifoat(dir, ".exec.fifo", 0600);
	mkdirat(root_dir, ",half,x.y,3", 0700);
	held = openat(dir, "lock", O_RDWR);
	flock(held, LOCK_EX);
	state_remove_half(root_dir, "x");
	ok(!is_there(",half,x,1"), "an empty one goes");
	ok(is_there(",half,x,2/state.json"), "one at work stays");
	ok(is_there(",half,x.y,3"), "another id's stays");
	close(held);
	close(dir);
	dir = open_half("y");
	close(openat(dir, "config.json", O_CREAT | O_WRONLY, 0600));
	close(dir);
	state_remove_half(root_dir, "y");
	ok(!is_there(half("y")), "what a killed removal left goes");
	state_remove_half(root_dir, "x");
	ok(!is_there(",half,x,2"), "it goes once nobody is at work");
	close(open_half("x"));
	dir = make("x");
	ok(dir >= 0 && !is_there(half("x")), "create sweeps where a left-over has its own name");
	close(openat(dir, "foreign", O_CREAT | O_WRONLY, 0600));
	is_int(state_remove(&e, root_dir, "x", dir), 0, "removed: %s", e.text);
	ok(!is_there("x") && !is_there(half("x")), "neither name is in use");
	ok(fstatat(dir, "foreign", &st, 0) == 0 && fstatat(dir, "state.json", &st, 0) < 0,
		"what is not ours is kept");
	close(openat(dir, ".state.json.77.tmp", O_CREAT | O_WRONLY, 0600));
	is_int(renameat(root_dir, left("x"), root_dir, half("x")), 0, "it is there");
	state_remove_half(root_dir, "x");
	ok(!is_there(half("x")) && *left("x"), "a left-over with what is not ours is set aside");
	unlinkat(dir, "foreign", 0);
	unlinkat(root_dir, left("x"), AT_REMOVEDIR);
	close(dir);
	close(lock);
	state_remove_half(root_dir, "x.y");
}

static int
append(struct err *ignored, void *arg, const char *id)
{
	(void)ignored;
	strcat(arg, id);
	strcat(arg, " ");
	return 0;
}

static void
each(void)
{
	static char got[4096], want[4096];
	char path[300];

	for (int i = 199; i >= 0; i--) {
		snprintf(path, sizeof path, "%s/c%03d", root, i);
		mkdir(path, 0700);
		strcat(path, "/state.json");
		if (i % 7)
			close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	for (int i = 0; i < 200; i++)
		if (i % 7)
			sprintf(want + strlen(want), "c%03d ", i);
	is_int(state_each(&e, root_dir, append, got), 0, "all ids: %s", e.text);
	is_str(got, want, "in order, more than one batch, folders without a state left out");
}

/* A child plays the init: it waits at the gate and answers with `text`, or with its end. */
static pid_t
play_init(int dir, struct state *s, const char *text)
{
	struct state_gate g;
	struct procstat p;
	pid_t pid;

	is_int(state_gate_open(&e, dir, &g), 0, "the gate is opened: %s", e.text);
	pid = fork();
	if (pid == 0) {
		char byte;

		if (read(g.gate, &byte, 1) == 1 && text && write(g.answer, text, strlen(text)) < 0)
			_exit(2);
		close(g.answer);
		if (text)
			_exit(1);
		pause();
	}
	close(g.gate);
	close(g.answer);
	s->pid = pid;
	procstat_read(&e, pid, &p);
	s->start = p.start;
	return pid;
}

static void
gate(void)
{
	struct state s = sample("g");
	int dir = make("g");
	pid_t pid = play_init(dir, &s, NULL);

	is_int(state_status_now(dir, &s, false), STATE_CREATING, "hidden: creating");
	is_int(state_release(&e, dir), -1, "nothing to release yet");
	is_int(state_ready(&e, dir), 0, "shown: %s", e.text);
	is_int(state_status_now(dir, &s, false), STATE_CREATED, "created");
	is_int(state_status_now(dir, &s, true), STATE_PAUSED, "frozen comes first");
	is_int(state_release(&e, dir), 0, "released, executed: %s", e.text);
	is_int(state_status_now(dir, &s, false), STATE_RUNNING, "running");
	is_int(state_release(&e, dir), -1, "there is one winner");
	is_str(e.text, "cannot start an already running container", "the other is told");
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT);
	is_int(state_status_now(dir, &s, false), STATE_STOPPED, "a zombie is stopped (P4)");
	waitpid(pid, NULL, 0);
	state_remove(&e, root_dir, "g", dir);
	close(dir);
	close(lock);

	dir = make("g");
	pid = play_init(dir, &s, "exec /x: exec format error");
	state_ready(&e, dir);
	is_int(state_release(&e, dir), -1, "the init failed");
	is_str(e.text, "exec /x: exec format error", "its own words arrive");
	waitpid(pid, NULL, 0);
	state_remove(&e, root_dir, "g", dir);
	close(dir);
	close(lock);

	dir = make("g");
	pid = play_init(dir, &s, NULL);
	state_ready(&e, dir);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(state_release(&e, dir), -1, "the init is dead");
	is_str(e.text, "cannot start a container that has stopped", "says so");
	state_gate_remove(dir);
	ok(!state_gate_named(dir, true) && !state_gate_named(dir, false), "no gate is left");
	state_remove(&e, root_dir, "g", dir);
	close(dir);
	close(lock);
}

int
main(void)
{
	char command[64];

	umask(022);
	if (!mkdtemp(top))
		return 1;
	document();
	roots();
	folders();
	left_overs();
	gate();
	each();
	snprintf(command, sizeof command, "rm -rf %s", top);
	if (system(command) != 0)
		return 1;
	return done_testing();
}
