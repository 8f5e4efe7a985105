/* Global options, the state root, the version (engines.md 1.1, 1.3, 1.4). */
#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "kernel/probe.h"
#include "kernel/systemd.h"
#include "plan/plan.h"
#include "roles/load.h"

#include <stdlib.h>
#include <unistd.h>

static struct given {
	const char *root, *log, *log_format, *level, *manager, *rootless, *criu;
	bool debug, systemd, strict;
} given = {
	.log_format = "text",
	.level = "warning",
	.manager = "cgroupfs",
	.rootless = "auto",
};

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "root",           0,   STRING, "DIR",     "directory of the containers' state", root) \
	ROW(T, "log",            0,   STRING, "DEST",    "where messages go (default: stderr)", log) \
	ROW(T, "log-format",     0,   STRING, "FORMAT",  "text (default) or json", log_format) \
	ROW(T, "log-level",      0,   STRING, "LEVEL",   "error, warning (default) or debug", level) \
	ROW(T, "debug",          0,   FLAG,   "",        "the same as --log-level debug", debug) \
	ROW(T, "systemd-cgroup", 0,   FLAG,   "",        "the same as --cgroup-manager systemd", systemd) \
	ROW(T, "cgroup-manager", 0,   STRING, "MANAGER", "cgroupfs (default), systemd or disabled", manager) \
	ROW(T, "rootless",       0,   STRING, "WHEN",    "true, false or auto: do without cgroup permission", rootless) \
	ROW(T, "strict",         0,   FLAG,   "",        "delete no container that was never started", strict) \
	ROW(T, "criu",           0,   STRING, "PATH",    "accepted, without effect", criu)
/* clang-format on */
const struct options globals_options = OPTIONS(ROWS, struct given, &given);

const char *
globals_name(const char *argv0)
{
	const char *base = str_base(argv0);

	return str_equal(base, "runc") ? "runc" : str_equal(base, "crun") ? "crun" : "ocirt";
}

/* The user's own runtime directory, where the caller has one that counts. */
static const char *
runtime_directory(const char *name)
{
	const char *dir = getenv("XDG_RUNTIME_DIR"), *user = getenv("USER");

	if (!dir || !*dir)
		return NULL;
	if (str_equal(name, "crun") || geteuid() != 0)
		return dir;
	if (str_equal(name, "runc") && user && str_equal(user, "root"))
		return NULL;
	return probe_user_namespace() ? dir : NULL;
}

static int
find_root(struct err *e, struct globals *g)
{
	static char path[PLAN_PATH_MAX] BUFFER;
	const char *leaf = str_equal(g->name, "ocirt") ? "containers" : g->name, *dir;

	g->root = path;
	g->root_given = given.root != NULL;
	if (given.root) {
		if (!*given.root)
			return fail(e, "Option --root argument should not be set to /");
		TRY(load_absolute(e, &given.root));
		if (str_clean_path(path, sizeof path, given.root) < 0)
			return fail(e, "--root: path too long");
		if (str_equal(path, "/"))
			return fail(e, "Option --root argument should not be set to /");
		return 0;
	}
	dir = runtime_directory(g->name);
	if (str_format(path, sizeof path, "%s/%s", dir ? dir : "/run", leaf) < 0)
		return fail(e, "XDG_RUNTIME_DIR: path too long");
	return 0;
}

static int
open_log(struct err *e)
{
	static const struct {
		char name[8];
		enum log_level level;
	} row[] = {{"error", LOG_ERROR}, {"warning", LOG_WARNING}, {"debug", LOG_DEBUG}};
	enum log_format format = str_equal(given.log_format, "json") ? LOG_JSON : LOG_TEXT;

	if (format == LOG_TEXT && !str_equal(given.log_format, "text"))
		return fail(e, "invalid log-format: %s", given.log_format);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (str_equal(given.level, row[i].name))
			return log_open(
				e, given.log, format, given.debug ? LOG_DEBUG : row[i].level);
	return fail(e, "invalid log-level: %s", given.level);
}

static int
check_manager(struct err *e, struct globals *g)
{
	g->systemd = given.systemd || str_equal(given.manager, "systemd");
	if (g->systemd && !systemd_runs())
		return fail(
			e, "systemd not running on this host, cannot use systemd cgroups manager");
	g->no_cgroups = !g->systemd && str_equal(given.manager, "disabled");
	if (!g->no_cgroups && !g->systemd && !str_equal(given.manager, "cgroupfs"))
		return fail(e, "invalid cgroup-manager: %s", given.manager);
	return 0;
}

static int
check_rootless(struct err *e, struct globals *g)
{
	if (str_equal(given.rootless, "auto"))
		g->rootless_auto = true;
	else if (str_equal(given.rootless, "true"))
		g->rootless = true;
	else if (!str_equal(given.rootless, "false"))
		return fail(e, "invalid value \"%s\" for flag -rootless", given.rootless);
	return 0;
}

int
globals_finish(struct err *e, struct globals *g, const char *argv0)
{
	g->argv0 = argv0;
	g->name = globals_name(argv0);
	g->strict = given.strict;
	TRY(open_log(e));
	if (given.criu)
		log_warning("--criu: ignored: checkpoint is not supported");
	TRY(find_root(e, g));
	TRY(check_manager(e, g));
	return check_rootless(e, g);
}

int
globals_version(struct err *e, const struct globals *g)
{
	char text[512];
	struct str s = str_in(text, sizeof text);
	bool crun = str_equal(g->name, "crun");

	if (str_equal(g->name, "ocirt"))
		str_add(&s, "ocirt version %s\n", OCIRT_VERSION);
	else
		str_add(&s, "%s version %s+ocirt.%s\n", g->name,
			crun ? OCIRT_CRUN_LEVEL : OCIRT_RUNC_LEVEL, OCIRT_VERSION);
	str_add(&s, "commit: %s\n", OCIRT_COMMIT);
	if (crun)
		str_add(&s, "rundir: %s\n", g->root);
	str_add(&s, "spec: %s\n", SPEC_VERSION);
	if (crun)
		str_add(&s, "+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF\n");
	if (str_equal(g->name, "ocirt"))
		str_add(&s, "libraries: musl %s, jsmn %s, BearSSL %s\n", OCIRT_MUSL, OCIRT_JSMN,
			OCIRT_BEARSSL);
	return command_print(e, s.at, s.len);
}
