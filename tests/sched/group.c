/* SPDX-License-Identifier: MIT
 *
 * Groups: tasks without a future each, waited for and cancelled as a whole. */
#include "executor.h"

#include <filch/cancel.h>
#include <filch/group.h>
#include <filch/task.h>

TestSuite(group, .init = setup);

static struct filch_group *group_on(struct filch_executor *executor)
{
    struct filch_group *group = NULL;
    cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
    return group;
}

static void submit_in(struct filch_group *group, filch_fn *fn, void *argument)
{
    cr_assert_eq(filch_group_submit(group, fn, argument), 0);
}

static int wait_for(struct filch_group *group)
{
    return filch_group_wait(group, FILCH_FOREVER);
}

static void group_end(struct filch_group *group)
{
    cr_assert_eq(filch_group_destroy(group), 0);
}

/* ---- Waiting ----------------------------------------------------------------------------- */

static int
    plain[1000]; /* written by tasks, read after the wait: ThreadSanitizer sees it in stress */

static void *set_plain(void *place)
{
    *(int *)place = 1;
    return count(NULL);
}

Test(group, waits_for_all_its_tasks)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_group *group = group_on(backend.executor);
        atomic_store(&ran, 0);
        memset(plain, 0, sizeof plain);
        for (int i = 0; i < 1000; i++)
            submit_in(group, set_plain, &plain[i]);
        cr_assert_eq(wait_for(group), 0);
        cr_assert_eq(atomic_load(&ran), 1000, "%s", kind_names[kind]);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(plain[i], 1);
        group_end(group);
        backend_destroy(&backend);
    }
}

Test(group, without_tasks_is_waited_for_at_once)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    static const double timeouts[] = {-1, 0, 1e-9, FILCH_FOREVER};
    for (size_t i = 0; i < COUNT(timeouts); i++)
        cr_assert_eq(filch_group_wait(group, timeouts[i]), 0);
    cr_assert_eq(filch_executor_threads(executor), 0);
    group_end(group);
    destroy(executor);
}

Test(group, a_wait_ends_when_the_time_is_up)
{
    static const double timeouts[] = {-FILCH_FOREVER, -1, 0, 5e-324, 1e-6, 0.002};
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    submit_in(group, hold, NULL);
    await_signal(&entered);
    for (size_t i = 0; i < COUNT(timeouts); i++)
        cr_assert_eq(filch_group_wait(group, timeouts[i]), FILCH_ETIMEDOUT, "%g", timeouts[i]);
    cr_assert_eq(filch_group_wait(group, (double)NAN), FILCH_EINVAL);
    sem_post(&leave);
    for (size_t i = 0; i < COUNT(long_timeouts); i++)
        cr_assert_eq(filch_group_wait(group, long_timeouts[i]), 0);
    cr_assert_eq(filch_group_wait(group, (double)NAN), FILCH_EINVAL);
    group_end(group);
    destroy(executor);
}

static void *wait_in_thread(void *group)
{
    sem_post(&entered);
    return (void *)(intptr_t)wait_for(group);
}

Test(group, several_threads_may_wait_for_it)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    for (int round = 0; round < 20; round++) {
        pthread_t threads[4];
        void *error;
        submit_in(group, hold, NULL);
        await_signal(&entered);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, wait_in_thread, group), 0);
        for (int i = 0; i < 4; i++)
            await_signal(&entered);
        usleep(round % 2 ? 1000 : 0); /* they sleep, or are about to */
        sem_post(&leave);
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], &error);
            cr_assert_null(error);
        }
    }
    group_end(group);
    destroy(executor);
}

static struct filch_group *own;

static void *spread(void *depth)
{
    atomic_fetch_add(&ran, 1);
    for (int i = 0; depth && i < 2; i++)
        submit_in(own, spread, (char *)depth - 1);
    return NULL;
}

Test(group, waits_for_what_its_tasks_submit)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        own = group_on(backend.executor);
        atomic_store(&ran, 0);
        submit_in(own, spread, (void *)12);
        cr_assert_eq(wait_for(own), 0);
        cr_assert_eq(atomic_load(&ran), 8191);
        group_end(own);
        backend_destroy(&backend);
    }
}

