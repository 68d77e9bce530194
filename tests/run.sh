#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is missing, builds with both compilers and with sanitizers, and runs every test. The last
# line says how many: a Criterion test counts as one, and so does a stress program, a script and a
# checked model. Ends with 0 only if none failed.
set -eu
exec 2>&1
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/bench/setup.sh"

passed=0 failed=0 skipped=0 failures=

# tally PASSED FAILED SKIPPED NAME-OF-A-FAILURE...
tally() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    say "  $1 passed, $2 failed, $3 skipped"
    shift 3
    for name; do failures="$failures $dir:$name"; done
}

# Reads a log of ctest -V: the numbers, then the names of what failed. A suite that says how many of its
# Criterion tests passed counts as that many.
count='
/^[0-9]+: .*Synthesis: Tested: / {
    test = $0
    sub(/:.*/, "", test)
    gsub(/[^0-9 ]/, "")
    split($0, n, " ")          # test, tested, passing, failing, crashing
    tested[test] = n[2]
    passing[test] = n[3]
}
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
    test = $0
    sub(/.*Test +#/, "", test)
    name = test
    sub(/:.*/, "", test)
    sub(/^[0-9]+: /, "", name)
    sub(/ .*/, "", name)
    ok = / Passed +[0-9.]+ sec/
    if (/\*\*\*Skipped/)
        skipped++
    else if (test in tested) {
        passed += passing[test]
        lost = tested[test] - passing[test]
        failed += lost || ok ? lost : 1
    } else if (ok)
        passed++
    else
        failed++
    if (!/\*\*\*Skipped/ && !ok) {
        names = names " " name
        failing[test] = 1
    }
}
END {
    if (passed + failed + skipped == 0) {
        failed = 1
        names = " no-test-ran"
    }
    print passed + 0, failed + 0, skipped + 0 names
}'

# run_tests DIR CTEST-OPTION...: runs, counts, and shows what the failed ones printed.
run_tests() {
    dir=$1
    shift
    log=$root/$dir/tests.txt
    # A stress program never runs beside anything else; the rest may.
    ctest --test-dir "$root/$dir" -V --parallel "$(nproc)" "$@" >"$log" 2>&1 </dev/null || :
    numbers=$(awk "$count" "$log")
    set -- $numbers
    tally "$@"
    shift 3
    for name; do
        say "  the end of what $name printed (all of it: $log):"
        awk -v name="$name" '
            index($0, "Start ") && $NF == name { test = $2; sub(/:/, "", test) }
            test != "" && index($0, test ": ") == 1 { print }' "$log" |
            grep -v '^[0-9]*: \(Test command\|Working Directory\|Environment\|Test timeout\)' | tail -n 40
    done
}

install_missing $build_needs library:criterion program:g++ program:clang program:python3
# Debian's Python, whatever comes first on PATH, and then its tests: their package has its version's name.
if have program:apt-get; then
    install_missing program:/usr/bin/python3
    install_missing library:python-testsuite
fi

configure build -DCMAKE_BUILD_TYPE=Release -DFILCH_WERROR=ON -DFILCH_TESTS=ON -DFILCH_BENCH=ON \
    -DFILCH_PEERS=ON -DFILCH_INSTALL=ON -DFILCH_SANITIZE=
build build
say 'running every test'
run_tests build

configure build/clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Release -DFILCH_WERROR=ON
build build/clang
say 'running the unit tests, compiled by clang'
run_tests build/clang -L '^unit$'

# A debug build: the assertions against misuse are on as well.
configure build/asan -DCMAKE_BUILD_TYPE=Debug '-DCMAKE_C_FLAGS_DEBUG=-g -O1' \
    -DFILCH_SANITIZE=address,undefined
build build/asan
say 'running every test under AddressSanitizer and UndefinedBehaviorSanitizer'
run_tests build/asan

# Criterion cannot start under ThreadSanitizer: the plain programs run there, again and again.
configure build/tsan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DFILCH_SANITIZE=thread -DFILCH_BENCH=ON
build build/tsan
say 'running the stress programs under ThreadSanitizer'
start=$(date +%s) before=$failed
run_tests build/tsan
rounds=1
while [ "$failed" = "$before" ] && [ $(($(date +%s) - start)) -lt 60 ]; do
    counted=$passed
    run_tests build/tsan >"$root/build/tsan/round.txt" 2>&1
    passed=$counted # the same programs: not counted twice
    rounds=$((rounds + 1))
done
[ "$failed" = "$before" ] || [ "$rounds" = 1 ] || cat "$root/build/tsan/round.txt"
say "  $rounds rounds, $(($(date +%s) - start)) s in all"

dir=tests/model
say 'checking the models'
log=$root/build/model.txt
status=0
timeout 900 sh "$root/tests/model/run.sh" >"$log" 2>&1 </dev/null || status=$?
numbers=$(tail -n 1 "$log" | sed -n 's/^model: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2 0/p')
case $status in
0) tally ${numbers:-0 1 0 model} ;;
77)
    say "  $(tail -n 1 "$log")"
    tally 0 0 1
    ;;
*)
    tail -n 40 "$log"
    tally ${numbers:-0 1 0} model
    ;;
esac

[ -z "$failures" ] || say "failed:$failures"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
