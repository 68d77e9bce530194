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
commands=$(sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$work/list")
check '`filch --help` lists the commands' \
    test "$(echo $commands)" = 'chapter fib counter futures tour bench info'
for command in $commands; do
    run "$filch" "$command" --help
    check "\`filch $command --help\` ends with 0" test "$code" -eq 0
    check "\`filch $command --help\` shows how it is called" \
        grep -qE "^usage: filch $command( |$)" "$out"
    cp "$out" "$work/help"
    run "$filch" help "$command"
    check "\`filch help $command\` prints the same" cmp "$work/help" "$out"
    refuses 2 'unknown option "--fob"' "$filch" "$command" --fob
    check "and that \`filch help $command\` says more" grep -qx "See \`filch help $command\`." "$err"
    for option in $(grep -oE -- '--[a-z]+' "$work/help" | sort -u); do
        run "$filch" "$command" "$option=1" --fob
        check "\`filch $command\` knows $option, which its help names" \
            sh -c "test $code -eq 2 && ! grep -q 'unknown option \"$option' '$err'"
    done
done
refuses 2 'unexpected argument "x"' "$filch" help fib x
check 'and that `filch help` says more' grep -qx 'See `filch help`.' "$err"

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
