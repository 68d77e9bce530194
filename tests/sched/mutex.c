/* SPDX-License-Identifier: MIT
 *
 * The mutex. */
#include "sync.h"

static struct filch_mutex mutex;

static void setup(void)
{
    filch_mutex_init(&mutex);
}

static void teardown(void)
{
    filch_mutex_fini(&mutex);
}

TestSuite(mutex, .init = setup, .fini = teardown);

static void lock(void)
{
    ASSERT_OK(filch_mutex_lock(&mutex, FILCH_FOREVER));
}

static void unlock(void)
{
    ASSERT_OK(filch_mutex_unlock(&mutex));
}

/* ---- Rules --------------------------------------------------------------------------------- */

Test(mutex, a_free_one_can_be_locked_with_any_timeout)
{
    for (int i = 0; i < SHORT_TIMEOUTS; i++) {
        ASSERT_OK(filch_mutex_lock(&mutex, short_timeouts[i]));
        unlock();
    }
    for (int i = 0; i < LONG_TIMEOUTS; i++) {
        ASSERT_OK(filch_mutex_lock(&mutex, long_timeouts[i]));
        unlock();
    }
    ASSERT_OK(filch_mutex_try_lock(&mutex));
    unlock();
}

Test(mutex, its_holder_cannot_lock_it_again)
{
    lock();
    cr_assert_eq(filch_mutex_lock(&mutex, FILCH_FOREVER), FILCH_EDEADLK);
    cr_assert_eq(filch_mutex_lock(&mutex, 0), FILCH_EDEADLK);
    cr_assert_eq(filch_mutex_try_lock(&mutex), FILCH_EAGAIN);
    unlock();
    cr_assert_eq(filch_mutex_unlock(&mutex), FILCH_EPERM, "it was locked once");
}

Test(mutex, who_does_not_hold_it_cannot_unlock_it)
{
    cr_assert_eq(filch_mutex_unlock(&mutex), FILCH_EPERM);
    lock();
    unlock();
    cr_assert_eq(filch_mutex_unlock(&mutex), FILCH_EPERM);
}

Test(mutex, a_timeout_that_is_not_a_number_is_an_error)
{
    cr_assert_eq(filch_mutex_lock(&mutex, NAN), FILCH_EINVAL);
    ASSERT_OK(filch_mutex_try_lock(&mutex));
    cr_assert_eq(filch_mutex_lock(&mutex, NAN), FILCH_EINVAL);
    unlock();
}

static void *cannot_have_it(void *argument)
{
    cr_assert_eq(filch_mutex_try_lock(&mutex), FILCH_EAGAIN);
    cr_assert_eq(filch_mutex_unlock(&mutex), FILCH_EPERM);
    for (int i = 0; i < SHORT_TIMEOUTS; i++)
        cr_assert_eq(filch_mutex_lock(&mutex, short_timeouts[i]), FILCH_ETIMEDOUT);
    return argument;
}

