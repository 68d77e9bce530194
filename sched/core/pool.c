/* SPDX-License-Identifier: MIT
 *
 * The life of a pool, and what its workers share: who sleeps, who is woken or started, and the
 * end. */
#include "sched/core/worker.h"

#include "sched/core/process.h"
#include "sched/core/block_cache.h"

#include <filch/stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_STACK  ((size_t)16 << 20)
#define MIN_STACK      ((size_t)64 << 10)
#define DEFAULT_SLOTS  ((size_t)1 << 20)
#define MAX_SCRATCH    (SIZE_MAX / 4)
#define MAX_SLOTS      ((size_t)1 << 30)
#define DEFAULT_SPARES 256

/* ---- What workers share ------------------------------------------------------------------ */

/* With the lock. Starts a worker that has just been claimed, and so counts as searching. Returns 0,
 * or why it cannot start: it counts as asleep again then, and the caller has to look_again(). */
static int start(struct filch_pool *pool, struct fi_worker *worker)
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

bool fi_pool_has_work(const struct filch_pool *pool)
{
    if (!fi_submit_queues_empty(&pool->submit_queues))
        return true;
    for (int i = 0; i < fi_pool_known(pool); i++) {
        if (!fi_batch_empty(&pool->workers[i]->batch))
            return true;
        for (struct fi_level *level = &pool->workers[i]->first; level;
             level = fi_level_newer(level))
            if (fi_deque_has_shared(&level->deque))
                return true;
    }
    return false;
}

/* Who has put a worker back to sleep. Returns true if there is work, which somebody should see
 * to. */
static bool look_again(struct filch_pool *pool)
{
    fi_pool_ask(pool);
    return fi_pool_has_work(pool);
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
            fi_worker_woke();
            return;
        }
        if (is_needed(pool)) {
            pthread_mutex_lock(&pool->lock);
            int error = start(pool, worker);
            pthread_mutex_unlock(&pool->lock);
            if (!error || !look_again(pool))
                return;
            /* It cannot be started; others may have been, and sleep. */
            first = (uint32_t)sleeper + 1;
            continue;
        }
        /* In its place: it counts as asleep again, asks, and looks once more. */
        fi_idle_announce(&pool->idle, (uint32_t)sleeper);
        /* I12, seq_cst, pairs with I10 and I11: who is being initialized looks later than this. */
        if (!look_again(pool) ||
            atomic_load_explicit(&pool->initializing, memory_order_seq_cst))
            return;
    }
}

void fi_pool_ask(struct filch_pool *pool)
{
    for (int i = 0; i < fi_pool_known(pool); i++)
        for (struct fi_level *level = &pool->workers[i]->first; level;
             level = fi_level_newer(level))
            fi_deque_ask(&level->deque);
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
        error = start(pool, first);
    pthread_mutex_unlock(&pool->lock);
    if (error)
        (void)look_again(pool);
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

static void notify_all(struct filch_pool *pool)
{
    for (int i = 0; i < fi_pool_known(pool); i++)
        fi_event_notify(&pool->workers[i]->event);
}

/* With the lock: no thread is started from then on. */
static void end(struct filch_pool *pool)
{
    /* X2, seq_cst, pairs with X3: who sleeps has seen it, or is notified. */
    atomic_store_explicit(&pool->phase, FI_ENDED, memory_order_seq_cst);
    notify_all(pool);
}

bool fi_pool_quiesce(struct filch_pool *pool)
{
    /* X3, seq_cst, pairs with X1: who falls asleep last has seen it, or is notified. */
    if (atomic_load_explicit(&pool->phase, memory_order_seq_cst) != FI_CLOSING)
        return false;
    pthread_mutex_lock(&pool->lock);
    /* While all rest nobody takes work or makes any, and they rest at least until the lock is given
     * back: what there is to be run is seen. */
    if (++pool->quiescent == pool->present && !fi_pool_has_work(pool))
        end(pool);
    pthread_mutex_unlock(&pool->lock);
    return true;
}

void fi_pool_resume(struct filch_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->quiescent--;
    pthread_mutex_unlock(&pool->lock);
}

/* ---- Create ------------------------------------------------------------------------------ */

static int check_options(struct filch_pool_options *options)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (options->workers < 0 || options->workers > FILCH_WORKERS_MAX || options->spares < -1 ||
        options->spares > FILCH_WORKERS_MAX)
        return FILCH_EINVAL;
    if ((options->stack_size && options->stack_size < MIN_STACK) ||
        options->deque_slots > MAX_SLOTS || options->scratch_size > MAX_SCRATCH)
        return FILCH_EINVAL;
    if (!options->stack_size)
        options->stack_size = DEFAULT_STACK;
    options->stack_size = (options->stack_size + page - 1) / page * page;
    if (!options->deque_slots)
        options->deque_slots = DEFAULT_SLOTS;
    if (!options->scratch_size)
        options->scratch_size = FI_SCRATCH_SIZE;
    if (!options->spares)
        options->spares = DEFAULT_SPARES;
    if (options->spares < 0)
        options->spares = 0;
    return 0;
}

