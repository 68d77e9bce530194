/* SPDX-License-Identifier: MIT
 *
 * Order statistics. */
#ifndef BENCH_MICRO_QUANTILE_H
#define BENCH_MICRO_QUANTILE_H

#include <stddef.h>

/* Sorts the values and returns their median: of an even number the mean of the middle two. */
double quantile_median(double *values, size_t count);

/* Of sorted values: the smallest one that at least `percent` of them do not exceed. */
double quantile_sorted(const double *values, size_t count, unsigned percent);

#endif
