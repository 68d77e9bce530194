/* SPDX-License-Identifier: MIT
 *
 * The semaphore. */
#include "sync.h"

static struct filch_semaphore semaphore;

static void setup(void)
{
    filch_semaphore_init(&semaphore, 0);
}

static void teardown(void)
{
    filch_semaphore_fini(&semaphore);
}

TestSuite(semaphore, .init = setup, .fini = teardown);

static void acquire(void)
{
    ASSERT_OK(filch_semaphore_acquire(&semaphore, FILCH_FOREVER));
}

static void release(uint32_t count)
{
    ASSERT_OK(filch_semaphore_release(&semaphore, count));
}

/* ---- Rules --------------------------------------------------------------------------------- */

Test(semaphore, has_as_many_permits_as_were_given)
{
    struct filch_semaphore three;
    filch_semaphore_init(&three, 3);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(filch_semaphore_try_acquire(&three));
    ASSERT_OK(filch_semaphore_release(&three, 1));
    ASSERT_OK(filch_semaphore_release(&three, 0));
    for (int i = 0; i < 2; i++)
        ASSERT_OK(filch_semaphore_acquire(&three, 0));
    cr_assert_eq(filch_semaphore_try_acquire(&three), FILCH_EAGAIN);
    filch_semaphore_fini(&three);
}

Test(semaphore, a_permit_that_is_there_can_be_had_with_any_timeout)
{
    for (int i = 0; i < SHORT_TIMEOUTS; i++) {
        release(1);
        ASSERT_OK(filch_semaphore_acquire(&semaphore, short_timeouts[i]));
    }
    for (int i = 0; i < LONG_TIMEOUTS; i++) {
        release(1);
        ASSERT_OK(filch_semaphore_acquire(&semaphore, long_timeouts[i]));
    }
}

Test(semaphore, without_a_permit_the_time_passes)
{
    for (int i = 0; i < SHORT_TIMEOUTS; i++)
        cr_assert_eq(filch_semaphore_acquire(&semaphore, short_timeouts[i]), FILCH_ETIMEDOUT);
    release(1);
    ASSERT_OK(filch_semaphore_try_acquire(&semaphore));
}

Test(semaphore, a_timeout_that_is_not_a_number_is_an_error)
{
    cr_assert_eq(filch_semaphore_acquire(&semaphore, NAN), FILCH_EINVAL);
    release(1);
    cr_assert_eq(filch_semaphore_acquire(&semaphore, NAN), FILCH_EINVAL);
    ASSERT_OK(filch_semaphore_try_acquire(&semaphore));
}

Test(semaphore, more_permits_than_fit_are_an_error_and_none_is_given)
{
    struct filch_semaphore full;
    filch_semaphore_init(&full, UINT32_MAX);
    cr_assert_eq(filch_semaphore_release(&full, 1), FILCH_EINVAL);
    cr_assert_eq(filch_semaphore_release(&full, UINT32_MAX), FILCH_EINVAL);
    ASSERT_OK(filch_semaphore_try_acquire(&full));
    ASSERT_OK(filch_semaphore_try_acquire(&full));
    cr_assert_eq(filch_semaphore_release(&full, 3), FILCH_EINVAL);
    ASSERT_OK(filch_semaphore_release(&full, 2));
    cr_assert_eq(filch_semaphore_release(&full, 1), FILCH_EINVAL);
    filch_semaphore_fini(&full);
}

/* ---- Who waits ------------------------------------------------------------------------------ */

static _Atomic(int) passed;

static void *passes(void *argument)
{
    acquire();
    atomic_fetch_add(&passed, 1);
    return argument;
}

Test(semaphore, as_many_wake_up_as_permits_are_given)
{
    struct crowd crowd;
    crowd_start(&crowd, NULL, 0, 7, passes, NULL);
    AWAIT_ASLEEP(&semaphore, 7);
    release(1);
    await_value(&passed, 1);
    AWAIT_ASLEEP(&semaphore, 6);
    release(4);
    await_value(&passed, 5);
    AWAIT_ASLEEP(&semaphore, 2);
    release(2);
    crowd_finish(&crowd);
    cr_assert_eq(atomic_load(&passed), 7);
    cr_assert_eq(filch_semaphore_try_acquire(&semaphore), FILCH_EAGAIN);
}

Test(semaphore, more_permits_than_waiters_stay_for_later)
{
    struct crowd crowd;
    crowd_start(&crowd, NULL, 0, 2, passes, NULL);
    AWAIT_ASLEEP(&semaphore, 2);
    release(3);
    crowd_finish(&crowd);
    ASSERT_OK(filch_semaphore_try_acquire(&semaphore));
    cr_assert_eq(filch_semaphore_try_acquire(&semaphore), FILCH_EAGAIN);
}

