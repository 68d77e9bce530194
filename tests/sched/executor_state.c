/* SPDX-License-Identifier: MIT
 *
 * What an executor says of itself: its state, the future of its end, and the hook at the end of its
 * threads, sentence by sentence of filch/executor.h. */
#include "executor.h"

#include <filch/blocking.h>
#include <filch/group.h>
#include <filch/task.h>
#include <filch/wait.h>

#include <sys/mman.h>

TestSuite(executor_state, .init = setup);

static void shut_down(struct filch_executor *executor, bool wait, bool cancel_futures)
{
    cr_assert_eq(filch_executor_shutdown(executor, wait, cancel_futures), 0);
}

static struct filch_future *end_of(struct filch_executor *executor)
{
    struct filch_future *end = NULL;
    cr_assert_eq(filch_executor_end_future(executor, &end), 0);
    cr_assert(end);
    return end;
}

/* It has finished, with NULL. */
static void assert_end(struct filch_future *end)
{
    void *result = UNTOUCHED;
    cr_assert_eq(filch_future_result(end, FILCH_FOREVER, &result), 0);
    cr_assert_null(result);
    filch_future_release(end);
}

/* ---- States --------------------------------------------------------------------------------- */

Test(executor_state, an_executor_runs_is_shut_down_and_ends)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_executor *executor = backend.executor;
        cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_RUNNING);
        struct filch_future *held = occupy_executor(executor);
        cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_RUNNING);
        shut_down(executor, false, false);
        cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_SHUT_DOWN);
        shut_down(executor, false, true);
        cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_SHUT_DOWN);
        sem_post(&leave);
        shut_down(executor, true, false);
        cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_ENDED);
        filch_future_release(held);
        backend_destroy(&backend);
    }
}

Test(executor_state, one_that_has_nothing_to_run_ends_with_its_shutdown)
{
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (int used = 0; used < 2; used++) {
            struct backend backend = backend_of(kind, 2);
            if (used)
                (void)result_of(submit_to(backend.executor, same, NULL));
            cr_assert_eq(filch_executor_state(backend.executor), FILCH_EXECUTOR_RUNNING);
            shut_down(backend.executor, true, false);
            cr_assert_eq(filch_executor_state(backend.executor), FILCH_EXECUTOR_ENDED);
            backend_destroy(&backend);
        }
}

static int fail_to_initialize(void *argument)
{
    (void)argument;
    return 1;
}

Test(executor_state, one_whose_initializer_fails_is_broken_until_it_has_ended)
{
    struct filch_executor_options options = {.initializer = fail_to_initialize};
    struct filch_executor *executor = executor_with(2, &options);
    cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_RUNNING);
    (void)filch_executor_submit(executor, same, NULL, NULL); /* it may break meanwhile */
    while (filch_executor_state(executor) == FILCH_EXECUTOR_RUNNING)
        sched_yield();
    cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_BROKEN);
    struct filch_future *end = end_of(executor);
    cr_assert_not(filch_future_done(end), "broken is not ended");
    shut_down(executor, true, false);
    cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_ENDED);
    assert_end(end);
    destroy(executor);
}

/* ---- The future of the end --------------------------------------------------------------------- */

Test(executor_state, the_end_comes_when_all_has_been_run)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *held = occupy_executor(backend.executor);
        struct filch_future *end = end_of(backend.executor);
        for (int i = 0; i < 100; i++)
            cr_assert_eq(filch_executor_submit(backend.executor, count, NULL, NULL), 0);
        cr_assert_eq(filch_future_result(end, 0, NULL), FILCH_ETIMEDOUT);
        shut_down(backend.executor, false, false);
        cr_assert_eq(filch_future_result(end, 0.001, NULL), FILCH_ETIMEDOUT);
        cr_assert_eq(filch_future_state(end), FILCH_RUNNING);
        sem_post(&leave);
        assert_end(end);
        cr_assert_eq(atomic_load(&ran), 100);
        cr_assert_eq(filch_executor_state(backend.executor), FILCH_EXECUTOR_ENDED);
        atomic_store(&ran, 0);
        filch_future_release(held);
        backend_destroy(&backend);
    }
}

