#!/bin/sh
# bundles.sh LAYOUT DIR TRUE CGROUPS_PATH: write the bundles of the benchmark.
#
# DIR gets rootfs, with nothing but TRUE and mount points, and one bundle for each configuration:
#
#   min          what crun's and runc's `spec` print: 5 namespaces (on v2 also cgroup), 7 mounts, 10
#                masked and 5 read-only paths, 3 capabilities
#   min-wait     the same, but the process stays until it is killed
#   docker-like  what an engine writes: 6 namespaces, 10 mounts, 14 capabilities, a seccomp list of
#                434 names in 19 rules for 3 architectures, devices; on v1 also memory, cpu and pids
#
# LAYOUT is v1 or v2.  All containers share CGROUPS_PATH, because at any moment only one lives.
# There are no rlimits: some peers fail where they may not raise them.
set -eu

[ $# = 4 ] || {
	echo "usage: bundles.sh LAYOUT DIR TRUE CGROUPS_PATH" >&2
	exit 2
}
layout=$1 dir=$2 workload=$3 cgroups_path=$4

# --- pieces of JSON -----------------------------------------------------------------------------

# strings WORD...: "WORD", ...  One a line and deeply indented, as runtimes and engines print them
strings() {
	printf '%s\n' "$@" | awk '{ printf "%s\n\t\t\t\t\t\"%s\"", (NR > 1 ? "," : ""), $0 }'
}

