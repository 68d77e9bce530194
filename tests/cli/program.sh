# SPDX-License-Identifier: MIT
# The filch program as a whole: help, version, unknown words, and a stdout that takes nothing.
. "$(dirname -- "$0")/common.inc"

refuses 2 'usage: filch COMMAND' "$filch"
refuses 2 'unknown command "fob"' "$filch" fob
refuses 2 'unknown option "--fob"' "$filch" --fob
refuses 2 'unknown command "fob"' "$filch" help fob
refuses 2 'unexpected argument "x"' "$filch" --version x

run "$filch" --version
check '`filch --version` prints the version alone' \
    grep -qxE 'filch [0-9]+\.[0-9]+\.[0-9]+' "$out"

run "$filch" --help
check '`filch --help` ends with 0' test "$code" -eq 0
cp "$out" "$work/list"
for command in chapter fib counter futures bench info; do
    check "\`filch --help\` lists $command" grep -qE "^  $command " "$work/list"
    run "$filch" "$command" --help
    check "\`filch $command --help\` ends with 0" test "$code" -eq 0
    check "\`filch $command --help\` shows how it is called" \
        grep -q "^usage: filch $command" "$out"
    cp "$out" "$work/help"
    run "$filch" help "$command"
    check "\`filch help $command\` prints the same" cmp "$work/help" "$out"
done

for command in --version --help 'help fib' info futures 'fib 100' 'bench --list' \
    'counter --kind atomic --increments 10' 'chapter 10'; do
    # shellcheck disable=SC2086 # the words of a command
    code=0
    "$filch" $command 2>"$err" >&- || code=$?
    check "\`filch $command\` with stdout closed ends with 1" test "$code" -eq 1
    check "\`filch $command\` with stdout closed says so" grep -q 'standard output' "$err"
    [ -c /dev/full ] || continue
    code=0
    # shellcheck disable=SC2086
    "$filch" $command 2>"$err" >/dev/full || code=$?
    check "\`filch $command\` with stdout full ends with 1" test "$code" -eq 1
    check "\`filch $command\` with stdout full says so" grep -q 'standard output' "$err"
done
finish
