/* SPDX-License-Identifier: MIT
 *
 * Workers and the pool that they make up. A worker runs tasks that it finds; while it waits for
 * something, at its top level or inside a task, it runs others. sched/README.md has the states,
 * and who may touch what. Internal: the public side is filch/pool.h. */
#ifndef FI_WORKER_H
#define FI_WORKER_H

#include "atomics/deque.h"
#include "atomics/event.h"
#include "sched/core/batch.h"
#include "sched/core/idle.h"
#include "sched/core/latch.h"
#include "sched/core/scratch.h"
#include "sched/core/submit_queue.h"
#include "sched/core/count_latch.h"
#include "sched/core/topology.h"

#include <filch/pool.h>

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

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
};

/* What a thread waits for. `event` is the thread's own: fi_wait_for() and fi_block() set it before
 * they call enlist. */
struct fi_wait {
    bool (*over)(struct fi_wait *wait);   /* has it come, or is the time up? */
    bool (*enlist)(struct fi_wait *wait); /* have `event` notified; false: look again first */
    void (*delist)(struct fi_wait *wait); /* after true from enlist; or NULL */
    struct fi_worker *(*thief)(struct fi_wait *wait); /* who runs what is waited for, or NULL */
    int64_t deadline;                                 /* of fi_now(), or FI_NEVER */
    struct fi_event *event;
    void *object;
    struct fi_waiter waiter;
};

struct fi_worker {
    /* Constant once its thread runs. */
    struct filch_pool *pool;
    uint32_t number;        /* below the pool's size, or a spare */
    struct fi_order *order; /* whom it steals from, near ones first; NULL: nobody is near */
    uintptr_t stack_deep; /* address below which the stack counts as deep; its thread's alone */
    uintptr_t stack_end;  /* and as used up, but for a sixteenth; likewise */
    pthread_t thread;

    /* The worker's own. */
    struct fi_level *level; /* the newest in use */
    bool busy;              /* the first level is in use by a running task */
    bool searching;         /* counted as such in the pool's idle state */
    bool woken;             /* and has not run a submitted task since */
    uint32_t depth;         /* submitted tasks on its stack, one waiting for the next */
    uint32_t locks;         /* mutexes that its tasks hold */
    uint32_t blocking;      /* nested filch_blocking_begin() */
    bool covered;           /* and a spare was admitted for them */
    struct fi_count_latch *count_latch; /* of the plain tasks that were run last, or NULL */
    uint64_t uncounted;                 /* how many of them it has not been told of */
    uint32_t turn;
    uint64_t random;
    struct fi_worker *victim;            /* the last that was stolen from with success */
    struct fi_submit_turn submit_queues; /* which one is next */
    int64_t refilled;                    /* when it last took several tasks, ns */
    uint32_t batch_max;                  /* how many at most */
    struct fi_scratch *scratch;          /* or NULL; freed with the worker */

    /* Written with the pool's `lock`. */
    _Atomic(bool) started; /* it has a thread */
    bool member;           /* it takes part; always, but for spares */

    /* Written by the worker, read by filch_stats_read(). */
    _Atomic(uint64_t) steals, races, tasks, parks, spills, scratched;

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
    int (*initializer)(void *arg); /* on each worker, first of all; or NULL */
    void *initializer_arg;
    void (*broken)(void *executor); /* the initializer has failed */
    void (*gone)(void *executor);   /* the pool was detached, and is freed; or NULL */
    void *executor;
};

struct filch_pool {
    struct fi_idle idle;
    struct fi_submit_queues submit_queues;
    _Atomic(int) phase;
    _Atomic(int) known;     /* workers[0] to workers[known - 1] exist */
    _Atomic(int) surplus;   /* members of these that spares should make up for by retiring */
    _Atomic(int) unstarted; /* of the first `size` */
    _Atomic(int) initializing;
    struct fi_latch left_by_all; /* all is run, and no worker at work */

    /* Constant. */
    struct fi_pool_plan plan; /* options: with the defaults filled in */
    unsigned generation;      /* of process.h */
    uint32_t slots;           /* capacity of a deque */
    int size;                 /* workers, without spares */
    int capacity;             /* and with them */
    struct fi_topology topology;
    char prefix[16];

