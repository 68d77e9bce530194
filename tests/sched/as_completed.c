/* SPDX-License-Identifier: MIT
 *
 * filch_as_completed: the rules of Python's concurrent.futures.as_completed(), sentence by
 * sentence of filch/wait.h, and what only C has: references, bad pointers, no memory, iterating
 * in a task. */
#include "several.h"

#include <filch/wait.h>

TestSuite(as_completed, .init = setup);

static struct filch_as_completed *iterate(struct filch_future *const *futures, size_t count,
                                          double timeout)
{
    struct filch_as_completed *iterator = NULL;
    cr_assert_eq(filch_as_completed_create(futures, count, timeout, &iterator), 0);
    cr_assert(iterator);
    return iterator;
}

/* The next one is `future`; gives back the reference to it. */
static void assert_next(struct filch_as_completed *iterator, struct filch_future *future)
{
    struct filch_future *next = NULL;
    cr_assert_eq(filch_as_completed_next(iterator, &next), 0);
    cr_assert_eq(next, future);
    cr_assert(filch_future_done(next));
    filch_future_release(next);
}

static void assert_error(struct filch_as_completed *iterator, int error)
{
    struct filch_future *next = UNTOUCHED;
    cr_assert_eq(filch_as_completed_next(iterator, &next), error);
    cr_assert_eq((void *)next, UNTOUCHED);
}

static uint32_t references_of(struct filch_future *future)
{
    return atomic_load(&future->latch.references);
}

/* ---- Order ------------------------------------------------------------------------------- */

Test(as_completed, of_no_futures_ends_at_once)
{
    static const double timeouts[] = {-1, 0, 1, FILCH_FOREVER};
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        struct filch_as_completed *iterator = iterate(NULL, 0, timeouts[i]);
        assert_error(iterator, FILCH_EEND);
        assert_error(iterator, FILCH_EEND);
        filch_as_completed_destroy(iterator);
    }
}

Test(as_completed, gives_those_first_that_are_done_already)
{
    struct filch_future *futures[5];
    manuals(futures, 5);
    complete(futures[4], SUCCEED);
    complete(futures[3], CANCEL);
    complete(futures[1], FAIL);
    struct filch_as_completed *iterator = iterate(futures, 5, FILCH_FOREVER);
    complete(futures[2], SUCCEED);
    complete(futures[0], SUCCEED);
    assert_next(iterator, futures[1]);
    assert_next(iterator, futures[3]);
    assert_next(iterator, futures[4]);
    assert_next(iterator, futures[2]);
    assert_next(iterator, futures[0]);
    assert_error(iterator, FILCH_EEND);
    assert_error(iterator, FILCH_EEND);
    filch_as_completed_destroy(iterator);
    release_all(futures, 5);
}

Test(as_completed, gives_them_in_the_order_in_which_they_complete)
{
    static const size_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct filch_future *futures[4];
        manuals(futures, 4);
        struct filch_as_completed *iterator = iterate(futures, 4, FILCH_FOREVER);
        for (size_t j = 0; j < 4; j++)
            complete(futures[orders[i][j]], (enum how)(j % 3));
        for (size_t j = 0; j < 4; j++)
            assert_next(iterator, futures[orders[i][j]]);
        assert_error(iterator, FILCH_EEND);
        filch_as_completed_destroy(iterator);
        release_all(futures, 4);
    }
}

Test(as_completed, gives_them_in_order_to_one_who_comes_in_between)
{
    struct filch_future *futures[6];
    manuals(futures, 6);
    struct filch_as_completed *iterator = iterate(futures, 6, FILCH_FOREVER);
    complete(futures[5], SUCCEED);
    complete(futures[4], SUCCEED);
    assert_next(iterator, futures[5]);
    complete(futures[3], SUCCEED);
    complete(futures[2], SUCCEED);
    assert_next(iterator, futures[4]);
    assert_next(iterator, futures[3]);
    complete(futures[0], SUCCEED);
    complete(futures[1], SUCCEED);
    assert_next(iterator, futures[2]);
    assert_next(iterator, futures[0]);
    assert_next(iterator, futures[1]);
    filch_as_completed_destroy(iterator);
    release_all(futures, 6);
}

/* ---- Waiting ----------------------------------------------------------------------------- */

/* An iterator that another thread uses up. */
struct consumer {
    struct filch_as_completed *iterator;
    pthread_t thread;
    size_t given;
    int error; /* the last */
    bool done; /* all that were given */
};

