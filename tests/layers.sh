#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: layers.sh ROOT
# A file includes its own folder or one to its left in atomics <- sched <- bignum <- bench; tests see
# all. The algorithms use public headers alone; graphs and pipelines these and the algorithms' own. No
# file is named sched.h, which would hide the system's.
#
# Within sched there are more layers: the list under "Layers" in sched/README.md, lowest first. A unit is
# a stem: NAME.h, NAME.c, or both. No file includes a header of a unit further down the list, or names a
# function fi_* or filch_* that is defined there, but in comments. Units on one line may use each other.
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

# The public headers are in no layer: all may include them, and functions count where they are defined.
find sched -type f -name '*.[ch]' ! -path 'sched/include/*' | sort | xargs awk '
function complain(where, text) {
    print where ": " text
    bad = 1
}
function unit_of(path) {
    sub(/^sched\//, "", path)
    sub(/\.[ch]$/, "", path)
    return path
}
# The rest of a line without comments and literals; `in_comment` goes on with the next line.
function code_of(line,    code, at) {
    code = ""
    while (line != "") {
        if (in_comment) {
            at = index(line, "*/")
            if (!at)
                return code
            in_comment = 0
            line = substr(line, at + 2)
        } else if (match(line, /\/\*|\/\/|"|\047/)) {
            code = code substr(line, 1, RSTART - 1)
            at = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART)
            if (at == "//")
                return code
            if (at == "/*") {
                in_comment = 1
                line = substr(line, 3)
            } else {
                match(line, /^("([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047|.)/)
                line = substr(line, RLENGTH + 1)
            }
        } else
            return code line
    }
    return code
}
# Function names in a line: what is behind `struct` and the like is a type.
function read_names(line) {
    gsub(/(struct|union|enum) +[A-Za-z0-9_]+/, "", line)
    while (match(line, /[A-Za-z_][A-Za-z0-9_]*/)) {
        word = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        if (word ~ /^(fi|filch)_/ && !((unit, word) in named)) {
            named[unit, word] = FILENAME ":" FNR
            names[++name_count] = unit SUBSEP word
        }
    }
}
BEGIN {
    list = "sched/README.md"
    while ((getline line < list) > 0) {
        if (line ~ /^## /)
            reading = line ~ /^## Layers *$/ ? 1 : 0
        else if (reading && line ~ /^```/)
            reading = reading == 1 ? 2 : 0
        else if (reading == 2) {
            layers++
            count = split(line, units, " ")
            for (i = 1; i <= count; i++) {
                if (units[i] in layer)
                    complain(list, units[i] " stands there twice")
                layer[units[i]] = layers
            }
        }
    }
    if (!layers)
        complain(list, "there is no list of units under \"## Layers\"")
}
FNR == 1 {
    unit = unit_of(FILENAME)
    there[unit] = 1
    in_comment = 0
    head = ""
    if (!(unit in layer))
        complain(FILENAME, unit " is not in the list of layers in " list)
}
/^[ \t]*#[ \t]*include[ \t]*"/ && !in_comment {
    target = $0
    sub(/^[^"]*"/, "", target)
    sub(/".*$/, "", target)
    if (target !~ /\//) {
        target = FILENAME "/../" target
        sub(/[^\/]*\/\.\.\//, "", target)
    }
    if (target ~ /^sched\//) {
        target = unit_of(target)
        if (unit in layer && layer[target] > layer[unit])
            complain(FILENAME ":" FNR, "includes a header of " target ", which stands below it in the list")
    }
    next
}
{
    line = code_of($0)
    # A definition is a head that begins in the first column, and a brace there.
    if (line ~ /^[A-Za-z_]/) {
        head = match(line, /(^|[^A-Za-z0-9_])(fi|filch)_[A-Za-z0-9_]*\(/) ? substr(line, RSTART, RLENGTH - 1) : ""
        sub(/^[^a-z]/, "", head)
    }
    if (line ~ /;[ \t]*$/)
        head = ""
    if (line ~ /^\{/ && head != "") {
        definitions[head] = definitions[head] " " unit
        head = ""
    }
    read_names(line)
}
END {
    for (unit in layer)
        if (!(unit in there))
            complain(list, "there is no sched/" unit ".c or .h")
    for (i = 1; i <= name_count; i++) {
        split(names[i], name, SUBSEP)
        count = split(definitions[name[2]], units, " ")
        for (j = 1; j <= count; j++)
            if (name[1] in layer && layer[units[j]] > layer[name[1]])
                complain(named[name[1], name[2]], "uses " name[2] "() of " units[j] ", which stands below it in the list")
        used += count > 0
    }
    print layers + 0 " layers of sched, " used + 0 " functions that their files use"
    exit bad || !used
}' || status=1
exit $status
