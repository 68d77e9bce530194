/* SPDX-License-Identifier: MIT
 *
 * Executors: making one, submitting to it, and the threads that it starts. How much one takes is in
 * executor_limits.c, how it ends in executor_end.c. */
#include "executor.h"

#include <filch/task.h>

TestSuite(executor, .init = setup);

/* ---- Making ------------------------------------------------------------------------------ */

Test(executor, max_workers_must_be_greater_than_0)
{
    static const int wrong[] = {0, -1, -1000, INT_MIN + 1};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct filch_executor *executor = UNTOUCHED;
        cr_assert_eq(filch_executor_create(wrong[i], NULL, &executor), FILCH_EMAXWORKERS);
        cr_assert_eq(executor, UNTOUCHED);
    }
    cr_assert_str_eq(filch_strerror(FILCH_EMAXWORKERS), "max_workers must be greater than 0");
}

Test(executor, max_workers_has_a_limit)
{
    struct filch_executor *executor = UNTOUCHED;
    cr_assert_eq(filch_executor_create(INT_MAX, NULL, &executor), FILCH_EINVAL);
    cr_assert_eq(filch_executor_create(FILCH_WORKERS_MAX + 1, NULL, &executor), FILCH_EINVAL);
    cr_assert_eq(executor, UNTOUCHED);
    executor = executor_of(FILCH_WORKERS_MAX);
    cr_assert_eq(result_of(submit_to(executor, same, &executor)), &executor);
    destroy(executor);
}

Test(executor, has_as_many_workers_by_default_as_sizing_says)
{
    struct filch_sizing sizing;
    struct filch_executor *executor = executor_of(FILCH_WORKERS_DEFAULT);
    cr_assert_eq(filch_sizing_read(NULL, &sizing), 0);
    cr_assert_eq(filch_pool_size(filch_executor_pool(executor)), sizing.workers);
    destroy(executor);
    cr_assert_eq(setenv("FILCH_WORKERS", "3", 1), 0);
    executor = executor_of(FILCH_WORKERS_DEFAULT);
    cr_assert_eq(filch_pool_size(filch_executor_pool(executor)), 3);
    destroy(executor);
    cr_assert_eq(setenv("FILCH_WORKERS", "three", 1), 0);
    executor = UNTOUCHED;
    cr_assert_eq(filch_executor_create(FILCH_WORKERS_DEFAULT, NULL, &executor), FILCH_EWORKERS);
    cr_assert_eq(executor, UNTOUCHED);
    destroy(executor_of(2)); /* nobody asked for the default */
}

Test(executor, options_out_of_range_are_refused)
{
    static const struct filch_executor_options wrong[] = {
        {.stack_size = 1},
        {.when_full = FILCH_FULL_CALLER_RUNS + 1},
        {.when_full = (enum filch_when_full) - 1},
        {.max_queued = (size_t)UINT32_MAX + 1},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct filch_executor *executor = UNTOUCHED;
        cr_assert_eq(filch_executor_create(1, &wrong[i], &executor), FILCH_EINVAL, "%zu", i);
        cr_assert_eq(executor, UNTOUCHED);
    }
}

static int initialize(void *argument)
{
    (void)argument;
    atomic_fetch_add(&ran, 1);
    return 0;
}

Test(executor, on_a_pool_refuses_what_is_the_pools)
{
    static const struct filch_executor_options wrong[] = {
        {.stack_size = 1 << 20},
        {.thread_name_prefix = "mine"},
        {.initializer = initialize},
        {.initializer_arg = &untouched},
        {.when_full = FILCH_FULL_CALLER_RUNS + 1},
    };
    struct filch_pool *pool = pool_of(1);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct filch_executor *executor = UNTOUCHED;
        cr_assert_eq(filch_executor_create_on(pool, &wrong[i], &executor), FILCH_EINVAL);
        cr_assert_eq(executor, UNTOUCHED);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Submitting -------------------------------------------------------------------------- */

Test(executor, answers_with_the_result_of_the_task)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_future *futures[1000];
        for (int i = 0; i < 1000; i++)
            futures[i] = submit_to(backend.executor, same, &futures[i]);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(result_of(futures[i]), &futures[i]);
        backend_destroy(&backend);
    }
}

Test(executor, answers_with_the_failure_of_the_task)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct complaint complaint = {5, "why"};
        struct filch_future *future = submit_to(backend.executor, complain, &complaint);
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 5);
        cr_assert_str_eq(filch_future_error(future, 0, NULL), "why");
        filch_future_release(future);
        cr_assert_eq(result_of(submit_to(backend.executor, same, NULL)), NULL);
        backend_destroy(&backend);
    }
}

