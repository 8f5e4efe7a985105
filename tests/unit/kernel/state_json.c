/* Documents that a state.json must not be, and the members that few containers have. */
#include "kernel/state.h"

#include "base/arena.h"
#include "base/fd.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct err e;
static struct state state;
static char buf[1 << 16], text[1 << 16];
static int dir;

#define OWN \
	"\"ocirt\":{\"format\":1,\"own_pid_namespace\":true,\"shared_mounts\":false," \
	"\"mount_id\":7,\"cgroups\":[{\"controllers\":\"\",\"dir\":\"/c/x\",\"existed\":\"/c\"}]}"
#define CONFIG \
	"\"config\":{\"namespaces\":[{\"type\":\"NEWNET\",\"path\":\"/n\"},{\"type\":\"NEWNS\"}]," \
	"\"cgroups\":{\"path\":\"/x\"}}"
#define REST \
	"\"id\":\"web1\",\"bundle\":\"/b\",\"rootfs\":\"/b/r\",\"created\":\"now\"," \
	"\"init_process_pid\":42,\"init_process_start\":99"

static void
put(const char *content)
{
	int fd = openat(dir, "state.json", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content))
		exit(1);
	close(fd);
}

/* The whole document with one part of it replaced, which must be there. */
static int
read_with(const char *part, const char *by)
{
	static const char whole[] = "{" OWN "," CONFIG "," REST "}";
	const char *at = strstr(whole, part);

	if (!at)
		exit(1);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, by, at + strlen(part));
	put(text);
	return state_read(&e, dir, &state, buf, sizeof buf);
}

static void
the_whole(void)
{
	is_int(read_with("{", "{"), 0, "read: %s", e.text);
	is_str(state.id, "web1", "id");
	is_int(state.pid, 42, "pid");
	is_int((long long)state.start, 99, "start");
	is_int((long long)state.mount_id, 7, "mount id");
	ok(state.own_pid_namespace && !state.shared_mounts, "flags");
	is_str(state.cgroup[0].existed, "/c", "cgroups");
	is_str(state.namespace_path[NAMESPACE_NETWORK], "/n", "a namespace with a path");
	ok(state.namespace_listed[NAMESPACE_MOUNT] && !state.namespace_path[NAMESPACE_MOUNT],
		"and one without");
	ok(!state.namespace_listed[NAMESPACE_PID], "and none");
	ok(!state.unit && !state.rdt_group && state.annotations.n == 0, "what there need not be");
}

static void
the_broken(void)
{
	static const struct {
		const char *part, *by, *text;
	} row[] = {
		{"\"format\":1", "\"format\":2",
			"state.json: format 2 is not one that this version knows"},
		{"\"format\":1,", "", "state.json: format: missing or of the wrong type"},
		{"\"ocirt\":", "\"other\":", "state.json: ocirt: missing or of the wrong type"},
		{"\"mount_id\":7", "\"mount_id\":-7",
			"state.json: mount_id: missing or of the wrong type"},
		{"\"shared_mounts\":false", "\"shared_mounts\":0",
			"state.json: shared_mounts: missing or of the wrong type"},
		{"\"existed\":\"/c\"", "\"existed\":null",
			"state.json: existed: missing or of the wrong type"},
		{"[{\"controllers\"", "{\"controllers\"", NULL}, /* no JSON at all */
		{"\"id\":\"web1\"", "\"id\":1", "state.json: id: missing or of the wrong type"},
		{"\"init_process_pid\":42", "\"init_process_pid\":2147483648",
			"state.json: init_process_pid: missing or of the wrong type"},
		{"\"NEWNS\"", "\"NEWS\"", "state.json: type: missing or of the wrong type"},
		{"\"path\":\"/x\"", "\"path\":[]",
			"state.json: path: missing or of the wrong type"},
		{"\"id\"", "\"annotations\":{\"a\":1},\"id\"",
			"state.json: annotations: missing or of the wrong type"},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		is_int(read_with(row[i].part, row[i].by), -1, "refused: %s", row[i].by);
		if (row[i].text)
			is_str(e.text, row[i].text, "it says why");
	}
	put("");
	is_int(state_read(&e, dir, &state, buf, sizeof buf), -1, "empty: %s", e.text);
	unlinkat(dir, "state.json", 0);
	is_int(state_read(&e, dir, &state, buf, sizeof buf), -1, "none");
	is_str(e.text, "container does not exist", "says so");
}

/* Written by us and read again. */
static void
the_rare(void)
{
	struct state s = {.id = "a", .bundle = "/b", .rootfs = "/r", .created = "c", .pid = 5};

	s.cgroup_path = "/x";
	s.manager = "/run/systemd/private";
	s.unit = "ocirt-a.scope";
	s.rdt_group = "/sys/fs/resctrl/a";
	s.rdt_monitor = "";
	s.rdt_own = true;
	s.shared_mounts = true;
	s.mount_id = UINT64_MAX;
	is_int(state_write(&e, dir, &s), 0, "written: %s", e.text);
	is_int(state_read(&e, dir, &state, buf, sizeof buf), 0, "read again: %s", e.text);
	is_str(state.unit, s.unit, "unit");
	is_str(state.manager, s.manager, "manager");
	is_str(state.rdt_group, s.rdt_group, "group of resctrl");
	is_str(state.rdt_monitor, "", "no group of monitoring");
	ok(state.rdt_own && state.shared_mounts && state.mount_id == UINT64_MAX, "numbers");
	is_int(state.n_cgroups, 0, "no cgroups");
	unlinkat(dir, "state.json", 0);
}

int
main(void)
{
	char path[] = "/tmp/ocirt-unit-XXXXXX";

	dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0)
		return 1;
	the_whole();
	the_broken();
	the_rare();
	close(dir);
	rmdir(path);
	return done_testing();
}
