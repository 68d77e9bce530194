# SPDX-License-Identifier: MIT
# `filch tour`: every row of the chapter has its line, and none has failed.
. "$(dirname -- "$0")/common.inc"

# Which workers a pool gets is the machine's affair here, whatever the caller has set.
run env FILCH_WORKERS=none "$filch" tour
if [ "$code" -eq 0 ]; then ok '`filch tour` ends with 0'; else
    not_ok '`filch tour` ends with 0' "exit code $code; $(grep FAILED "$out"; head -n 3 "$err")"
fi
check '`filch tour` says nothing else' test ! -s "$err"

cat >"$work/expected" <<'END'
1 one workload in four modes
2 an executor in one expression
3 result, done, running, cancelled
4 a download, named by MD5
5 elapsed time, name: seconds
6 three downloads in a row
7 three downloads on threads
8 the default number of workers
9 an unsafe counter
10 counters that are exact
11 Fibonacci numbers
12 several numbers in a row
13 several numbers on processes
14 several numbers on threads
15 a task that cannot be sent
16 random numbers, inherited
17 random numbers, reseeded
18 a coroutine that is not run
19 a coroutine run from outside
20 a request that awaits a sleep
21 gather
22 the running loop
23 a task with a name
24 tasks awaited in turn
25 bare coroutines in turn
26 blocking calls beside a loop
27 HTTP on a loop
END
verdict='(ok|FAILED|skipped|not yet)'
sed -nE "s/^ ?([0-9]+)  $verdict +([^ ]+( [^ ]+)*)  .*/\\1 \\3/p" "$out" >"$work/rows"
check 'the rows are those of the chapter, in its order' diff "$work/expected" "$work/rows"
check 'each row says what was seen' \
    test "$(grep -cE "^[ 0-9]{2}  $verdict .*  +[^ ]" "$out")" -eq 27

# row NUMBER VERDICTS TEXT: its line has one of the verdicts, and the text, both regular expressions.
row() {
    check "row $1 says \"$3\"" grep -qE "^ ?$1  ($2) .*  $3" "$out"
}
row 1 'ok|not yet' 'get_sequential: [0-9.]+ s, get_multi_thread: [0-9.]+ s'
row 2 ok '1, of an executor that is gone$'
row 3 ok 'True False False$'
row 5 ok 'get_sequential: [0-9]+\.[0-9]+$'
row 8 ok '[0-9]+ here, 1 on one processor, 3 with FILCH_WORKERS=3$'
row 10 ok 'locked, atomic, sharded: 2,000,000 with 2 threads'
row 11 ok '8 numbers as (sha256sum|addition) says, F\(1,000,000\): 208,988 digits'
row 12 ok 'F\(90\), [0-9]+ lines? for [0-9]+ processors?'
if [ "$(nproc)" -ge 2 ]; then
    row 9 ok '[0-9]+ of 10 runs below 2,000,000.*; wait: 1 done, 3 not done$'
    row 14 'ok|skipped' '.*get_sequential: [0-9.]+ s, get_multi_thread: [0-9.]+ s'
fi

total=0
for number in $(sed -nE 's/^([0-9]+) ok, ([0-9]+) failed, ([0-9]+) skipped, ([0-9]+) not yet$/\1 \2 \3 \4/p' "$out"); do
    total=$((total + number))
done
check 'the last line counts every row once' test "$total" -eq 27

if sanitized; then
    skip 'a row that fails is said to' 'the sanitizer needs the address space'
else
    # Enough for the numbers, too little for the pools; and no sha256sum.
    code=0
    (ulimit -v 40000 && PATH=/nonexistent exec "$filch" tour) >"$out" 2>"$err" || code=$?
    check 'a row that fails makes the tour end with 1' test "$code" -eq 1
    row 2 FAILED '`filch futures` ends with 1: filch futures: '
    row 9 FAILED '`filch counter --kind unsafe` ends with 1: '
    row 11 ok '8 numbers as addition says'
    check 'the last line counts the rows that failed' grep -qE '^[0-9]+ ok, [1-9][0-9]* failed' "$out"
fi

run "$filch" help tour
check '`filch help tour` says what the verdicts mean' \
    test "$(grep -cE "^  $verdict  " "$out")" -eq 4

refuses 2 'unexpected argument "x"' "$filch" tour x
code=0
"$filch" tour 2>"$err" >&- || code=$?
check '`filch tour` with stdout closed ends with 1, after its first row' \
    test "$code: $(wc -l <"$err")" = '1: 1'
finish
