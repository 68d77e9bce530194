/* SPDX-License-Identifier: MIT
 *
 * How much an executor takes, and which task comes first: max_queued with each answer to "full",
 * and priorities with the bounds that executor.h promises. */
#include "executor.h"
#include "sched/futures/backend.h"

#include <filch/cancel.h>
#include <filch/group.h>

TestSuite(executor_limits, .init = setup);

/* A bounded executor with one worker, which is held until sem_post(&leave). */
struct bounded {
    struct backend backend;
    struct filch_future *held;
};

static struct bounded bounded_of(enum kind kind, size_t max_queued, enum filch_when_full when)
{
    struct filch_executor_options options = {.max_queued = max_queued, .when_full = when};
    struct bounded bounded = {{NULL, NULL}, NULL};
    if (kind == SHARED) {
        bounded.backend.pool = pool_of(1);
        cr_assert_eq(filch_executor_create_on(bounded.backend.pool, &options,
                                              &bounded.backend.executor),
                     0);
    } else {
        bounded.backend.executor = executor_with(1, &options);
    }
    bounded.held = occupy_executor(bounded.backend.executor);
    return bounded;
}

static void bounded_destroy(struct bounded *bounded)
{
    filch_future_release(bounded->held);
    backend_destroy(&bounded->backend);
}

/* Has `executor` run fn, in each of the three ways to say so. */
enum way { WITH_FUTURE, WITHOUT, IN_GROUP, WAYS };

static struct filch_group *group;

static int submit_by(enum way way, struct filch_executor *executor, filch_fn *fn)
{
    struct filch_future *future;
    int error = 0;
    if (way == WITH_FUTURE) {
        error = filch_executor_submit(executor, fn, NULL, &future);
        if (!error)
            filch_future_release(future);
    } else if (way == WITHOUT) {
        error = filch_executor_submit(executor, fn, NULL, NULL);
    } else {
        error = filch_group_submit(group, fn, NULL);
    }
    return error;
}

/* ---- Reject ------------------------------------------------------------------------------ */

Test(executor_limits, a_full_one_rejects)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct bounded bounded = bounded_of(kind, 3, FILCH_FULL_REJECT);
        struct filch_executor *executor = bounded.backend.executor;
        struct filch_future *future = UNTOUCHED;
        size_t submitted = 9;
        void *const arguments[] = {NULL, NULL};
        atomic_store(&ran, 0);
        cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
        for (enum way way = 0; way < WAYS; way++)
            cr_assert_eq(submit_by(way, executor, count), 0);
        for (enum way way = 0; way < WAYS; way++)
            cr_assert_eq(submit_by(way, executor, count), FILCH_EFULL, "%d", way);
        cr_assert_eq(filch_executor_submit(executor, count, NULL, &future), FILCH_EFULL);
        cr_assert_eq(future, UNTOUCHED);
        cr_assert_eq(filch_group_submit_many(group, count, arguments, 2, &submitted),
                     FILCH_EFULL);
        cr_assert_eq(submitted, 0);
        sem_post(&leave);
        cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), 0);
        cr_assert_eq(filch_group_destroy(group), 0);
        bounded_destroy(&bounded);
        cr_assert_eq(atomic_load(&ran), 3, "what was refused has not run");
    }
}

Test(executor_limits, takes_more_once_tasks_have_started)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct bounded bounded = bounded_of(kind, 2, FILCH_FULL_REJECT);
        struct filch_executor *executor = bounded.backend.executor;
        for (int round = 0; round < 5; round++) {
            struct filch_future *next = submit_to(executor, hold, NULL);
            struct filch_future *last = submit_to(executor, same, NULL);
            cr_assert_eq(submit_by(WITH_FUTURE, executor, same), FILCH_EFULL);
            sem_post(&leave);
            await_signal(&entered); /* `next` has started, so there is room for one */
            struct filch_future *more = submit_to(executor, same, NULL);
            cr_assert_eq(submit_by(WITHOUT, executor, same), FILCH_EFULL);
            sem_post(&leave);
            (void)result_of(next);
            (void)result_of(last);
            (void)result_of(more);
            filch_future_release(bounded.held);
            bounded.held = occupy_executor(executor);
        }
        sem_post(&leave);
        bounded_destroy(&bounded);
    }
}

