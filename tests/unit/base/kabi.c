/* kabi: what parts/base/kabi.h, kabinet.h and kabitask.h say against the kernel's own headers.
 *
 * The official headers come first and their values are kept; then every name is undefined, so that
 * kabi.h defines all of them, and the two lists are compared.  A name that is in kabi.h but not in
 * these lists is not tested, so the lists are in its order.
 */
#include "tap.h"

#include <stddef.h>
#include <stdint.h>

#if !__has_include(<linux/bpf.h>) || !__has_include(<linux/version.h>)
int
main(void)
{
	printf("1..0 # skip the kernel's headers are not installed\n");
	return 0;
}
#else
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/dm-ioctl.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <linux/stat.h>
#include <linux/version.h>

/* These repeat structures of the C library. */
#define f_owner_ex kernel_f_owner_ex
#define flock kernel_flock
#define flock64 kernel_flock64
#define sched_param kernel_sched_param
#include <linux/fcntl.h>
#include <linux/pidfd.h>
#include <linux/sched/types.h>
#undef f_owner_ex
#undef flock
#undef flock64
#undef sched_param

/* Names that the installed headers are too old for, or that live in one that glibc's forbid. */
#define ABSENT (-123456789)
#ifndef AT_RECURSIVE
#define AT_RECURSIVE ABSENT
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL ABSENT
#endif
#ifndef MFD_EXEC
#define MFD_EXEC ABSENT
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC ABSENT
#endif
#ifndef PR_SET_MDWE
#define PR_SET_MDWE ABSENT
#endif
#ifndef MOVE_MOUNT_SET_GROUP
#define MOVE_MOUNT_SET_GROUP ABSENT
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV ABSENT
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID ABSENT
#endif
#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK ABSENT
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE ABSENT
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE ABSENT
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define MPOL_WEIGHTED_INTERLEAVE ABSENT
#endif