    pthread_mutex_t lock; /* workers start, are added, are admitted, retire, leave: rare */
    /* Guarded by `lock`. */
    bool detached;
    int present;   /* threads that have started and not left */
    int quiescent; /* of these such as sleep, or are about to, with no task on their stack */
    struct fi_worker *workers[];
};

/* ---- worker.c: finding work, waiting ----------------------------------------------------- */

/* How long a worker searches at least before it sleeps, ns: some wake-ups' worth (10 us each). */
#define FI_SEARCH_NS 50000

/* The calling thread's worker, or NULL. */
struct fi_worker *fi_worker_self(void);

/* Any thread. It has just woken a worker, which may be waiting for this very processor. */
void fi_worker_woke(void);

/* In the child of a fork(): the only thread is nobody's worker. */
void fi_worker_forget(void);

/* The thread's main function; argument: its struct fi_worker. */
void *fi_worker_main(void *worker);

/* Worker. Runs tasks until wait->over(); sleeps when there are none. head: the first free slot
 * of the current level, or NULL when a plain function waits. */
void fi_worker_wait(struct fi_worker *worker, struct filch_slot *head, struct fi_wait *wait);

/* Worker. Runs the task in `slot`, which is the worker's alone. head as above. */
void fi_worker_run(struct fi_worker *worker, struct filch_slot *head, struct filch_slot *slot);

/* Worker, at the end of the task that it has taken out of a submit queue, before others hear of it. It is
 * as good as searching: who hears of it and submits the next task need not have another worker
 * started. */
void fi_worker_ending(struct fi_worker *worker);

/* Worker, after fi_worker_ending() when it will be busy for longer. */
void fi_worker_busy(struct fi_worker *worker);

/* Worker. It has run one more plain task that `count latch` counts. The count latch is told later, of several at
 * once, but before the worker does anything else than such plain tasks. */
void fi_worker_count_later(struct fi_worker *worker, struct fi_count_latch *count_latch);

/* Worker, about to run something that `count latch` counts (NULL: none). Tells another one now. */
void fi_worker_settle_but(struct fi_worker *worker, const struct fi_count_latch *count_latch);

/* Any thread. Blocks until wait->over(). A worker runs other tasks meanwhile. */
void fi_wait_for(struct fi_wait *wait);

/* Any thread. Blocks until wait->over(), which should not depend on tasks further down on its own
 * stack. A worker sleeps while a spare takes its place; without one it runs other tasks. */
void fi_block(struct fi_wait *wait);

/* Any thread. Blocks until the latch has ended or the deadline has passed. A worker runs other
 * tasks meanwhile. */
void fi_latch_wait(struct fi_latch *latch, int64_t deadline);

/* The point of fi_now() that is `seconds` from now: now for 0 and below. */
int64_t fi_deadline(double seconds);

/* Has that point passed? */
static inline bool fi_is_late(int64_t deadline)
{
    return deadline != FI_NEVER && fi_now() >= deadline;
}

/* An address that stands for the calling thread. */
void *fi_thread_id(void);

/* A counter that only its worker writes. Relaxed: readers want a snapshot of each number. */
static inline void fi_count(_Atomic(uint64_t) *counter)
{
    uint64_t count = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, count + 1, memory_order_relaxed);
}

/* ---- pool.c ------------------------------------------------------------------------------ */

/* As filch_pool_create(). */
int fi_pool_create(const struct fi_pool_plan *plan, struct filch_pool **pool);

/* Any thread. Runs what there is, then ends: does not wait for that. Again is fine. */
void fi_pool_close(struct filch_pool *pool);

/* Any thread but its workers, after fi_pool_close(), once. Blocks until it has ended, frees it. */
void fi_pool_join(struct filch_pool *pool);

/* Any thread, after fi_pool_close(), once. The pool frees itself when it has ended, and before the
 * process does. */
void fi_pool_detach(struct filch_pool *pool);

/* Any thread. Wakes a sleeper if there is one and nobody is searching. */
void fi_pool_wake(struct filch_pool *pool);

