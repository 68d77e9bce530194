/* SPDX-License-Identifier: MIT
 *
 * The core of a pool, for clients: sched/core/wake.c, quiesce.c, spare.c, search.c and wait.c as
 * shipped, and idle.h, with the event of fake/. In place of a submit queue there is a number of tasks;
 * threads are the checker's, and so is the pool's lock. With DEQUES there are deques, as shipped, and
 * forkjoin.c; else they stay empty.
 *
 * The thread of a worker that sleeps ends there, unless it has been notified: in other executions it
 * has. With a deadline, if the worker is one that TIMES_OUT, it goes on once that has passed. A
 * thread's clock stands still while it is awake, but for its pauses. */
#define FI_IDLE_WORDS     1
#define FI_NEVER          INT64_MAX
#define FI_SUBMIT_QUEUE_H /* sched/core/submit_queue.h; see below */
#define FI_PAUSE_H        /* sched/core/pause.h; likewise */

#include "atomics/event.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What is not used is not compiled: the checker does not know how to copy structures. */
#pragma clang attribute push(__attribute__((internal_linkage)), apply_to = function)
#pragma clang attribute push(__attribute__((noinline)), apply_to = function)
#pragma clang diagnostic ignored "-Wundefined-internal"

#ifndef TIMES_OUT
#define TIMES_OUT(number) false
#endif

/* ---- Time ------------------------------------------------------------------------------------ */

static _Thread_local int64_t clock_of_thread;

int64_t fi_now(void)
{
    return clock_of_thread;
}

static void fi_pause(uint32_t *pauses, int64_t since)
{
    (void)pauses;
    clock_of_thread = since + 1000000;
}

/* ---- Submit queues: how many tasks there are to take -------------------------------------------- */

struct fi_worker;
struct filch_slot;

struct fi_task {
    void (*run)(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                int refusal);
};

enum fi_priority {
    FI_NORMAL,
};

struct fi_submit_queue {
    _Atomic(int) tasks; /* each operation is seq_cst */
};

struct fi_submit_queues {
    struct fi_submit_queue own;
};

struct fi_submit_turn {
    uint32_t turn;
};

#include "sched/core/worker.h"

static struct fi_task task;

static bool fi_submit_queues_empty(const struct fi_submit_queues *submit_queues)
{
    return atomic_load(&submit_queues->own.tasks) == 0;
}

static uint64_t fi_submit_queues_count(const struct fi_submit_queues *submit_queues)
{
    return (uint64_t)atomic_load_explicit(&submit_queues->own.tasks, memory_order_relaxed);
}

static int fi_submit_queue_push(struct fi_submit_queues *submit_queues,
                                struct fi_submit_queue *submit_queue, enum fi_priority priority,
                                void *const *tasks, uint32_t count, uint32_t *pushed)
{
    (void)submit_queues;
    (void)priority;
    (void)tasks;
    atomic_fetch_add(&submit_queue->tasks, (int)count);
    *pushed = count;
    return 0;
}

static uint32_t fi_submit_queues_pop_many(struct fi_submit_queues *submit_queues,
                                          struct fi_submit_turn *turn, void **tasks,
                                          uint32_t max, struct fi_submit_queue **submit_queue)
{
    int count = atomic_load(&submit_queues->own.tasks);

    (void)turn;
    (void)max;
    *submit_queue = &submit_queues->own;
    tasks[0] = &task;
    return count > 0 &&
           atomic_compare_exchange_strong(&submit_queues->own.tasks, &count, count - 1);
}

/* ---- What else is used of the rest of sched/ --------------------------------------------------- */

#ifdef DEQUES
#include "atomics/deque.c"
#else
bool fi_deque_has_shared(const struct fi_deque *deque)
{
    (void)deque;
    return false;
}

void fi_deque_ask(struct fi_deque *deque)
{
    (void)deque;
}
#endif

#include "sched/core/steal.h"

bool fi_steal_last(struct fi_worker *worker, struct filch_slot *head)
{
    (void)worker;
    (void)head;
    return false;
}

bool fi_steal_any(struct fi_worker *worker, struct filch_slot *head)
{
    (void)worker;
    (void)head;
    return false;
}

#include "sched/core/settle.h"

void fi_worker_settle(struct fi_worker *worker)
{
    (void)worker;
}

#include "sched/core/level.h"

void fi_level_trim(struct fi_worker *worker)
{
    (void)worker;
}

bool fi_latch_end(struct fi_latch *latch, enum fi_state from, enum fi_state to,
                  struct fi_callback **callbacks)
{
    (void)latch;
    (void)from;
    (void)to;
    (void)callbacks;
    return true;
}

#include "sched/core/scratch.h"

void fi_scratch_give_back(struct fi_scratch *scratch)
{
    (void)scratch;
}

void fi_scratch_destroy(struct fi_scratch *scratch)
{
    (void)scratch;
}

#include "sched/core/self.h"

static struct filch_thread never_interrupted;

struct filch_thread *fi_thread_self(void)
{
    return &never_interrupted;
}

void fi_self_woke(void)
{
}

static void stop(struct fi_event *event, uint32_t ticket, int64_t deadline);

#define sched_yield()                          ((void)0)
#define __builtin_frame_address(level)         ((void *)1)
#define fi_event_wait(event, ticket, deadline) stop(event, ticket, deadline)