Test(executor, runs_tasks_that_nobody_asks_for)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        atomic_store(&ran, 0);
        for (int i = 0; i < 1000; i++) {
            cr_assert_eq(filch_executor_submit(backend.executor, count, NULL, NULL), 0);
            filch_future_release(submit_to(backend.executor, count, NULL));
        }
        backend_destroy(&backend);
        cr_assert_eq(atomic_load(&ran), 2000, "%s", kind_names[kind]);
    }
}

Test(executor, a_task_without_a_function_is_refused)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *future = UNTOUCHED;
        cr_assert_eq(filch_executor_submit(backend.executor, NULL, NULL, &future),
                     FILCH_EINVAL);
        cr_assert_eq(future, UNTOUCHED);
        cr_assert_eq(filch_executor_submit(backend.executor, NULL, NULL, NULL), FILCH_EINVAL);
        backend_destroy(&backend);
    }
}

Test(executor, a_task_of_no_known_priority_is_refused)
{
    struct filch_executor *executor = executor_of(1);
    for (int priority = -3; priority <= 3; priority++) {
        struct filch_task_options options = {.priority = (enum filch_priority)priority};
        bool valid = priority >= FILCH_PRIORITY_LOW && priority <= FILCH_PRIORITY_HIGH;
        cr_assert_eq(filch_executor_submit_with(executor, &options, count, NULL, NULL),
                     valid ? 0 : FILCH_EINVAL);
    }
    destroy(executor);
    cr_assert_eq(atomic_load(&ran), 3);
}

Test(executor, without_options_takes_the_defaults)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *future;
    cr_assert_eq(filch_executor_submit_with(executor, NULL, same, &future, &future), 0);
    cr_assert_eq(result_of(future), &future);
    destroy(executor);
}

static void *submit_100(void *executor)
{
    for (int i = 0; i < 100; i++) {
        struct filch_future *future = NULL;
        cr_assert_eq(filch_executor_submit(executor, count, &future, &future), 0);
        cr_assert_eq(result_of(future), &future);
        cr_assert_eq(filch_executor_submit(executor, count, NULL, NULL), 0);
    }
    return NULL;
}

Test(executor, takes_tasks_from_many_threads)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        pthread_t threads[8];
        atomic_store(&ran, 0);
        for (int i = 0; i < 8; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, submit_100, backend.executor), 0);
        for (int i = 0; i < 8; i++)
            pthread_join(threads[i], NULL);
        backend_destroy(&backend);
        cr_assert_eq(atomic_load(&ran), 1600);
    }
}

/* ---- Inline ------------------------------------------------------------------------------ */

static void *tell_thread(void *thread)
{
    *(pthread_t *)thread = pthread_self();
    return filch_pool_current();
}

Test(executor, inline_runs_the_task_in_the_submit_itself)
{
    struct backend backend = backend_of(INLINE, 0);
    int before = threads_now();
    pthread_t thread;
    struct filch_future *future = submit_to(backend.executor, tell_thread, &thread);
    cr_assert_eq(filch_future_state(future), FILCH_FINISHED);
    cr_assert(pthread_equal(thread, pthread_self()));
    cr_assert_eq(result_of(future), NULL, "it is no worker");
    cr_assert_eq(filch_executor_submit(backend.executor, count, NULL, NULL), 0);
    cr_assert_eq(atomic_load(&ran), 1);
    cr_assert_null(filch_executor_pool(backend.executor));
    cr_assert_eq(filch_executor_threads(backend.executor), 0);
    cr_assert_eq(threads_now(), before);
    backend_destroy(&backend);
}

/* ---- Threads on demand ------------------------------------------------------------------- */

Test(executor, starts_no_thread_without_a_task)
{
    int before = threads_now();
    struct filch_executor *executor = executor_of(8);
    cr_assert_eq(filch_executor_threads(executor), 0);
    cr_assert_eq(threads_now(), before);
    destroy(executor);
}

/* With and without: it takes time, in which a worker is neither free nor does it run the task. */
static const struct filch_executor_options with_initializer[] = {
    {.initializer = NULL},
    {.initializer = initialize},
};

