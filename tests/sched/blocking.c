/* SPDX-License-Identifier: MIT
 *
 * Calls that block, in a task: spares take the place of the workers that sleep, within limits, and
 * go again. */
#include "executor.h"

#include <filch/blocking.h>
#include <filch/group.h>
#include <filch/sync.h>
#include <filch/task.h>
#include <filch/wait.h>

TestSuite(blocking, .init = setup);

#define MANY 100

static struct filch_pool *pool_with(int workers, int spares)
{
    struct filch_pool *pool = NULL;
    struct filch_pool_options options = {.workers = workers, .spares = spares};
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    return pool;
}

static void end_pool(struct filch_pool *pool)
{
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static void await_signals(sem_t *semaphore, int count)
{
    for (int i = 0; i < count; i++)
        await_signal(semaphore);
}

static void post(sem_t *semaphore, int count)
{
    for (int i = 0; i < count; i++)
        sem_post(semaphore);
}

/* Tasks that are told apart by their place in the array. */
static void submit_all(struct filch_pool *pool, filch_fn *fn, struct filch_future **futures,
                       int count)
{
    for (int i = 0; i < count; i++)
        futures[i] = submit(pool, fn, &futures[i]);
}

static void finish_all(struct filch_future **futures, int count)
{
    for (int i = 0; i < count; i++)
        cr_assert_eq(result_of(futures[i]), &futures[i]);
}

static _Atomic(int) blocked_now, blocked_at_most;

static void wait_to_leave(void)
{
    int now = atomic_fetch_add(&blocked_now, 1) + 1, most = atomic_load(&blocked_at_most);
    while (most < now && !atomic_compare_exchange_weak(&blocked_at_most, &most, now))
        continue;
    sem_post(&entered);
    await_signal(&leave);
    atomic_fetch_sub(&blocked_now, 1);
}

/* Sleeps until sem_post(&leave), and says so to the pool. */
static void *block(void *argument)
{
    filch_blocking_begin();
    wait_to_leave();
    filch_blocking_end();
    return argument;
}

FILCH_TASK(int, fib, int, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    int b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

/* Until no spare takes part any more: for a moment longer than the tasks that blocked. */
static void await_spares(struct filch_pool *pool)
{
    for (int members = 0; members != filch_pool_size(pool); sched_yield()) {
        members = 0;
        pthread_mutex_lock(&pool->lock);
        for (int i = 0; i < fi_pool_known(pool); i++)
            members += pool->workers[i]->member;
        pthread_mutex_unlock(&pool->lock);
    }
}

/* ---- The others go on -------------------------------------------------------------------- */

Test(blocking, a_hundred_tasks_that_block_do_not_stall_a_computation)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_pool *pool = filch_executor_pool(backend.executor);
        struct filch_future *blocked[MANY];
        for (int i = 0; i < MANY; i++)
            blocked[i] = submit_to(backend.executor, block, &blocked[i]);
        await_signals(&entered, MANY);
        cr_assert_eq(FILCH_RUN(pool, fib, 15), 610);
        for (int i = 0; i < MANY; i++) {
            cr_assert_eq(result_of(submit_to(backend.executor, same, pool)), pool);
            cr_assert_eq(filch_future_state(blocked[i]), FILCH_RUNNING);
        }
        post(&leave, MANY);
        finish_all(blocked, MANY);
        cr_assert_eq(FILCH_RUN(pool, fib, 15), 610);
        backend_destroy(&backend);
    }
}

static int pipe_ends[2];

static void *read_one(void *argument)
{
    char byte;
    ssize_t got;
    filch_blocking_begin();
    while ((got = read(pipe_ends[0], &byte, 1)) < 0 && errno == EINTR)
        continue;
    filch_blocking_end();
    cr_assert_eq(got, 1);
    return argument;
}

static void *write_many(void *argument)
{
    char bytes[MANY] = {0};
    cr_assert_eq(write(pipe_ends[1], bytes, MANY), MANY);
    return argument;
}