/* clang-format off */
#define NAMES(X) \
	X(CLONE_PIDFD) X(CLONE_NEWTIME) X(CLONE_NEWCGROUP) X(CLONE_CLEAR_SIGHAND) \
	X(CLONE_INTO_CGROUP) X(PIDFD_NONBLOCK) X(RESOLVE_NO_XDEV) X(RESOLVE_NO_MAGICLINKS) \
	X(RESOLVE_NO_SYMLINKS) X(RESOLVE_BENEATH) X(RESOLVE_IN_ROOT) X(CLOSE_RANGE_CLOEXEC) \
	X(MFD_NOEXEC_SEAL) X(MFD_EXEC) X(F_SEAL_EXEC) X(RENAME_NOREPLACE) X(RENAME_EXCHANGE) \
	X(AT_RECURSIVE) X(OPEN_TREE_CLONE) X(OPEN_TREE_CLOEXEC) X(MOVE_MOUNT_F_SYMLINKS) \
	X(MOVE_MOUNT_F_EMPTY_PATH) X(MOVE_MOUNT_T_SYMLINKS) X(MOVE_MOUNT_T_EMPTY_PATH) \
	X(MOVE_MOUNT_SET_GROUP) X(FSOPEN_CLOEXEC) X(FSMOUNT_CLOEXEC) X(FSCONFIG_SET_FLAG) \
	X(FSCONFIG_SET_STRING) X(FSCONFIG_SET_BINARY) X(FSCONFIG_SET_PATH) \
	X(FSCONFIG_SET_PATH_EMPTY) X(FSCONFIG_SET_FD) X(FSCONFIG_CMD_CREATE) \
	X(FSCONFIG_CMD_RECONFIGURE) X(MOUNT_ATTR_RDONLY) X(MOUNT_ATTR_NOSUID) \
	X(MOUNT_ATTR_NODEV) X(MOUNT_ATTR_NOEXEC) X(MOUNT_ATTR__ATIME) X(MOUNT_ATTR_RELATIME) \
	X(MOUNT_ATTR_NOATIME) X(MOUNT_ATTR_STRICTATIME) X(MOUNT_ATTR_NODIRATIME) \
	X(MOUNT_ATTR_IDMAP) X(MOUNT_ATTR_NOSYMFOLLOW) X(MS_NOSYMFOLLOW) X(MS_LAZYTIME) \
	X(STATX_TYPE) X(STATX_MODE) X(STATX_BASIC_STATS) X(STATX_MNT_ID) \
	X(STATX_ATTR_MOUNT_ROOT) X(CGROUP_SUPER_MAGIC) X(CGROUP2_SUPER_MAGIC) X(CRAMFS_MAGIC) \
	X(DEVPTS_SUPER_MAGIC) X(EROFS_SUPER_MAGIC_V1) X(ISOFS_SUPER_MAGIC) X(NSFS_MAGIC) \
	X(OVERLAYFS_SUPER_MAGIC) X(PROC_SUPER_MAGIC) X(RAMFS_MAGIC) X(SQUASHFS_MAGIC) \
	X(SYSFS_MAGIC) X(TMPFS_MAGIC) X(LO_FLAGS_READ_ONLY) \
	X(LO_FLAGS_AUTOCLEAR) X(LOOP_SET_FD) X(LOOP_CLR_FD) X(LOOP_SET_STATUS64) \
	X(LOOP_CONFIGURE) X(LOOP_CTL_GET_FREE) X(NS_GET_USERNS) X(NS_GET_NSTYPE) \
	X(_LINUX_CAPABILITY_VERSION_3) X(CAP_CHOWN) X(CAP_SETGID) X(CAP_SETUID) X(CAP_SETPCAP) \
	X(CAP_NET_ADMIN) X(CAP_SYS_PTRACE) X(CAP_SYS_ADMIN) X(CAP_SYS_RESOURCE) X(CAP_MKNOD) \
	X(SECBIT_NOROOT) X(SECBIT_NOROOT_LOCKED) X(SECBIT_NO_SETUID_FIXUP) \
	X(SECBIT_NO_SETUID_FIXUP_LOCKED) X(SECBIT_KEEP_CAPS) X(SECBIT_KEEP_CAPS_LOCKED) \
	X(SECBIT_NO_CAP_AMBIENT_RAISE) X(SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) X(PR_SET_MDWE) \
	X(KEYCTL_JOIN_SESSION_KEYRING) X(KEYCTL_SETPERM) X(KEYCTL_DESCRIBE) \
	X(KEY_SPEC_SESSION_KEYRING) X(SCHED_FLAG_RESET_ON_FORK) X(SCHED_FLAG_RECLAIM) \
	X(SCHED_FLAG_DL_OVERRUN) X(SCHED_FLAG_KEEP_POLICY) X(SCHED_FLAG_KEEP_PARAMS) \
	X(SCHED_FLAG_UTIL_CLAMP_MIN) X(SCHED_FLAG_UTIL_CLAMP_MAX) X(IOPRIO_CLASS_SHIFT) \
	X(IOPRIO_CLASS_NONE) X(IOPRIO_CLASS_RT) X(IOPRIO_CLASS_BE) X(IOPRIO_CLASS_IDLE) \
	X(IOPRIO_WHO_PROCESS) X(MPOL_DEFAULT) X(MPOL_PREFERRED) X(MPOL_BIND) X(MPOL_INTERLEAVE) \
	X(MPOL_LOCAL) X(MPOL_PREFERRED_MANY) X(MPOL_WEIGHTED_INTERLEAVE) X(MPOL_F_STATIC_NODES) \
	X(MPOL_F_RELATIVE_NODES) X(MPOL_F_NUMA_BALANCING) X(BPF_PROG_LOAD) X(BPF_PROG_ATTACH) \
	X(BPF_PROG_DETACH) X(BPF_PROG_GET_FD_BY_ID) X(BPF_PROG_QUERY) \
	X(BPF_PROG_TYPE_CGROUP_DEVICE) X(BPF_CGROUP_DEVICE) X(BPF_F_ALLOW_OVERRIDE) \
	X(BPF_F_ALLOW_MULTI) X(BPF_F_REPLACE) X(BPF_DEVCG_ACC_MKNOD) X(BPF_DEVCG_ACC_READ) \
	X(BPF_DEVCG_ACC_WRITE) X(BPF_DEVCG_DEV_BLOCK) X(BPF_DEVCG_DEV_CHAR) X(BPF_LD) X(BPF_LDX) \
	X(BPF_ST) X(BPF_ALU) X(BPF_JMP) X(BPF_RET) X(BPF_ALU64) X(BPF_W) X(BPF_IMM) X(BPF_ABS) \
	X(BPF_MEM) X(BPF_AND) X(BPF_RSH) X(BPF_MOV) X(BPF_JA) X(BPF_JEQ) X(BPF_JGT) X(BPF_JGE) \
	X(BPF_JSET) X(BPF_JNE) X(BPF_EXIT) X(BPF_K) X(BPF_X) X(SECCOMP_MODE_FILTER) \
	X(SECCOMP_SET_MODE_FILTER) X(SECCOMP_GET_ACTION_AVAIL) X(SECCOMP_GET_NOTIF_SIZES) \
	X(SECCOMP_FILTER_FLAG_TSYNC) X(SECCOMP_FILTER_FLAG_LOG) \
	X(SECCOMP_FILTER_FLAG_SPEC_ALLOW) X(SECCOMP_FILTER_FLAG_NEW_LISTENER) \
	X(SECCOMP_FILTER_FLAG_TSYNC_ESRCH) X(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) \
	X(SECCOMP_RET_KILL_PROCESS) X(SECCOMP_RET_KILL_THREAD) X(SECCOMP_RET_TRAP) \
	X(SECCOMP_RET_ERRNO) X(SECCOMP_RET_USER_NOTIF) X(SECCOMP_RET_TRACE) X(SECCOMP_RET_LOG) \
	X(SECCOMP_RET_ALLOW) X(NETLINK_ROUTE) X(NLM_F_REQUEST) X(NLM_F_ACK) X(NLM_F_DUMP_INTR) \
	X(NLM_F_DUMP) X(NLM_F_CREATE) X(NLMSG_ERROR) X(NLMSG_DONE) X(RTM_NEWLINK) X(RTM_GETLINK) \
	X(RTM_GETADDR) X(IFLA_IFNAME) X(IFLA_NET_NS_FD) X(IFA_UNSPEC) X(IFA_LABEL) \
	X(IFA_F_PERMANENT) X(RT_SCOPE_UNIVERSE)
