/* SPDX-License-Identifier: MIT
 *
 * How an executor ends: shutdown with and without waiting, destroy, detach, the end of the process,
 * and an initializer that fails. */
#include "executor.h"

#include <filch/cancel.h>
#include <filch/group.h>
#include <filch/wait.h>

#include <sys/mman.h>

TestSuite(executor_end, .init = setup);

static int shut_down(struct filch_executor *executor, bool wait, bool cancel_futures)
{
    return filch_executor_shutdown(executor, wait, cancel_futures);
}

/* ---- What a shutdown does ------------------------------------------------------------------ */

Test(executor_end, takes_no_task_after_a_shutdown)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_executor *executor = backend.executor;
        struct filch_task_options options = {.priority = FILCH_PRIORITY_HIGH};
        struct filch_future *future = UNTOUCHED;
        struct filch_group *group;
        cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
        cr_assert_eq(shut_down(executor, true, false), 0);
        cr_assert_eq(filch_executor_submit(executor, count, NULL, &future), FILCH_ESHUTDOWN);
        cr_assert_eq(filch_executor_submit(executor, count, NULL, NULL), FILCH_ESHUTDOWN);
        cr_assert_eq(filch_executor_submit_with(executor, &options, count, NULL, &future),
                     FILCH_ESHUTDOWN);
        cr_assert_eq(filch_group_submit(group, count, NULL), FILCH_ESHUTDOWN);
        cr_assert_eq(future, UNTOUCHED);
        cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), 0);
        cr_assert_eq(filch_group_destroy(group), 0);
        cr_assert_eq(atomic_load(&ran), 0);
        backend_destroy(&backend);
    }
}

Test(executor_end, a_shutdown_that_waits_runs_what_is_queued)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        atomic_store(&ran, 0);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(filch_executor_submit(backend.executor, count, NULL, NULL), 0);
        cr_assert_eq(shut_down(backend.executor, true, false), 0);
        cr_assert_eq(atomic_load(&ran), 1000, "%s", kind_names[kind]);
        backend_destroy(&backend);
    }
}

Test(executor_end, a_shutdown_that_does_not_wait_leaves_tasks_to_run)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *held = occupy_executor(backend.executor);
        struct filch_future *queued = submit_to(backend.executor, same, &held);
        cr_assert_eq(shut_down(backend.executor, false, false), 0);
        cr_assert(filch_future_running(held));
        cr_assert_eq(filch_future_state(queued), FILCH_PENDING);
        sem_post(&leave);
        cr_assert_eq(result_of(queued), &held);
        cr_assert_eq(result_of(held), &untouched);
        backend_destroy(&backend);
    }
}

Test(executor_end, a_shutdown_may_come_again_with_other_arguments)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        for (int i = 0; i < 16; i++)
            cr_assert_eq(shut_down(backend.executor, i & 1, i & 2), 0, "%d", i);
        backend_destroy(&backend);
    }
}

static void *shut_down_in_thread(void *executor)
{
    return (void *)(intptr_t)shut_down(executor, true, false);
}

Test(executor_end, several_threads_may_shut_it_down)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *held = occupy_executor(backend.executor);
        pthread_t threads[4];
        void *error;
        for (int i = 0; i < 4; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, shut_down_in_thread,
                                        backend.executor),
                         0);
        sem_post(&leave);
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], &error);
            cr_assert_null(error);
        }
        cr_assert_eq(filch_future_state(held), FILCH_FINISHED);
        filch_future_release(held);
        backend_destroy(&backend);
    }
}

Test(executor_end, threads_end_after_a_shutdown_that_waits_or_does_not)
{
    int before = threads_now();
    for (int wait = 0; wait < 2; wait++) {
        struct filch_executor *executor = executor_of(3);
        for (int i = 0; i < 3; i++)
            filch_future_release(occupy_executor(executor));
        await_threads(before + 3);
        if (!wait)
            cr_assert_eq(shut_down(executor, false, false), 0);
        for (int i = 0; i < 3; i++)
            sem_post(&leave);
        if (wait)
            cr_assert_eq(shut_down(executor, true, false), 0);
        await_threads(before); /* nobody joins them yet */
        destroy(executor);
    }
}

static struct filch_future *awaited;

static void *wait_for_awaited(void *argument)
{
    cr_assert_eq(filch_future_result(awaited, FILCH_FOREVER, NULL), 0);
    return argument;
}

static _Atomic(bool) returned;

