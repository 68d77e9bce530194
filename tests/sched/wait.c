/* SPDX-License-Identifier: MIT
 *
 * filch_wait(): the rules of Python's concurrent.futures.wait(), sentence by sentence of
 * filch/wait.h, and what only C has: bad pointers, no memory, waiting in a task. */
#include "several.h"

#include <filch/wait.h>

TestSuite(wait, .init = setup);

static const enum filch_when whens[] = {FILCH_ALL_COMPLETED, FILCH_FIRST_COMPLETED,
                                        FILCH_FIRST_ERROR};

/* Waits for up to 8 futures; returns which were done, one letter each: '+' or '-'. */
static const char *wait_for(struct filch_future *const *futures, size_t count,
                            enum filch_when when, double timeout)
{
    static _Thread_local char letters[9];
    bool done[8];
    size_t done_count = 1000, number = 0;
    cr_assert_eq(filch_wait(futures, count, when, timeout, done, &done_count), 0);
    for (size_t i = 0; i < count; i++) {
        letters[i] = done[i] ? '+' : '-';
        number += done[i];
    }
    letters[count] = '\0';
    cr_assert_eq(done_count, number);
    return letters;
}

/* The same for futures that nobody has completed, while another thread goes by the script: `acts`,
 * from the first future on, is a string of letters: s, f, c, or '.' for none. */
static const char *wait_while(size_t count, const char *acts, enum filch_when when)
{
    struct filch_future *futures[8];
    struct script script = {0};
    manuals(futures, count);
    script.awaited = futures[count - 1];
    for (size_t i = 0, act = 0; i < count; i++) {
        if (acts[i] == '.')
            continue;
        script.acts[act].future = futures[i];
        script.acts[act++].how = acts[i] == 's' ? SUCCEED : acts[i] == 'f' ? FAIL : CANCEL;
    }
    begin(&script);
    const char *letters = wait_for(futures, count, when, FILCH_FOREVER);
    cr_assert(finish(&script), "went on early: %s", acts);
    for (size_t i = 0; i < count; i++)
        cr_assert_not(is_listed(futures[i]));
    release_all(futures, count);
    return letters;
}

/* ---- When it ends ------------------------------------------------------------------------ */

Test(wait, of_no_futures_returns_at_once)
{
    static const double timeouts[] = {-1, 0, 1, FILCH_FOREVER};
    struct filch_future *none[1] = {NULL};
    for (size_t i = 0; i < COUNT(whens); i++)
        for (size_t j = 0; j < COUNT(timeouts); j++) {
            size_t done_count = 7;
            cr_assert_eq(filch_wait(NULL, 0, whens[i], timeouts[j], NULL, &done_count), 0);
            cr_assert_eq(done_count, 0);
            cr_assert_eq(filch_wait(none, 0, whens[i], timeouts[j], NULL, NULL), 0);
        }
}

Test(wait, for_all_ends_with_the_last)
{
    cr_assert_str_eq(wait_while(1, "s", FILCH_ALL_COMPLETED), "+");
    cr_assert_str_eq(wait_while(3, "sss", FILCH_ALL_COMPLETED), "+++");
    cr_assert_str_eq(wait_while(8, "sfcsfcsf", FILCH_ALL_COMPLETED), "++++++++");
}

Test(wait, for_all_is_not_ended_by_an_error_or_by_being_cancelled)
{
    cr_assert_str_eq(wait_while(3, "ffs", FILCH_ALL_COMPLETED), "+++");
    cr_assert_str_eq(wait_while(3, "ccs", FILCH_ALL_COMPLETED), "+++");
}

Test(wait, for_the_first_ends_with_any)
{
    cr_assert_str_eq(wait_while(3, ".s.", FILCH_FIRST_COMPLETED), "-+-");
    cr_assert_str_eq(wait_while(3, "..f", FILCH_FIRST_COMPLETED), "--+");
    cr_assert_str_eq(wait_while(3, "c..", FILCH_FIRST_COMPLETED), "+--");
}

