/* SPDX-License-Identifier: MIT
 *
 * Submitting: from a function and its argument to a task in a submit queue. A task is a future, or, where
 * nobody wants one, a plain task (plain_task.h). */
#include "sched/core/process.h"
#include "sched/futures/plain_task.h"
#include "sched/futures/executor.h"
#include "sched/futures/context.h"
#include "sched/futures/future.h"

#include <filch/cancel.h>

#include <stdlib.h>
#include <string.h>

/* ---- What an executor has to do with it --------------------------------------------------- */

int fi_executor_check(const struct filch_executor *executor)
{
    if (executor->generation != fi_process_generation())
        return FILCH_EFORKED;
    /* E2, seq_cst: see fi_executor_submit_continuation(). Otherwise a submit beside a shutdown may come before
     * it; a closed submit queue has the last word. */
    return atomic_load_explicit(&executor->refusal, memory_order_seq_cst);
}

static void begin(struct filch_executor *executor, uint32_t count)
{
    if (executor->owns_pool)
        return;
    fi_count_latch_add(&executor->unfinished, count);
    /* F1, as for futures. */
    atomic_fetch_add_explicit(&executor->references, count, memory_order_relaxed);
}

void fi_executor_ended(struct filch_executor *executor)
{
    if (executor->owns_pool)
        return;
    fi_count_latch_sub(&executor->unfinished, 1);
    fi_executor_release(executor);
}

void fi_executor_begin_here(struct filch_executor *executor)
{
    if (executor->owns_pool)
        fi_count_latch_add(&executor->unfinished, 1);
    else
        begin(executor, 1);
}

void fi_executor_end_here(struct filch_executor *executor)
{
    if (executor->owns_pool)
        fi_count_latch_sub(&executor->unfinished, 1);
    else
        fi_executor_ended(executor);
}

int fi_executor_inject_many(struct filch_executor *executor, enum fi_priority priority,
                            void *const *tasks, uint32_t count, uint32_t *pushed)
{
    begin(executor, count);
    int error = fi_pool_inject_many(executor->pool, executor->submit_queue, priority, tasks,
                                    count, pushed);
    if (!error)
        return 0;
    for (uint32_t i = *pushed; i < count; i++)
        fi_executor_ended(executor);
    /* Why the submit queue is closed. Relaxed: it was written before Q18, which Q1 has seen. */
    int refusal = atomic_load_explicit(&executor->refusal, memory_order_relaxed);
    return error == FILCH_ESHUTDOWN && refusal ? refusal : error;
}

int fi_executor_submit_continuation(struct filch_executor *executor, struct fi_task *task)
{
    /* E1, E2, seq_cst: whoever ends the executor first has it refuse (E4), and then looks for
     * submitters (E3): either it sees this one, and waits, or this one is refused. */
    atomic_fetch_add_explicit(&executor->weak_references, FI_EXECUTOR_SUBMITTER,
                              memory_order_seq_cst);
    int error = fi_executor_check(executor);
    if (!error && task)
        error = fi_executor_inject(executor, FI_NORMAL, task);
    else if (!error)
        fi_executor_begin_here(executor);
    /* E5, release, pairs with E3: what this one did with the executor, and its pool. */
    atomic_fetch_sub_explicit(&executor->weak_references, FI_EXECUTOR_SUBMITTER,
                              memory_order_release);
    fi_executor_release_weak(executor);
    return error;
}

int fi_executor_enter(struct filch_executor *executor)
{
    int error;

    if (!executor->bounded || !filch_semaphore_try_acquire(&executor->room))
        return 0;
    switch (executor->when_full) {
    case FILCH_FULL_REJECT:
        return FILCH_EFULL;
    case FILCH_FULL_CALLER_RUNS:
        return 1;
    case FILCH_FULL_BLOCK:
        break;
    }
    error = filch_semaphore_acquire(&executor->room, FILCH_FOREVER);
    if (!error && (error = fi_executor_check(executor)))
        fi_executor_taken(executor);
    return error;
}

void fi_executor_taken(struct filch_executor *executor)
{
    if (executor->bounded)
        (void)filch_semaphore_release(&executor->room, 1);
}

struct fi_task *fi_executor_pop(struct filch_executor *executor)
{
    struct fi_task *task = fi_submit_queue_pop(executor->submit_queue);
    return task ? task : fi_pool_take_back(executor->pool, executor->submit_queue);
}