static void *shut_down_and_say(void *executor)
{
    int error = shut_down(executor, true, false);
    atomic_store(&returned, true);
    return (void *)(intptr_t)error;
}

Test(executor_end, a_shutdown_that_waits_waits_for_a_task_that_sleeps)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 2);
        pthread_t thread;
        void *error;
        awaited = manual();
        atomic_store(&returned, false);
        struct filch_future *task = submit_to(backend.executor, wait_for_awaited, &error);
        await_waiter(awaited);
        cr_assert_eq(pthread_create(&thread, NULL, shut_down_and_say, backend.executor), 0);
        struct filch_pool *pool = filch_executor_pool(backend.executor);
        while (kind == THREADS && atomic_load(&pool->phase) == FI_OPEN)
            sched_yield();
        for (int i = 0; i < 1000; i++)
            sched_yield();
        cr_assert_not(atomic_load(&returned), "%s", kind_names[kind]);
        cr_assert_not(fi_pool_has_ended(pool), "%s", kind_names[kind]);
        cr_assert_eq(filch_future_set_result(awaited, NULL), 0);
        pthread_join(thread, &error);
        cr_assert_null(error);
        cr_assert(filch_future_done(task));
        cr_assert_eq(result_of(task), &error);
        filch_future_release(awaited);
        backend_destroy(&backend);
    }
}

/* ---- cancel_futures ------------------------------------------------------------------------ */

static _Atomic(int) calls;
static pthread_t caller;

static void note_call(struct filch_future *future, void *state)
{
    *(enum filch_future_state *)state = filch_future_state(future);
    caller = pthread_self();
    atomic_fetch_add(&calls, 1);
}

Test(executor_end, cancel_futures_cancels_what_has_not_started)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (int wait = 0; wait < 2; wait++) {
            struct backend backend = backend_of(kind, 1);
            struct filch_future *held = occupy_executor(backend.executor), *pending[30];
            enum filch_future_state state = FILCH_PENDING;
            atomic_store(&ran, 0);
            atomic_store(&calls, 0);
            for (int i = 0; i < 30; i++) {
                struct filch_task_options options = {.priority =
                                                         (enum filch_priority)(i % 3 - 1)};
                cr_assert_eq(filch_executor_submit_with(backend.executor, &options, count, NULL,
                                                        &pending[i]),
                             0);
                cr_assert_eq(filch_executor_submit(backend.executor, count, NULL, NULL), 0);
            }
            cr_assert_eq(filch_future_add_done_callback(pending[7], note_call, &state), 0);
            if (wait)
                sem_post(&leave); /* it may end before or after the shutdown comes */
            cr_assert_eq(shut_down(backend.executor, wait, true), 0);
            if (!wait) {
                cr_assert_eq(filch_future_state(held), FILCH_RUNNING);
                for (int i = 0; i < 30; i++)
                    cr_assert_eq(filch_future_state(pending[i]), FILCH_CANCELLED_AND_NOTIFIED);
                cr_assert_eq(atomic_load(&calls), 1);
                cr_assert_eq(state, FILCH_CANCELLED, "its executor has yet to see it");
                cr_assert(pthread_equal(caller, pthread_self()));
                sem_post(&leave);
                backend_destroy(&backend);
                cr_assert_eq(atomic_load(&ran), 0);
            } else {
                backend_destroy(&backend);
                cr_assert_eq(atomic_load(&calls), 1);
            }
            cr_assert_eq(result_of(held), &untouched, "what runs goes on");
            for (int i = 0; i < 30; i++) {
                cr_assert(filch_future_done(pending[i]));
                filch_future_release(pending[i]);
            }
        }
}

static void let_go(struct filch_future *future, void *argument)
{
    (void)future, (void)argument;
    sem_post(&leave);
}

Test(executor_end, cancel_futures_and_wait_ends_what_runs_and_cancels_the_rest)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *held = occupy_executor(backend.executor), *pending[30];
        for (int i = 0; i < 30; i++)
            pending[i] = submit_to(backend.executor, count, NULL);
        cr_assert_eq(filch_future_add_done_callback(pending[29], let_go, NULL), 0);
        cr_assert_eq(shut_down(backend.executor, true, true), 0);
        cr_assert_eq(filch_future_state(held), FILCH_FINISHED, "%s", kind_names[kind]);
        for (int i = 0; i < 30; i++) {
            cr_assert_eq(filch_future_state(pending[i]), FILCH_CANCELLED_AND_NOTIFIED);
            filch_future_release(pending[i]);
        }
        cr_assert_eq(result_of(held), &untouched);
        backend_destroy(&backend);
        cr_assert_eq(atomic_load(&ran), 0);
    }
}