Test(executor_limits, a_cancelled_task_makes_room_at_once)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct bounded bounded = bounded_of(kind, 2, FILCH_FULL_REJECT);
        struct filch_executor *executor = bounded.backend.executor;
        struct filch_future *first = submit_to(executor, same, NULL);
        struct filch_future *second = submit_to(executor, same, NULL);
        atomic_store(&ran, 0);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(submit_by(WITH_FUTURE, executor, count), FILCH_EFULL, "%d", i);
            cr_assert(i == 1 ? filch_future_stop(first) : filch_future_cancel(first));
            cr_assert(filch_future_cancel(first), "which makes no more room");
            filch_future_release(first);
            first = submit_to(executor, count, NULL);
        }
        cr_assert_eq(submit_by(WITHOUT, executor, count), FILCH_EFULL);
        sem_post(&leave);
        (void)result_of(second);
        (void)result_of(first);
        cr_assert_eq(atomic_load(&ran), 1);
        bounded_destroy(&bounded);
    }
}

/* Cancels futures of a bounded executor while its workers take them. */
static void *cancel_them(void *futures)
{
    struct filch_future **future = futures;
    for (int i = 0; i < 4; i++)
        (void)filch_future_cancel(future[i]);
    return NULL;
}

Test(executor_limits, room_is_counted_once_whoever_cancels_or_runs)
{
    enum { ROUNDS = 2000, ROOM = 4 };
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct filch_executor_options options = {.max_queued = ROOM,
                                                 .when_full = FILCH_FULL_REJECT};
        struct filch_pool *pool = kind == SHARED ? pool_of(2) : NULL;
        for (int round = 0; round < ROUNDS; round++) {
            struct filch_executor *executor = NULL;
            struct filch_future *futures[ROOM];
            pthread_t thread;
            cr_assert_eq(kind == SHARED ? filch_executor_create_on(pool, &options, &executor)
                                        : filch_executor_create(2, &options, &executor),
                         0);
            for (int i = 0; i < ROOM; i++)
                futures[i] = submit_to(executor, same, NULL);
            cr_assert_eq(pthread_create(&thread, NULL, cancel_them, futures), 0);
            (void)cancel_them(futures);
            if (round % 2) { /* which frees it while one still cancels */
                destroy(executor);
                pthread_join(thread, NULL);
            } else {
                pthread_join(thread, NULL);
                for (int i = 0; i < ROOM; i++)
                    (void)filch_future_result(futures[i], FILCH_FOREVER, NULL);
                /* All room is there again, once the workers have come by, and no more. */
                while (atomic_load(&executor->room.word) >> 32 != ROOM)
                    sched_yield();
                destroy(executor);
            }
            for (int i = 0; i < ROOM; i++)
                filch_future_release(futures[i]);
        }
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}

Test(executor_limits, what_was_refused_for_other_reasons_takes_no_room)
{
    struct bounded bounded = bounded_of(THREADS, 1, FILCH_FULL_REJECT);
    struct filch_executor *executor = bounded.backend.executor;
    struct filch_task_options wrong = {.priority = (enum filch_priority)5};
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(submit_by(WITH_FUTURE, executor, NULL), FILCH_EINVAL);
        cr_assert_eq(submit_by(WITHOUT, executor, NULL), FILCH_EINVAL);
        cr_assert_eq(filch_executor_submit_with(executor, &wrong, same, NULL, NULL),
                     FILCH_EINVAL);
    }
    cr_assert_eq(submit_by(WITH_FUTURE, executor, same), 0);
    cr_assert_eq(submit_by(WITH_FUTURE, executor, same), FILCH_EFULL);
    sem_post(&leave);
    bounded_destroy(&bounded);
}

static struct filch_executor *own;

static void *fill_and_wait(void *argument)
{
    for (int i = 0; i < 100; i++) {
        struct filch_future *future;
        int error = filch_executor_submit(own, same, argument, &future);
        if (error)
            return filch_fail(error, "at %d", i);
        (void)result_of(future);
    }
    return argument;
}

