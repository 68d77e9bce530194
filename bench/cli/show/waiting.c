/* SPDX-License-Identifier: MIT
 *
 * Waiting for several futures: wait, and as_completed. Four tasks run side by side and end when
 * they are told to, so what is done is known at each line. */
#include "show.h"

#include "bench/cli/output.h"

#include <filch/wait.h>

enum { FOUR = 4 };

struct four {
    struct filch_executor *executor;
    struct show_held held[FOUR];
    struct filch_future *futures[FOUR];
};

static void start_four(struct four *four)
{
    four->executor = show_executor(FOUR);
    for (int i = 0; i < FOUR; i++) {
        show_held_init(&four->held[i], i + 1);
        four->futures[i] = show_hold_worker(four->executor, &four->held[i]);
    }
}

/* All have been let go. */
static void end_four(struct four *four)
{
    for (int i = 0; i < FOUR; i++) {
        show_end(four->futures[i]);
        show_held_fini(&four->held[i]);
    }
    filch_executor_destroy(four->executor);
}

static void print_sets(const char *label, struct filch_future *const *futures, size_t count,
                       enum filch_when when, double timeout)
{
    bool done[FOUR] = {false};
    size_t done_count, marked = 0;

    show_must(filch_wait(futures, count, when, timeout, done, &done_count));
    for (size_t i = 0; i < count; i++)
        marked += done[i];
    output_printf("wait, %s: %zu done, %zu not done\n", label, marked, count - done_count);
}

/* Futures of different executors in one wait. */
static void show_mixed(struct filch_executor *threads)
{
    struct filch_executor *in_place;
    struct filch_future *futures[3];

    show_must(filch_executor_create_inline(&in_place));
    futures[0] = show_submit(threads, show_one, NULL);
    futures[1] = show_submit(in_place, show_one, NULL);
    show_must(filch_future_create(&futures[2]));
    filch_future_set_result(futures[2], NULL);
    print_sets("threads, inline and by hand", futures, 3, FILCH_ALL_COMPLETED, FILCH_FOREVER);
    for (int i = 0; i < 3; i++)
        filch_future_release(futures[i]);
    filch_executor_destroy(in_place);
}

void show_wait(void)
{
    struct four four;

    start_four(&four);
    print_sets("nothing", NULL, 0, FILCH_ALL_COMPLETED, FILCH_FOREVER);
    print_sets("nobody may end, 0 s", four.futures, FOUR, FILCH_ALL_COMPLETED, 0);
    show_let_go(&four.held[0]);
    print_sets("FIRST_COMPLETED", four.futures, FOUR, FILCH_FIRST_COMPLETED, FILCH_FOREVER);
    four.held[1].error = 7;
    show_let_go(&four.held[1]);
    print_sets("FIRST_ERROR", four.futures, FOUR, FILCH_FIRST_ERROR, FILCH_FOREVER);
    print_sets("ALL_COMPLETED within 10 ms", four.futures, FOUR, FILCH_ALL_COMPLETED, 0.01);
    show_let_go(&four.held[2]);
    show_let_go(&four.held[3]);
    print_sets("ALL_COMPLETED", four.futures, FOUR, FILCH_ALL_COMPLETED, FILCH_FOREVER);
    show_mixed(four.executor);
    end_four(&four);
}

/* ---- as_completed ------------------------------------------------------------------------ */

/* The number that the next future to end has, or the error. */
static int next_number(struct filch_as_completed *iterator, intptr_t *number)
{
    struct filch_future *future;
    int error = filch_as_completed_next(iterator, &future);

    if (!error)
        *number = show_result(future);
    return error;
}

static void show_order_of_ends(void)
{
    static const int order[FOUR] = {3, 1, 4, 2};
    struct filch_as_completed *iterator;
    struct four four;
    intptr_t number = 0;

    start_four(&four);
    show_must(filch_as_completed_create(four.futures, FOUR, FILCH_FOREVER, &iterator));
    output_printf("as_completed, told to end in the order 3 1 4 2:");
    for (int i = 0; i < FOUR; i++) {
        show_let_go(&four.held[order[i] - 1]);
        show_must(next_number(iterator, &number));
        output_printf(" %d", (int)number);
    }
    output_printf(", then %s\n", show_code(next_number(iterator, &number)));
    filch_as_completed_destroy(iterator);
    end_four(&four);
}

static void show_duplicates(void)
{
    struct filch_executor *executor = show_executor(1);
    struct filch_future *future = show_submit(executor, show_one, NULL);
    struct filch_future *const twice[2] = {future, future};
    struct filch_as_completed *iterator;
    intptr_t number;
    int times = 0;

    show_must(filch_as_completed_create(twice, 2, FILCH_FOREVER, &iterator));
    while (next_number(iterator, &number) == 0)
        times++;
    output_printf("as_completed, one future given twice comes: %d time\n", times);
    filch_as_completed_destroy(iterator);
    filch_future_release(future);
    filch_executor_destroy(executor);
}

void show_as_completed(void)
{
    struct filch_as_completed *iterator;
    struct four four;
    intptr_t number;
    int come = 0, error;

    show_order_of_ends();
    show_duplicates();

    start_four(&four);
    for (int i = 0; i < 2; i++) {
        show_let_go(&four.held[i]);
        filch_future_result(four.futures[i], FILCH_FOREVER, NULL);
    }
    show_must(filch_as_completed_create(four.futures, FOUR, 0.01, &iterator));
    while ((error = next_number(iterator, &number)) == 0)
        come++;
    output_printf("as_completed within 10 ms: %d come, then %s, \"%s\"\n", come,
                  show_code(error), filch_as_completed_error(iterator));
    filch_as_completed_destroy(iterator);
    show_let_go(&four.held[2]);
    show_let_go(&four.held[3]);
    end_four(&four);
}
