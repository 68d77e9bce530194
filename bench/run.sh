#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is missing, builds into build/ and runs filch's main job; arguments, if any, go to the
# filch program instead: sh bench/run.sh fib 1000000 --mode all
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/bench/setup.sh"

install_missing $build_needs
if [ -e "$root/build/CMakeCache.txt" ]; then
    configure build -DFILCH_BENCH=ON
else
    configure build -DFILCH_TESTS=OFF # the main job needs no Criterion
fi
build build --target filch

[ $# -gt 0 ] || set -- chapter
say "running filch $*"
exec "$root/build/bench/filch" "$@"