Test(executor_state, the_end_of_a_detached_executor_can_be_waited_for)
{
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (int before = 0; before < 2; before++) {
            struct backend backend = backend_of(kind, 2);
            struct filch_future *held = NULL, *end = end_of(backend.executor);
            atomic_store(&ran, 0);
            if (kind != INLINE)
                held = occupy_executor(backend.executor);
            for (int i = 0; i < 100; i++)
                cr_assert_eq(filch_executor_submit(backend.executor, count, NULL, NULL), 0);
            if (before)
                shut_down(backend.executor, false, false);
            filch_executor_detach(backend.executor);
            cr_assert_eq(filch_future_done(end), kind == INLINE);
            sem_post(&leave);
            assert_end(end);
            cr_assert_eq(atomic_load(&ran), 100);
            filch_future_release(held);
            cr_assert_eq(filch_pool_destroy(backend.pool), 0);
            while (!sem_trywait(&leave))
                continue;
        }
}

Test(executor_state, the_end_may_be_got_several_times_and_at_any_time)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *ends[4] = {end_of(backend.executor), end_of(backend.executor)};
        (void)result_of(submit_to(backend.executor, same, NULL));
        shut_down(backend.executor, false, false);
        ends[2] = end_of(backend.executor);
        shut_down(backend.executor, true, false);
        ends[3] = end_of(backend.executor);
        backend_destroy(&backend);
        for (int i = 0; i < 4; i++)
            assert_end(ends[i]);
    }
}

Test(executor_state, an_end_that_nobody_has_asked_for_before_has_come_at_once)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        (void)result_of(submit_to(backend.executor, same, NULL));
        shut_down(backend.executor, true, false);
        struct filch_future *end = end_of(backend.executor);
        cr_assert(filch_future_done(end));
        assert_end(end);
        backend_destroy(&backend);
    }
}

Test(executor_state, the_end_cannot_be_cancelled_nor_made_by_hand)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *end = end_of(executor);
    cr_assert_not(filch_future_cancel(end));
    cr_assert_not(filch_future_stop(end));
    cr_assert_eq(filch_future_set_result(end, end), FILCH_ESTATE);
    cr_assert_eq(filch_future_set_error(end, 3, NULL), FILCH_ESTATE);
    cr_assert_eq(filch_future_set_running_or_notify_cancel(end), FILCH_ESTATE);
    cr_assert_not(filch_future_done(end));
    destroy(executor);
    assert_end(end);
}

Test(executor_state, ends_are_futures_like_others)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_executor *executors[3];
    struct filch_future *ends[3], *first;
    struct filch_as_completed *iterator;
    bool done[3];
    size_t count;
    executors[0] = executor_of(1);
    cr_assert_eq(filch_executor_create_on(pool, NULL, &executors[1]), 0);
    cr_assert_eq(filch_executor_create_inline(&executors[2]), 0);
    for (int i = 0; i < 3; i++)
        ends[i] = end_of(executors[i]);
    destroy(executors[1]);
    cr_assert_eq(filch_wait(ends, 3, FILCH_FIRST_COMPLETED, FILCH_FOREVER, done, &count), 0);
    cr_assert(count == 1 && done[1]);
    cr_assert_eq(filch_as_completed_create(ends, 3, FILCH_FOREVER, &iterator), 0);
    for (int i = 0; i < 3; i++) {
        static const int order[] = {1, 2, 0};
        if (i > 0)
            destroy(executors[order[i]]);
        cr_assert_eq(filch_as_completed_next(iterator, &first), 0);
        cr_assert_eq(first, ends[order[i]]);
        filch_future_release(first);
    }
    filch_as_completed_destroy(iterator);
    for (int i = 0; i < 3; i++)
        assert_end(ends[i]);
    filch_pool_destroy(pool);
}

static void *count_after(void *value, void *argument)
{
    cr_assert_null(value);
    return count(argument);
}

static void count_call(struct filch_future *future, void *executor)
{
    cr_assert(filch_future_done(future));
    cr_assert_eq(filch_executor_shutdown(executor, true, false), FILCH_EDEADLK);
    atomic_fetch_add(&ran, 1);
}