Test(wait, for_the_first_error_ends_with_it)
{
    cr_assert_str_eq(wait_while(3, ".f.", FILCH_FIRST_ERROR), "-+-");
    cr_assert_str_eq(wait_while(4, "sf..", FILCH_FIRST_ERROR), "++--");
    cr_assert_str_eq(wait_while(4, "c.f.", FILCH_FIRST_ERROR), "+-+-");
}

static void *fail_once_awaited(void *argument)
{
    await_listed(argument);
    return filch_fail(3, "why");
}

Test(wait, for_the_first_error_ends_with_a_task_that_fails)
{
    struct executors executors;
    executors_create(&executors);
    for (int kind = THREADS; kind <= SHARED; kind++) {
        struct filch_future *futures[] = {manual(), NULL};
        futures[1] = submit_to(executors.of[kind], fail_once_awaited, futures[0]);
        cr_assert_str_eq(wait_for(futures, 2, FILCH_FIRST_ERROR, FILCH_FOREVER), "-+");
        release_all(futures, 2);
    }
    executors_destroy(&executors);
}

Test(wait, for_the_first_error_where_none_fails_ends_with_the_last)
{
    cr_assert_str_eq(wait_while(3, "sss", FILCH_FIRST_ERROR), "+++");
    cr_assert_str_eq(wait_while(3, "ccc", FILCH_FIRST_ERROR), "+++",
                     "being cancelled is no error");
    cr_assert_str_eq(wait_while(3, "ssf", FILCH_FIRST_ERROR), "+++");
}

Test(wait, ends_at_once_where_enough_are_done)
{
    struct filch_future *futures[3];
    manuals(futures, 3);
    complete(futures[1], SUCCEED);
    cr_assert_str_eq(wait_for(futures, 3, FILCH_FIRST_COMPLETED, FILCH_FOREVER), "-+-");
    complete(futures[2], FAIL);
    cr_assert_str_eq(wait_for(futures, 3, FILCH_FIRST_ERROR, FILCH_FOREVER), "-++");
    cr_assert_str_eq(wait_for(futures, 3, FILCH_FIRST_COMPLETED, FILCH_FOREVER), "-++");
    complete(futures[0], CANCEL);
    for (size_t i = 0; i < COUNT(whens); i++)
        cr_assert_str_eq(wait_for(futures, 3, whens[i], FILCH_FOREVER), "+++");
    release_all(futures, 3);
}

Test(wait, counts_those_that_are_done_before)
{
    struct filch_future *futures[4];
    manuals(futures, 4);
    complete(futures[0], CANCEL);
    complete(futures[2], SUCCEED);
    struct script script = {.awaited = futures[3],
                            .acts = {{futures[3], SUCCEED}, {futures[1], CANCEL}}};
    begin(&script);
    cr_assert_str_eq(wait_for(futures, 4, FILCH_FIRST_ERROR, FILCH_FOREVER), "++++");
    cr_assert(finish(&script));
    release_all(futures, 4);
}

Test(wait, of_futures_that_complete_while_it_begins_misses_none)
{
    for (int round = 0; round < 300; round++) {
        struct filch_future *futures[8];
        manuals(futures, 8);
        struct script script = {.awaited = futures[0]};
        for (size_t i = 0; i < 8; i++)
            script.acts[i].future = futures[7 - i];
        begin(&script);
        cr_assert_str_eq(wait_for(futures, 8, whens[round % 2 * 2], FILCH_FOREVER), "++++++++");
        (void)finish(&script);
        release_all(futures, 8);
    }
}

/* ---- When the time is up ----------------------------------------------------------------- */

