/* SPDX-License-Identifier: MIT
 *
 * Sorting and merging, stable, on the workers of a pool: pool, options, scopes and errors as in
 * algorithm.h.
 *
 * filch_sort() is qsort_r() with a pool. Where one type is sorted often, its comparison can be
 * compiled into the sort:
 *
 *     FILCH_SORT_DEFINE(sort_doubles, double, *a < *b);
 *     FILCH_SORT_DEFINE(sort_by_age, struct person, a->age < b->age);
 *     ...
 *     int error = sort_doubles(pool, array, count, NULL, NULL);
 *
 * A comparison may do what a loop's body may: ask filch_cancelled(), sort, run a loop. It may be
 * called by several workers at a time. Elements are moved by memcpy(), also while others are
 * compared, so it should look at the two that it gets alone. One that contradicts itself gives some
 * permutation of the input, and nothing worse.
 *
 * grain: pieces of up to so many elements are sorted or merged by one worker each; 0: 4096.
 *
 * A sort that is cancelled leaves a permutation of its input; with FILCH_ENOMEM, FILCH_EINVAL or
 * FILCH_EFORKED the array is untouched. */
#ifndef FILCH_SORT_H
#define FILCH_SORT_H

#include <filch/algorithm.h>
#include <filch/base.h>
#include <filch/error.h>
#include <filch/pool.h>
#include <filch/sort_kernel.h>

#include <stddef.h>

FILCH_BEGIN_DECLS

/* Any thread. Blocks. Sorts `count` elements of `size` bytes each; equal ones stay in their order.
 * O(count * log(count)) comparisons, whatever the input; O(count) where it is in order, strictly
 * falling, or of few different elements. Allocates as much again as the array; for elements above
 * FILCH_SORT_DIRECT bytes, or of an unusual size, a pointer or two for each more. array: NULL is
 * fine with count 0. Errors: FILCH_EINVAL (array or compare NULL, size 0, count > SIZE_MAX / size),
 * FILCH_ENOMEM, FILCH_ECANCELED, FILCH_EFORKED. */
FILCH_API int filch_sort(struct filch_pool *pool, void *array, size_t count, size_t size,
                         filch_compare *compare, void *context,
                         const struct filch_loop *options);

/* Any thread. Blocks. Writes the elements of two sorted arrays to `to`, sorted; of equal ones those
 * of the left array come first. `to` overlaps neither. Allocates nothing. After FILCH_ECANCELED
 * `to` holds all elements, in some order, or is untouched. An array that is empty may be NULL.
 * Errors: FILCH_EINVAL (another array, or compare NULL, size 0, more than SIZE_MAX bytes together),
 * FILCH_ECANCELED, FILCH_EFORKED. */
FILCH_API int filch_merge(struct filch_pool *pool, const void *left, size_t left_count,
                          const void *right, size_t right_count, void *to, size_t size,
                          filch_compare *compare, void *context,
                          const struct filch_loop *options);

/* What a sort made by FILCH_SORT_DEFINE calls; from there alone. */
FILCH_API int filch_sort_as(struct filch_pool *pool, void *array, size_t count,
                            const struct filch_sort_type *type, void *context,
                            const struct filch_loop *options);

FILCH_END_DECLS

/* FILCH_SORT_DEFINE(name, T, expression); at file scope. Defines, for this file,
 *
 *     static int name(struct filch_pool *pool, T *array, size_t count, void *context,
 *                     const struct filch_loop *options)
 *
 * which is filch_sort() for elements of that type. expression: is *a less than *b? For `a` and `b`,
 * pointers to const T, and `context`, a void pointer. */
#define FILCH_SORT_DEFINE(name, T, ...)                                                   \
    FILCH_INLINE_ bool name##_filch_less(const void *filch_x_, const void *filch_y_,      \
                                         FILCH_UNUSED void *context)                      \
    {                                                                                     \
        T const *a =                                                                      \
            (T const *)(sizeof(T) <= FILCH_SORT_DIRECT ? filch_x_                         \
                                                       : *(const void *const *)filch_x_); \
        T const *b =                                                                      \
            (T const *)(sizeof(T) <= FILCH_SORT_DIRECT ? filch_y_                         \
                                                       : *(const void *const *)filch_y_); \
        return __VA_ARGS__;                                                               \
    }                                                                                     \
    FILCH_SORT_KERNELS_(name, sizeof(T),                                                  \
                        (sizeof(T) <= FILCH_SORT_DIRECT ? sizeof(T) : sizeof(void *)));   \
    FILCH_UNUSED static int name(struct filch_pool *pool, T *array, size_t count,         \
                                 void *context, const struct filch_loop *options)         \
    {                                                                                     \
        return filch_sort_as(pool, array, count, &name##_filch_sort, context, options);   \
    }                                                                                     \
    FILCH_STATIC_ASSERT(sizeof(T) > 0, "an element of " #name " takes no bytes")

#endif
