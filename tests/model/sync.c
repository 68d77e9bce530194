/* SPDX-License-Identifier: MIT
 *
 * Locks under a model checker: sched/sync/queue.c, semaphore.c, mutex.c, condition.c and barrier.c
 * as shipped, and sched/core/wait.c, with the event of fake/. A thread's event goes away when its last
 * wait is over, and so does an object where a scenario says so: that is a plain write, a data race with
 * whoever still touches it. A lost wake-up is a wait that never ends. Where more than one waits they
 * are asleep from the start, which keeps the number of executions small.
 *
 * Scenarios: 12
 *              1  a permit is given to who waits for it; the semaphore goes away
 *              2  two sleep, two permits are given at once
 *              3  two sleep, two permits are given one after the other
 *              4  two sleep, one permit is given, and who is woken gives it back
 *              5  two sleep, the first gives up, one permit is given: the second one gets it
 *              6  two sleep, the first wakes up for another reason and runs a task that needs the
 *                 second one's permit; one is given
 *              7  one sleeps, another comes, one permit is given, and both give it back
 *              8  two lock a mutex; who comes last takes it away
 *              9  a condition: notified before, during or after the wait begins
 *             10  a condition: a notification and a timeout at once
 *             11  a barrier for two: who returns first takes it away
 *             12  a permit is given while one who waits for it goes to sleep and wakes up again */
#define CK_PR_H       /* ck_pr.h */
#define ck_pr_stall() ((void)0)

/* The checker does not know memset(), which clang makes of a row of plain zeros. */
#include <stdatomic.h>
#undef atomic_init
#define atomic_init(object, value) atomic_store_explicit(object, value, memory_order_relaxed)

#define SEVERAL_WAIT
#include "outside.h"

#include <filch/sync.h>

#include <assert.h>
#include <math.h>
#include <stddef.h>

/* See outside.h. */
#undef FILCH_COLD
#define FILCH_COLD
#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)

#define SHORT 1.0 /* passes as soon as the waiter would sleep */

#include "sched/sync/queue.c"
#include "sched/sync/semaphore.c"
#include "sched/sync/mutex.c"

/* With the checker's own mutex, which costs it less; filch's has scenario 8. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
#define filch_mutex_lock(mutex, timeout) guard_lock(mutex)
#define filch_mutex_unlock(mutex)        guard_unlock(mutex)
#define fi_mutex_lock_again(mutex)       guard_lock_again(mutex)

static int guard_lock(struct filch_mutex *mutex)
{
    int error = pthread_mutex_lock(&guard);
    atomic_store_explicit(&mutex->owner, fi_thread_id(), memory_order_relaxed);
    return error;
}

static int guard_unlock(struct filch_mutex *mutex)
{
    atomic_store_explicit(&mutex->owner, NULL, memory_order_relaxed);
    return pthread_mutex_unlock(&guard);
}

void guard_lock_again(struct filch_mutex *mutex)
{
    (void)guard_lock(mutex);
}

#define unlock condition_unlock
#include "sched/sync/condition.c"
#undef filch_mutex_lock
#undef filch_mutex_unlock
#undef fi_mutex_lock_again
#include "sched/sync/barrier.c"

/* ---- Sleepers: in acquire_slowly(), asleep, when the scenario begins -------------------------- */

static struct filch_semaphore semaphore;
static struct filch_sync_waiter_ turns[2];
static struct fi_event events[2];
static _Atomic(int) task_may_end;

static void lie_down(int i)
{
    fi_event_init(&events[i]);
    semaphore.word = fi_word_lock(&semaphore.word);
    fi_sync_queue_join(&semaphore.queue, &turns[i], false);
    turns[i].event = &events[i];
    turns[i].state = ASLEEP;
    semaphore.word = FI_WORD_LISTED;
}

/* Its event goes away; it looks again until it has a permit. */
static void get_up(int i)
{
    *(volatile uint32_t *)&events[i].count = 0;
    while (!take_or_join(&semaphore, &turns[i], true, false))
        (void)fi_sync_waiter_wait(&turns[i], FI_NEVER, false);
    fi_sync_waiter_settle(&turns[i]);
    *(volatile uint32_t *)&turns[i].state = 0;
}

static void sleep_on(int i)
{
    fi_event_wait(&events[i], 0);
    fi_sync_waiter_settle(&turns[i]);
    get_up(i);
}

/* As turn_delist(). Returns true if it was chosen. */
static bool wake_up(int i)
{
    uint32_t asleep = ASLEEP;

    if (atomic_compare_exchange_strong_explicit(&turns[i].state, &asleep, 0,
                                                memory_order_relaxed, memory_order_relaxed))
        return false;
    fi_sync_waiter_settle(&turns[i]);
    return true;
}

/* ---- Parties --------------------------------------------------------------------------------- */

static int value; /* plain: what is handed over, or guarded */

static void give(void)
{
    assert(!filch_semaphore_release(&semaphore, 1));
}

static void *gives(void *argument)
{
    value = 1;
    give();
    return argument;
}

