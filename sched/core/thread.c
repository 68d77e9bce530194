/* SPDX-License-Identifier: MIT
 *
 * Workers and their threads: see thread.h. */
#include "sched/core/thread.h"

#include "sched/core/level.h"
#include "sched/core/scratch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_SIZE  ((size_t)64 << 10)  /* no frame up to this size can step over it */
#define SPARE_SLOTS ((uint32_t)1 << 12) /* a spare forks less, and there may be many */

void fi_thread_free(struct fi_worker *worker)
{
    struct fi_level *level = &worker->first;

    while (level) {
        struct fi_level *next = fi_level_newer(level);
        fi_level_fini(level);
        if (level != &worker->first)
            free(level);
        level = next;
    }
    fi_scratch_destroy(worker->scratch);
    free(worker->order);
    free(worker);
}

struct fi_worker *fi_thread_alloc(struct filch_pool *pool, int number)
{
    struct fi_worker *worker = aligned_alloc(alignof(struct fi_worker), sizeof *worker);
    bool spare = number >= pool->size;

    if (!worker)
        return NULL;
    memset(worker, 0, sizeof *worker);
    worker->pool = pool;
    worker->number = (uint32_t)number;
    worker->member = !spare;
    worker->hidden = true;
    worker->random = 0x9e3779b97f4a7c15u * (uint64_t)(number + 1);
    worker->level = &worker->first;
    fi_event_init(&worker->event);
    if (pool->topology.pins && !spare &&
        !(worker->order = fi_order_create(&pool->topology, pool->size, number)))
        goto failed;
    if (fi_level_init(&worker->first, worker,
                      spare && pool->slots > SPARE_SLOTS ? SPARE_SLOTS : pool->slots))
        goto failed;
    return worker;
failed:
    free(worker->order);
    free(worker);
    return NULL;
}

/* "prefix_12", of which the system keeps 15 bytes: the number stays whole. */
static void name_thread(const struct fi_worker *worker)
{
    char number[16], name[sizeof worker->pool->prefix + sizeof number];
    int digits = snprintf(number, sizeof number, "_%u", (unsigned)worker->number);

    snprintf(name, sizeof name, "%.*s%s", 15 - digits, worker->pool->prefix, number);
    (void)pthread_setname_np(worker->thread, name);
}

int fi_thread_start(struct fi_worker *worker)
{
    const struct filch_pool *pool = worker->pool;
    size_t stack = pool->plan.options.stack_size;
    int pinned = worker->number < (uint32_t)pool->size ? (int)worker->number : -1;
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = 0;

    if (worker->ended) /* in a moment, if it has not */
        pthread_join(worker->thread, NULL);
    worker->ended = false;
    if (pthread_attr_init(&attributes))
        return FILCH_ENOMEM;
    /* The C library takes the guard from the stack. */
    if (pthread_attr_setguardsize(&attributes, GUARD_SIZE) ||
        pthread_attr_setstacksize(&attributes, stack + GUARD_SIZE))
        error = FILCH_EINVAL;
    /* Always: a thread inherits where its creator runs, which may be pinned. */
    if (!error)
        error = fi_topology_bind(&pool->topology, pinned, &attributes);
    /* All signals stay with the program's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* Before the thread may fall asleep, and be claimed: who wakes it should not start it again. */
    /* Relaxed: pthread_create(), and the claim (I3, I7), bring it to who wakes it. */
    atomic_store_explicit(&worker->started, true, memory_order_relaxed);
    if (!error && pthread_create(&worker->thread, &attributes, pool->main, worker))
        error = FILCH_ETHREAD;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error) {
        atomic_store_explicit(&worker->started, false, memory_order_relaxed);
        return error;
    }
    worker->pool->present++;
    name_thread(worker);
    return 0;
}

void fi_thread_end(struct fi_worker *worker)
{
    worker->ended = true;
    worker->pool->present--;
    /* Relaxed: changed with the lock. */
    atomic_store_explicit(&worker->started, false, memory_order_relaxed);
    atomic_store_explicit(&worker->id, NULL, memory_order_relaxed);
}

void fi_thread_join(struct fi_worker *worker)
{
    /* Relaxed: it does not change after X2, which the caller has seen, or who ended the pool. */
    if (worker->ended || atomic_load_explicit(&worker->started, memory_order_relaxed))
        pthread_join(worker->thread, NULL);
}
