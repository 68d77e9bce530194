/* SPDX-License-Identifier: MIT
 *
 * Stealing back under a model checker: sched/core/steal.c and atomics/deque.c as shipped, with the event
 * of fake/. Worker 0 waits for its fork S, which worker 1 has stolen, and steals from that one's stack
 * what was forked under S: it never gets a stranger's fork, and each task runs once. What a task does
 * is a plain write: one that two threads run is a data race.
 *
 * Scenarios: 8
 *              1  the thief runs S, which forks and joins, then a stranger, which forks in the same
 *                 slot
 *              2  the same, and an older fork of a stranger lies below S on the thief's stack
 *              3  below S on the thief's stack lies a stranger's fork that worker 2 has stolen, and
 *                 forks under
 *              4  worker 2 has stolen S's fork, forks and joins, then runs a stranger, which forks in
 *                 the same slot
 *              5  the same, but its stranger is a fork that the thief made after S, in the same slot
 *              6  the thief is a spare that was made just before
 *              7  as 1, but the thief runs the stranger first
 *              8  as 1, beside worker 2, which steals from the thief whatever there is */
#define FI_NEVER      INT64_MAX
#define FI_IDLE_WORDS 1

#include "atomics/deque.c"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* What is not used is not compiled, as in core.h. */
#pragma clang attribute push(__attribute__((internal_linkage)), apply_to = function)
#pragma clang attribute push(__attribute__((noinline)), apply_to = function)
#pragma clang diagnostic ignored "-Wundefined-internal"

#include "sched/core/steal.h"

#include "sched/core/settle.h"
#include "sched/core/wake.h"

void fi_worker_settle(struct fi_worker *worker)
{
    (void)worker;
}

void fi_worker_end_search(struct fi_worker *worker)
{
    (void)worker;
}

#include "sched/core/steal.c"

#define SLOTS 3

static struct fi_worker workers[3];
static struct filch_slot slots[3][SLOTS + 1];
static struct filch_pool pool = {.workers = {&workers[0], &workers[1], &workers[2]}};

/* ---- Tasks ------------------------------------------------------------------------------------- */

static int ran_child, ran_grandchild, ran_stranger, ran_strangers_child; /* plain */
static _Thread_local bool is_waiter;

static void fork_at(struct filch_slot *head, filch_slot_run *run, struct fi_worker *worker)
{
    head->run = run;
    fi_deque_share(&worker->first.deque, head + 1);
}

/* As filch_front_join() does it. */
static void join_at(struct filch_slot *slot, struct fi_worker *worker)
{
    struct fi_deque *deque = &worker->first.deque;

    if (fi_deque_take(deque, slot) == FI_TAKEN) {
        slot->run(&deque->front, slot, slot);
        return;
    }
    while (!fi_slot_done(slot))
        continue;
    fi_deque_fall_back(deque, slot);
}

static struct fi_worker *owner_of(struct filch_front *front)
{
    return ((struct fi_level *)(void *)front)->worker;
}

static void run_grandchild(struct filch_front *front, struct filch_slot *head,
                           struct filch_slot *slot)
{
    (void)front;
    (void)head;
    (void)slot;
    ran_grandchild++;
}

static void run_child(struct filch_front *front, struct filch_slot *head,
                      struct filch_slot *slot)
{
    (void)slot;
    ran_child++;
#if SCENARIO == 4 || SCENARIO == 5
    if (owner_of(front) == &workers[2]) {
        fork_at(head, run_grandchild, owner_of(front));
        join_at(head, owner_of(front));
    }
#else
    (void)front;
    (void)head;
#endif
}

static void run_strangers_child(struct filch_front *front, struct filch_slot *head,
                                struct filch_slot *slot)
{
    (void)front;
    (void)head;
    (void)slot;
    assert(!is_waiter);
    ran_strangers_child++;
}

/* Forks where it is run. */
static void run_stranger(struct filch_front *front, struct filch_slot *head,
                         struct filch_slot *slot)
{
    (void)slot;
    assert(!is_waiter);
    ran_stranger++;
    fork_at(head, run_strangers_child, owner_of(front));
    join_at(head, owner_of(front));
}

/* S. */
static void run_awaited(struct filch_front *front, struct filch_slot *head,
                        struct filch_slot *slot)
{
    (void)slot;
    fork_at(head, run_child, owner_of(front));
    join_at(head, owner_of(front));
}

/* ---- Parties ------------------------------------------------------------------------------------ */

#define AWAITED (&slots[0][0])