Test(executor, three_tasks_one_after_another_start_one_thread)
{
    for (int with = 0; with < 2; with++)
        for (int round = 0; round < 20; round++) {
            struct filch_executor *executor = executor_with(8, &with_initializer[with]);
            for (int i = 0; i < 3; i++)
                (void)result_of(submit_to(executor, same, NULL));
            cr_assert_eq(filch_executor_threads(executor), 1, "%d", with);
            for (int i = 0; i < 500; i++) /* each may meet the end of the last one */
                (void)result_of(submit_to(executor, same, NULL));
            cr_assert_eq(filch_executor_threads(executor), 1, "%d", with);
            destroy(executor);
        }
}

Test(executor, as_many_tasks_that_do_not_end_start_as_many_threads)
{
    for (int with = 0; with < 2; with++) {
        int before = threads_now();
        struct filch_executor *executor = executor_with(8, &with_initializer[with]);
        for (int i = 1; i <= 8; i++) {
            filch_future_release(occupy_executor(executor));
            cr_assert_eq(filch_executor_threads(executor), i);
            await_threads(before + i);
        }
        for (int i = 0; i < 8; i++)
            sem_post(&leave);
        destroy(executor);
        await_threads(before);
    }
}

Test(executor, tasks_that_come_at_once_start_threads_all_the_same)
{
    for (int with = 0; with < 2; with++) {
        struct filch_executor *executor = executor_with(4, &with_initializer[with]);
        for (int i = 0; i < 4; i++)
            filch_future_release(submit_to(executor, hold, NULL));
        for (int i = 0; i < 4; i++)
            await_signal(&entered);
        cr_assert_eq(filch_executor_threads(executor), 4);
        for (int i = 0; i < 4; i++)
            sem_post(&leave);
        destroy(executor);
    }
}

static void *same_here(void *value, void *unused)
{
    (void)unused;
    return value;
}

/* Ends futures of others on the way: by hand, one that follows, one of an executor that is
 * inline. */
static void *end_others_and_hold(void *own_inline)
{
    struct filch_future *first = manual(), *next;
    cr_assert_eq(filch_future_then(first, NULL, same_here, NULL, &next), 0);
    cr_assert_eq(filch_future_set_result(first, NULL), 0);
    filch_future_release(first);
    filch_future_release(next);
    filch_future_release(submit_to(own_inline, same, NULL));
    return hold(own_inline);
}

Test(executor, a_task_that_ends_other_futures_and_goes_on_does_not_count_as_idle)
{
    struct filch_executor *executor = executor_of(4), *own_inline = NULL;
    cr_assert_eq(filch_executor_create_inline(&own_inline), 0);
    struct filch_future *held = submit_to(executor, end_others_and_hold, own_inline);
    await_signal(&entered);
    (void)result_of(submit_to(executor, same, NULL)); /* on another thread */
    cr_assert_eq(filch_executor_threads(executor), 2);
    sem_post(&leave);
    cr_assert_eq(result_of(held), own_inline);
    destroy(executor);
    destroy(own_inline);
}

Test(executor, never_starts_more_threads_than_max_workers)
{
    for (int with = 0; with < 2; with++) {
        int before = threads_now();
        struct filch_executor *executor = executor_with(4, &with_initializer[with]);
        for (int i = 0; i < 60; i++)
            filch_future_release(submit_to(executor, hold, NULL));
        for (int i = 0; i < 60; i++) {
            if (i == 4)
                cr_assert_eq(filch_executor_threads(executor), 4);
            if (i >= 4)
                sem_post(&leave); /* one of four */
            await_signal(&entered);
        }
        for (int i = 0; i < 4; i++)
            sem_post(&leave);
        cr_assert_eq(filch_executor_threads(executor), 4);
        cr_assert_leq(threads_now(), before + 4);
        destroy(executor);
    }
}

Test(executor, a_free_thread_is_used_before_another_is_started)
{
    struct filch_executor *executor = executor_of(8);
    struct filch_future *first = occupy_executor(executor), *second = occupy_executor(executor);
    cr_assert_eq(filch_executor_threads(executor), 2);
    sem_post(&leave);
    sem_post(&leave);
    (void)result_of(first);
    (void)result_of(second);
    for (int i = 0; i < 100; i++)
        (void)result_of(submit_to(executor, same, NULL));
    cr_assert_eq(filch_executor_threads(executor), 2);
    destroy(executor);
}

Test(executor, on_a_pool_has_the_threads_of_the_pool)
{
    struct backend backend = backend_of(SHARED, 3);
    cr_assert_eq(filch_executor_pool(backend.executor), backend.pool);
    cr_assert_eq(filch_executor_threads(backend.executor), 3);
    backend_destroy(&backend);
}

/* ---- What threads are made of ------------------------------------------------------------ */

