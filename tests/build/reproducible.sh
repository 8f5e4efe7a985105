#!/bin/sh
# The same source gives the same bytes, wherever it lies and whatever the umask is; and a second build needs no network.
# shellcheck source=tests/build/lib
. "$(dirname "$0")/lib"

export OCIRT_CACHE="$cache"
a=$work/a b=$work/another/place/of/another/length
(umask 022 && tree "$a" && cd "$a" && ./build.sh --offline) >"$work/log" 2>&1 || cat "$work/log"
(umask 077 && mkdir -p "$b" && tree "$b" && cd "$b" && LC_ALL=C.UTF-8 TZ=Asia/Tokyo ./build.sh --offline) \
	>"$work/log" 2>&1 || cat "$work/log"

out=$(cd "$a" && ls -d build/*)
for file in ocirt ocirt.debug ocirt.map MANIFEST NOTICES; do
	is "$(sha256sum <"$a/$out/$file")" "$(sha256sum <"$b/$out/$file")" "$file is the same in two directories"
done
is "$(sha256sum <"$a/ocirt")" "$(sha256sum <"$a/$out/ocirt")" "./ocirt is $out/ocirt"
is "$(grep -c "$work" "$a/$out/ocirt.debug" "$a/$out/MANIFEST" | tr '\n' ' ')" \
	"$a/$out/ocirt.debug:0 $a/$out/MANIFEST:0 " "neither names the directory"

# A build from nothing but a full cache does not even look for apt.
mkdir "$work/bin"
printf '#!/bin/sh\necho called >%s/called\nexit 1\n' "$work" >"$work/bin/apt-get"
chmod +x "$work/bin/apt-get"
rm -r "$a/build"
(cd "$a" && PATH="$work/bin:$PATH" ./build.sh) >"$work/log" 2>&1 || cat "$work/log"
is "$(cat "$work/called" 2>/dev/null)" "" "a second build calls no apt-get"
is "$(sha256sum <"$a/ocirt")" "$(sha256sum <"$b/ocirt")" "and gives the same bytes once more"
done_testing