static void *consume(void *argument)
{
    struct consumer *consumer = argument;
    struct filch_future *future;
    consumer->done = true;
    while (!(consumer->error = filch_as_completed_next(consumer->iterator, &future))) {
        consumer->done &= filch_future_done(future);
        consumer->given++;
        filch_future_release(future);
    }
    return NULL;
}

Test(as_completed, waits_for_each_in_turn)
{
    for (int round = 0; round < 100; round++) {
        struct filch_future *futures[8];
        struct consumer consumer = {0};
        manuals(futures, 8);
        consumer.iterator = iterate(futures, 8, long_timeouts[round % 4]);
        pthread_create(&consumer.thread, NULL, consume, &consumer);
        for (size_t i = 0; i < 8; i++) {
            /* In some rounds it sleeps in between, in others several come at once. */
            for (int j = 0; j < round % 10; j++)
                sched_yield();
            complete(futures[i * 5 % 8], (enum how)(i % 3));
        }
        pthread_join(consumer.thread, NULL);
        cr_assert_eq(consumer.error, FILCH_EEND);
        cr_assert_eq(consumer.given, 8);
        cr_assert(consumer.done);
        filch_as_completed_destroy(consumer.iterator);
        release_all(futures, 8);
    }
}

Test(as_completed, mixes_futures_of_any_executors)
{
    struct executors executors;
    struct filch_future *futures[60];
    struct consumer consumer = {0};
    executors_create(&executors);
    for (size_t i = 0; i < 60; i++)
        futures[i] = i % 4 == 3 ? submit(executors.pool, same, NULL)
                                : submit_to(executors.of[i % 4], same, NULL);
    consumer.iterator = iterate(futures, 60, FILCH_FOREVER);
    consume(&consumer);
    cr_assert_eq(consumer.given, 60);
    cr_assert_eq(consumer.error, FILCH_EEND);
    filch_as_completed_destroy(consumer.iterator);
    release_all(futures, 60);
    executors_destroy(&executors);
}

Test(as_completed, by_many_threads_over_the_same_futures_gives_each_all)
{
    struct filch_future *futures[50];
    struct consumer consumers[4] = {{0}};
    manuals(futures, 50);
    for (size_t i = 0; i < 4; i++) {
        consumers[i].iterator = iterate(futures + i, 50 - i, FILCH_FOREVER);
        pthread_create(&consumers[i].thread, NULL, consume, &consumers[i]);
    }
    for (size_t i = 0; i < 50; i++)
        complete(futures[i], SUCCEED);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(consumers[i].thread, NULL);
        cr_assert_eq(consumers[i].given, 50 - i);
        filch_as_completed_destroy(consumers[i].iterator);
    }
    release_all(futures, 50);
}

Test(as_completed, of_very_many_futures_gives_all)
{
    struct filch_future **futures = malloc(MANY * sizeof *futures);
    struct consumer consumer = {0};
    manuals(futures, MANY);
    consumer.iterator = iterate(futures, MANY, FILCH_FOREVER);
    pthread_create(&consumer.thread, NULL, consume, &consumer);
    for (size_t i = 0; i < MANY; i++)
        complete(futures[i], SUCCEED);
    pthread_join(consumer.thread, NULL);
    cr_assert_eq(consumer.given, MANY);
    cr_assert(consumer.done);
    filch_as_completed_destroy(consumer.iterator);
    release_all(futures, MANY);
    free(futures);
}

/* ---- Each once --------------------------------------------------------------------------- */

Test(as_completed, gives_a_future_once_even_if_it_was_given_twice)
{
    struct filch_future *a = manual(), *b = manual(), *futures[] = {a, b, a, a, b};
    complete(a, SUCCEED);
    struct filch_as_completed *iterator = iterate(futures, 5, FILCH_FOREVER);
    complete(b, SUCCEED);
    assert_next(iterator, a);
    assert_next(iterator, b);
    assert_error(iterator, FILCH_EEND);
    filch_as_completed_destroy(iterator);
    filch_future_release(a);
    filch_future_release(b);
}

Test(as_completed, gives_each_of_many_once_however_often_it_was_given)
{
    static struct filch_future *futures[3000], *mixed[9000];
    manuals(futures, 3000);
    for (size_t i = 0; i < 9000; i++)
        mixed[i] = futures[i * 7919 % 3000];
    for (size_t i = 0; i < 3000; i++)
        complete(futures[i], SUCCEED);
    struct consumer consumer = {.iterator = iterate(mixed, 9000, FILCH_FOREVER)};
    consume(&consumer);
    cr_assert_eq(consumer.given, 3000);
    filch_as_completed_destroy(consumer.iterator);
    for (size_t i = 0; i < 3000; i++)
        cr_assert_eq(references_of(futures[i]), 1);
    release_all(futures, 3000);
}