/* How many threads of this process have the name. */
static int threads_named(const char *name)
{
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    int found = 0;
    while ((entry = readdir(dir))) {
        char path[300], comm[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        if (fgets(comm, sizeof comm, file)) {
            comm[strcspn(comm, "\n")] = '\0';
            found += !strcmp(comm, name);
        }
        fclose(file);
    }
    closedir(dir);
    return found;
}

Test(executor, threads_have_the_names_that_were_asked_for)
{
    static const struct {
        const char *prefix, *names[3];
    } cases[] = {
        {"special", {"special_0", "special_1", "special_2"}},
        {NULL, {"filch_0", "filch_1", "filch_2"}},
        {"", {"_0", "_1", "_2"}},
        {"a prefix of too many bytes",
         {"a prefix of t_0", "a prefix of t_1", "a prefix of t_2"}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char prefix[32] = "";
        snprintf(prefix, sizeof prefix, "%s", cases[i].prefix ? cases[i].prefix : "");
        struct filch_executor *executor =
            executor_with(3, &(struct filch_executor_options){
                                 .thread_name_prefix = cases[i].prefix ? prefix : NULL});
        memset(prefix, 'x', sizeof prefix - 1); /* it was copied */
        for (int worker = 0; worker < 3; worker++)
            filch_future_release(occupy_executor(executor));
        for (int worker = 0; worker < 3; worker++) {
            cr_assert_eq(threads_named(cases[i].names[worker]), 1, "%s",
                         cases[i].names[worker]);
            sem_post(&leave);
        }
        destroy(executor);
    }
}

static void *tell_name(void *name)
{
    cr_assert_eq(pthread_getname_np(pthread_self(), name, 16), 0);
    return hold(name);
}

Test(executor, a_thread_has_its_name_before_its_first_task)
{
    struct filch_executor *executor = executor_of(8);
    static char names[8][16];
    for (int i = 0; i < 8; i++)
        filch_future_release(submit_to(executor, tell_name, names[i]));
    for (int i = 0; i < 8; i++)
        await_signal(&entered);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(strncmp(names[i], "filch_", 6), 0, "%s", names[i]);
        sem_post(&leave);
    }
    destroy(executor);
}

static _Thread_local int initialized;
static char initializer_argument;

static int initialize_thread(void *argument)
{
    cr_assert_eq(argument, &initializer_argument);
    initialized++;
    atomic_fetch_add(&ran, 1);
    return 0;
}

static void *is_initialized(void *argument)
{
    hold(argument);
    return (void *)(intptr_t)initialized;
}

Test(executor, the_initializer_runs_once_on_each_thread_before_its_first_task)
{
    struct filch_executor_options options = {.initializer = initialize_thread,
                                             .initializer_arg = &initializer_argument};
    struct filch_executor *executor = executor_with(4, &options);
    struct filch_future *futures[40];
    cr_assert_eq(atomic_load(&ran), 0);
    for (int i = 0; i < 40; i++)
        futures[i] = submit_to(executor, is_initialized, NULL);
    for (int i = 0; i < 40; i++) {
        await_signal(&entered);
        sem_post(&leave);
    }
    for (int i = 0; i < 40; i++)
        cr_assert_eq((intptr_t)result_of(futures[i]), 1);
    cr_assert_eq(filch_executor_shutdown(executor, true, false), 0);
    cr_assert_eq(atomic_load(&ran), filch_executor_threads(executor));
    destroy(executor);
}

static void *use_stack(void *argument)
{
    volatile char stack[3 << 20];
    for (size_t i = 0; i < sizeof stack; i += 4096)
        stack[i] = 1;
    return stack[4096] ? argument : NULL;
}

Test(executor, the_stack_size_is_an_option)
{
    static const size_t sizes[] = {0, (size_t)4 << 20};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct filch_executor *executor =
            executor_with(1, &(struct filch_executor_options){.stack_size = sizes[i]});
        cr_assert_eq(result_of(submit_to(executor, use_stack, &executor)), &executor);
        destroy(executor);
    }
}

/* ---- Tasks that use executors ------------------------------------------------------------ */

static struct filch_executor *own, *others;

/* Submits one that does the same, until `depth` is 0, and waits for it. */
static void *nest(void *depth)
{
    if (!depth)
        return NULL;
    void *below = result_of(submit_to(own, nest, (void *)((intptr_t)depth - 1)));
    return (void *)((intptr_t)below + 1);
}

