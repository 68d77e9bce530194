/* SPDX-License-Identifier: MIT
 *
 * Executors on a pool that others use, too. That goes on when they end, so their tasks are
 * counted. */
#include "sched/futures/backend_pool.h"
#include "sched/futures/executor.h"

static void give_queue_back(struct filch_executor *executor)
{
    fi_submit_queue_release(&executor->pool->submit_queues, executor->submit_queue);
}

static const struct fi_backend shared = {
    .counted = true,
    .withdraw = fi_pooled_withdraw,
    .close = fi_pooled_close,
    .wait = fi_pooled_run_queued,
    .fini = give_queue_back,
    .threads = fi_pooled_threads,
};

int filch_executor_create_on(struct filch_pool *pool,
                             const struct filch_executor_options *options,
                             struct filch_executor **out)
{
    struct filch_executor_options given = {0};

    if (options)
        given = *options;
    if (given.thread_name_prefix || given.initializer || given.initializer_arg ||
        given.exit_hook || given.exit_hook_arg || given.stack_size || given.spares ||
        fi_executor_check_options(&given))
        return FILCH_EINVAL;
    if (filch_pool_check(pool))
        return FILCH_EFORKED;
    struct filch_executor *executor = fi_executor_alloc(&shared, &given);
    if (!executor)
        return FILCH_ENOMEM;
    int error = fi_pooled_open(executor, pool);
    if (error) {
        fi_executor_free(executor);
        return error;
    }
    fi_executor_join_process(executor);
    *out = executor;
    return 0;
}
