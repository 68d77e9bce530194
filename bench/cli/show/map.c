/* SPDX-License-Identifier: MIT
 *
 * map: a function over many items, the results in order or as they come. */
#include "show.h"

#include "bench/cli/output.h"

#include <filch/map.h>
#include <filch/stats.h>

enum { MANY = 6 };

static void *square(void *item)
{
    return show_pointer((intptr_t)item * (intptr_t)item);
}

/* 1, 2, 3 and so on: as many as are asked for, or without an end. */
struct counting {
    intptr_t given, last; /* last 0: there is none */
};

static bool count_on(void *source, void **item)
{
    struct counting *counting = source;

    if (counting->last && counting->given == counting->last)
        return false;
    *item = show_pointer(++counting->given);
    return true;
}

/* Prints up to `most` results, and returns what came behind them: 0 if there may be more. */
static int print_results(struct filch_map *map, int most)
{
    void *result;
    int error = 0;

    for (int i = 0; i < most && (error = filch_map_next(map, &result)) == 0; i++)
        output_printf(" %d", (int)(intptr_t)result);
    return error;
}

static struct filch_map *map_numbers(struct filch_executor *executor, filch_fn *fn,
                                     struct counting *source,
                                     const struct filch_map_options *options)
{
    struct filch_map *map;

    show_must(filch_map_create(executor, fn, count_on, source, options, &map));
    return map;
}

static void show_ordered(struct filch_executor *executor)
{
    struct counting six = {0, MANY};
    struct filch_map *map = map_numbers(executor, square, &six, NULL);

    output_printf("map, squares of 1 to 6:");
    int error = print_results(map, MANY + 1);
    output_printf(", then %s\n", show_code(error));
    filch_map_destroy(map);
}

/* ---- One item held back: the others overtake it, if they may ----------------------------- */

static struct show_held first_item;

static void *hold_first(void *item)
{
    if ((intptr_t)item == 1)
        return show_hold(&first_item);
    return item;
}

/* The first item keeps one of two workers, the second one finds the other. */
static void show_unordered(struct filch_executor *executor)
{
    struct filch_map_options options = FILCH_MAP_OPTIONS;
    struct counting two = {0, 2};

    options.unordered = true;
    show_held_init(&first_item, 1);
    struct filch_map *map = map_numbers(executor, hold_first, &two, &options);
    output_printf("map, unordered, 1 held back:");
    show_must(print_results(map, 1));
    show_let_go(&first_item);
    show_must(print_results(map, 1));
    output_printf("\n");
    filch_map_destroy(map);
    show_held_fini(&first_item);
}

static void show_timeout(struct filch_executor *executor)
{
    struct filch_map_options options = FILCH_MAP_OPTIONS;
    struct counting four = {0, 4};
    void *result;

    options.timeout = 0.01;
    show_held_init(&first_item, 1);
    struct filch_map *map = map_numbers(executor, hold_first, &four, &options);
    int error = filch_map_next(map, &result);
    output_printf("map, 1 held back, within 10 ms: %s, \"%s\"", show_code(error),
                  filch_map_error(map));
    output_printf(", then %s\n", show_code(filch_map_next(map, &result)));
    show_let_go(&first_item);
    filch_map_destroy(map);
    show_held_fini(&first_item);
}

/* ---- Sizes ------------------------------------------------------------------------------- */

static void show_chunks(void)
{
    struct filch_executor *executor = show_executor(2);
    struct filch_map_options options = FILCH_MAP_OPTIONS;
    struct counting ten = {0, 10};
    struct filch_stats stats;
    int results = 0;
    void *result;

    options.chunksize = 4;
    struct filch_map *map = map_numbers(executor, square, &ten, &options);
    while (filch_map_next(map, &result) == 0)
        results++;
    filch_map_destroy(map);
    /* A task is counted behind its end. */
    filch_executor_shutdown(executor, true, false);
    filch_stats_read(filch_executor_pool(executor), &stats);
    output_printf("map, 10 items, chunksize 4: %d results, %d tasks\n", results,
                  (int)stats.tasks);

    options.chunksize = 0;
    show_outcome("map, chunksize 0",
                 filch_map_create(executor, square, count_on, &ten, &options, &map));
    filch_executor_destroy(executor);
}

static void show_endless(struct filch_executor *executor)
{
    struct filch_map_options options = FILCH_MAP_OPTIONS;
    struct counting endless = {0, 0};

    options.buffersize = 4;
    struct filch_map *map = map_numbers(executor, square, &endless, &options);
    output_printf("map, endless source, buffersize 4: %d items read, results",
                  (int)endless.given);
    show_must(print_results(map, 5));
    output_printf(", %d items read\n", (int)endless.given);
    filch_map_destroy(map);
}

static void *fail_at_three(void *item)
{
    return (intptr_t)item == 3 ? filch_fail(7, "line 3: no number") : item;
}

static void show_failing_item(struct filch_executor *executor)
{
    struct counting four = {0, 4};
    struct filch_map *map = map_numbers(executor, fail_at_three, &four, NULL);

    output_printf("map, the third item fails:");
    int error = print_results(map, 4);
    output_printf(", code %d, \"%s\",", error, filch_map_error(map));
    show_must(print_results(map, 1));
    output_printf("\n");
    filch_map_destroy(map);
}

void show_map(void)
{
    struct filch_executor *executor = show_executor(2);

    show_ordered(executor);
    show_unordered(executor);
    show_chunks();
    show_endless(executor);
    show_timeout(executor);
    show_failing_item(executor);
    filch_executor_destroy(executor);
}
