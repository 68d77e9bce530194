/* SPDX-License-Identifier: MIT
 *
 * Fork-join as a user writes it: arities and types, several forks in a frame, loops, full deques,
 * recursion between tasks, plain functions in between. On 1, 2 and 8 workers. */
#include "sched/core/worker.h"

#include <filch/future.h>
#include <filch/stats.h>
#include <filch/task.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

static struct filch_pool *pool;

/* Runs the block on pools of several sizes. */
#define ON_POOLS(...)                                                    \
    do {                                                                 \
        static const struct filch_pool_options shapes_[] = {             \
            {.workers = 1},                                              \
            {.workers = 2},                                              \
            {.workers = 8},                                              \
            {.workers = 2, .deque_slots = 1},                            \
        };                                                               \
        for (int shape_ = 0; shape_ < 4; shape_++) {                     \
            cr_assert_eq(filch_pool_create(&shapes_[shape_], &pool), 0); \
            __VA_ARGS__                                                  \
            cr_assert_eq(filch_pool_destroy(pool), 0);                   \
        }                                                                \
    } while (0)

FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

Test(forkjoin, computes_fibonacci_numbers)
{
    ON_POOLS({
        cr_assert_eq(FILCH_RUN(pool, fib, 0), 0);
        cr_assert_eq(FILCH_RUN(pool, fib, 1), 1);
        cr_assert_eq(FILCH_RUN(pool, fib, 27), 196418);
    });
}

FILCH_TASK(int, none)
{
    return 5;
}

FILCH_TASK(double, one, double, a)
{
    return a * 2;
}

FILCH_TASK(const char *, two, const char *, text, unsigned char, offset)
{
    return text + offset;
}

FILCH_TASK(int64_t, six, int8_t, a, int16_t, b, int32_t, c, int64_t, d, float, e, int *, f)
{
    return a + b + c + d + (int64_t)e + *f;
}

struct pair {
    double x, y;
};

FILCH_TASK(struct pair, swapped, struct pair, pair)
{
    return (struct pair){pair.y, pair.x};
}

struct forty {
    int64_t words[5];
};

FILCH_TASK(struct forty, negated, struct forty, f)
{
    for (int i = 0; i < 5; i++)
        f.words[i] = -f.words[i];
    return f;
}

FILCH_VOID_TASK(store, int *, where, int, value)
{
    *where = value;
}

FILCH_TASK(int, everything, int *, target)
{
    int f = 6, sum = 0;

    FILCH_FORK(none);
    FILCH_FORK(one, 1.5);
    FILCH_FORK(two, "filch", 1);
    FILCH_FORK(six, 1, 2, 3, 4, 5.5f, &f);
    FILCH_FORK(swapped, (struct pair){1, 2});
    FILCH_FORK(negated, (struct forty){{1, 2, 3, 4, 5}});
    FILCH_FORK(store, target, 9);
    FILCH_CALL(store, target + 1, FILCH_CALL(none));
    FILCH_JOIN(store);
    struct forty forty = FILCH_JOIN(negated);
    for (int i = 0; i < 5; i++)
        sum += forty.words[i] == -(i + 1);
    struct pair pair = FILCH_JOIN(swapped);
    sum += pair.x == 2 && pair.y == 1;
    sum += FILCH_JOIN(six) == 21;
    sum += *FILCH_JOIN(two) == 'i';
    sum += FILCH_JOIN(one) == 3.0;
    sum += FILCH_JOIN(none) == 5;
    return sum;
}

Test(forkjoin, takes_0_to_6_arguments_of_any_type)
{
    ON_POOLS({
        int target[2] = {0};
        cr_assert_eq(FILCH_RUN(pool, everything, target), 10);
        cr_assert_eq(target[0], 9);
        cr_assert_eq(target[1], 5);
    });
}

Test(forkjoin, any_task_may_be_the_root)
{
    ON_POOLS({
        int where = 0;
        FILCH_RUN(pool, store, &where, 3);
        cr_assert_eq(where, 3);
        cr_assert_eq(FILCH_RUN(pool, none), 5);
    });
}

FILCH_TASK(long, loop, long, n)
{
    long sum = 0;
    for (long i = 0; i < n; i++)
        FILCH_FORK(one, (double)i);
    for (long i = 0; i < n; i++)
        sum += (long)FILCH_JOIN(one);
    return sum;
}

