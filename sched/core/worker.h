/* SPDX-License-Identifier: MIT
 *
 * The types of the core: worker, level, pool. sched/README.md has their states, and who may touch
 * what; what is done with them is in the files named like it. Internal: the public side is
 * filch/pool.h. */
#ifndef FI_WORKER_H
#define FI_WORKER_H

#include "atomics/deque.h"
#include "atomics/event.h"
#include "sched/core/batch.h"
#include "sched/core/idle.h"
#include "sched/core/latch.h"
#include "sched/core/submit_queue.h"
#include "sched/core/topology.h"

#include <filch/pool.h>

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fi_count_latch;
struct fi_scratch;
struct fi_worker;

/* A fork that found the deque full, and ran: its result waits here for its join. */
struct fi_spill {
    struct filch_slot slot;
    struct fi_spill *older;
};

/* One deque of a worker. A worker needs a second one when a plain function, called from a
 * task's body, waits or runs fork-join work: only the body knows its head, so what the function
 * starts cannot go on the same stack of slots. Levels are made on demand and stay until the
 * pool ends, so that thieves may walk the list at any time. */
struct fi_level {
    struct fi_deque deque; /* first: its front's address is the level's */
    struct fi_worker *worker;
    struct fi_level *older;
    _Atomic(struct fi_level *) newer; /* the worker writes it once; thieves read */
    struct fi_spill *spilled;         /* newest first */
    int64_t forked;                   /* when the fork's slow path was last entered, ns */
    uint32_t private_max;             /* newest forks kept private: sched/core/forkjoin.c */
    uint32_t eager;                   /* forks to come that are shared at once: likewise */
    uint32_t number;                  /* of older levels */
};

struct fi_worker {
    /* Constant once its thread runs. */
    struct filch_pool *pool;
    uint32_t number;        /* below the pool's size, or a spare */
    struct fi_order *order; /* whom it steals from, near ones first; NULL: nobody is near */
    uintptr_t stack_deep; /* address below which the stack counts as deep; its thread's alone */
    uintptr_t stack_end;  /* and as used up, but for a sixteenth; likewise */
    pthread_t thread;
    _Atomic(const void *) id; /* fi_thread_id() of its thread; NULL without one */

    /* The worker's own. */
    struct fi_level *level; /* the newest in use */
    bool busy;              /* the first level is in use by a running task */
    bool searching;         /* counted as such in the pool's idle state */
    bool hidden;            /* thieves do not look at it: there is nothing to steal */
    bool woken;             /* and has not run a submitted task since */
    uint32_t depth;         /* submitted tasks on its stack, one waiting for the next */
    uint32_t blocking;      /* nested filch_blocking_begin() */
    bool covered;           /* a spare has its place while it blocks or waits */
    uint32_t polls;         /* waits of no duration that this task has made in a row */
    struct fi_count_latch *count_latch; /* of the plain tasks that were run last, or NULL */
    uint64_t uncounted;                 /* how many of them it has not been told of */
    uint32_t turn;
    uint64_t random;
    struct fi_worker *victim;          /* the last that was stolen from with success */
    struct fi_submit_turn submit_turn; /* whose turn it is */
    int64_t refilled;                  /* when it last took several tasks, ns */
    uint32_t batch_max;                /* how many at most */
    struct fi_scratch *scratch;        /* or NULL; freed with the worker */

    /* Written with the pool's `lock`. */
    _Atomic(bool) started;        /* it has a thread */
    bool member;                  /* it takes part; always, but for spares */
    bool ended;                   /* it had a thread, which is to be joined */
    struct fi_worker *next_spare; /* in one of the pool's two lists */

    /* Written by the worker, read by filch_stats_read(). */
    _Atomic(uint64_t) steals, races, tasks, parks, spills, scratched, last_resorts;

    /* Written by whoever wakes the worker. */
    alignas(FILCH_CACHE_LINE) struct fi_event event;

    struct fi_batch batch; /* filled by the worker, emptied by all */
    struct fi_level first;
};

enum fi_phase {
    FI_OPEN,    /* takes tasks */
    FI_CLOSING, /* runs what there is */
    FI_ENDED,   /* all is run: workers leave */
};

/* What filch_pool_create() and executors make a pool from. */
struct fi_pool_plan {
    struct filch_pool_options options;
    bool on_demand;                /* workers start when there is work for them */
    bool exclusive;                /* with one worker and no spares: its tasks never overlap */
    int (*initializer)(void *arg); /* on each worker, first of all; or NULL */
    void *initializer_arg;
    void (*exit_hook)(
        void *arg); /* on each worker whose initializer succeeded, last; or NULL */
    void *exit_hook_arg;
    void (*broken)(void *executor); /* the initializer has failed */
    void (*ended)(void *executor);  /* all is run, and no worker at work any more; or NULL */
    void (*gone)(void *executor);   /* the pool was detached, and is freed; or NULL */
    void *executor;
};