Test(executor_state, something_may_follow_on_the_end)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *end = end_of(backend.executor), *next;
        atomic_store(&ran, 0);
        cr_assert_eq(filch_future_then(end, NULL, count_after, &untouched, &next), 0);
        cr_assert_eq(filch_future_add_done_callback(end, count_call, backend.executor), 0);
        (void)result_of(submit_to(backend.executor, same, NULL));
        backend_destroy(&backend);
        cr_assert_eq(result_of(next), UNTOUCHED);
        assert_end(end);
        while (atomic_load(&ran) != 2)
            sched_yield();
    }
}

static struct filch_future *own_end;

static void *await_own_end(void *argument)
{
    int error = filch_future_result(own_end, FILCH_FOREVER, NULL);
    (void)argument;
    return (void *)(intptr_t)error;
}

Test(executor_state, a_task_that_waits_for_its_own_executor_is_told_so)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        own_end = end_of(backend.executor);
        cr_assert_eq((int)(intptr_t)result_of(submit_to(backend.executor, await_own_end, NULL)),
                     FILCH_EDEADLK);
        backend_destroy(&backend);
        assert_end(own_end);
    }
}

static struct filch_future *crossed[2];

static void *await_crossed(void *argument)
{
    await_signal(&leave);
    return (void *)(intptr_t)filch_future_result(crossed[(uintptr_t)argument], FILCH_FOREVER,
                                                 NULL);
}

Test(executor_state, two_that_wait_for_each_others_end_are_told_so)
{
    struct filch_executor *executors[2] = {executor_of(1), executor_of(1)};
    struct filch_future *tasks[2];
    int told = 0;
    for (uintptr_t i = 0; i < 2; i++) {
        crossed[i] = end_of(executors[i]);
        tasks[i] = submit_to(executors[i], await_crossed, (void *)(1 - i));
    }
    for (int i = 0; i < 2; i++) {
        shut_down(executors[i], false, false);
        sem_post(&leave);
    }
    for (int i = 0; i < 2; i++) {
        int error = (int)(intptr_t)result_of(tasks[i]);
        cr_assert(error == 0 || error == FILCH_EDEADLK, "%d", error);
        told += error != 0;
    }
    cr_assert_eq(told, 1);
    for (int i = 0; i < 2; i++) {
        destroy(executors[i]);
        assert_end(crossed[i]);
    }
}

Test(executor_state, tasks_that_the_caller_runs_belong_to_it)
{
    struct filch_executor_options options = {.max_queued = 1,
                                             .when_full = FILCH_FULL_CALLER_RUNS};
    struct filch_executor *executor = executor_with(1, &options);
    struct filch_future *held = occupy_executor(executor), *end = end_of(executor);
    own_end = end;
    cr_assert_eq(filch_executor_submit(executor, count, NULL, NULL), 0);
    cr_assert_eq((int)(intptr_t)result_of(submit_to(executor, await_own_end, NULL)),
                 FILCH_EDEADLK, "on this thread");
    cr_assert_not(filch_future_done(end));
    sem_post(&leave);
    (void)result_of(held);
    destroy(executor);
    assert_end(end);
}

static void *follow_on(void *value, void *argument)
{
    (void)value;
    atomic_fetch_add(&ran, 1);
    return argument;
}

Test(executor_state, what_follows_and_is_refused_keeps_no_executor_from_ending)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *by_hand = manual(), *next, *end = end_of(backend.executor);
        cr_assert_eq(filch_future_then(by_hand, backend.executor, follow_on, NULL, &next), 0);
        filch_executor_detach(backend.executor);
        assert_end(end);
        cr_assert_eq(filch_future_set_result(by_hand, NULL), 0);
        cr_assert_eq(error_of(next), FILCH_ESHUTDOWN);
        filch_future_release(by_hand);
        cr_assert_eq(filch_pool_destroy(backend.pool), 0);
    }
}

