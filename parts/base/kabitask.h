/* kabitask: kabi.h's half about tasks: credentials, scheduling, filters.
 *
 * Contract: see kabi.h.
 *
 * Floor: base.  Runs in: any process; included through sys.h only.
 */
#ifndef BASE_KABITASK_H
#define BASE_KABITASK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

/* capget(2): one header, and two of the data, the low half of each set first. */
struct kabi_cap_header {
	uint32_t version;
	int32_t pid;
};
_Static_assert(sizeof(struct kabi_cap_header) == 8, "cap_user_header_t");

struct kabi_cap_data {
	uint32_t effective, permitted, inheritable;
};
_Static_assert(sizeof(struct kabi_cap_data) == 12, "cap_user_data_t");

/* sched_setattr(2): the size of Linux 5.3; `size` 48 leaves out the utilisation clamps. */
struct kabi_sched_attr {
	uint32_t size, sched_policy;
	uint64_t sched_flags;
	int32_t sched_nice;
	uint32_t sched_priority;
	uint64_t sched_runtime, sched_deadline, sched_period;
	uint32_t sched_util_min, sched_util_max;
};
_Static_assert(sizeof(struct kabi_sched_attr) == 56, "sched_attr");

/* seccomp(2): a classic BPF program. */
struct kabi_sock_filter {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
_Static_assert(sizeof(struct kabi_sock_filter) == 8, "sock_filter");

struct kabi_sock_fprog {
	uint16_t len;
	const struct kabi_sock_filter *filter;
};
_Static_assert(sizeof(struct kabi_sock_fprog) == 2 * sizeof(void *), "sock_fprog");

struct kabi_seccomp_notif_sizes {
	uint16_t seccomp_notif, seccomp_notif_resp, seccomp_data;
};
_Static_assert(sizeof(struct kabi_seccomp_notif_sizes) == 6, "seccomp_notif_sizes");

/* bpf(2): an instruction; regs is the destination in the low four bits and the source in the high
 * ones on little-endian machines, the other way round on big-endian ones: see KABI_BPF_REGS. */
struct kabi_bpf_insn {
	uint8_t code, regs;
	int16_t off;
	int32_t imm;
};
_Static_assert(sizeof(struct kabi_bpf_insn) == 8, "bpf_insn");

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define KABI_BPF_REGS(dst, src) ((uint8_t)((dst) | (src) << 4))
#else
#define KABI_BPF_REGS(dst, src) ((uint8_t)((dst) << 4 | (src)))
#endif

/* bpf(2): the parts of union bpf_attr that we use, each for its own command. */
struct kabi_bpf_prog_load {
	uint32_t prog_type, insn_cnt;
	uint64_t insns, license; /* pointers */
	uint32_t log_level, log_size;
	uint64_t log_buf;
	uint32_t kern_version, prog_flags;
	char prog_name[16];
	uint32_t prog_ifindex, expected_attach_type;
};
_Static_assert(sizeof(struct kabi_bpf_prog_load) == 72, "bpf_attr for BPF_PROG_LOAD");

struct kabi_bpf_attach {
	uint32_t target_fd, attach_bpf_fd, attach_type, attach_flags, replace_bpf_fd;
};
_Static_assert(sizeof(struct kabi_bpf_attach) == 20, "bpf_attr for BPF_PROG_ATTACH");

struct kabi_bpf_query {
	uint32_t target_fd, attach_type, query_flags, attach_flags;
	uint64_t prog_ids; /* pointer */
	uint32_t prog_cnt, pad;
};
_Static_assert(sizeof(struct kabi_bpf_query) == 32, "bpf_attr for BPF_PROG_QUERY");

struct kabi_bpf_by_id {
	uint32_t prog_id, next_id, open_flags;
};
_Static_assert(sizeof(struct kabi_bpf_by_id) == 12, "bpf_attr for BPF_PROG_GET_FD_BY_ID");

/* capget(2): version 3 and the capabilities that the code itself asks for. */
#ifndef _LINUX_CAPABILITY_VERSION_3
#define _LINUX_CAPABILITY_VERSION_3 0x20080522
#endif
#ifndef CAP_CHOWN
#define CAP_CHOWN 0
#endif
#ifndef CAP_SETGID
#define CAP_SETGID 6
#endif
#ifndef CAP_SETUID
#define CAP_SETUID 7
#endif
#ifndef CAP_SETPCAP
#define CAP_SETPCAP 8
#endif
#ifndef CAP_NET_ADMIN
#define CAP_NET_ADMIN 12
#endif
#ifndef CAP_SYS_PTRACE
#define CAP_SYS_PTRACE 19
#endif
#ifndef CAP_SYS_ADMIN
#define CAP_SYS_ADMIN 21
#endif
#ifndef CAP_SYS_RESOURCE
#define CAP_SYS_RESOURCE 24
#endif
#ifndef CAP_MKNOD
#define CAP_MKNOD 27
#endif

/* prctl(2), capabilities(7): securebits, Linux 2.6.26; the ambient ones 4.3.  MDWE 6.3. */
#ifndef SECBIT_NOROOT
#define SECBIT_NOROOT (1 << 0)
#endif
#ifndef SECBIT_NOROOT_LOCKED
#define SECBIT_NOROOT_LOCKED (1 << 1)
#endif
#ifndef SECBIT_NO_SETUID_FIXUP
#define SECBIT_NO_SETUID_FIXUP (1 << 2)
#endif
#ifndef SECBIT_NO_SETUID_FIXUP_LOCKED
#define SECBIT_NO_SETUID_FIXUP_LOCKED (1 << 3)
#endif
#ifndef SECBIT_KEEP_CAPS
#define SECBIT_KEEP_CAPS (1 << 4)
#endif
#ifndef SECBIT_KEEP_CAPS_LOCKED
#define SECBIT_KEEP_CAPS_LOCKED (1 << 5)
#endif
#ifndef SECBIT_NO_CAP_AMBIENT_RAISE
#define SECBIT_NO_CAP_AMBIENT_RAISE (1 << 6)
#endif
#ifndef SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED
#define SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED (1 << 7)
#endif
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

/* keyctl(2). */
#ifndef KEYCTL_JOIN_SESSION_KEYRING
#define KEYCTL_JOIN_SESSION_KEYRING 1
#endif
#ifndef KEYCTL_SETPERM
#define KEYCTL_SETPERM 5
#endif
#ifndef KEYCTL_DESCRIBE
#define KEYCTL_DESCRIBE 6
#endif
#ifndef KEY_SPEC_SESSION_KEYRING
#define KEY_SPEC_SESSION_KEYRING (-3)
#endif

/* sched(7); the C library has no name for it. */
#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

/* sched_setattr(2), Linux 3.14; the later flags 4.13 to 5.3. */
#ifndef SCHED_FLAG_RESET_ON_FORK
#define SCHED_FLAG_RESET_ON_FORK 0x01
#endif
#ifndef SCHED_FLAG_RECLAIM
#define SCHED_FLAG_RECLAIM 0x02
#endif
#ifndef SCHED_FLAG_DL_OVERRUN
#define SCHED_FLAG_DL_OVERRUN 0x04
#endif
#ifndef SCHED_FLAG_KEEP_POLICY
#define SCHED_FLAG_KEEP_POLICY 0x08
#endif
#ifndef SCHED_FLAG_KEEP_PARAMS
#define SCHED_FLAG_KEEP_PARAMS 0x10
#endif
#ifndef SCHED_FLAG_UTIL_CLAMP_MIN
#define SCHED_FLAG_UTIL_CLAMP_MIN 0x20
#endif
#ifndef SCHED_FLAG_UTIL_CLAMP_MAX
#define SCHED_FLAG_UTIL_CLAMP_MAX 0x40
#endif

/* ioprio_set(2), Linux 2.6.13. */
#ifndef IOPRIO_CLASS_SHIFT
#define IOPRIO_CLASS_SHIFT 13
#endif
#ifndef IOPRIO_CLASS_NONE
#define IOPRIO_CLASS_NONE 0
#endif
#ifndef IOPRIO_CLASS_RT
#define IOPRIO_CLASS_RT 1
#endif
#ifndef IOPRIO_CLASS_BE
#define IOPRIO_CLASS_BE 2
#endif
#ifndef IOPRIO_CLASS_IDLE
#define IOPRIO_CLASS_IDLE 3
#endif
#ifndef IOPRIO_WHO_PROCESS
#define IOPRIO_WHO_PROCESS 1
#endif

/* set_mempolicy(2); LOCAL 3.8, PREFERRED_MANY 5.15, WEIGHTED_INTERLEAVE 6.9, NUMA_BALANCING 5.12.
 */
#ifndef MPOL_DEFAULT
#define MPOL_DEFAULT 0
#endif
#ifndef MPOL_PREFERRED
#define MPOL_PREFERRED 1
#endif
#ifndef MPOL_BIND
#define MPOL_BIND 2
#endif
#ifndef MPOL_INTERLEAVE
#define MPOL_INTERLEAVE 3
#endif
#ifndef MPOL_LOCAL
#define MPOL_LOCAL 4
#endif
#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5
#endif
#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE 6
#endif
#ifndef MPOL_F_STATIC_NODES
#define MPOL_F_STATIC_NODES (1 << 15)
#endif
#ifndef MPOL_F_RELATIVE_NODES
#define MPOL_F_RELATIVE_NODES (1 << 14)
#endif
#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13)
#endif

/* bpf(2): programs that judge device access of a cgroup, Linux 4.15; REPLACE 5.6. */
#ifndef BPF_PROG_LOAD
#define BPF_PROG_LOAD 5
#endif
#ifndef BPF_PROG_ATTACH
#define BPF_PROG_ATTACH 8
#endif
#ifndef BPF_PROG_DETACH
#define BPF_PROG_DETACH 9
#endif
#ifndef BPF_PROG_GET_FD_BY_ID
#define BPF_PROG_GET_FD_BY_ID 13
#endif
#ifndef BPF_PROG_QUERY
#define BPF_PROG_QUERY 16
#endif
#ifndef BPF_PROG_TYPE_CGROUP_DEVICE
#define BPF_PROG_TYPE_CGROUP_DEVICE 15
#endif
#ifndef BPF_CGROUP_DEVICE
#define BPF_CGROUP_DEVICE 6
#endif
#ifndef BPF_F_ALLOW_OVERRIDE
#define BPF_F_ALLOW_OVERRIDE (1U << 0)
#endif
#ifndef BPF_F_ALLOW_MULTI
#define BPF_F_ALLOW_MULTI (1U << 1)
#endif
#ifndef BPF_F_REPLACE
#define BPF_F_REPLACE (1U << 2)
#endif
#ifndef BPF_DEVCG_ACC_MKNOD
#define BPF_DEVCG_ACC_MKNOD (1ULL << 0)
#endif
#ifndef BPF_DEVCG_ACC_READ
#define BPF_DEVCG_ACC_READ (1ULL << 1)
#endif
#ifndef BPF_DEVCG_ACC_WRITE
#define BPF_DEVCG_ACC_WRITE (1ULL << 2)
#endif
#ifndef BPF_DEVCG_DEV_BLOCK
#define BPF_DEVCG_DEV_BLOCK (1ULL << 0)
#endif
#ifndef BPF_DEVCG_DEV_CHAR
#define BPF_DEVCG_DEV_CHAR (1ULL << 1)
#endif

/* Instructions of classic (seccomp) and extended BPF programs. */
#ifndef BPF_LD
#define BPF_LD 0x00
#endif
#ifndef BPF_LDX
#define BPF_LDX 0x01
#endif
#ifndef BPF_ST
#define BPF_ST 0x02
#endif
#ifndef BPF_ALU
#define BPF_ALU 0x04
#endif
#ifndef BPF_JMP
#define BPF_JMP 0x05
#endif
#ifndef BPF_RET
#define BPF_RET 0x06
#endif
#ifndef BPF_ALU64
#define BPF_ALU64 0x07
#endif
#ifndef BPF_W
#define BPF_W 0x00
#endif
#ifndef BPF_IMM
#define BPF_IMM 0x00
#endif
#ifndef BPF_ABS
#define BPF_ABS 0x20
#endif
#ifndef BPF_MEM
#define BPF_MEM 0x60
#endif
#ifndef BPF_AND
#define BPF_AND 0x50
#endif
#ifndef BPF_RSH
#define BPF_RSH 0x70
#endif
#ifndef BPF_MOV
#define BPF_MOV 0xb0
#endif
#ifndef BPF_JA
#define BPF_JA 0x00
#endif
#ifndef BPF_JEQ
#define BPF_JEQ 0x10
#endif
#ifndef BPF_JGT
#define BPF_JGT 0x20
#endif
#ifndef BPF_JGE
#define BPF_JGE 0x30
#endif
#ifndef BPF_JSET
#define BPF_JSET 0x40
#endif
#ifndef BPF_JNE
#define BPF_JNE 0x50
#endif
#ifndef BPF_EXIT
#define BPF_EXIT 0x90
#endif
#ifndef BPF_K
#define BPF_K 0x00
#endif
#ifndef BPF_X
#define BPF_X 0x08
#endif

/* seccomp(2), Linux 3.17; actions and flags up to 5.19. */
#ifndef SECCOMP_MODE_FILTER
#define SECCOMP_MODE_FILTER 2
#endif
#ifndef SECCOMP_SET_MODE_FILTER
#define SECCOMP_SET_MODE_FILTER 1
#endif
#ifndef SECCOMP_GET_ACTION_AVAIL
#define SECCOMP_GET_ACTION_AVAIL 2
#endif
#ifndef SECCOMP_GET_NOTIF_SIZES
#define SECCOMP_GET_NOTIF_SIZES 3
#endif
#ifndef SECCOMP_FILTER_FLAG_TSYNC
#define SECCOMP_FILTER_FLAG_TSYNC (1UL << 0)
#endif
#ifndef SECCOMP_FILTER_FLAG_LOG
#define SECCOMP_FILTER_FLAG_LOG (1UL << 1)
#endif
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif
#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#define SECCOMP_FILTER_FLAG_NEW_LISTENER (1UL << 3)
#endif
#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#ifndef SECCOMP_RET_KILL_THREAD
#define SECCOMP_RET_KILL_THREAD 0x00000000U
#endif
#ifndef SECCOMP_RET_TRAP
#define SECCOMP_RET_TRAP 0x00030000U
#endif
#ifndef SECCOMP_RET_ERRNO
#define SECCOMP_RET_ERRNO 0x00050000U
#endif
#ifndef SECCOMP_RET_USER_NOTIF
#define SECCOMP_RET_USER_NOTIF 0x7fc00000U
#endif
#ifndef SECCOMP_RET_TRACE
#define SECCOMP_RET_TRACE 0x7ff00000U
#endif
#ifndef SECCOMP_RET_LOG
#define SECCOMP_RET_LOG 0x7ffc0000U
#endif
#ifndef SECCOMP_RET_ALLOW
#define SECCOMP_RET_ALLOW 0x7fff0000U
#endif

#endif