Test(executor_end, cancel_futures_leaves_alone_what_has_ended)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct complaint complaint = {5, "why"};
        struct filch_future *good = submit_to(backend.executor, same, &complaint);
        struct filch_future *bad = submit_to(backend.executor, complain, &complaint);
        cr_assert_eq(filch_future_result(good, FILCH_FOREVER, NULL), 0);
        cr_assert_eq(filch_future_result(bad, FILCH_FOREVER, NULL), 5);
        cr_assert_eq(shut_down(backend.executor, true, true), 0);
        cr_assert_not(filch_future_cancelled(good) || filch_future_cancelled(bad));
        cr_assert_eq(result_of(good), &complaint);
        cr_assert_eq(error_of(bad), 5);
        backend_destroy(&backend);
    }
}

Test(executor_end, cancel_futures_may_come_after_a_shutdown_without)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *held = occupy_executor(executor);
    struct filch_future *pending = submit_to(executor, count, NULL);
    cr_assert_eq(shut_down(executor, false, false), 0);
    cr_assert_eq(filch_future_state(pending), FILCH_PENDING);
    cr_assert_eq(shut_down(executor, false, true), 0);
    cr_assert_eq(error_of(pending), FILCH_ECANCELED);
    sem_post(&leave);
    filch_future_release(held);
    destroy(executor);
}

Test(executor_end, cancel_futures_ends_groups)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *held = occupy_executor(backend.executor);
        struct filch_group *group;
        cr_assert_eq(filch_group_create(backend.executor, NULL, &group), 0);
        for (int i = 0; i < 30; i++)
            cr_assert_eq(filch_group_submit(group, count, NULL), 0);
        cr_assert_eq(shut_down(backend.executor, false, true), 0);
        cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), FILCH_ECANCELED);
        cr_assert_eq(filch_group_skipped(group), 30);
        cr_assert_eq(filch_group_destroy(group), 0);
        sem_post(&leave);
        filch_future_release(held);
        backend_destroy(&backend);
        cr_assert_eq(atomic_load(&ran), 0);
    }
}

static _Atomic(bool) shut;
static _Atomic(int) late;

static void *count_late(void *unused)
{
    if (atomic_load(&shut))
        atomic_fetch_add(&late, 1);
    return unused;
}

Test(executor_end, cancel_futures_also_cancels_what_a_worker_is_taking_out_of_the_queue)
{
    enum { WORKERS = 2, ROUNDS = 600, TASKS = 500 };
    for (int round = 0; round < ROUNDS; round++) {
        struct backend backend = backend_of(round % 2 ? SHARED : THREADS, WORKERS);
        struct filch_group *group;
        atomic_store(&shut, false);
        atomic_store(&late, 0);
        cr_assert_eq(filch_group_create(backend.executor, NULL, &group), 0);
        for (int i = 0; i < TASKS; i++)
            cr_assert_eq(filch_group_submit(group, count_late, NULL), 0);
        cr_assert_eq(shut_down(backend.executor, false, true), 0);
        atomic_store(&shut, true);
        (void)filch_group_wait(group, FILCH_FOREVER);
        cr_assert_leq(atomic_load(&late), WORKERS, "one each, which was about to begin");
        cr_assert_eq(filch_group_destroy(group), 0);
        backend_destroy(&backend);
    }
}

Test(executor_end, cancel_futures_leaves_the_others_of_a_pool_alone)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_executor *one, *two;
    cr_assert_eq(filch_executor_create_on(pool, NULL, &one), 0);
    cr_assert_eq(filch_executor_create_on(pool, NULL, &two), 0);
    struct filch_future *held = occupy(pool), *mine = submit_to(one, same, NULL);
    struct filch_future *others = submit_to(two, same, NULL), *pools = submit(pool, same, NULL);
    cr_assert_eq(shut_down(one, false, true), 0);
    sem_post(&leave);
    cr_assert_eq(error_of(mine), FILCH_ECANCELED);
    cr_assert_eq(error_of(others), 0);
    cr_assert_eq(error_of(pools), 0);
    filch_future_release(held);
    destroy(one);
    cr_assert_eq(result_of(submit_to(two, same, NULL)), NULL);
    destroy(two);
    cr_assert_eq(result_of(submit(pool, same, NULL)), NULL);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static struct filch_executor *own;

