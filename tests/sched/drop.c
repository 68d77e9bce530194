/* SPDX-License-Identifier: MIT
 *
 * Arguments of tasks that are dropped without being run, sentence by sentence of `drop` in
 * filch/executor.h and in filch/map.h: each argument goes to its task or to `drop`, once. */
#include "executor.h"

#include <filch/map.h>
#include <filch/wait.h>

#include <sys/mman.h>

TestSuite(drop, .init = setup);

/* ---- Arguments ------------------------------------------------------------------------------ */

struct argument {
    _Atomic(int) runs, drops;
    pthread_t dropper;
};

static void *use(void *argument)
{
    atomic_fetch_add(&((struct argument *)argument)->runs, 1);
    return argument;
}

static void drop(void *argument)
{
    struct argument *dropped = argument;
    dropped->dropper = pthread_self();
    (void)filch_fail(9, "not a task's failure");
    atomic_fetch_add(&dropped->drops, 1);
}

static struct filch_future *submit_dropping(struct filch_executor *executor,
                                            struct argument *argument)
{
    struct filch_task_options options = {.drop = drop};
    struct filch_future *future = NULL;
    cr_assert_eq(filch_executor_submit_with(executor, &options, use, argument, &future), 0);
    return future;
}

static void assert_uses(struct argument *argument, int runs, int drops)
{
    cr_assert_eq(atomic_load(&argument->runs), runs);
    cr_assert_eq(atomic_load(&argument->drops), drops);
}

static void await_drop(struct argument *argument)
{
    while (!atomic_load(&argument->drops))
        sched_yield();
}

/* ---- Not at all ------------------------------------------------------------------------------ */

Test(drop, the_argument_of_a_task_that_runs_is_its_own)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct argument argument = {0};
        struct filch_future *future = submit_dropping(backend.executor, &argument);
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
        cr_assert_not(filch_future_cancel(future));
        filch_future_release(future);
        backend_destroy(&backend);
        assert_uses(&argument, 1, 0);
    }
}

Test(drop, the_argument_of_a_submit_that_fails_is_the_callers)
{
    struct filch_executor_options bounded = {.max_queued = 1, .when_full = FILCH_FULL_REJECT};
    struct filch_task_options options = {.drop = drop}, wrong = {.drop = drop, .priority = 7};
    struct argument argument = {0};
    struct filch_future *future = UNTOUCHED;
    struct filch_executor *executor = executor_with(1, &bounded);
    struct filch_future *held = occupy_executor(executor), *queued;
    cr_assert_eq(filch_executor_submit_with(executor, &wrong, use, &argument, &future),
                 FILCH_EINVAL);
    cr_assert_eq(filch_executor_submit_with(executor, &options, NULL, &argument, &future),
                 FILCH_EINVAL);
    queued = submit_to(executor, same, NULL);
    cr_assert_eq(filch_executor_submit_with(executor, &options, use, &argument, &future),
                 FILCH_EFULL);
    cr_assert_eq(filch_executor_shutdown(executor, false, false), 0);
    cr_assert_eq(filch_executor_submit_with(executor, &options, use, &argument, &future),
                 FILCH_ESHUTDOWN);
    cr_assert_eq(future, UNTOUCHED);
    sem_post(&leave);
    (void)result_of(held);
    (void)result_of(queued);
    destroy(executor);
    assert_uses(&argument, 0, 0);
}

/* ---- Cancelled ------------------------------------------------------------------------------- */

static void note_drops(struct filch_future *future, void *argument)
{
    struct argument *dropped = argument;
    cr_assert(filch_future_done(future));
    cr_assert_eq(atomic_load(&dropped->drops), 1, "before the callbacks");
    atomic_fetch_add(&ran, 1);
}

