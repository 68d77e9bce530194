#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: dlopen.sh ROOT LIBFILCH.SO LIBFILCH.A
# A library that uses filch, shared or static, is loaded by dlopen() and unloaded by dlclose(), again and
# again, and leaves nothing behind; see plugin/loader.c.
set -eu
root=$1 shared=$2 static=$3
folder=$(dirname "$shared")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0

compile() {
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror \
        ${FILCH_SANITIZE:+"-fsanitize=$FILCH_SANITIZE"} -I"$root" -I"$root/atomics/include" \
        -I"$root/sched/include" "$@" -pthread
}

compile -o "$tmp/loader" "$root/tests/install/plugin/loader.c" -ldl
plugin="-shared -fPIC $root/tests/install/plugin/plugin.c"
compile $plugin -o "$tmp/shared.so" -L"$folder" -lfilch -Wl,-rpath,"$folder"
compile $plugin -o "$tmp/static.so" "$static" $(pkg-config --libs ${STATIC_MODULES:-ck}) -lm

for kind in shared static; do
    while read -r case sentence; do
        if timeout 100 "$tmp/loader" "$case" "$tmp/$kind.so" >"$tmp/said" 2>&1 </dev/null; then
            echo "ok - $kind: $sentence"
        else
            echo "not ok - $kind: $sentence: exit status $?"
            sed 's/^/#   /' "$tmp/said" | head -n 20
            failures=$((failures + 1))
        fi
    done <<'END'
work it is unloaded, and nothing is left of it
fork it works in a child of the process as well, which ends without it
detach it is unloaded when the tasks of a detached executor have run
shut-down it may destroy, as it is unloaded, an executor whose tasks still run
in-thread a thread that has loaded and unloaded it may end
outlive a thread that has used it may end after it
END
done
[ "$failures" = 0 ]
