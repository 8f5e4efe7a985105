#!/bin/sh
# run.sh: compare ocirt with the kernel's own price (floor) and with the runtimes of Debian.
#
#   tests/bench/run.sh [--rounds N] [--rhythm tight|idle|both] [--layout v1|v2|all] [--csv FILE]
#                      [OCIRT]
#
# N is 100, or 3 to prove that the benchmark works; OCIRT is ./ocirt at the top of the checkout;
# FILE is build/bench/samples.csv.  Tables go to standard output.  No time is ever a failure: the
# status is 1 when a step of ocirt failed or a cell of a table is not filled, 2 when there was no
# benchmark at all.
#
# Each layout of cgroups is built in a mount namespace of its own, with a tmpfs on /run:
#
#   v1   the machine's v1 hierarchies, without the v2 tree of a hybrid host
#   v2   cgroup2 alone on /sys/fs/cgroup; of a hybrid host, with the controllers that v1 left
#
# All cgroups lie in ocirt-bench-PID, which is removed at the end with whatever runs in it.
set -eu
umask 022
export LC_ALL=C

die() {
	echo "run.sh: $*" >&2
	exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/bench
large=$out/large.squashfs

# --- the command line ---------------------------------------------------------------------------

usage() {
	sed -n -e 's/^#   \(tests\)/usage: \1/p' -e 's/^# \( *\[OCIRT\]\)/    \1/p' "$here/run.sh" >&2
	exit 2
}

parse() {
	rounds=100 rhythm=both layouts=all csv=$out/samples.csv ocirt=$top/ocirt
	while [ $# -gt 0 ]; do
		case $1 in
		--rounds | --rhythm | --layout | --csv) [ $# -gt 1 ] || usage ;;
		-*) usage ;;
		esac
		case $1 in
		--rounds) rounds=$2 ;;
		--rhythm) rhythm=$2 ;;
		--layout) layouts=$2 ;;
		--csv) csv=$2 ;;
		*)
			ocirt=$1
			set -- "" "$@"
			;;
		esac
		shift 2
	done
	case $rounds in
	"" | 0* | *[!0-9]*) usage ;;
	esac
	case $rhythm in
	both) rhythms="-r tight -r idle" ;;
	tight | idle) rhythms="-r $rhythm" ;;
	*) usage ;;
	esac
	case $layouts in
	all) layouts="v1 v2" ;;
	v1 | v2) ;;
	*) usage ;;
	esac
}

# --- the programs -------------------------------------------------------------------------------

cc=${CC:-gcc}

of() { "$cc" -print-file-name="$1"; }

# compile PROGRAM FILE...: statically, against the musl that build.sh has unpacked, else musl-gcc's
compile() {
	program=$1
	shift
	set -- -std=gnu11 -Os -s -Wall -Wextra -Wconversion -Wshadow -o "$out/$program" "$@"
	if [ "$musl" ]; then
		inc=$(echo "$top"/build/*/musl/usr/include/"${musl##*/}")
		"$cc" -static -no-pie -nostdinc -isystem "$inc" -isystem "$(of include)" -nostdlib \
			"$musl/crt1.o" "$musl/crti.o" "$(of crtbeginT.o)" "$@" -L"$musl" \
			-Wl,--start-group -lc "$(of libgcc.a)" "$(of libgcc_eh.a)" -Wl,--end-group \
			"$(of crtend.o)" "$musl/crtn.o"
	else
		musl-gcc -static "$@"
	fi || die "$program does not compile"
}

