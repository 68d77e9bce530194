/* SPDX-License-Identifier: MIT
 *
 * Claiming and waking sleepers: see wake.h. Labels I1, I2, ... are idle.h's and sched/README.md's. */
#include "sched/core/wake.h"

#include "sched/core/level.h"
#include "sched/core/self.h"
#include "sched/core/thread.h"

/* ---- Is there work? ---------------------------------------------------------------------- */

bool fi_pool_has_work(const struct filch_pool *pool)
{
    if (!fi_submit_queues_empty(&pool->submit_queues))
        return true;
    for (uint32_t i = 0; fi_pool_next_visible(pool, &i); i++) {
        if (!fi_batch_empty(&pool->workers[i]->batch))
            return true;
        for (struct fi_level *level = &pool->workers[i]->first; level;
             level = fi_level_newer(level))
            if (fi_deque_has_shared(&level->deque))
                return true;
    }
    return false;
}

void fi_pool_ask(struct filch_pool *pool)
{
    for (uint32_t i = 0; fi_pool_next_visible(pool, &i); i++)
        for (struct fi_level *level = &pool->workers[i]->first; level;
             level = fi_level_newer(level))
            fi_deque_ask(&level->deque);
}

bool fi_pool_look_again(struct filch_pool *pool)
{
    fi_pool_ask(pool);
    return fi_pool_has_work(pool);
}

/* ---- Waking -------------------------------------------------------------------------------- */

int fi_pool_start_worker(struct filch_pool *pool, struct fi_worker *worker)
{
    if (fi_pool_has_ended(pool))
        return 0;
    int error = fi_thread_start(worker);
    if (error)
        fi_idle_announce(&pool->idle, worker->number);
    else
        /* Relaxed: a hint, but for the first one, which is started before its tasks come. */
        atomic_fetch_sub_explicit(&pool->unstarted, 1, memory_order_relaxed);
    return error;
}

/* Claimed, a worker without a thread. Others may have found the work since, or have begun to
 * search, or will once they are initialized. */
static bool is_needed(const struct filch_pool *pool)
{
    /* I12, seq_cst, as in fi_pool_wake(); and the state as at I4. Who makes work visible later is
     * seen by the look again of who finds the worker not needed. */
    int initializing = atomic_load_explicit(&pool->initializing, memory_order_seq_cst);
    uint64_t state = atomic_load_explicit(&pool->idle.state, memory_order_seq_cst);

    return fi_idle_searching(state) <= 1 && fi_pool_has_work(pool) &&
           (!initializing ||
            fi_submit_queues_count(&pool->submit_queues) > (uint64_t)initializing);
}

void fi_pool_wake(struct filch_pool *pool)
{
    uint32_t first = 0;

    while (fi_idle_wanted(&pool->idle)) {
        int sleeper = fi_idle_claim(&pool->idle, first);
        if (sleeper < 0)
            return;
        struct fi_worker *worker = pool->workers[sleeper];
        /* Relaxed: what the claim has cleared was set by the thread itself, if it has started. */
        if (atomic_load_explicit(&worker->started, memory_order_relaxed)) {
            fi_event_notify(&worker->event);
            fi_self_woke();
            return;
        }
        if (is_needed(pool)) {
            pthread_mutex_lock(&pool->lock);
            int error = fi_pool_start_worker(pool, worker);
            pthread_mutex_unlock(&pool->lock);
            if (!error || !fi_pool_look_again(pool))
                return;
            /* It cannot be started; others may have been, and sleep. */
            first = (uint32_t)sleeper + 1;
            continue;
        }
        /* In its place: it counts as asleep again, asks, and looks once more. */
        fi_idle_announce(&pool->idle, (uint32_t)sleeper);
        /* I12, seq_cst, pairs with I10 and I11: who is being initialized looks later than this. */
        if (!fi_pool_look_again(pool) ||
            atomic_load_explicit(&pool->initializing, memory_order_seq_cst))
            return;
    }
}

void fi_pool_found(struct filch_pool *pool)
{
    if (!fi_idle_found(&pool->idle))
        return;
    /* The last one passes the search on: to a sleeper if there is something to be seen, and to
     * the deques' owners, who will find the request at their next fork, if not. */
    if (fi_pool_has_work(pool))
        fi_pool_wake(pool);
    else
        fi_pool_ask(pool);
}

void fi_worker_end_search(struct fi_worker *worker)
{
    if (!worker->searching)
        return;
    worker->searching = false;
    fi_pool_found(worker->pool);
}

/* ---- Submitting --------------------------------------------------------------------------- */

/* Has the first worker started, so that others can see to the rest. */
static int start_first(struct filch_pool *pool)
{
    struct fi_worker *first = pool->workers[0];
    int error = 0;

    /* Who finds that another has claimed it waits for what comes of that. */
    pthread_mutex_lock(&pool->lock);
    /* Relaxed: changed with the lock. */
    if (!atomic_load_explicit(&first->started, memory_order_relaxed) &&
        fi_idle_clear(&pool->idle, 0))
        error = fi_pool_start_worker(pool, first);
    pthread_mutex_unlock(&pool->lock);
    if (error)
        (void)fi_pool_look_again(pool);
    return error;
}

int fi_pool_inject_many(struct filch_pool *pool, struct fi_submit_queue *submit_queue,
                        enum fi_priority priority, void *const *tasks, uint32_t count,
                        uint32_t *pushed)
{
    int error = 0;

    *pushed = 0;
    /* Relaxed: start_first() looks again, with the lock. */
    if (FILCH_UNLIKELY(atomic_load_explicit(&pool->unstarted, memory_order_relaxed) ==
                       pool->size))
        error = start_first(pool);
    if (!error)
        error = fi_submit_queue_push(&pool->submit_queues, submit_queue, priority, tasks, count,
                                     pushed);
    if (*pushed > 0)
        fi_pool_wake(pool);
    return error;
}

struct fi_task *fi_pool_take_back(struct filch_pool *pool,
                                  const struct fi_submit_queue *submit_queue)
{
    struct fi_task *task = NULL;

    for (int i = 0; !task && i < fi_pool_known(pool); i++)
        task = fi_batch_take(&pool->workers[i]->batch, submit_queue);
    return task;
}
