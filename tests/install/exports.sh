#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: exports.sh LIBRARY.so...
# A shared library exports functions whose names start with filch_, and nothing else; its soname carries
# the version.
set -eu
for library; do
    symbols=$(nm -D --defined-only "$library" | awk '{ print $NF }')
    [ -n "$symbols" ] || { echo "$library: exports nothing"; exit 1; }
    if printf '%s\n' "$symbols" | grep -v '^filch_'; then
        echo "$library: exports the above"
        exit 1
    fi
    soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
    case $soname in
    *.so.[0-9]*) echo "$soname exports $(printf '%s\n' "$symbols" | wc -l) functions" ;;
    *) echo "$library: its soname, $soname, has no version"; exit 1 ;;
    esac
done