Test(wait, tells_what_is_done_when_the_time_is_up)
{
    static const double timeouts[] = {-(double)INFINITY, -1, -0.0, 0, DBL_MIN, 1e-9, 0.01};
    struct filch_future *futures[3];
    manuals(futures, 3);
    for (size_t i = 0; i < COUNT(timeouts); i++)
        for (size_t j = 0; j < COUNT(whens); j++) {
            int64_t begun = fi_now();
            cr_assert_str_eq(wait_for(futures, 3, whens[j], timeouts[i]), "---");
            cr_assert_geq((double)(fi_now() - begun), timeouts[i] * 1e9, "not before");
        }
    complete(futures[1], CANCEL);
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        cr_assert_str_eq(wait_for(futures, 3, FILCH_ALL_COMPLETED, timeouts[i]), "-+-");
        cr_assert_str_eq(wait_for(futures, 3, FILCH_FIRST_ERROR, timeouts[i]), "-+-");
    }
    for (size_t i = 0; i < 3; i++)
        cr_assert_not(is_listed(futures[i]));
    complete(futures[0], SUCCEED); /* nobody is told any more */
    cr_assert_str_eq(wait_for(futures, 3, FILCH_ALL_COMPLETED, 0), "++-");
    release_all(futures, 3);
}

Test(wait, with_a_long_timeout_waits)
{
    for (size_t i = 0; i < COUNT(long_timeouts); i++) {
        struct filch_future *future = manual();
        struct script script = {.awaited = future, .acts = {{future, SUCCEED}}};
        begin(&script);
        cr_assert_str_eq(wait_for(&future, 1, FILCH_ALL_COMPLETED, long_timeouts[i]), "+");
        cr_assert(finish(&script));
        filch_future_release(future);
    }
}

static void *complete_both(void *argument)
{
    struct filch_future **futures = argument;
    complete(futures[1], SUCCEED);
    complete(futures[0], FAIL);
    return NULL;
}

Test(wait, whose_time_is_up_races_completions)
{
    for (int round = 0; round < 300; round++) {
        struct filch_future *futures[2];
        pthread_t thread;
        manuals(futures, 2);
        pthread_create(&thread, NULL, complete_both, futures);
        for (size_t done_count = 0; done_count < 2;)
            cr_assert_eq(filch_wait(futures, 2, whens[round % 3], 1e-6 * (round % 7), NULL,
                                    &done_count),
                         0);
        pthread_join(thread, NULL);
        release_all(futures, 2);
    }
}

/* ---- Arguments --------------------------------------------------------------------------- */

Test(wait, takes_a_future_that_is_given_twice)
{
    struct filch_future *a = manual(), *b = manual(), *futures[] = {a, b, a, a};
    struct script script = {.awaited = a, .acts = {{a, SUCCEED}, {b, FAIL}}};
    cr_assert_str_eq(wait_for(futures, 4, FILCH_ALL_COMPLETED, 0.001), "----");
    begin(&script);
    cr_assert_str_eq(wait_for(futures, 4, FILCH_ALL_COMPLETED, FILCH_FOREVER), "++++");
    cr_assert(finish(&script));
    filch_future_release(a);
    filch_future_release(b);
}

Test(wait, need_not_tell_what_is_done)
{
    struct filch_future *futures[2];
    bool done[2] = {false, true};
    size_t done_count = 0;
    manuals(futures, 2);
    complete(futures[0], SUCCEED);
    cr_assert_eq(filch_wait(futures, 2, FILCH_ALL_COMPLETED, 0, NULL, NULL), 0);
    cr_assert_eq(filch_wait(futures, 2, FILCH_ALL_COMPLETED, 0, done, NULL), 0);
    cr_assert(done[0] && !done[1]);
    cr_assert_eq(filch_wait(futures, 2, FILCH_ALL_COMPLETED, 0, NULL, &done_count), 0);
    cr_assert_eq(done_count, 1);
    release_all(futures, 2);
}

