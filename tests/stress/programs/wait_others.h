/* SPDX-License-Identifier: MIT
 *
 * The steps of a task that wait for groups and maps, and those that wait in the leaves of a
 * fork-join or in a loop. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_WAIT_OTHERS_H
#define FILCH_TESTS_STRESS_PROGRAM_WAIT_OTHERS_H

#include "wait_futures.h"

#include <filch/algorithm.h>
#include <filch/task.h>

/* ---- Groups and maps ----------------------------------------------------------------------- */

static uint64_t await_group(struct node *node, const struct step *step,
                            struct filch_group *group, bool tainted)
{
    uint64_t sum = 0;
    int error, attempt = 0;

    do
        error = filch_group_wait(group, patience(node, step, attempt++));
    while (error == FILCH_ETIMEDOUT);
    if (!accept_call(node, error, tainted, "filch_group_wait()"))
        return 0;
    for (int i = 0; i < step->count; i++)
        sum += accept_value(node, target_of(step, i), 0, target_of(step, i)->value,
                            target_of(step, i)->expected);
    return sum;
}

static uint64_t await_main_group(struct node *node, const struct step *step)
{
    const struct group *group = &program.groups[step->place];
    return await_group(node, step, group->group, group->tainted);
}

static void fill_group(struct node *node, struct step *step)
{
    void *arguments[TARGETS];
    size_t submitted = 0;
    bool many = step->dice >> 9 & 1;

    for (int i = 0; i < step->count; i++) {
        arguments[i] = target_of(step, i);
        atomic_store(&target_of(step, i)->at, QUEUED);
    }
    if (many) {
        int error = filch_group_submit_many(step->group, run_node, arguments,
                                            (size_t)step->count, &submitted);
        (void)accept_call(node, error, false, "filch_group_submit_many()");
    }
    for (int i = 0; i < step->count && !many; i++)
        (void)accept_call(node, filch_group_submit(step->group, run_node, arguments[i]), false,
                          "filch_group_submit()");
}

static uint64_t await_own_group(struct node *node, struct step *step)
{
    HOLDS(!filch_group_create(executor_of(step->place), NULL, &step->group));
    fill_group(node, step);
    uint64_t sum = await_group(node, step, step->group, false);
    if (is_lenient())
        return sum; /* some may still run: the main thread destroys it */
    HOLDS(!filch_group_destroy(step->group));
    step->group = NULL;
    return sum;
}

static uint64_t await_map(struct node *node, struct step *step)
{
    struct filch_map_options options = FILCH_MAP_OPTIONS;
    void *items[TARGETS], *value = NULL;
    uint64_t sum = 0;
    int error, taken = 0;

    for (int i = 0; i < step->count; i++) {
        items[i] = target_of(step, i);
        atomic_store(&target_of(step, i)->at, QUEUED);
    }
    options.chunksize = chunk_of(step);
    options.buffersize = step->dice >> 6 & 1 ? 1 + (step->dice >> 7 & 3) : 0;
    options.unordered = step->dice >> 9 & 1;
    HOLDS(!filch_map_array(executor_of(step->place), run_node, items, (size_t)step->count,
                           &options, &step->map));
    for (; !(error = filch_map_next(step->map, &value)); taken++) {
        int i = taken;
        for (i = options.unordered ? 0 : taken;
             target_of(step, i)->expected != (uintptr_t)value;)
            HOLDS(options.unordered && ++i < step->count);
        sum += accept(node, target_of(step, i), 0, value);
    }
    if (!accept_call(node, error == FILCH_EEND ? 0 : error, false, "filch_map_next()") ||
        is_lenient())
        return sum;
    HOLDS(taken == step->count);
    filch_map_destroy(step->map);
    step->map = NULL;
    return sum;
}

/* ---- Fork-join, and loops -------------------------------------------------------------------- */

/* Leaves from `begin` to `end`, each a wait. */
struct leaves {
    struct node *node;
    const struct step *step;
    int begin, end;
};

FILCH_TASK(uint64_t, wait_in_leaf, struct leaves, leaves)
{
    return await_result(leaves.node, leaves.step, leaves.begin);
}

FILCH_TASK(uint64_t, wait_in_leaves, struct leaves, leaves)
{
    struct leaves half = leaves;
    uint64_t sum = 0;

    if (leaves.step->dice >> 10 & 1) { /* in a row */
        for (; half.begin < leaves.end; half.begin++)
            FILCH_FORK(wait_in_leaf, half);
        for (int i = leaves.begin; i < leaves.end; i++)
            sum += FILCH_JOIN(wait_in_leaf);
        return sum;
    }
    if (leaves.end - leaves.begin == 1)
        return FILCH_CALL(wait_in_leaf, leaves);
    half.end = leaves.begin = (leaves.begin + leaves.end) / 2;
    FILCH_FORK(wait_in_leaves, half);
    sum = FILCH_CALL(wait_in_leaves, leaves);
    return sum + FILCH_JOIN(wait_in_leaves);
}

static uint64_t fork_and_wait(struct node *node, const struct step *step)
{
    struct leaves leaves = {node, step, 0, step->uses};
    return FILCH_RUN(filch_executor_pool(executor_of(step->place)), wait_in_leaves, leaves);
}

struct loop {
    struct node *node;
    const struct step *step;
    _Atomic(uint64_t) sum;
};

static int wait_in_loop(void *context, size_t begin, size_t end)
{
    struct loop *loop = context;

    for (; begin < end; begin++)
        atomic_fetch_add(&loop->sum, await_result(loop->node, loop->step, (int)begin));
    return 0;
}

static uint64_t loop_and_wait(struct node *node, const struct step *step)
{
    struct filch_loop fine = {.grain = 1};
    struct loop loop = {node, step, 0};
    struct filch_pool *pool =
        step->place < 0 ? NULL : filch_executor_pool(executor_of(step->place));
    int error = filch_for(pool, 0, (size_t)step->uses, wait_in_loop, &loop,
                          step->dice >> 10 & 1 ? &fine : NULL);

    (void)accept_call(node, error, false, "filch_for()");
    return atomic_load(&loop.sum);
}

#endif
