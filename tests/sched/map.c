/* SPDX-License-Identifier: MIT
 *
 * filch_map: the rules of Python's Executor.map(), chunksize and buffersize included, sentence by
 * sentence of filch/map.h, and what only C has: bad arguments, no memory, results as they
 * come. */
#include "several.h"

#include <filch/map.h>

/* The first four fields of options are enough here; drop.c has the others. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

TestSuite(map, .init = setup);

static const struct filch_map_options defaults = FILCH_MAP_OPTIONS;

/* Gives 1, 2, 3, ... up to `end` (0: for ever). */
struct numbers {
    uintptr_t last, end;
    bool asked_on; /* asked again after it said that there are no more */
    bool over;
};

static bool next_number(void *source, void **item)
{
    struct numbers *numbers = source;
    numbers->asked_on |= numbers->over;
    numbers->over = numbers->end && numbers->last == numbers->end;
    if (numbers->over)
        return false;
    *item = (void *)++numbers->last;
    return true;
}

static void *square(void *item)
{
    return (void *)((uintptr_t)item * (uintptr_t)item);
}

static struct filch_map *map_of(struct filch_executor *executor, filch_fn *fn,
                                struct numbers *numbers,
                                const struct filch_map_options *options)
{
    struct filch_map *map = NULL;
    cr_assert_eq(filch_map_create(executor, fn, next_number, numbers, options, &map), 0);
    cr_assert(map);
    return map;
}

static void assert_next(struct filch_map *map, uintptr_t expected)
{
    void *result = UNTOUCHED;
    cr_assert_eq(filch_map_next(map, &result), 0);
    cr_assert_eq((uintptr_t)result, expected);
    cr_assert_null(filch_map_error(map));
}

static void assert_error(struct filch_map *map, int error)
{
    void *result = UNTOUCHED;
    cr_assert_eq(filch_map_next(map, &result), error);
    cr_assert_eq(result, UNTOUCHED);
    if (error < 0)
        cr_assert_str_eq(filch_map_error(map), filch_strerror(error));
}

/* An executor with one thread. */
static struct filch_executor *single(const struct filch_executor_options *options)
{
    struct filch_executor *executor = NULL;
    cr_assert_eq(filch_executor_create(1, options, &executor), 0);
    return executor;
}

static struct filch_executor *inline_one(void)
{
    struct filch_executor *executor = NULL;
    cr_assert_eq(filch_executor_create_inline(&executor), 0);
    return executor;
}

/* ---- Results ----------------------------------------------------------------------------- */

Test(map, gives_the_results_in_the_order_of_the_items)
{
    static const size_t sizes[] = {1, 2, 3, 7, 16, 17, 40, 100, 1000, PTRDIFF_MAX};
    struct executors executors;
    executors_create(&executors);
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < COUNT(sizes); i++)
            for (size_t buffersize = 0; buffersize < 30; buffersize += 9) {
                struct numbers numbers = {.end = 100};
                struct filch_map_options options = defaults;
                options.chunksize = sizes[i];
                options.buffersize = buffersize;
                struct filch_map *map = map_of(executors.of[kind], square, &numbers, &options);
                for (uintptr_t number = 1; number <= 100; number++)
                    assert_next(map, number * number);
                assert_error(map, FILCH_EEND);
                assert_error(map, FILCH_EEND);
                cr_assert_not(numbers.asked_on);
                filch_map_destroy(map);
            }
    executors_destroy(&executors);
}

Test(map, unordered_gives_each_result_once)
{
    static const size_t sizes[] = {1, 3, 16, 100, PTRDIFF_MAX};
    struct executors executors;
    executors_create(&executors);
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < COUNT(sizes); i++)
            for (size_t buffersize = 0; buffersize < 30; buffersize += 9) {
                struct numbers numbers = {.end = 100};
                struct filch_map_options options = {sizes[i], buffersize, FILCH_FOREVER,
                                                    true,     NULL,       NULL};
                struct filch_map *map = map_of(executors.of[kind], same, &numbers, &options);
                bool given[101] = {false};
                void *result;
                for (int j = 0; j < 100; j++) {
                    cr_assert_eq(filch_map_next(map, &result), 0);
                    cr_assert(!given[(uintptr_t)result] && (uintptr_t)result);
                    given[(uintptr_t)result] = true;
                }
                assert_error(map, FILCH_EEND);
                filch_map_destroy(map);
            }
    executors_destroy(&executors);
}

/* The first item is done after the second one. */
static void *first_after_second(void *item)
{
    if (item == (void *)1)
        await_signal(&leave);
    if (item == (void *)2)
        sem_post(&leave);
    return item;
}

