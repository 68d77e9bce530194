/* SPDX-License-Identifier: MIT
 *
 * Futures, sentence by sentence of filch/future.h: results, states, timeouts, references. */
#include "future.h"

TestSuite(future, .init = setup);

/* ---- Submit and result ------------------------------------------------------------------- */

Test(future, has_the_result_of_its_task)
{
    struct filch_pool *pool = pool_of(2);
    struct filch_future *future = submit(pool, same, pool);
    void *result = UNTOUCHED;
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
    cr_assert_eq(result, pool);
    filch_future_release(future);
    future = submit(pool, same, NULL);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
    cr_assert_null(result, "NULL is a result like any other");
    filch_future_release(future);
    filch_pool_destroy(pool);
}

Test(future, may_be_asked_again_and_without_a_place_for_the_result)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, count, pool);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
    for (int i = 0; i < 3; i++) {
        void *result = UNTOUCHED;
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
        cr_assert_eq(result, pool);
    }
    cr_assert_eq(atomic_load(&ran), 1, "the task runs once");
    filch_future_release(future);
    filch_pool_destroy(pool);
}

Test(future, a_task_that_nobody_asks_for_runs)
{
    struct filch_pool *pool = pool_of(2);
    cr_assert_eq(filch_pool_submit(pool, open_hold, NULL, NULL), 0);
    await_signal(&leave);
    filch_pool_destroy(pool);
}

Test(future, a_task_without_a_function_is_refused)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = UNTOUCHED;
    cr_assert_eq(filch_pool_submit(pool, NULL, NULL, &future), FILCH_EINVAL);
    cr_assert_eq(future, UNTOUCHED);
    cr_assert_eq(filch_pool_submit(pool, NULL, NULL, NULL), FILCH_EINVAL);
    filch_pool_destroy(pool);
}

static void *note_turn(void *argument)
{
    *(int *)argument = atomic_fetch_add(&ran, 1);
    return NULL;
}

Test(future, one_worker_runs_tasks_in_the_order_of_submission)
{
    struct filch_pool *pool = pool_of(1);
    static int turns[3000];
    for (int i = 0; i < 3000; i++)
        cr_assert_eq(filch_pool_submit(pool, note_turn, &turns[i], NULL), 0);
    filch_pool_destroy(pool);
    for (int i = 0; i < 3000; i++)
        cr_assert_eq(turns[i], i);
}

/* ---- States ------------------------------------------------------------------------------ */

Test(future, is_pending_then_runs_then_is_done)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *first = occupy(pool), *second = submit(pool, hold, NULL);
    ASSERT_STATE(first, true, false, false);
    ASSERT_STATE(second, false, false, false);
    sem_post(&leave);
    await_signal(&entered); /* the second one's */
    ASSERT_STATE(first, false, true, false);
    ASSERT_STATE(second, true, false, false);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(second, FILCH_FOREVER, NULL), 0);
    ASSERT_STATE(second, false, true, false);
    filch_future_release(first);
    filch_future_release(second);
    filch_pool_destroy(pool);
}

Test(future, a_cancelled_task_never_runs)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *held = occupy(pool), *future = submit(pool, count, NULL);
    cr_assert(filch_future_cancel(future));
    ASSERT_STATE(future, false, true, true);
    cr_assert(filch_future_cancel(future), "it is cancelled now, and was before");
    sem_post(&leave);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 0);
    ASSERT_STATE(future, false, true, true);
    cr_assert(filch_future_cancel(future));
    filch_future_release(future);
    filch_future_release(held);
}

Test(future, a_task_that_runs_or_has_ended_is_not_cancelled)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *held = occupy(pool);
    void *result = NULL;
    cr_assert_not(filch_future_cancel(held));
    ASSERT_STATE(held, true, false, false);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(held, FILCH_FOREVER, &result), 0);
    cr_assert_eq(result, &untouched);
    cr_assert_not(filch_future_cancel(held));
    ASSERT_STATE(held, false, true, false);
    filch_future_release(held);
    filch_pool_destroy(pool);
}

