#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: headers.sh ROOT
# Every public header compiles alone and twice over, as C11 and as C++17, without a warning, with every
# compiler that is there.
set -eu
cd "$1"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
warnings='-Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only'
compiled=0
failed=0
for compiler in gcc clang g++ clang++; do
    if ! command -v $compiler >/dev/null 2>&1; then
        echo "$compiler is not there: left out"
        continue
    fi
    case $compiler in
    *++) standard=c++17 suffix=cpp ;;
    *) standard=c11 suffix=c ;;
    esac
    for header in */include/filch/*.h; do
        name=filch/${header##*/}
        printf '#include <%s>\n#include <%s>\nint filch_unit;\n' "$name" "$name" >"$tmp/unit.$suffix"
        if $compiler -std=$standard $warnings -Iatomics/include -Isched/include -Ibignum/include \
            "$tmp/unit.$suffix"; then
            compiled=$((compiled + 1))
        else
            echo "$header: does not compile alone with $compiler -std=$standard"
            failed=$((failed + 1))
        fi
    done
done
echo "$compiled compiled, $failed failed"
[ $failed = 0 ] && [ $compiled -gt 0 ]
