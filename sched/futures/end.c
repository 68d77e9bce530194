/* SPDX-License-Identifier: MIT
 *
 * The end of executors: see end.h. Labels E6, E7 are those of sched/README.md. */
#include "sched/futures/end.h"

#include "sched/core/deadlock.h"
#include "sched/futures/context.h"
#include "sched/futures/continuation.h"
#include "sched/futures/future.h"

#include <stdio.h>

/* Ends the future, unless another thread does. */
static void finish_end(struct filch_executor *executor, struct filch_future *end)
{
    struct fi_callback *callbacks;
    struct fi_context context;

    if (!fi_latch_lock(&end->latch))
        return;
    fi_latch_end_locked(&end->latch, FI_FINISHED, &callbacks);
    /* A callback that waits for the executor's end is told so. */
    fi_context_enter(&context, NULL, NULL, executor);
    fi_continuations_dispatch(end, callbacks);
    fi_context_leave(&context);
}

FILCH_COLD void fi_executor_check_end(struct filch_executor *executor)
{
    if (!fi_count_latch_is_zero(&executor->unfinished))
        return;
    /* E6, seq_cst, both, with E7: either the future is seen here, or whoever makes it sees that it has
     * ended. */
    atomic_store_explicit(&executor->has_ended, true, memory_order_seq_cst);
    struct filch_future *end = atomic_load_explicit(&executor->end, memory_order_seq_cst);
    if (end)
        finish_end(executor, end);
}

void fi_executor_closed(struct filch_executor *executor)
{
    /* Up and down again, so that of this change and the last task's one sees the other. */
    fi_count_latch_add(&executor->unfinished, 1);
    /* Relaxed: T2 follows. */
    atomic_store_explicit(&executor->closed, true, memory_order_relaxed);
    fi_executor_count_out(executor, 1);
}

void fi_executor_left(struct filch_executor *executor)
{
    fi_executor_count_out(executor, 1);
}

/* ---- In words ---------------------------------------------------------------------------- */

static void name_end(const void *executor, char *text, size_t size)
{
    snprintf(text, size, "the end of executor %p", executor);
}

int fi_executor_refuse_wait(const struct filch_executor *executor)
{
    const struct fi_context *context = fi_context_current();

    while (context && context->scope->executor != executor)
        context = fi_context_outer(context);
    fi_deadlock_note_refusal(context ? &context->running : NULL, name_end, executor);
    return FILCH_EDEADLK;
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* RUNNING from the first: nobody can cancel it. */
static struct filch_future *make_end(struct filch_executor *executor)
{
    struct filch_future *end = fi_future_alloc(FI_END);

    if (!end)
        return NULL;
    (void)fi_latch_claim(&end->latch);
    end->executor = executor;
    end->pool = executor->backend->is_inside ? executor->pool : NULL;
    return end;
}

int filch_executor_end_future(struct filch_executor *executor, struct filch_future **future)
{
    if (executor->generation != fi_process_generation())
        return FILCH_EFORKED;
    /* Acquire, pairs with E7: the future. */
    struct filch_future *end = atomic_load_explicit(&executor->end, memory_order_acquire);
    if (!end) {
        struct filch_future *new = make_end(executor);
        if (!new)
            return FILCH_ENOMEM;
        /* E7, seq_cst, both, with E6: see there. Acquire when it fails: the other's future. */
        if (atomic_compare_exchange_strong_explicit(&executor->end, &end, new,
                                                    memory_order_seq_cst, memory_order_acquire))
            end = new;
        else
            filch_future_release(new);
    }
    filch_future_retain(end);
    if (atomic_load_explicit(&executor->has_ended, memory_order_seq_cst))
        finish_end(executor, end);
    *future = end;
    return 0;
}

enum filch_executor_state filch_executor_state(const struct filch_executor *executor)
{
    /* Relaxed, both: a snapshot; T1 brings what its tasks did. */
    int refusal = atomic_load_explicit(&executor->refusal, memory_order_relaxed);

    if (atomic_load_explicit(&executor->closed, memory_order_relaxed) &&
        fi_count_latch_is_zero(&executor->unfinished))
        return FILCH_EXECUTOR_ENDED;
    if (!refusal)
        return FILCH_EXECUTOR_RUNNING;
    return refusal == FILCH_EBROKEN ? FILCH_EXECUTOR_BROKEN : FILCH_EXECUTOR_SHUT_DOWN;
}
