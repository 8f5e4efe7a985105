#include "kernel/ns.h"

#include "base/fd.h"
#include "base/mnt.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPS_MAX = SPEC_IDMAP_MAX * 36 }; /* bytes; a line is three numbers of ten digits */

/* --- joined namespaces ------------------------------------------------------------------------ */

/* NS-3.  Before Linux 4.11 the kernel cannot tell the kind, and before 3.19 the files lie in
 * procfs; then setns(2) checks it. */
static int
check_type(struct err *e, int fd, enum namespace ns, const char *path)
{
	int type = ioctl(fd, (int)NS_GET_NSTYPE);
	bool kind_unknown = type < 0 && errno == ENOTTY;
	uint32_t magic = mnt_magic(fd);

	if (type >= 0 && (uint64_t)type == words_namespace_flag(ns) && magic == NSFS_MAGIC)
		return 0;
	if (kind_unknown && (magic == NSFS_MAGIC || magic == PROC_SUPER_MAGIC))
		return 0;
	return fail(e, "linux.namespaces: %s is not a %s namespace", path,
		words_name(WORDS_NAMESPACE, ns));
}

int
ns_open(struct err *e, const struct plan *p, struct ns_fds *fds)
{
	IN(e, ROLE_HOST);
	for (enum namespace ns = 0; ns < NAMESPACES; ns++)
		fds->fd[ns] = -1;
	for (enum namespace ns = 0; ns < NAMESPACES; ns++) {
		const char *path = p->ns.join[ns];

		if (!path)
			continue;
		fds->fd[ns] = openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fds->fd[ns] < 0)
			(void)fail_errno(e, "linux.namespaces: open %s", path);
		if (fds->fd[ns] < 0 || check_type(e, fds->fd[ns], ns, path) < 0) {
			ns_close(fds);
			return -1;
		}
	}
	return 0;
}

void
ns_close(struct ns_fds *fds)
{
	for (enum namespace ns = 0; ns < NAMESPACES; ns++)
		fd_close(&fds->fd[ns]);
}

/* Is what is joined the namespace that we are in ourselves? */
static bool
is_callers(const struct ns_fds *fds, enum namespace ns)
{
	struct stat joined, own;
	char path[48];

	if (fds->fd[ns] < 0 || fstat(fds->fd[ns], &joined) < 0)
		return false;
	if (str_format(path, sizeof(path), "/proc/self/ns/%s", words_namespace_file(ns)) < 0)
		return false;
	return stat(path, &own) == 0 && own.st_ino == joined.st_ino && own.st_dev == joined.st_dev;
}

static enum namespace sysctl_namespace(const char *path)
{
	if (str_starts(path, "net/"))
		return NAMESPACE_NETWORK;
	return str_equal(path, "kernel/domainname") ? NAMESPACE_UTS : NAMESPACE_IPC;
}

int
ns_check_foreign(struct err *e, const struct plan *p, const struct ns_fds *fds)
{
	static const char text[] = "the namespace that is joined is the host's own";

	IN(e, ROLE_HOST);
	for (uint32_t i = 0; i < p->sysctl.n; i++)
		if (is_callers(fds, sysctl_namespace(p->sysctl.at[i].name)))
			return fail(e, "linux.sysctl: %s: %s", p->sysctl.at[i].name, text);
	if (p->spec->linux_.net_devices.n > 0 && is_callers(fds, NAMESPACE_NETWORK))
		return fail(e, "linux.netDevices: %s", text);
	if ((p->spec->hostname || p->spec->domainname) && is_callers(fds, NAMESPACE_UTS))
		return fail(e, "%s: %s", p->spec->hostname ? "hostname" : "domainname", text);
	return 0;
}

static int
join(struct err *e, const struct plan *p, const struct ns_fds *fds, enum namespace ns)
{
	if (fds->fd[ns] < 0)
		return 0;
	if (sys_setns(fds->fd[ns], (int)words_namespace_flag(ns)) < 0)
		return fail_errno(e, "linux.namespaces: joining the %s namespace %s",
			words_name(WORDS_NAMESPACE, ns), p->ns.join[ns] ? p->ns.join[ns] : "");
	return 0;
}

/* setgroups(2) may be denied in a user namespace; then the groups are those that its maker had. */
static int
become_root(struct err *e)
{
	if (sys_setgroups(0, NULL) < 0 && errno != EPERM)
		return fail_errno(e, "setgroups");
	if (sys_setresgid(0, 0, 0) < 0)
		return fail_errno(e, "the user namespace maps no gid 0: setresgid");
	if (sys_setresuid(0, 0, 0) < 0)
		return fail_errno(e, "the user namespace maps no uid 0: setresuid");
	return 0;
}

