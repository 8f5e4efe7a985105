#!/bin/sh
# build.sh: fetch the pinned libraries, build ocirt, check the result, test it.  `./build.sh help` says how.
#
# The order of this file: usage, small tools, targets, fetching, unpacking, compiling, linking, checks, paperwork,
# then one function per command and per test stage, and the command line last.
#
# Lists of flags and files are plain words split at blanks, which is why a path with a blank is refused:
# shellcheck disable=SC2086,SC2046
set -eu
umask 022
export LC_ALL=C

usage() {
	cat <<'EOF'
usage: ./build.sh [COMMAND] [OPTION]...

commands
  (none)          build build/ARCH/ocirt, and ./ocirt for this machine
  demo            build, then run a container and show the commands that did it (root)
  test [STAGE]... every test, or only the named stages (root for the containers)
  bench [ARG]...  compare with other runtimes; the arguments are tests/bench's
  lint            the checks of the source text
  fuzz PART SECS  fuzz tests/fuzz/PART.c for SECS seconds (clang)
  size            text, data and bss of each part, and the size of the file
  fetch [--list]  fill the cache of third-party files, or list what it must hold
  install         copy build/ARCH/ocirt to $DESTDIR$PREFIX/bin
  clean           remove build/ and ./ocirt; the cache stays
  help            this text

options
  --target ARCH   amd64 arm64 armhf armel i386 riscv64 ppc64el s390x mipsel mips64el mips; may be repeated
  --static-pie    position independent (the default);  --static: not
  --offline       no network: every file must be in the cache
  --musl DIR      use this unpacked musl;  --musl cc: CC itself targets musl
  --bearssl-src DIR, --jsmn-inc DIR   use these sources

environment
  CC AR NM STRIP READELF     tools of the target        CFLAGS LDFLAGS   appended to ours
  DESTDIR PREFIX             for install (/usr/local)   SOURCE_DATE_EPOCH, OCIRT_COMMIT   date and commit
  OCIRT_CACHE OCIRT_OFFLINE OCIRT_MIRROR OCIRT_KEYRING   third-party files: see third_party/LOCK

`./build.sh` installs nothing.  demo, test and bench install missing Debian packages when run as root.
EOF
}

# --- small tools -----------------------------------------------------------------------------------------------------

die() {
	echo "build.sh: $*" >&2
	exit 1
}

sum_of() { sha256sum <"$1" | cut -d' ' -f1; }

has() { command -v "$1" >/dev/null 2>&1; }

# tool COMMAND PACKAGE: it must be here
tool() { has "$1" || die "$1 not found: install the package $2"; }

# on_debian: apt and dpkg can answer
on_debian() { has apt-get && has dpkg-query; }

missing_packages() {
	for package; do
		case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
		ii*) ;;
		*) printf ' %s' "$package" ;;
		esac
	done
}

# install_packages WHY PACKAGE...: install what is missing.  Elsewhere than on Debian the tools must be there already.
install_packages() {
	why=$1
	shift
	on_debian || return 0
	missing=$(missing_packages "$@")
	[ "$missing" ] || return 0
	if [ "$(id -u)" != 0 ] || [ "$offline" ]; then
		die "$why needs the packages:$missing"
	fi
	echo "build.sh: installing$missing: $why needs it"
	apt-get -qq update
	start_no_services
	bad=0
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install --no-install-recommends \
		$missing >build/apt.log 2>&1 || bad=1
	! grep -qs "ocirt $$," /usr/sbin/policy-rc.d || rm -f /usr/sbin/policy-rc.d
	[ $bad = 0 ] || die "apt-get cannot install$missing: see build/apt.log"
}

# What a package brings along as a service is not started: invoke-rc.d(8) asks this file.  It says so only while we
# live, and one that is there already is its owner's matter.
start_no_services() {
	[ ! -e /usr/sbin/policy-rc.d ] || return 0
	cat >/usr/sbin/policy-rc.d <<EOF
#!/bin/sh
# by build.sh of ocirt $$, which removes it
[ ! -d /proc/$$ ] || exit 101
EOF
	chmod 755 /usr/sbin/policy-rc.d
}

# --- targets ---------------------------------------------------------------------------------------------------------

# Debian's name, package of the compiler, triple of gcc, triple of musl, size budget in percent of amd64's, page size
# in KiB (what is larger than 4 may be padded by that much on top of the budget), extra flags
targets() {
	cat <<'EOF'
amd64     gcc                            x86_64-linux-gnu         x86_64-linux-musl        100   4   -mgeneral-regs-only
arm64     gcc-aarch64-linux-gnu          aarch64-linux-gnu        aarch64-linux-musl       125  64
armhf     gcc-arm-linux-gnueabihf        arm-linux-gnueabihf      arm-linux-musleabihf      90   4
armel     gcc-arm-linux-gnueabi          arm-linux-gnueabi        arm-linux-musleabi       105   4
i386      gcc-i686-linux-gnu             i686-linux-gnu           i386-linux-musl          125   4
riscv64   gcc-riscv64-linux-gnu          riscv64-linux-gnu        riscv64-linux-musl       100   4
ppc64el   gcc-powerpc64le-linux-gnu      powerpc64le-linux-gnu    powerpc64le-linux-musl   125  64  -mlong-double-64
s390x     gcc-s390x-linux-gnu            s390x-linux-gnu          s390x-linux-musl         125   4
mipsel    gcc-mipsel-linux-gnu           mipsel-linux-gnu         mipsel-linux-musl        135  64
mips64el  gcc-mips64el-linux-gnuabi64    mips64el-linux-gnuabi64  mips64el-linux-musl      135  64
mips      gcc-mips-linux-gnu             mips-linux-gnu           mips-linux-musl          135  64
EOF
}

# Bytes of the stripped file on amd64.  Every property of the specification took 220 KiB; D-Bus for systemd's cgroups and
# the container init came on top, 4 KiB for the init that stays (--init), 40 for signed bundles, 4 for images as root, and 4
# for attestation and dm-verity.  The file grows in steps of a page.
budget=307200

# debian_name ARCH: other people's names for our targets
debian_name() {
	case $1 in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	armv7 | armv7l | armv7hf) echo armhf ;;
	i[3456]86 | x86) echo i386 ;;
	ppc64le | powerpc64le) echo ppc64el ;;
	*) echo "$1" ;;
	esac
}

native_target() {
	dpkg --print-architecture 2>/dev/null || debian_name "$("${CC:-gcc}" -dumpmachine 2>/dev/null | cut -d- -f1)"
}

