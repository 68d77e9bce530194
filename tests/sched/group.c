/* SPDX-License-Identifier: MIT
 *
 * Groups: tasks without a future each, waited for and cancelled as a whole. */
#include "executor.h"

#include <filch/cancel.h>
#include <filch/group.h>
#include <filch/sync.h>
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

static struct filch_mutex mutex;

static void *ask_for_lock(void *argument)
{
    cr_assert_eq(filch_mutex_lock(&mutex, FILCH_FOREVER), 0);
    cr_assert_eq(filch_mutex_unlock(&mutex), 0);
    return argument;
}

/* Its tasks stand behind others, which ask for the lock that it holds. */
static void *wait_with_lock(void *group)
{
    cr_assert_eq(filch_mutex_lock(&mutex, FILCH_FOREVER), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(filch_executor_submit(executor_of_all, ask_for_lock, NULL, NULL), 0);
    for (int i = 0; i < 100; i++)
        submit_in(group, count, NULL);
    int error = wait_for(group);
    cr_assert_eq(filch_mutex_unlock(&mutex), 0);
    return (void *)(intptr_t)error;
}

Test(group, the_only_worker_may_wait_for_it_with_a_lock)
{
    filch_mutex_init(&mutex);
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_group *group = group_on(backend.executor);
        executor_of_all = backend.executor;
        atomic_store(&ran, 0);
        cr_assert_null(result_of(submit_to(executor_of_all, wait_with_lock, group)));
        cr_assert_eq(atomic_load(&ran), 100);
        group_end(group);
        backend_destroy(&backend);
    }
    filch_mutex_fini(&mutex);
}

/* One below the other, each with a part of the stack. */
static void *nest_deep(void *depth)
{
    volatile char stack[8192];
    stack[0] = stack[sizeof stack - 1] = 1;
    struct filch_group *group = group_on(executor_of_all);
    if (depth)
        submit_in(group, nest_deep, (char *)depth - stack[0]);
    int error = wait_for(group);
    group_end(group);
    atomic_fetch_add(&ran, stack[sizeof stack - 1]);
    return error ? filch_fail(error, "nested") : NULL;
}

Test(group, tasks_may_have_groups_deeper_than_a_stack)
{
    struct filch_executor_options options = {.stack_size = 256 << 10, .spares = 100};
    executor_of_all = executor_with(1, &options);
    cr_assert_eq(error_of(submit_to(executor_of_all, nest_deep, (void *)100)), 0);
    cr_assert_eq(atomic_load(&ran), 101);
    destroy(executor_of_all);
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

static void assert_refuses(struct filch_group *group)
{
    void *arguments[3] = {NULL};
    size_t submitted = 9;
    cr_assert_eq(filch_group_submit(group, count, NULL), FILCH_ECANCELED);
    cr_assert_eq(filch_group_submit_many(group, count, arguments, 3, &submitted),
                 FILCH_ECANCELED);
    cr_assert_eq(submitted, 0);
}

Test(group, keeps_the_first_failure_and_its_text)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_group *group = group_on(backend.executor);
        int code = 1;
        cr_assert_null(filch_group_error(group, &code));
        cr_assert_eq(code, 0);
        submit_in(group, complain, &(struct complaint){5, "the first"});
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(wait_for(group), 5);
            cr_assert_str_eq(filch_group_error(group, &code), "the first");
            cr_assert_eq(code, 5);
            cr_assert_str_eq(filch_group_error(group, NULL), "the first");
            assert_refuses(group);
        }
        cr_assert_eq(filch_group_skipped(group), 0, "what is refused was not submitted");
        group_end(group);
        backend_destroy(&backend);
    }
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(group, a_failure_keeps_the_rest_from_being_run)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_token *parent;
        struct filch_group *group;
        struct complaint complaints[] = {{5, "the first"}, {6, "the second"}};
        struct filch_future *held = occupy_executor(backend.executor);
        cr_assert_eq(filch_token_create(NULL, &parent), 0);
        cr_assert_eq(filch_group_create(backend.executor, parent, &group), 0);
        atomic_store(&ran, 0);
        submit_in(group, count, NULL);
        for (int i = 0; i < 2; i++) {
            submit_in(group, complain, &complaints[i]);
            submit_in(group, count, NULL);
        }
        sem_post(&leave);
        cr_assert_eq(wait_for(group), 5, "%s", kind_names[kind]);
        cr_assert_eq(atomic_load(&ran), 1);
        cr_assert_eq(filch_group_skipped(group), 3);
        cr_assert_eq(filch_group_errors(group, NULL, 0), 1, "the skipped are no failures");
        cr_assert(filch_token_cancelled(filch_group_token(group)));
        cr_assert_not(filch_token_cancelled(parent), "nothing goes upwards");
        group_end(group);
        filch_token_release(parent);
        (void)result_of(held);
        backend_destroy(&backend);
    }
}

static void *run_until_cancelled(void *code)
{
    sem_post(&entered);
    while (!filch_cancelled())
        sched_yield();
    return *(int *)code ? filch_fail(*(int *)code, "on being told") : count(NULL);
}