Test(blocking, what_comes_last_may_be_what_all_others_wait_for)
{
    cr_assert_eq(pipe(pipe_ends), 0);
    for (int workers = 1; workers <= 2; workers++)
        for (int round = 0; round < 20; round++) {
            struct filch_pool *pool = pool_with(workers, MANY);
            struct filch_future *readers[MANY];
            submit_all(pool, read_one, readers, MANY);
            cr_assert_eq(result_of(submit(pool, write_many, pool)), pool);
            finish_all(readers, MANY);
            end_pool(pool);
        }
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static struct filch_executor *own;

/* Has others run what it submitted itself, while it sleeps. */
static void *submit_and_block(void *argument)
{
    for (int i = 0; i < 10; i++)
        cr_assert_eq(filch_executor_submit(own, count, NULL, NULL), 0);
    cr_assert_eq(filch_executor_submit(own, open_hold, NULL, NULL), 0);
    return block(argument);
}

/* One worker. Threads of its own have no spares by default then. */
static struct backend backend_with_spares(enum kind kind)
{
    struct filch_executor_options options = {.spares = 8};
    struct backend backend = {.executor = NULL};
    if (kind != THREADS)
        return backend_of(kind, 1);
    backend.executor = executor_with(1, &options);
    return backend;
}

Test(blocking, what_the_only_worker_leaves_behind_is_run)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_with_spares(kind);
        own = backend.executor;
        atomic_store(&ran, 0);
        cr_assert_eq(result_of(submit_to(own, submit_and_block, &ran)), &ran);
        cr_assert_eq(atomic_load(&ran), 10);
        backend_destroy(&backend);
    }
}

Test(blocking, what_comes_while_the_only_worker_sleeps_is_run)
{
    struct filch_pool *pool = pool_with(1, 1);
    for (int round = 0; round < 200; round++) {
        struct filch_future *blocked = submit(pool, block, pool);
        await_signal(&entered);
        for (int i = 0; i < round; i++)
            sched_yield(); /* the spare still searches, or sleeps */
        cr_assert_eq(result_of(submit(pool, same, pool)), pool);
        sem_post(&leave);
        cr_assert_eq(result_of(blocked), pool);
    }
    end_pool(pool);
}

/* What a body has forked, and what others run of it meanwhile. */
FILCH_VOID_TASK(signal_entered)
{
    sem_post(&entered);
}

FILCH_TASK(int, fork_and_block, int, forks)
{
    for (int i = 0; i < forks; i++)
        FILCH_FORK(signal_entered);
    FILCH_SHARE();
    filch_blocking_begin();
    await_signals(&entered, forks);
    filch_blocking_end();
    for (int i = 0; i < forks; i++)
        FILCH_JOIN(signal_entered);
    return forks;
}

FILCH_TASK(int, fork_those_who_block, int, depth)
{
    if (depth == 0)
        return FILCH_CALL(fork_and_block, 10);
    FILCH_FORK(fork_those_who_block, depth - 1);
    int rest = FILCH_CALL(fork_those_who_block, depth - 1);
    return FILCH_JOIN(fork_those_who_block) + rest;
}

Test(blocking, what_a_body_has_forked_and_shared_is_run_by_others)
{
    for (int workers = 1; workers <= 3; workers++) {
        struct filch_pool *pool = pool_with(workers, 0);
        for (int round = 0; round < 50; round++) {
            cr_assert_eq(FILCH_RUN(pool, fork_and_block, 1), 1);
            cr_assert_eq(FILCH_RUN(pool, fork_and_block, 1000), 1000);
            cr_assert_eq(FILCH_RUN(pool, fork_those_who_block, 3), 80);
        }
        end_pool(pool);
    }
}

/* ---- Nesting ----------------------------------------------------------------------------- */

static void *block_nested(void *argument)
{
    for (int i = 0; i < 5; i++)
        filch_blocking_begin();
    for (int i = 0; i < 4; i++)
        filch_blocking_end();
    wait_to_leave();
    filch_blocking_end();
    return argument;
}

