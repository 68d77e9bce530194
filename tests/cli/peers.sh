# SPDX-License-Identifier: MIT
# `filch bench --adapters`: other systems' programs, by the contract of bench/peers/README.md; here they are
# scripts that keep or break it.
. "$(dirname -- "$0")/common.inc"

# adapter NAME: an adapter whose answer to an order is what the script on stdin does.
mkdir "$work/adapters"
adapter() {
    {
        echo '#!/bin/sh'
        echo "echo \"\$*\" >'$work/arguments'"
        echo "echo \$\$ >'$work/process'"
        echo 'while read -r order; do'
        cat
        echo 'done'
    } >"$work/adapters/$1"
    chmod +x "$work/adapters/$1"
}

adapter right-1.0 <<'SH'
echo '{"seconds": 0.25, "result": "17711", "steals": 3}'
SH
adapter wrong <<'SH'
echo '{"seconds": 0.25, "result": "17712"}'
SH
adapter mute <<'SH'
echo '{"seconds": 0.25}'
SH
adapter crash <<'SH'
kill -SEGV $$
SH
adapter failing <<'SH'
exit 3
SH
adapter choosy <<'SH'
exit 77
SH
echo 'no program' >"$work/adapters/notes.txt"

json=$work/all.json
run "$filch" bench --quick fork counter --workers 2 --adapters "$work/adapters" --json "$json"
check 'adapters that fail do not fail the run' test "$code" -eq 0
[ "$code" -eq 0 ] || sed 's/^/#   /' "$err"
check 'an adapter gets workload, size and workers' \
    grep -qx 'fork 22 2' "$work/arguments"
check 'what an adapter measures is in the table' \
    grep -Eq '^  fork +right-1.0 +2 +10 +0.2500 +0.2500 +0.2500 .* 3  ' "$out"
check 'a wrong result is in the row, with the right one' \
    grep -Eq '^  fork +wrong .*a wrong result, 17712 instead of 17711$' "$out"
check 'an answer without a result is in the row' \
    grep -Eq '^  fork +mute .*answered without "seconds" or "result"' "$out"
check 'a crash is in the row' grep -Eq '^  fork +crash .*died of signal 11' "$out"
check 'a failure is in the row' grep -Eq '^  fork +failing .*ended with exit code 3$' "$out"
check 'a workload that an adapter lacks is in the row' \
    grep -Eq '^  fork +choosy .*has no version of it$' "$out"
check 'a file that is no program is no adapter' sh -c "! grep -q notes '$out'"
check 'filch is compared with in the same table' grep -Eq '^  fork +filch +2 ' "$out"
check 'a benchmark that is no workload has no adapters' \
    test "$(grep -c right-1.0 "$out")" -eq 1
check 'the file has the adapter that was measured' \
    grep -q '"system": "right-1.0", "workers": 2, "unit": "s", "median": 0.25,.* "steals": 3,' "$json"
check 'the file has none of the others' test "$(grep -cE 'wrong|mute|crash|failing|choosy' "$json")" -eq 0

# Tasks from outside. The results are those of 4,000 tasks, and of 200 trips.
rm "$work/adapters/"*
adapter many <<'SH'
echo '{"seconds": 0.002, "result": "4000"}'
SH
run "$filch" bench --quick submit starve --workers 2 --adapters "$work/adapters" --json "$json"
check 'a benchmark of tasks can be asked of adapters' grep -qx 'submit 4000 2' "$work/arguments"
check 'its value is the share of a task' grep -Eq '^  submit +many +2 +10 +500.0 +500.0 +500.0  ns ' "$out"
check 'only one series of it is asked for' test "$(grep -c many "$out")" -eq 1
check 'the file has it in its unit' \
    grep -q '"system": "many", "workers": 2, "unit": "ns", "median": 500,' "$json"
rm "$work/adapters/"*
adapter trips <<'SH'
echo '{"seconds": 9, "result": "19900", "median_ns": 1234, "p99_ns": 5678}'
SH
adapter vague <<'SH'
echo '{"seconds": 9, "result": "19900"}'
SH
run "$filch" bench --quick round-trip --workers 2 --adapters "$work/adapters"
check 'where single tasks are timed, median and p99 are the adapter'"'s" \
    grep -Eq '^  round-trip +trips +2 +10 +1234 +1234 +1234 +5678  ns ' "$out"
