/* SPDX-License-Identifier: MIT
 *
 * The life of a pool, its options, and what happens when the system refuses a thread or memory.
 */
#include <filch/future.h>
#include <filch/pool.h>
#include <filch/stats.h>
#include <filch/task.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#else
#define ADDRESS_SANITIZER 0
#endif

static int threads_now(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/task");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static struct filch_pool *pool_of(int workers)
{
    struct filch_pool *pool = NULL;
    cr_assert_eq(filch_pool_create(&(struct filch_pool_options){.workers = workers}, &pool), 0);
    return pool;
}

Test(pool, has_as_many_threads_as_workers_and_ends_them)
{
    int before = threads_now();
    struct filch_pool *pool = pool_of(5);
    cr_assert_eq(filch_pool_size(pool), 5);
    cr_assert_eq(threads_now(), before + 5);
    cr_assert_eq(filch_pool_destroy(pool), 0);
    cr_assert_eq(threads_now(), before);
}

Test(pool, the_default_size_is_what_sizing_says)
{
    struct filch_sizing sizing;
    struct filch_pool *pool;
    cr_assert_eq(filch_sizing_read(NULL, &sizing), 0);
    cr_assert_eq(filch_pool_create(NULL, &pool), 0);
    cr_assert_eq(filch_pool_size(pool), sizing.workers);
    filch_pool_destroy(pool);
}

Test(pool, destroying_nothing_is_fine)
{
    cr_assert_eq(filch_pool_destroy(NULL), 0);
}

Test(pool, options_out_of_range_are_refused)
{
    static const struct filch_pool_options wrong[] = {
        {.workers = -1},
        {.workers = FILCH_WORKERS_MAX + 1},
        {.workers = 1, .stack_size = 1},
        {.workers = 1, .deque_slots = (size_t)1 << 40},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct filch_pool *pool = NULL;
        cr_assert_eq(filch_pool_create(&wrong[i], &pool), FILCH_EINVAL, "%zu", i);
        cr_assert_null(pool);
    }
}

Test(pool, knows_its_workers)
{
    cr_assert_null(filch_pool_current());
    cr_assert_eq(filch_pool_worker(), -1);
}

FILCH_TASK(int, who, struct filch_pool *, pool)
{
    return filch_pool_current() == pool ? filch_pool_worker() : -1;
}

Test(pool, a_task_runs_on_a_worker_of_its_pool)
{
    struct filch_pool *pool = pool_of(3);
    for (int i = 0; i < 100; i++) {
        int worker = FILCH_RUN(pool, who, pool);
        cr_assert(worker >= 0 && worker < 3);
    }
    filch_pool_destroy(pool);
}

static void *destroy_own(void *argument)
{
    return (void *)(intptr_t)filch_pool_destroy(argument);
}

Test(pool, a_worker_cannot_destroy_its_own_pool)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future;
    void *result;
    cr_assert_eq(filch_pool_submit(pool, destroy_own, pool, &future), 0);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
    cr_assert_eq((intptr_t)result, FILCH_EDEADLK);
    filch_future_release(future);
    filch_pool_destroy(pool);
}

static _Atomic(int) ran;

static void *count(void *argument)
{
    atomic_fetch_add(&ran, 1);
    return argument;
}

Test(pool, destroying_runs_what_was_submitted)
{
    struct filch_pool *pool = pool_of(2);
    for (int i = 0; i < 10000; i++)
        cr_assert_eq(filch_pool_submit(pool, count, NULL, NULL), 0);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 10000);
}

Test(pool, two_pools_do_not_know_each_other)
{
    struct filch_pool *one = pool_of(1), *two = pool_of(1);
    cr_assert_eq(FILCH_RUN(one, who, two), -1);
    cr_assert_eq(FILCH_RUN(two, who, two), 0);
    filch_pool_destroy(one);
    filch_pool_destroy(two);
}

FILCH_TASK(int, across, struct filch_pool *, other)
{
    return FILCH_RUN(other, who, other);
}

Test(pool, a_task_of_one_pool_may_run_work_on_another)
{
    struct filch_pool *one = pool_of(1), *two = pool_of(1);
    cr_assert_eq(FILCH_RUN(one, across, two), 0);
    filch_pool_destroy(one);
    filch_pool_destroy(two);
}

/* On a worker: are all signals blocked that can be? */
static void *blocks_signals(void *argument)
{
    sigset_t set;
    (void)argument;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    return (void *)(intptr_t)(sigismember(&set, SIGINT) && sigismember(&set, SIGTERM));
}

Test(pool, workers_leave_signals_to_the_program)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future;
    void *result;
    sigset_t set;
    cr_assert_eq(filch_pool_submit(pool, blocks_signals, NULL, &future), 0);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
    cr_assert(result);
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    cr_assert_not(sigismember(&set, SIGINT), "the creator's mask is as it was");
    filch_future_release(future);
    filch_pool_destroy(pool);
}

static void *stack_user(void *argument)
{
    volatile char stack[3 << 20];
    for (size_t i = 0; i < sizeof stack; i += 4096)
        stack[i] = 1;
    return stack[4096] ? argument : NULL;
}

Test(pool, the_stack_size_is_an_option)
{
    struct filch_pool *pool;
    struct filch_future *future;
    struct filch_pool_options options = {.workers = 1, .stack_size = 4 << 20};
    void *result;
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    cr_assert_eq(filch_pool_submit(pool, stack_user, &pool, &future), 0);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
    cr_assert_eq(result, &pool);
    filch_future_release(future);
    filch_pool_destroy(pool);
}

/* Leaves room for `bytes` more of address space. */
static void limit_address_space(size_t bytes)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert_eq(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    struct rlimit limit = {.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes,
                           .rlim_max = RLIM_INFINITY};
    getrlimit(RLIMIT_AS, &(struct rlimit){0});
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

Test(pool, a_thread_that_cannot_be_created_is_an_error_and_nothing_is_left)
{
    if (ADDRESS_SANITIZER)
        cr_skip_test("AddressSanitizer needs the address space itself");
    int before = threads_now();
    struct filch_pool *pool = NULL;
    struct filch_pool_options options = {.workers = 64,
                                         .stack_size = 8 << 20,
                                         .deque_slots = 64};
    limit_address_space((size_t)200 << 20); /* room for some of the stacks */
    cr_assert_eq(filch_pool_create(&options, &pool), FILCH_ETHREAD);
    cr_assert_null(pool);
    cr_assert_eq(threads_now(), before);
    options.workers = 2;
    cr_assert_eq(filch_pool_create(&options, &pool), 0, "fewer workers still fit");
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(pool, no_memory_for_the_deques_is_an_error)
{
    if (ADDRESS_SANITIZER)
        cr_skip_test("AddressSanitizer needs the address space itself");
    struct filch_pool *pool = NULL;
    limit_address_space((size_t)100 << 20);
    cr_assert_eq(filch_pool_create(&(struct filch_pool_options){.workers = 4}, &pool),
                 FILCH_ENOMEM);
    cr_assert_null(pool);
}

Test(pool, stats_count_what_was_run)
{
    struct filch_pool *pool = pool_of(2);
    struct filch_stats stats;
    for (int i = 0; i < 10; i++)
        (void)FILCH_RUN(pool, who, pool);
    filch_stats_read(pool, &stats);
    cr_assert_eq(stats.tasks, 10);
    cr_assert_eq(stats.spills, 0);
    filch_pool_destroy(pool);
}