Test(executor_limits, a_task_that_its_waiter_has_run_takes_no_room)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct bounded bounded = bounded_of(kind, 1, FILCH_FULL_REJECT);
        own = bounded.backend.executor;
        struct filch_future *future = submit_to(own, fill_and_wait, NULL);
        sem_post(&leave);
        cr_assert_null(filch_future_error(future, FILCH_FOREVER, NULL), "%s",
                       filch_future_error(future, 0, NULL));
        filch_future_release(future);
        bounded_destroy(&bounded);
    }
}

/* ---- The caller runs --------------------------------------------------------------------- */

static pthread_t runner;

static void *note_thread(void *argument)
{
    runner = pthread_self();
    atomic_fetch_add(&ran, 1);
    return argument;
}

Test(executor_limits, a_full_one_has_the_caller_run_the_task)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (enum way way = 0; way < WAYS; way++) {
            struct bounded bounded = bounded_of(kind, 2, FILCH_FULL_CALLER_RUNS);
            struct filch_executor *executor = bounded.backend.executor;
            atomic_store(&ran, 0);
            cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
            for (int i = 0; i < 2; i++)
                cr_assert_eq(submit_by(way, executor, count), 0);
            cr_assert_eq(atomic_load(&ran), 0);
            cr_assert_eq(submit_by(way, executor, note_thread), 0);
            cr_assert_eq(atomic_load(&ran), 1);
            cr_assert(pthread_equal(runner, pthread_self()));
            sem_post(&leave);
            cr_assert_eq(filch_group_destroy(group), 0);
            bounded_destroy(&bounded);
            cr_assert_eq(atomic_load(&ran), 3);
        }
}

Test(executor_limits, the_future_of_a_task_that_the_caller_ran_has_ended)
{
    struct bounded bounded = bounded_of(THREADS, 1, FILCH_FULL_CALLER_RUNS);
    struct filch_executor *executor = bounded.backend.executor;
    struct complaint complaint = {5, "why"};
    struct filch_future *queued = submit_to(executor, same, NULL);
    struct filch_future *good = submit_to(executor, same, &ran);
    struct filch_future *bad = submit_to(executor, complain, &complaint);
    cr_assert_eq(filch_future_state(queued), FILCH_PENDING);
    cr_assert_eq(filch_future_state(good), FILCH_FINISHED);
    cr_assert_eq(result_of(good), &ran);
    cr_assert_str_eq(filch_future_error(bad, 0, NULL), "why");
    cr_assert_eq(error_of(bad), 5);
    sem_post(&leave);
    (void)result_of(queued);
    bounded_destroy(&bounded);
}

Test(executor_limits, a_caller_does_not_run_what_is_cancelled)
{
    struct bounded bounded = bounded_of(THREADS, 1, FILCH_FULL_CALLER_RUNS);
    struct filch_executor *executor = bounded.backend.executor;
    struct filch_task_options options = {.name = NULL};
    struct filch_future *future;
    cr_assert_eq(filch_token_create(NULL, &options.token), 0);
    filch_token_cancel(options.token);
    cr_assert_eq(submit_by(WITHOUT, executor, same), 0);
    cr_assert_eq(filch_executor_submit_with(executor, &options, count, NULL, &future), 0);
    cr_assert_eq(filch_future_state(future), FILCH_CANCELLED_AND_NOTIFIED);
    cr_assert_eq(atomic_load(&ran), 0);
    filch_token_release(options.token);
    filch_future_release(future);
    sem_post(&leave);
    bounded_destroy(&bounded);
}

static void *shut_down_own(void *argument)
{
    (void)argument;
    return (void *)(intptr_t)filch_executor_shutdown(own, true, false);
}

Test(executor_limits, a_task_that_the_caller_runs_cannot_wait_for_its_executor)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct bounded bounded = bounded_of(kind, 1, FILCH_FULL_CALLER_RUNS);
        own = bounded.backend.executor;
        cr_assert_eq(submit_by(WITHOUT, own, same), 0);
        cr_assert_eq((intptr_t)result_of(submit_to(own, shut_down_own, NULL)), FILCH_EDEADLK);
        sem_post(&leave);
        bounded_destroy(&bounded);
    }
}