static void *wait_in_task(void *group)
{
    return (void *)(intptr_t)wait_for(group);
}

Test(group, the_only_worker_may_wait_for_it)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_group *group = group_on(backend.executor);
        struct filch_future *held = occupy_executor(backend.executor);
        struct filch_future *waits = submit_to(backend.executor, wait_in_task, group);
        for (int i = 0; i < 100; i++)
            submit_in(group, count, NULL);
        atomic_store(&ran, 0);
        sem_post(&leave);
        cr_assert_null(result_of(waits));
        cr_assert_eq(atomic_load(&ran), 100);
        filch_future_release(held);
        group_end(group);
        backend_destroy(&backend);
    }
}

static struct filch_executor *executor_of_all;

/* Makes a group of its own, whose tasks do the same. */
static void *nest(void *depth)
{
    struct filch_group *group = group_on(executor_of_all);
    for (int i = 0; depth && i < 3; i++)
        submit_in(group, nest, (char *)depth - 1);
    int error = wait_for(group);
    group_end(group);
    atomic_fetch_add(&ran, 1);
    return error ? filch_fail(error, "nested") : NULL;
}

Test(group, tasks_may_have_groups_of_their_own)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        executor_of_all = backend.executor;
        atomic_store(&ran, 0);
        cr_assert_eq(error_of(submit_to(executor_of_all, nest, (void *)5)), 0);
        cr_assert_eq(atomic_load(&ran), 364);
        backend_destroy(&backend);
    }
}

Test(group, is_used_again)
{
    struct filch_executor *executor = executor_of(2);
    struct filch_group *group = group_on(executor);
    for (int round = 1; round <= 200; round++) {
        for (int i = 0; i < 5; i++)
            submit_in(group, count, NULL);
        cr_assert_eq(wait_for(group), 0);
        cr_assert_eq(atomic_load(&ran), 5 * round);
    }
    group_end(group);
    destroy(executor);
}

static void *submit_100(void *group)
{
    for (int i = 0; i < 100; i++)
        submit_in(group, count, NULL);
    return NULL;
}

Test(group, takes_tasks_from_many_threads)
{
    struct filch_executor *executor = executor_of(2);
    struct filch_group *group = group_on(executor);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, submit_100, group), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(wait_for(group), 0);
    cr_assert_eq(atomic_load(&ran), 800);
    group_end(group);
    destroy(executor);
}

Test(group, is_destroyed_when_its_tasks_have_ended)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_group *group = group_on(backend.executor);
        atomic_store(&ran, 0);
        for (int i = 0; i < 1000; i++)
            submit_in(group, count, NULL);
        group_end(group);
        cr_assert_eq(atomic_load(&ran), 1000);
        backend_destroy(&backend);
    }
    cr_assert_eq(filch_group_destroy(NULL), 0);
}

/* ---- Waiting for oneself ----------------------------------------------------------------- */

static int errors[4];

static void *end_own(void *argument)
{
    errors[0] = filch_group_wait(own, FILCH_FOREVER);
    errors[1] = filch_group_wait(own, 0);
    errors[2] = filch_group_destroy(own);
    return argument;
}

/* A task of another kind, which a task of the group runs as it waits for it. */
static void *end_own_below(void *argument)
{
    struct filch_future *future = submit_to(executor_of_all, end_own, argument);
    return result_of(future);
}

Test(group, a_task_that_waits_for_its_own_is_told_so)
{
    filch_fn *const fns[] = {end_own, end_own_below};
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < COUNT(fns); i++) {
            struct backend backend = backend_of(kind, 1);
            executor_of_all = backend.executor;
            own = group_on(backend.executor);
            memset(errors, 0, sizeof errors);
            submit_in(own, fns[i], NULL);
            cr_assert_eq(wait_for(own), 0);
            for (int j = 0; j < 3; j++)
                cr_assert_eq(errors[j], FILCH_EDEADLK, "%s: %d", kind_names[kind], j);
            group_end(own);
            backend_destroy(&backend);
        }
}