find_musl() {
	machine=$("$cc" -dumpmachine | sed -e 's/-.*//' -e 's/^i[3-6]86/i386/')
	musl=
	for lib in "$top"/build/*/musl/usr/lib/"$machine"-linux-musl*; do
		[ ! -f "$lib/libc.a" ] || musl=$lib
	done
	[ "$musl" ] || command -v musl-gcc >/dev/null ||
		die "no musl: ./build.sh unpacks one, or install musl-tools"
}

compile_all() {
	mkdir -p "$out"
	find_musl
	for program in true floor small peak; do
		compile $program "$here/$program.c"
	done
	compile bench "$here/bench.c" "$here/scenario.c" "$here/table.c"
}

# --- the head -----------------------------------------------------------------------------------

processor() {
	awk -F ': *' '/^(model name|Processor|cpu model)/ { print $2; exit }' /proc/cpuinfo
}

governor() {
	cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo none
}

load() { cut -d' ' -f1-3 /proc/loadavg; }

host_cgroups() {
	awk '$3 == "cgroup" { v1++ } $3 == "cgroup2" { v2++ }
		END { print v1 && v2 ? "hybrid" : v1 ? "v1" : v2 ? "v2" : "none" }' /proc/mounts
}

# compiler_of FILE: what a compiler left behind in it, or what ocirt's manifest says
compiler_of() {
	sum=$(sha256sum <"$1" | cut -d' ' -f1)
	manifest=$(grep -ls "^output $sum" "$top"/build/*/MANIFEST | head -n 1)
	if [ "$manifest" ]; then
		sed -n 's/^compiler //p' "$manifest"
	elif command -v readelf >/dev/null; then
		readelf -p .comment "$1" 2>/dev/null | sed -n 's/^ *\[ *[0-9a-f]*\] *//p' | head -n 1
	fi
}

# describe NAME FILE: one line
describe() {
	if [ ! -x "$2" ]; then
		echo "$1: not here"
		return
	fi
	version=$("$2" --version 2>&1 | tr '\n' ' ' | cut -c -90) || version="tells no version"
	compiler=$(compiler_of "$2")
	package=$(dpkg-query -W -f "\${Version}" "$1" 2>/dev/null) || package=
	echo "$1: $version${package:+; package $package}; ${compiler:-compiler not recorded}"
}

print_head() {
	echo "kernel   $(uname -srm), cgroups $(host_cgroups)"
	echo "machine  $(nproc) x $(processor), governor $(governor), load $(load)"
	echo "rounds   $rounds"
	describe ocirt "$ocirt"
	describe crun "$crun"
	describe runc "$runc"
	if [ "$musl" ]; then
		echo "floor: $("$cc" --version | head -n 1), musl of ./build.sh"
	else
		echo "floor: $(musl-gcc --version | head -n 1), musl-gcc"
	fi
	echo "CPU of a step and all it reaped; /base and p10/b. are multiples of floor (run) or bare"
}

# --- inside a layout's mount namespace ----------------------------------------------------------

mounts_of() { awk -v type="$1" '$3 == type { print $2 }' /proc/self/mounts; }

# Leaves only the layout's hierarchies to be seen; false if this machine cannot have it.
show_hierarchies() {
	case $1 in
	v1)
		for dir in $(mounts_of cgroup2); do
			umount -l "$dir"
		done
		[ "$(mounts_of cgroup)" ] || no_layout="this machine has no v1 hierarchy"
		;;
	v2)
		[ "$(mounts_of cgroup)" ] || [ "$(mounts_of cgroup2)" != /sys/fs/cgroup ] || return 0
		umount -R /sys/fs/cgroup 2>/dev/null || :
		mount -t cgroup2 cgroup2 /sys/fs/cgroup || no_layout="cgroup2 cannot be mounted here"
		;;
	esac
}

# A v1 cpuset is empty at first, and nobody can be in an empty one.
fill_cpuset() {
	[ -e "$1/cpuset.mems" ] && [ -e "$1/cgroup.clone_children" ] || return 0
	cat "$1/../cpuset.cpus" >"$1/cpuset.cpus"
	cat "$1/../cpuset.mems" >"$1/cpuset.mems"
	echo 1 >"$1/cgroup.clone_children"
}

make_parents() {
	parents=
	for dir in $(mounts_of cgroup) $(mounts_of cgroup2); do
		mkdir "$dir/$group"
		parents="$parents $dir/$group"
		fill_cpuset "$dir/$group"
	done
	root_controllers=$(cat /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || :)
}