Test(blocking, may_be_nested)
{
    int before = threads_now();
    struct filch_pool *pool = pool_with(1, 8);
    for (int round = 0; round < 10; round++) {
        struct filch_future *blocked = submit(pool, block_nested, pool);
        await_signal(&entered);
        cr_assert_eq(result_of(submit(pool, same, pool)), pool, "still covered");
        sem_post(&leave);
        cr_assert_eq(result_of(blocked), pool);
        await_spares(pool);
    }
    cr_assert_eq(threads_now(), before + 2, "by one spare at a time");
    end_pool(pool);
}

static struct filch_semaphore permits;

static void *block_and_acquire(void *argument)
{
    filch_blocking_begin();
    sem_post(&entered);
    cr_assert_eq(filch_semaphore_acquire(&permits, FILCH_FOREVER), 0);
    filch_blocking_end();
    return argument;
}

static void *release_permit(void *argument)
{
    cr_assert_eq(filch_semaphore_release(&permits, 1), 0);
    return argument;
}

Test(blocking, a_lock_within_needs_no_spare_of_its_own)
{
    int before = threads_now();
    struct filch_pool *pool = pool_with(1, 8);
    filch_semaphore_init(&permits, 0);
    for (int round = 0; round < 100; round++) {
        struct filch_future *blocked = submit(pool, block_and_acquire, pool);
        await_signal(&entered);
        cr_assert_eq(result_of(submit(pool, release_permit, pool)), pool);
        cr_assert_eq(result_of(blocked), pool);
        await_spares(pool);
    }
    cr_assert_eq(threads_now(), before + 2);
    filch_semaphore_fini(&permits);
    end_pool(pool);
}

static void *begin_and_end(void *argument)
{
    filch_blocking_end(); /* of nothing */
    filch_blocking_begin();
    filch_blocking_end();
    filch_blocking_end();
    return argument;
}

Test(blocking, does_nothing_outside_of_a_pool)
{
    int before = threads_now();
    struct filch_executor *executor = NULL;
    cr_assert_eq(filch_executor_create_inline(&executor), 0);
    (void)begin_and_end(NULL);
    cr_assert_eq(result_of(submit_to(executor, begin_and_end, executor)), executor);
    cr_assert_eq(threads_now(), before);
    destroy(executor);
}

Test(blocking, an_end_without_a_beginning_does_nothing)
{
    struct filch_pool *pool = pool_with(2, 2);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(result_of(submit(pool, begin_and_end, pool)), pool);
    await_spares(pool);
    cr_assert_eq(FILCH_RUN(pool, fib, 15), 610);
    end_pool(pool);
}

/* ---- Limits ------------------------------------------------------------------------------ */

Test(blocking, the_number_of_spares_is_an_option)
{
    static const struct {
        int option, spares;
    } cases[] = {{0, FILCH_SPARES_MAX}, {-1, 0}, {1, 1}, {7, 7}, {FILCH_SPARES_MAX, FILCH_SPARES_MAX}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct filch_pool *pool = pool_with(2, cases[i].option);
        cr_assert_eq(filch_pool_size(pool), 2);
        cr_assert_eq(filch_pool_capacity(pool), 2 + cases[i].spares);
        end_pool(pool);
    }
    static const int wrong[] = {-2, INT_MIN, FILCH_SPARES_MAX + 1, INT_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct filch_pool *pool = UNTOUCHED;
        struct filch_pool_options options = {.workers = 1, .spares = wrong[i]};
        cr_assert_eq(filch_pool_create(&options, &pool), FILCH_EINVAL);
        cr_assert_eq(pool, UNTOUCHED);
    }
}