static int ask_in_child(void *executor)
{
    struct filch_future *end = UNTOUCHED;
    HOLDS(filch_executor_end_future(executor, &end) == FILCH_EFORKED);
    HOLDS((void *)end == UNTOUCHED);
    HOLDS(filch_future_result(own_end, FILCH_FOREVER, NULL) == FILCH_EFORKED);
    leaks = true;
    return 0;
}

Test(executor_state, the_child_of_a_fork_has_no_part_in_it)
{
    struct filch_executor *executor = executor_of(1);
    own_end = end_of(executor);
    (void)result_of(submit_to(executor, same, NULL));
    cr_assert_eq(in_child(ask_in_child, executor), 0);
    destroy(executor);
    assert_end(own_end);
}

static void note_end(struct filch_future *future, void *flag)
{
    (void)future;
    atomic_store((_Atomic(int) *)flag, 1);
}

static int leave_to_exit(void *flag)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *end = end_of(executor);
    (void)filch_future_add_done_callback(end, note_end, flag);
    (void)filch_executor_submit(executor, count, NULL, NULL);
    leaks = true;
    return 0;
}

Test(executor_state, exit_brings_about_the_end)
{
    void *flag =
        mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_eq(in_child(leave_to_exit, flag), 0);
    cr_assert_eq(atomic_load((_Atomic(int) *)flag), 1);
    munmap(flag, sizeof(int));
}

/* Shuts down, or detaches, while tasks end and others ask for the end. */
static struct filch_future *asked;

static void *ask_for_end(void *executor)
{
    asked = end_of(executor);
    return NULL;
}

Test(executor_state, the_end_is_not_missed_as_it_comes)
{
    for (int round = 0; round < 600; round++) {
        struct backend backend = backend_of(round % 2 ? THREADS : SHARED, 2);
        pthread_t thread;
        for (int i = 0; i < round % 5; i++)
            cr_assert_eq(filch_executor_submit(backend.executor, same, NULL, NULL), 0);
        cr_assert_eq(pthread_create(&thread, NULL, ask_for_end, backend.executor), 0);
        shut_down(backend.executor, round % 3 == 0, false);
        pthread_join(thread, NULL);
        if (round % 4)
            destroy(backend.executor);
        else
            filch_executor_detach(backend.executor);
        assert_end(asked);
        cr_assert_eq(filch_pool_destroy(backend.pool), 0);
    }
}

/* ---- The hook at a thread's end ------------------------------------------------------------------ */

static _Atomic(int) begun, hooked, odd;
static _Thread_local int tasks_here, hooks_here;
static char hook_argument;

static int begin_thread(void *argument)
{
    (void)argument;
    atomic_fetch_add(&begun, 1);
    return 0;
}

static void end_thread(void *argument)
{
    if (argument != &hook_argument || hooks_here++ > 0 || !filch_pool_current())
        atomic_fetch_add(&odd, 1);
    atomic_fetch_add(&hooked, 1);
}

static void *use_thread(void *argument)
{
    if (hooks_here)
        atomic_fetch_add(&odd, 1);
    tasks_here++;
    return argument;
}

static const struct filch_executor_options with_hook = {.initializer = begin_thread,
                                                        .exit_hook = end_thread,
                                                        .exit_hook_arg = &hook_argument};

Test(executor_state, the_hook_is_called_on_each_thread_after_its_last_task)
{
    struct filch_executor *executor = executor_with(3, &with_hook);
    struct filch_future *held[3];
    for (int i = 0; i < 3; i++)
        held[i] = occupy_executor(executor);
    for (int i = 0; i < 3; i++)
        sem_post(&leave);
    for (int i = 0; i < 100; i++)
        (void)result_of(submit_to(executor, use_thread, NULL));
    cr_assert_eq(atomic_load(&hooked), 0);
    for (int i = 0; i < 3; i++)
        (void)result_of(held[i]);
    shut_down(executor, true, false);
    cr_assert_eq(atomic_load(&begun), 3);
    cr_assert_eq(atomic_load(&hooked), 3, "before the shutdown returns");
    cr_assert_eq(atomic_load(&odd), 0);
    destroy(executor);
    cr_assert_eq(atomic_load(&hooked), 3);
}