# Ends what still runs in our own cgroups and removes them.
# shellcheck disable=SC2317 # called by the trap
remove_parents() {
	for parent in $parents; do
		find "$parent" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do
			[ "$pid" = 0 ] || kill -KILL "$pid" 2>/dev/null || :
		done
		tries=50
		until find "$parent" -depth -type d -exec rmdir {} + 2>/dev/null || [ "$tries" = 0 ]; do
			tries=$((tries - 1))
			sleep 0.1
		done
	done
	restore_root
}

# Runtimes switch controllers on from the root down: those that were off go off again.
# shellcheck disable=SC2317 # called by the trap
restore_root() {
	[ "$layout" = v2 ] || return 0
	now=$(cat /sys/fs/cgroup/cgroup.subtree_control)
	for controller in $now; do
		case " $root_controllers " in
		*" $controller "*) ;;
		*) echo "-$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || : ;;
		esac
	done
}

# Commands are found in one directory under one name.
# link_target NAME FILE
link_target() {
	[ ! -x "$2" ] || ln -s "$2" "$work/bin/$1"
}

prepare() {
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t tmpfs -o mode=755 tmpfs /var/lib # where versions that started are written down
	work=/run/bench
	mkdir -p $work/bin
	cp "$out/true" "$out/floor" "$out/small" "$out/peak" "$out/bench" $work/bin
	link_target ocirt "$ocirt"
	link_target crun "$crun"
	link_target runc "$runc"
	"$here/bundles.sh" "$layout" $work/bundles $work/bin/true "/$group/container"
	PATH=$work/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

# with_root BUNDLE FILE: min with the root in that file
with_root() {
	mkdir "$work/bundles/$1"
	sed "s|\"$work/bundles/rootfs\"|\"$2\"|" $work/bundles/min/config.json >"$work/bundles/$1/config.json"
}

# image TYPE COMMAND...: a bundle with the root in a file; says by an option of bench why there is none
image() {
	type=$1
	shift
	with_root "min-$type" "$work/bundles/image.$type"
	command -v "$1" >/dev/null && "$@" >/dev/null 2>&1 || echo "-m $type=no-$1"
}

make_images() {
	rootfs=$work/bundles/rootfs
	image squashfs mksquashfs $rootfs $work/bundles/image.squashfs
	image erofs mkfs.erofs $work/bundles/image.erofs $rootfs
	image ext4 mkfs.ext4 -d $rootfs $work/bundles/image.ext4 8M
}

# sealed BUNDLE FILE: with_root, signed by a key of its own
sealed() {
	with_root "$1" "$2"
	key=$work/bundles/$1/app
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key.key" &&
		openssl pkey -in "$key.key" -pubout -out "$key.pem" &&
		ocirt seal -b "$work/bundles/$1" --key "$key.key"
}

# 100 MB that do not compress; the image is made once
make_large() {
	if [ ! -e "$large" ]; then
		rm -rf "$out/tree" "$large.new"
		cp -R $work/bundles/rootfs "$out/tree"
		head -c 100000000 /dev/urandom >"$out/tree/data"
		mksquashfs "$out/tree" "$large.new" -quiet -no-progress -all-root -noD -noF >/dev/null &&
			mv "$large.new" "$large"
		rm -rf "$out/tree"
	fi
	[ -e "$large" ] && sealed large "$large"
}

# The same image on a file system with fs-verity, until the mount namespace goes
with_verity() {
	mkfs.ext4 -q -O verity -b 4096 "$out/verity.ext4" 144M &&
		mkdir $work/verity && mount -o loop "$out/verity.ext4" $work/verity &&
		cp "$large" $work/verity/image && python3 "$here/verity.py" $work/verity/image &&
		sealed large-verity $work/verity/image
}

make_verity() {
	rm -f "$out/verity.ext4"
	with_verity >/dev/null 2>&1 || echo "-m fs-verity=no-fs-verity"
	rm -f "$out/verity.ext4"
}

# What the samples of the step `digest` make of 100 MB
print_rates() {
	awk -F, -v config="$layout large" '$1 == config && $4 == "digest" && $8 == 0 { print $3, $6 + $7 }' "$csv" |
		sort -k 1,1 -k 2,2n | awk '
			{ us[$1, n[$1]++] = $2 }
			END { for (t in n) printf "%s %d, ", t, 1e8 / us[t, int((n[t] - 1) / 2)] }' |
		sed 's/^/MB a second of CPU: /; s/, $//'
}

# floor_options CONFIG: the same cgroups, device rules, namespaces, loopback and filter as the
# configuration asks for
floor_options() {
	case $layout in
	v1) echo "$parents" | sed 's/ / -t /g' ;;
	v2) echo "$parents" | sed 's/ / -i /g' ;;
	esac | tr '\n' ' '
	case $layout-$1 in
	v1-min) echo "-w rmdkcl -d -n imnpu" ;;
	v2-min) echo "-w rmdkcl -d -n cimnpu" ;;
	*-docker-like) echo "-w rmdkcl -d -n cimnpu -f 60" ;;
	esac
}

