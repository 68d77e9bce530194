#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is missing for filch and for all of the peers, builds them into build/ and runs
# `filch bench --peers`, with the arguments if any: sh bench/peers/run.sh fork --workers 1,2
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/bench/setup.sh"

install_missing $build_needs program:gcc program:clang library:omp program:g++ library:tbb \
    library:flint program:cargo library:rayon program:go program:python3
if [ -e "$root/build/CMakeCache.txt" ]; then
    configure build -DFILCH_BENCH=ON -DFILCH_PEERS=ON
else
    configure build -DFILCH_TESTS=OFF -DFILCH_PEERS=ON # the benchmarks need no Criterion
fi
build build --target filch peers

say "running filch bench --peers $*"
exec "$root/build/bench/filch" bench --peers "$@"