/* clang-format on */

struct row {
	const char *name;
	long long value;
};

#define ROW(name) {#name, (long long)(name)},
static const struct row official[] = {NAMES(ROW)};

/* clang-format off */
#undef CLONE_PIDFD
#undef CLONE_NEWTIME
#undef CLONE_NEWCGROUP
#undef CLONE_CLEAR_SIGHAND
#undef CLONE_INTO_CGROUP
#undef PIDFD_NONBLOCK
#undef RESOLVE_NO_XDEV
#undef RESOLVE_NO_MAGICLINKS
#undef RESOLVE_NO_SYMLINKS
#undef RESOLVE_BENEATH
#undef RESOLVE_IN_ROOT
#undef CLOSE_RANGE_CLOEXEC
#undef MFD_NOEXEC_SEAL
#undef MFD_EXEC
#undef F_SEAL_EXEC
#undef RENAME_NOREPLACE
#undef RENAME_EXCHANGE
#undef AT_RECURSIVE
#undef OPEN_TREE_CLONE
#undef OPEN_TREE_CLOEXEC
#undef MOVE_MOUNT_F_SYMLINKS
#undef MOVE_MOUNT_F_EMPTY_PATH
#undef MOVE_MOUNT_T_SYMLINKS
#undef MOVE_MOUNT_T_EMPTY_PATH
#undef MOVE_MOUNT_SET_GROUP
#undef FSOPEN_CLOEXEC
#undef FSMOUNT_CLOEXEC
#undef FSCONFIG_SET_FLAG
#undef FSCONFIG_SET_STRING
#undef FSCONFIG_SET_BINARY
#undef FSCONFIG_SET_PATH
#undef FSCONFIG_SET_PATH_EMPTY
#undef FSCONFIG_SET_FD
#undef FSCONFIG_CMD_CREATE
#undef FSCONFIG_CMD_RECONFIGURE
#undef MOUNT_ATTR_RDONLY
#undef MOUNT_ATTR_NOSUID
#undef MOUNT_ATTR_NODEV
#undef MOUNT_ATTR_NOEXEC
#undef MOUNT_ATTR__ATIME
#undef MOUNT_ATTR_RELATIME
#undef MOUNT_ATTR_NOATIME
#undef MOUNT_ATTR_STRICTATIME
#undef MOUNT_ATTR_NODIRATIME
#undef MOUNT_ATTR_IDMAP
#undef MOUNT_ATTR_NOSYMFOLLOW
#undef MS_NOSYMFOLLOW
#undef MS_LAZYTIME
#undef STATX_TYPE
#undef STATX_MODE
#undef STATX_BASIC_STATS
#undef STATX_MNT_ID
#undef STATX_ATTR_MOUNT_ROOT
#undef CGROUP_SUPER_MAGIC
#undef CGROUP2_SUPER_MAGIC
#undef CRAMFS_MAGIC
#undef DEVPTS_SUPER_MAGIC
#undef EROFS_SUPER_MAGIC_V1
#undef ISOFS_SUPER_MAGIC
#undef NSFS_MAGIC
#undef OVERLAYFS_SUPER_MAGIC
#undef PROC_SUPER_MAGIC
#undef RAMFS_MAGIC
#undef SQUASHFS_MAGIC
#undef SYSFS_MAGIC
#undef TMPFS_MAGIC
#undef LOOP_SET_FD
#undef LOOP_CLR_FD
#undef LOOP_SET_STATUS64
#undef LOOP_CONFIGURE
#undef LOOP_CTL_GET_FREE
#undef NS_GET_USERNS
#undef NS_GET_NSTYPE
#undef _LINUX_CAPABILITY_VERSION_3
#undef CAP_CHOWN
#undef CAP_SETGID
#undef CAP_SETUID
#undef CAP_SETPCAP
#undef CAP_NET_ADMIN
#undef CAP_SYS_PTRACE
#undef CAP_SYS_ADMIN
#undef CAP_SYS_RESOURCE
#undef CAP_MKNOD
#undef SECBIT_NOROOT
#undef SECBIT_NOROOT_LOCKED
#undef SECBIT_NO_SETUID_FIXUP
#undef SECBIT_NO_SETUID_FIXUP_LOCKED
#undef SECBIT_KEEP_CAPS
#undef SECBIT_KEEP_CAPS_LOCKED
#undef SECBIT_NO_CAP_AMBIENT_RAISE
#undef SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED
#undef PR_SET_MDWE
#undef KEYCTL_JOIN_SESSION_KEYRING
#undef KEYCTL_SETPERM
#undef KEYCTL_DESCRIBE
#undef KEY_SPEC_SESSION_KEYRING
#undef SCHED_FLAG_RESET_ON_FORK
#undef SCHED_FLAG_RECLAIM
#undef SCHED_FLAG_DL_OVERRUN
#undef SCHED_FLAG_KEEP_POLICY
#undef SCHED_FLAG_KEEP_PARAMS
#undef SCHED_FLAG_UTIL_CLAMP_MIN
#undef SCHED_FLAG_UTIL_CLAMP_MAX
#undef IOPRIO_CLASS_SHIFT
#undef IOPRIO_CLASS_NONE
#undef IOPRIO_CLASS_RT
#undef IOPRIO_CLASS_BE
#undef IOPRIO_CLASS_IDLE
#undef IOPRIO_WHO_PROCESS
#undef MPOL_DEFAULT
#undef MPOL_PREFERRED
#undef MPOL_BIND
#undef MPOL_INTERLEAVE
#undef MPOL_LOCAL
#undef MPOL_PREFERRED_MANY
#undef MPOL_WEIGHTED_INTERLEAVE
#undef MPOL_F_STATIC_NODES
#undef MPOL_F_RELATIVE_NODES
#undef MPOL_F_NUMA_BALANCING
#undef BPF_PROG_LOAD
#undef BPF_PROG_ATTACH
#undef BPF_PROG_DETACH
#undef BPF_PROG_GET_FD_BY_ID
#undef BPF_PROG_QUERY
#undef BPF_PROG_TYPE_CGROUP_DEVICE
#undef BPF_CGROUP_DEVICE
#undef BPF_F_ALLOW_OVERRIDE
#undef BPF_F_ALLOW_MULTI
#undef BPF_F_REPLACE
#undef BPF_DEVCG_ACC_MKNOD
#undef BPF_DEVCG_ACC_READ
#undef BPF_DEVCG_ACC_WRITE
#undef BPF_DEVCG_DEV_BLOCK
#undef BPF_DEVCG_DEV_CHAR
#undef BPF_LD
#undef BPF_LDX
#undef BPF_ST
#undef BPF_ALU
#undef BPF_JMP
#undef BPF_RET
#undef BPF_ALU64
#undef BPF_W
#undef BPF_IMM
#undef BPF_ABS
#undef BPF_MEM
#undef BPF_AND
#undef BPF_RSH
#undef BPF_MOV
#undef BPF_JA
#undef BPF_JEQ
#undef BPF_JGT
#undef BPF_JGE
#undef BPF_JSET
#undef BPF_JNE
#undef BPF_EXIT
#undef BPF_K
#undef BPF_X
#undef SECCOMP_MODE_FILTER
#undef SECCOMP_SET_MODE_FILTER
#undef SECCOMP_GET_ACTION_AVAIL
#undef SECCOMP_GET_NOTIF_SIZES
#undef SECCOMP_FILTER_FLAG_TSYNC
#undef SECCOMP_FILTER_FLAG_LOG
#undef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#undef SECCOMP_FILTER_FLAG_NEW_LISTENER
#undef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#undef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#undef SECCOMP_RET_KILL_PROCESS
#undef SECCOMP_RET_KILL_THREAD
#undef SECCOMP_RET_TRAP
#undef SECCOMP_RET_ERRNO
#undef SECCOMP_RET_USER_NOTIF
#undef SECCOMP_RET_TRACE
#undef SECCOMP_RET_LOG
#undef SECCOMP_RET_ALLOW
#undef NETLINK_ROUTE
#undef NLM_F_REQUEST
#undef NLM_F_ACK
#undef NLM_F_DUMP_INTR
#undef NLM_F_DUMP
#undef NLM_F_CREATE
#undef NLMSG_ERROR
#undef NLMSG_DONE
#undef RTM_NEWLINK
#undef RTM_GETLINK
#undef RTM_GETADDR
#undef IFLA_IFNAME
#undef IFLA_NET_NS_FD
#undef IFA_UNSPEC
#undef IFA_LABEL
#undef IFA_F_PERMANENT
#undef RT_SCOPE_UNIVERSE
/* clang-format on */

