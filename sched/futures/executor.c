/* SPDX-License-Identifier: MIT
 *
 * How executors end, and what they answer: in terms of their back ends' tables (backend.h), which
 * have the functions that make them. */
#include "sched/futures/executor.h"

#include "sched/core/wait.h"
#include "sched/futures/context.h"
#include "sched/futures/end.h"

#include <stddef.h>

static bool is_orphaned_by_fork(const struct filch_executor *executor)
{
    return executor->generation != fi_process_generation();
}

/* ---- Ending ------------------------------------------------------------------------------ */

/* Does one of its tasks run on this thread, or may one? */
static bool is_inside(const struct filch_executor *executor)
{
    const struct fi_backend *backend = executor->backend;

    return (backend->is_inside && backend->is_inside(executor)) ||
           fi_context_in_executor(executor);
}

static void close_executor(struct filch_executor *executor)
{
    (void)fi_executor_refuse(executor, FILCH_ESHUTDOWN);
    if (executor->backend->close)
        executor->backend->close(executor);
    fi_executor_await_submitters(executor); /* what they begin counts, too */
    fi_executor_closed(executor);
}

static void await_end(struct filch_executor *executor)
{
    if (executor->backend->wait)
        executor->backend->wait(executor);
    (void)fi_count_latch_wait(&executor->unfinished, FI_NEVER);
}

int filch_executor_shutdown(struct filch_executor *executor, bool wait, bool cancel_futures)
{
    if (is_orphaned_by_fork(executor))
        return FILCH_EFORKED;
    if (wait && is_inside(executor))
        return fi_executor_refuse_wait(executor);
    close_executor(executor);
    if (cancel_futures) {
        /* Relaxed: for those who take tasks several at once; the others are found in the queues. */
        atomic_store_explicit(&executor->cancels, true, memory_order_relaxed);
        fi_executor_refuse_queued(executor, FILCH_ECANCELED);
    }
    if (wait)
        await_end(executor);
    return 0;
}

int filch_executor_destroy(struct filch_executor *executor)
{
    if (!executor)
        return 0;
    if (is_orphaned_by_fork(executor)) {
        if (executor->backend->forget)
            executor->backend->forget(executor);
        /* No more than that: those who stayed in the parent may wait for room. */
        fi_executor_release_weak(executor);
        return 0;
    }
    int error = filch_executor_shutdown(executor, true, false);
    if (error)
        return error;
    fi_executor_await_submitters(executor);
    (void)fi_process_leave(&executor->member, true);
    fi_executor_release(executor);
    return 0;
}

void filch_executor_detach(struct filch_executor *executor)
{
    if (!executor)
        return;
    if (is_orphaned_by_fork(executor)) {
        (void)filch_executor_destroy(executor);
        return;
    }
    close_executor(executor);
    if (!fi_process_leave(&executor->member, false))
        return; /* the process ends, and waits for its tasks */
    if (executor->backend->detach) {
        executor->backend->detach(executor);
        return;
    }
    executor->held = !fi_process_hold();
    fi_executor_release(executor);
}

/* ---- The process ------------------------------------------------------------------------- */

/* exit() has begun. */
static void finish(struct fi_process_member *member)
{
    struct filch_executor *executor =
        (struct filch_executor *)(void *)((char *)member -
                                          offsetof(struct filch_executor, member));

    close_executor(executor);
    await_end(executor);
}

void fi_executor_join_process(struct filch_executor *executor)
{
    executor->member.finish = finish;
    executor->member.pool = executor->pool;
    fi_process_enter(&executor->member);
}

/* ---- Options, asking --------------------------------------------------------------------- */

int fi_executor_check_options(const struct filch_executor_options *options)
{
    if (options->when_full > FILCH_FULL_CALLER_RUNS || options->max_queued > UINT32_MAX)
        return FILCH_EINVAL;
    return 0;
}

struct filch_pool *filch_executor_pool(const struct filch_executor *executor)
{
    return executor->pool;
}

int filch_executor_threads(const struct filch_executor *executor)
{
    return executor->backend->threads ? executor->backend->threads(executor) : 0;
}
