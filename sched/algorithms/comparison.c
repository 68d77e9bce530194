/* SPDX-License-Identifier: MIT
 *
 * Comparisons given at run time: see comparison.h. The kernels are compiled for the usual sizes, as
 * FILCH_SORT_DEFINE would for a type of that size; elements of other sizes are sorted by pointers
 * to them. Only merging is done for any size. */
#include "sched/algorithms/comparison.h"

#include <stdint.h>

#define SIZES(X) X(1) X(2) X(4) X(8) X(12) X(16) X(24) X(32)

FILCH_INLINE_ bool compares_less(const void *x, const void *y, void *context)
{
    const struct fi_comparison *comparison = context;

    return comparison->compare(x, y, comparison->context) < 0;
}

#define DEFINE(size)                                                                           \
    FILCH_INLINE_ bool generic##size##_filch_less(const void *x, const void *y, void *context) \
    {                                                                                          \
        return compares_less(x, y, context);                                                   \
    }                                                                                          \
    FILCH_SORT_KERNELS_(generic##size, size, size);
SIZES(DEFINE)

/* ---- Other sizes ------------------------------------------------------------------------- */

FILCH_INLINE_ bool pointers_filch_less(const void *x, const void *y, void *context)
{
    return compares_less(*(const void *const *)x, *(const void *const *)y, context);
}

FILCH_SORT_KERNELS_(pointers, 0, sizeof(void *));

static bool any_less(const void *x, const void *y, void *context)
{
    return compares_less(x, y, context);
}

static void any_merge(const char *left, size_t left_count, const char *right,
                      size_t right_count, char *to, void *context)
{
    const struct fi_comparison *comparison = context;

    filch_sort_merge_(left, left_count, right, right_count, to, comparison->type.size,
                      compares_less, context);
}

/* ------------------------------------------------------------------------------------------ */

/* NULL for other sizes. */
static const struct filch_sort_type *of_size(size_t size)
{
#define CASE(size) \
    case size:     \
        return &generic##size##_filch_sort;
    switch (size) {
        SIZES(CASE)
    default:
        return NULL;
    }
}

struct fi_comparison fi_comparison_to_sort(filch_compare *compare, void *context, size_t size)
{
    const struct filch_sort_type *type = of_size(size);
    struct fi_comparison comparison = {compare, context, type ? *type : pointers_filch_sort};

    comparison.type.size = size;
    return comparison;
}

struct fi_comparison fi_comparison_to_merge(filch_compare *compare, void *context, size_t size)
{
    struct fi_comparison comparison = fi_comparison_to_sort(compare, context, size);

    if (comparison.type.moved != size) {
        comparison.type.moved = size;
        comparison.type.less = any_less;
        comparison.type.merge = any_merge;
    }
    return comparison;
}
