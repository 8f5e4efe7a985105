/* From the options of create and run to a request with absolute paths. */
#include "commands/command.h"

#include "base/fd.h"
#include "base/str.h"
#include "roles/load.h"
#include "roles/run.h"
#include "words/words.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTEN_FDS_MAX = 65536 };

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "bundle",         'b', STRING, "DIR",    "bundle (default: this directory)", bundle) \
	ROW(T, "config",         'f', STRING, "FILE",   "config (default: config.json)", config) \
	ROW(T, "console-socket", 0,   STRING, "SOCKET", "socket for the terminal's master", console_socket) \
	ROW(T, "pidfd-socket",   0,   STRING, "SOCKET", "socket for a pidfd of the init", pidfd_socket) \
	ROW(T, "pid-file",       0,   STRING, "FILE",   "file for the init's pid", pid_file) \
	ROW(T, "preserve-fds",   0,   COUNT,  "N",      "pass descriptors 3 to 2+N to the program", preserve_fds) \
	ROW(T, "no-pivot",       0,   FLAG,   "",       "MS_MOVE instead of pivot_root", no_pivot) \
	ROW(T, "no-new-keyring", 0,   FLAG,   "",       "keep the session keyring", no_new_keyring) \
	ROW(T, "no-subreaper",   0,   FLAG,   "",       "run: do not become a subreaper", no_subreaper) \
	INIT_ROWS(ROW, T, "", init) \
	ROW(T, "dry-run",        0,   FLAG,   "",       "print the plan alone", dry_run) \
	ROW(T, "verify",         0,   STRING, "POLICY", "signed bundles: off, warn or required", verify) \
	ROW(T, "key",            0,   STRING, "PEM",    "public key that counts", key) \
	/* of run alone */  \
	ROW(T, "detach",         'd', FLAG,   "",       "return once the program runs", detach) \
	ROW(T, "keep",           0,   FLAG,   "",       "keep the container when it ends", keep)

const struct option request_option[] = {ROWS(OPTION_ROW, struct request_options)};
const char request_text[] = ROWS(OPTION_TEXT, struct request_options);
/* clang-format on */

_Static_assert(
	sizeof request_option / sizeof *request_option == REQUEST_OPTIONS, "a row was forgotten");

/* These folders are shared with Podman, which keeps "storage" there (R2). */
static bool
is_default_root(const char *root)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (str_equal(root, "/run/containers"))
		return true;
	return runtime && *runtime && str_starts(root, runtime) && str_ends(root, "/containers");
}

/* Sockets that a service manager hands us are handed on (engines.md 5.3): they are meant for us
 * when LISTEN_PID says so, or nothing. */
static uint32_t
count_listen_fds(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t n, whose;

	if (!fds || str_u64(fds, &n) < 0 || n > LISTEN_FDS_MAX)
		return 0;
	if (pid && *pid && (str_u64(pid, &whose) < 0 || whose != (uint64_t)getpid()))
		return 0;
	return (uint32_t)n;
}

/* An empty value is none, as with runc. */
static const char *
or_null(const char *value)
{
	return value && *value ? value : NULL;
}

/* It is made by a rename: that must not put a file in the place of /dev/null or /dev/stdout. */
static int
check_pid_file(struct err *e, const char *path)
{
	struct stat st;

	if (path && stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return fail(e, "--pid-file %s: not a regular file", path);
	return 0;
}

int
request_make(struct err *e, struct request *q, const struct globals *g,
	const struct request_options *o, const char *id)
{
	uint32_t listen_fds = count_listen_fds();

	*q = (struct request){
		.root = g->root,
		.id = id,
		.bundle = or_null(o->bundle),
		.config = or_null(o->config),
		.pid_file = or_null(o->pid_file),
		.console_socket = or_null(o->console_socket),
		.pidfd_socket = or_null(o->pidfd_socket),
		.key = o->key,
		.verify = words_find(WORDS_VERIFY, o->verify ? o->verify : ""),
		.name = g->name,
		.preserve_fds = listen_fds + o->preserve_fds,
		.listen_fds = listen_fds,
		.init = o->init,
		.no_subreaper = o->no_subreaper,
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.no_cgroups = g->no_cgroups,
		.systemd = g->systemd,
		.rootless = g->rootless,
		.rootless_auto = g->rootless_auto,
		.foreign_default_root = is_default_root(g->root),
	};
	if (o->verify && q->verify < 0)
		return fail(e, "--verify: \"%s\" is not %s", o->verify, words_noun(WORDS_VERIFY));
	if (o->key && !*o->key) /* not as if it were not there: that would verify nothing */
		return fail(e, "--key: no file is named");
	TRY(fd_fill_stdio(e));
	if (fd_cloexec_from((int)(3 + q->preserve_fds)) < 0)
		return fail_errno(e, "close-on-exec");
	TRY(load_absolute(e, &q->pid_file));
	TRY(check_pid_file(e, q->pid_file));
	TRY(load_absolute(e, &q->console_socket));
	TRY(load_absolute(e, &q->key));
	return load_absolute(e, &q->pidfd_socket);
}
