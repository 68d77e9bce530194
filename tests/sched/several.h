/* SPDX-License-Identifier: MIT
 *
 * What the suites that wait for several futures share: futures completed by hand, a second thread
 * that completes them once the first one waits, executors of every kind, a forked process, and
 * memory that runs out. */
#ifndef FILCH_TESTS_SEVERAL_H
#define FILCH_TESTS_SEVERAL_H

#include "future.h"
#include "sched/futures/future.h"

#include <filch/executor.h>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* As many as Python's documentation promises nothing about; fewer where all is slow. */
#define MANY ((size_t)(ADDRESS_SANITIZER ? 20000 : 1000000))

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- By hand ----------------------------------------------------------------------------- */

FILCH_UNUSED static struct filch_future *manual(void)
{
    struct filch_future *future = NULL;
    cr_assert_eq(filch_future_create(&future), 0);
    return future;
}

FILCH_UNUSED static void manuals(struct filch_future **futures, size_t count)
{
    for (size_t i = 0; i < count; i++)
        futures[i] = manual();
}

FILCH_UNUSED static void release_all(struct filch_future **futures, size_t count)
{
    for (size_t i = 0; i < count; i++)
        filch_future_release(futures[i]);
}

/* Does anybody wait for it? */
FILCH_UNUSED static bool is_listed(struct filch_future *future)
{
    if (!fi_latch_lock(&future->latch))
        return false;
    bool listed = future->latch.waiters;
    fi_latch_unlock(&future->latch);
    return listed;
}

FILCH_UNUSED static void await_listed(struct filch_future *future)
{
    while (!is_listed(future))
        sched_yield();
}

enum how { SUCCEED, FAIL, CANCEL };

FILCH_UNUSED static void complete(struct filch_future *future, enum how how)
{
    if (how == SUCCEED)
        (void)filch_future_set_result(future, future);
    else if (how == FAIL)
        (void)filch_future_set_error(future, 77, "by hand");
    else
        (void)filch_future_cancel(future);
}

/* What a second thread does once somebody waits for `awaited`: completes these one by one. */
struct script {
    struct filch_future *awaited;
    struct {
        struct filch_future *future;
        enum how how;
    } acts[8]; /* up to the first NULL */
    pthread_t thread;
    _Atomic(bool) returned; /* whoever waits sets it when it goes on */
    bool early;             /* it had gone on before the last act */
};

FILCH_UNUSED static void *perform(void *argument)
{
    struct script *script = argument;
    await_listed(script->awaited);
    for (size_t i = 0; i < COUNT(script->acts) && script->acts[i].future; i++) {
        script->early = atomic_load(&script->returned);
        complete(script->acts[i].future, script->acts[i].how);
    }
    return NULL;
}

FILCH_UNUSED static void begin(struct script *script)
{
    cr_assert_eq(pthread_create(&script->thread, NULL, perform, script), 0);
}

/* Returns whether all acts but the last were done before the other thread went on. */
FILCH_UNUSED static bool finish(struct script *script)
{
    atomic_store(&script->returned, true);
    pthread_join(script->thread, NULL);
    return !script->early;
}

/* ---- Executors --------------------------------------------------------------------------- */

enum kind { THREADS, SHARED, INLINE, KINDS };

/* One of each kind, the second on a pool of two workers. */
struct executors {
    struct filch_pool *pool;
    struct filch_executor *of[KINDS];
};

FILCH_UNUSED static void executors_create(struct executors *executors)
{
    executors->pool = pool_of(2);
    cr_assert_eq(filch_executor_create(2, NULL, &executors->of[THREADS]), 0);
    cr_assert_eq(filch_executor_create_on(executors->pool, NULL, &executors->of[SHARED]), 0);
    cr_assert_eq(filch_executor_create_inline(&executors->of[INLINE]), 0);
}

FILCH_UNUSED static void executors_destroy(struct executors *executors)
{
    for (int kind = 0; kind < KINDS; kind++)
        cr_assert_eq(filch_executor_destroy(executors->of[kind]), 0);
    cr_assert_eq(filch_pool_destroy(executors->pool), 0);
}

FILCH_UNUSED static struct filch_future *submit_to(struct filch_executor *executor,
                                                   filch_fn *fn, void *argument)
{
    struct filch_future *future = NULL;
    cr_assert_eq(filch_executor_submit(executor, fn, argument, &future), 0);
    return future;
}

/* Runs fn(argument) as a task of a pool with one worker, and waits for its end. */
FILCH_UNUSED static void run_in_task(filch_fn *fn, void *argument)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, fn, argument);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
    filch_future_release(future);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* Runs fn(pool) as a task, and tells it to stop once it has set *begun. What it returned. */
FILCH_UNUSED static void *run_until_stopped(struct filch_pool *pool, filch_fn *fn,
                                            _Atomic(int) *begun)
{
    void *result = UNTOUCHED;
    atomic_store(begun, 0);
    struct filch_future *future = submit(pool, fn, pool);
    while (!atomic_load(begun))
        sched_yield();
    (void)filch_future_stop(future);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
    filch_future_release(future);
    return result;
}

/* Runs fn(argument) in a forked process, which has no worker; returns what it returned. */
FILCH_UNUSED static int run_in_child(int (*fn)(void *argument), void *argument)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(fn(argument));
    cr_assert_gt(child, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* ---- Time -------------------------------------------------------------------------------- */

/* How many seconds the library's clock is ahead of the system's. */
FILCH_UNUSED static _Atomic(int) seconds_ahead;

/* Replaces the C library's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
    int error = (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += atomic_load(&seconds_ahead);
    return error;
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Allocations that this thread still gets; negative: any number. And blocks that it holds. */
FILCH_UNUSED static _Thread_local long allocations_left = -1, blocks_held;

#if defined(__GLIBC__) && !ADDRESS_SANITIZER
#define MEMORY_CAN_FAIL 1

/* The C library's own, under the names by which they can be called from those that replace them. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static bool is_granted(void)
{
    if (allocations_left == 0) {
        errno = ENOMEM;
        return false;
    }
    allocations_left -= allocations_left > 0;
    return true;
}

static void *counted(void *block)
{
    blocks_held += block != NULL;
    return block;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    return is_granted() ? counted(__libc_malloc(size)) : NULL;
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    return is_granted() ? counted(__libc_calloc(count, size)) : NULL;
}

__attribute__((visibility("default"))) void *realloc(void *block, size_t size)
{
    if (!is_granted())
        return NULL;
    void *moved = __libc_realloc(block, size);
    return block ? moved : counted(moved);
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t size)
{
    return is_granted() ? counted(__libc_memalign(alignment, size)) : NULL;
}

__attribute__((visibility("default"))) void free(void *block)
{
    blocks_held -= block != NULL;
    __libc_free(block);
}
#else
#define MEMORY_CAN_FAIL 0
#endif

#define SKIP_WITHOUT_FAILING_MEMORY()                                           \
    do {                                                                        \
        if (!MEMORY_CAN_FAIL)                                                   \
            cr_skip_test("malloc can be replaced with glibc only, and without " \
                         "AddressSanitizer");                                   \
    } while (0)

#endif