Test(drop, whoever_cancels_a_task_drops_its_argument)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (int stop = 0; stop < 2; stop++) {
            struct backend backend = backend_of(kind, 1);
            struct argument argument = {0};
            struct filch_future *held = occupy_executor(backend.executor);
            struct filch_future *future = submit_dropping(backend.executor, &argument);
            atomic_store(&ran, 0);
            cr_assert_eq(filch_future_add_done_callback(future, note_drops, &argument), 0);
            cr_assert(stop ? filch_future_stop(future) : filch_future_cancel(future));
            assert_uses(&argument, 0, 1);
            cr_assert(pthread_equal(argument.dropper, pthread_self()));
            cr_assert_eq(atomic_load(&ran), 1);
            cr_assert(filch_future_cancel(future), "again");
            sem_post(&leave);
            (void)result_of(held);
            backend_destroy(&backend);
            filch_future_release(future);
            assert_uses(&argument, 0, 1);
        }
}

Test(drop, a_task_whose_token_was_cancelled_drops_its_argument)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_token *token = token_below(NULL);
        struct filch_task_options options = {.drop = drop, .token = token};
        struct argument argument = {0};
        struct filch_future *held = kind == INLINE ? NULL : occupy_executor(backend.executor);
        struct filch_future *future;
        if (kind == INLINE)
            filch_token_cancel(token);
        cr_assert_eq(filch_executor_submit_with(backend.executor, &options, use, &argument,
                                                &future),
                     0);
        filch_token_cancel(token);
        sem_post(&leave);
        backend_destroy(&backend);
        assert_uses(&argument, 0, 1);
        cr_assert(filch_future_cancelled(future));
        filch_token_release(token);
        filch_future_release(future);
        filch_future_release(held);
    }
}

static void *await_it(void *future)
{
    return (void *)(intptr_t)filch_future_result(future, FILCH_FOREVER, NULL);
}

Test(drop, a_waiter_that_would_run_a_cancelled_task_drops_its_argument)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_token *token = token_below(NULL);
    struct filch_task_options options = {.drop = drop, .token = token};
    struct argument argument = {0};
    struct filch_future *held = occupy_executor(executor), *waiting, *future;
    void *error;
    waiting = NULL;
    /* The waiting task comes first, and runs what it waits for itself. */
    struct filch_task_options first = {.priority = FILCH_PRIORITY_HIGH};
    cr_assert_eq(filch_executor_submit_with(executor, &options, use, &argument, &future), 0);
    cr_assert_eq(filch_executor_submit_with(executor, &first, await_it, future, &waiting), 0);
    filch_token_cancel(token);
    sem_post(&leave);
    cr_assert_eq(filch_future_result(waiting, FILCH_FOREVER, &error), 0);
    cr_assert_eq((int)(intptr_t)error, FILCH_ECANCELED);
    await_drop(&argument);
    filch_future_release(held);
    filch_future_release(waiting);
    filch_future_release(future);
    filch_token_release(token);
    destroy(executor);
    assert_uses(&argument, 0, 1);
}

Test(drop, a_shutdown_that_cancels_drops_the_arguments_of_all_that_has_not_started)
{
    enum { TASKS = 200 };
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        static struct argument arguments[TASKS];
        struct filch_task_options options = {.drop = drop};
        struct backend backend = backend_of(kind, 2);
        int runs = 0, drops = 0;
        memset(arguments, 0, sizeof arguments);
        for (int i = 0; i < TASKS; i++) /* every other one is for nobody */
            if (i % 2)
                filch_future_release(submit_dropping(backend.executor, &arguments[i]));
            else
                cr_assert_eq(filch_executor_submit_with(backend.executor, &options, use,
                                                        &arguments[i], NULL),
                             0);
        cr_assert_eq(filch_executor_shutdown(backend.executor, true, true), 0);
        for (int i = 0; i < TASKS; i++) {
            cr_assert_eq(arguments[i].runs + arguments[i].drops, 1, "%d", i);
            runs += arguments[i].runs;
            drops += arguments[i].drops;
        }
        cr_assert_eq(runs + drops, TASKS);
        backend_destroy(&backend);
    }
}

/* ---- Refused --------------------------------------------------------------------------------- */

static sem_t submitted;

static int fail_to_initialize(void *argument)
{
    (void)argument;
    await_signal(&submitted);
    return 1;
}