# select_target ARCH: set what depends on the target
select_target() {
	target=$(debian_name "$1")
	row=$(targets | awk -v t="$target" '$1 == t')
	[ "$row" ] || die "unknown target ${1:-of this machine}; known: $(targets | awk '{ printf "%s ", $1 }')"
	out=build/$target
	set -- $row
	compiler_package=$2 gnu=$3 musl=$4 max_size=$((budget * $5 / 100)) page=$(($6 * 1024)) extra=${7-}
	[ $page = 4096 ] || max_size=$((max_size + page)) # the gap between text and data is up to a page of zeros
	prefix=$gnu-
	[ "$target" != "$native" ] || has "${gnu}-gcc" || prefix='' compiler_package=gcc
	CC=${CC:-${prefix}gcc} AR=${AR:-${prefix}ar} NM=${NM:-${prefix}nm}
	STRIP=${STRIP:-${prefix}strip} READELF=${READELF:-${prefix}readelf}
}

check_tools() {
	tool "${CC%% *}" "$compiler_package"
	for t in "$AR" "$NM" "$STRIP" "$READELF"; do
		tool "${t%% *}" "binutils${prefix:+ or binutils-$(echo "$gnu" | tr _ -)}"
	done
}

# --- fetching --------------------------------------------------------------------------------------------------------

# lock_line NAME: the pin of a library for the target
lock_line() {
	awk -v n="$1" -v t="$target" '$1 == n && ($6 == t || $6 == "all")' third_party/LOCK
}

# The libraries that the caller has not brought along
libraries() {
	[ "$musl_from" ] || echo musl
	[ "$bearssl_from" ] || echo bearssl
	[ "$jsmn_from" ] || echo jsmn
}

version_of() {
	case $1 in
	musl) given=$musl_from ;;
	bearssl) given=$bearssl_from ;;
	*) given=$jsmn_from ;;
	esac
	if [ "$given" ]; then
		echo given
	else
		lock_line "$1" | awk '{ sub(/[-+].*/, "", $2); print $2 }'
	fi
}

# The mirror that this machine uses itself.  Who published it stands in the index; where that has been removed, as in
# container images, a Debian machine's first source but the security archive is taken.
known_mirror() {
	# shellcheck disable=SC2016 # apt's variable
	site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
	if [ ! "$site" ] && grep -qx 'ID=debian' /etc/os-release; then
		site=$(apt-get --print-uris update | sed -n "/security/d; s|^'\(.*\)/dists/.*|\1|p" | head -n 1)
	fi
	echo "$site"
}

# An apt that takes nothing from the system's but its transport settings, and leaves nothing there.  APT_CONFIG is
# read before the system's files, so that moving Dir::Etc hides sources, preferences, trusted keys and hooks at once.
set_up_apt() {
	apt=$cache/apt-$target
	[ "${apt_for-}" != "$target" ] || return 0
	apt_for=$target
	tool apt-get "apt, or put the files of './build.sh fetch --list' into $cache"
	mirror=${OCIRT_MIRROR:-$(known_mirror)}
	keyring=${OCIRT_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
	[ "$mirror" ] || die "no Debian mirror known here: OCIRT_MIRROR=URL, or --offline"
	[ -f "$keyring" ] || die "$keyring not found: install the package debian-archive-keyring"
	mkdir -p "$apt/etc/sources.list.d" "$apt/etc/apt.conf.d" "$apt/etc/preferences.d" "$apt/log" \
		"$apt/state/lists/partial" "$apt/cache/archives/partial"
	printf '%s\n' 'Types: deb deb-src' "URIs: $mirror" "Suites: $(suites)" 'Components: main' \
		"Architectures: $target" "Signed-By: $keyring" >"$apt/etc/sources.list.d/ocirt.sources"
	apt_settings >"$apt/apt.conf"
	APT_CONFIG=$apt/apt.conf apt-get -qq -o APT::Update::Error-Mode=any update ||
		die "cannot read the index of $mirror"
}

suites() {
	awk -v t="$target" '/^[^#]/ && ($6 == t || $6 == "all") { print $3 }' third_party/LOCK | sort -u | tr '\n' ' '
}

apt_settings() {
	apt-config dump --format '%F "%v";%n' Acquire # proxies, certificates, retries
	cat <<EOF
Dir::Etc "$apt/etc"; Dir::Etc::netrc "/etc/apt/auth.conf"; Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "$apt/state"; Dir::State::status "/dev/null"; Dir::Cache "$apt/cache"; Dir::Log "$apt/log";
APT::Architecture "$target"; APT::Architectures { "$target"; };
Acquire::Languages "none";
EOF
	# apt's own download user could not write below the cache of root.
	[ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";'
}

# download KIND PACKAGE=VERSION: into the current directory.  The exit status is not looked at, because a mirror may
# lack the files beside the one we want: what counts is the file and its sum.
download() {
	case $1 in
	deb) set -- download "$2" ;;
	src) set -- source --download-only --only-source "$2" ;;
	esac
	APT_CONFIG=$apt/apt.conf apt-get -qq "$@" || :
}

# fetch NAME VERSION SUITE KIND PACKAGE ARCH FILE SHA256: one line of LOCK.  Whatever is in the cache is summed again
# at every build; whatever is new gets its place there only with the right sum.
fetch() {
	if [ ! -e "$cache/$7" ]; then
		[ ! "$offline" ] || die "$7 is not in $cache (--offline)"
		set_up_apt
		new=$cache/new-$target
		rm -rf "$new"
		mkdir "$new"
		(cd "$new" && download "$4" "$5=$2")
		[ -f "$new/$7" ] || die "$7: the archive did not give it"
		[ "$(sum_of "$new/$7")" = "$8" ] || die "$7: SHA-256 $(sum_of "$new/$7"), pinned $8"
		mv "$new/$7" "$cache/$7"
		rm -rf "$new"
	fi
	[ "$(sum_of "$cache/$7")" = "$8" ] || die "$cache/$7: SHA-256 $(sum_of "$cache/$7"), pinned $8"
}

fetch_all() {
	mkdir -p "$cache"
	for library in $(libraries); do
		pin=$(lock_line "$library")
		[ "$(echo "$pin" | wc -w)" = 8 ] || die "no single pin of $library for $target in third_party/LOCK"
		fetch $pin
	done
	[ ! "${apt_for-}" ] || rm -rf "$apt" # the index is a hundred times the size of what came from it
	apt_for=
}

# --- unpacking -------------------------------------------------------------------------------------------------------

cached() { echo "$cache/$(lock_line "$1" | awk '{ print $7 }')"; }

unpack_deb() {
	mkdir -p "$2"
	if has dpkg-deb; then
		dpkg-deb -x "$1" "$2"
	else
		"$AR" p "$1" data.tar.xz | tar -xJ -C "$2"
	fi
}