#include "sched/core/quiesce.c"
#include "sched/core/search.c"
#include "sched/core/spare.c"
#include "sched/core/wake.c"

#define show show_levels
#include "sched/core/wait.c"
#undef show

#ifdef DEQUES
#undef SOON_NS
#include "sched/core/forkjoin.c"
#endif

/* ---- A pool of up to 3 --------------------------------------------------------------------------- */

#define WORKERS 3

static struct fi_worker workers[WORKERS];
#ifdef DEQUES
#define SLOTS 2
static struct filch_slot slots[WORKERS][SLOTS + 1];
#endif
static struct filch_pool pool = {.workers = {&workers[0], &workers[1], &workers[2]}};
static struct {
    bool stopped;
    uint32_t ticket;
} sleepers[WORKERS];

static void stop(struct fi_event *event, uint32_t ticket, int64_t deadline)
{
    uint32_t i = 0;

    while (event != &workers[i].event)
        i++;
    if (fi_event_prepare(event) != ticket)
        return;
    if (deadline != FI_NEVER && TIMES_OUT(i)) {
        clock_of_thread = deadline;
        return;
    }
    sleepers[i].ticket = ticket;
    sleepers[i].stopped = true;
    pthread_exit(NULL);
}

/* The thread of a worker that is started. The client's. */
static void *life(void *worker);

struct fi_worker *fi_thread_alloc(struct filch_pool *of, int number)
{
    struct fi_worker *worker = &workers[number];

    worker->pool = of;
    worker->number = (uint32_t)number;
    worker->member = number < of->size;
    worker->hidden = true;
    worker->random = 1;
    worker->level = &worker->first;
#ifdef DEQUES
    worker->first.worker = worker;
    fi_deque_init(&worker->first.deque, slots[number], SLOTS);
    fi_deque_watch(&worker->first.deque, SLOTS, false);
#endif
    fi_event_init(&worker->event);
    return worker;
}

#ifndef CANNOT_START
#define CANNOT_START false
#endif

int fi_thread_start(struct fi_worker *worker)
{
    assert(!fi_pool_has_ended(&pool)); /* who joins all may have been here */
    if (CANNOT_START)
        return FILCH_ETHREAD;
    if (worker->ended)
        pthread_join(worker->thread, NULL);
    worker->ended = false;
    atomic_store_explicit(&worker->started, true, memory_order_relaxed);
    worker->searching = true;
    pthread_create(&worker->thread, NULL, life, worker);
    pool.present++;
    return 0;
}

void fi_thread_end(struct fi_worker *worker)
{
    worker->ended = true;
    worker->pool->present--;
    atomic_store_explicit(&worker->started, false, memory_order_relaxed);
}

/* A pool of `size`. The first `started` have a thread, and take part in what the scenario is about;
 * the others have none, and count as asleep. */
static void set_up(enum fi_phase phase, int size, int spares, int started)
{
    pool.size = size;
    pool.capacity = size + spares;
    pool.present = started;
    pthread_mutex_init(&pool.lock, NULL);
    atomic_init(&pool.phase, (int)phase);
    atomic_init(&pool.known, size);
    atomic_init(&pool.unstarted, size - started);
    for (int i = 0; i < size; i++) {
        (void)fi_thread_alloc(&pool, i);
        atomic_init(&workers[i].started, i < started);
        if (i >= started)
            fi_idle_admit(&pool.idle, (uint32_t)i);
    }
}

/* One more spare, with a thread. */
static struct fi_worker *set_up_spare(bool member)
{
    struct fi_worker *spare = make_spare(&pool);

    spare->member = member;
    atomic_init(&spare->started, true);
    pool.present++;
    if (!member)
        put(&pool.warm, spare);
    return spare;
}

static void push(void)
{
    atomic_fetch_add(&pool.submit_queues.own.tasks, 1);
}

/* Is this worker's thread awake, or about to be? */
static bool is_on(int i)
{
    if (atomic_load_explicit(&workers[i].started, memory_order_relaxed))
        return !sleepers[i].stopped ||
               fi_event_prepare(&workers[i].event) != sleepers[i].ticket;
    return false;
}

/* Workers 0, 1, 2, another thread; or NULL. Returns when all is still. */
static void run(void *(*first)(void *), void *(*second)(void *), void *(*third)(void *),
                void *(*other)(void *))
{
    void *(*lives[])(void *) = {first, second, third};
    pthread_t threads[WORKERS], thread;

    for (int i = WORKERS; i-- > 0;) /* those that worker 0 may have to join come before it */
        if (lives[i]) {
            pthread_create(&threads[i], NULL, lives[i], &workers[i]);
            workers[i].thread = threads[i];
        }
    if (other) {
        pthread_create(&thread, NULL, other, NULL);
        pthread_join(thread, NULL);
    }
    for (int i = 0; i < WORKERS; i++)
        if (lives[i])
            pthread_join(threads[i], NULL);
    for (int i = 0; i < WORKERS; i++) /* those that were started meanwhile */
        if (atomic_load_explicit(&workers[i].started, memory_order_relaxed) &&
            workers[i].thread)
            pthread_join(workers[i].thread, NULL);
}
