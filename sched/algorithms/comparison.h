/* SPDX-License-Identifier: MIT
 *
 * Comparisons that the caller gives at run time, as types for the sort's kernels
 * (filch/sort_kernel.h). */
#ifndef FI_COMPARISON_H
#define FI_COMPARISON_H

#include <filch/sort.h>

#include <stddef.h>

/* Is the context of its type. */
struct fi_comparison {
    filch_compare *compare;
    void *context;
    struct filch_sort_type type;
};

/* For elements of `size` bytes. The second for `less` and `merge` alone, which then take the
 * elements themselves, however large they are. */
struct fi_comparison fi_comparison_to_sort(filch_compare *compare, void *context, size_t size);
struct fi_comparison fi_comparison_to_merge(filch_compare *compare, void *context, size_t size);

#endif
