#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: misuse.sh ROOT LIBFILCH.A
# Wrong use of the fork-join macros is an error of the compiler where C can say it, and otherwise an
# assertion that names the task, in a program that defines FILCH_DEBUG. A worker's stack ends at guard pages.
# A debug build of filch finds out who uses a future that is no more.
set -eu
root=$1 library=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0

report() {
    if [ "$1" = 0 ]; then echo "ok - $2"; else
        echo "not ok - $2"
        sed 's/^/#   /' "$tmp/said" | head -n 5
        failures=$((failures + 1))
    fi
}

# compile OPTION... : the program on stdin.
compile() {
    { echo '#include <filch/filch.h>'; cat; } >"$tmp/program.c"
    ${CC:-cc} -std=c11 -O1 -Wall -Wextra -Wpedantic -Werror "$@" -I"$root/atomics/include" \
        -I"$root/sched/include" -o "$tmp/program" "$tmp/program.c" \
        "$library" $(pkg-config --libs ${STATIC_MODULES:-ck}) -lm -pthread >"$tmp/said" 2>&1
}

# refused SENTENCE TEXT: the program on stdin does not compile, and TEXT is why.
refused() {
    status=0
    compile || status=$?
    if [ $status != 0 ] && grep -q "$2" "$tmp/said"; then report 0 "$1"; else report 1 "$1"; fi
}

# caught SENTENCE TEXT SIGNAL OPTION...: the program on stdin compiles, and dies by SIGNAL after TEXT.
caught() {
    sentence=$1 text=$2 signal=$3
    shift 3
    status=0
    if compile "$@"; then
        sh -c "ulimit -c 0; exec '$tmp/program'" >"$tmp/said" 2>&1 || status=$?
    fi
    if [ $status = $((128 + signal)) ] && grep -q "$text" "$tmp/said"; then status=0; else status=1; fi
    report $status "$sentence"
}

program='int main(void) {
    struct filch_pool_options options = {.workers = 1, .stack_size = 1 << 18};
    struct filch_pool *pool;
    return filch_pool_create(&options, &pool) || FILCH_RUN(pool, root, 1) || filch_pool_destroy(pool);
}'

refused 'a fork outside of a task does not compile' filch_front_ <<C
FILCH_TASK(int, root, int, n) { return n; }
void plain(void) { FILCH_FORK(root, 1); }
C
refused 'a fork of a plain function does not compile' plain_filch_fork <<C
int plain(int n);
FILCH_TASK(int, root, int, n) { FILCH_FORK(plain, n); return FILCH_JOIN(plain); }
C
refused 'a fork with an argument too many does not compile' 'too many arguments' <<C
FILCH_TASK(int, root, int, n) { FILCH_FORK(root, n, n); return FILCH_JOIN(root); }
$program
C
refused 'a fork with an argument of another type does not compile' 'from type\|incompatible\|passing' <<C
struct pair { int a, b; };
FILCH_TASK(int, root, int, n) { struct pair p = {n, n}; FILCH_FORK(root, p); return FILCH_JOIN(root); }
$program
C
refused 'arguments that do not fit into a slot do not compile' 'arguments of task root take more than' <<C
struct large { char bytes[41]; };
FILCH_TASK(int, root, struct large, n) { return n.bytes[0]; }
C
refused 'a result that does not fit into a slot does not compile' 'result of task root takes more than' <<C
struct large { char bytes[41]; };
FILCH_TASK(struct large, root, int, n) { return (struct large){{(char)n}}; }
C
refused 'a type without its name does not compile' 'odd_count_of_types_and_names' <<C
FILCH_TASK(int, root, int, n, int) { return n; }
C
refused 'the result of a void task cannot be used' 'void' <<C
FILCH_VOID_TASK(nothing, int, n) { (void)n; }
FILCH_TASK(int, root, int, n) { FILCH_FORK(nothing, n); return FILCH_JOIN(nothing); }
$program
C

caught 'a join without its fork is caught' 'without its FILCH_FORK: task " "root' 6 -DFILCH_DEBUG <<C
FILCH_TASK(int, root, int, n) { return n ? FILCH_JOIN(root) : 0; }
$program
C
caught 'a join in a child of what the parent has forked is caught' \
    'without its FILCH_FORK: task " "leaf' 6 -DFILCH_DEBUG <<C
FILCH_TASK_DECLARE(int, leaf, int, n)
FILCH_TASK(int, child, int, n) { return n + FILCH_JOIN(leaf); }
FILCH_TASK_BODY(int, leaf, int, n) { return n; }
FILCH_TASK(int, root, int, n) { FILCH_FORK(leaf, n); return FILCH_CALL(child, n) + FILCH_JOIN(leaf); }
$program
C
caught 'a join of another task is caught' 'names another task than its FILCH_FORK: task " "other' 6 -DFILCH_DEBUG <<C
FILCH_TASK(int, other, int, n) { return n; }
FILCH_TASK(int, leaf, int, n) { return n; }
FILCH_TASK(int, root, int, n) { FILCH_FORK(leaf, n); return FILCH_JOIN(other); }
$program
C
caught 'a fork that is never joined is caught' 'a FILCH_FORK was never joined: task " "root' 6 \
    -DFILCH_DEBUG <<C
FILCH_TASK(int, leaf, int, n) { return n; }
FILCH_TASK(int, root, int, n) { FILCH_FORK(leaf, n); return n; }
$program
C
caught 'a task that leaves scratch memory behind is named' \
    'scratch memory is left behind: task " "leaf' 6 -DFILCH_DEBUG <<C