Test(map, unordered_gives_results_as_they_come)
{
    for (int unordered = 0; unordered < 2; unordered++) {
        struct filch_pool *pool = pool_of(2);
        struct filch_executor *executor;
        struct numbers numbers = {.end = 1};
        struct filch_map_options options = {1, 0, FILCH_FOREVER, unordered, NULL, NULL};
        cr_assert_eq(filch_executor_create_on(pool, NULL, &executor), 0);
        if (unordered) { /* nothing else can let the first one go */
            void *items[] = {(void *)1, (void *)3};
            struct filch_map *map;
            cr_assert_eq(filch_map_array(executor, first_after_second, items, 2, &options,
                                         &map),
                         0);
            assert_next(map, 3);
            sem_post(&leave);
            assert_next(map, 1);
            assert_error(map, FILCH_EEND);
            filch_map_destroy(map);
        } else {
            numbers.end = 2;
            struct filch_map *map = map_of(executor, first_after_second, &numbers, &options);
            assert_next(map, 1);
            assert_next(map, 2);
            filch_map_destroy(map);
        }
        filch_executor_destroy(executor);
        filch_pool_destroy(pool);
    }
}

Test(map, of_an_empty_source_ends_at_once)
{
    for (int unordered = 0; unordered < 2; unordered++) {
        struct filch_executor *executor = single(NULL);
        struct filch_map_options options = {1, 0, 0, unordered, NULL, NULL};
        struct filch_map *map;
        struct numbers numbers = {.over = true};
        cr_assert_eq(filch_map_array(executor, same, NULL, 0, &options, &map), 0);
        assert_error(map, FILCH_EEND);
        assert_error(map, FILCH_EEND);
        filch_map_destroy(map);
        numbers = (struct numbers){.last = 5, .end = 5};
        map = map_of(executor, same, &numbers, NULL);
        assert_error(map, FILCH_EEND);
        cr_assert_not(numbers.asked_on);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

Test(map, of_an_array_leaves_it_alone)
{
    struct filch_executor *executor = single(NULL);
    void *items[20];
    struct filch_map_options options = {6, 0, FILCH_FOREVER, false, NULL, NULL};
    struct filch_map *map;
    for (uintptr_t i = 0; i < 20; i++)
        items[i] = (void *)i;
    cr_assert_eq(filch_map_array(executor, square, items, 20, &options, &map), 0);
    for (uintptr_t i = 0; i < 20; i++)
        assert_next(map, i * i);
    assert_error(map, FILCH_EEND);
    for (uintptr_t i = 0; i < 20; i++)
        cr_assert_eq((uintptr_t)items[i], i);
    filch_map_destroy(map);
    filch_executor_destroy(executor);
}

Test(map, passes_items_and_results_on_as_they_are)
{
    struct filch_executor *executor = inline_one();
    void *items[] = {NULL, &executor, UNTOUCHED, (void *)UINTPTR_MAX};
    struct filch_map *map;
    cr_assert_eq(filch_map_array(executor, same, items, 4, NULL, &map), 0);
    for (size_t i = 0; i < 4; i++)
        assert_next(map, (uintptr_t)items[i]);
    filch_map_destroy(map);
    filch_executor_destroy(executor);
}

Test(map, starts_before_anybody_asks)
{
    struct filch_executor *executor = single(NULL);
    struct numbers numbers = {.end = 10};
    struct filch_map *map = map_of(executor, count, &numbers, NULL);
    cr_assert_eq(numbers.last, 10, "without a limit the whole source is read");
    cr_assert_eq(filch_executor_shutdown(executor, true, false), 0);
    cr_assert_eq(atomic_load(&ran), 10);
    for (uintptr_t number = 1; number <= 10; number++)
        assert_next(map, number);
    filch_map_destroy(map);
    filch_executor_destroy(executor);
}

static _Atomic(int) together, most_together;

static void *meet(void *item)
{
    int now = atomic_fetch_add(&together, 1) + 1;
    if (now > atomic_load(&most_together))
        atomic_store(&most_together, now);
    for (int i = 0; i < 100; i++)
        sched_yield();
    atomic_fetch_sub(&together, 1);
    return item;
}

Test(map, works_off_a_chunk_one_after_another)
{
    struct executors executors;
    struct numbers numbers = {.end = 30};
    struct filch_map_options options = {30, 0, FILCH_FOREVER, false, NULL, NULL};
    executors_create(&executors);
    struct filch_map *map = map_of(executors.of[THREADS], meet, &numbers, &options);
    for (uintptr_t number = 1; number <= 30; number++)
        assert_next(map, number);
    cr_assert_eq(atomic_load(&most_together), 1);
    filch_map_destroy(map);
    executors_destroy(&executors);
}

static pthread_barrier_t meeting;

static void *meet_all(void *item)
{
    pthread_barrier_wait(&meeting);
    return item;
}

Test(map, runs_as_many_items_at_once_as_there_are_workers)
{
    for (int unordered = 0; unordered < 2; unordered++) {
        struct numbers numbers = {.end = 12};
        struct filch_map_options options = {1, 0, FILCH_FOREVER, unordered, NULL, NULL};
        struct filch_executor *executor;
        cr_assert_eq(filch_executor_create(3, NULL, &executor), 0);
        pthread_barrier_init(&meeting, NULL, 3);
        struct filch_map *map = map_of(executor, meet_all, &numbers, &options);
        uintptr_t sum = 0;
        void *result;
        while (!filch_map_next(map, &result))
            sum += (uintptr_t)result;
        cr_assert_eq(sum, 12 * 13 / 2);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
        pthread_barrier_destroy(&meeting);
    }
}

/* ---- A limit ----------------------------------------------------------------------------- */

Test(map, with_a_limit_reads_no_more_than_may_be_on_its_way)
{
    static const size_t chunksizes[] = {1, 2, 3, 10, PTRDIFF_MAX};
    struct executors executors;
    executors_create(&executors);
    for (int mode = 0; mode < 2 * KINDS; mode++)
        for (size_t buffersize = 1; buffersize <= 7; buffersize++)
            for (size_t i = 0; i < COUNT(chunksizes); i++) {
                struct numbers numbers = {0}; /* for ever */
                struct filch_map_options options = {chunksizes[i], buffersize, FILCH_FOREVER,
                                                    mode >= KINDS, NULL,       NULL};
                size_t chunk = chunksizes[i] < buffersize ? chunksizes[i] : buffersize;
                struct filch_map *map =
                    map_of(executors.of[mode % KINDS], same, &numbers, &options);
                cr_assert_eq(numbers.last, buffersize / chunk * chunk);
                for (uintptr_t given = 1; given < 50; given++) {
                    void *result;
                    cr_assert_eq(filch_map_next(map, &result), 0);
                    cr_assert_leq(numbers.last, given + buffersize);
                    cr_assert_gt(numbers.last, given + buffersize - chunk);
                }
                filch_map_destroy(map);
            }
    executors_destroy(&executors);
}

Test(map, with_the_largest_limit_reads_all)
{
    struct filch_executor *executor = single(NULL);
    struct numbers numbers = {.end = 10};
    struct filch_map_options options = {3, PTRDIFF_MAX, FILCH_FOREVER, false, NULL, NULL};
    struct filch_map *map = map_of(executor, same, &numbers, &options);
    cr_assert_eq(numbers.last, 10);
    for (uintptr_t number = 1; number <= 10; number++)
        assert_next(map, number);
    assert_error(map, FILCH_EEND);
    filch_map_destroy(map);
    filch_executor_destroy(executor);
}

Test(map, of_very_many_items_gives_all)
{
    struct executors executors;
    executors_create(&executors);
    for (int unordered = 0; unordered < 2; unordered++) {
        struct numbers numbers = {.end = MANY};
        struct filch_map_options options = {64, 1024, FILCH_FOREVER, unordered, NULL, NULL};
        struct filch_map *map = map_of(executors.of[THREADS], same, &numbers, &options);
        uintptr_t sum = 0;
        void *result;
        while (!filch_map_next(map, &result))
            sum += (uintptr_t)result;
        cr_assert_eq(sum, (uintptr_t)MANY * (MANY + 1) / 2);
        filch_map_destroy(map);
    }
    executors_destroy(&executors);
}

/* ---- Errors ------------------------------------------------------------------------------ */

static void *fail_at_5(void *item)
{
    if (item == (void *)5)
        return filch_fail(55, "number %d", 5);
    return item;
}

Test(map, goes_on_behind_an_item_that_fails)
{
    struct executors executors;
    executors_create(&executors);
    for (int mode = 0; mode < 2 * KINDS; mode++) {
        struct numbers numbers = {.end = 8};
        struct filch_map_options options = {1, 3, FILCH_FOREVER, mode >= KINDS, NULL, NULL};
        struct filch_map *map =
            map_of(executors.of[mode % KINDS], fail_at_5, &numbers, &options);
        uintptr_t sum = 0;
        int error, errors = 0;
        void *result;
        cr_assert_null(filch_map_error(map));
        while ((error = filch_map_next(map, &result)) != FILCH_EEND) {
            if (!error) {
                sum += (uintptr_t)result;
                cr_assert_null(filch_map_error(map));
                continue;
            }
            errors++;
            cr_assert_eq(error, 55);
            cr_assert_str_eq(filch_map_error(map), "number 5");
            if (mode < KINDS)
                cr_assert_eq(sum, 1 + 2 + 3 + 4);
        }
        cr_assert_eq(errors, 1);
        cr_assert_eq(sum, 36 - 5);
        filch_map_destroy(map);
    }
    executors_destroy(&executors);
}

Test(map, goes_on_where_every_item_fails)
{
    for (int unordered = 0; unordered < 2; unordered++) {
        struct filch_executor *executor = single(NULL);
        struct complaint complaint = {7, "each"};
        void *items[10], *result;
        struct filch_map_options options = {2, 3, FILCH_FOREVER, unordered, NULL, NULL};
        struct filch_map *map;
        for (size_t i = 0; i < 10; i++)
            items[i] = &complaint;
        cr_assert_eq(filch_map_array(executor, complain, items, 10, &options, &map), 0);
        for (size_t i = 0; i < 5; i++) {
            cr_assert_eq(filch_map_next(map, &result), 7);
            cr_assert_str_eq(filch_map_error(map), "each");
        }
        assert_error(map, FILCH_EEND);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

Test(map, loses_the_chunk_of_an_item_that_fails)
{
    struct filch_executor *executor = single(NULL);
    struct numbers numbers = {.end = 8};
    struct filch_map_options options = {3,     0,    FILCH_FOREVER,
                                        false, NULL, NULL}; /* 1-3, 4-6, 7-8 */
    struct filch_map *map = map_of(executor, fail_at_5, &numbers, &options);
    for (uintptr_t number = 1; number <= 3; number++)
        assert_next(map, number);
    assert_error(map, 55);
    cr_assert_str_eq(filch_map_error(map), "number 5");
    assert_next(map, 7);
    assert_next(map, 8);
    assert_error(map, FILCH_EEND);
    filch_map_destroy(map);
    filch_executor_destroy(executor);
}

static void *fail_as_if_the_time_were_up(void *item)
{
    return item == (void *)1 ? filch_fail(FILCH_ETIMEDOUT, "mine") : item;
}

Test(map, tells_a_tasks_own_timeout_from_the_maps)
{
    for (int unordered = 0; unordered < 2; unordered++) {
        struct filch_executor *executor = single(NULL);
        struct numbers numbers = {.end = 2};
        struct filch_map_options options = {1, 0, FILCH_FOREVER, unordered, NULL, NULL};
        struct filch_map *map =
            map_of(executor, fail_as_if_the_time_were_up, &numbers, &options);
        void *result;
        cr_assert_eq(filch_map_next(map, &result), FILCH_ETIMEDOUT);
        cr_assert_str_eq(filch_map_error(map), "mine");
        assert_next(map, 2);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

Test(map, tells_that_tasks_were_cancelled)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_executor *executor;
    struct filch_future *held = occupy(pool);
    struct numbers numbers = {.end = 2};
    cr_assert_eq(filch_executor_create_on(pool, NULL, &executor), 0);
    struct filch_map *map = map_of(executor, count, &numbers, NULL);
    cr_assert_eq(filch_executor_shutdown(executor, false, true), 0);
    assert_error(map, FILCH_ECANCELED);
    assert_error(map, FILCH_ECANCELED);
    assert_error(map, FILCH_EEND);
    cr_assert_eq(atomic_load(&ran), 0);
    filch_map_destroy(map);
    sem_post(&leave);
    filch_executor_destroy(executor);
    filch_future_release(held);
    filch_pool_destroy(pool);
}

Test(map, refuses_bad_arguments)
{
    struct filch_executor *executor = inline_one();
    struct filch_map *map = UNTOUCHED;
    struct numbers numbers = {.end = 3};
    static const size_t bad_sizes[] = {0, (size_t)-1, (size_t)PTRDIFF_MAX + 1};
    struct filch_map_options options = defaults;
    void *items[1] = {NULL};
    cr_assert_eq(filch_map_create(executor, NULL, next_number, &numbers, NULL, &map),
                 FILCH_EINVAL);
    cr_assert_eq(filch_map_create(executor, same, NULL, &numbers, NULL, &map), FILCH_EINVAL);
    cr_assert_eq(filch_map_array(executor, NULL, items, 1, NULL, &map), FILCH_EINVAL);
    cr_assert_eq(filch_map_array(executor, same, NULL, 1, NULL, &map), FILCH_EINVAL);
    options.timeout = (double)NAN;
    cr_assert_eq(filch_map_create(executor, same, next_number, &numbers, &options, &map),
                 FILCH_EINVAL);
    cr_assert_eq(filch_map_array(executor, same, items, 1, &options, &map), FILCH_EINVAL);
    options.timeout = 1;
    for (size_t i = 1; i < COUNT(bad_sizes); i++) { /* 0: no limit */
        options.buffersize = bad_sizes[i];
        cr_assert_eq(filch_map_create(executor, same, next_number, &numbers, &options, &map),
                     FILCH_EINVAL);
        cr_assert_eq(filch_map_array(executor, same, items, 1, &options, &map), FILCH_EINVAL);
    }
    options.buffersize = 0;
    for (size_t i = 0; i < COUNT(bad_sizes); i++) {
        options.chunksize = bad_sizes[i];
        cr_assert_eq(filch_map_create(executor, same, next_number, &numbers, &options, &map),
                     FILCH_ECHUNKSIZE);
        cr_assert_eq(filch_map_array(executor, same, items, 1, &options, &map),
                     FILCH_ECHUNKSIZE);
    }
    cr_assert_eq((void *)map, UNTOUCHED);
    cr_assert_eq(numbers.last, 0);
    filch_executor_destroy(executor);
}

/* ---- An executor that refuses ------------------------------------------------------------ */

Test(map, cannot_be_made_where_the_executor_refuses)
{
    for (size_t buffersize = 0; buffersize < 2; buffersize++) {
        struct filch_executor *executor = single(NULL);
        struct filch_map *map = UNTOUCHED;
        struct numbers numbers = {.end = 3};
        struct filch_map_options options = {1, buffersize, FILCH_FOREVER, false, NULL, NULL};
        filch_executor_shutdown(executor, true, false);
        cr_assert_eq(filch_map_create(executor, same, next_number, &numbers, &options, &map),
                     FILCH_ESHUTDOWN);
        cr_assert_eq((void *)map, UNTOUCHED);
        filch_executor_destroy(executor);
    }
}

static int fail_to_initialize(void *argument)
{
    hold(argument);
    return 1;
}

Test(map, tells_that_the_executor_broke_and_cannot_be_made_there_again)
{
    struct filch_executor_options broken = {.initializer = fail_to_initialize};
    struct filch_executor *executor = single(&broken);
    struct numbers numbers = {.end = 3};
    struct filch_map *map = map_of(executor, count, &numbers, NULL), *another = UNTOUCHED;
    sem_post(&leave);
    for (int i = 0; i < 3; i++)
        assert_error(map, FILCH_EBROKEN);
    assert_error(map, FILCH_EEND);
    filch_map_destroy(map);
    numbers = (struct numbers){.end = 3};
    cr_assert_eq(filch_map_create(executor, count, next_number, &numbers, NULL, &another),
                 FILCH_EBROKEN);
    cr_assert_eq((void *)another, UNTOUCHED);
    filch_executor_destroy(executor);
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(map, tells_that_the_executor_refuses_once_all_before_is_given)
{
    for (int unordered = 0; unordered < 2; unordered++) {
        struct filch_executor *executor = single(NULL);
        struct numbers numbers = {.end = 6};
        struct filch_map_options options = {1, 3, FILCH_FOREVER, unordered, NULL, NULL};
        struct filch_map *map = map_of(executor, same, &numbers, &options);
        filch_executor_shutdown(executor, true, false);
        for (uintptr_t number = 1; number <= 3; number++)
            assert_next(map, number);
        for (uintptr_t number = 4; number <= 6; number++)
            assert_error(map, FILCH_ESHUTDOWN);
        assert_error(map, FILCH_EEND);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

Test(map, with_a_limit_offers_again_what_found_the_queue_full)
{
    struct filch_executor_options full = {.max_queued = 2, .when_full = FILCH_FULL_REJECT};
    for (int unordered = 0; unordered < 2; unordered++) {
        struct filch_executor *executor = single(&full);
        struct numbers numbers = {.end = 100};
        struct filch_map_options options = {1, 20, FILCH_FOREVER, unordered, NULL, NULL};
        struct filch_map *map = map_of(executor, same, &numbers, &options);
        for (uintptr_t number = 1; number <= 100; number++)
            assert_next(map, number);
        assert_error(map, FILCH_EEND);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

Test(map, without_a_limit_cannot_be_made_where_the_queue_gets_full)
{
    struct filch_executor_options full = {.max_queued = 2, .when_full = FILCH_FULL_REJECT};
    struct filch_pool *pool = pool_of(1);
    struct filch_executor *executor;
    struct filch_map *map = UNTOUCHED;
    struct numbers numbers = {.end = 100};
    struct filch_future *held = occupy(pool);
    cr_assert_eq(filch_executor_create_on(pool, &full, &executor), 0);
    cr_assert_eq(filch_map_create(executor, count, next_number, &numbers, NULL, &map),
                 FILCH_EFULL);
    cr_assert_eq((void *)map, UNTOUCHED);
    sem_post(&leave);
    filch_executor_destroy(executor);
    cr_assert_eq(atomic_load(&ran), 0, "what was taken is cancelled");
    filch_future_release(held);
    filch_pool_destroy(pool);
}

Test(map, works_where_a_full_queue_blocks_or_has_the_caller_run)
{
    for (int when = 0; when < 2; when++) {
        struct filch_executor_options full = {.max_queued = 1,
                                              .when_full = when ? FILCH_FULL_CALLER_RUNS
                                                                : FILCH_FULL_BLOCK};
        struct filch_executor *executor = single(&full);
        struct numbers numbers = {.end = 200};
        struct filch_map *map = map_of(executor, square, &numbers, NULL);
        for (uintptr_t number = 1; number <= 200; number++)
            assert_next(map, number * number);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

/* ---- Time, ending ------------------------------------------------------------------------ */

static _Atomic(int) finished;

/* Number 2 is held until sem_post(&leave). */
static void *hold_2(void *item)
{
    atomic_fetch_add(&ran, 1);
    if (item == (void *)2)
        hold(item);
    atomic_fetch_add(&finished, 1);
    return item;
}

Test(map, cancels_the_rest_when_the_time_is_up)
{
    static const double timeouts[] = {0.02, 1e-9, 0, -1, -(double)INFINITY};
    for (size_t i = 0; i < 2 * COUNT(timeouts); i++) {
        struct filch_executor *executor = single(NULL);
        struct numbers numbers = {.end = 4};
        struct filch_map_options options = {1, 0, timeouts[i / 2], i % 2, NULL, NULL};
        atomic_store(&ran, 0);
        int64_t begun = fi_now();
        struct filch_map *map = map_of(executor, hold_2, &numbers, &options);
        await_signal(&entered); /* the first is done by now */
        assert_next(map, 1);
        assert_error(map, FILCH_ETIMEDOUT);
        cr_assert_geq((double)(fi_now() - begun), options.timeout * 1e9, "not before");
        assert_error(map, FILCH_EEND);
        sem_post(&leave);
        assert_error(map, FILCH_EEND);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
        cr_assert_eq(atomic_load(&ran), 2);
    }
}

Test(map, counts_the_time_from_its_making)
{
    for (int mode = 0; mode < 4; mode++) {
        struct filch_executor *executor = single(NULL);
        struct numbers numbers = {.end = 3};
        struct filch_map_options options = {1, mode / 2 ? 2 : 0, 3600, mode % 2, NULL, NULL};
        struct filch_map *map = map_of(executor, hold_2, &numbers, &options);
        assert_next(map, 1);
        await_signal(&entered);
        atomic_fetch_add(&seconds_ahead, 3600); /* from here on it would wait for an hour */
        assert_error(map, FILCH_ETIMEDOUT);
        sem_post(&leave);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

Test(map, with_a_long_timeout_waits)
{
    for (size_t i = 0; i < 2 * COUNT(long_timeouts); i++) {
        struct filch_executor *executor = single(NULL);
        struct numbers numbers = {.end = 3};
        struct filch_map_options options = {1, 0, long_timeouts[i / 2], i % 2, NULL, NULL};
        struct filch_map *map = map_of(executor, same, &numbers, &options);
        for (uintptr_t number = 1; number <= 3; number++)
            assert_next(map, number);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

static void *open_hold_later(void *argument)
{
    for (int i = 0; i < 1000; i++) /* the other thread should be waiting by then */
        sched_yield();
    sem_post(&leave);
    return argument;
}

Test(map, that_is_destroyed_cancels_what_has_not_started_and_waits_for_what_runs)
{
    for (int mode = 0; mode < 4; mode++) {
        struct filch_executor *executor = single(NULL);
        struct numbers numbers = {.end = 9};
        struct filch_map_options options = {mode / 2 ? 3 : 1, 0,    FILCH_FOREVER,
                                            mode % 2,         NULL, NULL};
        pthread_t thread;
        atomic_store(&ran, 0);
        atomic_store(&finished, 0);
        struct filch_map *map = map_of(executor, hold_2, &numbers, &options);
        await_signal(&entered);
        pthread_create(&thread, NULL, open_hold_later, NULL);
        filch_map_destroy(map);
        cr_assert_eq(atomic_load(&finished), 2);
        pthread_join(thread, NULL);
        filch_executor_destroy(executor);
        cr_assert_eq(atomic_load(&ran), 2, "not even the rest of a chunk that runs");
    }
}

Test(map, may_be_destroyed_with_a_chunk_that_found_the_queue_full)
{
    struct filch_executor_options full = {.max_queued = 2, .when_full = FILCH_FULL_REJECT};
    struct filch_executor *executor = single(&full);
    struct filch_future *held = submit_to(executor, hold, NULL);
    struct numbers numbers = {.end = 100};
    struct filch_map_options options = {3, 20, FILCH_FOREVER, false, NULL, NULL};
    await_signal(&entered);
    struct filch_map *map = map_of(executor, count, &numbers, &options);
    cr_assert_eq(numbers.last, 9, "two are queued, and one is not");
    filch_map_destroy(map);
    sem_post(&leave);
    filch_future_release(held);
    filch_executor_destroy(executor);
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(map, may_be_destroyed_with_results_that_nobody_fetched)
{
    for (int mode = 0; mode < 4; mode++) {
        struct filch_executor *executor = single(NULL);
        struct numbers numbers = {.end = 9};
        struct filch_map_options options = {
            4, mode / 2 ? 5 : 0, FILCH_FOREVER, mode % 2, NULL, NULL};
        struct filch_map *map = map_of(executor, fail_at_5, &numbers, &options);
        assert_next(map, 1);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
    filch_map_destroy(NULL);
}

static int ask_in_child(void *argument)
{
    struct filch_map *map = argument;
    void *result;
    if (filch_map_next(map, &result) || result != (void *)1)
        return 1;
    if (filch_map_next(map, &result) != FILCH_EFORKED)
        return 2;
    if (filch_map_next(map, &result) != FILCH_EEND)
        return 3;
    filch_map_destroy(map); /* waits for nobody */
    return 0;
}

Test(map, ends_where_the_rest_stayed_in_the_parent_process)
{
    for (int unordered = 0; unordered < 2; unordered++) {
        struct filch_executor *executor = single(NULL);
        struct numbers numbers = {.end = 4};
        struct filch_map_options options = {1,   2 * (size_t)unordered, 60, unordered, NULL,
                                            NULL};
        struct filch_map *map = map_of(executor, hold_2, &numbers, &options);
        await_signal(&entered);
        cr_assert_eq(run_in_child(ask_in_child, map), 0, "%d", unordered);
        sem_post(&leave);
        for (uintptr_t number = 1; number <= 4; number++)
            assert_next(map, number);
        filch_map_destroy(map);
        filch_executor_destroy(executor);
    }
}

/* ---- In a task --------------------------------------------------------------------------- */

struct inside {
    struct filch_executor *executor; /* on the task's own pool */
    size_t chunksize, buffersize;
    bool unordered;
};

static void *map_inside(void *argument)
{
    const struct inside *inside = argument;
    struct filch_map *map;
    struct numbers numbers = {.end = 50};
    struct filch_map_options options = {
        inside->chunksize, inside->buffersize, FILCH_FOREVER, inside->unordered, NULL, NULL};
    uintptr_t sum = 0;
    void *result;
    if (filch_map_create(inside->executor, square, next_number, &numbers, &options, &map))
        return filch_fail(FILCH_ECHECK, "map");
    while (!filch_map_next(map, &result))
        sum += (uintptr_t)result;
    filch_map_destroy(map);
    return sum == 50 * 51 * 101 / 6 ? NULL : filch_fail(FILCH_ECHECK, "%zu", (size_t)sum);
}

static void *map_in_the_deep(void *argument)
{
    volatile char stack[700 << 10];
    stack[0] = 1;
    void *result = map_inside(argument);
    return stack[0] ? result : NULL;
}

Test(map, in_a_task_of_a_pool_with_one_worker_ends)
{
    static filch_fn *const fns[] = {map_inside, map_in_the_deep};
    struct filch_pool_options small = {.workers = 1, .stack_size = 1 << 20};
    for (size_t i = 0; i < 16; i++) {
        struct inside inside = {NULL, i & 1 ? 1 : 7, i & 2 ? 0 : 10, i & 4};
        struct filch_pool *pool;
        cr_assert_eq(filch_pool_create(&small, &pool), 0);
        cr_assert_eq(filch_executor_create_on(pool, NULL, &inside.executor), 0);
        struct filch_future *future = submit(pool, fns[i / 8], &inside);
        const char *text = filch_future_error(future, FILCH_FOREVER, NULL);
        cr_assert_null(text, "%zu: %s", i, text);
        filch_future_release(future);
        filch_executor_destroy(inside.executor);
        filch_pool_destroy(pool);
    }
}

static struct filch_executor *shared_executor;

static void *map_again(void *item)
{
    uintptr_t levels = (uintptr_t)item, sum = 0;
    struct filch_map *map;
    void *items[] = {(void *)(levels - 1), (void *)(levels - 1)}, *result;
    if (levels == 0)
        return (void *)1;
    if (filch_map_array(shared_executor, map_again, items, 2, NULL, &map))
        return NULL;
    while (!filch_map_next(map, &result))
        sum += (uintptr_t)result;
    filch_map_destroy(map);
    return (void *)sum;
}

Test(map, in_tasks_of_its_own_executor_ends)
{
    for (int workers = 1; workers <= 3; workers++) {
        cr_assert_eq(filch_executor_create(workers, NULL, &shared_executor), 0);
        struct filch_future *future = submit_to(shared_executor, map_again, (void *)6);
        void *result;
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
        cr_assert_eq((uintptr_t)result, 64);
        filch_future_release(future);
        filch_executor_destroy(shared_executor);
    }
}

/* A map whose second item asks for its results. */
struct asked {
    struct filch_map *map;
    int error, last;
    uintptr_t sum;
};

static struct asked asked;

static void *ask_own_map(void *item)
{
    void *result;
    if (item != (void *)2)
        return item;
    await_signal(&leave); /* until the map is known */
    while (!(asked.error = filch_map_next(asked.map, &result)))
        asked.sum += (uintptr_t)result;
    asked.last = filch_map_next(asked.map, &result);
    return item;
}

Test(map, in_a_task_of_its_own_never_comes_to_that_task)
{
    for (int mode = 0; mode < 4; mode++) {
        struct filch_executor *executor;
        struct numbers numbers = {.end = 5};
        struct filch_map_options options = {1,        0,    mode % 2 ? 3600 : FILCH_FOREVER,
                                            mode / 2, NULL, NULL};
        asked = (struct asked){.sum = 0};
        cr_assert_eq(filch_executor_create(1, NULL, &executor), 0);
        asked.map = map_of(executor, ask_own_map, &numbers, &options);
        sem_post(&leave);
        cr_assert_eq(filch_executor_shutdown(executor, true, false), 0);
        cr_assert_eq(asked.error, FILCH_EDEADLK, "%d: %d", mode, asked.error);
        cr_assert_eq(asked.last, FILCH_EEND);
        cr_assert_eq(asked.sum, options.unordered ? 1 + 3 + 4 + 5 : 1);
        filch_map_destroy(asked.map);
        filch_executor_destroy(executor);
    }
}

/* ---- When memory lacks ------------------------------------------------------------------- */

/* Makes a map with so many allocations granted; returns its sum, or 0 if it could not be made. Each
 * call of filch_map_next() may allocate as often. */
static uintptr_t sum_with(struct filch_executor *executor, long granted,
                          const struct filch_map_options *options, int *errors)
{
    struct numbers numbers = {.end = 100};
    struct filch_map *map = UNTOUCHED;
    uintptr_t sum = 0;
    void *result;
    allocations_left = granted;
    int error = filch_map_create(executor, same, next_number, &numbers, options, &map);
    allocations_left = -1;
    if (error) {
        cr_assert_eq(error, FILCH_ENOMEM);
        cr_assert_eq((void *)map, UNTOUCHED);
        return 0;
    }
    for (int failed = 0; failed < 10;) {
        allocations_left = granted;
        error = filch_map_next(map, &result);
        allocations_left = -1;
        if (error == FILCH_EEND)
            break;
        cr_assert(error == 0 || error == FILCH_ENOMEM);
        if (error)
            ++*errors, failed++;
        else
            sum += (uintptr_t)result;
    }
    filch_map_destroy(map);
    return sum;
}

Test(map, without_memory_is_an_error_and_loses_nothing_unsaid)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_executor *executor = inline_one();
    for (int mode = 0; mode < 4; mode++) {
        struct filch_map_options options = {mode / 2 ? 50 : 2, 50,   FILCH_FOREVER,
                                            mode % 2,          NULL, NULL};
        int errors = 0;
        long granted = 0;
        (void)sum_with(executor, -1, &options,
                       &errors); /* futures come from a store from now on */
        for (uintptr_t sum = 0; sum < 5050 || errors; granted++) {
            long blocks = blocks_held;
            errors = 0;
            sum = sum_with(executor, granted, &options, &errors);
            cr_assert(sum == 5050 || sum == 0 || errors, "%ld: %zu", granted, (size_t)sum);
            cr_assert_eq(blocks_held, blocks, "%ld: something is left behind", granted);
        }
        cr_assert_gt(granted, 2);
    }
    filch_executor_destroy(executor);
}
