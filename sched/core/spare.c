/* SPDX-License-Identifier: MIT
 *
 * Spares: see spare.h. All that decides who takes part is done with the pool's lock. */
#include "sched/core/spare.h"

#include "sched/core/level.h"
#include "sched/core/quiesce.h"
#include "sched/core/scratch.h"
#include "sched/core/thread.h"
#include "sched/core/wake.h"

/* How long a spare without a place keeps its thread, and other memory than its stack, ns. */
#define WARM_NS ((int64_t)5000000000)
#define TRIM_NS ((int64_t)10000000)

/* ---- Lists: with the lock ------------------------------------------------------------------ */

static void put(struct fi_worker **list, struct fi_worker *spare)
{
    spare->next_spare = *list;
    *list = spare;
}

static struct fi_worker *take_first(struct fi_worker **list)
{
    struct fi_worker *spare = *list;

    if (spare)
        *list = spare->next_spare;
    return spare;
}

/* The one that has slept for long is far down: the list is first in, last out. */
static void take(struct fi_worker **list, const struct fi_worker *spare)
{
    while (*list != spare)
        list = &(*list)->next_spare;
    *list = spare->next_spare;
}

static struct fi_worker *make_spare(struct filch_pool *pool)
{
    int known = fi_pool_known(pool);
    struct fi_worker *spare = known < pool->capacity ? fi_thread_alloc(pool, known) : NULL;

    if (spare) {
        pool->workers[known] = spare;
        /* W3, release, pairs with W4: who counts it finds it. */
        atomic_store_explicit(&pool->known, known + 1, memory_order_release);
    }
    return spare;
}

/* ---- Who takes part ------------------------------------------------------------------------ */

/* With the lock. A spare without a thread takes part, and counts as searching; false: it cannot. */
static bool start_spare(struct filch_pool *pool)
{
    struct fi_worker *spare = take_first(&pool->cold);

    if (!spare && !(spare = make_spare(pool)))
        return false;
    spare->member = true;
    fi_idle_search(&pool->idle);
    if (!fi_thread_start(spare))
        return true;
    spare->member = false;
    put(&pool->cold, spare);
    /* There may be others who count on this search, which ends. */
    (void)fi_idle_found(&pool->idle);
    return false;
}

/* With the lock. */
static bool admit(struct filch_pool *pool)
{
    /* Relaxed, as everywhere: changed with the lock, and looked at from time to time. */
    if (atomic_load_explicit(&pool->surplus, memory_order_relaxed) > 0) {
        atomic_fetch_sub_explicit(&pool->surplus, 1, memory_order_relaxed);
        return true;
    }
    struct fi_worker *spare = take_first(&pool->warm);
    if (!spare)
        return start_spare(pool);
    spare->member = true;
    fi_idle_admit(&pool->idle, spare->number);
    return true;
}

enum fi_cover fi_spare_cover(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;

    if (pool->exclusive)
        return FI_EXCLUSIVE;
    pthread_mutex_lock(&pool->lock);
    bool covered = admit(pool);
    pthread_mutex_unlock(&pool->lock);
    /* As who falls asleep does: a request to every owner, and the last look. */
    fi_pool_ask(pool);
    if (fi_pool_has_work(pool))
        fi_pool_wake(pool);
    return covered ? FI_COVERED : FI_LACKING;
}

void fi_spare_uncover(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;

    pthread_mutex_lock(&pool->lock);
    /* A member that sleeps, if there is one: it then counts as searching. */
    int number = fi_idle_claim(&pool->idle, (uint32_t)pool->size);
    if (number >= 0) {
        pool->workers[number]->member = false;
        put(&pool->warm, pool->workers[number]);
    } else {
        atomic_fetch_add_explicit(&pool->surplus, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->lock);
    if (number >= 0)
        fi_pool_found(pool);
}

bool fi_spare_unwanted(const struct fi_worker *worker)
{
    return fi_worker_is_spare(worker) &&
           atomic_load_explicit(&worker->pool->surplus, memory_order_relaxed) > 0;
}

/* With the lock. Does it take part? It counts as searching then. A member that is not marked as
 * asleep has been claimed by whoever woke it: it is admitted, and sent away, with the lock alone. */
static bool rejoin(struct fi_worker *spare)
{
    if (spare->member)
        (void)fi_idle_clear(&spare->pool->idle, spare->number);
    return spare->member;
}

bool fi_spare_return(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;

    if (!fi_worker_is_spare(worker)) {
        fi_idle_retract(&pool->idle, worker->number);
        return true;
    }
    pthread_mutex_lock(&pool->lock);
    bool member = rejoin(worker);
    pthread_mutex_unlock(&pool->lock);
    return member;
}

/* With the lock. A member that is one too many does not take part any more. Returns false if it is
 * not too many after all. */
static bool resign(struct fi_worker *spare)
{
    struct filch_pool *pool = spare->pool;

    if (!fi_spare_unwanted(spare))
        return false;
    atomic_fetch_sub_explicit(&pool->surplus, 1, memory_order_relaxed);
    spare->member = false;
    put(&pool->warm, spare);
    return true;
}

/* With the lock. Its time is up: nobody can admit it any more. A pool that closes, or has, ends with
 * it. */
static bool withdraw(struct fi_worker *spare)
{
    struct filch_pool *pool = spare->pool;

    /* Relaxed: a pool that closes later waits for fi_spare_end(). */
    if (atomic_load_explicit(&pool->phase, memory_order_relaxed) != FI_OPEN)
        return false;
    take(&pool->warm, spare);
    return true;
}

void fi_spare_end(struct fi_worker *spare)
{
    struct filch_pool *pool = spare->pool;

    pthread_mutex_lock(&pool->lock);
    put(&pool->cold, spare);
    fi_thread_end(spare);
    fi_pool_check_end(pool);
    pthread_mutex_unlock(&pool->lock);
}

static void give_memory_back(struct fi_worker *spare)
{
    fi_scratch_destroy(spare->scratch);
    spare->scratch = NULL;
    fi_level_trim(spare);
}

bool fi_spare_retire(struct fi_worker *spare, bool sent_away)
{
    struct filch_pool *pool = spare->pool;

    if (!sent_away) {
        pthread_mutex_lock(&pool->lock);
        bool resigned = resign(spare);
        pthread_mutex_unlock(&pool->lock);
        if (!resigned)
            return true;
    }
    fi_worker_end_search(spare);
    fi_worker_hide(spare);
    int64_t since = fi_now();
    for (bool trimmed = false;;) {
        uint32_t ticket = fi_event_prepare(&spare->event);
        int64_t now = fi_now();
        pthread_mutex_lock(&pool->lock);
        bool back = rejoin(spare), gone = !back && now - since >= WARM_NS && withdraw(spare);
        pthread_mutex_unlock(&pool->lock);
        if (gone)
            return false;
        spare->searching = back;
        if (back || fi_pool_has_ended(pool))
            return true;
        if (!trimmed && now - since >= TRIM_NS) {
            give_memory_back(spare);
            trimmed = true;
        }
        bool quiesces = fi_pool_quiesce(pool);
        fi_event_wait(&spare->event, ticket,
                      quiesces ? FI_NEVER : since + (trimmed ? WARM_NS : TRIM_NS));
        if (quiesces)
            fi_pool_resume(pool);
    }
}
