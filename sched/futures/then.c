/* SPDX-License-Identifier: MIT
 *
 * What is to happen once a future has ended: callbacks, and further futures, its continuations
 * (filch_future_then()). One that has an executor with workers goes there; one that the thread
 * itself is to run, or that is to end as its parent did, is left to this thread's trampoline
 * (continuation.h), and so to whoever waits on this thread.
 *
 * A continuation stands in its parent's list, which has a reference to it; it points back without
 * one (FI_CONTINUES), or neither would ever be freed if the parent never ended. That pointer is
 * good as long as LOCKED of the continuation is held, since the parent takes it before it goes. */
#include "sched/futures/await.h"
#include "sched/futures/backend.h"
#include "sched/futures/continuation.h"
#include "sched/futures/run.h"

/* ---- Callbacks --------------------------------------------------------------------------- */

int filch_future_add_done_callback(struct filch_future *future, filch_done_fn *fn, void *arg)
{
    FI_ASSERT_ALIVE(future);
    if (!fn)
        return FILCH_EINVAL;
    if (fi_latch_ended(&future->latch)) {
        fi_callback_call(fn, future, arg);
        return 0;
    }
    struct fi_callback *callback = fi_callback_create(fn, arg);
    if (!callback)
        return FILCH_ENOMEM;
    if (!fi_latch_add(&future->latch, callback))
        callback->call(callback, future);
    return 0;
}

/* ---- On this thread ---------------------------------------------------------------------- */

static struct filch_future *future_of(struct fi_callback *continuation)
{
    return (struct filch_future *)(void *)continuation;
}

static void run_continuation(struct filch_future *future)
{
    struct filch_executor *executor = future->executor;
    int error = executor ? fi_executor_begin_continuation(executor) : 0;

    if (!fi_latch_claim(&future->latch))
        ; /* cancelled */
    else if (error)
        fi_future_fail(future, error, NULL);
    else
        fi_future_run(future, NULL);
    if (executor && !error)
        fi_executor_end_here(executor);
}

static void fail_as_parent(struct filch_future *future)
{
    const struct filch_future *parent = future->parent;

    if (fi_latch_claim(&future->latch))
        fi_future_fail(future, (int)(intptr_t)parent->value,
                       fi_failure_retain(parent->failure));
}

/* From the trampoline. The reference that the parent's list had is this one's. */
static void settle(struct fi_callback *continuation, void *none)
{
    struct filch_future *future = future_of(continuation);
    bool inherits = fi_future_flags(future) & FI_INHERITS;

    (void)none;
    if (inherits && !(fi_future_flags(future->parent) & FI_FAILED)) {
        run_continuation(future);
    } else {
        fi_executor_release_weak(future->executor);
        if (inherits)
            fail_as_parent(future);
        else
            (void)fi_future_revoke(future);
    }
    filch_future_release(future);
}

static void leave_to_trampoline(struct filch_future *future)
{
    future->continuation.call = settle;
    fi_trampoline_add(&future->continuation);
}

/* ---- On its executor --------------------------------------------------------------------- */

/* Now that its parent has a result. The reference that the parent's list had goes along. */
static void submit_continuation(struct filch_future *future)
{
    future->task.run = fi_future_take;
    int error = fi_executor_submit_continuation(future->executor, &future->task);
    if (!error)
        return;
    if (fi_latch_claim(&future->latch))
        fi_future_fail(future, error, NULL);
    filch_future_release(future);
}

/* ---- Which of them ----------------------------------------------------------------------- */

/* The continuation lets go of the parent that it points to; or holds it from now on (`inherits`).
 * runs: it will be run. Returns false if it has ended itself. */
static bool cut_off(struct filch_future *future, struct filch_future *parent, bool inherits,
                    bool runs)
{
    if (!fi_latch_lock(&future->latch))
        return false;
    if (inherits) {
        filch_future_retain(parent);
        /* Relaxed: F4 follows. */
        atomic_fetch_or_explicit(&future->flags, FI_INHERITS, memory_order_relaxed);
    } else {
        future->parent = NULL;
    }
    if (!runs)
        future->pool = NULL; /* nobody is to run it */
    /* F4, release, pairs with F5 in await.c: the parent and its result, the pool, FI_INHERITS. */
    atomic_fetch_and_explicit(&future->flags, ~(uint32_t)FI_CONTINUES, memory_order_release);
    fi_latch_unlock(&future->latch);
    return true;
}

/* The parent has ended, or is about to go without an end (NULL). */
static void go_on(struct fi_callback *continuation, void *owner)
{
    struct filch_future *future = future_of(continuation), *parent = owner;
    bool inherits = parent && !filch_future_cancelled(parent);
    bool runs = inherits && !(fi_future_flags(parent) & FI_FAILED);

    if (!cut_off(future, parent, inherits, runs)) {
        fi_executor_release_weak(future->executor);
        filch_future_release(future);
    } else if (runs && !fi_executor_caller_runs(future->executor)) {
        submit_continuation(future);
    } else {
        leave_to_trampoline(future);
    }
}

int filch_future_then(struct filch_future *future, struct filch_executor *executor,
                      filch_then_fn *fn, void *arg, struct filch_future **next)
{
    int error = fn ? 0 : FILCH_EINVAL;

    FI_ASSERT_ALIVE(future);
    if (!error && executor)
        error = fi_executor_check(executor);
    if (error)
        return error;
    struct filch_future *new = fi_future_alloc(FI_THEN | FI_CONTINUES);
    if (!new)
        return FILCH_ENOMEM;
    atomic_init(&new->latch.references, next ? 2 : 1);
    atomic_init(&new->fn, (uintptr_t)fn);
    new->value = arg;
    new->executor = executor;
    new->pool = executor ? executor->helpers : NULL;
    new->parent = future;
    new->continuation.call = go_on;
    if (executor)
        fi_executor_retain_weak(executor);
    if (next)
        *next = new;
    if (!fi_latch_add(&future->latch, &new->continuation)) {
        go_on(&new->continuation, future);
        fi_trampoline_run();
    }
    return 0;
}