/* ---- When the time is up ----------------------------------------------------------------- */

Test(as_completed, tells_how_many_are_unfinished_when_the_time_is_up)
{
    struct filch_future *futures[] = {manual(), manual(), manual(), manual(), NULL};
    futures[4] = futures[0];
    complete(futures[1], SUCCEED);
    complete(futures[2], CANCEL);
    struct filch_as_completed *iterator = iterate(futures, 5, 0);
    assert_next(iterator, futures[1]);
    assert_next(iterator, futures[2]);
    assert_error(iterator, FILCH_ETIMEDOUT);
    cr_assert_str_eq(filch_as_completed_error(iterator), "2 (of 4) futures unfinished");
    complete(futures[3], SUCCEED);
    assert_next(iterator, futures[3]);
    assert_error(iterator, FILCH_ETIMEDOUT);
    cr_assert_str_eq(filch_as_completed_error(iterator), "1 (of 4) futures unfinished");
    assert_error(iterator, FILCH_ETIMEDOUT);
    complete(futures[0], FAIL);
    assert_next(iterator, futures[0]);
    assert_error(iterator, FILCH_EEND);
    filch_as_completed_destroy(iterator);
    release_all(futures, 4);
}

Test(as_completed, counts_the_time_from_its_making)
{
    static const double timeouts[] = {-(double)INFINITY, -1, -0.0, 0, DBL_MIN, 1e-9, 0.02};
    struct filch_future *futures[2];
    manuals(futures, 2);
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        int64_t begun = fi_now();
        struct filch_as_completed *iterator = iterate(futures, 2, timeouts[i]);
        assert_error(iterator, FILCH_ETIMEDOUT);
        cr_assert_geq((double)(fi_now() - begun), timeouts[i] * 1e9, "not before");
        cr_assert_str_eq(filch_as_completed_error(iterator), "2 (of 2) futures unfinished");
        assert_error(iterator, FILCH_ETIMEDOUT);
        filch_as_completed_destroy(iterator);
        cr_assert_not(is_listed(futures[0]) || is_listed(futures[1]));
    }
    struct filch_as_completed *iterator = iterate(futures, 2, 3600);
    complete(futures[1], SUCCEED);
    assert_next(iterator, futures[1]);
    atomic_fetch_add(&seconds_ahead, 3600); /* from here on it would wait for an hour */
    assert_error(iterator, FILCH_ETIMEDOUT);
    filch_as_completed_destroy(iterator);
    release_all(futures, 2);
}

static void *complete_late(void *argument)
{
    complete(argument, SUCCEED);
    return NULL;
}

Test(as_completed, gives_what_is_done_when_the_time_is_up_before_it_says_so)
{
    for (int round = 0; round < 500; round++) {
        struct filch_future *future = manual(), *next;
        struct filch_as_completed *iterator = iterate(&future, 1, 0);
        pthread_t thread;
        pthread_create(&thread, NULL, complete_late, future);
        while (!filch_future_done(future))
            continue;
        cr_assert_eq(filch_as_completed_next(iterator, &next), 0, "round %d", round);
        filch_future_release(next);
        pthread_join(thread, NULL);
        filch_as_completed_destroy(iterator);
        filch_future_release(future);
    }
}

