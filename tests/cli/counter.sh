# SPDX-License-Identifier: MIT
# `filch counter`: which kinds lose updates and which never do.
. "$(dirname -- "$0")/common.inc"

for kind in locked atomic sharded; do
    for threads in 1 2 8 64; do
        total=$((threads * 100000))
        text=$(printf '%s' "$total" | sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta')
        run "$filch" counter --kind $kind --threads $threads --increments 100000
        check "$kind counts exactly with $threads threads" \
            test "$code: $(cat "$out")" = "0: counter.count=$text"
    done
    run "$filch" counter --kind $kind
    check "$kind ends at two million, as in the chapter" \
        test "$(cat "$out")" = counter.count=2,000,000
done

if [ "$(nproc)" -ge 2 ]; then
    losses=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        count=$("$filch" counter --kind unsafe | tr -d ,)
        count=${count#counter.count=}
        if [ "$count" -gt 0 ] && [ "$count" -lt 2000000 ]; then losses=$((losses + 1)); fi
    done
    check "unsafe loses updates in at least 9 of 10 runs ($losses)" test "$losses" -ge 9
else
    skip 'unsafe loses updates in at least 9 of 10 runs' 'one processor'
fi
run "$filch" counter --kind unsafe --threads 1
check 'unsafe loses nothing with one thread' test "$(cat "$out")" = counter.count=1,000,000

run "$filch" counter --increments 1000
check 'without --kind each kind has a line' \
    test "$(sed 's/:.*//' "$out" | tr '\n' ' ')" = 'unsafe locked atomic sharded '

refuses 2 '--kind must be unsafe, locked, atomic, sharded or all, not "best"' \
    "$filch" counter --kind best
refuses 2 '--threads must be a whole number from 1 to 1024, not "0"' "$filch" counter --threads 0
refuses 2 '--increments must be a whole number from 1 to 1000000000, not "1e6"' \
    "$filch" counter --increments 1e6
refuses 2 'unexpected argument "5"' "$filch" counter 5
finish
