/* SPDX-License-Identifier: MIT
 *
 * See quantile.h. */
#include "quantile.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double quantile_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

double quantile_sorted(const double *values, size_t count, unsigned percent)
{
    size_t rank = (count * percent + 99) / 100;
    return values[rank > 0 ? rank - 1 : 0];
}
