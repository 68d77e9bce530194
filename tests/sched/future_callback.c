/* SPDX-License-Identifier: MIT
 *
 * Done callbacks: when they are called, in which order, on which thread, and what they may do. */
#include "executor.h"

#include <filch/cancel.h>

TestSuite(future_callback, .init = setup);

/* What callbacks write down, one after another. */
static struct {
    struct filch_future *future;
    void *argument;
    pthread_t thread;
    enum filch_future_state state;
} notes[16];
static _Atomic(int) noted;

static void note(struct filch_future *future, void *argument)
{
    int i = atomic_load(&noted); /* callbacks of one future come one after another */
    cr_assert_lt(i, (int)COUNT(notes));
    notes[i].future = future;
    notes[i].argument = argument;
    notes[i].thread = pthread_self();
    notes[i].state = filch_future_state(future);
    atomic_store(&noted, i + 1);
}

static void add(struct filch_future *future, filch_done_fn *fn, void *argument)
{
    cr_assert_eq(filch_future_add_done_callback(future, fn, argument), 0);
}

static char marks[8]; /* whose addresses tell arguments apart */

enum end { RESULT, ERROR, CANCEL, ENDS };

static void complete(struct filch_future *future, enum end end)
{
    if (end == RESULT)
        cr_assert_eq(filch_future_set_result(future, &noted), 0);
    else if (end == ERROR)
        cr_assert_eq(filch_future_set_error(future, 5, "doh"), 0);
    else
        cr_assert(filch_future_cancel(future));
}

/* ---- When, and in which order -------------------------------------------------------------- */

static void read_outcome(struct filch_future *future, void *argument)
{
    void *result = UNTOUCHED;
    int *outcome = argument;
    outcome[0] = filch_future_result(future, 0, &result);
    outcome[1] = result == &noted;
    outcome[2] = filch_future_cancelled(future);
}

Test(future_callback, knows_how_its_future_has_ended)
{
    static const int expected[ENDS][3] = {{0, 1, 0}, {5, 0, 0}, {FILCH_ECANCELED, 0, 1}};
    for (enum end end = 0; end < ENDS; end++)
        for (int late = 0; late < 2; late++) {
            struct filch_future *future = manual();
            int outcome[3] = {-1, -1, -1};
            if (late)
                complete(future, end);
            add(future, read_outcome, outcome);
            if (!late) {
                cr_assert_eq(outcome[0], -1, "not before the end");
                complete(future, end);
            }
            cr_assert_arr_eq(outcome, expected[end], sizeof outcome, "%d %d", end, late);
            filch_future_release(future);
        }
}

Test(future_callback, they_are_called_in_the_order_in_which_they_were_added)
{
    for (enum end end = 0; end < ENDS; end++) {
        struct filch_future *future = manual();
        atomic_store(&noted, 0);
        for (int i = 0; i < 8; i++)
            add(future, note, &marks[i]);
        cr_assert_eq(atomic_load(&noted), 0);
        complete(future, end);
        cr_assert_eq(atomic_load(&noted), 8);
        for (int i = 0; i < 8; i++) {
            cr_assert_eq(notes[i].future, future);
            cr_assert_eq(notes[i].argument, &marks[i]);
        }
        filch_future_release(future);
    }
}

Test(future_callback, one_that_was_added_twice_is_called_twice)
{
    struct filch_future *future = manual();
    add(future, note, marks);
    add(future, note, marks);
    complete(future, RESULT);
    add(future, note, marks);
    cr_assert_eq(atomic_load(&noted), 3);
    filch_future_release(future);
}

Test(future_callback, none_is_called_twice)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *held = occupy_executor(executor);
    struct filch_future *future = submit_to(executor, count, NULL);
    add(future, note, NULL);
    cr_assert(filch_future_cancel(future));
    cr_assert_eq(atomic_load(&noted), 1);
    cr_assert(filch_future_cancel(future));
    sem_post(&leave);
    destroy(executor); /* its worker has seen the future by now */
    cr_assert_eq(filch_future_state(future), FILCH_CANCELLED_AND_NOTIFIED);
    cr_assert_eq(atomic_load(&noted), 1);
    filch_future_release(future);
    filch_future_release(held);
}