int
ns_enter(struct err *e, const struct plan *p, const struct ns_fds *fds, bool user)
{
	IN(e, ROLE_STAGE | ROLE_INIT | ROLE_JOIN);
	if (user && fds->fd[NAMESPACE_USER] >= 0) {
		TRY(join(e, p, fds, NAMESPACE_USER));
		TRY(become_root(e));
	}
	/* The order of the enum: the mount namespace is the last, as it hides the others' paths. */
	for (enum namespace ns = NAMESPACE_USER + 1; ns < NAMESPACES; ns++)
		if (ns != NAMESPACE_PID)
			TRY(join(e, p, fds, ns));
	return 0;
}

/* What is made by unshare(2) is for children alone; setns(2) takes us there, too. */
int
ns_time_offsets(struct err *e, const struct plan *p)
{
	FD_AUTO int fd = -1;

	IN(e, ROLE_INIT);
	if (!p->ns.time_offsets)
		return 0;
	if (sys_unshare(CLONE_NEWTIME) < 0)
		return fail_errno(e, "linux.namespaces: unshare of the time namespace");
	if (fd_write_file(e, AT_FDCWD, "/proc/self/timens_offsets", p->ns.time_offsets) < 0)
		return context(e, "linux.timeOffsets");
	fd = openat(AT_FDCWD, "/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || sys_setns(fd, CLONE_NEWTIME) < 0)
		return fail_errno(e, "linux.timeOffsets: entering the time namespace");
	return 0;
}

/* --- the clone -------------------------------------------------------------------------------- */

/* Kernels before 5.3 and filters of outer containers do not know clone3. */
static pid_t
clone_old(struct err *e, uint64_t flags)
{
	pid_t pid;

	if (flags & CLONE_NEWTIME)
		return fail(e, "linux.namespaces: a new time namespace needs clone3 (Linux 5.5)");
	pid = sys_clone((unsigned long)(flags | SIGCHLD), NULL);
	return pid < 0 ? fail_errno(e, "clone") : pid;
}

/* Before Linux 5.7 clone3 does not know the cgroup and refuses the longer arguments (E2BIG). */
static pid_t
clone_any(struct err *e, uint64_t flags, int cgroup_dir, bool *placed)
{
	struct kabi_clone_args args = {
		.flags = flags,
		/* With CLONE_PARENT the signal is the caller's own: clone(2). */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	pid_t pid;

	*placed = cgroup_dir >= 0;
	if (*placed) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_dir;
	}
	pid = sys_clone3(&args, sizeof(args));
	if (pid < 0 && (errno == EAGAIN || errno == E2BIG) && *placed) {
		/* Its pids.limit is 0: nobody is born there, but somebody may move there.  Or the
		 * kernel knows all but the cgroup. */
		*placed = false;
		args.flags &= ~(uint64_t)(CLONE_INTO_CGROUP | CLONE_NEWCGROUP);
		pid = sys_clone3(&args, sizeof(args));
	}
	if (pid >= 0)
		return pid;
	if (errno == ENOSYS || errno == EPERM) {
		/* Not born in its cgroup: the cgroup namespace has to wait for the move (NS-5). */
		if (*placed)
			flags &= ~(uint64_t)CLONE_NEWCGROUP;
		*placed = false;
		return clone_old(e, flags);
	}
	if (!*placed)
		return fail_errno(e, "clone");
	return fail_errno(e, "unable to apply cgroup configuration: clone into the cgroup%s",
		/* cgroups(7), delegation */
		errno == EACCES ? " (cgroup.procs above it and ours is not writable)" : "");
}

/* The child of a joined pid namespace.  Only a host has other children to come (hooks): it goes
 * back, and a child that was made by one that cannot go back must not live. */
static pid_t
clone_into_pid(struct err *e, const struct plan *p, const struct ns_fds *fds, int cgroup_dir,
	uint64_t extra, bool *placed)
{
	bool back = role_now() == ROLE_HOST;
	FD_AUTO int own = back ? openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY | O_CLOEXEC) : -1;
	pid_t pid;

	if (back && own < 0)
		return fail_errno(e, "open /proc/self/ns/pid");
	TRY(join(e, p, fds, NAMESPACE_PID));
	pid = clone_any(e, p->ns.clone_flags | extra, cgroup_dir, placed);
	if (pid == 0 || !back || sys_setns(own, CLONE_NEWPID) == 0)
		return pid;
	if (pid < 0)
		return -1;
	(void)fail_errno(e, "going back to the own pid namespace");
	(void)sys_kill(pid, SIGKILL); /* the first error is the one to tell */
	sys_reap(pid);
	return -1;
}