/* The default number of workers; on a node there are at most as many as it has processors. */
static int size_pool(struct filch_pool_options *options, const struct fi_topology *topology)
{
    struct filch_sizing sizing;

    if (options->workers)
        return 0;
    int error = filch_sizing_read(NULL, &sizing);
    if (error)
        return error;
    options->workers = sizing.workers;
    if (options->on_node && !sizing.env && topology->count < sizing.workers)
        options->workers = topology->count;
    return 0;
}

static void pool_free(struct filch_pool *pool)
{
    fi_process_drop(pool);
    for (int i = 0; i < fi_pool_known(pool); i++)
        fi_thread_free(pool->workers[i]);
    fi_submit_queues_fini(&pool->submit_queues);
    fi_topology_fini(&pool->topology);
    free(pool);
    fi_block_cache_leave();
}

/* Takes over the topology. */
static void setup(struct filch_pool *pool, const struct fi_pool_plan *plan,
                  struct fi_topology *topology)
{
    const struct filch_pool_options *options = &plan->options;

    pool->plan = *plan;
    pool->plan.options.thread_name_prefix = NULL; /* the caller's */
    pool->plan.options.processors = NULL;         /* likewise */
    pool->topology = *topology;
    *topology = (struct fi_topology){.places = NULL};
    pool->generation = fi_process_generation();
    pool->size = options->workers;
    pool->capacity = options->workers + options->spares;
    pool->slots = (uint32_t)options->deque_slots;
    snprintf(pool->prefix, sizeof pool->prefix, "%s",
             options->thread_name_prefix ? options->thread_name_prefix : "filch");
    pthread_mutex_init(&pool->lock, NULL);
    fi_latch_init(&pool->left_by_all);
    atomic_init(&pool->unstarted, pool->size);
}

/* A pool with its workers, which count as asleep, but no thread yet. */
static struct filch_pool *pool_alloc(const struct fi_pool_plan *plan,
                                     struct fi_topology *topology)
{
    const struct filch_pool_options *options = &plan->options;
    size_t bytes = sizeof(struct filch_pool) +
                   (size_t)(options->workers + options->spares) * sizeof(struct fi_worker *);
    size_t align = alignof(struct filch_pool);
    struct filch_pool *pool = aligned_alloc(align, (bytes + align - 1) / align * align);

    if (!pool)
        return NULL;
    memset(pool, 0, bytes);
    if (fi_submit_queues_init(&pool->submit_queues)) {
        free(pool);
        return NULL;
    }
    fi_block_cache_enter();
    setup(pool, plan, topology);
    for (int i = 0; i < pool->size; i++) {
        if (!(pool->workers[i] = fi_thread_alloc(pool, i))) {
            pool_free(pool);
            return NULL;
        }
        fi_idle_admit(&pool->idle, (uint32_t)i);
        /* Relaxed: nobody else knows the pool. */
        atomic_store_explicit(&pool->known, i + 1, memory_order_relaxed);
    }
    return pool;
}

/* With the lock, so that none sees another half started. */
static int start_all(struct filch_pool *pool)
{
    int error = 0;

    pthread_mutex_lock(&pool->lock);
    for (int i = 0; !error && i < pool->size; i++)
        if (fi_idle_clear(&pool->idle, (uint32_t)i))
            error = start(pool, pool->workers[i]);
    pthread_mutex_unlock(&pool->lock);
    return error;
}

int fi_pool_create(const struct fi_pool_plan *plan, struct filch_pool **out)
{
    struct fi_pool_plan used = *plan;
    struct fi_topology topology = {.places = NULL};
    struct filch_pool *pool = NULL;
    int error = check_options(&used.options);

    if (!error)
        error = fi_topology_plan(&used.options, &topology);
    if (!error)
        error = size_pool(&used.options, &topology);
    if (!error)
        error = fi_process_init();
    if (!error && !(pool = pool_alloc(&used, &topology)))
        error = FILCH_ENOMEM;
    fi_topology_fini(&topology); /* what the pool has not taken over */
    if (error)
        return error;
    if (!plan->on_demand && (error = start_all(pool))) {
        pthread_mutex_lock(&pool->lock);
        end(pool);
        pthread_mutex_unlock(&pool->lock);
        fi_pool_join(pool);
        return error;
    }
    *out = pool;
    return 0;
}

