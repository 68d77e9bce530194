#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs the clients of this folder under the model checker GenMC: every scenario must pass under rc11
# and imm, and every mutant of CLIENT.mutants (a wrong memory order, a missing step) must be caught.
#
#     sh tests/model/run.sh [CLIENT...]      for example: deque queue
#
# As many checks at a time as there are processors. Prints a line a check and, last, how many passed
# and failed. Without genmc on PATH it says so and ends with 77, the exit status by which ctest knows
# a skipped test.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

# ---- One check: run.sh --check FOLDER NUMBER, with one file a check in FOLDER/jobs ---------------

# check MODEL CLIENT SCENARIO TREE: the exit status of the checker; its words go to $work/log.
# The detector would weaken the model; -O1, since 0.10 fails on some of what clang -O0 emits, and no
# builtins, since it does not follow a memset made of two stores. The list of dependencies names the
# file that the checker leaves in /tmp.
check() {
    genmc "--$1" --check-liveness --disable-mm-detector --disable-estimation \
        -- -O1 -fno-builtin -std=c11 -DFILCH_MODEL -Dstatic_assert=_Static_assert -DSCENARIO="$3" \
        -MD -MF "$work/made" \
        -I"$here/fake" -I"$4" -I"$4/atomics/include" -I"$4/sched/include" "$here/$2.c" \
        >"$work/log" 2>&1
    status=$?
    tidy "$work/made"
    return $status
}

tidy() { # DEPENDENCIES
    left=$(sed -n '1s/^\(\/tmp\/__genmc\.[^ :]*\):.*/\1/p' "$1" 2>/dev/null)
    rm -f "$1" ${left:+"$left"}
}

verdict() { # PASS? TEXT
    if [ "$1" = 1 ]; then
        echo "ok - $2"
    else
        echo "not ok - $2"
        sed 's/^/    /' "$work/log" | tail -n 30
    fi >"$work/verdict"
}

check_scenario() { # CLIENT SCENARIO MODEL
    check "$3" "$1" "$2" "$root"
    status=$?
    found=$(sed -n 's/^Number of complete executions explored: //p' "$work/log")
    verdict $((status == 0)) "$1, scenario $2, $3: ${found:-no} executions"
}

check_mutant() { # CLIENT LABEL EXPRESSION SCENARIOS
    mkdir "$work/tree"
    cp -r "$root/atomics" "$root/sched" "$work/tree"
    caught=0 changed=0
    for file in $(sed -n 's/^# file: //p' "$here/$1.mutants"); do # with blanks between several
        sed "$3" "$root/$file" >"$work/tree/$file"
        cmp -s "$root/$file" "$work/tree/$file" || changed=1
    done
    : >"$work/log"
    if [ "$changed" = 0 ]; then
        echo "the mutant changes nothing: $3" >"$work/log"
    else
        for scenario in $4; do
            for model in rc11 imm; do
                check "$model" "$1" "$scenario" "$work/tree"
                # 42 is a violation found; anything else is a checker that did not run.
                [ $? = 42 ] && caught=1 && break 2
            done
        done
    fi
    verdict "$caught" "$1, mutant caught: $2"
    rm -rf "$work/tree"
}

if [ "${1-}" = --check ]; then
    work=$2/$3
    mkdir "$work"
    IFS='|' read -r kind client first second third <"$2/jobs/$3"
    "check_$kind" "$client" "$first" "$second" "$third"
    mv "$work/verdict" "$2/verdicts/$3"
    exit 0
fi

# ---- All of them --------------------------------------------------------------------------------

if ! command -v genmc >/dev/null 2>&1; then
    echo "model: skipped: genmc is not on PATH"
    exit 77
fi

work=$(mktemp -d) || exit 1
checks=
trap 'for made in "$work"/*/made; do tidy "$made"; done; rm -rf "$work"' EXIT
trap '[ -z "$checks" ] || kill "$checks" 2>/dev/null; exit 1' HUP INT TERM
mkdir "$work/jobs" "$work/verdicts"
count=0 passed=0 failed=0

add() { # KIND|CLIENT|...
    count=$((count + 1))
    printf '%s\n' "$1" >"$work/jobs/$count"
}

add_client() { # CLIENT
    last=$(sed -n 's/^ \* Scenarios: \([0-9]*\).*/\1/p' "$here/$1.c")
    for scenario in $(seq 1 "${last:?no line Scenarios: N in $1.c}"); do
        for model in rc11 imm; do
            add "scenario|$1|$scenario|$model"
        done
    done
    [ -f "$here/$1.mutants" ] || return 0
    while read -r line; do
        case $line in '#'* | '') continue ;; esac
        add "mutant|$1|$line"
    done <"$here/$1.mutants"
}

[ $# -gt 0 ] || set -- $(cd "$here" && ls -- *.c | sed 's/\.c$//')
for client in "$@"; do
    add_client "$client"
done
seq 1 "$count" | xargs -P "$(nproc)" -n 1 sh "$0" --check "$work" &
checks=$!
for number in $(seq 1 "$count"); do
    while [ ! -e "$work/verdicts/$number" ] && kill -0 "$checks" 2>/dev/null; do
        sleep 0.1
    done
    cat "$work/verdicts/$number" 2>/dev/null || echo "not ok - check $number did not end"
    if grep -q '^ok' "$work/verdicts/$number" 2>/dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
wait "$checks"
checks=
echo "model: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
