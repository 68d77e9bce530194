/* SPDX-License-Identifier: MIT
 *
 * Waiting for a future: see await.h. */
#include "sched/futures/await.h"

#include "sched/core/deadlock.h"
#include "sched/core/process.h"
#include "sched/futures/context.h"
#include "sched/futures/continuation.h"
#include "sched/futures/run.h"

#include <math.h>

/* ---- Waiting for oneself ----------------------------------------------------------------- */

/* Relaxed: a thread recognises only what it wrote itself. */
static bool runs_here(const struct filch_future *future)
{
    return atomic_load_explicit(&future->fn, memory_order_relaxed) == (uintptr_t)fi_thread_id();
}

/* Does the future wait for one that runs on this very thread? */
static bool continues_own(struct filch_future *future)
{
    bool own = false;

    /* Without a task on this thread there is none to wait for. */
    if (!fi_context_current() || !(fi_future_flags(future) & FI_THEN))
        return false;
    struct filch_future *parent = fi_future_parent(future);
    while (parent && !own) {
        own = runs_here(parent);
        struct filch_future *next = own ? NULL : fi_future_parent(parent);
        filch_future_release(parent);
        parent = next;
    }
    return own;
}

int fi_future_check_wait(struct filch_future *future)
{
    if (future->generation != fi_process_generation())
        return FILCH_EFORKED;
    if (runs_here(future) || continues_own(future) || fi_context_is_lent(future))
        return FILCH_EDEADLK;
    fi_trampoline_drain();
    return 0;
}

/* ---- Running what is awaited ------------------------------------------------------------- */

bool fi_future_run_awaited(struct filch_future *future)
{
    struct fi_worker *worker = fi_worker_self();

    /* F5, acquire, pairs with F4: what it has waited for, and the pool. */
    return worker &&
           !(atomic_load_explicit(&future->flags, memory_order_acquire) & FI_CONTINUES) &&
           worker->pool == future->pool && fi_future_run_early(future);
}

/* ---- Waiting in a task ------------------------------------------------------------------- */

/* Who waits for a future in a task. It waits in vain if this would close a cycle. */
struct waiting {
    struct fi_wait wait; /* first: its address is the whole's */
    struct fi_sleeper sleeper;
    bool in_vain;
};

static bool await_over(struct fi_wait *wait)
{
    const struct filch_future *future = wait->object;

    return fi_latch_ended(&future->latch) || ((struct waiting *)(void *)wait)->in_vain;
}

/* A fi_runner_fn. */
static const void *runner_of(void *object)
{
    struct filch_future *future = object;

    if (fi_latch_state(&future->latch) != FI_RUNNING)
        return NULL;
    /* Relaxed: a thread that has been found in the table wrote it before (core/deadlock.c). */
    return (const void *)atomic_load_explicit(&future->fn, memory_order_relaxed);
}

static bool await_enlist(struct fi_wait *wait)
{
    struct waiting *waiting = (struct waiting *)(void *)wait;
    struct filch_future *future = wait->object;

    wait->waiter = (struct fi_waiter){.event = wait->event};
    if (!fi_latch_enlist(&future->latch, &wait->waiter))
        return false;
    waiting->in_vain = !fi_deadlock_enter(&waiting->sleeper, future, runner_of);
    if (waiting->in_vain)
        fi_latch_delist(&future->latch, &wait->waiter);
    return !waiting->in_vain;
}

static void await_delist(struct fi_wait *wait)
{
    struct filch_future *future = wait->object;

    fi_deadlock_leave(&((struct waiting *)(void *)wait)->sleeper);
    fi_latch_delist(&future->latch, &wait->waiter);
}

/* For ever, if need be. Returns 0, or FILCH_EDEADLK. */
static int await_in_task(struct filch_future *future)
{
    struct waiting waiting = {
        .wait.over = await_over,
        .wait.enlist = await_enlist,
        .wait.delist = await_delist,
        .wait.deadline = FI_NEVER,
        .wait.object = future,
    };

    fi_wait_for(&waiting.wait);
    return waiting.in_vain ? FILCH_EDEADLK : 0;
}

/* ---- The result -------------------------------------------------------------------------- */

/* Waits until the future has ended. Returns 0, or why that is not so. */
static int await(struct filch_future *future, double timeout)
{
    FI_ASSERT_ALIVE(future);
    if (isnan(timeout))
        return FILCH_EINVAL;
    if (fi_latch_ended(&future->latch))
        return 0;
    if (!(timeout > 0) && future->generation == fi_process_generation())
        return FILCH_ETIMEDOUT;
    int error = fi_future_check_wait(future);
    if (error)
        return error;
    if (fi_future_run_awaited(future))
        return 0;
    int64_t deadline = fi_deadline(timeout);
    if (deadline == FI_NEVER && fi_context_current())
        return await_in_task(future);
    fi_latch_wait(&future->latch, deadline);
    return fi_latch_ended(&future->latch) ? 0 : FILCH_ETIMEDOUT;
}

/* What has become of a future that has ended. */
static int outcome(const struct filch_future *future)
{
    if (filch_future_cancelled(future))
        return FILCH_ECANCELED;
    return fi_future_flags(future) & FI_FAILED ? (int)(intptr_t)future->value : 0;
}

int filch_future_result(struct filch_future *future, double timeout, void **result)
{
    int error = await(future, timeout);

    if (!error)
        error = outcome(future);
    if (!error && result)
        *result = future->value;
    return error;
}

const char *filch_future_error(struct filch_future *future, double timeout, int *code)
{
    const char *text = NULL;
    int error = await(future, timeout);

    if (!error) {
        error = outcome(future);
        if (fi_future_flags(future) & FI_FAILED)
            text = future->text;
    }
    if (code)
        *code = error;
    if (!error)
        return NULL;
    return text ? text : filch_strerror(error);
}
