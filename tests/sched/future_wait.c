/* SPDX-License-Identifier: MIT
 *
 * Workers that wait for futures, and futures that wait for their pool to end. */
#include "future.h"

TestSuite(future_wait, .init = setup);

/* ---- Workers that wait ------------------------------------------------------------------- */

Test(future_wait, a_worker_runs_the_pending_task_that_it_waits_for)
{
    static const double timeouts[] = {600, 1e9, FILCH_FOREVER};
    struct filch_pool *pool = pool_of(1);
    for (int i = 0; i < 3; i++) {
        struct question question = {.timeout = timeouts[i]};
        struct filch_future *held = occupy(pool);
        struct filch_future *waiting = submit(pool, ask, &question);
        struct filch_future *between = submit(pool, open_hold, NULL);
        question.future = submit(pool, count, pool);
        sem_post(&leave);
        cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
        cr_assert_eq(question.error, 0);
        cr_assert_eq(question.result, pool);
        await_signal(&leave);
        cr_assert_eq(atomic_load(&ran), i + 1);
        filch_future_release(held);
        filch_future_release(waiting);
        filch_future_release(between);
        filch_future_release(question.future);
    }
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 3, "none of them ran again from the queue");
}

Test(future_wait, a_worker_that_does_not_wait_does_not_run_it)
{
    struct filch_pool *pool = pool_of(1);
    struct question question = {.timeout = 0};
    struct filch_future *held = occupy(pool), *waiting = submit(pool, ask, &question);
    question.future = submit(pool, count, NULL);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(question.error, FILCH_ETIMEDOUT);
    cr_assert_eq(filch_future_result(question.future, FILCH_FOREVER, NULL), 0);
    filch_future_release(held);
    filch_future_release(waiting);
    filch_future_release(question.future);
    filch_pool_destroy(pool);
}

/* Each task waits for the one that it submits. */
static void *descend(void *argument)
{
    intptr_t depth = (intptr_t)argument;
    struct filch_future *future;
    void *result;

    if (depth == 0)
        return NULL;
    int error = filch_pool_submit(filch_pool_current(), descend, (void *)(depth - 1), &future);
    if (error)
        return filch_fail(error, "at %ld", (long)depth);
    error = filch_future_result(future, FILCH_FOREVER, &result);
    filch_future_release(future);
    if (error)
        return filch_fail(error, "at %ld", (long)depth);
    return (void *)((intptr_t)result + 1);
}

Test(future_wait, tasks_may_wait_for_each_other_200_deep)
{
    static const int sizes[] = {1, 2, 5};
    for (int i = 0; i < 3; i++) {
        struct filch_pool *pool = pool_of(sizes[i]);
        struct filch_future *future = submit(pool, descend, (void *)(intptr_t)200);
        void *result;
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
        cr_assert_eq((intptr_t)result, 200);
        filch_future_release(future);
        filch_pool_destroy(pool);
    }
}

Test(future_wait, a_worker_runs_other_tasks_while_it_waits)
{
    struct filch_pool *pool = pool_of(1), *other = pool_of(1);
    for (int i = 0; i < 4; i++) {
        struct question question = {.timeout = long_timeouts[i]};
        struct filch_future *waiting, *opening;
        question.future = occupy(other);
        waiting = submit(pool, ask, &question);
        opening = submit(pool, open_hold, NULL); /* runs only if the worker helps */
        cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
        cr_assert_eq(question.error, 0, "%g", long_timeouts[i]);
        cr_assert_eq(question.result, &untouched);
        filch_future_release(waiting);
        filch_future_release(opening);
        filch_future_release(question.future);
    }
    filch_pool_destroy(pool);
    filch_pool_destroy(other);
}

static void *where(void *argument)
{
    (void)argument;
    return filch_pool_current();
}

Test(future_wait, a_worker_leaves_another_pools_task_to_that_pool)
{
    struct filch_pool *pool = pool_of(1), *other = pool_of(1);
    struct filch_future *held = occupy(other);
    struct question question = {.timeout = FILCH_FOREVER, .future = submit(other, where, NULL)};
    struct filch_future *waiting = submit(pool, ask, &question);
    struct filch_future *opening = submit(pool, open_hold, NULL);
    cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(question.error, 0);
    cr_assert_eq(question.result, other);
    filch_future_release(held);
    filch_future_release(waiting);
    filch_future_release(opening);
    filch_future_release(question.future);
    filch_pool_destroy(pool);
    filch_pool_destroy(other);
}

static void *ask_from_the_deep(void *argument)
{
    volatile char stack[700 << 10];
    stack[0] = 1;
    say_and_ask(argument);
    return stack[0] ? argument : NULL;
}

