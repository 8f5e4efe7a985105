/* From the options of create and run to a request with absolute paths. */
#include "commands/command.h"

#include "base/fd.h"
#include "base/str.h"
#include "roles/load.h"
#include "roles/run.h"

#include <stdlib.h>
#include <unistd.h>

enum { LISTEN_FDS_MAX = 65536 };

struct request_options request_options;

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

int
request_make(struct err *e, struct request *q, const struct globals *g, const char *id)
{
	const struct request_options *o = &request_options;
	uint32_t listen_fds = count_listen_fds();

	*q = (struct request){
		.root = g->root,
		.id = id,
		.bundle = o->bundle,
		.config = o->config,
		.pid_file = o->pid_file,
		.console_socket = o->console_socket,
		.pidfd_socket = o->pidfd_socket,
		.name = g->name,
		.preserve_fds = listen_fds + o->preserve_fds,
		.listen_fds = listen_fds,
		.no_subreaper = o->no_subreaper,
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.no_cgroups = g->no_cgroups,
		.rootless = g->rootless,
		.foreign_default_root = is_default_root(g->root),
	};
	TRY(fd_fill_stdio(e));
	if (fd_cloexec_from((int)(3 + q->preserve_fds)) < 0)
		return fail_errno(e, "close-on-exec");
	TRY(load_absolute(e, &q->pid_file));
	TRY(load_absolute(e, &q->console_socket));
	return load_absolute(e, &q->pidfd_socket);
}
