# SPDX-License-Identifier: MIT
# `filch-tune`, which is built beside filch: the lines it prints, bad input.
. "$(dirname -- "$0")/common.inc"
tune=$(dirname -- "$filch")/filch-tune

run "$tune" 0 decimal_from
check 'filch-tune ends with 0' test "$code" -eq 0
check 'filch-tune has a line of four columns for each size' \
    test "$(grep -cE '^( +[0-9.]+){4}$' "$out")" -ge 10
check 'filch-tune says what it measured beside the bound in the table' \
    grep -qE '^decimal_from [0-9]+: measured (above )?[0-9]+ \(ratio [0-9.]+ at [0-9]+\)$' "$out"
check 'filch-tune measures the named bound only' test "$(grep -c measured "$out")" -eq 1

run "$tune" 0 everything
check 'a bound that does not exist is a usage error' test "$code" -eq 2
check 'a bound that does not exist is named' grep -qF "no such bound: 'everything'" "$err"
check 'the bounds that exist are listed' grep -qE '^bounds:.* decimal_from' "$err"
for seconds in -1 x nan ''; do
    run "$tune" "$seconds"
    check "'$seconds' seconds are a usage error" test "$code" -eq 2
    check "'$seconds' seconds are named" grep -qF "not a number of seconds: '$seconds'" "$err"
done

finish
