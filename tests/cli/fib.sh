# SPDX-License-Identifier: MIT
# `filch fib`: the numbers, the modes with their times, and what it does about bad input.
. "$(dirname -- "$0")/common.inc"

# ---- The numbers ----
digest() { sha256sum | cut -c 1-"$1"; }
for pair in 0:9a271f2a 1:4355a46b 93:1b5882b1 94:b5d28fa6 1000:a7c08fc8 10000:fa5492a1 \
    100000:b7480e1f 1000000:4910cacc5301426acb02007430c3fc38; do
    n=${pair%:*} want=${pair#*:}
    check "F($n) has the right digest" \
        test "$("$filch" fib "$n" | digest ${#want})" = "$want"
done
check 'F(100000) by addition has the right digest' \
    test "$("$filch" fib 100000 --algorithm add | digest 8)" = b7480e1f

run "$filch" fib 10
check '`filch fib 10` prints the number and a newline' test "$(od -An -c "$out")" = '   5   5  \n'
check '`filch fib 10` prints nothing else' test ! -s "$err"

# ---- The modes ----
time_line='[0-9]+\.[0-9]+$'
for mode in sequential threads; do
    case $mode in
    sequential) name=get_sequential ;;
    threads) name=get_multi_thread ;;
    esac
    run "$filch" fib 1000 --jobs 3 --mode $mode
    check "--mode $mode ends with 0" test "$code" -eq 0
    check "--mode $mode --jobs 3 prints three lines" test "$(wc -l <"$out")" -eq 3
    check "--mode $mode prints the same number each time" test "$(sort -u "$out" | wc -l)" -eq 1
    check "--mode $mode prints the right number" test "$(sort -u "$out" | digest 8)" = a7c08fc8
    check "--mode $mode prints its time, $name, to stderr" grep -qE "^$name: $time_line" "$err"
    check "--mode $mode prints one time" test "$(wc -l <"$err")" -eq 1
done
run "$filch" fib 1000 --jobs 3 --mode all --algorithm add --workers 2
check '--mode all prints the numbers of both modes' test "$(wc -l <"$out")" -eq 6
check '--mode all prints two times' test "$(grep -cE "^get_(sequential|multi_thread): $time_line" "$err")" -eq 2
check '--mode all prints the right numbers' test "$(sort -u "$out" | digest 8)" = a7c08fc8
run "$filch" fib 1000 --jobs 3 --mode all --quiet
check '--quiet prints no number' test ! -s "$out"
check '--quiet prints the times' test "$(wc -l <"$err")" -eq 2
run env FILCH_WORKERS=3 "$filch" fib 10 --mode sequential
check 'without --jobs there are as many numbers as workers' test "$(wc -l <"$out")" -eq 3
run "$filch" fib 10 --jobs 1000 --mode threads --workers 3
check 'a thousand jobs on three workers give a thousand lines' test "$(grep -cx 55 "$out")" -eq 1000
run "$filch" fib --jobs=2 -- 10
check 'an option may be joined to its value, and -- ends the options' \
    test "$(grep -cx 55 "$out")" -eq 2

# ---- Usage errors ----
n_takes='N must be a whole number from 0 to 191219412671'
for n in -1 abc 1e6 99999999999999999999 '' ' 5' 5.0 +5 0x10; do
    refuses 2 "$n_takes, not \"$n\"" "$filch" fib "$n"
done
refuses 2 'N is missing: a whole number from 0 to 191219412671' "$filch" fib
refuses 2 'unexpected argument "6"' "$filch" fib 5 6
refuses 2 '--jobs must be a whole number from 1 to 1000000, not "0"' "$filch" fib 10 --jobs 0
refuses 2 '--jobs takes a whole number' "$filch" fib 10 --jobs
refuses 2 '--workers must be a whole number from 1 to 1024, not "-1"' "$filch" fib 10 --workers -1
refuses 2 '--workers must be a whole number from 1 to 1024, not "1025"' "$filch" fib 10 --workers 1025
refuses 2 '--mode must be sequential, threads or all, not "fast"' "$filch" fib 10 --mode fast
refuses 2 '--algorithm must be auto, add, doubling, gmp or parallel, not "guess"' "$filch" fib 10 --algorithm guess
refuses 2 'unknown option "--fast"' "$filch" fib 10 --fast
refuses 2 '--quiet takes no value' "$filch" fib 10 --quiet=yes

# ---- Failures ----
for n in 191219412672 200000000000 18446744073709551615; do
    refuses 1 "N is at most 191219412671" "$filch" fib $n
done
for workers in 0 abc -1 1025 ''; do
    refuses 1 FILCH_WORKERS env FILCH_WORKERS="$workers" "$filch" fib 10 --mode threads
done

# A reader who goes: the signal's ordinary end, or an error where the signal is ignored.
{ code=0; "$filch" fib 1000000 2>"$err" || code=$?; echo "$code" >"$work/code"; } | head -c 10 >"$out"
code=$(cat "$work/code")
check 'a number that its reader leaves unread is no success' test "$code" -eq 141 -o "$code" -eq 1
check 'the reader got what it wanted' test "$(cat "$out")" = 1953282128

# ---- Memory that does not suffice ----
if sanitized; then
    skip 'memory that does not suffice is an error' 'the sanitizer needs the address space'
    finish
fi
# $1: KiB of address space. The rest: arguments. $want: the digest when it works.
squeeze() {
    limit=$1
    shift
    sentence="\`filch $*\` in $limit KiB is right or an error"
    code=0
    (ulimit -v "$limit" && exec "$filch" "$@") >"$out" 2>"$err" || code=$?
    if [ "$code" -eq 0 ]; then
        check "$sentence" test "$(sort -u "$out" | digest 8)" = "$want"
    elif [ "$code" -eq 1 ] && [ -s "$err" ]; then
        ok "$sentence"
    else
        not_ok "$sentence" "exit code $code; $(head -n 3 "$err")"
    fi
}
for limit in 10000 15000 20000 30000 50000 70000 100000 200000 500000; do
    want=4910cacc
    squeeze $limit fib 1000000
    squeeze $limit fib 1000000 --jobs 4 --workers 4
    squeeze $limit fib 1000000 --jobs 100 --workers 2 --mode threads
done
for limit in 100000 200000 300000 400000 500000 600000; do
    run env FILCH_WORKERS=4 sh -c "ulimit -v $limit; exec \"\$0\" fib 1000000" "$filch"
    check "where four workers do not fit into $limit KiB one thread computes the number" \
        test "$(digest 8 <"$out")" = 4910cacc
done
want=$("$filch" fib 10000000 | digest 8)
for limit in 15000 20000 30000 50000 100000 500000; do
    squeeze $limit fib 10000000
    squeeze $limit fib 10000000 --jobs 2 --workers 2
done
refuses 1 'not enough memory' sh -c 'ulimit -v 500000; exec "$0" "$@"' "$filch" fib 10000000000
finish