static void increment(struct filch_future *future, void *argument)
{
    (void)future;
    ++*(int *)argument;
}

Test(future_callback, there_may_be_100000)
{
    struct filch_future *future = manual();
    int called = 0;
    for (int i = 0; i < 100000; i++)
        add(future, increment, &called);
    complete(future, RESULT);
    cr_assert_eq(called, 100000);
    filch_future_release(future);
}

Test(future_callback, is_not_called_where_the_future_goes_without_an_end)
{
    struct filch_future *future = manual();
    add(future, note, NULL);
    filch_future_release(future);
    cr_assert_eq(atomic_load(&noted), 0);
}

Test(future_callback, without_a_function_is_refused)
{
    struct filch_future *future = manual();
    cr_assert_eq(filch_future_add_done_callback(future, NULL, NULL), FILCH_EINVAL);
    complete(future, RESULT);
    cr_assert_eq(filch_future_add_done_callback(future, NULL, NULL), FILCH_EINVAL);
    filch_future_release(future);
}

static _Atomic(int) calls;
static pthread_barrier_t start;

static void count_call(struct filch_future *future, void *argument)
{
    (void)future, (void)argument;
    atomic_fetch_add(&calls, 1);
}

static void *add_100(void *argument)
{
    pthread_barrier_wait(&start);
    for (int i = 0; i < 100; i++)
        add(argument, count_call, NULL);
    return NULL;
}

Test(future_callback, one_that_is_added_while_the_future_ends_is_called_once)
{
    pthread_barrier_init(&start, NULL, 2);
    for (int round = 0; round < 200; round++) {
        struct filch_future *future = manual();
        pthread_t thread;
        atomic_store(&calls, 0);
        cr_assert_eq(pthread_create(&thread, NULL, add_100, future), 0);
        pthread_barrier_wait(&start);
        complete(future, RESULT);
        pthread_join(thread, NULL);
        cr_assert_eq(atomic_load(&calls), 100);
        filch_future_release(future);
    }
}

/* ---- On which thread ----------------------------------------------------------------------- */

static void *complete_it(void *future)
{
    complete(future, RESULT);
    return NULL;
}

Test(future_callback, is_called_on_the_thread_that_completes_the_future)
{
    struct filch_future *future = manual();
    pthread_t thread;
    add(future, note, NULL);
    cr_assert_eq(pthread_create(&thread, NULL, complete_it, future), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(atomic_load(&noted), 1);
    cr_assert(pthread_equal(notes[0].thread, thread));
    filch_future_release(future);
}

Test(future_callback, is_called_on_the_thread_that_cancels_the_future)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *held = occupy_executor(executor);
    struct filch_future *future = submit_to(executor, count, NULL);
    add(future, note, NULL);
    cr_assert(filch_future_cancel(future));
    cr_assert_eq(atomic_load(&noted), 1);
    cr_assert(pthread_equal(notes[0].thread, pthread_self()));
    sem_post(&leave);
    filch_future_release(future);
    filch_future_release(held);
    destroy(executor);
}

static void *thread_of_worker(void *argument)
{
    *(pthread_t *)argument = pthread_self();
    return hold(argument);
}

Test(future_callback, is_called_by_the_worker_that_runs_the_task)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        pthread_t worker;
        struct filch_future *future = submit_to(backend.executor, thread_of_worker, &worker);
        atomic_store(&noted, 0);
        await_signal(&entered);
        add(future, note, NULL);
        sem_post(&leave);
        backend_destroy(&backend);
        cr_assert_eq(atomic_load(&noted), 1);
        cr_assert(pthread_equal(notes[0].thread, worker));
        cr_assert_eq(notes[0].state, FILCH_FINISHED);
        filch_future_release(future);
    }
}

Test(future_callback, is_called_here_and_now_where_the_future_has_ended)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *future = submit_to(executor, same, NULL);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
    add(future, note, NULL);
    cr_assert_eq(atomic_load(&noted), 1);
    cr_assert(pthread_equal(notes[0].thread, pthread_self()));
    filch_future_release(future);
    destroy(executor);
}

/* ---- What they may do ---------------------------------------------------------------------- */

static void fail_it(struct filch_future *future, void *argument)
{
    note(future, argument);
    (void)filch_fail(9, "a callback's own");
}