# unpack_tar FILE DIR: without the tarball's own top directory
unpack_tar() {
	case $1 in
	*.xz) tool xz xz-utils && extract=-xJf ;;
	*) extract=-xzf ;;
	esac
	mkdir -p "$2"
	tar $extract "$1" -C "$2" --strip-components=1 --no-same-owner
}

# musl where Debian has no package of it: compiled with the compiler of the target
compile_musl() {
	echo "build.sh: compiling musl for $target"
	unpack_tar "$(cached musl)" $out/musl-src
	(
		cd $out/musl-src
		./configure --target="$musl" --disable-shared --prefix="$PWD/../musl/usr" \
			--includedir="$PWD/../musl/usr/include/$musl" --libdir="$PWD/../musl/usr/lib/$musl" \
			CC="$CC" AR="$AR" RANLIB="$AR s" CFLAGS="-ffile-prefix-map=$PWD=."
		make -j "$jobs" install
	) >$out/musl.log 2>&1 || die "musl does not compile: see $out/musl.log"
	mkdir -p $out/musl/usr/share/doc/musl
	cp $out/musl-src/COPYRIGHT $out/musl/usr/share/doc/musl/copyright
	rm -rf $out/musl-src
}

unpack_musl() {
	case $(lock_line musl | awk '{ print $4 }') in
	src) compile_musl ;;
	*) unpack_deb "$(cached musl)" $out/musl ;;
	esac
	# binutils 2.40 crashes on the debug sections of riscv64's musl, and they only swell our own debug file.
	$STRIP -g $out/musl/usr/lib/$musl/*.o $out/musl/usr/lib/$musl/libc.a
}

# Fill build/ARCH with the libraries, unless the same ones are there already.
unpack_all() {
	want=$(echo "$musl_from|$bearssl_from|$jsmn_from|$STRIP" | cat - third_party/LOCK | sha256sum)
	[ "$want" != "$(cat $out/unpacked 2>/dev/null)" ] || return 0
	rm -rf $out/musl $out/bearssl $out/jsmn $out/include $out/unpacked
	mkdir -p $out/include
	[ "$musl_from" ] || unpack_musl
	[ "$bearssl_from" ] || unpack_tar "$(cached bearssl)" $out/bearssl
	[ "$jsmn_from" ] || unpack_deb "$(cached jsmn)" $out/jsmn
	# Alone: an -I must never point at the /usr/include of a package.
	cp "${jsmn_from:-$out/jsmn/usr/include}/jsmn.h" $out/include/
	echo "$want" >$out/unpacked
}

# --- compiling -------------------------------------------------------------------------------------------------------

warnings="-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wformat=2
	-Wwrite-strings -Wimplicit-fallthrough -Wdate-time -Wframe-larger-than=16384 -Werror"
# -fstack-protector guards the functions that have an array of char: those are what an overflow comes from.  -strong
# would also guard every function that takes the address of a local, and here nearly all do (FD_AUTO, struct out
# parameters), for 5 KB more: no loop of ours runs over any of those.
# -ftrivial-auto-var-init=zero is left out: it costs 3.5 KB, and zeroes a path buffer of 4 KB in every function that has
# one; the warnings and the sanitizers of the tests look for what it would hide.
hardening="-fstack-protector -fstack-clash-protection"
# For size, where the compiler knows them: -Oz needs gcc 12, -malign-data=abi (no array at 32 bytes: 1.8 KB) is for x86, and
# the others undo what -Os still spends on speed.
smaller="-Oz -malign-data=abi -fno-cse-follow-jumps -fno-shrink-wrap -fno-partial-inlining -fipa-pta -fno-tree-tail-merge -fno-expensive-optimizations -fno-if-conversion -fno-tree-loop-im -fno-move-loop-invariants -fno-caller-saves -fno-gcse"
# Our own files are optimised together, which is worth 8 KB.  Fat objects, so that nm and size can read each of them;
# musl's are not touched, so that the checks of symbols after the link say the same as without.
together="-flto=1 -flto-partition=one -ffat-lto-objects"

# Nothing of the system's, and one curve alone: see third_party/bearssl.list
bearssl_settings="-DBR_USE_URANDOM=0 -DBR_USE_UNIX_TIME=0 -Dbr_secp384r1=br_secp256r1 -Dbr_secp521r1=br_secp256r1"

# known FLAG...: those that the compiler accepts
known() {
	for flag; do
		! $CC -Werror "$flag" -E -x c /dev/null >/dev/null 2>&1 || printf '%s ' "$flag"
	done
}

# Where the compiler keeps one of its own files
of() { $CC -print-file-name="$1"; }

commit() {
	if [ -e .git ] && has git; then
		git rev-parse --short=12 --verify -q HEAD 2>/dev/null || echo unknown
	else
		echo unknown
	fi
}

commit_time() {
	if [ -e .git ] && has git; then
		git log -1 --format=%ct 2>/dev/null || echo 0
	else
		echo 0
	fi
}

# What our files may ask about the build
defines() {
	printf '%s ' "-DOCIRT_COMMIT=\"$OCIRT_COMMIT\"" "-DOCIRT_MUSL=\"$(version_of musl)\"" \
		"-DOCIRT_DATE=$SOURCE_DATE_EPOCH" "-DOCIRT_JSMN=\"$(version_of jsmn)\"" "-DOCIRT_BEARSSL=\"$(version_of bearssl)\""
}

# Packed relocations, 3.5 KB less: for the linkers that know them, and where parts/base/relr.c does what musl does only
# from 1.2.4 on.
packs_relocations() {
	[ "$target$form$musl_from" = amd64static-pie ] && [ -f parts/base/relr.c ] || return 1
	case $(version_of musl) in
	1.2.[0-3] | 1.2.[0-3]-*) $CC -Wl,--help 2>/dev/null | grep -q pack-relative-relocs ;;
	*) return 1 ;;
	esac
}

# The headers of the libraries, for our files
library_includes() { echo "-isystem $out/include -isystem ${bearssl_from:-$out/bearssl}/inc"; }

set_flags() {
	case $musl_from in
	cc) libc_includes='' musl_lib='' ;;
	'') libc_includes=$out/musl/usr/include/$musl musl_lib=$out/musl/usr/lib/$musl ;;
	*) libc_includes=$musl_from/include musl_lib=$musl_from/lib ;;
	esac
	[ ! "$libc_includes" ] || libc_includes="-nostdinc -isystem $libc_includes -isystem $(of include)"
	pie=-fPIE
	[ $form = static-pie ] || pie=-fno-pie
	base_flags="-std=gnu11 -D_GNU_SOURCE=1 -Os $(known $smaller) -g $pie -ffunction-sections -fdata-sections $extra $hardening
		-fno-asynchronous-unwind-tables -ffile-prefix-map=$PWD=. $libc_includes"
	relr_flags='' relr=''
	! packs_relocations || relr_flags=-Wl,-z,pack-relative-relocs,-e,relr_start relr=-DOCIRT_RELR=1
	our_flags="$base_flags $relr $(known $together) $warnings -Iparts $(library_includes) $(defines) ${CFLAGS-}"
	their_flags="$base_flags $(known $together) -w $bearssl_settings -I$out/include
		-I${bearssl_from:-$out/bearssl}/inc -I${bearssl_from:-$out/bearssl}/src ${CFLAGS-}"
}

our_sources() { echo ocirt.c && find parts -mindepth 2 -name '*.c' | sort; }


bearssl_sources() {
	awk -v d="${bearssl_from:-$out/bearssl}/src/" '/^[^#]/ { print d $1 }' third_party/bearssl.list | sort
}

# objects DIR FILE...: the name of each file's object: a/b.c is DIR/a-b.o
objects() {
	dir=$1
	shift
	printf '%s\n' "$@" | awk -v d="$dir" '{ gsub("/", "-"); sub(/\.c$/, ".o"); print d "/" $0 }'
}

# What every object depends on besides its own file
common_inputs() {
	$CC --version
	echo "$CC $1"
	cat third_party/LOCK
	find parts tests \( -name '*.h' -o -name '*.def' \) | sort | xargs -r cat
}

# compile DIR FLAGS FILE...: bring the objects of FILE... in DIR up to date, in parallel.  What was compiled is
# remembered by content, not by time, and only if all went well.
compile() {
	dir=$1 flags=$2
	shift 2
	mkdir -p "$dir"
	common_inputs "$flags" | sha256sum >"$dir/common.new"
	cmp -s "$dir/common.new" "$dir/common" || : >"$dir/sums"
	[ -e "$dir/sums" ] || : >"$dir/sums"
	mv "$dir/common.new" "$dir/common"
	sha256sum "$@" | sort >"$dir/sums.new"
	changed=$(comm -23 "$dir/sums.new" "$dir/sums" | awk '{ print $2 }')
	# shellcheck disable=SC2016 # expanded by the inner shell
	for file in $changed; do
		echo "$file $(objects "$dir" "$file")"
	done | CC=$CC flags=$flags xargs -r -n 2 -P "$jobs" sh -c 'exec $CC $flags -c -o "$2" "$1"' compile ||
		die "compilation failed"
	mv "$dir/sums.new" "$dir/sums"
}

# archive FILE OBJECT...: without time stamps and owners, and without what an older one held
archive() {
	rm -f "$1"
	$AR rcsD "$@"
}

compile_all() {
	compile $out/obj/ours "$our_flags" $(our_sources)
	compile $out/obj/theirs "$their_flags" third_party/jsmn.c $(bearssl_sources)
	archive $out/bearssl.a $(objects $out/obj/theirs $(bearssl_sources))
}

# --- linking ---------------------------------------------------------------------------------------------------------

# link_words FORM: how a program of FORM is put together: `head` before our objects, `tail` after them.  The start
# files are named here because compiler wrappers get static PIE wrong, silently.
link_words() {
	if [ "$musl_from" = cc ]; then
		head=-$1 tail=
		return
	fi
	tail="-L$musl_lib -Wl,--start-group -lc $(of libgcc.a) $(of libgcc_eh.a) -Wl,--end-group"
	case $1 in
	static-pie)
		head="-static-pie -nostdlib $musl_lib/rcrt1.o $musl_lib/crti.o $(of crtbeginS.o)"
		tail="$tail $(of crtendS.o) $musl_lib/crtn.o"
		;;
	static)
		head="-static -no-pie -nostdlib $musl_lib/crt1.o $musl_lib/crti.o $(of crtbeginT.o)"
		tail="$tail $(of crtend.o) $musl_lib/crtn.o"
		;;
	esac
}

# Some cross compilers ask for glibc's interpreter even in a static PIE; --no-dynamic-linker takes it out again.
# Sorted by alignment, the small variables lie together, not each beside a large buffer in a page of its own: ten page
# faults less in a run.
link_flags="-Wl,--no-dynamic-linker,--gc-sections,--build-id=none,--fatal-warnings,--sort-section=alignment
	-Wl,-z,noexecstack,-z,noseparate-code,-z,relro,-z,now"

# What lies behind the last segment is section headers, which nothing looks at in order to run a program: 1.6 KB.  The
# header tells no more of them: place, size of an entry, number, index of the names.
cut_sections() {
	set -- "$1" $($READELF -lW "$1" | awk '$1 == "LOAD" { last = $2 " " $5 } END { print last }')
	case $($READELF -h "$1") in
	*ELF32*) place='32 4' rest=46 ;;
	*) place='40 8' rest=58 ;;
	esac
	head -c $(($2 + $3)) "$1" >"$1.cut"
	dd if=/dev/zero of="$1.cut" conv=notrunc bs=1 seek=${place% *} count=${place#* } 2>/dev/null
	dd if=/dev/zero of="$1.cut" conv=notrunc bs=1 seek=$rest count=6 2>/dev/null
	chmod 755 "$1.cut"
	mv "$1.cut" "$1"
}

link_all() {
	link_words $form
	$CC $our_flags $head $link_flags $relr_flags -Wl,-Map=$out/ocirt.map -o $out/ocirt.debug \
		$(objects $out/obj/ours $(our_sources)) $(objects $out/obj/theirs third_party/jsmn.c) \
		$out/bearssl.a $tail ${LDFLAGS-} || refuse "the link failed"
	# The one object of all our files has a temporary name.  Who asks for what is seen with CFLAGS=-fno-lto.
	sed 's|[^ ]*/cc[^ ./]*[.]|ocirt.|' $out/ocirt.map >$out/ocirt.map.new
	mv $out/ocirt.map.new $out/ocirt.map
	$STRIP -s -o $out/ocirt.new $out/ocirt.debug
	cut_sections $out/ocirt.new
}

