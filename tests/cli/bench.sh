# SPDX-License-Identifier: MIT
# `filch bench`: what it runs, and the form of its results. Speed is no matter of tests.
. "$(dirname -- "$0")/common.inc"

run "$filch" bench --list
names='fork queens skynet matrix uts-t1 uts-t3 uts-t3l cilksort strassen knapsack
       for-empty for-1024 grain-1ns grain-10ns grain-100ns grain-1us grain-10us grain-100us grain-1ms uneven
       reduce scan sort-random sort-sorted sort-equal sort-few heat graph pipeline
       fibonacci-1e5-binary fibonacci-1e5-printed fibonacci-1e6-binary fibonacci-1e6-printed
       fibonacci-1e7-binary fibonacci-1e7-printed fibonacci-1e8-binary fibonacci-1e8-printed
       leaves repeat deque submit submit-future as-completed chain round-trip wake starve
       counter idle'
only_named='fibonacci-1e9-binary fibonacci-1e9-printed'
for name in $names $only_named; do
    check "\`filch bench --list\` names $name" grep -q "^$name  *[^ ]" "$out"
done

json=$work/all.json
run "$filch" bench --quick --workers 1,2 --json "$json"
check '`filch bench --quick` ends with 0' test "$code" -eq 0
[ "$code" -eq 0 ] || sed 's/^/#   /' "$err"
check 'every table says that it is no measurement' \
    test "$(grep -c 'no measurement' "$out")" -eq "$(echo $names | wc -w)"
check 'what takes minutes is left out' sh -c "! grep -q '^fibonacci-1e9' '$out'"
check 'the file is there alone' test "$(ls "$work" | grep -c json)" -eq 1

# One object a line; jq or Python, where there is one, has the last word.
value='[0-9.e+-]+'
object="\\{\"benchmark\": \"[a-z0-9-]+\", \"system\": \"(serial|filch|futex|arena|add)\", \"workers\": [0-9]+, \
\"unit\": \"(s|ns|share)\", \"median\": $value, \"min\": $value, \"max\": $value, \
(\"p99\": $value, )?(\"steals\": [0-9]+, )?\"runs\": 10, \"peak_rss_kib\": [1-9][0-9]*, \"quick\": true\\}"
check 'the file is an array' test "$(sed -n '1p;$p' "$json" | tr -d '\n')" = '[]'
check 'each element has the agreed members' \
    test "$(sed '1d;$d' "$json" | grep -cvxE "  $object,?")" -eq 0
check 'commas stand between the elements' \
    test "$(sed '1d;$d' "$json" | grep -c ',$')" -eq "$(($(wc -l <"$json") - 3))"
if command -v jq >/dev/null 2>&1; then
    check 'jq reads the file' jq -e 'all(.[]; .min <= .median and .median <= .max)' "$json"
elif command -v python3 >/dev/null 2>&1; then
    check 'Python reads the file' python3 -m json.tool "$json"
fi
for series in 'fork serial 1' 'fork filch 1' 'fork filch 2' 'uts-t3l filch 2' \
    'for-empty serial 1' 'for-empty filch 2' 'for-empty-outside filch 1' 'for-1024 filch 2' 'grain-1ns serial 1' \
    'grain-1ms filch 2' 'uneven filch 2' 'reduce filch 2' 'reduce-simd filch 1' 'scan filch 2' \
    'sort-random serial 1' 'sort-random filch 2' 'sort-few-generic filch 1' 'graph filch 2' 'pipeline filch 2' \
    'heat serial 1' 'heat filch 1' 'fibonacci-1e5-binary serial 1' 'fibonacci-1e5-binary filch 2' \
    'fibonacci-1e6-printed add 1' 'fibonacci-1e6-printed arena 2' 'fibonacci-1e7-printed filch 1' 'fibonacci-1e8-binary filch 2' \
    'submit serial 1' 'submit filch 2' 'submit-batch filch 1' 'submit-2 filch 2' 'submit-4 filch 1' \
    'submit-future serial 1' 'submit-future filch 2' 'as-completed filch 2' 'chain serial 1' \
    'chain filch 1' 'chain-tasks filch 2' 'wake futex 2' 'wake filch 1' 'starve filch 2' \
    'round-trip filch 2' 'counter-unsafe filch 2' 'counter-locked filch 1' \
    'counter-atomic filch 2' 'counter-sharded filch 2' 'idle filch 2'; do
    # shellcheck disable=SC2086 # three words
    set -- $series
    check "there is a series $series" grep -q \
        "\"benchmark\": \"$1\", \"system\": \"$2\", \"workers\": $3," "$json"
