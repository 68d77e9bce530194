/* SPDX-License-Identifier: MIT
 *
 * The sleep protocol under a model checker: sched/core/idle.h with the deque's requests, and
 * the event of fake/. "No work is lost" means: once all threads have come to rest, a worker
 * that sleeps while work is visible has been claimed by somebody who will notify it; and a
 * worker that sleeps while another runs has left its request with it.
 *
 * Scenarios: 8
 *              1  a worker falls asleep, one task is submitted: it wakes (liveness)
 *              2  the same with two submitters: both tasks run (liveness)
 *              3  an owner shares a fork and clears the request, a worker falls asleep
 *              4  an owner takes its fork back and clears the request, a worker falls asleep
 *              5  a fork is shared while one searches, who finds other work; a third falls asleep
 *              6  the same, but the fork stays private: the request must stand
 *              7  as 1, while the worker is woken for another reason as well
 *              8  a sleeper wakes by itself while it is claimed, and goes on with a task of its
 *                 own: the other one is woken */
#include "atomics/deque.c"
#include "atomics/event.h"
#define FI_IDLE_WORDS 1
#include "sched/core/idle.h"

#include <assert.h>
#include <pthread.h>

static struct fi_idle idle;
static struct fi_event events[3];
static struct fi_deque deque;
static struct filch_slot slots[3];
static _Atomic(int) queue; /* tasks submitted and not yet taken; each operation is seq_cst */
static _Atomic(int) ended; /* tasks that have run */

/* ---- As sched/core does it ---------------------------------------------------------------- */

static bool has_work(void)
{
    return atomic_load(&queue) > 0 || fi_deque_has_shared(&deque);
}

static void wake(void)
{
    if (!fi_idle_wanted(&idle))
        return;
    int sleeper = fi_idle_claim(&idle, 0);
    if (sleeper >= 0)
        fi_event_notify(&events[sleeper]);
}

static void watch(void)
{
    fi_deque_watch(&deque, 2, false);
    if (!fi_idle_wanted(&idle))
        return;
    if (fi_deque_has_shared(&deque))
        wake();
    else
        fi_deque_ask(&deque);
}

static void end_search(void)
{
    if (!fi_idle_found(&idle))
        return;
    if (has_work())
        wake();
    else
        fi_deque_ask(&deque);
}

static bool take(void)
{
    int tasks = atomic_load(&queue);
    return tasks > 0 && atomic_compare_exchange_strong(&queue, &tasks, tasks - 1);
}

static void submit(void)
{
    atomic_fetch_add(&queue, 1);
    wake();
}

/* ---- Threads ----------------------------------------------------------------------------- */

#if SCENARIO == 2
#define TASKS 2
#else
#define TASKS 1
#endif

/* A worker's life: searches, sleeps, runs what it takes; leaves when all has run. */
static void *worker(void *argument)
{
    uint32_t me = (uint32_t)((struct fi_event *)argument - events);

    fi_idle_search(&idle);
    while (atomic_load(&ended) < TASKS) {
        if (take()) {
            end_search();
            if (atomic_fetch_add(&ended, 1) == TASKS - 1)
                for (int i = 0; i < 2; i++)
                    fi_event_notify(&events[i]);
            fi_idle_search(&idle);
            continue;
        }
        uint32_t ticket = fi_event_prepare(&events[me]);
        fi_idle_announce(&idle, me);
        if (!has_work() && atomic_load(&ended) < TASKS)
            fi_event_wait(&events[me], ticket);
        fi_idle_retract(&idle, me);
    }
    return NULL;
}

static void *submitter(void *argument)
{
    (void)argument;
    submit();
    return NULL;
}

/* Falls asleep, as far as the last look. */
static bool sleeper_saw_work;

static void *sleeper(void *argument)
{
    (void)argument;
    fi_idle_search(&idle);
    fi_idle_announce(&idle, 0);
    fi_deque_ask(&deque);
    sleeper_saw_work = has_work();
    return NULL;
}

/* Runs a task; its fork has come to the slow path. */
static void *owner(void *argument)
{
    (void)argument;
#if SCENARIO != 6
    fi_deque_share(&deque, slots + 1);
#endif
    watch();
    return NULL;
}

/* Finds other work than the owner's. */
static void *searcher(void *argument)
{
    (void)argument;
    end_search();
    return NULL;
}

/* What it waited for has come, while it slept. */
static void *riser(void *argument)
{
    (void)argument;
    fi_idle_retract(&idle, 0);
    end_search();
    return NULL;
}

static void *bystander(void *argument)
{
    fi_event_notify(argument);
    return NULL;
}

static void *taker(void *argument)
{
    (void)argument;
    (void)fi_deque_take(&deque, slots);
    watch();
    return NULL;
}

static void run2(void *(*a)(void *), void *(*b)(void *), void *b_argument)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, a, &events[0]);
    pthread_create(&threads[1], NULL, b, b_argument);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

static bool sleeper_claimed(void)
{
    return !(atomic_load(&idle.asleep[0]) & 1);
}

static bool request_stands(void)
{
    return !atomic_load(&deque.front.fork_limit) &&
           atomic_load(&deque.front.join_limit) == FILCH_JOIN_LIMIT_ASKED;
}

int main(void)
{
    fi_deque_init(&deque, slots, 2);
    fi_deque_watch(&deque, 2, false);
    atomic_init(&idle.state, 0);
    atomic_init(&idle.asleep[0], 0);
    for (int i = 0; i < 3; i++)
        fi_event_init(&events[i]);

#if SCENARIO == 1
    run2(worker, submitter, NULL);
#elif SCENARIO == 2
    pthread_t third;
    pthread_create(&third, NULL, submitter, NULL);
    run2(worker, submitter, NULL);
    pthread_join(third, NULL);
#elif SCENARIO == 3
    run2(sleeper, owner, NULL);
    assert(sleeper_saw_work || sleeper_claimed());
#elif SCENARIO == 4
    fi_deque_share(&deque, slots + 1);
    run2(sleeper, taker, NULL);
    assert(sleeper_saw_work || sleeper_claimed() || request_stands());
#elif SCENARIO == 5 || SCENARIO == 6
    pthread_t third;
    fi_idle_search(&idle);
    pthread_create(&third, NULL, searcher, NULL);
    run2(sleeper, owner, NULL);
    pthread_join(third, NULL);
    assert(sleeper_saw_work || sleeper_claimed() || (SCENARIO == 6 && request_stands()));
#elif SCENARIO == 7
    pthread_t third;
    pthread_create(&third, NULL, bystander, &events[0]);
    run2(worker, submitter, NULL);
    pthread_join(third, NULL);
#elif SCENARIO == 8
    atomic_init(&idle.state, 2 * FI_IDLE_SLEEPING);
    atomic_init(&idle.asleep[0], 3);
    run2(riser, submitter, NULL);
    assert(!(atomic_load(&idle.asleep[0]) & 2));
#endif
    return 0;
}