Test(future_callback, one_that_fails_does_not_stop_the_others)
{
    struct filch_future *future = manual();
    add(future, fail_it, &marks[0]);
    add(future, note, &marks[1]);
    add(future, fail_it, &marks[2]);
    complete(future, RESULT);
    cr_assert_eq(filch_future_result(future, 0, NULL), 0);
    add(future, fail_it, &marks[3]);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(notes[i].argument, &marks[i]);
    filch_future_release(future);
}

Test(future_callback, one_that_fails_leaves_its_task_alone)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *good = occupy_executor(executor);
    struct filch_future *bad = submit_to(executor, complain, &(struct complaint){5, "why"});
    add(good, fail_it, NULL);
    add(bad, fail_it, NULL);
    sem_post(&leave);
    destroy(executor);
    cr_assert_eq(atomic_load(&noted), 2);
    cr_assert_eq(filch_future_result(bad, 0, NULL), 5);
    cr_assert_str_eq(filch_future_error(bad, 0, NULL), "why");
    cr_assert_eq(result_of(good), &untouched);
    filch_future_release(bad);
}

/* A task that has a failure at hand while it completes another future, whose callback fails. */
static void *complete_and_fail(void *argument)
{
    void *failure = filch_fail(5, "why");
    complete(argument, RESULT);
    add(argument, fail_it, NULL);
    return failure;
}

Test(future_callback, one_that_fails_leaves_the_task_alone_that_completes_its_future)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *future = manual();
    add(future, fail_it, NULL);
    struct filch_future *task = submit_to(executor, complete_and_fail, future);
    cr_assert_str_eq(filch_future_error(task, FILCH_FOREVER, NULL), "why");
    cr_assert_eq(error_of(task), 5);
    cr_assert_eq(atomic_load(&noted), 2);
    filch_future_release(future);
    destroy(executor);
}

static void *wait_with_failure(void *argument)
{
    void *failure = filch_fail(5, "why");
    (void)filch_future_result(*(struct filch_future **)argument, FILCH_FOREVER, NULL);
    return failure;
}

Test(future_callback, one_that_fails_leaves_the_task_alone_that_waits_meanwhile)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *held = occupy_executor(executor), *future;
    struct filch_future *task = submit_to(executor, wait_with_failure, &future);
    future = submit_to(executor, same, NULL); /* the worker runs it in `task` */
    add(future, fail_it, NULL);
    sem_post(&leave);
    cr_assert_str_eq(filch_future_error(task, FILCH_FOREVER, NULL), "why");
    cr_assert_eq(error_of(task), 5);
    filch_future_release(future);
    filch_future_release(held);
    destroy(executor);
}

static void cancel_own(struct filch_future *future, void *argument)
{
    *(int *)argument = filch_future_cancel(future) + 2 * filch_future_stop(future);
}

Test(future_callback, may_cancel_its_own_future_to_no_effect)
{
    for (enum end end = 0; end < ENDS; end++) {
        struct filch_future *future = manual();
        int answers = -1;
        add(future, cancel_own, &answers);
        complete(future, end);
        cr_assert_eq(answers, end == CANCEL ? 3 : 0);
        cr_assert_eq(filch_future_state(future),
                     end == CANCEL ? FILCH_CANCELLED : FILCH_FINISHED);
        filch_future_release(future);
    }
}

static void set_again(struct filch_future *future, void *argument)
{
    *(int *)argument = filch_future_set_result(future, NULL);
}

Test(future_callback, cannot_complete_its_own_future_again)
{
    struct filch_future *future = manual();
    int error = 0;
    add(future, set_again, &error);
    complete(future, ERROR);
    cr_assert_eq(error, FILCH_ESTATE);
    cr_assert_eq(filch_future_result(future, 0, NULL), 5);
    filch_future_release(future);
}

static void add_another(struct filch_future *future, void *argument)
{
    note(future, argument);
    add(future, note, &marks[7]);
}

Test(future_callback, may_add_one_which_is_called_at_once)
{
    struct filch_future *future = manual();
    add(future, add_another, &marks[0]);
    add(future, note, &marks[1]);
    complete(future, RESULT);
    cr_assert_eq(atomic_load(&noted), 3);
    cr_assert_eq(notes[0].argument, &marks[0]);
    cr_assert_eq(notes[1].argument, &marks[7]);
    cr_assert_eq(notes[2].argument, &marks[1]);
    filch_future_release(future);
}

