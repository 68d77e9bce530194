/* SPDX-License-Identifier: MIT
 *
 * fork() in user code. The child has all of the parent's memory and none of its threads: what it
 * inherits says so at once, and what it makes itself works. */
#include "executor.h"

#include <filch/group.h>
#include <filch/task.h>
#include <filch/wait.h>

TestSuite(executor_fork, .init = setup);

/* What the parent makes, and the child inherits. */
static struct filch_pool *pool;
static struct filch_executor *executors[KINDS];
static struct filch_future *held[2], *pending[2], *finished, *by_hand;
static struct filch_group *group;

static void make_all(void)
{
    pool = pool_of(1);
    executors[THREADS] = executor_of(1);
    cr_assert_eq(filch_executor_create_on(pool, NULL, &executors[SHARED]), 0);
    cr_assert_eq(filch_executor_create_inline(&executors[INLINE]), 0);
    finished = submit(pool, same, &pool);
    cr_assert_eq(filch_future_result(finished, FILCH_FOREVER, NULL), 0);
    for (int i = 0; i < 2; i++) {
        held[i] = occupy_executor(executors[i]);
        pending[i] = submit_to(executors[i], same, &pool);
    }
    by_hand = manual();
    cr_assert_eq(filch_group_create(executors[THREADS], NULL, &group), 0);
    cr_assert_eq(filch_group_submit(group, count, NULL), 0);
}

/* In the parent. */
static void end_all(void)
{
    sem_post(&leave);
    sem_post(&leave);
    cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), 0);
    cr_assert_eq(filch_group_destroy(group), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(result_of(held[i]), &untouched);
        cr_assert_eq(result_of(pending[i]), &pool);
    }
    filch_future_release(finished);
    filch_future_release(by_hand);
    for (int kind = 0; kind < KINDS; kind++)
        destroy(executors[kind]);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static void assert_in_child(int (*fn)(void *))
{
    make_all();
    cr_assert_eq(in_child(fn, NULL), 0);
    end_all();
}

/* ---- What is inherited ------------------------------------------------------------------- */

static int use_executors(void *argument)
{
    struct filch_task_options options = {.priority = FILCH_PRIORITY_HIGH};
    struct filch_future *future = UNTOUCHED;
    struct filch_executor *executor = UNTOUCHED;
    leaks = true;
    for (int kind = 0; kind < KINDS; kind++) {
        struct filch_executor *inherited = executors[kind];
        HOLDS(filch_executor_submit(inherited, same, argument, &future) == FILCH_EFORKED);
        HOLDS(filch_executor_submit(inherited, same, argument, NULL) == FILCH_EFORKED);
        HOLDS(filch_executor_submit_with(inherited, &options, same, argument, &future) ==
              FILCH_EFORKED);
        HOLDS(filch_executor_shutdown(inherited, true, true) == FILCH_EFORKED);
        HOLDS(filch_executor_shutdown(inherited, false, false) == FILCH_EFORKED);
        HOLDS(filch_future_then(finished, inherited, NULL, NULL, &future) == FILCH_EINVAL);
    }
    HOLDS(filch_pool_submit(pool, same, argument, &future) == FILCH_EFORKED);
    HOLDS(filch_executor_create_on(pool, NULL, &executor) == FILCH_EFORKED);
    HOLDS(filch_pool_check(pool) == FILCH_EFORKED);
    HOLDS(future == UNTOUCHED && executor == UNTOUCHED);
    return 0;
}

Test(executor_fork, what_is_inherited_takes_no_task)
{
    assert_in_child(use_executors);
}

