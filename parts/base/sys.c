#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- processes ------------------------------------------------------------------------------ */

pid_t
sys_clone(unsigned long flags, int *pidfd)
{
	/* Without a stack, tls and child_tid the targets differ only in the first two arguments:
	 * s390x alone takes the stack first (CONFIG_CLONE_BACKWARDS2). */
#ifdef __s390x__
	return (pid_t)syscall(SYS_clone, 0UL, flags, pidfd, 0UL, 0UL);
#else
	return (pid_t)syscall(SYS_clone, flags, 0UL, pidfd, 0UL, 0UL);
#endif
}

pid_t
sys_clone3(const struct kabi_clone_args *args, size_t size)
{
	return (pid_t)syscall(SYS_clone3, args, size);
}

int
sys_unshare(int flags)
{
	return unshare(flags);
}

int
sys_setns(int fd, int nstype)
{
	return setns(fd, nstype);
}

int
sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

int
sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, info, flags);
}

int
sys_kill(pid_t pid, int sig)
{
	return kill(pid, sig);
}

void
sys_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

pid_t
sys_setsid(void)
{
	return setsid();
}

int
sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)syscall(SYS_execveat, dirfd, path, argv, envp, flags);
}

/* --- files ---------------------------------------------------------------------------------- */

int
sys_openat2(int dirfd, const char *path, const struct kabi_open_how *how)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}

int
sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

ssize_t
sys_getdents64(int fd, void *buf, size_t size)
{
	return (ssize_t)syscall(SYS_getdents64, fd, buf, size);
}

int
sys_statx(int dirfd, const char *path, int flags, unsigned int mask, struct kabi_statx *stx)
{
	return (int)syscall(SYS_statx, dirfd, path, flags, mask, stx);
}

int
sys_statfs(const char *path, struct statfs *s)
{
#ifdef SYS_statfs64
	return (int)syscall(SYS_statfs64, path, sizeof(*s), s);
#else
	return (int)syscall(SYS_statfs, path, s);
#endif
}

int
sys_fstatfs(int fd, struct statfs *s)
{
#ifdef SYS_fstatfs64
	return (int)syscall(SYS_fstatfs64, fd, sizeof(*s), s);
#else
	return (int)syscall(SYS_fstatfs, fd, s);
#endif
}

ssize_t
sys_flistxattr(int fd, char *names, size_t size)
{
	return syscall(SYS_flistxattr, fd, names, size);
}

ssize_t
sys_fgetxattr(int fd, const char *name, void *value, size_t size)
{
	return syscall(SYS_fgetxattr, fd, name, value, size);
}

ssize_t
sys_listxattr(const char *path, char *names, size_t size)
{
	return syscall(SYS_listxattr, path, names, size);
}

ssize_t
sys_getxattr(const char *path, const char *name, void *value, size_t size)
{
	return syscall(SYS_getxattr, path, name, value, size);
}

int
sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	return (int)syscall(SYS_fsetxattr, fd, name, value, size, flags);
}

int
sys_setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
	return (int)syscall(SYS_setxattr, path, name, value, size, flags);
}

int
sys_mknodat(int dirfd, const char *path, mode_t mode, dev_t dev)
{
	return mknodat(dirfd, path, mode, dev);
}

int
sys_mkdirat(int dirfd, const char *path, mode_t mode)
{
	return mkdirat(dirfd, path, mode);
}

int
sys_symlinkat(const char *target, int dirfd, const char *path)
{
	return symlinkat(target, dirfd, path);
}

int
sys_unlinkat(int dirfd, const char *path, int flags)
{
	return unlinkat(dirfd, path, flags);
}

int
sys_renameat(int olddir, const char *oldpath, int newdir, const char *newpath)
{
	return renameat(olddir, oldpath, newdir, newpath);
}

int
sys_renameat2(int olddir, const char *oldpath, int newdir, const char *newpath, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, olddir, oldpath, newdir, newpath, flags);
}

int
sys_fchmod(int fd, mode_t mode)
{
	return (int)syscall(SYS_fchmod, fd, mode);
}

int
sys_fchmodat(int dirfd, const char *path, mode_t mode)
{
	return (int)syscall(SYS_fchmodat, dirfd, path, mode);
}

int
sys_fchown(int fd, uid_t uid, gid_t gid)
{
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
}

int
sys_fchownat(int dirfd, const char *path, uid_t uid, gid_t gid, int flags)
{
	return fchownat(dirfd, path, uid, gid, flags);
}

int
sys_faccessat2(int dirfd, const char *path, int mode, int flags)
{
	return (int)syscall(SYS_faccessat2, dirfd, path, mode, flags);
}

/* The 32-bit targets have a second call for files with 64-bit sizes. */
int
sys_fcntl(int fd, int cmd, int arg)
{
#ifdef SYS_fcntl64
	return (int)syscall(SYS_fcntl64, fd, cmd, (unsigned long)arg);
#else
	return (int)syscall(SYS_fcntl, fd, cmd, (unsigned long)arg);
#endif
}

int
sys_dup3(int from, int to, int flags)
{
	return (int)syscall(SYS_dup3, from, to, flags);
}

