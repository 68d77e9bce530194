/* SPDX-License-Identifier: MIT
 *
 * The life of a pool, and what its workers share: the injection queue, who sleeps, and the end.
 */
#include "sched/core/worker.h"

#include <filch/stats.h>

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_STACK ((size_t)16 << 20)
#define MIN_STACK     ((size_t)64 << 10)
#define GUARD_SIZE    ((size_t)64 << 10) /* no frame up to this size can step over it */
#define DEFAULT_SLOTS ((size_t)1 << 20)
#define MAX_SLOTS     ((size_t)1 << 30)

/* ---- What workers share ------------------------------------------------------------------ */

void fi_pool_wake(struct filch_pool *pool)
{
    if (!fi_idle_wanted(&pool->idle))
        return;
    int sleeper = fi_idle_claim(&pool->idle);
    if (sleeper >= 0)
        fi_event_notify(&pool->workers[sleeper]->event);
}

bool fi_pool_has_work(const struct filch_pool *pool)
{
    if (!fi_queue_empty(&pool->injected))
        return true;
    for (int i = 0; i < pool->size; i++)
        for (struct fi_level *level = &pool->workers[i]->first; level;
             level = fi_level_newer(level))
            if (fi_deque_has_shared(&level->deque))
                return true;
    return false;
}

void fi_pool_ask(struct filch_pool *pool)
{
    for (int i = 0; i < pool->size; i++)
        for (struct fi_level *level = &pool->workers[i]->first; level;
             level = fi_level_newer(level))
            fi_deque_ask(&level->deque);
}

int fi_pool_inject(struct filch_pool *pool, struct fi_task *task)
{
    if (fi_queue_push(&pool->injected, task))
        return FILCH_ENOMEM;
    fi_pool_wake(pool);
    return 0;
}

static void notify_all(struct filch_pool *pool)
{
    for (int i = 0; i < pool->size; i++)
        fi_event_notify(&pool->workers[i]->event);
}

void fi_pool_end(struct filch_pool *pool)
{
    atomic_store_explicit(&pool->phase, FI_ENDED, memory_order_seq_cst);
    notify_all(pool);
}

/* ---- Create ------------------------------------------------------------------------------ */

/* The options with the defaults filled in. */
static int check_options(const struct filch_pool_options *given,
                         struct filch_pool_options *used)
{
    long page = sysconf(_SC_PAGESIZE);

    *used = given ? *given : (struct filch_pool_options){0};
    if (used->workers < 0 || used->workers > FILCH_WORKERS_MAX)
        return FILCH_EINVAL;
    if (used->stack_size && used->stack_size < MIN_STACK)
        return FILCH_EINVAL;
    if (used->deque_slots > MAX_SLOTS)
        return FILCH_EINVAL;
    if (!used->stack_size)
        used->stack_size = DEFAULT_STACK;
    used->stack_size = (used->stack_size + (size_t)page - 1) / (size_t)page * (size_t)page;
    if (!used->deque_slots)
        used->deque_slots = DEFAULT_SLOTS;
    if (!used->workers) {
        struct filch_sizing sizing;
        int error = filch_sizing_read(NULL, &sizing);
        if (error)
            return error;
        used->workers = sizing.workers;
    }
    return 0;
}

static void worker_destroy(struct fi_worker *worker)
{
    struct fi_level *level = &worker->first;

    while (level) {
        struct fi_level *next = fi_level_newer(level);
        fi_level_fini(level);
        if (level != &worker->first)
            free(level);
        level = next;
    }
    free(worker);
}

static struct fi_worker *worker_create(struct filch_pool *pool, int number,
                                       const struct filch_pool_options *options)
{
    struct fi_worker *worker = aligned_alloc(alignof(struct fi_worker), sizeof *worker);

    if (!worker)
        return NULL;
    memset(worker, 0, sizeof *worker);
    worker->pool = pool;
    worker->number = (uint32_t)number;
    worker->stack_size = options->stack_size;
    worker->random = 0x9e3779b97f4a7c15u * (uint64_t)(number + 1);
    worker->level = &worker->first;
    fi_event_init(&worker->event);
    if (fi_level_init(&worker->first, worker, pool->slots)) {
        free(worker);
        return NULL;
    }
    return worker;
}