int filch_pool_create(const struct filch_pool_options *options, struct filch_pool **pool)
{
    struct fi_pool_plan plan = {.on_demand = false};

    if (options)
        plan.options = *options;
    return fi_pool_create(&plan, pool);
}

/* ---- End --------------------------------------------------------------------------------- */

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
        end(pool);
    else
        notify_all(pool);
    pthread_mutex_unlock(&pool->lock);
    if (idle)
        (void)fi_latch_end(&pool->left_by_all, FI_PENDING, FI_FINISHED, NULL);
}

/* All but `self`, if it is a worker, leave by themselves, or have left. None is started any more
 * once the first has left. */
static void join_and_free(struct filch_pool *pool, const struct fi_worker *self)
{
    /* Relaxed: it does not change after X2, which who has joined the first worker has seen. */
    for (int i = 0; i < fi_pool_known(pool); i++)
        if (atomic_load_explicit(&pool->workers[i]->started, memory_order_relaxed) &&
            pool->workers[i] != self)
            pthread_join(pool->workers[i]->thread, NULL);
    pool_free(pool);
}

void fi_pool_join(struct filch_pool *pool)
{
    join_and_free(pool, NULL);
}

void fi_pool_detach(struct filch_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool over = pool->present == 0;
    if (!over && fi_process_hold())
        over = true; /* then it is waited for here */
    else
        pool->detached = !over;
    struct fi_pool_plan plan = pool->plan;
    pthread_mutex_unlock(&pool->lock);
    if (!over)
        return; /* the pool may be gone */
    fi_pool_join(pool);
    if (plan.gone)
        plan.gone(plan.executor);
}

void fi_pool_leave(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;

    pthread_mutex_lock(&pool->lock);
    bool last = --pool->present == 0, tidies = last && pool->detached;
    struct fi_pool_plan plan = pool->plan;
    pthread_mutex_unlock(&pool->lock);
    if (!last)
        return;
    /* Who waits for it may free the pool, once this thread has been joined. */
    (void)fi_latch_end(&pool->left_by_all, FI_PENDING, FI_FINISHED, NULL);
    if (!tidies)
        return;
    join_and_free(pool, worker);
    if (plan.gone)
        plan.gone(plan.executor);
    fi_process_release(true);
}

int filch_pool_destroy(struct filch_pool *pool)
{
    if (!pool)
        return 0;
    if (filch_pool_check(pool)) {
        pool_free(pool); /* its threads stayed with the parent */
        return 0;
    }
    if (filch_pool_current() == pool)
        return FILCH_EDEADLK;
    fi_pool_close(pool);
    fi_pool_join(pool);
    return 0;
}

/* ---- Asking ------------------------------------------------------------------------------ */

int filch_pool_check(const struct filch_pool *pool)
{
    return pool->generation == fi_process_generation() ? 0 : FILCH_EFORKED;
}

int filch_pool_size(const struct filch_pool *pool)
{
    return pool->size;
}

int filch_pool_capacity(const struct filch_pool *pool)
{
    return pool->capacity;
}

int filch_pool_processor(const struct filch_pool *pool, int worker)
{
    return worker < 0 || worker >= pool->size ? -1
                                              : fi_topology_processor(&pool->topology, worker);
}

struct filch_pool *filch_pool_current(void)
{
    struct fi_worker *worker = fi_worker_self();
    return worker ? worker->pool : NULL;
}

int filch_pool_worker(void)
{
    struct fi_worker *worker = fi_worker_self();
    return worker ? (int)worker->number : -1;
}

void filch_stats_read(const struct filch_pool *pool, struct filch_stats *stats)
{
    *stats = (struct filch_stats){0};
    for (int i = 0; i < fi_pool_known(pool); i++) {
        struct fi_worker *worker = pool->workers[i];
        /* Relaxed: a snapshot of each number for itself. */
        stats->steals += atomic_load_explicit(&worker->steals, memory_order_relaxed);
        stats->races += atomic_load_explicit(&worker->races, memory_order_relaxed);
        stats->tasks += atomic_load_explicit(&worker->tasks, memory_order_relaxed);
        stats->parks += atomic_load_explicit(&worker->parks, memory_order_relaxed);
        stats->spills += atomic_load_explicit(&worker->spills, memory_order_relaxed);
        stats->scratch += atomic_load_explicit(&worker->scratched, memory_order_relaxed);
    }
}
