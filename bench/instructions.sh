#!/bin/sh
# SPDX-License-Identifier: MIT
# Instructions a fork: fib(n) with a fork at every call on one worker; callgrind's count of the task's own
# code, fib(24) less fib(20), for each compiler found. Exact and repeatable. The slow paths are left out:
# how often they are entered depends on the clock, which runs some 50 times as fast under valgrind; natively
# it is once in some hundred forks and more. Needs valgrind; says so if it is missing.
#
#     sh bench/instructions.sh [COMPILER-OPTION...]      -O3 -march=x86-64-v3 by default
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
command -v valgrind >/dev/null || { echo 'instructions.sh: needs valgrind' >&2; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
[ $# -gt 0 ] || set -- -O3 -march=x86-64-v3

cat >"$tmp/fib.c" <<'C'
#include <filch/filch.h>
#include <stdlib.h>
FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}
int main(int argc, char **argv)
{
    struct filch_pool *pool;
    struct filch_pool_options options = {.workers = 1};
    if (argc < 2 || filch_pool_create(&options, &pool))
        return 1;
    long result = FILCH_RUN(pool, fib, atol(argv[1]));
    filch_pool_destroy(pool);
    return result != (atol(argv[1]) == 24 ? 46368 : 6765);
}
C

# count N: the instructions of the functions that FILCH_TASK made.
count() {
    valgrind --tool=callgrind --callgrind-out-file="$tmp/out" "$tmp/fib" "$1" >/dev/null 2>&1
    callgrind_annotate --threshold=100 "$tmp/out" |
        sed -n 's/^ *\([0-9,]*\) .*:fib_filch_.*/\1/p' | tr -d , | awk '{ sum += $1 } END { print sum }'
}

for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || { echo "$compiler: not found"; continue; }
    "$compiler" -std=c11 -D_GNU_SOURCE "$@" -I"$root" -I"$root/atomics/include" \
        -I"$root/sched/include" -o "$tmp/fib" "$tmp/fib.c" "$root"/atomics/*.c "$root"/sched/*/*.c \
        -lck -lm -pthread
    # fib(n) forks F(n + 1) - 1 times: F(25) - F(21) = 64,079.
    echo "$(count 24) $(count 20)" | awk -v compiler="$compiler" \
        '{ printf "%s: %.2f instructions a fork\n", compiler, ($1 - $2) / 64079 }'
done