Test(semaphore, a_hundred_tasks_wait_for_it_on_two_workers)
{
    for (int spares = -1; spares <= 0; spares++) {
        struct filch_pool *pool = pool_of(2, spares);
        struct crowd crowd;
        atomic_store(&passed, 0);
        crowd_start(&crowd, pool, MANY, 0, passes, NULL);
        AWAIT_WAITING(&semaphore, MANY);
        release(MANY);
        crowd_finish(&crowd);
        cr_assert_eq(atomic_load(&passed), MANY);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* Without spares most of them lie under others on their worker's stack. */
Test(semaphore, each_permit_reaches_somebody_who_can_go_on)
{
    for (int spares = -1; spares <= 0; spares++) {
        struct filch_pool *pool = pool_of(2, spares);
        struct crowd crowd;
        atomic_store(&passed, 0);
        crowd_start(&crowd, pool, MANY, 0, passes, NULL);
        AWAIT_WAITING(&semaphore, MANY);
        for (int i = 0; i < MANY; i++) {
            release(1);
            await_value(&passed, i + 1);
        }
        crowd_finish(&crowd);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

static _Atomic(int) inside;

static void *stays_for_a_moment(void *argument)
{
    for (int i = 0; i < 100; i++) {
        acquire();
        cr_assert_leq(atomic_fetch_add(&inside, 1), 2);
        if (i % 8 == 0)
            sched_yield();
        atomic_fetch_sub(&inside, 1);
        release(1);
    }
    return argument;
}

Test(semaphore, no_more_get_in_than_there_are_permits)
{
    for (int i = 0; i < SHAPES; i++) {
        struct filch_pool *pool = pool_of(shapes[i].workers, shapes[i].spares);
        struct crowd crowd;
        release(3);
        crowd_start(&crowd, pool, 16, 4, stays_for_a_moment, NULL);
        crowd_finish(&crowd);
        for (int j = 0; j < 3; j++)
            ASSERT_OK(filch_semaphore_try_acquire(&semaphore));
        cr_assert_eq(filch_semaphore_try_acquire(&semaphore), FILCH_EAGAIN);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* ---- Giving up ------------------------------------------------------------------------------- */

/* Takes one permit in the end; *argument: the timeout of each attempt. */
static void *insists(void *argument)
{
    while (filch_semaphore_acquire(&semaphore, *(double *)argument) == FILCH_ETIMEDOUT)
        continue;
    atomic_fetch_add(&passed, 1);
    return NULL;
}

Test(semaphore, who_gives_up_leaves_the_permit_to_others)
{
    struct filch_pool *pool = pool_of(2, 0);
    double never = FILCH_FOREVER, soon = 2e-6;
    for (int round = 0; round < 50; round++) {
        struct crowd patient, impatient;
        atomic_store(&passed, 0);
        crowd_start(&impatient, pool, 3, 1, insists, &soon);
        crowd_start(&patient, pool, 3, 1, insists, &never);
        for (int i = 0; i < 8; i++) {
            release(1);
            await_value(&passed, i + 1);
        }
        crowd_finish(&impatient);
        crowd_finish(&patient);
    }
    cr_assert_eq(filch_semaphore_try_acquire(&semaphore), FILCH_EAGAIN);
    ASSERT_OK(filch_pool_destroy(pool));
}

/* ---- One worker, no spare ------------------------------------------------------------------- */

static void *gives_two(void *argument)
{
    release(2);
    return argument;
}

Test(semaphore, a_worker_without_spares_runs_the_task_that_gives)
{
    struct filch_pool *pool = pool_of(1, -1);
    struct filch_future *first = submit(pool, passes, NULL),
                        *second = submit(pool, passes, NULL);
    struct filch_future *giver = submit(pool, gives_two, NULL);
    finish(first);
    finish(second);
    finish(giver);
    ASSERT_OK(filch_pool_destroy(pool));
}

Test(semaphore, a_sleeping_worker_is_replaced_by_a_spare)
{
    struct filch_pool *pool = pool_of(1, 1);
    struct filch_future *waits = submit(pool, passes, NULL), *giver;
    AWAIT_ASLEEP(&semaphore, 1);
    giver = submit(pool, gives_two, NULL);
    finish(waits);
    finish(giver);
    acquire();
    ASSERT_OK(filch_pool_destroy(pool));
}

/* ---- Who got the last permit frees it --------------------------------------------------------- */

struct result {
    struct filch_semaphore done;
    int value;
};

static void *delivers(void *argument)
{
    struct result *result = argument;
    result->value = 42;
    ASSERT_OK(filch_semaphore_release(&result->done, 1));
    return NULL;
}

static void *collects(void *argument)
{
    struct result *result = argument;
    ASSERT_OK(filch_semaphore_acquire(&result->done, FILCH_FOREVER));
    cr_assert_eq(result->value, 42);
    filch_semaphore_fini(&result->done);
    free(result);
    return NULL;
}

Test(semaphore, can_be_freed_by_who_got_what_it_waited_for)
{
    struct filch_pool *pool = pool_of(2, 0);
    for (int round = 0; round < 500; round++) {
        struct result *result = malloc(sizeof *result);
        filch_semaphore_init(&result->done, 0);
        struct filch_future *collector = round % 2 ? submit(pool, collects, result) : NULL;
        struct filch_future *deliverer = submit(pool, delivers, result);
        if (!collector)
            collects(result);
        else
            finish(collector);
        finish(deliverer);
    }
    ASSERT_OK(filch_pool_destroy(pool));
}