# --- checks ----------------------------------------------------------------------------------------------------------

# refuse WHY: a program that failed a check is not left where somebody could run it
refuse() {
	rm -f $out/ocirt $out/ocirt.new
	[ "$target" != "$native" ] || rm -f ocirt
	die "$target: $*"
}

# The heap and what draws it in, and functions of musl with known faults.  musl keeps one function per object, so that
# a name is in the program only if something reaches it; ocirt.map tells who did.
banned="malloc|calloc|realloc|free|aligned_alloc|memalign|posix_memalign|sbrk|brk|__simple_malloc|__bump_malloc"
banned="$banned|__libc_malloc.*|qsort|qsort_r|__qsort_r|iconv|iconv_open|regcomp|regexec"

# elf FLAG PATTERN: does readelf's account of the new program match?
elf() { $READELF -W "$1" $out/ocirt.new | grep -qE "$2"; }

check_program() {
	! elf -l INTERP || refuse "not static: it has an interpreter"
	! elf -d 'NEEDED|TEXTREL' || refuse "not static: NEEDED or TEXTREL"
	[ $form = static ] || elf -h 'Type:.*DYN' || refuse "not position independent"
	! elf -l 'GNU_STACK.*E ' || refuse "executable stack"
	bad=$($NM $out/ocirt.debug | awk '{ print $NF }' | grep -xE "$banned" | tr '\n' ' ' || :)
	[ -z "$bad" ] || refuse "banned symbols: $bad"
	size=$(wc -c <$out/ocirt.new)
	[ "$size" -le $max_size ] || refuse "$size bytes are over the budget of $max_size"
}