Test(drop, an_executor_that_breaks_drops_the_arguments_of_its_tasks)
{
    struct filch_executor_options options = {.initializer = fail_to_initialize};
    struct filch_executor *executor = executor_with(1, &options);
    struct argument arguments[10] = {{0}};
    struct filch_future *futures[10];
    sem_init(&submitted, 0, 0);
    for (int i = 0; i < 10; i++) /* the initializer waits meanwhile */
        futures[i] = submit_dropping(executor, &arguments[i]);
    sem_post(&submitted);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(filch_future_result(futures[i], FILCH_FOREVER, NULL), FILCH_EBROKEN);
        assert_uses(&arguments[i], 0, 1);
        filch_future_release(futures[i]);
    }
    destroy(executor);
    for (int i = 0; i < 10; i++)
        assert_uses(&arguments[i], 0, 1);
}

/* ---- The process ------------------------------------------------------------------------------ */

static struct argument *shared_argument;

static int leave_it_to_exit(void *argument)
{
    (void)argument;
    struct filch_executor *executor = executor_of(1);
    filch_future_release(submit_dropping(executor, shared_argument));
    return 0; /* exit() runs it */
}

Test(drop, exit_runs_what_there_is_and_drops_nothing)
{
    shared_argument = mmap(NULL, sizeof *shared_argument, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    leaks = true;
    cr_assert_eq(in_child(leave_it_to_exit, NULL), 0);
    leaks = false;
    assert_uses(shared_argument, 1, 0);
    munmap(shared_argument, sizeof *shared_argument);
}

/* ---- Both at once ------------------------------------------------------------------------------ */

static struct filch_future *racing;

static void *cancel_it(void *argument)
{
    (void)argument;
    (void)filch_future_cancel(racing);
    return NULL;
}

Test(drop, a_task_that_is_cancelled_as_it_starts_is_run_or_dropped)
{
    struct filch_executor *executor = executor_of(1);
    for (int i = 0; i < 2000; i++) {
        struct argument argument = {0};
        pthread_t thread;
        racing = submit_dropping(executor, &argument);
        if (i % 20 == 0) {
            cr_assert_eq(pthread_create(&thread, NULL, cancel_it, NULL), 0);
            pthread_join(thread, NULL);
        } else {
            (void)filch_future_cancel(racing);
        }
        (void)filch_future_result(racing, FILCH_FOREVER, NULL);
        filch_future_release(racing);
        assert_uses(&argument, argument.runs, 1 - argument.runs);
    }
    destroy(executor);
}

Test(drop, names_and_drops_go_together)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_task_options options = {.name = "parse", .drop = drop};
    struct argument argument = {0};
    struct filch_future *held = occupy_executor(executor), *future;
    char line[100];
    cr_assert_eq(filch_executor_submit_with(executor, &options, use, &argument, &future), 0);
    filch_future_describe(future, line, sizeof line);
    cr_assert(strstr(line, "<Future 'parse' at "));
    cr_assert(filch_future_cancel(future));
    assert_uses(&argument, 0, 1);
    sem_post(&leave);
    filch_future_release(future);
    filch_future_release(held);
    destroy(executor);
}

/* ---- Maps ------------------------------------------------------------------------------------- */

enum { ITEMS = 100 };

/* Where each item is, and each result, which is the same struct. */
struct item {
    _Atomic(int) calls, drops, result_drops;
    int given;
    bool fails, holds;
};

static struct item items[ITEMS];

static void *transform(void *argument)
{
    struct item *item = argument;
    atomic_fetch_add(&item->calls, 1);
    if (item->holds)
        (void)hold(NULL);
    return item->fails ? filch_fail(3, "as told") : item;
}

static void drop_item(void *item)
{
    atomic_fetch_add(&((struct item *)item)->drops, 1);
}

static void drop_result(void *result)
{
    atomic_fetch_add(&((struct item *)result)->result_drops, 1);
}

