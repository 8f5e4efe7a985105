/* kabi: the kernel's interface as far as ocirt uses it and old headers lack it: files and mounts.
 *
 * Contract: each constant is defined only where the C library's headers do not; structures have our
 * own names, fixed-width members and an asserted size.  Nothing here is code.  What belongs to
 * tasks is in kabitask.h.  tests/unit/base/kabi.c compares every line with the official headers;
 * the length of both files comes from the one #ifndef that each constant needs.
 *
 * Floor: base.  Runs in: any process; included through sys.h only.
 * Kernel: the man pages named beside each group; the version is the first that knows it.
 */
#ifndef BASE_KABI_H
#define BASE_KABI_H

#include "base/kabinet.h"
#include "base/kabitask.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* clone3(2). Sizes: 64 is version 0, 80 has set_tid, 88 has cgroup. */
struct kabi_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};
_Static_assert(sizeof(struct kabi_clone_args) == 88, "clone_args");

/* openat2(2). */
struct kabi_open_how {
	uint64_t flags, mode, resolve;
};
_Static_assert(sizeof(struct kabi_open_how) == 24, "open_how");

/* mount_setattr(2). */
struct kabi_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};
_Static_assert(sizeof(struct kabi_mount_attr) == 32, "mount_attr");

/* statx(2). */
struct kabi_statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t pad;
};

struct kabi_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct kabi_statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint64_t spare[13];
};
_Static_assert(sizeof(struct kabi_statx) == 256, "statx");

/* getdents64(2): a record of reclen bytes; the name is terminated. */
struct kabi_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};
_Static_assert(offsetof(struct kabi_dirent, name) == 19, "linux_dirent64");

/* ioctl_loop(2): struct loop_info64 and loop_config. */
struct kabi_loop_info {
	uint64_t device, inode, rdevice, offset, size_limit;
	uint32_t number, encrypt_type, encrypt_key_size, flags;
	char file_name[64], crypt_name[64];
	uint8_t encrypt_key[32];
	uint64_t init[2];
};
_Static_assert(sizeof(struct kabi_loop_info) == 232, "loop_info64");

struct kabi_loop_config {
	uint32_t fd, block_size;
	struct kabi_loop_info info;
	uint64_t reserved[8];
};
_Static_assert(sizeof(struct kabi_loop_config) == 304, "loop_config");

/* Processes: clone3(2), pidfd_open(2).  Linux 5.2 to 5.7. */
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK O_NONBLOCK
#endif

/* openat2(2), Linux 5.6; close_range(2), Linux 5.9, its CLOEXEC 5.11. */
#ifndef RESOLVE_NO_XDEV
#define RESOLVE_NO_XDEV 0x01
#endif
#ifndef RESOLVE_NO_MAGICLINKS
#define RESOLVE_NO_MAGICLINKS 0x02
#endif
#ifndef RESOLVE_NO_SYMLINKS
#define RESOLVE_NO_SYMLINKS 0x04
#endif
#ifndef RESOLVE_BENEATH
#define RESOLVE_BENEATH 0x08
#endif
#ifndef RESOLVE_IN_ROOT
#define RESOLVE_IN_ROOT 0x10
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* memfd_create(2), Linux 6.3; fcntl(2) F_ADD_SEALS; renameat2(2), Linux 3.15. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

/* open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2): Linux 5.2. */
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_F_SYMLINKS
#define MOVE_MOUNT_F_SYMLINKS 0x00000001
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_SYMLINKS
#define MOVE_MOUNT_T_SYMLINKS 0x00000010
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef MOVE_MOUNT_SET_GROUP
#define MOVE_MOUNT_SET_GROUP 0x00000100
#endif
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 0x00000001
#endif
#ifndef FSMOUNT_CLOEXEC
#define FSMOUNT_CLOEXEC 0x00000001
#endif
#ifndef FSCONFIG_SET_FLAG
#define FSCONFIG_SET_FLAG 0
#endif
#ifndef FSCONFIG_SET_STRING
#define FSCONFIG_SET_STRING 1
#endif
#ifndef FSCONFIG_SET_BINARY
#define FSCONFIG_SET_BINARY 2
#endif
#ifndef FSCONFIG_SET_PATH
#define FSCONFIG_SET_PATH 3
#endif
#ifndef FSCONFIG_SET_PATH_EMPTY
#define FSCONFIG_SET_PATH_EMPTY 4
#endif
#ifndef FSCONFIG_SET_FD
#define FSCONFIG_SET_FD 5
#endif
#ifndef FSCONFIG_CMD_CREATE
#define FSCONFIG_CMD_CREATE 6
#endif
#ifndef FSCONFIG_CMD_RECONFIGURE
#define FSCONFIG_CMD_RECONFIGURE 7
#endif

/* mount_setattr(2), Linux 5.12; NOSYMFOLLOW 5.14, for mount(2) 5.10.  The ATIME values share one
 * field. */
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#endif
#ifndef MOUNT_ATTR_NOSUID
#define MOUNT_ATTR_NOSUID 0x00000002
#endif
#ifndef MOUNT_ATTR_NODEV
#define MOUNT_ATTR_NODEV 0x00000004
#endif
#ifndef MOUNT_ATTR_NOEXEC
#define MOUNT_ATTR_NOEXEC 0x00000008
#endif
#ifndef MOUNT_ATTR__ATIME
#define MOUNT_ATTR__ATIME 0x00000070
#endif
#ifndef MOUNT_ATTR_RELATIME
#define MOUNT_ATTR_RELATIME 0x00000000
#endif
#ifndef MOUNT_ATTR_NOATIME
#define MOUNT_ATTR_NOATIME 0x00000010
#endif
#ifndef MOUNT_ATTR_STRICTATIME
#define MOUNT_ATTR_STRICTATIME 0x00000020
#endif
#ifndef MOUNT_ATTR_NODIRATIME
#define MOUNT_ATTR_NODIRATIME 0x00000080
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif

/* statx(2), Linux 4.11; STATX_MNT_ID and MOUNT_ROOT 5.8. */
#ifndef STATX_TYPE
#define STATX_TYPE 0x00000001U
#endif
#ifndef STATX_MODE
#define STATX_MODE 0x00000002U
#endif
#ifndef STATX_BASIC_STATS
#define STATX_BASIC_STATS 0x000007ffU
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif

/* f_type of statfs(2). */
#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683e
#endif
#ifndef CGROUP_SUPER_MAGIC
#define CGROUP_SUPER_MAGIC 0x27e0eb
#endif
#ifndef CGROUP2_SUPER_MAGIC
#define CGROUP2_SUPER_MAGIC 0x63677270
#endif
#ifndef CRAMFS_MAGIC
#define CRAMFS_MAGIC 0x28cd3d45
#endif
#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif
#ifndef EROFS_SUPER_MAGIC_V1
#define EROFS_SUPER_MAGIC_V1 0xe0f5e1e2
#endif
#ifndef EXT4_SUPER_MAGIC
#define EXT4_SUPER_MAGIC 0xef53
#endif
#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xf2f52010
#endif
#ifndef ISOFS_SUPER_MAGIC
#define ISOFS_SUPER_MAGIC 0x9660
#endif
#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif
#ifndef OVERLAYFS_SUPER_MAGIC
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#endif
#ifndef PROC_SUPER_MAGIC
#define PROC_SUPER_MAGIC 0x9fa0
#endif
#ifndef RAMFS_MAGIC
#define RAMFS_MAGIC 0x858458f6
#endif
#ifndef SQUASHFS_MAGIC
#define SQUASHFS_MAGIC 0x73717368
#endif
#ifndef SYSFS_MAGIC
#define SYSFS_MAGIC 0x62656572
#endif
#ifndef TMPFS_MAGIC
#define TMPFS_MAGIC 0x01021994
#endif
#ifndef KABI_ROMFS_MAGIC
#define KABI_ROMFS_MAGIC 0x7275
#endif

/* ioctl_loop(2); LOOP_CONFIGURE is Linux 5.8. */
#ifndef LO_FLAGS_READ_ONLY
#define LO_FLAGS_READ_ONLY 1
#endif
#ifndef LO_FLAGS_AUTOCLEAR
#define LO_FLAGS_AUTOCLEAR 4
#endif
#ifndef LOOP_SET_FD
#define LOOP_SET_FD 0x4C00
#endif
#ifndef LOOP_CLR_FD
#define LOOP_CLR_FD 0x4C01
#endif
#ifndef LOOP_SET_STATUS64
#define LOOP_SET_STATUS64 0x4C04
#endif
#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
#endif
#ifndef LOOP_CTL_GET_FREE
#define LOOP_CTL_GET_FREE 0x4C82
#endif

/* ioctl_ns(2): which kind of namespace is this fd, Linux 4.11; its owner, 4.9. */
#ifndef NS_GET_USERNS
#define NS_GET_USERNS _IO(0xb7, 0x1)
#endif
#ifndef NS_GET_NSTYPE
#define NS_GET_NSTYPE _IO(0xb7, 0x3)
#endif

/* linux/dm-ioctl.h, version 4: what every ioctl of /dev/mapper/control has first, and what is then
 * loaded.  DM_GET_TARGET_VERSION is Linux 5.4. */
struct kabi_dm {
	uint32_t version[3];
	uint32_t data_size;  /* bytes, this and what follows */
	uint32_t data_start; /* of what follows, from the beginning */
	uint32_t target_count;
	int32_t open_count;
	uint32_t flags;
	uint32_t event_nr;
	uint32_t padding;
	uint64_t dev; /* as st_rdev has it */
	char name[128], uuid[129], data[7];
};
struct kabi_dm_target {
	uint64_t sector_start, length; /* of 512 bytes */
	int32_t status;
	uint32_t next;
	char target_type[16];
	char parameters[328]; /* NUL-terminated; the kernel takes any length */
};
_Static_assert(sizeof(struct kabi_dm) == 312, "linux/dm-ioctl.h");
#define KABI_DM_IOCTL(nr) _IOC(_IOC_READ | _IOC_WRITE, 0xfd, nr, sizeof(struct kabi_dm))
#define KABI_DM_DEV_CREATE KABI_DM_IOCTL(3)
#define KABI_DM_DEV_REMOVE KABI_DM_IOCTL(4)
#define KABI_DM_DEV_RENAME KABI_DM_IOCTL(5)
#define KABI_DM_DEV_SUSPEND KABI_DM_IOCTL(6)
#define KABI_DM_TABLE_LOAD KABI_DM_IOCTL(9)
#define KABI_DM_GET_TARGET_VERSION KABI_DM_IOCTL(17)
#define KABI_DM_READONLY 1u
#define KABI_DM_DEFERRED_REMOVE (1u << 17)

/* linux/fsverity.h, Linux 5.4: the digest of a file that has fs-verity. */
struct kabi_verity_digest {
	uint16_t algorithm; /* 1: SHA-256 */
	uint16_t size;	    /* bytes of room before the call, of the digest after it */
	uint8_t digest[64];
};
#ifndef FS_IOC_MEASURE_VERITY
#define FS_IOC_MEASURE_VERITY _IOWR('f', 134, uint16_t[2])
#endif

#endif
