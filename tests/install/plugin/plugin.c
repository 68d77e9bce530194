/* SPDX-License-Identifier: MIT
 *
 * A shared library that uses filch, for programs that know nothing of that: they load and unload it
 * (loader.c). */
#include <filch/filch.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#define FUTURES 200 /* more than a thread keeps in two magazines of its own */

bool plugin_work(void);
bool plugin_leave(bool detach, int tasks, _Atomic(int) *ended);

FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

static void *same(void *arg)
{
    return arg;
}

static void *first_of_two(void *value, void *arg)
{
    (void)arg;
    return value;
}

/* Submits many, with what follows on each, and waits for all. */
static bool submit_many(struct filch_executor *executor)
{
    struct filch_future *futures[FUTURES];
    bool ok = true;

    for (int i = 0; i < FUTURES; i++) {
        struct filch_future *future;
        if (filch_executor_submit(executor, same, &futures[i], &future) ||
            filch_future_then(future, executor, first_of_two, NULL, &futures[i]))
            return false;
        filch_future_release(future);
    }
    for (int i = 0; i < FUTURES; i++) {
        void *result;
        ok = ok && !filch_future_result(futures[i], FILCH_FOREVER, &result) &&
             result == &futures[i];
        filch_future_release(futures[i]);
    }
    return ok;
}

/* Scratch memory of this thread: it goes when the thread or the library does. */
static bool use_scratch(void)
{
    size_t mark = filch_scratch_mark();
    char *block = filch_scratch_alloc(100);

    if (block)
        *block = 1;
    filch_scratch_reset(mark);
    return block;
}

static void *use_scratch_in_task(void *arg)
{
    return use_scratch() ? arg : NULL;
}

/* Any thread. Uses filch, and leaves nothing of it behind. Did all go well? */
bool plugin_work(void)
{
    struct filch_executor *executor;
    char there;
    void *result;
    struct filch_future *future;

    if (!use_scratch() || filch_executor_create(2, NULL, &executor) ||
        filch_executor_submit(executor, use_scratch_in_task, &there, &future) ||
        filch_future_result(future, FILCH_FOREVER, &result) || result != &there)
        return false;
    filch_future_release(future);
    return submit_many(executor) && FILCH_RUN(filch_executor_pool(executor), fib, 20) == 6765 &&
           !filch_executor_shutdown(executor, true, false) && !filch_executor_destroy(executor);
}

/* ---- Left behind ------------------------------------------------------------------------- */

static _Atomic(bool) unloading;
static struct filch_executor *kept;

__attribute__((destructor)) static void unload(void)
{
    atomic_store(&unloading, true);
    (void)filch_executor_destroy(kept);
}

static void *stay(void *ended)
{
    while (!atomic_load(&unloading))
        sched_yield();
    atomic_fetch_add((_Atomic(int) *)ended, 1);
    return NULL;
}

/* Any thread. Submits tasks, of which none ends before the library is being unloaded, to an executor
 * of one thread, and lets go of that: for good, or until then. *ended: how many tasks have. */
bool plugin_leave(bool detach, int tasks, _Atomic(int) *ended)
{
    struct filch_executor *executor;

    if (filch_executor_create(1, NULL, &executor))
        return false;
    for (int i = 0; i < tasks; i++)
        if (filch_executor_submit(executor, stay, ended, NULL))
            return false;
    if (detach) {
        filch_executor_detach(executor);
        return true;
    }
    kept = executor;
    return !filch_executor_shutdown(executor, false, false);
}
