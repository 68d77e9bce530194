/* SPDX-License-Identifier: MIT
 *
 * A merge sort whose merges are parallel too: the quarters are sorted, two pairs merged, then the
 * halves (Akl and Santoro, "Optimal parallel merging and sorting without memory conflicts", 1987,
 * as in the examples of Cilk). Short runs are sorted and merged serially. */
#ifndef BENCH_WORKLOADS_CILKSORT_H
#define BENCH_WORKLOADS_CILKSORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Up to so many numbers a task sorts, or merges, by itself. */
#define CILKSORT_SORT_LEAF  2048
#define CILKSORT_MERGE_LEAF 2048

struct cilksort {
    size_t count;
    uint32_t *numbers; /* sorted in place */
    uint32_t *spare;   /* as many */
};

/* Sorts `count` numbers in place. */
void cilksort_sort_leaf(uint32_t *numbers, size_t count);

/* Two sorted runs that lie anywhere, to be merged into `to`. */
struct cilksort_merge {
    const uint32_t *a, *b;
    size_t a_count, b_count;
    uint32_t *to;
};

void cilksort_merge_leaf(const struct cilksort_merge *merge);

/* Halves a merge: both halves can be done at once, and make up the whole. */
void cilksort_merge_split(const struct cilksort_merge *merge, struct cilksort_merge halves[2]);

void *cilksort_create(long count);
void cilksort_reset(void *sort); /* in disorder again, always the same */
uint64_t cilksort_result(const void *sort);
void cilksort_destroy(void *sort);

#ifdef __cplusplus
}
#endif

#endif