/* One runs on and succeeds, one has a failure of its own, one gives up. */
Test(group, a_failure_tells_what_runs)
{
    struct filch_executor *executor = executor_of(4);
    struct filch_group *group = group_on(executor);
    struct filch_group_failure failures[3];
    int codes[] = {0, 6, FILCH_ECANCELED};
    for (size_t i = 0; i < COUNT(codes); i++) {
        submit_in(group, run_until_cancelled, &codes[i]);
        await_signal(&entered);
    }
    submit_in(group, complain, &(struct complaint){5, "why"});
    cr_assert_eq(wait_for(group), 5);
    cr_assert_eq(atomic_load(&ran), 1);
    cr_assert_eq(filch_group_errors(group, failures, 3), 2);
    cr_assert_eq(failures[0].code, 5);
    cr_assert_eq(failures[1].code, 6);
    cr_assert_str_eq(failures[1].text, "on being told");
    cr_assert_eq(filch_group_skipped(group), 1, "who gives up has not failed");
    group_end(group);
    destroy(executor);
}

/* Tasks that fail when it is their turn. */
enum { FAILING = 6 };
static sem_t turns[FAILING];

static void *fail_in_turn(void *place)
{
    int number = *(int *)place;
    sem_post(&entered);
    await_signal(&turns[number]);
    return filch_fail(number + 1, "%0*d", 100 * number, number); /* some are long */
}

Test(group, keeps_all_failures_in_their_order)
{
    static const int order[FAILING] = {3, 0, 5, 4, 1, 2};
    struct filch_executor *executor = executor_of(FAILING);
    struct filch_group *group = group_on(executor);
    struct filch_group_failure failures[FAILING + 1], again[FAILING];
    cr_assert_eq(filch_group_errors(group, failures, 3), 0);
    for (int i = 0; i < FAILING; i++)
        sem_init(&turns[i], 0, 0);
    for (int i = 0; i < FAILING; i++) {
        submit_in(group, fail_in_turn, (int *)&order[i]);
        await_signal(&entered);
    }
    for (size_t i = 0; i < FAILING; i++) {
        sem_post(&turns[order[i]]);
        while (filch_group_errors(group, failures, FAILING) == i)
            sched_yield();
        for (size_t j = 0; j <= i; j++)
            cr_assert_eq(failures[j].code, order[j] + 1);
    }
    cr_assert_eq(wait_for(group), order[0] + 1);
    cr_assert_eq(filch_group_errors(group, again, FAILING), FAILING);
    for (int i = 0; i < FAILING; i++) {
        size_t length = order[i] ? 100 * (size_t)order[i] : 1;
        cr_assert_eq(again[i].text, failures[i].text, "texts stay");
        cr_assert_eq(strlen(again[i].text), length < 255 ? length : 255);
    }
    cr_assert_str_eq(filch_group_error(group, NULL), again[0].text);
    for (size_t room = 0; room <= FAILING; room++) {
        memset(failures, 0, sizeof failures);
        cr_assert_eq(filch_group_errors(group, room ? failures : NULL, room), FAILING);
        for (size_t i = 0; i <= FAILING; i++)
            cr_assert_eq(failures[i].code, i < room ? order[i] + 1 : 0);
    }
    group_end(group);
    destroy(executor);
}

Test(group, who_gives_up_is_skipped_and_stops_nobody)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_group *group = group_on(backend.executor);
        int code = 0;
        atomic_store(&ran, 0);
        submit_in(group, complain, &(struct complaint){FILCH_ECANCELED, "by its future"});
        submit_in(group, count, NULL);
        cr_assert_eq(wait_for(group), FILCH_ECANCELED);
        cr_assert_eq(atomic_load(&ran), 1);
        cr_assert_eq(filch_group_skipped(group), 1);
        cr_assert_eq(filch_group_errors(group, NULL, 0), 0);
        cr_assert_str_eq(filch_group_error(group, &code), filch_strerror(FILCH_ECANCELED));
        cr_assert_eq(code, FILCH_ECANCELED);
        cr_assert_not(filch_token_cancelled(filch_group_token(group)));
        submit_in(group, complain, &(struct complaint){5, "a failure"});
        cr_assert_eq(wait_for(group), 5, "a failure counts more");
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
        cr_assert_eq(filch_group_skipped(group), 10);
        cr_assert_eq(filch_group_errors(group, NULL, 0), 0);
        assert_refuses(group);
        cr_assert_eq(wait_for(group), FILCH_ECANCELED);
        cr_assert_eq(atomic_load(&ran), 0);
        group_end(group);
        filch_token_release(parent);
        destroy(executor);
    }
}

Test(group, that_is_cancelled_before_takes_no_tasks)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_group *group = group_on(backend.executor);
        cr_assert_eq(filch_group_submit(group, NULL, NULL), FILCH_EINVAL);
        filch_token_cancel(filch_group_token(group));
        assert_refuses(group);
        cr_assert_eq(wait_for(group), 0, "nothing was submitted");
        cr_assert_eq(filch_group_skipped(group), 0);
        group_end(group);
        backend_destroy(&backend);
    }
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(group, that_is_cancelled_when_all_has_been_run_has_no_error)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    submit_in(group, count, NULL);
    cr_assert_eq(wait_for(group), 0);
    filch_token_cancel(filch_group_token(group));
    cr_assert_eq(wait_for(group), 0);
    cr_assert_null(filch_group_error(group, NULL));
    group_end(group);
    destroy(executor);
}