/* Starts the first `*started` threads; all signals stay with the program's own threads. */
static int start_threads(struct filch_pool *pool, size_t stack_size, int *started)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = 0;

    *started = 0;
    if (pthread_attr_init(&attributes))
        return FILCH_ENOMEM;
    /* The C library takes the guard from the stack. */
    if (pthread_attr_setguardsize(&attributes, GUARD_SIZE) ||
        pthread_attr_setstacksize(&attributes, stack_size + GUARD_SIZE))
        error = FILCH_EINVAL;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (!error && *started < pool->size) {
        struct fi_worker *worker = pool->workers[*started];
        if (pthread_create(&worker->thread, &attributes, fi_worker_main, worker))
            error = FILCH_ETHREAD;
        else
            ++*started;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

static void join_threads(struct filch_pool *pool, int started)
{
    for (int i = 0; i < started; i++)
        pthread_join(pool->workers[i]->thread, NULL);
}

static void pool_free(struct filch_pool *pool)
{
    for (int i = 0; i < pool->size; i++)
        if (pool->workers[i])
            worker_destroy(pool->workers[i]);
    fi_queue_fini(&pool->injected);
    free(pool);
}

/* A pool with its workers, but no thread yet. */
static struct filch_pool *pool_alloc(const struct filch_pool_options *options)
{
    size_t bytes =
        sizeof(struct filch_pool) + (size_t)options->workers * sizeof(struct fi_worker *);
    size_t align = alignof(struct filch_pool);
    struct filch_pool *pool = aligned_alloc(align, (bytes + align - 1) / align * align);

    if (!pool)
        return NULL;
    memset(pool, 0, bytes);
    if (fi_queue_init(&pool->injected)) {
        free(pool);
        return NULL;
    }
    pool->size = options->workers;
    pool->slots = (uint32_t)options->deque_slots;
    for (int i = 0; i < pool->size; i++)
        if (!(pool->workers[i] = worker_create(pool, i, options))) {
            pool_free(pool);
            return NULL;
        }
    return pool;
}

int filch_pool_create(const struct filch_pool_options *options, struct filch_pool **out)
{
    struct filch_pool_options used;
    int started, error = check_options(options, &used);

    if (error)
        return error;
    struct filch_pool *pool = pool_alloc(&used);
    if (!pool)
        return FILCH_ENOMEM;
    error = start_threads(pool, used.stack_size, &started);
    if (error) {
        fi_pool_end(pool);
        join_threads(pool, started);
        pool_free(pool);
        return error;
    }
    *out = pool;
    return 0;
}

/* ---- The rest of the public side --------------------------------------------------------- */

int filch_pool_destroy(struct filch_pool *pool)
{
    if (!pool)
        return 0;
    if (filch_pool_current() == pool)
        return FILCH_EDEADLK;
    /* The last worker to find nothing to do ends the pool; if all sleep already, wake them to
     * see. */
    atomic_store_explicit(&pool->phase, FI_CLOSING, memory_order_seq_cst);
    notify_all(pool);
    join_threads(pool, pool->size);
    pool_free(pool);
    return 0;
}

int filch_pool_size(const struct filch_pool *pool)
{
    return pool->size;
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
    for (int i = 0; i < pool->size; i++) {
        struct fi_worker *worker = pool->workers[i];
        /* Relaxed: a snapshot of each number for itself. */
        stats->steals += atomic_load_explicit(&worker->steals, memory_order_relaxed);
        stats->races += atomic_load_explicit(&worker->races, memory_order_relaxed);
        stats->tasks += atomic_load_explicit(&worker->tasks, memory_order_relaxed);
        stats->parks += atomic_load_explicit(&worker->parks, memory_order_relaxed);
        stats->spills += atomic_load_explicit(&worker->spills, memory_order_relaxed);
    }
}
