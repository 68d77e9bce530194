# SPDX-License-Identifier: MIT
# `filch fib --digits` and `--modulus`: the ends of a number and remainders, without the number.
. "$(dirname -- "$0")/common.inc"

# $1: a number of less than 1,000 digits, $2: K. What --digits prints of it.
ends() {
    length=${#1}
    count="$length digits"
    [ "$length" -gt 1 ] || count='1 digit'
    if [ "$length" -le $((2 * $2)) ]; then
        echo "$1 ($count)"
    else
        echo "$(printf %s "$1" | head -c "$2")...$(printf %s "$1" | tail -c "$2") ($count)"
    fi
}

# ---- The digits, against the whole number ----
wrong=
for n in 0 1 2 6 7 12 59 60 93 94 124 125 126 149 150 171 172 200 239 240 300 301 302 303 1000 4780; do
    whole=$("$filch" fib $n)
    for k in 1 2 3 10 21 50 1000; do
        [ "$("$filch" fib $n --digits $k)" = "$(ends "$whole" $k)" ] || wrong="$wrong $n/$k"
    done
done
check 'the digits are those of the whole number, for small N' test -z "$wrong"
"$filch" fib 1000000 >"$work/whole"
for k in 1 10 99 1000 30000 104493 104494 104495; do
    if [ $k -lt 104494 ]; then
        want="$(head -c $k "$work/whole")...$(tail -c $((k + 1)) "$work/whole") (208,988 digits)"
    else
        want="$(cat "$work/whole") (208,988 digits)"
    fi
    run "$filch" fib 1000000 --digits $k
    printf '%s\n' "$want" >"$work/want"
    check "F(1000000) has the right $k digits at its ends" cmp "$work/want" "$out"
done

# ---- Numbers that nobody has whole ----
check 'F(10^18) has the right digits, and as many' test \
    "$("$filch" fib 1000000000000000000 --digits 20)" = \
    '26289788186792204674...41183788299560546875 (208,987,640,249,978,734 digits)'
# Cut off behind 25 digits phi^n / sqrt(5) would begin with 737.
check 'a digit that is not certain is computed again, with more behind it' test \
    "$("$filch" fib 999999934110339702 --digits 3)" = \
    '738...976 (208,987,626,479,854,111 digits)'
check 'F(10^18) modulo 10^9 + 7 is right' \
    test "$("$filch" fib 1000000000000000000 --modulus 1000000007)" = 209783453

# ---- Remainders ----
for n in 0 1 2 93 94 1000; do
    whole=$("$filch" fib $n)
    check "F($n) modulo 1 is 0" test "$("$filch" fib $n --modulus 1)" = 0
    check "F($n) modulo 10^300 is F($n)" \
        test "$("$filch" fib $n --modulus "1$(printf '%0300d' 0)")" = "$whole"
done
check 'F(1000000) modulo 10^40 is its last 40 digits' \
    test "$("$filch" fib 1000000 --modulus "1$(printf '%040d' 0)")" = \
    "$(tail -c 41 "$work/whole" | sed 's/^0*//')"
check 'zeros may stand before a modulus' test "$("$filch" fib 10 --modulus 007)" = 6

if command -v python3 >"$work/python"; then
    cat >"$work/ends.py" <<'EOF'
import decimal, random, subprocess, sys

def remainder(n, m):
    a, b = 0, 1 # F(k), F(k + 1)
    for bit in bin(n)[2:]:
        a, b = a * (2 * b - a) % m, (a * a + b * b) % m
        if bit == "1":
            a, b = b, (a + b) % m
    return a

def first(n, k):
    decimal.getcontext().prec = k + 60
    decimal.getcontext().Emax = decimal.MAX_EMAX
    root = decimal.Decimal(5).sqrt()
    f = ((1 + root) / 2) ** n / root
    return "".join(map(str, f.as_tuple().digits[:k])), f.adjusted() + 1

def filch(*words):
    return subprocess.run([sys.argv[1], "fib", *map(str, words)], capture_output=True, text=True,
                          check=True).stdout

random.seed(6)
for _ in range(int(sys.argv[2])):
    n, k = random.randrange(10 ** random.randrange(4, 19)), random.choice([1, 2, 5, 30, 300])
    m = random.randrange(1, 10 ** random.choice([1, 18, 20, 40, 1000]))
    if n > 5000:
        digits, length = first(n, k)
        want = f"{digits}...{remainder(n, 10 ** k):0{k}} ({length:,} digits)\n"
        assert filch(n, "--digits", k) == want, (n, k)
    assert filch(n, "--modulus", m) == f"{remainder(n, m)}\n", (n, m)
EOF
    check 'digits and remainders are those that Python computes' \
        python3 "$work/ends.py" "$filch" 200
else
    skip 'digits and remainders are those that Python computes' 'no python3'
fi

# ---- Bad input ----
n_takes='N must be a whole number from 0 to 1000000000000000000'
for n in -1 abc '' 99999999999999999999; do
    refuses 2 "$n_takes, not \"$n\"" "$filch" fib "$n" --digits 5
done
refuses 2 'N is missing: a whole number from 0 to 1000000000000000000' "$filch" fib --modulus 5
for n in 1000000000000000001 18446744073709551615; do
    refuses 1 'N is at most 1000000000000000000, the limit of --digits' "$filch" fib $n --digits 5
    refuses 1 'N is at most 1000000000000000000, the limit of --modulus' "$filch" fib $n --modulus 5
done
for k in 0 -1 abc '' 1000001; do
    refuses 2 "--digits must be a whole number from 1 to 1000000, not \"$k\"" \
        "$filch" fib 10 --digits "$k"
done
for m in 0 000 -5 +5 abc '' 1e9 '5 ' 0x10; do
    refuses 2 "--modulus must be a whole number above 0, not \"$m\"" "$filch" fib 10 --modulus "$m"
done
refuses 2 '--digits takes a whole number from 1 to 1000000, and none is given' "$filch" fib 10 --digits
refuses 2 '--modulus takes a whole number above 0, and none is given' "$filch" fib 10 --modulus
for option in '--algorithm auto' '--memory 1G' '--jobs 2' '--mode threads' '--workers 2' --quiet; do
    # shellcheck disable=SC2086 # the words of an option
    refuses 2 "--digits and ${option% *} do not go together" "$filch" fib 10 --digits 3 $option
    # shellcheck disable=SC2086
    refuses 2 "--modulus and ${option% *} do not go together" "$filch" fib 10 --modulus 3 $option
done
refuses 2 '--digits and --modulus do not go together' "$filch" fib 10 --modulus 3 --digits 3

# ---- Where they go ----
run "$filch" fib 100 --digits 3 --output "$work/file"
check '--digits goes into a file' test "$(cat "$work/file")" = '354...075 (21 digits)'
run "$filch" fib 100 --modulus 1000 --output "$work/file"
check '--modulus goes into a file' test "$(cat "$work/file")" = 75
for option in '--digits 5' '--modulus 5'; do
    [ -c /dev/full ] || continue
    code=0
    # shellcheck disable=SC2086
    "$filch" fib 1000 $option 2>"$err" >/dev/full || code=$?
    check "\`filch fib 1000 $option\` with stdout full ends with 1" test "$code" -eq 1
    check "\`filch fib 1000 $option\` with stdout full says so, once" \
        test "$(grep -c 'standard output: No space' "$err")" -eq "$(wc -l <"$err")"
done

if sanitized; then
    skip 'memory that does not suffice is an error' 'the sanitizer needs the address space'
    finish
fi
want=$("$filch" fib 3000000 --digits 50000)
least=2000 # KiB, in which the program runs at all
until [ "$(ulimit -v $least && "$filch" fib 1 2>"$err")" = 1 ]; do least=$((least + 100)); done
for more in 0 100 200 300 400 500 700 1000 1500 2000 3000 5000; do
    run sh -c "ulimit -v $((least + more)) && exec \"\$0\" fib 3000000 --digits 50000" "$filch"
    sentence="50,000 digits in $more KiB more than none are right or an error"
    if [ "$code" -eq 0 ]; then
        check "$sentence" test "$(cat "$out")" = "$want"
    else
        check "$sentence" test "$code" -eq 1 -a -s "$err" -a ! -s "$out"
    fi
done
check 'the last of these is right' test "$code" -eq 0
finish