#include "base/sys.h"

static const struct row ours[] = {NAMES(ROW)};

#define SIZE(our, their) is_int(sizeof(our), sizeof(their), "size of %s", #our)
#define OFFSET(our, our_member, their, their_member) \
	is_int(offsetof(our, our_member), offsetof(their, their_member), "offset of %s", \
		#our_member)

static void
structures(void)
{
	SIZE(struct kabi_clone_args, struct clone_args);
	OFFSET(struct kabi_clone_args, exit_signal, struct clone_args, exit_signal);
	OFFSET(struct kabi_clone_args, cgroup, struct clone_args, cgroup);
	SIZE(struct kabi_open_how, struct open_how);
	OFFSET(struct kabi_open_how, resolve, struct open_how, resolve);
	SIZE(struct kabi_mount_attr, struct mount_attr);
	OFFSET(struct kabi_mount_attr, userns_fd, struct mount_attr, userns_fd);
	SIZE(struct kabi_statx, struct statx);
	OFFSET(struct kabi_statx, attributes, struct statx, stx_attributes);
	OFFSET(struct kabi_statx, mode, struct statx, stx_mode);
	OFFSET(struct kabi_statx, ino, struct statx, stx_ino);
	OFFSET(struct kabi_statx, attributes_mask, struct statx, stx_attributes_mask);
	OFFSET(struct kabi_statx, mtime, struct statx, stx_mtime);
	OFFSET(struct kabi_statx, rdev_major, struct statx, stx_rdev_major);
	OFFSET(struct kabi_statx, mnt_id, struct statx, stx_mnt_id);
	SIZE(struct kabi_loop_info, struct loop_info64);
	OFFSET(struct kabi_loop_info, flags, struct loop_info64, lo_flags);
	OFFSET(struct kabi_loop_info, encrypt_key, struct loop_info64, lo_encrypt_key);
	SIZE(struct kabi_loop_config, struct loop_config);
	OFFSET(struct kabi_loop_config, info, struct loop_config, info);
	SIZE(struct kabi_dm, struct dm_ioctl);
	OFFSET(struct kabi_dm, dev, struct dm_ioctl, dev);
	OFFSET(struct kabi_dm, name, struct dm_ioctl, name);
	OFFSET(struct kabi_dm, uuid, struct dm_ioctl, uuid);
	OFFSET(struct kabi_dm_target, target_type, struct dm_target_spec, target_type);
	is_int(offsetof(struct kabi_dm_target, parameters), sizeof(struct dm_target_spec),
		"a target's parameters follow it");
	is_int(KABI_DM_DEV_CREATE, DM_DEV_CREATE, "DM_DEV_CREATE");
	is_int(KABI_DM_DEV_REMOVE, DM_DEV_REMOVE, "DM_DEV_REMOVE");
	is_int(KABI_DM_DEV_RENAME, DM_DEV_RENAME, "DM_DEV_RENAME");
	is_int(KABI_DM_DEV_SUSPEND, DM_DEV_SUSPEND, "DM_DEV_SUSPEND");
	is_int(KABI_DM_TABLE_LOAD, DM_TABLE_LOAD, "DM_TABLE_LOAD");
	is_int(KABI_DM_GET_TARGET_VERSION, DM_GET_TARGET_VERSION, "DM_GET_TARGET_VERSION");
	is_int(KABI_DM_READONLY, DM_READONLY_FLAG, "DM_READONLY_FLAG");
	is_int(KABI_DM_DEFERRED_REMOVE, DM_DEFERRED_REMOVE, "DM_DEFERRED_REMOVE");
	SIZE(struct kabi_cap_header, struct __user_cap_header_struct);
	SIZE(struct kabi_cap_data, struct __user_cap_data_struct);
	OFFSET(struct kabi_cap_data, inheritable, struct __user_cap_data_struct, inheritable);
	SIZE(struct kabi_sched_attr, struct sched_attr);
	OFFSET(struct kabi_sched_attr, sched_runtime, struct sched_attr, sched_runtime);
	OFFSET(struct kabi_sched_attr, sched_util_max, struct sched_attr, sched_util_max);
	SIZE(struct kabi_sock_filter, struct sock_filter);
	OFFSET(struct kabi_sock_filter, k, struct sock_filter, k);
	SIZE(struct kabi_sock_fprog, struct sock_fprog);
	SIZE(struct kabi_seccomp_notif_sizes, struct seccomp_notif_sizes);
	SIZE(struct kabi_bpf_insn, struct bpf_insn);
	OFFSET(struct kabi_bpf_insn, off, struct bpf_insn, off);
	OFFSET(struct kabi_bpf_insn, imm, struct bpf_insn, imm);
	SIZE(struct kabi_nlmsghdr, struct nlmsghdr);
	OFFSET(struct kabi_nlmsghdr, flags, struct nlmsghdr, nlmsg_flags);
	SIZE(struct kabi_rtattr, struct rtattr);
	OFFSET(struct kabi_rtattr, type, struct rtattr, rta_type);
	SIZE(struct kabi_ifinfomsg, struct ifinfomsg);
	OFFSET(struct kabi_ifinfomsg, index, struct ifinfomsg, ifi_index);
	OFFSET(struct kabi_ifinfomsg, change, struct ifinfomsg, ifi_change);
	SIZE(struct kabi_ifaddrmsg, struct ifaddrmsg);
	OFFSET(struct kabi_ifaddrmsg, scope, struct ifaddrmsg, ifa_scope);
	OFFSET(struct kabi_ifaddrmsg, index, struct ifaddrmsg, ifa_index);
}

static void
programs(void)
{
	struct bpf_insn insn = {.dst_reg = 3, .src_reg = 9};
	uint8_t bytes[sizeof(insn)];

	memcpy(bytes, &insn, sizeof(insn));
	is_int(KABI_BPF_REGS(3, 9), bytes[1], "registers of an instruction");
	OFFSET(struct kabi_bpf_prog_load, license, union bpf_attr, license);
	OFFSET(struct kabi_bpf_prog_load, log_buf, union bpf_attr, log_buf);
	OFFSET(struct kabi_bpf_prog_load, prog_flags, union bpf_attr, prog_flags);
	OFFSET(struct kabi_bpf_prog_load, prog_name, union bpf_attr, prog_name);
	OFFSET(struct kabi_bpf_prog_load, expected_attach_type, union bpf_attr,
		expected_attach_type);
	OFFSET(struct kabi_bpf_attach, attach_flags, union bpf_attr, attach_flags);
	OFFSET(struct kabi_bpf_attach, replace_bpf_fd, union bpf_attr, replace_bpf_fd);
	OFFSET(struct kabi_bpf_query, attach_flags, union bpf_attr, query.attach_flags);
	OFFSET(struct kabi_bpf_query, prog_ids, union bpf_attr, query.prog_ids);
	OFFSET(struct kabi_bpf_query, prog_cnt, union bpf_attr, query.prog_cnt);
	OFFSET(struct kabi_bpf_by_id, next_id, union bpf_attr, next_id);
	OFFSET(struct kabi_bpf_by_id, open_flags, union bpf_attr, open_flags);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (official[i].value == ABSENT)
			printf("# %s is not in these headers\n", ours[i].name);
		else
			is_int(ours[i].value, official[i].value, "%s", ours[i].name);
	}
	structures();
	programs();
	return done_testing();
}
#endif
