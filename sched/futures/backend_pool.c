/* SPDX-License-Identifier: MIT
 *
 * Executors with a submit queue: see backend_pool.h. */
#include "sched/futures/backend_pool.h"

#include "sched/core/self.h"

int fi_pooled_open(struct filch_executor *executor, struct filch_pool *pool)
{
    executor->pool = executor->helpers = pool;
    executor->submit_queue = fi_submit_queue_acquire(&pool->submit_queues);
    return executor->submit_queue ? 0 : FILCH_ENOMEM;
}

struct fi_task *fi_pooled_withdraw(struct filch_executor *executor)
{
    struct fi_task *task = fi_submit_queue_pop(executor->submit_queue);
    return task ? task : fi_pool_take_back(executor->pool, executor->submit_queue);
}

int fi_pooled_threads(const struct filch_executor *executor)
{
    /* Relaxed: a snapshot. */
    return executor->pool->size -
           atomic_load_explicit(&executor->pool->unstarted, memory_order_relaxed);
}

void fi_pooled_close(struct filch_executor *executor)
{
    fi_submit_queue_close(&executor->pool->submit_queues, executor->submit_queue);
}

void fi_pooled_run_queued(struct filch_executor *executor)
{
    struct fi_worker *worker = fi_worker_self();
    struct fi_task *task;

    if (!worker || worker->pool != executor->pool)
        return;
    while ((task = fi_pooled_withdraw(executor)))
        task->run(task, NULL, NULL, 0);
}
