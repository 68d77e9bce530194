# SPDX-License-Identifier: MIT
# `filch fib`: into a file, within a budget of memory, several at a time, and its progress bar.
. "$(dirname -- "$0")/common.inc"

million=4910cacc5301426acb02007430c3fc38
digest() { sha256sum | cut -c 1-32; }
file=$work/number
drafts() { find "$work" -name '.filch-*' | wc -l; }

# ---- Algorithms ----
for algorithm in auto doubling gmp parallel; do
    check "--algorithm $algorithm prints F(1000000)" \
        test "$("$filch" fib 1000000 --algorithm $algorithm | digest)" = $million
    for pair in 0:0 1:1 2:1 93:12200160415121876738 94:19740274219868223167; do
        check "--algorithm $algorithm prints F(${pair%:*})" \
            test "$("$filch" fib "${pair%:*}" --algorithm $algorithm)" = "${pair#*:}"
    done
done
for workers in 1 2 5; do
    check "F(1000000) by $workers workers together is right" test \
        "$("$filch" fib 1000000 --algorithm parallel --workers $workers | digest)" = $million
    run "$filch" fib 1000000 --workers $workers
    check "--workers $workers alone prints one number, and no time" \
        test "$(digest <"$out")" = $million -a ! -s "$err"
done
for jobs in 1 2 3 5 7; do
    for algorithm in auto parallel; do
        run "$filch" fib 1000000 --jobs $jobs --workers 4 --algorithm $algorithm
        check "$jobs numbers by 4 workers are right, --algorithm $algorithm" test \
            "$(wc -l <"$out") $(sort -u "$out" | digest)" = "$jobs $million"
    done
done
refuses 1 FILCH_WORKERS env FILCH_WORKERS=0 "$filch" fib 10 --algorithm parallel
refuses 2 '--algorithm parallel and --mode sequential do not go together' \
    "$filch" fib 10 --algorithm parallel --mode sequential
refuses 2 '--algorithm parallel and --mode all do not go together' \
    "$filch" fib 10 --mode all --algorithm parallel

# ---- Into a file ----
umask 027
run "$filch" fib 1000000 --output "$file"
check '--output writes the number and a newline' test "$(digest <"$file")" = $million
check '--output prints nothing' test "$code" -eq 0 -a ! -s "$out" -a ! -s "$err"
check 'a new file has the permissions of one' test "$(stat -c %a "$file")" = 640
chmod 604 "$file"
run "$filch" fib 10 --output "$file"
check 'a file that is there is replaced' test "$(cat "$file")" = 55
check 'a file that is replaced keeps its permissions' test "$(stat -c %a "$file")" = 604
run "$filch" fib 10 --jobs 3 --output "$file"
check 'several numbers are lines of the file' test "$(grep -cx 55 "$file")" -eq 3
check 'the times of several are not in the file' grep -q '^get_multi_thread: ' "$err"
ln -s number "$work/link"
run "$filch" fib 11 --output "$work/link"
check 'a link stays one, and the file behind it is replaced' \
    test -h "$work/link" -a "$(cat "$file")" = 89
ln -s nowhere "$work/dangling"
run "$filch" fib 11 --output "$work/dangling"
check 'a link to nothing stays one, and the file behind it is made' \
    test -h "$work/dangling" -a "$(cat "$work/nowhere")" = 89
mkfifo "$work/pipe"
cat "$work/pipe" >"$work/read" &
run "$filch" fib 1000000 --output "$work/pipe"
wait $!
check 'a named pipe is written to' test -p "$work/pipe" -a "$(digest <"$work/read")" = $million
check '/dev/stdout is stdout, where it is a pipe' \
    test "$("$filch" fib 11 --output /dev/stdout | cat)" = 89
{ echo first; "$filch" fib 11 --output /dev/stdout; echo last; } >"$out"
check '/dev/stdout is stdout, where it is a file' test "$(tr '\n' ' ' <"$out")" = 'first 89 last '
program=$(realpath "$filch")
(cd "$work" && "$program" fib 12 --output plain)
check 'a name without a directory is one in the current directory' test "$(cat "$work/plain")" = 144
check 'no draft is left behind' test "$(drafts)" -eq 0

# ---- Files that cannot be written ----
printf old >"$file"
refuses 1 "--output $work: Is a directory" "$filch" fib 10 --output "$work"
refuses 1 "--output $work/none/f: No such file or directory" "$filch" fib 10 --output "$work/none/f"
refuses 1 "--output $file/f: Not a directory" "$filch" fib 10 --output "$file/f"
refuses 1 '--output : No such file or directory' "$filch" fib 10 --output ''
refuses 2 '--output takes a file name, and none is given' "$filch" fib 10 --output
refuses 2 '--output and --quiet do not go together' "$filch" fib 10 --output "$file" --quiet
for n in 10 1000000; do
    [ -c /dev/full ] || continue
    refuses 1 '--output /dev/full: No space left on device' "$filch" fib $n --output /dev/full
    check 'and nothing else' test "$(wc -l <"$err")" -eq 1
    refuses 1 '--output /dev/full: No space left' "$filch" fib $n --jobs 3 --output /dev/full
