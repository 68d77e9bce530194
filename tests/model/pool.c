/* SPDX-License-Identifier: MIT
 *
 * The end of a pool under a model checker: sched/core/pool.c, spare.c, worker.c and idle.h as
 * shipped, with the event of fake/. In place of a submit queue there is a number of tasks; deques stay
 * empty, and threads are the checker's. The thread of a worker that sleeps ends, in
 * fi_event_wait(), unless it has been notified. No task finds that the pool has ended. When all is
 * still the pool has ended, with no task left, and everybody has been notified of it; or somebody
 * goes on, since it has been notified, or is awake.
 *
 * Scenarios: 10
 *              1  two workers fall asleep: the second one ends the pool
 *              2  a worker falls asleep while a task is submitted and then the pool closed
 *              3  a task submits another, ends, and its worker falls asleep, beside one that falls
 *                 asleep and is woken for that other task
 *              4  a task is submitted and the pool closed, while one worker wakes up and another
 *                 one falls asleep; who submitted it has not yet come to wake anybody
 *              5  the same after the pool was closed; who submitted the task claims the one that
 *                 wakes up
 *              6  a task sleeps midway, beside a worker that falls asleep; what it waits for comes
 *              7  a task blocks: its spare falls asleep, and is sent away
 *              8  a spare retires, beside a worker that falls asleep
 *              9  who submitted a task claims a worker without a thread, and starts it or does not,
 *                 while another one ends its task, runs that one as well, and falls asleep
 *             10  a spare retires while a task blocks, which submits another */
#define FI_IDLE_WORDS     1
#define FI_NEVER          INT64_MAX
#define FI_SUBMIT_QUEUE_H /* sched/core/submit_queue.h; see below */
#define CK_PR_H           /* ck_pr.h */
#define _SC_PAGESIZE      0

#include "atomics/event.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is not used is not compiled: the checker does not know how to copy structures. */
#pragma clang attribute push(__attribute__((internal_linkage)), apply_to = function)
#pragma clang attribute push(__attribute__((noinline)), apply_to = function)
#pragma clang diagnostic ignored "-Wundefined-internal"

long sysconf(int name);
int snprintf(char *buffer, size_t size, const char *format, ...);

static int64_t fi_now(void)
{
    return 0;
}

/* ---- Submit queues: how many tasks there are to take ------------------------------------------- */

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

static int fi_submit_queues_init(struct fi_submit_queues *submit_queues)
{
    atomic_init(&submit_queues->own.tasks, 0);
    return 0;
}

static void fi_submit_queues_fini(struct fi_submit_queues *submit_queues)
{
    (void)submit_queues;
}

/* ---- What else is used of the rest of sched/ ------------------------------------------------ */

bool fi_deque_has_shared(const struct fi_deque *deque)
{
    (void)deque;
    return false;
}

enum fi_steal fi_deque_steal(struct fi_deque *deque, struct filch_slot **slot)
{
    (void)deque;
    (void)slot;
    return FI_EMPTY;
}