static void shut_down_own(struct filch_future *future, void *errors)
{
    (void)future;
    ((int *)errors)[0] = shut_down(own, true, true);
    ((int *)errors)[1] = shut_down(own, false, true);
    ((int *)errors)[2] = filch_executor_destroy(own);
}

Test(executor_end, a_callback_in_a_shutdown_cannot_wait_for_it)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        own = backend.executor;
        struct filch_future *held = occupy_executor(own), *pending = submit_to(own, same, NULL);
        int errors[] = {1, 1, 1};
        cr_assert_eq(filch_future_add_done_callback(pending, shut_down_own, errors), 0);
        cr_assert_eq(shut_down(own, false, true), 0);
        cr_assert_eq(errors[0], FILCH_EDEADLK, "%s", kind_names[kind]);
        cr_assert_eq(errors[1], 0);
        cr_assert_eq(errors[2], FILCH_EDEADLK);
        sem_post(&leave);
        filch_future_release(held);
        filch_future_release(pending);
        backend_destroy(&backend);
    }
}

Test(executor_end, a_task_cancelled_just_before_a_shutdown_does_not_keep_it)
{
    for (int round = 0; round < 200; round++) {
        struct filch_executor *executor = executor_of(1);
        struct filch_future *future;
        (void)result_of(submit_to(executor, same, NULL));
        future = submit_to(executor, same, NULL);
        (void)filch_future_cancel(future);
        cr_assert_eq(shut_down(executor, true, false), 0);
        cr_assert(filch_future_done(future));
        filch_future_release(future);
        destroy(executor);
    }
}

/* ---- From inside a task -------------------------------------------------------------------- */

static void *end_own(void *argument)
{
    int *errors = argument;
    struct filch_future *future;
    errors[0] = shut_down(own, true, true);
    errors[1] = filch_executor_destroy(own);
    errors[2] = filch_executor_submit(own, same, NULL, &future);
    (void)result_of(future);
    errors[3] = shut_down(own, false, false);
    errors[4] = filch_executor_submit(own, same, NULL, NULL);
    return argument;
}

Test(executor_end, a_task_may_shut_down_its_own_but_not_wait_for_that)
{
    static const int expected[] = {FILCH_EDEADLK, FILCH_EDEADLK, 0, 0, FILCH_ESHUTDOWN};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        int errors[5] = {1, 1, 1, 1, 1};
        own = backend.executor;
        cr_assert_eq(result_of(submit_to(own, end_own, errors)), errors);
        cr_assert_arr_eq(errors, expected, sizeof errors, "%s: %d %d %d %d %d",
                         kind_names[kind], errors[0], errors[1], errors[2], errors[3],
                         errors[4]);
        backend_destroy(&backend);
    }
}

static void *cancel_rest(void *argument)
{
    hold(NULL);
    *(int *)argument = shut_down(own, false, true);
    return argument;
}

Test(executor_end, a_task_may_cancel_all_that_come_after_it)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        int error = 1;
        own = backend.executor;
        struct filch_future *task = submit_to(own, cancel_rest, &error), *rest[10];
        await_signal(&entered);
        for (int i = 0; i < 10; i++)
            rest[i] = submit_to(own, count, NULL);
        sem_post(&leave);
        cr_assert_eq(result_of(task), &error);
        cr_assert_eq(error, 0);
        for (int i = 0; i < 10; i++)
            cr_assert_eq(error_of(rest[i]), FILCH_ECANCELED);
        backend_destroy(&backend);
    }
}

/* Ends another executor, one of whose tasks is still to run. */
static void *end_other(void *argument)
{
    struct filch_executor *other = argument;
    struct filch_future *future = submit_to(other, same, argument);
    int error = filch_executor_destroy(other);
    return error ? filch_fail(error, "destroy") : result_of(future);
}