static int wait_for_futures(void *argument)
{
    static const double timeouts[] = {1e-6, 3600, FILCH_FOREVER};
    struct filch_future *all[] = {held[0], held[1], pending[0], pending[1]};
    void *result = UNTOUCHED;
    (void)argument;
    leaks = true;
    for (size_t i = 0; i < COUNT(all); i++) {
        for (size_t j = 0; j < COUNT(timeouts); j++) {
            HOLDS(filch_future_result(all[i], timeouts[j], &result) == FILCH_EFORKED);
            HOLDS(filch_wait(&all[i], 1, FILCH_ALL_COMPLETED, timeouts[j], NULL, NULL) ==
                  FILCH_EFORKED);
        }
        HOLDS(result == UNTOUCHED);
        HOLDS(!filch_future_done(all[i]));
    }
    HOLDS(filch_future_cancel(pending[0]));
    HOLDS(filch_future_result(pending[0], FILCH_FOREVER, NULL) == FILCH_ECANCELED);
    HOLDS(!filch_future_cancel(held[0]));
    return 0;
}

Test(executor_fork, a_future_that_was_pending_says_that_it_stayed_behind)
{
    assert_in_child(wait_for_futures);
}

static int use_group(void *argument)
{
    leaks = true;
    HOLDS(filch_group_submit(group, same, argument) == FILCH_EFORKED);
    HOLDS(filch_group_submit_many(group, same, &argument, 1, NULL) == FILCH_EFORKED);
    HOLDS(filch_group_wait(group, 1e-6) == FILCH_EFORKED);
    HOLDS(filch_group_wait(group, FILCH_FOREVER) == FILCH_EFORKED);
    HOLDS(filch_group_destroy(group) == 0);
    return 0;
}

Test(executor_fork, a_group_says_that_its_tasks_stayed_behind)
{
    assert_in_child(use_group);
}

static void increment(struct filch_future *future, void *called)
{
    (void)future;
    ++*(int *)called;
}

static void *follow(void *value, void *argument)
{
    (void)value;
    return argument;
}

static int use_futures(void *argument)
{
    struct filch_future *next;
    void *result = NULL;
    int called = 0;
    (void)argument;
    leaks = true;
    HOLDS(filch_future_result(finished, FILCH_FOREVER, &result) == 0 && result == &pool);
    HOLDS(filch_future_add_done_callback(finished, increment, &called) == 0 && called == 1);
    HOLDS(filch_future_add_done_callback(by_hand, increment, &called) == 0 && called == 1);
    HOLDS(filch_future_then(by_hand, NULL, follow, &called, &next) == 0);
    HOLDS(filch_future_set_result(by_hand, NULL) == 0 && called == 2);
    HOLDS(filch_future_result(by_hand, FILCH_FOREVER, NULL) == 0);
    HOLDS(filch_future_result(next, FILCH_FOREVER, &result) == 0 && result == &called);
    filch_future_release(next);
    return 0;
}

Test(executor_fork, futures_that_had_ended_or_are_completed_by_hand_go_on)
{
    assert_in_child(use_futures);
}

static int use_then(void *argument)
{
    (void)argument;
    leaks = true;
    for (int kind = 0; kind < KINDS; kind++) {
        struct filch_future *next = UNTOUCHED;
        HOLDS(filch_future_then(by_hand, executors[kind], follow, NULL, &next) ==
              FILCH_EFORKED);
        HOLDS(next == UNTOUCHED);
    }
    return 0;
}

Test(executor_fork, nothing_follows_on_an_inherited_executor)
{
    assert_in_child(use_then);
}

static struct filch_future *followers[KINDS];

static int complete_followed(void *argument)
{
    (void)argument;
    leaks = true;
    HOLDS(filch_future_set_result(by_hand, NULL) == 0);
    for (int kind = 0; kind < KINDS; kind++)
        HOLDS(filch_future_result(followers[kind], FILCH_FOREVER, NULL) == FILCH_EFORKED);
    return 0;
}

Test(executor_fork, what_was_to_follow_on_an_inherited_executor_fails)
{
    make_all();
    for (int kind = 0; kind < KINDS; kind++)
        cr_assert_eq(filch_future_then(by_hand, executors[kind], follow, &untouched,
                                       &followers[kind]),
                     0);
    cr_assert_eq(in_child(complete_followed, NULL), 0);
    cr_assert_eq(filch_future_set_result(by_hand, NULL), 0);
    sem_post(&leave);
    sem_post(&leave);
    for (int kind = 0; kind < KINDS; kind++)
        cr_assert_eq(result_of(followers[kind]), &untouched);
    sem_trywait(&leave);
    end_all();
}