Test(group, a_deadline_stops_what_runs_and_skips_the_rest)
{
    for (int patient = 0; patient < 2; patient++) {
        struct filch_executor *executor = executor_of(1);
        struct filch_group *group = group_on(executor);
        atomic_store(&ran, 0);
        submit_in(group, run_until_cancelled, &(int){0});
        await_signal(&entered);
        if (!patient)
            submit_in(group, count, NULL);
        cr_assert_eq(filch_token_set_deadline(filch_group_token(group), 0.002), 0);
        cr_assert_eq(wait_for(group), patient ? 0 : FILCH_ECANCELED);
        cr_assert_eq(atomic_load(&ran), 1);
        cr_assert_eq(filch_group_skipped(group), !patient);
        assert_refuses(group);
        cr_assert_eq(filch_token_set_deadline(filch_group_token(group), FILCH_FOREVER), 0);
        submit_in(group, count, NULL);
        cr_assert_eq(wait_for(group), patient ? 0 : FILCH_ECANCELED);
        cr_assert_eq(atomic_load(&ran), 2, "the deadline was moved");
        group_end(group);
        destroy(executor);
    }
}

/* ---- In each other ------------------------------------------------------------------------- */

/* A group in a task of the one around: one of its tasks runs until it is told to stop. */
struct inner {
    struct filch_executor *executor;
    struct filch_token *parent;
    int error;
    size_t skipped;
};

static void *run_inner(void *argument)
{
    struct inner *inner = argument;
    struct filch_group *group;
    int none = 0;
    cr_assert_eq(filch_group_create(inner->executor, inner->parent, &group), 0);
    submit_in(group, run_until_cancelled, &none);
    for (int i = 0; i < 5; i++)
        submit_in(group, count, NULL);
    inner->error = wait_for(group);
    inner->skipped = filch_group_skipped(group);
    group_end(group);
    return inner->error ? filch_fail(inner->error, "inner") : NULL;
}

Test(group, a_failure_cancels_the_groups_below)
{
    struct filch_executor *outside = executor_of(2), *inside = executor_of(1);
    struct filch_group *group = group_on(outside);
    struct inner inner = {.executor = inside, .parent = filch_group_token(group)};
    submit_in(group, run_inner, &inner);
    await_signal(&entered);
    submit_in(group, complain, &(struct complaint){5, "outside"});
    cr_assert_eq(wait_for(group), 5);
    cr_assert_eq(inner.error, FILCH_ECANCELED);
    cr_assert_eq(inner.skipped, 5);
    cr_assert_eq(atomic_load(&ran), 1);
    cr_assert_eq(filch_group_errors(group, NULL, 0), 1, "below it nothing has failed");
    cr_assert_eq(filch_group_skipped(group), 1);
    group_end(group);
    destroy(outside);
    destroy(inside);
}

static void *fail_inner(void *argument)
{
    struct inner *inner = argument;
    struct filch_group *group;
    cr_assert_eq(filch_group_create(inner->executor, inner->parent, &group), 0);
    submit_in(group, complain, &(struct complaint){6, "inside"});
    inner->error = wait_for(group);
    cr_assert(filch_token_cancelled(filch_group_token(group)));
    cr_assert_not(filch_cancelled());
    group_end(group);
    return count(NULL);
}

Test(group, a_failure_below_is_its_tasks_affair)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    struct inner inner = {.executor = executor, .parent = filch_group_token(group)};
    for (int i = 0; i < 3; i++) {
        submit_in(group, fail_inner, &inner);
        cr_assert_eq(wait_for(group), 0);
        cr_assert_eq(inner.error, 6);
    }
    cr_assert_eq(atomic_load(&ran), 3);
    group_end(group);
    destroy(executor);
}

/* Without a parent a group is on its own, also in a task of another one. */
static void *run_alone(void *argument)
{
    struct inner *inner = argument;
    struct filch_group *group = group_on(inner->executor);
    hold(NULL);
    cr_assert(filch_cancelled());
    submit_in(group, count, NULL);
    inner->error = wait_for(group);
    group_end(group);
    return NULL;
}

Test(group, without_a_parent_is_not_cancelled_with_the_one_around)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = group_on(executor);
    struct inner inner = {.executor = executor, .error = 9};
    submit_in(group, run_alone, &inner);
    await_signal(&entered);
    filch_token_cancel(filch_group_token(group));
    sem_post(&leave);
    cr_assert_eq(wait_for(group), 0);
    cr_assert_eq(inner.error, 0);
    cr_assert_eq(atomic_load(&ran), 1);
    group_end(group);
    destroy(executor);
}

/* ---- Its token ----------------------------------------------------------------------------- */

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