check 'an answer without them is in the row' \
    grep -Eq '^  round-trip +vague .*answered without "median_ns", "p99_ns" or "result"' "$out"

# Another way to do the same work, which an adapter may lack.
rm "$work/adapters/"*
adapter both <<'SH'
echo '{"seconds": 0.001, "result": "100"}'
SH
adapter one <<'SH'
case $1 in *-outside) exit 77 ;; esac
echo '{"seconds": 0.001, "result": "100"}'
SH
run "$filch" bench --quick for-empty --workers 2 --adapters "$work/adapters" --json "$json"
check 'an adapter is asked for a variant, too' \
    grep -Eq '^  for-empty-outside +both +2 +10 +10000 +10000 +10000  ns .* [0-9.]+ +[0-9.]+$' "$out"
check 'an adapter that lacks a variant has one row' test "$(grep -c ' one ' "$out")" -eq 1
check 'the file has variants under their names' \
    grep -q '"benchmark": "for-empty-outside", "system": "both"' "$json"

rm "$work/adapters/"*
adapter slow <<'SH'
sleep 1.2
echo '{"seconds": 1.2, "result": "17711"}'
SH
run "$filch" bench --quick fork --workers 1 --adapters "$work/adapters" --patience 1
check 'what is slow is run once' grep -Eq '^  fork +slow +1 +1 +1.200 ' "$out"
check 'what is not is run as often as usual' grep -Eq '^  fork +filch +1 +10 ' "$out"
check 'no adapter is left running' sh -c "! kill -0 $(cat "$work/process")"

# Where there is no memory for serial C and filch: the result of the first that has one counts.
rm "$work/adapters/"*
adapter first <<'SH'
echo '{"seconds": 0.25, "result": "7"}'
SH
adapter second <<'SH'
echo '{"seconds": 0.5, "result": "8"}'
SH
adapter third <<'SH'
echo '{"seconds": 0.5, "result": "7"}'
SH
if sanitized; then
    skip 'an adapter is measured where the others lack memory' 'a sanitizer takes the address space for itself'
else
    run sh -c 'ulimit -v 500000; exec "$0" "$@"' "$filch" bench fibonacci-1e9-printed --workers 2 \
        --adapters "$work/adapters"
    check 'an adapter is asked for a Fibonacci number' \
        grep -qx 'fibonacci-1e9-printed 1000000000 2' "$work/arguments"
    check 'an adapter is measured where the others lack memory' \
        grep -Eq '^  fibonacci-1e9-printed +first +2 +10 +0.2500 .* - +-$' "$out"
    check 'its result is the right one then' \
        grep -Eq '^  fibonacci-1e9-printed +second .*a wrong result, 8 instead of 7$' "$out"
    check 'who has the same is right, too' grep -Eq '^  fibonacci-1e9-printed +third +2 +10 +0.5000 ' "$out"
fi

cp "$filch" "$work/filch"
run "$work/filch" bench --quick fork --workers 1 --peers
check 'peers that were not built are named' grep -q \
    '^peers not found: async, flint, go, libgomp, libomp, libstdcxx, onetbb, python, rayon ' "$out"
# Those that this build has.
if [ -d "$(dirname "$filch")/peers" ]; then
    run "$filch" bench --quick --peers --workers 2 fork queens skynet matrix uts-t1 uts-t3 uts-t3l \
        cilksort strassen knapsack for-empty for-1024 grain uneven reduce scan sort heat graph pipeline \
        fibonacci-1e6 submit submit-future as-completed chain round-trip wake
    check 'a run with the peers that were built ends with 0' test "$code" -eq 0
    [ "$code" -eq 0 ] || sed 's/^/#   /' "$err"
    check 'each of them computes what serial C computes' \
        sh -c "! grep -E 'wrong result|died of|ended with|answered without|no answer' '$out'"
    for python in "$(dirname "$filch")/peers/python-"*; do
        [ -x "$python" ] || continue
        run "$python" fibonacci-1e7-binary 10000000 1
        check 'Python has no version of what would take it hours' test "$code" -eq 77
        run "$python" fibonacci-1e6-binary 1000000 2
        check 'Python adds in one thread' test "$code" -eq 77
    done
else
    skip 'each peer computes what serial C computes' 'no peers were built'
fi

refuses 1 "--adapters $work/none: No such file or directory" "$filch" bench fork --adapters "$work/none"
refuses 2 '--patience must be a whole number from 1 to 600, not "0"' "$filch" bench --patience 0
finish