/* ---- Block ------------------------------------------------------------------------------- */

static void *submit_10(void *executor)
{
    for (int i = 0; i < 10; i++)
        cr_assert_eq(submit_by(i % 2 ? WITHOUT : WITH_FUTURE, executor, count), 0);
    return NULL;
}

/* Until `count` threads wait for room. */
static void await_full(struct filch_executor *executor)
{
    while (!filch_semaphore_try_acquire(&executor->room)) {
        (void)filch_semaphore_release(&executor->room, 1);
        sched_yield();
    }
}

Test(executor_limits, a_full_one_has_the_caller_wait)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct bounded bounded = bounded_of(kind, 3, FILCH_FULL_BLOCK);
        struct filch_executor *executor = bounded.backend.executor;
        pthread_t threads[4];
        atomic_store(&ran, 0);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, submit_10, executor), 0);
        await_full(executor);
        cr_assert_eq(atomic_load(&ran), 0);
        sem_post(&leave);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        bounded_destroy(&bounded);
        cr_assert_eq(atomic_load(&ran), 40);
    }
}

static void *submit_one(void *executor)
{
    return (void *)(intptr_t)submit_by(WITH_FUTURE, executor, count);
}

Test(executor_limits, who_waits_for_room_hears_of_a_shutdown)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (int cancel = 0; cancel < 2; cancel++) {
            struct bounded bounded = bounded_of(kind, 1, FILCH_FULL_BLOCK);
            struct filch_executor *executor = bounded.backend.executor;
            pthread_t threads[3];
            intptr_t errors[3];
            atomic_store(&ran, 0);
            cr_assert_eq(submit_by(WITHOUT, executor, count), 0);
            for (int i = 0; i < 3; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, submit_one, executor), 0);
            cr_assert_eq(filch_executor_shutdown(executor, false, cancel), 0);
            if (!cancel)
                sem_post(&leave);
            for (int i = 0; i < 3; i++) {
                pthread_join(threads[i], (void **)&errors[i]);
                cr_assert_eq(errors[i], FILCH_ESHUTDOWN);
            }
            if (cancel)
                sem_post(&leave);
            bounded_destroy(&bounded);
            cr_assert_eq(atomic_load(&ran), !cancel);
        }
}

static void *submit_20(void *argument)
{
    for (int i = 0; i < 20; i++)
        if (submit_by(i % 2 ? WITHOUT : WITH_FUTURE, own, count))
            return NULL;
    return argument;
}

Test(executor_limits, the_only_worker_may_wait_for_room_in_its_own)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct bounded bounded = bounded_of(kind, 2, FILCH_FULL_BLOCK);
        own = bounded.backend.executor;
        atomic_store(&ran, 0);
        struct filch_future *future = submit_to(own, submit_20, &ran);
        sem_post(&leave);
        cr_assert_eq(result_of(future), &ran);
        bounded_destroy(&bounded);
        cr_assert_eq(atomic_load(&ran), 20);
    }
}

/* ---- Priorities -------------------------------------------------------------------------- */

static _Atomic(int) turn;

static void *take_turn(void *argument)
{
    *(int *)argument = atomic_fetch_add(&turn, 1);
    return NULL;
}

/* Turns of tasks that wait together for one worker. */
static int turns[3][1000];

static void submit_tasks(struct filch_executor *executor, enum filch_priority priority,
                         int tasks)
{
    struct filch_task_options options = {.priority = priority};
    for (int i = 0; i < tasks; i++)
        cr_assert_eq(filch_executor_submit_with(executor, &options, take_turn,
                                                &turns[priority + 1][i], NULL),
                     0);
}

static int turn_of(enum filch_priority priority, int i)
{
    return turns[priority + 1][i];
}