/* Any thread. Is there anything that a worker could take? seq_cst, for the last look. */
bool fi_pool_has_work(const struct filch_pool *pool);

/* Any thread. Leaves a request with every deque. */
void fi_pool_ask(struct filch_pool *pool);

/* Worker without a task, about to sleep. If the pool closes it rests from now on, and ends the pool
 * if all do. Returns true if it rests: it must call fi_pool_resume() before it looks for work. */
bool fi_pool_quiesce(struct filch_pool *pool);
void fi_pool_resume(struct filch_pool *pool);

/* Any thread. Ends a search: if it was the last, passes it on to a sleeper, or to the owners of the
 * deques. */
void fi_pool_found(struct filch_pool *pool);

/* Worker, as the last it does. The last one frees a pool that was detached. */
void fi_pool_leave(struct fi_worker *worker);

/* Any thread. Hands so many tasks (struct fi_task) to the workers. Returns 0, FILCH_ENOMEM,
 * FILCH_ESHUTDOWN (the submit queue is closed), or FILCH_ETHREAD (no worker can be started); *pushed: how
 * many, from the first on, were handed over nevertheless. */
int fi_pool_inject_many(struct filch_pool *pool, struct fi_submit_queue *submit_queue,
                        enum fi_priority priority, void *const *tasks, uint32_t count,
                        uint32_t *pushed);

/* Likewise, one task: an error, and nothing is done. */
static inline int fi_pool_inject(struct filch_pool *pool, struct fi_submit_queue *submit_queue,
                                 enum fi_priority priority, struct fi_task *task)
{
    void *tasks[1] = {task};
    uint32_t pushed;
    return fi_pool_inject_many(pool, submit_queue, priority, tasks, 1, &pushed);
}

/* Any thread. Takes a task of this submit queue out of the batches, or returns NULL. */
struct fi_task *fi_pool_take_back(struct filch_pool *pool,
                                  const struct fi_submit_queue *submit_queue);

/* Any thread. How many workers there are by now, spares included. */
static inline int fi_pool_known(const struct filch_pool *pool)
{
    /* W4, acquire, pairs with W3 in spare.c: the workers themselves. */
    return atomic_load_explicit(&pool->known, memory_order_acquire);
}

/* Any thread. Has all been run? */
static inline bool fi_pool_has_ended(const struct filch_pool *pool)
{
    /* X3, seq_cst, pairs with X2 in pool.c: who sleeps has seen the end, or is notified of it. */
    return atomic_load_explicit(&pool->phase, memory_order_seq_cst) == FI_ENDED;
}

/* ---- thread.c ---------------------------------------------------------------------------- */

/* With the pool's lock. Gives the worker, which counts as searching, a thread. Returns 0,
 * FILCH_ENOMEM or FILCH_ETHREAD. */
int fi_thread_start(struct fi_worker *worker);

/* Without a thread. Returns NULL when memory lacks. */
struct fi_worker *fi_thread_alloc(struct filch_pool *pool, int number);
void fi_thread_free(struct fi_worker *worker);

/* ---- spare.c: who takes the place of a worker that blocks ------------------------------------ */

/* Worker. Has a spare admitted. Returns false when none is left. */
bool fi_spare_cover(struct fi_worker *worker);

/* Worker, after true from fi_spare_cover(). Sends a spare away, now or when it has time. */
void fi_spare_uncover(struct fi_worker *worker);

/* A spare that nothing keeps. Is it one too many? */
bool fi_spare_unwanted(const struct fi_worker *worker);

/* A spare, then. Sleeps until it is wanted, or the pool has ended; then counts as searching. */
void fi_spare_retire(struct fi_worker *worker);

/* Worker, awake after fi_idle_announce(): it counts as searching again, and takes part again if it
 * was sent away meanwhile. */
void fi_spare_return(struct fi_worker *worker);

/* ---- level.c ----------------------------------------------------------------------------- */

/* Any thread. The next level of the same worker, or NULL. */
static inline struct fi_level *fi_level_newer(struct fi_level *level)
{
    /* W2, seq_cst, pairs with W1 in level.c: the level's deque. */
    return atomic_load_explicit(&level->newer, memory_order_seq_cst);
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