/* `size` workers and `spares` spares have more tasks that block than they are. */
static void fill_up(int option, int size, int spares)
{
    enum { MORE = 20 };
    int before = threads_now(), all = size + spares;
    struct filch_pool *pool = pool_with(size, option);
    struct filch_future **blocked = calloc((size_t)(all + MORE), sizeof(struct filch_future *));
    cr_assert(blocked);
    atomic_store(&blocked_at_most, 0);
    submit_all(pool, block, blocked, all + MORE);
    await_signals(&entered, all);
    struct filch_future *last = submit(pool, same, pool);
    cr_assert_eq(threads_now(), before + all);
    cr_assert_eq(filch_future_state(last), FILCH_PENDING);
    post(&leave, all + MORE);
    finish_all(blocked, all + MORE);
    cr_assert_eq(result_of(last), pool);
    cr_assert_eq(atomic_load(&blocked_at_most), all);
    cr_assert_eq(threads_now(), before + all);
    await_signals(&entered, MORE);
    await_spares(pool);
    end_pool(pool);
    await_threads(before);
    free(blocked);
}

Test(blocking, with_all_spares_asleep_the_others_wait)
{
    fill_up(1, 1, 1);
    fill_up(3, 1, 3);
    fill_up(7, 2, 7);
}

Test(blocking, without_spares_the_workers_themselves_sleep)
{
    fill_up(-1, 1, 0);
    fill_up(-1, 3, 0);
}

Test(blocking, by_default_there_are_as_many_spares_as_are_needed)
{
    enum { CROWD = 600 };
    int before = threads_now();
    struct filch_pool *pool = pool_with(2, 0);
    struct filch_future *blocked[CROWD];
    submit_all(pool, block, blocked, CROWD);
    await_signals(&entered, CROWD);
    cr_assert_geq(threads_now(), before + CROWD);
    post(&leave, CROWD);
    finish_all(blocked, CROWD);
    end_pool(pool);
    await_threads(before);
}

Test(blocking, spares_that_are_not_needed_end)
{
    enum { TASKS = 20 };
    int before = threads_now();
    struct filch_pool *pool = pool_with(2, 0);
    struct filch_future *blocked[TASKS];
    for (int round = 0; round < 2; round++) {
        submit_all(pool, block, blocked, TASKS);
        await_signals(&entered, TASKS);
        cr_assert_geq(threads_now(), before + TASKS);
        post(&leave, TASKS);
        finish_all(blocked, TASKS);
        await_threads(before + 2); /* in 5 s or so */
    }
    end_pool(pool);
    await_threads(before);
}

/* ---- Spares go again --------------------------------------------------------------------- */

Test(blocking, spares_are_used_again)
{
    enum { TASKS = 8 };
    int before = threads_now();
    struct filch_pool *pool = pool_with(2, 0);
    for (int round = 0; round < 50; round++) {
        struct filch_future *blocked[TASKS];
        submit_all(pool, block, blocked, TASKS);
        await_signals(&entered, TASKS);
        post(&leave, TASKS);
        finish_all(blocked, TASKS);
        await_spares(pool);
    }
    cr_assert_leq(threads_now(), before + 2 + TASKS);
    end_pool(pool);
    await_threads(before);
}

Test(blocking, as_many_run_as_there_are_workers_once_none_blocks)
{
    enum { TASKS = 6 };
    struct filch_pool *pool = pool_with(2, 0);
    struct filch_future *blocked[TASKS], *held[TASKS];
    for (int round = 0; round < 20; round++) {
        submit_all(pool, block, blocked, TASKS);
        await_signals(&entered, TASKS);
        post(&leave, TASKS);
        finish_all(blocked, TASKS);
        await_spares(pool);
        submit_all(pool, hold, held, TASKS);
        await_signals(&entered, 2);
        for (int i = 0; i < 1000; i++)
            sched_yield();
        cr_assert(sem_trywait(&entered), "no third one has started");
        post(&leave, TASKS);
        finish_all(held, TASKS);
        await_signals(&entered, TASKS - 2);
    }
    end_pool(pool);
}

static sem_t gate; /* a second one, for what is not to leave with the others */

static void *hold_at_gate(void *argument)
{
    sem_post(&entered);
    await_signal(&gate);
    return argument;
}

