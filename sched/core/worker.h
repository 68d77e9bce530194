/* SPDX-License-Identifier: MIT
 *
 * Workers and the pool that they make up. A worker runs tasks that it finds; while it waits for
 * something, at its top level or inside a task, it runs others. sched/README.md has the states,
 * and who may touch what. Internal: the public side is filch/pool.h. */
#ifndef FI_WORKER_H
#define FI_WORKER_H

#include "atomics/deque.h"
#include "atomics/event.h"
#include "atomics/queue.h"
#include "sched/core/idle.h"
#include "sched/core/latch.h"

#include <filch/pool.h>

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fi_worker;

/* What the injection queue holds: a submitted task or a FILCH_RUN root. run() is called once,
 * on a worker, and may free the task. head: as for fi_worker_wait(). */
struct fi_task {
    void (*run)(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head);
};

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
    uint32_t keep;                    /* newest forks kept private: sched/core/forkjoin.c */
    uint32_t eager;                   /* forks to come that are shared at once: likewise */
};

/* What a waiting worker waits for. */
struct fi_wait {
    bool (*over)(struct fi_wait *wait);   /* has it come? */
    bool (*enlist)(struct fi_wait *wait); /* have my event notified; false: look again first */
    void (*delist)(struct fi_wait *wait); /* after true from enlist */
    struct fi_worker *(*thief)(struct fi_wait *wait); /* who runs what is waited for, or NULL */
    int64_t deadline;                                 /* of fi_now(), or FI_NEVER */
    struct fi_worker *worker;
    void *object;
    struct fi_waiter waiter;
};

struct fi_worker {
    /* Constant once its thread runs. */
    struct filch_pool *pool;
    uint32_t number;
    size_t stack_size;    /* bytes */
    uintptr_t stack_deep; /* address below which the stack counts as deep; its thread's alone */
    uintptr_t stack_end;  /* and as used up, but for a sixteenth; likewise */
    pthread_t thread;

    /* The worker's own. */
    struct fi_level *level; /* the newest in use */
    bool busy;              /* the first level is in use by a running task */
    bool searching;         /* counted as such in the pool's idle state */
    uint32_t turn;
    uint64_t random;
    struct fi_worker *victim; /* the last that was robbed with success */

    /* Written by the worker, read by filch_stats_read(). */
    _Atomic(uint64_t) steals, races, tasks, parks, spills;

    /* Written by whoever wakes the worker. */
    alignas(FILCH_CACHE_LINE) struct fi_event event;

    struct fi_level first;
};

enum fi_phase {
    FI_OPEN,    /* takes tasks */
    FI_CLOSING, /* runs what there is */
    FI_ENDED,   /* all is run: workers leave */
};

struct filch_pool {
    struct fi_queue injected;
    struct fi_idle idle;
    _Atomic(int) phase;
    uint32_t slots; /* capacity of a deque */
    int size;
    struct fi_worker *workers[];
};

/* ---- worker.c: finding work, waiting ----------------------------------------------------- */

/* How long a worker searches at least before it sleeps, ns: some wake-ups' worth (10 us each). */
#define FI_SEARCH_NS 50000

/* The calling thread's worker, or NULL. */
struct fi_worker *fi_worker_self(void);

/* The thread's main function; argument: its struct fi_worker. */
void *fi_worker_main(void *worker);

/* Worker. Runs tasks until wait->over(); sleeps when there are none. head: the first free slot
 * of the current level, or NULL when a plain function waits. */
void fi_worker_wait(struct fi_worker *worker, struct filch_slot *head, struct fi_wait *wait);

/* Worker. Runs the task in `slot`. head: as above. */
void fi_worker_run(struct fi_worker *worker, struct filch_slot *head, struct filch_slot *slot);

/* Any thread. Blocks until the latch has ended or the deadline has come; a worker runs other
 * tasks meanwhile. */
void fi_latch_wait(struct fi_latch *latch, int64_t deadline);

/* Worker. One more for a statistic of its own. */
static inline void fi_count(_Atomic(uint64_t) *statistic)
{
    /* Relaxed, and no read-modify-write: one writer, and readers want any recent value. */
    uint64_t value = atomic_load_explicit(statistic, memory_order_relaxed);
    atomic_store_explicit(statistic, value + 1, memory_order_relaxed);
}

/* ---- pool.c: what workers share ---------------------------------------------------------- */

/* Any thread. Work has been made visible: wakes one sleeper unless somebody is searching. */
void fi_pool_wake(struct filch_pool *pool);

/* Any thread. Is there a task that a worker could take now? For the look before sleeping.
 * O(workers). */
bool fi_pool_has_work(const struct filch_pool *pool);

/* Any thread. Leaves a request at every deque: who sleeps cannot ask later. O(workers). */
void fi_pool_ask(struct filch_pool *pool);

/* The last worker to fall asleep in a pool that is closing. Lets them all leave. */
void fi_pool_end(struct filch_pool *pool);

/* Any thread. Hands a task to the workers. Returns 0, or FILCH_ENOMEM with nothing done. */
int fi_pool_inject(struct filch_pool *pool, struct fi_task *task);

/* ---- level.c ----------------------------------------------------------------------------- */

/* Any thread. The next level of the same worker, or NULL. */
static inline struct fi_level *fi_level_newer(struct fi_level *level)
{
    /* W2, acquire, pairs with W1 in level.c: the level's deque. */
    return atomic_load_explicit(&level->newer, memory_order_acquire);
}

/* Before the worker runs. Returns 0 or FILCH_ENOMEM. */
int fi_level_init(struct fi_level *level, struct fi_worker *worker, uint32_t slots);
void fi_level_fini(struct fi_level *level);

/* Worker, about to run a task from a plain function. Makes a free level the current one and
 * returns its first slot. spare: what to use when memory lacks; lives until fi_level_leave(). */
struct filch_slot *fi_level_enter(struct fi_worker *worker, struct fi_level *spare,
                                  struct filch_slot *scratch);
void fi_level_leave(struct fi_worker *worker);

#endif