struct filch_pool {
    struct fi_idle idle;
    _Atomic(uint64_t) visible[FI_IDLE_WORDS]; /* a bit a worker: thieves look at its deques */
    struct fi_submit_queues submit_queues;
    _Atomic(int) phase;
    _Atomic(int) known;     /* workers[0] to workers[known - 1] exist */
    _Atomic(int) surplus;   /* members of these that spares should make up for by retiring */
    _Atomic(int) unstarted; /* of the first `size` */
    _Atomic(int) initializing;
    struct fi_latch left_by_all; /* all is run, and no worker at work */

    /* Constant. */
    struct fi_pool_plan plan;    /* options: with the defaults filled in */
    void *(*main)(void *worker); /* of its threads */
    unsigned generation;         /* of process.h */
    uint32_t slots;              /* capacity of a deque */
    int size;                    /* workers, without spares */
    int capacity;                /* and with them */
    bool exclusive;              /* one worker and no spare: its tasks never overlap */
    struct fi_topology topology;
    char prefix[16];

    pthread_mutex_t lock; /* workers start, are added, are admitted, retire, leave: rare */
    /* Guarded by `lock`. */
    bool detached;
    int present;   /* threads that have started and not left */
    int quiescent; /* of these such as sleep, or are about to, with no task on their stack */
    struct fi_worker
        *warm; /* spares that do not take part, with a thread: the last one first */
    struct fi_worker *cold; /* likewise, without */
    struct fi_worker *workers[];
};

/* How long a worker searches at least before it sleeps, ns: some wake-ups' worth (10 us each). */
#define FI_SEARCH_NS 50000

/* A counter that only its worker writes. Relaxed: readers want a snapshot of each number. */
static inline void fi_count(_Atomic(uint64_t) *counter)
{
    uint64_t count = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, count + 1, memory_order_relaxed);
}

static inline bool fi_worker_is_spare(const struct fi_worker *worker)
{
    return worker->number >= (uint32_t)worker->pool->size;
}

/* The worker. Is so much of its stack in use that what it waits for is better run by another? */
static inline bool fi_worker_is_deep(const struct fi_worker *worker)
{
    return (uintptr_t)__builtin_frame_address(0) < worker->stack_deep;
}

/* Any thread. How many workers there are by now, spares included. */
static inline int fi_pool_known(const struct filch_pool *pool)
{
    /* W4, acquire, pairs with W3 in spare.c: the workers themselves. */
    return atomic_load_explicit(&pool->known, memory_order_acquire);
}

/* Any thread. Has all been run? */
static inline bool fi_pool_has_ended(const struct filch_pool *pool)
{
    /* X3, seq_cst, pairs with X2 in quiesce.c: who sleeps has seen the end, or is notified of
     * it. */
    return atomic_load_explicit(&pool->phase, memory_order_seq_cst) == FI_ENDED;
}

/* ---- Who may have something to be stolen ---------------------------------------------------- */

/* The worker, about to do something that others may want a part of. */
static inline void fi_worker_show(struct fi_worker *worker)
{
    if (!worker->hidden)
        return;
    worker->hidden = false;
    /* V1, seq_cst, before D1 and B1, pairs with V2: whoever misses the bit in its last look comes
     * before D1, so the look at the sleepers after that (I4) sees it. */
    atomic_fetch_or_explicit(&worker->pool->visible[worker->number / 64],
                             (uint64_t)1 << worker->number % 64, memory_order_seq_cst);
}

/* The worker, when nothing of its own is shared, and before it sleeps. */
static inline void fi_worker_hide(struct fi_worker *worker)
{
    if (worker->hidden)
        return;
    worker->hidden = true;
    /* Relaxed: who still looks finds nothing. */
    atomic_fetch_and_explicit(&worker->pool->visible[worker->number / 64],
                              ~((uint64_t)1 << worker->number % 64), memory_order_relaxed);
}

static inline uint32_t fi_lowest_bit(uint64_t bits)
{
#ifdef FILCH_MODEL
    uint32_t bit = 0;
    while (!(bits >> bit & 1))
        bit++;
    return bit;
#else
    return (uint32_t)__builtin_ctzll(bits);
#endif
}

/* Any thread. The first visible worker from *number on. Returns false if there is none. */
static inline bool fi_pool_next_visible(const struct filch_pool *pool, uint32_t *number)
{
    for (; *number < FI_IDLE_WORDS * 64; *number = (*number / 64 + 1) * 64) {
        /* V2, seq_cst: see V1. */
        uint64_t bits =
            atomic_load_explicit(&pool->visible[*number / 64], memory_order_seq_cst) >>
            *number % 64;
        if (bits) {
            *number += fi_lowest_bit(bits);
            return true;
        }
        if (*number / 64 == (uint32_t)fi_pool_known(pool) / 64)
            return false;
    }
    return false;
}

#endif