Test(future_wait, a_worker_that_sleeps_wakes_when_the_task_ends)
{
    static filch_fn *const asks[] = {say_and_ask, ask_from_the_deep};
    struct filch_pool_options options = {.workers = 1, .stack_size = 1 << 20};
    struct filch_pool *pool, *other = pool_of(1);
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    for (int i = 0; i < 8; i++) {
        struct question question = {.timeout = long_timeouts[i % 4], .future = occupy(other)};
        struct filch_future *waiting = submit(pool, asks[i / 4], &question);
        await_sleep(pool, &question);
        sem_post(&leave);
        cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
        cr_assert_eq(question.error, 0);
        cr_assert_eq(question.result, &untouched);
        filch_future_release(waiting);
        filch_future_release(question.future);
    }
    filch_pool_destroy(pool);
    filch_pool_destroy(other);
}

Test(future_wait, a_worker_that_sleeps_wakes_for_tasks_submitted_meanwhile)
{
    struct filch_pool *pool = pool_of(1), *other = pool_of(1);
    struct question question = {.timeout = FILCH_FOREVER, .future = occupy(other)};
    struct filch_future *waiting = submit(pool, say_and_ask, &question);
    await_sleep(pool, &question);
    struct filch_future *opening = submit(pool, open_hold, NULL);
    cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(question.error, 0);
    filch_future_release(waiting);
    filch_future_release(opening);
    filch_future_release(question.future);
    filch_pool_destroy(pool);
    filch_pool_destroy(other);
}

static int64_t asked_ns;

static void *ask_by_the_clock(void *argument)
{
    int64_t begun = fi_now();
    ask(argument);
    asked_ns = fi_now() - begun;
    return argument;
}

Test(future_wait, a_worker_waits_no_longer_than_its_timeout)
{
    struct filch_pool *pool = pool_of(2);
    struct filch_future *held = occupy(pool);
    struct question question = {.timeout = 0.02, .future = held};
    struct filch_future *waiting = submit(pool, ask_by_the_clock, &question);
    cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
    cr_assert_geq(asked_ns, 20000000, "but as long as that");
    cr_assert_eq(question.error, FILCH_ETIMEDOUT);
    cr_assert_eq(question.result, UNTOUCHED);
    ASSERT_STATE(held, true, false, false);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(held, FILCH_FOREVER, NULL), 0);
    filch_future_release(held);
    filch_future_release(waiting);
    filch_pool_destroy(pool);
}

Test(future_wait, a_worker_that_sleeps_is_told_of_a_cancelled_task)
{
    struct filch_pool *pool = pool_of(1), *other = pool_of(1);
    struct filch_future *held = occupy(other);
    struct question question = {.timeout = FILCH_FOREVER, .future = submit(other, count, NULL)};
    struct filch_future *waiting = submit(pool, say_and_ask, &question);
    await_sleep(pool, &question);
    cr_assert(filch_future_cancel(question.future));
    cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(question.error, FILCH_ECANCELED);
    sem_post(&leave);
    filch_future_release(held);
    filch_future_release(waiting);
    filch_future_release(question.future);
    filch_pool_destroy(pool);
    filch_pool_destroy(other);
}

static void *ask_once_told(void *argument)
{
    await_signal(&leave);
    return ask(argument);
}

Test(future_wait, a_task_that_waits_for_itself_is_told_so)
{
    static const double timeouts[] = {0.001, 1e300, FILCH_FOREVER};
    for (int i = 0; i < 3; i++) {
        struct filch_pool *pool = pool_of(2);
        struct question question = {.timeout = timeouts[i]};
        void *result = NULL;
        question.future = submit(pool, ask_once_told, &question);
        sem_post(&leave);
        cr_assert_eq(filch_future_result(question.future, FILCH_FOREVER, &result), 0);
        cr_assert_eq(result, &question, "it went on");
        cr_assert_eq(question.error, FILCH_EDEADLK);
        cr_assert_eq(question.result, UNTOUCHED);
        filch_future_release(question.future);
        filch_pool_destroy(pool);
    }
}

static void *ask_and_open(void *argument)
{
    ask(argument);
    return open_hold(argument);
}