done

check 'tails are measured where single tasks are timed' \
    test "$(grep -c '"p99": ' "$json")" -eq "$(grep -cE '"benchmark": "(round-trip|wake|starve)"' "$json")"
check 'wake is compared with a futex' grep -qE 'median .* p99 .* to futex +to filch' "$out"

run "$filch" bench --quick grain --workers 1
check 'the beginning of names stands for all of them' test "$(grep -c '^grain-.*: ' "$out")" -eq 7
run "$filch" bench --quick fibonacci --workers 1
check 'what takes minutes is run where it is named' test "$(grep -c '^fibonacci-1e[5-9]-.*: ' "$out")" -eq 10
check 'there is no adding where it takes hours' \
    sh -c "grep -q '^  fibonacci-1e6-binary  *add ' '$out' && ! grep -q '^  fibonacci-1e[7-9].*  add ' '$out'"
run "$filch" bench --quick submit --workers 1
check 'a name that is whole stands for itself' test "$(grep -c '^submit.*: ' "$out")" -eq 1
check 'a variant is compared with the baseline of its table' \
    sh -c "'$filch' bench --quick for-empty --workers 1 | grep -Eq '^  for-empty-outside +filch +1 .* [0-9.]+ +[0-9.]+$'"

printf old >"$work/link.target"
ln -s "$work/link.target" "$work/link.json"
run "$filch" bench --quick counter --workers 1 --json "$work/link.json"
check 'a link to the file stays a link' test -h "$work/link.json"
check 'the file behind the link is replaced' grep -q counter-atomic "$work/link.target"
run "$filch" bench --quick counter --workers 1 --json /dev/stdout
check 'a pipe or device is written to, not replaced' grep -q '^\[$' "$out"
run "$filch" bench --quick counter --workers 1 --json /dev/full
check 'a file that cannot be written is a failure' test "$code" -eq 1
check 'the file that cannot be written is named' grep -q -- '--json /dev/full' "$err"

if sanitized; then
    skip 'what there is no memory for is said in its row' 'a sanitizer takes the address space for itself'
else
    run sh -c 'ulimit -v 500000; exec "$0" "$@"' "$filch" bench fibonacci-1e9 --workers 1,2 --json "$json"
    check 'a lack of memory does not fail the run' test "$code" -eq 0
    [ "$code" -eq 0 ] || sed 's/^/#   /' "$err"
    check 'what there is no memory for is said in its row' test \
        "$(grep -Ec '^  fibonacci-1e9-(binary|printed) +(serial|filch|arena) .*  not enough memory$' "$out")" -eq 10
    check 'the file is an empty array then' test "$(tr -d '\n' <"$json")" = '[]'
    run sh -c 'ulimit -v 40000; exec "$0" "$@"' "$filch" bench --quick idle --workers 2
    check 'so it is where series run at the same time' grep -q '^  idle .*  not enough memory$' "$out"
fi

refuses 1 '--json' "$filch" bench --quick counter --json "$work/none/file"
refuses 1 '--json' "$filch" bench --quick counter --json "$work"
refuses 2 'there is no benchmark "spoon"' "$filch" bench spoon
refuses 2 'there is no benchmark "grai"' "$filch" bench grai
refuses 2 'there is no benchmark "for-empty-outside"' "$filch" bench for-empty-outside
refuses 2 '--runs must be a whole number from 10 to 1000, not "9"' "$filch" bench --runs 9
for list in 0 abc 1, ,1 1,,2 -1 1025 '1 2' 123456789; do
    refuses 2 '--workers must be whole numbers from 1 to 1024' "$filch" bench --workers "$list"
done
refuses 2 '--json takes a file name' "$filch" bench --json
refuses 2 'unknown option "--fast"' "$filch" bench --fast
refuses 1 FILCH_WORKERS env FILCH_WORKERS=0 "$filch" bench --quick fork
finish