Test(executor_end, a_task_may_destroy_another_executor)
{
    struct filch_pool *pool = pool_of(1);
    for (enum kind one = THREADS; one <= SHARED; one++)
        for (enum kind two = 0; two < KINDS; two++) {
            struct backend backend = backend_of(one, 1), other = {NULL, NULL};
            if (two == SHARED) /* on the same pool, where that can be */
                cr_assert_eq(filch_executor_create_on(filch_executor_pool(backend.executor),
                                                      NULL, &other.executor),
                             0);
            else
                other = backend_of(two, 1);
            cr_assert_eq(result_of(submit_to(backend.executor, end_other, other.executor)),
                         other.executor);
            backend_destroy(&backend);
        }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Destroy ------------------------------------------------------------------------------- */

Test(executor_end, destroying_or_detaching_nothing_is_fine)
{
    cr_assert_eq(filch_executor_destroy(NULL), 0);
    filch_executor_detach(NULL);
}

static void *open_hold_then_count(void *argument)
{
    sem_post(&leave);
    return count(argument);
}

Test(executor_end, destroying_it_waits_for_what_runs_and_what_is_queued)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_future *held = occupy_executor(backend.executor), *queued[100];
        atomic_store(&ran, 0);
        for (int i = 0; i < 99; i++)
            queued[i] = submit_to(backend.executor, count, NULL);
        queued[99] = submit_to(backend.executor, open_hold_then_count, NULL);
        destroy(backend.executor);
        cr_assert_eq(filch_future_state(held), FILCH_FINISHED, "%s", kind_names[kind]);
        cr_assert_eq(atomic_load(&ran), 100);
        for (int i = 0; i < 100; i++) {
            cr_assert_eq(filch_future_state(queued[i]), FILCH_FINISHED);
            filch_future_release(queued[i]);
        }
        filch_future_release(held);
        cr_assert_eq(filch_pool_destroy(backend.pool), 0);
    }
}

Test(executor_end, one_that_was_never_used_is_destroyed)
{
    int before = threads_now();
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        backend_destroy(&backend);
        backend = backend_of(kind, 2);
        cr_assert_eq(shut_down(backend.executor, true, true), 0);
        backend_destroy(&backend);
    }
    await_threads(before);
}

Test(executor_end, futures_outlive_it)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct complaint complaint = {5, "why"};
        struct filch_future *good = submit_to(backend.executor, same, &complaint);
        struct filch_future *bad = submit_to(backend.executor, complain, &complaint);
        struct filch_future *cancelled = NULL;
        if (kind != INLINE) {
            struct filch_future *held = occupy_executor(backend.executor);
            cancelled = submit_to(backend.executor, same, NULL);
            cr_assert(filch_future_cancel(cancelled));
            sem_post(&leave);
            filch_future_release(held);
        }
        backend_destroy(&backend);
        enum filch_future_state state = FILCH_PENDING;
        cr_assert_eq(filch_future_add_done_callback(good, note_call, &state), 0);
        cr_assert_eq(state, FILCH_FINISHED);
        cr_assert_not(filch_future_cancel(good));
        cr_assert_not(filch_future_stop(good));
        cr_assert_gt(filch_future_describe(good, NULL, 0), 0);
        cr_assert_eq(result_of(good), &complaint);
        cr_assert_str_eq(filch_future_error(bad, 0, NULL), "why");
        cr_assert_eq(error_of(bad), 5);
        if (cancelled)
            cr_assert_eq(error_of(cancelled), FILCH_ECANCELED);
    }
}

/* ---- Races --------------------------------------------------------------------------------- */

static _Atomic(int) accepted;

static void *submit_until_refused(void *executor)
{
    for (int i = 0;; i++) {
        struct filch_future *future = NULL;
        int error = filch_executor_submit(executor, count, NULL, i % 3 ? &future : NULL);
        if (error == FILCH_ESHUTDOWN)
            return NULL;
        cr_assert_eq(error, 0);
        atomic_fetch_add(&accepted, 1);
        filch_future_release(future);
    }
}

Test(executor_end, what_is_submitted_beside_a_shutdown_is_run_or_refused)
{
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (int round = 0; round < 30; round++) {
            struct backend backend = backend_of(kind, 2);
            pthread_t threads[3];
            atomic_store(&accepted, 0);
            atomic_store(&ran, 0);
            for (int i = 0; i < 3; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, submit_until_refused,
                                            backend.executor),
                             0);
            while (round % 2 && atomic_load(&ran) < 100)
                sched_yield();
            cr_assert_eq(shut_down(backend.executor, round % 3 == 0, false), 0);
            for (int i = 0; i < 3; i++)
                pthread_join(threads[i], NULL);
            backend_destroy(&backend);
            cr_assert_eq(atomic_load(&ran), atomic_load(&accepted));
        }
}

static struct filch_future *futures[3][2000];

static void *submit_futures(void *index)
{
    struct filch_future **mine = futures[(intptr_t)index];
    for (int i = 0; i < 2000; i++)
        if (filch_executor_submit(own, count, NULL, &mine[i]))
            break;
    return NULL;
}