Test(future, the_result_of_a_cancelled_task_is_an_error)
{
    static const double timeouts[] = {-1, 0, 1, FILCH_FOREVER};
    struct filch_pool *pool = pool_of(1);
    struct filch_future *held = occupy(pool), *future = submit(pool, count, NULL);
    cr_assert(filch_future_cancel(future));
    for (int i = 0; i < 4; i++) {
        void *result = UNTOUCHED;
        int code = 0;
        cr_assert_eq(filch_future_result(future, timeouts[i], &result), FILCH_ECANCELED);
        cr_assert_eq(result, UNTOUCHED);
        cr_assert_str_eq(filch_future_error(future, timeouts[i], &code),
                         filch_strerror(FILCH_ECANCELED));
        cr_assert_eq(code, FILCH_ECANCELED);
    }
    sem_post(&leave);
    filch_future_release(future);
    filch_future_release(held);
    filch_pool_destroy(pool);
}

Test(future, a_task_that_is_cancelled_while_it_starts_either_runs_or_is_cancelled)
{
    struct filch_pool *pool = pool_of(2);
    static struct filch_future *futures[2000];
    int cancelled = 0;
    for (int i = 0; i < 2000; i++)
        futures[i] = submit(pool, count, NULL);
    for (int i = 0; i < 2000; i++)
        cancelled += filch_future_cancel(futures[i]);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran) + cancelled, 2000);
    for (int i = 0; i < 2000; i++) {
        cancelled -= filch_future_cancelled(futures[i]);
        filch_future_release(futures[i]);
    }
    cr_assert_eq(cancelled, 0);
}

/* ---- Timeouts ---------------------------------------------------------------------------- */

Test(future, a_wait_ends_when_the_time_is_up)
{
    static const double timeouts[] = {0,       -0.0,   -1,   -1e300, -FILCH_FOREVER,
                                      DBL_MIN, 5e-324, 1e-9, 1e-6,   0.002};
    struct filch_pool *pool = pool_of(1);
    struct filch_future *futures[] = {occupy(pool), submit(pool, same, NULL)};
    for (int which = 0; which < 2; which++) /* one runs, one is pending */
        for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
            void *result = UNTOUCHED;
            int code = 0;
            int64_t begun = fi_now();
            cr_assert_eq(filch_future_result(futures[which], timeouts[i], &result),
                         FILCH_ETIMEDOUT, "%g", timeouts[i]);
            cr_assert_geq((double)(fi_now() - begun), timeouts[i] * 1e9, "not before");
            cr_assert_eq(result, UNTOUCHED);
            begun = fi_now();
            cr_assert_str_eq(filch_future_error(futures[which], timeouts[i], &code),
                             filch_strerror(FILCH_ETIMEDOUT));
            cr_assert_geq((double)(fi_now() - begun), timeouts[i] * 1e9);
            cr_assert_eq(code, FILCH_ETIMEDOUT);
            ASSERT_STATE(futures[which], which == 0, false, false);
        }
    sem_post(&leave);
    for (int which = 0; which < 2; which++) {
        cr_assert_eq(filch_future_result(futures[which], FILCH_FOREVER, NULL), 0);
        filch_future_release(futures[which]);
    }
    filch_pool_destroy(pool);
}

Test(future, a_timeout_that_is_no_number_is_refused)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = occupy(pool);
    void *result = UNTOUCHED;
    int code = 0;
    for (int ended = 0; ended < 2; ended++) {
        cr_assert_eq(filch_future_result(future, (double)NAN, &result), FILCH_EINVAL);
        cr_assert_eq(result, UNTOUCHED);
        cr_assert_str_eq(filch_future_error(future, (double)NAN, &code),
                         filch_strerror(FILCH_EINVAL));
        cr_assert_eq(code, FILCH_EINVAL);
        if (!ended)
            sem_post(&leave);
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
    }
    filch_future_release(future);
    filch_pool_destroy(pool);
}

