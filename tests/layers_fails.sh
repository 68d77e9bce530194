#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: layers_fails.sh ROOT
# layers.sh fails where it should: on a copy of the tree that was tampered with, a case at a time.
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$root/atomics" "$root/sched" "$root/bignum" "$root/bench" "$root/tests" "$work"
failed=0

# finds EXPECTED WHAT: what layers.sh says now; EXPECTED empty: nothing, it passes.
finds() {
    status=0
    said=$(sh "$root/tests/layers.sh" "$work") || status=$?
    case $1,$status in
    ,0) ;;
    ,*) false ;;
    *,0) false ;;
    *) printf '%s\n' "$said" | grep -qF -- "$1" ;;
    esac || {
        echo "not found: $2"
        printf '%s\n' "$said" | sed 's/^/    /'
        failed=1
    }
    rm -rf "$work/sched"
    cp -r "$root/sched" "$work"
}

file=sched/futures/token.c
finds '' 'the tree as it is'
echo '/* filch_map_next(), "fi_future_run" */ static const char *x = "fi_future_run(";' >>"$work/$file"
finds '' 'names in comments and strings are no calls'
echo '#include "sched/futures/run.h"' >>"$work/$file"
finds 'includes a header of futures/run' 'an include of a higher unit'
echo 'static void *x(void) { return (void *)&filch_executor_submit; }' >>"$work/$file"
finds 'uses filch_executor_submit() of futures/submit' 'a function of a higher unit'
echo '/* Nothing. */' >"$work/sched/futures/new.c"
finds 'futures/new is not in the list' 'a file that is in no layer'
rm "$work/sched/futures/then.c"
finds 'there is no sched/futures/then.c' 'a unit without a file'
sed '/^futures\/token$/d; s/^futures\/stop$/&\nfutures\/token/' "$root/sched/README.md" >"$work/sched/README.md"
finds 'of futures/token, which stands below' 'an order that does not hold'
sed 's/^## Layers$/## Layer/' "$root/sched/README.md" >"$work/sched/README.md"
finds 'there is no list' 'no list'
[ "$failed" = 0 ] && echo 'all were found'
exit $failed
