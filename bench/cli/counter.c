/* SPDX-License-Identifier: MIT
 *
 * `filch counter`: what becomes of a counter that several threads increment, for each kind of
 * counter. The line is the chapter's. */
#include "args.h"
#include "command.h"
#include "count_up.h"
#include "output.h"

#include <inttypes.h>

enum { DEFAULT_THREADS = 2, DEFAULT_INCREMENTS = 1000000, INCREMENTS_MAX = 1000000000 };

static const enum filch_counter_kind kinds[] = {FILCH_COUNTER_UNSAFE, FILCH_COUNTER_LOCKED,
                                                FILCH_COUNTER_ATOMIC, FILCH_COUNTER_SHARDED};
enum { KINDS = sizeof kinds / sizeof kinds[0], ALL_KINDS = KINDS };

static int print_count(struct filch_pool *pool, enum filch_counter_kind kind,
                       uint64_t increments, bool labelled)
{
    struct count_up result;
    int error = count_up(pool, kind, increments, &result);
    if (error)
        return output_failure("counter", error);

    const char *name = filch_counter_kind_name(kind);
    output_printf("%s%scounter.count=%s\n", labelled ? name : "", labelled ? ": " : "",
                  output_grouped(result.value).text);
    uint64_t wanted = (uint64_t)filch_pool_size(pool) * increments;
    if (kind != FILCH_COUNTER_UNSAFE && result.value != wanted)
        return output_error("counter", "kind %s: the count should be %" PRIu64, name, wanted);
    return COMMAND_OK;
}

static int run(int argc, char **argv)
{
    static const char *const choices[] = {"unsafe", "locked", "atomic", "sharded", "all", NULL};
    int choice = ALL_KINDS;
    uint64_t threads = DEFAULT_THREADS, increments = DEFAULT_INCREMENTS;
    const struct args_option options[] = {
        {.name = "--kind",
         .kind = ARGS_CHOICE,
         .choices = choices,
         .takes = "unsafe, locked, atomic, sharded or all",
         .to.choice = &choice},
        {.name = "--threads",
         .kind = ARGS_NUMBER,
         .min = 1,
         .max = FILCH_WORKERS_MAX,
         .to.number = &threads},
        {.name = "--increments",
         .kind = ARGS_NUMBER,
         .min = 1,
         .max = INCREMENTS_MAX,
         .to.number = &increments},
        {.name = NULL},
    };
    int operands = args_parse("counter", options, argc, argv);
    if (operands < 0 || !args_at_most("counter", 0, operands, argv))
        return COMMAND_USAGE;

    struct filch_pool_options pool_options = {.workers = (int)threads};
    struct filch_pool *pool;
    int error = filch_pool_create(&pool_options, &pool);
    if (error)
        return output_failure("counter", error);
    int code = COMMAND_OK;
    for (int i = 0; !code && i < KINDS; i++)
        if (choice == ALL_KINDS || choice == i)
            code = print_count(pool, kinds[i], increments, choice == ALL_KINDS);
    filch_pool_destroy(pool);
    return code;
}

static const char help[] =
    "Increments one counter N times on each of T threads and prints what it says in the\n"
    "end. The unsafe kind loses updates; the others never do.\n"
    "\n"
    "  --kind K        unsafe, locked, atomic, sharded, or all (the default)\n"
    "  --threads T     from 1 to 1024; 2 by default\n"
    "  --increments N  for each thread, from 1 to 1000000000; 1000000 by default\n";

const struct command command_counter = {
    .name = "counter",
    .synopsis = "[--kind unsafe|locked|atomic|sharded|all] [--threads T] [--increments N]",
    .summary = "one counter, several threads: which kinds lose updates",
    .help = help,
    .run = run,
};