/* ---- Errors ------------------------------------------------------------------------------ */

Test(group, keeps_the_first_error_and_its_text)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_group *group = group_on(backend.executor);
        struct complaint first = {5, "the first"}, second = {6, "the second"};
        int code = 1;
        cr_assert_null(filch_group_error(group, &code));
        cr_assert_eq(code, 0);
        atomic_store(&ran, 0);
        submit_in(group, count, NULL);
        submit_in(group, complain, &first);
        submit_in(group, complain, &second);
        submit_in(group, count, NULL);
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(wait_for(group), 5);
            cr_assert_str_eq(filch_group_error(group, &code), "the first");
            cr_assert_eq(code, 5);
            cr_assert_str_eq(filch_group_error(group, NULL), "the first");
        }
        cr_assert_eq(atomic_load(&ran), 2, "an error does not stop the others");
        submit_in(group, count, NULL);
        cr_assert_eq(wait_for(group), 5, "it stays");
        group_end(group);
        backend_destroy(&backend);
    }
}

Test(group, an_error_without_a_text_has_that_of_its_code)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    submit_in(group, same, filch_fail(9, "of nobody's"));
    cr_assert_eq(wait_for(group), FILCH_EINVAL);
    cr_assert_str_eq(filch_group_error(group, NULL), filch_strerror(FILCH_EINVAL));
    group_end(group);
    destroy(executor);
}

Test(group, a_long_text_is_cut)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    char words[400] = {0};
    memset(words, 'x', sizeof words - 1);
    submit_in(group, complain, &(struct complaint){5, words});
    cr_assert_eq(wait_for(group), 5);
    cr_assert_eq(strlen(filch_group_error(group, NULL)), 255);
    group_end(group);
    destroy(executor);
}

Test(group, without_a_function_nothing_is_submitted)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    cr_assert_eq(filch_group_submit(group, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(wait_for(group), 0);
    group_end(group);
    destroy(executor);
}

/* ---- Many at once ------------------------------------------------------------------------ */

Test(group, takes_many_tasks_at_once)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_group *group = group_on(backend.executor);
        void *arguments[1000];
        size_t submitted = 0;
        memset(plain, 0, sizeof plain);
        for (int i = 0; i < 1000; i++)
            arguments[i] = &plain[i];
        cr_assert_eq(filch_group_submit_many(group, set_plain, arguments, 1000, &submitted), 0);
        memset(arguments, 0, sizeof arguments); /* they may go */
        cr_assert_eq(submitted, 1000);
        cr_assert_eq(wait_for(group), 0);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(plain[i], 1);
        group_end(group);
        backend_destroy(&backend);
    }
}

Test(group, many_at_once_may_be_none)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    void *argument = NULL;
    size_t submitted = 9;
    cr_assert_eq(filch_group_submit_many(group, count, NULL, 0, &submitted), 0);
    cr_assert_eq(submitted, 0);
    cr_assert_eq(filch_group_submit_many(group, count, &argument, 0, NULL), 0);
    cr_assert_eq(filch_group_submit_many(group, NULL, &argument, 1, &submitted), FILCH_EINVAL);
    cr_assert_eq(filch_group_submit_many(group, count, NULL, 1, &submitted), FILCH_EINVAL);
    cr_assert_eq(submitted, 0);
    group_end(group);
    destroy(executor);
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(group, says_how_many_of_many_fitted)
{
    struct filch_executor_options options = {.max_queued = 3, .when_full = FILCH_FULL_REJECT};
    struct filch_executor *executor = executor_with(1, &options);
    struct filch_future *held = occupy_executor(executor);
    struct filch_group *group = group_on(executor);
    void *arguments[5] = {NULL};
    size_t submitted = 9;
    cr_assert_eq(filch_group_submit_many(group, count, arguments, 5, &submitted), FILCH_EFULL);
    cr_assert_eq(submitted, 3);
    sem_post(&leave);
    filch_future_release(held);
    cr_assert_eq(wait_for(group), 0);
    cr_assert_eq(atomic_load(&ran), 3);
    group_end(group);
    destroy(executor);
}

