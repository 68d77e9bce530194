/* SPDX-License-Identifier: MIT
 *
 * The condition. */
#include "sync.h"

static struct filch_mutex mutex;
static struct filch_condition condition;

static void setup(void)
{
    filch_mutex_init(&mutex);
    filch_condition_init(&condition);
}

static void teardown(void)
{
    filch_condition_fini(&condition);
    filch_mutex_fini(&mutex);
}

TestSuite(condition, .init = setup, .fini = teardown);

static void lock(void)
{
    ASSERT_OK(filch_mutex_lock(&mutex, FILCH_FOREVER));
}

static void unlock(void)
{
    ASSERT_OK(filch_mutex_unlock(&mutex));
}

static int wait_for(double timeout)
{
    return filch_condition_wait(&condition, &mutex, timeout);
}

/* ---- Rules --------------------------------------------------------------------------------- */

static void *waits_without_the_mutex(void *argument)
{
    cr_assert_eq(wait_for(FILCH_FOREVER), FILCH_EPERM);
    return argument;
}

Test(condition, only_the_holder_of_the_mutex_can_wait)
{
    waits_without_the_mutex(NULL);
    lock();
    join(start(waits_without_the_mutex, NULL));
    unlock();
    waits_without_the_mutex(NULL);
    ASSERT_OK(filch_mutex_try_lock(&mutex));
    unlock();
}

Test(condition, a_timeout_that_is_not_a_number_is_an_error)
{
    lock();
    cr_assert_eq(wait_for(NAN), FILCH_EINVAL);
    unlock();
}

Test(condition, when_the_time_is_up_the_mutex_is_locked_again)
{
    lock();
    for (int i = 0; i < SHORT_TIMEOUTS; i++) {
        cr_assert_eq(wait_for(short_timeouts[i]), FILCH_ETIMEDOUT);
        cr_assert_eq(filch_mutex_try_lock(&mutex), FILCH_EAGAIN);
        cr_assert_eq(filch_mutex_lock(&mutex, 0), FILCH_EDEADLK);
    }
    unlock();
}

Test(condition, a_notification_that_nobody_waits_for_is_not_kept)
{
    filch_condition_notify_one(&condition);
    filch_condition_notify_all(&condition);
    lock();
    cr_assert_eq(wait_for(1e-3), FILCH_ETIMEDOUT);
    filch_condition_notify_one(&condition);
    cr_assert_eq(wait_for(0), FILCH_ETIMEDOUT);
    unlock();
}

/* ---- Waking -------------------------------------------------------------------------------- */

static _Atomic(int) woken;
static int order[MANY]; /* guarded by the mutex, as is the next one */
static int places;

/* Waits once, and notes when it was its turn. */
static void *waits_once(void *number)
{
    lock();
    ASSERT_OK(wait_for(FILCH_FOREVER));
    order[places++] = (int)(intptr_t)number;
    unlock();
    atomic_fetch_add(&woken, 1);
    return NULL;
}

Test(condition, waiting_lets_go_of_the_mutex)
{
    for (int i = 0; i < LONG_TIMEOUTS; i++) {
        pthread_t thread = start(waits_once, NULL);
        AWAIT_ASLEEP(&condition, 1);
        lock();
        filch_condition_notify_one(&condition);
        unlock();
        join(thread);
    }
}

Test(condition, notify_one_wakes_one_of_those_that_sleep_the_longest_waiting_first)
{
    pthread_t threads[5];
    for (int i = 0; i < 5; i++) {
        threads[i] = start(waits_once, (void *)(intptr_t)i);
        AWAIT_ASLEEP(&condition, i + 1);
    }
    for (int i = 0; i < 5; i++) {
        filch_condition_notify_one(&condition);
        await_value(&woken, i + 1);
        AWAIT_ASLEEP(&condition, 4 - i);
        cr_assert_eq(atomic_load(&woken), i + 1);
        lock();
        cr_assert_eq(order[i], i);
        unlock();
    }
    for (int i = 0; i < 5; i++)
        join(threads[i]);
}

static bool open_; /* guarded by the mutex */
static _Atomic(int) arrived;

static void *waits_until_open(void *argument)
{
    atomic_fetch_add(&arrived, 1);
    lock();
    while (!open_)
        ASSERT_OK(wait_for(FILCH_FOREVER));
    unlock();
    return argument;
}