static void *gives_two(void *argument)
{
    value = 1;
    assert(!filch_semaphore_release(&semaphore, 2));
    return argument;
}

static void *gives_twice(void *argument)
{
    gives(argument);
    give();
    return argument;
}

/* The thread ends. */
static void let_event_go(void)
{
    *(volatile uint32_t *)&fi_event_self()->count = 0;
}

static void *takes_it_away(void *argument)
{
    assert(!filch_semaphore_acquire(&semaphore, FILCH_FOREVER));
    assert(value == 1);
    *(volatile uint64_t *)&semaphore.word = 0;
    *(volatile uint32_t *)&semaphore.queue.coming = 0;
    let_event_go();
    return argument;
}

static void *takes_disturbed(void *argument)
{
    disturbed = true;
    assert(!acquire_slowly(&semaphore, FILCH_FOREVER, NULL, false));
    assert(value == 1);
    let_event_go();
    return argument;
}

static void *sleeper(void *second)
{
    sleep_on(second ? 1 : 0);
    assert(value == 1);
#if SCENARIO == 6
    atomic_store(&task_may_end, 1);
#endif
#if SCENARIO >= 4
    give();
#endif
    return second;
}

static void *comes(void *argument)
{
    assert(!acquire_slowly(&semaphore, FILCH_FOREVER, NULL, false));
    give();
    let_event_go();
    return argument;
}

static void *gives_up(void *argument)
{
    (void)wake_up(0);
    bool taken = take_or_join(&semaphore, &turns[0], true, true);
    fi_sync_waiter_settle(&turns[0]);
    *(volatile uint32_t *)&turns[0].state = 0;
    if (taken)
        give();
    return argument;
}

static void *runs_a_task(void *argument)
{
    if (!wake_up(0)) {
        while (!atomic_load(&task_may_end))
            continue;
        (void)fi_sync_waiter_wait(&turns[0], FI_NEVER, false);
    }
    get_up(0);
    give();
    return argument;
}

static struct filch_mutex mutex;
static struct filch_condition condition;
static struct filch_barrier barrier;

static void *counts(void *argument)
{
    assert(!filch_mutex_lock(&mutex, FILCH_FOREVER));
    bool last = ++value == 2;
    assert(!filch_mutex_unlock(&mutex));
    if (last) {
        *(volatile uint64_t *)&mutex.semaphore.word = 0;
        *(volatile uintptr_t *)&mutex.owner = 0;
    }
    let_event_go();
    return argument;
}

static void *awaits(void *argument)
{
    guard_lock(&mutex);
    while (!value)
        assert(!filch_condition_wait(&condition, &mutex, FILCH_FOREVER));
    guard_unlock(&mutex);
    let_event_go();
    return argument;
}

static void *awaits_briefly(void *argument)
{
    guard_lock(&mutex);
    (void)filch_condition_wait(&condition, &mutex, SHORT);
    guard_unlock(&mutex);
    let_event_go();
    return argument;
}

static void *notifies(void *argument)
{
    guard_lock(&mutex);
    value = 1;
    guard_unlock(&mutex);
    filch_condition_notify_one(&condition);
    return argument;
}

static _Atomic(int) returned;

static void *arrives(void *argument)
{
    (void)filch_barrier_wait(&barrier);
    if (!atomic_exchange(&returned, 1)) {
        *(volatile uint64_t *)&barrier.word = 0;
        *(volatile uint32_t *)&barrier.arrived = 7;
    }
    let_event_go();
    return argument;
}

#pragma clang attribute pop

static void run(void *(*a)(void *), void *(*b)(void *), void *(*c)(void *))
{
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, a, NULL);
    pthread_create(&threads[1], NULL, b, NULL);
    if (c)
        pthread_create(&threads[2], NULL, c, (void *)1);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    if (c)
        pthread_join(threads[2], NULL);
}

int main(void)
{
    filch_semaphore_init(&semaphore, 0);
    filch_mutex_init(&mutex);
    filch_condition_init(&condition);
    filch_barrier_init(&barrier, 2);
#if SCENARIO >= 2 && SCENARIO <= 7
    lie_down(0);
#if SCENARIO != 7
    lie_down(1);
#endif
#endif
#if SCENARIO == 1
    run(gives, takes_it_away, NULL);
#elif SCENARIO == 2
    run(gives_two, sleeper, sleeper);
#elif SCENARIO == 3
    run(gives_twice, sleeper, sleeper);
#elif SCENARIO == 4
    run(gives, sleeper, sleeper);
#elif SCENARIO == 5
    run(gives, gives_up, sleeper);
#elif SCENARIO == 6
    run(gives, runs_a_task, sleeper);
#elif SCENARIO == 7
    run(gives, sleeper, comes);
#elif SCENARIO == 8
    run(counts, counts, NULL);
#elif SCENARIO == 9
    run(notifies, awaits, NULL);
#elif SCENARIO == 10
    run(notifies, awaits_briefly, NULL);
#elif SCENARIO == 11
    run(arrives, arrives, NULL);
#elif SCENARIO == 12
    run(gives, takes_disturbed, NULL);
#endif
    return 0;
}