pid_t
ns_clone(struct err *e, const struct plan *p, const struct ns_fds *fds, int cgroup_dir,
	uint64_t extra, bool *placed)
{
	IN(e, ROLE_HOST | ROLE_STAGE);
	if (fds->fd[NAMESPACE_PID] >= 0)
		return clone_into_pid(e, p, fds, cgroup_dir, extra, placed);
	return clone_any(e, p->ns.clone_flags | extra, cgroup_dir, placed);
}

int
ns_late(struct err *e, const struct plan *p, bool placed)
{
	uint64_t flags = p->ns.late_flags;

	IN(e, ROLE_INIT);
	if (p->cgroup.used && !placed)
		flags |= p->ns.clone_flags & CLONE_NEWCGROUP;
	if (flags && sys_unshare((int)flags) < 0)
		return fail_errno(e, "linux.namespaces: unshare");
	return 0;
}

/* --- what is in them -------------------------------------------------------------------------- */

/* The kernel takes a map in one write(2) only. */
static int
write_map(struct err *e, int dir, const char *file, const struct spec_idmaps *maps)
{
	char buf[MAPS_MAX];
	struct str text = str_in(buf, sizeof(buf));

	for (uint32_t i = 0; i < maps->n; i++)
		(void)str_add(&text, "%u %u %u\n", maps->at[i].container_id, maps->at[i].host_id,
			maps->at[i].size);
	if (text.cut)
		return fail(e, "%s: more than %d entries", file, SPEC_IDMAP_MAX);
	return maps->n == 0 ? 0 : fd_write_file(e, dir, file, buf);
}

/* The process's directory in /proc, or -1. */
static int
open_process(struct err *e, pid_t pid)
{
	char path[32];
	int dir;

	(void)str_format(path, sizeof(path), "/proc/%d", (int)pid); /* fits */
	dir = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? fail_errno(e, "open %s", path) : dir;
}

int
ns_map_ids(struct err *e, const struct plan *p, pid_t pid)
{
	const struct spec_linux *l = &p->spec->linux_;
	FD_AUTO int dir = open_process(e, pid);

	IN(e, ROLE_HOST);
	TRY(dir);
	/* user_namespaces(7): before gid_map, or an unprivileged writer is refused there. */
	if (p->ns.deny_setgroups && fd_write_file(e, dir, "setgroups", "deny") < 0)
		return context(e, "linux.gidMappings");
	if (!p->ns.newgidmap && write_map(e, dir, "gid_map", &l->gid_mappings) < 0)
		return context(e, "linux.gidMappings");
	if (!p->ns.newuidmap && write_map(e, dir, "uid_map", &l->uid_mappings) < 0)
		return context(e, "linux.uidMappings");
	return 0;
}

/* Writes the maps of the waiting child and opens its namespace. */
static int
take_user(struct err *e, pid_t pid, const struct spec_idmaps *uid_map,
	const struct spec_idmaps *gid_map)
{
	FD_AUTO int dir = open_process(e, pid);
	int fd;

	TRY(dir);
	TRY(write_map(e, dir, "gid_map", gid_map));
	TRY(write_map(e, dir, "uid_map", uid_map));
	fd = openat(dir, "ns/user", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? fail_errno(e, "open the user namespace") : fd;
}

/* The child lives until we close the pipe, or end. */
int
ns_user(struct err *e, const struct spec_idmaps *uid_map, const struct spec_idmaps *gid_map)
{
	int pair[2], fd;
	char byte;
	pid_t pid;

	IN(e, ROLE_HOST);
	if (sys_pipe2(pair, O_CLOEXEC) < 0)
		return fail_errno(e, "pipe");
	pid = sys_clone(CLONE_NEWUSER | SIGCHLD, NULL);
	if (pid == 0) {
		fd_close(&pair[1]);
		(void)read(pair[0], &byte, 1);
		_exit(0);
	}
	fd = pid < 0 ? fail_errno(e, "clone of a user namespace")
		     : take_user(e, pid, uid_map, gid_map);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	if (pid > 0)
		sys_reap(pid);
	return fd;
}

int
ns_become_root(struct err *e)
{
	IN(e, ROLE_INIT | ROLE_STAGE | ROLE_JOIN);
	return become_root(e);
}

int
ns_names(struct err *e, const struct plan *p)
{
	const char *host = p->spec->hostname, *domain = p->spec->domainname;

	IN(e, ROLE_INIT);
	if (host && *host && sys_sethostname(host, strlen(host)) < 0)
		return fail_errno(e, "hostname: sethostname");
	if (domain && *domain && sys_setdomainname(domain, strlen(domain)) < 0)
		return fail_errno(e, "domainname: setdomainname");
	return 0;
}