int
sys_pipe2(int pair[2], int flags)
{
	return (int)syscall(SYS_pipe2, pair, flags);
}

int
sys_memfd_create(const char *name, unsigned int flags)
{
	return (int)syscall(SYS_memfd_create, name, flags);
}

ssize_t
sys_getcwd(char *buf, size_t size)
{
	return (ssize_t)syscall(SYS_getcwd, buf, size);
}

int
sys_chdir(const char *path)
{
	return chdir(path);
}

int
sys_fchdir(int fd)
{
	return (int)syscall(SYS_fchdir, fd);
}

int
sys_chroot(const char *path)
{
	return chroot(path);
}

/* --- sockets -------------------------------------------------------------------------------- */

int
sys_socket(int domain, int type, int protocol)
{
	return (int)syscall(SYS_socket, domain, type, protocol);
}

int
sys_socketpair(int domain, int type, int protocol, int pair[2])
{
	return (int)syscall(SYS_socketpair, domain, type, protocol, pair);
}

ssize_t
sys_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return (ssize_t)syscall(SYS_sendmsg, fd, m, flags);
}

ssize_t
sys_recvmsg(int fd, struct msghdr *m, int flags)
{
	return (ssize_t)syscall(SYS_recvmsg, fd, m, flags);
}

/* --- mounts --------------------------------------------------------------------------------- */

int
sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data)
{
	return mount(source, target, type, flags, data);
}

int
sys_umount2(const char *target, int flags)
{
	return umount2(target, flags);
}

int
sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int
sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

int
sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags)
{
	return (int)syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags);
}

int
sys_mount_setattr(
	int dirfd, const char *path, unsigned int flags, const struct kabi_mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}

int
sys_fsopen(const char *type, unsigned int flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

int
sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

int
sys_fsmount(int fd, unsigned int flags, unsigned int attr_flags)
{
	return (int)syscall(SYS_fsmount, fd, flags, attr_flags);
}

/* --- credentials ---------------------------------------------------------------------------- */

/* arm and i386 keep the 16-bit calls under the plain names. */
#ifdef SYS_setresuid32
#define SETRESUID SYS_setresuid32
#define SETRESGID SYS_setresgid32
#define SETGROUPS SYS_setgroups32
#else
#define SETRESUID SYS_setresuid
#define SETRESGID SYS_setresgid
#define SETGROUPS SYS_setgroups
#endif

int
sys_setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
	return (int)syscall(SETRESUID, ruid, euid, suid);
}

int
sys_setresgid(gid_t rgid, gid_t egid, gid_t sgid)
{
	return (int)syscall(SETRESGID, rgid, egid, sgid);
}

int
sys_setgroups(size_t n, const gid_t *list)
{
	return (int)syscall(SETGROUPS, n, list);
}

int
sys_capget(struct kabi_cap_header *header, struct kabi_cap_data data[2])
{
	return (int)syscall(SYS_capget, header, data);
}

int
sys_capset(const struct kabi_cap_header *header, const struct kabi_cap_data data[2])
{
	return (int)syscall(SYS_capset, header, data);
}

int
sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return prctl(option, a, b, c, d);
}

long
sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

int
sys_seccomp(unsigned int op, unsigned int flags, void *args)
{
	return (int)syscall(SYS_seccomp, op, flags, args);
}

/* --- limits and names ----------------------------------------------------------------------- */

int
sys_bpf(int cmd, const void *attr, size_t size)
{
	return (int)syscall(SYS_bpf, cmd, attr, (unsigned int)size);
}

int
sys_personality(unsigned long persona)
{
	return personality(persona);
}

int
sys_prlimit(pid_t pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit)
{
	return prlimit(pid, resource, new_limit, old_limit);
}

int
sys_sched_setattr(pid_t pid, const struct kabi_sched_attr *attr, unsigned int flags)
{
	return (int)syscall(SYS_sched_setattr, pid, attr, flags);
}

int
sys_sched_setaffinity(pid_t pid, size_t size, const void *mask)
{
	return (int)syscall(SYS_sched_setaffinity, pid, size, mask);
}

int
sys_ioprio_set(int which, int who, int ioprio)
{
	return (int)syscall(SYS_ioprio_set, which, who, ioprio);
}

int
sys_set_mempolicy(int mode, const unsigned long *nodes, unsigned long max_node)
{
	return (int)syscall(SYS_set_mempolicy, mode, nodes, max_node);
}

int
sys_sethostname(const char *name, size_t len)
{
	return sethostname(name, len);
}

int
sys_setdomainname(const char *name, size_t len)
{
	return setdomainname(name, len);
}

/* The 32-bit targets have a second call, since Linux 5.1, for times after 2038. */
int
sys_clock_gettime(clockid_t clock, struct timespec *t)
{
#ifdef SYS_clock_gettime64
	long old[2];

	if (syscall(SYS_clock_gettime64, clock, t) == 0)
		return 0;
	if (errno != ENOSYS || syscall(SYS_clock_gettime32, clock, old) < 0)
		return -1;
	*t = (struct timespec){.tv_sec = old[0], .tv_nsec = old[1]};
	return 0;
#else
	return (int)syscall(SYS_clock_gettime, clock, t);
#endif
}