Test(executor_end, what_is_submitted_beside_a_shutdown_that_cancels_ends)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (int round = 0; round < 20; round++) {
            struct backend backend = backend_of(kind, 2);
            pthread_t threads[3];
            int cancelled = 0, all = 0;
            own = backend.executor;
            atomic_store(&ran, 0);
            memset(futures, 0, sizeof futures);
            for (intptr_t i = 0; i < 3; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, submit_futures, (void *)i), 0);
            while (atomic_load(&ran) < 10)
                sched_yield();
            cr_assert_eq(shut_down(own, round % 2, true), 0);
            for (int i = 0; i < 3; i++)
                pthread_join(threads[i], NULL);
            backend_destroy(&backend);
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 2000 && futures[i][j]; j++) {
                    cr_assert(filch_future_done(futures[i][j]));
                    cancelled += filch_future_cancelled(futures[i][j]);
                    all++;
                    filch_future_release(futures[i][j]);
                }
            cr_assert_eq(atomic_load(&ran) + cancelled, all);
        }
}

/* ---- Detach -------------------------------------------------------------------------------- */

Test(executor_end, one_that_is_let_go_runs_what_it_has)
{
    int before = threads_now();
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_future *held = NULL, *last;
        atomic_store(&ran, 0);
        if (kind != INLINE)
            held = occupy_executor(backend.executor);
        for (int i = 0; i < 100; i++)
            cr_assert_eq(filch_executor_submit(backend.executor, count, NULL, NULL), 0);
        last = submit_to(backend.executor, same, &held);
        filch_executor_detach(backend.executor);
        sem_post(&leave);
        cr_assert_eq(result_of(last), &held);
        while (atomic_load(&ran) < 100)
            sched_yield();
        if (held)
            cr_assert_eq(result_of(held), &untouched);
        else
            await_signal(&leave);
        cr_assert_eq(filch_pool_destroy(backend.pool), 0);
        await_threads(before);
    }
}

Test(executor_end, one_that_is_idle_goes_when_it_is_let_go)
{
    int before = threads_now();
    for (int used = 0; used < 3; used++) {
        struct filch_executor *executor = executor_of(3);
        for (int i = 0; i < used; i++)
            (void)result_of(submit_to(executor, same, NULL));
        if (used == 2)
            cr_assert_eq(shut_down(executor, true, false), 0);
        filch_executor_detach(executor);
        await_threads(before);
    }
}

static void *detach_own(void *argument)
{
    filch_executor_detach(own);
    return argument;
}

Test(executor_end, a_task_may_let_go_of_its_own)
{
    int before = threads_now();
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (int round = 0; round < 20; round++) {
            struct backend backend = backend_of(kind, 2);
            own = backend.executor;
            cr_assert_eq(result_of(submit_to(own, detach_own, &own)), &own);
            cr_assert_eq(filch_pool_destroy(backend.pool), 0);
            await_threads(before);
        }
}

/* Sleeps until `awaited` is done, while the other workers find nothing to do, and then lets go. */
static void *wait_and_detach(void *argument)
{
    cr_assert_eq(filch_future_result(awaited, FILCH_FOREVER, NULL), 0);
    filch_executor_detach(own);
    return argument;
}

Test(executor_end, a_task_that_slept_may_let_go_of_its_own_after_all_others_have_ended)
{
    int before = threads_now();
    for (int round = 0; round < 20; round++) {
        own = executor_of(2);
        awaited = manual();
        struct filch_future *held = occupy_executor(own); /* on the first worker */
        struct filch_future *task = submit_to(own, wait_and_detach, &own);
        await_waiter(awaited);
        cr_assert_eq(shut_down(own, false, false), 0);
        sem_post(&leave);
        cr_assert_eq(result_of(held), &untouched);
        cr_assert_eq(filch_future_set_result(awaited, NULL), 0);
        cr_assert_eq(result_of(task), &own);
        filch_future_release(awaited);
        await_threads(before);
    }
}

Test(executor_end, letting_go_does_not_wait_for_a_task)
{
    int before = threads_now();
    own = executor_of(2);
    awaited = manual();
    struct filch_future *held = occupy_executor(own); /* on the first worker */
    struct filch_future *task = submit_to(own, wait_for_awaited, &own);
    await_waiter(awaited);
    cr_assert_eq(shut_down(own, false, false), 0);
    sem_post(&leave);
    cr_assert_eq(result_of(held), &untouched);
    filch_executor_detach(own);
    cr_assert_eq(filch_future_set_result(awaited, NULL), 0);
    cr_assert_eq(result_of(task), &own);
    filch_future_release(awaited);
    await_threads(before);
}

/* ---- The end of the process ---------------------------------------------------------------- */