done
if [ "$(id -u)" -ne 0 ]; then
    chmod 400 "$file"
    refuses 1 "--output $file: Permission denied" "$filch" fib 10 --output "$file"
    chmod 600 "$file"
    mkdir -m 500 "$work/closed"
    refuses 1 "--output $work/closed/f: Permission denied" "$filch" fib 10 --output "$work/closed/f"
fi
# The limit is in blocks of 512 or 1024 bytes; the signal ignored, the write fails with EFBIG.
refuses 1 "--output $file: File too large" \
    sh -c 'trap "" XFSZ; ulimit -f 64; exec "$0" "$@"' "$filch" fib 1000000 --output "$file"
refuses 1 "N is at most 191219412671, the limit of GMP" \
    "$filch" fib 191219412672 --output "$file"
refuses 1 'not enough memory' "$filch" fib 1000000 --memory 1K --output "$file"
check 'a file that could not be written in full is as it was' test "$(cat "$file")" = old
check 'no draft is left behind by failures' test "$(drafts)" -eq 0

# A signal. By addition the number takes hours.
for pair in TERM:143 HUP:129; do
    signal=${pair%:*}
    "$filch" fib 100000000 --algorithm add --output "$file" 2>"$err" &
    until [ "$(drafts)" -gt 0 ] || ! kill -0 $!; do sleep 0.01; done
    kill -$signal $!
    code=0
    wait $! 2>"$work/wait" || code=$?
    check "SIG$signal ends the program as it does" test "$code" -eq "${pair#*:}"
    check "SIG$signal leaves the file as it was, and no draft" \
        test "$(cat "$file") $(drafts)" = 'old 0'
done

# ---- A budget of memory ----
needs='F(10000000): not enough memory: it needs [0-9,]* bytes, --memory allows 1,048,576'
for arguments in '' '--jobs 4' '--mode sequential' '--output /dev/null' '--algorithm gmp'; do
    # shellcheck disable=SC2086 # the words of options
    run "$filch" fib 10000000 --memory 1M $arguments
    check "\`filch fib 10000000 --memory 1M $arguments\` says what it needs and has" \
        test "$code $(grep -cx "filch fib: $needs" "$err") $(wc -c <"$out")" = '1 1 0'
done
check 'a number that fits is computed' \
    test "$("$filch" fib 1000000 --memory 3M | digest)" = $million
for size in 1200K 3M 1G; do
    run "$filch" fib 1000000 --jobs 9 --workers 3 --memory $size
    check "nine numbers within $size are computed, fewer at a time" \
        test "$(wc -l <"$out") $(sort -u "$out" | digest)" = "9 $million"
done
check 'a size may be in bytes' test "$("$filch" fib 10 --memory 1048576)" = 55
check 'a size may be the largest there is' test "$("$filch" fib 10 --memory 16777215T)" = 55
for size in 0 0M -1 abc '' M 2X 2MB 2m '2 M' 1.5G 16777216T 18446744073709551616 \
    0000000000000000000000000000001; do
    refuses 2 "--memory must be a size such as 500M or 2G, not \"$size\"" \
        "$filch" fib 10 --memory "$size"
done
refuses 2 '--memory takes a size such as 500M or 2G, and none is given' "$filch" fib 10 --memory

# Can $1 numbers of 10,000 KiB be computed by three workers in $2 KiB, threads included?
within() { (ulimit -d "$2" && exec "$filch" fib 10000000 --jobs "$1" --workers 3 --quiet) >"$out" 2>"$err"; }
if sanitized; then
    skip 'six numbers need little more memory than one' 'the sanitizer needs it'
else
    least=0 enough=2000000
    while [ $((enough - least)) -gt 1000 ]; do
        middle=$(((least + enough) / 2))
        if within 1 $middle; then enough=$middle; else least=$middle; fi
    done
    check 'six numbers are computed, one after another if need be, where three do not fit' \
        within 6 $((enough + 30000))
fi

# ---- The bar ----
if command -v script >"$work/script" && script -qec true "$work/screen" >"$out" 2>&1; then
    # Hours by addition, until it has been seen.
    script -qefc "echo \$\$ >'$work/pid'; exec '$filch' fib 100000000 --algorithm add" \
        "$work/screen" </dev/null >"$out" 2>&1 &
    bar='F\(100000000\) \[[#.]+\] +[0-9]+ % [0-9.]+ s, [0-9.]+ s left'
    until grep -qE "$bar" "$work/screen" || [ "$(tr '\r' '\n' <"$work/screen" | grep -c %)" -gt 50 ] ||
        ! kill -0 $!; do sleep 0.05; done
    kill "$(cat "$work/pid")"
    wait $! 2>"$work/wait"
    check 'the bar shows the time left' grep -qE "$bar" "$work/screen"
else
    skip 'the bar shows the time left' 'no script that runs a terminal'
fi
finish
