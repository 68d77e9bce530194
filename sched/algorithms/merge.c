/* SPDX-License-Identifier: MIT
 *
 * Merging two runs, and filch_merge: see merge.h. */
#include "sched/algorithms/merge.h"

#include "sched/algorithms/array.h"
#include "sched/algorithms/comparison.h"

#include <stdint.h>
#include <string.h>

void fi_merge_leaf(void *argument)
{
    struct fi_merge_step *step = argument;
    struct fi_order *order = step->order;
    struct fi_runs *runs = &step->runs;
    size_t size = order->type->moved;

    if (runs->left_count > 0 && runs->right_count > 0 && !fi_loop_stopped(&order->stop)) {
        order->type->merge(runs->left, runs->left_count, runs->right, runs->right_count,
                           runs->to, order->context);
        return;
    }
    /* An empty run may be NULL. */
    if (runs->left_count > 0)
        memcpy(runs->to, runs->left, runs->left_count * size);
    if (runs->right_count > 0)
        memcpy(runs->to + runs->left_count * size, runs->right, runs->right_count * size);
}

/* How many of the first `count` elements come from the left run. Within bounds, whatever is
 * answered. */
static size_t from_left(struct fi_order *order, const struct fi_runs *runs, size_t count)
{
    size_t size = order->type->moved;
    size_t low = count > runs->right_count ? count - runs->right_count : 0;
    size_t high = count < runs->left_count ? count : runs->left_count;

    while (low < high && !fi_loop_stopped(&order->stop)) {
        size_t i = low + (high - low) / 2;
        if (order->type->less(runs->right + (count - i - 1) * size, runs->left + i * size,
                              order->context))
            high = i;
        else
            low = i + 1;
    }
    return low;
}

void fi_merge_halve(void *argument)
{
    struct fi_merge_step *step = argument;
    size_t size = step->order->type->moved, count = fi_runs_count(&step->runs) / 2;
    size_t i = from_left(step->order, &step->runs, count), j = count - i;
    struct fi_runs all = step->runs;

    step->runs.left_count = i;
    step->runs.right_count = j;
    step->rest = (struct fi_runs){i > 0 ? all.left + i * size : all.left,
                                  j > 0 ? all.right + j * size : all.right, all.left_count - i,
                                  all.right_count - j, all.to + count * size};
}

void fi_merge_serial(struct fi_order *order, struct fi_runs runs)
{
    struct fi_merge_step step = {order, runs, runs};

    while (fi_runs_count(&step.runs) > order->grain) {
        fi_merge_halve(&step);
        fi_merge_serial(order, step.runs);
        step.runs = step.rest;
    }
    fi_merge_leaf(&step);
}

/* ------------------------------------------------------------------------------------------ */

struct start {
    struct filch_pool *pool;
    struct fi_order *order;
    struct fi_runs *runs;
};

/* In the scope that the comparison is to run in. */
static void start_merge(void *argument)
{
    struct start *start = argument;
    struct fi_order *order = start->order;

    fi_loop_stop_init(&order->stop);
    if (fi_loop_stopped(&order->stop))
        return;
    if (start->pool)
        FILCH_RUN(start->pool, fi_merge, order, start->runs);
    else
        fi_merge_serial(order, *start->runs);
}

int filch_merge(struct filch_pool *pool, const void *left, size_t left_count, const void *right,
                size_t right_count, void *to, size_t size, filch_compare *compare,
                void *context, const struct filch_loop *options)
{
    struct fi_comparison comparison = fi_comparison_to_merge(compare, context, size);
    struct fi_order order = {.type = &comparison.type,
                             .context = &comparison,
                             .grain = fi_grain(options)};
    struct fi_runs runs = {left, right, left_count, right_count, to};
    struct start arguments = {pool, &order, &runs};
    int error = compare ? fi_array_check(left, left_count, size) : FILCH_EINVAL;

    if (!error)
        error = fi_array_check(right, right_count, size);
    if (!error && right_count > SIZE_MAX / size - left_count)
        error = FILCH_EINVAL;
    if (!error)
        error = fi_array_check(to, left_count + right_count, size);
    if (!error && pool)
        error = filch_pool_check(pool);
    if (error || left_count + right_count == 0)
        return error;
    filch_token_call(options ? options->token : NULL, start_merge, &arguments);
    return fi_loop_error(&order.stop);
}
