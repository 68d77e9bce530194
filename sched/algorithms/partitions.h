/* SPDX-License-Identifier: MIT
 *
 * A sort that has its memory, as those who take part in it see it. */
#ifndef FI_PARTITIONS_H
#define FI_PARTITIONS_H

#include "sched/algorithms/merge.h"

#include <filch/pool.h>

#include <stdbool.h>
#include <stddef.h>

struct fi_sort {
    struct fi_order order;
    struct filch_pool *pool;
    char *array, *buffer; /* what is sorted: elements, or pointers to them */
    size_t count;
    bool untouched; /* it was in order */
};

/* Any thread, in the loop's scope; the stop is that scope's. Sorts the array, of one element at
 * least. An error is the stop's. */
void fi_sort_all(struct fi_sort *sort);

#endif