Test(as_completed, whose_time_is_up_races_completions)
{
    for (int round = 0; round < 300; round++) {
        struct filch_future *futures[2], *next;
        pthread_t threads[2];
        manuals(futures, 2);
        struct filch_as_completed *iterator = iterate(futures, 2, 1e-6 * (round % 50));
        for (size_t i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, complete_late, futures[i]);
        for (int error; (error = filch_as_completed_next(iterator, &next));)
            cr_assert_eq(error, FILCH_ETIMEDOUT);
        filch_future_release(next);
        filch_as_completed_destroy(iterator); /* the other one may be on its way */
        for (size_t i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        release_all(futures, 2);
    }
}

/* ---- References -------------------------------------------------------------------------- */

Test(as_completed, keeps_the_futures_and_hands_its_references_on)
{
    struct filch_future *futures[3], *next;
    manuals(futures, 3);
    struct filch_as_completed *iterator = iterate(futures, 3, FILCH_FOREVER);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(references_of(futures[i]), 2);
    complete(futures[0], SUCCEED);
    filch_future_release(futures[0]); /* the iterator's is left */
    cr_assert_eq(filch_as_completed_next(iterator, &next), 0);
    cr_assert_eq(next, futures[0]);
    cr_assert_eq(references_of(next), 1, "only the caller's");
    filch_future_release(next);
    complete(futures[1], SUCCEED); /* not fetched */
    filch_as_completed_destroy(iterator);
    for (size_t i = 1; i < 3; i++) {
        cr_assert_eq(references_of(futures[i]), 1);
        cr_assert_not(is_listed(futures[i]));
    }
    complete(futures[2], SUCCEED); /* nobody is told */
    release_all(futures + 1, 2);
}

Test(as_completed, may_be_destroyed_at_any_time)
{
    struct filch_future *futures[3];
    manuals(futures, 3);
    filch_as_completed_destroy(NULL);
    filch_as_completed_destroy(iterate(futures, 3, FILCH_FOREVER));
    complete(futures[1], SUCCEED);
    filch_as_completed_destroy(iterate(futures, 3, FILCH_FOREVER));
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(references_of(futures[i]), 1);
    release_all(futures, 3);
}

Test(as_completed, takes_no_interest_in_the_array_after_its_making)
{
    struct filch_future *futures[2], *kept[2];
    manuals(futures, 2);
    memcpy(kept, futures, sizeof kept);
    struct filch_as_completed *iterator = iterate(futures, 2, FILCH_FOREVER);
    memset(futures, 0xff, sizeof futures);
    complete(kept[1], SUCCEED);
    complete(kept[0], SUCCEED);
    assert_next(iterator, kept[1]);
    assert_next(iterator, kept[0]);
    filch_as_completed_destroy(iterator);
    release_all(kept, 2);
}

/* ---- Arguments, memory ------------------------------------------------------------------- */

Test(as_completed, refuses_bad_arguments)
{
    struct filch_future *future = manual(), *second_missing[] = {future, NULL};
    struct filch_as_completed *iterator = UNTOUCHED;
    cr_assert_eq(filch_as_completed_create(NULL, 1, 0, &iterator), FILCH_EINVAL);
    cr_assert_eq(filch_as_completed_create(NULL, SIZE_MAX, 0, &iterator), FILCH_EINVAL);
    cr_assert_eq(filch_as_completed_create(second_missing, 2, 0, &iterator), FILCH_EINVAL);
    cr_assert_eq(filch_as_completed_create(&future, 1, (double)NAN, &iterator), FILCH_EINVAL);
    cr_assert_eq(filch_as_completed_create(NULL, 0, (double)NAN, &iterator), FILCH_EINVAL);
    cr_assert_eq((void *)iterator, UNTOUCHED);
    cr_assert_eq(references_of(future), 1);
    filch_future_release(future);
}

Test(as_completed, without_memory_is_an_error_and_changes_nothing)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_future *futures[3];
    struct filch_as_completed *iterator = UNTOUCHED;
    int error = FILCH_ENOMEM;
    manuals(futures, 3);
    for (long granted = 0; error; granted++) {
        long blocks = blocks_held;
        allocations_left = granted;
        error = filch_as_completed_create(futures, 3, 0, &iterator);
        allocations_left = -1;
        if (!error)
            break;
        cr_assert_eq(error, FILCH_ENOMEM);
        cr_assert_eq((void *)iterator, UNTOUCHED);
        cr_assert_eq(blocks_held, blocks);
        for (size_t i = 0; i < 3; i++)
            cr_assert(references_of(futures[i]) == 1 && !is_listed(futures[i]));
    }
    complete(futures[2], SUCCEED);
    allocations_left = 0;
    struct filch_future *next = NULL;
    int first = filch_as_completed_next(iterator, &next);
    int second = filch_as_completed_next(iterator, &next);
    const char *text = filch_as_completed_error(iterator);
    allocations_left = -1;
    cr_assert(first == 0 && next == futures[2]);
    cr_assert_eq(second, FILCH_ETIMEDOUT);
    cr_assert_str_eq(text, "2 (of 3) futures unfinished");
    filch_future_release(next);
    filch_as_completed_destroy(iterator);
    release_all(futures, 3);
}

/* ---- After a fork ------------------------------------------------------------------------ */

static int iterate_in_child(void *argument)
{
    struct filch_as_completed *iterator = argument; /* over a finished and a pending one */
    struct filch_future *future;
    if (filch_as_completed_next(iterator, &future))
        return 1;
    filch_future_release(future);
    if (filch_as_completed_next(iterator, &future) != FILCH_EFORKED)
        return 2;
    filch_as_completed_destroy(iterator);
    return 0;
}