static void complete_another(struct filch_future *future, void *argument)
{
    note(future, &marks[0]);
    complete(argument, RESULT);
    note(future, &marks[1]);
}

Test(future_callback, may_complete_another_future_whose_callbacks_come_in_between)
{
    struct filch_future *future = manual(), *other = manual();
    add(future, complete_another, other);
    add(other, note, &marks[2]);
    complete(future, RESULT);
    cr_assert_eq(atomic_load(&noted), 3);
    cr_assert_eq(notes[1].future, other);
    cr_assert_eq(notes[1].argument, &marks[2]);
    cr_assert_eq(notes[2].argument, &marks[1]);
    filch_future_release(future);
    filch_future_release(other);
}

static struct filch_future *submitted;
static struct filch_executor *own;

static void submit_more(struct filch_future *future, void *argument)
{
    (void)future;
    *(int *)argument = filch_executor_submit(own, same, &marks[3], &submitted);
    sem_post(&entered);
}

Test(future_callback, may_submit_to_the_executor_of_its_future)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *future = manual();
        int error = 1;
        own = backend.executor;
        if (kind != INLINE) { /* where nothing is ever pending */
            filch_future_release(future);
            future = occupy_executor(own);
            add(future, submit_more, &error);
            sem_post(&leave);
            cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
        } else {
            add(future, submit_more, &error);
            complete(future, RESULT);
        }
        await_signal(&entered);
        cr_assert_eq(error, 0);
        cr_assert_eq(result_of(submitted), &marks[3]);
        filch_future_release(future);
        backend_destroy(&backend);
    }
}

static void wait_for_more(struct filch_future *future, void *argument)
{
    struct filch_future *more = submit_to(own, same, argument);
    (void)future;
    submitted = result_of(more);
    sem_post(&entered);
}

Test(future_callback, on_the_only_worker_may_wait_for_a_task_of_that_worker)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        own = backend.executor;
        struct filch_future *future = occupy_executor(own);
        add(future, wait_for_more, &marks[4]);
        sem_post(&leave);
        await_signal(&entered);
        cr_assert_eq(submitted, (void *)&marks[4]);
        filch_future_release(future);
        backend_destroy(&backend);
    }
}

struct end_of_executor {
    int waited, told; /* what filch_executor_shutdown() returned */
};

static void shut_down_own(struct filch_future *future, void *argument)
{
    struct end_of_executor *end = argument;
    (void)future;
    end->waited = filch_executor_shutdown(own, true, false);
    end->told = filch_executor_shutdown(own, false, false);
    sem_post(&entered);
}

Test(future_callback, may_shut_down_its_executor_but_not_wait_for_that)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct end_of_executor end = {1, 1};
        own = backend.executor;
        struct filch_future *future = occupy_executor(own);
        add(future, shut_down_own, &end);
        sem_post(&leave);
        await_signal(&entered);
        cr_assert_eq(end.waited, FILCH_EDEADLK, "%s", kind_names[kind]);
        cr_assert_eq(end.told, 0);
        cr_assert_eq(filch_executor_submit(own, same, NULL, NULL), FILCH_ESHUTDOWN);
        filch_future_release(future);
        backend_destroy(&backend);
    }
}

static void release_it(struct filch_future *future, void *argument)
{
    (void)argument;
    filch_future_release(future);
}

Test(future_callback, may_release_a_reference_that_was_left_to_it)
{
    struct filch_executor *executor = executor_of(1);
    for (int i = 0; i < 100; i++) {
        struct filch_future *future = submit_to(executor, same, NULL);
        add(future, release_it, NULL);
    }
    destroy(executor);
}

static void ask_cancelled(struct filch_future *future, void *argument)
{
    (void)future;
    *(int *)argument = filch_cancelled();
}

Test(future_callback, called_outside_of_tasks_is_not_to_stop)
{
    struct filch_future *future = manual();
    int answer = 1;
    add(future, ask_cancelled, &answer);
    complete(future, RESULT);
    cr_assert_eq(answer, 0);
    filch_future_release(future);
}
