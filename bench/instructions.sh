#!/bin/sh
# SPDX-License-Identifier: MIT
# Instructions a fork on the fast paths of fork, call and join: fib(n) with a fork at every call, counted by
# callgrind, fib(24) less fib(20), for each compiler found. The same count every time: what the macros of
# task.h compile to runs on a deque's front whose limit is never reached, in place of the library, whose slow
# paths are entered by the clock (natively once in some hundred forks and more; under valgrind, which runs
# some 50 times slower, far more often). Needs valgrind; says so if it is missing.
#
#     sh bench/instructions.sh [COMPILER-OPTION...]      -O3 -march=x86-64-v3 by default
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
command -v valgrind >/dev/null || { echo 'instructions.sh: needs valgrind' >&2; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
[ $# -gt 0 ] || set -- -O3 -march=x86-64-v3

cat >"$tmp/fib.c" <<'C'
#include <filch/task.h>
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
    long n = argc > 1 ? atol(argv[1]) : 0, result = FILCH_RUN((struct filch_pool *)0, fib, n);
    return result != (n == 24 ? 46368 : 6765);
}
C

# In a file of its own, so that the compiler of fib.c does not see that the slow paths are never taken.
cat >"$tmp/front.c" <<'C'
#include <filch/task.h>
#include <stdlib.h>
static struct filch_slot slots[64];
struct filch_slot *filch_front_fork(struct filch_front *front, struct filch_slot *head)
{
    (void)front, (void)head;
    abort();
}
uintptr_t filch_front_join(struct filch_front *front, struct filch_slot *slot)
{
    (void)front, (void)slot;
    abort();
}
void filch_pool_run(struct filch_pool *pool, struct filch_slot *root)
{
    struct filch_front front = {.fork_limit = slots + 64, .join_limit = slots};
    (void)pool;
    root->run(&front, slots, root);
}
C

# count N: the instructions of the whole program; what is not fib(n) drops out of the difference.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$tmp/fib" "$1" >"$tmp/log" 2>&1 ||
        { echo "$compiler: fib($1) failed under callgrind:" >&2; cat "$tmp/log" >&2; exit 1; }
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$tmp/log"
}

for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || { echo "$compiler: not found"; continue; }
    "$compiler" -std=c11 "$@" -I"$root/atomics/include" -I"$root/sched/include" -o "$tmp/fib" \
        "$tmp/fib.c" "$tmp/front.c"
    more=$(count 24)
    less=$(count 20)
    # fib(n) forks F(n + 1) - 1 times: F(25) - F(21) = 64,079.
    awk -v compiler="$compiler" -v more="${more:?}" -v less="${less:?}" \
        'BEGIN { printf "%s: %.2f instructions a fork\n", compiler, (more - less) / 64079 }'
done