Test(wait, refuses_bad_arguments_and_writes_nothing)
{
    struct filch_future *future = manual(), *second_missing[] = {future, NULL};
    const struct {
        struct filch_future **futures;
        size_t count;
        int when;
        double timeout;
    } calls[] = {
        {NULL, 1, FILCH_ALL_COMPLETED, 0},
        {NULL, SIZE_MAX, FILCH_ALL_COMPLETED, 0},
        {second_missing, 2, FILCH_ALL_COMPLETED, 0},
        {second_missing + 1, 1, FILCH_FIRST_COMPLETED, 0},
        {&future, 1, FILCH_ALL_COMPLETED, (double)NAN},
        {&future, 1, FILCH_ALL_COMPLETED, -(double)NAN},
        {NULL, 0, FILCH_ALL_COMPLETED, (double)NAN},
        {&future, 1, FILCH_FIRST_ERROR + 1, 0},
        {&future, 1, -1, 0},
        {NULL, 0, 4711, 0},
    };
    complete(future, SUCCEED);
    for (size_t i = 0; i < COUNT(calls); i++) {
        bool done[2] = {false, false};
        size_t done_count = 4711;
        cr_assert_eq(filch_wait(calls[i].futures, calls[i].count,
                                (enum filch_when)calls[i].when, calls[i].timeout, done,
                                &done_count),
                     FILCH_EINVAL, "%zu", i);
        cr_assert(!done[0] && !done[1] && done_count == 4711);
    }
    filch_future_release(future);
}

Test(wait, mixes_futures_of_any_executors)
{
    struct executors executors;
    struct filch_future *futures[8];
    executors_create(&executors);
    for (int kind = 0; kind < KINDS; kind++)
        futures[kind] = submit_to(executors.of[kind], same, NULL);
    futures[3] = submit(executors.pool, same, NULL);
    futures[4] = submit_to(executors.of[THREADS], complain, &(struct complaint){3, "why"});
    futures[5] = manual();
    struct script script = {.awaited = futures[5], .acts = {{futures[5], SUCCEED}}};
    begin(&script);
    cr_assert_str_eq(wait_for(futures, 6, FILCH_ALL_COMPLETED, FILCH_FOREVER), "++++++");
    (void)finish(&script);
    cr_assert_eq(filch_future_result(futures[4], 0, NULL), 3);
    release_all(futures, 6);
    executors_destroy(&executors);
}

struct shared_wait {
    struct filch_future **futures;
    size_t count;
    enum filch_when when;
    size_t done_count;
};

static void *wait_alike(void *argument)
{
    struct shared_wait *wait = argument;
    (void)filch_wait(wait->futures, wait->count, wait->when, FILCH_FOREVER, NULL,
                     &wait->done_count);
    return NULL;
}

Test(wait, of_many_threads_for_the_same_futures_ends_for_each)
{
    struct filch_future *futures[20];
    struct shared_wait waits[6];
    pthread_t threads[6];
    manuals(futures, 20);
    for (size_t i = 0; i < 6; i++) {
        waits[i] = (struct shared_wait){futures + i, 20 - i, whens[i % 3], 0};
        pthread_create(&threads[i], NULL, wait_alike, &waits[i]);
    }
    for (size_t i = 0; i < 20; i++)
        complete(futures[i], SUCCEED);
    for (size_t i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        if (whens[i % 3] == FILCH_FIRST_COMPLETED)
            cr_assert_geq(waits[i].done_count, 1);
        else
            cr_assert_eq(waits[i].done_count, 20 - i);
    }
    release_all(futures, 20);
}

Test(wait, of_very_many_futures_ends)
{
    struct filch_future **futures = malloc(MANY * sizeof *futures);
    size_t done_count;
    manuals(futures, MANY);
    cr_assert_eq(filch_wait(futures, MANY, FILCH_ALL_COMPLETED, 1e-3, NULL, &done_count), 0);
    cr_assert_eq(done_count, 0);
    struct shared_wait wait = {futures, MANY, FILCH_ALL_COMPLETED, 0};
    pthread_t thread;
    pthread_create(&thread, NULL, wait_alike, &wait);
    for (size_t i = 0; i < MANY; i++)
        complete(futures[i], SUCCEED);
    pthread_join(thread, NULL);
    cr_assert_eq(wait.done_count, MANY);
    release_all(futures, MANY);
    free(futures);
}

/* ---- In a task --------------------------------------------------------------------------- */