# mount_entry DESTINATION TYPE SOURCE OPTION...
mount_entry() {
	printf '{ "destination": "%s", "type": "%s", "source": "%s"' "$1" "$2" "$3"
	shift 3
	[ $# = 0 ] || printf ', "options": [ %s ]' "$(strings "$@")"
	printf ' }'
}

namespaces() {
	printf '%s\n' "$@" | awk '{ printf "%s{ \"type\": \"%s\" }", (NR > 1 ? ", " : ""), $0 }'
}

capabilities() {
	list=$(strings "$@")
	printf '{ "bounding": [ %s ],\n\t\t\t"effective": [ %s ],\n\t\t\t"permitted": [ %s ] }' \
		"$list" "$list" "$list"
}

# process ARGS CAPABILITY...
process() {
	args=$1
	shift
	cat <<EOF
	"process": {
		"terminal": false,
		"user": { "uid": 0, "gid": 0 },
		"args": [ $args ],
		"env": [ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm" ],
		"cwd": "/",
		"capabilities": $(capabilities "$@"),
		"noNewPrivileges": true
	},
EOF
}

common_mounts() {
	cat <<EOF
		$(mount_entry /proc proc proc),
		$(mount_entry /dev tmpfs tmpfs nosuid strictatime mode=755 size=65536k),
		$(mount_entry /dev/pts devpts devpts nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5),
		$(mount_entry /dev/shm tmpfs shm nosuid noexec nodev mode=1777 size=65536k),
		$(mount_entry /dev/mqueue mqueue mqueue nosuid noexec nodev),
		$(mount_entry /sys sysfs sysfs nosuid noexec nodev ro),
		$(mount_entry /sys/fs/cgroup cgroup cgroup nosuid noexec nodev relatime ro)
EOF
}

covered_paths() {
	masked=$(strings /proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats \
		/proc/timer_list /proc/timer_stats /proc/sched_debug /sys/firmware /proc/scsi)
	read_only=$(strings /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger)
	printf '\t\t"maskedPaths": [ %s ],\n\t\t"readonlyPaths": [ %s ]' "$masked" "$read_only"
}

# --- min ----------------------------------------------------------------------------------------

write_min() {
	args=$1
	set -- pid network ipc uts mount
	[ "$layout" = v1 ] || set -- "$@" cgroup
	cat <<EOF
{
	"ociVersion": "1.0.0",
$(process "$args" CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE)
	"root": { "path": "$dir/rootfs", "readonly": true },
	"hostname": "bench",
	"mounts": [
$(common_mounts)
	],
	"linux": {
		"cgroupsPath": "$cgroups_path",
		"resources": { "devices": [ { "allow": false, "access": "rwm" } ] },
		"namespaces": [ $(namespaces "$@") ],
$(covered_paths)
	}
}
EOF
}

# --- docker-like --------------------------------------------------------------------------------

# One rule a line: what it does (allow, or fail with that errno), the condition or -, the names
seccomp_rules() {
	cat <<'EOF'
allow - _llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset \
chdir chmod chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 \
clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect \
copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 \
epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 \
fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat \
fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 \
fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 \
futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd \
getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 \
getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 \
getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday \
getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch \
io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit \
io_uring_enter io_uring_register io_uring_setup ioctl ioprio_get ioprio_set ipc kill \
landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link \
linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr \
lsm_get_self_attr lsm_list_modules lstat lstat64 madvise map_shadow_stack membarrier memfd_create \
memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect \
mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend \
mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall \
munmap name_to_handle_at nanosleep newfstatat nice open openat openat2 pause pidfd_open \
pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl \
pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev \
pwritev2 read readahead readdir readlink readlinkat readv recvfrom recvmmsg recvmmsg_time64 \
recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall \
rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend \
rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max \
sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler \
sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam \
sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 \
sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address \
setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid \
setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 \
setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget \
shutdown sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn \
sigsuspend socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink \
symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete \
timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create \
timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate \
truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat utimensat_time64 utimes vfork \
vmsplice wait4 waitid waitpid write writev
allow 0:0:SCMP_CMP_EQ personality
allow 0:8:SCMP_CMP_EQ personality
allow 0:131072:SCMP_CMP_EQ personality
allow 0:131080:SCMP_CMP_EQ personality
allow 0:4294967295:SCMP_CMP_EQ personality
allow 0:40:SCMP_CMP_NE socket
allow 0:2114060288:0:SCMP_CMP_MASKED_EQ clone
38 - clone3
allow - ptrace
allow - arch_prctl modify_ldt
allow - chroot
allow - process_madvise process_vm_readv process_vm_writev kcmp pidfd_getfd
allow - get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node
allow - fanotify_init vhangup
allow - oldfstat oldlstat oldolduname oldstat olduname sgetmask ssetmask
38 - fsconfig fsmount fsopen fspick mount_setattr move_mount open_tree
38 - sysfs uselib ustat vm86 vm86old
38 - _sysctl afs_syscall bdflush break create_module epoll_ctl_old epoll_wait_old ftime \
get_kernel_syms getpmsg gtty idle lock mpx nfsservctl prof profil putpmsg query_module security \
stty tuxcall ulimit vserver
EOF
}

seccomp() {
	printf '{\n\t\t\t"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,\n'
	printf '\t\t\t"architectures": [ %s ],\n\t\t\t"syscalls": [\n' \
		"$(strings SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32)"
	seccomp_rules | sed -e ':a' -e '/\\$/{' -e 'N' -e 's/\\\n//' -e 'ba' -e '}' | awk '
	{
		printf "%s\t\t\t\t{ \"names\": [ ", (NR > 1 ? ",\n" : "")
		for (i = 3; i <= NF; i++)
			printf "%s\"%s\"", (i > 3 ? ", " : ""), $i
		printf " ], \"action\": \"SCMP_ACT_%s\"", ($1 == "allow" ? "ALLOW" : "ERRNO")
		if ($1 != "allow")
			printf ", \"errnoRet\": %d", $1
		n = split($2, a, ":")
		if (n > 1)
			printf ", \"args\": [ { \"index\": %d, \"value\": %.0f, ", a[1], a[2]
		if (n > 3)
			printf "\"valueTwo\": %d, ", a[3]
		if (n > 1)
			printf "\"op\": \"%s\" } ]", a[n]
		printf " }"
	}'
	printf '\n\t\t\t]\n\t\t}'
}

# One rule a line: type, major, minor (- is any), access
device_rules() {
	printf '{ "allow": false, "access": "rwm" }'
	while read -r type major minor access; do
		printf ',\n\t\t\t\t{ "allow": true, "type": "%s"' "$type"
		[ "$major" = - ] || printf ', "major": %s' "$major"
		[ "$minor" = - ] || printf ', "minor": %s' "$minor"
		printf ', "access": "%s" }' "$access"
	done <<EOF
c - - m
b - - m
c 1 3 rwm
c 1 5 rwm
c 1 7 rwm
c 1 8 rwm
c 1 9 rwm
c 5 0 rwm
c 5 1 rwm
c 5 2 rwm
c 136 - rwm
EOF
}

# Only on v1 can everybody have limits: of a hybrid host's v2 tree, v1 has taken the controllers.
limits() {
	[ "$layout" = v1 ] || return 0
	cat <<EOF
			"memory": { "limit": 268435456, "reservation": 134217728 },
			"cpu": { "shares": 512, "quota": 150000, "period": 100000 },
			"pids": { "limit": 512 },
EOF
}

write_docker_like() {
	bundle=$dir/docker-like
	cat <<EOF
{
	"ociVersion": "1.0.2",
$(process "$1" CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID \
	CAP_SETUID CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE)
	"root": { "path": "$dir/rootfs" },
	"hostname": "3f1f5f0c7a52",
	"mounts": [
$(common_mounts),
		$(mount_entry /etc/resolv.conf bind "$bundle/resolv.conf" rbind rprivate),
		$(mount_entry /etc/hostname bind "$bundle/hostname" rbind rprivate),
		$(mount_entry /etc/hosts bind "$bundle/hosts" rbind rprivate)
	],
	"linux": {
		"cgroupsPath": "$cgroups_path",
		"resources": {
$(limits)
			"devices": [
				$(device_rules)
			]
		},
		"namespaces": [ $(namespaces mount network uts pid ipc cgroup) ],
		"seccomp": $(seccomp),
$(covered_paths)
	}
}
EOF
}

# --- files --------------------------------------------------------------------------------------

mkdir -p "$dir/rootfs" "$dir/min" "$dir/min-wait" "$dir/docker-like"
for d in proc dev sys etc; do
	mkdir "$dir/rootfs/$d"
done
cp "$workload" "$dir/rootfs/true"
for file in resolv.conf hostname hosts; do
	: >"$dir/rootfs/etc/$file"
	: >"$dir/docker-like/$file"
done
write_min '"/true"' >"$dir/min/config.json"
write_min '"/true", "wait"' >"$dir/min-wait/config.json"
write_docker_like '"/true"' >"$dir/docker-like/config.json"
