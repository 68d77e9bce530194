/* SPDX-License-Identifier: MIT
 *
 * The life of a pool: how it is made, what its threads do, and how it goes. */
#include "sched/core/pool.h"

#include "sched/core/block_cache.h"
#include "sched/core/process.h"
#include "sched/core/quiesce.h"
#include "sched/core/scratch.h"
#include "sched/core/search.h"
#include "sched/core/self.h"
#include "sched/core/spare.h"
#include "sched/core/thread.h"
#include "sched/core/wake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_STACK ((size_t)16 << 20)
#define MIN_STACK     ((size_t)64 << 10)
#define DEFAULT_SLOTS ((size_t)1 << 20)
#define MAX_SCRATCH   (SIZE_MAX / 4)
#define MAX_SLOTS     ((size_t)1 << 30)

static_assert(FILCH_WORKERS_MAX + FILCH_SPARES_MAX <= 64 * FI_IDLE_WORDS, "a bit for each");
static_assert(FILCH_WORKERS_MAX + FILCH_SPARES_MAX <= FI_THEFT_THIEVES, "a number for each");

/* ---- Its threads ----------------------------------------------------------------------------- */

static void measure_stack(struct fi_worker *worker)
{
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
    size_t size = worker->pool->plan.options.stack_size;

    worker->stack_deep = stack - size / 2;
    worker->stack_end = stack - size / 16 * 15;
    worker->first.deque.front.stack_end = worker->stack_end;
}

/* Who submits meanwhile should not count on this worker. Returns true if it succeeded. */
static bool initialize(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;
    const struct fi_pool_plan *plan = &pool->plan;
    /* I10, seq_cst, before I6, pairs with I12: who finds nobody searching finds this one here. */
    int others = atomic_fetch_add_explicit(&pool->initializing, 1, memory_order_seq_cst);

    worker->searching = false;
    (void)fi_idle_found(&pool->idle);
    /* One worker has been started; of those who submitted since nobody saw a need for more. */
    if (fi_submit_queues_count(&pool->submit_queues) > (uint64_t)others + 1)
        fi_pool_wake(pool);
    bool failed = plan->initializer(plan->initializer_arg);
    if (failed)
        plan->broken(plan->executor);
    /* It counts as searching first: in between another one would be started for nothing. */
    fi_idle_search(&pool->idle);
    worker->searching = true;
    /* I11, seq_cst, before it looks for work, pairs with I12. */
    atomic_fetch_sub_explicit(&pool->initializing, 1, memory_order_seq_cst);
    return !failed;
}

/* ---- Its end --------------------------------------------------------------------------------- */

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

/* All but `self`, if it is a worker, leave by themselves, or have left. None is started any more
 * once the first has left. */
static void join_and_free(struct filch_pool *pool, const struct fi_worker *self)
{
    for (int i = 0; i < fi_pool_known(pool); i++)
        if (pool->workers[i] != self)
            fi_thread_join(pool->workers[i]);
    pool_free(pool);
}

/* The worker, as the last it does. The last one frees a pool that was detached. */
static void leave(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;

    pthread_mutex_lock(&pool->lock);
    bool last = --pool->present == 0, tidies = last && pool->detached;
    struct fi_pool_plan plan = pool->plan;
    pthread_mutex_unlock(&pool->lock);
    if (!last)
        return;
    if (plan.ended)
        plan.ended(plan.executor);
    /* Who waits for it may free the pool, once this thread has been joined. */
    (void)fi_latch_end(&pool->left_by_all, FI_PENDING, FI_FINISHED, NULL);
    if (!tidies)
        return;
    join_and_free(pool, worker);
    if (plan.gone)
        plan.gone(plan.executor);
    fi_process_release(true);
}

static void *work(void *argument)
{
    struct fi_worker *worker = argument;
    const struct fi_pool_plan *plan = &worker->pool->plan;
    bool ready = true;

    measure_stack(worker);
    fi_worker_set_self(worker, &worker->event);
    /* Relaxed: who finds this thread asleep has a lock that it had since (deadlock.c). */
    atomic_store_explicit(&worker->id, fi_thread_id(), memory_order_relaxed);
    worker->searching = true; /* who started it has counted it */
    if (plan->initializer)
        ready = initialize(worker);
    bool ended = fi_worker_live(worker);
    if (ready && plan->exit_hook)
        plan->exit_hook(plan->exit_hook_arg);
    fi_worker_set_self(NULL, NULL);
    if (ended)
        leave(worker);
    else
        fi_spare_end(worker);
    return NULL;
}

/* ---- Create ------------------------------------------------------------------------------ */

static int check_options(struct filch_pool_options *options)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (options->workers < 0 || options->workers > FILCH_WORKERS_MAX || options->spares < -1 ||
        options->spares > FILCH_SPARES_MAX)
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
        options->spares = FILCH_SPARES_MAX;
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
    pool->exclusive = plan->exclusive && pool->capacity == 1;
    pool->main = work;
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
    memset(pool, 0, sizeof *pool); /* few of the pointers to workers will be used */
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
            error = fi_pool_start_worker(pool, pool->workers[i]);
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
        fi_pool_end(pool);
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

/* ---- Ending --------------------------------------------------------------------------------- */

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
