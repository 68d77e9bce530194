# SPDX-License-Identifier: MIT
# `filch chapter`: the shortened numbers, the times, the table.
. "$(dirname -- "$0")/common.inc"

run env FILCH_WORKERS=3 "$filch" chapter 1000
check '`filch chapter 1000` ends with 0' test "$code" -eq 0
check 'each mode prints a shortened number a worker' \
    test "$(grep -cxF '4346655768...6849228875 (209 digits)' "$out")" -eq 6
for name in get_sequential get_multi_thread; do
    check "$name is timed" grep -qE "^$name: [0-9]+\.[0-9]+$" "$out"
done
check 'the table has a line a mode' test "$(grep -cE '^(sequential|threads) +[13] ' "$out")" -eq 2
run "$filch" chapter 94
check 'a short number is printed in full' grep -qxF '19740274219868223167 (20 digits)' "$out"
refuses 2 'N must be a whole number' "$filch" chapter 1e6
refuses 1 'N is at most' "$filch" chapter 200000000000
refuses 2 'unexpected argument "2"' "$filch" chapter 1 2
refuses 2 'unknown option' "$filch" chapter --jobs 2
refuses 1 FILCH_WORKERS env FILCH_WORKERS=abc "$filch" chapter 10
finish