static void set_up_worker(int number)
{
    struct fi_worker *worker = &workers[number];

    worker->pool = &pool;
    worker->number = (uint32_t)number;
    worker->level = &worker->first;
    worker->first.worker = worker;
    fi_deque_init(&worker->first.deque, slots[number], SLOTS);
    fi_event_init(&worker->event);
}

static struct filch_slot *take_from(int number)
{
    struct filch_slot *slot = NULL;

    assert(fi_deque_steal(&workers[number].first.deque, &slot) == FI_STOLEN);
    return slot;
}

#if SCENARIO == 5 || SCENARIO == 8
#define LOOKS 1
#else
#define LOOKS 2
#endif

/* It has found S stolen. */
static void *waits(void *argument)
{
    is_waiter = true;
    for (int i = 0; i < LOOKS; i++)
        (void)fi_steal_back(&workers[0], AWAITED + 1, AWAITED);
    return argument;
}

/* Worker 1, with what it finds at `head`. */
static void *thief(void *argument)
{
    struct filch_slot *head = argument;
    struct filch_front *front = &workers[1].first.deque.front;

#if SCENARIO == 7
    run_stranger(front, head, NULL);
#endif
    run_stolen(&workers[1], head, AWAITED, &workers[0]);
#if SCENARIO == 1 || SCENARIO == 2 || SCENARIO == 8
    run_stranger(front, head, NULL);
#endif
    (void)front;
    return NULL;
}

/* Worker 1, whose fork at `head` worker 2 has: it waits for that one. */
static void *joins(void *argument)
{
    struct filch_slot *head = argument;

    while (!fi_slot_done(head))
        continue;
    fi_deque_fall_back(&workers[1].first.deque, head);
    (void)fi_slot_finish(AWAITED);
#if SCENARIO == 5
    fork_at(head, run_stranger, &workers[1]);
    join_at(head, &workers[1]);
#endif
    return NULL;
}

/* Worker 2, with the fork that it has stolen from worker 1. */
static void *thiefs_thief(void *argument)
{
    run_stolen(&workers[2], slots[2], argument, &workers[1]);
#if SCENARIO == 4
    run_stranger(&workers[2].first.deque.front, slots[2], NULL);
#elif SCENARIO == 5
    (void)steal_from(&workers[2], slots[2], &workers[1]);
#endif
    return NULL;
}

static void *another_thief(void *argument)
{
    (void)steal_from(&workers[2], slots[2], &workers[1]);
    return argument;
}

/* Makes worker 1, whose thread steals S. */
static void *steals(void *argument)
{
    if (steal_from(&workers[1], slots[1], &workers[0]))
        return NULL;
    return argument;
}

static void *makes_spare(void *argument)
{
    pthread_t thread;

    set_up_worker(1);
    pool.workers[1] = &workers[1];
    pthread_create(&thread, NULL, steals, NULL);
    pthread_join(thread, NULL);
    return argument;
}

#pragma clang attribute pop
#pragma clang attribute pop

int main(void)
{
    pthread_t threads[3];
    struct filch_slot *head = slots[1];

    set_up_worker(0);
    set_up_worker(2);
    fork_at(AWAITED, run_awaited, &workers[0]);
#if SCENARIO == 6
    pool.workers[1] = NULL;
    pthread_create(&threads[1], NULL, makes_spare, NULL);
#else
    set_up_worker(1);
    (void)take_from(0);
#if SCENARIO == 2 || SCENARIO == 3
    fork_at(head++, SCENARIO == 2 ? run_strangers_child : run_stranger, &workers[1]);
#endif
#if SCENARIO == 3
    pthread_create(&threads[2], NULL, thiefs_thief, take_from(1));
#elif SCENARIO == 8
    pthread_create(&threads[2], NULL, another_thief, NULL);
#endif
#if SCENARIO == 4 || SCENARIO == 5
    fi_slot_begin(AWAITED, fi_theft(1, 0, 0));
    fork_at(head, run_child, &workers[1]);
    pthread_create(&threads[2], NULL, thiefs_thief, take_from(1));
    pthread_create(&threads[1], NULL, joins, head);
#else
    pthread_create(&threads[1], NULL, thief, head);
#endif
#endif
    pthread_create(&threads[0], NULL, waits, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
#if SCENARIO == 8 || (SCENARIO >= 3 && SCENARIO <= 5)
    pthread_join(threads[2], NULL);
#endif
    assert(ran_child == 1 || SCENARIO == 6);
#if SCENARIO == 4 || SCENARIO == 5
    assert(ran_grandchild == 1 && ran_stranger == 1 && ran_strangers_child == 1);
#elif SCENARIO != 6
    assert(ran_strangers_child == 1);
#endif
    return 0;
}
