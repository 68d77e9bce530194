#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: readme.sh ROOT LIBFILCH.A
# The program in README.md, its first ```c block, compiles without a warning, runs, and prints what the
# ```text block behind it says.
set -eu
root=$1 library=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
awk -v program="$tmp/program.c" -v expected="$tmp/expected" '
/^```/ {
    if (out != "") {
        out = ""
        done++
    } else if (done == 0 && $0 == "```c")
        out = program
    else if (done == 1 && $0 == "```text")
        out = expected
    next
}
out != "" { print > out }
END { exit done < 2 }' "$root/README.md" ||
    { echo 'README.md: no ```c block with a ```text block behind it'; exit 1; }

${CC:-cc} -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -I"$root/atomics/include" \
    -I"$root/sched/include" -o "$tmp/program" "$tmp/program.c" \
    "$library" $(pkg-config --libs ${STATIC_MODULES:-ck}) -lm -pthread
"$tmp/program" >"$tmp/printed"
diff -u "$tmp/expected" "$tmp/printed" || { echo 'README.md: the program prints something else'; exit 1; }