Test(as_completed, never_comes_to_what_stayed_in_the_parent_process)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *futures[2];
    futures[0] = submit(pool, same, NULL);
    cr_assert_eq(filch_future_result(futures[0], FILCH_FOREVER, NULL), 0);
    futures[1] = occupy(pool);
    struct filch_as_completed *iterator = iterate(futures, 2, 60);
    cr_assert_eq(run_in_child(iterate_in_child, iterator), 0);
    sem_post(&leave);
    assert_next(iterator, futures[0]);
    assert_next(iterator, futures[1]);
    filch_as_completed_destroy(iterator);
    release_all(futures, 2);
    filch_pool_destroy(pool);
}

/* ---- In a task --------------------------------------------------------------------------- */

static void *iterate_over_those_behind(void *argument)
{
    struct filch_future *futures[5], *next;
    struct filch_as_completed *iterator;
    for (size_t i = 0; i < 5; i++)
        futures[i] = submit(filch_pool_current(), count, argument);
    if (filch_as_completed_create(futures, 5, FILCH_FOREVER, &iterator))
        return filch_fail(FILCH_ECHECK, "create");
    for (size_t i = 0; i < 5; i++) {
        if (filch_as_completed_next(iterator, &next))
            return filch_fail(FILCH_ECHECK, "next %zu", i);
        filch_future_release(next);
    }
    filch_as_completed_destroy(iterator);
    release_all(futures, 5);
    return NULL;
}

static void *iterate_in_the_deep(void *argument)
{
    volatile char stack[700 << 10];
    stack[0] = 1;
    void *result = iterate_over_those_behind(argument);
    return stack[0] ? result : NULL;
}

Test(as_completed, in_a_task_runs_those_that_stand_behind_it)
{
    run_in_task(iterate_over_those_behind, NULL);
    cr_assert_eq(atomic_load(&ran), 5);
}

Test(as_completed, in_a_task_with_little_stack_left_runs_them_too)
{
    struct filch_pool_options options = {.workers = 1, .stack_size = 1 << 20};
    struct filch_pool *pool;
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    struct filch_future *future = submit(pool, iterate_in_the_deep, NULL);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
    filch_future_release(future);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 5);
}

struct self {
    struct filch_future *futures[3]; /* the second one is the task itself */
    int errors[4];
    struct filch_as_completed *iterator;
};

static void *iterate_over_oneself(void *argument)
{
    struct self *self = argument;
    await_signal(&leave);
    (void)filch_as_completed_create(self->futures, 3, FILCH_FOREVER, &self->iterator);
    for (size_t i = 0; i < 4; i++) {
        struct filch_future *next = NULL;
        self->errors[i] = filch_as_completed_next(self->iterator, &next);
        filch_future_release(next);
    }
    return NULL;
}

Test(as_completed, in_a_task_never_comes_to_the_task_itself)
{
    static const int expected[] = {0, 0, FILCH_EDEADLK, FILCH_EDEADLK};
    struct filch_pool *pool = pool_of(1);
    struct self self = {.futures = {manual()}};
    complete(self.futures[0], SUCCEED);
    self.futures[1] = submit(pool, iterate_over_oneself, &self);
    self.futures[2] = submit(pool, same, NULL);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(self.futures[1], FILCH_FOREVER, NULL), 0);
    for (size_t i = 0; i < COUNT(expected); i++)
        cr_assert_eq(self.errors[i], expected[i], "%zu", i);
    assert_next(self.iterator, self.futures[1]); /* another thread may wait for it */
    assert_error(self.iterator, FILCH_EEND);
    filch_as_completed_destroy(self.iterator);
    release_all(self.futures, 3);
    filch_pool_destroy(pool);
}

static void *pass_on(void *value, void *argument)
{
    (void)argument;
    return value;
}

Test(as_completed, in_a_task_never_comes_to_what_follows_on_it)
{
    static const int expected[] = {0, 0, FILCH_EDEADLK, FILCH_EDEADLK};
    struct filch_pool *pool = pool_of(1);
    struct self self = {.futures = {manual()}};
    complete(self.futures[0], SUCCEED);
    struct filch_future *task = submit(pool, iterate_over_oneself, &self);
    cr_assert_eq(filch_future_then(task, NULL, pass_on, NULL, &self.futures[1]), 0);
    self.futures[2] = submit(pool, same, NULL);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(self.futures[1], FILCH_FOREVER, NULL), 0);
    for (size_t i = 0; i < COUNT(expected); i++)
        cr_assert_eq(self.errors[i], expected[i], "%zu", i);
    assert_next(self.iterator, self.futures[1]);
    filch_as_completed_destroy(self.iterator);
    release_all(self.futures, 3);
    filch_future_release(task);
    filch_pool_destroy(pool);
}
