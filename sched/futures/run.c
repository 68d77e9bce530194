/* SPDX-License-Identifier: MIT
 *
 * Running, refusing and cancelling a future: see run.h. */
#include "sched/futures/run.h"

#include "sched/core/process.h"
#include "sched/core/search.h"
#include "sched/core/settle.h"
#include "sched/futures/backend.h"
#include "sched/futures/context.h"
#include "sched/futures/continuation.h"
#include "sched/futures/describe.h"
#include "sched/futures/token.h"

/* What a future that was claimed has to do, as a function of its own argument, and of its parent's
 * value if it has one. */
static void *call_task(struct filch_future *future, uintptr_t fn)
{
    if (!(fi_future_flags(future) & FI_THEN))
        return ((filch_fn *)fn)(future->value);
    void *value = future->parent->value;
    fi_future_drop_parent(future);
    return ((filch_then_fn *)fn)(value, future->value);
}

/* Of the context of a future's task. */
static void describe_future(const struct fi_running *running, char *text, size_t size)
{
    const struct fi_context *context = (const struct fi_context *)(const void *)running;

    fi_future_name_task(context->own.future, text, size);
}

static FILCH_COLD void set_own_failure(struct filch_future *future, struct fi_context *context)
{
    const char *text;
    struct fi_detail detail;
    int code = fi_context_failure(context, &text, &detail);

    fi_future_set_failure(future, code, fi_failure_create(text, detail));
}

void fi_future_run(struct filch_future *future, struct fi_worker *worker)
{
    struct fi_context context;
    /* Relaxed, all three: it came as the rest of the task did (L2), and only this very thread draws
     * a conclusion from finding itself there. */
    uintptr_t fn = atomic_load_explicit(&future->fn, memory_order_relaxed);

    atomic_store_explicit(&future->fn, (uintptr_t)fi_thread_id(), memory_order_relaxed);
    bool looping = fi_trampoline_pause();
    fi_context_enter(&context, future, future->token, future->executor);
    context.running.describe = describe_future;
    void *value = call_task(future, fn);
    fi_trampoline_resume(looping);
    if (fi_failed(value)) {
        set_own_failure(future, &context);
    } else {
        fi_context_forget_failure(&context);
        future->value = value;
    }
    atomic_store_explicit(&future->fn, 0, memory_order_relaxed);
    fi_future_end(future, worker);
    fi_context_leave(&context); /* the executor has to wait for the callbacks, too */
}

/* ---- What its executor is told ----------------------------------------------------------- */

/* It has started, or never will: max_queued does not count it any more. */
static void leave_queue(struct filch_future *future)
{
    /* Relaxed: decides who says so. The flag was set before the task was submitted. */
    if (fi_future_flags(future) & FI_QUEUED &&
        atomic_fetch_and_explicit(&future->flags, ~(uint32_t)FI_QUEUED, memory_order_relaxed) &
            FI_QUEUED)
        fi_executor_taken(future->executor);
}

/* A waiter runs it, and its submit queue lets go of it: the second one speaks for both. */
static void end_half(struct filch_future *future, struct filch_executor *executor)
{
    /* F3, acq_rel, pairs with itself: all that the first did with the executor. */
    if (executor &&
        atomic_fetch_or_explicit(&future->flags, FI_HALF, memory_order_acq_rel) & FI_HALF)
        fi_executor_ended(executor);
}

/* ---- Who runs it ------------------------------------------------------------------------- */

/* Ends a future that is not to be run. Returns false if a waiter runs it. */
static bool refuse(struct filch_future *future, int refusal)
{
    if (refusal != FILCH_ECANCELED && fi_latch_claim(&future->latch)) {
        fi_future_drop_argument(future);
        fi_future_fail(future, refusal, NULL);
        return true;
    }
    (void)fi_future_revoke(future);
    (void)fi_latch_notify_cancel(&future->latch);
    return filch_future_cancelled(future);
}

void fi_future_take(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                    int refusal)
{
    struct filch_future *future = (struct filch_future *)(void *)task;
    struct filch_executor *executor = future->executor;
    bool mine = true;

    (void)head; /* a plain function runs no fork of this level's */
    if (worker)
        fi_worker_settle_but(worker, NULL);
    leave_queue(future);
    if (!refusal)
        refusal = fi_executor_refusal(executor);
    if (!refusal && fi_token_is_cancelled(future->token))
        refusal = FILCH_ECANCELED;
    if (refusal)
        mine = refuse(future, refusal);
    else if (fi_latch_claim(&future->latch))
        fi_future_run(future, worker);
    else
        mine = refuse(future, FILCH_ECANCELED);
    if (!mine)
        end_half(future, executor);
    else if (executor)
        fi_executor_ended(executor);
    filch_future_release(future);
}

bool fi_future_run_early(struct filch_future *future)
{
    struct filch_executor *executor = future->executor;

    if (fi_token_is_cancelled(future->token))
        (void)fi_future_revoke(future);
    if (!fi_latch_claim(&future->latch))
        return false;
    leave_queue(future);
    fi_future_run(future, NULL);
    end_half(future, executor);
    return true;
}

void fi_future_run_here(struct filch_future *future)
{
    struct filch_executor *executor = future->executor;

    fi_executor_begin_here(executor);
    if (fi_token_is_cancelled(future->token))
        (void)fi_future_revoke(future);
    else if (fi_latch_claim(&future->latch))
        fi_future_run(future, NULL);
    (void)fi_latch_notify_cancel(&future->latch);
    filch_future_release(future);
    fi_executor_end_here(executor);
}

/* ---- Cancelling -------------------------------------------------------------------------- */

/* About to cancel it. max_queued does not count it any more, though its submit queue will hold it until
 * a worker comes by. While it is LOCKED it cannot end, so that its executor stays. */
static void leave_queue_early(struct filch_future *future)
{
    if (!(fi_future_flags(future) & FI_QUEUED) ||
        future->generation != fi_process_generation() || !fi_latch_lock(&future->latch))
        return;
    leave_queue(future);
    fi_latch_unlock(&future->latch);
}

bool filch_future_cancel(struct filch_future *future)
{
    FI_ASSERT_ALIVE(future);
    leave_queue_early(future);
    return fi_future_revoke(future) || filch_future_cancelled(future);
}

bool filch_future_stop(struct filch_future *future)
{
    bool cancelled = filch_future_cancel(future);

    /* C1, release, pairs with C2 in filch_scope_cancelled(), as in filch_token_cancel(). */
    if (!cancelled)
        atomic_fetch_or_explicit(&future->flags, FI_STOPPED, memory_order_release);
    return cancelled;
}
