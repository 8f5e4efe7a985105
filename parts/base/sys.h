/* sys: thin wrappers for system calls.
 *
 * Contract: sys_NAME() makes exactly the system call NAME and returns what it returns, or -1 with
 * errno; it decides nothing and falls back to nothing.  Here are the calls that musl lacks, those
 * whose wrapper in musl does more than the call, and every call by which kernel/ changes state, so
 * that tests can link a fake sys.c.  A call the target's headers do not number is ENOSYS.
 *
 * Floor: base.  Runs in: any process.
 * Kernel: the section 2 man page of each NAME.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include "base/kabi.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>

/* Processes.  Both clones share nothing but what flags say and return twice, as fork does; never
 * with CLONE_VM.  The C library does not know that it was cloned: its own thread id is stale. */
pid_t sys_clone(unsigned long flags, int *pidfd); /* flags hold the exit signal */
pid_t sys_clone3(const struct kabi_clone_args *args, size_t size);
int sys_unshare(int flags);
int sys_setns(int fd, int nstype);
int sys_pidfd_open(pid_t pid, unsigned int flags);
int sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags);
int sys_kill(pid_t pid, int sig);
/* Waits for the end of a child, whatever signals come meanwhile; how it ended is of no interest. */
void sys_reap(pid_t pid);
pid_t sys_setsid(void);
int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);

/* Files. */
int sys_openat2(int dirfd, const char *path, const struct kabi_open_how *how);
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags);
ssize_t sys_getdents64(int fd, void *buf, size_t size);
int sys_statx(int dirfd, const char *path, int flags, unsigned int mask, struct kabi_statx *stx);
int sys_statfs(const char *path, struct statfs *s); /* the library's bring statvfs(3) along */
int sys_fstatfs(int fd, struct statfs *s);
ssize_t sys_flistxattr(int fd, char *names, size_t size); /* and these ten others */
ssize_t sys_fgetxattr(int fd, const char *name, void *value, size_t size);
ssize_t sys_listxattr(const char *path, char *names, size_t size);
ssize_t sys_getxattr(const char *path, const char *name, void *value, size_t size);
int sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
int sys_setxattr(const char *path, const char *name, const void *value, size_t size, int flags);
int sys_mknodat(int dirfd, const char *path, mode_t mode, dev_t dev);
int sys_mkdirat(int dirfd, const char *path, mode_t mode);
int sys_symlinkat(const char *target, int dirfd, const char *path);
int sys_unlinkat(int dirfd, const char *path, int flags);
int sys_renameat(int olddir, const char *oldpath, int newdir, const char *newpath);
int sys_renameat2(
	int olddir, const char *oldpath, int newdir, const char *newpath, unsigned int flags);
int sys_fchmod(int fd, mode_t mode);
int sys_fchmodat(int dirfd, const char *path, mode_t mode);
int sys_fchown(int fd, uid_t uid, gid_t gid);
int sys_fchownat(int dirfd, const char *path, uid_t uid, gid_t gid, int flags);
int sys_faccessat2(int dirfd, const char *path, int mode, int flags);
int sys_fcntl(int fd, int cmd, int arg);
int sys_dup3(int from, int to, int flags);
int sys_pipe2(int pair[2], int flags);
int sys_memfd_create(const char *name, unsigned int flags);
ssize_t sys_getcwd(char *buf, size_t size); /* length with the NUL, unlike libc's */
int sys_chdir(const char *path);
int sys_fchdir(int fd);
int sys_chroot(const char *path);

/* Sockets. */
int sys_socket(int domain, int type, int protocol);
int sys_socketpair(int domain, int type, int protocol, int pair[2]);
ssize_t sys_sendmsg(int fd, const struct msghdr *m, int flags); /* m's padding must be zero */
ssize_t sys_recvmsg(int fd, struct msghdr *m, int flags);	/* likewise */

/* Mounts. */
int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data);
int sys_umount2(const char *target, int flags);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_open_tree(int dirfd, const char *path, unsigned int flags);
int sys_move_mount(
	int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags);
int sys_mount_setattr(
	int dirfd, const char *path, unsigned int flags, const struct kabi_mount_attr *attr);
int sys_fsopen(const char *type, unsigned int flags);
int sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned int flags, unsigned int attr_flags);

/* Credentials, always with 32-bit ids and for the calling thread alone: musl's own versions signal
 * every thread. */
int sys_setresuid(uid_t ruid, uid_t euid, uid_t suid);
int sys_setresgid(gid_t rgid, gid_t egid, gid_t sgid);
int sys_setgroups(size_t n, const gid_t *list);
int sys_capget(struct kabi_cap_header *header, struct kabi_cap_data data[2]);
int sys_capset(const struct kabi_cap_header *header, const struct kabi_cap_data data[2]);
int sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
long sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int sys_seccomp(unsigned int op, unsigned int flags, void *args);

/* Limits and names. */
int sys_bpf(int cmd, const void *attr, size_t size);
int sys_personality(unsigned long persona);
int sys_prlimit(pid_t pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit);
int sys_sched_setattr(pid_t pid, const struct kabi_sched_attr *attr, unsigned int flags);
int sys_sched_setaffinity(pid_t pid, size_t size, const void *mask);
int sys_ioprio_set(int which, int who, int ioprio);
int sys_set_mempolicy(int mode, const unsigned long *nodes, unsigned long max_node);
int sys_sethostname(const char *name, size_t len);
int sys_setdomainname(const char *name, size_t len);

int sys_clock_gettime(clockid_t clock, struct timespec *t);

#endif