static int destroy_inherited(void *detaches)
{
    leaks = true;
    HOLDS(filch_group_destroy(group) == 0);
    for (int kind = 0; kind < KINDS; kind++)
        if (detaches)
            filch_executor_detach(executors[kind]);
        else
            HOLDS(filch_executor_destroy(executors[kind]) == 0);
    HOLDS(filch_pool_destroy(pool) == 0);
    for (int i = 0; i < 2; i++) {
        filch_future_release(held[i]);
        filch_future_release(pending[i]);
    }
    filch_future_release(finished);
    filch_future_release(by_hand);
    return 0;
}

Test(executor_fork, what_is_inherited_may_be_destroyed)
{
    for (int detaches = 0; detaches < 2; detaches++) {
        make_all();
        cr_assert_eq(in_child(destroy_inherited, detaches ? &pool : NULL), 0);
        end_all();
    }
}

static _Atomic(int) called_in_parent;

static void count_in_parent(struct filch_future *future, void *parent)
{
    (void)future;
    if (getpid() != *(pid_t *)parent)
        _exit(9);
    atomic_fetch_add(&called_in_parent, 1);
}

Test(executor_fork, callbacks_are_called_in_the_process_that_added_them)
{
    pid_t parent = getpid();
    for (int detaches = 0; detaches < 2; detaches++) {
        atomic_store(&called_in_parent, 0);
        make_all();
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(filch_future_add_done_callback(held[i], count_in_parent, &parent), 0);
            cr_assert_eq(filch_future_add_done_callback(pending[i], count_in_parent, &parent),
                         0);
        }
        cr_assert_eq(in_child(destroy_inherited, detaches ? &pool : NULL), 0);
        cr_assert_eq(atomic_load(&called_in_parent), 0);
        end_all();
        cr_assert_eq(atomic_load(&called_in_parent), 4);
    }
}

/* gcc's AddressSanitizer may inherit a locked allocator from a thread that was at work. */
#define SKIP_UNDER_ADDRESS_SANITIZER()                                            \
    do {                                                                          \
        if (ADDRESS_SANITIZER)                                                    \
            cr_skip_test("AddressSanitizer's malloc() does not survive a fork() " \
                         "beside threads that use it");                           \
    } while (0)

static void *submit_one(void *executor)
{
    return (void *)(intptr_t)filch_executor_submit(executor, same, NULL, NULL);
}

static int destroy_executor(void *executor)
{
    leaks = true;
    HOLDS(filch_executor_submit(executor, same, NULL, NULL) == FILCH_EFORKED);
    HOLDS(filch_executor_destroy(executor) == 0);
    return 0;
}

Test(executor_fork, one_for_whose_room_a_thread_waits_may_be_destroyed)
{
    SKIP_UNDER_ADDRESS_SANITIZER();
    struct filch_executor_options options = {.max_queued = 1};
    struct filch_executor *executor = executor_with(1, &options);
    struct filch_future *running = occupy_executor(executor);
    pthread_t threads[3];
    void *error;
    cr_assert_eq(filch_executor_submit(executor, same, NULL, NULL), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, submit_one, executor), 0);
    for (int i = 0; i < 20; i++) {
        usleep((useconds_t)i * 50); /* they wait by then, or are about to */
        cr_assert_eq(in_child(destroy_executor, executor), 0);
    }
    sem_post(&leave);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &error);
        cr_assert_null(error);
    }
    filch_future_release(running);
    destroy(executor);
}

/* ---- What the child makes ---------------------------------------------------------------- */

