#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs the clients of this folder under the model checker GenMC: every scenario must pass under rc11
# and imm, and every mutant of CLIENT.mutants (a wrong memory order, a missing step) must be caught.
#
#     sh tests/model/run.sh [CLIENT...]      for example: deque queue
#
# Prints a line a check and, last, how many passed and failed. Without genmc on PATH it says so and
# ends with 77, the exit status by which ctest knows a skipped test.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if ! command -v genmc >/dev/null 2>&1; then
    echo "model: skipped: genmc is not on PATH"
    exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work" /tmp/__genmc.ll.*' EXIT
passed=0 failed=0

# check MODEL CLIENT SCENARIO TREE: the exit status of the checker; its words go to $work/log.
# The detector would weaken the model; -O1, since 0.10 fails on some of what clang -O0 emits, and no
# builtins, since it does not follow a memset made of two stores.
check() {
    genmc "--$1" --check-liveness --disable-mm-detector --disable-estimation \
        -- -O1 -fno-builtin -std=c11 -DFILCH_MODEL -Dstatic_assert=_Static_assert -DSCENARIO="$3" \
        -I"$here/fake" -I"$4" -I"$4/atomics/include" -I"$4/sched/include" "$here/$2.c" \
        >"$work/log" 2>&1
}

verdict() { # PASS? TEXT
    if [ "$1" = 1 ]; then
        passed=$((passed + 1))
        echo "ok - $2"
    else
        failed=$((failed + 1))
        echo "not ok - $2"
        sed 's/^/    /' "$work/log" | tail -n 30
    fi
}

run_scenarios() { # CLIENT
    last=$(sed -n 's/^ \* Scenarios: \([0-9]*\).*/\1/p' "$here/$1.c")
    for scenario in $(seq 1 "${last:?no line Scenarios: N in $1.c}"); do
        for model in rc11 imm; do
            check "$model" "$1" "$scenario" "$root"
            status=$?
            found=$(sed -n 's/^Number of complete executions explored: //p' "$work/log")
            verdict $((status == 0)) "$1, scenario $scenario, $model: ${found:-no} executions"
        done
    done
}

run_mutants() { # CLIENT
    [ -f "$here/$1.mutants" ] || return 0
    files=$(sed -n 's/^# file: //p' "$here/$1.mutants") # or several, with blanks between
    while IFS='|' read -r label expression scenarios; do
        case $label in '#'* | '') continue ;; esac
        rm -rf "$work/tree"
        mkdir "$work/tree"
        cp -r "$root/atomics" "$root/sched" "$work/tree"
        caught=0 changed=0
        for file in $files; do
            sed "$expression" "$root/$file" >"$work/tree/$file"
            cmp -s "$root/$file" "$work/tree/$file" || changed=1
        done
        : >"$work/log"
        if [ "$changed" = 0 ]; then
            echo "the mutant changes nothing: $expression" >"$work/log"
        else
            for scenario in $scenarios; do
                for model in rc11 imm; do
                    check "$model" "$1" "$scenario" "$work/tree"
                    # 42 is a violation found; anything else is a checker that did not run.
                    [ $? = 42 ] && caught=1 && break 2
                done
            done
        fi
        verdict "$caught" "$1, mutant caught: $label"
    done <"$here/$1.mutants"
}

[ $# -gt 0 ] || set -- $(cd "$here" && ls -- *.c | sed 's/\.c$//')
for client in "$@"; do
    run_scenarios "$client"
    run_mutants "$client"
done
echo "model: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