void fi_executor_refuse_queued(struct filch_executor *executor, int refusal)
{
    struct fi_context context;
    struct fi_task *task;

    /* The executor has to wait for their callbacks. */
    fi_context_enter(&context, NULL, NULL, executor);
    while ((task = fi_executor_pop(executor)))
        task->run(task, NULL, NULL, refusal);
    fi_context_leave(&context);
}

/* ---- Futures ----------------------------------------------------------------------------- */

static enum fi_priority priority_of(const struct filch_task_options *options)
{
    enum filch_priority priority = options ? options->priority : FILCH_PRIORITY_NORMAL;
    return (enum fi_priority)(FI_NORMAL - (int)priority);
}

static bool are_valid(const struct filch_task_options *options)
{
    return !options || (options->priority >= FILCH_PRIORITY_LOW &&
                        options->priority <= FILCH_PRIORITY_HIGH);
}

static struct filch_future *future_make(struct filch_executor *executor,
                                        const struct filch_task_options *options, filch_fn *fn,
                                        void *arg)
{
    struct filch_future *future = fi_future_alloc(0);

    if (!future)
        return NULL;
    atomic_init(&future->fn, (uintptr_t)fn);
    future->value = arg;
    future->executor = executor;
    future->pool = executor->pool;
    if (!options)
        return future;
    if (options->name && !(future->name = strdup(options->name))) {
        filch_future_release(future);
        return NULL;
    }
    future->token = options->token ? filch_token_retain(options->token) : NULL;
    return future;
}

/* Runs it here, unless it should not run at all. The reference goes along. */
static void run_here(struct filch_future *future)
{
    struct filch_executor *executor = future->executor;

    fi_executor_begin_here(executor);
    if (future->token && filch_token_cancelled(future->token))
        (void)fi_future_revoke(future);
    else if (fi_latch_claim(&future->latch))
        fi_future_run(future, NULL);
    (void)fi_latch_notify_cancel(&future->latch);
    filch_future_release(future);
    fi_executor_end_here(executor);
}

int filch_executor_submit_with(struct filch_executor *executor,
                               const struct filch_task_options *options, filch_fn *fn,
                               void *arg, struct filch_future **out)
{
    if (!fn || !are_valid(options))
        return FILCH_EINVAL;
    int error = fi_executor_check(executor);
    if (error)
        return error;
    int room = executor->submit_queue ? fi_executor_enter(executor) : 1;
    if (room < 0)
        return room;
    struct filch_future *future = future_make(executor, options, fn, arg);
    if (!future) {
        if (!room)
            fi_executor_taken(executor);
        return FILCH_ENOMEM;
    }
    if (out)
        filch_future_retain(future);
    if (room) {
        run_here(future);
    } else {
        atomic_init(&future->flags, executor->bounded ? FI_QUEUED : 0);
        error = fi_executor_inject(executor, priority_of(options), &future->task);
    }
    if (error) {
        fi_executor_taken(executor);
        if (out)
            filch_future_release(future);
        filch_future_release(future);
        return error;
    }
    if (out)
        *out = future;
    return 0;
}

int filch_executor_submit(struct filch_executor *executor, filch_fn *fn, void *arg,
                          struct filch_future **future)
{
    if (future || !executor->submit_queue)
        return filch_executor_submit_with(executor, NULL, fn, arg, future);
    return fi_plain_task_submit(executor, NULL, fn, arg);
}

int filch_pool_submit(struct filch_pool *pool, filch_fn *fn, void *arg,
                      struct filch_future **future)
{
    if (!fn)
        return FILCH_EINVAL;
    if (filch_pool_check(pool))
        return FILCH_EFORKED;
    /* Relaxed: whoever destroys a pool while others still submit has to order the two itself. */
    if (atomic_load_explicit(&pool->phase, memory_order_relaxed) != FI_OPEN &&
        filch_pool_current() != pool)
        return FILCH_ESHUTDOWN;
    struct filch_future *new = fi_future_alloc(0);
    if (!new)
        return FILCH_ENOMEM;
    atomic_init(&new->fn, (uintptr_t)fn);
    new->value = arg;
    new->pool = pool;
    atomic_init(&new->latch.references, future ? 2 : 1);
    /* Once it is in the submit queue it may run, and be freed if nobody holds it. */
    int error = fi_pool_inject(pool, &pool->submit_queues.own, FI_NORMAL, &new->task);
    if (error) {
        fi_block_cache_free(FI_BLOCK_FUTURE, new);
        return error;
    }
    if (future)
        *future = new;
    return 0;
}
