/* SPDX-License-Identifier: MIT
 *
 * merge: two runs are merged in parts of at most `grain` elements, found by halving: the elements
 * of the first half are the first i of one run and the first j of the other, where a binary search
 * finds i. */
#ifndef FI_MERGE_H
#define FI_MERGE_H

#include "sched/algorithms/loop_stop.h"

#include <filch/sort.h>
#include <filch/task.h>

#include <stdbool.h>
#include <stddef.h>

/* What a sort or a merge goes by; constant but for the stop. */
struct fi_order {
    struct fi_loop_stop stop;
    const struct filch_sort_type *type;
    void *context; /* of the comparison */
    size_t grain;  /* at least 1 */
};

static inline size_t fi_grain(const struct filch_loop *options)
{
    return options && options->grain ? options->grain : 4096;
}

/* To be written to `to`: the runs that begin at left and right. */
struct fi_runs {
    const char *left, *right;
    size_t left_count, right_count;
    char *to;
};

/* ---- Merging ----------------------------------------------------------------------------- */

/* A call of the kernel, or of the comparison, in the loop's scope. */
struct fi_merge_step {
    struct fi_order *order;
    struct fi_runs runs, rest;
};

/* Merges the runs. Once it is told to stop it only copies them, so that all elements are there. */
void fi_merge_leaf(void *step);

/* Leaves the first half of the elements in `runs`, the others in `rest`. */
void fi_merge_halve(void *step);

/* The calling thread alone. */
void fi_merge_serial(struct fi_order *order, struct fi_runs runs);

static inline size_t fi_runs_count(const struct fi_runs *runs)
{
    return runs->left_count + runs->right_count;
}

/* A task, of every file that calls it. Its arguments must fit a slot: the runs by address, and they
 * stay until the join. */
FILCH_VOID_TASK(fi_merge, struct fi_order *, order, const struct fi_runs *, runs)
{
    struct fi_merge_step step = {order, *runs, *runs};

    if (fi_runs_count(runs) <= order->grain) {
        filch_scope_call(order->stop.scope, fi_merge_leaf, &step);
        return;
    }
    filch_scope_call(order->stop.scope, fi_merge_halve, &step);
    FILCH_FORK(fi_merge, order, &step.rest);
    FILCH_CALL(fi_merge, order, &step.runs);
    FILCH_JOIN(fi_merge);
}

#endif