Test(forkjoin, a_loop_of_forks_may_be_longer_than_the_deque)
{
    ON_POOLS({ cr_assert_eq(FILCH_RUN(pool, loop, 100000), 100000L * 99999); });
}

Test(forkjoin, forks_that_do_not_fit_run_in_place)
{
    struct filch_stats stats;
    struct filch_pool_options options = {.workers = 1, .deque_slots = 1};
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    cr_assert_eq(FILCH_RUN(pool, loop, 100000), 100000L * 99999);
    cr_assert_eq(FILCH_RUN(pool, fib, 20), 6765);
    filch_stats_read(pool, &stats);
    cr_assert(stats.spills > 90000);
    filch_pool_destroy(pool);
}

/* Two tasks that fork each other. */
FILCH_TASK_DECLARE(long, is_even, long, n)
FILCH_TASK_DECLARE(long, is_odd, long, n)

FILCH_TASK_BODY(long, is_even, long, n)
{
    if (n == 0)
        return 1;
    FILCH_FORK(is_odd, n - 1);
    return FILCH_JOIN(is_odd);
}

FILCH_TASK_BODY(long, is_odd, long, n)
{
    if (n == 0)
        return 0;
    FILCH_FORK(is_even, n - 1);
    return FILCH_JOIN(is_even);
}

Test(forkjoin, tasks_may_fork_each_other)
{
    ON_POOLS({
        cr_assert_eq(FILCH_RUN(pool, is_even, 1000), 1);
        cr_assert_eq(FILCH_RUN(pool, is_even, 1001), 0);
    });
}

/* A plain function in a task knows no head: it goes on with a deque of its own. */
static long plain(long n)
{
    return FILCH_RUN(pool, fib, n);
}

FILCH_TASK(long, mixed, long, n)
{
    if (n < 10)
        return plain(n);
    FILCH_FORK(mixed, n - 1);
    long b = FILCH_CALL(mixed, n - 2);
    return FILCH_JOIN(mixed) + b;
}

Test(forkjoin, a_plain_function_inside_a_task_may_run_tasks)
{
    ON_POOLS({ cr_assert_eq(FILCH_RUN(pool, mixed, 22), 17711); });
}

static void *submitted(void *argument)
{
    long n = (long)(intptr_t)argument;
    return (void *)(intptr_t)FILCH_RUN(pool, fib, n);
}

FILCH_TASK(long, waits, long, n)
{
    struct filch_future *future;
    void *result;

    if (n < 12) {
        cr_assert_eq(filch_pool_submit(pool, submitted, (void *)(intptr_t)n, &future), 0);
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
        filch_future_release(future);
        return (long)(intptr_t)result;
    }
    FILCH_FORK(waits, n - 1);
    long b = FILCH_CALL(waits, n - 2);
    return FILCH_JOIN(waits) + b;
}

Test(forkjoin, a_task_may_wait_for_futures_of_its_own_pool)
{
    ON_POOLS({ cr_assert_eq(FILCH_RUN(pool, waits, 20), 6765); });
}

/* The fork's task ends only after the frame that forked it has gone on: needs another worker. */
static _Atomic(int) arrived;

FILCH_VOID_TASK(meet)
{
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < 2)
        usleep(10);
}

FILCH_VOID_TASK(rendezvous)
{
    FILCH_FORK(meet);
    FILCH_CALL(meet);
    FILCH_JOIN(meet);
}

Test(forkjoin, a_fork_beside_a_sleeping_worker_wakes_it)
{
    cr_assert_eq(filch_pool_create(&(struct filch_pool_options){.workers = 2}, &pool), 0);
    for (int i = 0; i < 50; i++) {
        usleep(i % 2 ? 2000 : 0);
        atomic_store(&arrived, 0);
        FILCH_RUN(pool, rendezvous);
    }
    filch_pool_destroy(pool);
}

/* Leaves that end only when n of them run at the same time. */
FILCH_VOID_TASK(meet_all, int, n)
{
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < n)
        usleep(10);
}

FILCH_VOID_TASK(flat, int, n)
{
    for (int i = 0; i < n; i++)
        FILCH_FORK(meet_all, n);
    for (int i = 0; i < n; i++)
        FILCH_JOIN(meet_all);
}