Test(condition, notify_all_wakes_all_tasks_and_threads)
{
    for (int i = 0; i < SHAPES; i++) {
        struct filch_pool *pool = pool_of(shapes[i].workers, shapes[i].spares);
        struct crowd crowd;
        open_ = false;
        atomic_store(&arrived, 0);
        crowd_start(&crowd, pool, 20, 3, waits_until_open, NULL);
        await_value(&arrived, 23);
        lock();
        open_ = true;
        unlock();
        filch_condition_notify_all(&condition);
        crowd_finish(&crowd);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* Without spares all but one lie under others on the worker's stack. Of two workers one might run
 * the others while it waits for the mutex, and get to the condition after them. */
Test(condition, each_notification_reaches_one_of_a_hundred_tasks)
{
    for (int spares = -1; spares <= 0; spares++) {
        struct filch_pool *pool = pool_of(spares ? 1 : 2, spares);
        struct crowd crowd;
        atomic_store(&woken, 0);
        crowd_start(&crowd, pool, MANY, 0, waits_once, NULL);
        AWAIT_WAITING(&condition, MANY);
        for (int i = 0; i < MANY; i++) {
            filch_condition_notify_one(&condition);
            await_value(&woken, i + 1);
            AWAIT_WAITING(&condition, MANY - 1 - i);
        }
        crowd_finish(&crowd);
        places = 0;
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* ---- A worker that runs another task while it waits ------------------------------------------ */

static _Atomic(int) started, go_on;

static void *keeps_the_worker(void *argument)
{
    atomic_store(&started, 1);
    await_value(&go_on, 1);
    return argument;
}

static void *lets_the_worker_go(void *argument)
{
    waits_once(argument);
    atomic_store(&go_on, 1);
    return argument;
}

Test(condition, a_notification_goes_to_a_sleeper_rather_than_to_a_busy_worker)
{
    struct filch_pool *pool = pool_of(1, -1);
    struct filch_future *task = submit(pool, waits_once, (void *)1);
    AWAIT_WAITING(&condition, 1);
    struct filch_future *busy = submit(pool, keeps_the_worker, NULL);
    await_value(&started, 1);
    pthread_t thread = start(lets_the_worker_go, (void *)2);
    AWAIT_ASLEEP(&condition, 1);
    AWAIT_WAITING(&condition, 2);
    filch_condition_notify_one(&condition);
    join(thread);
    cr_assert_eq(order[0], 2);
    filch_condition_notify_one(&condition);
    finish(busy);
    finish(task);
    ASSERT_OK(filch_pool_destroy(pool));
}

Test(condition, a_notification_finds_a_busy_worker_that_waits)
{
    struct filch_pool *pool = pool_of(1, -1);
    struct filch_future *task = submit(pool, waits_once, (void *)1);
    AWAIT_WAITING(&condition, 1);
    struct filch_future *busy = submit(pool, keeps_the_worker, NULL);
    await_value(&started, 1);
    filch_condition_notify_one(&condition);
    AWAIT_WAITING(&condition, 0);
    atomic_store(&go_on, 1);
    finish(busy);
    finish(task);
    ASSERT_OK(filch_pool_destroy(pool));
}

/* ---- Hunting for a lost wake-up -------------------------------------------------------------- */

static int turn; /* guarded by the mutex */

#define ROUNDS 3000

static void *takes_turns(void *argument)
{
    int me = (int)(intptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        lock();
        while (turn % 2 != me)
            ASSERT_OK(wait_for(FILCH_FOREVER));
        turn++;
        if (i % 2)
            unlock();
        filch_condition_notify_one(&condition);
        if (i % 2 == 0)
            unlock();
    }
    return NULL;
}

Test(condition, two_that_take_turns_never_miss_each_other)
{
    for (int threads = 0; threads <= 2; threads++) {
        struct filch_pool *pool = pool_of(1, 0);
        struct filch_future *futures[2];
        pthread_t others[2];
        turn = 0;
        for (int i = 0; i < 2; i++)
            if (i < threads)
                others[i] = start(takes_turns, (void *)(intptr_t)i);
            else
                futures[i] = submit(pool, takes_turns, (void *)(intptr_t)i);
        for (int i = 0; i < 2; i++)
            if (i < threads)
                join(others[i]);
            else
                finish(futures[i]);
        cr_assert_eq(turn, 2 * ROUNDS);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* A buffer of one, with consumers that give up and look again. */
static int buffer; /* guarded by the mutex, as is the next one */
static long taken;

static void *puts_some(void *argument)
{
    for (int i = 0; i < 300; i++) {
        lock();
        while (buffer)
            (void)wait_for(i % 3 ? FILCH_FOREVER : 1e-6);
        buffer = 1;
        filch_condition_notify_all(&condition);
        unlock();
    }
    return argument;
}

static void *gets_some(void *argument)
{
    for (int i = 0; i < 300; i++) {
        lock();
        while (!buffer)
            (void)wait_for(i % 5 ? FILCH_FOREVER : 1e-6);
        buffer = 0;
        taken++;
        filch_condition_notify_all(&condition);
        unlock();
    }
    return argument;
}

Test(condition, a_buffer_of_one_loses_nothing)
{
    struct filch_pool *pool = pool_of(2, 0);
    struct crowd producers, consumers;
    crowd_start(&producers, pool, 3, 1, puts_some, NULL);
    crowd_start(&consumers, pool, 3, 1, gets_some, NULL);
    crowd_finish(&producers);
    crowd_finish(&consumers);
    cr_assert_eq(taken, 4 * 300);
    ASSERT_OK(filch_pool_destroy(pool));
}
