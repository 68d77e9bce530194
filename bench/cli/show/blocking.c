/* SPDX-License-Identifier: MIT
 *
 * Calls that block, in tasks: spare workers take the place of those that block. */
#include "show.h"

#include "bench/cli/output.h"

#include <filch/blocking.h>
#include <filch/task.h>

enum { SLEEPERS = 100 };

FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

static void *sleep_in_task(void *arg)
{
    filch_blocking_begin();
    void *number = show_hold(arg);
    filch_blocking_end();
    return number;
}

void show_blocking(void)
{
    struct filch_executor *executor = show_executor(2);
    struct filch_future *futures[SLEEPERS];
    struct show_held held; /* for all: they are told apart by nothing */
    int asleep = 0, ended = 0;

    show_held_init(&held, 1);
    for (int i = 0; i < SLEEPERS; i++)
        futures[i] = show_submit(executor, sleep_in_task, &held);
    while (asleep < SLEEPERS && show_begins(&held.started))
        asleep++;
    output_printf("2 workers, tasks asleep at once: %d", asleep);
    /* Without a thread for all there is none to compute, either. */
    if (asleep == SLEEPERS)
        output_printf(", meanwhile fib(20) = %ld",
                      FILCH_RUN(filch_executor_pool(executor), fib, 20));
    for (int i = 0; i < SLEEPERS; i++)
        show_let_go(&held);
    for (int i = 0; i < SLEEPERS; i++)
        ended += (int)show_result(futures[i]);
    output_printf(", then awake: %d\n", ended);
    filch_executor_destroy(executor);
    show_held_fini(&held);
}