Test(blocking, one_that_should_go_takes_the_place_of_the_next_that_blocks)
{
    struct filch_pool *pool = pool_with(1, 1);
    sem_init(&gate, 0, 0);
    for (int round = 0; round < 50; round++) {
        struct filch_future *blocked = submit(pool, block, pool), *held, *last;
        await_signal(&entered);
        held = submit(pool, hold_at_gate, pool); /* by the spare */
        await_signal(&entered);
        sem_post(&leave);
        cr_assert_eq(result_of(blocked), pool);
        blocked = submit(pool, block, pool); /* by the worker: the spare is still busy */
        await_signal(&entered);
        last = submit(pool, same, pool);
        sem_post(&gate);
        cr_assert_eq(result_of(held), pool);
        cr_assert_eq(result_of(last), pool, "by the spare, which has stayed");
        sem_post(&leave);
        cr_assert_eq(result_of(blocked), pool);
        await_spares(pool);
    }
    end_pool(pool);
}

/* ---- Threads ----------------------------------------------------------------------------- */

static _Atomic(int) numbers[64];

static void *block_with_number(void *argument)
{
    int number = filch_pool_worker();
    cr_assert(number >= 0 && number < filch_pool_capacity(filch_pool_current()));
    cr_assert_eq(atomic_fetch_add(&numbers[number], 1), 0, "no two have %d", number);
    (void)block(NULL);
    atomic_fetch_sub(&numbers[number], 1);
    return argument;
}

Test(blocking, no_two_threads_have_the_same_number)
{
    struct filch_pool *pool = pool_with(2, 30);
    for (int round = 0; round < 10; round++) {
        struct filch_future *blocked[20];
        submit_all(pool, block_with_number, blocked, 20);
        await_signals(&entered, 20);
        post(&leave, 20);
        finish_all(blocked, 20);
    }
    end_pool(pool);
}

static _Thread_local int initialized;

static int initialize(void *argument)
{
    (void)argument;
    initialized++;
    return 0;
}

static void *block_initialized(void *argument)
{
    (void)block(argument);
    return (void *)(intptr_t)initialized;
}

Test(blocking, spares_are_initialized_too)
{
    struct filch_executor_options options = {.initializer = initialize, .spares = 20};
    struct filch_executor *executor = executor_with(1, &options);
    struct filch_future *blocked[10];
    for (int i = 0; i < 10; i++)
        blocked[i] = submit_to(executor, block_initialized, NULL);
    await_signals(&entered, 10);
    cr_assert_eq(filch_executor_threads(executor), 1, "which are not counted");
    post(&leave, 10);
    for (int i = 0; i < 10; i++)
        cr_assert_eq((intptr_t)result_of(blocked[i]), 1);
    destroy(executor);
}

/* ---- The end ----------------------------------------------------------------------------- */

static void *end_pool_in_thread(void *pool)
{
    end_pool(pool);
    return NULL;
}

Test(blocking, a_pool_ends_after_those_who_block)
{
    int before = threads_now();
    for (int round = 0; round < 50; round++) {
        struct filch_pool *pool = pool_with(1 + round % 2, 0);
        struct filch_future *blocked[5];
        pthread_t thread;
        submit_all(pool, block, blocked, 5);
        await_signals(&entered, 5);
        cr_assert_eq(pthread_create(&thread, NULL, end_pool_in_thread, pool), 0);
        while (atomic_load(&pool->phase) == FI_OPEN)
            sched_yield();
        for (int i = 0; i < round; i++)
            sched_yield();
        for (int i = 0; i < 5; i++)
            cr_assert_eq(filch_future_state(blocked[i]), FILCH_RUNNING);
        post(&leave, 5);
        pthread_join(thread, NULL);
        for (int i = 0; i < 5; i++) {
            cr_assert(filch_future_done(blocked[i]));
            cr_assert_eq(result_of(blocked[i]), &blocked[i]);
        }
        await_threads(before);
    }
}