/* Each item that was taken was called or dropped; each result given or dropped. */
static void assert_all_accounted_for(int taken)
{
    for (int i = 0; i < ITEMS; i++) {
        struct item *item = &items[i];
        int calls = atomic_load(&item->calls), drops = atomic_load(&item->drops);
        cr_assert_eq(calls + drops, i < taken, "%d: %d calls, %d drops", i, calls, drops);
        cr_assert_eq(item->given + atomic_load(&item->result_drops), calls && !item->fails,
                     "%d: given %d, dropped %d", i, item->given, item->result_drops);
    }
}

static size_t given_items;

static bool next_item(void *source, void **item)
{
    (void)source;
    if (given_items == ITEMS)
        return false;
    *item = &items[given_items++];
    return true;
}

static struct filch_map *begin_map(struct filch_executor *executor, size_t chunksize,
                                   size_t buffersize, bool unordered, double timeout)
{
    struct filch_map_options options = {chunksize, buffersize, timeout,
                                        unordered, drop_item,  drop_result};
    struct filch_map *map = NULL;
    given_items = 0;
    cr_assert_eq(filch_map_create(executor, transform, next_item, NULL, &options, &map), 0);
    return map;
}

/* Takes so many results, or all. */
static void take(struct filch_map *map, int most)
{
    void *result;
    int error = 0;
    for (int i = 0; i < most && error != FILCH_EEND; i++) {
        error = filch_map_next(map, &result);
        if (!error)
            ((struct item *)result)->given++;
    }
}

Test(drop, a_map_that_is_read_to_its_end_drops_nothing)
{
    struct filch_executor *executor = executor_of(2);
    struct filch_map *map = begin_map(executor, 3, 0, false, FILCH_FOREVER);
    take(map, ITEMS + 1);
    filch_map_destroy(map);
    for (int i = 0; i < ITEMS; i++)
        cr_assert(items[i].given == 1 && !items[i].drops && !items[i].result_drops);
    destroy(executor);
}

Test(drop, a_map_that_is_left_drops_items_and_results)
{
    static const size_t chunks[] = {1, 3, 7, 200}, buffers[] = {0, 5, 30};
    for (size_t c = 0; c < COUNT(chunks); c++)
        for (size_t b = 0; b < COUNT(buffers); b++)
            for (int variant = 0; variant < 12; variant++) {
                enum kind kind = (enum kind)(variant % KINDS);
                struct backend backend = backend_of(kind, 2);
                memset(items, 0, sizeof items);
                items[10].fails = variant >= 6;
                struct filch_map *map = begin_map(backend.executor, chunks[c], buffers[b],
                                                  variant / 3 % 2, FILCH_FOREVER);
                take(map, variant % 4 * 9);
                filch_map_destroy(map);
                destroy(backend.executor); /* where what runs outlives the map */
                cr_assert_eq(filch_pool_destroy(backend.pool), 0);
                assert_all_accounted_for((int)given_items);
            }
}

Test(drop, a_map_whose_time_is_up_drops_the_rest)
{
    struct filch_executor *executor = executor_of(1);
    items[0].holds = true;
    struct filch_map *map = begin_map(executor, 2, 0, false, 0.01);
    void *result;
    await_signal(&entered);
    cr_assert_eq(filch_map_next(map, &result), FILCH_ETIMEDOUT);
    sem_post(&leave);
    filch_map_destroy(map);
    destroy(executor);
    assert_all_accounted_for(ITEMS);
    cr_assert_eq(atomic_load(&items[ITEMS - 1].drops), 1);
}

Test(drop, a_map_that_cannot_be_made_drops_what_it_has_taken)
{
    struct filch_map_options options = {2, 0, FILCH_FOREVER, false, drop_item, drop_result};
    struct filch_executor *executor = executor_of(1);
    struct filch_map *map = UNTOUCHED;
    cr_assert_eq(filch_executor_shutdown(executor, false, false), 0);
    cr_assert_eq(filch_map_create(executor, transform, next_item, NULL, &options, &map),
                 FILCH_ESHUTDOWN);
    cr_assert_eq((void *)map, UNTOUCHED);
    cr_assert_eq(given_items, 2);
    assert_all_accounted_for(2);
    destroy(executor);
}
