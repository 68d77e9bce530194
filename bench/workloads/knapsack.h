/* SPDX-License-Identifier: MIT
 *
 * The 0-1 knapsack problem by branch and bound, as in the examples of Cilk: with an item or
 * without it, unless the bound says that neither can beat the best that anybody has found so far.
 * That best is shared, so the number of tasks depends on who finds it when; the result does not. */
#ifndef BENCH_WORKLOADS_KNAPSACK_H
#define BENCH_WORKLOADS_KNAPSACK_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KNAPSACK_MAX 64

struct knapsack {
    int count, capacity;
    struct {
        int weight, value;
    } items[KNAPSACK_MAX]; /* the most valuable for its weight first */
    int best;              /* only by the functions below */
};

/* Can the items from `next` on, with so much room left, still bring more than the best? */
static inline bool knapsack_hopeful(const struct knapsack *k, int next, int room, int value)
{
    if (room < 0)
        return false;
    /* Relaxed: an old best only lets in what a newer one would have kept out. */
    int best = __atomic_load_n(&k->best, __ATOMIC_RELAXED);
    /* Filled up with the next item, in parts if need be. */
    return next == k->count
               ? value > best
               : (int64_t)value * k->items[next].weight + (int64_t)room * k->items[next].value >
                     (int64_t)best * k->items[next].weight;
}

/* A full knapsack of this value was found. */
static inline void knapsack_found(struct knapsack *k, int value)
{
    int best = __atomic_load_n(&k->best, __ATOMIC_RELAXED);
    while (value > best && !__atomic_compare_exchange_n(&k->best, &best, value, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

void *knapsack_create(long count);
void knapsack_reset(void *knapsack); /* nothing found yet */
uint64_t knapsack_result(const void *knapsack);

#ifdef __cplusplus
}
#endif

#endif
