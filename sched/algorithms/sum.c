/* SPDX-License-Identifier: MIT
 *
 * sum: of doubles, plainly and compensated. In a block element i goes to lane i modulo LANES, so
 * that a compiler may keep the lanes in vectors of any width without touching a bit. The
 * compensated sum keeps what each addition rounds off, which Knuth's TwoSum finds without a branch,
 * in a second number: the cascaded summation of Ogita, Rump and Oishi ("Accurate sum and dot
 * product", 2005), on a tree. */
#include "sched/algorithms/array.h"

#include <filch/algorithm.h>

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __FAST_MATH__
#error "sums would be reordered, and what is rounded off be simplified away"
#endif

#define BLOCK 8192
#define LANES 16

/* Lanes of the compensated sum: half of the registers are for what it rounds off. */
#define PAIRS 8

/* The sum is the first one, rounded once if the second is added. */
struct pair {
    double sum, error;
};

static inline double add_exactly(double a, double b, double *error)
{
    double sum = a + b, b_part = sum - a, a_part = sum - b_part;

    *error = (a - a_part) + (b - b_part);
    return sum;
}

/* ---- Plainly ----------------------------------------------------------------------------- */

static int fold_plain(void *context, size_t begin, size_t end, void *result)
{
    const double *values = context;
    double lanes[LANES] = {0}, *sum = result;
    size_t i = begin;

    for (; end - i >= LANES; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lanes[j] += values[i + j];
    for (size_t j = 0; i + j < end; j++)
        lanes[j] += values[i + j];
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t j = 0; j < width; j++)
            lanes[j] += lanes[j + width];
    *sum = lanes[0];
    return 0;
}

static int combine_plain(void *context, void *left, const void *right)
{
    (void)context;
    *(double *)left += *(const double *)right;
    return 0;
}

/* ---- Compensated ------------------------------------------------------------------------- */

static void add_pair(struct pair *to, struct pair more)
{
    double error;

    to->sum = add_exactly(to->sum, more.sum, &error);
    to->error += more.error + error;
}

static int fold_compensated(void *context, size_t begin, size_t end, void *result)
{
    const double *values = context;
    double sums[PAIRS] = {0}, errors[PAIRS] = {0}, error;
    struct pair *sum = result;
    size_t i = begin;

    for (; end - i >= PAIRS; i += PAIRS)
        for (size_t j = 0; j < PAIRS; j++) {
            sums[j] = add_exactly(sums[j], values[i + j], &error);
            errors[j] += error;
        }
    for (size_t j = 0; i + j < end; j++) {
        sums[j] = add_exactly(sums[j], values[i + j], &error);
        errors[j] += error;
    }
    for (size_t j = 0; j < PAIRS; j++)
        add_pair(sum, (struct pair){sums[j], errors[j]});
    return 0;
}

static int combine_compensated(void *context, void *left, const void *right)
{
    (void)context;
    add_pair(left, *(const struct pair *)right);
    return 0;
}

/* ------------------------------------------------------------------------------------------ */

static int reduce(struct filch_pool *pool, const double *values, size_t count,
                  const struct filch_reduction *reduction, void *result,
                  const struct filch_loop *options)
{
    struct filch_loop loop = options ? *options : (struct filch_loop){0};

    if (fi_array_check(values, count, sizeof *values))
        return FILCH_EINVAL;
    if (!loop.grain)
        loop.grain = BLOCK;
    return filch_reduce(pool, 0, count, reduction, (void *)(uintptr_t)values, result, &loop);
}

int filch_sum_double(struct filch_pool *pool, const double *values, size_t count, double *sum,
                     const struct filch_loop *options)
{
    static const struct filch_reduction plain = {sizeof(double), NULL, fold_plain,
                                                 combine_plain};

    return reduce(pool, values, count, &plain, sum, options);
}

int filch_sum_double_compensated(struct filch_pool *pool, const double *values, size_t count,
                                 double *sum, const struct filch_loop *options)
{
    static const struct filch_reduction compensated = {sizeof(struct pair), NULL,
                                                       fold_compensated, combine_compensated};
    struct pair result;
    int error;

    if (!sum)
        return FILCH_EINVAL;
    error = reduce(pool, values, count, &compensated, &result, options);
    if (!error) /* of an infinite sum nothing is rounded off, but TwoSum finds NaN */
        *sum = isfinite(result.error) ? result.sum + result.error : result.sum;
    return error;
}
