# SPDX-License-Identifier: MIT
# `filch futures`: what each property of executors and futures prints.
. "$(dirname -- "$0")/common.inc"

cat >"$work/expected" <<'END'
1
True False False
a task that fails: code 7, "line 3: no number"
done, running, cancelled after it failed: True False False
done, running, cancelled of a running task: False True False
done, running, cancelled of a pending task: False False False
result of a running task within 10 ms: FILCH_ETIMEDOUT, "the time is up"
cancel a running task: False
cancel a pending task: True
done, running, cancelled of a cancelled task: True False True
result of a cancelled task: FILCH_ECANCELED, "the task was cancelled"
done, running, cancelled of a finished task: True False False
in words, pending: <Future at ADDRESS state=pending>
in words, running: <Future 'parse' at ADDRESS state=running>
in words, cancelled: <Future at ADDRESS state=cancelled>
in words, finished: <Future 'parse' at ADDRESS state=finished returned 0x1>
in words, failed: <Future at ADDRESS state=finished raised 7: line 3: no number>
set_running_or_notify_cancel of a new future: 1, running: True
set_result by hand: 0, result: 5
set_result of a done future: FILCH_ESTATE, "the future is in a state that does not allow this"
set_running_or_notify_cancel of a done future: FILCH_ESTATE, "the future is in a state that does not allow this"
set_error by hand: 0, error: code 9, "out of paper"
cancel a future without an executor: True
the executor hears of it: 0, notified: True
set_result of a cancelled future: FILCH_ESTATE, "the future is in a state that does not allow this"
callbacks, in order of adding: first second third; the future is done: True
callback on a done future: late, on this thread: True
callbacks, the second fails: first second third; result: 1
then, 1 + 1 and 2 * 10: 20
then, on a failure: code 7, "line 3: no number"; functions called: 0
then, on a cancelled future: FILCH_ECANCELED, "the task was cancelled"
cancel the end of a chain: True, its beginning ends with: 1
a task that waits for itself: FILCH_EDEADLK, "a task waits for one that cannot go on before it ends itself"
a task that waits for what follows on it: FILCH_EDEADLK, "a task waits for one that cannot go on before it ends itself"
wait, nothing: 0 done, 0 not done
wait, nobody may end, 0 s: 0 done, 4 not done
wait, FIRST_COMPLETED: 1 done, 3 not done
wait, FIRST_ERROR: 2 done, 2 not done
wait, ALL_COMPLETED within 10 ms: 2 done, 2 not done
wait, ALL_COMPLETED: 4 done, 0 not done
wait, threads, inline and by hand: 3 done, 0 not done
as_completed, told to end in the order 3 1 4 2: 3 1 4 2, then FILCH_EEND
as_completed, one future given twice comes: 1 time
as_completed within 10 ms: 2 come, then FILCH_ETIMEDOUT, "2 (of 4) futures unfinished"
map, squares of 1 to 6: 1 4 9 16 25 36, then FILCH_EEND
map, unordered, 1 held back: 2 1
map, 10 items, chunksize 4: 10 results, 3 tasks
map, chunksize 0: FILCH_ECHUNKSIZE, "the chunk size must be greater than 0"
map, endless source, buffersize 4: 4 items read, results 1 4 9 16 25, 9 items read
map, 1 held back, within 10 ms: FILCH_ETIMEDOUT, "the time is up", then FILCH_EEND
map, the third item fails: 1 2, code 7, "line 3: no number", 4
max_workers 0: FILCH_EMAXWORKERS, "max_workers must be greater than 0"
max_workers -1: FILCH_EMAXWORKERS, "max_workers must be greater than 0"
threads of a new executor of 4: 0
threads after submit and result, three times: 1
threads with four tasks at once: 4
name of a thread, prefix "shop": shop_0
initializer, with 2 workers at work: called 2 times
initializer fails, the first task: FILCH_EBROKEN, "the executor is broken: the initializer of a worker failed"
initializer fails, a queued task: FILCH_EBROKEN
initializer fails, a later submit: FILCH_EBROKEN
max_queued 1, reject: FILCH_EFULL, "no more tasks may be queued"
max_queued 1, caller runs: done after the submit: True, on this thread: True
max_queued 1, block: the submit waits: True, then its task ends with: 1
priorities, submitted as low normal high: high normal low
priorities, low among 200 high: within the first 64: True, high ones: 200
shutdown with wait, from its own task: FILCH_EDEADLK, "a task waits for one that cannot go on before it ends itself"
shutdown: 0, its task is done: True, and again: 0
submit after shutdown: FILCH_ESHUTDOWN, "it has been shut down and takes no more tasks"
shutdown, cancel_futures: 3 of 3 cancelled, the running one returns: 1
detached with two tasks, which return: 1 1
inline: done after the submit: True, on this thread: True, threads: 0
two executors on one pool: both run there: True
two executors on one pool, one ended: the other returns: 1
token: the running task goes on: True, told to stop: True, the queued one: FILCH_ECANCELED
token, deadline in 10 ms: the running task stops, not before: True
token, behind its deadline: a new task: FILCH_ECANCELED, "the task was cancelled"
tokens, the middle of three cancelled: False True True
stop a running task: False, it was told: True
group of 1,000 tasks: 1,000 ran
group, the first of four fails: code 7, "line 3: no number"; failures: 1, skipped: 3, one more: FILCH_ECANCELED
group, held, wait for 10 ms: FILCH_ETIMEDOUT, cancelled: FILCH_ECANCELED, 0 of the 9 queued ran
2 workers, tasks asleep at once: 100, meanwhile fib(20) = 6765, then awake: 100
mutex, 6 tasks add 1,000 each: 6,000, locked twice: FILCH_EDEADLK
semaphore of 3, 6 tasks: at most inside: 3
barrier of 3, 6 tasks, 2 workers: rounds: 2
condition, the last of 6 tasks tells the others: told: 6, wait for 10 ms: FILCH_ETIMEDOUT
channel of 2, sent 1 to 5, received: 1 2 3 4 5, then FILCH_ECLOSED
fork, submit to the parent's executor: FILCH_EFORKED, "the pool's threads stayed in the parent process at fork()"
fork, result of the parent's task: FILCH_EFORKED, in the parent: 1
fork, result of a new executor's task: 1
END
run "$filch" futures
check '`filch futures` ends with 0' test "$code" -eq 0
check '`filch futures` says nothing else' test ! -s "$err"
check 'the first two lines are the chapter'"'s" \
    test "$(head -n 2 "$out" | tr '\n' ' ')" = '1 True False False '