# --- paperwork -------------------------------------------------------------------------------------------------------

# cpe VENDOR:PRODUCT VERSION: a library that the caller brought along can be of any version
cpe() {
	case $2 in
	given) echo "cpe:2.3:a:$1:*:*:*:*:*:*:*:*" ;;
	*) echo "cpe:2.3:a:$1:$2:*:*:*:*:*:*:*" ;;
	esac
}

# One row a component: licence and CPE ("-": the dictionary has none)
components() {
	cat <<EOF
component ocirt $OCIRT_COMMIT MIT -
component musl $(version_of musl) MIT $(cpe musl-libc:musl "$(version_of musl)")
component bearssl $(version_of bearssl) MIT $(cpe bearssl:bearssl "$(version_of bearssl)")
component jsmn $(version_of jsmn) MIT -
EOF
}

# Everything the bytes depend on, so that two builds that differ can be compared
manifest() {
	echo "ocirt $target $form"
	echo "date $SOURCE_DATE_EPOCH"
	components
	echo "compiler $($CC --version | head -n 1)"
	echo "linker $($CC -Wl,--version 2>/dev/null | head -n 1)"
	echo "flags" $our_flags | sed "s|$PWD|.|g"
	list_pins | awk '{ print "input", $8 "  " $7 }'
	sha256sum build.sh third_party/LOCK third_party/bearssl.list third_party/jsmn.c $(our_sources) \
		$(find parts \( -name '*.h' -o -name '*.def' \) | sort) | sed 's/^/source /'
	echo "output $(sum_of $out/ocirt.new) ocirt"
}

notices() {
	echo "ocirt contains the libraries musl, BearSSL and jsmn.  Its own licence comes first, then theirs."
	for file in LICENSE "${bearssl_from:-$out/bearssl}/LICENSE.txt" \
		"$out"/musl/usr/share/doc/*/copyright "$out"/jsmn/usr/share/doc/*/copyright; do
		[ -f "$file" ] || continue
		printf '\n--- %s\n\n' "${file#"$out"/}"
		cat "$file"
	done
}

# --- build -----------------------------------------------------------------------------------------------------------

# replace NEW OLD: only if they differ, and in one step
replace() {
	cmp -s "$1" "$2" || { cp "$1" "$2.tmp" && mv "$2.tmp" "$2"; }
}

build_steps() {
	check_tools
	fetch_all
	unpack_all
	set_flags
	compile_all
	link_all
	check_program
	manifest >$out/MANIFEST
	notices >$out/NOTICES
	mv $out/ocirt.new $out/ocirt
	[ "$target" != "$native" ] || replace $out/ocirt ocirt
	echo "$out/ocirt: $size bytes of $max_size"
}

# with_lock COMMAND...: two builds of one tree wait for each other, where flock is known
with_lock() {
	exec 9>$out/lock
	! has flock || flock 9
	"$@" 9>&-
	exec 9>&-
}

# for_targets COMMAND...: once per --target, each in its own shell so that the tools are chosen afresh
for_targets() {
	[ $(echo $wanted | wc -w) = 1 ] || [ ! "${CC-}" ] || die "CC names one compiler: give one --target"
	for t in $wanted; do
		(
			select_target "$t"
			mkdir -p $out
			with_lock "$@"
		)
	done
}

command_build() { for_targets build_steps; }

list_pins() {
	for library in $(libraries); do
		lock_line "$library"
	done
}

command_fetch() {
	if [ "$list" ]; then
		for_targets list_pins
	else
		for_targets fetch_all
	fi
}

command_clean() { rm -rf build ocirt; }

command_install() {
	for_targets install_program
}

install_program() {
	[ -f $out/ocirt ] || die "$out/ocirt is not built"
	bin=${DESTDIR-}${PREFIX:-/usr/local}/bin
	mkdir -p "$bin"
	cp $out/ocirt "$bin/ocirt"
	chmod 755 "$bin/ocirt"
}

command_size() { for_targets print_sizes; }