Test(executor, tasks_may_wait_for_tasks_deeper_than_there_are_workers)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        own = backend.executor;
        cr_assert_eq((intptr_t)result_of(submit_to(own, nest, (void *)(intptr_t)200)), 200);
        backend_destroy(&backend);
    }
}

/* One of two that wait for each other's tasks in turn. */
static void *nest_across(void *depth)
{
    struct filch_executor *executor = (intptr_t)depth % 2 ? own : others;
    if (!depth)
        return NULL;
    void *below = result_of(submit_to(executor, nest_across, (void *)((intptr_t)depth - 1)));
    return (void *)((intptr_t)below + 1);
}

Test(executor, tasks_of_two_may_wait_for_each_other)
{
    for (enum kind one = 0; one < KINDS; one++)
        for (enum kind two = 0; two < KINDS; two++) {
            struct backend backends[] = {backend_of(one, 1), backend_of(two, 1)};
            own = backends[0].executor, others = backends[1].executor;
            struct filch_future *future = submit_to(own, nest_across, (void *)(intptr_t)100);
            cr_assert_eq((intptr_t)result_of(future), 100);
            backend_destroy(&backends[0]);
            backend_destroy(&backends[1]);
        }
}

static void *spread(void *depth)
{
    atomic_fetch_add(&ran, 1);
    for (int i = 0; depth && i < 2; i++)
        cr_assert_eq(filch_executor_submit(own, spread, (char *)depth - 1, NULL), 0);
    return NULL;
}

Test(executor, tasks_may_submit_to_their_own)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        own = backend.executor;
        atomic_store(&ran, 0);
        cr_assert_eq(filch_executor_submit(own, spread, (void *)(intptr_t)10, NULL), 0);
        while (atomic_load(&ran) < 2047) /* one that is shut down would take none of them */
            sched_yield();
        backend_destroy(&backend);
        cr_assert_eq(atomic_load(&ran), 2047);
    }
}

static _Atomic(bool) stop;

static void *again(void *argument)
{
    if (!atomic_load(&stop))
        (void)filch_executor_submit(own, again, argument, NULL);
    return NULL;
}

Test(executor, tasks_that_submit_themselves_for_ever_let_others_start)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 2);
        own = backend.executor;
        atomic_store(&stop, false);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(filch_executor_submit(own, again, NULL, NULL), 0);
        for (int i = 0; i < 100; i++)
            cr_assert_eq(result_of(submit_to(own, same, &stop)), &stop);
        atomic_store(&stop, true);
        backend_destroy(&backend);
    }
}

Test(executor, many_may_share_a_pool)
{
    struct filch_pool *pool = pool_of(2);
    struct filch_executor *executors[20];
    for (int round = 0; round < 3; round++) {
        atomic_store(&ran, 0);
        for (int i = 0; i < 20; i++) {
            cr_assert_eq(filch_executor_create_on(pool, NULL, &executors[i]), 0);
            for (int task = 0; task < 50; task++)
                cr_assert_eq(filch_executor_submit(executors[i], count, NULL, NULL), 0);
        }
        for (int i = 0; i < 20; i++)
            destroy(executors[i]);
        cr_assert_eq(atomic_load(&ran), 1000);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static void *note_turn(void *turn)
{
    *(int *)turn = atomic_fetch_add(&ran, 1);
    return NULL;
}

Test(executor, one_with_many_tasks_does_not_crowd_out_the_other_of_its_pool)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_executor *busy, *rare;
    struct filch_future *held = occupy(pool);
    int turns[2] = {-1, -1};
    cr_assert_eq(filch_executor_create_on(pool, NULL, &busy), 0);
    cr_assert_eq(filch_executor_create_on(pool, NULL, &rare), 0);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(filch_executor_submit(busy, count, NULL, NULL), 0);
    cr_assert_eq(filch_executor_submit(rare, note_turn, &turns[0], NULL), 0);
    cr_assert_eq(filch_executor_submit(busy, note_turn, &turns[1], NULL), 0);
    sem_post(&leave);
    filch_future_release(held);
    destroy(busy);
    destroy(rare);
    cr_assert_lt(turns[0], 100);
    cr_assert_eq(turns[1], 1001, "the others were run, too");
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

FILCH_TASK(int, where, struct filch_pool *, pool)
{
    return filch_pool_current() == pool ? filch_pool_worker() : -1;
}

Test(executor, its_pool_runs_forked_tasks)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_pool *pool = filch_executor_pool(executor);
    cr_assert_eq(FILCH_RUN(pool, where, pool), 0, "which starts a thread if need be");
    cr_assert_eq(filch_executor_threads(executor), 1);
    destroy(executor);
}
