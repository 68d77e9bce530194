/* SPDX-License-Identifier: MIT
 *
 * The end of a pool: see quiesce.h, and sched/README.md for the argument. */
#include "sched/core/quiesce.h"

#include "sched/core/wake.h"

static void notify_all(struct filch_pool *pool)
{
    for (int i = 0; i < fi_pool_known(pool); i++)
        fi_event_notify(&pool->workers[i]->event);
}

void fi_pool_end(struct filch_pool *pool)
{
    /* X2, seq_cst, pairs with X3: who sleeps has seen it, or is notified. */
    atomic_store_explicit(&pool->phase, FI_ENDED, memory_order_seq_cst);
    notify_all(pool);
}

void fi_pool_check_end(struct filch_pool *pool)
{
    /* While all are quiescent nobody takes work or makes any, and they are at least until the lock is
     * given back: what there is to be run is seen. Relaxed: whoever has made it CLOSING wakes all,
     * and the last one comes by with the lock. */
    if (pool->quiescent == pool->present &&
        atomic_load_explicit(&pool->phase, memory_order_relaxed) == FI_CLOSING &&
        !fi_pool_has_work(pool))
        fi_pool_end(pool);
}

bool fi_pool_quiesce(struct filch_pool *pool)
{
    /* X3, seq_cst, pairs with X1: who falls asleep last has seen it, or is notified. */
    if (atomic_load_explicit(&pool->phase, memory_order_seq_cst) != FI_CLOSING)
        return false;
    pthread_mutex_lock(&pool->lock);
    pool->quiescent++;
    fi_pool_check_end(pool);
    pthread_mutex_unlock(&pool->lock);
    return true;
}

void fi_pool_resume(struct filch_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->quiescent--;
    pthread_mutex_unlock(&pool->lock);
}

void fi_pool_close(struct filch_pool *pool)
{
    int open = FI_OPEN;

    /* X1, seq_cst, pairs with X3, before all are notified. Relaxed when it fails: another has
     * closed it. */
    if (!atomic_compare_exchange_strong_explicit(&pool->phase, &open, FI_CLOSING,
                                                 memory_order_seq_cst, memory_order_relaxed))
        return;
    /* The last worker to find nothing to do ends the pool; if all sleep already, wake them to see.
     * Without a worker there is nothing to do. */
    pthread_mutex_lock(&pool->lock);
    /* Relaxed: changed with the lock. */
    bool idle = !atomic_load_explicit(&pool->workers[0]->started, memory_order_relaxed);
    if (idle)
        fi_pool_end(pool);
    else
        notify_all(pool);
    pthread_mutex_unlock(&pool->lock);
    if (idle && pool->plan.ended)
        pool->plan.ended(pool->plan.executor);
    if (idle)
        (void)fi_latch_end(&pool->left_by_all, FI_PENDING, FI_FINISHED, NULL);
}