Test(future, what_has_ended_is_told_whatever_the_timeout)
{
    static const double timeouts[] = {0, -1, 1e-9, 1, 1e300, FILCH_FOREVER};
    struct filch_pool *pool = pool_of(1);
    struct filch_future *good = submit(pool, same, pool);
    struct filch_future *bad = submit(pool, complain, &(struct complaint){5, "why"});
    filch_pool_destroy(pool);
    for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        void *result = UNTOUCHED;
        cr_assert_eq(filch_future_result(good, timeouts[i], &result), 0);
        cr_assert_eq(result, pool);
        cr_assert_null(filch_future_error(good, timeouts[i], NULL));
        cr_assert_eq(filch_future_result(bad, timeouts[i], NULL), 5);
        cr_assert_str_eq(filch_future_error(bad, timeouts[i], NULL), "why");
    }
    filch_future_release(good);
    filch_future_release(bad);
}

/* Starts a thread for each long timeout, which waits for the future. */
static void start_waiting(struct filch_future *future, struct question *questions,
                          pthread_t *threads)
{
    for (int i = 0; i < 4; i++) {
        questions[i] = (struct question){.future = future, .timeout = long_timeouts[i]};
        cr_assert_eq(pthread_create(&threads[i], NULL, say_and_ask, &questions[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        await_signal(&entered);
}

Test(future, all_threads_that_wait_for_it_wake)
{
    struct filch_pool *pool = pool_of(1);
    for (int round = 0; round < 20; round++) {
        struct filch_future *held = occupy(pool);
        struct question questions[4];
        pthread_t threads[4];
        start_waiting(held, questions, threads);
        usleep(round % 2 ? 2000 : 0); /* they sleep, or are about to */
        sem_post(&leave);
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            cr_assert_eq(questions[i].error, 0, "%g", long_timeouts[i]);
            cr_assert_eq(questions[i].result, &untouched);
        }
        filch_future_release(held);
    }
    filch_pool_destroy(pool);
}

Test(future, cancelling_wakes_who_waits)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *held = occupy(pool);
    for (int round = 0; round < 20; round++) {
        struct filch_future *future = submit(pool, count, NULL);
        struct question questions[4];
        pthread_t threads[4];
        start_waiting(future, questions, threads);
        usleep(round % 2 ? 2000 : 0); /* they sleep, or are about to */
        cr_assert(filch_future_cancel(future));
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            cr_assert_eq(questions[i].error, FILCH_ECANCELED);
            cr_assert_eq(questions[i].result, UNTOUCHED);
        }
        filch_future_release(future);
    }
    sem_post(&leave);
    filch_future_release(held);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 0);
}

/* ---- References -------------------------------------------------------------------------- */

Test(future, a_task_whose_future_is_released_runs_all_the_same)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *held = occupy(pool);
    filch_future_release(submit(pool, count, NULL)); /* pending */
    filch_future_release(held);                      /* running */
    sem_post(&leave);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 1);
}

Test(future, a_cancelled_one_may_be_released_before_its_worker_sees_it)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *held = occupy(pool), *future = submit(pool, count, NULL);
    cr_assert(filch_future_cancel(future));
    filch_future_release(future);
    sem_post(&leave);
    filch_future_release(held);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(future, lives_until_the_last_reference_is_released)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, same, &untouched);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(filch_future_retain(future), future);
    filch_pool_destroy(pool);
    for (int i = 0; i < 10; i++) {
        void *result = NULL;
        filch_future_release(future);
        cr_assert_eq(filch_future_result(future, 0, &result), 0);
        cr_assert_eq(result, &untouched);
    }
    filch_future_release(future);
}

Test(future, releasing_nothing_is_fine)
{
    filch_future_release(NULL);
}

static void *release_own(void *argument)
{
    await_signal(&leave);
    filch_future_release(*(struct filch_future **)argument);
    return count(NULL);
}

Test(future, a_task_may_release_its_own)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, release_own, &future);
    sem_post(&leave);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 1);
}
