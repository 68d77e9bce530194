/* SPDX-License-Identifier: MIT
 *
 * The public submits: from a function and its argument to a task in a submit queue. A task is a
 * future, or, where nobody wants one, a plain task (plain_task.h). */
#include "sched/core/process.h"
#include "sched/futures/backend.h"
#include "sched/futures/group.h"
#include "sched/futures/submit_plain.h"
#include "sched/futures/run.h"

#include <filch/cancel.h>

#include <stdlib.h>
#include <string.h>

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

/* Returns false when memory lacks. */
static bool keep_extra(struct filch_future *future, const struct filch_task_options *options)
{
    size_t length = options->name ? strlen(options->name) : 0;

    if (!options->name && !options->drop)
        return true;
    struct fi_task_extra *extra = malloc(sizeof *extra + length + 1);
    if (!extra)
        return false;
    extra->drop = options->drop;
    extra->name = options->name ? extra->words : NULL;
    if (options->name)
        memcpy(extra->words, options->name, length);
    extra->words[length] = '\0';
    future->extra = extra;
    return true;
}

static struct filch_future *future_make(struct filch_executor *executor,
                                        const struct filch_task_options *options, filch_fn *fn,
                                        void *arg)
{
    struct filch_future *future = fi_future_alloc(0);

    if (!future)
        return NULL;
    future->task.run = fi_future_take;
    atomic_init(&future->fn, (uintptr_t)fn);
    future->value = arg;
    future->executor = executor;
    future->pool = executor->helpers;
    if (!options)
        return future;
    if (!keep_extra(future, options)) {
        filch_future_release(future);
        return NULL;
    }
    future->token = options->token ? filch_token_retain(options->token) : NULL;
    return future;
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
    int admission = fi_executor_admit(executor);
    if (admission < 0)
        return admission;
    struct filch_future *future = future_make(executor, options, fn, arg);
    if (!future) {
        if (admission == FI_ADMITTED)
            fi_executor_taken(executor);
        return FILCH_ENOMEM;
    }
    if (out)
        filch_future_retain(future);
    if (admission == FI_CALLER_RUNS) {
        fi_future_run_here(future);
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
    if (future)
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
    new->task.run = fi_future_take;
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

int filch_group_submit(struct filch_group *group, filch_fn *fn, void *arg)
{
    return fi_plain_task_submit(group->executor, group, fn, arg);
}

int filch_group_submit_many(struct filch_group *group, filch_fn *fn, void *const *args,
                            size_t count, size_t *submitted)
{
    return fi_plain_task_submit_many(group->executor, group, fn, args, count, submitted);
}