# Objects are counted whole; the program holds only what something refers to.
print_sizes() {
	build_steps
	printf '%8s %8s %8s  %s\n' text data bss part
	for file in $(our_sources) third_party/jsmn.c; do
		case $file in
		third_party/*) object=$(objects $out/obj/theirs $file) ;;
		*) object=$(objects $out/obj/ours $file) ;;
		esac
		echo "$file $(${prefix}size "$object" | tail -n 1)"
	done | awk '{ printf "%8d %8d %8d  %s\n", $2, $3, $4, $1; t += $2; d += $3; b += $4 }
		END { printf "%8d %8d %8d  all objects\n", t, d, b }'
	${prefix}size $out/ocirt.debug | awk -v n="$size" -v m="$max_size" \
		'END { printf "%8d %8d %8d  ocirt, a file of %d bytes; the budget is %d\n", $1, $2, $3, n, m }'
}

# --- programs of the tests -------------------------------------------------------------------------------------------

test_flags="-std=gnu11 -D_GNU_SOURCE=1 -DOCIRT_CHECKED=1 -g -Iparts -Itests/unit"
test_warnings="-Wall -Wextra -Werror"
sanitizers="-O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"

# The floors that tests are linked with
tested_sources() {
	for floor in base words spec plan kernel roles; do
		[ ! -d parts/$floor ] || find parts/$floor -name '*.c'
	done | sort
}

# tap_sources DIR...: one program each
tap_sources() { find "$@" -name '*.c' 2>/dev/null | sort; }

fuzz_sources() { find tests/fuzz -maxdepth 1 -name '*.c' 2>/dev/null | sort; }

# The libraries of this machine's target, unpacked
libraries_here() {
	select_target "$native"
	mkdir -p $out
	with_lock library_steps
}

library_steps() {
	check_tools
	fetch_all
	unpack_all
}

# host_parts DIR FLAGS: DIR/parts.a, for this machine's own libc.  Warnings are the business of the product's build.
host_parts() {
	sources="$(tested_sources) third_party/jsmn.c $(bearssl_sources)"
	compile "$1/parts" "$2 -w $test_flags -DSYSNR_ALL=1 $(library_includes) -I${bearssl_from:-$out/bearssl}/src $(defines)
		$bearssl_settings" $sources
	archive "$1/parts.a" $(objects "$1/parts" $sources)
}

# programs DIR FLAGS HEAD TAIL FILE...: one program per FILE; HEAD and TAIL go before and after its object
programs() {
	head=$3 tail=$4
	compile "$1" "$2 $test_flags $(library_includes) $(defines)" $(shift 4 && echo "$@")
	# shellcheck disable=SC2016 # expanded by the inner shell
	for object in $(dir=$1 && shift 4 && objects "$dir" "$@"); do
		echo "$object ${object%.o}"
	done | CC=$CC head=$head tail=$tail xargs -n 2 -P "$jobs" sh -c 'exec $CC $head -o "$2" "$1" $tail' link ||
		die "a test program does not link"
}

# program_names DIR FILE...: what programs() made
program_names() { objects "$@" | sed 's/\.o$//'; }

# A pid namespace of their own for test programs that run as root: kill(-1) in one of them once ended a whole machine.
confined() {
	if [ "$(id -u)" = 0 ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
		unshare --pid --fork --kill-child --mount-proc "$@"
	else
		"$@"
	fi
}

# run_tap INTERPRETER FILE...
# LeakSanitizer needs ptrace, which sandboxes forbid; and there is no heap to leak.
run_tap() {
	export ASAN_OPTIONS=detect_leaks=0
	confined prove -j "$jobs" -e "$@"
}

command_fuzz() {
	part=${1-} seconds=${2-}
	if [ ! -f "tests/fuzz/$part.c" ] || [ ! "$seconds" ]; then
		die "usage: ./build.sh fuzz PART SECS; parts: $(fuzz_sources | sed 's|.*/||; s|\.c$||' | tr '\n' ' ')"
	fi
	tool clang "clang and libclang-rt-14-dev"
	libraries_here
	CC=clang
	fuzz=build/libfuzzer # what is found, and new inputs; tests/fuzz/corpus is only read
	checks=address,undefined
	instrument="-O1 -fsanitize=fuzzer-no-link,$checks -fno-sanitize-recover=all"
	host_parts $fuzz "$instrument"
	programs $fuzz "$instrument" "-fsanitize=fuzzer,$checks" $fuzz/parts.a "tests/fuzz/$part.c"
	set -- "$fuzz/corpus/$part"
	mkdir -p "$1"
	[ ! -d "tests/fuzz/corpus/$part" ] || set -- "$@" "tests/fuzz/corpus/$part"
	[ ! -f "tests/fuzz/$part.dict" ] || set -- "-dict=tests/fuzz/$part.dict" "$@"
	exec "$fuzz/tests-fuzz-$part" -max_total_time="$seconds" -artifact_prefix=$fuzz/ -timeout=5 "$@"
}

# --- test ------------------------------------------------------------------------------------------------------------

stages="build checks lint unit golden fuzz cross commands init fault commands-runc engines vm bench"
cross_targets="arm64 armhf"

# packages_of STAGE: on Debian
packages_of() {
	echo gcc libc6-dev binutils xz-utils debian-archive-keyring
	case $1 in
	lint) echo clang-format shellcheck python3 ;;
	checks | golden) echo perl python3 ;;
	unit) echo perl python3 libseccomp-dev openssl ;;
	cross)
		echo perl openssl qemu-user-static gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-mips-linux-gnu
		echo python3 python3-pytest
		;;
	commands | commands-runc | fault | vm)
		echo python3 python3-pytest python3-jsonschema busybox-static strace umoci procps uidmap iproute2 openssl
		echo squashfs-tools erofs-utils e2fsprogs cryptsetup-bin
		[ "$1" = fault ] || echo runc
		[ "$1" != vm ] || echo apparmor checkpolicy
		! grep -qs -- '-n ' tests/commands/pytest.ini || echo python3-pytest-xdist
		;;
	engines) echo python3 python3-pytest busybox-static uidmap runc crun ;;
	init) echo python3 python3-pytest strace tini dumb-init catatonit ;;
	bench) echo crun runc python3 busybox-static squashfs-tools erofs-utils e2fsprogs openssl ;;
	esac
}

# skip WHY: end this stage; the summary shows the reason
skip() {
	echo "skipped: $*"
	exit 77
}

need_root() { [ "$(id -u)" = 0 ] || skip "containers need root"; }

stage_build() { wanted=$native command_build; }

stage_checks() {
	[ "$(ls tests/build/*.sh 2>/dev/null)" ] || skip "tests/build is absent"
	libraries_here
	OCIRT_CACHE=$cache run_tap sh tests/build/*.sh
}

stage_lint() { command_lint; }

command_lint() { OCIRT_OBJECTS=build/$native/obj/ours sh tests/lint/run; }

# run_programs DIR: build the programs of all unit and golden tests, sanitised; run those below DIR
run_programs() {
	[ "$(tap_sources "$1")" ] || skip "no program in $1"
	libraries_here
	if [ "$musl_from" = cc ]; then
		echo "skipped: sanitizers: musl has none"
		sanitizers=-O1
	fi
	host_parts build/unit "$sanitizers"
	programs build/unit "$sanitizers $test_warnings" "$sanitizers" build/unit/parts.a \
		$(tap_sources tests/unit tests/golden)
	run_tap '' $(program_names build/unit $(tap_sources "$1"))
}

# The filters are compared with those of libseccomp.  Then: has every property of the published
# schemas a row in our tables, has every requirement a test?
stage_unit() {
	run_programs tests/unit
	programs build/unit "$sanitizers $test_warnings" "$sanitizers" "build/unit/parts.a -lseccomp" \
		tests/seccomp/differential.c
	run_tap '' $(program_names build/unit tests/seccomp/differential.c)
	run_tap python3 tests/golden/coverage.py
	python3 tests/checklist/check.py
}

stage_golden() { run_programs tests/golden; }

stage_fuzz() {
	[ "$(fuzz_sources)" ] || skip "no target in tests/fuzz"
	libraries_here
	host_parts build/unit "$sanitizers"
	replay=tests/fuzz/driver/replay.c
	compile build/fuzz/driver "$sanitizers $test_warnings $test_flags" $replay
	programs build/fuzz "$sanitizers $test_warnings" "$sanitizers" \
		"$(objects build/fuzz/driver $replay) build/unit/parts.a" $(fuzz_sources)
	for file in $(fuzz_sources); do
		name=${file##*/} name=${name%.c}
		[ -d tests/fuzz/corpus/"$name" ] || die "$file has no corpus in tests/fuzz/corpus/$name"
		inputs=$(ASAN_OPTIONS=detect_leaks=0 "$(program_names build/fuzz "$file")" tests/fuzz/corpus/"$name")
		echo "$name: $inputs"
	done
}