# A check for each line, so that one which differs is named.
sed 's/ at 0x[0-9a-f]*/ at ADDRESS/' "$out" >"$work/lines"
number=0
while IFS= read -r wanted; do
    number=$((number + 1))
    got=$(sed -n "${number}p" "$work/lines")
    if [ "$got" = "$wanted" ]; then ok "line $number is \"$wanted\""; else
        not_ok "line $number is \"$wanted\"" "it is \"$got\""
    fi
done <"$work/expected"
check 'there is no further line' test "$(wc -l <"$work/lines")" -eq "$number"
check 'each line but the first two has a label of its own' \
    test "$(sed 1,2d "$out" | sed 's/:.*//' | sort | uniq -d | wc -l)" -eq 0

# One processor: whoever waits has to make room.
if command -v taskset >/dev/null 2>&1 && taskset -c 0 true 2>/dev/null; then
    run taskset -c 0 "$filch" futures
    sed 's/ at 0x[0-9a-f]*/ at ADDRESS/' "$out" >"$work/lines"
    check 'on one processor every line is the same' diff "$work/expected" "$work/lines"
else
    skip 'on one processor every line is the same' 'no taskset, or no processor 0'
fi

run "$filch" help futures
check '`filch help futures` names what is shown' \
    grep -q 'callbacks and chains; wait, as_completed and map' "$out"
refuses 1 FILCH_WORKERS env FILCH_WORKERS=0 "$filch" futures
refuses 2 'unexpected argument "x"' "$filch" futures x
refuses 2 'unknown option "--all"' "$filch" futures --all
finish