Test(future_wait, a_task_that_waits_for_one_beneath_it_is_told_so)
{
    struct filch_pool_options alone = {.workers = 1, .spares = -1};
    struct filch_pool *pool, *other = pool_of(1);
    cr_assert_eq(filch_pool_create(&alone, &pool), 0);
    struct question below = {.timeout = FILCH_FOREVER}, above = {.timeout = FILCH_FOREVER};
    struct filch_future *upper;
    below.future = occupy(other);
    above.future = submit(pool, ask, &below);
    upper = submit(pool, ask_and_open, &above); /* the worker runs it, as the last resort */
    cr_assert_eq(filch_future_result(upper, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(above.error, FILCH_EDEADLK);
    cr_assert_eq(above.result, UNTOUCHED);
    cr_assert_eq(filch_future_result(above.future, FILCH_FOREVER, NULL), 0, "it went on");
    cr_assert_eq(below.error, 0);
    filch_future_release(upper);
    filch_future_release(above.future);
    filch_future_release(below.future);
    filch_pool_destroy(pool);
    filch_pool_destroy(other);
}

static pthread_barrier_t all_run;

static void *meet_and_ask(void *argument)
{
    pthread_barrier_wait(&all_run);
    return ask(argument);
}

Test(future_wait, of_two_that_run_and_wait_for_each_other_one_waits_until_its_time_is_up)
{
    struct filch_pool *pool = pool_of(2);
    struct question one = {.timeout = 0.001}, two = {.timeout = FILCH_FOREVER};
    pthread_barrier_init(&all_run, NULL, 3);
    two.future = submit(pool, meet_and_ask, &one);
    one.future = submit(pool, meet_and_ask, &two);
    pthread_barrier_wait(&all_run);
    cr_assert_eq(filch_future_result(two.future, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(filch_future_result(one.future, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(one.error, FILCH_ETIMEDOUT, "neither is on the other's stack");
    cr_assert_eq(two.error, 0);
    cr_assert_eq(two.result, &one);
    filch_future_release(one.future);
    filch_future_release(two.future);
    filch_pool_destroy(pool);
}

/* ---- Cycles ----------------------------------------------------------------------------- */

enum { CYCLE_MAX = 5 };

/* Each on a thread of its own, and each asks for the next one's result. A pool each, or one for
 * all. Returns how many were told of a deadlock. */
static int ask_in_a_cycle(int count, bool together, struct question *questions)
{
    struct filch_pool *pools[CYCLE_MAX];
    int found = 0;
    pthread_barrier_init(&all_run, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++)
        pools[i] = together && i > 0 ? pools[0] : pool_of(together ? count : 1);
    for (int i = 0; i < count; i++) {
        struct question *before = &questions[(i + count - 1) % count];
        before->future = submit(pools[i], meet_and_ask, &questions[i]);
    }
    pthread_barrier_wait(&all_run);
    for (int i = 0; i < count; i++)
        cr_assert_eq(filch_future_result(questions[i].future, FILCH_FOREVER, NULL), 0);
    for (int i = 0; i < count; i++) {
        filch_future_release(questions[i].future);
        found += questions[i].error == FILCH_EDEADLK;
        if (i == 0 || !together)
            cr_assert_eq(filch_pool_destroy(pools[i]), 0);
    }
    return found;
}

Test(future_wait, one_of_the_tasks_that_wait_for_each_other_is_told_and_the_others_go_on)
{
    for (int round = 0; round < 50; round++)
        for (int count = 2; count <= CYCLE_MAX; count++) {
            struct question questions[CYCLE_MAX];
            for (int i = 0; i < count; i++)
                questions[i].timeout = FILCH_FOREVER;
            cr_assert_eq(ask_in_a_cycle(count, round % 2, questions), 1);
            for (int i = 0; i < count; i++)
                if (questions[i].error)
                    cr_assert_eq(questions[i].result, UNTOUCHED);
                else
                    cr_assert_eq(questions[i].result, &questions[(i + 1) % count]);
        }
}

Test(future_wait, a_cycle_with_a_timeout_ends_with_it)
{
    struct question questions[3] = {{.timeout = FILCH_FOREVER},
                                    {.timeout = 0.02},
                                    {.timeout = FILCH_FOREVER}};
    cr_assert_eq(ask_in_a_cycle(3, false, questions), 0);
    cr_assert_eq(questions[0].error, 0);
    cr_assert_eq(questions[1].error, FILCH_ETIMEDOUT);
    cr_assert_eq(questions[2].error, 0);
}

/* first waits for other; on top of it, on the same thread, runs another task, which other waits
 * for, and which does not wait for anything. */
Test(future_wait, there_is_no_cycle_where_what_runs_goes_on)
{
    struct filch_pool *pool = pool_of(1), *others = pool_of(1);
    struct question first = {.timeout = FILCH_FOREVER}, other = {.timeout = FILCH_FOREVER};
    pthread_barrier_init(&all_run, NULL, 2);
    first.future = submit(others, meet_and_ask, &other);
    struct filch_future *waiting = submit(pool, say_and_ask, &first);
    await_sleep(pool, &first);
    other.future = occupy(pool);
    pthread_barrier_wait(&all_run);
    await_sleepers(others, 1);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(first.error, 0);
    cr_assert_eq(other.error, 0);
    filch_future_release(waiting);
    filch_future_release(first.future);
    filch_future_release(other.future);
    filch_pool_destroy(pool);
    filch_pool_destroy(others);
}

/* ---- Futures and the end of their pool --------------------------------------------------- */

Test(future_wait, outlives_its_pool)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *held = occupy(pool);
    struct filch_future *good = submit(pool, same, &untouched);
    struct filch_future *bad = submit(pool, complain, &(struct complaint){5, "why"});
    struct filch_future *cancelled = submit(pool, count, NULL);
    void *result = NULL;
    cr_assert(filch_future_cancel(cancelled));
    sem_post(&leave);
    cr_assert_eq(filch_pool_destroy(pool), 0, "runs what is queued");
    pool = pool_of(1); /* perhaps at the same address */
    cr_assert_eq(filch_future_result(good, 0, &result), 0);
    cr_assert_eq(result, &untouched);
    cr_assert_eq(filch_future_result(bad, 0, NULL), 5);
    cr_assert_str_eq(filch_future_error(bad, 0, NULL), "why");
    cr_assert_eq(filch_future_result(cancelled, 0, NULL), FILCH_ECANCELED);
    cr_assert_eq(atomic_load(&ran), 0);
    cr_assert_not(filch_future_cancel(good));
    cr_assert_eq(filch_future_retain(good), good);
    filch_future_release(good);
    filch_future_release(good);
    filch_future_release(bad);
    filch_future_release(cancelled);
    filch_future_release(held);
    filch_pool_destroy(pool);
}

static void *destroy(void *pool)
{
    return (void *)(intptr_t)filch_pool_destroy(pool);
}

/* Submits two tasks to the pool that it runs on, and waits for one of them. */
static void *submit_two(void *argument)
{
    struct filch_future *future;
    int error = filch_pool_submit(filch_pool_current(), count, NULL, NULL);
    if (!error)
        error = filch_pool_submit(filch_pool_current(), count, argument, &future);
    if (error)
        return filch_fail(error, "refused");
    error = filch_future_result(future, FILCH_FOREVER, &argument);
    filch_future_release(future);
    return error ? filch_fail(error, "not run") : argument;
}

static void *hold_and_submit(void *argument)
{
    hold(argument);
    return submit_two(argument);
}

Test(future_wait, a_pool_that_is_being_destroyed_takes_tasks_from_its_own_alone)
{
    struct filch_pool *pool = pool_of(2);
    struct filch_future *late = submit(pool, hold_and_submit, &untouched);
    struct filch_future *future;
    pthread_t destroyer;
    void *result = NULL;
    int error, submitted = 0;
    await_signal(&entered);
    cr_assert_eq(pthread_create(&destroyer, NULL, destroy, pool), 0);
    do {
        future = UNTOUCHED;
        error = filch_pool_submit(pool, count, NULL, &future);
        if (!error) {
            submitted++;
            filch_future_release(future);
        }
    } while (!error && !sched_yield());
    cr_assert_eq(error, FILCH_ESHUTDOWN);
    cr_assert_eq(future, UNTOUCHED);
    cr_assert_eq(filch_pool_submit(pool, count, NULL, NULL), FILCH_ESHUTDOWN);
    sem_post(&leave); /* the pool may be gone from here on */
    pthread_join(destroyer, &result);
    cr_assert_null(result);
    cr_assert_eq(filch_future_result(late, 0, &result), 0, "%s",
                 filch_future_error(late, 0, NULL));
    cr_assert_eq(result, &untouched);
    cr_assert_eq(atomic_load(&ran), submitted + 2, "what was accepted has run");
    filch_future_release(late);
}

static void *ask_and_submit(void *argument)
{
    ask(argument);
    return submit_two(argument);
}

Test(future_wait, a_task_that_sleeps_while_its_pool_closes_may_still_submit)
{
    struct filch_pool *pool = pool_of(3), *other = pool_of(1);
    struct question question = {.timeout = FILCH_FOREVER, .future = occupy(other)};
    struct filch_future *late = submit(pool, ask_and_submit, &question);
    pthread_t destroyer;
    void *result = NULL;
    cr_assert_eq(pthread_create(&destroyer, NULL, destroy, pool), 0);
    while (atomic_load(&pool->phase) == FI_OPEN)
        sched_yield();
    await_sleepers(pool, 3); /* one of them in its task */
    cr_assert_neq(atomic_load(&pool->phase), FI_ENDED);
    sem_post(&leave);
    pthread_join(destroyer, &result);
    cr_assert_null(result);
    cr_assert_eq(filch_future_result(late, 0, &result), 0);
    cr_assert_eq(result, &question);
    cr_assert_eq(atomic_load(&ran), 2);
    filch_future_release(late);
    filch_future_release(question.future);
    filch_pool_destroy(other);
}