static void *wait_for_those_behind(void *argument)
{
    struct filch_future *futures[3];
    const enum filch_when *when = argument;
    for (size_t i = 0; i < 3; i++)
        futures[i] = submit(filch_pool_current(), count, argument);
    size_t done_count = 0;
    int error = filch_wait(futures, 3, *when, FILCH_FOREVER, NULL, &done_count);
    release_all(futures, 3);
    if (error || done_count < (*when == FILCH_FIRST_COMPLETED ? 1 : 3))
        return filch_fail(FILCH_ECHECK, "%d, %zu", error, done_count);
    return NULL;
}

Test(wait, in_a_task_runs_those_that_stand_behind_it)
{
    for (size_t i = 0; i < COUNT(whens); i++)
        run_in_task(wait_for_those_behind, (void *)(uintptr_t)&whens[i]);
    cr_assert_eq(atomic_load(&ran), 9);
}

static void *wait_in_the_deep(void *argument)
{
    volatile char stack[700 << 10];
    stack[0] = 1;
    void *result = wait_for_those_behind(argument);
    return stack[0] ? result : NULL;
}

Test(wait, in_a_task_with_little_stack_left_runs_them_too)
{
    struct filch_pool_options options = {.workers = 1, .stack_size = 1 << 20};
    struct filch_pool *pool;
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    for (size_t i = 0; i < COUNT(whens); i++) {
        struct filch_future *future =
            submit(pool, wait_in_the_deep, (void *)(uintptr_t)&whens[i]);
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
        filch_future_release(future);
    }
    filch_pool_destroy(pool);
}

static void *look_at_those_behind(void *argument)
{
    struct filch_future *future = submit(filch_pool_current(), count, argument);
    size_t done_count = 1;
    int error = filch_wait(&future, 1, FILCH_ALL_COMPLETED, 0, NULL, &done_count);
    bool has_run = atomic_load(&ran) > 0;
    filch_future_release(future);
    return error || done_count || has_run ? filch_fail(FILCH_ECHECK, "it ran") : NULL;
}

Test(wait, in_a_task_that_does_not_wait_runs_nothing)
{
    run_in_task(look_at_those_behind, NULL);
    cr_assert_eq(atomic_load(&ran), 1);
}

static void *wait_elsewhere(void *argument)
{
    struct shared_wait *wait = argument;
    sem_post(&entered);
    return wait_alike(wait);
}

Test(wait, in_a_task_runs_other_tasks_meanwhile)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = manual();
    struct shared_wait wait = {&future, 1, FILCH_ALL_COMPLETED, 0};
    struct filch_future *waiting = submit(pool, wait_elsewhere, &wait);
    await_signal(&entered);
    struct filch_future *other = submit(pool, count, NULL);
    cr_assert_eq(filch_future_result(other, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(atomic_load(&ran), 1);
    cr_assert_not(filch_future_done(waiting));
    complete(future, SUCCEED);
    cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(wait.done_count, 1);
    filch_future_release(other);
    filch_future_release(waiting);
    filch_future_release(future);
    filch_pool_destroy(pool);
}

/* A tree of tasks, each of which waits for its children: `argument` levels below it. */
static void *grow(void *argument)
{
    intptr_t levels = (intptr_t)argument;
    struct filch_future *children[3];
    if (levels == 0)
        return (void *)1;
    for (size_t i = 0; i < 3; i++)
        children[i] = submit(filch_pool_current(), grow, (void *)(levels - 1));
    if (filch_wait(children, 3, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, NULL))
        return NULL;
    intptr_t leaves = 0;
    for (size_t i = 0; i < 3; i++) {
        void *result = NULL;
        (void)filch_future_result(children[i], 0, &result);
        leaves += (intptr_t)result;
    }
    release_all(children, 3);
    return (void *)leaves;
}

Test(wait, in_tasks_of_a_tree_ends)
{
    static const int sizes[] = {1, 2, 4};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct filch_pool_options options = {.workers = sizes[i], .stack_size = 256 << 10};
        struct filch_pool *pool;
        void *leaves;
        cr_assert_eq(filch_pool_create(&options, &pool), 0);
        struct filch_future *root = submit(pool, grow, (void *)(intptr_t)8);
        cr_assert_eq(filch_future_result(root, FILCH_FOREVER, &leaves), 0);
        cr_assert_eq((intptr_t)leaves, 6561);
        filch_future_release(root);
        filch_pool_destroy(pool);
    }
}

