#!/bin/sh
# What build.sh refuses: each with its sentence and exit status 1, and without leaving a program behind.
# shellcheck source=tests/build/lib
. "$(dirname "$0")/lib"

# says NAME WANT COMMAND...: the last line on standard error, and status 1; the size of a file that is too big is N
says() {
	name=$1 want=$2
	shift 2
	status=0
	"$@" >/dev/null 2>"$work/err" || status=$?
	said=$(tail -n 1 "$work/err" | sed 's/[0-9]* bytes are/N bytes are/; s/budget of [0-9]*/budget of N/')
	is "$status: $said" "1: build.sh: $want" "$name"
}

dir=$work/tree
small_tree "$dir"
cd "$dir" || exit
mkdir "$work/cache"
find "$cache" -maxdepth 1 -type f -exec cp {} "$work/cache" \;
export OCIRT_CACHE="$work/cache"
arch=$(./build.sh fetch --list | awk '$1 == "musl" { print $6 }')
pin() { ./build.sh fetch --list | awk -v n="$1" -v f="$2" '$1 == n { print $f }'; }
musl=$(pin musl 7) sum=$(pin musl 8)

# --- files

cp third_party/LOCK LOCK
wrong=$(echo "$sum" | sed 's/^./x/; s/^x\(.*\)/0\1/')
[ "$wrong" != "$sum" ] || wrong=$(echo "$sum" | sed 's/^./1/')
sed "s/$sum/$wrong/" LOCK >third_party/LOCK
says "a digit of a pin changed" "$OCIRT_CACHE/$musl: SHA-256 $sum, pinned $wrong" ./build.sh fetch --offline
cp LOCK third_party/LOCK

printf x >>"$OCIRT_CACHE/$musl"
says "a byte appended to a cached file" \
	"$OCIRT_CACHE/$musl: SHA-256 $(sha256sum "$OCIRT_CACHE/$musl" | cut -d' ' -f1), pinned $sum" ./build.sh --offline
cp "$cache/$musl" "$OCIRT_CACHE/$musl"

export OCIRT_CACHE="$work/empty"
says "an empty cache and no network" "$musl is not in $OCIRT_CACHE (--offline)" ./build.sh --offline
says "the same by the environment" "$musl is not in $OCIRT_CACHE (--offline)" env OCIRT_OFFLINE=1 ./build.sh
if command -v apt-get >/dev/null; then
	mirror=http://127.0.0.1:9/debian
	says "a mirror that does not answer" "cannot read the index of $mirror" \
		env OCIRT_MIRROR=$mirror ./build.sh
	is "$(find "$OCIRT_CACHE" -maxdepth 1 -type f)" "" "it leaves no file in the cache"
else
	echo "# skipped: a mirror that does not answer: no apt-get here"
fi
export OCIRT_CACHE="$work/cache"

grep -v "^musl.* $arch " LOCK >third_party/LOCK
says "a target without a pin" "no single pin of musl for $arch in third_party/LOCK" ./build.sh
cp LOCK third_party/LOCK

# --- the command line

says "a target nobody knows" "unknown target vax; known: $(
	sed -n '/^targets()/,/^EOF/p' build.sh | awk '$3 ~ /-linux-/ { printf "%s ", $1 }')" ./build.sh --target vax
says "an option nobody knows" "unknown option --fast; try ./build.sh help" ./build.sh --fast
says "a command nobody knows" "unknown command install-all; try ./build.sh help" ./build.sh install-all
stages=$(sed -n 's/^stages="\(.*\)"/\1/p' build.sh)
says "a stage nobody knows" "no stage nope; there are: $stages" ./build.sh test nope
says "the manual page" "man: there is no manual page yet" ./build.sh man
says "a missing compiler" "no-such-gcc not found: install the package gcc" env CC=no-such-gcc ./build.sh
mkdir "$work/a tree"
cp build.sh "$work/a tree"
says "a blank in the path" "the path '$work/a tree' has a blank, at which compiler flags are split" \
	"$work/a tree/build.sh"

# --- the program

# program NAME WANT [VARIABLE...]: build ocirt.c, which is on standard input
program() {
	name=$1 want=$2
	shift 2
	cat >ocirt.c
	echo stale >ocirt
	says "$name" "$want" env "$@" ./build.sh --offline
	is "$(ls ocirt "build/$arch/ocirt" 2>/dev/null || :)" "" "$name: no program is left"
}

program "malloc" "$arch: banned symbols: __libc_malloc_impl __simple_malloc malloc " <<'EOF'
#include <stdlib.h>
int
main(int argc, char **argv)
{
	(void)argv;
	return malloc((size_t)argc) == NULL;
}
EOF
program "qsort" "$arch: banned symbols: __qsort_r qsort qsort_r " <<'EOF'
#include <stdlib.h>
#include <string.h>
int
main(int argc, char **argv)
{
	qsort(argv[0], (size_t)argc, 1, (int (*)(const void *, const void *))(void (*)(void))strcmp);
	return 0;
}
EOF
program "too big" "$arch: N bytes are over the budget of N" <<'EOF'
#include <unistd.h>
static const char block[300000] = { 1 };
int
main(int argc, char **argv)
{
	(void)argv;
	return block[argc];
}
EOF
# The rest says hello, and the linker is told to do the wrong thing.
cat >hello.c <<'EOF'
#include <unistd.h>
int
main(void)
{
	return write(1, "hello\n", 6) != 6;
}
EOF
program "an interpreter" "$arch: not static: it has an interpreter" LDFLAGS=-Wl,--dynamic-linker=/ld.so <hello.c
program "an executable stack" "$arch: executable stack" "LDFLAGS=-Wl,-z,execstack,--no-fatal-warnings" <hello.c
program "not position independent" "$arch: not position independent" "LDFLAGS=-no-pie -static" <hello.c
done_testing