# measure CONFIG SCENARIO BASE [OPTION]...
measure() {
	config=$1 scenario=$2 base=$3
	shift 3
	for target in ocirt crun runc; do
		[ -e "$work/bin/$target" ] || set -- "$@" -m "$target=not here"
	done
	# shellcheck disable=SC2086 # a list of options
	bench -s "$here/scenario/$scenario" -b "$base" -t "$layout $config" -n "$rounds" $rhythms \
		-o "$csv" -p $work/bin/peak -w $work/bundles/rootfs/true "$@" \
		-d "bundle=$work/bundles/$config" -d "wait=$work/bundles/$config-wait" \
		-d "rootfs=$work/bundles/rootfs" -d "large=$large" -d "parents=${parents# }" \
		-d "floor=$(floor_options "$config")" || status=1
}

measure_verified() {
	if ! why=$(make_large 2>&1); then
		printf '\n%s: no image of 100 MB: %s\n' "$layout" "$why"
		return
	fi
	# shellcheck disable=SC2046 # a list of options
	measure large verified unverified $(make_verity)
	measure large digest sha256sum
	print_rates
}

inside() {
	layout=$1 status=0 no_layout='' parents='' root_controllers=''
	show_hierarchies "$layout"
	if [ "$no_layout" ]; then
		printf '\n%s: %s\n' "$layout" "$no_layout"
		exit 0
	fi
	prepare
	trap remove_parents EXIT
	trap 'exit 2' HUP INT TERM
	make_parents
	measure min run floor
	# shellcheck disable=SC2046 # a list of options
	measure min image directory $(make_images)
	measure docker-like run floor
	measure min life bare
	measure min list bare
	measure min exec bare
	# With both rhythms life has the idle figure of state already.
	[ "$rhythm" != both ] || rhythms="-r tight"
	measure min state bare
	measure_verified
	exit $status
}

# --- outside ------------------------------------------------------------------------------------

outside() {
	parse "$@"
	[ "$(id -u)" = 0 ] || die "needs root"
	case $top/ in /run/*) die "a tmpfs will hide /run: move the checkout" ;; esac
	compile_all
	ocirt=$(realpath "$ocirt")
	crun=$(command -v crun) || crun=crun
	runc=$(command -v runc) || runc=runc
	mkdir -p "$(dirname "$csv")"
	csv=$(realpath "$csv")
	group=ocirt-bench-$$
	echo 'config,rhythm,target,step,wall_us,user_us,sys_us,exit' >"$csv"
	print_head
	export rounds rhythm rhythms csv ocirt crun runc group bench_inside=1
	status=0
	for layout in $layouts; do
		unshare -m --propagation private -- "$here/run.sh" "$layout" || status=$?
	done
	echo
	echo "load after: $(load); samples: $csv"
	exit $status
}

if [ "${bench_inside-}" ]; then
	inside "$@"
else
	outside "$@"
fi