/* ---- Waiting for oneself ----------------------------------------------------------------- */

struct self {
    struct filch_future *own, *other, *done;
    int errors[6];
};

static void *wait_for_oneself(void *argument)
{
    struct self *self = argument;
    struct filch_future *both[] = {self->own, self->done};
    await_signal(&leave); /* until `own` is known */
    both[0] = self->own;
    self->errors[0] = filch_wait(&self->own, 1, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, NULL);
    self->errors[1] = filch_wait(&self->own, 1, FILCH_FIRST_COMPLETED, 10, NULL, NULL);
    self->errors[2] = filch_wait(both, 2, FILCH_FIRST_ERROR, FILCH_FOREVER, NULL, NULL);
    self->errors[3] = filch_wait(both, 2, FILCH_FIRST_COMPLETED, FILCH_FOREVER, NULL, NULL);
    self->errors[4] = filch_wait(&self->own, 1, FILCH_ALL_COMPLETED, 0, NULL, NULL);
    both[1] = self->other;
    self->errors[5] = filch_wait(both, 2, FILCH_FIRST_COMPLETED, FILCH_FOREVER, NULL, NULL);
    return NULL;
}

Test(wait, of_a_task_for_itself_is_an_error)
{
    static const int expected[] = {FILCH_EDEADLK, FILCH_EDEADLK, FILCH_EDEADLK, 0, 0, 0};
    struct filch_pool *pool = pool_of(1);
    struct self self = {.done = manual()};
    complete(self.done, SUCCEED);
    self.own = submit(pool, wait_for_oneself, &self);
    self.other = submit(pool, same, NULL);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(self.own, FILCH_FOREVER, NULL), 0);
    for (size_t i = 0; i < COUNT(expected); i++)
        cr_assert_eq(self.errors[i], expected[i], "%zu", i);
    filch_future_release(self.own);
    filch_future_release(self.other);
    filch_future_release(self.done);
    filch_pool_destroy(pool);
}

static void *wait_for_an_error(void *argument)
{
    struct self *self = argument;
    struct filch_future *both[] = {self->own, self->other};
    await_signal(&leave);
    both[0] = self->own;
    self->errors[0] = filch_wait(both, 2, FILCH_FIRST_ERROR, FILCH_FOREVER, NULL, NULL);
    return NULL;
}

Test(wait, of_a_task_for_itself_or_the_error_of_another_goes_by_the_other)
{
    for (int how = SUCCEED; how <= CANCEL; how++)
        for (int waits = 0; waits < 2; waits++) {
            struct filch_pool *pool = pool_of(1);
            struct self self = {.other = manual()};
            self.own = submit(pool, wait_for_an_error, &self);
            if (!waits)
                complete(self.other, (enum how)how);
            sem_post(&leave);
            if (waits) {
                await_listed(self.other);
                complete(self.other, (enum how)how);
            }
            cr_assert_eq(filch_future_result(self.own, FILCH_FOREVER, NULL), 0);
            cr_assert_eq(self.errors[0], how == FAIL ? 0 : FILCH_EDEADLK);
            filch_future_release(self.own);
            filch_future_release(self.other);
            filch_pool_destroy(pool);
        }
}

static void *pass_on(void *value, void *argument)
{
    (void)argument;
    return value;
}

Test(wait, of_a_task_for_what_follows_on_it_is_an_error)
{
    static const int expected[] = {FILCH_EDEADLK, FILCH_EDEADLK, FILCH_EDEADLK, 0, 0, 0};
    struct filch_pool *pool = pool_of(1);
    struct self self = {.done = manual(), .other = manual()};
    complete(self.done, SUCCEED);
    complete(self.other, SUCCEED);
    struct filch_future *task = submit(pool, wait_for_oneself, &self);
    cr_assert_eq(filch_future_then(task, NULL, pass_on, NULL, &self.own), 0);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(self.own, FILCH_FOREVER, NULL), 0);
    for (size_t i = 0; i < COUNT(expected); i++)
        cr_assert_eq(self.errors[i], expected[i], "%zu", i);
    filch_future_release(task);
    filch_future_release(self.own);
    filch_future_release(self.other);
    filch_future_release(self.done);
    filch_pool_destroy(pool);
}