# The init once more as a whole: on mips, the other order of bytes, signals have other numbers, and there are more.
stage_cross() {
	wanted=$cross_targets for_targets cross_steps
	wanted=mips for_targets build_steps
	PYTHONDONTWRITEBYTECODE=1 confined /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider tests/init/test_emulated.py
}

emulator() {
	case $target in
	arm64) echo qemu-aarch64-static ;;
	armhf) echo qemu-arm-static ;;
	*) die "no emulator is known for $target" ;;
	esac
}

# Unit and golden tests of the very objects that are shipped, and a sign of life of the program.  Not kernel/: emulation
# refuses new namespaces and most of what that floor asks for.
cross_steps() {
	build_steps
	tool "$(emulator)" qemu-user-static
	$(emulator) $out/ocirt --version
	set -- $(tap_sources tests/unit/base tests/unit/words tests/unit/spec tests/unit/plan tests/golden)
	[ $# -gt 0 ] || skip "no program in tests/unit"
	archive $out/parts.a $(objects $out/obj/ours $(tested_sources)) $(objects $out/obj/theirs third_party/jsmn.c)
	link_words static
	programs $out/unit "$base_flags $test_warnings" "$head" "$out/parts.a $out/bearssl.a $tail" "$@"
	export OCIRT_EMULATED=1
	run_tap "$(emulator)" $(program_names $out/unit "$@")
}

# containers RUNTIME DIR: the black-box tests of DIR
containers() {
	need_root
	[ -x "$1" ] || die "$1 is not built"
	OCIRT_RUNTIME=$1 PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider "$2"
}

stage_commands() { containers "$PWD/ocirt" tests/commands; }

# Debian's inits fail many of these, and most of those only when a time limit is over (3 minutes): so ours alone by default.
stage_init() {
	need_root
	rows='ocirt or native'
	if [ "${OCIRT_INITS-}" = all ]; then
		rows=''
	else
		echo "skipped: the same tests on Debian's inits: their failures wait for time limits (OCIRT_INITS=all runs them)"
	fi
	PYTHONDONTWRITEBYTECODE=1 confined /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider tests/init -k "$rows"
}

stage_fault() { containers "$PWD/ocirt" tests/fault; }

stage_commands_runc() {
	runc=$(command -v runc) || skip "runc is not installed"
	containers "$runc" tests/commands
}

# Each engine and what it needs beside itself
engines() {
	echo podman conmon catatonit tini
	echo buildah
	echo containerd containernetworking-plugins python3-grpcio
	printf 'docker%sio\n' . # the name of Debian's package, which reads like that of a host
}

# An engine that cannot be installed is left out; a case that ocirt alone fails, and not crun and runc, fails the stage.
stage_engines() {
	need_root
	[ -x ocirt ] || die "./ocirt is not built"
	engines | while read -r packages; do
		why=$(install_packages "tests/engines" $packages 2>&1) || echo "skipped: $why"
	done
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/engines
}

kernel_package() { find "$cache" -maxdepth 1 -name 'linux-image-*.deb' | sort | tail -n 1; }

# A kernel for virtual machines, whose version is then that of the package in the cache
unpack_kernel() {
	[ ! -d build/vm/kernel ] || return 0
	[ "$(kernel_package)" ] || fetch_kernel
	rm -rf build/vm
	mkdir -p build/vm
	unpack_deb "$(kernel_package)" build/vm/new || die "the kernel cannot be unpacked"
	mv build/vm/new build/vm/kernel
}

# The newest of the archive
fetch_kernel() {
	[ ! "$offline" ] || die "no kernel is in $cache (--offline)"
	mkdir -p "$cache"
	set_up_apt
	name=$(APT_CONFIG=$apt/apt.conf apt-cache depends linux-image-cloud-amd64 | awk '/Depends: / { print $2; exit }')
	new=$cache/new-$target
	rm -rf "$new"
	mkdir "$new"
	(cd "$new" && download deb "$name")
	mv "$new"/*.deb "$cache" || die "the archive did not give the kernel '$name'"
	rm -rf "$new" "$apt"
}

# Whatever the virtual machines lack, they are left out; only a test that fails in one of them fails the stage.
stage_vm() {
	need_root
	[ "$native" = amd64 ] || skip "the virtual machines are amd64"
	[ -x ocirt ] || die "./ocirt is not built"
	why=$(install_packages "a virtual machine" qemu-system-x86 cpio busybox-static 2>&1) || skip $why
	[ ! "$why" ] || echo "$why"
	if [ -x /lib/systemd/systemd ]; then # without it, none of these would do
		why=$(install_packages "Podman's machine" podman conmon crun uidmap slirp4netns dbus-user-session 2>&1) || why="skipped: $why"
		[ ! "$why" ] || echo "$why"
	fi
	why=$(install_packages "the TPM of a machine" swtpm 2>&1) || why="skipped: $why"
	[ ! "$why" ] || echo "$why"
	for t in qemu-system-x86_64 cpio busybox; do
		has $t || skip "no $t here"
	done
	select_target $native
	mkdir -p $out
	why=$(with_lock unpack_kernel 2>&1) || skip $why
	tests/vm/run build/vm/kernel
}

stage_bench() {
	[ -x tests/bench/run.sh ] || skip "tests/bench/run.sh is absent"
	need_root
	tests/bench/run.sh --rounds 3
}

command_bench() {
	[ -x tests/bench/run.sh ] || die "tests/bench/run.sh is absent"
	mkdir -p build
	install_packages bench $(packages_of bench)
	wanted=$native command_build
	exec tests/bench/run.sh "$@"
}

# run_stage NAME: in a process of its own, where `set -e` holds; sets $status
run_stage() {
	printf '\n=== %s\n' "$1"
	{
		s=0
		$self stage "$1" $options 2>&1 || s=$?
		echo $s >build/test/status
	} | tee "build/test/$1.log"
	status=$(cat build/test/status)
}

# What of a finished stage's log belongs in the summary: its own reasons, and pytest's counted by reason
skipped_in() {
	awk '
		/^skipped: / { print "    " $0 }
		/^SKIPPED \[/ { n = substr($2, 2) + 0; sub(/^[^:]*:[0-9]*: /, ""); count[$0] += n }
		END { for (why in count) print "    skipped: " count[why] " tests: " why }' "build/test/$1.log"
}

command_test() {
	for stage; do
		case " $stages " in
		*" $stage "*) ;;
		*) die "no stage $stage; there are: $stages" ;;
		esac
	done
	[ $# -gt 0 ] || set -- $stages
	rm -rf build/test
	mkdir -p build/test
	install_packages test $(for stage; do packages_of "$stage"; done | tr ' ' '\n' | sort -u)
	: >build/test/summary
	for stage; do
		began=$(date +%s)
		run_stage "$stage"
		seconds=$(($(date +%s) - began))
		case $status in
		0) result=ok ;;
		77) result=skipped ;;
		*)
			cat build/test/summary
			die "stage $stage FAILED after $seconds s; its output is in build/test/$stage.log"
			;;
		esac
		{
			printf '%-14s %-8s %4s s\n' "$stage" $result $seconds
			skipped_in "$stage"
		} >>build/test/summary
	done
	printf '\n=== summary\n'
	cat build/test/summary
}

# --- demo ------------------------------------------------------------------------------------------------------------

# show COMMAND: print a line of shell and run it
show() {
	printf '\n$ %s\n' "$1"
	sh -euc "$1"
}

# What the container runs
demo_script() {
	cat <<'EOF'
#!/bin/sh
echo "pid $$ on host $(hostname), $(id)"
echo "--- processes"; ps
echo "--- cgroup"; cat /proc/self/cgroup
echo "--- capabilities"; grep Cap /proc/1/status
echo "--- limits"; ulimit -a
echo "--- mounts"; cat /proc/self/mounts
EOF
}

# demo_cleanup: whatever happened, nothing stays
demo_cleanup() {
	"${OCIRT_RUNTIME:-./ocirt}" delete -f ocirt-demo >/dev/null 2>&1 || :
	rm -rf "$bundle"
}

command_demo() {
	[ "$(id -u)" = 0 ] || die "demo needs root: it makes namespaces, mounts and a cgroup"
	mkdir -p build
	install_packages demo gcc binutils xz-utils debian-archive-keyring busybox-static
	tool busybox busybox-static
	wanted=$native command_build
	runtime=${OCIRT_RUNTIME:-./ocirt}
	bundle=$(mktemp -d /tmp/ocirt-demo.XXXXXX)
	trap demo_cleanup EXIT
	trap 'exit 130' INT TERM
	echo
	echo "# A bundle is a directory with a root file system and a config.json.  The file system: Debian's busybox."
	show "mkdir -p $bundle/rootfs/bin $bundle/rootfs/proc $bundle/rootfs/dev $bundle/rootfs/sys"
	show "cp $(command -v busybox) $bundle/rootfs/bin/busybox"
	show "for applet in \$(busybox --list | grep -vx busybox); do ln -s busybox $bundle/rootfs/bin/\$applet; done"
	demo_script >"$bundle/rootfs/demo.sh"
	show "cat $bundle/rootfs/demo.sh"
	echo
	echo "# The config: the one that 'spec' writes, without a terminal and with our script as the program"
	show "$runtime spec -b $bundle"
	show "sed -i 's/\"terminal\": true/\"terminal\": false/; s|\"sh\"|\"/bin/sh\", \"/demo.sh\"|' $bundle/config.json"
	echo
	echo "# The container"
	show "$runtime run -b $bundle ocirt-demo"
	echo
	echo "# It worked, and nothing of it is left."
}

# --- command line ----------------------------------------------------------------------------------------------------

cd "$(dirname "$0")"
case $PWD in
*[[:space:]]*) die "the path '$PWD' has a blank, at which compiler flags are split" ;;
esac

self=./build.sh command=build wanted='' list='' options='' form=static-pie
offline=${OCIRT_OFFLINE-} musl_from='' bearssl_from='' jsmn_from=''
[ "$offline" != 0 ] || offline=
[ $# = 0 ] || case $1 in
-*) ;;
*) command=$1 && shift ;;
esac

# keep OPTION [VALUE]: stages of a test are run with the same options
keep() { options="$options $*"; }

operands=
while [ $# -gt 0 ]; do
	[ $command != bench ] || break # its arguments are its own
	case $1 in
	--target | --musl | --bearssl-src | --jsmn-inc) [ $# -ge 2 ] || die "$1 needs a value" ;;
	esac
	case $1 in
	--target) wanted="$wanted $2" && shift ;;
	--static-pie) form=static-pie && keep "$1" ;;
	--static) form=static && keep "$1" ;;
	--offline) offline=1 && keep "$1" ;;
	--musl) musl_from=$2 && keep "$1" "$2" && shift ;;
	--bearssl-src) bearssl_from=$2 && keep "$1" "$2" && shift ;;
	--jsmn-inc) jsmn_from=$2 && keep "$1" "$2" && shift ;;
	--list) list=1 ;;
	-h | --help) command=help ;;
	-*) die "unknown option $1; try ./build.sh help" ;;
	*) operands="$operands $1" ;;
	esac
	shift
done
[ $command = bench ] || set -- $operands
for given in "$musl_from" "$bearssl_from" "$jsmn_from"; do
	[ ! "$given" ] || [ "$given" = cc ] || [ -d "$given" ] || die "$given is not a directory"
done

jobs=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
native=$(native_target)
wanted=${wanted:-${native:-$(uname -m)}}
cache=${OCIRT_CACHE:-$PWD/third_party/cache}
case $cache in
/*) ;;
*) cache=$PWD/$cache ;;
esac
OCIRT_COMMIT=${OCIRT_COMMIT:-$(commit)}
case $OCIRT_COMMIT in
*[!A-Za-z0-9._+-]*) die "OCIRT_COMMIT: '$OCIRT_COMMIT' is not a commit" ;;
esac
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(commit_time)}"

case $command in
stage) "stage_$(echo "$1" | tr - _)" ;;
help) usage ;;
man) die "man: there is no manual page yet" ;;
build | demo | test | bench | lint | fuzz | size | fetch | install | clean) "command_$command" "$@" ;;
*) die "unknown command $command; try ./build.sh help" ;;
esac