Test(forkjoin, flat_forks_reach_all_sleeping_workers)
{
    cr_assert_eq(filch_pool_create(&(struct filch_pool_options){.workers = 6}, &pool), 0);
    for (int i = 0; i < 20; i++) {
        while (fi_idle_sleeping(atomic_load(&pool->idle.state)) < 6)
            usleep(10);
        atomic_store(&arrived, 0);
        FILCH_RUN(pool, flat, 6);
    }
    filch_pool_destroy(pool);
}

/* A leaf that ends once each other worker sleeps or is in one of the leaves above. */
FILCH_VOID_TASK(nap, uint32_t, others)
{
    while (fi_idle_sleeping(atomic_load(&pool->idle.state)) + (uint32_t)atomic_load(&arrived) <
           others)
        usleep(10);
}

/* After fine forks the newest few are private at first. Once the owner has run one leaf it
 * finds that others have asked, and shares the rest. */
FILCH_VOID_TASK(fine_then_flat, int, n)
{
    (void)FILCH_CALL(fib, 22);
    for (int i = 0; i < n; i++)
        FILCH_FORK(meet_all, n);
    FILCH_FORK(nap, (uint32_t)n - 1);
    FILCH_JOIN(nap);
    for (int i = 0; i < n; i++)
        FILCH_JOIN(meet_all);
}

Test(forkjoin, flat_forks_after_fine_ones_reach_all_workers_one_leaf_later)
{
    cr_assert_eq(filch_pool_create(&(struct filch_pool_options){.workers = 6}, &pool), 0);
    for (int i = 0; i < 50; i++) {
        usleep(i % 2 ? 2000 : 0);
        atomic_store(&arrived, 0);
        FILCH_RUN(pool, fine_then_flat, 6);
    }
    filch_pool_destroy(pool);
}

FILCH_TASK(long, deep, long, n)
{
    if (n == 0)
        return 0;
    FILCH_FORK(deep, n - 1);
    return FILCH_JOIN(deep) + 1;
}

Test(forkjoin, a_chain_of_10000_forks_fits_the_default_stack)
{
    ON_POOLS({ cr_assert_eq(FILCH_RUN(pool, deep, 10000), 10000); });
}

static void *outside(void *argument)
{
    for (int i = 0; i < 200; i++)
        cr_assert_eq(FILCH_RUN(pool, fib, 12), 144);
    return argument;
}

Test(forkjoin, many_threads_may_run_tasks_on_one_pool)
{
    ON_POOLS({
        pthread_t threads[8];
        for (int i = 0; i < 8; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, outside, NULL), 0);
        for (int i = 0; i < 8; i++)
            pthread_join(threads[i], NULL);
    });
}

static sem_t shared_one_ran;

FILCH_VOID_TASK(post, sem_t *, semaphore)
{
    sem_post(semaphore);
}

/* Fine forks first, so that the next one stays private unless it is shared. */
FILCH_VOID_TASK(fork_and_block)
{
    sem_t *done = &shared_one_ran;
    (void)FILCH_CALL(fib, 18);
    FILCH_FORK(post, done);
    FILCH_SHARE();
    while (sem_wait(done)) /* runs nothing: another worker has to take the fork */
        continue;
    sem_post(done);
    FILCH_JOIN(post);
}

Test(forkjoin, what_is_shared_is_run_while_its_task_blocks)
{
    cr_assert_eq(filch_pool_create(&(struct filch_pool_options){.workers = 2}, &pool), 0);
    for (int i = 0; i < 100; i++) {
        sem_init(&shared_one_ran, 0, 0);
        FILCH_RUN(pool, fork_and_block);
    }
    filch_pool_destroy(pool);
}

/* In the child of a fork: nobody is there to run it. */
static int run_on_dead_pool(void)
{
    if (filch_pool_check(pool) != FILCH_EFORKED)
        return 1;
    if (FILCH_RUN(pool, fib, 10) != 0) /* asserted in a debug build */
        return 2;
    return filch_pool_destroy(pool) ? 3 : 0;
}

Test(forkjoin, a_pool_runs_nothing_in_the_child_of_a_fork)
{
    int status = 0;
    cr_assert_eq(filch_pool_create(&(struct filch_pool_options){.workers = 2}, &pool), 0);
    cr_assert_eq(filch_pool_check(pool), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(run_on_dead_pool());
    cr_assert_eq(waitpid(child, &status, 0), child);
#ifdef FILCH_DEBUG
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#else
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
#endif
    cr_assert_eq(FILCH_RUN(pool, fib, 10), 55, "the parent's is as it was");
    filch_pool_destroy(pool);
}