FILCH_TASK(int, leaf, int, n) { return filch_scratch_alloc(16) ? n : 0; }
FILCH_TASK(int, root, int, n) { FILCH_FORK(leaf, n); return FILCH_JOIN(leaf); }
$program
C
caught 'a task that frees scratch memory of another one is named' \
    'filch_scratch_reset() to a mark of somebody else.s: task " "leaf' 6 -DFILCH_DEBUG <<C
FILCH_VOID_TASK(leaf, int, n) { if (n) filch_scratch_reset(0); }
FILCH_TASK(int, root, int, n) {
    if (!filch_scratch_alloc(16)) return n;
    FILCH_CALL(leaf, n);
    filch_scratch_reset(0);
    return n;
}
$program
C
caught 'a run on a pool that stayed behind at fork() is caught' \
    'stayed in the parent process at fork(): task " "root' 6 -DFILCH_DEBUG -D_GNU_SOURCE <<C
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
FILCH_TASK(int, root, int, n) { return n; }
int main(void) {
    struct filch_pool *pool;
    int status = 0;
    if (filch_pool_create(NULL, &pool)) return 1;
    pid_t child = fork();
    if (child == 0) _exit(FILCH_RUN(pool, root, 0));
    if (waitpid(child, &status, 0) == child && WIFSIGNALED(status)) raise(WTERMSIG(status));
    return 0;
}
C
deep='FILCH_TASK(int, deep, int, n) {
    FILCH_FORK(deep, n + 1);
    return FILCH_JOIN(deep) + n;
}
FILCH_TASK(int, root, int, n) { return FILCH_CALL(deep, n); }'
caught 'the task that uses up the stack of a worker is named' \
    'stack is used up .*: task " "deep' 6 -DFILCH_DEBUG <<C
$deep
$program
C
caught 'a stack that overflows meets the guard pages' '' 11 <<C
$deep
$program
C

# A debug build of the library, whatever that of the others is, and without hwloc.
for folder in atomics sched/core sched/futures sched/sync; do
    mkdir -p "$tmp/$folder"
    (cd "$tmp/$folder" && ${CC:-cc} -std=c11 -D_GNU_SOURCE -DFILCH_DEBUG -I"$root" \
        -I"$root/atomics/include" -I"$root/sched/include" $(pkg-config --cflags ck) -pthread \
        -c $(find "$root/$folder" -maxdepth 1 -name '*.c' ! -name '*_hwloc.c'))
done
library=$tmp/debug.o
${CC:-cc} -r -nostdlib -o "$library" "$tmp"/*/*.o "$tmp"/*/*/*.o

# scratch STATEMENT AFTERWARDS: a program that submits a function with the one, and then does the other.
scratch() {
    cat <<C
static void *use(void *arg) { $1; return arg; }
int main(void) {
    struct filch_executor *executor;
    if (filch_executor_create(1, NULL, &executor) ||
        filch_executor_submit(executor, use, NULL, NULL) || filch_executor_destroy(executor))
        return 1;
    $2;
    return 0;
}
C
}

scratch '(void)filch_scratch_alloc(16)' '' >"$tmp/use.c"
caught 'a submitted function that leaves scratch memory behind is caught' \
    'a submitted task leaves scratch memory behind' 6 <"$tmp/use.c"
scratch '' 'filch_scratch_reset(16)' >"$tmp/use.c"
caught 'a reset to a mark that is gone is caught' 'with a mark that is gone' 6 <"$tmp/use.c"
status=0
scratch 'size_t mark = filch_scratch_mark(); (void)filch_scratch_alloc(16); filch_scratch_reset(mark)' \
    '(void)filch_scratch_alloc(16); filch_scratch_reset(0)' | compile || status=1
[ $status = 0 ] && "$tmp/program" >"$tmp/said" 2>&1 || status=1
report $status 'scratch memory that is freed is not reported'

# use RELEASES CALL: a program that has made and released a future, and calls.
use() {
    cat <<C
static FILCH_UNUSED void called(struct filch_future *f, void *arg) { (void)f, (void)arg; }
static FILCH_UNUSED void *next(void *value, void *arg) { return (void)arg, value; }
static void *same(void *arg) { return arg; }
int main(void) {
    FILCH_UNUSED struct filch_as_completed *iterator;
    struct filch_executor *executor;
    struct filch_future *f;
    if (filch_executor_create(1, NULL, &executor) ||
        filch_executor_submit(executor, same, NULL, &f) ||
        filch_executor_shutdown(executor, true, false) || filch_future_retain(f) != f)
        return 1;
    for (int i = 0; i < $1; i++)
        filch_future_release(f);
    (void)$2;
    return 0;
}
C
}

status=0
use 1 'filch_future_done(f)' | compile || status=1
[ $status = 0 ] && "$tmp/program" >"$tmp/said" 2>&1 || status=1
report $status 'a future that has not been released for the last time may be used'
while read -r call; do
    use 2 "$call" >"$tmp/use.c"
    caught "$call after the last release is caught" 'after its last reference was released' 6 \
        <"$tmp/use.c"
done <<END
filch_future_result(f, 0, NULL)
filch_future_error(f, 0, NULL)
filch_future_done(f)
filch_future_running(f)
filch_future_cancelled(f)
filch_future_state(f)
filch_future_describe(f, NULL, 0)
filch_future_cancel(f)
filch_future_stop(f)
filch_future_add_done_callback(f, called, NULL)
filch_future_then(f, NULL, next, NULL, NULL)
filch_future_set_running_or_notify_cancel(f)
filch_future_set_result(f, NULL)
filch_future_set_error(f, 1, NULL)
filch_future_retain(f)
filch_future_release(f)
filch_wait(&f, 1, FILCH_ALL_COMPLETED, 0, NULL, NULL)
filch_as_completed_create(&f, 1, 0, &iterator)
END

[ "$failures" = 0 ]
