/* SPDX-License-Identifier: MIT
 *
 * Executors with threads of their own: a pool that nobody else uses, whose end is the executor's.
 * So tasks need not be counted. */
#include "sched/futures/backend_pool.h"
#include "sched/futures/end.h"
#include "sched/futures/executor.h"

#include "sched/core/wait.h"

static void close_pool(struct filch_executor *executor)
{
    fi_pooled_close(executor);
    fi_pool_close(executor->pool);
}

static void await_pool(struct filch_executor *executor)
{
    fi_pooled_run_queued(executor);
    fi_latch_wait(&executor->pool->left_by_all, FI_NEVER);
}

static void join_pool(struct filch_executor *executor)
{
    fi_pool_join(executor->pool);
}

static void detach_pool(struct filch_executor *executor)
{
    fi_pool_detach(executor->pool); /* has pool_is_gone() called */
}

static void pool_has_ended(void *executor)
{
    fi_executor_left(executor);
}

static void pool_is_gone(void *executor)
{
    fi_executor_free(executor);
}

static void free_pool(struct filch_executor *executor)
{
    (void)filch_pool_destroy(executor->pool);
}

static bool is_worker(const struct filch_executor *executor)
{
    return filch_pool_current() == executor->pool;
}

static const void *only_worker(const struct filch_executor *executor)
{
    /* Relaxed: if that thread sleeps, and only then does it matter, it has had the lock since
     * (core/deadlock.c). */
    return executor->pool->exclusive
               ? atomic_load_explicit(&executor->pool->workers[0]->id, memory_order_relaxed)
               : NULL;
}

static const struct fi_backend threads = {
    .counted = false,
    .withdraw = fi_pooled_withdraw,
    .close = close_pool,
    .wait = await_pool,
    .detach = detach_pool,
    .fini = join_pool,
    .forget = free_pool,
    .is_inside = is_worker,
    .server = only_worker,
    .threads = fi_pooled_threads,
};

/* An initializer has failed: nothing is run any more. */
static void broken(void *argument)
{
    struct filch_executor *executor = argument;

    if (fi_executor_refuse(executor, FILCH_EBROKEN))
        fi_pooled_close(executor);
    fi_executor_refuse_queued(executor, FILCH_EBROKEN);
}

int filch_executor_create(int max_workers, const struct filch_executor_options *options,
                          struct filch_executor **out)
{
    struct filch_executor_options given = {0};
    bool by_default = max_workers == FILCH_WORKERS_DEFAULT;
    struct filch_pool *pool;

    if (options)
        given = *options;
    if (max_workers <= 0 && !by_default)
        return FILCH_EMAXWORKERS;
    int error = fi_executor_check_options(&given);
    if (error)
        return error;
    struct filch_executor *executor = fi_executor_alloc(&threads, &given);
    if (!executor)
        return FILCH_ENOMEM;
    struct fi_pool_plan plan = {
        .options = {.workers = by_default ? 0 : max_workers,
                    .stack_size = given.stack_size,
                    .spares = max_workers == 1 && !given.spares ? -1 : given.spares,
                    .thread_name_prefix = given.thread_name_prefix},
        .on_demand = true,
        .exclusive = max_workers == 1,
        .initializer = given.initializer,
        .initializer_arg = given.initializer_arg,
        .exit_hook = given.exit_hook,
        .exit_hook_arg = given.exit_hook_arg,
        .broken = broken,
        .ended = pool_has_ended,
        .gone = pool_is_gone,
        .executor = executor,
    };
    error = fi_pool_create(&plan, &pool);
    if (!error && (error = fi_pooled_open(executor, pool))) {
        fi_pool_close(pool);
        fi_pool_join(pool);
    }
    if (error) {
        fi_executor_free(executor);
        return error;
    }
    executor->serial = pool->exclusive;
    fi_executor_join_process(executor);
    *out = executor;
    return 0;
}
