/* SPDX-License-Identifier: MIT
 *
 * `filch futures`: executors and futures, one line a property. The first two lines are the
 * chapter's; the parts are in show/. */
#include "args.h"
#include "command.h"
#include "output.h"

#include "bench/cli/show/show.h"

#include <stddef.h>

static void (*const parts[])(void) = {
    show_chapter,      show_states, show_by_hand,  show_callbacks, show_chains,  show_wait,
    show_as_completed, show_map,    show_workers,  show_queues,    show_endings, show_back_ends,
    show_tokens,       show_groups, show_blocking, show_locks,     show_fork,
};

static int run(int argc, char **argv)
{
    static const struct args_option none[] = {{.name = NULL}};
    int operands = args_parse("futures", none, argc, argv);

    if (operands < 0 || !args_at_most("futures", 0, operands, argv))
        return COMMAND_USAGE;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        parts[i]();
    return COMMAND_OK;
}

static const char help[] =
    "Submits a task that returns 1 to a pool that is destroyed at once, and prints its\n"
    "result, then whether the future is done, running, cancelled. Further lines, each with\n"
    "its label, show, one by one: states, failures, cancelling and timeouts; completing by\n"
    "hand; callbacks and chains; wait, as_completed and map; the workers, queues, priorities\n"
    "and ends of executors; executors without threads of their own; tokens, deadlines and\n"
    "groups; tasks that block, and locks for tasks; fork(). All lines but those with an\n"
    "address (`in words`) are the same in each run.\n";

const struct command command_futures = {
    .name = "futures",
    .synopsis = "",
    .summary = "executors and futures, one line a property",
    .help = help,
    .run = run,
};