FILCH_TASK(int, fib, int, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    int b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

static int use_new(void *generations)
{
    leaks = true;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_future *futures[100];
        struct filch_group *own;
        HOLDS(filch_group_create(backend.executor, NULL, &own) == 0);
        for (int i = 0; i < 100; i++) {
            HOLDS(filch_executor_submit(backend.executor, same, &futures[i], &futures[i]) == 0);
            HOLDS(filch_group_submit(own, count, NULL) == 0);
        }
        for (int i = 0; i < 100; i++) {
            void *result;
            HOLDS(filch_future_result(futures[i], FILCH_FOREVER, &result) == 0);
            HOLDS(result == &futures[i]);
            filch_future_release(futures[i]);
        }
        HOLDS(filch_group_wait(own, FILCH_FOREVER) == 0);
        HOLDS(filch_group_destroy(own) == 0);
        if (kind != INLINE)
            HOLDS(FILCH_RUN(filch_executor_pool(backend.executor), fib, 15) == 610);
        HOLDS(filch_executor_destroy(backend.executor) == 0);
        HOLDS(filch_pool_destroy(backend.pool) == 0);
    }
    if (generations)
        HOLDS(in_child(use_new, (char *)generations - 1) == 0);
    return 0;
}

Test(executor_fork, new_executors_work_in_children_and_their_children)
{
    make_all();
    cr_assert_eq(in_child(use_new, (void *)2), 0);
    end_all();
}

static int destroy_and_use_new(void *argument)
{
    HOLDS(destroy_inherited(NULL) == 0);
    return use_new(argument);
}

Test(executor_fork, new_executors_work_after_the_inherited_ones_were_destroyed)
{
    assert_in_child(destroy_and_use_new);
}

Test(executor_fork, the_parent_does_not_notice)
{
    make_all();
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(in_child(destroy_and_use_new, NULL), 0);
        struct filch_future *future = submit_to(executors[THREADS], same, &pool);
        cr_assert_eq(filch_future_state(future), FILCH_PENDING);
        filch_future_release(future);
    }
    end_all();
}

/* ---- While others are at work ------------------------------------------------------------ */

static _Atomic(bool) stop;

static void *submit_all_the_time(void *executor)
{
    while (!atomic_load(&stop)) {
        struct filch_future *future;
        cr_assert_eq(filch_executor_submit(executor, same, executor, &future), 0);
        cr_assert_eq(result_of(future), executor);
        cr_assert_eq(filch_executor_submit(executor, same, NULL, NULL), 0);
    }
    return NULL;
}

static int use_both(void *executor)
{
    HOLDS(destroy_executor(executor) == 0);
    return use_new(NULL);
}

Test(executor_fork, may_come_while_workers_and_others_are_at_work)
{
    SKIP_UNDER_ADDRESS_SANITIZER();
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 2);
        pthread_t threads[3];
        atomic_store(&stop, false);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, submit_all_the_time,
                                        backend.executor),
                         0);
        for (int i = 0; i < 25; i++)
            cr_assert_eq(in_child(use_both, backend.executor), 0);
        atomic_store(&stop, true);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        backend_destroy(&backend);
    }
}

static struct filch_executor *own;

static void *fork_in_task(void *argument)
{
    struct filch_pool *its_pool = filch_executor_pool(own);
    (void)argument;
    /* AddressSanitizer's allocator does not get over a fork() beside a thread that is in it, as a
     * new one is. */
    if (its_pool)
        await_sleepers(its_pool, (uint32_t)filch_pool_size(its_pool) - 1);
    return (void *)(intptr_t)in_child(use_both, own);
}

Test(executor_fork, may_come_in_a_task)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        own = backend.executor;
        for (int i = 0; i < 5; i++)
            cr_assert_null(result_of(submit_to(own, fork_in_task, NULL)));
        backend_destroy(&backend);
    }
}

static int just_end(void *argument)
{
    (void)argument;
    leaks = true;
    return 0;
}

Test(executor_fork, the_end_of_a_child_does_not_wait_for_what_the_parent_let_go)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *running = occupy_executor(backend.executor);
        filch_executor_detach(backend.executor);
        cr_assert_eq(in_child(just_end, NULL), 0);
        sem_post(&leave);
        cr_assert_eq(result_of(running), &untouched);
        cr_assert_eq(filch_pool_destroy(backend.pool), 0);
    }
}