Test(mutex, others_cannot_have_it_meanwhile)
{
    for (int i = 0; i < SHAPES; i++) {
        struct filch_pool *pool = pool_of(shapes[i].workers, shapes[i].spares);
        struct crowd crowd;
        lock();
        crowd_start(&crowd, pool, 3, 2, cannot_have_it, NULL);
        crowd_finish(&crowd);
        unlock();
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

static void *locks_in_time(void *timeout)
{
    ASSERT_OK(filch_mutex_lock(&mutex, *(const double *)timeout));
    unlock();
    return NULL;
}

Test(mutex, who_waits_long_enough_gets_it)
{
    for (int i = 0; i < LONG_TIMEOUTS; i++) {
        double timeout = long_timeouts[i];
        lock();
        pthread_t thread = start(locks_in_time, &timeout);
        AWAIT_ASLEEP(&mutex.semaphore, 1);
        unlock();
        join(thread);
    }
}

/* ---- Crowds -------------------------------------------------------------------------------- */

static long shared; /* plain: the mutex guards it */

static void *counts(void *rounds)
{
    for (int i = 0; i < *(int *)rounds; i++) {
        lock();
        shared++;
        unlock();
    }
    return NULL;
}

Test(mutex, guards_a_counter_among_more_tasks_than_workers_and_threads)
{
    for (int i = 0; i < SHAPES; i++) {
        struct filch_pool *pool = pool_of(shapes[i].workers, shapes[i].spares);
        struct crowd crowd;
        int rounds = 300;
        shared = 0;
        crowd_start(&crowd, pool, 20, 4, counts, &rounds);
        crowd_finish(&crowd);
        cr_assert_eq(shared, 24 * rounds);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

Test(mutex, a_hundred_tasks_wait_for_it_on_two_workers)
{
    for (int spares = -1; spares <= 0; spares++) {
        struct filch_pool *pool = pool_of(2, spares);
        struct crowd crowd;
        int rounds = 1;
        shared = 0;
        lock();
        crowd_start(&crowd, pool, MANY, 0, counts, &rounds);
        AWAIT_WAITING(&mutex.semaphore, MANY);
        cr_assert_eq(shared, 0);
        unlock();
        crowd_finish(&crowd);
        cr_assert_eq(shared, MANY);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

static void *counts_impatiently(void *argument)
{
    for (int i = 0; i < 200; i++) {
        while (filch_mutex_lock(&mutex, 1e-6) == FILCH_ETIMEDOUT)
            continue;
        shared++;
        unlock();
    }
    return argument;
}

Test(mutex, is_not_lost_to_those_who_give_up)
{
    for (int i = 0; i < SHAPES; i++) {
        struct filch_pool *pool = pool_of(shapes[i].workers, shapes[i].spares);
        struct crowd crowd, others;
        int rounds = 200;
        shared = 0;
        crowd_start(&crowd, pool, 5, 2, counts_impatiently, NULL);
        crowd_start(&others, pool, 5, 2, counts, &rounds);
        crowd_finish(&crowd);
        crowd_finish(&others);
        cr_assert_eq(shared, 14 * 200);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* ---- The last one frees it ------------------------------------------------------------------- */

struct object {
    struct filch_mutex mutex;
    int references;
};

static void *gives_back(void *argument)
{
    struct object *object = argument;
    ASSERT_OK(filch_mutex_lock(&object->mutex, FILCH_FOREVER));
    int left = --object->references;
    ASSERT_OK(filch_mutex_unlock(&object->mutex));
    if (!left) {
        filch_mutex_fini(&object->mutex);
        free(object);
    }
    return NULL;
}

Test(mutex, can_be_freed_by_who_unlocked_it_last)
{
    struct filch_pool *pool = pool_of(2, 0);
    for (int round = 0; round < 500; round++) {
        struct object *object = malloc(sizeof *object);
        struct crowd crowd;
        filch_mutex_init(&object->mutex);
        object->references = 5;
        crowd_start(&crowd, pool, 4, 1, gives_back, object);
        crowd_finish(&crowd);
    }
    ASSERT_OK(filch_pool_destroy(pool));
}

/* ---- In tasks ------------------------------------------------------------------------------- */

static void *looks_at_its_worker(void *argument)
{
    struct filch_mutex other;
    filch_mutex_init(&other);
    cr_assert_eq(fi_locks_self(), 0);
    lock();
    cr_assert_eq(fi_locks_self(), 1);
    ASSERT_OK(filch_mutex_try_lock(&other));
    cr_assert_eq(fi_locks_self(), 2);
    cr_assert_eq(filch_mutex_lock(&mutex, 1), FILCH_EDEADLK);
    cr_assert_eq(filch_mutex_try_lock(&other), FILCH_EAGAIN);
    cr_assert_eq(fi_locks_self(), 2);
    unlock();
    cr_assert_eq(fi_locks_self(), 1);
    cr_assert_eq(filch_mutex_unlock(&mutex), FILCH_EPERM);
    cr_assert_eq(fi_locks_self(), 1);
    ASSERT_OK(filch_mutex_unlock(&other));
    cr_assert_eq(fi_locks_self(), 0);
    filch_mutex_fini(&other);
    return argument;
}

Test(mutex, a_worker_knows_how_many_its_tasks_hold)
{
    struct filch_pool *pool = pool_of(1, 0);
    finish(submit(pool, looks_at_its_worker, NULL));
    ASSERT_OK(filch_pool_destroy(pool));
}

FILCH_VOID_TASK(asks_again)
{
    cr_assert_eq(filch_mutex_lock(&mutex, FILCH_FOREVER), FILCH_EDEADLK);
}

FILCH_VOID_TASK(asks_in_a_task_of_its_own)
{
    lock();
    FILCH_CALL(asks_again);
    FILCH_FORK(asks_again);
    FILCH_JOIN(asks_again);
    unlock();
}

Test(mutex, a_task_further_down_on_the_stack_that_holds_it_is_noticed)
{
    struct filch_pool *pool = pool_of(1, 0);
    FILCH_RUN(pool, asks_in_a_task_of_its_own);
    ASSERT_OK(filch_pool_destroy(pool));
}

/* Strangers that ask for the mutex, and where they ran. */
#define STRANGERS 4
static _Atomic(int) stolen;
static _Atomic(int) strangers_on[64];

static void *stranger(void *argument)
{
    atomic_fetch_add(&strangers_on[filch_pool_worker()], 1);
    lock();
    shared++;
    unlock();
    return argument;
}

static uint64_t parks_of(struct filch_pool *pool)
{
    struct filch_stats stats;
    filch_stats_read(pool, &stats);
    return stats.parks;
}

/* Ends when the worker that forked it has gone to sleep: it had its chance to run a stranger. */
static _Atomic(uint64_t) parks_before;

FILCH_VOID_TASK(stolen_leaf)
{
    uint64_t before;
    atomic_store(&stolen, 1);
    while (!(before = atomic_load(&parks_before)))
        sched_yield();
    while (parks_of(filch_pool_current()) < before)
        sched_yield();
}

FILCH_VOID_TASK(joins_with_the_lock, struct filch_future **, strangers)
{
    int here = filch_pool_worker();
    lock();
    FILCH_FORK(stolen_leaf);
    await_value(&stolen, 1);
    for (int i = 0; i < STRANGERS; i++)
        strangers[i] = submit(filch_pool_current(), stranger, NULL);
    atomic_store(&parks_before, parks_of(filch_pool_current()) + 1);
    FILCH_JOIN(stolen_leaf);
    cr_assert_eq(atomic_load(&strangers_on[here]), 0);
    cr_assert_eq(shared, 0);
    unlock();
}

Test(mutex, held_across_a_join_keeps_strangers_off_the_worker)
{
    for (int spares = -1; spares <= 0; spares++) {
        struct filch_pool *pool = pool_of(2, spares);
        struct filch_future *strangers[STRANGERS];
        shared = 0;
        atomic_store(&stolen, 0);
        atomic_store(&parks_before, 0);
        for (int i = 0; i < 64; i++)
            atomic_store(&strangers_on[i], 0);
        FILCH_RUN(pool, joins_with_the_lock, strangers);
        for (int i = 0; i < STRANGERS; i++)
            finish(strangers[i]);
        cr_assert_eq(shared, STRANGERS);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* The thief of what a task with the lock joins: it has a stranger of its own that could be stolen from, as
 * it waits in the task that forked it. Which of the two it takes first is a matter of chance. */
static struct {
    struct filch_future *leaf_ended;
    _Atomic(int) thief_runs, leaf_shared, stranger_begun;
    bool has_stranger; /* while it runs the leaf */
} stolen_from;

FILCH_VOID_TASK(forked_stranger)
{
    atomic_store(&stolen_from.stranger_begun, 1);
    (void)stranger(NULL);
}

FILCH_VOID_TASK(leaf_beside_a_stranger)
{
    stolen_from.has_stranger = !atomic_load(&stolen_from.stranger_begun);
    FILCH_CALL(stolen_leaf);
    ASSERT_OK(filch_future_set_result(stolen_from.leaf_ended, NULL));
}

FILCH_VOID_TASK(forks_a_stranger)
{
    FILCH_FORK(forked_stranger);
    FILCH_SHARE();
    ASSERT_OK(filch_future_result(stolen_from.leaf_ended, FILCH_FOREVER, NULL));
    FILCH_JOIN(forked_stranger);
}

static void *be_the_thief(void *argument)
{
    atomic_store(&stolen_from.thief_runs, 1);
    await_value(&stolen_from.leaf_shared, 1);
    FILCH_RUN(filch_pool_current(), forks_a_stranger);
    return argument;
}

FILCH_VOID_TASK(joins_what_the_thief_has, struct filch_future **, thief)
{
    int here = filch_pool_worker();
    lock();
    *thief = submit(filch_pool_current(), be_the_thief, NULL);
    await_value(&stolen_from.thief_runs, 1);
    FILCH_FORK(leaf_beside_a_stranger);
    FILCH_SHARE();
    atomic_store(&stolen_from.leaf_shared, 1);
    await_value(&stolen, 1);
    atomic_store(&parks_before, parks_of(filch_pool_current()) + 1);
    FILCH_JOIN(leaf_beside_a_stranger);
    cr_assert_eq(atomic_load(&strangers_on[here]), 0);
    unlock();
}

Test(mutex, held_across_a_join_keeps_off_what_the_thief_had_before)
{
    struct filch_pool *pool = pool_of(2, -1);
    for (int rounds = 0; rounds < 5; rounds += stolen_from.has_stranger) {
        struct filch_future *thief;
        ASSERT_OK(filch_future_create(&stolen_from.leaf_ended));
        atomic_store(&stolen_from.thief_runs, 0);
        atomic_store(&stolen_from.leaf_shared, 0);
        atomic_store(&stolen_from.stranger_begun, 0);
        atomic_store(&stolen, 0);
        atomic_store(&parks_before, 0);
        for (int i = 0; i < 64; i++)
            atomic_store(&strangers_on[i], 0);
        FILCH_RUN(pool, joins_what_the_thief_has, &thief);
        finish(thief);
        filch_future_release(stolen_from.leaf_ended);
    }
    ASSERT_OK(filch_pool_destroy(pool));
}