void fi_deque_ask(struct fi_deque *deque)
{
    (void)deque;
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

void fi_scratch_give_back(struct fi_scratch *scratch)
{
    (void)scratch;
}

static void stop(struct fi_event *event, uint32_t ticket);

#define fi_event_wait(event, ticket, deadline) stop(event, ticket)
#define __builtin_frame_address(level)         ((void *)1)
#define ck_pr_stall()                          ((void)0)

#include "sched/core/pool.c"
#include "sched/core/spare.c"
#include "sched/core/worker.c"

#define WORKERS 3

static struct fi_worker workers[WORKERS];
static struct filch_pool pool = {.workers = {&workers[0], &workers[1], &workers[2]}};
static struct {
    bool stopped;
    uint32_t ticket;
} sleepers[WORKERS];

static void stop(struct fi_event *event, uint32_t ticket)
{
    uint32_t i = 0;

    while (event != &workers[i].event)
        i++;
    if (fi_event_prepare(event) != ticket)
        return;
    sleepers[i].ticket = ticket;
    sleepers[i].stopped = true;
    pthread_exit(NULL);
}

static void *life(void *worker);

struct fi_worker *fi_thread_alloc(struct filch_pool *of, int number)
{
    struct fi_worker *worker = &workers[number];

    worker->pool = of;
    worker->number = (uint32_t)number;
    worker->member = number < of->size;
    worker->random = 1;
    fi_event_init(&worker->event);
    return worker;
}

int fi_thread_start(struct fi_worker *worker)
{
    assert(!fi_pool_has_ended(&pool)); /* who joins all may have been here */
    atomic_store_explicit(&worker->started, true, memory_order_relaxed);
    pthread_create(&worker->thread, NULL, life, worker);
    pool.present++;
    return 0;
}

/* ---- Parties -------------------------------------------------------------------------------- */

/* A pool of `size` that is closed. The first `started` have a thread, and take part in what the
 * scenario is about; the others have none, and count as asleep. */
static void set_up(int size, int spares, int started)
{
    pool.size = size;
    pool.capacity = size + spares;
    pool.present = started;
    pthread_mutex_init(&pool.lock, NULL);
    atomic_init(&pool.phase, FI_CLOSING);
    atomic_init(&pool.known, size);
    atomic_init(&pool.unstarted, size - started);
    for (int i = 0; i < size; i++) {
        (void)fi_thread_alloc(&pool, i);
        atomic_init(&workers[i].started, i < started);
        if (i >= started)
            fi_idle_admit(&pool.idle, (uint32_t)i);
    }
}

/* The spare 1, awake, is a member too many. */
static void set_up_surplus(void)
{
    (void)find_spare(&pool);
    workers[1].member = true;
    atomic_init(&workers[1].started, true);
    atomic_init(&pool.surplus, 1);
    pool.present++;
}

/* A worker, asleep since before the pool was closed; or since, and so it rests. */
static void fall_asleep_before(int i, bool quiesces)
{
    fi_idle_admit(&pool.idle, (uint32_t)i);
    pool.quiescent += quiesces;
}

static void begin_search(struct fi_worker *worker)
{
    fi_idle_search(&pool.idle);
    worker->searching = true;
}

static void push(void)
{
    atomic_fetch_add(&pool.submit_queues.own.tasks, 1);
}

/* What a task waits for. */
static _Atomic(bool) has_come;

static bool came(struct fi_wait *wait)
{
    (void)wait;
    return atomic_load_explicit(&has_come, memory_order_acquire);
}

static bool enlist(struct fi_wait *wait)
{
    (void)wait;
    return true;
}

static void *comes(void *argument)
{
    atomic_store_explicit(&has_come, true, memory_order_release);
    fi_event_notify(&workers[0].event);
    return argument;
}

static struct fi_wait midway = {.over = came, .enlist = enlist, .deadline = FI_NEVER};
static struct fi_wait at_top[WORKERS]; /* without a task */

/* What the scenario is about, in a task: worker 0 is at work. */
static void work(struct fi_worker *worker)
{
#if SCENARIO == 3
    push();
    fi_pool_wake(&pool);
#elif SCENARIO == 6
    begin_search(worker);
    park(worker, &midway);
    end_search(worker);
#elif SCENARIO == 7
    assert(fi_spare_cover(worker));
    fi_spare_uncover(worker);
#elif SCENARIO == 10
    assert(fi_spare_cover(worker));
    push();
    fi_pool_wake(&pool);
    fi_spare_uncover(worker);
#endif
    (void)worker;
    assert(!fi_pool_has_ended(&pool));
}

static void run_task(struct fi_task *unused, struct fi_worker *worker, struct filch_slot *head,
                     int refusal)
{
    (void)unused;
    (void)worker;
    (void)head;
    (void)refusal;
    assert(!fi_pool_has_ended(&pool));
}

/* It counts as searching, and has found nothing. */
static void *falls_asleep(void *argument)
{
    struct fi_worker *worker = argument;
    struct fi_wait *wait = &at_top[worker->number];

    worker->searching = true;
    wait->over = is_to_leave;
    wait->deadline = FI_NEVER;
    wait->object = worker;
    park(worker, wait);
    return NULL;
}

static void *falls_asleep_and_searches(void *worker)
{
    falls_asleep(worker);
    (void)run_injected(worker, NULL);
    return NULL;
}

/* It counts as searching. */
static void *searches(void *argument)
{
    struct fi_worker *worker = argument;

    worker->searching = true;
    if (run_injected(worker, NULL)) {
#if SCENARIO != 9
        return NULL; /* awake */
#endif
        begin_search(worker);
    }
    return falls_asleep(worker);
}

static void *wakes_up(void *worker)
{
#if SCENARIO != 4
    fi_pool_resume(&pool);
#endif
    fi_spare_return(worker);
    return searches(worker);
}

static void *works(void *worker)
{
    work(worker);
#if SCENARIO == 6
    return NULL; /* awake */
#endif
    begin_search(worker);
    return searches(worker);
}

static void *retires(void *worker)
{
    fi_spare_retire(worker);
    return NULL;
}

static void *retires_and_searches(void *worker)
{
    fi_spare_retire(worker);
    (void)run_injected(worker, NULL);
    return NULL;
}

static void *submits_and_closes(void *argument)
{
    push();
    fi_pool_wake(&pool);
    fi_pool_close(&pool);
    return argument;
}

static void *submits_late_and_closes(void *argument)
{
    push();
    fi_pool_close(&pool);
    return argument;
}

static void *wakes_another(void *argument)
{
    fi_pool_wake(&pool);
    return argument;
}

/* Of a thread that is started: a spare's, or the worker's that was claimed without one. */
static void *life(void *worker)
{
    return SCENARIO == 7 ? falls_asleep(worker) : searches(worker);
}

/* Worker 0, worker 1, another thread; or NULL. */
static void run(void *(*first)(void *), void *(*second)(void *), void *(*other)(void *))
{
    pthread_t thread;

    pthread_create(&workers[0].thread, NULL, first, &workers[0]);
    if (second)
        pthread_create(&workers[1].thread, NULL, second, &workers[1]);
    if (other) {
        pthread_create(&thread, NULL, other, NULL);
        pthread_join(thread, NULL);
    }
    for (int i = 0; i < WORKERS; i++)
        if (atomic_load_explicit(&workers[i].started, memory_order_relaxed))
            pthread_join(workers[i].thread, NULL);
}

/* All is still. */
static void check(void)
{
    bool ended = fi_pool_has_ended(&pool);
    int on = 0;

    for (int i = 0; i < WORKERS; i++)
        if (atomic_load_explicit(&workers[i].started, memory_order_relaxed))
            on += !sleepers[i].stopped ||
                  fi_event_prepare(&workers[i].event) != sleepers[i].ticket;
    assert(ended ? on == pool.present : on > 0);
    assert(!ended || fi_submit_queues_empty(&pool.submit_queues));
}

#pragma clang attribute pop
#pragma clang attribute pop

int main(void)
{
    task.run = run_task;
#if SCENARIO == 1
    set_up(2, 0, 2);
    fi_idle_search(&pool.idle);
    fi_idle_search(&pool.idle);
    run(falls_asleep, falls_asleep, NULL);
    assert(fi_pool_has_ended(&pool));
#elif SCENARIO == 2
    set_up(1, 0, 1);
    atomic_init(&pool.phase, FI_OPEN);
    fi_idle_search(&pool.idle);
    run(falls_asleep, NULL, submits_and_closes);
#elif SCENARIO == 3
    set_up(2, 0, 2);
    fi_idle_search(&pool.idle);
    run(works, falls_asleep_and_searches, NULL);
#elif SCENARIO == 4
    set_up(2, 0, 2);
    atomic_init(&pool.phase, FI_OPEN);
    fall_asleep_before(0, false);
    fi_idle_search(&pool.idle);
    run(wakes_up, falls_asleep, submits_late_and_closes);
#elif SCENARIO == 5
    set_up(2, 0, 2);
    fall_asleep_before(0, true);
    fi_idle_search(&pool.idle);
    push();
    run(wakes_up, falls_asleep, wakes_another);
#elif SCENARIO == 6
    set_up(2, 0, 2);
    fi_idle_search(&pool.idle);
    run(works, falls_asleep, comes);
#elif SCENARIO == 7
    set_up(1, 1, 1);
    run(works, NULL, NULL);
#elif SCENARIO == 8
    set_up(1, 1, 1);
    set_up_surplus();
    fi_idle_search(&pool.idle);
    run(falls_asleep, retires, NULL);
    assert(fi_pool_has_ended(&pool));
#elif SCENARIO == 9
    set_up(2, 0, 1);
    push();
    run(works, NULL, wakes_another);
#elif SCENARIO == 10
    set_up(1, 1, 1);
    set_up_surplus();
    run(works, retires_and_searches, NULL);
#endif
    check();
    return 0;
}
