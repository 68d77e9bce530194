/* SPDX-License-Identifier: MIT
 *
 * Spares: workers beyond the pool's size, who take the place of those that block. A spare is a
 * worker like any other, but for one thing: it takes part (`member`) only while somebody blocks.
 *
 *     new --------cover: gets its thread------+
 *                                             v
 *     retired ----cover: counts as asleep----> member: asleep, searching, at work
 *        ^                                      |
 *        +-------uncover finds it asleep,-------+
 *                or it meets a surplus at its top level
 *
 * When a worker begins to block, a spare is admitted, which means that it counts as asleep: it is
 * woken like any sleeper, once there is work for it. One that has no thread yet gets it before, for
 * a worker may only sleep on the strength of a spare that can run. When the worker comes back a
 * spare that still sleeps is sent away; if all are at work there is one member too many
 * (`surplus`), and the next spare that has finished its task retires. */
#include "sched/core/worker.h"

/* With the lock. A spare that does not take part, made if need be, or NULL. */
static struct fi_worker *find_spare(struct filch_pool *pool)
{
    int known = fi_pool_known(pool);

    for (int i = pool->size; i < known; i++)
        if (!pool->workers[i]->member)
            return pool->workers[i];
    if (known == pool->capacity)
        return NULL;
    struct fi_worker *spare = fi_thread_alloc(pool, known);
    if (spare) {
        pool->workers[known] = spare;
        /* W3, release, pairs with W4: who counts it finds it. */
        atomic_store_explicit(&pool->known, known + 1, memory_order_release);
    }
    return spare;
}

/* With the lock. The spare takes part, and counts as asleep; or, if it has to be given a thread
 * first, as searching, even if that fails. */
static bool admit(struct fi_worker *spare)
{
    spare->member = true;
    /* Relaxed: changed with the lock. */
    if (atomic_load_explicit(&spare->started, memory_order_relaxed)) {
        fi_idle_admit(&spare->pool->idle, spare->number);
        return true;
    }
    fi_idle_search(&spare->pool->idle);
    if (!fi_thread_start(spare))
        return true;
    spare->member = false;
    return false;
}

bool fi_spare_cover(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;
    struct fi_worker *spare = NULL;

    pthread_mutex_lock(&pool->lock);
    bool covered = atomic_load_explicit(&pool->surplus, memory_order_relaxed) > 0;
    if (covered)
        atomic_fetch_sub_explicit(&pool->surplus, 1, memory_order_relaxed);
    else if ((spare = find_spare(pool)))
        covered = admit(spare);
    pthread_mutex_unlock(&pool->lock);
    if (!spare)
        return covered;
    if (!covered)
        fi_pool_found(pool); /* admit() counted it as searching */
    /* As who falls asleep does: a request to every owner, and the last look. */
    fi_pool_ask(pool);
    if (fi_pool_has_work(pool))
        fi_pool_wake(pool);
    return covered;
}

/* With the lock. Sends one away that sleeps. */
static bool send_away(struct filch_pool *pool)
{
    for (int i = fi_pool_known(pool) - 1; i >= pool->size; i--) {
        struct fi_worker *spare = pool->workers[i];
        if (spare->member && fi_idle_clear(&pool->idle, spare->number)) {
            spare->member = false;
            return true;
        }
    }
    return false;
}

void fi_spare_uncover(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;

    pthread_mutex_lock(&pool->lock);
    bool gone = send_away(pool);
    if (!gone)
        /* Relaxed, as everywhere: changed with the lock, and looked at from time to time. */
        atomic_fetch_add_explicit(&pool->surplus, 1, memory_order_relaxed);
    pthread_mutex_unlock(&pool->lock);
    if (gone)
        fi_pool_found(pool); /* fi_idle_clear() counted it as searching */
}

bool fi_spare_unwanted(const struct fi_worker *worker)
{
    const struct filch_pool *pool = worker->pool;

    return worker->number >= (uint32_t)pool->size &&
           atomic_load_explicit(&pool->surplus, memory_order_relaxed) > 0;
}

/* With the lock. Has it been claimed, or can it claim itself? Counts as searching then. */
static bool awake(struct fi_worker *spare)
{
    if (!spare->member)
        return false;
    /* A member that is not marked as asleep has been claimed by who woke it: it is admitted, and
     * sent away, with the lock alone. */
    (void)fi_idle_clear(&spare->pool->idle, spare->number);
    return true;
}

void fi_spare_retire(struct fi_worker *spare)
{
    struct filch_pool *pool = spare->pool;

    pthread_mutex_lock(&pool->lock);
    if (!fi_spare_unwanted(spare)) {
        pthread_mutex_unlock(&pool->lock);
        return;
    }
    atomic_fetch_sub_explicit(&pool->surplus, 1, memory_order_relaxed);
    spare->member = false;
    pthread_mutex_unlock(&pool->lock);
    for (;;) {
        uint32_t ticket = fi_event_prepare(&spare->event);
        pthread_mutex_lock(&pool->lock);
        spare->searching = awake(spare);
        pthread_mutex_unlock(&pool->lock);
        if (spare->searching || fi_pool_has_ended(pool))
            return;
        bool quiesces = fi_pool_quiesce(pool);
        fi_scratch_trim(spare->scratch);
        fi_event_wait(&spare->event, ticket, FI_NEVER);
        if (quiesces)
            fi_pool_resume(pool);
    }
}

void fi_spare_return(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;

    if (worker->number < (uint32_t)pool->size) {
        fi_idle_retract(&pool->idle, worker->number);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    if (!awake(worker)) {
        /* Sent away while it slept, and now what its task waits for has come. */
        worker->member = true;
        atomic_fetch_add_explicit(&pool->surplus, 1, memory_order_relaxed);
        fi_idle_search(&pool->idle);
    }
    pthread_mutex_unlock(&pool->lock);
}