Test(executor_state, the_hook_needs_no_initializer)
{
    struct filch_executor_options options = {.exit_hook = end_thread,
                                             .exit_hook_arg = &hook_argument};
    struct filch_executor *executor = executor_with(2, &options);
    (void)result_of(submit_to(executor, use_thread, NULL));
    int threads = filch_executor_threads(executor);
    destroy(executor);
    cr_assert_eq(atomic_load(&hooked), threads);
    cr_assert_eq(atomic_load(&odd), 0);
}

Test(executor_state, without_a_thread_there_is_no_hook)
{
    destroy(executor_with(2, &with_hook));
    cr_assert_eq(atomic_load(&hooked), 0);
}

Test(executor_state, the_hook_is_called_after_a_detach_before_the_end_is_told)
{
    struct filch_executor *executor = executor_with(2, &with_hook);
    struct filch_future *held = occupy_executor(executor), *end = end_of(executor);
    filch_executor_detach(executor);
    cr_assert_eq(atomic_load(&hooked), 0);
    sem_post(&leave);
    assert_end(end);
    cr_assert_eq(atomic_load(&hooked), atomic_load(&begun));
    cr_assert_geq(atomic_load(&hooked), 1);
    filch_future_release(held);
}

static _Atomic(int) initializers;

static int fail_on_second(void *argument)
{
    (void)argument;
    return atomic_fetch_add(&initializers, 1) == 1;
}

Test(executor_state, the_hook_is_not_called_where_the_initializer_failed)
{
    struct filch_executor_options options = with_hook;
    options.initializer = fail_on_second;
    struct filch_executor *executor = executor_with(2, &options);
    struct filch_future *first = occupy_executor(executor);
    (void)filch_executor_submit(executor, use_thread, NULL, NULL);
    while (filch_executor_state(executor) != FILCH_EXECUTOR_BROKEN)
        sched_yield();
    sem_post(&leave);
    (void)result_of(first);
    destroy(executor);
    cr_assert_eq(atomic_load(&initializers), 2);
    cr_assert_eq(atomic_load(&hooked), 1);
}

static void *block_a_moment(void *argument)
{
    filch_blocking_begin();
    sem_post(&entered);
    await_signal(&leave);
    filch_blocking_end();
    return argument;
}

Test(executor_state, the_hook_is_called_on_spares_that_end_before_the_executor)
{
    enum { BLOCKED = 5 };
    struct filch_executor_options options = with_hook;
    options.spares = 10;
    struct filch_executor *executor = executor_with(2, &options);
    struct filch_future *futures[BLOCKED];
    for (int i = 0; i < BLOCKED; i++)
        futures[i] = submit_to(executor, block_a_moment, NULL);
    for (int i = 0; i < BLOCKED; i++)
        await_signal(&entered);
    int most = atomic_load(&begun);
    cr_assert_gt(most, 2, "spares have come");
    for (int i = 0; i < BLOCKED; i++)
        sem_post(&leave);
    for (int i = 0; i < BLOCKED; i++)
        (void)result_of(futures[i]);
    /* They go after 5 s: all but the two workers. */
    while (atomic_load(&hooked) < atomic_load(&begun) - 2)
        sched_yield();
    cr_assert_geq(atomic_load(&hooked), most - 2);
    cr_assert_eq(filch_executor_state(executor), FILCH_EXECUTOR_RUNNING);
    destroy(executor);
    cr_assert_eq(atomic_load(&hooked), atomic_load(&begun));
    cr_assert_eq(atomic_load(&odd), 0);
}

Test(executor_state, an_executor_on_a_pool_has_no_hook)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_executor_options hook = {.exit_hook = end_thread};
    struct filch_executor_options argument = {.exit_hook_arg = &hook_argument};
    struct filch_executor *executor = UNTOUCHED;
    cr_assert_eq(filch_executor_create_on(pool, &hook, &executor), FILCH_EINVAL);
    cr_assert_eq(filch_executor_create_on(pool, &argument, &executor), FILCH_EINVAL);
    cr_assert_eq((void *)executor, UNTOUCHED);
    filch_pool_destroy(pool);
}
