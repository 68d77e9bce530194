#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: comments.sh ROOT
# Every function that a public header declares or defines stands right behind a comment.
set -eu
cd "$1"
awk '
FNR == 1 { before = "" }
/^(FILCH_API|static inline)[ \t]/ {
    functions++
    if (before !~ /\*\/[ \t]*$/) {
        print FILENAME ":" FNR ": no comment in front of: " $0
        bad = 1
    }
}
{ before = $0 }
END {
    print functions + 0 " functions looked at"
    exit bad || !functions
}' */include/filch/*.h