static void *wait_for_the_one_below(void *argument)
{
    struct self *self = argument;
    self->errors[0] = filch_wait(&self->own, 1, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, NULL);
    return NULL;
}

static void *wait_for_the_one_above(void *argument)
{
    struct self *self = argument;
    await_signal(&leave);
    self->errors[1] =
        filch_wait(&self->other, 1, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, NULL);
    return NULL;
}

Test(wait, for_a_task_further_down_on_the_same_stack_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    struct self self = {0};
    self.own = submit(pool, wait_for_the_one_above, &self);
    self.other = submit(pool, wait_for_the_one_below, &self);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(self.own, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(self.errors[0], FILCH_EDEADLK);
    cr_assert_eq(self.errors[1], 0);
    filch_future_release(self.own);
    filch_future_release(self.other);
    filch_pool_destroy(pool);
}

/* ---- After a fork ------------------------------------------------------------------------ */

static int wait_in_child(void *argument)
{
    struct filch_future **futures = argument; /* finished, running, pending */
    size_t done_count = 0;
    return filch_wait(futures, 3, FILCH_ALL_COMPLETED, 10, NULL, NULL) != FILCH_EFORKED ||
           filch_wait(futures + 1, 2, FILCH_FIRST_COMPLETED, 10, NULL, NULL) != FILCH_EFORKED ||
           filch_wait(futures, 3, FILCH_ALL_COMPLETED, 0, NULL, &done_count) ||
           done_count != 1 ||
           filch_wait(futures, 3, FILCH_FIRST_COMPLETED, FILCH_FOREVER, NULL, NULL);
}

Test(wait, for_what_stayed_in_the_parent_process_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *futures[3];
    futures[0] = submit(pool, same, NULL);
    cr_assert_eq(filch_future_result(futures[0], FILCH_FOREVER, NULL), 0);
    futures[1] = occupy(pool);
    futures[2] = submit(pool, same, NULL);
    cr_assert_eq(run_in_child(wait_in_child, futures), 0);
    sem_post(&leave);
    cr_assert_str_eq(wait_for(futures, 3, FILCH_ALL_COMPLETED, FILCH_FOREVER), "+++");
    release_all(futures, 3);
    filch_pool_destroy(pool);
}

/* ---- When memory lacks ------------------------------------------------------------------- */

Test(wait, without_memory_is_an_error_and_writes_nothing)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_future *futures[2];
    bool done[2] = {true, true};
    size_t done_count = 4711;
    manuals(futures, 2);
    complete(futures[0], SUCCEED);
    long blocks = blocks_held;
    allocations_left = 0;
    int error = filch_wait(futures, 2, FILCH_ALL_COMPLETED, FILCH_FOREVER, done, &done_count);
    allocations_left = -1;
    cr_assert_eq(error, FILCH_ENOMEM);
    cr_assert(done[0] && done[1] && done_count == 4711);
    cr_assert_not(is_listed(futures[1]));
    cr_assert_eq(filch_wait(futures, 2, FILCH_ALL_COMPLETED, 0.001, done, NULL), 0);
    cr_assert_eq(blocks_held, blocks);
    release_all(futures, 2);
}

Test(wait, that_need_not_wait_needs_no_memory)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_future *futures[2];
    int errors[3];
    manuals(futures, 2);
    complete(futures[0], FAIL);
    allocations_left = 0;
    errors[0] = filch_wait(futures, 2, FILCH_ALL_COMPLETED, 0, NULL, NULL);
    errors[1] = filch_wait(futures, 2, FILCH_FIRST_COMPLETED, FILCH_FOREVER, NULL, NULL);
    errors[2] = filch_wait(futures, 2, FILCH_FIRST_ERROR, FILCH_FOREVER, NULL, NULL);
    allocations_left = -1;
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(errors[i], 0);
    release_all(futures, 2);
}