/* What a child process has done, for its parent to see. */
static _Atomic(int) *shared;

static void *count_shared(void *argument)
{
    usleep(100); /* longer than the end of a process that does not wait */
    atomic_fetch_add(shared, 1);
    return argument;
}

static void post_leave(void)
{
    sem_post(&leave);
}

enum exit_how { DETACH, SHUT_DOWN, ABANDON };

/* Ends while a task runs, which goes on when exit() has begun, and others are queued. */
static int leave_early(void *argument)
{
    static struct backend backend;
    int how = *(int *)argument / KINDS;
    backend = backend_of((enum kind)(*(int *)argument % KINDS), 2);
    leaks = backend.pool || how != DETACH;
    for (int i = 0; i < 2; i++)
        filch_future_release(occupy_executor(backend.executor));
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(filch_executor_submit(backend.executor, count_shared, NULL, NULL), 0);
        filch_future_release(submit_to(backend.executor, count_shared, NULL));
    }
    atexit(post_leave);
    atexit(post_leave);
    if (how == DETACH)
        filch_executor_detach(backend.executor);
    else if (how == SHUT_DOWN)
        cr_assert_eq(shut_down(backend.executor, false, false), 0);
    return 7;
}

static void assert_finishes_before_the_end(enum exit_how how)
{
    shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        int argument = (int)how * KINDS + (int)kind;
        atomic_store(shared, 0);
        cr_assert_eq(in_child(leave_early, &argument), 7);
        cr_assert_eq(atomic_load(shared), 200, "%s: %d", kind_names[kind], atomic_load(shared));
    }
}

Test(executor_end, the_process_ends_after_what_was_let_go_has_run)
{
    assert_finishes_before_the_end(DETACH);
}

Test(executor_end, the_process_ends_after_what_was_shut_down_without_waiting_has_run)
{
    assert_finishes_before_the_end(SHUT_DOWN);
}

Test(executor_end, the_process_ends_after_what_was_submitted_has_run)
{
    assert_finishes_before_the_end(ABANDON);
}

/* Registered before the first executor: called after those have ended. */
static void submit_late(void)
{
    struct filch_future *future = NULL;
    if (atomic_load(&ran) != 50 ||
        filch_executor_submit(own, count, NULL, &future) != FILCH_ESHUTDOWN || future)
        _exit(8);
    _exit(7); /* and nothing more is said of it */
}

static int abandon_late(void *argument)
{
    if (atexit(submit_late))
        return 1;
    own = backend_of(*(enum kind *)argument, 1).executor;
    for (int i = 0; i < 50; i++)
        cr_assert_eq(filch_executor_submit(own, count, NULL, NULL), 0);
    return 0;
}

Test(executor_end, takes_no_task_once_the_process_has_ended_it)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        cr_assert_eq(in_child(abandon_late, &kind), 7, "%s", kind_names[kind]);
}

static void *count_after_leave(void *argument)
{
    await_signal(&leave);
    return count_shared(argument);
}

static void *destroy_own(void *unused)
{
    destroy(own);
    return unused;
}

/* exit() begins while another thread waits for the executor's last task to destroy it. */
static int exit_beside_destroy(void *argument)
{
    pthread_t thread;
    own = backend_of(*(enum kind *)argument, 1).executor;
    leaks = true;
    cr_assert_eq(filch_executor_submit(own, count_after_leave, NULL, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, destroy_own, NULL), 0);
    while (filch_executor_submit(own, count, NULL, NULL) != FILCH_ESHUTDOWN)
        sched_yield();
    return atexit(post_leave) ? 1 : 7;
}

Test(executor_end, the_process_may_end_while_another_thread_destroys_it)
{
    shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < 40; round++) {
        enum kind kind = round % 2 ? SHARED : THREADS;
        atomic_store(shared, 0);
        cr_assert_eq(in_child(exit_beside_destroy, &kind), 7, "%s", kind_names[kind]);
        cr_assert_eq(atomic_load(shared), 1);
    }
}

static void *call_exit(void *argument)
{
    exit(5);
    return argument;
}

static int exit_in_task(void *argument)
{
    own = executor_of(1);
    awaited = submit_to(own, call_exit, NULL);
    if (*(int *)argument)
        filch_executor_detach(own);
    leaks = true;
    for (;;)
        pause();
    return 0;
}

Test(executor_end, a_task_may_end_the_process)
{
    for (int detached = 0; detached < 2; detached++)
        cr_assert_eq(in_child(exit_in_task, &detached), 5);
}

/* ---- An initializer that fails ------------------------------------------------------------- */

