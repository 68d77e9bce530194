# SPDX-License-Identifier: MIT
# `filch futures`: what the life of a future prints.
. "$(dirname -- "$0")/common.inc"

cat >"$work/expected" <<'END'
1
True False False
a task that fails: code 7, "line 3: no number"
done, running, cancelled after it failed: True False False
done, running, cancelled of a running task: False True False
done, running, cancelled of a pending task: False False False
result of a running task within 10 ms: FILCH_ETIMEDOUT, "the time is up and the task has not ended"
cancel a running task: False
cancel a pending task: True
done, running, cancelled of a cancelled task: True False True
result of a cancelled task: FILCH_ECANCELED, "the task was cancelled before it started"
done, running, cancelled of a finished task: True False False
END
run "$filch" futures
check '`filch futures` ends with 0' test "$code" -eq 0
check '`filch futures` prints the chapter'"'s two lines, then every state" diff "$work/expected" "$out"
check '`filch futures` says nothing else' test ! -s "$err"
refuses 1 FILCH_WORKERS env FILCH_WORKERS=0 "$filch" futures
refuses 2 'unexpected argument "x"' "$filch" futures x
finish