/* Has one worker run so many of each priority, submitted in this order: the n-th one's digit. */
static void run_in_order(enum kind kind, const int *tasks, const enum filch_priority *order)
{
    struct backend backend = backend_of(kind, 1);
    struct filch_future *held = occupy_executor(backend.executor);
    atomic_store(&turn, 0);
    for (int i = 0; i < 3; i++)
        submit_tasks(backend.executor, order[i], tasks[order[i] + 1]);
    sem_post(&leave);
    filch_future_release(held);
    backend_destroy(&backend);
    cr_assert_eq(atomic_load(&turn), tasks[0] + tasks[1] + tasks[2]);
}

static const enum filch_priority orders[][3] = {
    {FILCH_PRIORITY_LOW, FILCH_PRIORITY_NORMAL, FILCH_PRIORITY_HIGH},
    {FILCH_PRIORITY_HIGH, FILCH_PRIORITY_NORMAL, FILCH_PRIORITY_LOW},
    {FILCH_PRIORITY_NORMAL, FILCH_PRIORITY_LOW, FILCH_PRIORITY_HIGH},
};

Test(executor_limits, tasks_of_a_higher_priority_start_first)
{
    static const int tasks[] = {2, 2, 3};
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (size_t i = 0; i < COUNT(orders); i++) {
            run_in_order(kind, tasks, orders[i]);
            for (int high = 0; high < 3; high++)
                cr_assert_eq(turn_of(FILCH_PRIORITY_HIGH, high), high);
            for (int normal = 0; normal < 2; normal++)
                cr_assert_eq(turn_of(FILCH_PRIORITY_NORMAL, normal), 3 + normal);
            for (int low = 0; low < 2; low++)
                cr_assert_eq(turn_of(FILCH_PRIORITY_LOW, low), 5 + low);
        }
}

Test(executor_limits, tasks_of_one_priority_start_in_order)
{
    static const int tasks[] = {500, 500, 500};
    run_in_order(THREADS, tasks, orders[0]);
    for (int priority = -1; priority <= 1; priority++)
        for (int i = 1; i < 500; i++)
            cr_assert_lt(turn_of((enum filch_priority)priority, i - 1),
                         turn_of((enum filch_priority)priority, i));
}

/* How many tasks in a row were all above `priority` while some up to it still waited, at most. */
static int longest_wait(const int *tasks, enum filch_priority priority)
{
    static bool at[3000];
    int all = tasks[0] + tasks[1] + tasks[2], left = 0, wait = 0, longest = 0;
    memset(at, 0, sizeof at);
    for (int lower = FILCH_PRIORITY_LOW; lower <= (int)priority; lower++) {
        left += tasks[lower + 1];
        for (int i = 0; i < tasks[lower + 1]; i++)
            at[turn_of((enum filch_priority)lower, i)] = true;
    }
    for (int i = 0; i < all && left > 0; i++) {
        wait = at[i] ? 0 : wait + 1;
        left -= at[i];
        longest = wait > longest ? wait : longest;
    }
    return longest;
}

Test(executor_limits, no_priority_is_forgotten)
{
    static const int tasks[] = {10, 20, 1000};
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (size_t i = 0; i < COUNT(orders); i++) {
            run_in_order(kind, tasks, orders[i]);
            cr_assert_leq(longest_wait(tasks, FILCH_PRIORITY_NORMAL), 7);
            cr_assert_leq(longest_wait(tasks, FILCH_PRIORITY_LOW), 63);
            cr_assert_gt(turn_of(FILCH_PRIORITY_LOW, 9), 200, "nor preferred");
        }
}

Test(executor_limits, one_low_task_starts_after_at_most_64_others)
{
    static const int tasks[] = {1, 0, 100};
    for (size_t i = 0; i < COUNT(orders); i++) {
        run_in_order(THREADS, tasks, orders[i]);
        cr_assert_leq(turn_of(FILCH_PRIORITY_LOW, 0), 64);
    }
}

Test(executor_limits, one_normal_task_starts_after_at_most_8_others)
{
    static const int tasks[] = {0, 1, 100};
    for (size_t i = 0; i < COUNT(orders); i++) {
        run_in_order(THREADS, tasks, orders[i]);
        cr_assert_leq(turn_of(FILCH_PRIORITY_NORMAL, 0), 8);
    }
}