static int fail_to_initialize(void *argument)
{
    hold(argument);
    return 1;
}

static const struct filch_executor_options fails = {.initializer = fail_to_initialize};

Test(executor_end, an_initializer_that_fails_breaks_the_executor)
{
    struct filch_executor *executor = executor_with(2, &fails);
    struct filch_future *queued[3], *future = UNTOUCHED;
    struct filch_group *group;
    enum filch_future_state state = FILCH_PENDING;
    cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
    for (int i = 0; i < 3; i++)
        queued[i] = submit_to(executor, count, NULL);
    cr_assert_eq(filch_future_add_done_callback(queued[2], note_call, &state), 0);
    cr_assert_eq(filch_executor_submit(executor, count, NULL, NULL), 0);
    cr_assert_eq(filch_group_submit(group, count, NULL), 0);
    cr_assert_eq(filch_future_state(queued[0]), FILCH_PENDING);
    sem_post(&leave);
    sem_post(&leave);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(filch_future_result(queued[i], FILCH_FOREVER, NULL), FILCH_EBROKEN);
        cr_assert_str_eq(filch_future_error(queued[i], 0, NULL), filch_strerror(FILCH_EBROKEN));
        cr_assert_eq(filch_future_state(queued[i]), FILCH_FINISHED);
        filch_future_release(queued[i]);
    }
    cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), FILCH_EBROKEN);
    cr_assert_eq(filch_executor_submit(executor, count, NULL, &future), FILCH_EBROKEN);
    cr_assert_eq(filch_executor_submit(executor, count, NULL, NULL), FILCH_EBROKEN);
    cr_assert_eq(filch_group_submit(group, count, NULL), FILCH_EBROKEN);
    cr_assert_eq(future, UNTOUCHED);
    cr_assert_eq(filch_group_destroy(group), 0);
    destroy(executor);
    cr_assert_eq(atomic_load(&ran), 0);
    cr_assert_eq(state, FILCH_FINISHED);
}

/* Succeeds on the first worker, and fails on all others. */
static int fail_on_others(void *argument)
{
    return atomic_fetch_add((_Atomic(int) *)argument, 1) > 0;
}

Test(executor_end, what_runs_when_the_executor_breaks_goes_on)
{
    _Atomic(int) initialized = 0;
    struct filch_executor_options options = {.initializer = fail_on_others,
                                             .initializer_arg = &initialized};
    struct filch_executor *executor = executor_with(2, &options);
    struct filch_future *held = occupy_executor(executor);
    struct filch_future *queued = submit_to(executor, count, NULL);
    cr_assert_eq(error_of(queued), FILCH_EBROKEN);
    cr_assert_eq(filch_future_state(held), FILCH_RUNNING);
    sem_post(&leave);
    cr_assert_eq(result_of(held), &untouched);
    destroy(executor);
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(executor_end, one_that_is_broken_may_be_shut_down_and_let_go)
{
    int before = threads_now();
    for (int how = 0; how < 3; how++) {
        struct filch_executor *executor = executor_with(2, &fails);
        struct filch_future *queued = submit_to(executor, count, NULL);
        sem_post(&leave);
        cr_assert_eq(error_of(queued), FILCH_EBROKEN);
        if (how == 0)
            cr_assert_eq(shut_down(executor, true, true), 0);
        cr_assert_eq(filch_executor_submit(executor, count, NULL, NULL), FILCH_EBROKEN,
                     "that it is broken comes first");
        if (how == 1)
            filch_executor_detach(executor);
        else
            destroy(executor);
        await_threads(before);
    }
}

static void *submit_until_broken(void *executor)
{
    for (int i = 0;; i++) {
        struct filch_future *future = NULL;
        int error = filch_executor_submit(executor, count, NULL, i % 2 ? &future : NULL);
        if (error == FILCH_EBROKEN)
            return NULL;
        cr_assert_eq(error, 0);
        filch_future_release(future);
    }
}

Test(executor_end, what_is_submitted_while_it_breaks_is_not_run)
{
    for (int round = 0; round < 30; round++) {
        struct filch_executor *executor = executor_with(2, &fails);
        pthread_t threads[3];
        for (int i = 0; i < 3; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, submit_until_broken, executor), 0);
        await_signal(&entered);
        sem_post(&leave);
        sem_post(&leave);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        destroy(executor);
        cr_assert_eq(atomic_load(&ran), 0);
        while (!sem_trywait(&leave) || !sem_trywait(&entered))
            continue;
    }
}