static void *block_then_submit_and_block(void *argument)
{
    (void)block(argument);
    cr_assert_eq(filch_pool_submit(filch_pool_current(), open_hold, NULL, NULL), 0);
    return block(argument);
}

Test(blocking, a_pool_that_ends_runs_what_those_who_block_wait_for)
{
    for (int round = 0; round < 200; round++) {
        struct filch_pool *pool = pool_with(1 + round % 2, round % 4 < 2 ? 1 : 0);
        struct filch_future *blocked = submit(pool, block_then_submit_and_block, pool);
        pthread_t thread;
        await_signal(&entered);
        cr_assert_eq(pthread_create(&thread, NULL, end_pool_in_thread, pool), 0);
        while (atomic_load(&pool->phase) == FI_OPEN)
            sched_yield();
        for (int i = 0; i < round; i++)
            sched_yield();
        sem_post(&leave);
        cr_assert_eq(result_of(blocked), pool);
        await_signal(&entered);
        pthread_join(thread, NULL);
    }
}

Test(blocking, an_executor_is_shut_down_while_tasks_block)
{
    int before = threads_now();
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (int round = 0; round < 20; round++) {
            bool cancel = round % 2;
            struct backend backend = backend_with_spares(kind);
            struct filch_future *blocked[5], *held, *queued[5];
            for (int i = 0; i < 5; i++)
                blocked[i] = submit_to(backend.executor, block, &blocked[i]);
            await_signals(&entered, 5);
            held = occupy_executor(backend.executor); /* so that the next ones are queued */
            for (int i = 0; i < 5; i++)
                queued[i] = submit_to(backend.executor, same, &queued[i]);
            cr_assert_eq(filch_executor_shutdown(backend.executor, false, cancel), 0);
            cr_assert_eq(filch_executor_submit(backend.executor, same, NULL, NULL),
                         FILCH_ESHUTDOWN);
            post(&leave, 6);
            if (round % 4 < 2 || kind == SHARED)
                destroy(backend.executor);
            else
                filch_executor_detach(backend.executor);
            finish_all(blocked, 5);
            cr_assert_eq(result_of(held), UNTOUCHED);
            for (int i = 0; i < 5; i++)
                cr_assert_eq(error_of(queued[i]), cancel ? FILCH_ECANCELED : 0);
            end_pool(backend.pool);
            await_threads(before);
        }
}

static struct filch_future *event;

static void *post_leave(void *argument)
{
    sem_post(&leave);
    return argument;
}