/* ---- Cancelling -------------------------------------------------------------------------- */

static void *hold_and_ask(void *answers)
{
    ((bool *)answers)[0] = filch_cancelled();
    hold(NULL);
    ((bool *)answers)[1] = filch_cancelled();
    return NULL;
}

/* By its own token, by the one above, and by a deadline. */
enum cancel_how { OWN_TOKEN, PARENT, DEADLINE, CANCEL_HOWS };

Test(group, cancelling_it_tells_what_runs_and_skips_the_rest)
{
    for (enum cancel_how how = 0; how < CANCEL_HOWS; how++) {
        struct filch_executor *executor = executor_of(1);
        struct filch_token *parent;
        struct filch_group *group;
        bool answers[2] = {true, false};
        int code = 0;
        cr_assert_eq(filch_token_create(NULL, &parent), 0);
        cr_assert_eq(filch_group_create(executor, parent, &group), 0);
        submit_in(group, hold_and_ask, answers);
        await_signal(&entered);
        for (int i = 0; i < 10; i++)
            submit_in(group, count, NULL);
        if (how == OWN_TOKEN)
            filch_token_cancel(filch_group_token(group));
        else if (how == PARENT)
            filch_token_cancel(parent);
        else
            cr_assert_eq(filch_token_set_deadline(filch_group_token(group), 0), 0);
        sem_post(&leave);
        cr_assert_eq(wait_for(group), FILCH_ECANCELED);
        cr_assert_str_eq(filch_group_error(group, &code), filch_strerror(FILCH_ECANCELED));
        cr_assert_eq(code, FILCH_ECANCELED);
        cr_assert_not(answers[0]);
        cr_assert(answers[1]);
        cr_assert_eq(atomic_load(&ran), 0);
        cr_assert_eq(filch_token_cancelled(parent), how == PARENT, "nothing goes upwards");
        submit_in(group, count, NULL);
        cr_assert_eq(wait_for(group), FILCH_ECANCELED);
        cr_assert_eq(atomic_load(&ran), 0);
        group_end(group);
        filch_token_release(parent);
        destroy(executor);
    }
}

Test(group, an_error_before_it_is_cancelled_stays_the_first)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    submit_in(group, complain, &(struct complaint){5, "why"});
    cr_assert_eq(wait_for(group), 5);
    filch_token_cancel(filch_group_token(group));
    submit_in(group, count, NULL);
    cr_assert_eq(wait_for(group), 5);
    group_end(group);
    destroy(executor);
}

Test(group, inline_does_not_run_what_is_cancelled)
{
    struct backend backend = backend_of(INLINE, 0);
    struct filch_group *group = group_on(backend.executor);
    filch_token_cancel(filch_group_token(group));
    submit_in(group, count, NULL);
    cr_assert_eq(wait_for(group), FILCH_ECANCELED);
    cr_assert_eq(atomic_load(&ran), 0);
    group_end(group);
    backend_destroy(&backend);
}

Test(group, its_token_outlives_it_where_others_keep_it)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    struct filch_token *token = filch_token_retain(filch_group_token(group)), *below;
    cr_assert_eq(filch_token_create(token, &below), 0);
    group_end(group);
    filch_token_cancel(token);
    cr_assert(filch_token_cancelled(below));
    filch_token_release(token);
    filch_token_release(below);
    destroy(executor);
}

/* ---- Beside forked tasks ----------------------------------------------------------------- */

FILCH_TASK(int, fib, int, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    int b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

static void *run_fib(void *result)
{
    *(int *)result = FILCH_RUN(filch_pool_current(), fib, 15);
    return NULL;
}

Test(group, its_tasks_may_fork)
{
    struct filch_executor *executor = executor_of(2);
    struct filch_group *group = group_on(executor);
    int results[20] = {0};
    for (int i = 0; i < 20; i++)
        submit_in(group, run_fib, &results[i]);
    cr_assert_eq(wait_for(group), 0);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(results[i], 610);
    group_end(group);
    destroy(executor);
}
