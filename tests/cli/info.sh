# SPDX-License-Identifier: MIT
# `filch info`: the number of workers and its reasons.
. "$(dirname -- "$0")/common.inc"

workers() { awk '$1 == "workers" { print $2 }' "$out"; }

run "$filch" info
check '`filch info` ends with 0' test "$code" -eq 0
check 'the number of workers is at least 1' test "$(workers)" -ge 1
check 'the number of workers is at most that of the processors' test "$(workers)" -le "$(nproc)"
for name in version affinity 'cgroup quota' FILCH_WORKERS hwloc compiler sanitizers GMP; do
    check "\`filch info\` has a line for $name" grep -q "^$name  *[^ ]" "$out"
done

if command -v taskset >/dev/null 2>&1; then
    first=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
    run taskset -c "$first" "$filch" info
    check 'on one processor there is one worker' test "$(workers)" -eq 1
    check 'the affinity mask is given as the reason' grep -q '^workers .*affinity' "$out"
else
    skip 'on one processor there is one worker' 'no taskset'
fi

if grep -q '^hwloc  *built in$' "$out"; then
    run env HWLOC_SYNTHETIC='package:1 node:2 l3:1 core:3 pu:2' "$filch" info
    check 'what the machine has is counted' grep -q \
        '^topology  *1 package, 2 NUMA nodes, 2 L3 caches, 6 cores, 12 processors$' "$out"
else
    check 'without hwloc it says so' grep -q '^hwloc  *not built in$' "$out"
    check 'and knows no topology' test "$(grep -c '^topology' "$out")" -eq 0
fi

run env FILCH_WORKERS=7 "$filch" info
check 'FILCH_WORKERS=7 makes seven workers' test "$(workers)" -eq 7
check 'FILCH_WORKERS is given as the reason' grep -q '^workers .*FILCH_WORKERS' "$out"
for value in 0 abc 1025 ' 2' 2x; do
    refuses 1 'FILCH_WORKERS must be a whole number from 1 to 1024' \
        env FILCH_WORKERS="$value" "$filch" info
done
refuses 2 'unexpected argument "x"' "$filch" info x
finish