/* It waits, in a pool that nobody else keeps from ending, and then blocks until another has run. */
static void *wait_then_block(void *argument)
{
    cr_assert_eq(filch_future_result(event, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(filch_pool_submit(filch_pool_current(), post_leave, NULL, NULL), 0);
    return block(argument);
}

static void *wait_then_acquire(void *argument)
{
    (void)begin_and_end(NULL); /* so that there is a spare */
    cr_assert_eq(filch_future_result(event, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(filch_pool_submit(filch_pool_current(), release_permit, NULL, NULL), 0);
    cr_assert_eq(filch_semaphore_acquire(&permits, FILCH_FOREVER), 0);
    return argument;
}

/* A task that waits for what comes from outside, and goes on when its pool is to end. */
static void wait_in_ending_pool(filch_fn *fn)
{
    int before = threads_now();
    for (int round = 0; round < 20; round++) {
        struct filch_pool *pool = pool_with(2, 0);
        pthread_t thread;
        event = manual();
        struct filch_future *last = submit(pool, fn, pool);
        await_waiter(event);
        cr_assert_eq(pthread_create(&thread, NULL, end_pool_in_thread, pool), 0);
        while (atomic_load(&pool->phase) == FI_OPEN)
            sched_yield();
        usleep(200); /* or so: the workers look around, and one might end the pool */
        cr_assert_eq(filch_future_set_result(event, NULL), 0);
        cr_assert_eq(result_of(last), pool);
        pthread_join(thread, NULL);
        filch_future_release(event);
        await_threads(before);
    }
}

Test(blocking, the_last_task_of_a_pool_may_block)
{
    wait_in_ending_pool(wait_then_block);
}

Test(blocking, the_last_task_of_a_pool_may_wait_for_a_lock)
{
    filch_semaphore_init(&permits, 0);
    wait_in_ending_pool(wait_then_acquire);
    filch_semaphore_fini(&permits);
}

/* ---- A hundred that wait for one event --------------------------------------------------- */

#define ROUNDS (ADDRESS_SANITIZER ? 20 : 300)
#define SLEEPS (ADDRESS_SANITIZER ? 20 : 300) /* stress/blocking.c has more */

static struct filch_mutex mutex;
static struct filch_condition condition;
static bool come; /* guarded by the mutex */

static void *wait_for_condition(void *argument)
{
    cr_assert_eq(filch_mutex_lock(&mutex, FILCH_FOREVER), 0);
    while (!come)
        cr_assert_eq(filch_condition_wait(&condition, &mutex, FILCH_FOREVER), 0);
    cr_assert_eq(filch_mutex_unlock(&mutex), 0);
    return argument;
}

static void *set_condition(void *argument)
{
    cr_assert_eq(filch_mutex_lock(&mutex, FILCH_FOREVER), 0);
    come = true;
    filch_condition_notify_all(&condition);
    cr_assert_eq(filch_mutex_unlock(&mutex), 0);
    return argument;
}

static void *wait_for_event(void *argument)
{
    cr_assert_eq(filch_future_result(event, FILCH_FOREVER, NULL), 0);
    return argument;
}

static void *set_event(void *argument)
{
    cr_assert_eq(filch_future_set_result(event, NULL), 0);
    return argument;
}

/* The tasks, then the event: from here, or in a task that was submitted after them. */
static void await_many(struct filch_pool *pool, filch_fn *wait, filch_fn *set, bool in_task)
{
    struct filch_future *tasks[MANY];
    size_t done_count = 0;
    submit_all(pool, wait, tasks, MANY);
    if (in_task)
        cr_assert_eq(result_of(submit(pool, set, pool)), pool);
    else
        (void)set(NULL);
    cr_assert_eq(filch_wait(tasks, MANY, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, &done_count),
                 0);
    cr_assert_eq(done_count, MANY);
    finish_all(tasks, MANY);
}

Test(blocking, a_hundred_tasks_wait_for_one_condition)
{
    filch_mutex_init(&mutex);
    filch_condition_init(&condition);
    for (int workers = 1; workers <= 2; workers++) {
        struct filch_pool *pool = pool_with(workers, 0);
        for (int round = 0; round < SLEEPS; round++) {
            come = false;
            await_many(pool, wait_for_condition, set_condition, round % 2);
        }
        end_pool(pool);
    }
    filch_condition_fini(&condition);
    filch_mutex_fini(&mutex);
}

Test(blocking, a_hundred_tasks_wait_for_one_future)
{
    for (int workers = 1; workers <= 2; workers++) {
        struct filch_pool *pool = pool_with(workers, 0);
        for (int round = 0; round < ROUNDS; round++) {
            event = manual();
            await_many(pool, wait_for_event, set_event, round % 2);
            filch_future_release(event);
        }
        end_pool(pool);
    }
}

/* ---- Groups ------------------------------------------------------------------------------ */

Test(blocking, groups_count_what_blocks)
{
    struct filch_executor *executor = executor_of(2);
    struct filch_group *group;
    cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
    atomic_store(&ran, 0);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(filch_group_submit(group, block, NULL), 0);
        cr_assert_eq(filch_group_submit(group, count, NULL), 0);
    }
    await_signals(&entered, 20);
    while (atomic_load(&ran) < 20)
        sched_yield();
    cr_assert_eq(filch_group_wait(group, 0), FILCH_ETIMEDOUT);
    post(&leave, 20);
    cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), 0);
    cr_assert_eq(filch_group_destroy(group), 0);
    destroy(executor);
}
