#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: layers.sh ROOT
# A file includes its own folder or one to its left in atomics <- sched <- bignum <- bench; tests see
# all. The algorithms use public headers alone; graphs and pipelines these and the algorithms' own. No
# file is named sched.h, which would hide the system's.
set -eu
cd "$1"
status=0

found=$(find atomics sched bignum bench tests -name sched.h)
if [ -n "$found" ]; then
    echo "$found: hides the system's <sched.h> wherever its folder is on the include path"
    status=1
fi

find atomics sched bignum bench tests -type f -name '*.[ch]' | sort | xargs awk '
function rank(path) {
    sub(/\/.*/, "", path)
    return index("atomics sched   bignum  bench   tests   ", path)
}
function exists(path,    line) {
    if (!(path in known)) {
        known[path] = (getline line < path) >= 0
        close(path)
    }
    return known[path]
}
function complain(text) {
    print FILENAME ":" FNR ": " text
    bad = 1
}
/^[ \t]*#[ \t]*include[ \t]*["<]/ {
    name = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
    system_like = name ~ /^</
    name = substr(name, 2)
    sub(/[">].*$/, "", name)
    folder = FILENAME
    sub(/\/[^\/]*$/, "", folder)
    target = ""
    if (system_like) {
        if (name !~ /^filch\//)
            next
        split("atomics sched bignum", layers, " ")
        for (i in layers)
            if (exists(layers[i] "/include/" name))
                target = layers[i] "/include/" name
    } else if (exists(folder "/" name))
        target = folder "/" name
    else if (exists(name))
        target = name
    includes++
    if (target == "")
        complain("nothing in the tree is " name)
    else if (rank(target) > rank(FILENAME))
        complain("includes " target ", a layer above its own")
    else if (FILENAME ~ /^sched\/algorithms\// && target !~ /^sched\/algorithms\/|\/include\/filch\//)
        complain("the algorithms use the public API alone, and " target " is not public")
    else if (FILENAME ~ /^sched\/flow\// && target !~ /^sched\/(flow|algorithms)\/|\/include\/filch\//)
        complain("graphs and pipelines use the public API and the algorithms alone, and " target " is neither")
    else if (FILENAME ~ /\/include\/filch\// && !system_like)
        complain("a public header includes others as <filch/NAME.h>")
}
END {
    print includes + 0 " includes looked at"
    exit bad || !includes
}' || status=1
exit $status
